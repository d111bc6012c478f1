"""Find lines of writing: which parts of the ink stand side by side, in which order.

Only bounding boxes are used, so strokes and the connected parts of a picture are treated alike. All
distances are relative to the height of the digits around, so that rows may rise and numbers differ in size.
"""

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from common.geometry import Box, around, middle

SAME_HEIGHT = (0.6, 1.5)  # heights that count as agreeing with a typical height, relative to it
DIGIT_HEIGHT = (0.45, 2.6)  # of the parts that form lines, relative to the typical height
MIN_SIZE = 0.05  # smaller parts are dropped; relative to the typical height
ISOLATED_SIZE = 0.3  # smaller parts far from every line are dropped; relative to the typical height
FLAT = 0.25  # height over width below which ink may be an underline
UNDERLINE_WIDTH = 1.5  # its least width, relative to the typical height
STACK_HEIGHT = 1.35  # largest height of parts above one another that form one piece, relative to the typical
MAX_STEP = 2.5  # largest gap between neighbours, in heights of the taller
MAX_RISE = 0.75  # largest vertical distance between the centres of neighbours, in heights of the taller
LINE_RISE = 0.55  # the same between numbers of one line once its slope is taken out
# Of a long comma that seems to be a line of its own: its largest height, relative to the typical one, its
# largest width over its height, and the largest gap between it and its number, in heights of the digits.
COMMA_HEIGHT, COMMA_WIDTH, COMMA_GAP = 0.65, 0.7, 0.3
SIGN_GAP = 1.3  # largest gap between a small part, such as a minus, and its line, in heights


def find_lines(boxes: Sequence[Box]) -> list[list[list[int]]]:
    """Group boxes into lines of pieces.

    Boxes above one another in a line, such as the two strokes of a 5, form one piece. Specks that are far
    from any line are dropped, and so is what is much larger than most of the ink.

    Returns:
        Lines from top to bottom, each a list of pieces from left to right, each a list of indices into
        `boxes`.
    """
    if len(boxes) < 2:
        return [[[0]]] if boxes else []
    typical = typical_height(boxes)
    sizes = np.array([size(box) for box in boxes])
    frames = _frames(boxes, typical)
    kept = [
        int(i)
        for i in np.flatnonzero((sizes >= MIN_SIZE * typical) & ~frames)
        if not _underlines(boxes[i], typical)
    ]
    if not kept:
        return [[[int(sizes.argmax())]]]
    low, high = DIGIT_HEIGHT
    heights = np.array([bottom - top for _, top, _, bottom in boxes])
    # Digits that touch may be wide.
    digits = [i for i in kept if sizes[i] >= low * typical and heights[i] <= high * typical]
    small = [i for i in kept if sizes[i] < low * typical]
    pieces = _stacks(digits, boxes, typical)
    lines = _words(pieces, boxes)
    for _ in range(2):  # the slope of longer lines is surer than that of single numbers
        lines = _join_words(lines, boxes)
    _add_commas(lines, boxes, typical)
    _add_small(small, lines, boxes, typical)
    if not lines:
        return [[[int(sizes.argmax())]]]
    slope = _slope(lines, boxes)
    lines.sort(key=lambda line: _level(line, boxes, slope))
    return [_pieces(line, boxes) for line in lines]


def size(box: Box) -> float:
    """Return the height of a box, or half its width if that is larger, so that a dash has a size."""
    left, top, right, bottom = box
    return max(bottom - top, 0.5 * (right - left))


def typical_height(boxes: Sequence[Box]) -> float:
    """Return the height that most of the ink agrees on.

    The larger a box, the more its vote counts, so that neither one large frame nor many specks decide. Flat
    ones, such as an underline, vote only if there are no others.
    """
    upright = [box for box in boxes if box[3] - box[1] > FLAT * (box[2] - box[0])]
    sizes = np.array([size(box) for box in upright or boxes])
    ratios = sizes[None] / np.maximum(sizes[:, None], 1e-12)
    votes = ((ratios >= SAME_HEIGHT[0]) & (ratios <= SAME_HEIGHT[1])) @ sizes**0.6
    agreeing = sizes[votes >= 0.999 * votes.max()]
    return float(max(agreeing.max(), 1e-12))


def _frames(boxes: Sequence[Box], typical: float) -> np.ndarray:
    """Return which boxes are far too large for a digit, or are drawn around several of them: bool, (N,)."""
    left, top, right, bottom = np.array(boxes, float).T
    x, y, heights = (left + right) / 2, (top + bottom) / 2, bottom - top
    digits = np.maximum(heights, 0.5 * (right - left)) >= 0.45 * typical
    found = heights > DIGIT_HEIGHT[1] * typical
    for i in np.flatnonzero(~found):  # a box is no lower than itself
        inside = digits & (left[i] < x) & (x < right[i]) & (top[i] < y) & (y < bottom[i])
        found[i] = (inside & (heights < 0.9 * heights[i])).sum() >= 2
    return found


