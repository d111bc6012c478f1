"""Turn what the networks say of a candidate into a reading and its cost."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from preprocessing.candidates import Candidate
from recognition.page_confidence import evidence_of
from recognition.reading import Reading
from recognition.symbols import CROSSED_OUT, DIGITS, KINDS, SIGNS

# Costs are on the scale of a negative log-likelihood; tuned with `benchmarks/reading.py`.
NOVELTY_SHARPNESS = 15.0  # slope of the penalty for novelty above 1 (softplus)
SIGN_PENALTY = 0.5  # cost of reading ink as a sign: signs are rarer than digits
CROSSED_OUT_PENALTY = 1.5  # the same for a digit that is crossed out
CUT_TOLERANCE = 1.5  # for the novelty of digits that were cut from one another, as cuts leave marks
LONE_SIGN_PENALTY = 4.0  # added where no digit stands beside it
MAX_SIGN_COST = 3.5  # of ink that is read as a sign
UNKNOWN_COST = 7.0  # of ink that is read as `?`, if it is no wider than a digit
UNKNOWN_WIDTH = 0.6  # of a digit, relative to the line's height: wider ink costs more, for what it hides
MAX_SURPRISE = 5.0  # negative log-likelihood of being a digit above which ink is none
UNKNOWN_NOVELTY = 2.0  # of such ink
NAMED = (*SIGNS, CROSSED_OUT)  # kinds that are printed or left out, but never `?`


class Classification(NamedTuple):
    """What the digit network says of a candidate.

    Attributes:
        probabilities: of the ten digits, calibrated, float32 (10,).
        novelty: above 1 for ink that is unlike what the network has learned from.
        familiarity: 0 to 1, how much the ink is like a corrected sample.
    """

    probabilities: np.ndarray
    novelty: float
    familiarity: float


def reading_and_cost(
    candidate: Candidate, classification: Classification, surprises: np.ndarray | None, cut: bool
) -> tuple[Reading, float]:
    """Return what a candidate is read as, and what that costs, apart from the candidate's penalty.

    Args:
        candidate: with a glyph.
        classification: by the digit network.
        surprises: the symbol network's negative log-likelihood of each of KINDS; None without a place in a
            line.
        cut: whether the candidate was cut from other ink; it then has `surprises`. Which digit it is, the
            symbol network helps to say: it has seen such parts, and the digit network has not.
    """
    probabilities, novelty, familiarity = classification
    if cut:
        novelty /= CUT_TOLERANCE
        both = probabilities * np.exp(-surprises[: len(DIGITS)])
        probabilities = (both / both.sum()).astype(np.float32)
    digit = int(probabilities.argmax())
    cost = np.logaddexp(0, NOVELTY_SHARPNESS * (novelty - 1)) - np.log(probabilities[digit])
    reading = Reading(digit, probabilities, novelty, candidate.box, candidate.glyph)
    if surprises is None:
        return reading, cost
    any_digit_surprise = -np.log(np.exp(-surprises[: len(DIGITS)]).sum())
    if (of_ink := candidate.probability) is not None:
        evidence = evidence_of(reading, surprises[digit], any_digit_surprise, familiarity, of_ink, cut)
        reading = replace(reading, evidence=evidence)
    surprise = any_digit_surprise * (1 - familiarity)
    cost += min(surprise, MAX_SURPRISE)
    kind = min(NAMED, key=lambda name: surprises[KINDS.index(name)])
    as_named = surprises[KINDS.index(kind)]
    as_named += CROSSED_OUT_PENALTY if kind == CROSSED_OUT else SIGN_PENALTY
    as_named += LONE_SIGN_PENALTY * candidate.place.alone
    if as_named < min(cost, MAX_SIGN_COST):
        return replace(reading, kind=kind), as_named
    unknown = UNKNOWN_COST * max(1.0, candidate.place.width / UNKNOWN_WIDTH)
    if surprise > MAX_SURPRISE or cost > unknown:
        return replace(reading, novelty=max(novelty, UNKNOWN_NOVELTY)), unknown
    return reading, cost
