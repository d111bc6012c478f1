"""Read digits: load a checkpoint once, then read strokes, pictures and batches of pages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from checkpointing import checkpoint as checkpoints
from checkpointing import lookup
from checkpointing.archive import CheckpointError
from common.geometry import Box
from common.messages import short
from evaluation.calibration import features_and_logits
from preprocessing.candidates import Candidate, Segmentation
from preprocessing.picture_candidates import segment_picture
from preprocessing.stroke_candidates import Strokes, segment_strokes
from recognition.memory import Memory

# Costs of a hypothesis, on the scale of a negative log-likelihood; tuned with `benchmarks/reading.py`.
NOVELTY_SHARPNESS = 15.0  # slope of the penalty for novelty above 1 (softplus)
ASSUMPTION_PENALTY = 1.5  # cost of one point of `Candidate.penalty`
SEGMENTATION_PENALTY = 2.0  # cost of one point of `Segmentation.penalty`
# Glyphs at a time. PyTorch's oneDNN caches 0.4 MB for each batch size that it has seen, and the caches of
# large sizes leave gaps of hundreds of MB in the heap. Larger batches are no faster on a CPU.
BATCH = 64


@dataclass(frozen=True)
class Reading:
    """One digit that was read.

    Attributes:
        digit: the most probable class, 0 to 9.
        probabilities: float32, (10,), calibrated, with sum 1.
        novelty: distance of the ink from MNIST's digits, at least 0; 99 % of MNIST's digits are below 1.
        box: left, top, right, bottom, in the coordinates of the drawing or picture.
        glyph: float32, (28, 28), ink 1 on 0: the input of the network.
        line: number of the line of text that the digit is on, from 0.
        group: number of the group of digits (a number) in its line, from 0.
    """

    digit: int
    probabilities: np.ndarray
    novelty: float
    box: Box
    glyph: np.ndarray
    line: int = 0
    group: int = 0

    @property
    def is_digit(self) -> bool:
        """Whether the ink looks like a digit; if not, `digit` is a guess."""
        return self.novelty <= 1

    @property
    def confidence(self) -> float:
        """The probability of `digit`, 0 to 1."""
        return float(self.probabilities[self.digit])


def rows_of(readings: Sequence[Reading]) -> list[list[str]]:
    """Return the text of each group of each line: its digits, `?` for what is not a digit."""
    lines: dict[int, dict[int, str]] = {}
    for reading in readings:
        groups = lines.setdefault(reading.line, {})
        text = str(reading.digit) if reading.is_digit else "?"
        groups[reading.group] = groups.get(reading.group, "") + text
    return [list(groups.values()) for groups in lines.values()]


def text_of(readings: Sequence[Reading]) -> str:
    """Return the digits as `rows_of` does, with spaces between groups and between lines."""
    return " ".join(" ".join(groups) for groups in rows_of(readings))


class Recognizer:
    """Reads digits with the weights of one checkpoint. Thread-safe.

    Attributes:
        device: where the network runs.
        checkpoint: the weights and the description in their file.
        model: the network, in evaluation mode, on `device`.
        calibration: detects ink that is not a digit.
        memory: the corrected samples of a profile, or None to read without them.
    """

    def __init__(
        self,
        checkpoint: str | None = None,
        device: torch.device | str = "cpu",
        profile: Path | None = None,
    ) -> None:
        """Load a checkpoint and, if given, a profile.

        Args:
            checkpoint: a file, or a name that `lookup.find` knows; None for "ink".
            device: where the network runs.
            profile: folder of corrected samples, from `profiles.profile_folder`.

        Raises:
            CheckpointError: if the checkpoint cannot be loaded or is not calibrated.
            UserError: if the folder of the profile cannot be read.
        """
        self.device = torch.device(device)
        self.checkpoint = checkpoints.load(lookup.find(checkpoint or "ink"), self.device)
        self.model = self.checkpoint.model
        if self.checkpoint.calibration is None:
            raise CheckpointError(
                f"{short(self.checkpoint.path)} is not calibrated, which training does at its "
                "end: finish the run with train.py --resume; one of --refit has no images left for that"
            )
        self.calibration = self.checkpoint.calibration
        self.memory = Memory(profile, self.checkpoint) if profile else None

    def read_strokes(self, strokes: Strokes, single: bool = False) -> list[Reading]:
        """Read a drawing.

        Args:
            strokes: each a sequence of points (x, y), in any unit, y downwards.
            single: whether all strokes form one digit.

        Returns:
            The digits in reading order; none for a blank drawing.

        Raises:
            InkError: if a point is not a pair of finite numbers.
        """
        return self.read([segment_strokes(strokes, single)])[0]

    def read_image(self, image: Image.Image, single: bool = False) -> list[Reading]:
        """Read a picture.

        Args:
            image: upright, of any mode and size, as `image_files.open_picture` returns it.
            single: whether all ink that belongs together forms one digit.

        Returns:
            The digits in reading order; none for a blank picture.

        Raises:
            InkError: if the picture cannot be converted to RGB.
        """
        return self.read([segment_picture(image, single)])[0]

    def read(self, pages: Sequence[Sequence[Segmentation]], batch_size: int = BATCH) -> list[list[Reading]]:
        """Read several pages, with the glyphs of all of them in common batches.

        Args:
            pages: the segmentations of each page, from `segment_strokes` or `segment_picture`.
            batch_size: glyphs in one batch.

        Returns:
            The digits of each page in reading order.

        Raises:
            ValueError: if a glyph has values outside [0, 1].
        """
        candidates = [
            candidate
            for page in pages
            for segmentation in page
            for line in segmentation.lines
            for candidate in line
        ]
        inked = [candidate for candidate in candidates if candidate.glyph is not None]
        costs = {id(candidate): ASSUMPTION_PENALTY * candidate.penalty for candidate in candidates}
        readings: dict[int, Reading] = {}
        for candidate, (probabilities, novelty) in zip(inked, self._classify(inked, batch_size), strict=True):
            digit = int(probabilities.argmax())
            novelty_penalty = np.logaddexp(0, NOVELTY_SHARPNESS * (novelty - 1))
            costs[id(candidate)] += novelty_penalty - np.log(probabilities[digit])
            readings[id(candidate)] = Reading(digit, probabilities, novelty, candidate.box, candidate.glyph)
        return [self._read_page(page, costs, readings) for page in pages]

    def _read_page(
        self, page: Sequence[Segmentation], costs: dict[int, float], readings: dict[int, Reading]
    ) -> list[Reading]:
        """Return the readings of the page's cheapest segmentation, each line read by its cheapest chain.

        Args:
            page: all segmentations of the page.
            costs: of each candidate, by its id.
            readings: of each candidate with a glyph, by its id.
        """
        best: list[list[Candidate]] = []
        lowest = np.inf
        for segmentation in page:
            lines = [_cheapest_chain(line, costs) for line in segmentation.lines]
            if not any(c.glyph is not None for line in lines for c in line):  # all ink was skipped as dirt
                digits = [[c for c in line if c.glyph is not None] for line in segmentation.lines]
                lines = [_cheapest_chain(line, costs) for line in digits]
            cost = SEGMENTATION_PENALTY * segmentation.penalty
            cost += _mean_cost([c for line in lines for c in line], costs)
            if cost < lowest:
                best, lowest = [[c for c in line if c.glyph is not None] for line in lines], cost
        best = [line for line in best if line]
        return [replace(readings[id(c)], line=number) for number, line in enumerate(best) for c in line]

    def _classify(self, candidates: list[Candidate], batch_size: int) -> Iterator[tuple[np.ndarray, float]]:
        """Yield the calibrated probabilities, float32 (10,), and the novelty of each candidate."""
        memory = self.memory  # read once: another thread may replace it
        for start in range(0, len(candidates), batch_size):
            glyphs = np.stack([candidate.glyph for candidate in candidates[start : start + batch_size]])
            if not ((glyphs >= 0) & (glyphs <= 1)).all():  # also catches NaN
                raise ValueError("expected glyphs in [0, 1]: 0 for paper, 1 for full ink, no NaN")
            ink = torch.from_numpy(glyphs)[:, None].to(self.device)
            with torch.inference_mode():
                features, logits = features_and_logits(self.model, ink)
                novelty = self.calibration.distance(features)
                if memory:
                    logits, familiarity = memory.adapt(features, logits)
                    novelty *= 1 - familiarity  # ink like a corrected sample is a digit
                probabilities = logits.softmax(1).cpu().numpy()
            yield from zip(probabilities, novelty.tolist(), strict=True)


def _cheapest_chain(line: list[Candidate], costs: dict[int, float]) -> list[Candidate]:
    """Return the chain of candidates from a line's first piece to its last with the lowest total cost."""
    best: dict[int, tuple[float, list[Candidate]]] = {0: (0.0, [])}
    for candidate in sorted(line, key=lambda candidate: candidate.stop):
        before, chain = best[candidate.start]
        cost = before + costs[id(candidate)]
        if candidate.stop not in best or cost < best[candidate.stop][0]:
            best[candidate.stop] = (cost, [*chain, candidate])
    return best[max(best)][1]


def _mean_cost(chain: list[Candidate], costs: dict[int, float]) -> float:
    """Return the mean cost of candidates weighted by height, so that dirt counts little."""
    heights = [max(candidate.box[3] - candidate.box[1], 1e-9) for candidate in chain]
    return float(np.average([costs[id(candidate)] for candidate in chain], weights=heights))
