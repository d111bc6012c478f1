"""Fit how likely what is read on pages is right, and compare it with accuracy on pages by other writers.

    python -m benchmarks.page_confidence strokes.jsonl.gz

The constants that it prints are those of recognition/page_confidence.py. They are fitted to hard pages, from
tests/support/written_pages.py, and to plain ones, all by writers that the ink network has learned from.
"""

import argparse
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from common.cli import ArgumentParser, number, run_script
from data import add_data_arguments
from recognition.page_confidence import EVIDENCE
from recognition.reading import Reading
from recognition.recognizer import Recognizer
from tests.support.written_pages import KINDS, made_pages
from training.ink_network import load_hands
from training.made_pages.handwriting import Hands

SEED, OTHER_SEED = 101, 7  # of the pages to fit to, and of those to compare on
BANDS = (0.0, 0.3, 0.5, 0.7, 0.9, 0.95, 0.98, 0.99)  # of confidence, the lowest of each
SHARPNESS = 10.0  # inverse strength of regularisation

Judged = list[tuple[Reading, bool]]  # the digits of a page, and whether each is right


def main() -> int:
    """Run the script and return its exit status."""
    args = parse_arguments()
    torch.set_num_threads(1)
    recognizer = Recognizer(args.checkpoint)
    known, others = load_hands(args)
    hard = ((picture, lines) for _, picture, lines in made_pages(known, args.pages, SEED))
    total = args.pages * len(KINDS)
    fitted = [*judge(recognizer, hard, total), *judge(recognizer, plain_pages(known, args.pages), args.pages)]
    show_constants(fitted)
    compared = ((picture, lines) for _, picture, lines in made_pages(others, args.pages, OTHER_SEED))
    show_bands([digit for page in judge(recognizer, compared, total) for digit in page])
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Fit how likely what is read on pages is right.")
    add = parser.add_argument
    add("ink", type=Path, metavar="FILE", help="strokes with labels and writers, to make pages of")
    add("--checkpoint", help="weights: a file, newest, shipped or ink (default: ink)")
    add("--pages", type=number(int, at_least=1), default=40, help="pages of each kind")
    add_data_arguments(add)
    return parser.parse_args()


def judge(recognizer: Recognizer, pages: Iterable[tuple[Image.Image, list[str]]], total: int) -> list[Judged]:
    """Read pages of known text."""
    found = []
    for picture, lines in tqdm(pages, total=total, unit=" pages", disable=None):
        digits = [reading for reading in recognizer.read_image(picture) if reading.kind == "digit"]
        said = "".join(str(reading.digit) if reading.is_digit else "?" for reading in digits)
        truth = "".join(char for line in lines for char in line if char.isdigit())
        blocks = SequenceMatcher(None, said, truth, autojunk=False).get_matching_blocks()
        right = {place for block in blocks for place in range(block.a, block.a + block.size)}
        found.append([(reading, place in right) for place, reading in enumerate(digits) if reading.is_digit])
    return found


def plain_pages(hands: Hands, count: int) -> Iterator[tuple[Image.Image, list[str]]]:
    """Yield pages of light paper with rows of dark digits and nothing else, and the text of each row."""
    rng = np.random.default_rng(SEED)
    writers = Hands(hands.drawings, hands.images[:0], hands.labels[:0])
    for _ in range(count):
        hand, height = writers.hand(rng), float(np.exp(rng.uniform(np.log(25), np.log(120))))
        width, length = rng.integers(500, 1400), rng.integers(400, 1000)
        picture = Image.new("L", (width, length), int(rng.integers(200, 256)))
        draw, ink, lines = ImageDraw.Draw(picture), int(rng.integers(0, 100)), []
        pen = max(2, round(height * rng.uniform(0.05, 0.11)))
        for top in np.arange(rng.uniform(0.05, 0.3) * length, length - height, 2 * height)[:4]:
            left, text = rng.uniform(0.05, 0.2) * width, ""
            for char in map(str, rng.integers(0, 10, rng.integers(1, 8))):
                symbol = hand.write(char)
                if left + symbol.width * height > width - 10:
                    break
                for stroke in symbol.strokes:
                    points = [tuple(point) for point in (left, top) + height * stroke]
                    draw.line(points, ink, pen, joint="curve")
                left, text = left + height * (symbol.width + rng.uniform(0.15, 0.4)), text + char
            lines.append(text)
        noise = rng.normal(0, rng.uniform(0, 4), (length, width))
        noisy = (np.asarray(picture) + noise).clip(0, 255).astype(np.uint8)
        yield Image.fromarray(noisy), [line for line in lines if line]


def show_constants(pages: list[Judged]) -> None:
    """Fit both regressions, and print their constants."""
    digits = [[(reading.evidence, right) for reading, right in page] for page in pages]
    digits = [[(evidence, right) for evidence, right in page if evidence is not None] for page in digits]
    evidence = np.array([evidence for page in digits for evidence, _ in page])
    right = np.array([right for page in digits for _, right in page])
    own = LogisticRegression(C=SHARPNESS, max_iter=5_000).fit(evidence, right)
    log_odds = own.decision_function(evidence)
    ends = np.cumsum([len(page) for page in digits])[:-1]
    means = np.concatenate(
        [np.full(len(part), part.mean()) for part in np.split(log_odds, ends) if len(part)]
    )
    both = LogisticRegression(C=SHARPNESS, max_iter=5_000).fit(np.stack([log_odds, means], 1), right)
    print(f"{len(right):,} digits on {len(digits):,} pages, {right.mean():.1%} right\n")
    for name, weight in zip((*EVIDENCE, "constant"), (*own.coef_[0], *own.intercept_), strict=True):
        print(f"{name:24} {weight:6.2f}")
    for name, weight in zip(("own", "page", "constant"), (*both.coef_[0], *both.intercept_), strict=True):
        print(f"{name:24} {weight:6.2f}")


def show_bands(digits: Judged) -> None:
    """Print how many digits are right in each band of confidence, with the constants as they are."""
    print("\n| confidence | digits | right | digits by the network alone | right |")
    print("|---|---:|---:|---:|---:|")
    right = np.array([right for _, right in digits])
    confidence = np.array([reading.confidence for reading, _ in digits])
    alone = np.array([float(reading.probabilities.max()) for reading, _ in digits])
    for low, high in zip(BANDS, (*BANDS[1:], 1.01), strict=True):
        chosen = [(values >= low) & (values < high) for values in (confidence, alone)]
        cells = [f"{where.sum()} | {right[where].mean():.1%}" if where.any() else "0 | " for where in chosen]
        print(f"| {low:.0%} to {min(high, 1):.0%} | {' | '.join(cells)} |")


if __name__ == "__main__":
    run_script(main)
