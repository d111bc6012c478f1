"""predict.py reads every kind of input, in order, and continues after a file that cannot be read."""

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from pillow_heif import register_heif_opener

import predict
from common.messages import UserError
from preprocessing.image_files import open_picture
from preprocessing.stroke_files import StrokeSample, read_drawing
from recognition import batches, profiles
from recognition.batches import Options, read_all
from recognition.inputs import Item, describe, find_sources
from recognition.memory import Memory
from recognition.reading import Reading
from recognition.recognizer import Recognizer
from tests.support import pdf
from tests.support.cases import CASES
from tests.support.handwriting import digit as drawn_digit
from tests.support.project import obey_permissions

register_heif_opener()
posix = pytest.mark.skipif(os.name != "posix", reason="signals, permissions and terminals as on POSIX")

# Strokes of digits, in a frame of about 60 x 100.
ONE = [[[30, 0], [30, 50], [31, 100]]]
SEVEN = [[[0, 0], [30, 2], [60, 0], [45, 35], [30, 70], [22, 100]]]
FOUR = [[[25, 0], [14, 30], [0, 62], [30, 62], [62, 60]], [[46, 8], [43, 60], [42, 105]]]
ZERO = [[[30 + 28 * np.sin(t), 50 - 50 * np.cos(t)] for t in np.linspace(0, 2 * np.pi, 40).tolist()]]
DIGITS = {"1": ONE, "7": SEVEN, "4": FOUR, "0": ZERO}


def picture_of(text: str, width: int = 9) -> Image.Image:
    """Return digits of `DIGITS` side by side, black on white."""
    image = Image.new("L", (60 + 110 * len(text), 180), "white")
    pen = ImageDraw.Draw(image)
    for place, digit in enumerate(text):
        for stroke in DIGITS[digit]:
            path = [(50 + 110 * place + x, 40 + y) for x, y in stroke]
            pen.line(path, "black", width, joint="curve")
    return image


def save(path: Path, text: str, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture_of(text).save(path, **options)
    return path


def lines_of(*strokes: object) -> str:
    return "".join(json.dumps({"strokes": each}) + "\n" for each in strokes)


@dataclass
class Ran:
    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict]:
        """The objects that --json printed; fails if they are not strict JSON."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        return [json.loads(line, parse_constant=refuse) for line in self.out.splitlines()]


@pytest.fixture
def run(tmp_path, monkeypatch, run_main) -> Callable[..., Ran]:
    """Return a function that runs predict.py in this process, in an empty folder; stdin=None closes stdin."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, stdin: bytes | None = b"") -> Ran:
        stream = None if stdin is None else io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin)))
        monkeypatch.setattr(sys, "stdin", stream)
        result = run_main(predict.main, "--threads", 1, "--device", "cpu", *arguments)
        return Ran(result.returncode, result.stdout, result.stderr)

    return run


def names(*arguments: str) -> list[str]:
    """Return the paths that arguments stand for; those that cannot be read in parentheses."""
    return [f"({source.path})" if source.fault else source.path for source in find_sources(arguments)]


# Which files


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Return a folder of empty files of various names."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "b.PNG",
        "a10.jpg",
        "a2.jpeg",
        "notes.txt",
        ".hidden.png",
        "sub/z.json",
        "sub/deep/y.jsonl.gz",
    ):
        path = tmp_path / "f" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "f" / ".git").mkdir()
    (tmp_path / "f" / ".git" / "x.png").touch()
    (tmp_path / "empty").mkdir()
    return tmp_path / "f"


def test_a_folder_is_read_in_sorted_order(folder):
    everything = ["f/a10.jpg", "f/a2.jpeg", "f/b.PNG", "f/sub/deep/y.jsonl.gz", "f/sub/z.json"]
    assert [Path(name).as_posix() for name in names("f")] == everything
    assert names("f/sub/z.json", "f/b.PNG") == ["f/sub/z.json", "f/b.PNG"], "named files keep their order"
    assert names("f/notes.txt") == ["f/notes.txt"], "a named file is read whatever its suffix"


def test_patterns_that_the_shell_does_not_expand(folder):
    assert names("f/a*.jp*") == ["f/a10.jpg", "f/a2.jpeg"]
    assert names("f/**/*.json") == ["f/sub/z.json"]
    assert names("f/s?b") == ["f/sub/deep/y.jsonl.gz", "f/sub/z.json"]
    assert names(f"{folder}/[b]*") == [f"{folder}/b.PNG"]


def test_an_existing_path_is_not_a_pattern(folder):
    (folder / "a[1].png").touch()
    (folder / "a1.png").touch()
    assert names("f/a[1].png") == ["f/a[1].png"]


def test_missing_files_keep_their_place(folder):
    assert names("no.png", "f/b.PNG", "no*", "empty", "", "-", "-") == [
        "(no.png)",
        "f/b.PNG",
        "(no*)",
        "(empty)",
        "()",
        "-",
        "(-)",
    ]


@posix
def test_a_cycle_of_links_is_read_once(folder):
    (folder / "sub" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "link.png").symlink_to("b.PNG")
    (folder / "pipe.png").unlink(missing_ok=True)
    os.mkfifo(folder / "pipe.png")  # reading it would never end
    assert names("f") == [
        "f/a10.jpg",
        "f/a2.jpeg",
        "f/b.PNG",
        "f/link.png",
        "f/sub/deep/y.jsonl.gz",
        "f/sub/z.json",
    ]


