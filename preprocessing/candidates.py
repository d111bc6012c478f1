"""Hypotheses about which ink forms one digit, and the penalties that speak against them.

The ink alone often leaves open which pieces belong together. All likely hypotheses are kept here; the
recognizer later picks the combination that the network reads best.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from common.geometry import Box, around, longest_side, middle
from preprocessing.line_finding import SAME_HEIGHT, size, typical_height
from preprocessing.segmentation import FLAT_RATIO, find_gaps, possible_digits, small_pieces

DIRT_SIZE = 0.5  # of parts that may be left out as dirt at most, relative to the largest part
SIGN_SIZE = 0.35  # of the largest point, comma or minus, relative to the height of a digit
POINT_OFFSET = (0.3, 0.8)  # of points and commas below the line's centre, relative to its height
SIGN_TOP = 0.35  # where their centres are at least, from the top of a digit to its foot


@dataclass(frozen=True)
class Place:
    """The size and place of ink in its line, which tell a minus from a 1, and a comma from a slash.

    Attributes:
        width, height: of the ink, relative to the height of the line's digits.
        offset: of the ink's centre below that of the line, relative to the same.
        alone: whether no other ink of the line shows how high its digits are.
    """

    width: float
    height: float
    offset: float
    alone: bool


@dataclass(frozen=True)
class Rendering:
    """Some parts of the ink, drawn as one glyph.

    Attributes:
        glyph: float32, (28, 28).
        box: left, top, right, bottom, in the coordinates of the drawing or picture.
        penalty: number of assumptions that speak against it.
        at_border: whether it touches the border of the picture.
        ink: what may be cut into several digits; None for strokes.
        probability: of it to be ink, the mean over its pixels; None where no network found it.
    """

    glyph: np.ndarray
    box: Box
    penalty: int = 0
    at_border: bool = False
    ink: "Ink | None" = None
    probability: float | None = None


class Ink(Protocol):
    """Ink that may be cut into several digits."""

    def cut(self, place: Place) -> list["Candidate"]:
        """Return candidates for the digits from left to right, chained by their start and stop."""


@dataclass(frozen=True)
class Candidate:
    """Ink that may be one digit.

    Attributes:
        start, stop: the pieces of the line that it consists of, as in `pieces[start:stop]`.
        glyph: float32, (28, 28), ink 1 on 0, in the form of MNIST's images; None for the hypothesis that
            the ink is dirt and to be skipped.
        box: left, top, right, bottom, in the coordinates of the drawing or picture.
        penalty: number of assumptions that the hypothesis needs, such as a cut through connected ink.
        place: in its line; None if that is not asked for, since all ink is one digit.
        ink: what may be cut into several digits if the whole does not look like one; else None.
        ends_group: whether a wide gap follows, so that the next candidate begins another number.
        probability: of it to be ink, the mean over its pixels; None where no network found it.
    """

    start: int
    stop: int
    glyph: np.ndarray | None
    box: Box
    penalty: float = 0
    place: Place | None = None
    ink: Ink | None = None
    ends_group: bool = False
    probability: float | None = None


# The candidates of each line of a page, lines from top to bottom; no lines for a blank page. A line is read
# as a chain of candidates, each of which starts where the one before it stops.
Segmentation = list[list[Candidate]]


def line_candidates(
    lines: list[list[list[int]]],
    boxes: Sequence[Box],
    draw: Callable[[list[int]], Rendering],
    joined_to_next: set[int] = frozenset(),
    pen: float = 0.0,
) -> Segmentation:
    """Return the candidates of each line.

    Args:
        lines: the pieces of each line from left to right, each a list of parts: indices into `boxes`.
        boxes: the box of each part.
        draw: renders the given parts as one glyph.
        joined_to_next: parts of the pieces that touch the piece to their right.
        pen: width of the pen, by which ink is larger than its box, relative to a line's height.
    """
    only_piece = len(lines) == len(lines[0]) == 1 if lines else False
    typical = typical_height(boxes) if lines else 0.0
    return [_one_line(pieces, boxes, draw, joined_to_next, pen, only_piece, typical) for pieces in lines]


def _one_line(
    pieces: list[list[int]],
    boxes: Sequence[Box],
    draw: Callable[[list[int]], Rendering],
    joined_to_next: set[int],
    pen: float,
    only_piece: bool,
    typical: float,
) -> list[Candidate]:
    """Return the candidates of one line.

    Args as in `line_candidates`, `only_piece`: whether the page has no other ink, `typical`: height of most.
    """
    piece_boxes = [around([boxes[i] for i in piece]) for piece in pieces]
    joined = [not joined_to_next.isdisjoint(piece) for piece in pieces]
    gaps = set(find_gaps(piece_boxes))
    found: list[Candidate] = []

    def skip(piece: int, penalty: float) -> None:
        found.append(Candidate(piece, piece + 1, None, piece_boxes[piece], penalty, ends_group=piece in gaps))

    def add(start: int, stop: int, drawn: Rendering, penalty: int) -> None:
        place = describe_place(piece_boxes, start, stop, pen)
        ends_group = stop - 1 in gaps
        candidate = Candidate(start, stop, drawn.glyph, drawn.box, penalty, place, drawn.ink, ends_group)
        found.append(replace(candidate, probability=drawn.probability))

    small = set(small_pieces(piece_boxes))
    for piece in [] if only_piece else sorted(small):
        low, high = POINT_OFFSET
        skip(piece, 2 if low < describe_place(piece_boxes, piece, piece + 1).offset < high else 1)
    for start, stop in possible_digits(piece_boxes, joined):
        if not gaps.isdisjoint(range(start, stop - 1)):
            continue
        drawn = draw([index for piece in pieces[start:stop] for index in piece])
        if small.issuperset(range(start, stop)):
            drawn = replace(drawn, penalty=0)  # points are blobs
        if stop == start + 1 and not only_piece:
            left, top, right, bottom = piece_boxes[start]
            if drawn.at_border and bottom - top < max(FLAT_RATIO * (right - left), 0.6 * typical):
                skip(start, 0)  # a ruled line's rest, or what the picture cuts off
            elif drawn.penalty:
                skip(start, 2)
        penalty = drawn.penalty + (start > 0 and joined[start - 1]) + joined[stop - 1]
        add(start, stop, drawn, penalty + _signs(pieces[start:stop], boxes))
    for at, piece in enumerate(pieces):
        cuts = (at > 0 and joined[at - 1]) + joined[at]
        largest = max(piece, key=lambda i: longest_side(boxes[i]))
        others = [boxes[i] for i in piece if i != largest]
        # Small parts above or below a digit may be dirt; parts inside it are not: a face is not a 0.
        most = DIRT_SIZE * longest_side(boxes[largest])
        if others and not any(encloses(boxes[largest], box) or longest_side(box) > most for box in others):
            drawn = draw([largest])
            add(at, at + 1, drawn, drawn.penalty + cuts + 1)
    return found


def _signs(pieces: Sequence[Sequence[int]], parts: Sequence[Box]) -> int:
    """Return how many of the pieces of a digit are rather signs, which stand beside all others.

    These are points, a minus, and what consists of several small parts: a colon.

    Args:
        pieces: each a list of indices into `parts`.
        parts: the box of each part.
    """
    boxes = [around([parts[i] for i in piece]) for piece in pieces]
    _, top, _, bottom = around(boxes)
    height = bottom - top

    def is_sign(piece: Sequence[int], box: Box) -> bool:
        small = all(size(parts[i]) < SIGN_SIZE * height for i in piece)
        if not small or (len(piece) == 1 and middle(box)[1] <= top + SIGN_TOP * height):
            return False
        return not any(box[0] < other[2] and other[0] < box[2] for other in boxes if other is not box)

    return sum(map(is_sign, pieces, boxes)) if len(pieces) > 1 else 0


def describe_place(boxes: Sequence[Box], start: int, stop: int, pen: float = 0.0) -> Place:
    """Describe the size and place of the pieces `start:stop` in their line.

    Args:
        boxes: of all pieces of the line, from left to right.
        start, stop: the pieces.
        pen: as for `line_candidates`.
    """
    left, top, right, bottom = around(boxes[start:stop])
    typical = typical_height(boxes)
    low, high = (ratio * typical for ratio in SAME_HEIGHT)
    tall = [i for i, box in enumerate(boxes) if not start <= i < stop and low <= box[3] - box[1] <= high]
    if not tall:
        line_height = max(bottom - top, 0.3 * (right - left), 1e-12)
        return Place((right - left) / line_height + pen, (bottom - top) / line_height + pen, 0.0, True)
    near = sorted(tall, key=lambda i: abs(i - start))[:4]
    line_height = float(np.median([size(boxes[i]) for i in near]))
    before, after = [i for i in tall if i < start][-2:], [i for i in tall if i >= stop][:2]
    x = (left + right) / 2
    sides = [np.mean([middle(boxes[i]) for i in side], axis=0) for side in (before, after) if side]
    if len(sides) == 2:
        (x0, y0), (x1, y1) = sides
        centre = y0 + (y1 - y0) * (x - x0) / max(x1 - x0, 1e-12) if x0 < x < x1 else (y0 + y1) / 2
    else:
        centre = sides[0][1]
    return Place(
        (right - left) / line_height + pen,
        (bottom - top) / line_height + pen,
        float(((top + bottom) / 2 - centre) / line_height),
        False,
    )


def encloses(outer: Box, inner: Box) -> bool:
    """Return whether the centre of `inner` lies within `outer`."""
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] < x < outer[2] and outer[1] < y < outer[3]
