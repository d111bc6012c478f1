"""Read many inputs in order: in batches, and by several processes once that has taken a while."""

import math
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial

import torch
from PIL import Image

from common.device import keep_freed_memory, return_freed_memory
from common.geometry import Box
from common.messages import UserError
from pages.ink_extraction import find_ink
from preprocessing.candidates import Segmentation
from preprocessing.ink_mask import InkMask
from preprocessing.picture_candidates import segment_ink
from preprocessing.region import pixels_in, strokes_in
from preprocessing.stroke_candidates import segment_strokes
from preprocessing.stroke_files import StrokeSample
from recognition.inputs import Item
from recognition.reading import Reading, without_signs
from recognition.recognizer import Recognizer

BATCH = 64
BATCH_BYTES = 8 * 2**20  # of files after which a batch ends if several processes read
BATCH_SECONDS = 0.5  # that reading a batch takes about; what was read is shown after each
FEW, ENOUGH = 700_000, 2_000_000  # pixels of a picture in which writing is looked for
PATIENCE = 2.0  # seconds after which processes are started, which takes longer than that
WORTHWHILE = 6.0  # seconds that the remaining inputs would take, below which none are started

Outcome = list[Reading] | UserError


@dataclass(frozen=True)
class Options:
    """How inputs are read.

    Attributes:
        single: whether each shows one digit.
        digits_only: whether signs are left out.
        region: the part to read; None for all of it.
        batch_size: inputs, and digits in them, at a time at most.
        threads: that open inputs in one process.
        full_batches: whether each batch but the last holds `batch_size` inputs, however long it takes: a
            program may send as many through a pipe and wait for the answers.
    """

    single: bool = False
    digits_only: bool = False
    region: Box | None = None
    batch_size: int = BATCH
    threads: int = 1
    full_batches: bool = False


def read_all(
    inputs: Iterator[Item],
    recognizer: Recognizer,
    options: Options,
    workers: int = 1,
    patience: float = PATIENCE,
    total: int | None = None,
) -> Iterator[tuple[Item, Outcome]]:
    """Read all inputs.

    Args:
        inputs: pictures and drawings.
        recognizer: reads them; on the CPU if there are several workers.
        options: how they are read.
        workers: processes, each with a recognizer of its own, that take over if there is much to read.
        patience: seconds after which they do, unless only little is left.
        total: number of inputs, a file counted as one, if it is known.

    Yields:
        Each input, in order, with its readings or the error that occurred. A few batches are held in memory.

    Raises:
        UserError: if a process was ended from outside.
    """
    pace = Pace(options.batch_size if options.full_batches else options.threads, options.batch_size)
    batches = _batches(inputs, pace, BATCH_BYTES if workers > 1 else math.inf)
    start, done, left = time.monotonic(), 0, math.inf if total is None else total
    with ThreadPoolExecutor(options.threads) as pool:
        for batch in batches:
            before = time.monotonic()
            yield from read_batch(batch, recognizer, options, pool)
            return_freed_memory()  # otherwise fragmentation grows with every batch
            seconds, total_seconds = time.monotonic() - before, time.monotonic() - start
            pace.update(len(batch), seconds)
            done += len(batch)
            left += sum(item.pages - 1 for item in batch if item.page == 1) - len(batch)
            of_each = max(seconds / len(batch), total_seconds / done)  # large ones may follow small ones
            if workers > 1 and total_seconds > patience and left * of_each > WORTHWHILE:
                break
    following = next(batches, None)
    if following is not None:
        options = replace(options, threads=1)
        pace.smallest = 1  # each process takes one at a time
        yield from _read_in_processes(following, batches, pace, recognizer, options, workers)


class Pace:
    """How many inputs a batch holds: few at first, then as many as take about BATCH_SECONDS.

    Attributes:
        size: of the next batch.
        smallest, largest: size of any batch.
    """

    def __init__(self, smallest: int, largest: int) -> None:
        self.size = self.smallest = min(smallest, largest)
        self.largest = largest

    def update(self, count: int, seconds: float) -> None:
        """Set the size of the next batch: at most twice that of one of `count` inputs that took `seconds`."""
        fitting = int(count * BATCH_SECONDS / max(seconds, 1e-9))
        self.size = min(max(self.smallest, min(fitting, 2 * count)), self.largest)


