"""Damaged and hostile checkpoints are refused with one line or read unchanged, and never run code."""

import gzip
import io
import itertools
import json
import os
import re
import runpy
import struct
import subprocess
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from checkpointing import archive, checkpoint
from checkpointing.archive import CheckpointError
from checkpointing.checkpoint import Checkpoint
from common.files import PROJECT
from evaluation.calibration import NoveltyDetector
from model import ImprovedResNet18

FIXTURES = Path(__file__).parents[1] / "fixtures"
CALIBRATION = NoveltyDetector(torch.zeros(704), torch.eye(704, 64), 0.5)
VALIDATION = {"n": 12_000, "errors": 43, "loss": 0.0125}


def save(path: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    model = ImprovedResNet18(dropout=0.25)
    calibration = replace(CALIBRATION, threshold=0.5 + seed)
    checkpoint.save_weights(
        path,
        model,
        dataset="mnist",
        validation={**VALIDATION, "errors": 43 + seed},
        training={"epochs": 3 + seed},
        calibration=calibration,
    )
    return path


def forge(path: Path, **changes: object) -> Path:
    """Change part of a file's content and give it a new checksum."""
    file = io.BytesIO()
    torch.save({**torch.load(path, weights_only=True), **changes}, file)
    path.write_bytes(archive.seal(file.getvalue()))
    return path


def unpacked(name: str) -> bytes:
    return gzip.decompress((FIXTURES / f"{name}.pt.gz").read_bytes())


def plain(value: object) -> object:
    """Convert what was read to plain values that can be compared bit for bit.

    Compare outside of an assert: pytest would take hours to find the difference of such large values.
    """
    if isinstance(value, Checkpoint):
        model, names = value.model, ("dataset", "class_names", "validation", "training")
        parts = (model.state_dict(), model.dropout.p, value.calibration and vars(value.calibration))
        return plain([*parts, *(getattr(value, name) for name in names)])
    if torch.is_tensor(value):
        return value.dtype, value.shape, value.numpy().tobytes()
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return list(map(plain, value)) if isinstance(value, list | tuple) else value


# earlier formats


@pytest.mark.parametrize("name", ["weights-1-uncalibrated", "weights-1", "weights-2"])
def test_weights_of_every_earlier_format_load(name, tmp_path):
    path = tmp_path / "old.pt"
    path.write_bytes(unpacked(name))
    loaded = checkpoint.load(path)
    assert (loaded.dataset, loaded.validation, loaded.training) == ("mnist", VALIDATION, {"epochs": 3})
    assert loaded.class_names == list("0123456789")
    state = loaded.model.state_dict()
    temperature = 2 if name == "weights-1" else 1  # which that format kept beside the weights
    ramp = (torch.arange(1280) % 7 - 3).view(10, 128) / 64
    assert torch.equal(state["fc.weight"], ramp / temperature)
    assert torch.equal(state["layer1.0.conv1.weight"].flatten()[:5], ramp.flatten()[:5])
    assert (state["stem.1.running_var"] == 0.5).all()
    if "uncalibrated" in name:
        assert loaded.calibration is None
    else:
        assert torch.equal(loaded.calibration.components, CALIBRATION.components)
        assert loaded.calibration.threshold == CALIBRATION.threshold


@pytest.mark.parametrize("name", ["training-state-1", "training-state-2"])
def test_training_states_of_every_earlier_format_load(name, tmp_path):
    path = tmp_path / "old.pt"
    path.write_bytes(unpacked(name))
    state = checkpoint.load_training_state(path)
    assert (state["epoch"], state["history"]) == (3, [{"epoch": 3, "val_loss": 0.5}])
    assert (state["model"]["fc.bias"] == 0.5).all()


# mutations


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    """A folder in memory if there is one, since thousands of files are written to it."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        return tmp_path_factory.mktemp("mutated")
    import tempfile

    with tempfile.TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


def save_state(path: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    history = [{"epoch": 3, "val_loss": 0.5 + seed}]
    state = {"epoch": 3, "model": ImprovedResNet18().state_dict(), "history": history}
    checkpoint.save_training_state(path, state)
    return path


class Original:
    """A file: its bytes, format, kind, content, and the function that reads it."""

    def __init__(self, path: Path) -> None:
        self.raw = path.read_bytes()
        said = torch.load(path, weights_only=True)
        self.format, self.kind = said["format_version"], said["kind"]
        self.load = checkpoint.load if self.kind == checkpoint.WEIGHTS else checkpoint.load_training_state
        self.content = plain(self.load(path))


@pytest.fixture(scope="module")
def originals(memory) -> list[Original]:
    """Weights and training states of every format."""
    paths = [save(memory / "weights-3.pt"), save_state(memory / "training-state-3.pt")]
    for name in ("weights-1", "weights-1-uncalibrated", "weights-2", "training-state-1", "training-state-2"):
        paths.append(memory / f"{name}.pt")
        paths[-1].write_bytes(unpacked(name))
    found = [Original(path) for path in paths]
    kinds = (checkpoint.WEIGHTS, checkpoint.TRAINING_STATE)
    assert {(one.kind, one.format) for one in found} == set(itertools.product(kinds, (1, 2, 3)))
    return found


def structure(raw: bytes) -> list[int]:
    """Return the offsets of the archive's headers, which are a few hundred bytes of 2.8 MB of weights."""
    return [match.start() for match in re.finditer(rb"PK(?:\x01\x02|\x03\x04|\x05\x06|\x06\x06)", raw)]


class Mutator:
    """Damages a file in one of many ways, at random; `donor` is another file to splice parts from."""

    def __init__(self, random: np.random.Generator, donor: bytes) -> None:
        self.random, self.donor, self._headers = random, donor, {}

    def headers(self, raw: bytes) -> list[int]:
        if id(raw) not in self._headers:
            self._headers[id(raw)] = structure(raw)
        return self._headers[id(raw)]

    def _below(self, bound: int) -> int:
        return int(self.random.integers(bound))

    def _pick(self, places: list[int]) -> int:
        return places[self._below(len(places))]

    def flip_anywhere(self, raw: bytes) -> bytes:
        return self._flip(raw, lambda: self._below(len(raw)))

    def flip_in_headers(self, raw: bytes) -> bytes:
        return self._flip(
            raw, lambda: self._pick(self.headers(raw)) + self._below(22)
        )  # the shortest header has 22 bytes

    def flip_in_the_pickle(self, raw: bytes) -> bytes:
        return self._flip(raw, lambda: 64 + self._below(10_000))

    def flip_at_the_end(self, raw: bytes) -> bytes:
        return self._flip(raw, lambda: len(raw) - 1 - self._below(150))

    def _flip(self, raw: bytes, place: Callable[[], int]) -> bytes:
        mutated = bytearray(raw)
        for _ in range(1 + self._below(8)):
            mutated[place()] ^= 1 << self._below(8)
        return bytes(mutated)

    def truncate(self, raw: bytes) -> bytes:
        return raw[: self._below(len(raw))]

    def truncate_at_the_end(self, raw: bytes) -> bytes:
        return raw[: len(raw) - 1 - self._below(10_000)]

    def lose_a_piece(self, raw: bytes) -> bytes:
        start = self._below(len(raw))
        return raw[:start] + raw[start + 1 + self._below(4096) :]

    def add_a_piece(self, raw: bytes) -> bytes:
        start = self._below(len(raw) + 1)
        return raw[:start] + self.random.bytes(1 + self._below(4096)) + raw[start:]

    def splice(self, raw: bytes) -> bytes:
        start, length = self._below(len(raw)), 1 + self._below(65536)
        return raw[:start] + self.donor[start : start + length] + raw[start + length :]

    def splice_ends(self, raw: bytes) -> bytes:
        start = self._below(len(raw))
        return raw[:start] + self.donor[start:]

    def splice_headers(self, raw: bytes) -> bytes:
        source = (raw, self.donor)[self._below(2)]
        to, fro = self._pick(self.headers(raw)), self._pick(self.headers(source))
        length = 4 + self._below(80)
        return raw[:to] + source[fro : fro + length] + raw[to + length :]

    def splice_the_pickle(self, raw: bytes) -> bytes:
        """Replace a part by that of another file, with its CRC-32."""
        with zipfile.ZipFile(io.BytesIO(raw)) as ours, zipfile.ZipFile(io.BytesIO(self.donor)) as other:
            parts = {name: ours.read(name) for name in ours.namelist()}
            names = [name for name in ours.namelist() if name in other.namelist()]
            chosen = names[0 if self._below(2) else self._below(len(names))]  # the first is the pickle
            parts[chosen] = other.read(chosen)
        return zipped(parts)

    KINDS = (
        flip_anywhere,
        flip_in_headers,
        flip_in_the_pickle,
        flip_at_the_end,
        truncate,
        truncate_at_the_end,
        lose_a_piece,
        add_a_piece,
        splice,
        splice_ends,
        splice_headers,
        splice_the_pickle,
    )


def zipped(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as copy:
        for name, content in parts.items():
            copy.writestr(name, content)
    return file.getvalue()


def read(path: Path, content: bytes, load: Callable[[Path], Checkpoint | dict]) -> Checkpoint | dict | str:
    """Return what is loaded, or the message of a `CheckpointError`."""
    path.write_bytes(content)
    try:
        return load(path)
    except CheckpointError as error:
        return str(error)


def generator(name: str) -> np.random.Generator:
    seed = np.random.SeedSequence().entropy
    print(name, "from seed", seed)
    return np.random.default_rng(seed)


def test_mutated_files_are_refused_or_read_as_they_were(often, memory, originals):
    donors = {
        checkpoint.WEIGHTS: save(memory / "donor.pt", seed=1).read_bytes(),
        checkpoint.TRAINING_STATE: save_state(memory / "donor.pt", seed=1).read_bytes(),
    }
    random, outcomes = generator("mutations"), Counter()
    mutators = {kind: Mutator(random, donor) for kind, donor in donors.items()}
    cases = itertools.cycle(itertools.product(Mutator.KINDS, originals))
    for mutate, original in itertools.islice(cases, often(10_000)):
        mutated = mutate(mutators[original.kind], original.raw)
        loaded = read(memory / "mutated.pt", mutated, original.load)
        what = (mutate.__name__, original.kind, original.format)
        if isinstance(loaded, str):
            outcomes["refused"] += 1
        elif mutated in (original.raw, donors[original.kind]):
            outcomes["no mutation after all"] += 1
        else:
            assert original.format < 3, what  # the current format detects every change
            if mutate is not Mutator.splice_the_pickle:
                same = plain(loaded) == original.content
                assert same, what
                outcomes["read as it was"] += 1
            elif original.kind == checkpoint.WEIGHTS:  # only the weights had a checksum
                same = plain(loaded)[0] == original.content[0]
                assert same, what
                outcomes["weights read with another file's calibration"] += 1
            else:
                outcomes["training state read with another file's tensor"] += 1
    print(dict(outcomes))
    assert outcomes["refused"] > 0.5 * outcomes.total()


def forgeries(original: bytes, random: np.random.Generator, count: int) -> Iterator[bytes]:
    """Yield files with a mutated pickle and matching checksums."""
    with zipfile.ZipFile(io.BytesIO(original)) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    for _ in range(count):
        mutated = bytearray(parts["archive/data.pkl"])
        for _ in range(random.integers(1, 4)):
            mutated[random.integers(len(mutated))] ^= 1 << random.integers(8)
        yield archive.seal(zipped({**parts, "archive/data.pkl": bytes(mutated)}))


def test_forged_files_never_run_nor_crash_nor_change_the_weights(often, memory, originals):
    random, outcomes = generator("forgeries"), Counter()
    weights = [original for original in originals if original.kind == checkpoint.WEIGHTS]
    for original in weights:
        for forged in forgeries(original.raw, random, often(2_000) // len(weights)):
            loaded = read(memory / "forged.pt", forged, original.load)
            if isinstance(loaded, str):
                outcomes["refused"] += 1
                continue
            outcomes["read"] += 1
            assert loaded.describe()
            for name, tensor in plain(loaded)[0].items():
                # In format 1 the pickle has the temperature, which changes the last layer.
                if original.format > 1 or not name.startswith("fc."):
                    same = tensor == original.content[0][name]
                    assert same, (name, original.format)
    print(dict(outcomes))
    assert len(outcomes) == 2


def test_forged_training_states_are_read_or_refused(often, memory, originals):
    """Nothing but a `CheckpointError` is raised. What a forged state says is not checked."""
    random, outcomes = generator("states"), Counter()
    states = [original for original in originals if original.kind == checkpoint.TRAINING_STATE]
    for original in states:
        for forged in forgeries(original.raw, random, often(1_500) // len(states)):
            loaded = read(memory / "forged.pt", forged, original.load)
            outcomes["refused" if isinstance(loaded, str) else "read"] += 1
    print(dict(outcomes))
    assert len(outcomes) == 2


# what would run code


class Bomb:
    """Unpickling this would create a folder."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


class Shell(Bomb):
    def __reduce__(self):
        return os.system, (f"mkdir '{self.target}'",)


class Code(Bomb):
    def __reduce__(self):
        return eval, (f"__import__('os').mkdir({str(self.target)!r})",)


class Script(Bomb):
    """Unpickling this would run a second file."""

    def __reduce__(self):
        second = self.target.with_name("second.py")
        second.write_text(f"import os\nos.mkdir({str(self.target)!r})")
        return runpy.run_path, (str(second),)


@pytest.mark.parametrize("bomb", [Bomb, Shell, Code, Script])
@pytest.mark.parametrize("place", ["training", "validation", "state_dict", "calibration", "kind", "new"])
def test_a_pickle_that_would_run_code_is_not_loaded(bomb, place, tmp_path):
    marker = tmp_path / "boom"
    path = save(tmp_path / "weights.pt")
    content = torch.load(path, weights_only=True)
    inside = {**content[place], "x": bomb(marker)} if isinstance(content.get(place), dict) else bomb(marker)
    forge(path, **{place: inside})
    with pytest.raises(CheckpointError, match="objects other than weights"):
        checkpoint.load(path)
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists()  # the bomb works


def test_a_program_of_torchscript_is_not_loaded(tmp_path):
    path = tmp_path / "weights.pt"
    torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)).save(path)
    with pytest.raises(CheckpointError, match=r"truncated or damaged|other than weights"):
        checkpoint.load(path)


# what would fill the memory


def deflated_bomb(path: Path) -> None:
    """A part of 2.8 MB that unpacks to 2.9 GB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    path.write_bytes(zip_of_deflated(piece * (2_800_000 // len(piece)), 2_800_000 // len(piece) * 2**20))


def zip_of_deflated(stream: bytes, size: int, entries: int = 1) -> bytes:
    name = b"archive/data.pkl"
    fields = struct.pack("<HHHHLLLHH", 20, 0, 8, 0, 0, 0, len(stream), 0, 0)
    fields = fields[:14] + struct.pack("<LLHH", len(stream), size, len(name), 0)
    local = b"PK\x03\x04" + fields + name + stream
    entry = b"PK\x01\x02" + struct.pack("<H", 20) + fields + bytes(14) + name
    counts = struct.pack("<HHHHLLH", 0, 0, entries, entries, len(entry) * entries, len(local), 0)
    return local + entry * entries + b"PK\x05\x06" + counts


def overlapping_bomb(path: Path) -> None:
    """Forty parts that share the same bytes of the file: 115 GB in 2.8 MB."""
    deflated_bomb(path)
    raw = path.read_bytes()
    stream = raw[46 : raw.index(b"PK\x01\x02")]
    path.write_bytes(zip_of_deflated(stream, 2**31, 40))


def expanded_weights(path: Path) -> None:
    """One number, expanded to a matrix of 2 GB."""
    state = torch.load(path, weights_only=True)["state_dict"]
    forge(path, state_dict={**state, "fc.weight": torch.zeros(1).expand(2**22, 128)})


def expanded_calibration(path: Path) -> None:
    calibration = torch.load(path, weights_only=True)["calibration"]
    forge(path, calibration={**calibration, "components": torch.zeros(1).expand(704, 2**20)})


def declared_storage(path: Path) -> None:
    """A tensor of 16 bytes whose pickle declares 4 GB."""
    file = io.BytesIO()
    torch.save({"a": torch.arange(4.0)}, file)
    with zipfile.ZipFile(file) as saved:
        parts = {name: saved.read(name) for name in saved.namelist()}
    before = parts["archive/data.pkl"]
    billion = b"J" + struct.pack("<i", 10**9)
    after = re.sub(rb"(cpuq.|K\0)K\x04", rb"\1" + billion, before)
    assert after != before
    path.write_bytes(archive.seal(zipped({**parts, "archive/data.pkl": after})))


def many_small_classes(path: Path) -> None:
    """As many as the file has bytes for; a network with so many would take a GiB."""
    count = 2**21
    state = torch.load(path, weights_only=True)["state_dict"]
    state["fc.bias"] = torch.zeros(count, dtype=torch.uint8)
    forge(
        path,
        arguments={"num_classes": count, "dropout": 0.1},
        class_names=["0"] * count,
        state_dict=state,
        weights_sha256=checkpoint.weights_digest(state),
    )


def repeated_weights(path: Path) -> None:
    """Tensors that share their storage: the checksum would have to be computed of 80 GB."""
    state, one = torch.load(path, weights_only=True)["state_dict"], torch.zeros(10**6)
    forge(path, state_dict={**state, **{str(number): one for number in range(20_000)}})


def broad_calibration(path: Path) -> None:
    """Two tensors that share their storage and whose product would take 4 GB."""
    one = torch.zeros(704 * 2**15 // 2)
    calibration = {"mean": one.view(-1, 704), "components": one.view(704, -1), "threshold": 1.0}
    forge(path, calibration=calibration)


def many_classes(path: Path) -> None:
    forge(path, arguments={"num_classes": 2**22, "dropout": 0.1})


def sparse_file(path: Path) -> None:
    """100 GB that take no room on the disk."""
    with open(path, "r+b") as file:
        file.truncate(100 * 10**9)


def endless_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


BOMBS = (
    deflated_bomb,
    overlapping_bomb,
    expanded_weights,
    expanded_calibration,
    declared_storage,
    many_classes,
    many_small_classes,
    repeated_weights,
    broad_calibration,
    sparse_file,
    endless_device,
)

MEASURE = """
import json, pathlib, re, sys, time
from checkpointing import archive, checkpoint, lookup
def peak():  # in MB
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1]) / 1024
checkpoint.load(lookup.SHIPPED["mnist"])
for path in map(pathlib.Path, sys.argv[1:]):
    before, started = peak(), time.process_time()
    try:
        checkpoint.load(path)
        said = None
    except archive.CheckpointError as error:
        said = str(error)
    print(json.dumps({"said": said, "megabytes": peak() - before, "seconds": time.process_time() - started}))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc, as on Linux")
def test_bombs_are_refused_without_time_or_memory(tmp_path):
    paths = []
    for bomb in BOMBS:
        paths.append(save(tmp_path / f"{bomb.__name__}.pt"))
        bomb(paths[-1])
    command = [sys.executable, "-c", MEASURE, *paths]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    for path, line in zip(paths, map(json.loads, result.stdout.splitlines()), strict=True):
        print(path.name, line)
        assert line["said"], path.name
        assert line["megabytes"] < 200, path.name
        assert line["seconds"] < 20, path.name  # of processor time


# what only the checksum of the whole file detects


@pytest.mark.parametrize(
    "changes",
    [
        {"class_names": list("9876543210")},
        {"arguments": {"num_classes": 10, "dropout": 0.9}},
        {"validation": {"n": 12_000, "errors": 0, "loss": 0.0}},
        {"calibration": {**asdict(CALIBRATION), "threshold": 100.0}},
        {"calibration": None},
        {"dataset": "digits"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_description_of_the_weights_is_covered_by_the_checksum(changes, tmp_path):
    path = save(tmp_path / "weights.pt")
    file = io.BytesIO()
    torch.save({**torch.load(path, weights_only=True), **changes}, file)
    for content in (file.getvalue(), file.getvalue() + path.read_bytes()[-64:]):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="damaged"):
            checkpoint.load(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"class_names": 7},
        {"class_names": ["0"]},
        {"class_names": [[]] * 10},
        {"arguments": [10]},
        {"validation": {"n": 3, "errors": "none", "loss": None}},
        {"validation": None},
        {"training": 7},
        {"dataset": ["mnist"]},
        {"architecture": ["ImprovedResNet18"] * 100},
        {"calibration": {"mean": torch.zeros(3), "components": torch.zeros(2, 2), "threshold": 1.0}},
        {"calibration": {**asdict(CALIBRATION), "threshold": "1"}},
        {"calibration": {"x": 1}},
        {"calibration": 7},
        {"state_dict": {}},
        {"state_dict": {1: 2}},
        {"state_dict": {"fc.bias": torch.zeros(10), "fc.weight": torch.zeros(10, 128, dtype=torch.uint8)}},
        {"format_version": True},
        {"kind": {}},
    ],
    ids=str,
)
def test_values_of_another_type_are_refused_in_one_line(changes, tmp_path):
    path = forge(save(tmp_path / "weights.pt"), **changes)
    with pytest.raises(CheckpointError) as error:
        checkpoint.load(path)
    assert len(str(error.value)) < 400
