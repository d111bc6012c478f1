"""Corrected samples survive a kill at any moment and a full disk."""

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

# For each line of its input, "FOLDER LARGEST", a process that keeps samples as the window does, until it is
# killed or cannot write: no file may have more than LARGEST bytes. One start of PyTorch is enough for all.
SAVE = """
import os, resource, sys
import numpy as np
import torch
from pathlib import Path
from PIL import Image
from personal import Memory
from recognizer import Recognizer
torch.set_num_threads(1)
weights = Recognizer().checkpoint
for line in sys.stdin:
    folder, largest = line.split()
    if not os.fork():
        print(os.getpid(), flush=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), int(largest)))
        memory = Memory(Path(folder), weights)
        strokes = [[(x, x) for x in range(2000)]]
        try:
            while True:
                image = Image.effect_noise((100, 100), 50)
                print(memory.add(3, np.eye(28), strokes=strokes, image=image, read=4).stem, flush=True)
        except Exception as error:
            print(type(error).__name__, error, flush=True)
        os._exit(0)
    os.wait()
    print("end", flush=True)
"""
NO_LIMIT = 2**30


@pytest.fixture(scope="module")
def saver() -> Iterator[subprocess.Popen]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", SAVE], cwd=PROJECT, **pipes)
    yield process
    process.communicate(timeout=60)


def save(saver: subprocess.Popen, folder: Path, largest: int) -> int:
    """Begin to keep samples; the process that does."""
    print(folder, largest, file=saver.stdin, flush=True)
    return int(saver.stdout.readline())


def said_to_the_end(saver: subprocess.Popen) -> list[str]:
    lines = []
    for line in saver.stdout:
        if line == "end\n":
            return lines
        lines.append(line.strip())
    pytest.fail(f"it broke off after {lines}")


def test_corrections_survive_a_kill(
    saver: subprocess.Popen, recognizer: Recognizer, tmp_path: Path, often: Callable[[int], int]
) -> None:
    """Killed at random moments while it saves: every sample that was told of is there, and whole."""
    rng, between = random.Random(0), []
    for round_ in range(often(300)):
        folder = tmp_path / str(round_)
        process = save(saver, folder, NO_LIMIT)
        said = [saver.stdout.readline().strip()]
        time.sleep(rng.uniform(0, 0.02))
        os.kill(process, signal.SIGKILL)
        said += said_to_the_end(saver)
        files = {path.suffix for path in folder.iterdir() if not path.with_suffix(".jsonl").exists()}
        between.append(" ".join(sorted(files)))
        memory = Memory(folder, recognizer.checkpoint)
        assert memory.set_aside == []
        assert set(said) <= set(memory.labels)
        assert len(memory) <= len(said) + 1
        assert set(memory.labels.values()) == {3}
        for name in memory.labels:
            Image.open(folder / f"{name}.png").load()
    print({left: between.count(left) for left in sorted(set(between))})


@pytest.mark.parametrize(
    ("largest", "refused"),
    [(1_000, ".npy"), (6_000, ".png"), (15_000, ".jsonl")],
    ids=str,
)
def test_corrections_survive_a_full_disk(
    saver: subprocess.Popen, tmp_path: Path, largest: int, refused: str
) -> None:
    """A limit on the size of files stands for the disk: the system refuses the write alike."""
    save(saver, tmp_path, largest)
    (said,) = said_to_the_end(saver)
    assert said.startswith("UserError cannot write")
    assert f"{refused}: File too large" in said
    assert list(tmp_path.iterdir()) == []
