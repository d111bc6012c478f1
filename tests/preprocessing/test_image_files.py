"""Tests of opening pictures and pages: TIFF, PDF, HEIC, AVIF, their limits, missing libraries."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from common.files import PROJECT
from preprocessing import image_files, pdf_files
from preprocessing.image_files import InkError, is_picture_file, open_picture, open_reduced, pages_of
from preprocessing.stroke_files import SUFFIXES
from tests.support import pdf

# The options of each kind of picture, with which it is written quickly.
OPTIONS = {"AVIF": {"speed": 10}, "HEIF": {"enc_params": {"preset": "ultrafast"}}}


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    image.save(buffer, kind, **OPTIONS.get(kind, {}), **options)
    return buffer.getvalue()


def sheet(shade: int, size: tuple[int, int] = (60, 40)) -> Image.Image:
    return Image.new("L", size, shade)


def shades(content: bytes) -> list[int]:
    """Return the mean of each page."""
    pages = pages_of(io.BytesIO(content))
    return [round(np.asarray(open_picture(io.BytesIO(content), page).convert("L")).mean()) for page in pages]


def refused(content: bytes, page: int = 0) -> str:
    with pytest.raises(InkError) as error:
        open_picture(io.BytesIO(content), page, "a.xyz")
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("a.xyz ")
    return str(error.value)


# pages


@pytest.mark.parametrize("kind", ["TIFF", "PDF"])
def test_each_page_is_opened(kind, tmp_path):
    wanted = [10, 120, 240]
    sheets = [sheet(shade) for shade in wanted]
    content = encoded(sheets[0], kind, save_all=True, append_images=sheets[1:])
    assert np.abs(np.subtract(shades(content), wanted)).max() <= 2
    path = tmp_path / "scan.of any name"
    path.write_bytes(content)
    assert pages_of(path) == [0, 1, 2]
    assert round(np.asarray(open_picture(path).convert("L")).mean()) == pytest.approx(10, abs=2)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "AVIF"])
def test_an_animation_is_one_page(kind):
    content = encoded(sheet(250), kind, save_all=True, append_images=[sheet(5)])
    assert shades(content) == [250]


def test_a_tiffs_smaller_copies_and_masks_are_no_pages(tmp_path):
    path = tmp_path / "scan.tiff"
    sheets = []
    for shade, kind in ((10, 0), (20, 1), (30, 2), (40, 4), (50, 0)):
        each = sheet(shade)
        each.encoderinfo = {"tiffinfo": {image_files.NEW_SUBFILE_TYPE: kind}}
        sheets.append(each)
    sheets[0].save(path, save_all=True, append_images=sheets[1:])
    pages = pages_of(path)
    assert [np.asarray(open_picture(path, page)).mean() for page in pages] == [10, 30, 50]


def test_a_tiff_that_is_cut_short_keeps_its_first_pages():
    content = encoded(sheet(9), "TIFF", save_all=True, append_images=[sheet(9), sheet(9)])
    *pages, fault = pages_of(io.BytesIO(content[: len(content) // 3]), "scan.tiff")
    assert pages == [0]
    assert str(fault).startswith("scan.tiff is damaged after page 1: ")
    assert open_picture(io.BytesIO(content), pages[0]).size == (60, 40)


def test_pages_beyond_a_number_are_refused(monkeypatch):
    monkeypatch.setattr(image_files, "MAX_PAGES", 3)
    for kind in ("TIFF", "PDF"):
        for count in (3, 4):
            content = encoded(sheet(9), kind, save_all=True, append_images=[sheet(9)] * (count - 1))
            pages = pages_of(io.BytesIO(content), "scan")
            assert pages[:3] == [0, 1, 2]
            faults = [str(fault) for fault in pages[3:]]
            assert faults == ["scan has more than 3 pages: split it, the rest is not read"] * (count - 3)


def test_a_pipe_is_opened_once(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes with names")
    content = encoded(sheet(77), "PDF")
    reading, writing = os.pipe()
    path = Path(f"/dev/fd/{reading}")
    os.write(writing, content)
    os.close(writing)
    try:
        assert pages_of(path) == [0]
        assert np.asarray(open_picture(path).convert("L")).mean() == pytest.approx(77, abs=2)
    finally:
        os.close(reading)


# PDF


def test_a_page_is_drawn_at_200_dpi_with_its_annotations():
    note = b"<</Type/Annot/Subtype/Ink/Rect[0 0 100 72]/InkList[[0 10 100 10]]/F 4/AP<</N 5 0 R>>>>"
    form = pdf.stream(b"0 0 100 72 re f", "/Type/XObject/Subtype/Form/BBox[0 0 100 72]")
    content = pdf.pdf(box="0 0 100 72", more=[form, note]).replace(
        b"/Type/Page/", b"/Annots[6 0 R]/Type/Page/"
    )
    picture = open_picture(io.BytesIO(content))
    assert picture.size == (278, 200)
    assert np.asarray(picture).mean() < 5


def test_a_small_or_very_large_page_is_drawn_within_the_limit():
    for box in ("0 0 1000000 1000000", "0 0 1000000 0.001", "0 0 0.1 0.1", "0 0 0 0", "0 0 1e39 1e39"):
        width, height = open_picture(io.BytesIO(pdf.pdf(box=box))).size
        assert 0 < width * height < 1.01 * pdf_files.MAX_PIXELS, box


def test_pdf_files_that_cannot_be_read():
    sound = encoded(sheet(9), "PDF")
    assert refused(pdf.encrypted()) == "a.xyz is encrypted: save a copy without password"
    assert refused(b"%PDF-1.4\nnothing") == "a.xyz is damaged, or not a PDF file"
    assert refused(sound, page=1) == "a.xyz is damaged"
    assert pages_of(io.BytesIO(pdf.encrypted())) == [0]


@pytest.mark.parametrize("count", [5, 1_000_000])
def test_a_pdf_file_that_claims_more_pages_than_it_has(count):
    pages = pages_of(io.BytesIO(pdf.claiming(count)), "a.pdf")
    assert (pages[0], str(pages[1])) == (0, f"a.pdf is damaged: pages 2 to {count:,} are missing")
    assert len(pages) == 2


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="processor time and memory of a process cannot be limited")
def test_a_page_that_takes_too_long_or_too_much_is_given_up():
    for content in (pdf.nested_forms(), pdf.curves()):
        assert re.search("takes more than (5 seconds or 320 MiB|60 seconds) to draw", refused(content))
        assert pages_of(io.BytesIO(content)) == [0]


def test_a_page_that_takes_too_long_in_waiting_is_given_up(monkeypatch):
    monkeypatch.setattr(pdf_files, "MAX_WAIT", 0.001)
    assert "takes more than 0.001 seconds to draw" in refused(pdf.pdf())


def test_a_drawing_process_needs_little():
    """It is started for each page: it may not import NumPy, Pillow or PyTorch."""
    code = (
        "import sys, preprocessing.pdf_files, pypdfium2; print(*{'numpy', 'PIL', 'torch'} & {*sys.modules})"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("\n", "")


# HEIC and AVIF


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_phone_pictures_are_opened_upright(kind):
    marked = sheet(250, (60, 40))
    ImageDraw.Draw(marked).rectangle((0, 0, 20, 10), 0)  # upper left
    exif = Image.Exif()
    exif[274] = 6  # to be turned by 90 degrees clockwise
    if kind == "HEIF":
        marked.info["exif"] = exif.tobytes()  # which pillow-heif also writes as HEIF's own rotation
    upright = open_picture(io.BytesIO(encoded(marked, kind, **({} if kind == "HEIF" else {"exif": exif}))))
    assert upright.size == (40, 60)
    grey = np.asarray(upright.convert("L"))
    assert grey[5, 35] < 60
    assert grey[5, 5] > 200


@pytest.mark.parametrize(("kind", "factor"), [("JPEG", 2), ("MPO", 2), ("PNG", 1)])
@pytest.mark.parametrize("size", [(600, 400), (601, 403)])
def test_a_large_jpeg_is_reduced_and_upright(kind, factor, size):
    marked = sheet(250, size)
    ImageDraw.Draw(marked).rectangle((0, 0, 200, 100), 0)  # upper left
    exif = Image.Exif()
    exif[274] = 6  # to be turned by 90 degrees clockwise
    content = encoded(marked, kind, exif=exif)
    picture, found = open_reduced(io.BytesIO(content), 30_000)
    assert found == factor
    assert picture.size == tuple(-(-side // factor) for side in reversed(size))
    grey = np.asarray(picture.convert("L"))
    assert grey[10, -10] < 60
    assert grey[10, 10] > 200
    assert open_reduced(io.BytesIO(content), 300_000)[0].size == size[::-1]  # fewer pixels than are enough


def test_a_heic_picture_in_tiles_is_opened():
    """As phones write it."""
    ramp = Image.linear_gradient("L").resize((300, 200))
    opened = open_picture(io.BytesIO(encoded(ramp, "HEIF", tile_size=128)))
    assert np.abs(np.asarray(opened.convert("L")).astype(int) - np.asarray(ramp)).max() < 20


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_large_and_lying_heic_and_avif_pictures_are_refused(kind):
    content = encoded(sheet(200, (64, 64)), kind)
    size = content.index(b"ispe") + 8
    large = content[:size] + (8000).to_bytes(4, "big") * 2 + content[size + 8 :]
    assert "has 8,000 x 8,000 pixels, more than 50,000,000" in refused(large)
    lie = b"\0\0\0\x10\0\0\0\x10"  # 16 x 16
    with contextlib.suppress(InkError):  # libavif decodes what it says
        assert open_picture(io.BytesIO(content[:size] + lie + content[size + 8 :])).size == (16, 16)
    assert re.search("can be read|damaged", refused(content[: len(content) // 2]))


def test_a_very_large_heic_file_is_refused(tmp_path):
    path = tmp_path / "a.heic"
    path.write_bytes(encoded(sheet(9), "HEIF"))
    os.truncate(path, image_files.MAX_BYTES + 1)
    with pytest.raises(InkError, match=r"has more than 256 MiB: save it as JPEG"):
        open_picture(path)


# missing libraries


def test_missing_libraries_are_named(monkeypatch, tmp_path):
    heic, avif = encoded(sheet(9), "HEIF"), encoded(sheet(9), "AVIF")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr(image_files.features, "check", lambda feature: feature != "avif")
    (tmp_path / "pypdfium2.py").write_text("raise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    assert refused(heic) == "a.xyz is a HEIC picture: to read it, pip install pillow-heif"
    assert refused(avif) == "a.xyz is an AVIF picture: to read it, pip install --upgrade pillow"
    assert refused(pdf.pdf()) == "a.xyz is a PDF file: to read it, pip install pypdfium2"
    assert open_picture(io.BytesIO(encoded(sheet(9), "PNG"))).size == (60, 40)


def test_the_windows_dialog_shows_all_kinds_of_pictures_and_stroke_files():
    from gui.desktop import PICTURES

    assert {f"*{suffix}" for suffix in (*image_files.PICTURE_SUFFIXES, *SUFFIXES)} == set(PICTURES)
    assert is_picture_file("A.HEIC")
