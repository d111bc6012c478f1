"""Other people's digits: random variations of strokes, and loading of files, folders and arrays."""

import hashlib
import json
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from common.messages import UserError
from data import LabelledImages
from gui.drawing import Page, Stroke
from gui.painting import to_image
from pages.segmentation import segment_picture
from preprocessing.glyph import PEN_WIDTH, to_uint8
from preprocessing.stroke_candidates import segment_strokes
from preprocessing.stroke_files import each_line
from recognition import profiles, sample_store
from recognition.profiles import holds_corrections
from tests.support.handwriting import digit, line_of, write_strokes
from tests.support.project import assert_one_line_error, missing, same_weights
from training.extra_digits import ExtraDigits, load_extra_digits
from training.stroke_augmentation import Variation

NO_IMAGES = LabelledImages(
    torch.zeros(0, 1, 28, 28, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64), "ink"
)
NO_VARIATION = Variation(pen=(PEN_WIDTH, PEN_WIDTH), slant=0, aspect=1, jitter=0, cut=0)
DRAWN = {number: digit(number, (0, 0), 100) for number in range(10)}

coordinate = st.floats(-1e6, 1e6)
strokes_of_a_digit = st.lists(
    st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=8).map(lambda points: np.array(points)),
    min_size=1,
    max_size=3,
)


def picture_of(number: int) -> Image.Image:
    """Return a picture as the window saves it, dark on light."""
    return to_image(Page(tuple(Stroke(tuple(line), 8.0) for line in DRAWN[number])), (-80, -80, 80, 80))


