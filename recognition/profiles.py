"""Folders of profiles, and names of the samples in them. Imports neither PyTorch nor NumPy."""

import contextlib
import os
import re
import shlex
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from common.files import PROJECT
from common.messages import UserError, short

CORRECTIONS = PROJECT / "corrections"
DEFAULT = "default"
SAMPLE_NAME = re.compile(r"\d{8}-\d{6}-\d{6}")  # as `new_sample_name` returns it
TIME_FORMAT = "%Y%m%d-%H%M%S-%f"

FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')  # in a folder's name, on some system
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # names of devices on Windows


def new_sample_name(after: Iterable[str] = ()) -> str:
    """Return a new name for a sample: the time in UTC, as in "20261122-124530-118034".

    Args:
        after: names of existing samples. The new name sorts after all of them, even if the clock was set
            back, so that the order of names is the order of corrections.
    """
    name = datetime.now(timezone.utc).strftime(TIME_FORMAT)
    newest = max((other for other in after if SAMPLE_NAME.fullmatch(other)), default="")
    if name > newest:
        return name
    return (datetime.strptime(newest, TIME_FORMAT) + timedelta(microseconds=1)).strftime(TIME_FORMAT)


def profile_folder(name: str = DEFAULT, root: Path | None = None) -> Path:
    """Return the folder of a profile, whether or not it exists.

    Args:
        name: of the profile.
        root: the folder of all profiles; None for `corrections/`.

    Raises:
        UserError: if `name` is not a valid folder name on every system.
    """
    fault = ""
    if not name.strip():
        fault = "it is empty"
    elif found := FORBIDDEN.search(name):
        fault = f"it has {found[0]!r} in it"
    elif name.startswith((".", " ")) or name.endswith((".", " ")):
        fault = "it starts or ends with a dot or a space"
    elif name != name.encode(errors="replace").decode():
        fault = "it is no text in UTF-8"
    elif RESERVED.fullmatch(name):
        fault = "Windows keeps it for a device"
    elif len(name.encode(errors="replace")) > 100:
        fault = "it is longer than 100 bytes"
    if fault:
        raise UserError(f"{name!r} cannot be the name of a profile: {fault}")
    return (root or CORRECTIONS) / name


def existing_profile(name: str) -> Path:
    """Return the folder of a profile that has samples.

    Samples from before profiles existed are first moved into the default profile.

    Raises:
        UserError: if `name` is not valid, or the profile has no samples.
    """
    folder = profile_folder(name)
    move_old_samples()
    if not any(folder.glob("*.jsonl")):
        raise UserError(
            f"nothing is remembered in {short(folder)}: correct readings in the window first, "
            f"python app.py --profile {shlex.quote(name)}"
        )
    return folder


def holds_corrections(path: Path) -> bool:
    """Return whether a file or folder lies in `corrections/`, or contains that folder."""
    root = CORRECTIONS
    pairs = ((path.absolute(), root.absolute()), (path.resolve(), root.resolve()))  # a profile may be a link
    return any(one.is_relative_to(other) or other.is_relative_to(one) for one, other in pairs)


def move_old_samples(root: Path | None = None) -> None:
    """Move samples from before profiles existed, which lie directly in `root`, into the default profile.

    A sample is counted where its `.jsonl` lies, which is moved last: if the process is killed on the way,
    the sample is still in one of the two places. Samples that cannot be moved stay where they are.

    Args:
        root: the folder of all profiles; None for `corrections/`.
    """
    root = root or CORRECTIONS
    target = profile_folder(root=root)
    for path in sorted(root.glob("*.jsonl")):
        if not SAMPLE_NAME.fullmatch(path.stem) or (target / path.name).exists():
            continue
        with contextlib.suppress(OSError):
            target.mkdir(exist_ok=True)
            picture = path.with_suffix(".png")
            if picture.exists():
                os.replace(picture, target / picture.name)
            os.replace(path, target / path.name)
