"""MNIST: find or download it, verify it, and split its training images 80/20, always the same way.

The whole set is read into uint8 tensors that fit on any device, so a batch is one indexing operation. Where
MNIST is not available, scikit-learn's bundled digits take its place under their own name.
"""

import argparse
import gzip
import hashlib
import os
import sys
import textwrap
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from common.download import MnistMissing, download
from common.files import PROJECT
from common.messages import UserError, short

# MD5 of each unpacked file of http://yann.lecun.com/exdb/mnist/, and its length in bytes.
MNIST_FILES = {
    "train-images-idx3-ubyte": ("6bbc9ace898e44ae57da46a324031adb", 47_040_016),
    "train-labels-idx1-ubyte": ("a25bea736e30d166cdddb491f175f624", 60_008),
    "t10k-images-idx3-ubyte": ("2646ac647ad5339dbf082846283269ea", 7_840_016),
    "t10k-labels-idx1-ubyte": ("27ae3e4e09519cfbb04c329615203637", 10_008),
}
LARGEST_FILE = max(length for _, length in MNIST_FILES.values())
CREDITS = {"mnist": "Y. LeCun, C. Cortes and C. J. C. Burges", "digits": "E. Alpaydin and C. Kaynak"}
VALIDATION_SHARE = 0.2
SPLIT_SEED = 0


@dataclass(frozen=True)
class LabelledImages:
    """Images with their classes, on one device.

    Attributes:
        images: uint8, (N, 1, 28, 28), 0 for paper to 255 for full ink.
        labels: int64, (N,), 0 to 9.
        dataset: "mnist", "digits", or "ink" for other people's digits.
    """

    images: Tensor
    labels: Tensor
    dataset: str

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Tensor | slice) -> "LabelledImages":
        return LabelledImages(self.images[index], self.labels[index], self.dataset)

    def to(self, device: torch.device) -> "LabelledImages":
        """Return the set on `device`."""
        return LabelledImages(self.images.to(device), self.labels.to(device), self.dataset)

    def followed_by(self, others: "LabelledImages") -> "LabelledImages":
        """Return these images and then `others`, on the same device, as the data set of these."""
        images, labels = torch.cat([self.images, others.images]), torch.cat([self.labels, others.labels])
        return LabelledImages(images, labels, self.dataset)

    def batches(self, size: int) -> list["LabelledImages"]:
        """Return the set in consecutive batches of `size` images, the last of which may be smaller."""
        return [self[start : start + size] for start in range(0, len(self), size)]

    def ink(self) -> Tensor:
        """Return the images as the network takes them: float32, (N, 1, 28, 28), in [0, 1]."""
        return self.images.float().div_(255)


def add_data_arguments(add: Callable[..., argparse.Action]) -> None:
    """Add --data-dir and --dataset, the arguments of `load_training` and `load_test`.

    Args:
        add: `add_argument` of a parser or of one of its groups.
    """
    where = "where MNIST is, or is to be downloaded to (default: $MNIST_DIR, else data/)"
    add("--data-dir", type=Path, metavar="DIR", help=where)
    which = "auto: MNIST or, where it cannot be had, scikit-learn's bundled digits"
    add("--dataset", choices=("auto", "mnist", "digits"), default="auto", help=which)


def mnist_folder(data_dir: Path | None) -> Path:
    """Return the folder of MNIST: `data_dir`, else $MNIST_DIR, else `data/`. It need not exist."""
    return data_dir or Path(os.environ.get("MNIST_DIR") or PROJECT / "data")


def load_training(
    dataset: str, data_dir: Path | None, validation_share: float = VALIDATION_SHARE
) -> tuple[LabelledImages, LabelledImages]:
    """Return the images to train on and the images to validate on, on the CPU.

    By default these are 48,000 and 12,000 of MNIST's training images.

    Args:
        dataset: "mnist"; "digits" for scikit-learn's digits; "auto" for MNIST or, where it is not
            available, digits.
        data_dir: as for `mnist_folder`.
        validation_share: share of the images to validate on, in [0, 1).

    Raises:
        UserError: if a file is damaged, `data_dir` is a file, or MNIST is not available (dataset "mnist").
    """
    whole = _load(dataset, data_dir, part="train")
    train, validation = stratified_split(whole.labels, validation_share, SPLIT_SEED)
    return whole[train], whole[validation]


