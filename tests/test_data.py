"""MNIST: the split, layouts of its folder, damaged files, downloads; and the bundled digits."""

import argparse
import contextlib
import functools
import gzip
import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import data
from common import download
from common.files import PROJECT
from common.messages import UserError
from tests.support.project import assert_one_line_error, missing

TRAIN_IMAGES = "train-images-idx3-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def unpacked(mnist_dir: Path, stem: str) -> bytes:
    return bytes(data._read_verified(mnist_dir, stem))


@pytest.fixture
def folder(tmp_path: Path, mnist_dir: Path) -> Path:
    """A folder with the two test files, unpacked."""
    for stem in (TEST_IMAGES, TEST_LABELS):
        (tmp_path / stem).write_bytes(unpacked(mnist_dir, stem))
    return tmp_path


# the split


def test_split_is_pinned(mnist_dir):
    """The same 48,000 and 12,000 images on every platform and version."""
    labels = torch.from_numpy(
        np.frombuffer(unpacked(mnist_dir, "train-labels-idx1-ubyte"), np.uint8, offset=8).copy()
    )
    train, validation = data.stratified_split(labels.long(), 0.2, seed=0)
    digest = hashlib.sha256(validation.numpy().astype("<i8").tobytes()).hexdigest()
    assert digest == "c05584ac567fb87457a0cf8be41e282d9c9bc669fea68d14e46d1eafc63aa2d3"
    assert torch.equal(torch.cat([train, validation]).sort().values, torch.arange(60_000))


def test_training_images(mnist_dir):
    train, validation = data.load_training("mnist", mnist_dir)
    assert (len(train), len(validation)) == (48_000, 12_000)
    assert train.images.dtype == torch.uint8
    assert train.images.shape == (48_000, 1, 28, 28)
    assert train.labels.dtype == torch.int64
    whole = train.labels.bincount() + validation.labels.bincount()
    assert whole.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert ((validation.labels.bincount() / whole - 0.2).abs() < 1e-4).all()
    assert 0 <= train[:5].ink().min() <= train[:5].ink().max() <= 1


def test_images_follow_others_and_go_to_a_device():
    first = data.LabelledImages(torch.zeros(2, 1, 28, 28, dtype=torch.uint8), torch.tensor([3, 4]), "mnist")
    second = data.LabelledImages(torch.ones(1, 1, 28, 28, dtype=torch.uint8), torch.tensor([5]), "ink")
    both = first.followed_by(second)
    assert (both.labels.tolist(), both.dataset) == ([3, 4, 5], "mnist")
    assert both.images.amax((1, 2, 3)).tolist() == [0, 0, 1]
    there = both.to(torch.device("meta"))  # a device that every machine has
    assert (there.images.device.type, there.labels.device.type, there.dataset) == ("meta", "meta", "mnist")


@pytest.mark.parametrize(
    ("count", "size", "sizes"), [(7, 3, [3, 3, 1]), (6, 3, [3, 3]), (2, 3, [2]), (0, 3, [])]
)
def test_batches_are_the_set_in_its_order(count, size, sizes):
    images = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 28, 28)
    batches = data.LabelledImages(images, torch.arange(count), "ink").batches(size)
    assert [len(batch) for batch in batches] == sizes
    assert {batch.dataset for batch in batches} <= {"ink"}
    assert [label for batch in batches for label in batch.labels.tolist()] == list(range(count))
    assert [image for batch in batches for image in batch.images[:, 0, 0, 0].tolist()] == list(range(count))


def test_arguments():
    parser = argparse.ArgumentParser()
    data.add_data_arguments(parser.add_argument)
    assert vars(parser.parse_args([])) == {"data_dir": None, "dataset": "auto"}
    given = vars(parser.parse_args(["--data-dir", "here", "--dataset", "mnist"]))
    assert given == {"data_dir": Path("here"), "dataset": "mnist"}
    assert "--data-dir DIR where MNIST is, or is to be" in " ".join(parser.format_help().split())
    assert "auto: MNIST or, where it cannot be had, scikit-learn's" in " ".join(parser.format_help().split())


# folders of MNIST


def test_the_default_folder_is_in_the_project(monkeypatch):
    monkeypatch.delenv("MNIST_DIR", raising=False)
    assert data.mnist_folder(None) == PROJECT / "data"


