"""MNIST from the network, through torchvision, whatever the network and torchvision's wheel do.

    python download.py FOLDER [MIRROR ...]

is the child process that does it.
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
import time
from pathlib import Path
from types import ModuleType

import torch
from filelock import FileLock, Timeout

from runtime import UserError, short

MIRRORS: tuple[str, ...] = ()  # URLs to download from; none: those that torchvision knows

# A network that brings less than this in so many seconds counts as none.
STALL_SECONDS = 10
STALL_BYTES = 64 * 1024
MOST_BYTES = 100_000_000  # of MNIST packed and unpacked, which takes 67 MB; a mirror may send without end
MIRROR_SECONDS = 4  # for a mirror's next bytes, so that a dead one leaves time for another
START_SECONDS = 60  # for the child process to import what it needs, on a slow disk
READY = "ready"  # the file that says that it has
NO_ROOM, NO_ROOM_STATUS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG), 3  # the child's exit status for these
STAGING, LOCK = (
    ".download-",
    ".lock",
)  # how temporary folders' names begin, and the file that says that one is in use


class MnistMissing(UserError):
    """MNIST is neither on this machine nor to be downloaded."""


def download(folder: Path) -> None:
    """Fetch MNIST into `folder`/MNIST/raw through torchvision.

    A child process does it, since a process can be stopped whatever the network does to it. It writes to
    a temporary folder, from which only complete, verified files are moved. It is locked meanwhile, so that
    those of processes that were killed are told from those in use, and removed.

    Raises:
        MnistMissing: if the network is missing, stalls or serves something else.
        UserError: if the folder cannot be written or the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder)
        staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=folder))
        lock = FileLock(staging / LOCK)
        lock.acquire(timeout=0)
    except OSError as error:
        raise UserError(f"cannot write to {short(folder)}: {error.strerror or error}") from error
    try:
        print(f"Downloading MNIST to {short(folder)} ...", file=sys.stderr, flush=True)
        status, trouble = _run_download(staging)
        if status == NO_ROOM_STATUS:  # no reason to do without MNIST, whoever asks
            raise UserError(f"cannot write to {short(folder)}: {trouble}")
        if status:
            raise MnistMissing(
                f"no MNIST in {short(folder)} and no download ({trouble}). Get the four files "
                "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and "
                "t10k-labels-idx1-ubyte.gz from https://ossci-datasets.s3.amazonaws.com/mnist/ and put "
                f"them into {short(folder)}, or name their folder with --data-dir"
            )
        raw = folder / "MNIST" / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for archive in (staging / "MNIST" / "raw").glob("*.gz"):
            os.replace(archive, raw / archive.name)
    finally:
        lock.release()
        shutil.rmtree(staging, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove what downloads left here that were killed."""
    for staging in folder.glob(f"{STAGING}*"):
        with contextlib.suppress(Timeout, OSError):
            locked = (staging / LOCK).exists()
            if not locked and time.time() - staging.stat().st_mtime < START_SECONDS:
                continue  # its process has yet to lock it
            with FileLock(staging / LOCK, timeout=0):
                shutil.rmtree(staging, ignore_errors=True)


def _run_download(staging: Path) -> tuple[int, str]:
    """Let a child process download into `staging`; its exit status, and what went wrong if that is not 0."""
    child = subprocess.Popen(
        [sys.executable, __file__, str(staging), *MIRRORS],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if sys.stderr.isatty() else subprocess.DEVNULL,  # its progress bars
        text=True,
    )
    try:
        started, before, deadline = False, 0, time.monotonic() + START_SECONDS
        while child.poll() is None:
            time.sleep(0.1)
            if not started and (staging / READY).exists():
                started, deadline = True, time.monotonic() + STALL_SECONDS
            now = sum(file.stat().st_size for file in staging.rglob("*") if file.is_file())
            if now > MOST_BYTES:
                return 1, f"more came than the {MOST_BYTES // 10**6} MB that it could be"
            if time.monotonic() > deadline:
                if now - before < STALL_BYTES:
                    return 1, f"next to nothing came within {STALL_SECONDS} seconds"
                before, deadline = now, time.monotonic() + STALL_SECONDS
        return child.returncode, child.stdout.read().strip() or f"exit status {child.returncode}"
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def import_torchvision() -> ModuleType:
    """torchvision, also where its compiled part was built for another PyTorch than the one installed.

    The registry's torchvision wheel is built for CUDA. Beside a CPU build of PyTorch its compiled part
    does not load, and `import torchvision` then fails on two operators that this part would have
    defined. We need none of them, so it is enough to define their schemas and import again.
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


def _download_with_torchvision(staging: str, *mirrors: str) -> None:
    """The child process of `_run_download`: prints what went wrong."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    socket.setdefaulttimeout(MIRROR_SECONDS)
    mnist = import_torchvision().datasets.MNIST
    if mirrors:
        mnist.mirrors = list(mirrors)
    try:
        Path(staging, READY).touch()
        mnist(staging, download=True)
    except Exception as error:  # of many kinds, depending on what the network does
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            print(error.strerror)
            sys.exit(NO_ROOM_STATUS)
        print(" ".join(str(error).rpartition("got:")[2].split()))
        sys.exit(1)


if __name__ == "__main__":
    _download_with_torchvision(*sys.argv[1:])
