"""What scripts need from their surroundings, where no test of a script shows it."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from common import device
from common.files import PROJECT, write_atomically
from common.messages import UserError
from tests.support.hand import resident
from tests.support.project import missing

COUNT = """
import resource, torch
from common import device
SETTING
for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(10_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.long
def test_memory_that_was_freed_is_used_again():
    if platform.libc_ver()[0] != "glibc":
        missing("no glibc")

    def new_pages(setting: str) -> int:
        command = [sys.executable, "-c", COUNT.replace("SETTING", setting)]
        return int(subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout)

    assert new_pages("") > 10_000, "this system does not count pages"
    assert new_pages("device.keep_freed_memory()") < 100


def test_memory_that_was_freed_goes_back():
    """Also from between what is in use."""
    if platform.libc_ver()[0] != "glibc":
        missing("no glibc")
    kept = [torch.ones(25_000) for _ in range(2_000)]  # each too small for a mapping of its own
    del kept[::2]
    before = resident(os.getpid())
    device.return_freed_memory()
    assert before - resident(os.getpid()) > 50, len(kept)  # MiB


def test_a_rename_that_fails_puts_back_what_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, keep = tmp_path / "last.pt", tmp_path / "previous.pt"
    path.write_text("before")
    real = os.replace

    def fail(source: Path, target: Path) -> None:
        if source.suffix == ".tmp":
            raise OSError(5, "Input/output error")
        real(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(UserError, match="Input/output error"):
        write_atomically(path, "after", keep)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
