"""Checkpoints: round trips, a message for each kind of damage, no code that runs, and which file is read."""

import hashlib
import json
import os
import pickle
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from checkpointing import archive, checkpoint, lookup
from checkpointing.archive import CheckpointError
from common.files import PROJECT, write_atomically
from common.messages import UserError
from evaluation.calibration import NoveltyDetector
from model import ImprovedResNet18

VALIDATION = {"n": 12_000, "errors": 43, "loss": 0.0125}


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "weights.pt"


@pytest.fixture
def model() -> ImprovedResNet18:
    torch.manual_seed(7)
    return ImprovedResNet18(dropout=0.25)


@pytest.fixture
def saved(path, model) -> Path:
    checkpoint.save_weights(path, model, dataset="mnist", validation=VALIDATION, training={"epochs": 3})
    return path


def rewrite(path: Path, **changes: object) -> None:
    """Change part of a file's content and seal it again."""
    content = torch.load(path, weights_only=True)
    archive.write(path, content.pop("kind"), {**content, **changes})


def test_round_trip(saved, model):
    loaded = checkpoint.load(saved)
    ink = torch.rand(4, 1, 28, 28)
    torch.testing.assert_close(loaded.model(ink), model.eval()(ink))
    assert not loaded.model.training
    assert loaded.model.dropout.p == 0.25
    assert loaded.class_names == list("0123456789")
    assert (loaded.dataset, loaded.validation, loaded.training) == ("mnist", VALIDATION, {"epochs": 3})
    assert loaded.calibration is None
    assert loaded.sha256 == hashlib.sha256(saved.read_bytes()).hexdigest()
    assert "43 of 12,000 validation images wrong, loss 0.0125" in loaded.describe()


def test_a_wide_network_is_rebuilt_as_wide(path):
    model = ImprovedResNet18(width=2)
    detector = NoveltyDetector(torch.zeros(2 * 704), torch.eye(2 * 704, 64), 0.5)
    said = {"dataset": "mnist", "validation": VALIDATION, "training": {}, "calibration": detector}
    checkpoint.save_weights(path, model, **said)
    loaded = checkpoint.load(path)
    ink = torch.rand(4, 1, 28, 28)
    torch.testing.assert_close(loaded.model(ink), model.eval()(ink))
    assert loaded.model.width == 2
    assert loaded.calibration.distance(torch.rand(4, 2 * 704)).shape == (4,)


@pytest.mark.parametrize("width", [0, 3, 2.0, True, "2", None, 2**30])
def test_a_width_that_does_not_fit_is_refused_before_a_network_is_built(saved, width, monkeypatch):
    monkeypatch.setattr(checkpoint, "ImprovedResNet18", type("ImprovedResNet18", (), {}))  # fails if called
    rewrite(saved, arguments={"num_classes": 10, "dropout": 0.25, "width": width})
    with pytest.raises(CheckpointError, match="its width is not 1 to 2"):
        checkpoint.load(saved)
    rewrite(saved, arguments={"num_classes": 10, "dropout": 0.25, "width": 2})
    with pytest.raises(CheckpointError, match="does not fit"):
        checkpoint.load(saved)


def test_the_first_formats_temperature_goes_into_the_weights(saved, model):
    calibration = {"mean": torch.zeros(704), "components": torch.eye(704, 64), "threshold": 1.0}
    rewrite(saved, format_version=1, calibration={"temperature": 2.0, **calibration})
    ink = torch.rand(4, 1, 28, 28)
    torch.testing.assert_close(checkpoint.load(saved).model(ink), model.eval()(ink) / 2)


def test_weights_without_validation_say_so(path, model):
    figures = {"n": 0, "errors": None, "loss": None}
    checkpoint.save_weights(path, model, dataset="mnist", validation=figures, training={})
    assert "none left to validate on" in checkpoint.load(path).describe()


def test_weights_that_know_other_digits_say_so(path, model):
    for dataset in ("mnist", "digits"):
        checkpoint.save_weights(path, model, dataset=dataset, validation=VALIDATION, training={})
        described = checkpoint.load(path).describe()
        assert described.endswith("(trained on digits, not MNIST)") == (dataset == "digits")


def test_the_network_is_rebuilt_on_the_device_asked_for(saved):
    """Tested with the device "meta", which every machine has."""
    for device in ("cpu", "meta"):
        assert {tensor.device.type for tensor in checkpoint.load(saved, device).model.parameters()} == {
            device
        }


