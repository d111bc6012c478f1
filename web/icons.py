"""Draw the icons of the page, a 3 on blue paper.

python -m web.icons     page/icon-192.png, icon-512.png and icon-maskable-512.png
"""

from pathlib import Path

from PIL import Image, ImageDraw

from gui.drawing import Stroke
from gui.painting import SUPERSAMPLING, ink_layer
from gui.theme import LIGHT

FOLDER = Path(__file__).parent / "page"
THREE = (
    (31, 32),
    (40, 23),
    (54, 21),
    (64, 30),
    (60, 42),
    (46, 49),
    (62, 54),
    (68, 66),
    (60, 78),
    (45, 81),
    (32, 74),
)
PAGE = 100.0  # side of the icon, in units of THREE
PEN = 9.5
CORNER = 0.22  # radius of the corners, as a share of the side


def icon(side: int, maskable: bool) -> Image.Image:
    """Return an icon.

    Args:
        side: in pixels.
        maskable: whether the system cuts it to a shape of its own, of which the middle is sure to be seen.
    """
    margin = PAGE * (0.1 if maskable else 0.02)
    region = (-margin, -margin, PAGE + margin, PAGE + margin)
    ink = ink_layer([Stroke(THREE, PEN)], region, side / (PAGE + 2 * margin)).resize((side, side))
    paper = Image.new("RGB", (side, side), LIGHT.accent)
    paper.paste(LIGHT.on_accent, mask=ink)
    if not maskable:
        shape = Image.new("L", 2 * (side * SUPERSAMPLING,))
        corners = (0, 0, side * SUPERSAMPLING - 1, side * SUPERSAMPLING - 1)
        ImageDraw.Draw(shape).rounded_rectangle(corners, CORNER * side * SUPERSAMPLING, fill=255)
        paper.putalpha(shape.reduce(SUPERSAMPLING))
    return paper


if __name__ == "__main__":
    for side, maskable in ((192, False), (512, False), (512, True)):
        path = FOLDER / f"icon-{'maskable-' if maskable else ''}{side}.png"
        icon(side, maskable).save(path, optimize=True)
        print(f"Written: {path.name} ({path.stat().st_size:,} bytes)")
