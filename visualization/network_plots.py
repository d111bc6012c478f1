"""What a network does, as pictures: its filters, what a digit excites, why it is read so, how all are sorted.

Drawn on Matplotlib's own canvas, 10 inches wide: no display is needed.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from common.messages import percent
from visualization.architecture import TIMES

WIDTH = 10
MAPS_SHOWN = 10  # of each stage
CIRCLES = 200  # mistakes that an embedding shows with their number
CLASSES = colormaps["tab10"]
HEAT = LinearSegmentedColormap.from_list("heat", ["white", "#ffeda0", "#feb24c", "#f03b20", "#bd0026"])


def draw_filters(kernels: np.ndarray, title: str) -> Figure:
    """Convolution kernels, all on one scale: ink under red adds to the output, ink under blue takes away.

    Args:
        kernels: float, (N, height, width).
    """
    columns = 8
    rows = -(-len(kernels) // columns)
    figure = _figure(1.18 * max(rows, 2) + 0.2, title)
    bound = np.quantile(np.abs(kernels), 0.99)  # so that one strong weight does not make all others pale
    for number, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        _without_ticks(axes)
        if number < len(kernels):
            image = axes.imshow(kernels[number], cmap="RdBu_r", vmin=-bound, vmax=bound)
            axes.set_title(number, fontsize=10, pad=3)
        else:
            axes.axis("off")
    figure.colorbar(image, ax=figure.axes, shrink=0.8, label="weight", extend="both")
    return figure


def draw_features(
    glyph: np.ndarray,
    maps: dict[str, np.ndarray],
    probabilities: np.ndarray,
    names: Sequence[str],
    title: str,
) -> Figure:
    """The digit with its reading and, of each stage, the maps that vary most over it.

    Args:
        glyph: float, (28, 28), ink 1 on 0.
        maps: of each stage, (channels, height, width); dark is 0, bright is the row's largest value.
        probabilities: (classes,).
        names: one for each class.
    """
    figure = _figure(1.08 * len(maps) + 0.2, title)
    left, right = figure.subfigures(1, 2, width_ratios=(2.3, 7.7))
    digit, bars = left.subplots(2, 1)
    _show_ink(digit, glyph)
    _show_probabilities(bars, probabilities, names)
    for row, (stage, channels) in zip(
        right.subfigures(len(maps), 1, squeeze=False)[:, 0], maps.items(), strict=True
    ):
        liveliest = channels[np.argsort(-channels.std((1, 2)), kind="stable")[:MAPS_SHOWN]]
        height, width = channels.shape[1:]
        caption = f"{stage}: {len(liveliest)} of {len(channels)} maps, {height}{TIMES}{width}"
        row.suptitle(caption, fontsize=10, x=0.01, ha="left")
        for place, axes in enumerate(row.subplots(1, MAPS_SHOWN)):
            axes.axis("off")
            if place < len(liveliest):
                axes.imshow(liveliest[place], cmap="magma", vmin=0, vmax=liveliest.max())
    return figure


def draw_saliency(
    glyph: np.ndarray, heats: Sequence[np.ndarray], captions: Sequence[str], title: str
) -> Figure:
    """The digit and, under it, heat maps of what speaks for one reading and for another.

    Args:
        glyph: float, (28, 28), ink 1 on 0.
        heats: at least one, (28, 28), in [0, 1].
        captions: one for each heat map.
    """
    figure = _figure(3.15, title)
    first, *others = figure.subplots(1, 1 + len(heats))
    _show_ink(first, glyph)
    first.set_title("what the network sees", fontsize=11)
    for axes, heat, caption in zip(others, heats, captions, strict=True):
        image = axes.imshow(heat, cmap=HEAT, vmin=0, vmax=1, interpolation="bilinear")
        axes.imshow(np.zeros_like(glyph), cmap="gray", vmin=0, vmax=1, alpha=0.8 * glyph)
        axes.set_title(caption, fontsize=11)
        _without_ticks(axes)
    bar = figure.colorbar(image, ax=others, shrink=0.8, ticks=(0, 1))
    bar.ax.set_yticklabels(("nothing", "most"))
    return figure


def draw_embedding(
    points: np.ndarray, labels: np.ndarray, readings: np.ndarray, names: Sequence[str], title: str
) -> Figure:
    """A dot for each image, coloured by its class; what is misread is a circle with its true class.

    Args:
        points: float, (N, 2), N at least 2.
        labels: the true classes, integers, (N,).
        readings: the classes read, integers, (N,).
        names: one for each class.
    """
    high = 7
    figure = _figure(high, title)
    axes = figure.subplots()
    axes.axis("off")
    points = (points - points.min(0)) / np.ptp(points, axis=0) * (WIDTH, high)  # nearly inches on the page
    axes.set(xlim=(-0.3, WIDTH + 0.3), ylim=(-0.3, high + 0.3))
    right = labels == readings
    axes.scatter(*points[right].T, s=7, color=CLASSES(labels[right]), alpha=0.6, linewidths=0)
    halo = [withStroke(linewidth=4, foreground="white")]
    for label in np.unique(labels):
        middle = np.median(points[labels == label], axis=0)
        axes.text(*middle, names[label], size=22, weight="bold", ha="center", va="center", path_effects=halo)
    wrong, truths = points[~right], labels[~right]
    if len(wrong) > CIRCLES:  # too many for numbers: the bad network is plain enough
        axes.scatter(*wrong.T, s=16, color=CLASSES(truths), edgecolors="black", linewidths=0.6)
        return figure
    apart = _spread(wrong, 0.17)
    axes.plot(*np.stack([wrong, apart]).transpose(2, 0, 1), color="black", linewidth=0.8)
    axes.scatter(*apart.T, s=90, color=CLASSES(truths), edgecolors="black", zorder=3)
    for place, truth in zip(apart, truths, strict=True):
        style = {"size": 7.5, "weight": "bold", "color": "white", "ha": "center", "va": "center_baseline"}
        axes.text(*place, names[truth], zorder=3, **style)
    return figure


def _spread(points: np.ndarray, apart: float) -> np.ndarray:
    """The points, (N, 2), moved as little as it takes for no two to be nearer than `apart`, or nearly so."""
    turn = np.arange(len(points))
    moved = points + 1e-3 * np.stack([np.cos(turn), np.sin(turn)], 1)  # parts those that coincide
    for _ in range(300):
        gaps = moved[:, None] - moved
        distances = np.hypot(*gaps.transpose(2, 0, 1)) + np.diag(np.full(len(points), np.inf))
        pushes = np.clip(apart - distances, 0, None) / distances
        if not pushes.any():
            break
        moved += 0.3 * (pushes[..., None] * gaps).sum(1)
    return moved


def _figure(height: float, title: str) -> Figure:
    """An empty one with room for a title of several lines; `height` in inches, without that."""
    top = 0.22 + 0.22 * len(title.splitlines())
    figure = Figure(figsize=(WIDTH, height + top), layout="constrained")
    figure.get_layout_engine().set(rect=(0.01, 0.015, 0.98, height / (height + top) - 0.015))
    figure.suptitle(title, fontsize=13, y=1 - 0.14 / (height + top))
    return figure


def _show_ink(axes: Axes, glyph: np.ndarray) -> None:
    axes.imshow(glyph, cmap="gray_r", vmin=0, vmax=1)
    _without_ticks(axes)


def _show_probabilities(axes: Axes, probabilities: np.ndarray, names: Sequence[str]) -> None:
    best = int(probabilities.argmax())
    axes.set_title(f"read as {names[best]}, {percent(probabilities[best], decimals=1)}", fontsize=10)
    places = range(len(names))
    axes.barh(places, probabilities, color="tab:blue")
    axes.set_yticks(places, names)
    axes.set_xticks((0, 1), ("0", "100%"))
    axes.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5))
    axes.tick_params(left=False)
    axes.spines[["top", "right"]].set_visible(False)


def _without_ticks(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
