"""Tests of the benchmarks of speed, on the bundled digits: what they measure, not how fast it is."""

import csv
import importlib
import itertools
import math
import re
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from benchmarks import inference, scaling, timing
from benchmarks.example import example_network
from benchmarks.inference import predict, write_pictures
from benchmarks.time_to_accuracy import compare, times_of
from benchmarks.timing import EPOCH, Epoch, last_words, spread, take_turns
from benchmarks.training import BATCH, classic_loader, operations_per_image
from common.files import PROJECT
from common.messages import UserError
from data import LabelledImages, load_training
from model import ImprovedResNet18
from tests.support.project import Result, assert_one_line_error, flags
from train import print_epoch
from training.augmentation import Augmentation
from training.recipe import Recipe
from training.trainer import Trainer
from visualization.architecture import trace

DIGITS = ("--dataset", "digits")
ONE = ("--device", "cpu", "--threads", 1)
LIBRARIES = ("timing",)  # of benchmarks, which are no scripts
FILES = sorted((PROJECT / "benchmarks").glob("[a-z]*.py"))
SCRIPTS = [file.stem for file in FILES if file.stem not in LIBRARIES]
PAGES = (PROJECT / "README.md", *(PROJECT / "docs").glob("*.md"))
DOCS = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


@pytest.fixture
def run(monkeypatch, run_main) -> Callable[..., Result]:
    """Run a benchmark in this process, which saves its start; processes that it starts are real."""
    monkeypatch.chdir(PROJECT)
    # The coverage of a training is measured by its own tests; here it would slow each start.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)

    def run(name: str, *arguments: object) -> Result:
        return run_main(importlib.import_module(f"benchmarks.{name}").main, *arguments)

    return run


def flags_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def rows_of(result: Result) -> dict[str, list[float]]:
    """Return the numbers of each printed row by its name, which ends before two spaces."""
    assert result.returncode == 0, result.stderr
    # PyTorch's profiler logs its start and end there.
    assert not [line for line in result.stderr.splitlines() if not line.startswith("USDT:")], result.stderr
    rows = (re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in result.stdout.splitlines())
    numbers = {row[0]: re.findall(r"\d[\d,]*\.?\d*", row[1]) for row in rows if len(row) == 2}
    return {name: [float(number.replace(",", "")) for number in row] for name, row in numbers.items()}


