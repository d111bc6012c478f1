"""What lies under and around the writing on made pages: desks, sheets, printed lines, boxes and text."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from training.made_pages.drawing import Layer, Points, Rng, noise

Warp = Callable[[Points], Points]  # from the page's plane to the picture, both in pixels
PRINTED = """
    total date name amount sum no. invoice account street city phone signature class page order item
    price quantity value reg code form box only please write in block letters bank pay to the of and for
    tax due kg cm EUR USD Nr Datum Betrag Summe fecha importe montant prix 日 年 月 Σ №
"""  # words


def colour(rng: Rng, low: float, high: float, saturation: float = 0.3) -> np.ndarray:
    """Return an RGB colour, (3,), of a brightness between `low` and `high` in [0, 255] and any hue."""
    value = rng.uniform(low, high)
    tint = rng.uniform(-1, 1, 3)
    return (value * (1 + saturation * rng.random() * (tint - tint.mean()))).clip(0, 255)


def desk(size: tuple[int, int], rng: Rng) -> np.ndarray:
    """Return what a sheet may lie on, float32 (H, W, 3): wood, cloth, stone, a keyboard's keys, plain."""
    kind = rng.choice(["plain", "wood", "cloth", "stone", "tiles"], p=[0.3, 0.35, 0.15, 0.1, 0.1])
    base = colour(rng, *((15, 110) if rng.random() < 0.65 else (110, 235)), saturation=0.9)
    height, width = size
    shade = np.zeros(size, np.float32)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    if kind == "wood":
        stretch = rng.uniform(6, 40)
        thin = noise((height, max(4, int(width / stretch))), rng.uniform(1.2, 5), rng)
        shade = np.asarray(Image.fromarray(thin).resize((width, height), Image.Resampling.BICUBIC))
        shade = 0.6 * shade + 0.8 * np.sin(y / rng.uniform(4, 30) + 1.5 * noise(size, 60, rng))
        if rng.random() < 0.5:
            shade = shade + 3 * ((y % rng.uniform(30, 120)) < 1.5) * rng.choice([-1, 0, 1])
        shade = shade if rng.random() < 0.5 else np.ascontiguousarray(_square_turn(shade))
    elif kind == "cloth":
        step = rng.uniform(3, 40)
        shade = np.sign(np.sin(x * (6.28 / step)) + np.sin(y * (6.28 / step)) * rng.choice([0, 1]))
        shade = shade.astype(np.float32) * rng.uniform(0.5, 4)
    elif kind == "stone":
        shade = noise(size, 1, rng) * 2 + noise(size, rng.uniform(2, 10), rng)
    elif kind == "tiles":
        step = rng.uniform(14, 70)
        gap = (x % step < 0.12 * step) | (y % step < 0.12 * step)
        shade = gap.astype(np.float32) * rng.choice([-5, 5])
    amount = rng.uniform(0.02, 0.12)
    tint = 1 + amount * rng.uniform(0.6, 1.0, 3)[None, None] * shade[..., None]
    return (base.astype(np.float32) * tint.astype(np.float32)).clip(0, 255)


def _square_turn(values: np.ndarray) -> np.ndarray:
    turned = Image.fromarray(np.ascontiguousarray(values.T))
    return np.asarray(turned.resize(values.shape[::-1], Image.Resampling.BILINEAR))


def paper(size: tuple[int, int], dark: bool, rng: Rng) -> np.ndarray:
    """Return the sheet's own colour, grain and folds, float32 (H, W, 3)."""
    if dark:
        base = colour(rng, 12, 75, 0.6)
    elif rng.random() < 0.65:
        base = colour(rng, 175, 255, 0.12)
    else:
        base = colour(rng, 130, 245, 0.7)
    sheet = np.broadcast_to(base.astype(np.float32), (*size, 3)).copy()
    grain = rng.uniform(0, 0.025) * noise(size, rng.uniform(1, 4), rng)
    if rng.random() < 0.4:
        grain = grain + rng.uniform(0.005, 0.03) * noise(size, rng.uniform(8, 60), rng)
    if dark and rng.random() < 0.6:  # a wiped blackboard
        grain = grain + rng.uniform(0.05, 0.4) * np.abs(noise(size, rng.uniform(15, 60), rng))
    sheet *= (1 + grain)[..., None]
    if rng.random() < 0.12:
        _fold(sheet, rng)
    if rng.random() < 0.1:  # print that shows through from the other side, or wiped writing
        ghost = ndimage.gaussian_filter((noise(size, rng.uniform(3, 10), rng) > 1.2).astype(np.float32), 1.2)
        sheet *= 1 - rng.uniform(0.02, 0.07) * ghost[..., None]
    return sheet.clip(0, 255)


