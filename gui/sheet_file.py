"""The file in which the sheet is kept between two runs."""

import base64
import io
import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from PIL import Image

from common.files import write_atomically
from gui.drawing import Page, Picture, Stroke

LARGEST = 1e6  # units of the page: what lies further off was not drawn here


@dataclass(frozen=True)
class Sheet:
    """The sheet as it is kept between two runs of the window.

    Attributes:
        page: what is on it.
        single: whether it is read as a single digit.
        ink_follows_speed: whether fast strokes are shown thinner.
        side: of the canvas as it first opened, in pixels: the unit of the page depends on it.
    """

    page: Page
    single: bool
    ink_follows_speed: bool
    side: float

    def same_as(self, other: "Sheet") -> bool:
        """Return whether both would be written alike; all blank pages are."""
        alike = self.page is other.page or (self.page.blank and other.page.blank)
        return alike and (self.single, self.ink_follows_speed) == (other.single, other.ink_follows_speed)


class SheetFile:
    """Writes and reads sheets. What was encoded once is kept: of a drawing that grows only the end is new."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._strokes: WeakKeyDictionary[Stroke, str] = WeakKeyDictionary()
        self._picture: tuple[Picture | None, str] = None, "null"

    def write(self, sheet: Sheet) -> None:
        """Write a sheet as JSON, its picture as PNG inside.

        Raises:
            UserError: if the file cannot be written; it is then unchanged.
        """
        settings = {
            "single": sheet.single,
            "ink_follows_speed": sheet.ink_follows_speed,
            "side": sheet.side,
        }
        strokes = ",\n".join(map(self._stroke, sheet.page.strokes))
        parts = json.dumps(settings)[1:-1], f'"strokes": [{strokes}]', f'"picture": {self._png(sheet.page)}'
        write_atomically(self.path, "{" + ",\n".join(parts) + "}")

    def _stroke(self, stroke: Stroke) -> str:
        if stroke not in self._strokes:
            content = {"width": stroke.width, "points": stroke.points, "factors": stroke.factors}
            self._strokes[stroke] = json.dumps(content)
        return self._strokes[stroke]

    def _png(self, page: Page) -> str:
        picture = page.picture
        if picture is not self._picture[0]:
            self._picture = picture, json.dumps(picture and _encoded(picture))
        return self._picture[1]

    def read(self, side: float) -> Sheet:
        """Read the sheet, scaled to a canvas whose side was `side` pixels when it opened.

        Raises:
            OSError: if the file cannot be read.
            ValueError: if it is broken.
        """
        text = self.path.read_bytes()
        try:
            content = json.loads(text)
            scale = side / _numbers([content["side"]], 1, above=0)[0]
            strokes = tuple(_decoded_stroke(stroke, scale) for stroke in content["strokes"])
            picture = content["picture"] and _decoded(content["picture"], scale)
            return Sheet(
                Page(strokes, picture), bool(content["single"]), bool(content["ink_follows_speed"]), side
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MemoryError) as error:
            raise ValueError(f"no sheet: {error}") from error

    def set_aside(self) -> Path:
        """Rename a broken file; return its new path.

        Raises:
            OSError: if that is not possible.
        """
        aside = self.path.with_name(self.path.name + ".broken")
        os.replace(self.path, aside)
        return aside


def _encoded(picture: Picture) -> dict[str, object]:
    png = io.BytesIO()
    image = Image.frombytes("RGB", (picture.width, picture.height), picture.pixels)
    image.save(png, "PNG", compress_level=1)
    return {
        "png": base64.b64encode(png.getvalue()).decode(),
        "box": picture.box,
        "paper": picture.paper,
        "pages": picture.pages,
    }


def _decoded(content: dict, scale: float) -> Picture:
    png = io.BytesIO(base64.b64decode(content["png"]))
    try:
        with Image.open(png, formats=["PNG"]) as opened:
            image = opened.convert("RGB")
    except OSError as error:  # Pillow's error for a broken picture
        raise ValueError(str(error)) from error
    box = tuple(scale * value for value in _numbers(content["box"], 4))
    if box[0] >= box[2] or box[1] >= box[3]:
        raise ValueError("a picture without size")
    paper = tuple(int(value) for value in _numbers(content["paper"], 3))
    return Picture(image.width, image.height, image.tobytes(), paper, box, int(content["pages"]))


def _decoded_stroke(content: dict, scale: float) -> Stroke:
    points = tuple(tuple(scale * value for value in _numbers(point, 2)) for point in content["points"])
    (width,) = _numbers([content["width"]], 1, above=0)
    factors = _numbers(content["factors"], len(points)) if content["factors"] else ()
    if not points:
        raise ValueError("a stroke without points")
    return Stroke(points, scale * width, factors)


def _numbers(values: Iterable, count: int, above: float = -math.inf) -> tuple[float, ...]:
    """Return values as `count` numbers that are above a limit and not too large.

    Raises:
        ValueError, TypeError: if they are not.
    """
    numbers = tuple(float(value) for value in values)
    if len(numbers) != count or not all(above < number < LARGEST and number > -LARGEST for number in numbers):
        raise ValueError("expected other numbers")
    return numbers
