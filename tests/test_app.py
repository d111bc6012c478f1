"""Tests of app.py: errors on the command line, and what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import app
from tests.support.project import Project, assert_one_line_error
from tests.support.window import PATIENCE


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a file that is no picture, and a picture that is cut off."""
    folder = tmp_path_factory.mktemp("app") / "project"
    folder.mkdir()
    Project(folder)
    (folder / "text.png").write_text("This is no picture, and no checkpoint.")
    noise = np.random.default_rng(0).integers(0, 256, (100, 100), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "cut.png")
    os.truncate(folder / "cut.png", 500)
    return folder


def start(folder: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess:
    """Run app.py until it ends, which it does by itself only if there is an error."""
    command = [sys.executable, "app.py", *map(str, arguments)]
    environment = {**os.environ, **environment}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )


def test_no_display(copy):
    result = start(copy, DISPLAY="")
    assert_one_line_error(result, "display", "xvfb-run python app.py", "predict.py")


def test_no_tkinter(copy, tmp_path):
    (tmp_path / "tkinter.py").write_text("raise ImportError('No module named _tkinter')")
    result = start(copy, PYTHONPATH=str(tmp_path))
    assert_one_line_error(result, "no Tk", "apt install python3-tk", "brew install python-tk")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--checkpoint", "text.png"], ["text.png is not a checkpoint"], marks=pytest.mark.long),
        (["text.png"], ["text.png is not a picture"]),
        pytest.param(["cut.png"], ["cut.png"], marks=pytest.mark.long),
    ],
    ids=" ".join,
)
def test_bad_files(display, copy, arguments, words):
    assert_one_line_error(start(copy, *arguments, DISPLAY=display), *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--checkpoint", "nowhere.pt"], ["nowhere.pt", "no such checkpoint"]),
        (["nowhere.png"], ["nowhere.png", "no such picture"]),
        (["--size", "0"], ["--size", "at least 100"]),
        (["--brush", "wide"], ["--brush", "number"]),
        (["--theme", "pink"], ["--theme", "pink"]),
        (["--profile", "a/b"], ["cannot be the name of a profile"]),
        (["--profile", ""], ["cannot be the name of a profile"]),
        (["--profile", ".hidden"], ["cannot be the name of a profile"]),
    ],
    ids=" ".join,
)
def test_bad_arguments(copy, monkeypatch, run_main, arguments, words):
    """In this process: they are refused before a window opens."""
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DISPLAY", "")
    assert_one_line_error(run_main(app.main, *arguments), *words)


@pytest.mark.long
def test_no_shipped_weights(display, project):
    for path in (project.folder / "checkpoints").iterdir():
        path.unlink()
    result = start(project.folder, DISPLAY=display)
    assert_one_line_error(result, "improved_resnet18.pt", "no such checkpoint")
