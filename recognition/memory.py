"""Adapt readings to corrected samples, without training.

Each sample votes for its label, weighted by cosine similarity; only each class's largest vote counts, and
samples below a minimum similarity have no vote, so that other people's digits are read as before.

Source: a cache model beside the network as in Zhang et al., "Tip-Adapter: Training-free Adaption of CLIP for
Few-shot Classification", 2022, with the nearest sample of each class in place of a sum over all.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from checkpointing.checkpoint import Checkpoint
from common.geometry import Point
from common.messages import UserError, short
from evaluation.calibration import features_and_logits
from preprocessing.glyph import to_uint8
from recognition import profiles
from recognition.sample_set import SampleSet
from recognition.sample_store import SampleStore, remove_sample, write_sample

# Tuned on 30 writers' strokes, replayed as in `benchmarks/personal.py`, so that one person's samples cost at
# most 0.05 points of accuracy on others' digits and on MNIST's validation images: see docs/memory.md.
WHITENING = 0.7  # share of the digits' principal components that is removed from features before comparing
MIN_SIMILARITY = 0.45  # cosine above which a sample has a vote
BOOST = 11.0  # added to the logit of a sample's label at cosine 1
LEAD = 8.0  # margin in logits by which a sample's own ink is read as its label
MIN_EXPONENT = 3  # least power of the similarity with which the boost beyond BOOST fades

MAX_SAMPLES = 2_000  # that have a vote; of more, the most redundant are left out
MAX_FILES = 2 * MAX_SAMPLES  # samples that are read; a folder with more is read from the newest
BATCH = 256  # glyphs that the network sees at a time


class Memory:
    """The corrected samples of one profile, in memory and on disk. Thread-safe.

    Attributes:
        folder: of the profile.
        set_aside: invalid files that were renamed on opening, by their new names, which end in ".broken".
    """

    def __init__(self, folder: Path, checkpoint: Checkpoint) -> None:
        """Open a profile; compute records that are missing or were made with other weights.

        A sample that the system refuses to read is reported on stderr and left where it is.

        Args:
            folder: from `profiles.profile_folder`; created with the first sample.
            checkpoint: the calibrated weights of the recognizer that uses this memory.

        Raises:
            UserError: if the folder cannot be read.
        """
        self._model = checkpoint.model
        self._weights = checkpoint.sha256.encode()
        self._device = next(self._model.parameters()).device
        self._mean = checkpoint.calibration.mean.to(self._device)
        self._components = checkpoint.calibration.components.to(self._device)
        self._store = SampleStore(folder, self._mean.numel(), self._model.fc.out_features)
        self.folder, self.set_aside = folder, self._store.set_aside
        self._lock = Lock()
        self._replace_samples(self._load())

    def __len__(self) -> int:
        """Return the number of samples in memory."""
        return len(self._samples)

    @property
    def labels(self) -> dict[str, int]:
        """The label of each sample by its name, oldest first."""
        samples = self._samples
        return dict(zip(samples.names, samples.labels.tolist(), strict=True))

    @property
    def glyphs(self) -> dict[str, np.ndarray]:
        """The glyph of each sample by its name, oldest first: uint8, (28, 28), ink 255 on 0."""
        samples = self._samples
        return dict(zip(samples.names, samples.glyphs, strict=True))

    def adapt(self, features: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Raise the logits of the classes of similar samples.

        Args:
            features, logits: (N, 704) and (N, 10), from `features_and_logits` with this memory's checkpoint.

        Returns:
            The new logits, (N, 10), and the familiarity of the ink, (N,): from 0, no sample has a vote, to 1,
            the same ink as a sample's.
        """
        samples = self._voting
        if not len(samples):
            return logits, torch.zeros_like(logits[:, 0])
        cosine = self._embed(features) @ samples.embeddings.T
        similarity = ((cosine - MIN_SIMILARITY) / (1 - MIN_SIMILARITY)).clamp(0, 1)
        # A boost beyond BOOST decreases faster with distance, or one wrong correction would cost many digits.
        votes = BOOST * similarity
        votes = votes + samples.extra_boost * similarity ** samples.extra_boost.clamp(min=MIN_EXPONENT)
        labels = samples.labels.expand(len(similarity), -1)
        largest_votes = torch.zeros_like(logits).scatter_reduce(1, labels, votes, "amax")
        return logits + largest_votes, similarity.amax(1)

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
        """Add a sample, which is on disk when this returns and counts from the next reading on.

        Args:
            label: the ground truth, 0 to 9.
            glyph: (28, 28), ink 1 on 0, as `Reading.glyph`.
            strokes: the drawing; empty if the input was a picture.
            image: the same as a picture, dark on light; None to draw the glyph.
            read, confidence: as for `sample_store.write_sample`.
            name: from `profiles.new_sample_name`; None for a new one. A sample of that name is replaced.

        Returns:
            The sample's `.jsonl`, whose stem is the name.

        Raises:
            ValueError: if `label` is not a digit.
            UserError: if the sample cannot be written; nothing has changed then.
        """
        if not 0 <= label <= 9:
            raise ValueError(f"label must be a digit from 0 to 9, not {label}")
        pixels = np.asarray(glyph, np.float32).clip(0, 1)
        pixels = to_uint8(pixels)
        image = image or Image.fromarray(255 - pixels)
        record = self._compute_records(pixels[None])[0]
        with self._lock:
            name = name or profiles.new_sample_name(self._samples.names)
            path = write_sample(
                self.folder,
                name,
                label=label,
                strokes=strokes,
                image=image,
                read=read,
                confidence=confidence,
                record=record,
            )
            added = self._to_sample_set([name], [label], record[None])
            samples = self._samples.without([name]).joined(added)
            self._replace_samples(samples)
            if len(samples) > MAX_SAMPLES:
                with contextlib.suppress(UserError):  # it is tried again with the next sample
                    self._remove(samples.redundant(len(samples) - MAX_SAMPLES))
        return path

    def forget(self, name: str) -> None:
        """Remove a sample, so that readings are as if it had never been added; do nothing if there is none.

        Raises:
            UserError: if its files cannot be removed; the sample then still counts.
        """
        with self._lock:
            self._remove([name])

    def forget_all(self) -> int:
        """Remove all samples, including those on disk that are not in memory.

        Returns:
            The number of samples removed.

        Raises:
            UserError: if files cannot be removed; their samples then still count.
        """
        with self._lock:
            names = self._store.sample_names().union(self._samples.names)
            self._remove(names | self._store.leftover_names())
            self._store.remove_temporary_files()
        return len(names)

    def _remove(self, names: Sequence[str] | set[str]) -> None:
        """Remove samples from disk and from memory; the caller holds the lock."""
        removed = []
        try:
            for name in names:
                remove_sample(self.folder, name)
                removed.append(name)
        except OSError as error:
            raise UserError(f"cannot remove a sample from {short(self.folder)}: {error.strerror}") from error
        finally:
            self._replace_samples(self._samples.without(removed))

    def _replace_samples(self, samples: SampleSet) -> None:
        """Replace all samples; of samples with the same glyph, only the newest one votes."""
        self._samples, self._voting = samples, samples.latest_of_each_glyph()

    def _load(self) -> SampleSet:
        """Read all samples, and compute again the records of other checkpoints.

        Redundant samples are left out but stay on disk: they may have been put there by hand.
        """
        stored = self._store.load(MAX_FILES)
        names = [sample.name for sample in stored]
        records = [sample.record for sample in stored]
        outdated = [place for place, record in enumerate(records) if record["weights"] != self._weights]
        for start in range(0, len(outdated), BATCH):
            places = outdated[start : start + BATCH]
            computed = self._compute_records(np.stack([records[place]["glyph"] for place in places]))
            for place, record in zip(places, computed, strict=True):
                records[place] = record
                with contextlib.suppress(UserError):  # a read-only folder is computed each time
                    self._store.write_record(names[place], record)
        labels = [sample.label for sample in stored]
        samples = self._to_sample_set(names, labels, np.array(records, self._store.record_type))
        return samples.without(samples.redundant(len(samples) - MAX_SAMPLES))

    def _compute_records(self, glyphs: np.ndarray) -> np.ndarray:
        """Return the records, (N,), of glyphs, uint8 (N, 28, 28)."""
        records = np.zeros(len(glyphs), self._store.record_type)
        with torch.inference_mode():
            ink = torch.from_numpy(glyphs.astype(np.float32) / 255)[:, None]
            features, logits = features_and_logits(self._model, ink.to(self._device))
        records["weights"], records["glyph"] = self._weights, glyphs
        records["features"], records["logits"] = features.cpu(), logits.cpu()
        return records

    def _to_sample_set(self, names: Sequence[str], labels: Sequence[int], records: np.ndarray) -> SampleSet:
        """Return samples as tensors on the device; `records` is (samples,)."""
        targets = torch.tensor(labels, dtype=torch.int64)
        logits = torch.from_numpy(records["logits"])
        deficit = logits.amax(1) - logits.gather(1, targets[:, None])[:, 0]
        extra_boost = (deficit + LEAD - BOOST).clamp(min=0)
        embeddings = self._embed(torch.from_numpy(records["features"]).to(self._device))
        return SampleSet(
            tuple(names),
            targets.to(self._device),
            records["glyph"],
            embeddings,
            extra_boost.to(self._device),
        )

    def _embed(self, features: Tensor) -> Tensor:
        """Return the unit vectors by which ink is compared: (N, 704) features to (N, 576).

        The mean and most of the principal components of the digits' features are removed (partial
        whitening), as otherwise any two digits would be similar. The pooled 128 features are dropped: the
        network's logits contain them already.
        """
        centred = features - self._mean
        whitened = centred - WHITENING * (centred @ self._components) @ self._components.T
        return F.normalize(whitened[:, : -self._model.fc.in_features])
