"""Tests of the labels on annotated copies."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from recognition import annotation
from recognition.reading import Reading

PROBABILITIES = np.eye(10, dtype=np.float32)[1] * 0.6


@pytest.mark.parametrize("distance", [30, 60, 90, 200])
def test_no_label_covers_that_of_the_next_digit(monkeypatch, distance):
    labels = []

    def note(pen, size, box, text, font, colour):
        labels.append((box[0], box[0] + pen.textlength(text, font) + font.size / 2, text))

    monkeypatch.setattr(annotation, "_draw_label", note)
    boxes = [(20 + distance * n, 100, 35 + distance * n, 220) for n in range(4)]
    readings = [Reading(1, PROBABILITIES, 0.0, box, np.zeros((28, 28))) for box in boxes]
    annotation.draw_picture(Image.new("RGB", (900, 400), "white"), readings)
    assert all(right <= left for (_, right, _), (left, _, _) in pairwise(labels)), labels
    assert ("60" in labels[0][2]) == (distance > 60)
    assert "60" in labels[-1][2], "there is room beside the last one"
    whole = labels.copy()
    labels.clear()
    annotation.draw_picture(Image.new("RGB", (900, 400), "white"), readings[::-1])
    assert sorted(labels) == sorted(whole), "a page on its head is read from the right"
