"""The ruler, on the bundled digits: what trains, what judges, and that known runs are not made again."""

import json
import re
from pathlib import Path

import pytest
import torch

from benchmarks import ruler
from checkpointing import checkpoint
from common.messages import UserError
from data import load_training
from training import arguments

DIGITS = ("--dataset", "digits", "--device", "cpu", "--threads", "1", "--batch-size", "64", "--epochs", "1")


@pytest.fixture
def measure(monkeypatch, capsys):
    """Run the ruler on the bundled digits; return the printed figures by their name."""

    def measure(*given: object, flags: tuple[object, ...] = ()) -> dict[str, list[float]]:
        monkeypatch.setattr("sys.argv", ["ruler.py", *map(str, given), "--", *DIGITS, *map(str, flags)])
        assert ruler.main() == 0
        rows = (
            re.fullmatch(r"(\w[^.]*?) +([\d,.]+) +([\d.]+) +([\d.]+)", line)
            for line in capsys.readouterr().out.splitlines()
        )
        return {row[1]: [float(row[n].replace(",", "")) for n in (2, 3, 4)] for row in rows if row}

    return measure


def test_a_quarter_of_the_training_images_trains_and_the_rest_judges():
    flags = arguments.parse_arguments(list(DIGITS))
    whole, validation = load_training("digits", None)
    few, judges = ruler.load_ruler(flags)
    assert len(few) == pytest.approx(len(whole) / 4, abs=5)
    images = [{image.numpy().tobytes() for image in part.images} for part in (whole, validation, few, judges)]
    assert images[2] | images[3] == images[0]
    assert not images[2] & images[3]
    counts = few.labels.bincount() / whole.labels.bincount()
    assert counts.min() > 0.24
    assert counts.max() < 0.26


def test_a_known_run_is_not_made_again(measure, tmp_path, monkeypatch):
    given = ("--out", tmp_path / "results.jsonl", "--weights", tmp_path / "weights", "--seeds", 0, 1)
    first = measure(*given)
    assert first.keys() == {"seed 0", "seed 1", "mean", "sd", "committee"}
    errors = [first[f"seed {seed}"][0] for seed in (0, 1)]
    assert first["mean"][0] == pytest.approx(sum(errors) / 2, abs=0.06)
    assert first["sd"][0] == pytest.approx(abs(errors[0] - errors[1]) / 2**0.5, abs=0.06)
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [line["errors"] for line in lines] == errors
    assert [line["run"]["seed"] for line in lines] == [0, 1]
    monkeypatch.setattr(ruler, "train_to_end", None)  # which fails if it is called
    again = measure(*given)
    assert again.pop("seed 0, known") == first["seed 0"]
    assert again["committee"] == first["committee"]
    with pytest.raises(TypeError):
        measure(*given, flags=("--lr", 0.01))
    (tmp_path / "weights/seed-0.pt").unlink()
    with pytest.raises(TypeError):
        measure(*given)
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 2


def test_weights_of_the_ruler_teach_and_are_judged_again(measure, tmp_path):
    wide = measure("--weights", tmp_path, flags=("--width", 2))
    assert checkpoint.load(tmp_path / "seed-0.pt").model.width == 2
    assert measure("--judge", tmp_path / "seed-0.pt")["committee"] == wide["seed 0"]
    taught = ("--teacher", tmp_path / "seed-0.pt", "--teacher-temperature", 4)
    student = measure("--out", tmp_path / "out.jsonl", flags=taught)
    assert student["seed 0"] != wide["seed 0"]
    run = json.loads((tmp_path / "out.jsonl").read_text())["run"]
    assert (run["teacher_temperature"], run["width"], len(run["teacher"])) == (4, 1, 1)


def test_a_committee_is_judged_by_its_mean_probability():
    judges = load_training("digits", None)[0][:50]
    logits = [torch.randn(50, 10) for _ in range(3)]
    figures = ruler.judge(logits, judges)
    mean = torch.stack([each.softmax(1) for each in logits]).mean(0)
    assert figures["errors"] == int((mean.argmax(1) != judges.labels).sum())
    assert figures["loss"] == pytest.approx(-float(mean.log()[range(50), judges.labels].mean()), rel=1e-5)
    assert figures["calibrated_loss"] <= figures["loss"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--refit",), "--refit is not for the ruler"),
        (("--seed", "3"), "--seed is not for the ruler"),
        (("--output", "x"), "--output is not for the ruler"),
        (("--teacher-temperature", "4"), "there is no teacher"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_flags_without_meaning_are_refused(measure, flags, words):
    with pytest.raises(UserError, match=words):
        measure(flags=flags)


def test_a_line_that_is_no_result_is_named(measure, tmp_path: Path):
    (tmp_path / "out.jsonl").write_text('{"seed": 1}\n')
    with pytest.raises(UserError, match=r"out\.jsonl, line 1 is not a result: remove"):
        measure("--out", tmp_path / "out.jsonl")


def test_answers_serve_the_ruler(measure, tmp_path, capsys):
    folder = ("--epochs", 1, "--view-seed", 3)
    assert measure(flags=("--teacher", "shipped", "--save-answers", tmp_path / "answers", *folder)) == {}
    assert (tmp_path / "answers/epoch-0001.pt").exists()
    taught = (*folder, "--teacher-temperature", 4)
    read = measure(flags=("--answers", tmp_path / "answers", *taught))
    heard = measure(flags=("--teacher", "shipped", *taught))
    assert read["seed 0"][1] == pytest.approx(heard["seed 0"][1], rel=0.02)
