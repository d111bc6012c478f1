"""The programs in docs/use-it.md run, in a folder with the files that they name."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from common.files import PROJECT
from tests.support.project import missing

TEXT = (PROJECT / "docs/use-it.md").read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r"^## ([^\n]*)\n(?:(?!^## ).)*?^```(?:python|js)\n(.*?)^```", TEXT, re.M | re.S))
PRINTED = {
    "A picture": r"7 \d+\.\d% \(.*\)\n",
    "Strokes": r"7\n",
    "A folder": r"a\.png 7\nb\.png 7\n",
    "A notebook": "",
    "ONNX Runtime in Python": r"\[\d\] \[\[.*\]\] \[False\]\n.*MNIST's training images.*\n",
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


@pytest.mark.parametrize("heading", PRINTED)
def test_a_program_runs(folder: Path, heading: str):
    code = PROGRAMS[heading].replace("REPO", repr(str(PROJECT)))
    command = [sys.executable, "-c", code]
    if heading.endswith("JavaScript"):
        if not shutil.which("node") or not (folder / "node_modules").exists():
            missing("no Node.js, or no packages of the page (npm ci --prefix web)")
        (folder / "program.mjs").write_text(code)
        command = ["node", "program.mjs"]
    environment = {**os.environ, "MPLBACKEND": "Agg", "TORCH_HOME": str(folder)}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert re.fullmatch(PRINTED[heading], result.stdout, re.S)