def test_what_a_folder_holds_besides_is_counted(folder):
    for name in ("n.TXT", "m.docx", "plain", "sub/deep/x.txt"):
        (folder / name).touch()
    left_out: Counter[str] = Counter()
    find_sources(["f", "f/notes.txt"], left_out)
    assert left_out == {".txt": 3, ".docx": 1, "without suffix": 1, "hidden": 2}
    assert describe(left_out) == "7 files (3 .txt, 2 hidden, 1 .docx, 1 without suffix)"
    left_out.update({".a": 1, ".b": 4})
    assert describe(left_out) == "12 files (4 .b, 3 .txt, 2 hidden, 1 .a, 2 of 2 other kinds)"


# What is printed


def test_a_line_for_each_input(run, tmp_path):
    save(tmp_path / "seven.png", "7")
    save(tmp_path / "photo of four.jpg", "4")
    (tmp_path / "one.json").write_text(json.dumps(ONE))
    (tmp_path / "many.jsonl").write_text(lines_of(ZERO, [], FOUR))
    result = run("seven.png", "photo of four.jpg", "one.json", "many.jsonl")
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    patterns = [
        r"seven.png           7 +\d\d %",
        r"photo of four.jpg   4 +\d\d %",
        r"one.json            1 +\d\d %",
        r"many.jsonl:1        0 +\d\d %",
        r"many.jsonl:2        \(blank\)",
        r"many.jsonl:3        4 +\d\d %",
    ]
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line), line
    assert {line.index("%") for line in lines if "%" in line} == {lines[0].index("%")}, "aligned"


def test_json(run, tmp_path):
    save(tmp_path / "b.png", "71")
    (tmp_path / "a.jsonl").write_text(lines_of(SEVEN, []))
    (tmp_path / "c.json").write_text(json.dumps(FOUR))
    result = run("--json", "b.png", "a.jsonl", "c.json")
    assert (result.status, result.err) == (0, "")
    objects = result.objects
    assert [(o["path"], o.get("line"), o["text"]) for o in objects] == [
        ("b.png", None, "71"),
        ("a.jsonl", 1, "7"),
        ("a.jsonl", 2, ""),
        ("c.json", None, "4"),
    ]
    assert "line" not in objects[0]
    assert objects[2]["digits"] == []
    seven, one = objects[0]["digits"]
    assert (seven["digit"], seven["is_digit"], one["digit"]) == (7, True, 1)
    assert (seven["symbol"], one["symbol"]) == ("7", "1")
    for digit in (seven, one):
        assert set(digit) == {
            "symbol",
            "digit",
            "confidence",
            "probabilities",
            "box",
            "is_digit",
            "kind",
            "line",
            "group",
        }
        assert (digit["line"], digit["group"]) == (0, 0)
        assert len(digit["probabilities"]) == 10
        assert sum(digit["probabilities"]) == pytest.approx(1, abs=1e-5)
        highest = digit["probabilities"][digit["digit"]]
        assert 0.7 < digit["confidence"] < highest == max(digit["probabilities"])  # the ink may be no digit
    left, top, right, bottom = seven["box"]  # drawn at 50 to 110, 40 to 140, with a pen of 9
    assert np.abs(np.array([left, top, right, bottom]) - [46, 36, 114, 144]).max() < 8
    assert one["box"][0] > right
    (four,) = objects[3]["digits"]
    assert four["confidence"] == four["probabilities"][4]
    assert np.abs(np.array(four["box"]) - [0, 0, 62, 105]).max() < 8, "in the strokes' own coordinates"


def test_names_of_all_kinds(run, tmp_path):
    """In Chinese, with a line break, and of bytes that are not text."""
    odd = ["数字.png", "line\nbreak.png"] if os.name == "posix" else ["数字.png"]
    if sys.platform == "linux":
        odd.append(os.fsdecode(b"latin-\xe9.png"))
    for name in odd:
        save(tmp_path / name, "7")
    result = run(*odd, "--json")
    assert result.status == 0
    assert [o["path"] for o in result.objects] == odd
    lines = run(*odd).out.splitlines()
    assert len(lines) == len(odd)
    assert all(line.split()[1] == "7" for line in lines)


@pytest.mark.long
def test_names_that_the_output_cannot_show(project):
    """As on Windows, where a terminal or pipe may not accept Chinese characters."""
    save(project.folder / "数字.png", "7")
    environment = {**project.environment, "PYTHONIOENCODING": "ascii:strict"}
    result = project.run("predict.py", "数字.png", env=environment)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(r"\u6570\u5b57.png   7 ")


def test_single_reads_all_ink_as_one_digit(run, tmp_path):
    (tmp_path / "seven.jsonl").write_text(lines_of([*SEVEN, [[90, 20], [91, 25]]]))
    save(tmp_path / "two.png", "71")
    result = run("seven.jsonl", "two.png", "--single", "--json")
    assert [len(o["digits"]) for o in result.objects] == [1, 1]
    assert len(run("two.png", "--json").objects[0]["digits"]) == 2


# Files with several pages


def save_pages(path: Path, *texts: str) -> Path:
    first, *others = map(picture_of, texts)
    first.save(path, save_all=True, append_images=others, resolution=72)
    return path