def _underlines(box: Box, typical: float) -> bool:
    """Return whether a box is too wide and flat for a digit or a sign."""
    width, height = box[2] - box[0], box[3] - box[1]
    return height < FLAT * width and width > UNDERLINE_WIDTH * typical


def _stacks(indices: Sequence[int], boxes: Sequence[Box], typical: float) -> list[list[int]]:
    """Join parts above one another that together are no taller than a digit."""
    stacks: list[list[int]] = []
    outer = np.empty((len(indices), 4))  # of each stack: its box and the height of its tallest part
    tallest = np.full(len(indices), typical)
    for index in sorted(indices, key=lambda i: -size(boxes[i])):
        box = boxes[index]
        left, top, right, bottom = outer[: len(stacks)].T
        common = np.minimum(right, box[2]) - np.maximum(left, box[0])
        smaller = np.minimum(right - left, box[2] - box[0])
        above = np.where(smaller > 0, common > 0.5 * smaller, common >= 0)
        high = np.maximum(bottom, box[3]) - np.minimum(top, box[1])
        fitting = np.flatnonzero(above & (high <= STACK_HEIGHT * tallest[: len(stacks)]))
        chosen = fitting[0] if len(fitting) else len(stacks)
        if chosen == len(stacks):
            stacks.append([])
            outer[chosen] = box
        stacks[chosen].append(index)
        outer[chosen] = around([box, outer[chosen]])
        tallest[chosen] = max(tallest[chosen], box[3] - box[1])
    return stacks


def _words(pieces: list[list[int]], boxes: Sequence[Box]) -> list[list[int]]:
    """Join each piece to its nearest neighbour on the right; the chains are words, from left to right."""
    outer = [around([boxes[i] for i in piece]) for piece in pieces]
    lefts, middles = np.array([box[0] for box in outer]), np.array([middle(box) for box in outer])
    sizes = np.array([size(box) for box in outer])
    steps = []
    for i, first in enumerate(outer):
        heights, gaps = np.maximum(sizes, sizes[i]), lefts - first[2]
        rises = np.abs(middles[:, 1] - middles[i, 1])
        near = (middles[:, 0] > middles[i, 0]) & (gaps <= MAX_STEP * heights) & (rises <= MAX_RISE * heights)
        for j in np.flatnonzero(near).tolist():
            apart = rises[j] > 0.25 * heights[j] and _overlap(first, outer[j], axis=1) < 0.3
            if not apart or gaps[j] < 0.5 * heights[j]:
                steps.append((max(gaps[j], 0) + 1.5 * rises[j], i, j))
    return [[i for piece in chain for i in pieces[piece]] for chain in _chains(len(pieces), sorted(steps))]


def _chains(count: int, steps: Iterable[tuple[float, int, int]]) -> list[list[int]]:
    """Link items to one left and one right neighbour each, the cheapest steps first.

    Args:
        count: of the items.
        steps: (cost, left item, right item).

    Returns:
        The chains from left to right; every item is in one.
    """
    after: dict[int, int] = {}
    before: dict[int, int] = {}
    for _, left, right in steps:
        if left in after or right in before:
            continue
        end = right
        while end in after:
            end = after[end]
        if end != left:
            after[left], before[right] = right, left
    chains = []
    for start in range(count):
        if start not in before:
            chain = [start]
            while chain[-1] in after:
                chain.append(after[chain[-1]])
            chains.append(chain)
    return chains


def _slope(lines: Sequence[Sequence[int]], boxes: Sequence[Box]) -> float:
    """Return the slope of the lines of a page, dy/dx: the median over steps from digit to digit."""
    slopes, weights = [], []
    for line in lines:
        places = sorted((*middle(boxes[i]), size(boxes[i])) for i in line)
        tall = [place for place in places if place[2] > 0.6 * max(p[2] for p in places)]
        if len(tall) > 2:
            x, y, _ = np.array(tall).T
            if np.ptp(x) > 0:
                slopes.append(np.polyfit(x - x.mean(), y, 1)[0])
                weights.append(np.ptp(x))
    if not slopes:
        return 0.0
    order = np.argsort(slopes)
    shares = np.cumsum(np.array(weights)[order])
    return float(np.clip(slopes[order[np.searchsorted(shares, shares[-1] / 2)]], -0.5, 0.5))


def _join_words(words: list[list[int]], boxes: Sequence[Box]) -> list[list[int]]:
    """Join words that continue one another along the slope of the page."""
    slope = _slope(words, boxes)
    outer = [around([boxes[i] for i in word]) for word in words]
    ends = []
    for word in words:
        places = sorted((*middle(boxes[i]), size(boxes[i])) for i in word)
        ends.append((np.array(places[:2]).mean(0), np.array(places[-2:]).mean(0)))
    steps = []
    for i, first in enumerate(outer):
        for j, second in enumerate(outer):
            (x0, y0, height0), (x1, y1, height1) = ends[i][1], ends[j][0]
            gap = second[0] - first[2]
            if i == j or gap < -0.2 * min(height0, height1):
                continue
            rise = min(abs(y1 - y0 - slope * (x1 - x0)), abs(y1 - y0))
            if rise < LINE_RISE * min(height0, height1):
                steps.append((gap + 4 * rise, i, j))
    return [[i for word in chain for i in words[word]] for chain in _chains(len(words), sorted(steps))]


