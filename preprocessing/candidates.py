"""Hypotheses about which ink forms one digit, and the penalties that speak against them.

The ink alone often leaves open which pieces belong together. All likely hypotheses are kept here; the
recognizer later picks the combination that the network reads best.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from common.geometry import Box, around
from preprocessing.segmentation import possible_digits, small_pieces

MAX_PARTS = 150  # per page: smaller parts of a picture are dropped, a drawing with more is one scribble

Rendering = tuple[np.ndarray, Box, int]  # the glyph of some parts of the ink, its box, its penalty


@dataclass(frozen=True)
class Candidate:
    """Ink that may be one digit.

    Attributes:
        start, stop: the pieces of the line that it consists of, as in `pieces[start:stop]`.
        glyph: float32, (28, 28), ink 1 on 0, in the form of MNIST's images; None for the hypothesis that
            the ink is dirt and to be skipped.
        box: left, top, right, bottom, in the coordinates of the drawing or picture.
        penalty: number of assumptions that the hypothesis needs, such as a cut through connected ink.
    """

    start: int
    stop: int
    glyph: np.ndarray | None
    box: Box
    penalty: int = 0


@dataclass(frozen=True)
class Segmentation:
    """One hypothesis about what is ink on a page and how it is divided into lines.

    Attributes:
        lines: the candidates of each line, lines from top to bottom. A line is read as a chain of
            candidates, each of which starts where the one before it stops.
        penalty: number of likelier segmentations of the same page.
    """

    lines: list[list[Candidate]]
    penalty: int = 0


def line_candidates(
    lines: list[list[list[int]]],
    boxes: Sequence[Box],
    draw: Callable[[list[int]], Rendering],
    joined_to_next: set[int],
) -> list[list[Candidate]]:
    """Return the candidates of each line.

    Args:
        lines: the pieces of each line from left to right, each a list of parts: indices into `boxes`.
        boxes: the box of each part.
        draw: renders the given parts as one glyph.
        joined_to_next: parts of the pieces that touch the piece to their right.
    """
    candidates = []
    for pieces in lines:
        piece_boxes = [around([boxes[i] for i in piece]) for piece in pieces]
        joined = [not joined_to_next.isdisjoint(piece) for piece in pieces]
        only_piece = len(lines) == len(pieces) == 1
        dirt = [] if only_piece else small_pieces(piece_boxes)
        line = [Candidate(piece, piece + 1, None, piece_boxes[piece], 1) for piece in dirt]
        for start, stop in possible_digits(piece_boxes, joined):
            glyph, box, penalty = draw([index for piece in pieces[start:stop] for index in piece])
            if penalty and stop == start + 1 and not only_piece:
                line.append(Candidate(start, stop, None, box, 2))
            penalty += (start > 0 and joined[start - 1]) + joined[stop - 1]
            line.append(Candidate(start, stop, glyph, box, penalty))
        for place, piece in enumerate(pieces):
            cuts = (place > 0 and joined[place - 1]) + joined[place]
            largest = max(piece, key=lambda i: max(boxes[i][3] - boxes[i][1], boxes[i][2] - boxes[i][0]))
            others = [boxes[i] for i in piece if i != largest]
            # Parts above or below a digit may be dirt; parts inside it are not: a face is not a 0.
            if others and not any(encloses(boxes[largest], other) for other in others):
                glyph, box, penalty = draw([largest])
                line.append(Candidate(place, place + 1, glyph, box, penalty + cuts + 1))
        candidates.append(line)
    return candidates


def encloses(outer: Box, inner: Box) -> bool:
    """Return whether the centre of `inner` lies within `outer`."""
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] < x < outer[2] and outer[1] < y < outer[3]
