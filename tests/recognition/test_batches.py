"""Many inputs are read in order, by one process or several, and a process that is ended is reported."""

import io
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from common.messages import UserError
from pages.ink_extraction import find_ink
from preprocessing.ink_mask import InkMask
from preprocessing.stroke_files import StrokeSample
from recognition import batches
from recognition.batches import BATCH_BYTES, Options, Pace, read_all
from recognition.inputs import Item
from recognition.reading import text_of
from tests.support.handwriting import digit

COUNT = 24


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    """Drawings, pictures, and files that cannot be read."""
    folder = tmp_path_factory.mktemp("inputs")
    found = []
    for number in range(COUNT):
        strokes = digit(number % 10, (50, 50), 80)
        if number % 3 == 0:
            found.append(Item(f"{number}.json", None, StrokeSample(strokes)))
            continue
        path = folder / f"{number}.png"
        picture = Image.new("L", (100, 100), 255)
        for stroke in strokes:
            ImageDraw.Draw(picture).line(stroke, fill=0, width=8, joint="curve")
        picture.save(path)
        if number % 7 == 0:
            path.write_text("no picture")
        found.append(Item(str(path), None, path))
    return found


def outcomes(read: Iterator) -> list[tuple[str, str]]:
    """Return the path and the text or the error of each input."""
    return [(i.path, str(o) if isinstance(o, UserError) else text_of(o)) for i, o in read]


def test_several_processes_read_as_one_does(inputs, recognizer):
    options = Options(batch_size=4)
    expected = outcomes(read_all(iter(inputs), recognizer, options))
    assert [path for path, _ in expected] == [item.path for item in inputs]
    assert sum(text == str(number % 10) for number, (_, text) in enumerate(expected)) > 0.7 * COUNT
    assert outcomes(read_all(iter(inputs), recognizer, options, workers=2, patience=0)) == expected
    assert multiprocessing.active_children() == []


def test_no_process_is_started_for_the_few_inputs_that_remain(inputs, recognizer, monkeypatch):
    monkeypatch.setattr(batches, "_read_in_processes", None)
    monkeypatch.setattr(batches, "WORTHWHILE", 60.0)
    read = read_all(iter(inputs), recognizer, Options(), workers=2, patience=0, total=len(inputs))
    assert [item.path for item, _ in read] == [item.path for item in inputs]
    for total, pages in ((10**9, 1), (1, 10**9), (None, 1)):
        many = (replace(item, page=1 if pages > 1 else None, pages=pages) for item in inputs)
        with pytest.raises(TypeError):  # it is called
            list(read_all(many, recognizer, Options(), workers=2, patience=0, total=total))


@pytest.mark.long
def test_processes_take_more_inputs_at_a_time_where_these_are_read_fast(inputs, recognizer, monkeypatch):
    sizes, batches_of = [], batches._batches

    def watched(*arguments: object) -> Iterator[list[Item]]:
        for batch in batches_of(*arguments):
            sizes.append(len(batch))
            yield batch

    monkeypatch.setattr(batches, "_batches", watched)
    monkeypatch.setattr(batches, "BATCH_SECONDS", 60.0)
    options = Options(batch_size=4)
    read = read_all(iter(inputs), recognizer, options, workers=2, patience=0)
    assert [item.path for item, _ in read] == [item.path for item in inputs]
    assert sizes[0] == 1
    assert max(sizes) == 4


def test_a_batch_holds_what_is_read_in_about_half_a_second():
    pace, sizes = Pace(2, 64), []
    for seconds in (0.01, 0.02, 1.0, 3.0, 0.4, *[0.001] * 6):
        sizes.append(pace.size)
        pace.update(pace.size, seconds)
    assert sizes == [2, 4, 8, 4, 2, 2, 4, 8, 16, 32, 64]
    assert pace.size == 64
    assert Pace(16, 1).size == 1


