"""test.py: reports of runs and of the shipped weights."""

import hashlib
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import test
from checkpointing.checkpoint import load
from data import load_test
from tests.support.project import assert_one_line_error, flags

posix = pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")


@pytest.fixture(scope="module")
def evaluated(trained):
    best = trained.folder / "runs/digits/best.pt"
    result = trained.run("test.py", "--checkpoint", best, "--json")
    assert result.returncode == 0, result.stderr
    return result


def test_report_of_a_run_goes_into_its_folder(trained, evaluated):
    run = trained.folder / "runs/digits"
    report = json.loads(evaluated.stdout)
    assert json.loads((run / "score_report_digits.json").read_text()) == report
    for key in ("dataset", "n", "errors", "accuracy", "loss", "ece", "per_class", "confusion_matrix"):
        assert key in report
    assert report["dataset"] == "digits"
    assert report["n"] == len(load_test("digits", None))
    matrix = np.array(report["confusion_matrix"])
    assert matrix.sum() == report["n"]
    assert matrix.sum() - matrix.trace() == report["errors"]
    digest = hashlib.sha256((run / "best.pt").read_bytes()).hexdigest()
    assert report["checkpoint_sha256"] == digest
    assert report["checkpoint"] == "runs/digits/best.pt"
    text = (run / "score_report_digits.txt").read_text()
    assert f"{report['errors']} of {report['n']}" in text
    assert "NOT MNIST" in text
    for name in ("confusionMatrix_digits.png", "mistakes_digits.png"):
        assert np.asarray(Image.open(run / name).convert("L")).std() > 10
    assert not (trained.folder / "reports").exists()
    assert not (trained.folder / "image").exists()


def test_report_agrees_with_validation_by_hand(trained, evaluated):
    """The reported loss is the mean cross-entropy of the softmax of the saved weights' logits."""
    digits = load_test("digits", None)
    with torch.inference_mode():
        logits = load(trained.folder / "runs/digits/best.pt").model(digits.ink())
    report = json.loads(evaluated.stdout)
    assert report["loss"] == pytest.approx(
        torch.nn.functional.cross_entropy(logits, digits.labels).item(), rel=1e-4
    )
    assert report["errors"] == (logits.argmax(1) != digits.labels).sum()


@pytest.mark.long
def test_committee_and_shifts(trained, evaluated):
    best = "runs/digits/best.pt"
    result = trained.run(
        "test.py", "--checkpoint", best, best, "--tta", "--json", "--report-dir", "out", "--image-dir", "out"
    )
    assert result.returncode == 0, result.stderr
    report, single = json.loads(result.stdout), json.loads(evaluated.stdout)
    assert [member["errors"] for member in report["members"]] == [single["errors"]] * 2
    assert report["loss"] == pytest.approx(single["loss"])  # both members are the same
    assert report["checkpoint"] == [best, best]
    assert set(report["tta"]) == {"errors", "accuracy", "loss"}
    assert report["tta"]["loss"] != pytest.approx(report["loss"], rel=1e-6)
    assert len(list((trained.folder / "out").iterdir())) == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--checkpoint", "nowhere.pt"], ["nowhere.pt", "no such checkpoint"]),
        (["--checkpoint", "newest"], ["no finished mnist run", "train.py"]),
        (["--checkpoint", "last"], ["last: no such checkpoint"]),
        (["--batch-size", "0"], ["--batch-size"]),
        (["--data-dir", "a_file"], ["a_file is a file"]),
        (["--report-dir", "a_file"], ["a_file is a file"]),
        (["--device", "abacus"], ["--device"]),
    ],
    ids=lambda value: flags(value) if isinstance(value, list) else None,
)
def test_bad_input(empty_folder, run_main, arguments, words):
    assert_one_line_error(run_main(test.main, *arguments), *words)


@pytest.mark.long
@pytest.mark.parametrize(("choice", "suffix"), [("shipped", ""), ("ink", "_ink")])
def test_shipped_weights_and_their_report(mnist_dir, project, choice, suffix):
    """The committed reports are those of the shipped weights."""
    committed = Path(__file__).parents[1] / f"reports/score_report{suffix}.json"
    result = project.run("test.py", "--checkpoint", choice, "--json")
    assert result.returncode == 0, result.stderr
    report, said = json.loads(result.stdout), json.loads(committed.read_text())
    assert report["checkpoint_sha256"] == said["checkpoint_sha256"]
    assert abs(report["errors"] - said["errors"]) <= 1  # rounding differs between processors
    assert report["loss"] == pytest.approx(said["loss"], rel=1e-3)
    assert {path.name for path in (project.folder / "reports").iterdir()} == {
        f"score_report{suffix}.txt",
        f"score_report{suffix}.json",
    }
    assert {path.name for path in (project.folder / "image").iterdir()} == {
        f"confusionMatrix{suffix}.png",
        f"mistakes{suffix}.png",
    }


@pytest.mark.long
@posix
def test_a_closed_output_pipe(trained):
    process = trained.start("test.py", "--checkpoint", "runs/digits/best.pt")
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(timeout=60) == 128 + signal.SIGPIPE
    assert not [line for line in err.splitlines() if not line.startswith(("Weights: ", "Written: "))], err
