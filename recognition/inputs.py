"""Find the inputs of a command line: pictures, stroke files, folders, glob patterns, standard input.

All files are found first, so that their number is known, and opened one by one.
"""

import contextlib
import glob
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from common.messages import UserError, short
from preprocessing.image_files import MAX_BYTES, is_picture_file, open_reduced, pages_of
from preprocessing.stroke_files import StrokeSample, each_line, has_lines, is_stroke_file, read_drawing

STANDARD_INPUT = "-"
MOST_KINDS = 5  # of files left out that are named


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
        page: page number from 1 in a file of several, else None.
        pages: how many pages the file has.
        frame: the page for `open_reduced`.
    """

    path: str
    line: int | None
    content: Path | bytes | StrokeSample | UserError
    page: int | None = None
    pages: int = 1
    frame: int = 0

    @property
    def name(self) -> str:
        """The path with the number of the line or page: "many.jsonl:3", "scan.tiff#2"."""
        return self._numbered(self.path) if self.line is None else f"{self.path}:{self.line}"

    @property
    def file_size(self) -> int:
        """The bytes of the picture's file, an equal share of them for a page; 0 if unknown."""
        size = len(self.content) if isinstance(self.content, bytes) else 0
        if isinstance(self.content, Path):
            with contextlib.suppress(OSError):
                size = self.content.stat().st_size
        return size // self.pages

    def load(self) -> Image.Image | StrokeSample:
        """Return the decoded picture or the drawing.

        Raises:
            UserError: if it cannot be read.
        """
        return self.load_reduced(None)[0]

    def load_reduced(self, enough: int | None) -> tuple[Image.Image | StrokeSample, int]:
        """Return the same, and by which factor the picture is reduced, as `open_reduced` does.

        A picture that cannot be loaded a second time is not reduced.
        """
        content = self.content
        if isinstance(content, UserError):
            raise content
        if isinstance(content, StrokeSample):
            return content, 1
        if isinstance(content, Path):
            if is_stroke_file(content):
                return read_drawing(content, self.path), 1
            if not content.is_file():  # what a pipe holds can be read only once
                enough = None
            return open_reduced(content, enough, self.frame, self._numbered(short(content)))
        return open_reduced(BytesIO(content), enough, self.frame, self._numbered("standard input"))

    def _numbered(self, name: str) -> str:
        return name if self.page is None else f"{name}#{self.page}"


def find_sources(arguments: Iterable[str], left_out: Counter[str] | None = None) -> list[Source]:
    """Find all files that the arguments name.

    Args:
        arguments: paths of files or folders, glob patterns, or "-" for standard input.
        left_out: to be updated with the number of each kind of file in folders that is left out.

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
            sources += _expand(argument, Counter() if left_out is None else left_out)
    faults = [source.fault for source in sources if source.fault]
    if len(faults) == len(sources):
        more = f" (and {len(faults) - 1:,} more like it)" if len(faults) > 1 else ""
        raise UserError(f"nothing to read: {faults[0]}{more}")
    return sources


def describe(left_out: Counter[str]) -> str:
    """Return the number and the kinds of the files left out, such as "3 files (2 .txt, 1 .docx)"."""
    counts = sorted(left_out.items(), key=lambda each: (-each[1], each[0]))
    kinds = [f"{count:,} {kind}" for kind, count in counts]
    if len(kinds) > MOST_KINDS:
        rest = counts[MOST_KINDS - 1 :]
        kinds[MOST_KINDS - 1 :] = [f"{sum(count for _, count in rest):,} of {len(rest)} other kinds"]
    total = left_out.total()
    return f"{total:,} {'file' if total == 1 else 'files'} ({', '.join(kinds)})"


def _expand(argument: str, left_out: Counter[str]) -> Iterator[Source]:
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
            yield from _files_in(path, left_out) if is_folder else [Source(path)]


def _files_in(folder: str, left_out: Counter[str]) -> Iterator[Source]:
    """Yield the pictures and stroke files in a folder and its subfolders, without hidden ones.

    What is left out is added to `left_out` by its kind; a hidden or linked folder counts as one file.
    """
    empty = True
    others: Counter[str] = Counter()
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
                others["hidden"] += 1
            elif entry.is_dir(follow_symlinks=False):  # links may form a cycle
                waiting.append((entry.path, True))
            elif entry.is_file() and (is_picture_file(entry.name) or is_stroke_file(entry.name)):
                waiting.append((entry.path, False))
            else:
                others[_kind(entry)] += 1
    if empty:
        instead = f", but {describe(others)}" if others else ""
        yield Source(folder, UserError(f"{folder} holds no pictures and no stroke files{instead}"))
    else:
        left_out.update(others)


def _kind(entry: os.DirEntry[str]) -> str:
    """Name the kind of something in a folder that is neither picture nor stroke file."""
    if entry.is_dir():
        return "linked folder"
    if not entry.is_file():
        return "broken link" if entry.is_symlink() else "special"
    return os.path.splitext(entry.name)[1].lower() or "without suffix"  # noqa: PTH122, as Path is slow


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
            yield from _pages(path, Path(path))


def _pages(path: str, content: Path | bytes) -> Iterator[Item]:
    """Yield each page of a picture, or the drawing of a stroke file."""
    pages: list[int | UserError] = [0]
    if isinstance(content, bytes):
        pages = pages_of(BytesIO(content), "standard input")
    elif not is_stroke_file(content):
        pages = pages_of(content)
    for number, page in enumerate(pages, 1):
        shown = number if len(pages) > 1 else None
        if isinstance(page, UserError):
            yield Item(path, None, page, shown, len(pages))
        else:
            yield Item(path, None, content, shown, len(pages), page)


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
            content = stream.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise UserError(f"{name} holds more than {MAX_BYTES >> 20} MiB: too much for a picture")
            yield from _pages(path, content)
    except UserError as error:
        yield Item(path, None, error)
    except OSError as error:
        yield Item(path, None, UserError(f"{name} cannot be read: {error.strerror or error}"))