def test_each_page_is_named(run, tmp_path):
    save_pages(tmp_path / "scan.tiff", "7", "", "10")
    save_pages(tmp_path / "scan.pdf", "4", "17")
    save_pages(tmp_path / "one.tif", "1")
    save_pages(tmp_path / "one.pdf", "0")
    inputs = ("scan.tiff", "scan.pdf", "one.tif", "one.pdf")
    wanted = [
        *(("scan.tiff#1", "7"), ("scan.tiff#2", "(blank)"), ("scan.tiff#3", "10")),
        *(("scan.pdf#1", "4"), ("scan.pdf#2", "17"), ("one.tif", "1"), ("one.pdf", "0")),
    ]
    result = run(*inputs)
    assert (result.status, result.err) == (0, "")
    assert [tuple(line.split()[:2]) for line in result.out.splitlines()] == wanted
    objects = run(*inputs, "--json", "--batch-size", 2).objects
    assert [(o["path"], o.get("page"), o["text"] or "(blank)") for o in objects] == [
        (name.partition("#")[0], int(name[-1]) if "#" in name else None, text) for name, text in wanted
    ]
    for path, numbers in (("scan.tiff", ["7", "(blank)", "10"]), ("scan.pdf", ["4", "17"])):
        result = run("-", stdin=(tmp_path / path).read_bytes())
        assert [line.split()[1] for line in result.out.splitlines()] == numbers
        assert result.out.startswith("-#1 ")


def test_pages_that_cannot_be_read_are_named(run, tmp_path):
    whole = save_pages(tmp_path / "whole.tiff", "7", "4", "1").read_bytes()
    (tmp_path / "scan.tiff").write_bytes(whole[: len(whole) // 3])
    (tmp_path / "locked.pdf").write_bytes(pdf.encrypted())
    (tmp_path / "short.pdf").write_bytes(pdf.claiming(3))
    result = run("scan.tiff", "locked.pdf", "short.pdf")
    assert result.status == 1
    assert [line.split()[:2] for line in result.out.splitlines()] == [
        ["scan.tiff#1", "7"],
        ["short.pdf#1", "(blank)"],
    ]
    errors = result.err.splitlines()
    assert all(line.startswith("predict.py: error: ") for line in errors)
    assert "scan.tiff is damaged after page 1" in errors[0]
    assert "locked.pdf is encrypted: save a copy without password" in errors[1]
    assert "short.pdf is damaged: pages 2 to 3 are missing" in errors[2]


def test_pages_have_copies_in_a_folder(run, tmp_path):
    save_pages(tmp_path / "scan.tiff", "7", "4")
    save_pages(tmp_path / "one.pdf", "4")
    assert run("scan.tiff", "one.pdf", "--annotate", "out").status == 0
    assert copied(tmp_path / "out") == ["one.pdf.png", "scan.tiff/1.png", "scan.tiff/2.png"]
    assert run("-", "--annotate", "out2", stdin=(tmp_path / "scan.tiff").read_bytes()).status == 0
    assert copied(tmp_path / "out2") == ["stdin/1.png", "stdin/2.png"]


def test_files_left_out_are_one_line(run, tmp_path):
    save(tmp_path / "in" / "a.png", "7")
    for name in ("b.txt", "c.txt", "d.docx"):
        (tmp_path / "in" / name).touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "e.xls").touch()
    result = run("in", "in/a.png")
    assert (result.status, result.err) == (0, "left out: 3 files (2 .txt, 1 .docx)\n")
    result = run("in/a.png", "other")
    assert result.err == (
        "predict.py: error: other holds no pictures and no stroke files, but 1 file (1 .xls)\n"
    )


# A table


def test_csv(run, tmp_path):
    page = Image.new("L", (400, 500), "white")
    page.paste(picture_of("70"), (0, 20))
    page.paste(picture_of("14"), (0, 280))
    page.save(tmp_path / "a,b.png")
    save(tmp_path / "blank.png", "")
    save_pages(tmp_path / "scan.tiff", "07", "4")
    (tmp_path / "s.jsonl").write_text(lines_of(ZERO, [], "nothing"))
    result = run("a,b.png", "blank.png", "scan.tiff", "s.jsonl", "--csv")
    assert result.status == 1
    assert result.out.splitlines()[0] == '"a,b.png","70"', "quoted, so that zeros survive"
    assert list(csv.reader(io.StringIO(result.out))) == [
        *(["a,b.png", "70"], ["a,b.png", "14"], ["blank.png"], ["scan.tiff#1", "07"], ["scan.tiff#2", "4"]),
        *(["s.jsonl:1", "0"], ["s.jsonl:2"]),
    ]
    assert "s.jsonl, line 3 is no drawing" in result.err


@pytest.mark.long  # the page is read in four positions
def test_what_the_table_does_not_hold_is_said_on_stderr(run):
    result = run(CASES / "turned_180.jpg", "--csv")
    assert result.out.splitlines()[0].endswith('turned_180.jpg","204753"')
    assert result.err.endswith("turned_180.jpg: turned by 180 degrees\n")


# A region


def test_only_a_region_is_read(run, tmp_path):
    save(tmp_path / "a.png", "7140")
    whole = run("a.png", "--json").objects[0]["digits"]
    (part,) = run("a.png", "--json", "--region", "155.5,0,385,500").objects
    assert part["text"] == "14"
    for digit, same in zip(part["digits"], whole[1:3], strict=True):
        assert digit["box"] == pytest.approx(same["box"], abs=2), "in pixels of the whole picture"
    assert run("a.png", "--region=-50,0,155,9999", "--annotate", "out").out.split()[1] == "7"
    assert Image.open(tmp_path / "out" / "a.png").size == (500, 180), "the whole picture"


def test_of_a_drawing_the_strokes_with_their_middle_in_the_region_are_read(run, tmp_path):
    strokes = [*SEVEN, *[[[x + 100, y] for x, y in stroke] for stroke in FOUR]]
    (tmp_path / "a.jsonl").write_text(lines_of(strokes, []))
    seven, blank = run("a.jsonl", "--json", "--region=-10,-10,90,200").objects
    assert (seven["text"], blank["text"]) == ("7", "")
    assert run("a.jsonl", "--json", "--region", "100,30,165,57").objects[0]["text"] == "4"
    assert run("a.jsonl", "--json", "--region", "70,0,90,9").objects[0]["text"] == "", "between the digits"


def test_a_region_outside_is_an_error_of_that_input(run, tmp_path):
    save(tmp_path / "a.png", "7")
    save(tmp_path / "b.png", "7140")
    (tmp_path / "c.json").write_text(json.dumps(SEVEN))
    result = run("a.png", "b.png", "c.json", "--region", "170,0,380,180")
    assert (result.status, result.out.split()[:2]) == (1, ["b.png", "14"])
    assert result.err.splitlines() == [
        "predict.py: error: a.png: the region lies outside of its 170 x 180 pixels",
        "predict.py: error: c.json: the region lies outside of the drawing, which goes from 0,0 to 60,100",
    ]


# Batches


@pytest.mark.long
def test_any_batch_size_reads_the_same(run, tmp_path, monkeypatch):
    for place, text in enumerate(["7", "10", "4", "417", "0"]):
        save(tmp_path / f"{place}.png", text)
    (tmp_path / "3.jsonl").write_text(lines_of(*[ONE, SEVEN, [], FOUR, ZERO] * 4))
    (tmp_path / "2.json").write_text("[[[NaN, 1]]]")
    monkeypatch.setattr(batches, "BATCH_SECONDS", 60.0)  # so that batches grow
    one, seven, many = (run(".", "--json", "--batch-size", size, "--threads", 16) for size in (1, 7, 64))
    assert one.status == seven.status == many.status == 1
    assert len(one.objects) == 26
    for other in (seven.objects, many.objects):
        for first, second in zip(one.objects, other, strict=True):
            assert first.get("error") == second.get("error")
            assert [first["path"], first.get("line"), first.get("text")] == [
                second["path"],
                second.get("line"),
                second.get("text"),
            ]
            for a, b in zip(first.get("digits", []), second.get("digits", []), strict=True):
                assert a["probabilities"] == pytest.approx(b["probabilities"], abs=1e-4)
                assert a["box"] == b["box"]


# Bad inputs


def broken(kind: str) -> bytes:
    """Return the bytes of a file that cannot be read."""
    buffer = io.BytesIO()
    if kind == "truncated.jpg":
        Image.effect_noise((400, 400), 80).save(buffer, "JPEG")
        return buffer.getvalue()[:9000]
    if kind == "bomb.png":  # 60,000 x 60,000 pixels of nothing in a few kilobytes

        def chunk(name: bytes, content: bytes) -> bytes:
            return (
                struct.pack(">I", len(content))
                + name
                + content
                + struct.pack(">I", zlib.crc32(name + content))
            )

        header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
        return (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(bytes(10**6)))
            + chunk(b"IEND", b"")
        )
    return {"empty.png": b"", "text.png": b"this is not a picture\n", "empty.json": b"", "empty.jsonl": b""}[
        kind
    ]


