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

EVIDENCE = ("surprise", "surprise of any digit", "ink", "cut", "novelty", "is a 1")
WEIGHTS = np.array([-0.92, 0.05, 1.49, -1.70, -2.02, -2.01])  # in the log-odds, of each of EVIDENCE
CONSTANT = 3.25
OWN_WEIGHT, PAGE_WEIGHT, PAGE_CONSTANT = 0.88, 0.21, -0.35  # of these log-odds, and of their mean on the page
MOST_SURPRISE = 4.0  # negative log-likelihood; more makes no difference
INK_RANGE = (0.02, 0.85)  # of the probability of ink, likewise
LEAST_CHANCE = 0.4  # mean over the digits of a line: print beside numbers has less


def evidence_of(
    reading: Reading, surprise: float, any_digit: float, familiarity: float, probability: float, cut: bool
) -> np.ndarray:
    """Return what speaks for and against a reading: float64, a number for each of `EVIDENCE`.

    Args:
        reading: as a digit.
        surprise: negative log-likelihood of the digit, by the symbol network.
        any_digit: negative log-likelihood of any digit, likewise.
        familiarity: how much it is like a corrected sample, 0 to 1, whose ink is a digit.
        probability: of it to be ink.
        cut: whether it was cut from ink that it touches.
    """
    both = np.minimum((surprise, any_digit), MOST_SURPRISE) * (1 - familiarity)
    ink = np.clip(probability, *INK_RANGE)
    return np.array([*both, np.log(ink / (1 - ink)), cut, reading.novelty, reading.digit == 1])


def with_chances(readings: Sequence[Reading]) -> list[Reading]:
    """Return the readings of a page with the chances of its digits, without lines that are more likely print.

    Where most of a page is print, so may be what looks like a digit: the mean of the page counts as well. A
    digit that is a line of its own stays.
    """
    log_odds = {
        place: CONSTANT + reading.evidence @ WEIGHTS
        for place, reading in enumerate(readings)
        if reading.evidence is not None and reading.is_digit
    }
    if not log_odds:
        return list(readings)
    offset = PAGE_WEIGHT * np.mean([*log_odds.values()]) + PAGE_CONSTANT
    judged = list(readings)
    for place, odds in log_odds.items():
        chance = 1 / (1 + np.exp(-OWN_WEIGHT * odds - offset))
        judged[place] = replace(readings[place], chance=float(chance))
    lines = [list(line) for _, line in groupby(judged, key=lambda reading: reading.line)]
    likely = [line for line in lines if not _is_print(line)] or lines
    return [replace(reading, line=number) for number, line in enumerate(likely) for reading in line]


def _is_print(line: Sequence[Reading]) -> bool:
    """Return whether several digits of a line are unlikely on the whole."""
    chances = [reading.chance for reading in line if reading.is_digit]
    return len(chances) > 1 and np.mean(chances) < LEAST_CHANCE
