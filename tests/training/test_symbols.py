"""Tests of the symbol network's training and of the signs and other ink that it is made from."""

import json
import sys

import numpy as np
import pytest
import torch

from preprocessing.stroke_files import StrokeSample
from recognition import symbols
from recognition.symbols import KINDS, SIGNS, SymbolNetwork
from tests.training.made_pages.hands import SHAPES, sample
from training import symbols as training
from training.made_signs import SIGN_MAKERS, letter
from training.made_symbols import Style, make_example

DIGITS = [(label, sample(label).strokes) for label in SHAPES]


def size_and_middle(strokes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    points = np.concatenate(strokes)
    return np.ptp(points, axis=0), (points.min(0) + points.max(0)) / 2


@pytest.mark.parametrize("sign", SIGNS)
def test_signs_have_their_sizes_and_places(sign):
    drawn = [size_and_middle(SIGN_MAKERS[sign](np.random.default_rng(seed))) for seed in range(50)]
    width, height = np.median([size for size, _ in drawn], axis=0)
    middle = np.median([place[1] for _, place in drawn])  # 0 the top of the digits, 1 their baseline
    if sign in ".,":
        assert max(width, height) < 0.4
        assert middle > 0.9
    elif sign == "-":
        assert height < 0.2 * width
        assert 0.4 < middle < 0.65
    elif sign in "()/":
        assert height > 1.1
    elif sign == ":":
        assert width < 0.5 * height
    else:
        assert 0.3 < width < 1.1
        assert 0.35 < middle < 0.75


def test_a_letter_is_as_high_as_a_digit_and_stands_on_the_line():
    for seed in range(50):
        size, middle = size_and_middle(letter(np.random.default_rng(seed)))
        assert 0.3 < size[1] < 1.7
        assert 0.2 < middle[1] < 0.9


def test_a_digit_is_scaled_to_the_line():
    for seed in range(50):
        rng = np.random.default_rng(seed)
        size, middle = size_and_middle(Style.of(rng).digit(sample(8).strokes, rng))
        assert 0.6 < size[1] < 1.5
        assert 0.2 < middle[1] < 0.8


def examples(count: int) -> list:
    made = [make_example(DIGITS, np.random.default_rng((5, seed))) for seed in range(count)]
    return [example for example in made if example]


def test_examples_are_of_all_kinds_and_depend_on_the_seed_alone():
    first = examples(600)
    assert {KINDS[example.kind] for example in first} == set(KINDS)
    for example, again in zip(first, examples(60), strict=False):
        assert (example.glyph == again.glyph).all()
        assert (example.place == again.place).all()
        assert example.kind == again.kind
    for example in first:
        assert example.glyph.min() >= 0
        assert 0 < example.glyph.max() <= 1
        assert np.isfinite(example.place).all()


@pytest.mark.parametrize("writers", [[None], range(12)])
def test_one_in_six_is_held_out_by_writer_if_writers_are_known(writers):
    made = [
        StrokeSample([np.array([(writer or 0, 0.0)])], 1, writer) for writer in writers for _ in range(24)
    ]
    training_part, held_out = training.split(made)
    assert len(held_out) == len(made) / 6
    if len(writers) > 1:
        of = [{strokes[0][0, 0] for _, strokes in part} for part in (training_part, held_out)]
        assert not of[0] & of[1]


@pytest.mark.long
def test_the_network_learns_and_is_written(tmp_path, monkeypatch, capsys):
    strokes = tmp_path / "strokes.jsonl"
    lines = [{"label": label, "strokes": shape} for _ in range(6) for label, shape in SHAPES.items()]
    strokes.write_text("\n".join(map(json.dumps, lines)))
    flags = ["--dataset", "digits", "--examples", "1500", "--epochs", "4", "--workers", "1", "--threads", "1"]
    output = tmp_path / "symbols.pt"
    monkeypatch.setattr(sys, "argv", ["symbols", "--ink", str(strokes), *flags, "--output", str(output)])
    assert training.main() == 0
    report = capsys.readouterr().out
    share = float(report.partition("%")[0])
    assert share > 40, report
    assert "crossed out" in report
    network = symbols.load(output)
    assert isinstance(network, SymbolNetwork)
    example = make_example(DIGITS, np.random.default_rng(0))
    with torch.inference_mode():
        logits = network(torch.from_numpy(example.glyph)[None, None], torch.from_numpy(example.place)[None])
    assert logits.shape == (1, len(KINDS))


def test_too_few_drawings_are_refused(tmp_path, monkeypatch):
    strokes = tmp_path / "strokes.jsonl"
    strokes.write_text(json.dumps({"label": 1, "strokes": SHAPES[1]}))
    monkeypatch.setattr(sys, "argv", ["symbols", "--ink", str(strokes)])
    with pytest.raises(training.UserError, match="at least 6"):
        training.main()
