"""Tests of the benchmark of corrections, on strokes of our own design."""

import functools
import json
from collections.abc import Callable

import pytest

from benchmarks import personal as benchmark
from data import load_training
from tests.support.handwriting import ODD, digit, wobbly
from tests.support.project import Result, assert_one_line_error, flags


@pytest.fixture
def run(run_main) -> Callable[..., Result]:
    return functools.partial(run_main, benchmark.main)


@pytest.fixture
def strokes_file(tmp_path):
    """Two writers with ten plain digits and their own way to write 8."""
    lines = []
    for writer, seeds in (("a", range(6)), (2, range(10, 16))):
        lines += [{"label": n, "writer": writer, "strokes": digit(n, (0, 0), 100)} for n in range(10)]
        lines += [{"label": 8, "writer": writer, "strokes": wobbly(ODD, seed)} for seed in seeds]
    path = tmp_path / "strokes.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_json(run, strokes_file):
    result = run(strokes_file, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    figures = json.loads(result.stdout)
    assert list(figures) == ["without", "with"]
    names = ["stream", "after_10", "after_50", "after_100", "corrections_per_writer", "ms_per_reading"]
    for figure in figures.values():
        assert list(figure) == names
        assert figure["after_50"] is figure["after_100"] is None
        assert figure["corrections_per_writer"] == pytest.approx(16 * (1 - figure["stream"]))
        assert 0 < figure["ms_per_reading"] < 1000
    assert figures["with"]["stream"] > figures["without"]["stream"] + 0.1
    again = json.loads(run(strokes_file, "--json").stdout)
    assert again["with"]["stream"] == figures["with"]["stream"]


def test_harm_and_wrong_corrections(run, strokes_file, mnist_dir, monkeypatch):
    few = load_training("mnist", mnist_dir)[1][:100]
    monkeypatch.setattr(benchmark, "load_training", lambda *_: (None, few))
    result = run(strokes_file, "--harm", "--wrong", 1, "--data-dir", mnist_dir)
    assert (result.returncode, result.stderr) == (0, "")
    for row in ("over the stream", "after the first 100", "others' digits", "validation images"):
        assert f"\n{row}" in result.stdout
    harm = json.loads(run(strokes_file, "--harm", "--json", "--data-dir", mnist_dir).stdout)["harm"]
    assert [row["writer"] for row in harm] == ["a", "2"]


def test_of_several_files(run, strokes_file, tmp_path):
    """Their digits count alike, as if one had added them up."""
    lines = strokes_file.read_text().splitlines(keepends=True)
    files = [tmp_path / "first.jsonl", tmp_path / "second.jsonl"]
    files[0].write_text("".join(lines[:16]))
    files[1].write_text("".join(lines[16:28]))
    weights = ["shipped", "ink"]
    apart = [
        json.loads(run(path, "--checkpoint", choice, "--json").stdout)
        for path, choice in zip(files, weights, strict=True)
    ]
    together = json.loads(run(*files, "--checkpoint", *weights, "--json").stdout)
    for way in ("without", "with"):
        first, second = (figures[way]["stream"] for figures in apart)
        assert together[way]["stream"] == pytest.approx((16 * first + 12 * second) / 28)
    assert_one_line_error(run(files[0], "--checkpoint", *weights), "--checkpoint", "2 weights for 1 files")


def test_of_a_class_corrected_wrong(run, tmp_path):
    """Of digits that are written alike each time, the rest of the class is lost, and no other."""
    plain = [(n, digit(n, (0, 0), 100 + height)) for n in range(10) for height in range(3)]
    path = tmp_path / "strokes.jsonl"
    path.write_text("".join(json.dumps({"label": n, "writer": 1, "strokes": s}) + "\n" for n, s in plain))
    poison = json.loads(run(path, "--poison", 1, "--json").stdout)["poison"]
    assert poison["same_class"] == {"digits": 20, "before": 20, "after": 0}
    assert poison["taken_for"] == {"digits": 30, "before": 30, "after": 30}
    assert poison["others"] == {"digits": 240, "before": 240, "after": 240}
    assert "1 of a class wrong" in run(path, "--poison", 1).stdout


def test_keeps_what_was_corrected(run, strokes_file, tmp_path):
    kept = tmp_path / "profiles"
    assert run(strokes_file, "--keep", kept, "--teach", 0).returncode == 0
    assert not kept.exists()
    result = run(strokes_file, "--keep", kept, "--json")
    corrected = [len(list((kept / writer).glob("*.jsonl"))) for writer in ("a", "2")]
    assert sum(corrected) == 2 * json.loads(result.stdout)["with"]["corrections_per_writer"] > 0
    assert_one_line_error(run(strokes_file, "--keep", kept), "--keep", "samples already")


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        (None, [], ["cannot be read"]),
        ("", [], ["is empty"]),
        ("[1]\n", [], ["line 1"]),
        ('{"strokes":[],"writer":1}\n', [], ["drawing 1", '"label"']),
        ('{"strokes":[],"label":1}\n', [], ["drawing 1", '"writer"']),
        ('{"strokes":[],"label":1,"writer":1}\n', ["--harm"], ["two writers"]),
        ('{"strokes":[],"label":1,"writer":1}\n', ["--wrong", 2], ["--wrong"]),
        ('{"strokes":[],"label":1,"writer":1}\n', ["--checkpoint", "none.pt"], ["none.pt"]),
    ],
    ids=lambda value: flags(value) if isinstance(value, list) else None,
)
def test_bad_input(run, tmp_path, content, arguments, words):
    path = tmp_path / "strokes.jsonl"
    if content is not None:
        path.write_text(content)
    assert_one_line_error(run(path, *arguments), *words)
