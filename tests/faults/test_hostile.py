"""Damaged or malicious files: each is read or refused, quickly and in little memory."""

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from common.files import PROJECT
from preprocessing import image_files
from preprocessing.pdf_files import MAX_MEMORY, MAX_SECONDS

# At most this much more processor time than `hostile.LARGEST`; a WebP of 20 megapixels of noise took 3.
TIMES_LARGEST = 6
MEMORY = 1024  # MiB of the whole process, PyTorch and the network included
PICTURES = (".png", ".jpeg", ".gif", ".bmp", ".tiff", ".webp", ".ppm", ".avif", ".heif", ".pdf")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_all_accepted_formats_are_tried() -> None:
    from tests.support import hostile  # needs Linux

    assert set(hostile.FORMATS) == set(image_files.FORMATS)


def test_memory_that_was_freed_before_is_counted() -> None:
    """malloc keeps 100 MB of freed blocks, since a block after them is in use."""
    from tests.support import hostile

    blocks = [bytearray(100_000) for _ in range(1001)]
    del blocks[:1000]
    before = hostile.fresh_peak()
    blocks += [bytearray(100_000) for _ in range(1000)]
    assert hostile.figure("VmHWM") - before > 90


@pytest.mark.long
@pytest.mark.timeout(3000)  # on a slow and busy machine
def test_hostile_files_are_read_or_refused(
    tmp_path: Path, often: Callable[[int], int], pytestconfig: pytest.Config
) -> None:
    from tests.support import hostile  # needs Linux

    count, full = often(3_000), pytestconfig.getoption("--faults") == "full"
    seed, heavy = (0, "all") if full else (random.randrange(10**6), "some")  # each short run tries others
    command = [sys.executable, "-m", "tests.support.hostile", str(tmp_path), str(count), str(seed), heavy]
    print(*command[3:])
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    files = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 0, (files[-1:], result.stderr)
    assert result.stderr == "", "errors are reported on stdout, in place of the readings"
    seconds = TIMES_LARGEST * next(file["seconds"] for file in files if file["name"] == hostile.LARGEST)
    for file in files:
        assert set(file["outcomes"]) <= {"read", "refused"}, file
        drawn = file["name"].endswith(".pdf")  # by a process with limits of its own
        assert file["memory"] < MEMORY + MAX_MEMORY / 2**20 * drawn, file
        assert file["seconds"] < seconds + MAX_SECONDS * drawn, file
        if "-sound" in file["name"] and file["name"].endswith(PICTURES):
            assert file["outcomes"] == ["read", "read"], file
    mutated = [file for file in files if file["name"][0].isdigit() and "x" not in file["name"].split(".")[0]]
    assert len(mutated) == count
    report("mutated", mutated)
    report("heavy", [file for file in files if file not in mutated])


def report(what: str, files: list[dict]) -> None:
    """Print figures for docs/reliability.md, which `pytest -rP` shows."""
    slowest, largest = (max(files, key=lambda file: file[key]) for key in ("seconds", "memory"))
    outcomes = Counter("read" if "read" in file["outcomes"] else "refused" for file in files)
    print(
        f"{len(files):,} {what}: {dict(outcomes)}; "
        f"longest {slowest['seconds']:.2f} s ({slowest['name']}), "
        f"most memory {largest['memory']:.0f} MiB ({largest['name']})"
    )