def save_picture(path: Path, number: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture_of(number).save(path)
    return path


def glyph_of(strokes, pen: float = PEN_WIDTH) -> np.ndarray:
    glyph = segment_strokes(strokes, single=True, pen=pen)[0][0].glyph
    return to_uint8(glyph)


def glyph_of_picture(image: Image.Image) -> np.ndarray:
    return to_uint8(segment_picture(image, single=True)[0][0].glyph)


def drawn(extra: ExtraDigits, seed: int = 0) -> np.ndarray:
    return extra.draw(np.random.default_rng(seed)).images[:, 0].numpy()


def fault_of(*paths: Path) -> str:
    """Return the message of the error that loading raises: one line with the name of the first path."""
    with pytest.raises(UserError) as caught:
        load_extra_digits(paths)
    message = str(caught.value)
    assert "\n" not in message
    assert paths[0].name in message
    return message


# variations of strokes


@given(strokes_of_a_digit, st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_without_variation_a_drawing_is_the_glyph_of_the_window(strokes, seed):
    glyph = NO_VARIATION.draw(strokes, np.random.default_rng(seed))
    expected = segment_strokes(strokes, single=True)[0][0].glyph
    assert np.array_equal(glyph, expected)


@given(strokes_of_a_digit, st.integers(0, 2**32), st.sampled_from([1e-300, 1.0, 1e290]))
@settings(max_examples=80, deadline=None)
def test_every_varied_drawing_has_ink_and_mnists_form(strokes, seed, scale):
    glyph = Variation(cut=1, longest_cut=0.99).draw([s * scale for s in strokes], np.random.default_rng(seed))
    assert glyph.shape == (28, 28)
    assert glyph.min() >= 0
    assert 0.5 < glyph.max() <= 1
    rows, columns = (np.flatnonzero(glyph.max(axis) >= 0.5) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) <= 20


def varied(strokes, seed: int = 0, **changes) -> np.ndarray:
    variation = Variation(**{**vars(NO_VARIATION), **changes})
    return variation.draw([np.array(stroke, float) for stroke in strokes], np.random.default_rng(seed))


def test_the_pen_has_the_chosen_width():
    """The image of a long horizontal line is as high as its pen is wide."""
    line = [[(0, 0), (1000, 0)]]
    for pen in (1.8, 2.5, 3.6):
        assert varied(line, pen=(pen, pen))[:, 14].sum() == pytest.approx(pen, abs=0.25)
    widths = [varied(line, seed, pen=(1.8, 3.6))[:, 14].sum() for seed in range(40)]
    assert min(widths) < 2.1
    assert max(widths) > 3.3


def test_slant_and_aspect_are_within_their_ranges():
    upright = [[(0, 0), (0, 100)]]
    width = [np.ptp(np.flatnonzero(varied(upright, seed, slant=0.25).max(0) > 0.5)) for seed in range(30)]
    assert min(width) <= 3
    assert 5 <= max(width) <= 2 + 0.25 * 20
    square = [[(0, 0), (0, 100), (100, 100), (100, 0), (0, 0)]]
    shapes = [varied(square, seed, aspect=1.25) for seed in range(30)]
    ratios = [np.ptp(np.flatnonzero(g.max(0) > 0.5)) / np.ptp(np.flatnonzero(g.max(1) > 0.5)) for g in shapes]
    assert 0.75 < min(ratios) < 0.9
    assert 1.1 < max(ratios) < 1.35


def test_jitter_is_small_and_smooth():
    """No point moves far, and neighbouring points move alike."""
    line = [np.stack([np.linspace(0, 200, 201), np.zeros(201)], 1)]
    jitters = [
        Variation(**{**vars(NO_VARIATION), "jitter": 0.01}).vary(line, np.random.default_rng(seed))[0]
        - line[0]
        for seed in range(50)
    ]
    moved = np.stack(jitters)
    assert 0.005 * 200 < moved.std() < 0.012 * 200
    assert np.abs(moved).max() < 0.06 * 200
    assert np.abs(np.diff(moved, axis=1)).max() < 0.1 * moved.std() * 2


def test_one_end_of_one_stroke_is_cut():
    strokes = [
        np.array([[0.0, 0], [100, 0]]),
        np.array([[0.0, 50], [0, 50], [100, 50]]),
        np.array([[5.0, 5]]),
    ]
    variation = Variation(**{**vars(NO_VARIATION), "cut": 1, "longest_cut": 0.12})
    cuts = set()
    for seed in range(100):
        after = variation.vary(strokes, np.random.default_rng(seed))
        assert np.array_equal(after[2], strokes[2]), "a dot is not cut"
        changed = [i for i in (0, 1) if np.ptp(after[i][:, 0]) < 100]
        assert len(changed) <= 1
        for i in changed:
            assert 88 <= np.ptp(after[i][:, 0]) < 100
            assert (after[i][:, 1] == strokes[i][0, 1]).all(), "the stroke is shortened, not bent"
            cuts.add((i, bool(after[i][0, 0] > 0)))
    assert cuts == {(0, False), (0, True), (1, False), (1, True)}


def test_the_seed_determines_the_variation(tmp_path):
    extra, _ = load_extra_digits([write_strokes(tmp_path / "a.jsonl", *map(line_of, range(10)))])
    first = drawn(extra, 1)
    assert np.array_equal(first, drawn(extra, 1))
    assert all((a != b).any() for a, b in zip(first, drawn(extra, 2), strict=True))
    assert first.dtype == np.uint8
    assert first.max() > 200


def test_drawings_come_before_images_in_the_order_of_the_files(tmp_path):
    second = write_strokes(tmp_path / "second.jsonl", line_of(7), line_of(1))
    images = np.zeros((2, 28, 28), np.uint8)
    images[0, 4:24, 14] = images[1, 4:24, 10] = 255
    np.savez(tmp_path / "first.npz", images=images, labels=[1, 8])
    third = write_strokes(tmp_path / "third.jsonl.gz", line_of(4, writer="Ada"))
    extra, faults = load_extra_digits([tmp_path / "first.npz", second, third])
    extra = ExtraDigits(extra.drawings, extra.images, extra.sources, NO_VARIATION)
    digits = extra.draw(np.random.default_rng(0))
    assert faults == []
    assert len(extra) == len(digits) == 5
    assert digits.dataset == "ink"
    assert digits.images.dtype == torch.uint8
    assert digits.images.shape == (5, 1, 28, 28)
    assert digits.labels.dtype == torch.int64
    assert digits.labels.tolist() == [7, 1, 4, 1, 8]
    for image, number in zip(digits.images[:3, 0].numpy(), (7, 1, 4), strict=True):
        assert np.array_equal(image, glyph_of(DRAWN[number]))
    assert np.array_equal(digits.images[3:, 0].numpy(), images)
    assert [source["name"] for source in extra.sources] == ["first.npz", "second.jsonl", "third.jsonl.gz"]
    assert [source["digits"] for source in extra.sources] == [2, 2, 1]
    assert [source["sha256"] for source in extra.sources] == [
        hashlib.sha256((tmp_path / source["name"]).read_bytes()).hexdigest() for source in extra.sources
    ]
    assert json.loads(json.dumps(extra.sources)) == extra.sources


def test_credits_are_kept_with_their_sources(tmp_path):
    paths = [write_strokes(tmp_path / f"{name}.jsonl", line_of(i)) for i, name in enumerate("ab")]
    extra, _ = load_extra_digits(paths, ["Ada, CC BY 4.0", "Bo"])
    assert [source["credit"] for source in extra.sources] == ["Ada, CC BY 4.0", "Bo"]


def test_varied_strokes_of_real_people_are_still_read(recognizer):
    path = os.environ.get("DIGITS_PEN")
    if not path:
        missing("no stylus digits: DIGITS_PEN names a file of strokes")
    every = [drawing for _, drawing in each_line(Path(path))][::25]
    extra = ExtraDigits(every, NO_IMAGES, [])
    digits = extra.draw(np.random.default_rng(0))
    with torch.inference_mode():
        read = recognizer.model(digits.ink()).argmax(1)
    assert (read == digits.labels).float().mean() > 0.9


# stroke files and folders


def test_samples_without_label_or_ink_are_left_out_and_named(tmp_path):
    path = write_strokes(
        tmp_path / "some.jsonl",
        line_of(3),
        {"strokes": DRAWN[3]},
        "rubbish",
        {"label": 3, "strokes": [[], []]},
        {"label": 12, "strokes": DRAWN[3]},
        {"label": 1, "strokes": [[[0, 0]]] * 5001},
        {"label": 1, "strokes": [[], [[5, 5]]]},
    )
    extra, (fault,) = load_extra_digits([path])
    assert [drawing.label for drawing in extra.drawings] == [3, 1]
    assert "some.jsonl: 5 of 7 drawings left out: line 2 has no label; line 3 is not JSON" in fault
    assert [f"; line {number} " in fault for number in range(3, 8)] == [True] * 4 + [False]
    assert extra.sources[0]["digits"] == 2
    path = write_strokes(tmp_path / "more.jsonl", "[]", line_of(3))
    _, (fault,) = load_extra_digits([path])
    assert fault.endswith(
        '1 of 2 drawings left out: line 1 is no drawing: a list, not an object with "strokes"'
    )


def test_the_first_of_many_faults_are_named(tmp_path):
    path = write_strokes(tmp_path / "many.jsonl", line_of(1), *({"strokes": DRAWN[1]} for _ in range(30)))
    _, (fault,) = load_extra_digits([path])
    assert "30 of 31 drawings left out: line 2 has no label; " in fault
    assert fault.endswith("line 11 has no label; and 20 more")


def test_a_truncated_file_is_an_error(tmp_path):
    rng = np.random.default_rng(0)
    lines = [{"label": 1, "strokes": rng.integers(0, 10**6, (1, 500, 2)).tolist()} for _ in range(40)]
    path = write_strokes(tmp_path / "cut.jsonl.gz", *lines)
    path.write_bytes(path.read_bytes()[:-9000])
    assert re.fullmatch(r".*cut\.jsonl\.gz is truncated or corrupt after line \d\d", fault_of(path))


def test_the_windows_corrections_are_loaded(tmp_path, monkeypatch):
    folder = tmp_path / "corrections"
    for name, number in (("b", 4), ("a", 7)):
        image = picture_of(number)
        sample_store.write_sample(folder, name, label=number, strokes=DRAWN[number], image=image, read=1)
    read = picture_of(5)  # the correction of a picture has no strokes
    sample_store.write_sample(folder, "c", label=5, strokes=[], image=read)
    (folder / ".d.jsonl.1.tmp").write_text("half")
    extra, faults = load_extra_digits([folder])
    assert faults == []
    assert [drawing.label for drawing in extra.drawings] == [7, 4]
    assert extra.images.labels.tolist() == [5]
    assert np.array_equal(extra.images.images[0, 0].numpy(), glyph_of_picture(read))
    assert [(source["name"], source["digits"]) for source in extra.sources] == [("corrections", 3)]
    assert "personal" not in extra.sources[0]
    assert len(load_extra_digits([folder / "c.jsonl"])[0]) == 1
    monkeypatch.setattr(profiles, "CORRECTIONS", folder)
    for path in (folder, folder / "c.jsonl", folder.parent):
        assert holds_corrections(path)
    assert load_extra_digits([folder])[0].sources[0]["personal"] is True


def test_a_folder_of_classes(tmp_path, monkeypatch):
    folder = tmp_path / "people"
    save_picture(folder / "3" / "b.png", 3)
    save_picture(folder / "3" / "Ada" / "a.PNG", 3)
    save_picture(folder / "0" / "one.bmp", 0)
    save_picture(folder / "11" / "no-class.png", 1)
    save_picture(folder / ".hidden" / "3.png", 3)
    save_picture(folder / "3" / ".hidden.png", 3)
    (folder / "3" / "notes.txt").write_text("not ink")
    (folder / "5").mkdir()
    (folder / "5" / "broken.png").write_bytes(b"no picture")
    Image.new("L", (50, 50), 255).save(folder / "5" / "blank.png")
    write_strokes(folder / "deep" / "in" / "here.jsonl", line_of(8), {"strokes": []})
    write_strokes(folder / "3" / "drawn.jsonl", line_of(3))
    save_picture(folder / "3" / "drawn.png", 3)  # the same digit
    monkeypatch.chdir(folder)
    extra, (fault,) = load_extra_digits([Path()])
    assert [drawing.label for drawing in extra.drawings] == [3, 8]
    assert extra.images.labels.tolist() == [0, 3, 3]
    assert np.array_equal(extra.images.images[0, 0].numpy(), glyph_of_picture(picture_of(0)))
    assert fault == (
        ".: 3 of 8 digits left out: deep/in/here.jsonl, line 2 has no label; 5/blank.png has no ink; "
        "5/broken.png is not a picture that can be read"
    )
    assert extra.sources[0]["name"] == "people"
    before = extra.sources[0]["sha256"]
    (folder / "5" / "blank.png").unlink()  # it has no digit
    assert load_extra_digits([folder])[0].sources[0]["sha256"] == before
    (folder / "0").rename(folder / "1")  # the same files in the same order
    moved = load_extra_digits([folder])[0].sources[0]["sha256"]
    assert moved != before
    save_picture(folder / "1" / "one.bmp", 6)
    assert load_extra_digits([folder])[0].sources[0]["sha256"] not in (before, moved)


def test_a_path_without_usable_digits_is_an_error(tmp_path):
    assert fault_of(tmp_path / "gone.jsonl").endswith("gone.jsonl: no such file or folder")
    (tmp_path / "empty.jsonl").touch()
    assert "1 of 1 drawings left out: " in fault_of(tmp_path / "empty.jsonl")
    blank = write_strokes(tmp_path / "blank.jsonl", {"label": 1, "strokes": []}, {"strokes": DRAWN[1]})
    assert fault_of(blank).startswith("nothing to learn from: ")
    assert fault_of(blank).endswith("2 of 2 drawings left out: line 1 has no ink; line 2 has no label")
    (tmp_path / "no.jsonl.gz").write_bytes(b"not packed")
    assert "corrupt" in fault_of(tmp_path / "no.jsonl.gz")
    folder = tmp_path / "nothing"
    folder.mkdir()
    (folder / "photo.png").touch()
    assert "holds no stroke files (.jsonl, .jsonl.gz) and no pictures in folders 0 to 9" in fault_of(folder)
    (folder / "1").mkdir()
    (folder / "1" / "photo.png").touch()
    assert "1 of 1 digits left out: " in fault_of(folder)
    for name in ("one.json", "picture.png"):
        (tmp_path / name).write_text("[]")
        assert "is no ink with labels: stroke files (.jsonl, .jsonl.gz)" in fault_of(tmp_path / name)


def test_a_missing_file_beside_another_one_is_an_error(tmp_path):
    good = write_strokes(tmp_path / "good.jsonl", line_of(1))
    with pytest.raises(UserError, match=r"gone\.jsonl"):
        load_extra_digits([good, tmp_path / "gone.jsonl"])


# arrays


def save(path: Path, **arrays: object) -> Path:
    np.savez_compressed(path, **arrays)
    return path


@given(st.integers(0, 2**32), st.sampled_from(["uint8", "bool", "float32", "float64"]), st.booleans())
@settings(max_examples=20, deadline=None)
def test_images_in_mnists_form_are_unchanged(tmp_path_factory, seed, kind, with_channel):
    rng = np.random.default_rng(seed)
    expected = np.zeros((3, 28, 28), np.uint8)
    expected[:, 8:20, 8:20] = rng.integers(0, 2, (3, 12, 12)) * 255
    if kind != "bool":
        expected[:, 8:20, 8:20] = rng.integers(0, 256, (3, 12, 12))
    expected[:, 14, 14] = 255
    images = expected if kind == "uint8" else (expected / 255).astype(kind)
    path = tmp_path_factory.mktemp("npz") / "same.npz"
    save(path, images=images[:, None] if with_channel else images, labels=np.array([9, 0, 4], np.uint8))
    extra, faults = load_extra_digits([path])
    assert faults == []
    assert np.array_equal(extra.images.images[:, 0].numpy(), expected)
    assert extra.images.labels.tolist() == [9, 0, 4]


def test_images_of_other_sizes_are_read_as_pictures(tmp_path):
    pictures = [picture_of(number).convert("L") for number in (2, 9)]
    ink = np.stack([255 - np.asarray(picture) for picture in pictures])
    ink = np.concatenate([ink, np.zeros_like(ink[:1])])
    extra, (fault,) = load_extra_digits([save(tmp_path / "large.npz", images=ink, labels=[2, 9, 1])])
    assert extra.images.labels.tolist() == [2, 9]
    for image, picture in zip(extra.images.images[:, 0].numpy(), pictures, strict=True):
        assert np.array_equal(image, glyph_of_picture(picture))
    assert fault.endswith("large.npz: 1 of 3 images left out: image 2 (from 0) has no ink")


ONE = np.zeros((2, 28, 28), np.uint8)
ONE[:, 4:24, 13:16] = 255


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": ONE}, 'lacks one of the arrays "images" and "labels"'),
        ({"labels": [1, 1]}, 'lacks one of the arrays "images" and "labels"'),
        ({"images": ONE[0], "labels": [1]}, "(N, H, W) or (N, 1, H, W), not (28, 28)"),
        ({"images": ONE[:, :, :, None], "labels": [1, 1]}, "not (2, 28, 28, 1)"),
        ({"images": ONE[:0], "labels": []}, "not (0, 28, 28)"),
        ({"images": ONE, "labels": [1]}, '"labels" must be 2 whole numbers, one for each image'),
        ({"images": ONE, "labels": [1.0, 1.0]}, "not float64 (2,)"),
        ({"images": ONE, "labels": ["1", "1"]}, "whole numbers"),
        ({"images": ONE, "labels": [1, 10]}, '"labels" must be 0 to 9, not 1 to 10'),
        ({"images": ONE, "labels": [-1, 1]}, "not -1 to 1"),
        ({"images": ONE.astype(int), "labels": [1, 1]}, "must be uint8, bool or floats, not int64"),
        ({"images": ONE.astype(float), "labels": [1, 1]}, "must lie in [0, 1]"),
        ({"images": ONE * np.nan, "labels": [1, 1]}, "must lie in [0, 1]"),
        ({"images": ONE // 255, "labels": [1, 1]}, "their brightest pixel is 1 of 255"),
        ({"images": 255 - ONE, "labels": [1, 1]}, "ink must be bright on 0"),
        ({"images": np.array([None, {}]), "labels": [1, 1]}, "is damaged, or no archive of arrays"),
    ],
)
def test_arrays_that_are_not_labelled_images_are_refused(tmp_path, arrays, words):
    assert words in fault_of(save(tmp_path / "wrong.npz", **arrays))


def test_a_damaged_archive(tmp_path):
    path = save(tmp_path / "whole.npz", images=ONE, labels=[1, 1])
    content = path.read_bytes()
    damaged = tmp_path / "damaged.npz"
    flipped = bytearray(content)
    flipped[len(content) // 3] ^= 255
    for bad in (b"", b"text", content[:-30], content[40:], bytes(flipped)):
        damaged.write_bytes(bad)
        assert "is damaged, or no archive of arrays" in fault_of(damaged)
    with open(damaged, "wb") as file:
        np.save(file, ONE)
    assert "is damaged, or no archive" in fault_of(damaged)


# training


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
def test_training_with_extra_digits_resumes_exactly(project):
    """Drawings vary from epoch to epoch, in a resumed run as in an unbroken one."""
    pen = write_strokes(project.folder / "pen.jsonl", *map(line_of, range(10)), "rubbish")
    extra = ("--ink", pen, "--ink-credit", "Ada, CC BY 4.0", "--ink-weight", 6.4)
    arguments = ("--dataset", "digits", "--limit-train", 96, "--batch-size", 32, "--epochs", 3, *extra)
    whole = project.run("train.py", *arguments, "--output", "whole")
    assert whole.returncode == 0, whole.stderr
    assert "pen.jsonl: 1 of 11 drawings left out: line 11" in whole.stderr
    assert "96 images and 64 of other people's digits to train on" in whole.stdout
    with project.start("train.py", *arguments, "--output", "broken") as process:
        next(line for line in process.stdout if line.startswith("epoch 1/3"))
        process.send_signal(signal.SIGINT)
        assert "--resume broken" in process.stdout.read()
    resumed = project.run("train.py", "--resume", "broken")
    assert resumed.returncode == 0, resumed.stderr
    first, second = (
        torch.load(project.folder / run / "best.pt", weights_only=True) for run in ("whole", "broken")
    )
    digest = hashlib.sha256(pen.read_bytes()).hexdigest()
    assert first["training"]["ink"] == second["training"]["ink"]
    assert first["training"]["ink"] == [
        {"name": "pen.jsonl", "digits": 10, "sha256": digest, "credit": "Ada, CC BY 4.0"}
    ]
    assert same_weights(first["state_dict"], second["state_dict"])
    assert_one_line_error(project.run("train.py", "--resume", "broken", "--ink", pen), "leave out --ink")
    pen.write_text(pen.read_text().replace("rubbish", "rubble"))
    result = project.run("train.py", "--resume", "broken")
    assert result.returncode == 2
    assert "error: the saved state is of other people's digits that have changed" in result.stderr
    twice = ("--ink", pen, "--ink", pen, "--ink-weight")
    result = project.run("train.py", *arguments[:-6], *twice, 1, "--dry-run")
    assert "and 20 of other people's digits" in result.stdout, result.stderr
    result = project.run("train.py", *arguments[:-6], *twice, 0.01)
    assert result.returncode == 2
    assert "error: --ink-weight 0.01: that is none of 20 digits" in result.stderr
