"""What scripts need from their surroundings, where no test of a script shows it."""

import platform
import subprocess
import sys

from runtime import PROJECT
from tests.conftest import missing

COUNT = """
import resource, torch, runtime

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(10_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

before = faults()
runtime.keep_freed_memory()
faults()
print(before, faults())
"""


def test_memory_that_was_freed_is_used_again():
    if platform.libc_ver()[0] != "glibc":
        missing("no glibc")
    result = subprocess.run(
        [sys.executable, "-c", COUNT], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    before, after = map(int, result.stdout.split())
    assert before > 10_000, "this system does not count pages"
    assert after < before / 100
