"""Render synthetic photographs of MNIST digits on paper.

Each kind adds one difficulty for finding the ink; all vary in size, light, pen colour, rotation (up to 15
degrees) and JPEG quality.
"""

import io

import numpy as np
from PIL import Image
from scipy import ndimage

Rng = np.random.Generator
KINDS = ("plain", "gradient", "shadow", "pencil", "ruled", "squared", "frame", "spiral", "noise", "chalk")
PENS = [(25, 25, 30), (20, 40, 130), (170, 30, 40), (20, 90, 50), (60, 60, 65)]
WHITE, CREAM, GREY, YELLOW = (250, 250, 248), (245, 236, 210), (205, 200, 195), (250, 240, 150)
PAPERS = [WHITE, CREAM, GREY, YELLOW, (200, 220, 240), (235, 205, 215)]


def photograph(digit: np.ndarray, kind: str, rng: Rng) -> Image.Image:
    """Render a digit on paper.

    Args:
        digit: float, (28, 28), ink 1 on 0.
        kind: one of KINDS.
        rng: source of all random choices.

    Returns:
        RGB, longest side 120 to 900 pixels.
    """
    height, width = (int(rng.integers(120, 900)) * np.array([1, rng.uniform(0.6, 1)])).astype(int)
    if rng.random() < 0.5:
        height, width = width, height
    ink = _write(digit, height, width, rng)
    paper = _paper(height, width, kind, rng)
    pen = np.array(PENS[rng.integers(len(PENS))], float)
    strength = rng.uniform(0.7, 1)
    if kind == "pencil":
        pen, strength = np.full(3, 90.0), rng.uniform(0.2, 0.45)
    strength = strength * (1 - 0.3 * _blotches(height, width, 3, rng))  # uneven flow of ink
    cover = (ink * strength)[..., None]
    picture = paper * (1 - cover) + paper / 255 * pen * cover
    picture *= _light(height, width, kind, rng)[..., None]
    if kind in ("frame", "spiral"):
        picture = _border(picture, kind, rng)
    if kind == "chalk":
        picture = 255 - 0.85 * picture
    picture = ndimage.gaussian_filter(picture, (*[rng.uniform(0, 1.2)] * 2, 0))
    picture += rng.normal(0, rng.uniform(1, 6), picture.shape)
    if kind == "noise":
        grains = rng.random((height, width))
        picture[grains < 0.01], picture[grains > 0.99] = 0, 255
    buffer = io.BytesIO()
    pixels = picture.clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG", quality=int(rng.integers(30, 96)))
    return Image.open(buffer)


def _write(digit: np.ndarray, height: int, width: int, rng: Rng) -> np.ndarray:
    """Render the digit at a random place, 20 to 75 % of the picture's shorter side high: (height, width)."""
    side = rng.uniform(0.2, 0.75) * min(height, width)
    factor = side / 20
    angle = np.radians(rng.uniform(-15, 15))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / factor
    margin = 0.62 * side
    centre = np.array([rng.uniform(margin, extent - margin) for extent in (height, width)])
    smooth = ndimage.gaussian_filter(digit, 0.6)
    ink = ndimage.affine_transform(
        smooth, turn, offset=np.array([13.5, 13.5]) - turn @ centre, output_shape=(height, width), order=3
    )
    return ((ink - 0.42) * factor * 0.8 + 0.5).clip(0, 1)  # an edge of about a pixel


def _paper(height: int, width: int, kind: str, rng: Rng) -> np.ndarray:
    """Render paper with grain and perhaps ruled lines: (height, width, 3), in [0, 255]."""
    paper = np.ones((height, width, 1)) * np.array(PAPERS[rng.integers(len(PAPERS))], float)
    grain = _blotches(height, width, 1, rng) + _blotches(height, width, 8, rng)
    paper *= 1 - rng.uniform(0, 0.05) * grain[..., None]
    if kind in ("ruled", "squared"):
        spacing = rng.uniform(0.12, 0.5) * min(height, width)
        colour = np.array([(120, 150, 200), (150, 150, 150), (200, 140, 150)][rng.integers(3)], float)
        thick = rng.uniform(0.8, max(1.2, min(height, width) / 150))
        tilt = np.tan(np.radians(rng.uniform(-4, 4)))
        y, x = np.mgrid[:height, :width]
        offset = rng.uniform(0, spacing)
        lines = [y + tilt * x] if kind == "ruled" else [y + tilt * x, x - tilt * y]
        for across in lines:
            away = np.abs((across + offset) % spacing - spacing / 2)
            cover = (thick / 2 - away + 0.5).clip(0, 1)[..., None] * rng.uniform(0.4, 0.9)
            paper = paper * (1 - cover) + colour * cover
    return paper


def _light(height: int, width: int, kind: str, rng: Rng) -> np.ndarray:
    """Return the brightness of the light, (height, width), in [0, 1]."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * x + np.sin(angle) * y
    along = (along - along.min()) / np.ptp(along)
    weak = rng.uniform(0.4, 0.7) if kind == "gradient" else rng.uniform(0.85, 1)
    light = weak + (1 - weak) * along
    if kind == "shadow":
        if rng.random() < 0.5:
            away = along - rng.uniform(0.25, 0.75)  # the edge of a hand or a phone
        else:
            away = np.hypot(x - rng.uniform(0, 1), y - rng.uniform(0, 1)) - rng.uniform(0.15, 0.4)
        soft = rng.uniform(0.01, 0.15)
        light *= 1 - rng.uniform(0.3, 0.6) * (0.5 - away / soft).clip(0, 1)
    return light


def _border(picture: np.ndarray, kind: str, rng: Rng) -> np.ndarray:
    """Draw a dark frame or a spiral binding on some edges of the picture, in place."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width]
    colour = rng.uniform(10, 90, 3)
    edges = [x, width - 1 - x, y, height - 1 - y]
    chosen = rng.permutation(4)[: rng.integers(1, 5)]
    if kind == "frame":
        for edge in chosen:
            picture[edges[edge] < rng.uniform(0.01, 0.06) * min(height, width)] = colour
        return picture
    edge = chosen[0]
    step = rng.uniform(0.06, 0.12) * max(height, width)
    along = y if edge < 2 else x
    hole = np.hypot(edges[edge] - 0.4 * step, along % step - step / 2) < rng.uniform(0.2, 0.35) * step
    wire = (np.abs(along % step - step / 2) < 0.08 * step) & (edges[edge] < 0.5 * step)
    picture[hole | wire] = colour
    return picture


def _blotches(height: int, width: int, size: float, rng: Rng) -> np.ndarray:
    """Return smooth noise in [0, 1], (height, width)."""
    noise = ndimage.gaussian_filter(rng.random((height, width)), size)
    return (noise - noise.min()) / max(np.ptp(noise), 1e-9)
