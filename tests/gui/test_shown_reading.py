"""Tests of the texts that show a reading."""

from dataclasses import replace

from gui.protocol import DigitReading, PageReading
from gui.shown_reading import ShownReading


def one(number: int, confidence: float = 0.9, is_digit: bool = True) -> DigitReading:
    rest = (1 - confidence) / 10
    probabilities = tuple(confidence if n == number else rest for n in range(10))
    return DigitReading(number, probabilities, rest, is_digit, (0, 0, 1, 1), b"")


def test_how_sure_it_is_stands_in_words_where_it_is_low():
    page = (one(7, 0.99), replace(one(2, 0.6), probabilities=(0, 0.25, 0.6, *[0.02] * 7)))
    number = ShownReading(PageReading(page, "7 2"))
    assert (number.note(), number.title()) == ("or 7 1?", "7 2, or 7 1?")
    assert ShownReading(PageReading(page[::-1], "2 7")).chosen == 0, "the one that is not sure"
    assert ShownReading(PageReading(page[::-1], "+ 7")).chosen == 1, "a sign has no runners-up"
    assert ShownReading(PageReading((page[0],) * 3, "777")).chosen == 2
    assert ShownReading(PageReading((page[0],) * 3, "77+")).chosen == 1
    sign = ShownReading(PageReading((replace(page[0], no_digit=0.99, is_digit=False),), "+"))
    assert (sign.chosen, sign.contenders()) == (0, [])
    both = ShownReading(PageReading((page[0],) * 2, "7+"))
    assert both.are_signs() == [False, True]
    single = ShownReading(PageReading(page[1:], "2"))
    assert (single.note(), single.title()) == ("or 1?", "2, or 1?")
    assert [label for label, _ in single.contenders()] == ["2", "1", "?"]
    single.correct(1, "one")
    assert single.title() == "1 · corrected"
    assert [label for label, _ in single.contenders()] == ["2", "3"]
    unsure = ShownReading(PageReading((replace(one(2, 0.4, False), no_digit=0.5),), "?"))
    assert unsure.title() == "?"
    assert unsure.contenders()[:2] == [("?", 0.5), ("2", 0.4)]
    print_perhaps = ShownReading(PageReading((replace(one(2, 0.3), no_digit=0.6),), "2"))
    assert [label for label, _ in print_perhaps.contenders()[:2]] == ["2", "?"], "the reading stands first"
    sure = ShownReading(PageReading(page[:1], "7"))
    assert [label for label, _ in sure.contenders()] == ["0", "1"]
    long = ShownReading(PageReading((*page[:1] * 5, page[1]), "77777 2"))
    assert long.note() == "60 %"
    doubtful = ShownReading(PageReading((replace(one(2, 0.7), no_digit=0.2),), "2"))
    assert (doubtful.note(), doubtful.title()) == ("or no digit?", "2, or no digit?")


def test_text_note_and_labels():
    assert (ShownReading().text(), ShownReading().note(), ShownReading().digit) == ("", "", None)
    sure = ShownReading(PageReading((one(7, 0.9999),), "7"))
    assert (sure.text(), sure.note()) == ("7", "99 %")
    unsure = ShownReading(PageReading((one(7, 0.99), one(1, 0.5, False)), "7?"))
    assert (unsure.text(), unsure.note(), unsure.chosen) == ("7?", "not sure", 1)
    other = ShownReading(PageReading((one(1, 0.1, False),), "?"))
    assert (other.note(), other.title()) == ("not a digit?", "?")
    other.correct(1, "zero")
    assert other.note() == "corrected", "what was guessed was not read"
    number = ShownReading(PageReading((one(7, 0.99), one(2, 0.91), one(5, 0.95)), "72 5"))
    assert (number.text(), number.note(), number.title()) == ("72 5", "91 %", "72 5 · 91 %")
    assert number.correct(9, "one") is None
    assert number.correct(6, "two") == (9, "one"), "one digit, one sample"
    assert (number.text(), number.note(), number.labels()) == ("72 6", "corrected", ["7", "2", "6"])
    number.chosen = 0
    number.correct(1, "three")
    number.corrected.clear()
    number.correct(7, "four")
    assert number.note() == "confirmed", "it was read so"
    number.correct(1, "three")
    assert number.corrected.popitem() == (0, (1, "three")), "the last correction is taken back first"
