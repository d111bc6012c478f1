"""Corrected samples survive a kill at any moment and a full disk."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from runtime import PROJECT
from stroke_files import drawings

resource = pytest.importorskip("resource", reason="not on Windows")

SAVE = """
import sys, corrections
from pathlib import Path
from PIL import Image
for number in range(10**6):
    image = Image.effect_noise((200, 200), 50)
    corrections.keep(Path(sys.argv[1]), f"{number:06}", label=3, strokes=[[(1, 2), (3, 4)]], image=image)
    print(number, flush=True)
"""


def test_corrections_survive_a_kill(tmp_path: Path, often: Callable[[int], int]) -> None:
    """Killed at random moments while it saves: every sample that is there is whole."""
    rng = random.Random(0)
    for round_ in range(often(30)):
        folder = tmp_path / str(round_)
        process = subprocess.Popen(
            [sys.executable, "-c", SAVE, folder], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )
        said = [process.stdout.readline() for _ in range(rng.randrange(1, 30))]
        process.kill()
        process.communicate()
        kept = sorted(folder.glob("[0-9]*.jsonl"))
        assert len(kept) >= len(said)
        for path in kept:
            assert [drawing.label for drawing in drawings(path)] == [3]
            Image.open(path.with_suffix(".png")).load()


def test_corrections_survive_a_full_disk(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the system refuses the write alike."""
    result = subprocess.run(
        [sys.executable, "-c", SAVE, tmp_path],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)),
    )
    assert "UserError: cannot write" in result.stderr
    assert list(tmp_path.iterdir()) == []