@pytest.mark.parametrize("place", [".", "MNIST/raw", "raw"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dotted", [False, True])
def test_layouts(tmp_path, folder, place, packed, dotted):
    target = tmp_path / "elsewhere"
    (target / place).mkdir(parents=True)
    for stem in (TEST_IMAGES, TEST_LABELS):
        name = stem.replace("-idx", ".idx") if dotted else stem
        content = (folder / stem).read_bytes()
        if packed:
            (target / place / f"{name}.gz").write_bytes(gzip.compress(content, compresslevel=1))
        else:
            (target / place / name).write_bytes(content)
    test = data.load_test("mnist", target)
    assert len(test) == 10_000
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_environment_variable(folder, monkeypatch):
    monkeypatch.setenv("MNIST_DIR", str(folder))
    assert data.load_test("auto", None).dataset == "mnist"


# damage


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (truncate, "is truncated: 7,840,015 bytes unpacked, not 7,840,016"),
        (flip_a_bit, "corrupt"),
        (lambda path: path.write_bytes(b""), "truncated"),
        (lambda path: path.write_bytes(path.read_bytes() + b"\0"), "too long"),
        (lambda path: shutil.copy(path.with_name(TEST_LABELS), path), f"holds what belongs in {TEST_LABELS}"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_damage_is_named(folder, damage, words, packed):
    damage(folder / TEST_IMAGES)
    if packed:
        content = (folder / TEST_IMAGES).read_bytes()
        (folder / TEST_IMAGES).unlink()
        (folder / f"{TEST_IMAGES}.gz").write_bytes(gzip.compress(content, compresslevel=1))
    with pytest.raises(UserError, match=words) as error:
        data.load_test("auto", folder)
    assert TEST_IMAGES in str(error.value)
    assert "delete it" in str(error.value)


@pytest.mark.parametrize("damage", [truncate, flip_a_bit])
def test_damaged_archive_is_named(folder, damage):
    path = folder / f"{TEST_IMAGES}.gz"
    path.write_bytes(gzip.compress((folder / TEST_IMAGES).read_bytes(), compresslevel=1))
    (folder / TEST_IMAGES).unlink()
    damage(path)
    with pytest.raises(UserError, match=r"t10k-images-idx3-ubyte\.gz is .*corrupt"):
        data.load_test("mnist", folder)


def test_an_archive_is_read_to_the_length_of_the_longest_file_only(folder):
    (folder / TEST_LABELS).unlink()
    path = folder / f"{TEST_LABELS}.gz"
    path.write_bytes(gzip.compress(bytes(2**20)) * 45 + b"not packed")  # read to its end, it is corrupt
    with pytest.raises(UserError, match=r"is too long: more than 47,040,016 bytes unpacked, not 10,008"):
        data.load_test("mnist", folder)


def test_an_intact_file_beside_a_damaged_one_is_used(folder):
    (folder / f"{TEST_IMAGES}.gz").write_bytes(gzip.compress((folder / TEST_IMAGES).read_bytes(), 1))
    truncate(folder / TEST_IMAGES)
    assert len(data.load_test("mnist", folder)) == 10_000


def test_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        data.load_test("auto", tmp_path / "file")


# downloads, from a server on this machine


class Mirror(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; `fault` decides what goes wrong."""

    fault = "none"

    def do_GET(self):
        if self.fault == "stall":
            time.sleep(60)
        elif self.fault == "trickle":
            self.send_response(200)
            self.end_headers()
            for _ in range(60):
                self.wfile.write(b"x")
                time.sleep(1)
        elif self.fault == "half" and TRAIN_IMAGES in self.path:
            content = Path(self.translate_path(self.path)).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
        elif self.fault == "endless":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # when the client disconnects
                while True:
                    self.wfile.write(bytes(2**20))
        elif self.fault == "other":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Please log in to this network</html>" * 9999)
        else:
            super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def mirror(mnist_dir, monkeypatch, request):
    archives = next(
        (p for p in (mnist_dir, mnist_dir / "MNIST/raw") if (p / f"{TRAIN_IMAGES}.gz").exists()), None
    )
    if archives is None:
        missing("MNIST's packed files are not here to be served")
    handler = type("Handler", (Mirror,), {"fault": request.param})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(archives))
    )
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(download, "MIRRORS", (f"http://127.0.0.1:{server.server_port}/",))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("mirror", ["none"], indirect=True)
def test_download(mirror, tmp_path):
    train, validation = data.load_training("auto", tmp_path)
    assert (train.dataset, len(train), len(validation)) == ("mnist", 48_000, 12_000)
    mirror.shutdown()  # the second time nothing is downloaded
    assert len(data.load_test("mnist", tmp_path)) == 10_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["MNIST"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("mirror", "reason"),
    [
        ("stall", "timed out|next to nothing"),
        ("trickle", "next to nothing came within 10 seconds"),
        ("half", "Error downloading|incomplete|not found or corrupted"),
        ("other", "not found or corrupted"),
        ("endless", "more came than the 100 MB"),
    ],
    indirect=["mirror"],
)
def test_failed_download_leaves_nothing(mirror, reason, tmp_path):
    with pytest.raises(download.MnistMissing, match=reason) as error:
        data.load_test("mnist", tmp_path)
    assert "Get the four files" in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.long
@pytest.mark.parametrize("mirror", ["none"], indirect=True)
def test_a_full_disk_is_an_error_even_if_digits_could_replace_mnist(mirror, tmp_path):
    """A limit on the size of files stands in for the full disk, as in test_checkpoint.py."""
    pytest.importorskip("resource", reason="not on Windows")
    code = (
        "import resource, pathlib, sys, data\n"
        "from common import download\n"
        "from common.cli import run_script\n"
        "download.MIRRORS = (sys.argv[1],)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))\n"
        "run_script(lambda: data.load_test('auto', pathlib.Path(sys.argv[2])) and 0)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, download.MIRRORS[0], tmp_path],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env={**os.environ, "COVERAGE_PROCESS_CONFIG": ""},  # coverage could not write its file either
    )
    assert_one_line_error(result, "cannot write to", "File too large")
    assert not list(tmp_path.iterdir())


@pytest.mark.long
def test_no_network(tmp_path, monkeypatch, capsys):
    """Bundled digits replace MNIST with a notice; with --dataset mnist it is an error."""
    monkeypatch.setattr(download, "MIRRORS", ("http://127.0.0.1:9/",))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    train, validation = data.load_training("auto", tmp_path)
    assert train.dataset == validation.dataset == "digits"
    assert capsys.readouterr().err.count("NOT MNIST") >= 2
    with pytest.raises(data.MnistMissing, match=r"no MNIST in .*refused.*--data-dir"):
        data.load_training("mnist", tmp_path)


# torchvision


@pytest.mark.long
def test_torchvision_without_its_compiled_part():
    """As with a CPU build of PyTorch beside a CUDA build of torchvision."""
    code = (
        "import torch\n"
        "def refuse(path): raise OSError('libcudart is missing')\n"
        "torch.ops.load_library = refuse\n"
        "try: import torchvision\n"
        "except RuntimeError as error: print(error)\n"
        "from common import download\n"
        "first = download.import_torchvision()\n"
        "assert download.import_torchvision() is first\n"
        "print(first.__version__, first.datasets.MNIST.__name__)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(data.__file__).parent
    )
    assert result.returncode == 0, result.stderr
    refusal, found = result.stdout.splitlines()
    assert "torchvision::nms" in refusal
    assert found.startswith("0.28.0")
    assert found.endswith("MNIST")


# the bundled digits


def test_bundled_digits_follow_mnist_convention():
    (train, validation), test = data.load_training("digits", None), data.load_test("digits", None)
    assert len(train) + len(validation) + len(test) == 1_797
    for part in (train, validation, test):
        assert part.dataset == "digits"
        assert part.images.dtype == torch.uint8
        assert part.images.shape[1:] == (1, 28, 28)
        assert set(part.labels.tolist()) == set(range(10))
    assert test.labels[:12].tolist() == [3, 7, 3, 9, 0, 8, 7, 0, 8, 0, 3, 3]  # the same every time
    mass = test.images[:, 0].double()
    for axis in (1, 2):
        centre = (mass.sum(axis) @ torch.arange(28.0).double()) / mass.sum((1, 2))
        assert ((centre >= 13.5) & (centre <= 14.5)).all()
    ink = sum(part.images.double().sum().item() for part in (train, validation, test))
    assert ink == pytest.approx(load_digits().images.sum() / 16 * 255 * (20 / 8) ** 2, rel=1e-3)
    height = (test.images[:, 0].amax(2) > 0).sum(1)
    assert 18 <= height.float().mean() <= 20
