"""Read digits: load a checkpoint once, then read strokes, pictures and batches of pages."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from checkpointing import checkpoint as checkpoints
from checkpointing import lookup
from checkpointing.archive import CheckpointError
from common.messages import short
from evaluation.calibration import features_and_logits
from pages.ink_extraction import find_ink
from preprocessing.candidates import Candidate, Segmentation
from preprocessing.ink_mask import InkMask
from preprocessing.picture_candidates import segment_ink
from preprocessing.stroke_candidates import Strokes, segment_strokes
from recognition import symbols
from recognition.costs import Classification, reading_and_cost
from recognition.memory import Memory
from recognition.page_choice import cheapest_chain, read_page
from recognition.page_confidence import with_chances
from recognition.reading import (
    MIN_TURNED,
    Reading,
    certainty,
    count_digits,
    is_doubtful,
    mean_confidence,
    turned_back,
)
from recognition.symbols import KINDS, numbers_of

ASSUMPTION_PENALTY = 1.5  # cost of one point of `Candidate.penalty`, on the scale of `costs`
# When ink is tried as several digits, and what that costs, on the same scale.
MAX_CUT = 12  # pieces of ink of a page that are tried as several digits
SEVERAL_WEIGHT = 0.7  # of the negative log-likelihood that ink which is cut is several digits
MAX_SEVERAL = 3.0  # ink that less likely is several digits is not cut
UNSURE = 1.5  # cost of ink as one digit above which it is tried as several that touch
# Glyphs at a time. PyTorch's oneDNN caches 0.4 MB for each batch size that it has seen, and the caches of
# large sizes leave gaps of hundreds of MB in the heap. Larger batches are no faster on a CPU.
BATCH = 64
# In certainty without cuts, that a turned page must have. On its head much of it still looks like digits.
TURNED_ADVANTAGE = {90: 0.03, 180: 0.08, 270: 0.03}
# What the reading of the sure part of the ink must have: an advantage in mean confidence, and a share of the
# digits of all of it.
SURE_PART_ADVANTAGE, SURE_PART_SHARE = 0.1, 0.8
TURNED_SHARE = 0.6  # of the digits of the page as it is, that a turned one has at least


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
        self.symbols = symbols.load()
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
            TypeError: if `image` is no picture of Pillow.
        """
        if not isinstance(image, Image.Image):
            raise TypeError(f"expected a picture of Pillow, not {type(image).__name__}: Image.open reads one")
        ink = find_ink(image)
        return self.read_ink(ink, single) if ink else []

    def read_ink(self, ink: InkMask, single: bool = False) -> list[Reading]:
        """Read the ink of a picture, which `find_ink` returns; see `read_image`."""
        return self.read_and_refine([(segment_ink(ink, single), None if single else ink)])[0]

    def read_and_refine(
        self, pages: Sequence[tuple[Segmentation, InkMask | None]], batch_size: int = BATCH
    ) -> list[list[Reading]]:
        """Read several pages, and in other ways those that come with their ink.

        Args:
            pages: the candidates of each page, and the ink of a picture of several digits; None for others.
            batch_size: glyphs in one batch.

        Returns:
            The digits of each page in reading order.
        """
        readings = self.read([candidates for candidates, _ in pages], batch_size)
        return [
            self.refined(ink, found) if ink else found
            for (_, ink), found in zip(pages, readings, strict=True)
        ]

    def refined(self, ink: InkMask, upright: list[Reading]) -> list[Reading]:
        """Read a page in other ways where that may be surer: turned, and without what is only perhaps ink.

        Lines and print are perhaps ink, but so are parts of faint strokes.

        Args:
            ink: of a picture.
            upright: what was read of all of it as it is.

        Returns:
            The surest readings, with the chances of their digits.
        """
        read = self.read_turned(ink, upright)
        readings = with_chances(read)
        confidence, sure = mean_confidence(readings), ink.sure_part()
        if confidence is None or confidence > 1 - SURE_PART_ADVANTAGE or read is not upright or sure is None:
            return readings
        others = with_chances(self.read([segment_ink(sure)])[0])
        surer = (mean_confidence(others) or 0.0) > confidence + SURE_PART_ADVANTAGE
        # Faint digits are not given up for the surer ones beside them.
        return (
            others if surer and count_digits(others) >= SURE_PART_SHARE * count_digits(readings) else readings
        )

    def read_turned(self, ink: InkMask, upright: list[Reading]) -> list[Reading]:
        """Read ink turned by 90, 180 and 270 degrees as well if it is doubtful.

        The likeliest direction is that of the surest reading without cuts, which take most of the time. Only
        that one is then read with cuts.

        Args:
            ink: of a picture.
            upright: what was read of it as it is.

        Returns:
            The readings with their boxes in the picture as it is, `upright` unless others are surer.
        """
        if not is_doubtful(upright):
            return upright
        pages = [segment_ink(ink.turned(degrees)) for degrees in (0, *TURNED_ADVANTAGE)]
        as_it_is, *turned = self.read(pages, with_cuts=False)
        best, most = None, 0.0
        for page, readings, (degrees, least) in zip(pages[1:], turned, TURNED_ADVANTAGE.items(), strict=True):
            advantage = certainty(readings) - certainty(as_it_is) - least
            if advantage > most and _may_be_upright(readings, upright, degrees):
                best, most = (page, degrees), advantage
        if not best:
            return upright
        page, degrees = best
        readings = self.read([page])[0]
        if certainty(readings) <= certainty(upright) or not _may_be_upright(readings, upright, degrees):
            return upright
        size = ink.mask.shape[::-1]
        return [
            replace(reading, turned=degrees, box=ink.box(turned_back(reading.box, degrees, size)))
            for reading in readings
        ]

    def read(
        self, pages: Sequence[Segmentation], batch_size: int = BATCH, with_cuts: bool = True
    ) -> list[list[Reading]]:
        """Read several pages, with the glyphs of all of them in common batches.

        Args:
            pages: the candidates of each page, from `segment_strokes` or `segment_picture`.
            batch_size: glyphs in one batch.
            with_cuts: whether ink that may be several digits is also read in parts.

        Returns:
            The digits of each page in reading order.

        Raises:
            ValueError: if a glyph has values outside [0, 1].
        """
        whole = [candidate for page in pages for line in page for candidate in line]
        costs: dict[int, float] = {}
        readings: dict[int, list[Reading]] = {}
        several = self._add_costs(whole, batch_size, costs, readings)
        tried: list[Candidate] = []
        for page in pages:
            unsure = [candidate for line in page for candidate in _unsure(line, costs)] if with_cuts else []
            likely = [c for c in unsure if several[id(c)] < MAX_SEVERAL]
            tried += likely if len(likely) <= MAX_CUT else []  # noise rather than writing
        parts = {id(candidate): candidate.ink.cut(candidate.place) for candidate in tried}
        cut = [part for line in parts.values() for part in line]
        self._add_costs(cut, batch_size, costs, readings, cut=True)
        for candidate in tried:
            chain = cheapest_chain(parts[id(candidate)], costs)
            cost = sum(costs[id(part)] for part in chain) + ASSUMPTION_PENALTY * candidate.penalty
            cost += SEVERAL_WEIGHT * several[id(candidate)]
            if chain and cost < costs[id(candidate)]:
                costs[id(candidate)] = cost
                readings[id(candidate)] = [reading for part in chain for reading in readings[id(part)]]
        return [read_page(page, costs, readings) for page in pages]

    def _add_costs(
        self,
        candidates: Sequence[Candidate],
        batch_size: int,
        costs: dict[int, float],
        readings: dict[int, list[Reading]],
        cut: bool = False,
    ) -> dict[int, float]:
        """Add the cost and the reading of each candidate, by its id.

        Returns:
            The negative log-likelihood that a candidate is several digits, by its id, where it has a place.
        """
        costs.update({id(candidate): ASSUMPTION_PENALTY * candidate.penalty for candidate in candidates})
        inked = [candidate for candidate in candidates if candidate.glyph is not None]
        several: dict[int, float] = {}
        said = zip(inked, self._classify(inked, batch_size), self._kinds(inked, batch_size), strict=True)
        for candidate, classification, surprises in said:
            reading, cost = reading_and_cost(candidate, classification, surprises, cut)
            if surprises is not None:
                several[id(candidate)] = surprises[KINDS.index("several")]
            costs[id(candidate)] += cost
            readings[id(candidate)] = [reading]
        return several

    def _kinds(self, candidates: Sequence[Candidate], batch_size: int) -> Iterator[np.ndarray | None]:
        """Yield the negative log-likelihood of each of KINDS, at most 9; None where there is no place."""
        placed = [candidate for candidate in candidates if candidate.place]
        answers: list[np.ndarray] = []
        for start in range(0, len(placed), batch_size):
            batch = placed[start : start + batch_size]
            glyphs = torch.from_numpy(np.stack([candidate.glyph for candidate in batch]))[:, None]
            places = torch.from_numpy(np.stack([numbers_of(candidate.place) for candidate in batch]))
            with torch.inference_mode():
                answers += list((-self.symbols(glyphs, places).log_softmax(1)).clip(max=9).numpy())
        remaining = iter(answers)
        for candidate in candidates:
            yield next(remaining) if candidate.place else None

    def _classify(self, candidates: list[Candidate], batch_size: int) -> Iterator[Classification]:
        """Yield what the digit network says of each candidate."""
        memory = self.memory  # read once: another thread may replace it
        for start in range(0, len(candidates), batch_size):
            glyphs = np.stack([candidate.glyph for candidate in candidates[start : start + batch_size]])
            if not ((glyphs >= 0) & (glyphs <= 1)).all():  # also catches NaN
                raise ValueError("expected glyphs in [0, 1]: 0 for paper, 1 for full ink, no NaN")
            ink = torch.from_numpy(glyphs)[:, None].to(self.device)
            with torch.inference_mode():
                features, logits = features_and_logits(self.model, ink)
                novelty = self.calibration.distance(features)
                familiarity = torch.zeros_like(novelty)
                if memory:
                    logits, familiarity = memory.adapt(features, logits)
                    novelty *= 1 - familiarity  # ink like a corrected sample is a digit
                probabilities = logits.softmax(1).cpu().numpy()
            yield from map(Classification, probabilities, novelty.tolist(), familiarity.tolist())


def _may_be_upright(readings: list[Reading], before: list[Reading], degrees: int) -> bool:
    """Return whether a turned page has about as many digits as `before`, and no more lines if on its side.

    Half of a number may look like surer digits than all of it, and on its side the digits of a number stand
    in several lines.
    """
    if len(readings) < MIN_TURNED or count_digits(readings) < TURNED_SHARE * count_digits(before):
        return False
    return degrees == 180 or readings[-1].line <= before[-1].line


def _unsure(line: list[Candidate], costs: dict[int, float]) -> list[Candidate]:
    """Return the candidates of a line that may be several digits which touch.

    These are no good digits, and not all of the pieces that they consist of are either.
    """
    alone: dict[int, float] = {}
    for candidate in line:
        if candidate.stop == candidate.start + 1:
            cost = min(costs[id(candidate)], alone.get(candidate.start, np.inf))
            alone[candidate.start] = cost
    return [
        c
        for c in line
        if c.ink
        and costs[id(c)] - ASSUMPTION_PENALTY * c.penalty > UNSURE
        and any(alone.get(piece, np.inf) > UNSURE for piece in range(c.start, c.stop))
    ]
