"""Figures of the score report."""

import io

import numpy as np
from PIL import Image

from evaluation.score_plots import MISTAKES_SHOWN, draw_mistakes


def test_of_many_mistakes_the_most_confident_are_drawn():
    """Those that are left out take no room, and only these are filled with ink here."""

    def drawn(count: int) -> np.ndarray:
        images = np.zeros((count, 28, 28), np.uint8)
        images[MISTAKES_SHOWN:] = 255
        names, confidences = np.full(count, "1"), np.linspace(0.9, 0.1, count)
        png = draw_mistakes(images, names, names, confidences, np.arange(count), "mistakes")
        return np.asarray(Image.open(io.BytesIO(png)).convert("L"))

    whole, cut = drawn(MISTAKES_SHOWN), drawn(MISTAKES_SHOWN + 50)
    assert cut.shape == whole.shape
    assert abs((cut < 128).mean() - (whole < 128).mean()) < 0.01
    assert len(drawn(MISTAKES_SHOWN - 50)) < len(whole)