def test_content_is_plain_and_on_the_cpu(saved):
    """So the file loads without the device that wrote it and without the project's classes."""
    content = torch.load(saved, weights_only=True)
    assert all(tensor.device.type == "cpu" for tensor in content["state_dict"].values())
    assert content["libraries"] == {"python": platform.python_version(), "torch": str(torch.__version__)}
    assert content["arguments"] == {"num_classes": 10, "dropout": 0.25}


def test_training_state_round_trip(path):
    state = {"epoch": 3, "tensor": torch.arange(5), "rows": [{"loss": 0.5}], "none": None}
    checkpoint.save_training_state(path, state)
    loaded = checkpoint.load_training_state(path)
    assert torch.equal(loaded.pop("tensor"), state.pop("tensor"))
    assert loaded == state


def test_what_a_gpu_wrote_loads_without_one(path, monkeypatch):
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
    checkpoint.save_training_state(path, {"tensor": torch.arange(5)})
    assert torch.equal(checkpoint.load_training_state(path)["tensor"], torch.arange(5))


def test_a_file_without_a_state_is_damaged(path):
    for content in ({}, {"state": [1]}):
        archive.write(path, checkpoint.TRAINING_STATE, content)
        with pytest.raises(CheckpointError, match="is damaged: it holds no state"):
            checkpoint.load_training_state(path)


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_the_last_layer_fits_before_a_network_is_built(saved, name, monkeypatch):
    state = torch.load(saved, weights_only=True)["state_dict"]
    many = {"fc.weight": torch.zeros(1001, 128), "fc.bias": torch.zeros(1001)}
    wrong = {
        "outputs": {f"fc.{name}": many[f"fc.{name}"]},
        "not floating point": {f"fc.{name}": state[f"fc.{name}"].to(torch.uint8)},
        "more than 1,000 classes": many,
    }
    monkeypatch.setattr(checkpoint, "ImprovedResNet18", type("ImprovedResNet18", (), {}))  # fails if called
    for message, tensors in wrong.items():
        classes = len(tensors.get("fc.bias", state["fc.bias"]))
        said = {"arguments": {"num_classes": classes}, "class_names": ["0"] * classes}
        rewrite(saved, state_dict={**state, **tensors}, **said)
        with pytest.raises(CheckpointError, match=message):
            checkpoint.load(saved)


