"""Ink in, digits out: loads a checkpoint once and reads strokes, pictures and pages of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

import checkpoint as checkpoints
from calibration import describe
from ink import Box, Candidate, Page, Strokes, page_from_image, page_from_strokes

# How readings of the same ink compete, as negative log-likelihoods; chosen by `benchmarks/reading.py`.
SHARPNESS = 6.0  # of the step from digit to not a digit, at a distance of 1
CUT_COST = 0.7  # of taking one side of a digit from connected ink


@dataclass(frozen=True)
class Reading:
    """One digit that was read.

    Attributes:
        digit: 0 to 9.
        probabilities: float32, (10,), calibrated, their sum is 1.
        is_digit: False where the ink does not look like a digit: then `digit` is a guess.
        box: left, top, right, bottom, in the coordinates of the drawing or the picture.
        glyph: float32, (28, 28), ink 1 on 0: what the network saw.
        line: the line of text that it stands in, from 0.
    """

    digit: int
    probabilities: np.ndarray
    is_digit: bool
    box: Box
    glyph: np.ndarray
    line: int = 0

    @property
    def confidence(self) -> float:
        """The probability of `digit`, 0 to 1."""
        return float(self.probabilities[self.digit])


def text_of(readings: Sequence[Reading]) -> str:
    """Digits from left to right, `?` for what is not a digit, lines separated by a space."""
    lines: dict[int, str] = {}
    for reading in readings:
        lines[reading.line] = lines.get(reading.line, "") + (str(reading.digit) if reading.is_digit else "?")
    return " ".join(lines.values())


class Recognizer:
    """Reads digits with one set of weights. Threads may share it.

    Attributes:
        checkpoint: the weights, and what their file says of them.
        model: the network, in evaluation mode, on `device`.
    """

    def __init__(self, checkpoint: str | None = None, device: torch.device | str = "cpu") -> None:
        """Load weights.

        Args:
            checkpoint: as `checkpoint.find` takes it; None for the shipped weights.

        Raises:
            CheckpointError: if they cannot be loaded, or were never calibrated.
        """
        self.device = torch.device(device)
        self.checkpoint = checkpoints.load(checkpoints.find(checkpoint or "shipped"), self.device)
        self.model = self.checkpoint.model
        if self.checkpoint.calibration is None:
            raise checkpoints.CheckpointError(
                f"{checkpoints.short(self.checkpoint.path)} is not calibrated, which training does at its "
                "end: finish the run with train.py --resume"
            )
        self.calibration = self.checkpoint.calibration

    def read_strokes(self, strokes: Strokes, single: bool = False) -> list[Reading]:
        """What was drawn, in reading order; nothing for blank ink.

        Args:
            strokes: each a sequence of points (x, y), in any unit, y downwards.
            single: all of it is one digit, or none.

        Raises:
            InkError: if something is not a finite point.
        """
        return self.read([page_from_strokes(strokes, single)])[0]

    def read_image(self, image: Image.Image, single: bool = False) -> list[Reading]:
        """What stands on a picture, in reading order; nothing if it is blank.

        Args:
            image: any mode and size, upright, as `ink.open_picture` gives it.
            single: all that belongs together is one digit.

        Raises:
            InkError: if the picture cannot be converted to colours.
        """
        return self.read([page_from_image(image, single)])[0]

    def read(self, pages: Sequence[Page], batch_size: int = 256) -> list[list[Reading]]:
        """Readings of each page. All glyphs go through the network together, `batch_size` at a time."""
        candidates = [
            candidate for page in pages for version in page.versions for line in version for candidate in line
        ]
        if not candidates:
            return [[] for _ in pages]
        probabilities, distances = self._classify([c.glyph for c in candidates], batch_size)
        rows = {id(candidate): row for row, candidate in enumerate(candidates)}
        cost = np.logaddexp(0, SHARPNESS * (distances - 1)) - np.log(probabilities.max(1))
        cost += [CUT_COST * candidate.cuts for candidate in candidates]

        def read_page(page: Page) -> list[Reading]:
            versions = [
                [_cheapest_chain(line, [cost[rows[id(c)]] for c in line]) for line in version]
                for version in page.versions
            ]
            if not versions:
                return []
            best = min(versions, key=lambda version: _mean_cost(version, cost, rows))
            return [
                Reading(
                    digit=int(probabilities[rows[id(c)]].argmax()),
                    probabilities=probabilities[rows[id(c)]],
                    is_digit=bool(distances[rows[id(c)]] <= 1),
                    box=c.box,
                    glyph=c.glyph,
                    line=number,
                )
                for number, line in enumerate(best)
                for c in line
            ]

        return [read_page(page) for page in pages]

    def _classify(self, glyphs: list[np.ndarray], batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        """Calibrated probabilities, float32 (N, 10), and distances from what digits look like, (N,)."""
        probabilities, distances = [], []
        with torch.inference_mode():
            for ink in torch.from_numpy(np.stack(glyphs))[:, None].split(batch_size):
                features, logits = describe(self.model, ink.to(self.device))
                probabilities.append((logits / self.calibration.temperature).softmax(1).cpu())
                distances.append(self.calibration.distance(features).cpu())
        return torch.cat(probabilities).numpy(), torch.cat(distances).numpy()


def _cheapest_chain(line: list[Candidate], costs: list[float]) -> list[Candidate]:
    """The chain of candidates from a line's first piece to its last with the lowest sum of costs."""
    best: dict[int, tuple[float, list[Candidate]]] = {0: (0.0, [])}
    for candidate, cost in sorted(zip(line, costs, strict=True), key=lambda pair: pair[0].stop):
        before, chain = best[candidate.start]
        if candidate.stop not in best or before + cost < best[candidate.stop][0]:
            best[candidate.stop] = (before + cost, [*chain, candidate])
    return best[max(best)][1]


def _mean_cost(version: list[list[Candidate]], cost: np.ndarray, rows: dict[int, int]) -> float:
    """Of its digits, each counted by its height: a version is not better for its specks."""
    chosen = [candidate for line in version for candidate in line]
    heights = [candidate.box[3] - candidate.box[1] for candidate in chosen]
    return float(np.average([cost[rows[id(c)]] for c in chosen], weights=np.maximum(heights, 1e-9)))
