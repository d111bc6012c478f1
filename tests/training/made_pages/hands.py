"""A hand for tests: each digit in a few straight strokes."""

import numpy as np

from preprocessing.stroke_files import StrokeSample
from training.made_pages.handwriting import Hands

SHAPES = {
    0: [[(0, 0), (60, 10), (60, 90), (10, 100), (0, 0)]],
    1: [[(0, 30), (30, 0), (30, 100)]],
    2: [[(0, 20), (40, 0), (60, 30), (0, 100), (60, 100)]],
    3: [[(0, 0), (60, 0), (25, 40), (60, 70), (30, 100), (0, 90)]],
    4: [[(40, 0), (0, 60), (60, 60)], [(45, 30), (45, 100)]],
    5: [[(60, 0), (5, 0), (0, 45), (50, 45), (60, 80), (0, 100)]],
    6: [[(50, 0), (0, 60), (20, 100), (60, 80), (40, 50), (0, 70)]],
    7: [[(0, 0), (60, 0), (20, 100)]],
    8: [[(30, 50), (0, 20), (30, 0), (60, 20), (0, 75), (30, 100), (60, 80), (30, 50)]],
    9: [[(60, 20), (20, 0), (0, 30), (30, 50), (60, 20), (50, 100)]],
}


def straight_hands(writers: int = 1) -> Hands:
    """Return hands of so many writers who write alike, without MNIST's digits."""
    digits = {label: [sample(label)] for label in SHAPES}
    return Hands(dict.fromkeys(range(writers), digits), np.zeros((0, 28, 28), np.uint8), np.zeros(0, int))


def sample(label: int) -> StrokeSample:
    """Return a digit as strokes."""
    return StrokeSample([np.array(stroke, float) for stroke in SHAPES[label]], label)
