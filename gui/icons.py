"""Icons and the surfaces of buttons, drawn at the size in which they are shown.

An icon is a list of lines on a grid of 24 by 24; a line with one point is a dot.
"""

import io
import tkinter as tk

from PIL import Image, ImageDraw

GRID = 24
LINE_WIDTH = 2.0  # of an icon, on its grid
SUPERSAMPLING = 4

_UNDO = [
    [(9, 5), (4, 10), (9, 15)],
    [(4, 10), (14, 10), (17, 11), (19.3, 13), (20, 15), (19.3, 17), (17, 19), (14, 20), (10, 20)],
]
ICONS: dict[str, list[list[tuple[float, float]]]] = {
    "pen": [[(4, 20), (5, 15), (16, 4), (20, 8), (9, 19), (4, 20)], [(13, 7), (17, 11)]],
    "eraser": [
        [(8, 20), (3, 15), (14, 4), (20, 10), (10, 20), (8, 20)],
        [(8, 10), (14, 16)],
        [(10, 20), (21, 20)],
    ],
    "undo": _UNDO,
    "redo": [[(GRID - x, y) for x, y in line] for line in _UNDO],
    "clear": [
        [(4, 7), (20, 7)],
        [(9, 7), (9, 3.5), (15, 3.5), (15, 7)],
        [(6, 7), (7, 20.5), (17, 20.5), (18, 7)],
        [(10, 11), (10, 16.5)],
        [(14, 11), (14, 16.5)],
    ],
    "open": [[(3, 19), (3, 5), (9, 5), (11.5, 8), (21, 8), (21, 19), (3, 19)]],
    "paste": [
        [(8, 5), (5, 5), (5, 21), (19, 21), (19, 5), (16, 5)],
        [(8, 3), (16, 3), (16, 7), (8, 7), (8, 3)],
    ],
    "save": [[(12, 3), (12, 15)], [(7, 10), (12, 15), (17, 10)], [(4, 15), (4, 20), (20, 20), (20, 15)]],
    "more": [[(5, 12)], [(12, 12)], [(19, 12)]],
    "keys": [
        [
            (8, 9),
            (8.6, 6.6),
            (10.3, 5),
            (12.5, 4.7),
            (14.8, 5.6),
            (16, 8),
            (15.2, 10.6),
            (12.6, 12.6),
            (12, 15),
        ],
        [(12, 19.5)],
    ],
}


def icon(name: str, side: int, colour: str) -> Image.Image:
    """Return an icon on a transparent square, mode RGBA.

    Args:
        name: a key of `ICONS`.
        side: in pixels.
        colour: "#rrggbb".
    """
    scale = side * SUPERSAMPLING / GRID
    mask = Image.new("L", (side * SUPERSAMPLING, side * SUPERSAMPLING))
    pen = ImageDraw.Draw(mask)
    for line in ICONS[name]:
        points = [(x * scale, y * scale) for x, y in line]
        radius = LINE_WIDTH * scale / 2 * (1.0 if len(line) > 1 else 1.4)
        pen.line(points, fill=255, width=round(2 * radius))
        for x, y in points:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    image = Image.new("RGBA", (side, side), colour)
    image.putalpha(mask.reduce(SUPERSAMPLING))
    return image


def surface(
    size: tuple[int, int], radius: float, fill: str, edge: str | None = None, width: float = 1
) -> Image.Image:
    """Return a rectangle with round corners, mode RGBA, transparent around it.

    Args:
        size: in pixels.
        radius: of the corners, in pixels.
        fill: colour inside; "" for none.
        edge: colour of its border; None for none.
        width: of the border, in pixels.
    """
    many = SUPERSAMPLING
    image = Image.new("RGBA", (size[0] * many, size[1] * many), (edge or fill or "#000000") + "00")
    box = 0, 0, image.width - 1, image.height - 1
    ImageDraw.Draw(image).rounded_rectangle(
        box, radius * many, fill=fill or None, outline=edge, width=round(width * many) if edge else 0
    )
    return image.reduce(many)


def tk_image(root: tk.Misc, image: Image.Image) -> tk.PhotoImage:
    """Return an image (mode RGB or RGBA) as Tk shows it. The caller keeps it: Tk does not."""
    if image.mode == "RGB":
        content, kind = b"P6 %d %d 255\n" % image.size + image.tobytes(), "ppm"
    else:
        png, kind = io.BytesIO(), "png"
        image.save(png, "PNG")
        content = png.getvalue()
    return tk.PhotoImage(master=root, data=content, format=kind)