BROKEN = ["truncated.jpg", "bomb.png", "empty.png", "text.png", "empty.json", "empty.jsonl"]


def test_a_broken_file_is_reported_and_the_others_are_read(run, tmp_path):
    for name in BROKEN:
        (tmp_path / name).write_bytes(broken(name))
    save(tmp_path / "first.png", "7")
    save(tmp_path / "last.png", "4")
    order = ["first.png", *BROKEN, "missing.png", "last.png"]
    result = run("--json", *order)
    assert result.status == 1
    assert result.err == ""
    assert [o["path"] for o in result.objects] == order
    assert [o.get("text") for o in result.objects] == ["7", *[None] * (len(BROKEN) + 1), "4"]
    for report in result.objects[1:-1]:
        assert set(report) in ({"path", "error"}, {"path", "line", "error"})
        assert Path(report["path"]).name in report["error"]
    result = run(*order)
    assert result.status == 1
    assert [line.split()[:2] for line in result.out.splitlines()] == [["first.png", "7"], ["last.png", "4"]]
    errors = result.err.splitlines()
    assert len(errors) == len(order) - 2
    for name, line in zip(order[1:-1], errors, strict=True):
        assert line.startswith("predict.py: error: ")
        assert name in line


@pytest.mark.parametrize("kind", [pytest.param("WebP", marks=pytest.mark.long), "PGM in digits"])
def test_slow_formats_have_lower_limits(kind, tmp_path):
    path = tmp_path / "large"
    for width, height in ((5000, 4000), (5001, 4000)) if kind == "WebP" else ((1000, 1000), (1001, 1000)):
        if kind == "WebP":
            Image.new("L", (width, height)).save(path, "WEBP", lossless=True, quality=0, method=0)
        else:
            path.write_bytes(b"P2 %d %d 255\n" % (width, height) + b"0 " * (width * height))
        if width % 1000 == 0:
            assert open_picture(path).size == (width, height)
        else:
            with pytest.raises(UserError, match=f"has {width:,} x {height:,} pixels, more than"):
                open_picture(path)