def test_a_pipe_gets_its_answers_after_each_full_batch(inputs, recognizer):
    taken = 0

    def sent() -> Iterator[Item]:
        nonlocal taken
        for item in inputs:
            taken += 1
            yield item

    read = read_all(sent(), recognizer, Options(batch_size=5, threads=2, full_batches=True))
    assert [taken for _ in read] == [min(5 * (number // 5 + 1), COUNT) for number in range(COUNT)]


def photo_of(height: int) -> Image.Image:
    """Return a photo of a 3 with 12.5 megapixels."""
    photo = Image.new("L", (5000, 2500), 240)
    for stroke in digit(3, (1500, 600), height):
        ImageDraw.Draw(photo).line(stroke, fill=30, width=height // 8, joint="curve")
    return photo


@pytest.fixture
def widths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the width of each picture in which ink is looked for."""
    found: list[int] = []

    def look(image: Image.Image, *arguments: object) -> InkMask | None:
        found.append(image.width)
        return find_ink(image, *arguments)

    monkeypatch.setattr(batches, "find_ink", look)
    return found


@pytest.mark.parametrize(("workers", "expected"), [(1, [1, 2, 4, 3]), (2, [1, 2, 1, 2, 4])])
def test_large_files_are_read_in_smaller_batches(recognizer, tmp_path, monkeypatch, workers, expected):
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    Image.new("L", (30, 30), 255).save(small)
    large.write_bytes(small.read_bytes() + bytes(BATCH_BYTES))
    sizes = []

    def read(batch: list[Item], *arguments: object) -> list:
        sizes.append(len(batch))
        return []

    monkeypatch.setattr(batches, "read_batch", read)
    items = [Item(str(path), None, path) for path in [small, small, large, large, *[small] * 6]]
    assert list(read_all(iter(items), recognizer, Options(batch_size=4), workers, patience=60)) == []
    assert sizes == expected


@pytest.mark.parametrize(
    ("height", "looked_at"),
    [
        (800, [1250]),
        pytest.param(180, [1250, 2500], marks=pytest.mark.long),
        pytest.param(64, [1250, 5000], marks=pytest.mark.long),
    ],
)
def test_a_large_photo_is_decoded_reduced_unless_the_writing_is_small(
    height, looked_at, recognizer, tmp_path, widths
):
    """Its boxes are those in the photo either way."""
    photo = photo_of(height)
    path = tmp_path / "photo.jpg"
    photo.save(path)
    [(_, [reading])] = read_all(iter([Item(str(path), None, path)]), recognizer, Options())
    assert widths == looked_at
    [expected] = recognizer.read_image(photo)
    assert reading.digit == expected.digit == 3
    assert np.allclose(reading.box, expected.box, atol=0.05 * height + 2)


@pytest.mark.long
def test_a_large_photo_that_looks_blank_is_looked_at_again(recognizer, tmp_path, widths):
    path = tmp_path / "blank.jpg"
    photo_of(1).save(path)
    assert [
        readings for _, readings in read_all(iter([Item(str(path), None, path)]), recognizer, Options())
    ] == [[]]
    assert widths == [1250, 2500]


@pytest.mark.timeout(120)
@pytest.mark.skipif(sys.platform == "win32", reason="named pipes")
def test_a_photo_from_a_pipe_is_read_once(recognizer, tmp_path):
    pipe = tmp_path / "photo.jpg"
    os.mkfifo(pipe)
    content = io.BytesIO()
    photo_of(30).save(content, "JPEG")
    writer = threading.Thread(target=pipe.write_bytes, args=[content.getvalue()])
    writer.start()
    [(_, readings)] = read_all(iter([Item(str(pipe), None, pipe)]), recognizer, Options())
    writer.join()
    assert text_of(readings) == "3"


@pytest.mark.long
def test_inputs_are_not_taken_far_ahead(inputs, recognizer):
    taken = []

    def endless() -> Iterator[Item]:
        while True:
            taken.append(1)
            yield inputs[1]

    read = read_all(endless(), recognizer, Options(batch_size=2), workers=2, patience=0)
    for _ in range(20):
        next(read)
    assert len(taken) < 20 + 2 * (2 * 2 + 2)
    read.close()
    assert all(not process.is_alive() for process in ended(multiprocessing.active_children()))


@pytest.mark.long
def test_a_process_that_is_ended_is_reported(inputs, recognizer):
    endless = (item for _ in range(10_000) for item in inputs)
    read = read_all(endless, recognizer, Options(batch_size=4), workers=2, patience=0)
    for _ in range(12):
        next(read)
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    with pytest.raises(UserError, match="fewer --workers"):
        list(read)
    ended(multiprocessing.active_children())


def ended(processes: list) -> list:
    """Wait until processes have ended, and return them."""
    end = time.monotonic() + 60
    while any(process.is_alive() for process in processes) and time.monotonic() < end:
        time.sleep(0.05)
    return processes
