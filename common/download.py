"""Download MNIST through torchvision, and give up within seconds where the network stalls.

    python -m common.download FOLDER [MIRROR ...]

is the child process in which torchvision works. A watchdog thread ends it when too little arrives: some waits
in the network, such as a name lookup, cannot be interrupted from inside a process.
"""

import contextlib
import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import torch
from filelock import FileLock

from common.files import PROJECT
from common.messages import UserError, short

MIRRORS: tuple[str, ...] = ()  # URLs to download from; empty for those that torchvision knows

STALL_SECONDS, STALL_BYTES = 10, 64 * 1024  # the download has stalled if fewer bytes arrive in this time
MOST_BYTES = 100_000_000  # MNIST takes 67 MB, packed and unpacked; a broken mirror may send without end
MIRROR_SECONDS = 4  # timeout of one read, so that torchvision has time to try another mirror
NO_ROOM, NO_ROOM_STATUS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG), 3  # the child's exit status for these
STAGING, LOCK = ".download", ".download.lock"


class MnistMissing(UserError):
    """MNIST is not on this machine and cannot be downloaded."""


def download(folder: Path) -> None:
    """Download MNIST into `folder`/MNIST/raw.

    The files arrive in a temporary folder inside `folder` and are moved once torchvision has verified all of
    them. Only one process at a time downloads into a folder; another one waits for it.

    Raises:
        MnistMissing: if the network is missing, stalls or serves something else.
        UserError: if the folder cannot be written or the disk is full.
    """
    staging, raw = folder / STAGING, folder / "MNIST" / "raw"
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        shutil.rmtree(staging, ignore_errors=True)  # left by a process that was killed
        staging.mkdir()
    except OSError as error:
        raise UserError(f"cannot write to {short(folder)}: {error.strerror or error}") from error
    try:
        if len(list(raw.glob("*.gz"))) == 4:  # downloaded by the process that this one waited for
            return
        print(f"Downloading MNIST to {short(folder)} ...", file=sys.stderr, flush=True)
        child = subprocess.run(
            [sys.executable, "-m", "common.download", str(staging.resolve()), *MIRRORS],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if sys.stderr.isatty() else subprocess.DEVNULL,  # torchvision's progress bars
            text=True,
        )
        reason = child.stdout.strip() or f"exit status {child.returncode}"
        if child.returncode == NO_ROOM_STATUS:  # an error of this machine, so no other data set stands in
            raise UserError(f"cannot write to {short(folder)}: {reason}")
        if child.returncode:
            raise MnistMissing(
                f"no MNIST in {short(folder)} and no download ({reason}). Get the four files "
                "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and "
                "t10k-labels-idx1-ubyte.gz from https://ossci-datasets.s3.amazonaws.com/mnist/ and put "
                f"them into {short(folder)}, or name their folder with --data-dir"
            )
        raw.mkdir(parents=True, exist_ok=True)
        for archive in (staging / "MNIST" / "raw").glob("*.gz"):
            os.replace(archive, raw / archive.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        with contextlib.suppress(OSError):  # Windows removes no file that is open
            (folder / LOCK).unlink()
        lock.release()


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


def _download_with_torchvision(staging: str, *mirrors: str) -> None:
    """Download into `staging`; on failure, print the reason and exit with a status other than 0."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    socket.setdefaulttimeout(MIRROR_SECONDS)
    mnist = import_torchvision().datasets.MNIST
    if mirrors:
        mnist.mirrors = list(mirrors)
    threading.Thread(target=_watch, args=(Path(staging), os.getppid()), daemon=True).start()
    try:
        mnist(staging, download=True)
    except Exception as error:  # of many kinds, depending on what the network does
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            _end(error.strerror, NO_ROOM_STATUS)
        _end(" ".join(str(error).rpartition("got:")[2].split()))


def _watch(staging: Path, parent: int) -> None:
    """End this process if the download stalls or is too large, or if the parent process has gone."""
    before, deadline = 0, time.monotonic() + STALL_SECONDS
    while True:
        time.sleep(0.1)
        received = 0
        with contextlib.suppress(FileNotFoundError):  # a file that was just renamed
            received = sum(file.stat().st_size for file in staging.rglob("*") if file.is_file())
        if os.getppid() != parent:
            _end("the process that asked for it has ended")
        if received > MOST_BYTES:
            _end(f"more came than the {MOST_BYTES // 10**6} MB that it could be")
        if time.monotonic() > deadline:
            if received - before < STALL_BYTES:
                _end(f"next to nothing came within {STALL_SECONDS} seconds")
            before, deadline = received, time.monotonic() + STALL_SECONDS


def _end(reason: str, status: int = 1) -> NoReturn:
    print(reason, flush=True)
    os._exit(status)  # at once, whatever other threads wait for


if __name__ == "__main__":
    _download_with_torchvision(*sys.argv[1:])
