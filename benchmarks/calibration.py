"""Compare confidence with accuracy on digits of writers that training has not seen.

    python -m benchmarks.calibration folds/ --checkpoint runs/fold-?/best.pt --figure docs/calibration.png

`folds/` and the checkpoints are those of `benchmarks/unseen.py`. Prints for each form of the digits the
expected calibration error (Naeini et al., "Obtaining Well Calibrated Probabilities Using Bayesian Binning",
2015, with bins of equal size), and how many of the digits given with 99 % or more are right.
"""

import argparse
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
from matplotlib.figure import Figure

from benchmarks.reading import segment_each
from benchmarks.unseen import fold_parser, held_out, is_right
from common.cli import run_script
from common.files import write_atomically
from evaluation.score_plots import to_png
from recognition.recognizer import Recognizer

BINS = 15
SURE = 0.99


def main() -> int:
    """Run the script and return its exit status."""
    args = parse_arguments()
    torch.set_num_threads(1)
    confidences: dict[str, list[float]] = defaultdict(list)
    right: dict[str, list[bool]] = defaultdict(list)
    with ProcessPoolExecutor(args.workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for fold, path in enumerate(args.checkpoint):
            recognizer = Recognizer(str(path))
            for name, labels, inputs in held_out(args.folds, fold, args.limit):
                pages = segment_each(inputs, pool)
                for readings, label in zip(recognizer.read(pages), labels, strict=True):
                    if readings and readings[0].is_digit:
                        confidences[name].append(readings[0].confidence)
                        right[name].append(is_right(readings, label))
    print("| held out | digits, without `?` | right | calibration error | given with 99 % | of these right |")
    print("|---|---:|---:|---:|---:|---:|")
    sets = {name: (np.array(confidences[name]), np.array(right[name])) for name in right}
    for name, (confidence, truth) in sets.items():
        sure = confidence >= SURE
        error = calibration_error(confidence, truth)
        print(
            f"| {name} | {len(truth):,} | {truth.mean():.2%} | {error:.4f} | {sure.mean():.1%} | "
            f"{truth[sure].mean():.2%} |"
        )
    if args.figure:
        write_atomically(args.figure, draw(sets))
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    return fold_parser(
        "Compare confidence with accuracy on held-out writers.", "draw a reliability diagram (PNG)"
    ).parse_args()


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Return the mean difference between confidence and accuracy over bins with equally many digits.

    Args:
        confidence: float, (N,), in [0, 1].
        right: bool, (N,).
    """
    bins = np.array_split(np.argsort(confidence, kind="stable"), BINS)
    gaps = [
        len(chosen) * abs(confidence[chosen].mean() - right[chosen].mean()) for chosen in bins if len(chosen)
    ]
    return float(sum(gaps) / len(confidence))


def draw(sets: dict[str, tuple[np.ndarray, np.ndarray]]) -> bytes:
    """Draw a reliability diagram, as PNG: the accuracy of the digits in each tenth of confidence.

    Args:
        sets: confidence and whether it is right, for each set by name.
    """
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="perfect")
    edges = np.linspace(0, 1, 11)
    for name, (confidence, right) in sets.items():
        place = np.minimum((confidence * 10).astype(int), 9)
        shown = [bin for bin in range(10) if (place == bin).sum() >= 5]
        axes.plot(
            [confidence[place == bin].mean() for bin in shown],
            [right[place == bin].mean() for bin in shown],
            marker="o",
            label=name,
        )
    axes.set(
        xlabel="confidence",
        ylabel="share that is right",
        xlim=(0, 1),
        ylim=(0, 1),
        xticks=edges,
        yticks=edges,
    )
    axes.legend(loc="upper left")
    return to_png(figure)


if __name__ == "__main__":
    run_script(main)
