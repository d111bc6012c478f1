"""Find the inputs of a command line: pictures, stroke files, folders, glob patterns, standard input.

All files are found first, so that their number is known, and opened one by one.
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
MAX_PICTURE = 256 * 2**20  # bytes on standard input, which are held in memory


@dataclass(frozen=True)
class Source:
    """A file or standard input.

    Attributes:
        path: of the file, or "-" for standard input.
        fault: why it cannot be read, if that is known already.
    """

    path: str
    fault: UserError | None = None


@dataclass(frozen=True)
class Item:
    """A picture or a drawing to read.

    Attributes:
        path: of the file, or "-" for standard input.
        line: line number from 1 in a file with a drawing on each line, else None.
        content: the file, the bytes of a picture, or a drawing; the error if it cannot be read.
    """

    path: str
    line: int | None
    content: Path | bytes | StrokeSample | UserError

    def load(self) -> Image.Image | StrokeSample:
        """Return the decoded picture or the drawing.

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
    """Find all files that the arguments name.

    Args:
        arguments: paths of files or folders, glob patterns, or "-" for standard input.

    Returns:
        The sources in the order of the arguments, those of a folder or pattern sorted by name. A file that is
        missing or cannot be accessed keeps its place, with its fault.

    Raises:
        UserError: if nothing can be read.
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
    """Yield the sources of one argument; the path of an existing file is never a pattern."""
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
    """Yield the pictures and stroke files in a folder and its subfolders, without hidden ones."""
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
                entries_reversed = sorted(entries, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            empty = False
            yield Source(path, UserError(f"{path} cannot be read: {error.strerror or error}"))
            continue
        for entry in entries_reversed:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):  # links may form a cycle
                waiting.append((entry.path, True))
            elif entry.is_file() and (is_picture_file(entry.name) or is_stroke_file(entry.name)):
                waiting.append((entry.path, False))
    if empty:
        yield Source(folder, UserError(f"{folder} holds no pictures and no stroke files"))


def items(sources: Iterable[Source]) -> Iterator[Item]:
    """Yield the pictures and drawings of all sources, in order, without opening pictures."""
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
    """Yield a picture, a list of strokes, or an object on each line, depending on the first character."""
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
            content = stream.read(MAX_PICTURE + 1)
            if len(content) > MAX_PICTURE:
                raise UserError(f"{name} holds more than {MAX_PICTURE >> 20} MiB: too much for a picture")
            yield Item(path, None, content)
    except UserError as error:
        yield Item(path, None, error)
    except OSError as error:
        yield Item(path, None, UserError(f"{name} cannot be read: {error.strerror or error}"))
