"""Ink in, digits out: loads a checkpoint once and reads strokes, pictures and pages of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from checkpointing import archive, lookup
from checkpointing import checkpoint as checkpoints
from common.geometry import Box
from evaluation.calibration import features_and_logits
from preprocessing.candidates import Candidate, Segmentation
from preprocessing.picture_candidates import segment_picture
from preprocessing.stroke_candidates import Strokes, segment_strokes
from recognition.memory import Memory

# How readings of the same ink compete, as negative log-likelihoods; chosen by `benchmarks/reading.py`.
SHARPNESS = 15.0  # of the step from digit to not a digit, at a distance of 1
DOUBT = 1.5  # of each assumption that a candidate needs
VERSION_DOUBT = 2.0  # of each likelier version of the page that is passed over
# Glyphs at a time. For each number that it has met PyTorch's oneDNN keeps 0.4 MB, between which large batches
# leave gaps of hundreds of MB. On a processor more at a time are no faster.
BATCH = 64


@dataclass(frozen=True)
class Reading:
    """One digit that was read.

    Attributes:
        digit: 0 to 9.
        probabilities: float32, (10,), calibrated, their sum is 1.
        strangeness: how unlike a digit the ink is, at least 0; at 1 it is stranger than 99 % of MNIST's.
        box: left, top, right, bottom, in the coordinates of the drawing or the picture.
        glyph: float32, (28, 28), ink 1 on 0: what the network saw.
        line: the line of text that it stands in, from 0.
    """

    digit: int
    probabilities: np.ndarray
    strangeness: float
    box: Box
    glyph: np.ndarray
    line: int = 0

    @property
    def is_digit(self) -> bool:
        """Whether the ink looks like a digit; if not, `digit` is a guess."""
        return self.strangeness <= 1

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
        memory: what a person has corrected, made with the same checkpoint; None to read as anyone's.
    """

    def __init__(
        self,
        checkpoint: str | None = None,
        device: torch.device | str = "cpu",
        profile: Path | None = None,
    ) -> None:
        """Load weights.

        Args:
            checkpoint: as `checkpoint.find` takes it; None for "ink".
            profile: whose corrections readings lean towards, as `profiles.profile_folder` names it.

        Raises:
            CheckpointError: if they cannot be loaded, or were never calibrated.
        """
        self.device = torch.device(device)
        self.checkpoint = checkpoints.load(lookup.find(checkpoint or "ink"), self.device)
        self.model = self.checkpoint.model
        if self.checkpoint.calibration is None:
            raise archive.CheckpointError(
                f"{checkpoints.short(self.checkpoint.path)} is not calibrated, which training does at its "
                "end: finish the run with train.py --resume; one of --refit has no images left for that"
            )
        self.calibration = self.checkpoint.calibration
        self.memory = Memory(profile, self.checkpoint) if profile else None

    def read_strokes(self, strokes: Strokes, single: bool = False) -> list[Reading]:
        """What was drawn, in reading order; nothing for blank ink.

        Args:
            strokes: each a sequence of points (x, y), in any unit, y downwards.
            single: all of it is one digit, or none.

        Raises:
            InkError: if something is not a finite point.
        """
        return self.read([segment_strokes(strokes, single)])[0]

    def read_image(self, image: Image.Image, single: bool = False) -> list[Reading]:
        """What stands on a picture, in reading order; nothing if it is blank.

        Args:
            image: any mode and size, upright, as `ink.open_picture` gives it.
            single: all that belongs together is one digit.

        Raises:
            InkError: if the picture cannot be converted to colours.
        """
        return self.read([segment_picture(image, single)])[0]

    def read(self, pages: Sequence[Sequence[Segmentation]], batch_size: int = BATCH) -> list[list[Reading]]:
        """Readings of each page. All glyphs go through the network together, `batch_size` at a time."""
        candidates = [c for page in pages for version in page for line in version.lines for c in line]
        seen = [c for c in candidates if c.glyph is not None]
        costs = {id(c): DOUBT * c.doubts for c in candidates}
        readings: dict[int, Reading] = {}
        for candidate, (probabilities, distance) in zip(seen, self._classify(seen, batch_size), strict=True):
            digit = int(probabilities.argmax())
            costs[id(candidate)] += np.logaddexp(0, SHARPNESS * (distance - 1)) - np.log(probabilities[digit])
            readings[id(candidate)] = Reading(digit, probabilities, distance, candidate.box, candidate.glyph)
        return [self._read_page(page, costs, readings) for page in pages]

    def _read_page(
        self, page: Sequence[Segmentation], costs: dict[int, float], readings: dict[int, Reading]
    ) -> list[Reading]:
        """The page's best version, each line by its cheapest chain."""
        best: list[list[Candidate]] = []
        lowest = np.inf
        for version in page:
            lines = [_cheapest_chain(line, costs) for line in version.lines]
            if not any(c.glyph is not None for line in lines for c in line):  # ink that is there is read
                digits = [[c for c in line if c.glyph is not None] for line in version.lines]
                lines = [_cheapest_chain(line, costs) for line in digits]
            cost = VERSION_DOUBT * version.doubts + _mean_cost([c for line in lines for c in line], costs)
            if cost < lowest:
                best, lowest = [[c for c in line if c.glyph is not None] for line in lines], cost
        best = [line for line in best if line]
        return [replace(readings[id(c)], line=number) for number, line in enumerate(best) for c in line]

    def _classify(self, candidates: list[Candidate], batch_size: int) -> Iterator[tuple[np.ndarray, float]]:
        """Calibrated probabilities, float32 (10,), and the distance from what digits look like."""
        memory = self.memory  # which another thread may exchange
        for at in range(0, len(candidates), batch_size):
            glyphs = np.stack([candidate.glyph for candidate in candidates[at : at + batch_size]])
            with torch.inference_mode():
                features, logits = features_and_logits(
                    self.model, torch.from_numpy(glyphs)[:, None].to(self.device)
                )
                distances = self.calibration.distance(features)
                if memory:
                    logits, familiarity = memory.lean(features, logits)
                    distances *= 1 - familiarity  # what was said to be a digit looks like one
                probabilities = logits.softmax(1).cpu().numpy()
            yield from zip(probabilities, distances.tolist(), strict=True)


def _cheapest_chain(line: list[Candidate], costs: dict[int, float]) -> list[Candidate]:
    """The chain of candidates from a line's first piece to its last with the lowest sum of costs."""
    best: dict[int, tuple[float, list[Candidate]]] = {0: (0.0, [])}
    for candidate in sorted(line, key=lambda candidate: candidate.stop):
        before, chain = best[candidate.start]
        cost = before + costs[id(candidate)]
        if candidate.stop not in best or cost < best[candidate.stop][0]:
            best[candidate.stop] = (cost, [*chain, candidate])
    return best[max(best)][1]


def _mean_cost(chain: list[Candidate], costs: dict[int, float]) -> float:
    """Each candidate counted by its height: a version is not much worse for its dirt."""
    heights = [max(digit.box[3] - digit.box[1], 1e-9) for digit in chain]
    return float(np.average([costs[id(digit)] for digit in chain], weights=heights))
