"""Tests of the look: contrast of the colours by WCAG 2.2, icons at any scale."""

from types import ModuleType

import numpy as np
import pytest

from tests.support.project import missing

TEXT, PART = 4.5, 3.0  # contrast that AA asks for: of text, and of parts of a control that carry meaning


@pytest.fixture
def theme() -> ModuleType:
    try:
        from gui import theme
    except ImportError:
        missing("no tkinter")
    return theme


def contrast(theme: ModuleType, first: str, second: str) -> float:
    luminances = []
    for colour in (first, second):
        values = np.array(theme.rgb(colour)) / 255
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        luminances.append(float(linear @ (0.2126, 0.7152, 0.0722)))
    return (max(luminances) + 0.05) / (min(luminances) + 0.05)


def test_contrast_is_that_of_wcag(theme):
    assert contrast(theme, "#ffffff", "#000000") == pytest.approx(21)
    assert contrast(theme, "#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("dark", [False, True])
def test_colours_have_enough_contrast(theme, dark):
    colours = theme.DARK if dark else theme.LIGHT
    texts = [
        *((colours.text, on) for on in (colours.window, colours.button, colours.hover, colours.pressed)),
        *((colours.muted, on) for on in (colours.window, colours.paper)),
        (colours.on_accent, colours.accent),
        (colours.accent, colours.paper),  # labels of boxes
        (colours.accent, colours.window),  # the offer to read a number
        (colours.ink, colours.paper),
    ]
    parts = [
        *((colours.accent, on) for on in (colours.window, colours.button, colours.track)),
        *((colours.soft, on) for on in (colours.window, colours.paper, colours.track)),
    ]
    for pairs, least in ((texts, TEXT), (parts, PART)):
        for first, second in pairs:
            assert contrast(theme, first, second) >= least, (first, second)


@pytest.mark.parametrize("side", [15, 20, 40, 80])
def test_icons_are_drawn_at_their_own_size(theme, side):
    from gui.icons import ICONS, icon

    for name in ICONS:
        image = icon(name, side, "#102030")
        assert image.size == (side, side)
        alpha = np.asarray(image)[..., 3]
        assert (np.asarray(image)[alpha == 255][:, :3] == (0x10, 0x20, 0x30)).all()
        assert 0.01 < (alpha > 128).mean() < 0.5, name
        assert alpha[0].max() < 128, f"{name} is not cut off"
        assert alpha[:, -1].max() < 128, f"{name} is not cut off"
    fine, coarse = (np.asarray(icon("pen", size, "#000000"))[..., 3] for size in (4 * side, side))
    shrunk = fine.reshape(side, 4, side, 4).mean((1, 3))
    assert np.abs(shrunk - coarse).mean() < 12
