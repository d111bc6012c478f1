"""Corrected samples are written to disk completely or not at all."""

import errno
import json
import os
import re
import time

import numpy as np
import pytest
from PIL import Image

from common.messages import UserError
from gui.drawing import Page, Stroke
from gui.painting import to_image
from preprocessing.stroke_files import drawings
from recognition import profiles, sample_store
from tests.support.handwriting import digit

STROKES = digit(4, (0, 0), 100)
IMAGE = to_image(Page(tuple(Stroke(tuple(line), 8.0) for line in STROKES)), (-80, -80, 80, 80))


def write(folder, name="one", **changes):
    """Write a sample of a 4 that was read as 9, with changes."""
    given = {"label": 4, "strokes": STROKES, "image": IMAGE, "read": 9, "confidence": 0.61}
    return sample_store.write_sample(folder, name, **{**given, **changes})


def test_a_sample_is_a_stroke_file_and_a_picture(tmp_path):
    path = write(tmp_path / "new" / "folder")
    (drawing,) = drawings(path)
    assert drawing.label == 4
    for kept, drawn in zip(drawing.strokes, STROKES, strict=True):
        assert np.abs(kept - np.array(drawn)).max() <= 0.005
    (line,) = path.read_text().splitlines()
    content = json.loads(line)
    assert (content["read"], content["confidence"]) == (9, 0.61)
    picture = Image.open(path.with_suffix(".png"))
    assert (np.asarray(picture) == np.asarray(IMAGE)).all()
    assert sorted(file.name for file in path.parent.iterdir()) == ["one.jsonl", "one.png"]


def test_a_sample_without_strokes_is_its_png(tmp_path):
    path = write(tmp_path, strokes=[], read=None, confidence=None)
    (drawing,) = drawings(path)
    assert drawing.strokes == []
    assert path.with_suffix(".png").exists()


def test_a_sample_of_the_same_name_is_replaced(tmp_path):
    write(tmp_path, label=4)
    path = write(tmp_path, label=7)
    assert [drawing.label for drawing in drawings(path)] == [7]
    assert len(list(tmp_path.iterdir())) == 2


def test_remove_sample(tmp_path):
    write(tmp_path, "one")
    other = write(tmp_path, "two")
    sample_store.remove_sample(tmp_path, "one")
    sample_store.remove_sample(tmp_path, "one")
    assert set(tmp_path.iterdir()) == {other, other.with_suffix(".png")}


def test_names_sort_by_time_and_differ():
    names = [profiles.new_sample_name() for _ in range(50)]
    assert all(re.fullmatch(r"\d{8}-\d{6}-\d{6}", name) for name in names)
    assert names == sorted(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("newest", ["29991231-235959-999999", "20200101-000000-000000"])
def test_a_new_name_sorts_after_existing_ones_whatever_the_clock_says(newest):
    name = profiles.new_sample_name(["old", newest, "20100101-000000-000000"])
    assert profiles.SAMPLE_NAME.fullmatch(name)
    assert name > newest


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows has no time zones in TZ")
def test_names_do_not_go_back_with_the_time_zone(monkeypatch):
    """As when daylight saving time ends between two samples."""
    names = []
    for zone in ("AAA-2", "AAA-1"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        names.append(profiles.new_sample_name())
    monkeypatch.undo()
    time.tzset()
    assert names == sorted(names)


@pytest.mark.parametrize("label", [-1, 10])
def test_a_label_is_a_digit(tmp_path, label):
    with pytest.raises(ValueError, match="0 to 9"):
        write(tmp_path, label=label)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_full_after_the_picture_leaves_no_partial_sample(tmp_path, monkeypatch):
    real = os.replace

    def full(source, target):
        if str(target).endswith(".jsonl"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="No space left"):
        write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_partial_sample(tmp_path, monkeypatch):
    write(tmp_path, label=4)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        write(tmp_path, label=7)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
