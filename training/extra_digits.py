"""Other people's digits to train on beside MNIST, as `train.py --ink` names them.

    .jsonl, .jsonl.gz   stroke files (see preprocessing/stroke_files.py) with a "label" on each line
    .npz                "images", (N, H, W) or (N, 1, H, W), bright ink on 0, uint8, bool or floats in [0, 1];
                        "labels", (N,), integers, 0 to 9. Images of 28x28 pixels must have MNIST's form and
                        are used unchanged; others are read as pictures
    a folder            stroke files anywhere in it, such as the window's corrections, and pictures of one
                        digit each in folders `0` to `9`

Pictures and arrays are converted to glyphs once. Strokes are varied and drawn in every epoch.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from common.messages import UserError, short
from data import LabelledImages
from pages.segmentation import segment_picture
from preprocessing.glyph import SIZE, to_uint8
from preprocessing.image_files import is_picture_file, open_picture
from preprocessing.stroke_files import CutShort, StrokeFileError, StrokeSample, each_line, has_lines
from recognition.profiles import holds_corrections
from training.stroke_augmentation import Variation

CLASS_FOLDERS = tuple("0123456789")  # names of the folders of pictures
SUPPORTED = "stroke files (.jsonl, .jsonl.gz), arrays (.npz) and folders"
FAULTS_SHOWN = 10  # in a message; the others are counted
BAR_FROM = 300  # pictures; for fewer no progress bar is shown
BRIGHT = 128  # of 255: ink has pixels above, paper has a mean below


@dataclass(frozen=True)
class ExtraDigits:
    """Other people's digits.

    Attributes:
        drawings: strokes, each sample with a label and with ink.
        images: glyphs of pictures and arrays, on the CPU; dataset "ink".
        sources: of each argument the "name" of the file or folder, its number of "digits", the "sha256" of
            the files that they come from, the "credit" if one was given, and "personal" (True) if they are
            the window's corrections. Kept in the file of the weights.
        variation: how much drawings vary.
    """

    drawings: list[StrokeSample]
    images: LabelledImages
    sources: list[dict[str, str | int]]
    variation: Variation = field(default_factory=Variation)

    def __len__(self) -> int:
        return len(self.drawings) + len(self.images)

    def draw(self, rng: np.random.Generator) -> LabelledImages:
        """Return all digits, on the CPU: the drawings, varied at random by `rng`, then the images."""
        glyphs = self.variation.draw_all((drawing.strokes for drawing in self.drawings), rng)
        labels = torch.tensor([drawing.label for drawing in self.drawings], dtype=torch.int64)
        return LabelledImages(glyphs, labels, "ink").followed_by(self.images)


def load_extra_digits(paths: Sequence[Path], credits: Sequence[str] = ()) -> tuple[ExtraDigits, list[str]]:
    """Load digits from files and folders of the kinds that this module's docstring lists.

    Args:
        paths: the files and folders.
        credits: the credit due for each of `paths`; empty for none.

    Returns:
        The digits, in the order of `paths`, and a message for each path with samples that cannot be used.

    Raises:
        UserError: if a path is of another kind, is damaged, or has no usable digit.
    """
    all_found = [_find(path) for path in paths]
    glyphs = np.array([glyph for found in all_found for glyph in found.glyphs], np.uint8)
    labels = torch.tensor([label for found in all_found for label in found.labels], dtype=torch.int64)
    images = LabelledImages(torch.from_numpy(glyphs.reshape(-1, 1, SIZE, SIZE)), labels, "ink")
    sources = [
        {"name": path.resolve().name, "digits": len(found), "sha256": found.digest}
        for path, found in zip(paths, all_found, strict=True)
    ]
    for source, credit in zip(sources, credits, strict=bool(credits)):
        source["credit"] = credit
    for source, path in zip(sources, paths, strict=True):
        if holds_corrections(path):
            source["personal"] = True
    drawings = [drawing for found in all_found for drawing in found.drawings]
    return ExtraDigits(drawings, images, sources), [found.left_out() for found in all_found if found.faults]


@dataclass
class _Found:
    """What was found in one of the paths.

    Attributes:
        name: the path in messages.
        kind: the word for its samples, in the plural.
        drawings: strokes with labels and with ink.
        glyphs, labels: of pictures and arrays; each glyph is uint8, (28, 28).
        files, digest: the files that gave any of these, and their SHA-256.
        faults: a message for each sample that cannot be used.
    """

    name: str
    kind: str
    drawings: list[StrokeSample] = field(default_factory=list)
    glyphs: list[np.ndarray] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    digest: str = ""
    faults: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.drawings) + len(self.glyphs)

    def left_out(self) -> str:
        """Return one line that counts the unusable samples and names the first of them."""
        count = len(self.faults)
        named = "; ".join(fault.removeprefix(f"{self.name}, ") for fault in self.faults[:FAULTS_SHOWN])
        others = f"; and {count - FAULTS_SHOWN:,} more" if count > FAULTS_SHOWN else ""
        return f"{self.name}: {count:,} of {count + len(self):,} {self.kind} left out: {named}{others}"

    def add_glyph(self, glyph: np.ndarray, label: int, file: Path) -> None:
        """Add a glyph, uint8 (28, 28), that `file` gave."""
        self.glyphs.append(glyph)
        self.labels.append(label)
        self.files.add(file)

    def add_picture(self, image: Image.Image, label: int, file: Path, name: str) -> None:
        """Add the most likely glyph of a picture of one digit, or a fault if it has no ink."""
        page = segment_picture(image, single=True)
        if page:
            self.add_glyph(to_uint8(page[0][0].glyph), label, file)
        else:
            self.faults.append(f"{name} has no ink")

    def add_picture_file(self, path: Path, label: int) -> None:
        """Add the digit of a picture file, or a fault if it cannot be used."""
        name = short(path)
        try:
            self.add_picture(open_picture(path), label, path, name)
        except UserError as error:
            fault = str(error)
            self.faults.append(fault if name in fault else f"{name}: {fault}")


def _find(path: Path) -> _Found:
    """Load one of the paths of `load_extra_digits`; it describes the errors."""
    name = short(path)
    found = _Found(name, "drawings")
    try:
        if path.is_dir():
            found.kind = "digits"
            _add_folder(found, path)
        elif not path.exists():
            raise UserError(f"{name}: no such file or folder")
        elif has_lines(path):
            _add_strokes(found, path)
        elif path.suffix.lower() == ".npz":
            found.kind = "images"
            _add_arrays(found, path)
        else:
            raise UserError(f"{name} is no ink with labels: {SUPPORTED} are")
        found.digest = _digest(found.files, path)
    except OSError as error:
        raise UserError(f"{name} cannot be read: {error.strerror or error}") from error
    if not len(found):
        nothing = f"{name} holds no stroke files (.jsonl, .jsonl.gz) and no pictures in folders 0 to 9"
        raise UserError(f"nothing to learn from: {found.left_out()}" if found.faults else nothing)
    return found


def _add_folder(found: _Found, folder: Path) -> None:
    """Add the digits of a folder's files in the order of their names, without hidden ones."""
    inside = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    shown = [path for path in inside if not any(part.startswith(".") for part in path.parts)]
    files = [path for path in shown if (folder / path).is_file()]
    drawn = [path for path in files if has_lines(path)]
    for path in drawn:
        _add_strokes(found, folder / path)
    drawn_too = {path.with_suffix(".png") for path in drawn}  # pictures of the same digits
    pictures = [
        path
        for path in files
        if path.parts[0] in CLASS_FOLDERS and is_picture_file(path) and path not in drawn_too
    ]
    for path in _with_bar(pictures, found.name):
        found.add_picture_file(folder / path, int(path.parts[0]))


