"""What a command line names as ink: pictures and stroke files, folders of them, patterns, standard input.

Files are found at once, so that a long list has a length, and opened one by one.
"""

import glob
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from common.messages import UserError
from preprocessing.image_files import is_picture_file, open_picture
from preprocessing.stroke_files import StrokeSample, each_line, has_lines, is_stroke_file, read_drawing

STANDARD_INPUT = "-"
LARGEST_PICTURE = 256 * 2**20  # bytes on standard input, which must be held in memory


@dataclass(frozen=True)
class Source:
    """A file or standard input ("-"), or what stands in its place and cannot be read, and why."""

    path: str
    fault: UserError | None = None


@dataclass(frozen=True)
class Item:
    """One thing to read: a picture or a drawing.

    Attributes:
        path: of its file, or "-".
        line: of its file, from 1, where a file has a drawing on each line.
        content: where it is or what it is; a `UserError` if it is known to be no good.
    """

    path: str
    line: int | None
    content: Path | bytes | StrokeSample | UserError

    def load(self) -> Image.Image | StrokeSample:
        """The picture or the drawing itself.

        Raises:
            UserError: if it cannot be read.
        """
        content = self.content
        if isinstance(content, UserError):
            raise content
        if isinstance(content, StrokeSample):
            return content
        if isinstance(content, Path):
            return read_drawing(content, self.path) if is_stroke_file(content) else open_picture(content)
        try:
            return open_picture(BytesIO(content))
        except UserError as error:
            raise UserError(f"standard input: {error}") from error


def find_sources(arguments: Iterable[str]) -> list[Source]:
    """All that the arguments name, in their order; a folder's and a pattern's files are sorted.

    What does not exist or may not be read stands in its place with its fault.

    Raises:
        UserError: if nothing at all is there to read.
    """
    sources: list[Source] = []
    for argument in arguments:
        if argument == STANDARD_INPUT and Source(argument) in sources:
            sources.append(Source(argument, UserError("standard input can be read only once")))
        else:
            sources += _expand(argument)
    faults = [source.fault for source in sources if source.fault]
    if len(faults) == len(sources):
        more = f" (and {len(faults) - 1:,} more like it)" if len(faults) > 1 else ""
        raise UserError(f"nothing to read: {faults[0]}{more}")
    return sources


def _expand(argument: str) -> Iterator[Source]:
    """A path that exists is that path; else it is a pattern, for shells that leave patterns to us."""
    if argument == STANDARD_INPUT:
        yield Source(argument)
        return
    paths = [argument]
    if glob.has_magic(argument) and not os.path.lexists(argument):
        paths = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207, Path.glob takes no absolute pattern
        if not paths:
            yield Source(argument, UserError(f"{argument}: no file matches"))
    for path in paths:
        try:
            is_folder = stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116, Path("") is the current folder
        except FileNotFoundError:
            yield Source(path, UserError(f"{path or repr(path)}: no such file or folder"))
        except OSError as error:
            yield Source(path, UserError(f"{path} cannot be read: {error.strerror or error}"))
        else:
            yield from _files_in(path) if is_folder else [Source(path)]


def _files_in(folder: str) -> Iterator[Source]:
    """The pictures and stroke files in a folder and the folders in it, but for hidden ones."""
    empty = True
    waiting = [(folder, True)]
    while waiting:
        path, is_folder = waiting.pop()
        if not is_folder:
            empty = False
            yield Source(path)
            continue
        try:
            with os.scandir(path) as entries:
                last_first = sorted(entries, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            empty = False
            yield Source(path, UserError(f"{path} cannot be read: {error.strerror or error}"))
            continue
        for entry in last_first:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):  # a link may lead in a circle
                waiting.append((entry.path, True))
            elif entry.is_file() and (is_picture_file(entry.name) or is_stroke_file(entry.name)):
                waiting.append((entry.path, False))
    if empty:
        yield Source(folder, UserError(f"{folder} holds no pictures and no stroke files"))


def items(sources: Iterable[Source]) -> Iterator[Item]:
    """All pictures and drawings of the sources, in order. Pictures are not opened yet."""
    for source in sources:
        path = source.path
        if source.fault:
            yield Item(path, None, source.fault)
        elif path == STANDARD_INPUT:
            yield from _items_of_standard_input()
        elif has_lines(path):
            yield from (Item(path, line, content) for line, content in each_line(Path(path), path))
        else:
            yield Item(path, None, Path(path))


def _items_of_standard_input() -> Iterator[Item]:
    """A picture, a list of strokes, or an object on each line: the first character tells."""
    path, name = STANDARD_INPUT, "standard input"
    try:
        if sys.stdin is None:
            raise UserError(f"{name} is closed")
        stream = sys.stdin.buffer
        first = stream.peek(1).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        if first == b"{":
            yield from (Item(path, line, content) for line, content in each_line(stream, name))
        elif first == b"[":
            yield Item(path, None, read_drawing(stream, name))
        else:
            content = stream.read(LARGEST_PICTURE + 1)
            if len(content) > LARGEST_PICTURE:
                raise UserError(f"{name} holds more than {LARGEST_PICTURE >> 20} MiB: too much for a picture")
            yield Item(path, None, content)
    except UserError as error:
        yield Item(path, None, error)
    except OSError as error:
        yield Item(path, None, UserError(f"{name} cannot be read: {error.strerror or error}"))
