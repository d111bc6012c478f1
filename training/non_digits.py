"""What is no digit, for training: characters of other scripts, and what a program makes.

A network that has only seen digits is sure of whatever it is shown. Shown what is none, with the uniform
distribution as the target, it learns to be unsure of it. Shapes that could be digits (O, l, I, Z, S, B, g, q,
b, a slash, a bracket) are not made.

Source: Hendrycks, Mazeika and Dietterich, "Deep Anomaly Detection with Outlier Exposure", 2019.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from common.messages import UserError, short
from data import LabelledImages
from pages.segmentation import segment_picture
from preprocessing.glyph import SIZE, centred, to_uint8
from training.extra_digits import load_arrays
from training.made_pages.handwriting import smooth
from training.made_signs import SIGN_MAKERS, Rng, Strokes, letter, line
from training.made_symbols import Style, fragment, scribble, several
from training.stroke_augmentation import Variation

NO_DIGIT = 10  # the label of what is no digit
SAFE_SIGNS = ("+", "-", "x", "÷", "=", ":", "%")  # those that resemble no digit
UPSIDE_DOWN = (3, 4, 7)  # digits that, turned by 180 degrees, are none
TURNS = 40  # points of a spiral in each turn
# What is narrower than this is a 1, and what encloses more of its bounding box is a 0.
BAR_WIDTH, RING_SHARE = 8, 0.4  # in pixels of the glyph; a share of the area
INKED = 64  # of 255: pixels above are ink


class NonDigits:
    """Makes what is no digit: half of it from strokes, the rest from characters and from images of digits.

    Args:
        characters: glyphs of other characters, uint8, (N, 28, 28); may be empty.
        drawings: strokes of digits, whose parts and groups are no digits; may be empty.
    """

    def __init__(self, characters: np.ndarray, drawings: list[tuple[int, Strokes]]) -> None:
        self.characters, self.drawings = characters, drawings
        self.variation = Variation()

    def digest(self) -> str:
        """Return the SHA-256 of the characters, in hexadecimal."""
        return hashlib.sha256(self.characters.tobytes()).hexdigest()

    def draw(self, count: int, digits: LabelledImages, rng: Rng) -> LabelledImages:
        """Make `count` images.

        Args:
            count: how many.
            digits: MNIST's images on the CPU, to cut, join and turn.
            rng: source of all random choices.

        Returns:
            The images, with the label NO_DIGIT, on the CPU.
        """
        glyphs = np.empty((count, 1, SIZE, SIZE), np.uint8)
        for glyph in glyphs:
            while is_bar_or_ring(made := self._one(digits, rng)):
                pass
            glyph[0] = made
        return LabelledImages(torch.from_numpy(glyphs), torch.full((count,), NO_DIGIT), "ink")

    def _one(self, digits: LabelledImages, rng: Rng) -> np.ndarray:
        """Make a random image, uint8, (28, 28)."""
        chance = rng.random()
        if chance < 0.3 and len(self.characters):
            return self.characters[rng.integers(len(self.characters))]
        if chance < 0.75:
            return to_uint8(self.variation.draw(self._strokes(rng), rng))
        return to_uint8(rng.choice(IMAGE_MAKERS)(digits, rng))

    def _strokes(self, rng: Rng) -> Strokes:
        """Return strokes that are no digit."""
        chance = rng.random()
        if chance < 0.35 and self.drawings:
            style = Style.of(rng)
            made = (
                several(self.drawings, style, rng) if chance < 0.25 else fragment(self.drawings, style, rng)
            )
            if made:
                return made
        if chance < 0.55:
            return letter(rng)
        if chance < 0.7:
            return SIGN_MAKERS[str(rng.choice(SAFE_SIGNS))](rng)
        return rng.choice(SHAPE_MAKERS)(rng)


def load_characters(paths: list[Path]) -> np.ndarray:
    """Load characters that are no digits from `.npz` files.

    Args:
        paths: files with "images", uint8, (N, H, W), ink 255 on 0.

    Returns:
        Their glyphs, uint8, (N, 28, 28); those without ink, bars and rings are left out.

    Raises:
        UserError: if a file cannot be read or has no such array.
    """
    glyphs: list[np.ndarray] = []
    for path in paths:
        name = short(path)
        try:
            (images,) = load_arrays(path, 'the array "images"', "images")
        except OSError as error:
            raise UserError(f"{name} cannot be read: {error.strerror or error}") from error
        if images.dtype != np.uint8 or images.ndim != 3 or 0 in images.shape:
            raise UserError(f'{name}: "images" must be uint8, (N, H, W), not {images.dtype} {images.shape}')
        pages = (segment_picture(Image.fromarray(255 - image), single=True) for image in images)
        found = (to_uint8(page[0][0].glyph) for page in pages if page)
        glyphs += [glyph for glyph in found if not is_bar_or_ring(glyph)]
    return np.array(glyphs, np.uint8).reshape(-1, SIZE, SIZE)


def is_bar_or_ring(glyph: np.ndarray) -> bool:
    """Return whether a glyph, uint8 (28, 28), has the form of a 1 or a 0, or is blank."""
    ink = glyph > INKED
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    if not len(rows):
        return True
    height, width = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
    enclosed = ndimage.binary_fill_holes(ink).sum() - ink.sum()
    holes = ndimage.label(~np.pad(ink, 1))[1] - 1
    return (width < BAR_WIDTH and height > 2 * width) or (
        holes == 1 and enclosed > RING_SHARE * height * width
    )


# Shapes as strokes, about 1 high


def _circle(rng: Rng, x: float, y: float, radius: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 20) + rng.uniform(0, 6)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], 1)


def _face(rng: Rng) -> Strokes:
    size = rng.uniform(0.4, 0.6)
    eyes = [_circle(rng, 0.5 + side * size * 0.4, 0.35, rng.uniform(0.01, 0.06)) for side in (-1, 1)]
    bow = rng.uniform(-0.15, 0.2)
    mouth = smooth(np.array([(0.5 - 0.45 * size, 0.65), (0.5, 0.65 + bow), (0.5 + 0.45 * size, 0.65)]))
    return [_circle(rng, 0.5, 0.5, size), *eyes, mouth]


def _heart(rng: Rng) -> Strokes:
    t = np.linspace(0, 2 * np.pi, 30) + rng.normal(0, 0.1)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [np.stack([x * rng.uniform(0.7, 1.2), -y], 1) / 30]


def _arrow(rng: Rng) -> Strokes:
    length, head = rng.uniform(0.7, 1.1), rng.uniform(0.18, 0.35)
    turn = rng.uniform(0, 2 * np.pi)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    tip = np.array([(length - head, -head), (length, 0), (length - head, head)])
    return [line((0, 0), (length, 0), rng) @ matrix, tip @ matrix]


def _star(rng: Rng) -> Strokes:
    corners = rng.choice([5, 6])
    angle = 2 * np.pi * np.arange(0, 2 * corners + 1, 2 if corners == 5 else 1) / corners
    if corners == 5:
        return [np.stack([np.sin(angle), -np.cos(angle)], 1) / 2 + rng.normal(0, 0.03, (len(angle), 2))]
    return [
        line((np.cos(a) / 2, np.sin(a) / 2), (-np.cos(a) / 2, -np.sin(a) / 2), rng)
        for a in np.pi * np.arange(3) / 3
    ]


def _spiral(rng: Rng) -> Strokes:
    turns = rng.uniform(2, 4.5)
    angle = np.linspace(0, 2 * np.pi * turns, int(TURNS * turns))
    radius = 0.5 * (angle / angle[-1]) ** rng.uniform(0.7, 1.3)
    side = rng.choice([-1, 1])
    return [np.stack([side * radius * np.cos(angle), radius * np.sin(angle)], 1)]


def _box(rng: Rng) -> Strokes:
    width, height = rng.uniform(0.5, 1.3), rng.uniform(0.5, 1)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height), (0, 0)]) + rng.normal(
        0, 0.03, (5, 2)
    )
    crossing = [line(corners[0], corners[2], rng), line(corners[1], corners[3], rng)]
    return [corners, *crossing[: int(rng.integers(1, 3))]]


def _triangle(rng: Rng) -> Strokes:
    corners = np.array([(0, 1), (rng.uniform(0.3, 0.7), 0), (1, 1)]) + rng.normal(0, 0.05, (3, 2))
    return [np.concatenate([corners, corners[:1]])]


def _grid(rng: Rng) -> Strokes:
    count = int(rng.integers(2, 4))
    at = np.linspace(0.2, 0.8, count) + rng.normal(0, 0.03, count)
    return [line((x, 0), (x, 1), rng, 0.03) for x in at] + [line((0, y), (1, y), rng, 0.03) for y in at]


def _wave(rng: Rng) -> Strokes:
    x = np.linspace(0, 1, 40)
    waves = rng.uniform(1.5, 4)
    return [np.stack([x * rng.uniform(0.9, 1.4), rng.uniform(0.1, 0.3) * np.sin(2 * np.pi * waves * x)], 1)]


def _tick(rng: Rng) -> Strokes:
    return [smooth(np.array([(0, rng.uniform(0.5, 0.75)), (0.3, 1), (rng.uniform(0.8, 1.2), 0)]))]


def _dots(rng: Rng) -> Strokes:
    return [dot + rng.normal(0, 0.01, (3, 2)) for dot in rng.uniform(0, 1, (int(rng.integers(3, 8)), 2))]


def _brace(rng: Rng) -> Strokes:
    side = rng.choice([-1, 1])
    y = np.array([0, 0.03, 0.2, 0.42, 0.5, 0.58, 0.8, 0.97, 1])
    x = np.array([0.35, 0.2, 0.15, 0.15, 0, 0.15, 0.15, 0.2, 0.35]) * rng.uniform(0.9, 1.4)
    return [smooth(np.stack([side * x, y], 1) + rng.normal(0, 0.01, (9, 2)))]


def _hash(rng: Rng) -> Strokes:
    lean = rng.uniform(0, 0.25)
    upright = [line((x + lean, 0), (x, 1), rng, 0.03) for x in (0.3, 0.65)]
    return upright + [line((0, y), (1, y + rng.normal(0, 0.03)), rng, 0.03) for y in (0.35, 0.68)]


SHAPE_MAKERS: tuple[Callable[[Rng], Strokes], ...] = (
    *(scribble, scribble, _face, _heart, _arrow, _star, _spiral, _box, _triangle, _grid, _wave, _tick, _dots),
    *(_brace, _hash),
)


# Images made of images of digits


def _pick(digits: LabelledImages, rng: Rng, labels: tuple[int, ...] | None = None) -> np.ndarray:
    """Return a random image in [0, 1], (28, 28), of one of the labels."""
    while True:
        place = int(rng.integers(len(digits)))
        if labels is None or int(digits.labels[place]) in labels:
            return digits.images[place, 0].numpy() / np.float32(255)


def _upside_down(digits: LabelledImages, rng: Rng) -> np.ndarray:
    return centred(_pick(digits, rng, UPSIDE_DOWN)[::-1, ::-1])


def _shuffled(digits: LabelledImages, rng: Rng) -> np.ndarray:
    """Exchange the quarters of a digit."""
    image, half = _pick(digits, rng), SIZE // 2
    quarters = [image[y : y + half, x : x + half] for y in (0, half) for x in (0, half)]
    while (order := rng.permutation(4)).tolist() == [0, 1, 2, 3]:
        pass
    first, second, third, fourth = (quarters[place] for place in order)
    return centred(np.block([[first, second], [third, fourth]]))


def _two_in_one(digits: LabelledImages, rng: Rng) -> np.ndarray:
    """Squeeze two digits side by side into one image."""
    pair = np.hstack([_pick(digits, rng)[:, 4:24], _pick(digits, rng)[:, 4:24]])
    small = Image.fromarray(to_uint8(pair)).resize(
        (20, 14 + int(rng.integers(0, 7))), Image.Resampling.BILINEAR
    )
    image = np.zeros((SIZE, SIZE), np.float32)
    top = (SIZE - small.height) // 2
    image[top : top + small.height, 4:24] = np.minimum(np.asarray(small, np.float32) / 255 * 1.4, 1)
    return centred(image)


def _on_top(digits: LabelledImages, rng: Rng) -> np.ndarray:
    """Lay two digits of different classes over each other, none of which might be a bar or a ring."""
    first, other = rng.choice(np.arange(2, 10), 2, replace=False).tolist()
    return centred(np.maximum(_pick(digits, rng, (first,)), _pick(digits, rng, (other,))))


def _texture(digits: LabelledImages, rng: Rng) -> np.ndarray:
    """Return a rectangle of noise, or stripes."""
    height, width = rng.integers(6, 21, 2)
    image = np.zeros((SIZE, SIZE), np.float32)
    if rng.random() < 0.5:
        cells = int(rng.integers(1, 5))
        inside = np.kron(rng.random((height, width)) > rng.uniform(0.2, 0.7), np.ones((cells, cells)))
    else:
        y, x = np.mgrid[:height, :width]
        inside = np.sin(x * rng.uniform(0, 2.2) + y * rng.uniform(0.6, 2.2) + rng.uniform(0, 6)) > 0
    top, left = (SIZE - height) // 2, (SIZE - width) // 2
    image[top : top + height, left : left + width] = inside[:height, :width]
    return centred(image)


IMAGE_MAKERS = (_upside_down, _upside_down, _shuffled, _shuffled, _two_in_one, _two_in_one, _on_top, _texture)
