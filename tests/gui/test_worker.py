"""Tests of what the worker process tells the window."""

from dataclasses import replace

import numpy as np
import pytest

from gui.worker import no_digit
from recognition.reading import Reading


def test_a_digit_that_may_be_print_is_shown_as_one_that_may_be_none():
    reading = Reading(3, np.eye(10, dtype=np.float32)[3], 0.3, (0, 0, 9, 9), np.zeros((28, 28), np.float32))
    assert no_digit(reading) < 0.01
    assert no_digit(replace(reading, chance=0.7)) == pytest.approx(0.3)
    assert no_digit(replace(reading, chance=0.7, novelty=1.2)) > 0.5