def _batches(inputs: Iterator[Item], pace: Pace, most: float) -> Iterator[list[Item]]:
    """Yield batches of as many inputs as `pace` says, or of fewer whose files have `most` bytes.

    So several processes share large files evenly.
    """
    batch: list[Item] = []
    total = 0
    for item in inputs:
        batch.append(item)
        total += item.file_size
        if len(batch) >= pace.size or total >= most:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def read_batch(
    batch: list[Item], recognizer: Recognizer, options: Options, pool: ThreadPoolExecutor
) -> list[tuple[Item, Outcome]]:
    """Read a batch: threads of `pool` open and segment its inputs, the networks then read all together."""
    pages = list(pool.map(partial(_segment, options=options), batch))
    found = [page for page in pages if not isinstance(page, UserError)]
    readings = recognizer.read_and_refine(found, options.batch_size)
    read = iter(map(without_signs, readings) if options.digits_only else readings)
    outcomes = [page if isinstance(page, UserError) else next(read) for page in pages]
    return list(zip(batch, outcomes, strict=True))


def _segment(item: Item, options: Options) -> tuple[Segmentation, InkMask | None] | UserError:
    """Open an input.

    Returns:
        Its candidates and the ink of a picture of several digits, or the error that occurred.
    """
    region = options.region
    try:
        content, reduction = item.load_reduced(FEW if region is None else None)
        if isinstance(content, StrokeSample):
            strokes = content.strokes if region is None else strokes_in(region, content.strokes, item.name)
            return segment_strokes(strokes, options.single), None
        pixels = None if region is None else pixels_in(region, content.size, item.name)
        ink = find_ink(content, pixels) if reduction == 1 else _find_ink(item, content, reduction)
        return (segment_ink(ink, options.single) if ink else []), None if options.single else ink
    except UserError as error:
        return error


def _find_ink(item: Item, picture: Image.Image, reduction: int) -> InkMask | None:
    """Find the ink of a picture reduced to FEW pixels, in more of them if it is small or there is none."""
    while True:
        ink = find_ink(picture)
        scale = min(ink.scale) if ink else 1.0
        few = picture.width * picture.height < ENOUGH
        if reduction == 1 or (scale <= 1 and (not few or (ink and ink.is_sure))):
            return ink and ink.in_larger(reduction)
        picture, reduction = item.load_reduced(ENOUGH if few and scale <= 2 else None)


def _read_in_processes(
    first: list[Item],
    others: Iterator[list[Item]],
    pace: Pace,
    recognizer: Recognizer,
    options: Options,
    workers: int,
) -> Iterator[tuple[Item, Outcome]]:
    """Read batches in processes that each load the same weights; yield as `read_all` does."""
    profile = recognizer.memory.folder if recognizer.memory else None
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _start, (str(recognizer.checkpoint.path), profile))
    waiting: deque[Future] = deque([pool.submit(_read, first, options)])
    try:
        while waiting:
            while len(waiting) < 2 * workers and (batch := next(others, None)) is not None:
                waiting.append(pool.submit(_read, batch, options))
            outcomes, seconds = waiting.popleft().result()
            pace.update(len(outcomes), seconds)
            yield from outcomes
            del outcomes
        pool.shutdown()
    except BrokenProcessPool:
        message = "a process that reads was ended, perhaps for lack of memory: try fewer --workers"
        raise UserError(message) from None
    finally:  # after Ctrl-C nobody waits for the readings
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)


_recognizer: Recognizer  # of a process that reads


def _start(checkpoint: str, profile: object) -> None:
    """Load the weights in a process that reads; Ctrl-C is for the process that started it."""
    global _recognizer
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # oneDNN keeps what it has compiled for each layer and size of batch, by default 1,024 of these: 20 MB.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")
    keep_freed_memory()
    torch.set_num_threads(1)
    _recognizer = Recognizer(checkpoint, "cpu", profile)


def _read(batch: list[Item], options: Options) -> tuple[list[tuple[Item, Outcome]], float]:
    """Read a batch in a process that `_start` has prepared; return what it holds and the seconds it took."""
    before = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        outcomes = read_batch(batch, _recognizer, options, pool)
    return_freed_memory()
    return outcomes, time.monotonic() - before