@pytest.mark.long
def test_errors_are_reported_after_many_tiffs(project):
    """Threads that open TIFFs redirect stderr for a moment, because libtiff writes to it."""
    picture_of("7").resize((42, 45)).save(project.folder / "0.tif", compression="tiff_lzw")
    for place in range(1, 100):
        shutil.copy(project.folder / "0.tif", project.folder / f"{place}.tif")
    (project.folder / "broken.png").write_text("no picture")
    result = project.run("predict.py", "--threads", 4, *(f"{n}.tif" for n in range(100)), "broken.png")
    assert result.returncode == 1
    assert len(result.stdout.splitlines()) == 100
    assert result.stderr == "predict.py: error: broken.png is not a picture that can be read\n"


def test_odd_pictures_are_read(run, tmp_path):
    """A picture of one pixel, and a strip of 20,000 with a digit at its end."""
    Image.new("L", (1, 1), "white").save(tmp_path / "white.png")
    Image.new("L", (1, 1), "black").save(tmp_path / "black.png")
    wide = Image.new("L", (20_000, 1800), "white")
    wide.paste(picture_of("7").resize((1500, 1800)), (18_000, 0))
    wide.save(tmp_path / "wide.png")
    result = run("--json", "white.png", "black.png", "wide.png", "--annotate", "out")
    assert result.status == 0
    white, _, digit = result.objects
    assert white["text"] == ""
    assert digit["text"] == "7"
    assert digit["digits"][0]["box"][0] > 18_000
    assert Image.open(tmp_path / "out" / "wide.png").size == (20_000, 1800)


def test_odd_strokes_are_read(run, tmp_path):
    """No strokes, a dot, a flat line, a very large and a very small drawing."""
    odd = [[], [[]], [[[5, 5]]], [[[0, 0], [100, 0]]]]
    for size in (1e298, 1e-298):
        odd.append([[[x * size, y * size] for x, y in stroke] for stroke in SEVEN])
    (tmp_path / "odd.jsonl").write_text(lines_of(*odd))
    result = run("--json", "odd.jsonl", "--annotate", "out")
    assert result.status == 0, result.objects
    texts = [o["text"] for o in result.objects]
    assert texts[:2] == ["", ""]
    assert texts[4:] == ["7", "7"]
    assert result.objects[5]["digits"][0]["box"] == pytest.approx([0, 0, 60e-298, 100e-298])
    assert all(len(o["digits"]) <= 1 for o in result.objects)
    assert len(list(tmp_path.glob("out/*/*.png"))) == len(odd)


def test_bad_lines_are_reported_with_their_line(run, tmp_path):
    good = json.dumps({"strokes": SEVEN})
    (tmp_path / "s.jsonl").write_text(f'{good}\n{{"strokes": [[[NaN, 1]]]}}\n\nhello\n{good}\n')
    result = run("--json", "s.jsonl")
    assert result.status == 1
    assert [(o["line"], o.get("text")) for o in result.objects] == [(1, "7"), (2, None), (4, None), (5, "7")]
    assert (
        "s.jsonl, line 2 is no drawing: stroke 1 has a coordinate that is not finite"
        in result.objects[1]["error"]
    )


USAGE = {
    (): "required: INPUT",
    ("none.png",): "nothing to read: none.png: no such file or folder",
    ("none*.png", "x"): "nothing to read: none*.png: no file matches (and 1 more like it)",
    ("empty",): "nothing to read: empty holds no pictures and no stroke files",
    ("",): "nothing to read: '': no such file or folder",
    ("a.png", "--checkpoint", "none.pt"): "none.pt: no such checkpoint",
    ("a.png", "--checkpoint", "a.png"): "a.png is not a checkpoint",
    ("a.png", "--batch-size", "0"): "must be at least 1",
    ("a.png", "--annotate", "a.png"): "cannot make the folder a.png",
    ("a.png", "--annotate", "."): "a.png lies in .: name a folder apart from it for the copies",
    ("a.png", "--singel"): "unrecognized arguments",
    ("a.png", "--json", "--csv"): "argument --csv: not allowed with argument --json",
    ("a.png", "--region", "-5,0,9,9"): "one that starts with - is written --region=VALUE",
    ("a.png", "--region", "1,2,3"): "'1,2,3' is not LEFT,TOP,RIGHT,BOTTOM: four numbers",
    ("a.png", "--region", "1,2,x,4"): "'1,2,x,4' is not LEFT,TOP,RIGHT,BOTTOM: four numbers",
    ("a.png", "--region", "1,2,nan,4"): "must be finite, not 1,2,nan,4",
    ("a.png", "--region", "5,2,5,4"): "5,2,5,4 is empty: LEFT must be below RIGHT, and TOP below BOTTOM",
}


