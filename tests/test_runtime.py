"""What scripts need from their surroundings, where no test of a script shows it."""

import platform
import subprocess
import sys

from runtime import PROJECT
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
