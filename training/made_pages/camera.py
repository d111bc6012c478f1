"""Light and camera of made pages: shadows, glare, hands at the border, blur, noise, JPEG."""

import io

import numpy as np
from PIL import Image
from scipy import ndimage

from training.made_pages.drawing import Layer, Points, Rng, noise
from training.made_pages.surfaces import blend, colour


def light(size: tuple[int, int], rng: Rng) -> np.ndarray:
    """Return the brightness of the light, float32 (H, W), about 1."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32) / max(size)
    bright = np.full(size, rng.uniform(0.7, 1.15), np.float32)
    if rng.random() < 0.6:
        angle = rng.uniform(0, 6.28)
        bright *= 1 + rng.uniform(0, 0.45) * (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5))
    if rng.random() < 0.25:  # a vignette or a lamp
        away = np.hypot(x - rng.uniform(0.1, 0.9), y - rng.uniform(0.1, 0.9))
        bright *= 1 - rng.uniform(0.1, 0.6) * (away / rng.uniform(0.6, 1.2)).clip(0, 1) ** 2
    for _ in range(rng.choice([0, 1, 2], p=[0.48, 0.38, 0.14])):
        bright *= 1 - rng.uniform(0.12, 0.6) * shadow(size, rng)
    return bright


def shadow(size: tuple[int, int], rng: Rng) -> np.ndarray:
    """Return a shadow with soft edges, float32 (H, W), 0 to 1: of a straight edge, a phone or a head."""
    layer = Layer(size)
    height, width = size
    kind = rng.choice(["edge", "phone", "round"])
    if kind == "edge":
        at, angle = rng.uniform(0.1, 0.9, 2) * (width, height), rng.uniform(0, 6.28)
        along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        far = 2 * max(size)
        layer.polygon(
            np.array(
                [at - far * along, at + far * along, at + far * (along + across), at - far * (along - across)]
            )
        )
    elif kind == "phone":
        layer.polygon(_rectangle(rng, size))
    else:
        angle = np.linspace(0, 6.28, 24)
        radius = rng.uniform(0.1, 0.5) * max(size) * (1 + rng.choice([0, 0.15]) * rng.normal(0, 1, 24))
        centre = rng.uniform(-0.1, 1.1, 2) * (width, height)
        layer.polygon(centre + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1))
    soft = np.exp(rng.uniform(np.log(0.3), np.log(35)))
    small = Image.fromarray(layer.coverage())
    return ndimage.gaussian_filter(np.asarray(small), soft)


def _rectangle(rng: Rng, size: tuple[int, int]) -> Points:
    """Return the corners of a turned rectangle that reaches in from the border."""
    height, width = size
    wide, high = rng.uniform(0.15, 0.9, 2) * max(size)
    angle = rng.normal(0, 0.15) + rng.choice([0, 0, 0.6])
    corners = np.array([(-wide, -high), (wide, -high), (wide, high), (-wide, high)]) / 2
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    side = rng.integers(4)
    depth = rng.uniform(0.03, 0.3)
    at = rng.uniform(0, 1)
    x, y = [(depth, at), (1 - depth, at), (at, depth), (at, 1 - depth)][side]
    shift = np.array([(-wide / 2, 0), (wide / 2, 0), (0, -high / 2), (0, high / 2)][side])
    return corners @ turn.T + (x * width, y * height) + shift


def things(
    size: tuple[int, int], frame: tuple[int, int, int, int], rng: Rng
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return what covers parts of the page: coverage (H, W) and colour, (3,) or (H, W, 3), of each.

    Args:
        size: height and width.
        frame: left, top, right, bottom of the picture in the view.
        rng: source of random numbers.
    """
    found = []
    height, width = size
    if rng.random() < 0.09:  # a phone, a book's edge, the desk
        layer = Layer(size)
        layer.polygon(_rectangle(rng, size))
        cover = ndimage.gaussian_filter(layer.coverage(), rng.uniform(0.2, 2))
        found.append((cover, colour(rng, 5, 120, 0.8)))
    if rng.random() < 0.09:  # dark strips along the borders
        tone, soft = colour(rng, 5, 90, 0.8), rng.uniform(0.2, 2)
        for side in rng.permutation(4)[: rng.choice([1, 1, 2, 3, 4])]:
            layer = Layer(size)
            depth, slope = rng.uniform(0.01, 0.1) * min(size), rng.normal(0, 0.01) * height
            left, top, right, bottom = frame
            ends = [(left, top, left, bottom), (left, top, right, top), (right, top, right, bottom)]
            x0, y0, x1, y1 = [*ends, (left, bottom, right, bottom)][side]
            layer.line(np.array([(x0, y0), (x1 + slope, y1 + slope)], float), 2 * depth)
            found.append((ndimage.gaussian_filter(layer.coverage(), soft), tone))
    if rng.random() < 0.09:  # fingers or a pen
        layer = Layer(size)
        tone = colour(rng, 90, 220, 0.2) * (1, 0.78, 0.66)
        if rng.random() < 0.4:
            tone = colour(rng, 10, 230, 1.5)
        thick = rng.uniform(0.04, 0.2) * max(size)
        side = rng.uniform(-0.2, 1.2)
        start = np.array([side * width, rng.choice([-0.1, 1.1]) * height])
        for k in range(rng.integers(1, 4)):
            end = start + rng.normal(0, 0.3, 2) * max(size) + (k * thick, 0)
            layer.line(np.array([start + (k * thick, 0), end]), thick)
        cover = ndimage.gaussian_filter(layer.coverage(), rng.uniform(0.3, 1.5))
        shade = tone * (1 + 0.15 * noise(size, 0.7 * thick + 2, rng))[..., None].clip(0.5, 1.5)
        found.append((cover, shade.clip(0, 255)))
    return found


