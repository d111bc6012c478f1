"""Corrected samples count from the next reading on, are kept on disk and can be removed."""

import builtins
import contextlib
import copy
import errno
import io
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from common.files import PROJECT
from common.messages import UserError
from evaluation.calibration import features_and_logits
from gui.drawing import Page, Stroke
from gui.painting import to_image
from preprocessing.stroke_candidates import segment_strokes
from preprocessing.stroke_files import drawings
from recognition import memory as memory_module
from recognition import profiles, sample_store
from recognition.memory import Memory
from recognition.profiles import profile_folder
from recognition.reading import text_of
from recognition.recognizer import Recognizer
from recognition.sample_set import SampleSet
from tests.support.handwriting import ODD, digit, wobbly
from tests.support.project import without_capability


def glyph_of(strokes):
    return segment_strokes(strokes, single=True)[0][0].glyph


def picture_of(strokes):
    return to_image(Page(tuple(Stroke(tuple(line), 8.0) for line in strokes)), (-20, -20, 110, 150))


@pytest.fixture
def reader(recognizer, tmp_path):
    """Return a recognizer with an empty memory in a folder of its own."""
    reader = copy.copy(recognizer)
    reader.memory = Memory(tmp_path / "corrections" / "default", recognizer.checkpoint)
    return reader


def reopened(reader, **changes):
    """Open the memory again, with changed attributes of the checkpoint."""
    checkpoint = copy.copy(reader.checkpoint)
    for name, value in changes.items():
        object.__setattr__(checkpoint, name, value)
    return Memory(reader.memory.folder, checkpoint)


def logits_of(memory, reader, strokes):
    """Return the adapted logits of strokes."""
    ink = torch.from_numpy(glyph_of(strokes))[None, None]
    with torch.inference_mode():
        return memory.adapt(*features_and_logits(reader.model, ink))[0].numpy()


def teach(reader, strokes, label, **options):
    """Add strokes to the memory as a sample of `label`."""
    (reading,) = reader.read_strokes(strokes, single=True)
    return reader.memory.add(label, reading.glyph, strokes=strokes, read=reading.digit, **options)


def files_of(folder):
    return sorted(path.name for path in folder.iterdir())


# reading


def test_a_correction_counts_from_the_next_reading_on(reader):
    """An unusual 8 is learnt from one sample, and all other digits are read as before."""
    before = [reader.read_strokes(digit(number, (0, 0), 100), single=True)[0] for number in range(10)]
    label = 8
    times = [wobbly(ODD, seed) for seed in range(12)]
    untaught = [reader.read_strokes(strokes, single=True)[0] for strokes in times]
    assert sum(reading.digit == label for reading in untaught) <= 2
    teach(reader, times[0], label)
    taught = [reader.read_strokes(strokes, single=True)[0] for strokes in times]
    assert sum(reading.digit == label and reading.is_digit for reading in taught) >= 10
    assert all(a.novelty <= b.novelty for a, b in zip(taught, untaught, strict=True))
    after = [reader.read_strokes(digit(number, (0, 0), 100), single=True)[0] for number in range(10)]
    for old, new in zip(before, after, strict=True):
        assert new.digit == old.digit
        assert new.confidence == pytest.approx(old.confidence, abs=0.02)


@pytest.mark.parametrize("number", range(10))
def test_a_sample_is_read_as_its_label_however_sure_the_network_was(reader, number):
    strokes, label = digit(number, (0, 0), 100), (number + 3) % 10
    teach(reader, strokes, label)
    (reading,) = reader.read_strokes(strokes, single=True)
    assert (reading.digit, reading.is_digit) == (label, True)
    assert reading.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_numbers_are_read_with_it_too(reader):
    number = [
        [(x + 130 * place, y) for x, y in stroke]
        for place, strokes in enumerate([digit(7, (50, 70), 140), ODD, digit(2, (50, 70), 140)])
        for stroke in strokes
    ]
    assert text_of(reader.read_strokes(number)) != "782"
    teach(reader, wobbly(ODD, 1), 8)
    assert text_of(reader.read_strokes(number)) == "782"


def test_forgetting_a_wrong_correction_restores_readings_bit_for_bit(reader):
    teach(reader, wobbly(ODD, 1), 8)
    before = logits_of(reader.memory, reader, ODD)
    wrong = teach(reader, ODD, 6)
    assert (logits_of(reader.memory, reader, ODD) != before).any()
    reader.memory.forget(wrong.stem)
    reader.memory.forget(wrong.stem)
    assert (logits_of(reader.memory, reader, ODD) == before).all()
    assert (logits_of(reopened(reader), reader, ODD) == before).all()
    assert not [name for name in files_of(reader.memory.folder) if name.startswith(wrong.stem)]