@pytest.mark.parametrize(("arguments", "message"), USAGE.items(), ids=[" ".join(a) or "none" for a in USAGE])
def test_bad_usage_is_one_line(run, tmp_path, arguments, message):
    save(tmp_path / "a.png", "7")
    (tmp_path / "empty").mkdir()
    before = (tmp_path / "a.png").read_bytes()
    result = run(*arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("predict.py: error: ")
    assert result.err.count("\n") == 1
    assert message in result.err
    assert (tmp_path / "a.png").read_bytes() == before


@pytest.mark.long
@posix
def test_a_folder_and_a_file_without_permission(project):
    """In a process of its own, without root's permission to read everything."""
    (project.folder / "in" / "closed").mkdir(parents=True)
    save(project.folder / "in" / "closed" / "x.png", "7")
    save(project.folder / "in" / "locked.png", "7")
    save(project.folder / "in" / "open.png", "7")
    (project.folder / "in" / "locked.png").chmod(0)
    (project.folder / "in" / "closed").chmod(0)
    try:
        result = project.run("predict.py", "--json", "in", "in/closed/x.png", preexec_fn=obey_permissions())
    finally:
        (project.folder / "in" / "closed").chmod(0o700)
    assert result.returncode == 1, result.stderr
    closed, locked, is_open, inside = map(json.loads, result.stdout.splitlines())
    assert (closed["path"], locked["path"], inside["path"]) == (
        "in/closed",
        "in/locked.png",
        "in/closed/x.png",
    )
    assert all("Permission denied" in each["error"] for each in (closed, locked, inside))
    assert is_open["text"] == "7"


# Standard input


def test_standard_input_is_recognized_by_its_content(run):
    buffer = io.BytesIO()
    picture_of("7").save(buffer, "PNG")
    for content, expected in (
        (buffer.getvalue(), [(None, "7")]),
        (json.dumps(FOUR).encode(), [(None, "4")]),
        (b"\xef\xbb\xbf\n " + json.dumps(FOUR, indent=1).encode(), [(None, "4")]),
        (lines_of(ONE, [], ZERO).encode(), [(1, "1"), (2, ""), (3, "0")]),
    ):
        result = run("--json", "-", stdin=content)
        assert result.status == 0, result.objects
        assert [(o.get("line"), o["text"]) for o in result.objects] == expected
        assert {o["path"] for o in result.objects} == {"-"}
    for content, error in ((b"", "standard input"), (b"hello", "standard input"), (b"[", "is not JSON")):
        result = run("-", stdin=content)
        assert (result.status, result.out) == (1, "")
        assert error in result.err


def test_standard_input_that_cannot_be_read(run, tmp_path):
    save(tmp_path / "a.png", "7")
    result = run("-", "a.png", stdin=None)
    assert (result.status, result.out.split()[:2]) == (1, ["a.png", "7"])
    assert result.err == "predict.py: error: standard input is closed\n"
    result = run("-", "-", stdin=lines_of(SEVEN).encode())
    assert (result.status, result.out.split()[:2]) == (1, ["-:1", "7"])
    assert result.err == "predict.py: error: standard input can be read only once\n"


@posix
def test_a_line_is_answered_before_the_next_is_sent_and_ctrl_c_ends_it(project):
    """With batches of one, another program can wait for each answer; Ctrl-C then leaves no half line."""
    process = project.start("predict.py", "--json", "--batch-size", 1, "-", stdin=subprocess.PIPE)
    for strokes, text in ((SEVEN, "7"), (FOUR, "4"), ([], "")):
        process.stdin.write(lines_of(strokes))
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["text"] == text
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "\nInterrupted.\n")


# Interruptions


@posix
@pytest.mark.parametrize("script", ["train.py", "test.py", "predict.py", "visualize.py"])
def test_ctrl_c_while_pytorch_is_imported(project, script):
    """The import takes seconds, before the script itself runs; here a module that sleeps replaces PyTorch."""
    (project.folder / "torch.py").write_text("print('importing', flush=True)\nimport time\ntime.sleep(60)\n")
    process = project.start(script, "--help")
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT, "which a shell reports as 130"
    assert (out, err) == ("", "")


@posix
def test_an_ignored_ctrl_c_stays_ignored(project):
    """As in background jobs of a shell."""
    code = (
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "import common.startup\n"
        "from common.cli import run_script\n"
        "run_script(lambda: signal.raise_signal(signal.SIGINT) or 0)\n"
    )
    process = project.start("-c", code)
    assert (*process.communicate(timeout=30), process.returncode) == ("", "", 0)


def test_garbage_is_collected_once_all_is_imported(project):
    (project.folder / "test.py").write_text(
        "import common.startup, gc\n"
        "from common.cli import run_script\n"
        "print(gc.isenabled())\n"
        "run_script(lambda: print(gc.isenabled(), gc.get_freeze_count() > 0) or 0)\n"
    )
    process = project.start("test.py")
    assert process.communicate(timeout=60) == ("False\nTrue True\n", "")


@posix
def test_a_reader_that_closes_the_pipe_early(project):
    """As `| head -1` does: the script ends without a traceback."""
    (project.folder / "s.jsonl").write_text(lines_of(*[SEVEN] * 300))
    process = project.start("predict.py", "--json", "--batch-size", 2, "s.jsonl")
    assert json.loads(process.stdout.readline())["text"] == "7"
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=60)
    assert process.returncode == 141
    assert err == ""


@posix
@pytest.mark.parametrize(("inputs", "bar"), [(12, b"/12 ["), (2, b""), (0, b" inputs [")])
def test_a_bar_for_a_long_list_on_a_terminal(run, tmp_path, monkeypatch, inputs, bar):
    """Readings go to stdout, the bar to the terminal."""
    import fcntl
    import termios

    files = [save(tmp_path / f"{place}.png", "7").name for place in range(inputs)]
    terminal, end = os.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with open(end, "w") as screen:
        monkeypatch.setattr(sys, "stderr", screen)
        result = run(*(files or "-"), stdin=lines_of(*[SEVEN] * 3).encode())
    shown = b""
    with contextlib.suppress(OSError):  # the end of file of a pseudo-terminal on Linux
        while part := os.read(terminal, 10_000):
            shown += part
    os.close(terminal)
    assert result.status == 0
    assert len(result.out.splitlines()) == (inputs or 3)
    assert bar in shown if bar else shown == b""


