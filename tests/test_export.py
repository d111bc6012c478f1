"""export.py writes files that read as the weights do and say what they are; others are refused."""

import hashlib
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import export
from checkpointing import checkpoint, lookup
from checkpointing.checkpoint import Checkpoint
from checkpointing.exported import NetworkWithNovelty, quantized, to_pt2
from common.download import MnistMissing
from common.files import PROJECT
from common.messages import UserError
from data import load_training
from recognition import symbols
from tests.support.project import Project, Result, assert_one_line_error, missing

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def ink_weights() -> Checkpoint:
    return checkpoint.load(lookup.find("ink"))


@pytest.fixture(scope="module")
def exported(tmp_path_factory, mnist_dir) -> tuple[Project, Result]:
    """A project in which the script has exported the ink weights, and what it said."""
    if not export.find_spec("onnxscript"):
        missing("no onnxscript")
    folder = tmp_path_factory.mktemp("exported") / "project"
    folder.mkdir()
    project = Project(folder)
    return project, project.run("export.py", "--output", "out/ink.onnx")


@pytest.fixture(scope="module")
def onnx_file(exported) -> bytes:
    return (exported[0].folder / "out/ink.onnx").read_bytes()


def described(content: bytes) -> dict[str, str]:
    """Return the metadata of an ONNX file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.get_modelmeta().custom_metadata_map


def test_the_script_writes_a_verified_file(exported, ink_weights):
    project, result = exported
    assert result.returncode == 0, result.stderr
    assert result.stdout == "Written: out/ink.onnx (2.97 MB)\n"
    weights, verified = result.stderr.splitlines()
    assert weights.startswith("Weights: checkpoints/improved_resnet18_ink.pt")
    assert verified.startswith("Verified: 1,000 validation images, 0 read differently")

    content = (project.folder / "out/ink.onnx").read_bytes()
    assert str(project.folder).encode() not in content
    about = described(content)
    assert json.loads(about["class_names"]) == list("0123456789")
    assert about["checkpoint_sha256"] == ink_weights.sha256
    assert json.loads(about["learned_from"]) == ink_weights.learned_from()
    assert json.loads(about["calibration"])["novelty_threshold"] == ink_weights.calibration.threshold
    assert (about["licence"], about["precision"]) == ("MIT", "float32")


@pytest.mark.long
def test_the_network_of_signs(project):
    result = project.run("export.py", "--symbols", "--output", "out/symbols.onnx")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "Written: out/symbols.onnx (0.27 MB)\n"
    assert result.stderr.startswith("Verified: 1,000 made glyphs, 0 read differently")
    content = (project.folder / "out/symbols.onnx").read_bytes()
    about = described(content)
    assert json.loads(about["class_names"]) == list(symbols.KINDS)
    assert about["checkpoint_sha256"] == hashlib.sha256(symbols.WEIGHTS.read_bytes()).hexdigest()
    glyphs, places = export.made_glyphs(3), np.zeros((3, symbols.PLACE), np.float32)
    with torch.inference_mode():
        expected = symbols.load()(torch.from_numpy(glyphs), torch.from_numpy(places))
    (logits,) = export.onnx_network(content, threads=1)(glyphs, places)
    assert logits == pytest.approx(expected.numpy(), abs=1e-4)


def test_onnx_runtime_gives_what_the_recognizer_computes(onnx_file, recognizer):
    read = export.onnx_network(onnx_file, threads=1)
    for seven in ([[(10, 10), (60, 10), (30, 90)]], [[(0, 0), (30, 50), (60, 0), (5, 5), (50, 70)]]):
        (reading,) = recognizer.read_strokes(seven, single=True)
        logits, features, novelty = read(reading.glyph[None, None])
        assert features.shape == (1, 704)
        probabilities = torch.from_numpy(logits).softmax(1).numpy()[0]
        assert probabilities == pytest.approx(reading.probabilities, abs=1e-5)
        assert novelty[0] == pytest.approx(reading.novelty, abs=1e-4)


def assert_reads_as(content: bytes, weights: Checkpoint) -> None:
    """Assert that a .pt2 file gives what the weights give, and describes them."""
    extra = {"metadata.json": ""}
    assert str(Path(export.__file__).parent).encode() not in content
    module = torch.export.load(io.BytesIO(content), extra_files=extra).module()
    about = json.loads(extra["metadata.json"])
    assert about["checkpoint_sha256"] == weights.sha256
    calibrated = weights.calibration is not None
    assert (json.loads(about["calibration"]) is not None) == calibrated
    ink = torch.rand(7, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        outputs, expected = module(ink), NetworkWithNovelty(weights)(ink)
    assert len(outputs) == 2 + calibrated
    for one, other in zip(outputs, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.long
def test_torch_export_of_weights_without_calibration(ink_weights):
    weights = replace(ink_weights, calibration=None)
    assert_reads_as(to_pt2(weights), weights)


@pytest.mark.long
def test_torch_export_of_weights_that_did_not_learn_mnist(trained):
    arguments = ("--checkpoint", "runs/digits/best.pt", "--format", "pt2", "--output", "digits.pt2")
    result = trained.run("export.py", *arguments)
    assert result.returncode == 0, result.stderr
    assert "Verified: 287 validation images, 0 read differently" in result.stderr
    weights = checkpoint.load(trained.folder / "runs/digits/best.pt")
    assert_reads_as((trained.folder / "digits.pt2").read_bytes(), weights)


def test_without_mnist_made_glyphs_are_compared(ink_weights, monkeypatch):
    def no_mnist(*_: object) -> None:
        raise MnistMissing("no MNIST")

    monkeypatch.setattr(export, "load_training", no_mnist)
    monkeypatch.setattr(export, "CHECKED", 50)
    network = export.torch_network(NetworkWithNovelty(ink_weights), CPU)
    assert export.compare(network, network, "mnist", None).startswith(
        "50 made glyphs (no MNIST here), 0 read"
    )
    glyphs = export.made_glyphs(50)
    assert glyphs.shape == (50, 1, 28, 28)
    assert glyphs.dtype == np.float32
    assert len({glyph.tobytes() for glyph in glyphs}) == 50
    assert (glyphs.max((1, 2, 3)) > 0.9).all()


@pytest.mark.parametrize(
    ("output", "change"),
    [(0, 0.01), (0, np.nan), (1, 0.01), (2, 0.01), (2, np.nan)],
    ids=["logits", "logits are NaN", "features", "novelty", "novelty is NaN"],
)
def test_a_network_that_reads_differently_is_refused(ink_weights, monkeypatch, output: int, change: float):
    monkeypatch.setattr(export, "CHECKED", 150)
    original = export.torch_network(NetworkWithNovelty(ink_weights), CPU)

    def changed(ink: np.ndarray) -> list[np.ndarray]:
        outputs = original(ink)
        outputs[output][0] += np.arange(10) * change if output == 0 else change
        return outputs

    export.compare(original, original, "digits", None)
    with pytest.raises(UserError, match="nothing is written, since the exported network reads differently"):
        export.compare(original, changed, "digits", None)


@pytest.mark.long
def test_int8_is_small_and_loses_little(onnx_file, ink_weights, mnist_dir):
    train, validation = load_training("mnist", mnist_dir)
    small = quantized(ink_weights, onnx_file, (batch.ink().numpy() for batch in train[::48].batches(100)))
    assert len(small) < 900_000
    about = described(small)
    assert (about["precision"], about["checkpoint_sha256"]) == ("int8", ink_weights.sha256)
    few = validation[:3000]
    logits = [
        export.outputs_of(export.onnx_network(content, 1), few.ink().numpy())[0]
        for content in (onnx_file, small)
    ]
    before, after = (int((said.argmax(1) != few.labels.numpy()).sum()) for said in logits)
    assert after <= before + 15  # how many more depends on the processor


def test_int8_that_loses_too_much_is_refused(ink_weights):
    validation = load_training("digits", None)[1]
    network = export.torch_network(NetworkWithNovelty(ink_weights), CPU)
    right = validation.labels.numpy()

    def worse(lost: int) -> export.Network:
        def read(ink: np.ndarray) -> list[np.ndarray]:
            nonlocal lost
            (logits, *others), lost_now = network(ink), 0
            while lost and lost_now < len(ink):
                logits[lost_now] = -logits[lost_now]
                lost, lost_now = lost - 1, lost_now + 1
            return [logits, *others]

        return read

    errors = (export.outputs_of(network, validation.ink().numpy())[0].argmax(1) != right).sum()
    result = export.compare_errors(network, worse(5), validation)
    assert f"float32 misreads {errors} in " in result
    assert f"int8 {errors + 5} in " in result
    with pytest.raises(UserError, match="leave out --quantize"):
        export.compare_errors(network, worse(6), validation)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: name != "onnxscript")
    monkeypatch.setattr(sys, "argv", ["export.py"])
    with pytest.raises(UserError, match=r"no package onnxscript.*pip install -r requirements-export.txt"):
        export.main()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--checkpoint", "nowhere.pt"], ["nowhere.pt", "no such checkpoint"]),
        (["--output", "checkpoints"], ["checkpoints is a folder"]),
        (["--format", "pt2", "--quantize"], ["--quantize needs --format onnx"]),
        (["--format", "pt2", "--symbols"], ["--symbols needs --format onnx"]),
        (["--quantize", "--symbols"], ["--quantize", "leave out --symbols"]),
        (["--checkpoint", "shipped", "--symbols"], ["--symbols", "not allowed with", "--checkpoint"]),
        (["--format", "h5"], ["--format", "h5"]),
    ],
    ids=" ".join,
)
def test_bad_input(monkeypatch, run_main, arguments: list[str], words: list[str]):
    monkeypatch.chdir(PROJECT)
    assert_one_line_error(run_main(export.main, *arguments), *words)