def test_wrong_corrections_are_outvoted_by_right_ones(reader):
    for seed in (1, 2, 3):
        teach(reader, wobbly(ODD, seed), 6)
    for seed in (4, 5, 6):
        teach(reader, wobbly(ODD, seed), 8)
    for seed in (4, 5, 6):
        assert reader.read_strokes(wobbly(ODD, seed), single=True)[0].digit == 8
    clean = [reader.read_strokes(digit(number, (0, 0), 100), single=True)[0] for number in range(10)]
    assert [reading.digit for reading in clean] == list(range(10))


def test_forget_all(reader):
    for seed in range(3):
        teach(reader, wobbly(ODD, seed), 8)
    (reader.memory.folder / ".20261122-124530-118034.png.7.tmp").write_bytes(b"half")  # from a killed process
    assert reader.memory.forget_all() == 3
    assert len(reader.memory) == 0
    assert files_of(reader.memory.folder) == []
    assert len(reopened(reader)) == 0


def test_a_sample_of_the_same_name_is_replaced(reader):
    teach(reader, ODD, 4, name="one")
    teach(reader, ODD, 8, name="one")
    assert reader.memory.labels == reopened(reader).labels == {"one": 8}
    assert reader.read_strokes(ODD, single=True)[0].digit == 8


def test_the_latest_correction_of_the_same_ink_counts(reader):
    """The same ink is corrected twice; once the second is forgotten, the first counts again."""
    teach(reader, ODD, 6)
    first = logits_of(reader.memory, reader, ODD)
    second = teach(reader, ODD, 8)
    for memory in (reader.memory, reopened(reader)):
        assert sorted(memory.labels.values()) == [6, 8]
        assert logits_of(memory, reader, ODD).argmax() == 8
    reader.memory.forget(second.stem)
    assert (logits_of(reader.memory, reader, ODD) == first).all()


def test_the_latest_correction_counts_even_if_the_clock_goes_back(reader):
    name = "29991231-235959-999999"
    teach(reader, ODD, 4, name=name)
    assert teach(reader, ODD, 8).stem > name
    assert logits_of(reopened(reader), reader, ODD).argmax() == 8


# what is on the disk


def test_a_sample_is_a_stroke_file_and_is_read_again(reader):
    path = teach(reader, ODD, 8, confidence=0.5)
    (drawing,) = drawings(path)
    assert drawing.label == 8
    assert [len(stroke) for stroke in drawing.strokes] == [2, 2, 2]
    assert files_of(path.parent) == [f"{path.stem}{suffix}" for suffix in (".jsonl", ".npy", ".png")]
    again = reopened(reader)
    assert again.labels == {path.stem: 8}
    assert (logits_of(again, reader, ODD) == logits_of(reader.memory, reader, ODD)).all()
    assert Recognizer(profile=path.parent).read_strokes(ODD, single=True)[0].digit == 8


def test_a_glyph_alone_can_be_added(reader):
    path = reader.memory.add(8, glyph_of(ODD))
    assert Image.open(path.with_suffix(".png")).size == (28, 28)
    assert reopened(reader).labels == {path.stem: 8}


@pytest.mark.parametrize("strokes", [ODD, []], ids=["drawn", "picture"])
def test_samples_without_a_record_are_read(reader, strokes):
    """Such samples were written by earlier versions, or by `sample_store.write_sample`."""
    sample_store.write_sample(reader.memory.folder, "old", label=8, strokes=strokes, image=picture_of(ODD))
    reader.memory = reopened(reader)
    assert reader.memory.labels == {"old": 8}
    assert reader.memory.set_aside == []
    assert files_of(reader.memory.folder) == ["old.jsonl", "old.npy", "old.png"]
    assert reader.read_strokes(wobbly(ODD, 1), single=True)[0].digit == 8


