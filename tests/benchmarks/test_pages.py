"""Tests of the measurement of pages."""

import re
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks import pages
from benchmarks.pages import Table
from recognition.reading import Reading
from tests.support import written_pages
from tests.support.written_pages import KINDS, made_pages
from tests.training.made_pages.hands import straight_hands
from training.made_pages.handwriting import Hand, Symbol


def reading(digit: int, confidence: float = 0.995, novelty: float = 0.2) -> Reading:
    probabilities = np.full(10, (1 - confidence) / 9, np.float32)
    probabilities[digit] = confidence
    return Reading(digit, probabilities, novelty, (0, 0, 1, 1), np.zeros((28, 28), np.float32))


def test_a_table_counts_digits_that_are_found_and_sure_ones_that_are_right(capsys):
    table = Table()
    table.add("rows", "123", "123", [reading(1), reading(2), reading(3)])
    table.add("rows", "45", "75?", [reading(7), reading(5, 0.6), reading(9, novelty=3.0)])
    table.show("pages")
    row = capsys.readouterr().out.splitlines()[-1]
    # 1, 2, 3, 5 of five; four of five that are given are sure; of these the 7 is wrong
    assert row == "| all | 2 | 1 | 80.0% | 80.0% | 75.0% |"


def test_made_pages_are_read_and_timed(monkeypatch, capsys):
    page = Image.new("L", (60, 90), 255)
    ImageDraw.Draw(page).ellipse((15, 20, 45, 70), outline=0, width=5)
    monkeypatch.setattr(pages, "all_cases", list)
    monkeypatch.setattr(pages, "load_hands", lambda args: (None, None))
    monkeypatch.setattr(pages, "made_pages", lambda *given: [("a number", page, ["0"])] * 2)
    monkeypatch.setattr(sys, "argv", ["pages.py", "--ink", "strokes.jsonl.gz"])
    assert pages.main() == 0
    table, time = capsys.readouterr().out.split("made pages |")[1].split("\n\n")
    assert "| all | 2 | 2 | 100.0% |" in table
    assert re.fullmatch(r"Processor time of a made page: \d\.\d\d s .*, \d\.\d\d s .*\n", time)


@pytest.mark.parametrize("kind", KINDS)
def test_made_pages_depend_on_the_seed_alone_and_have_text(kind):
    first, again = (
        next(page for page in made_pages(straight_hands(), 1, 4) if page[0] == kind) for _ in range(2)
    )
    assert first[1].tobytes() == again[1].tobytes()
    assert first[2] == again[2]
    assert any(char.isdigit() for line in first[2] for char in line)


def test_crossed_out_numbers_are_no_text_of_made_pages(monkeypatch):
    photograph, left_out = written_pages.photograph, []

    def photograph_struck(sheet, *rest, **named):
        page = photograph(sheet, *rest, **named)
        if sheet.kind == "comb":  # a page of boxes, each with a number of one digit
            sheet.numbers[0].struck = True
        return page

    def text_of(seed: int) -> list[str]:
        return next(page for page in made_pages(straight_hands(), 1, seed) if page[0] == "boxes")[2]

    whole = [text_of(seed) for seed in range(6)]
    monkeypatch.setattr(written_pages, "photograph", photograph_struck)
    for seed, (line,) in enumerate(whole):
        left_out.append(text_of(seed) == [line[1:]])
    assert sum(left_out) > 3  # others have a digit that was crossed out before


def test_a_page_that_nobody_could_read_is_replaced(monkeypatch):
    photograph, shown = written_pages.photograph, []

    def photograph_nothing_first(sheet, *rest, **named):
        page = photograph(sheet, *rest, **named)
        shown.append(page if shown else replace(page, picture=np.full_like(page.picture, 200)))
        return shown[-1]

    monkeypatch.setattr(written_pages, "photograph", photograph_nothing_first)
    _, picture, _ = next(made_pages(straight_hands(), 1, 4))
    assert len(shown) > 1
    assert np.ptp(np.asarray(picture)) > 0


def test_a_page_from_which_a_faulty_digit_was_left_out_is_replaced(monkeypatch):
    write = Hand.write
    monkeypatch.setattr(
        Hand, "write", lambda self, char: Symbol([], 9.0) if char == "5" else write(self, char)
    )
    texts = ["".join(page[2]) for seed in range(3) for page in made_pages(straight_hands(), 1, seed)]
    assert not any("5" in text for text in texts)
