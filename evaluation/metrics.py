"""The accuracy of a network: logits of a whole set, and the figures of the score report."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from common.threads import thread_team
from data import LabelledImages

BATCH = 100  # images; larger batches exceed the caches (1,000 took twice as long per image)
CALIBRATION_BINS = 15
CONFUSIONS_SHOWN = 10


def compute_logits(model: nn.Module, digits: LabelledImages, batch_size: int = BATCH) -> Tensor:
    """Return the logits of all images, in evaluation mode and full precision.

    Args:
        model: on the images' device; it is left in evaluation mode.
        digits: at least one.
        batch_size: images at a time.

    Returns:
        float32, (N, classes), on the images' device.
    """
    model.eval()

    @torch.inference_mode()
    def logits(batch: LabelledImages) -> Tensor:
        return model(batch.ink())

    return torch.cat(thread_team(digits.images.device).map(logits, digits.batches(batch_size)))


def score(log_probabilities: np.ndarray, labels: np.ndarray, class_names: list[str]) -> dict[str, Any]:
    """Compute the figures of a score report.

    Args:
        log_probabilities: floating point, (N, classes), N at least 1.
        labels: integers, (N,).
        class_names: one for each class.

    Returns:
        Values for JSON: "n", "errors", "accuracy", "accuracy_95" (95 % Wilson interval), "loss" (mean
        cross-entropy), "ece" (expected calibration error), "per_class" (precision, recall, f1, support),
        "confusions" (the 10 most frequent, each as truth, read_as, count) and "confusion_matrix" (one row
        for each true class).
    """
    # Imported here since training, which needs logits only, starts a second faster without them.
    from scipy.stats import binomtest
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    readings = log_probabilities.argmax(1)
    errors = int((readings != labels).sum())
    interval = binomtest(len(labels) - errors, len(labels)).proportion_ci(method="wilson")
    classes = range(len(class_names))
    matrix = confusion_matrix(labels, readings, labels=list(classes))
    columns = precision_recall_fscore_support(labels, readings, labels=list(classes), zero_division=0)
    pairs = [(int(matrix[i, j]), class_names[i], class_names[j]) for i in classes for j in classes if i != j]
    frequent = sorted((pair for pair in pairs if pair[0]), key=lambda pair: -pair[0])[:CONFUSIONS_SHOWN]
    return {
        "n": len(labels),
        "errors": errors,
        "accuracy": 1 - errors / len(labels),
        "accuracy_95": [float(interval.low), float(interval.high)],
        "loss": float(-log_probabilities[np.arange(len(labels)), labels].mean()),
        "ece": expected_calibration_error(np.exp(log_probabilities), labels),
        "per_class": {
            name: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
            for name, p, r, f, s in zip(class_names, *columns, strict=True)
        },
        "confusions": [{"truth": t, "read_as": r, "count": c} for c, t, r in frequent],
        "confusion_matrix": matrix.tolist(),
    }


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Compute the mean gap between confidence and accuracy over 15 equally wide bins of confidence.

    Args:
        probabilities: floating point, (N, classes); each row sums to 1.
        labels: integers, (N,).

    Returns:
        The error in [0, 1]; 0 for perfect calibration.

    Source: Guo et al., "On Calibration of Modern Neural Networks", 2017, equation 3.
    """
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == labels
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(labels))


def format_score(figures: dict[str, Any], title: str) -> str:
    """Format the figures of `score` as a text of several lines under `title`."""
    low, high = figures["accuracy_95"]
    lines = [
        title,
        f"  accuracy   {figures['accuracy']:.2%}   (95 % interval {low:.2%} to {high:.2%}, Wilson)",
        f"  errors     {figures['errors']:,} of {figures['n']:,}",
        f"  loss       {figures['loss']:.5f}   (mean cross-entropy)",
        f"  calibration error   {figures['ece']:.4f}   (expected, {CALIBRATION_BINS} bins)",
        "",
        "  class   precision   recall      F1   images",
    ]
    for name, row in figures["per_class"].items():
        shares = f"{row['precision']:9.4f}   {row['recall']:6.4f}  {row['f1']:6.4f}"
        lines.append(f"  {name:>5}   {shares}   {row['support']:6,}")
    lines += ["", "  most frequent confusions"]
    for row in figures["confusions"]:
        lines.append(f"  {row['truth']:>5} read as {row['read_as']:<3} {row['count']:6,}")
    if not figures["confusions"]:
        lines.append("      none")
    return "\n".join(lines) + "\n"
