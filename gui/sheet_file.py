"""The files in which the sheet is kept between two runs: sheet.json, and beside it its picture."""

import hashlib
import io
import json
import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from PIL import Image

from common.files import write_atomically
from gui.drawing import Page, Picture
from gui.stroke import Stroke

PICTURE_FILE = re.compile(r"sheet-[0-9a-f]{12}\.png")
LARGEST = 1e6  # units of the page: what lies further off was not drawn here


@dataclass(frozen=True)
class SavedSheet:
    """The sheet as it is kept between two runs of the window.

    Attributes:
        page: what is on it.
        single: whether it is read as a single digit.
        ink_follows_speed: whether fast strokes are shown thinner.
        side: of the canvas as it first opened, in pixels: the unit of the page depends on it.
        folder: of the file that was opened or saved last; "" if there is none.
        use_memory: whether readings lean towards corrected samples.
    """

    page: Page
    single: bool
    ink_follows_speed: bool
    side: float
    folder: str = ""
    use_memory: bool = True

    @property
    def settings(self) -> tuple[bool, bool, str, bool]:
        """What is kept beside the page."""
        return self.single, self.ink_follows_speed, self.folder, self.use_memory

    def same_as(self, other: "SavedSheet") -> bool:
        """Return whether both would be written alike; all blank pages are."""
        alike = self.page is other.page or (self.page.blank and other.page.blank)
        return alike and self.settings == other.settings


class SheetFile:
    """Writes and reads sheets. Strokes are encoded once: of a drawing that grows only the end is new.

    Args:
        path: of the JSON file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._strokes: WeakKeyDictionary[Stroke, str] = WeakKeyDictionary()
        self._picture: Picture | None = None  # the last that was written or read
        self._picture_file: Path | None = None

    def write(self, sheet: SavedSheet) -> None:
        """Write a sheet.

        Raises:
            UserError: if a file cannot be written; the last sheet is then unchanged.
        """
        picture, before = sheet.page.picture, self._picture_file
        if picture is not self._picture:
            self._picture_file = picture and self._write_picture(picture)
            self._picture = picture
        settings = {
            "single": sheet.single,
            "ink_follows_speed": sheet.ink_follows_speed,
            "side": sheet.side,
            "folder": sheet.folder,
            "use_memory": sheet.use_memory,
            "picture": picture
            and {
                "file": self._picture_file.name,
                "box": picture.box,
                "paper": picture.paper,
                "pages": picture.pages,
            },
        }
        strokes = ",\n".join(map(self._stroke, sheet.page.strokes))
        write_atomically(self.path, f'{json.dumps(settings)[:-1]},\n"strokes": [{strokes}]}}')
        if before and before != self._picture_file:
            before.unlink(missing_ok=True)

    def _write_picture(self, picture: Picture) -> Path:
        """Write a picture to a file that is named after its content; return its path."""
        name = f"sheet-{hashlib.sha256(picture.pixels).hexdigest()[:12]}.png"
        png = io.BytesIO()
        image = Image.frombytes("RGB", (picture.width, picture.height), picture.pixels)
        image.save(png, "PNG", compress_level=1)
        write_atomically(self.path.with_name(name), png.getbuffer())
        return self.path.with_name(name)

    def _stroke(self, stroke: Stroke) -> str:
        if stroke not in self._strokes:
            content = {"width": stroke.width, "points": stroke.points, "factors": stroke.factors}
            self._strokes[stroke] = json.dumps(content)
        return self._strokes[stroke]

    def read(self, side: float) -> SavedSheet:
        """Read the sheet, scaled to a canvas whose side was `side` pixels when it opened.

        Raises:
            OSError: if a file cannot be read.
            ValueError: if it is broken.
        """
        text = self.path.read_bytes()
        try:
            content = json.loads(text)
            scale = side / _numbers([content["side"]], 1, above=0)[0]
            strokes = tuple(_decoded_stroke(stroke, scale) for stroke in content["strokes"])
            if content["picture"]:
                self._read_picture(content["picture"], scale)
            picture = self._picture
            single, follows = bool(content["single"]), bool(content["ink_follows_speed"])
            # Older files lack these.
            folder, use_memory = str(content.get("folder", "")), bool(content.get("use_memory", True))
            return SavedSheet(Page(strokes, picture), single, follows, side, folder, use_memory)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MemoryError) as error:
            raise ValueError(f"no sheet: {error}") from error

    def _read_picture(self, content: dict, scale: float) -> None:
        if not PICTURE_FILE.fullmatch(content["file"]):
            raise ValueError(content["file"])
        path = self.path.with_name(content["file"])
        try:
            with Image.open(path, formats=["PNG"]) as opened:
                image = opened.convert("RGB")
        except PermissionError:
            raise
        except OSError as error:  # missing, or Pillow's error for a broken picture
            raise ValueError(str(error)) from error
        box = tuple(scale * value for value in _numbers(content["box"], 4))
        if box[0] >= box[2] or box[1] >= box[3]:
            raise ValueError("a picture without size")
        paper = tuple(int(value) for value in _numbers(content["paper"], 3))
        pages = int(content["pages"])
        self._picture = Picture(image.width, image.height, image.tobytes(), paper, box, pages)
        self._picture_file = path

    def set_aside(self) -> Path:
        """Rename a broken file; return its new path.

        Raises:
            OSError: if that is not possible.
        """
        aside = self.path.with_name(self.path.name + ".broken")
        os.replace(self.path, aside)
        return aside


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
