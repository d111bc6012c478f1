"""MNIST: find, download, verify, and the fixed 80/20 split of its training images.

The whole set is read into uint8 tensors, so that it lives on the device and a batch is one indexing
operation. Where MNIST cannot be had, scikit-learn's bundled digits stand in under their own name.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from runtime import PROJECT, UserError, short

DATASETS = ("auto", "mnist", "digits")

# MD5 of each unpacked file of http://yann.lecun.com/exdb/mnist/, and its length in bytes.
MNIST_FILES = {
    "train-images-idx3-ubyte": ("6bbc9ace898e44ae57da46a324031adb", 47_040_016),
    "train-labels-idx1-ubyte": ("a25bea736e30d166cdddb491f175f624", 60_008),
    "t10k-images-idx3-ubyte": ("2646ac647ad5339dbf082846283269ea", 7_840_016),
    "t10k-labels-idx1-ubyte": ("27ae3e4e09519cfbb04c329615203637", 10_008),
}
MIRRORS: tuple[str, ...] = ()  # URLs to download from; none: those that torchvision knows
VALIDATION_SHARE = 0.2
SPLIT_SEED = 0

# A network that brings less than this in so many seconds counts as none.
STALL_SECONDS = 15
STALL_BYTES = 64 * 1024


class MnistMissing(UserError):
    """MNIST is neither on this machine nor to be downloaded."""


@dataclass(frozen=True)
class LabelledImages:
    """Images with their classes, all on one device.

    Attributes:
        images: uint8, (N, 1, 28, 28), 0 for paper to 255 for full ink.
        labels: int64, (N,), 0 to 9.
        dataset: "mnist" or "digits".
    """

    images: Tensor
    labels: Tensor
    dataset: str

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Tensor | slice) -> "LabelledImages":
        return LabelledImages(self.images[index], self.labels[index], self.dataset)

    def to(self, device: torch.device) -> "LabelledImages":
        return LabelledImages(self.images.to(device), self.labels.to(device), self.dataset)

    def ink(self) -> Tensor:
        """The images as the network takes them: float32, (N, 1, 28, 28), in [0, 1]."""
        return self.images.float().div_(255)


def load_training(dataset: str, data_dir: Path | None) -> tuple[LabelledImages, LabelledImages]:
    """The images to train on and those to validate on: 48,000 and 12,000 of MNIST's training images.

    Args:
        dataset: "mnist"; "digits" for scikit-learn's; "auto" for MNIST or, where it cannot be had,
            digits.
        data_dir: where MNIST is or goes to; None for $MNIST_DIR or else `data/`.

    Raises:
        UserError: for a damaged file, a folder that is none, or (dataset "mnist") no MNIST.
    """
    whole = _load(dataset, data_dir, part="train")
    train, validation = stratified_split(whole.labels, VALIDATION_SHARE, SPLIT_SEED)
    return whole[train], whole[validation]


def load_test(dataset: str, data_dir: Path | None) -> LabelledImages:
    """The 10,000 test images (digits: 359 of them). Arguments and errors as for `load_training`."""
    return _load(dataset, data_dir, part="t10k")


def _load(dataset: str, data_dir: Path | None, part: str) -> LabelledImages:
    if dataset != "digits":
        try:
            return _load_mnist(data_dir or Path(os.environ.get("MNIST_DIR") or PROJECT / "data"), part)
        except MnistMissing as missing:
            if dataset == "mnist":
                raise
            print(_stand_in_notice(missing), file=sys.stderr, flush=True)
    return _load_bundled_digits(part)


def _stand_in_notice(reason: MnistMissing) -> str:
    bar = "!" * 80
    return (
        f"{bar}\n"
        f"!!  NOT MNIST: {reason}\n"
        "!!  Going on with scikit-learn's 1,797 bundled digits. Their figures are NOT MNIST figures;\n"
        "!!  weights and reports get names of their own. --dataset mnist makes this an error.\n"
        f"{bar}"
    )


def stratified_split(labels: Tensor, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Split into two parts so that the second holds `share` of each class, rounded.

    NumPy's legacy generator draws it: its stream is frozen (NEP 19), so the split is the same on
    every platform and version.

    Args:
        labels: int64, (N,).
        share: of the second part, in (0, 1).
        seed: 0 to 2**32 - 1.

    Returns:
        Two ascending int64 tensors of indices that together hold each of 0 to N - 1 once.
    """
    rng = np.random.RandomState(seed)
    second = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        members = torch.nonzero(labels == label).flatten()
        order = torch.from_numpy(rng.permutation(len(members)))
        second[members[order[: round(share * len(members))]]] = True
    return torch.nonzero(~second).flatten(), torch.nonzero(second).flatten()


# MNIST


