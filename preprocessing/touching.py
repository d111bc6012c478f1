"""Cut ink into digits that touch.

Cuts are straight lines at many places and slants, so that the right one is among them; which of the parts
are digits is for the networks to say.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from preprocessing.candidates import Candidate, Place
from preprocessing.glyph import depths, draw_depths, pen_width
from preprocessing.ink_mask import InkMask

STEP = 0.09  # between places to cut at, relative to the height of the line's digits
# Slants of the cuts: the shift to the left from top to bottom, relative to the height.
SLANTS = np.linspace(-0.4, 0.4, 9)
MIN_WIDTH, MAX_WIDTH = 0.1, 1.25  # of the parts, relative to the height of the line's digits
MIN_HEIGHT = 0.5  # of the parts, relative to all of the ink
MIN_RATIO = 0.42  # of the whole ink's width to the height of the line's digits
MAX_CUTS = 40
CLEARLY_LESS = 0.5  # ink that a cut must cross less to replace those beside it, in widths of the stroke
CUT_PENALTY = 0.4  # of a cut that crosses one stroke
CROSSING_PENALTY = 0.6  # for each further stroke's width that a cut crosses, at most for MAX_CROSSING of them
MAX_CROSSING = 3.0
# A cut along a stroke runs through so many of its widths, and so much of the height; both sides keep it.
SHARED_STROKES, SHARED_HEIGHT = 2.5, 0.35
SHARED_PENALTY = 0.7
SHARED_WIDTH = 1.2  # of what both sides keep, in widths of the stroke
STEEP_CUT, STEEP_SHARED = 0.15, 1.0  # ink that outweighs a slant, as a share of the shift from top to bottom


@dataclass(frozen=True)
class _Line:
    """A line to cut along.

    Attributes:
        place: x at half the height.
        x: of each row.
        penalty: of a cut along it.
        shared: width around it of the ink that both sides keep.
    """

    place: float
    x: np.ndarray
    penalty: float
    shared: float


@dataclass(frozen=True)
class TouchingInk:
    """Connected ink of a picture, or what stands above one another.

    Attributes:
        mask: bool, (H, W), cropped to the ink.
        page: the mask of the page.
        corner: x, y of the crop in the mask of the page.
    """

    mask: np.ndarray
    page: InkMask
    corner: tuple[int, int]

    def cut(self, place: Place) -> list[Candidate]:
        """Return candidates for the digits from left to right, chained by their start and stop.

        Args:
            place: of the whole ink in its line.
        """
        height, width = self.mask.shape
        line_height = height / max(place.height, 0.3)
        count = min(MAX_CUTS, int((width - 2 * MIN_WIDTH * line_height) / (STEP * line_height)))
        if count < 1 or height < 8 or width < MIN_RATIO * line_height:
            return []
        pen = max(pen_width(depths(self.mask)), 1.0)
        lines = self._lines(np.linspace(0, width, count + 2)[1:-1], pen)
        columns = np.arange(width) + 0.5
        beyond = [columns > line.x[:, None] - line.shared / 2 for line in lines]
        within = [columns < line.x[:, None] + line.shared / 2 for line in lines]
        edges = [0.0, *(line.place for line in lines), float(width)]
        penalties = [0.0, *(line.penalty for line in lines), 0.0]
        last = len(edges) - 1
        candidates = []
        for start in range(last):
            for stop in range(start + 1, last + 1):
                extent = edges[stop] - edges[start]
                if extent > MAX_WIDTH * line_height:
                    break
                if extent < MIN_WIDTH * line_height or stop - start == last:
                    continue
                mask = self.mask
                if start > 0:
                    mask = mask & beyond[start - 1]
                if stop < last:
                    mask = mask & within[stop - 1]
                penalty = (penalties[start] + penalties[stop]) / 2
                candidates += self._part(mask, start, stop, penalty, place)
        return candidates

    def _lines(self, places: np.ndarray, pen: float) -> list["_Line"]:
        """Return lines to cut along, from left to right.

        Near each place lies the line that crosses the least ink; a slant counts as ink. It is left out if the
        one near a place beside crosses clearly less. A line along a stroke that two digits share is one more.

        Args:
            places: x at half the height, (N,), at equal distances.
            pen: width of the strokes.
        """
        height, width = self.mask.shape
        step = places[1] - places[0] if len(places) > 1 else width / 2
        rows = np.arange(height)
        x = places[:, None] + np.linspace(-0.5, 0.5, 5)[:-1] * step
        lean = SLANTS[:, None] * (height / 2 - rows - 0.5)
        x = x[:, :, None, None] + lean  # (places, shifts, slants, rows)
        at = np.clip(x.astype(int), 0, width - 1)
        crossing = (self.mask[rows, at] & (x >= 0) & (x < width)).sum(3).reshape(len(places), -1)
        x = x.reshape(len(places), -1, height)
        steep = np.tile(np.abs(SLANTS), 4) * height
        wall = crossing - STEEP_SHARED * steep
        weighed = crossing + STEEP_CUT * steep
        least = weighed.min(1)
        kept = least <= ndimage.minimum_filter1d(least, 3) + CLEARLY_LESS * pen
        found = []
        for number, place in enumerate(places):
            if kept[number]:
                best = weighed[number].argmin()
                strokes = crossing[number, best] / pen
                penalty = CUT_PENALTY + CROSSING_PENALTY * min(max(0.0, strokes - 1), MAX_CROSSING)
                found.append(_Line(place, x[number, best], penalty, 0.0))
            along = wall[number].argmax()
            if crossing[number, along] > max(SHARED_STROKES * pen, SHARED_HEIGHT * height):
                line = x[number, along]
                found.append(_Line(float(line.mean()), line, SHARED_PENALTY, SHARED_WIDTH * pen))
        return sorted(found, key=lambda line: line.place)

    def _part(self, mask: np.ndarray, start: int, stop: int, penalty: float, place: Place) -> list[Candidate]:
        """Return the candidate for a part of the ink, none if it is too small."""
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        height = len(self.mask)
        if not len(rows) or rows[-1] - rows[0] + 1 < MIN_HEIGHT * height:
            return []
        top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        glyph = draw_depths(depths(mask[top:bottom, left:right]))
        x, y = self.corner
        unit = place.height / height
        offset = place.offset + unit * ((top + bottom) / 2 - height / 2)
        inside = replace(
            place, width=(right - left) * unit, height=(bottom - top) * unit, offset=offset, alone=False
        )
        box = self.page.box((x + left, y + top, x + right, y + bottom))
        probability = self.page.probability_of(mask[top:bottom, left:right], (x + left, y + top))
        return [Candidate(start, stop, glyph, box, penalty, inside, probability=probability)]
