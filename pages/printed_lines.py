"""Remove what is left of print from a mask of ink: of rules, boxes and rings, and of the paper's texture."""

import numpy as np
from scipy import ndimage

LEAST_CONTRAST = 20  # of ink on paper, 0 to 255, whose colour tells what is joined to it
BORDER = 3  # pixels of the mask at its border in which a line may fade
LINE_THICKNESS = 0.12  # of a ruled line at most, relative to the height of the picture
# Of a part that may be of a line, in the height of a digit: its least length, and that of a bent one.
LEAST_LENGTH, LEAST_BENT = 0.35, 1.4
STRAIGHT, THIN = 0.3, 0.3  # largest width over length, largest share of ink in the box of a bent part
SAME_COLOUR = 0.4  # least share of a part's contrast that what goes on has
GAP, REACH = 3, 8  # pixels from a part between which its colour goes on
FAINT = 0.3  # contrast with the paper, relative to that of most ink, below which a part is texture
SURE_STROKE = 2.0  # mean logit above which what comes from the border is a stroke
THIN_LINE = 0.5  # thickness, relative to the pen's, up to which a line is no stroke
APART = 0.8  # of the places where it does, in lengths of the part


def pen_width(mask: np.ndarray) -> float:
    """Return how thick most strokes of a mask are, in pixels, at least 1; some of it is True."""
    # In a bar of width w the distances to paper, 1 at its edge, are w / 4 + 1 / 2 on average.
    return max(1.0, 4 * float(ndimage.distance_transform_edt(mask)[mask].mean()) - 2)


def without_thin(mask: np.ndarray, pen: float) -> np.ndarray:
    """Return a mask without what is at most half as thick as the pen, whose width is in pixels."""
    side = round(THIN_LINE * pen) + 1
    return ndimage.binary_opening(mask, np.ones((side, side)))


def without_line_parts(mask: np.ndarray, contrast: np.ndarray, height: float) -> np.ndarray:
    """Remove parts that are pieces of longer lines: thin ones whose colour goes on beyond both ends.

    Args:
        mask: bool, (H, W), the ink.
        contrast: float32, (H, W, 3), of the pixels with the paper, -255 to 255.
        height: of the digits, in pixels of the mask.

    Returns:
        The mask or a copy without such parts.
    """
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    line = [False]
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        sides = rows.stop - rows.start, columns.stop - columns.start
        line.append(False)
        if max(sides) < LEAST_LENGTH * height:
            continue
        area = tuple(slice(max(0, side.start - 2 * REACH), side.stop + 2 * REACH) for side in (rows, columns))
        part = labels[area] == number
        bent = max(sides) > LEAST_BENT * height and part.sum() < THIN * sides[0] * sides[1]
        if min(sides) < STRAIGHT * max(sides) or bent:
            line[-1] = _goes_on(part, mask[area], contrast[area]) >= APART * max(sides)
    return mask & ~np.array(line)[labels] if any(line) else mask


def _goes_on(part: np.ndarray, mask: np.ndarray, contrast: np.ndarray) -> float:
    """Return how far apart the places are, in pixels, where the colour of a part goes on beside it."""
    own = np.median(contrast[part], axis=0)
    if np.abs(own).max() < LEAST_CONTRAST:
        return 0.0
    alike = without_thin((contrast @ own > SAME_COLOUR * own @ own) | part, pen_width(part))
    joined, _ = ndimage.label(alike | part, np.ones((3, 3)))
    around = ndimage.binary_dilation(part, iterations=REACH) & ~ndimage.binary_dilation(part, iterations=GAP)
    places, count = ndimage.label(
        around & alike & ~mask & np.isin(joined, np.unique(joined[part])), np.ones((3, 3))
    )
    centres = np.array(ndimage.center_of_mass(places, places, range(1, count + 1))).reshape(-1, 2)
    return float(max((np.hypot(*(centres - centre).T).max() for centre in centres), default=0.0))


def without_faint(mask: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Remove parts that differ far less from the paper around them than most ink does: the paper's texture.

    Args:
        mask: bool, (H, W), the ink.
        pixels: float32, (H, W, 3), 0 to 255, of the picture.

    Returns:
        A copy without such parts.
    """
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    contrasts, areas = np.zeros(count + 1), np.zeros(count + 1)
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        area = tuple(slice(max(0, side.start - REACH), side.stop + REACH) for side in (rows, columns))
        part, colours = labels[area] == number, pixels[area]
        beside = ndimage.binary_dilation(part, iterations=REACH) & ~ndimage.binary_dilation(
            mask[area], iterations=GAP
        )
        tone = np.median(colours[beside], axis=0) if beside.any() else np.inf
        contrasts[number] = np.quantile(np.abs(colours[part] - tone).max(1), 0.75)  # not that of soft edges
        areas[number] = part.sum()
    order = np.argsort(contrasts)
    passed = np.cumsum(areas[order])
    usual = contrasts[order[np.searchsorted(passed, passed[-1] / 2)]]
    return mask & (contrasts >= FAINT * usual)[labels]


def without_ruled_lines(mask: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Remove thin strokes that come level from the left or right border: rests of ruled lines.

    What the ink network is sure of stays: the foot of a 2 may begin at the border. A digit that was cut out
    close has such ends too, the bar of a 7 for one, but it also reaches the upper and the lower border.

    Args:
        mask: bool, (H, W), the ink of a picture over its whole width.
        logits: float32, (H, W), of ink.

    Returns:
        The same mask, or a copy without the lines up to where they meet other ink.
    """
    if mask[0].any() and mask[-1].any():
        return mask
    cleared = mask.copy()
    for side, likely in ((cleared, logits), (cleared[:, ::-1], logits[:, ::-1])):
        for start, stop in _runs(side[:, min(BORDER, mask.shape[1] - 1)]):
            if stop - start <= LINE_THICKNESS * len(mask):
                line = _line_from_border(side, start, stop)
                if line.any() and likely[line].mean() < SURE_STROKE:
                    side &= ~line
    return cleared


def _line_from_border(mask: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Return a line from the left border as far as it stays thin; it has rows `start:stop` there."""
    line = np.zeros_like(mask)
    thickest = 2 * (stop - start) + 2
    for x in range(mask.shape[1]):
        run = next((run for run in _runs(mask[:, x]) if run[0] < stop and run[1] > start), None)
        if run is None and x <= BORDER:
            continue
        if run is None or run[1] - run[0] > thickest:
            break
        start, stop = run
        line[start:stop, x] = True
    return line


def _runs(column: np.ndarray) -> list[tuple[int, int]]:
    """Return the start and stop of each run of True in a column."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], column, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]