def load_test(dataset: str, data_dir: Path | None) -> LabelledImages:
    """Return the test images, on the CPU: 10,000 of MNIST, or 359 digits.

    Args and Raises as in `load_training`.
    """
    return _load(dataset, data_dir, part="t10k")


def _load(dataset: str, data_dir: Path | None, part: str) -> LabelledImages:
    if dataset != "digits":
        try:
            return _load_mnist(mnist_folder(data_dir), part)
        except MnistMissing as missing:
            if dataset == "mnist":
                raise
            print(_stand_in_notice(missing), file=sys.stderr, flush=True)
    return _load_bundled_digits(part)


def _stand_in_notice(reason: MnistMissing) -> str:
    bar = "!" * 80
    why = textwrap.fill(
        f"NOT MNIST: {reason}",
        80,
        initial_indent="!!  ",
        subsequent_indent="!!  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return (
        f"{bar}\n"
        f"{why}\n"
        "!!  Going on with scikit-learn's 1,797 bundled digits. Their figures are NOT MNIST figures;\n"
        "!!  weights and reports get names of their own. --dataset mnist makes this an error.\n"
        f"{bar}"
    )


def stratified_split(labels: Tensor, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Split indices at random into two parts, the second with `share` of each class, rounded.

    The random numbers come from NumPy's legacy generator, whose stream is frozen (NEP 19), so the split is
    the same on every platform and version.

    Args:
        labels: int64, (N,).
        share: share of the second part, in [0, 1).
        seed: 0 to 2**32 - 1.

    Returns:
        Two int64 tensors of ascending indices, which together hold each of 0 to N - 1 once.
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
        download(folder)
    images, labels = (_read_verified(folder, stem) for stem in stems)
    # An IDX file is a header of 4 bytes and 4 for each dimension, then the values.
    return LabelledImages(
        images=torch.frombuffer(images, dtype=torch.uint8, offset=16).view(-1, 1, 28, 28),
        labels=torch.frombuffer(labels, dtype=torch.uint8, offset=8).long(),
        dataset="mnist",
    )


def _candidates(folder: Path, stem: str) -> list[Path]:
    """Return the existing files that may be `stem`: in the folder itself or where torchvision puts them."""
    names = (stem, f"{stem}.gz", stem.replace("-idx", ".idx"), f"{stem.replace('-idx', '.idx')}.gz")
    places = (folder, folder / "MNIST" / "raw", folder / "raw")
    return [path for place in places for name in names if (path := place / name).is_file()]


def _read_verified(folder: Path, stem: str) -> bytearray:
    """Return the unpacked bytes of the first intact candidate."""
    damage = []
    for path in _candidates(folder, stem):
        try:
            with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
                content = file.read(LARGEST_FILE + 1)  # a packed file may unpack without end
            problem = _problem(content, stem)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            problem = "is truncated or corrupt"
        if problem is None:
            return bytearray(content)
        damage.append(f"{short(path)} {problem}")
    raise UserError(
        f"{'; '.join(damage)}: delete it and run again to download MNIST, or put the official file there"
    )


def _problem(content: bytes, stem: str) -> str | None:
    """Return what is wrong with the unpacked file, or None if it is the official one."""
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    official, length = MNIST_FILES[stem]
    if digest == official:
        return None
    for other, (other_digest, _) in MNIST_FILES.items():
        if digest == other_digest:
            return f"holds what belongs in {other}"
    if len(content) != length:
        if len(content) > LARGEST_FILE:
            return f"is too long: more than {LARGEST_FILE:,} bytes unpacked, not {length:,}"
        fault = "truncated" if len(content) < length else "too long"
        return f"is {fault}: {len(content):,} bytes unpacked, not {length:,}"
    return "is corrupt, or not MNIST: its checksum is not that of the official file"


# scikit-learn's bundled digits


def _load_bundled_digits(part: str) -> LabelledImages:
    """Return the bundled digits in MNIST's convention: 20 pixels high, centre of mass in the middle.

    A fifth of them is the test set, since they come without one.

    Source: "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998): 1,797 digits of 8x8
    pixels.
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
