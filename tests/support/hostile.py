"""Read damaged and malicious files with `predict.py` and with the window's open command.

    python -m tests.support.hostile FOLDER COUNT SEED HEAVY

writes COUNT files to FOLDER one by one and reads them in both ways: the same files for the same SEED. HEAVY
says which very large files it reads first: "all", "some" (`LARGEST`, and a third of the others in one way
each) or "none". It prints a JSON object for each file: its name, the outcomes, seconds of processor time and
MiB of memory, both with the processes that draw PDF files.
"""

import contextlib
import gzip
import io
import json
import multiprocessing
import os
import random
import re
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from pillow_heif import register_heif_opener

from common.device import return_freed_memory
from common.messages import UserError
from gui.drawing import Page
from gui.worker import Worker
from preprocessing.pdf_files import MAX_MEMORY
from recognition.batches import Options, read_all
from recognition.inputs import find_sources, items
from recognition.output import show_json
from tests.support import pdf
from tests.support.handwriting import digit

# Bytes of address space that the process may reserve after the network is loaded: no file takes all memory of
# the machine. It bounds all files together, since blocks that are freed keep their addresses, up to 2 GiB.
ADDRESSES = 6 * 2**30
CANVAS = (-200.0, -200.0, 200.0, 200.0)
SHARES = {"all": 1, "some": 1 / 3, "none": 0}  # of the very large files
LARGEST = "7000x7000-L.png"  # the largest picture that is accepted, empty; read in both ways

register_heif_opener()  # or Pillow cannot write such files


def main(folder: Path, count: int, seed: int, heavies: str) -> None:
    """Read all files and print what happens to each."""
    torch.set_num_threads(1)
    # Encoders leave threads and memory behind; a process of their own has no limit.
    files: multiprocessing.Queue = multiprocessing.get_context("spawn").Queue(4)
    maker = multiprocessing.get_context("spawn").Process(
        target=make, args=(files, count, seed, heavies), daemon=True
    )
    maker.start()
    worker = Worker(None, "cpu", 1, "hostile")
    address_space = int(2**20 * figure("VmSize")) + ADDRESSES
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    warm_up(worker, folder)
    at_rest = figure("VmRSS")
    while each := files.get(timeout=300):
        name, content, ways = each
        path = folder / name
        path.write_bytes(content)
        print(json.dumps({"name": name, **observed(worker, path, ways, at_rest)}), flush=True)
        path.unlink()


def make(files: multiprocessing.Queue, count: int, seed: int, heavies: str) -> None:
    """Put the name and the content of each file, and the ways to read it, into a queue, then None."""
    share, choice = SHARES[heavies], random.Random(seed)
    for name, content in heavy() if share else ():
        both = share == 1 or name == LARGEST
        if both or choice.random() < share:
            files.put((name, content, WAYS if both else [choice.choice(WAYS)]))
    for name, content in mutated(count, random.Random(seed)):
        files.put((name, content, WAYS))
    files.put(None)


def warm_up(worker: Worker, folder: Path) -> None:
    """Read one file, so that libraries load all that they load late."""
    path = folder / "warm.png"
    path.write_bytes(encoded(picture(random.Random(0)), "PNG"))
    observed(worker, path, WAYS)


def observed(worker: Worker, path: Path, ways: Sequence[str], at_rest: float = 0.0) -> dict[str, object]:
    """Read a file; return a JSON object with the outcomes: "read", "refused" or a traceback for each way.

    "memory" is the peak of a process that uses `at_rest` MiB and reads this file first; a process that draws
    a page counts with all that it may use.
    """
    before = fresh_peak()
    single = len(path.name) % 2 == 0
    outcomes, seconds = [], []
    drawing = seconds_of_children()
    for way in ways:
        start = time.process_time() + seconds_of_children()
        try:
            outcomes.append("read" if READERS[way](worker, path, single) else "refused")
        except Exception:
            outcomes.append(traceback.format_exc())
        seconds.append(time.process_time() + seconds_of_children() - start)
    memory = at_rest + figure("VmHWM") - before
    if seconds_of_children() > drawing:
        memory += MAX_MEMORY / 2**20
    return {"outcomes": outcomes, "seconds": max(seconds), "memory": memory}


def seconds_of_children() -> float:
    """Return the processor time of processes that have ended."""
    return os.times().children_user + os.times().children_system


def fresh_peak() -> float:
    """Reset the peak of memory, and return the MiB in use, without freed memory that malloc keeps."""
    return_freed_memory()  # otherwise memory that is allocated again would not be counted
    Path("/proc/self/clear_refs").write_text("5")
    return figure("VmRSS")