def _add_commas(lines: list[list[int]], boxes: Sequence[Box], typical: float) -> None:
    """Add each long comma that is a line of its own to the line in which it hangs from a digit's foot."""
    line_of = [line for line in lines for _ in line]
    left, top, right, bottom = np.array([boxes[i] for line in lines for i in line], float).reshape(-1, 4).T
    heights = bottom - top
    for line in [line for line in lines if len(line) == 1]:
        x0, y0, x1, y1 = boxes[line[0]]
        if y1 - y0 > COMMA_HEIGHT * typical or x1 - x0 > COMMA_WIDTH * (y1 - y0):
            continue
        gaps = np.maximum(np.maximum(x0 - right, left - x1), 0)
        at_foot = ((top + bottom) / 2 < y0) & (y0 < bottom) & (bottom < y1)
        # Only what is too high for a comma: the line of a comma may just have been removed.
        near = np.flatnonzero(at_foot & (gaps < COMMA_GAP * heights) & (heights > COMMA_HEIGHT * typical))
        if len(near):
            line_of[near[gaps[near].argmin()]].append(line[0])
            lines.remove(line)


def _add_small(small: Sequence[int], lines: list[list[int]], boxes: Sequence[Box], typical: float) -> None:
    """Add each small part, such as a point, to the line that it stands in; a larger one alone is a line."""
    lines_of = [line for line in lines for _ in line]
    digits = np.array([boxes[i] for line in lines for i in line], float).reshape(-1, 4)
    left, top, right, bottom = digits.T
    heights = np.maximum(np.maximum(bottom - top, 0.5 * (right - left)), 0.6 * typical)
    for index in sorted(small, key=lambda i: -size(boxes[i])):
        box = boxes[index]
        y = middle(box)[1]
        horizontal = np.maximum(np.maximum(box[0] - right, left - box[2]), 0) / heights
        outside = np.maximum(top - y, y - bottom) / heights  # above or below a digit
        away = horizontal + 2 * np.maximum(outside, 0)
        near = np.flatnonzero((horizontal < SIGN_GAP) & (outside < 0.35))
        if len(near):
            lines_of[near[away[near].argmin()]].append(index)
        elif size(box) >= ISOLATED_SIZE * typical:
            lines.append([index])


def _level(line: Sequence[int], boxes: Sequence[Box], slope: float) -> float:
    """Return the height on the page at which a line stands once the slope is taken out."""
    return float(np.mean([middle(boxes[i])[1] - slope * middle(boxes[i])[0] for i in line]))


def _pieces(line: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Group the boxes of a line into pieces, from left to right."""
    tallest = max(boxes[i][3] - boxes[i][1] for i in line)
    heights = {i: boxes[i][3] - boxes[i][1] for i in line}
    highest_first = sorted(line, key=lambda i: -heights[i])
    return _stacked(((i, 0.5 if heights[i] < 0.5 * tallest else 0.7) for i in highest_first), boxes)


def side_by_side(
    indices: Sequence[int], boxes: Sequence[Box], apart: Collection[int] = ()
) -> list[list[int]]:
    """Group boxes that stand mostly above one another; groups go from left to right.

    Args:
        indices: of the boxes to group.
        boxes: all boxes.
        apart: indices of boxes that each start a group.
    """
    order = sorted(indices, key=lambda i: (i not in apart, boxes[i][0] - boxes[i][2]))
    return _stacked(((i, 2.0 if i in apart else 0.3) for i in order), boxes)


def _stacked(thresholds: Iterable[tuple[int, float]], boxes: Sequence[Box]) -> list[list[int]]:
    """Add boxes one by one to the group that each overlaps most horizontally.

    Args:
        thresholds: the index of each box, and the overlap below which it starts a new group.
        boxes: all boxes.

    Returns:
        The groups from left to right.
    """
    groups: list[list[int]] = []
    for index, threshold in thresholds:
        overlaps = [_overlap(boxes[index], around([boxes[i] for i in group]), axis=0) for group in groups]
        if overlaps and max(overlaps) > threshold:
            groups[int(np.argmax(overlaps))].append(index)
        else:
            groups.append([index])
    return sorted(groups, key=lambda group: sum(around([boxes[i] for i in group])[::2]))


def _overlap(first: Box, second: Box, axis: int) -> float:
    """Return the shared extent along `axis` (0: x, 1: y) as a share of the smaller extent, 0 to 1."""
    low, high = max(first[axis], second[axis]), min(first[axis + 2], second[axis + 2])
    smaller = min(first[axis + 2] - first[axis], second[axis + 2] - second[axis])
    if smaller <= 0:
        return float(high >= low)
    return max(0.0, high - low) / smaller
