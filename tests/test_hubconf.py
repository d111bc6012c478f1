"""hubconf.py: torch.hub loads the network and the recognizer in a program outside the project."""

import os
import subprocess
import sys
from pathlib import Path

from common.files import PROJECT
from hubconf import dependencies

PROGRAM = """
import sys
import torch
from PIL import Image, ImageDraw

load = torch.hub.load
for weights in ("shipped", "ink", None):
    network = load({repo!r}, "improved_resnet18", source="local", weights=weights)
    assert not network.training
    assert network(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
reader = load({repo!r}, "recognizer", source="local")
(seven,) = reader.read_strokes([[(10, 10), (60, 10), (30, 90)]])
picture = Image.new("L", (200, 200), "white")
ImageDraw.Draw(picture).line([(60, 40), (140, 40), (90, 160)], fill="black", width=14, joint="curve")
(also,) = reader.read_image(picture)
print(seven.digit, also.digit)
try:
    load({repo!r}, "recognizer", source="local", weights="best")
except Exception as error:
    print(type(error).__name__, error)
print(*{{name.partition(".")[0] for name in sys.modules}})
"""


def test_a_program_elsewhere_loads_the_folder(tmp_path: Path):
    environment = {**os.environ, "TORCH_HOME": str(tmp_path)}
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, "-c", PROGRAM.format(repo=str(PROJECT))]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    digits, error, loaded = result.stdout.splitlines()
    assert digits == "7 7"
    assert error == "UserError no weights 'best': choose one of shipped, ink"
    assert set(dependencies) <= set(loaded.split())
    assert not {"sklearn", "matplotlib", "torchvision", "onnx"} & set(loaded.split())