class Bomb:
    """Unpickling this would create a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100_000])


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def tampered(path: Path) -> None:
    state = torch.load(path, weights_only=True)["state_dict"]
    state["fc.bias"][0] += 1
    rewrite(path, state_dict=state)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def deflated_and_damaged(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.pkl", "digits" * 1000)
    content = bytearray(path.read_bytes())
    content[40:50] = bytes(10)
    path.write_bytes(content)


FAULTS = {
    "truncated or damaged$": deflated_and_damaged,
    "no such checkpoint": lambda path: path.unlink(),
    "is a folder": folder,
    "is empty": lambda path: path.write_bytes(b""),
    "is not a checkpoint of this project": lambda path: path.write_bytes(os.urandom(5000)),
    "is truncated or damaged": truncated,
    "truncated or damaged": flipped,
    "do not match their checksum": tampered,
    "objects other than weights": lambda path: torch.save(Bomb(path.parent / "boom"), path),
    "holds a LeNet": lambda path: rewrite(path, architecture="LeNet"),
    "has format 99, newer than the 3 that this version reads: update": lambda path: rewrite(
        path, format_version=99
    ),
    "does not fit": lambda path: rewrite(path, arguments={"num_classes": 7}),
    "does not fit an": lambda path: rewrite(path, arguments={"layers": 7}),
    "does not fit an ImprovedResNet18: 'loss'": lambda path: rewrite(path, validation={"n": 3, "errors": 1}),
    "does not fit an ImprovedResNet18": lambda path: rewrite(path, state_dict=None),
    "holds a training state": lambda path: checkpoint.save_training_state(path, {}),
    "not a checkpoint": lambda path: torch.save([1, 2, 3], path),
    "not a checkpoint of": lambda path: torch.save({"fc.bias": torch.zeros(10)}, path),
}


@pytest.mark.parametrize("message", FAULTS)
def test_faults(saved, message):
    FAULTS[message](saved)
    with pytest.raises(CheckpointError, match=message) as error:
        checkpoint.load(saved)
    assert saved.name in str(error.value)
    assert not (saved.parent / "boom").exists()


def test_a_file_that_cannot_be_read_says_why(saved):
    with pytest.raises(CheckpointError, match=r"below\.pt cannot be read: Not a directory$"):
        checkpoint.load(saved / "below.pt")


def test_raw_pickle_bomb_does_not_go_off(path):
    path.write_bytes(pickle.dumps(Bomb(path.parent / "boom")))
    with pytest.raises(CheckpointError, match="is not a checkpoint"):
        checkpoint.load(path)
    assert not (path.parent / "boom").exists()


def test_the_bomb_works(path, tmp_path):
    """Otherwise the tests above would pass with any loader."""
    torch.save(Bomb(tmp_path / "boom"), path)
    torch.load(path, weights_only=False)
    assert (tmp_path / "boom").exists()


def test_zip_of_something_else(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(CheckpointError, match="truncated or damaged"):
        checkpoint.load(path)


# which file is read


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setattr(lookup, "RUNS", tmp_path / "runs")
    return tmp_path / "runs"


@pytest.mark.parametrize(
    "wrong",
    [
        {"dataset": "mnist\x1b[31m"},
        {"class_names": ["\x1b"] * 10},
        *(
            {"training": training}
            for training in ({"credit": torch.zeros(2)}, {"images": "many"}, {"ink": 5})
        ),
        *({"training": {"ink": [source]}} for source in (3, {"name": [["a"] * 9] * 9}, {"personal": "no"})),
    ],
    ids=str,
)
def test_what_is_said_of_weights_must_be_of_its_kind(saved, wrong):
    rewrite(saved, **wrong)
    with pytest.raises(CheckpointError, match="it does not say"):
        checkpoint.load(saved)


def test_what_weights_have_learned_is_plain_text(saved):
    given = {"name": "a\x1b[31m.jsonl", "digits": 1234, "credit": "Ada,\nCC BY"}
    rewrite(saved, training={"images": 48_000, "credit": "Bo", "ink": [given, {"name": "b"}]})
    assert checkpoint.load(saved).learned_from() == [
        "MNIST's training images: 48,000 (Bo)",
        "a\\x1b[31m.jsonl: 1,234 (Ada,\\nCC BY)",
        "b",
    ]


def finish(run: Path, finished: str, dataset: str = "mnist") -> None:
    run.mkdir(parents=True)
    (run / "summary.json").write_text(json.dumps({"dataset": dataset, "finished": finished}))


def test_newest_finished_run_else_shipped(runs):
    shipped = lookup.SHIPPED["mnist"]
    assert lookup.find(None) == shipped
    with pytest.raises(UserError, match=r"no finished mnist run .* run train\.py first"):
        lookup.find("newest")
    finish(runs / "z-old", "2026-01-01T00:00:00+00:00")
    finish(runs / "a-new", "2026-01-02T00:00:00+00:00")
    finish(runs / "digits", "2026-01-03T00:00:00+00:00", "digits")
    (runs / "unfinished").mkdir()
    (runs / "broken").mkdir()
    (runs / "broken/summary.json").write_text("{")
    assert lookup.find(None) == lookup.find("newest") == runs / "a-new" / "best.pt"
    assert lookup.find(None, "digits") == runs / "digits" / "best.pt"
    assert lookup.find("shipped") == shipped
    assert lookup.find("some/file.pt") == Path("some/file.pt")


def test_ink_means_the_shipped_ink_weights_or_without_them_mnists(runs, monkeypatch, tmp_path):
    finish(runs / "new", "2026-01-01T00:00:00+00:00")
    monkeypatch.setitem(lookup.SHIPPED, "ink", tmp_path / "ink.pt")
    assert lookup.find("ink") == lookup.SHIPPED["mnist"]
    (tmp_path / "ink.pt").touch()
    assert lookup.find("ink") == tmp_path / "ink.pt"


def test_shipped_weights_load_and_say_how_good_they_are():
    loaded = checkpoint.load(lookup.SHIPPED["mnist"])
    assert loaded.dataset == "mnist"
    assert loaded.validation["n"] == 12_000
    assert loaded.training["images"] == 48_000


# writing


def test_full_disk_keeps_what_was_there(path):
    """A limit on the size of files stands in for the full disk: the write fails in the same way."""
    pytest.importorskip("resource", reason="not on Windows")
    path.write_text("before")
    code = (
        "import resource, pathlib, sys\n"
        "from common.cli import run_script\n"
        "from common.files import write_atomically\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "run_script(lambda: write_atomically(pathlib.Path(sys.argv[1]), bytes(2000)) or 0)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, path],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env={**os.environ, "COVERAGE_PROCESS_CONFIG": ""},  # coverage could not write its file either
    )
    assert result.returncode == 2, result.stderr
    assert "cannot write" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert path.read_text() == "before"
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_where_a_folder_should_be(path):
    path.write_text("")
    with pytest.raises(UserError, match="cannot write"):
        write_atomically(path / "below.txt", "text")


def test_text_is_utf8(path):
    write_atomically(path, "手写数字")
    assert path.read_text(encoding="utf-8") == "手写数字"
