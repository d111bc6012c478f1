"""Tests that corrected samples survive a kill at any moment and a full disk."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from common.files import PROJECT
from recognition.memory import Memory
from recognition.recognizer import Recognizer

resource = pytest.importorskip("resource", reason="not on Windows")

# Read "FOLDER LIMIT" from each line of stdin and fork a process that keeps samples there, as the window does,
# until it is killed or a file would have more than LIMIT bytes. Forking saves the import of PyTorch.
# Each line is one write(2), which is atomic on a pipe. `print` makes two if PYTHONUNBUFFERED is set: a kill
# between them would leave half a line, which the next one would be joined to.
SAVE = """
import os, resource, sys
import numpy as np
import torch
from pathlib import Path
from PIL import Image
from recognition.memory import Memory
from recognition.recognizer import Recognizer

def tell(line):
    os.write(1, f"{line}\\n".encode())

torch.set_num_threads(1)
weights = Recognizer().checkpoint
for line in sys.stdin:
    folder, limit = line.split()
    if not os.fork():
        tell(os.getpid())
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
        memory = Memory(Path(folder), weights)
        strokes = [[(x, x) for x in range(2000)]]
        try:
            while True:
                image = Image.effect_noise((100, 100), 50)
                tell(memory.add(3, np.eye(28), strokes=strokes, image=image, read=4).stem)
        except Exception as error:
            tell(f"{type(error).__name__} {error}")
        os._exit(0)
    os.wait()
    tell("end")
"""
NO_LIMIT = 2**30


@pytest.fixture(scope="module")
def saver() -> Iterator[subprocess.Popen]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", SAVE], cwd=PROJECT, **pipes)
    yield process
    process.communicate(timeout=60)


def start_saving(saver: subprocess.Popen, folder: Path, limit: int) -> int:
    """Return the id of a process that begins to keep samples."""
    print(folder, limit, file=saver.stdin, flush=True)
    return int(saver.stdout.readline())


def lines_to_the_end(saver: subprocess.Popen) -> list[str]:
    """Return what the process printed before it ended."""
    lines = []
    for line in saver.stdout:
        if line == "end\n":
            return lines
        lines.append(line.strip())
    pytest.fail(f"the saver ended after {lines}")


def test_corrections_survive_a_kill(
    saver: subprocess.Popen, recognizer: Recognizer, tmp_path: Path, often: Callable[[int], int]
) -> None:
    """After a kill at a random moment, every sample that was reported is there and complete."""
    rng, left_by_kills = random.Random(0), []
    for round_ in range(often(300)):
        folder = tmp_path / str(round_)
        process = start_saving(saver, folder, NO_LIMIT)
        reported = [saver.stdout.readline().strip()]
        time.sleep(rng.uniform(0, 0.02))
        os.kill(process, signal.SIGKILL)
        reported += lines_to_the_end(saver)
        files = {path.suffix for path in folder.iterdir() if not path.with_suffix(".jsonl").exists()}
        left_by_kills.append(" ".join(sorted(files)))
        memory = Memory(folder, recognizer.checkpoint)
        assert memory.set_aside == []
        assert set(reported) <= set(memory.labels)
        assert len(memory) <= len(reported) + 1
        assert set(memory.labels.values()) == {3}
        for name in memory.labels:
            Image.open(folder / f"{name}.png").load()
    print({left: left_by_kills.count(left) for left in sorted(set(left_by_kills))})


@pytest.mark.parametrize(
    ("limit", "refused"),
    [(1_000, ".npy"), (6_000, ".png"), (15_000, ".jsonl")],
    ids=str,
)
def test_corrections_survive_a_full_disk(
    saver: subprocess.Popen, tmp_path: Path, limit: int, refused: str
) -> None:
    """A limit on the size of files stands in for a full disk: the system refuses the write likewise."""
    start_saving(saver, tmp_path, limit)
    (error,) = lines_to_the_end(saver)
    assert error.startswith("UserError cannot write")
    assert f"{refused}: File too large" in error
    assert list(tmp_path.iterdir()) == []
