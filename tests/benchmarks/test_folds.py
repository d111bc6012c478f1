"""Tests of splitting others' ink by writer, and of reading what weights have not seen."""

import functools
import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import folds, unseen
from checkpointing import lookup
from common.messages import UserError
from gui.drawing import Page, Stroke
from gui.painting import to_image
from preprocessing.stroke_files import StrokeSample, each_line
from tests.support.handwriting import line_of, write_strokes
from tests.support.project import Result, assert_one_line_error
from training.extra_digits import load_extra_digits


@pytest.fixture
def split(run_main) -> Callable[..., Result]:
    """Return a function that runs `python -m benchmarks.folds` in this process."""
    return functools.partial(run_main, folds.main)


def scan_of(number: int) -> np.ndarray:
    """Return a drawn digit as a scan, uint8 (160, 160), light on dark."""
    strokes = (Stroke(tuple(map(tuple, line)), 8.0) for line in line_of(number)["strokes"])
    return 255 - np.asarray(to_image(Page(tuple(strokes)), (-80, -80, 80, 80)).convert("L"))


def lines_in(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def drawings_in(path: Path) -> list[StrokeSample]:
    return [drawing for _, drawing in each_line(path)]


@pytest.mark.parametrize("name", ["pen.jsonl", "pen.jsonl.gz"])
def test_each_writer_is_held_out_once(tmp_path, split, name):
    writers = [3, "Bo", 10, 1, "Ada", 3, 1, 2, 2, 3]
    lines = [json.dumps({**line_of(i), "writer": w, "time": i}) for i, w in enumerate(writers)]
    path = write_strokes(tmp_path / name, *lines[:4], "", *lines[4:])
    result = split(path, "--folds", 3, "--output", tmp_path / "new" / "folder")
    assert result.returncode == 0, result.stderr
    expected = [{1, 10}, {2, "Ada"}, {3, "Bo"}]
    held = []
    for fold, its_writers in enumerate(expected):
        train, out = (
            tmp_path / "new" / "folder" / f"{part}-{fold}.jsonl.gz" for part in ("train", "held-out")
        )
        assert {drawing.writer for drawing in drawings_in(out)} == its_writers
        assert {drawing.writer for drawing in drawings_in(train)} == set(writers) - its_writers
        assert sorted(lines_in(train) + lines_in(out)) == sorted(lines), "as they were"
        held += lines_in(out)
    assert sorted(held) == sorted(lines)
    assert result.stdout.splitlines() == [
        "fold 0  writers 4 and 2 held out, digits 7 and 3 held out",
        "fold 1  writers 4 and 2 held out, digits 7 and 3 held out",
        "fold 2  writers 4 and 2 held out, digits 6 and 4 held out",
    ]
    assert len(list((tmp_path / "new" / "folder").iterdir())) == 6
    assert load_extra_digits([tmp_path / "new" / "folder" / "train-0.jsonl.gz"])[1] == []


def test_the_same_split_is_the_same_bytes(tmp_path, split):
    path = write_strokes(tmp_path / "pen.jsonl", *(line_of(i, writer=i % 2) for i in range(4)))
    for output in ("a", "b"):
        assert split(path, "--folds", 2, "--output", tmp_path / output).returncode == 0
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_arrays_are_split_at_random_and_unseen_digits_are_counted(tmp_path, split, capfd, monkeypatch):
    """From the files to the table and the figure, with the same weights in both columns."""
    writers = [line_of(i, writer=i % 2) for i in range(10)]
    pen = write_strokes(tmp_path / "pen.jsonl", *writers)
    images = np.stack([scan_of(i) for i in range(10)])
    np.savez(tmp_path / "scans.npz", images=images, labels=np.arange(10))
    folder = tmp_path / "folds"
    assert split(pen, "--folds", 2, "--output", folder).returncode == 0
    result = split(tmp_path / "scans.npz", "--folds", 2, "--output", folder)
    assert result.stdout.splitlines() == [
        "fold 0  images 5 and 5 held out",
        "fold 1  images 5 and 5 held out",
    ]
    seen = []
    for fold in range(2):
        with np.load(folder / f"train-{fold}.npz") as train, np.load(folder / f"held-out-{fold}.npz") as held:
            assert sorted([*train["labels"], *held["labels"]]) == list(range(10))
            assert all((image == images[label]).all() for image, label in zip(*held.values(), strict=True))
            seen += held["labels"].tolist()
    assert sorted(seen) == list(range(10))

    shipped, figure = str(lookup.SHIPPED["mnist"]), tmp_path / "figure.png"
    few = ("--limit", "2", "--workers", "1")
    arguments = ["unseen.py", str(folder), *few, "--figure", str(figure), "--checkpoint"]
    monkeypatch.setattr(sys, "argv", [*arguments, shipped, shipped])
    assert unseen.main() == 0
    rows = [line.split(" | ") for line in capfd.readouterr().out.splitlines()[2:]]
    assert [row[0].strip("| ") for row in rows] == [
        "strokes",
        "the same as 280-px pictures, thin pen",
        "the same as 280-px pictures, thick pen",
        "scans",
    ]
    assert all(row[1] == "4" and row[2] == row[3] for row in rows)
    assert rows[0][2] == rows[3][2] == "100.00%"
    assert Image.open(figure).size[0] > 1000

    monkeypatch.setattr(sys, "argv", [*arguments, shipped, shipped, shipped])
    with pytest.raises(UserError, match="has no fold 2"):
        unseen.main()


def test_what_cannot_be_split(tmp_path, split):
    def refused(path: Path, *words: str, folds: int = 2, output: Path = tmp_path / "out") -> None:
        assert_one_line_error(split(path, "--folds", folds, "--output", output), *words)
        assert not (tmp_path / "out").exists()

    two = [line_of(1, writer=1), line_of(2, writer=2)]
    path = write_strokes(tmp_path / "pen.jsonl", *two)
    refused(path, "pen.jsonl has 2 writers, too few for 3 folds", folds=3)
    refused(path, "must be at least 2", folds=1)
    refused(write_strokes(tmp_path / "one.jsonl", two[0]), "has 1 writer, too few")
    refused(write_strokes(tmp_path / "none.jsonl", *two, line_of(3)), "none.jsonl, line 3 has no writer")
    unlabelled = {"writer": 1, "strokes": two[0]["strokes"]}
    refused(write_strokes(tmp_path / "what.jsonl", two[0], unlabelled), "what.jsonl, line 2 has no label")
    refused(write_strokes(tmp_path / "bad.jsonl", two[0], "rubbish"), "bad.jsonl, line 2 is not JSON")
    refused(tmp_path / "gone.jsonl", "gone.jsonl cannot be read")
    refused(write_strokes(tmp_path / "one.json", "[]"), "one.json has no writers")
    refused(path, "cannot write", output=path / "below")
