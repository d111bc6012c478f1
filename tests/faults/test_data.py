"""Damaged MNIST files are named, and an interrupted download leaves nothing behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import data
from common.files import PROJECT
from common.messages import UserError
from tests.test_data import mirror  # noqa: F401

LOAD = "import sys, pathlib, data; from common import download; download.MIRRORS = (sys.argv[1],); "
LOAD += "print(len(data.load_test('mnist', pathlib.Path(sys.argv[2]))))"
OTHER = {
    "train-images-idx3-ubyte": "t10k-images-idx3-ubyte",
    "train-labels-idx1-ubyte": "t10k-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte": "train-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte": "train-labels-idx1-ubyte",
}


def flipped(content: bytes) -> bytes:
    place = int.from_bytes(os.urandom(4), "big") % len(content)
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


DAMAGES = {
    "truncated": (lambda content: content[: len(content) // 2], "truncated"),
    "flipped": (flipped, "corrupt"),
    "trailing": (lambda content: content + bytes(9), "too long"),
    "one image less": (
        lambda content: (
            content[:4] + (int.from_bytes(content[4:8], "big") - 1).to_bytes(4, "big") + content[8:]
        ),
        "corrupt",
    ),
}


@pytest.mark.parametrize("stem", data.MNIST_FILES)
def test_every_kind_of_damage_to_every_file_is_named(stem, mnist_dir, tmp_path):
    official = bytes(data._read_verified(mnist_dir, stem))
    swapped = bytes(data._read_verified(mnist_dir, OTHER[stem]))
    cases = {name: (damage(official), word) for name, (damage, word) in DAMAGES.items()}
    for name, (content, word) in {**cases, "swapped": (swapped, f"belongs in {OTHER[stem]}")}.items():
        (tmp_path / stem).write_bytes(content)
        with pytest.raises(UserError, match=word) as error:
            data._read_verified(tmp_path, stem)
        assert f"{stem} " in str(error.value), name


def start(url: str, folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-c", LOAD, url, folder]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=PROJECT, **pipes)


def url_of(server) -> str:
    return f"http://127.0.0.1:{server.server_port}/"


@pytest.mark.parametrize("mirror", ["none"], indirect=True)
def test_two_processes_download_at_once(mirror, tmp_path):  # noqa: F811
    processes = [start(url_of(mirror), tmp_path) for _ in range(2)]
    for process in processes:
        out, err = process.communicate(timeout=300)
        assert (process.returncode, out) == (0, "10000\n"), err
    assert [path.name for path in tmp_path.iterdir()] == ["MNIST"]


@pytest.mark.skipif(os.name != "posix", reason="a kill as on POSIX")
@pytest.mark.parametrize("mirror", ["stall"], indirect=True)
def test_the_next_download_removes_what_a_killed_one_left(mirror, tmp_path):  # noqa: F811
    process, deadline = start(url_of(mirror), tmp_path), time.monotonic() + 120
    while not list(tmp_path.glob(".download-*/MNIST/raw")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert len(list(tmp_path.glob(".download-*"))) == 1
    assert not list(tmp_path.glob("MNIST/raw/*"))  # no file looks complete
    mirror.RequestHandlerClass.func.fault = "none"
    again = start(url_of(mirror), tmp_path)
    out, err = again.communicate(timeout=300)
    assert (again.returncode, out) == (0, "10000\n"), err
    assert [path.name for path in tmp_path.iterdir()] == ["MNIST"]