def through_predict(worker: Worker, path: Path, single: bool) -> bool:
    """Read a file as predict.py does; return whether anything in it was read."""
    was_read = False
    for item, outcome in read_all(items(find_sources([str(path)])), worker.recognizer, Options(single)):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            show_json(item, outcome)
        assert len(printed.getvalue().splitlines()) == 1
        if isinstance(outcome, UserError):
            assert_one_line(outcome)
        else:
            was_read = True
    return was_read


def through_window(worker: Worker, path: Path, single: bool) -> bool:
    """Open and read a file as the window does; return whether it was opened."""
    try:
        opened = worker.open(path)
    except UserError as error:
        assert_one_line(error)
        return False
    page = opened if isinstance(opened, Page) else Page(picture=opened.fitted(CANVAS))
    answer = worker.read(page, single, use_memory=True)
    assert all(np.isfinite(digit.box).all() for digit in answer.digits)
    return True


READERS = {"predict": through_predict, "window": through_window}
WAYS = list(READERS)


def assert_one_line(error: UserError) -> None:
    """Check that the message is one line of printable text."""
    assert str(error).isprintable(), repr(str(error))
    assert len(str(error)) < 1000


def figure(name: str) -> float:
    """Return a value of this process's status in MiB."""
    return int(re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


# valid files: pictures and strokes of all kinds

SIZES = ((1, 1), (1, 300), (300, 1), (2, 2), (28, 28), (40, 90), (90, 90), (160, 120))
# The modes that each format can be written in.
FORMATS = {
    "PNG": ("1", "L", "P", "LA", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "GIF": ("1", "L", "P", "RGB"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "TIFF": ("1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"),
    "WEBP": ("L", "RGB", "RGBA"),
    "PPM": ("1", "L", "RGB", "I"),
    "AVIF": ("1", "L", "RGB", "RGBA"),
    "HEIF": ("1", "L", "LA", "RGB", "RGBA", "I;16"),
}
FAST = {"AVIF": {"speed": 10}, "HEIF": {"enc_params": {"preset": "ultrafast"}}}  # ways to encode


def picture(rng: random.Random, mode: str = "RGB") -> Image.Image:
    size = rng.choice(SIZES)
    image = Image.new("L", size, rng.choice((255, 230, 20)))
    pen = ImageDraw.Draw(image)
    for stroke in digit(rng.randrange(10), (size[0] / 2, size[1] / 2), 0.8 * size[1]):
        pen.line(stroke, fill=255 - image.getpixel((0, 0)), width=max(1, size[1] // 15))
    if rng.random() < 0.2:
        image = Image.blend(image, Image.effect_noise(size, 60), 0.5)
    if mode == "I;16":
        return Image.fromarray(np.asarray(image).astype(np.uint16) * rng.choice((1, 250)))
    return image.convert("P").convert(mode) if mode == "PA" else image.convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def sound_picture(rng: random.Random) -> tuple[str, bytes]:
    kind = rng.choice(list(FORMATS))
    image = picture(rng, rng.choice(FORMATS[kind]))
    options: dict[str, object] = dict(FAST.get(kind, {}))
    # Of several pictures, but no AVIF: its encoder crashes at some of these.
    if kind in ("PNG", "GIF", "WEBP", "TIFF", "HEIF") and rng.random() < 0.2:
        options |= {"save_all": True, "append_images": [image.rotate(90), image.rotate(180)]}
    if kind in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF", "HEIF") and rng.random() < 0.3:
        exif = Image.Exif()
        exif[274] = rng.randrange(10)  # the orientation; 1 to 8 are valid
        options["exif"] = exif
    if kind == "TIFF" and image.mode in ("L", "RGB") and not options:
        options["compression"] = rng.choice(("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"))
    if kind == "JPEG":
        options |= {"progressive": rng.random() < 0.5, "quality": rng.choice((10, 75, 95))}
    return f".{kind.lower()}", encoded(image, kind, **options)


def sound_pdf(rng: random.Random) -> tuple[str, bytes]:
    image = picture(rng, rng.choice(("1", "L", "RGB", "CMYK")))
    more = [image.rotate(180)] if rng.random() < 0.3 else []
    return ".pdf", encoded(image, "PDF", save_all=True, append_images=more)


NUMBERS = ("0", "5", "-3.5", "1e300", "-1e300", "1e301", "1e999", "5e-324", "NaN", "Infinity", "-Infinity")
ODD = ("true", "null", '"7"', "{}", "[]", "9" * 400, "9" * 5000, "[[1, 2]]", '"\\ud800"', "[" * 500)


def sound_strokes(rng: random.Random) -> tuple[str, bytes]:
    def number() -> str:
        chance = rng.random()
        return (
            f"{rng.uniform(-500, 500):.3f}" if chance < 0.9 else rng.choice(NUMBERS if chance < 0.99 else ODD)
        )

    def stroke() -> str:
        if rng.random() < 0.3:
            return json.dumps(digit(rng.randrange(10), (0, 0), 100)[0])
        return f"[{','.join(f'[{number()},{number()}]' for _ in range(rng.randrange(20)))}]"

    def drawing() -> str:
        return f"[{','.join(stroke() for _ in range(rng.randrange(5)))}]"

    suffix = rng.choice((".json", ".jsonl", ".jsonl.gz"))
    if suffix == ".json":
        return suffix, drawing().encode()
    lines = "\n".join(f'{{"strokes": {drawing()}, "label": {rng.randrange(12)}}}' for _ in range(3)).encode()
    return suffix, lines if suffix == ".jsonl" else gzip.compress(lines, 1)


def sound_arrays(rng: random.Random) -> tuple[str, bytes]:
    buffer = io.BytesIO()
    np.savez(buffer, images=np.full((2, 28, 28), 200, np.uint8), labels=np.array([3, 4]))
    return rng.choice((".npz", ".jpg", ".jsonl.gz")), buffer.getvalue()


def rubbish(rng: random.Random) -> tuple[str, bytes]:
    start = rng.choice(
        (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"II*\0", b"P5 9 9 ", b"BM", b"[[[")
    )
    start = rng.choice((start, start, b"%PDF-1.7\n", b"\0\0\0\x14ftypheic", b"\0\0\0\x14ftypavif"))
    start = rng.choice((start, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"RIFF\0\1\0\0WEBPVP8 "))
    return rng.choice((".jpg", ".tif", ".json", ".jsonl", ".jsonl.gz")), start + rng.randbytes(
        rng.randrange(400)
    )


MAKERS: tuple[Callable[[random.Random], tuple[str, bytes]], ...] = (
    *[sound_picture] * 8,
    sound_pdf,
    *[sound_strokes] * 3,
    sound_arrays,
    rubbish,
)


# damaged files


def flipped(content: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8, 40))):
        # Half of them in the first bytes, where headers are.
        at = rng.randrange(min(len(content), rng.choice((64, len(content)))))
        content[at] ^= 1 << rng.randrange(8)


def overwritten(content: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(content))
    length = rng.choice((1, 2, 4, 4, 8))
    content[at : at + length] = rng.choice((b"\xff", b"\0", b"\x7f", b"\x80")) * length


def truncated(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(len(content)) :]


def lengthened(content: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(content))
    content[at:at] = content[at : at + rng.randrange(1, 200)] * rng.choice((1, 1, 3, 50))


def spliced(content: bytearray, rng: random.Random) -> None:
    other = rng.choice(MAKERS)(rng)[1]
    content[rng.randrange(len(content)) :] = other[rng.randrange(max(1, len(other))) :]


DAMAGES = (flipped, flipped, flipped, overwritten, truncated, lengthened, spliced)


def mutated(count: int, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of files of all kinds: one in five is valid, the others have damages."""
    for place in range(count):
        suffix, sound = rng.choice(MAKERS)(rng)
        content = bytearray(sound)
        damages = rng.choice((0, 0, 1, 1, 1, 1, 1, 1, 1, 2))
        for _ in range(damages):
            if content:
                rng.choice(DAMAGES)(content, rng)
        yield f"{place}{'' if damages else '-sound'}{suffix}", bytes(content)


# very large files


def heavy() -> Iterator[tuple[str, bytes]]:
    yield "20000x20000.png", encoded(Image.new("1", (20_000, 20_000)), "PNG")
    for mode in ("L", "RGBA", "P", "I;16"):  # the largest that are accepted
        yield f"7000x7000-{mode.replace(';', '-')}.png", encoded(Image.new(mode, (7000, 7000), 1), "PNG")
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), np.uint8)
    yield "7000x7000.jpg", encoded(Image.fromarray(np.tile(noise, (10, 10, 1))), "JPEG", quality=95)
    yield "7000x7000.tif", encoded(Image.new("F", (7000, 7000), 0.5), "TIFF", compression="tiff_lzw")
    tile = Image.fromarray(np.tile(noise[:500, :500], (10, 8, 1)))
    yield "4000x5000.webp", encoded(tile, "WEBP", quality=80, method=0)
    yield "7000x7000.webp", encoded(Image.new("RGB", (7000, 7000)), "WEBP", lossless=True, method=0)
    yield "plain-1000x1000.ppm", b"P3 1000 1000 255\n" + b"0 9 " * 1_500_000
    yield "plain-7000x7000.pgm", b"P2 7000 7000 255\n" + b"0 " * 49_000_000
    phone = Image.fromarray(np.tile(noise, (5, 6, 1))[:3000, :4000])
    yield "4000x3000.avif", encoded(phone, "AVIF", max_threads=1, **FAST["AVIF"])
    yield "4000x3000.heif", encoded(phone, "HEIF", tile_size=512, quality=50, **FAST["HEIF"])
    yield "encrypted.pdf", pdf.encrypted()
    yield "claims-1000000-pages.pdf", pdf.claiming(1_000_000)
    yield "large-page.pdf", pdf.pdf(b"0 0 9 9 re f", "0 0 1000000 1000000")
    yield "flat-page.pdf", pdf.pdf(b"0 0 9 9 re f", "0 0 1000000 0.001")
    yield "20000x20000.pdf", pdf.image_of(20_000)
    yield "endless-forms.pdf", pdf.nested_forms()
    yield "endless-curves.pdf", pdf.curves()
    yield "inflating.pdf", pdf.inflating()
    yield "noise.png", encoded(Image.fromarray(noise), "PNG")
    yield "16000000x3.png", encoded(Image.new("L", (16_000_000, 3), 255), "PNG")
    yield "60000x800.gif", encoded(Image.new("L", (60_000, 800), 255), "GIF")
    yield "hatching.png", encoded(hatching(), "PNG")

    yield "strokes.json", b"[" + b",".join([b"[[1,2],[3,4]]"] * 100_000) + b"]"
    yield "empty-strokes.json", b"[" + b",".join([b"[]"] * 2_700_000) + b"]"
    yield "points.json", b"[[" + b",".join([b"[1.5,2]", b"[3.25,40]"] * 500_000) + b"]]"
    zigzag = b",".join([b"[0,0]", b"[999,999]", b"[0,999]", b"[999,1]"] * 49_999)
    yield "zigzag.json", b"[[" + zigzag + b"]]"
    rng = np.random.default_rng(0)
    for name, strokes in {
        "tangle": rng.integers(0, 1000, (4999, 40, 2)),
        "dots": rng.integers(0, 10**6, (4999, 1, 2)),
        "fence": np.stack([np.arange(4999)[:, None] + [0, 1], np.tile([0, 10_000], (4999, 1))], 2),
        "fences": np.stack(
            [
                np.arange(4999)[:, None] // 149 * 2000 + np.arange(4999)[:, None] % 149 * 9 + [0, 1],
                np.tile([0, 1000], (4999, 1)),
            ],
            2,
        ),
    }.items():
        yield f"{name}.json", json.dumps(strokes.tolist()).encode()
    yield "huge.json", b"[[[1e300,-1e300],[-1e300,1e300]],[[5e-324,0]]]"
    yield "huger.json", b"[[[1" + b"0" * 310 + b",1]]]"
    yield "digits.json", b"[[[" + b"9" * (8 * 2**20 - 99) + b",1]]]"
    yield "deep.json", b"[" * (8 * 2**20)
    yield "deep-objects.json", b'{"a":' * 10**6
    yield "objects.json", b"[" + b",".join([b'{"":0}'] * 1_190_000) + b"]"
    yield "text.json", b'["' + b"x" * (8 * 2**20 - 99) + b'"]'
    yield "line.jsonl", b"[" * (40 * 2**20)
    yield "spaces.jsonl.gz", inflating(b" " * 2**20, 2048)
    yield "lines.jsonl.gz", inflating(b"\n" * 2**20, 1024)
    yield "lines.json", b"\n" * (40 * 2**20)


def hatching() -> Image.Image:
    """Return a picture with as many pieces of ink as fit on the working copy."""
    image = np.full((560, 560), 255, np.uint8)
    image[2::4, ::7] = image[::7, 2::4] = image[::9, :300] = 0
    return Image.fromarray(image)


def inflating(part: bytes, times: int) -> bytes:
    """Return a .gz file that decompresses to `part` repeated `times` times: GiB from a few MiB."""
    return gzip.compress(part, 1) * times


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
