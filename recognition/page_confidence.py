"""How likely what was read on a page is right: its ink may be print, an edge, or a part of a digit.

Where ink is a digit, the digit network's probabilities are right as often as they say. Whether it is one, the
ink network, the symbol network and the other ink of the page say. Two logistic regressions weigh them: of
each reading alone, and with the mean of its page; `python -m benchmarks.page_confidence` fits both.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from recognition.reading import Reading
from recognition.symbols import DIGITS

EVIDENCE = ("surprise", "surprise of any digit", "ink", "cut", "novelty", "is a 1")
WEIGHTS = np.array([-1.40, 0.67, 1.40, -1.61, -1.73, -1.61])  # in the log-odds, of each of EVIDENCE
CONSTANT = 2.97
OWN_WEIGHT, PAGE_WEIGHT, PAGE_CONSTANT = 0.90, 0.20, -0.30  # of these log-odds, and of their mean on the page
MOST_SURPRISE = 4.0  # negative log-likelihood; more makes no difference
INK = (0.02, 0.85)  # range of the mean probability of ink, likewise
LEAST_CHANCE = 0.4  # mean over the digits of a line: print beside numbers has less


def evidence_of(
    reading: Reading, surprises: np.ndarray, familiarity: float, sureness: float, cut: bool
) -> np.ndarray:
    """Return what speaks for and against a reading: float64, a number for each of `EVIDENCE`.

    Args:
        reading: as a digit.
        surprises: negative log-likelihood of each of `symbols.KINDS`.
        familiarity: how much it is like a corrected sample, 0 to 1, whose ink is a digit.
        sureness: mean probability of its pixels to be ink.
        cut: whether it was cut from ink that it touches.
    """
    any_digit = -np.log(np.exp(-surprises[: len(DIGITS)]).sum())
    own, any_digit = np.minimum((surprises[reading.digit], any_digit), MOST_SURPRISE) * (1 - familiarity)
    ink = np.clip(sureness, *INK)
    return np.array([own, any_digit, np.log(ink / (1 - ink)), cut, reading.novelty, reading.digit == 1])


def with_chances(readings: Sequence[Reading]) -> list[Reading]:
    """Return the readings of a picture with their chances, without lines that are rather print.

    Where most of a page is print, so may be what looks like a digit: the mean of the page counts as well.
    """
    log_odds = [None if r.evidence is None else CONSTANT + r.evidence @ WEIGHTS for r in readings]
    digits = [odds for odds, r in zip(log_odds, readings, strict=True) if odds is not None and r.is_digit]
    if not digits:
        return list(readings)
    offset = PAGE_WEIGHT * np.mean(digits) + PAGE_CONSTANT
    judged = [
        reading if odds is None else replace(reading, chance=_sigmoid(OWN_WEIGHT * odds + offset))
        for odds, reading in zip(log_odds, readings, strict=True)
    ]
    lines = [list(line) for _, line in groupby(judged, key=lambda reading: reading.line)]
    likely = [line for line in lines if _mean_chance(line) >= LEAST_CHANCE] or lines
    return [replace(reading, line=number) for number, line in enumerate(likely) for reading in line]


def _sigmoid(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))


def _mean_chance(line: Sequence[Reading]) -> float:
    """Return the mean chance of the digits of a line, 1 if it has none."""
    chances = [reading.chance for reading in line if reading.is_digit]
    return float(np.mean(chances)) if chances else 1.0
