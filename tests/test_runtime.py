"""What scripts need from their surroundings, where no test of a script shows it."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import PROJECT, UserError, write_atomically
from tests.conftest import missing

COUNT = """
import resource, torch, runtime
runtime.SETTING
for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(SIZE)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PLAIN = "UserError"  # which sets nothing


def new_pages(setting: str, size: int) -> int:
    """How many pages twenty tensors of `size` numbers get from the system, one after another."""
    if platform.libc_ver()[0] != "glibc":
        missing("no glibc")
    command = [sys.executable, "-c", COUNT.replace("SETTING", setting).replace("SIZE", str(size))]
    return int(subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout)


def test_memory_that_was_freed_is_used_again():
    assert new_pages(PLAIN, 10_000_000) > 10_000, "this system does not count pages"
    assert new_pages("keep_freed_memory()", 10_000_000) < 100


def test_memory_that_was_freed_goes_back():
    """Where glibc by itself would soon keep it."""
    assert new_pages(PLAIN, 1_000_000) < 100
    assert new_pages("return_freed_memory()", 1_000_000) > 10_000


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