def test_records_of_other_weights_are_computed_again(reader):
    path = teach(reader, ODD, 8)
    sidecar = path.with_suffix(".npy")
    first = np.load(sidecar)
    model = copy.deepcopy(reader.model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 1.01
    changed = reopened(reader, model=model, sha256="f" * 64)
    second = np.load(sidecar)
    assert second["weights"] == b"f" * 64
    assert (second["glyph"] == first["glyph"]).all()
    assert not np.allclose(second["logits"], first["logits"])
    ink = torch.from_numpy(glyph_of(ODD))[None, None]
    with torch.inference_mode():
        _, familiarity = changed.adapt(*features_and_logits(model, ink))
    assert familiarity.item() > 0.99
    reopened(reader)
    assert (np.load(sidecar) == first).all()


BROKEN = {
    "empty": b"",
    "cut short": b'{"label":9,"strokes":[[[1,2],',
    "without a label": b'{"strokes":[[[1,2],[3,4]]]}\n',
    "two drawings": b'{"label":9,"strokes":[[[1,2],[3,4]]]}\n' * 2,
    "no ink": b'{"label":9,"strokes":[]}\n',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_an_invalid_sample_is_set_aside_and_the_others_load(reader, content):
    good = teach(reader, ODD, 8)
    bad = reader.memory.folder / "20200101-000000-000000.jsonl"
    bad.write_bytes(content)
    memory = reopened(reader)
    assert memory.labels == {good.stem: 8}
    assert memory.set_aside == [bad.with_name(f"{bad.name}.broken")]
    assert memory.set_aside[0].read_bytes() == content
    assert reopened(reader).set_aside == []


@pytest.mark.parametrize("suffix", [".jsonl", ".png", ".npy"])
@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.EACCES], ids=errno.errorcode.get)
def test_a_file_that_the_system_refuses_is_reported_and_left(reader, monkeypatch, capfd, suffix, number):
    path = reader.memory.add(8, glyph_of(ODD))
    if suffix == ".png":
        path.with_suffix(".npy").unlink()  # so that the picture has to be read
    before, real = files_of(path.parent), io.open

    def refuse(file, *arguments, **options):
        if str(file).endswith(suffix):
            raise OSError(number, os.strerror(number), str(file))
        return real(file, *arguments, **options)

    for module in (io, builtins):
        monkeypatch.setattr(module, "open", refuse)
    memory = reopened(reader)
    monkeypatch.undo()
    assert memory.set_aside == []
    assert files_of(path.parent) == before
    said = capfd.readouterr().err
    if suffix == ".npy":  # the record is computed again
        assert (len(memory), said) == (1, "")
    else:
        assert len(memory) == 0
        assert f"{path.stem}{suffix} cannot be read: {os.strerror(number)}" in said
    assert reopened(reader).labels == {path.stem: 8}


def test_leftovers_of_killed_processes_are_removed_on_opening(reader):
    """But not recent files, nor those of a sample, even an invalid one, nor files with other names."""
    whole = teach(reader, ODD, 8)
    broken = teach(reader, wobbly(ODD, 1), 8)
    broken.rename(f"{broken}.broken")
    (reader.memory.folder / "other.png").write_bytes(b"")
    stay = files_of(whole.parent)
    for name in (f".{whole.name}.7.tmp", "20200101-000000-000000.png", "20200101-000000-000000.npy"):
        (reader.memory.folder / name).write_bytes(b"half")
    assert reopened(reader).labels == {whole.stem: 8}
    assert len(files_of(whole.parent)) == len(stay) + 3
    later = time.time() + 2 * sample_store.MIN_LEFTOVER_AGE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: later)
        assert reopened(reader).labels == {whole.stem: 8}
    assert files_of(whole.parent) == stay


@pytest.mark.parametrize("kept", [0, 50, 200, 3000], ids="{} bytes".format)
def test_an_invalid_record_is_computed_again(reader, kept):
    path = teach(reader, ODD, 8)
    sidecar = path.with_suffix(".npy")
    whole = sidecar.read_bytes()
    sidecar.write_bytes(whole[:kept])
    memory = reopened(reader)
    assert memory.labels == {path.stem: 8}
    assert memory.set_aside == [sidecar.with_name(f"{sidecar.name}.broken")]
    assert len(sidecar.read_bytes()) == len(whole)
    assert logits_of(memory, reader, ODD).argmax() == 8


@pytest.mark.parametrize("part", ["features", "logits"])
def test_a_record_with_nan_is_invalid(reader, part):
    path = teach(reader, ODD, 8).with_suffix(".npy")
    record = np.load(path)
    record[part][5] = np.nan
    np.save(path, record)
    memory = reopened(reader)
    assert len(memory.set_aside) == 1
    assert np.isfinite(logits_of(memory, reader, ODD)).all()


