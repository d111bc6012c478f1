"""train.py, mostly in processes of its own and on the bundled digits."""

import csv
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import train
from checkpointing.checkpoint import load, weights_digest
from common.files import PROJECT
from common.messages import UserError
from preprocessing.stroke_candidates import segment_strokes
from recognition.profiles import new_sample_name
from recognition.sample_store import write_sample
from tests.support.handwriting import digit
from tests.support.project import (
    TIMEOUT,
    TORCHRUN,
    Project,
    assert_one_line_error,
    flags,
    obey_permissions,
    same_weights,
    weights_of,
)
from training.arguments import parse_arguments, recipe_from
from training.distributed import World
from training.recipe import RECIPES

DIGITS = ("--dataset", "digits", "--batch-size", 64)
FEW = ("--limit-train", 128)  # of the digits: two steps an epoch
SHORT = ("--limit-train", 320, "--epochs", 4)
MACHINE = ("--threads", 1, "--device", "cpu")
posix = pytest.mark.skipif(os.name != "posix", reason="signals and permissions as on POSIX")


def test_run_folder_and_output(trained):
    run = trained.folder / "runs/digits"
    assert {path.name for path in run.iterdir()} >= {
        "args.json",
        "best.pt",
        "curves.png",
        "history.csv",
        "last.pt",
        "summary.json",
    }
    with open(run / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    summary = json.loads((run / "summary.json").read_text())
    assert summary["val_loss"] <= min(float(row["val_loss"]) for row in rows)  # it is calibrated
    assert summary["dataset"] == "digits"
    assert np.asarray(Image.open(run / "curves.png").convert("L")).std() > 10


def test_piped_output_is_plain_lines(project):
    result = project.run("train.py", *DIGITS, *FEW, "--epochs", 2, "--output", "run")
    assert result.returncode == 0
    assert result.stderr == ""
    assert "\r" not in result.stdout
    lines = result.stdout.splitlines()
    for start in (
        "device   cpu, 1 threads",
        "data     scikit-learn's digits, NOT MNIST",
        "network  ImprovedResNet18, 696,042",
    ):
        assert any(line.startswith(start) for line in lines), start
    epochs = [line for line in lines if line.startswith("epoch ")]
    assert len(epochs) == 2
    for part in (
        r"train loss \d",
        r"val loss \d",
        r"val errors \d+ of 287",
        r"lr \d",
        r"img/s",
        r"left 0:\d\d:\d\d",
    ):
        assert re.search(part, epochs[0]), part
    assert re.fullmatch(r"Weights: run/best.pt: \d+ of 287 validation .*", lines[-2])
    assert lines[-1] == "Next:    python test.py --checkpoint run/best.pt"


def test_dry_run_writes_nothing(project):
    before = sorted(project.folder.rglob("*"))
    result = project.run("train.py", *DIGITS, "--dry-run")
    assert result.returncode == 0, result.stderr
    assert "It works" in result.stdout
    after = [path for path in sorted(project.folder.rglob("*")) if "__pycache__" not in path.parts]
    assert after == [path for path in before if "__pycache__" not in path.parts]


def test_personal(project, trained):
    """--personal fine-tunes the window's weights on a profile's corrections, and does not replace them."""
    shipped = project.folder / "checkpoints/improved_resnet18_ink.pt"
    before, corrections = shipped.read_bytes(), project.folder / "corrections"
    for number in (1, 4, 8):
        write_sample(
            corrections / "Anna",
            new_sample_name(),
            label=(number + 6) % 10,
            strokes=digit(number, (0, 0), 100),
            image=Image.new("L", (28, 28), 255),
        )
    # The bundled digits are few, so that more epochs and a higher rate than the recipe's are needed.
    run = project.train("run", "--personal", "Anna", "--epochs", 3, "--lr", 0.01, "--limit-train", 400)
    content = torch.load(run / "best.pt", weights_only=True)["training"]
    digest = weights_digest(load(shipped).model.state_dict())
    assert (content["initial"], content["ink_weight"]) == (digest, RECIPES["personal"].ink_weight)
    assert [(source["name"], source["digits"]) for source in content["ink"][-1:]] == [("Anna", 3)]
    model = load(run / "best.pt").model
    drawn = [segment_strokes(digit(number, (0, 0), 100), single=True) for number in (1, 4, 8)]
    ink = torch.from_numpy(np.stack([page[0][0].glyph for page in drawn]))
    assert model(ink[:, None]).argmax(1).tolist() == [7, 0, 4]
    for arguments in (
        ["--resume", run],
        [*DIGITS, "--ink", corrections / "Anna"],
        [*DIGITS, "--initial-checkpoint", run / "best.pt"],
    ):
        assert_one_line_error(project.run("train.py", *arguments, "--ship"), "--ship", "one person's")
    assert_one_line_error(project.run("train.py", *DIGITS, "--personal", "Bo"), "nothing is remembered", "Bo")
    assert shipped.read_bytes() == before


@pytest.mark.long
def test_initial_checkpoint(project, trained):
    start = trained.folder / "runs/digits/best.pt"
    run = project.train("run", *FEW, "--epochs", 1, "--lr", 1e-9, "--initial-checkpoint", start)
    for name in ("stem.0.weight", "layer3.1.conv2.weight"):
        torch.testing.assert_close(weights_of(run)[name], weights_of(start.parent)[name])
    content = torch.load(run / "best.pt", weights_only=True)
    digest = torch.load(start, weights_only=True)["weights_sha256"]
    assert (content["training"]["initial"], content["training"]["teacher"]) == (digest, None)


@pytest.mark.long
def test_a_student_of_two_teachers_resumed_from_another_folder(project, trained):
    """Teachers with relative paths are found from any current folder."""
    for name in ("a.pt", "b.pt"):
        shutil.copy(trained.folder / "runs/digits/best.pt", project.folder / name)
    learned = ("--initial-checkpoint", "a.pt", "--teacher", "a.pt", "b.pt", *FEW)
    run = project.train("run", "--recipe", "best", "--epochs", 1, *learned)
    teachers = torch.load(run / "best.pt", weights_only=True)["training"]["teacher"]
    assert teachers == [torch.load(project.folder / "a.pt", weights_only=True)["weights_sha256"]] * 2
    command = [sys.executable, project.folder / "train.py", "--resume", run]
    result = subprocess.run(command, cwd="/", env=project.environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.long
def test_a_wide_network_is_trained_tested_and_read_with_and_teaches(project):
    """By all scripts that take weights."""
    run = project.train("wide", "--epochs", 1, "--width", 2, *FEW)
    weights = torch.load(run / "best.pt", weights_only=True)
    assert weights["arguments"]["width"] == 2
    assert weights["state_dict"]["fc.weight"].shape == (10, 256)
    assert "width 2" in resume(project, run).stdout
    for command in (
        ("test.py", "--dataset", "digits", "--checkpoint", "wide/best.pt"),
        ("predict.py", PROJECT / "image/3.png", "--checkpoint", "wide/best.pt"),
        ("visualize.py", "--what", "all", "--method", "pca", "--checkpoint", "wide/best.pt", *DIGITS[:2]),
    ):
        result = project.run(*command)
        assert result.returncode == 0, (command, result.stderr)
    taught = ("--teacher", "wide/best.pt", "--teacher-temperature", 4, "--epochs", 1, *FEW)
    student = torch.load(project.train("student", *taught) / "best.pt", weights_only=True)
    assert student["arguments"] == {"num_classes": 10, "dropout": 0.1}
    assert student["training"]["teacher"] == [weights["weights_sha256"]]


TAUGHT = (*DIGITS, "--epochs", 2, "--plain-epochs", 1, *FEW)


@pytest.fixture(scope="module")
def asked(trained, tmp_path_factory) -> Project:
    """A project with a run, in which two processes have asked a committee together."""
    project = Project(tmp_path_factory.mktemp("asked"))
    shutil.copytree(trained.folder / "runs", project.folder / "runs")
    teachers = ("runs/digits/best.pt", "runs/digits/best.pt")
    ask = ("train.py", *TAUGHT, "--teacher", *teachers, "--save-answers", "answers")
    processes = [project.start(*ask) for _ in range(2)]
    said = [process.communicate(timeout=TIMEOUT) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert any(re.search(r"^time +about \d+:\d\d:\d\d in one process$", out, re.M) for out, _ in said), said
    return project


@pytest.mark.long
def test_students_learn_from_the_same_answers(asked):
    folder = asked.folder / "answers"
    assert {path.name for path in folder.iterdir()} == {"epoch-0001.pt", "plain.pt"}
    learn = ("--answers", folder, *TAUGHT[4:], "--teacher-temperature", 4, "--keep", "last")
    first, second = (asked.train(f"student-{seed}", *learn, "--seed", seed) for seed in (1, 2))
    assert not same_weights(weights_of(first), weights_of(second))
    training = torch.load(first / "best.pt", weights_only=True)["training"]
    digest = torch.load(asked.folder / "runs/digits/best.pt", weights_only=True)["weights_sha256"]
    assert (training["teacher"], training["view_seed"], training["best_epoch"]) == ([digest] * 2, 0, 2)
    shutil.copytree(folder, asked.folder / "moved")
    resumed = asked.run("train.py", "--resume", first, "--answers", "moved")
    assert "The weights of the last of 2 epochs" in resumed.stdout, resumed.stderr


@pytest.mark.long
def test_two_processes_learn_from_answers(asked):
    learn = (*TAUGHT, "--answers", "answers", "--teacher-temperature", 4, "--amp", "off", "--sync-batch-norm")
    learn += ("--dropout", 0, "--initial-checkpoint", "runs/digits/best.pt")
    result = asked.run(*TORCHRUN, "train.py", *learn, *MACHINE, "--output", "two")
    assert result.returncode == 0, result.stderr
    result = asked.run("train.py", *learn, "--output", "one")
    assert result.returncode == 0, result.stderr
    ends = [list(csv.DictReader((asked.folder / run / "history.csv").open()))[-1] for run in ("one", "two")]
    assert float(ends[0]["train_loss"]) == pytest.approx(float(ends[1]["train_loss"]), rel=1e-3)


@pytest.mark.long
def test_answers_that_do_not_fit_are_refused(asked):
    learn = ("train.py", *TAUGHT, "--answers", "answers")
    more = asked.run(*learn, "--epochs", 3)
    assert_one_line_error(more, "answers lacks 1 of the 3 files", "epoch-0002.pt", "--save-answers")
    assert_one_line_error(asked.run(*learn, "--pen", 0.5), "answers other views", "--pen 0.0")
    ask = ("train.py", *TAUGHT, "--teacher", "runs/digits/best.pt", "--save-answers", "answers")
    assert_one_line_error(asked.run(*ask), "another committee", "choose another folder")
    assert_one_line_error(asked.run(*ask, "--rotation", 1), "other views", "--rotation 12.0")


@pytest.mark.parametrize(
    "given", [["--teacher", "a", "--save-answers", "b"], ["--answers", "a", "--mixup", "1"]]
)
def test_answers_that_several_processes_cannot_share_are_refused(given):
    args = parse_arguments(given)
    train.check_processes(args, World(0, 1))
    with pytest.raises(UserError, match="leave out torchrun"):
        train.check_processes(args, World(1, 2))


@pytest.mark.long
@posix
def test_asking_a_committee_is_stopped_and_goes_on(project, trained):
    teacher = trained.folder / "runs/digits/best.pt"
    ask = ("train.py", *DIGITS, "--teacher", teacher, teacher, "--save-answers", "answers")
    process = project.start(*ask, "--epochs", 99)
    for line in process.stdout:
        if line.startswith("epoch-0001"):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (130, ""), (out, err)
    assert "go on with the same command" in out
    result = project.run(*ask, "--epochs", 2)
    assert result.returncode == 0, result.stderr
    missing, whole = re.match(r"answers  ([\d,]+) of ([\d,]+)", result.stdout).groups()
    assert int(missing.replace(",", "")) <= int(whole.replace(",", "")) / 2
    assert "All 2 files of answers are there." in result.stdout


@pytest.mark.long
def test_refit_trains_on_all_images_without_validation(project):
    result = project.run("train.py", *DIGITS, "--refit", "--epochs", 1, "--output", "run")
    assert result.returncode == 0, result.stderr
    assert "1,438 images to train on, 0 to validate on" in result.stdout
    assert "val loss" not in result.stdout
    assert "none left to validate on" in result.stdout
    run = project.folder / "run"
    assert (run / "curves.png").exists()
    assert json.loads((run / "summary.json").read_text())["val_errors"] is None
    result = resume(project, run)
    assert "none left to validate on" in result.stdout
    result = project.run("test.py", "--dataset", "digits", "--checkpoint", "run/best.pt")
    assert result.returncode == 0, result.stderr
    reading = project.run("predict.py", "run/curves.png", "--checkpoint", "run/best.pt")
    assert_one_line_error(reading, "not calibrated")


@pytest.mark.parametrize("name", RECIPES)
def test_flags_override_numbers_of_a_recipe(monkeypatch, name):
    taught = ["--initial-checkpoint", "a.pt", "--teacher", "a.pt"] if name in ("best", "ink") else []
    typed = ["--seed", "3", "--pen", "0.5", *taught]
    monkeypatch.setattr(sys, "argv", ["train.py", "--recipe", name, *typed])
    recipe = RECIPES[name]
    expected = replace(recipe, seed=3, augmentation=replace(recipe.augmentation, pen=0.5))
    assert recipe_from(parse_arguments()) == expected


@pytest.mark.long
def test_weights_contain_their_recipe(project):
    run = project.train("run", *FEW, "--recipe", "quick", "--seed", 3)
    training = torch.load(run / "best.pt", weights_only=True)["training"]
    expected = asdict(replace(RECIPES["quick"], batch_size=64, seed=3))
    assert {key: training[key] for key in expected} == expected


def test_shipped_weights_are_replaced_only_when_asked(project):
    shipped = project.folder / "checkpoints/improved_resnet18_digits.pt"
    run = project.train("run", *FEW, "--epochs", 1)
    assert not shipped.exists()
    result = project.run("train.py", "--resume", "run", "--ship")
    assert result.returncode == 0, result.stderr
    assert shipped.read_bytes() == (run / "best.pt").read_bytes()


@pytest.mark.long
def test_weights_that_started_from_ink_weights_ship_as_ink_weights_with_all_credits(mnist_dir, project):
    mnist, ink = (project.folder / f"checkpoints/improved_resnet18{suffix}.pt" for suffix in ("", "_ink"))
    mnist_alone, before = mnist.read_bytes(), load(ink)
    project.validate_on_few()
    few = ("--dataset", "mnist", "--limit-train", 64, "--batch-size", 64, "--epochs", 1, "--lr", 1e-5)
    result = project.run("train.py", *few, "--initial-checkpoint", "ink", "--ship")
    assert "Shipped: checkpoints/improved_resnet18_ink.pt" in result.stdout, result.stderr
    assert mnist.read_bytes() == mnist_alone
    after = load(ink)
    assert after.sha256 != before.sha256
    assert after.ink == before.ink
    assert len(after.learned_from()) == 3
    assert all("CC BY 4.0" in line for line in after.learned_from()[1:])


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken") / "project"
    folder.mkdir()
    return Project(folder).train("run", *SHORT)


def assert_same_end(run: Path, unbroken: Path) -> None:
    assert same_weights(weights_of(run), weights_of(unbroken))
    ours, theirs = (torch.load(r / "last.pt", weights_only=True)["state"] for r in (run, unbroken))
    assert same_weights(ours["model"], theirs["model"])
    assert same_weights(ours["average"], theirs["average"])
    histories = [list(csv.DictReader((r / "history.csv").open())) for r in (run, unbroken)]
    for row in itertools.chain(*histories):
        del row["seconds"], row["images_per_second"]
    assert histories[0] == histories[1]


def start_and_wait_for_state(project: Project, run: Path) -> subprocess.Popen:
    process = project.start("train.py", *DIGITS, *SHORT, "--output", run)
    deadline = time.monotonic() + 120
    while not (run / "last.pt").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return process


def resume(project: Project, run: Path) -> subprocess.CompletedProcess:
    result = project.run("train.py", "--resume", run)
    assert result.returncode == 0, result.stderr
    return result


@pytest.mark.long
@posix
@pytest.mark.parametrize("code", [signal.SIGINT, signal.SIGTERM])
def test_a_run_stopped_by_a_signal_prints_how_to_resume(project, unbroken, code):
    run = project.folder / "run"
    process = start_and_wait_for_state(project, run)
    time.sleep(np.random.default_rng().uniform(0, 0.2))
    process.send_signal(code)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + code, (out, err)
    assert err == ""
    assert "python train.py --resume run" in out
    assert not (run / "summary.json").exists()
    resume(project, run)
    assert_same_end(run, unbroken)


@pytest.mark.long
def test_killed_before_the_first_state_was_written(project, trained):
    unbroken = trained.folder / "runs/digits"
    run = shutil.copytree(unbroken, project.folder / "run")
    for name in ("last.pt", "best.pt", "history.csv", "summary.json"):
        (run / name).unlink()
    resume(project, run)
    assert_same_end(run, unbroken)


def test_resuming_a_finished_run_changes_nothing(project, trained):
    before = {path: path.read_bytes() for path in (trained.folder / "runs/digits").glob("*.pt")}
    result = resume(trained, trained.folder / "runs/digits")
    assert "whose epochs are all trained" in result.stdout
    assert "Best epoch" in result.stdout
    summary = json.loads((trained.folder / "runs/digits/summary.json").read_text())
    assert summary["epochs"] == 2
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.long
def test_two_processes_train_as_one(project):
    """Two ranks of torchrun write one run, with figures close to those of a single process."""
    arguments = ("--epochs", 1, "--limit-train", 256, "--dropout", 0, "--amp", "off", "--sync-batch-norm")
    result = project.run(*TORCHRUN, "train.py", *DIGITS, *arguments, *MACHINE, "--output", "two")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("Weights: ") == 1
    assert "2 processes" in result.stdout
    one = project.train("one", *arguments)
    rows = [next(csv.DictReader((run / "history.csv").open())) for run in (project.folder / "two", one)]
    for figure in ("train_loss", "val_loss"):
        assert float(rows[0][figure]) == pytest.approx(float(rows[1][figure]), rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--epochs", "-3"], ["--epochs", "at least 1"]),
        (["--epochs", "many"], ["--epochs", "whole number"]),
        (["--batch-size", "0"], ["--batch-size", "at least 1"]),
        (["--dataset", "digits", "--batch-size", "5000"], ["--batch-size 5000", "1,151"]),
        (["--epoch-images", "100"], ["--batch-size 128", "100", "--epoch-images"]),
        (["--dataset", "digits", "--batch-size", "1"], ["--batch-size 1"]),
        (["--limit-train", "60001"], ["--limit-train 60001", "48,000"]),
        (["--lr", "nan"], ["--lr", "finite"]),
        (["--lr", "inf"], ["--lr", "finite"]),
        (["--lr", "0"], ["--lr", "above 0"]),
        (["--weight-decay", "-1"], ["--weight-decay"]),
        (["--dropout", "1"], ["--dropout", "below 1"]),
        (["--ema", "1.5"], ["--ema"]),
        (["--erase", "1.5"], ["--erase", "at most 1"]),
        (["--seed", "-1"], ["--seed"]),
        (["--device", "tpu"], ["--device", "tpu"]),
        (["--amp", "fp8"], ["--amp", "fp8"]),
        (["--dataset", "fashion"], ["--dataset", "fashion"]),
        (["--threads", "0"], ["--threads"]),
        (["--speed", "11"], ["--speed"]),
        (["--ep", "3"], ["--ep"]),
        (["--data-dir", "a_file"], ["a_file is a file"]),
        (["--data-dir", "empty", "--dataset", "mnist"], ["no MNIST in empty", "ossci-datasets"]),
        (["--output", "a_file"], ["a_file"]),
        (["--output", "."], [". is not empty"]),
        (["--resume", "nowhere"], ["nowhere holds no run"]),
        (["--resume", "a_file"], ["a_file holds no run"]),
        (["--resume", "nowhere", "--lr", "1"], ["leave out --lr"]),
        (["--initial-checkpoint", "nowhere.pt"], ["nowhere.pt", "no such checkpoint"]),
        (["--recipe", "worst"], ["--recipe", "worst"]),
        (["--recipe", "best"], ["--recipe best", "--initial-checkpoint", "--teacher"]),
        (["--recipe", "best", "--teacher", "shipped"], ["--initial-checkpoint"]),
        (["--dry-run", "--initial-checkpoint", "nowhere.pt"], ["nowhere.pt"]),
        (["--teacher", "a_file"], ["a_file is not a checkpoint"]),
        (["--teacher"], ["--teacher"]),
        (["--teacher-temperature", "0"], ["--teacher-temperature", "above 0"]),
        (["--teacher-temperature", "inf"], ["--teacher-temperature", "finite"]),
        (["--teacher-temperature", "4"], ["--teacher-temperature", "no teacher", "--teacher"]),
        (
            ["--recipe", "quick", "--teacher", "shipped", "--teacher-temperature", "4"],
            ["teacher", "--hardest 1 --label-smoothing 0"],
        ),
        (["--label-smoothing", "1"], ["--label-smoothing", "below 1"]),
        (["--hardest", "0"], ["--hardest", "above 0"]),
        (["--hardest", "0.5", "--non-digits", "10"], ["--non-digits", "--hardest 1"]),
        (["--hardest", "0.5", "--sync-batch-norm"], ["--sync-batch-norm", "--hardest 1"]),
        (["--width", "3"], ["--width", "at most 2"]),
        (["--plain-epochs", "31"], ["--plain-epochs 31", "30 epochs"]),
        (["--keep", "first"], ["--keep", "first"]),
        (["--save-answers", "kept"], ["--save-answers", "name weights with --teacher"]),
        (["--recipe", "best", "--save-answers", "kept"], ["--teacher"]),
        (["--teacher", "shipped", "--save-answers", "kept", "--output", "run"], ["leave out --output"]),
        (["--teacher", "shipped", "--save-answers", "a_file"], ["cannot make the folder a_file"]),
        (["--teacher", "shipped", "--answers", "kept"], ["--answers", "leave out --teacher"]),
        (["--answers", "kept", "--ink", "x.npz"], ["--answers", "leave out --ink"]),
        (["--answers", "kept"], ["kept lacks 30 of the 30 files", "epoch-0001.pt", "--save-answers"]),
        (["--width", "2", "--ship"], ["--ship", "--width 1"]),
        (["--dry-run", "--initial-checkpoint", "shipped", "--width", "2"], ["width 1", "--width 2"]),
        (["--mixup", "2"], ["--mixup", "at most 1"]),
        (["--dataset", "digits", "--ink", "nowhere.npz"], ["nowhere.npz: no such file"]),
        (["--ink", "a_file", "--ink-credit", "Ada", "--ink-credit", "Bo"], ["2 texts for 1 of --ink"]),
        (["--ink-weight", "2"], ["--ink-weight", "no digits to weigh"]),
        (["--refit", "--ship"], ["--ship", "--refit"]),
        (["--initial-checkpoint", "a_file"], ["a_file is not a checkpoint"]),
    ],
    ids=lambda value: flags(value) if isinstance(value, list) else None,
)
def test_bad_input(empty_folder, run_main, arguments, words):
    before = set(empty_folder.iterdir())
    assert_one_line_error(run_main(train.main, *arguments), *words)
    new = {path.name for path in set(empty_folder.iterdir()) - before}
    assert new <= {"empty"}


def test_bad_input_in_a_process_of_its_own(project):
    result = project.run("train.py", "--epochs", "-3")
    assert_one_line_error(result, "train.py: error: argument --epochs: must be at least 1, not -3")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_missing_device(project):
    assert_one_line_error(project.run("train.py", "--device", "cuda"), "no cuda device", "--device cpu")


@pytest.mark.long
def test_a_loss_that_explodes(project):
    result = project.run("train.py", *DIGITS, "--epochs", 2, "--lr", "1e30", "--output", "run")
    assert_one_line_error(result, "the loss became", "lower --lr")
    assert not (project.folder / "run/best.pt").exists()


@pytest.mark.long
@posix
def test_folders_without_permission(project):
    closed = project.folder / "closed"
    closed.mkdir()
    closed.chmod(0o500)
    options = {"preexec_fn": obey_permissions()}
    result = project.run("train.py", *DIGITS, "--output", "closed/run", **options)
    assert_one_line_error(result, "closed/run", "Permission denied")
    result = project.run("train.py", "--data-dir", "closed/data", "--dataset", "mnist", **options)
    assert_one_line_error(result, "closed/data", "Permission denied")
    closed.chmod(0o000)
    result = project.run("train.py", "--data-dir", "closed", "--dataset", "mnist", **options)
    assert_one_line_error(result, "closed", "Permission denied")
    result = project.run("test.py", "--checkpoint", "closed/best.pt", **options)
    assert_one_line_error(result, "closed/best.pt", "Permission denied")
    closed.chmod(0o700)


@pytest.mark.long
def test_a_run_whose_settings_were_changed_is_not_resumed(project):
    run = project.train("run", *FEW, "--epochs", 1)
    path = run / "args.json"
    path.write_text(path.read_text().replace('"epochs": 1', '"epochs": 2'))
    assert_one_line_error(project.run("train.py", "--resume", run), "another recipe")
    path.write_text("{")
    assert_one_line_error(project.run("train.py", "--resume", run), "args.json is damaged")