def _load_mnist(folder: Path, part: str) -> LabelledImages:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{short(folder)} is a file: --data-dir takes the folder that holds MNIST")
    stems = [f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"]
    if not all(_candidates(folder, stem) for stem in stems):
        _download(folder)
    images, labels = (_read_verified(folder, stem) for stem in stems)
    # An IDX file is a header of 4 bytes and 4 for each dimension, then the values.
    return LabelledImages(
        images=torch.frombuffer(images, dtype=torch.uint8, offset=16).view(-1, 1, 28, 28),
        labels=torch.frombuffer(labels, dtype=torch.uint8, offset=8).long(),
        dataset="mnist",
    )


def _candidates(folder: Path, stem: str) -> list[Path]:
    """The files that may be `stem`: in the folder itself or as torchvision lays them out."""
    names = (stem, f"{stem}.gz", stem.replace("-idx", ".idx"), f"{stem.replace('-idx', '.idx')}.gz")
    places = (folder, folder / "MNIST" / "raw", folder / "raw")
    return [path for place in places for name in names if (path := place / name).is_file()]


def _read_verified(folder: Path, stem: str) -> bytearray:
    """The unpacked bytes of the first intact candidate."""
    damage = []
    for path in _candidates(folder, stem):
        try:
            content = path.read_bytes()
            if path.suffix == ".gz":
                content = gzip.decompress(content)
            problem = _problem(content, stem)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            problem = "is truncated or corrupt"
        if problem is None:
            return bytearray(content)
        damage.append(f"{short(path)} {problem}")
    raise UserError(
        f"{'; '.join(damage)}: delete it and run again to download MNIST anew, or put the official file there"
    )


def _problem(content: bytes, stem: str) -> str | None:
    """What is wrong with the unpacked file, or None if it is the official one."""
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    official, length = MNIST_FILES[stem]
    if digest == official:
        return None
    for other, (other_digest, _) in MNIST_FILES.items():
        if digest == other_digest:
            return f"holds what belongs in {other}"
    if len(content) != length:
        fault = "truncated" if len(content) < length else "too long"
        return f"is {fault}: {len(content):,} bytes unpacked, not {length:,}"
    return "is corrupt, or not MNIST: its checksum is not that of the official file"


def _download(folder: Path) -> None:
    """Fetch MNIST into `folder`/MNIST/raw through torchvision.

    A child process does it, since a process can be stopped whatever the network does to it. It writes to
    a temporary folder, from which only complete, verified files are moved.

    Raises:
        MnistMissing: if the network is missing, stalls or serves something else.
        UserError: if the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".download-", dir=folder))
    except OSError as error:
        raise UserError(f"cannot write to {short(folder)}: {error.strerror or error}") from error
    try:
        print(f"Downloading MNIST to {short(folder)} ...", file=sys.stderr, flush=True)
        trouble = _run_download(staging)
        if trouble:
            raise MnistMissing(
                f"no MNIST in {short(folder)} and no download ({trouble}). Get the four files "
                "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and "
                "t10k-labels-idx1-ubyte.gz from https://ossci-datasets.s3.amazonaws.com/mnist/ and put "
                f"them into {short(folder)}, or name their folder with --data-dir"
            )
        raw = folder / "MNIST" / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for stem in MNIST_FILES:
            os.replace(staging / "MNIST" / "raw" / f"{stem}.gz", raw / f"{stem}.gz")
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _run_download(staging: Path) -> str | None:
    """Let a child process download into `staging`; what went wrong, or None."""
    child = subprocess.Popen(
        [sys.executable, __file__, str(staging), *MIRRORS],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if sys.stderr.isatty() else subprocess.DEVNULL,  # its progress bars
        text=True,
    )
    try:
        before, deadline = 0, time.monotonic() + STALL_SECONDS
        while child.poll() is None:
            time.sleep(0.1)
            if time.monotonic() > deadline:
                now = sum(file.stat().st_size for file in staging.rglob("*") if file.is_file())
                if now - before < STALL_BYTES:
                    return f"nothing came within {STALL_SECONDS} seconds"
                before, deadline = now, time.monotonic() + STALL_SECONDS
        reason = child.stdout.read().strip()
        return None if child.returncode == 0 else reason or f"exit status {child.returncode}"
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def import_torchvision():
    """torchvision, also where its compiled part was built for another PyTorch than the one installed.

    The registry's torchvision wheel is built for CUDA. Beside a CPU build of PyTorch its compiled part
    does not load, and `import torchvision` then fails on two operators that this part would have
    defined. We need none of them, so it is enough to define their schemas and import again.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        global _operators  # a Library takes its definitions along when it is collected
        _operators = torch.library.Library("torchvision", "DEF")
        _operators.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _operators.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        import torchvision
    import torchvision.datasets

    return torchvision


# scikit-learn's bundled digits


def _load_bundled_digits(part: str) -> LabelledImages:
    """The bundled digits in MNIST's convention: 20 pixels high, centre of mass in the middle.

    1,797 digits of 8x8 pixels, from "Optical Recognition of Handwritten Digits" (E. Alpaydin,
    C. Kaynak, 1998). They come without a test set: a fifth is kept apart as one.
    """
    from sklearn.datasets import load_digits  # half a second that MNIST does without

    bunch = load_digits()
    labels = torch.from_numpy(bunch.target).long()
    rest, test = stratified_split(labels, VALIDATION_SHARE, SPLIT_SEED)
    chosen = test if part == "t10k" else rest
    small = torch.from_numpy(bunch.images)[chosen, None].float() / 16
    ink = F.pad(F.interpolate(small, size=20, mode="bilinear"), [4, 4, 4, 4])
    images = ink.mul_(255).round_().to(torch.uint8)
    grid = torch.arange(28.0)
    for image in images:
        mass = image[0].float()
        down = 14 - round(float((mass.sum(1) @ grid) / mass.sum()))
        right = 14 - round(float((mass.sum(0) @ grid) / mass.sum()))
        image.copy_(image.roll((down, right), dims=(1, 2)))
    return LabelledImages(images, labels[chosen], "digits")


def _download_with_torchvision(staging: str, *mirrors: str) -> None:
    """The child process of `_run_download`: prints what went wrong as its last line."""
    import socket

    socket.setdefaulttimeout(STALL_SECONDS / 3)  # so that a dead mirror leaves time for the next one
    mnist = import_torchvision().datasets.MNIST
    if mirrors:
        mnist.mirrors = list(mirrors)
    try:
        mnist(staging, download=True)
    except Exception as error:  # of many kinds, depending on what the network does
        print(" ".join(str(error).rpartition("got:")[2].split()))
        sys.exit(1)


if __name__ == "__main__":
    _download_with_torchvision(*sys.argv[1:])
