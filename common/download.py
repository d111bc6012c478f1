"""Download MNIST through torchvision, and give up within seconds where the network stalls.

A child process downloads, since some waits in the network, such as a name lookup, can be ended only with
their process. It is started as

    python -m common.download PARENT_PID FOLDER [MIRROR ...]

and ends itself when too little arrives.
"""

import contextlib
import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import torch
from filelock import FileLock, Timeout

from common.files import PROJECT
from common.messages import UserError, one_line, short

MIRRORS: tuple[str, ...] = ()  # URLs to download from; empty for those that torchvision knows

STALL_SECONDS, STALL_BYTES = 10, 64 * 1024  # the download has stalled if fewer bytes arrive in this time
MOST_BYTES = 100_000_000  # MNIST takes 67 MB, packed and unpacked; a broken mirror may send without end
MIRROR_SECONDS = 4  # timeout of one read, so that torchvision has time to try another mirror
NO_ROOM, NO_ROOM_STATUS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG), 3  # the child's exit status for these
STAGING, LOCK = ".download-", ".lock"  # prefix of the temporary folder, name of the lock's file
FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


class MnistMissing(UserError):
    """MNIST is not on this machine and cannot be downloaded."""


def download(folder: Path) -> None:
    """Download MNIST into `folder`/MNIST/raw.

    The files arrive in a temporary folder inside `folder` and are moved once torchvision has verified all of
    them. Only one process at a time downloads into a folder; others wait for it.

    Raises:
        MnistMissing: if the network is missing, stalls or serves something else.
        UserError: if the folder cannot be written or the disk is full.
    """
    raw = folder / "MNIST" / "raw"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(folder)
        try:
            if not all((raw / name).exists() for name in FILES):  # else another process has downloaded them
                _download_in_child(folder, raw)
        finally:
            with contextlib.suppress(OSError):  # Windows removes no open file
                (folder / LOCK).unlink()  # safe while it is held: filelock retries if its file was unlinked
            lock.release()
    except OSError as error:
        raise UserError(f"cannot write to {short(folder)}: {error.strerror or error}") from error


def _lock(folder: Path) -> FileLock:
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=1)
    except Timeout:
        print(f"Waiting for another process to download MNIST to {short(folder)} ...", file=sys.stderr)
        lock.acquire()
    return lock


def _download_in_child(folder: Path, raw: Path) -> None:
    for abandoned in folder.glob(f"{STAGING}*"):  # by processes that were killed
        shutil.rmtree(abandoned, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=folder)).resolve()
    try:
        print(f"Downloading MNIST to {short(folder)} ...", file=sys.stderr, flush=True)
        child = subprocess.run(
            [sys.executable, "-m", "common.download", str(os.getpid()), str(staging), *MIRRORS],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if sys.stderr.isatty() else subprocess.DEVNULL,  # torchvision's progress bars
            text=True,
        )
        reason = child.stdout.strip() or f"exit status {child.returncode}"
        if child.returncode == NO_ROOM_STATUS:  # not a missing MNIST, which other digits may replace
            raise UserError(f"cannot write to {short(folder)}: {reason}")
        if child.returncode:
            raise MnistMissing(
                f"no MNIST in {short(folder)} and no download ({reason}). Get the four files "
                f"{', '.join(FILES[:3])} and {FILES[3]} "
                f"from https://ossci-datasets.s3.amazonaws.com/mnist/ and put "
                f"them into {short(folder)}, or name their folder with --data-dir"
            )
        raw.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            os.replace(staging / "MNIST" / "raw" / name, raw / name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def import_torchvision() -> ModuleType:
    """Import torchvision, also where its compiled part was built for another PyTorch than the one installed.

    The registry's torchvision wheel is built for CUDA. Beside a CPU build of PyTorch its compiled part
    does not load, and `import torchvision` then fails on two operators that this part would have
    defined. This project uses neither, so it is enough to define their schemas and import again.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        global _operators  # a Library takes its definitions along when it is collected
        _operators = torch.library.Library("torchvision", "DEF")
        _operators.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _operators.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        import torchvision
    import torchvision.datasets

    return torchvision


def _download_with_torchvision(parent: str, staging: str, *mirrors: str) -> None:
    """Download into `staging`; on failure, print the reason and exit with a status other than 0."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    socket.setdefaulttimeout(MIRROR_SECONDS)
    mnist = import_torchvision().datasets.MNIST
    if mirrors:
        mnist.mirrors = list(mirrors)
    threading.Thread(target=_watch, args=(Path(staging), int(parent)), daemon=True).start()
    try:
        mnist(staging, download=True)
    except Exception as error:  # of many kinds, depending on what the network does
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            _end(error.strerror, NO_ROOM_STATUS)
        _end(one_line(str(error).rpartition("got:")[2]))


def _watch(staging: Path, parent: int) -> None:
    """End this process if the download stalls or is too large, or if the parent process has gone."""
    before, deadline = 0, time.monotonic() + STALL_SECONDS
    while True:
        time.sleep(0.1)
        if os.getppid() != parent:
            _end("the process that asked for it has ended")
        try:
            received = sum(file.stat().st_size for file in staging.rglob("*") if file.is_file())
        except FileNotFoundError:
            continue  # a file was renamed while it was counted
        if received > MOST_BYTES:
            _end(f"more came than the {MOST_BYTES // 10**6} MB that it could be")
        if time.monotonic() > deadline:
            if received - before < STALL_BYTES:
                _end(f"next to nothing came within {STALL_SECONDS} seconds")
            before, deadline = received, time.monotonic() + STALL_SECONDS


def _end(reason: str, status: int = 1) -> NoReturn:
    print(reason, flush=True)
    os._exit(status)  # without waiting for other threads, which may hang in the network


if __name__ == "__main__":
    _download_with_torchvision(*sys.argv[1:])
