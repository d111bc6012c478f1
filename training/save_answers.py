"""Make answers: ask a committee about each view of a run, for `training.answers`.

Several processes may work on one folder at once: each claims a file, computes it and goes on with the next. A
process that is interrupted keeps the part of its file that is complete.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import Tensor
from tqdm import tqdm

from checkpointing import archive
from common.messages import UserError, short
from data import LabelledImages
from training.answers import CLASSES, KIND, PLAIN, check_views, files_of, read_file, views_of
from training.distillation import Committee
from training.progress import as_time
from training.recipe import Recipe
from training.views import CPU, distortion_of_step, order_of_epoch

TIMED = 3  # steps from which the time of the whole work is estimated


class Questions:
    """The views of a run, and the committee that is asked about them.

    Args:
        recipe: whose views are shown.
        images: on the device to compute on.
        committee: is moved there.
        autocast: dtype of mixed precision; None for full precision.
    """

    def __init__(
        self, recipe: Recipe, images: LabelledImages, committee: Committee, autocast: torch.dtype | None
    ) -> None:
        self.recipe, self.images, self.autocast = recipe, images, autocast
        self.committee = committee.to(images.images.device, memory_format=torch.channels_last)

    def view(self, epoch: int | None, start: int) -> Tensor:
        """Return the views of a step, as the network takes them.

        Args:
            epoch: its number, from 0; None for the undistorted images in their own order.
            start: number of views of the epoch before this step.
        """
        size = self.recipe.batch_size
        if epoch is None:
            return self.images[start : start + size].ink()
        order = order_of_epoch(self.recipe, epoch, len(self.images)).to(self.images.images.device)
        ink = self.images[order[start : start + size]].ink()
        number = epoch * self.recipe.steps_of_epoch(len(self.images)) + start // size
        # Drawn on the CPU, a distortion is the same on all devices, so that answers of a GPU serve a CPU.
        return distortion_of_step(self.recipe, number, len(ink), CPU).to(ink.device).apply(ink)

    def ask(self, ink: Tensor) -> Tensor:
        """Return the logarithms of the committee's probabilities, float16, (N, classes), on the CPU."""
        with torch.autocast(ink.device.type, self.autocast, enabled=self.autocast is not None):
            return self.committee.log_probabilities(ink).half().cpu()

    def seconds_per_view(self) -> float:
        """Measure the time that a view takes."""
        times = []
        for _ in range(1 + TIMED):  # the first of them warms up
            started = time.perf_counter()
            self.ask(self.view(0, 0))
            times.append(time.perf_counter() - started)
        return min(times) / self.recipe.batch_size


def save_answers(folder: Path, questions: Questions, should_stop: Callable[[], bool]) -> bool:
    """Compute the answers that a folder lacks, except those that another process is computing.

    Args:
        folder: where the files go.
        questions: the views and the committee.
        should_stop: called before each step.

    Returns:
        Whether nothing stopped it.

    Raises:
        UserError: if the folder holds answers for other views or of another committee, or cannot be written.
    """
    committee, files = questions.committee, files_of(folder, questions.recipe, questions.images)
    label = {
        "views": views_of(questions.recipe, questions.images),
        "committee": {"digests": committee.digests, "ink": committee.ink},
    }
    for path in files:
        check_label(path, label)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {short(folder)}: {error.strerror}") from error
    missing = count_missing(files)
    left = total = sum(missing.values())
    print(f"answers  {total:,} of {sum(files.values()):,} are missing in {short(folder)}", flush=True)
    if total:
        print(f"time     about {as_time(total * questions.seconds_per_view())} in one process", flush=True)
    started = time.monotonic()
    with tqdm(total=total, unit="view", leave=False, disable=None) as bar:
        for epoch, (path, count) in enumerate(files.items()):
            if path not in missing:
                continue
            with claimed(path) as ours:
                if ours:
                    shown = None if path.name == PLAIN else epoch
                    complete(path, count, questions, shown, label, should_stop, bar)
            missing = count_missing({path: files[path] for path in missing})
            if missing and should_stop():
                return False
            left = sum(missing.values())
            bar.update(total - left - bar.n)  # what other processes have computed in the meantime
            if ours:
                rate = (total - left) / (time.monotonic() - started)
                with tqdm.external_write_mode():
                    print(f"{path.stem}  {rate:,.0f} views/s  left {as_time(left / rate)}", flush=True)
    at_work = f", but for {len(missing)} that other processes are computing" if missing else ""
    print(f"All {len(files)} files of answers are there{at_work}.", flush=True)
    return True


def check_label(path: Path, label: dict[str, Any]) -> None:
    """Raise UserError if a file exists that answers other views or is of another committee."""
    if content := read_file(path):
        check_views(path, content, label["views"])
        if content["committee"] != label["committee"]:
            raise UserError(f"{short(path)} holds answers of another committee: choose another folder")


def count_missing(files: dict[Path, int]) -> dict[Path, int]:
    """Return the number of answers that each file lacks, without files that lack none."""
    counts = {path: count - len(read_answers(path)) for path, count in files.items()}
    return {path: count for path, count in counts.items() if count}


def read_answers(path: Path) -> Tensor:
    """Return the answers in a file, none if it does not exist."""
    content = read_file(path)
    return content["answers"] if content else torch.zeros(0, CLASSES, dtype=torch.float16)


def complete(
    path: Path,
    count: int,
    questions: Questions,
    epoch: int | None,
    label: dict[str, Any],
    should_stop: Callable[[], bool],
    bar: tqdm,
) -> None:
    """Compute the answers that a file lacks, up to `count` or until `should_stop`, and write them."""
    known = read_answers(path)
    steps = [known]
    for start in range(len(known), count, questions.recipe.batch_size):
        if should_stop():
            break
        steps.append(questions.ask(questions.view(epoch, start)))
        bar.update(len(steps[-1]))
    if len(steps) > 1:
        archive.write(path, KIND, {**label, "answers": torch.cat(steps)})


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Claim a file until the context or the process ends; yield False if another process has claimed it."""
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    except OSError as error:
        raise UserError(f"cannot write to {short(path.parent)}: {error.strerror or error}") from error
    try:
        for leftover in path.parent.glob(f".{path.name}.*.tmp"):  # of a process that was killed
            leftover.unlink(missing_ok=True)
        yield True
    finally:
        lock.release()
        with contextlib.suppress(OSError):  # on Windows, if another process has just claimed it
            Path(lock.lock_file).unlink()