# Copies


@pytest.fixture
def profiles_in(tmp_path, monkeypatch) -> Path:
    """Return the folder of all profiles, a subfolder of the one that predict.py runs in."""
    monkeypatch.setattr(profiles, "CORRECTIONS", tmp_path / "corrections")
    return tmp_path / "corrections"


def test_a_profile_changes_readings(run, tmp_path, profiles_in, recognizer):
    """A corrected digit is read as its label, alone and in a number; other digits are read as before."""
    one = drawn_digit(1, (0, 0), 100)
    number = [[(x + 150 * place, y) for x, y in stroke] for place in (0, 1) for stroke in one]
    (tmp_path / "one.jsonl").write_text(lines_of(one, drawn_digit(3, (0, 0), 100)))
    (tmp_path / "number.jsonl").write_text(lines_of(number))
    (reading,) = recognizer.read_strokes(one, single=True)
    kept = Memory(profiles_in / "Anna", recognizer.checkpoint).add(7, reading.glyph, strokes=one)
    broken = kept.with_name("20200101-000000-000000.jsonl")
    broken.write_text("no sample")
    assert [line["text"] for line in run("one.jsonl", "number.jsonl", "--json").objects] == ["1", "3", "11"]
    result = run("one.jsonl", "number.jsonl", "--json", "--profile", "Anna")
    assert (result.status, [line["text"] for line in result.objects]) == (0, ["7", "3", "77"])
    aside = f"corrections/Anna/{broken.name}.broken"
    assert result.err == f"predict.py: error: broken, set aside: {aside}\n"
    assert run("one.jsonl", "--profile", "Anna").err == ""
    kept.write_text("no sample either")
    result = run("one.jsonl", "--profile", "Anna")
    assert result.status == 2
    assert f"{kept.name}.broken" in result.err
    assert "nothing in corrections/Anna can be read" in result.err


def test_a_profile_without_samples_is_one_line(run, tmp_path, profiles_in):
    save(tmp_path / "a.png", "7")
    for name, message in (("Anna", "nothing is remembered in corrections/Anna"), ("a/b", "'a/b' cannot be")):
        result = run("a.png", "--profile", name)
        assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
        assert message in result.err


