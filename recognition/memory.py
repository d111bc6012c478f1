"""What a person has corrected, and how a reading leans towards it: from the next stroke on, without training.

A profile is a folder of corrected samples as `sample_store.py` writes them: `NAME.jsonl` is the sample, and
`NAME.png` its picture. Beside them `NAME.npy` holds what the network saw, and what it made of that with which
weights. It can be made anew from the sample, so it may be missing, and old samples may be moved in by hand.

The rule: each kept sample speaks for its label, the louder the more the ink at hand is like it; of a class
only the loudest is heard. That is a cache beside the network (Zhang et al., "Tip-Adapter: Training-free
Adaption of CLIP for Few-shot Classification", 2022) with the nearest sample in place of a sum, and silent
beyond a distance, so that others' digits are read as before.
"""

import contextlib
import io
import os
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from checkpointing.checkpoint import Checkpoint
from common.files import write_atomically
from common.geometry import Point
from common.messages import UserError, complain, short
from evaluation.calibration import features_and_logits
from recognition import profiles, sample_store
from recognition.sample_store import SampleSet, glyph_of, read_sample

# Chosen on 30 writers' strokes, replayed as `benchmarks/personal.py` does. What anybody's memory costs on the
# others' digits and on MNIST's validation images was to be 0.05 points at most: see docs/personal.md.
USUAL = 0.7  # share of the differences that are common among digits that is taken off before comparing
NEAR = 0.45  # cosine from which on a sample is heard
STRENGTH = 11.0  # what it adds to the logarithm of its label's probability where the cosine is 1
LEAD = 8.0  # by which ink like the sample's own becomes its label, however sure the network was of another
FADING = 3  # the least power of nearness by which what that takes beyond STRENGTH fades

MOST = 2_000  # samples that are used: of more, the least useful are left out
MOST_LOOKED_AT = 2 * MOST  # the newest, where a folder holds more
LEFT = 3600  # seconds after which what is no whole sample is what a kill has left, and not being written
BATCH = 256  # glyphs that go through the network at a time


