"""Plot how a page is read, from the photo to the text."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from common.geometry import Box
from visualization.network_plots import empty_figure, show_ink, without_ticks

COLOURS = colormaps["tab10"]
MAX_GLYPHS = 14  # shown


@dataclass(frozen=True)
class FoundSymbol:
    """A digit or sign on a page.

    Attributes:
        text: what it was read as; empty if it is left out.
        box: left, top, right, bottom, in pixels of the picture.
        glyph: float, (28, 28), ink 1 on 0.
        line: number of its line, from 0.
        group: number of its group (a number) in the line, from 0.
    """

    text: str
    box: Box
    glyph: np.ndarray
    line: int
    group: int


def draw_page(
    picture: np.ndarray, part: Box, ink: np.ndarray, symbols: Sequence[FoundSymbol], title: str
) -> Figure:
    """Draw the steps in which a page is read.

    Args:
        picture: uint8, (H, W, 3).
        part: left, top, right, bottom of what was looked at closely, in pixels of the picture.
        ink: float, (h, w) of any size, how sure it is that a pen wrote there, from 0 to 1.
        symbols: what was read, in reading order.
        title: the figure's title.
    """
    left, top, right, bottom = part
    height = 3.2 * min(max((bottom - top) / (right - left), 0.5), 1.4)
    figure = empty_figure(height + 1.6, title)
    above, below = figure.subfigures(2, 1, height_ratios=(height, 1.3))
    whole, written, lines = above.subplots(1, 3)
    whole.imshow(picture)
    _frame(whole, part, "tab:red")
    whole.set_title("1. where something is written", fontsize=11)
    written.imshow(ink, cmap="gray_r", extent=(left, right, bottom, top), vmin=0, vmax=1)
    written.set_title("2. what a pen wrote, grey if unsure", fontsize=11)
    lines.imshow(picture[int(top) : int(bottom), int(left) : int(right)], extent=(left, right, bottom, top))
    lines.set_title("3. lines and numbers", fontsize=11)
    groups = {key: place for place, key in enumerate(dict.fromkeys((s.line, s.group) for s in symbols))}
    for symbol in symbols:
        _frame(lines, symbol.box, COLOURS(groups[symbol.line, symbol.group] % 10))
    for axes in (whole, written, lines):
        without_ticks(axes)
    below.suptitle("4. what the networks see, and read", fontsize=11)
    for place, axes in enumerate(below.subplots(1, MAX_GLYPHS)):
        axes.axis("off")
        if place < len(symbols):
            symbol = symbols[place]
            show_ink(axes, symbol.glyph)
            axes.axis("on")
            axes.set_xlabel(symbol.text or "left out", fontsize=14 if symbol.text else 9)
            for spine in axes.spines.values():
                spine.set(color=COLOURS(groups[symbol.line, symbol.group] % 10), linewidth=1.5)
    return figure


def _frame(axes: Axes, box: Box, colour: object) -> None:
    """Draw the outline of a box."""
    left, top, right, bottom = box
    axes.add_patch(
        Rectangle((left, top), right - left, bottom - top, fill=False, color=colour, linewidth=1.5)
    )
