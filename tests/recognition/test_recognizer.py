"""The recognizer is calibrated, flags what is not a digit, and is thread-safe."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont

from checkpointing import archive, checkpoint
from data import load_training
from evaluation import calibration
from model import ImprovedResNet18
from preprocessing.candidates import Candidate
from preprocessing.ink_mask import InkMask
from preprocessing.stroke_candidates import segment_strokes
from recognition.reading import Reading, rows_of, text_of
from recognition.recognizer import Recognizer
from tests.support.handwriting import digit, symbol

SEVEN = [[(10, 10), (60, 10), (30, 90)]]


@pytest.fixture(scope="module")
def known(mnist_dir):
    return load_training("mnist", mnist_dir)[1]


def test_a_reading_has_probabilities_glyph_and_box(recognizer):
    (reading,) = recognizer.read_strokes(SEVEN)
    assert reading.digit == 7
    assert reading.probabilities.shape == (10,)
    assert reading.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert reading.confidence == reading.probabilities.max()
    assert reading.glyph.shape == (28, 28)
    assert reading.box == pytest.approx((10, 10, 60, 90))
    assert text_of([reading]) == "7"


def test_lines_and_groups_are_told_apart(recognizer):
    (seven,) = recognizer.read_strokes(SEVEN, single=True)
    odd = replace(seven, novelty=2.0)
    assert (rows_of([]), text_of([])) == ([], "")
    readings = [seven, odd, replace(seven, group=1), replace(seven, line=1), replace(seven, line=1)]
    assert rows_of(readings) == [["7?", "7"], ["77"]]
    assert text_of(readings) == "7? 7 77"


RING = [(4 * math.cos(angle), 4 * math.sin(angle)) for angle in np.linspace(0, 2 * math.pi, 9)]


@pytest.mark.parametrize(
    "point", [[(0, 0)], [(0, 0), (4, 1)], RING, [(0, -3), (1, 4), (-3, 14), (-7, 20)]], ids=str
)
def test_a_point_in_a_drawing_is_read(point, recognizer):
    strokes = [*digit(3, (0, 0), 140), *digit(1, (130, 0), 140), *digit(4, (220, 0), 140)]
    strokes.append([(x + 75, y + 64) for x, y in point])
    assert text_of(recognizer.read_strokes(strokes)) == ("3,14" if point[-1][1] == 20 else "3.14")


@pytest.mark.parametrize("text", ["12+34", "56-7=49", "(2+3)", "30/09/2024"])
def test_signs_in_a_drawing_are_read(text, recognizer):
    strokes = [stroke for at, char in enumerate(text) for stroke in symbol(char, (115 * at, 0), 140)]
    assert text_of(recognizer.read_strokes(strokes)) == text


def test_pages_are_read_the_same_together_and_alone(recognizer):
    pages = [segment_strokes(strokes) for strokes in (SEVEN, [], [[(0, 0), (1, 50)]])]
    together = recognizer.read(pages, batch_size=1)
    assert [text_of(r) for r in together] == [text_of(recognizer.read([page])[0]) for page in pages]
    assert together[1] == []


@pytest.mark.long  # reads 12,000 images
def test_threshold_and_temperature_are_those_of_the_validation_images(recognizer, known):
    """One digit in 200 is beyond the threshold, and temperatures around 1 give a higher loss."""
    with torch.inference_mode():
        batches = [known[at : at + 500].ink() for at in range(0, len(known), 500)]
        answers = [calibration.features_and_logits(recognizer.model, ink) for ink in batches]
        distances = torch.cat([recognizer.calibration.distance(features) for features, _ in answers])
    assert int((distances > 1).sum()) == pytest.approx(0.005 * len(known), rel=0.1)
    logits, labels = torch.cat([logits for _, logits in answers]), known.labels
    best = F.cross_entropy(logits, labels)
    for temperature in (0.8, 0.95, 1.05, 1.25):
        assert best < F.cross_entropy(logits / temperature, labels)


def test_scribbles_and_letters_are_flagged(recognizer):
    rng = np.random.default_rng(0)
    novel = 0
    for _ in range(20):
        points = [tuple(point) for point in rng.uniform(0, 100, (25, 2))]
        novel += text_of(recognizer.read_strokes([points], single=True)) == "?"
    assert novel == 20
    flagged = []
    for letter in "AEFHKMNQRWX":
        picture = Image.new("L", (160, 160), 255)
        font = ImageFont.load_default(size=110)
        ImageDraw.Draw(picture).text((80, 80), letter, fill=0, font=font, anchor="mm", stroke_width=2)
        flagged += [letter] if text_of(recognizer.read_image(picture, single=True)) == "?" else []
    assert len(flagged) >= 9, flagged


def test_thread_safety(recognizer, known):
    images = [Image.fromarray(image.reshape(28, 28)) for image in known.images[:24].numpy()]
    alone = [recognizer.read_image(image)[0].digit for image in images]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda image: recognizer.read_image(image)[0].digit, images))
    assert together == alone


def test_uncalibrated_weights_are_refused(tmp_path):
    path = tmp_path / "a.pt"
    figures = {"n": 1, "errors": 1, "loss": 2.3}
    checkpoint.save_weights(path, ImprovedResNet18(), dataset="mnist", validation=figures, training={})
    with pytest.raises(archive.CheckpointError, match="not calibrated"):
        Recognizer(str(path))


def test_the_end_of_training_calibrates(trained):
    found = Recognizer(str(trained.folder / "runs" / "digits" / "best.pt")).calibration
    assert found.threshold > 0


@pytest.mark.parametrize("value", [1.5, -0.5, float("nan")])
def test_glyphs_out_of_range_are_refused(recognizer, value):
    glyph = np.full((28, 28), value, np.float32)
    page = [[Candidate(start=0, stop=1, glyph=glyph, box=(0, 0, 28, 28))]]
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        recognizer.read([page])


@pytest.mark.parametrize("no_picture", ["a.png", np.zeros((28, 28), np.uint8)])
def test_what_is_no_picture_is_refused(recognizer, no_picture):
    with pytest.raises(TypeError, match="expected a picture of Pillow"):
        recognizer.read_image(no_picture)


def readings(count: int, novelty: float, digit: int = 3, line: int = 0) -> list[Reading]:
    one = np.eye(10, dtype=np.float32)[digit]
    return [Reading(digit, one, novelty, (0, 0, 9, 9), np.zeros((28, 28)), line)] * count


def test_a_line_that_is_perhaps_ink_does_not_hide_the_digits_it_crosses(recognizer):
    digits = Image.new("L", (260, 120))
    pen = ImageDraw.Draw(digits)
    for place, number in enumerate((2, 5, 8)):
        for stroke in digit(number, (60 + 70 * place, 60), 70):
            pen.line(stroke, fill=255, width=7, joint="curve")
    rules = digits.copy()
    for x in (25, 95, 165, 235):
        ImageDraw.Draw(rules).line([(x, 5), (x, 115)], fill=255, width=5)
    ImageDraw.Draw(rules).line([(5, 60), (255, 60)], fill=255, width=5)
    mask, sure = (np.asarray(image) > 127 for image in (rules, digits))
    probabilities = np.where(sure, 250, np.where(mask, 60, 0)).astype(np.uint8)
    ink = InkMask(mask, (1.0, 1.0), probabilities=probabilities)
    assert text_of(recognizer.read_ink(ink)) == "258"
    certain = replace(ink, probabilities=np.where(mask, 250, 0).astype(np.uint8))
    assert text_of(recognizer.read_ink(certain)) != "258", "the lines do hide them"


@pytest.mark.parametrize(
    ("first", "second", "count", "taken"),
    [
        *((0.5, 0.9, 2, True), (0.5, 0.55, 2, False), (0.95, 1.0, 2, False), (0.5, 0.0, 2, False)),
        *((0.5, 1.0, 1, False), (0.5, 0.9, 3, True), (0.5, 0.9, 0, False)),
    ],
)
def test_a_doubtful_page_is_read_again_and_the_surer_reading_counts(
    recognizer, monkeypatch, first, second, count, taken
):
    one, ink = readings(1, 0.3)[0], InkMask(np.ones((20, 60), bool), (1.0, 1.0))
    ink = replace(ink, probabilities=np.full(ink.mask.shape, 200, np.uint8))
    asked = []

    def read(pages):
        asked.append(pages)
        return [[replace(one, digit=4, chance=second, probabilities=np.eye(10)[4])] * count]

    monkeypatch.setattr(recognizer, "read", read)
    found = recognizer.refined(ink, [replace(one, chance=first)] * 2)
    assert [reading.digit for reading in found] == ([4] * count if taken else [3] * 2)
    assert len(asked) == (first < 0.9)
    signs = [replace(one, kind="+", chance=first)] * 2
    assert recognizer.refined(ink, signs) == signs
    assert len(asked) == (first < 0.9), "signs alone are not read again"
    recognizer.refined(ink, [replace(one, kind="crossed out")] * 2)
    assert len(asked) == (first < 0.9) + 1, "what is crossed out is no surer than ?"


@pytest.mark.parametrize(
    ("without_cuts", "with_cuts", "turned"),
    [
        (readings(4, 0.3), readings(5, 0.2), 90),
        (readings(3, 0.3), readings(5, 0.2), 0),  # half of a number may look like surer digits than all of it
        (readings(4, 0.3, line=1), readings(5, 0.2), 0),
        (readings(4, 0.3), readings(3, 0.2), 0),
        (readings(4, 0.3), readings(5, 0.8), 0),
        (readings(4, 0.98), readings(5, 0.2), 0),
    ],
)
def test_the_likeliest_direction_is_read_with_cuts(recognizer, monkeypatch, without_cuts, with_cuts, turned):
    ink = InkMask(np.ones((20, 60), bool), (1.0, 1.0))
    doubtful, asked = readings(6, 0.7, digit=4), []

    def read(pages, with_cuts=True, answer=with_cuts):
        asked.append((len(pages), with_cuts))
        uncut = [readings(6, 1.0), without_cuts, *[readings(6, 1.2)] * 2]
        return [answer] if with_cuts else uncut

    monkeypatch.setattr(recognizer, "read", read)
    found = recognizer.read_turned(ink, doubtful)
    assert {(reading.turned, reading.digit) for reading in found} == {(turned, 3 if turned else 4)}
    assert asked[0] == (4, False)
    assert asked[1:] in ([], [(1, True)])
