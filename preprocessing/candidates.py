"""Strokes or a picture in, MNIST-like digits out: what may stand there, as candidates in reading order.

Where it is uncertain which ink makes one digit, all that is likely is offered, and the network decides.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from common.geometry import Box, around
from preprocessing.segmentation import possible_digits, small_pieces

MOST_PARTS = 150  # of a page that are told apart: the largest of a picture; more strokes are one scribble

Drawn = tuple[np.ndarray, Box, int]  # a glyph, its box, its doubts


@dataclass(frozen=True)
class Candidate:
    """Ink that may be one digit.

    Attributes:
        start, stop: it is made of these of its line's pieces (start, ..., stop - 1).
        glyph: float32, (28, 28), ink 1 on 0, as MNIST's images; None to leave it out as no part of a digit.
        box: left, top, right, bottom, in the coordinates of the drawing or picture.
        doubts: assumptions that taking it for a digit needs, such as a cut through connected ink.
    """

    start: int
    stop: int
    glyph: np.ndarray | None
    box: Box
    doubts: int = 0


@dataclass(frozen=True)
class Segmentation:
    """One way to see a page.

    Attributes:
        lines: from top to bottom, each all its candidates. A line is read by a chain of candidates, each of
            which starts where the one before stops.
        doubts: how many likelier ways there are.
    """

    lines: list[list[Candidate]]
    doubts: int = 0


def line_candidates(
    lines: list[list[list[int]]],
    boxes: Sequence[Box],
    draw: Callable[[list[int]], Drawn],
    joined_to_next: set[int],
) -> list[list[Candidate]]:
    """All possible digits of each line; a piece in `joined_to_next` touches the one to its right."""
    candidates = []
    for pieces in lines:
        piece_boxes = [around([boxes[i] for i in piece]) for piece in pieces]
        joined = [not joined_to_next.isdisjoint(piece) for piece in pieces]
        alone = len(lines) == len(pieces) == 1
        dirt = [] if alone else small_pieces(piece_boxes)
        line = [Candidate(piece, piece + 1, None, piece_boxes[piece], 1) for piece in dirt]
        for start, stop in possible_digits(piece_boxes, joined):
            glyph, box, doubts = draw([index for piece in pieces[start:stop] for index in piece])
            if doubts and stop == start + 1 and not alone:
                line.append(Candidate(start, stop, None, box, 2))
            doubts += (start > 0 and joined[start - 1]) + joined[stop - 1]
            line.append(Candidate(start, stop, glyph, box, doubts))
        for place, piece in enumerate(pieces):
            at_joints = (place > 0 and joined[place - 1]) + joined[place]
            largest = max(piece, key=lambda i: max(boxes[i][3] - boxes[i][1], boxes[i][2] - boxes[i][0]))
            others = [boxes[i] for i in piece if i != largest]
            # What stands above or below a digit may be dirt, what stands within may not: a face is no 0.
            if others and not any(encloses(boxes[largest], other) for other in others):
                glyph, box, doubts = draw([largest])
                line.append(Candidate(place, place + 1, glyph, box, doubts + at_joints + 1))
        candidates.append(line)
    return candidates


def encloses(outer: Box, inner: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] < x < outer[2] and outer[1] < y < outer[3]
