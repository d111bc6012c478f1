"""The programs in docs/use-it.md run, in a folder with the files that they name."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from common.files import PROJECT
from preprocessing.glyph import draw_strokes
from tests.support.project import FORGE, missing

TEXT = (PROJECT / "docs/use-it.md").read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r"^## ([^\n]*)\n(?:(?!^## ).)*?^```(?:python|js)\n(.*?)^```", TEXT, re.M | re.S))
PRINTED = {
    "A picture": r"7 \d+\.\d% \(.*\)\n",
    "Strokes": r"7\n",
    "A folder": r"a\.png 7\nb\.png 7\n",
    "A notebook": "",
    "ONNX Runtime in Python": r"not a digit\n.*MNIST's training images.*\n",
    "ONNX Runtime in JavaScript": r"\?\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures of a 7 and an exported network."""
    folder = tmp_path_factory.mktemp("program")
    picture = Image.new("L", (200, 200), "white")
    ImageDraw.Draw(picture).line([(60, 40), (140, 40), (90, 160)], fill="black", width=14, joint="curve")
    (folder / "scans").mkdir()
    for name in ("photo.png", "scans/b.png", "scans/a.png"):
        picture.save(folder / name)
    shutil.copy(PROJECT / "web/page/model.onnx", folder / "improved_resnet18.onnx")
    if (modules := PROJECT / "web/node_modules").exists():
        (folder / "node_modules").symlink_to(modules)
    return folder


def test_no_program_is_left_out():
    assert PROGRAMS.keys() == PRINTED.keys()
    assert all(len(code.strip().splitlines()) <= 10 for code in PROGRAMS.values())


def run(folder: Path, heading: str, code: str) -> str:
    """Run a program in a folder outside the project and return what it prints."""
    environment = {**os.environ, "MPLBACKEND": "Agg", "TORCH_HOME": str(folder)}
    program = folder / ("program.mjs" if heading.endswith("JavaScript") else "program.py")
    program.write_text(code.replace('hub.load(".",', f"hub.load({str(PROJECT)!r},"))
    if program.suffix == ".py" and FORGE:
        status, printed, said = FORGE.run(folder, environment, [program.name])
    else:
        if program.suffix == ".mjs" and not (shutil.which("node") and (folder / "node_modules").exists()):
            missing("no Node.js, or no packages of the page (npm ci --prefix web)")
        command = ["node" if program.suffix == ".mjs" else sys.executable, program.name]
        result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        status, printed, said = result.returncode, result.stdout, result.stderr
    assert status == 0, said
    return printed


@pytest.mark.parametrize("heading", PRINTED)
def test_a_program_runs(folder: Path, heading: str):
    assert re.fullmatch(PRINTED[heading], run(folder, heading, PROGRAMS[heading]), re.S)


@pytest.mark.parametrize(
    ("heading", "blank", "image", "printed"),
    [
        (
            "ONNX Runtime in Python",
            "np.zeros((1, 1, 28, 28), np.float32)",
            "np.float32([[{}]])",
            r"7 \d+\.\d%",
        ),
        ("ONNX Runtime in JavaScript", "new Float32Array(28 * 28)", "new Float32Array({}.flat())", "7"),
    ],
    ids=["Python", "JavaScript"],
)
def test_the_exported_network_reads_a_digit(folder: Path, heading: str, blank: str, image: str, printed: str):
    seven = draw_strokes([np.array([(10.0, 10), (60, 10), (30, 90)])], (10, 10, 60, 90)).tolist()
    assert blank in PROGRAMS[heading]
    code = PROGRAMS[heading].replace(blank, image.format(seven))
    assert re.fullmatch(printed, run(folder, heading, code).splitlines()[0])
