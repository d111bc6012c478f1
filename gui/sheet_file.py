"""The file in which the sheet is kept between two runs; written and read in the worker process."""

import base64
import io
import json
import os
from pathlib import Path

from PIL import Image

from common.files import write_atomically
from common.messages import UserError, short
from gui.drawing import Page, Picture, Stroke
from gui.protocol import Sheet


class SheetFile:
    """Writes and reads sheets."""

    def __init__(self) -> None:
        self._encoded: tuple[bytes, str] = b"", ""  # pixels of the last picture, and its PNG file as text

    def write(self, path: Path, sheet: Sheet) -> None:
        """Write a sheet as JSON, its picture as PNG inside."""
        content: dict[str, object] = {
            "single": sheet.single,
            "ink_follows_speed": sheet.ink_follows_speed,
            "strokes": [{"width": stroke.width, "points": stroke.points} for stroke in sheet.page.strokes],
            "picture": None,
        }
        if picture := sheet.page.picture:
            content["picture"] = {
                "png": self._png(picture),
                "box": picture.box,
                "paper": picture.paper,
                "pages": picture.pages,
            }
        write_atomically(path, json.dumps(content))

    def _png(self, picture: Picture) -> str:
        if picture.pixels != self._encoded[0]:
            png = io.BytesIO()
            image = Image.frombytes("RGB", (picture.width, picture.height), picture.pixels)
            image.save(png, "PNG", compress_level=1)
            self._encoded = picture.pixels, base64.b64encode(png.getvalue()).decode()
        return self._encoded[1]

    def read(self, path: Path) -> Sheet:
        """Read a sheet.

        Raises:
            UserError: if the file is broken; it is then renamed.
        """
        try:
            content = json.loads(path.read_bytes())
            strokes = tuple(
                Stroke(tuple((float(x), float(y)) for x, y in stroke["points"]), float(stroke["width"]))
                for stroke in content["strokes"]
            )
            picture = content["picture"] and self._picture(content["picture"])
            page = Page(tuple(stroke for stroke in strokes if stroke.points), picture)
            return Sheet(page, bool(content["single"]), bool(content["ink_follows_speed"]))
        except (ValueError, TypeError, KeyError, OSError, RecursionError) as error:
            aside = path.with_name(path.name + ".broken")
            os.replace(path, aside)
            raise UserError(f"the last sheet is broken, set aside as {short(aside)}") from error

    def _picture(self, content: dict) -> Picture:
        with Image.open(io.BytesIO(base64.b64decode(content["png"])), formats=["PNG"]) as opened:
            image = opened.convert("RGB")
        box, paper = map(tuple, (content["box"], content["paper"]))
        if len(box) != 4 or len(paper) != 3:
            raise ValueError("no picture")
        return Picture(image.width, image.height, image.tobytes(), paper, box, int(content["pages"]))