def _fold(sheet: np.ndarray, rng: Rng) -> None:
    """Shade the sheet along folds or creases, in place."""
    height, width = sheet.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    for _ in range(rng.integers(1, 4)):
        angle = rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)]) + rng.normal(0, 0.05)
        away = np.cos(angle) * (x - rng.uniform(0, width)) + np.sin(angle) * (y - rng.uniform(0, height))
        away = away + rng.uniform(0, 2) * noise((height, width), 25, rng)
        soft = rng.uniform(0.5, 3)
        line = np.exp(-0.5 * (away / soft) ** 2) * rng.uniform(-0.25, 0.15)
        side = rng.uniform(-0.08, 0.08) * np.tanh(away / rng.uniform(2, 40))
        sheet *= (1 + line + side)[..., None]


def quadrilateral(rng: Rng, size: tuple[int, int], keep: Points) -> Points:
    """Return the corners of a sheet, (4, 2), around the points `keep`; some edges lie in the picture."""
    height, width = size
    low, high = keep.min(0), keep.max(0)
    margin = rng.uniform(0.02, 0.35, 4) * max(24, min(size) * 0.6)
    far = rng.random(4) < 0.4
    left = -50 if far[0] else low[0] - margin[0]
    top = -50 if far[1] else low[1] - margin[1]
    right = width + 50 if far[2] else high[0] + margin[2]
    bottom = height + 50 if far[3] else high[1] + margin[3]
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)
    return corners + rng.normal(0, 0.015, (4, 2)) * max(size)


def segment(start: tuple[float, float], stop: tuple[float, float], warp: Warp, steps: int = 12) -> Points:
    """Return a straight line of the page as points in the picture."""
    t = np.linspace(0, 1, steps)[:, None]
    return warp(np.array(start) * (1 - t) + np.array(stop) * t)


def ruled(
    layer: Layer, warp: Warp, step: float, width: float, rng: Rng, kind: str, through: float | None = None
) -> None:
    """Draw ruled, squared or dotted paper.

    Args:
        layer: where to draw.
        warp: how the page lies.
        step: between two lines, in pixels.
        width: of a line, in pixels.
        rng: source of random numbers.
        kind: "ruled", "squared" or "dotted".
        through: y of one of the lines; None for anywhere.
    """
    height, wide = layer.size
    low, high = -0.3 * wide, 1.3 * wide
    first = -0.3 * height + rng.uniform(0, step)
    if through is not None:
        first = through - step * np.ceil((through - first) / step)
    rows = np.arange(first, 1.3 * height, step)
    columns = np.arange(low + rng.uniform(0, step), high, step)
    if kind == "dotted":
        grid = np.stack(np.meshgrid(columns, rows), -1).reshape(-1, 2)
        for x, y in warp(grid)[:1500]:
            layer.ellipse(x, y, 0.8 * width)
        return
    heavy = rng.integers(4, 9) if rng.random() < 0.15 else 0
    for k, row in enumerate(rows):
        layer.line(segment((low, row), (high, row), warp), width * (2 if heavy and k % heavy == 0 else 1))
    for k, column in enumerate(columns) if kind == "squared" else ():
        thick = width * (2 if heavy and k % heavy == 0 else 1)
        layer.line(segment((column, -0.3 * height), (column, 1.3 * height), warp), thick)


def box(layer: Layer, warp: Warp, corners: tuple[float, float, float, float], width: float) -> None:
    """Draw the outline of a rectangle of the page: left, top, right, bottom."""
    left, top, right, bottom = corners
    for start, stop in (
        ((left, top), (right, top)),
        ((right, top), (right, bottom)),
        ((right, bottom), (left, bottom)),
        ((left, bottom), (left, top)),
    ):
        layer.line(segment(start, stop, warp), width)


def grid(layer: Layer, warp: Warp, columns: np.ndarray, rows: np.ndarray, width: float, rng: Rng) -> None:
    """Draw a table's lines at the given columns and rows."""
    wobble = rng.uniform(0, 1.2) if rng.random() < 0.3 else 0  # drawn by hand
    for row in rows:
        line = segment((columns[0], row), (columns[-1], row), warp, 20)
        layer.line(line + wobble * rng.normal(0, 1, line.shape), width)
    for column in columns:
        line = segment((column, rows[0]), (column, rows[-1]), warp, 20)
        layer.line(line + wobble * rng.normal(0, 1, line.shape), width)