@pytest.mark.parametrize("strokes", [ODD, []], ids=["drawn", "picture"])
@pytest.mark.parametrize("steps", range(4))
def test_a_process_is_killed_while_a_sample_is_forgotten(reader, monkeypatch, strokes, steps):
    """The sample is complete or gone, and `forget_all` removes any leftovers."""
    path = reader.memory.add(8, glyph_of(ODD), strokes=strokes, image=picture_of(ODD))
    real, left = Path.unlink, iter(range(steps))

    def unlink(path, **options):
        if next(left, None) is None:
            raise KeyboardInterrupt  # like a kill: nothing is executed after it
        real(path, **options)

    monkeypatch.setattr(Path, "unlink", unlink)
    with contextlib.suppress(KeyboardInterrupt):
        reader.memory.forget(path.stem)
    monkeypatch.undo()
    memory = reopened(reader)
    assert memory.labels == ({} if steps else {path.stem: 8})
    assert memory.set_aside == []
    assert memory.forget_all() == (0 if steps else 1)
    assert files_of(path.parent) == []


def test_a_sample_that_cannot_be_written_is_not_remembered(reader, monkeypatch):
    kept = teach(reader, ODD, 8)
    before = files_of(kept.parent)
    real = os.replace

    def full(source, target):
        if str(target).endswith(".jsonl"):
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="No space left"):
        teach(reader, wobbly(ODD, 1), 4)
    monkeypatch.undo()
    assert reader.memory.labels == {kept.stem: 8}
    assert reopened(reader).labels == {kept.stem: 8}
    assert files_of(kept.parent) == before


@pytest.mark.parametrize("label", [-1, 10])
def test_a_label_is_a_digit(reader, label):
    with pytest.raises(ValueError, match="0 to 9"):
        reader.memory.add(label, glyph_of(ODD))
    assert not reader.memory.folder.exists()


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="drops Linux capabilities")
def test_a_read_only_folder_is_read(reader):
    teach(reader, ODD, 8)
    reader.memory.folder.chmod(0o500)
    code = (
        "import sys; from pathlib import Path; import dataclasses\n"
        "from checkpointing import checkpoint, lookup\n"
        "from recognition.memory import Memory\n"
        "loaded = dataclasses.replace(checkpoint.load(lookup.find('shipped')), sha256='e' * 64)\n"
        "print(list(Memory(Path(sys.argv[1]), loaded).labels.values()))"
    )
    arguments = [sys.executable, "-c", code, str(reader.memory.folder)]
    root = os.geteuid() == 0
    drop = without_capability(1, 2) if root else None
    result = subprocess.run(arguments, cwd=PROJECT, capture_output=True, text=True, preexec_fn=drop)
    reader.memory.folder.chmod(0o700)
    assert result.stdout.strip() == "[8]", result.stderr


# limits, and threads


def test_the_most_redundant_sample_is_removed(reader, monkeypatch):
    """Of two similar ones, the older one."""
    monkeypatch.setattr(memory_module, "MAX_SAMPLES", 3)
    first = teach(reader, digit(3, (0, 0), 100), 3)
    twin = teach(reader, ODD, 8)
    newer = teach(reader, wobbly(ODD, 1, 0.1), 8)
    last = teach(reader, digit(2, (0, 0), 100), 3)
    assert set(reader.memory.labels) == {first.stem, newer.stem, last.stem}
    assert not twin.exists()
    assert reopened(reader).labels == reader.memory.labels


def test_the_most_redundant_of_too_many_samples_are_left_out(reader, monkeypatch):
    """The same ones as if all were added one by one; but their files stay in the folder."""
    first = teach(reader, digit(3, (0, 0), 100), 3)
    other = teach(reader, digit(2, (0, 0), 100), 3)
    teach(reader, ODD, 8)
    teach(reader, wobbly(ODD, 1, 0.1), 8)
    last = teach(reader, wobbly(ODD, 1, 0.2), 8)
    monkeypatch.setattr(memory_module, "MAX_SAMPLES", 3)
    memory = reopened(reader)
    assert set(memory.labels) == {first.stem, other.stem, last.stem}
    assert len(list(memory.folder.glob("*.jsonl"))) == 5
    assert memory.forget_all() == 5
    assert files_of(memory.folder) == []


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(2, 40), classes=st.integers(1, 3))
def test_redundant_samples_are_those_found_one_after_another(seed, size, classes):
    rng = np.random.default_rng(seed)
    shapes = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(size, 4)).astype(np.float32)))
    labels = torch.from_numpy(rng.integers(0, classes, size))
    glyphs, none = np.zeros((size, 28, 28), np.uint8), torch.zeros(size)
    kept = SampleSet(tuple(map(str, range(size))), labels, glyphs, shapes, none)
    count = size - len(labels.unique())
    rest = kept
    for _ in range(count):
        (gone,) = rest.redundant(1)
        rest = rest.without([gone])
    assert kept.without(kept.redundant(count)).names == rest.names
    assert sorted(rest.labels.tolist()) == labels.unique().tolist()
    assert kept.redundant(0) == kept.redundant(-1) == []