class Memory:
    """One person's corrected samples, on disk and at hand. Threads may share it.

    Attributes:
        folder: of the profile.
        set_aside: files that could not be used on opening, by their present names, which end in ".broken".
    """

    def __init__(self, folder: Path, checkpoint: Checkpoint) -> None:
        """Open a profile: what was seen with other weights is looked at anew.

        A sample that cannot be read, as for its permissions, is named on stderr and left where it is.

        Args:
            folder: as from `profiles.profile_folder`; made with the first sample.
            checkpoint: calibrated weights, those of the recogniser that the memory is for.

        Raises:
            UserError: if the folder cannot be read.
        """
        self.folder = folder
        self.set_aside: list[Path] = []
        self._model = checkpoint.model
        self._weights = checkpoint.sha256.encode()
        parameter = next(self._model.parameters())
        self._device = parameter.device
        self._record = np.dtype(
            [
                ("weights", "S64"),  # SHA-256 of their file, in hexadecimal
                ("glyph", np.uint8, (28, 28)),  # ink 255 on 0
                ("features", np.float32, (checkpoint.calibration.mean.numel(),)),  # of `features_and_logits`
                ("logits", np.float32, (self._model.fc.out_features,)),
            ]
        )
        self._mean = checkpoint.calibration.mean.to(self._device)
        self._components = checkpoint.calibration.components.to(self._device)
        self._lock = Lock()
        self._hold(self._load())

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def labels(self) -> dict[str, int]:
        """The label of each sample by its name, oldest first."""
        kept = self._kept
        return dict(zip(kept.names, kept.labels.tolist(), strict=True))

    @property
    def glyphs(self) -> dict[str, np.ndarray]:
        """What the network saw of each sample by its name, oldest first: uint8, (28, 28), ink 255 on 0."""
        kept = self._kept
        return dict(zip(kept.names, kept.glyphs, strict=True))

    def lean(self, features: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Let readings lean towards what is kept.

        Args:
            features, logits: of `features_and_logits`, (N, 704) and (N, 10), with the weights of this memory.

        Returns:
            The logits, those of remembered classes raised, and how familiar the ink is: (N,), from 0 for
            nothing like it is kept to 1 for the very same.
        """
        kept = self._heard
        if not len(kept):
            return logits, torch.zeros_like(logits[:, 0])
        near = ((self._shapes(features) @ kept.shapes.T - NEAR) / (1 - NEAR)).clamp(0, 1)
        # The more it takes, the more alike the ink must be: or one slip or scrawl would cost many digits.
        heard = STRENGTH * near + kept.excess * near ** kept.excess.clamp(min=FADING)
        labels = kept.labels.expand(len(near), -1)
        return logits + torch.zeros_like(logits).scatter_reduce(1, labels, heard, "amax"), near.amax(1)

    def add(
        self,
        label: int,
        glyph: np.ndarray,
        *,
        strokes: Sequence[Sequence[Point]] = (),
        image: Image.Image | None = None,
        read: int | None = None,
        confidence: float | None = None,
        name: str | None = None,
    ) -> Path:
        """Keep a sample: the next reading knows it. When this returns, it is on the disk.

        Args:
            label: what it is, 0 to 9.
            glyph: (28, 28), ink 1 on 0, as `Reading.glyph`.
            strokes: what was drawn, if it was.
            image: the same as a picture, dark on light; None for one of the glyph.
            read, confidence: as for `sample_store.keep`.
            name: as from `profiles.new_name`, which None calls; a sample of that name is replaced.

        Returns:
            The file with its strokes, whose stem is the name.

        Raises:
            UserError: if it cannot be written; nothing has then changed.
        """
        if not 0 <= label <= 9:
            raise ValueError(f"label must be a digit from 0 to 9, not {label}")
        pixels = np.asarray(glyph, np.float32).clip(0, 1)
        pixels = (pixels * 255).round().astype(np.uint8)
        image = image or Image.fromarray(255 - pixels)
        record = self._look_at(pixels[None])[0]
        with self._lock:
            name = name or profiles.new_name(self._kept.names)
            # The sample itself comes last: what is cut short before is no sample.
            write_atomically(self._sidecar(name), _to_bytes(record))
            try:
                path = sample_store.keep(
                    self.folder,
                    name,
                    label=label,
                    strokes=strokes,
                    image=image,
                    read=read,
                    confidence=confidence,
                )
            except UserError:
                with contextlib.suppress(OSError):  # if there is a sample, it is made anew from that
                    self._sidecar(name).unlink()
                raise
            more = self._kept.without([name]).joined(self._remembered([name], [label], record[None]))
            self._hold(more)
            if len(more) > MOST:
                with contextlib.suppress(UserError):  # it is tried again with the next sample
                    self._remove(*more.least_useful(len(more) - MOST))
        return path

    def forget(self, name: str) -> None:
        """Take a sample back: readings are as if it had never been; nothing happens if there is none.

        Raises:
            UserError: if its files cannot be removed; it is then still remembered.
        """
        with self._lock:
            self._remove(name)

    def forget_all(self) -> int:
        """Take all samples back, also those beyond the most that are used; how many. Errors: see `forget`."""
        with self._lock:
            names = {*self._kept.names, *(path.stem for path in self.folder.glob("*.jsonl"))}
            ours = {path.stem for path in self.folder.glob("*") if profiles.NAME.fullmatch(path.stem)}
            self._remove(*names | ours)  # and what kills have left of others
            for unfinished in self.folder.glob(".*.tmp"):
                with contextlib.suppress(OSError):
                    unfinished.unlink()
        return len(names)

    def _remove(self, *names: str) -> None:
        gone = []
        try:
            for name in names:
                sample_store.forget(self.folder, name)
                self._sidecar(name).unlink(missing_ok=True)
                gone.append(name)
        except OSError as error:
            raise UserError(f"cannot remove a sample from {short(self.folder)}: {error.strerror}") from error
        finally:
            self._hold(self._kept.without(gone))

    def _hold(self, kept: SampleSet) -> None:
        self._kept, self._heard = kept, kept.last_words()

    # what is on the disk

    def _load(self) -> SampleSet:
        """All samples; what is broken is set aside, and records of other weights are made anew.

        What is left out for being the least useful stays on the disk: it may have been put there by hand.
        """
        self._clear()
        names, labels, records, stale = [], [], [], []
        for path in sorted(self.folder.glob("*.jsonl"))[-MOST_LOOKED_AT:]:
            try:
                path.read_bytes()  # what the system refuses shows here, and is not broken
                drawing = read_sample(path)
                record = self._read_sidecar(path.stem)
                if record is None:
                    record = np.zeros((), self._record)
                    record["glyph"] = (glyph_of(drawing, path) * 255).round()
            except OSError as error:
                complain(f"{short(path)} cannot be read: {error.strerror}")
                continue
            except UserError as error:  # it is no sample, or shows no ink
                if _is_refused(error.__cause__):  # its picture
                    complain(str(error))
                else:
                    self._put_aside(path)
                continue
            if record["weights"] != self._weights:
                stale.append(len(records))
            names.append(path.stem)
            labels.append(drawing.label)
            records.append(record)
        for start in range(0, len(stale), BATCH):
            places = stale[start : start + BATCH]
            seen = self._look_at(np.stack([records[place]["glyph"] for place in places]))
            for place, record in zip(places, seen, strict=True):
                records[place] = record
                with contextlib.suppress(UserError):  # a folder that may only be read is looked at each time
                    write_atomically(self._sidecar(names[place]), _to_bytes(record))
        kept = self._remembered(names, labels, np.array(records, self._record))
        return kept.without(kept.least_useful(len(kept) - MOST))

    def _read_sidecar(self, name: str) -> np.ndarray | None:
        """What the network saw and made of it; None if that cannot be read, or is broken."""
        path = self._sidecar(name)
        try:
            record = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
            fits = record.dtype == self._record and record.shape == ()
            if fits and all(np.isfinite(record[part]).all() for part in ("features", "logits")):
                return record
        except OSError:
            return None
        except (ValueError, EOFError, SyntaxError):
            pass
        self._put_aside(path)
        return None

    def _clear(self) -> None:
        """Remove what kills have left of samples, but no picture of one that was set aside."""
        for path in [*self.folder.glob("*.png"), *self.folder.glob("*.npy"), *self.folder.glob(".*.tmp")]:
            sample = path.with_suffix(".jsonl")
            part = path.suffix == ".tmp" or profiles.NAME.fullmatch(path.stem)
            if not part or sample.exists() or sample.with_suffix(".jsonl.broken").exists():
                continue
            with contextlib.suppress(OSError):
                written = path.stat()
                if time.time() - max(written.st_mtime, written.st_ctime) > LEFT:
                    path.unlink()

    def _put_aside(self, path: Path) -> None:
        aside = path.with_name(f"{path.name}.broken")
        with contextlib.suppress(OSError):  # then it is met again the next time
            os.replace(path, aside)
        self.set_aside.append(aside)

    def _sidecar(self, name: str) -> Path:
        return self.folder / f"{name}.npy"

    # what the network makes of it

    def _look_at(self, glyphs: np.ndarray) -> np.ndarray:
        """Records of uint8 (N, 28, 28) glyphs."""
        records = np.zeros(len(glyphs), self._record)
        with torch.inference_mode():
            ink = torch.from_numpy(glyphs.astype(np.float32) / 255)[:, None]
            features, logits = features_and_logits(self._model, ink.to(self._device))
        records["weights"], records["glyph"] = self._weights, glyphs
        records["features"], records["logits"] = features.cpu(), logits.cpu()
        return records

    def _remembered(self, names: Sequence[str], labels: Sequence[int], records: np.ndarray) -> SampleSet:
        to = torch.tensor(labels, dtype=torch.int64)
        logits = torch.from_numpy(records["logits"])
        behind = logits.amax(1) - logits.gather(1, to[:, None])[:, 0]
        excess = (behind + LEAD - STRENGTH).clamp(min=0)
        shapes = self._shapes(torch.from_numpy(records["features"]).to(self._device))
        return SampleSet(tuple(names), to.to(self._device), records["glyph"], shapes, excess.to(self._device))

    def _shapes(self, features: Tensor) -> Tensor:
        """What samples are compared by, (N, 576) of length 1: what stands where, as far as it is unusual.

        What the ink is, the other 128 features, the network has used already. What all digits have in common
        is taken off, or any two would be alike, and most of what they often differ in: a partial whitening.
        """
        unusual = features - self._mean
        unusual = unusual - USUAL * (unusual @ self._components) @ self._components.T
        return F.normalize(unusual[:, : -self._model.fc.in_features])


def _is_refused(cause: BaseException | None) -> bool:
    """Whether the system does not give out a picture that is there: Pillow's own errors have no number."""
    return isinstance(cause, OSError) and bool(cause.errno) and not isinstance(cause, FileNotFoundError)


def _to_bytes(record: np.ndarray) -> memoryview:
    content = io.BytesIO()
    np.save(content, record, allow_pickle=False)
    return content.getbuffer()