def guilloche(layer: Layer, rng: Rng) -> None:
    """Draw the fine waves of cheques and forms."""
    height, width = layer.size
    x = np.linspace(-5, width + 5, 60)
    step = rng.uniform(4, 16)
    waves, amplitude, drift = rng.uniform(0.5, 6), rng.uniform(0, 25), rng.uniform(-0.8, 0.8)
    thick = rng.uniform(0.4, 1.3)
    for k in range(int(2 * height / step)):
        phase = k * drift
        y = k * step - height / 2 + amplitude * np.sin(6.28 * waves * x / width + phase)
        y += rng.choice([0.0, 1.0]) * 0.3 * x
        layer.line(np.stack([x, y], 1), thick)


@functools.cache
def font_files() -> list[Path]:
    """Return the fonts that matplotlib brings along."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    names = ("DejaVuSans*", "DejaVuSerif*", "STIXGeneral*", "cmr10*", "cmss10*", "cmtt10*", "cmb10*")
    return sorted(file for name in names for file in folder.glob(f"{name}.ttf") if "Display" not in file.name)


@functools.lru_cache(256)
def _font(number: int, size: int) -> ImageFont.FreeTypeFont:
    files = font_files()
    return ImageFont.truetype(str(files[number % len(files)]), size)


def words(rng: Rng, count: int) -> str:
    """Return made text of so many words, some of them numbers."""
    printed = PRINTED.split()
    parts = [
        str(rng.integers(10 ** rng.integers(1, 6)))
        if rng.random() < 0.12
        else printed[rng.integers(len(printed))]
        for _ in range(count)
    ]
    text = " ".join(parts)
    return text.upper() if rng.random() < 0.25 else text


def text(
    layer: Layer, warp: Warp, content: str, at: tuple[float, float], height: float, number: int
) -> float:
    """Print text with its left top corner at `at`, letters of about `height` pixels.

    Returns:
        Its width in pixels.
    """
    size = int(np.clip(height * 1.3, 5, 240))
    font = _font(number, size * 2)
    left, top, right, bottom = font.getbbox(content)
    if right <= left or bottom <= top:
        return 0.0
    image = Image.new("L", (right - left + 4, bottom - top + 4))
    ImageDraw.Draw(image).text((2 - left, 2 - top), content, fill=255, font=font)
    wide, high = image.width / 2, image.height / 2
    x, y = at
    corners = warp(np.array([(x, y), (x + wide, y), (x, y + high)], float))
    layer.paste(np.asarray(image), corners)
    return wide


def binding(
    size: tuple[int, int], frame: tuple[int, int, int, int], rng: Rng
) -> tuple[np.ndarray, np.ndarray]:
    """Return a spiral or a row of holes along one edge of the picture: its coverage (H, W) and colour (3,).

    Args:
        size: height and width.
        frame: left, top, right, bottom of the picture in the view.
        rng: source of random numbers.
    """
    layer = Layer(size)
    side = int(rng.integers(4))
    vertical = side % 2 == 0
    inward = 1 if side < 2 else -1
    step, depth = rng.uniform(7, 45), rng.uniform(0, 1.2)
    edge, (low, high) = frame[side], (frame[1], frame[3]) if vertical else (frame[0], frame[2])
    at = edge + inward * depth * step
    radius, wire, tilt = rng.uniform(0.12, 0.36) * step, rng.random() < 0.6, rng.normal(0, 0.2)
    for along in np.arange(low + rng.uniform(0, step), high, step):
        points = np.array([(at, along), (at - inward * rng.uniform(0.9, 1.1) * step, along + tilt * step)])
        points = points if vertical else points[:, ::-1]
        layer.ellipse(*points[0], radius)
        if wire:
            layer.line(points, 0.4 * radius + 0.6)
    return layer.coverage(), colour(rng, 5, 120, 0.5)


def blend(picture: np.ndarray, cover: np.ndarray, tone: np.ndarray) -> None:
    """Lay a colour, (3,) or (H, W, 3), over a picture, float32 (H, W, 3), in place."""
    picture += cover[..., None].astype(np.float32) * (np.asarray(tone, np.float32) - picture)