def test_a_full_memory_costs_less_than_the_network(reader, monkeypatch):
    """Reading a digit takes less work for 2,000 samples than for the network; no sample is added to them."""
    monkeypatch.setattr(sample_store, "write_atomically", lambda *_: None)
    rng = np.random.default_rng(0)
    memory, count = reader.memory, memory_module.MAX_SAMPLES
    shapes = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(count, 576)).astype(np.float32)))
    labels = torch.from_numpy(rng.integers(0, 10, count))
    glyphs = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
    memory._replace_samples(
        SampleSet(tuple(map(str, range(count))), labels, glyphs, shapes, torch.zeros(count))
    )
    ink = torch.from_numpy(glyph_of(ODD))[None, None]
    with FlopCounterMode(display=False) as network:
        features, logits = features_and_logits(reader.model, ink)
    with FlopCounterMode(display=False) as cache:
        memory.adapt(features, logits)
    assert 0 < cache.get_total_flops() < 0.1 * network.get_total_flops()
    memory.folder.mkdir(parents=True)
    teach(reader, ODD, 8)
    assert len(memory) == count


def test_thread_safety(reader):
    """Samples are added and forgotten while other threads read."""
    strokes = [wobbly(ODD, seed) for seed in range(24)]

    def work(job):
        place, taught = job
        if not taught:
            return reader.read_strokes(strokes[place], single=True)[0].probabilities.sum()
        name = teach(reader, strokes[place], 8).stem
        if place % 3 == 0:
            reader.memory.forget(name)
        return 1.0

    with ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(work, [(place, taught) for place in range(24) for taught in (True, False)]))
    assert sums == pytest.approx([1] * 48, abs=1e-4)
    assert len(reader.memory) == 16
    assert reopened(reader).labels == reader.memory.labels


# profiles


def test_samples_from_before_profiles_are_moved_into_the_default_one(tmp_path):
    """Only files named like samples are moved, and none replaces another."""
    root, image = tmp_path / "corrections", Image.new("L", (28, 28), 255)
    profiles.move_old_samples(root)
    assert not root.exists()
    names = [profiles.new_sample_name() for _ in range(3)]
    for name in (*names, "other"):
        sample_store.write_sample(root, name, label=8, strokes=ODD, image=image)
    (root / f"{names[0]}.png").unlink()  # as if an earlier move was interrupted
    (root / "anna").mkdir()
    sample_store.write_sample(root / "default", names[2], label=3, strokes=ODD, image=image)
    profiles.move_old_samples(root)
    assert files_of(root) == sorted(
        [f"{names[2]}.jsonl", f"{names[2]}.png", "anna", "default", "other.jsonl", "other.png"]
    )
    assert files_of(root / "default") == sorted(
        [f"{names[0]}.jsonl", *(f"{name}{suffix}" for name in names[1:] for suffix in (".jsonl", ".png"))]
    )
    (kept,) = drawings(root / "default" / f"{names[2]}.jsonl")
    assert kept.label == 3, "an existing sample is not replaced"


def test_a_profile_without_samples(tmp_path, monkeypatch):
    monkeypatch.setattr(profiles, "CORRECTIONS", tmp_path)
    with pytest.raises(UserError, match=r"anna: correct .* app.py --profile anna"):
        profiles.existing_profile("anna")
    name = profiles.new_sample_name()
    sample_store.write_sample(tmp_path, name, label=8, strokes=ODD, image=Image.new("L", (28, 28), 255))
    assert profiles.existing_profile("default") == tmp_path / "default"
    assert (tmp_path / "default" / f"{name}.jsonl").exists()


@pytest.mark.parametrize("name", ["default", "Anna", "小明", "left hand", "a.b", "d'Arc"])
def test_names_of_profiles(name, tmp_path):
    assert profile_folder(name, tmp_path) == tmp_path / name
    assert profile_folder(name).parent == profiles.CORRECTIONS


@pytest.mark.parametrize(
    "name",
    ["", " ", "a/b", "..", ".", ".hidden", "a\\b", "C:", "a\nb", "a\0", "nul", "COM1.x", "a.", "x" * 101],
)
def test_invalid_names_of_profiles(name):
    with pytest.raises(UserError, match="cannot be the name of a profile: ") as error:
        profile_folder(name)
    assert "\n" not in str(error.value)
