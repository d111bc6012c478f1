"""Measure how well pages with several digits are read, by kind.

    python -m benchmarks.pages                                 the cases of tests/cases
    python -m benchmarks.pages --ink strokes.jsonl.gz          and made pages, by people not learned from

Spaces count only in cases about them.
"""

import time
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from common.cli import ArgumentParser, number, run_script
from data import add_data_arguments
from recognition.reading import Reading, rows_of
from recognition.recognizer import Recognizer
from tests.support.cases import all_cases, read_case, text_of_case
from tests.support.written_pages import KINDS, made_pages
from training.ink_network import load_hands

SURE = 0.99


def main() -> int:
    """Run the script and return its exit status."""
    parser = ArgumentParser("Measure how well pages with several digits are read.")
    add = parser.add_argument
    add("--checkpoint", help="weights: a file, newest, shipped or ink (default: ink)")
    add("--ink", type=Path, metavar="FILE", help="strokes with labels and writers, to make pages of")
    add("--pages", type=number(int, at_least=1), default=40, help="made pages of each kind")
    add("--seed", type=number(int, at_least=0), default=1, help="of the made pages")
    add_data_arguments(add)
    args = parser.parse_args()
    torch.set_num_threads(1)
    recognizer = Recognizer(args.checkpoint)
    print(f"weights  {recognizer.checkpoint.describe()}\n")
    table = Table()
    for case in all_cases():
        pages = read_case(case, recognizer)
        kind, text = case["kind"].partition(":")[0], text_of_case(case, pages)
        table.add(kind, case["want"], text, [reading for page in pages for reading in page])
    table.show("cases")
    if args.ink:
        _, hands = load_hands(args)  # those that the ink network has not learned from
        table, total, seconds = Table(), args.pages * len(KINDS), []
        for kind, picture, lines in tqdm(made_pages(hands, args.pages, args.seed), total=total, disable=None):
            start = time.process_time()
            readings = recognizer.read_image(picture)
            seconds.append(time.process_time() - start)
            text = " ".join("".join(row) for row in rows_of(readings))
            table.add(kind, " ".join(lines), text, readings)
        print()
        table.show("made pages")
        median, slow = np.percentile(seconds, (50, 90))
        print(f"\nProcessor time of a made page: {median:.2f} s (median), {slow:.2f} s (90th percentile)")
    return 0


class Table:
    """Counts, by kind, of what is read right."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter] = {}

    def add(self, kind: str, wanted: str, text: str, readings: Sequence[Reading]) -> None:
        """Count one page.

        Args:
            kind: of the page.
            wanted: its text, with spaces between lines.
            text: what was read, in the same form.
            readings: the same digits and signs, in the same order.
        """
        counts = self.counts.setdefault(kind, Counter())
        counts["pages"] += 1
        counts["right"] += text == wanted
        digits = judge(readings, wanted)
        counts["digits"] += sum(char.isdigit() for char in wanted)
        counts["given"] += len(digits)
        counts["found"] += sum(right for _, right in digits)
        sure = [right for reading, right in digits if reading.confidence >= SURE]
        counts["sure"] += len(sure)
        counts["sure and right"] += sum(sure)

    def show(self, name: str) -> None:
        """Print the table in Markdown."""
        print(f"| {name} | pages | entirely right | digits found | given with 99 % | right of those |")
        print("|---|---:|---:|---:|---:|---:|")
        total: Counter = sum(self.counts.values(), Counter())
        for kind, c in [*self.counts.items(), ("all", total)]:
            pairs = (("found", "digits"), ("sure", "given"), ("sure and right", "sure"))
            shares = " | ".join(f"{c[part] / max(1, c[whole]):.1%}" for part, whole in pairs)
            print(f"| {kind} | {c['pages']} | {c['right']} | {shares} |")


def judge(readings: Sequence[Reading], wanted: str) -> list[tuple[Reading, bool]]:
    """Return the digits of a page without `?`, and whether each is right: the most that can be, in order.

    Args:
        readings: of the page.
        wanted: its text.
    """
    digits = [reading for reading in readings if reading.kind == "digit"]
    said = "".join(str(reading.digit) if reading.is_digit else "?" for reading in digits)
    truth = "".join(char for char in wanted if char.isdigit())
    blocks = SequenceMatcher(None, said, truth, autojunk=False).get_matching_blocks()
    right = {place for block in blocks for place in range(block.a, block.a + block.size)}
    return [(reading, place in right) for place, reading in enumerate(digits) if reading.is_digit]


if __name__ == "__main__":
    run_script(main)