def _add_strokes(found: _Found, path: Path) -> None:
    """Add the drawings of a stroke file; of one without strokes, its picture."""
    name = short(path)
    for number, drawing in each_line(path, name):
        where = f"{name}, line {number}"
        if isinstance(drawing, CutShort):
            raise drawing  # an unknown number of lines is missing
        if isinstance(drawing, StrokeFileError):
            found.faults.append(str(drawing))
            continue
        strokes = [stroke for stroke in drawing.strokes if len(stroke)]
        if drawing.label is None:
            found.faults.append(f"{where} has no label")
        elif strokes:
            found.drawings.append(replace(drawing, strokes=strokes))
            found.files.add(path)
        elif number == 1 and (picture := path.with_suffix(".png")).is_file():
            # A correction of a picture: the stroke file has the label, the picture has the ink.
            before = len(found)
            found.add_picture_file(picture, drawing.label)
            if len(found) > before:
                found.files.add(path)
        else:
            found.faults.append(f"{where} has no ink")


def _add_arrays(found: _Found, path: Path) -> None:
    """Add the images of a `.npz` file."""
    images, labels = read_arrays(path)
    pairs = list(zip(images, labels.tolist(), strict=True))
    in_form = images.shape[1:] == (SIZE, SIZE)
    for place, (image, label) in enumerate(pairs if in_form else _with_bar(pairs, found.name)):
        name = f"{found.name}, image {place:,} (from 0)"
        if in_form and image.any():
            found.add_glyph(image, label, path)
        elif in_form:
            found.faults.append(f"{name} has no ink")
        else:
            found.add_picture(Image.fromarray(255 - image), label, path, name)


