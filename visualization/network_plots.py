"""Plot filters, feature maps, saliency and embeddings as figures of 10 inches in width.

Figures are created without pyplot, so no display is needed.
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
MAX_LABELLED = 200  # mistakes that an embedding shows with their class
CLASS_COLOURS = colormaps["tab10"]
HEAT_COLOURS = LinearSegmentedColormap.from_list(
    "heat", ["white", "#ffeda0", "#feb24c", "#f03b20", "#bd0026"]
)


def draw_filters(kernels: np.ndarray, title: str) -> Figure:
    """Draw convolution kernels on a common scale: positive weights red, negative ones blue.

    Args:
        kernels: float, (N, height, width).
        title: the figure's title.
    """
    columns = 8
    rows = -(-len(kernels) // columns)
    figure = empty_figure(1.18 * max(rows, 2) + 0.2, title)
    bound = np.quantile(np.abs(kernels), 0.99)  # robust to a single large weight
    for number, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        without_ticks(axes)
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
    """Draw a digit with its reading and, for each stage, the feature maps with the highest variance.

    Args:
        glyph: float, (28, 28), ink 1 on 0.
        maps: of each stage by its name, (channels, height, width); from dark, 0, to bright, the largest value
            shown of the stage.
        probabilities: (classes,).
        names: the class names.
        title: the figure's title.
    """
    figure = empty_figure(1.08 * len(maps) + 0.2, title)
    left, right = figure.subfigures(1, 2, width_ratios=(2.3, 7.7))
    digit, bars = left.subplots(2, 1)
    show_ink(digit, glyph)
    _show_probabilities(bars, probabilities, names)
    for row, (stage, channels) in zip(
        right.subfigures(len(maps), 1, squeeze=False)[:, 0], maps.items(), strict=True
    ):
        shown = channels[np.argsort(-channels.std((1, 2)), kind="stable")[:MAPS_SHOWN]]
        height, width = channels.shape[1:]
        caption = f"{stage}: {len(shown)} of {len(channels)} maps, {height}{TIMES}{width}"
        row.suptitle(caption, fontsize=10, x=0.01, ha="left")
        for place, axes in enumerate(row.subplots(1, MAPS_SHOWN)):
            axes.axis("off")
            if place < len(shown):
                axes.imshow(shown[place], cmap="magma", vmin=0, vmax=shown.max())
    return figure


def draw_saliency(
    glyph: np.ndarray, heats: Sequence[np.ndarray], captions: Sequence[str], title: str
) -> Figure:
    """Draw a digit and heat maps of what speaks for each of several readings.

    Args:
        glyph: float, (28, 28), ink 1 on 0.
        heats: at least one heat map, (28, 28), in [0, 1].
        captions: the heat maps' captions.
        title: the figure's title.
    """
    figure = empty_figure(3.15, title)
    first, *others = figure.subplots(1, 1 + len(heats))
    show_ink(first, glyph)
    first.set_title("what the network sees", fontsize=11)
    for axes, heat, caption in zip(others, heats, captions, strict=True):
        image = axes.imshow(heat, cmap=HEAT_COLOURS, vmin=0, vmax=1, interpolation="bilinear")
        axes.imshow(np.zeros_like(glyph), cmap="gray", vmin=0, vmax=1, alpha=0.8 * glyph)
        axes.set_title(caption, fontsize=11)
        without_ticks(axes)
    bar = figure.colorbar(image, ax=others, shrink=0.8, ticks=(0, 1))
    bar.ax.set_yticklabels(("nothing", "most"))
    return figure


def draw_embedding(
    points: np.ndarray, labels: np.ndarray, readings: np.ndarray, names: Sequence[str], title: str
) -> Figure:
    """Draw a dot for each image, coloured by its class; misread images are circles with their true class.

    Args:
        points: float, (N, 2), N at least 2.
        labels: the ground truth, integers, (N,).
        readings: the predicted classes, integers, (N,).
        names: the class names.
        title: the figure's title.
    """
    height = 7
    figure = empty_figure(height, title)
    axes = figure.subplots()
    axes.axis("off")
    points = (points - points.min(0)) / np.ptp(points, axis=0) * (WIDTH, height)  # nearly in inches
    axes.set(xlim=(-0.3, WIDTH + 0.3), ylim=(-0.3, height + 0.3))
    right = labels == readings
    axes.scatter(*points[right].T, s=7, color=CLASS_COLOURS(labels[right]), alpha=0.6, linewidths=0)
    halo = [withStroke(linewidth=4, foreground="white")]
    for label in np.unique(labels):
        middle = np.median(points[labels == label], axis=0)
        axes.text(*middle, names[label], size=22, weight="bold", ha="center", va="center", path_effects=halo)
    wrong, truths = points[~right], labels[~right]
    if len(wrong) > MAX_LABELLED:  # labels would cover each other
        axes.scatter(*wrong.T, s=16, color=CLASS_COLOURS(truths), edgecolors="black", linewidths=0.6)
        return figure
    spread = _spread(wrong, 0.17)
    axes.plot(*np.stack([wrong, spread]).transpose(2, 0, 1), color="black", linewidth=0.8)
    axes.scatter(*spread.T, s=90, color=CLASS_COLOURS(truths), edgecolors="black", zorder=3)
    for place, truth in zip(spread, truths, strict=True):
        style = {"size": 7.5, "weight": "bold", "color": "white", "ha": "center", "va": "center_baseline"}
        axes.text(*place, names[truth], zorder=3, **style)
    return figure


def _spread(points: np.ndarray, apart: float) -> np.ndarray:
    """Move points, (N, 2), a little so that the distance between any two is about `apart` or more."""
    angle = np.arange(len(points))
    moved = points + 1e-3 * np.stack([np.cos(angle), np.sin(angle)], 1)  # separates identical points
    for _ in range(300):
        gaps = moved[:, None] - moved
        distances = np.hypot(*gaps.transpose(2, 0, 1)) + np.diag(np.full(len(points), np.inf))
        pushes = np.clip(apart - distances, 0, None) / distances
        if not pushes.any():
            break
        moved += 0.3 * (pushes[..., None] * gaps).sum(1)
    return moved


def empty_figure(height: float, title: str) -> Figure:
    """Return an empty figure with a title of one or more lines; `height` is in inches, without the title."""
    top = 0.22 + 0.22 * len(title.splitlines())
    figure = Figure(figsize=(WIDTH, height + top), layout="constrained")
    figure.get_layout_engine().set(rect=(0.01, 0.015, 0.98, height / (height + top) - 0.015))
    figure.suptitle(title, fontsize=13, y=1 - 0.14 / (height + top))
    return figure


def show_ink(axes: Axes, glyph: np.ndarray) -> None:
    """Draw a glyph, black on white."""
    axes.imshow(glyph, cmap="gray_r", vmin=0, vmax=1)
    without_ticks(axes)


def _show_probabilities(axes: Axes, probabilities: np.ndarray, names: Sequence[str]) -> None:
    """Draw a bar for the probability of each class."""
    best = int(probabilities.argmax())
    axes.set_title(f"read as {names[best]}, {percent(probabilities[best], decimals=1)}", fontsize=10)
    places = range(len(names))
    axes.barh(places, probabilities, color="tab:blue")
    axes.set_yticks(places, names)
    axes.set_xticks((0, 1), ("0", "100%"))
    axes.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5))
    axes.tick_params(left=False)
    axes.spines[["top", "right"]].set_visible(False)


def without_ticks(axes: Axes) -> None:
    """Remove the ticks of both axes."""
    axes.set_xticks([])
    axes.set_yticks([])