@pytest.fixture(scope="module")
def digits() -> LabelledImages:
    return load_training("digits", None)[0]


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_names_the_flags_that_the_docs_use(run, name):
    result = run(name, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    for command in re.findall(rf"python -m benchmarks\.{name}\b([^\n`]*)", DOCS):
        assert flags_in(command.partition(" -- ")[0]) <= flags_in(result.stdout)


def test_benchmarks_that_the_docs_name_exist():
    assert set(re.findall(r"benchmarks[./]([a-z_]+)", DOCS)) <= {*SCRIPTS, *LIBRARIES}


# timing.py


def test_an_epochs_line_is_understood(digits, capsys):
    trainer = Trainer(Recipe(epochs=10), digits[:256], digits[:1100], torch.device("cpu"))
    trainer.train_epoch()
    row = trainer.finish_epoch()
    print_epoch(trainer)
    found = EPOCH.match(capsys.readouterr().out)
    assert found.groups() == (f"{row['val_errors']:,}", "1,100", f"{row['images_per_second']:,.0f}")


def test_last_words_are_those_of_the_script():
    under_torchrun = "a warning\ntrain.py: error: too few images\nE1124 failed (exitcode: 2)\n====="
    assert last_words(under_torchrun) == "train.py: too few images"
    assert last_words("Traceback\n  line 1\nValueError: 1") == "ValueError: 1"
    raised = "[rank1]: RuntimeError: Connection closed by peer\nE1124 failed (exitcode: 1)\n====="
    assert last_words(raised) == "[rank1]: RuntimeError: Connection closed by peer"
    assert last_words("") == ""


def test_all_take_turns():
    calls = []
    results = take_turns(2, {name: lambda name=name: calls.append(name) or len(calls) for name in "ab"})
    assert calls == ["a", "b", "a", "b"]
    assert results == {"a": [1, 3], "b": [2, 4]}
    assert spread([1000, 3000, 1200]).split() == ["1,200", "1,000", "..", "3,000"]


# time_to_accuracy.py


def test_times_to_accuracy():
    """The first epoch that reaches a target counts, and to the image."""
    epochs = [
        Epoch(seconds, errors, 12_000, 0) for seconds, errors in [(9, 121), (12, 120), (16, 90), (19, 60)]
    ]
    assert times_of(epochs) == [12, 19, 3]
    assert times_of(epochs[:3]) == [12, math.inf, 3.5]
    assert times_of(epochs[:1]) == [math.inf, math.inf, 9]


def test_who_alone_reaches_an_accuracy_is_ahead():
    ours, never = [[2, 2, math.inf], [2, math.inf, math.inf]], math.inf
    assert compare(ours, [[6, never, never], [8, 9, never]]) == [[3, 4], [never, 0], []]


def test_time_to_accuracy(run, tmp_path):
    """Times of two real runs; those of train.py's epochs are known to itself."""
    ours = ("--recipe", "quick", "--seeds", 1, *DIGITS, *ONE)
    flags = ("--epochs", 2, "--batch-size", 64, "--limit-train", 192, "--output", tmp_path)
    start = time.perf_counter()
    result = run("time_to_accuracy", *ours, "--example", "--example-epochs", 1, "--", *flags)
    whole = time.perf_counter() - start
    assert result.returncode == 0, result.stderr
    with open(tmp_path / "history.csv", newline="") as file:
        history = list(csv.DictReader(file))
    figures = r"(not reached|\d+\.\d s) +(not reached|\d+\.\d s) +(\d+\.\d) s"
    (own, example) = (
        re.search(rf"^{name} +seed 0 +{figures}   (\d+) of 287$", result.stdout, re.M)
        for name in ("quick", "example")
    )
    assert own[4] == history[-1]["val_errors"]
    between = np.median([float(row["seconds"]) for row in history[1:]])
    assert between - 0.1 < float(own[3]) < whole
    assert 1 < float(example[3]) < whole  # of its only epoch, with the start of the process
    for name in ("quick", "example"):
        assert re.search(rf"^{name} +median +{figures}$", result.stdout, re.M)
    assert re.search(r"^to quick +most .* \d+\.\d$", result.stdout, re.M)


# training.py


def test_classic_loader_serves_the_same_digits(digits):
    """Undistorted, its pictures are those that our trainer has, with their labels."""
    still = Augmentation(rotation=0, scale=0, shear=0, shift=0)
    ink, labels = next(iter(classic_loader(digits, still)))
    assert ImprovedResNet18().eval()(ink).shape == (BATCH, 10)
    known = {(image.tobytes(), label) for image, label in pairs(digits.ink(), digits.labels)}
    assert {(image.tobytes(), label) for image, label in pairs(ink, labels)} <= known
    distorted, labels = next(iter(classic_loader(digits, Augmentation())))
    moved = {(image.tobytes(), label) for image, label in pairs(distorted, labels)}
    assert len(moved - known) > 0.95 * BATCH
    assert 0.8 < distorted.sum() / ink.sum() < 1.2  # moved and bent, not blanked


def pairs(ink: torch.Tensor, labels: torch.Tensor) -> zip:
    return zip(ink.numpy(), labels.tolist(), strict=True)


def test_training(run):
    rows = rows_of(run("training", *DIGITS, *ONE, "--repeats", 1, "--steps", 1))
    ours, classic = rows["this project"][0], rows["the classic way"][0]
    assert rows["ratio of both"][0] == pytest.approx(ours / classic, rel=0.02)
    parts = ("augmentation", "forward", "backward", "optimizer and average", "the rest")
    whole = rows["whole step"][0]
    assert sum(rows[part][0] for part in parts) == pytest.approx(whole, abs=0.3)
    assert sum(rows[part][-1] for part in parts) == pytest.approx(100, abs=0.3)
    assert rows["forward"][0] > 0.05 * whole
    assert rows["backward"][0] > 0.05 * whole
    fastest, step = rows["large matrix product"][0], rows["our whole step"][0]
    # Both are printed as whole numbers, of which one is small.
    assert rows["share of that"][0] == pytest.approx(step / fastest, abs=0.1)
    assert rows["aten::convolution_backward"][0] > 20  # percent: whatever the machine, most is convolutions


def test_operations_are_three_times_those_of_reading(digits):
    """Forward, and backward for weights and input each as much; the image itself needs no gradient."""
    trainer = Trainer(Recipe(), digits, digits, torch.device("cpu"))
    calls = {step.name: step for _, step in trace(trainer.model).walk() if step.module}
    first = calls["stem.0"].macs
    assert operations_per_image(trainer) == pytest.approx(2 * (3 * calls[""].macs - first))


# inference.py


def test_inference(run, monkeypatch, digits, tmp_path):
    monkeypatch.setattr(inference, "EVALUATED", 1100)
    photos = tmp_path / "photos"
    write_pictures(digits[:2], photos)
    others = ("--files", 3, "--photos", photos, "--against", PROJECT)
    rows = rows_of(run("inference", *DIGITS, *ONE, "--repeats", 1, "--runs", 1, *others))
    sizes = {f"network, batch of {2**power:,}": 2**power for power in range(11)}
    for name, size in {**sizes, "1,100 validation digits": 1100, "Recognizer.read, one digit": 1}.items():
        milliseconds, _, _, speed = rows[name]
        assert speed == pytest.approx(1000 * size / milliseconds, rel=0.02, abs=0.6)  # a whole number
    for version, files in itertools.product(("predict.py", "the other"), ("1 files", "3 files", "2 photos")):
        seconds, _, _, _, first, peak = rows[f"{version}, {files}"]
        assert 0 < first <= seconds
        assert 50 < peak < 3000


def test_memory_is_that_of_the_child_alone(digits, tmp_path):
    write_pictures(digits[:2], tmp_path / "two")
    ballast = np.ones(10**8)
    first, end, peak = predict(PROJECT, tmp_path / "two", 2, ["--device", "cpu", "--threads", "1"])
    assert peak < ballast.nbytes / 2**20
    assert 0 < first <= end
    with pytest.raises(UserError, match="only 2 of 3"):
        predict(PROJECT, tmp_path / "two", 3, ["--device", "cpu", "--threads", "1"])


# scaling.py


def test_scaling(run, monkeypatch):
    """Two processes are real; other trainings, which other tests show, are spared their start."""
    faked, real = [], []

    def follow(*command: object) -> list[Epoch]:
        if "--nproc-per-node=2" in command and "--sync-batch-norm" not in command:
            real.extend(timing.follow(*command))
            return real
        faked.append(" ".join(map(str, command)))
        return [Epoch(seconds=1, errors=0, images=287, rate=500 * len(faked))]

    monkeypatch.setattr(scaling, "follow", follow)
    rows = rows_of(run("scaling", *DIGITS, "--repeats", 1, "--images", 128, "--busy", 1))
    assert "torch.distributed.run" in faked[0]
    assert "--nproc-per-node=1" in faked[0]
    assert "torch.distributed.run" not in faked[1]
    assert ["--sync-batch-norm" in command for command in faked] == [False, True, False, True]
    assert all("--threads 2" in command for command in faked[1:3])
    assert "--nproc-per-node=2" in faked[3]
    one, before, threads, *processes = (
        rows[name]
        for name in (
            "1 process, 1 thread",
            *("1 process, 2 threads, sync", "1 process, 2 threads"),
            *("2 processes, 1 thread, sync", "2 processes, 1 thread"),
        )
    )
    assert (one[0], before[0], threads[0]) == (500, 1000, 1500)
    assert one[3] == before[6] == 1
    assert [row[0] for row in processes] == [2000, pytest.approx(real[-1].rate, abs=0.5)]
    for row in processes:
        assert row[3] == pytest.approx(row[0] / one[0], abs=0.01)
        assert row[6] == pytest.approx(row[0] / before[0], abs=0.01)


# example.py


def test_example_is_the_network_it_stands_in_for():
    network = example_network()
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_199_882
    assert network(torch.rand(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("training", ["--repeats", 0], ["--repeats", "at least 1"]),
        ("training", [*DIGITS, "--steps", 99], ["--steps 99", "only 4 steps"]),
        ("training", ["--data-dir", "README.md"], ["README.md is a file"]),
        ("time_to_accuracy", ["--seeds", "few"], ["--seeds"]),
        ("time_to_accuracy", [*DIGITS, "--seeds", 1, "--recipe", "haste"], ["train.py", "haste"]),
        ("inference", ["--files", 100, 0], ["--files"]),
        ("inference", [*DIGITS, "--against", "docs"], ["--against docs", "no predict.py"]),
        ("scaling", ["--processes", 1], ["--processes"]),
        ("example", ["--epochs", 0], ["--epochs"]),
    ],
    ids=lambda value: flags(value) if isinstance(value, list) else value,
)
def test_bad_input(run, name, arguments, words):
    assert_one_line_error(run(name, *arguments), *words)