def glare(picture: np.ndarray, rng: Rng) -> None:
    """Add a bright reflection, in place."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle = rng.uniform(0, 3.14)
    dx, dy = x - rng.uniform(0, width), y - rng.uniform(0, height)
    u, v = np.cos(angle) * dx + np.sin(angle) * dy, -np.sin(angle) * dx + np.cos(angle) * dy
    radius = rng.uniform(0.08, 0.35) * max(height, width)
    spot = np.exp(-0.5 * ((u / radius) ** 2 + (v / (radius * rng.uniform(0.3, 1))) ** 2))
    blend(picture, (spot * rng.uniform(0.3, 1.0)).clip(0, 0.93), np.full(3, 253.0))


def shoot(
    picture: np.ndarray, height: float, rng: Rng, clean: bool = False, coarse: float = 0.3
) -> np.ndarray:
    """Return the picture as a camera, a scanner or a drawing program gives it, uint8 (H, W, 3).

    Args:
        picture: float32, (H, W, 3), in [0, 255].
        height: of the digits in pixels, which limits the blur.
        rng: source of random numbers.
        clean: whether it was drawn by a program.
        coarse: share of pictures with fewer pixels, enlarged afterwards.
    """
    if not clean:
        picture = _developed(picture, rng)
        if rng.random() < 0.6:
            sigma = min(abs(rng.normal(0, 0.9)), 0.045 * height + 0.2)
            picture = ndimage.gaussian_filter(picture, (sigma, sigma, 0))
        if rng.random() < 0.08:  # the camera moved
            picture = ndimage.uniform_filter1d(
                picture, int(min(7, 1 + 0.1 * height)), axis=int(rng.integers(2))
            )
    size = picture.shape[:2]
    image = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
    if rng.random() < coarse:
        factor = max(np.exp(rng.uniform(np.log(0.12), 0)), 12 / height, 8 / min(size))
        if factor < 1:
            small = (max(8, round(size[1] * factor)), max(8, round(size[0] * factor)))
            image = image.resize(small, Image.Resampling.BOX)
    if not clean and rng.random() < 0.6:
        grain = rng.normal(0, abs(rng.normal(0, 5)), (*image.size[::-1], rng.choice([1, 3])))
        if rng.random() < 0.3:
            grain = ndimage.gaussian_filter(grain, (0.8, 0.8, 0)) * 2
        image = Image.fromarray((np.asarray(image, np.float32) + grain).clip(0, 255).astype(np.uint8))
    if not clean and rng.random() < 0.25:
        image = image.convert("L").convert("RGB")
    if rng.random() < (0.15 if clean else 0.03):  # a scan in two tones
        grey = np.asarray(image.convert("L"), np.float32)
        level = (np.percentile(grey, 0.5) + np.median(grey)) / 2
        image = Image.fromarray(((grey > level) * 255).astype(np.uint8)).convert("RGB")
    if rng.random() < (0.3 if clean else 0.75):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(rng.integers(20, 96)))
        image = Image.open(buffer).convert("RGB")
    return np.asarray(
        image.resize(size[::-1], Image.Resampling.BICUBIC) if image.size != size[::-1] else image
    )


def _developed(picture: np.ndarray, rng: Rng) -> np.ndarray:
    """Change white balance, contrast and gamma."""
    if rng.random() < 0.5:
        picture = picture * rng.normal(1, 0.06, 3).astype(np.float32)
    if rng.random() < 0.6:
        contrast, pivot = rng.uniform(0.55, 1.35), rng.uniform(60, 200)
        picture = pivot + contrast * (picture - pivot)
    picture = picture.clip(0, 255)
    return 255 * (picture / 255) ** rng.uniform(0.6, 1.6) if rng.random() < 0.3 else picture
