"""Tests of the training of the ink network."""

import json
from pathlib import Path

import pytest
import torch

from checkpointing import archive
from pages.ink_network import load
from tests.training.made_pages.hands import SHAPES
from training import ink_network as training


@pytest.fixture
def strokes(tmp_path: Path) -> Path:
    """A stroke file of three writers."""
    lines = [
        json.dumps({"label": label, "writer": writer, "strokes": strokes})
        for writer in (1, 2, 3)
        for label, strokes in SHAPES.items()
    ]
    path = tmp_path / "strokes.jsonl"
    path.write_text("\n".join(lines))
    return path


def run(monkeypatch, *arguments: object) -> None:
    monkeypatch.setattr("sys.argv", ["training", *map(str, arguments)])
    assert training.main() == 0


@pytest.fixture
def small(monkeypatch, mnist_dir) -> None:
    monkeypatch.setattr(training, "SMALL_SIDE", 64)
    monkeypatch.setattr(training, "SIDE", 96)
    monkeypatch.setattr(training, "VALIDATION", 1)
    monkeypatch.setattr(training, "SAVED_EVERY", 3)
    monkeypatch.setattr(training, "REPLAYED", 4)
    monkeypatch.setenv("MNIST_DIR", str(mnist_dir))


@pytest.mark.usefixtures("small")
def test_an_interrupted_training_goes_on_as_if_it_had_not_been(tmp_path, strokes, monkeypatch, capsys):
    flags = ("--ink", strokes, "--steps", 5, "--crop-steps", 3, "--batch", 4, "--workers", 0)
    run(monkeypatch, *flags, "--output", tmp_path / "whole.pt")
    assert "| all |" in capsys.readouterr().out

    written = archive.write

    def interrupt(path, kind, content):
        written(path, kind, content)
        if content.get("step") == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(training.archive, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, *flags, "--output", tmp_path / "parts.pt")
    monkeypatch.setattr(training.archive, "write", written)
    assert not (tmp_path / "parts.pt").exists()
    run(monkeypatch, *flags, "--output", tmp_path / "parts.pt", "--resume")

    whole, parts = (load(tmp_path / name).state_dict() for name in ("whole.pt", "parts.pt"))
    for name, value in whole.items():
        torch.testing.assert_close(value, parts[name], msg=name)
    assert sorted(path.name for path in tmp_path.glob("*.pt")) == ["parts.pt", "whole.pt"]
