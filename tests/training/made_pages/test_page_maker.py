"""Tests of made pages: reproducible, and with a target where the pen wrote."""

import numpy as np
import pytest
from PIL import Image

from tests.training.made_pages.hands import straight_hands
from training.made_pages import drawing
from training.made_pages.layouts import KINDS
from training.made_pages.page_maker import NO_HEIGHT, make_page


def test_a_page_depends_on_its_seed_alone():
    first, again, other = (make_page(straight_hands(), (3, seed), 128) for seed in (1, 1, 2))
    for name in ("picture", "target", "counted", "heights"):
        assert (getattr(first, name) == getattr(again, name)).all()
    assert (first.picture != other.picture).any()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "empty"])
def test_each_kind_has_ink_whose_colour_differs_from_the_paper_beside_it(kind):
    pages = [make_page(straight_hands(), seed, 128, kind) for seed in range(16)]
    written = [page for page in pages if (page.target > 127).sum() > 30]
    assert len(written) > 8
    contrast = []
    for page in written:
        ink = page.target > 127
        near = np.asarray(Image.fromarray(ink).resize((128, 128))) | ink
        around = np.pad(near, 4)
        beside = sum(np.roll(around, (dy, dx), (0, 1)) for dy in (-4, 4) for dx in (-4, 4))[4:-4, 4:-4] > 0
        beside &= ~ink
        grey = page.picture.astype(float).mean(2)
        contrast.append(abs(grey[ink].mean() - grey[beside].mean()))
    assert np.median(contrast) > 10


def test_an_empty_page_has_no_target():
    for seed in range(12):
        page = make_page(straight_hands(), seed, 128, "empty")
        assert not page.target.any()
        assert (page.heights == NO_HEIGHT).all()


def test_heights_are_those_of_the_digits():
    found = 0
    for seed in range(20):
        page = make_page(straight_hands(), seed, 256, "single")
        rows = np.flatnonzero((page.target > 127).any(1))
        whole = len(rows) and rows[0] > 4 and rows[-1] < 251
        if whole and (page.heights > NO_HEIGHT).any():
            height = 2 ** np.median(page.heights[page.heights > NO_HEIGHT])
            found += 0.6 < height / (rows[-1] - rows[0] + 1) < 1.5
    assert found >= 6


def test_lines_are_drawn_where_they_are():
    layer = drawing.Layer((20, 30))
    layer.line(np.array([(5.0, 10.0), (25.0, 10.0)]), 2)
    cover = layer.coverage()
    assert cover.shape == (20, 30)
    assert cover[9:11, 6:24].min() > 0.6
    assert cover[:, 15].sum() == pytest.approx(2, abs=0.4)
    assert cover[:8].max() == cover[12:].max() == 0
