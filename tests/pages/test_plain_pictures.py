"""Small pictures with clear ink on even paper are read without the ink network, and others with it."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pages import ink_extraction
from pages.plain_pictures import LARGEST_SIDE, find_plain_ink
from recognition.reading import text_of


def plain(size: tuple[int, int] = (40, 40), paper: int = 240, ink: int = 30) -> Image.Image:
    """Return a picture of a 7."""
    picture = Image.new("L", size, paper)
    ImageDraw.Draw(picture).line([(10, 10), (30, 10), (18, 32)], fill=ink, width=4)
    return picture


@pytest.mark.parametrize("side", [28, *(pytest.param(side, marks=pytest.mark.long) for side in (20, 64))])
def test_digits_are_read_as_with_the_network(side, validation, recognizer, monkeypatch):
    images = [
        Image.fromarray(255 - image).resize((side, side), Image.Resampling.BICUBIC)
        for image in validation[0][:40]
    ]
    assert sum(find_plain_ink(image) is not None for image in images) > 33
    without = [text_of(recognizer.read_image(image)) for image in images]
    monkeypatch.setattr(ink_extraction, "find_plain_ink", lambda image: None)
    with_network = [text_of(recognizer.read_image(image)) for image in images]
    assert sum(a != b for a, b in zip(without, with_network, strict=True)) <= 2


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "I;16", "CMYK"])
@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (0, 255)])
def test_ink_is_found_in_all_modes_and_polarities(mode, paper, ink):
    picture = plain(paper=paper, ink=ink)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    found = find_plain_ink(picture if mode == "I;16" else picture.convert(mode))
    rows, columns = np.flatnonzero(found.mask.any(1)), np.flatnonzero(found.mask.any(0))
    box = found.box((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    assert box == pytest.approx((10, 8, 32, 34), abs=2.1)


def shaded(picture: Image.Image) -> Image.Image:
    """Return a picture whose left half lies in shadow."""
    tones = np.asarray(picture).copy()
    tones[:, :20] = tones[:, :20] * 0.7
    return Image.fromarray(tones)


def noisy(picture: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 25, (40, 40))
    return Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8))


def framed(picture: Image.Image) -> Image.Image:
    ImageDraw.Draw(picture).rectangle((0, 0, 39, 20), outline=0)
    return picture


@pytest.mark.parametrize(
    "picture",
    [
        shaded(plain()),
        noisy(plain()),
        framed(plain()),
        plain(ink=210),
        plain((LARGEST_SIDE + 1, 40)),
        Image.new("L", (40, 40), 255),
        plain().crop((10, 8, 32, 34)),
    ],
    ids=["shadow", "noise", "frame", "faint", "large", "blank", "cut to the ink"],
)
def test_other_pictures_are_left_to_the_network(picture):
    assert find_plain_ink(picture) is None