def read_arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read images, uint8, (N, H, W), ink 255 on 0, and labels, integers from 0 to 9, (N,), of a `.npz` file.

    Raises:
        UserError: if they are missing or not as this module's docstring says, or the file is damaged.
        OSError: if the file cannot be read.
    """
    name = short(path)
    images, labels = load_arrays(path, 'one of the arrays "images" and "labels"', "images", "labels")
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    if images.ndim != 3 or 0 in images.shape:
        raise UserError(f'{name}: "images" must be (N, H, W) or (N, 1, H, W), not {images.shape}')
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        wanted = f"{len(images):,} whole numbers, one for each image"
        raise UserError(f'{name}: "labels" must be {wanted}, not {labels.dtype} {labels.shape}')
    if labels.min() < 0 or labels.max() > 9:
        raise UserError(f'{name}: "labels" must be 0 to 9, not {labels.min()} to {labels.max()}')
    return _bright_ink(images, name), labels


def load_arrays(path: Path, wanted: str, *keys: str) -> list[np.ndarray]:
    """Load arrays of a `.npz` file by their keys.

    Args:
        path: the file.
        wanted: how an error names what is missing.
        keys: of the arrays.

    Raises:
        UserError: if one is missing, or the file is damaged.
        OSError: if the file cannot be read.
    """
    name = short(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return [np.asarray(arrays[key]) for key in keys]
    except KeyError:
        raise UserError(f"{name} lacks {wanted}") from None
    except OSError:
        raise
    except Exception:  # zipfile, zlib and NumPy raise errors of many types for damaged files
        raise UserError(f"{name} is damaged, or no archive of arrays as numpy.savez writes it") from None


def _bright_ink(images: np.ndarray, name: str) -> np.ndarray:
    """Return `images` as uint8, or raise UserError if their values cannot be ink from 0 to 255."""
    kind = images.dtype.kind
    if kind == "f":
        if not ((images >= 0) & (images <= 1)).all():  # false for NaN too
            raise UserError(f'{name}: "images" of floats must lie in [0, 1]; from 0 to 255 they are uint8')
        images = to_uint8(images)
    elif kind == "b":
        images = images * np.uint8(255)
    elif images.dtype != np.uint8:
        raise UserError(f'{name}: "images" must be uint8, bool or floats, not {images.dtype}')
    # Inverted or unscaled images would be learned without any error.
    if images.max() < BRIGHT:
        raise UserError(f'{name}: "images" have no ink: their brightest pixel is {images.max()} of 255')
    if images.mean() >= BRIGHT:
        raise UserError(f'{name}: "images" are dark on light: ink must be bright on 0')
    return images


def _with_bar(pictures: list, name: str) -> Iterable:
    """Return `pictures`, with a progress bar on a terminal if there are many."""
    return tqdm(pictures, desc=name, leave=False, disable=None if len(pictures) > BAR_FROM else True)


def _digest(files: set[Path], given: Path) -> str:
    """Return the SHA-256, in hexadecimal, of a file, or of names, lengths and contents of several."""
    digest, root = hashlib.sha256(), given if given.is_dir() else given.parent
    for file in sorted(files):
        content = file.read_bytes()
        if file != given:
            digest.update(f"{file.relative_to(root).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
