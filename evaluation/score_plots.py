"""Learning curves, confusion matrix and misread images, each as the bytes of a PNG file.

The figures are drawn on Matplotlib's own canvas, so no display is needed.
"""

import io
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, PercentFormatter

MISTAKES_SHOWN = 100
TRAIN, VALIDATION = "tab:blue", "tab:orange"


def draw_curves(history: list[dict[str, Any]], validation_images: int, kept: int) -> bytes:
    """Plot loss and error against the epoch on logarithmic axes, and mark the epoch that is kept.

    Args:
        history: at least one row of `training.trainer.Trainer.history`.
        validation_images: number of validation images; with 0 only training is drawn.
        kept: number of the epoch whose weights are kept.

    Returns:
        A PNG file.
    """
    epochs = [row["epoch"] for row in history]
    marker = "o" if len(history) == 1 else None
    figure = Figure(figsize=(10, 4), layout="constrained")
    both = figure.subplots(1, 2)
    for axes, key in zip(both, ("train_loss", "train_error"), strict=True):
        train = [row[key] for row in history]
        axes.plot(epochs, train, color=TRAIN, marker=marker, label="training, distorted images")
    if validation_images:
        marked = history[epochs.index(kept)]
        losses = [row["val_loss"] for row in history]
        # 0 errors, which a logarithmic axis cannot show, are drawn as half an error.
        errors = [max(row["val_errors"], 0.5) / validation_images for row in history]
        labels = f"{marked['val_loss']:.4f}", f"{marked['val_errors']} wrong"
        for axes, values, label in zip(both, (losses, errors), labels, strict=True):
            axes.plot(epochs, values, color=VALIDATION, marker=marker, label="validation")
            at_mark = (marked["epoch"], values[epochs.index(marked["epoch"])])
            axes.plot(*at_mark, "o", color=VALIDATION)
            axes.annotate(label, at_mark, xytext=(4, -15), textcoords="offset points", ha="right")
    for axes, title in zip(both, ("Loss (mean cross-entropy)", "Error"), strict=True):
        axes.set(title=title, xlabel="epoch", yscale="log")
        axes.margins(y=0.12)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(history) == 1:
            axes.set(xlim=(epochs[0] - 0.5, epochs[0] + 0.5), xticks=epochs)
        axes.grid(alpha=0.3, which="both")
        axes.legend()
    both[1].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # the axis may span less than a power of ten
    both[1].yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    both[1].yaxis.set_minor_formatter("")
    return to_png(figure)


def draw_confusion_matrix(counts: np.ndarray, class_names: list[str], title: str) -> bytes:
    """Draw a confusion matrix on a logarithmic colour scale, on which a single mistake is visible.

    Args:
        counts: integers, (classes, classes): a row for each true class, a column for each reading.
        class_names: one for each class.
        title: the title of the figure.

    Returns:
        A PNG file.
    """
    figure = Figure(figsize=(8, 7.4), layout="constrained")
    axes = figure.subplots()
    shown = np.ma.masked_equal(counts, 0)  # 0 is left white
    image = axes.imshow(shown, cmap="Blues", norm=LogNorm(vmin=0.5, vmax=max(counts.max(), 1)))
    half = np.sqrt(0.5 * max(counts.max(), 1))  # the middle of the logarithmic scale
    for (row, column), count in np.ndenumerate(counts):
        axes.text(
            column,
            row,
            f"{count:,}" if count else "·",
            ha="center",
            va="center",
            color="white" if count > half else ("0.75" if count == 0 else "black"),
            weight="bold" if count and row != column else "normal",
            fontsize=12,
        )
    ticks = range(len(class_names))
    axes.set(title=title, xlabel="read as", ylabel="truth")
    axes.set_xticks(ticks, class_names)
    axes.set_yticks(ticks, class_names)
    axes.set_xticks(np.arange(len(class_names) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(class_names) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="0.9")
    axes.tick_params(which="both", length=0)
    bar = figure.colorbar(image, label="images, logarithmic", shrink=0.8)
    bar.ax.yaxis.set_major_formatter("{x:,.0f}")
    return to_png(figure)


def draw_mistakes(
    images: np.ndarray,
    truths: np.ndarray,
    readings: np.ndarray,
    confidences: np.ndarray,
    indices: np.ndarray,
    title: str,
) -> bytes:
    """Draw misread images with truth, reading and confidence, the most confident mistakes first.

    Args:
        images: uint8, (N, 28, 28), 0 for paper to 255 for full ink. Of more than 100, only the most
            confident are drawn.
        truths: class names, (N,).
        readings: class names, (N,).
        confidences: the probability of each reading, (N,), in [0, 1].
        indices: each image's index in its set, (N,).
        title: the title of the figure.

    Returns:
        A PNG file.
    """
    order = np.argsort(-confidences, kind="stable")[:MISTAKES_SHOWN]
    if len(order) < len(images):
        title = f"{title}, the surest {len(order)} of them"
    columns = 10
    rows = max(1, -(-len(order) // columns))
    # One image of all tiles, since an axes for each would take long to lay out.
    wide, high, top = 36, 46, 15  # width and height of a tile and height of its text, in pixels
    tiles = np.zeros((rows * high, columns * wide))
    figure = Figure(figsize=(columns * wide / 36, rows * high / 36 + 0.5), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    axes.axis("off")
    for place, at in enumerate(order):
        row, column = divmod(place, columns)
        y, x = row * high + top, column * wide + (wide - 28) // 2
        tiles[y : y + 28, x : x + 28] = images[at]
        text = f"{truths[at]} read as {readings[at]}\n{confidences[at]:.0%}  #{indices[at]}"
        axes.text(x + 14, y - 1, text, ha="center", va="bottom", fontsize=7.5, linespacing=1.1)
    axes.imshow(tiles, cmap="gray_r", vmin=0, vmax=255)
    return to_png(figure)


def to_png(figure: Figure) -> bytes:
    """Return the figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