def copied(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_copies_mirror_the_folders_of_their_inputs(run, tmp_path):
    for name in ("in/a/1.png", "in/b/1.png", "in/b/1.gif", "in/b/1.gif.png", "in/photo.jpg", "in/blank.bmp"):
        save(tmp_path / name, "" if "blank" in name else "7")
    (tmp_path / "in" / "many.jsonl").write_text(lines_of(SEVEN, [], FOUR))
    (tmp_path / "in" / "one.json").write_text(json.dumps(ONE))
    (tmp_path / "in" / "bad.png").write_text("no picture")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    result = run("in", "-", "--annotate", "out/copies", stdin=lines_of(ZERO).encode())
    assert result.status == 1
    assert copied(tmp_path / "out" / "copies") == [
        "a/1.png",
        "b/1.gif-2.png",
        "b/1.gif.png",
        "b/1.png",
        "blank.bmp.png",
        "many.jsonl/1.png",
        "many.jsonl/2.png",
        "many.jsonl/3.png",
        "one.json.png",
        "photo.jpg",
        "stdin/1.png",
    ]
    assert all(path.read_bytes() == content for path, content in before.items())
    assert Image.open(tmp_path / "out/copies/photo.jpg").format == "JPEG"
    again = run("in/photo.jpg", "--annotate", "out/copies")
    assert again.status == 0, "a second run replaces the copies of the first"
    assert "photo.jpg" in copied(tmp_path / "out" / "copies")


@pytest.mark.parametrize(
    "arguments", [("up/../x/1.png", "y/1.png"), ("../t/x/1.png", "{}/y/1.png"), ("x", "y")]
)
def test_copies_stay_in_their_folder(run, tmp_path, monkeypatch, arguments):
    for name in ("t/x/1.png", "t/y/1.png", "t/up/1.png"):
        save(tmp_path / name, "7")
    monkeypatch.chdir(tmp_path / "t")
    out = tmp_path / "elsewhere" / "out"
    result = run(*[a.format(tmp_path / "t") for a in arguments], "--annotate", out)
    assert result.status == 0
    assert copied(tmp_path / "elsewhere") == ["out/x/1.png", "out/y/1.png"]


def colours_of(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_a_copy_is_the_picture_with_a_box_around_each_digit(run, tmp_path):
    save(tmp_path / "two.png", "71")
    save(tmp_path / "blank.png", "")
    picture_of("7").resize((28, 28)).save(tmp_path / "small.png")
    (tmp_path / "two.jsonl").write_text(lines_of(SEVEN, []))
    result = run("two.png", "blank.png", "small.png", "two.jsonl", "--annotate", "out", "--json")
    assert result.status == 0
    copy = colours_of(tmp_path / "out/two.png")
    assert copy.shape == (180, 280, 3)
    for digit in result.objects[0]["digits"]:
        left, top, right, bottom = (round(value) for value in digit["box"])
        for x, y in (
            (left - 2, (top + bottom) // 2),
            (right + 2, (top + bottom) // 2),
            ((left + right) // 2, bottom + 2),
        ):
            around = copy[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3)
            assert (around[:, 2] - around[:, 0] > 60).any(), "a blue box"
    outside = np.abs(copy[150:] - colours_of(tmp_path / "two.png")[150:])
    assert outside.max() == 0, "the rest is unchanged"
    assert colours_of(tmp_path / "out/small.png").shape == (280, 280, 3), "enlarged so that labels fit"
    for blank in ("out/blank.png", "out/two.jsonl/2.png"):
        assert colours_of(tmp_path / blank).std() > 1, "it says (blank)"
    drawn = colours_of(tmp_path / "out/two.jsonl/1.png")
    assert (drawn.sum(2) < 100).mean() > 0.01, "strokes in black"


def test_copies_that_cannot_be_written_are_an_error(run, tmp_path):
    save(tmp_path / "a.png", "7")
    (tmp_path / "out" / "a.png").mkdir(parents=True)
    result = run("a.png", "--annotate", "out")
    assert result.status == 2
    assert "cannot write" in result.err
    assert result.err.count("\n") == 1
    assert list((tmp_path / "out").iterdir()) == [tmp_path / "out" / "a.png"], "no partial file"


# Many files


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_flat(project):
    """The memory of a process is the same after the first inputs and after many more."""
    # Without the C library's cache of freed memory, which varies by several MiB.
    project.environment |= {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
    process = project.start("predict.py", "--batch-size", 50, "-", stdin=subprocess.PIPE)

    def read(count: int) -> float:
        """Have `count` drawings read; return the resident memory in MiB."""
        for _ in range(count // 50):
            process.stdin.write(lines_of(*[SEVEN, ZERO] * 25))
            process.stdin.flush()
            for _ in range(50):
                assert process.stdout.readline()
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024

    before = read(300)
    growth = read(1500) - before
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert growth < 3, "MiB; keeping the glyph of each drawing would take 4.5"


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("kind", "pages"), [("tiff", 50), ("pdf", 20)])
def test_memory_does_not_grow_with_the_pages(project, kind, pages):
    project.environment |= {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
    page = picture_of("71").resize((700, 450))

    def peak(count: int) -> float:
        """Read a file of `count` pages; return the largest memory of the process in MiB."""
        page.save(project.folder / f"scan.{kind}", save_all=True, append_images=[page] * (count - 1))
        arguments = ("--batch-size", 5, f"scan.{kind}", "-")  # then it waits for standard input
        process = project.start("predict.py", *arguments, stdin=subprocess.PIPE)
        assert [process.stdout.readline().split()[1] for _ in range(count)] == ["71"] * count
        status = Path(f"/proc/{process.pid}/status").read_text()
        process.communicate(timeout=60)
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024

    growth = peak(pages) - peak(10)
    assert growth < 6, "MiB; keeping each page would take 12 (TIFF) or 69 (PDF)"


# Any bytes


PICTURE = picture_of("7").resize((84, 90))


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    options = {"compression": "tiff_lzw"} if kind == "TIFF" else {}
    PICTURE.convert("P" if kind == "GIF" else "RGB").save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def read() -> Callable[..., list[Reading] | UserError]:
    """Return a function that reads one input and checks the readings, or that the error is one line."""
    recognizer = Recognizer()

    def read(content: bytes | StrokeSample, single: bool = False) -> list[Reading] | UserError:
        ((_, readings),) = read_all(iter([Item("-", None, content)]), recognizer, Options(single))
        if isinstance(readings, UserError):
            assert "\n" not in str(readings)
            return readings
        for reading in readings:
            assert ((reading.glyph >= 0) & (reading.glyph <= 1)).all()
            assert reading.probabilities.sum() == pytest.approx(1, abs=1e-5)
            assert np.isfinite(reading.box).all()
        assert not single or len(readings) <= 1
        return readings

    return read


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(
    "kind",
    [
        "PNG",
        *(
            pytest.param(kind, marks=pytest.mark.long)
            for kind in ("JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF", "HEIF")
        ),
    ],
)
def test_damaged_pictures_are_read_or_refused(read, kind):
    valid = encoded(kind)
    assert [reading.digit for reading in read(valid)] == [7]

    @settings(max_examples=20, deadline=None)  # tests/faults/test_hostile.py tries more
    @given(st.data(), st.booleans())
    def damage(data: st.DataObject, single: bool) -> None:
        content = bytearray(valid)
        for _ in range(data.draw(st.integers(0, 4), "changes")):
            # Half of them in the header.
            last = data.draw(st.sampled_from([40, len(content) - 1]))
            content[data.draw(st.integers(0, last), "at")] = data.draw(st.integers(0, 255), "byte")
        del content[data.draw(st.integers(len(valid) // 2, 2 * len(valid)), "length") :]
        read(bytes(content), single)

    damage()


STARTS = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"II*\0", b"P5 ", b"BM"]
STARTS += [b"\0\0\0\x14ftypheic", b"\0\0\0\x14ftypavif"]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=200), start=st.sampled_from(STARTS))
def test_any_bytes_are_read_or_refused(read, content, start):
    read(start + content)


coordinates = st.integers(-(10**6), 10**6) | st.floats(-1e300, 1e300)
drawings = st.lists(st.lists(st.tuples(coordinates, coordinates), max_size=6), max_size=5)


@settings(max_examples=80, deadline=None)
@given(strokes=drawings, single=st.booleans())
def test_any_strokes_are_read(read, strokes, single):
    """Any finite strokes: flat ones, single points, equal points, points far apart."""
    drawing = read_drawing(io.BytesIO(json.dumps(strokes).encode()), "fuzz")
    assert isinstance(read(drawing, single), list)
