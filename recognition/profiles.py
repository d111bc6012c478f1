"""Profiles: in which folder whose corrections lie, and how samples are named. Without PyTorch and NumPy."""

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
NAME = re.compile(r"\d{8}-\d{6}-\d{6}")  # as `new_name` makes them
FORMAT = "%Y%m%d-%H%M%S-%f"
DEFAULT = "default"

FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')  # in names of folders, on one system or another
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # names of devices on Windows


def new_name(after: Iterable[str] = ()) -> str:
    """A name that no other sample has, and that sorts by time: "20261122-124530-118034", in UTC.

    It sorts after the names in `after`, whatever the clock says: their order tells which word is the last.
    """
    name = datetime.now(timezone.utc).strftime(FORMAT)
    newest = max((other for other in after if NAME.fullmatch(other)), default="")
    if name > newest:
        return name
    return (datetime.strptime(newest, FORMAT) + timedelta(microseconds=1)).strftime(FORMAT)


def profile_folder(name: str = DEFAULT, root: Path | None = None) -> Path:
    """Where the profile called `name` is kept, whether or not it is there yet.

    Args:
        root: the folder of all profiles; None for `corrections/`.

    Raises:
        UserError: if `name` cannot be a folder's name on every system.
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
    """The folder of a profile that has samples, once what there was before profiles is in it.

    Raises:
        UserError: if `name` cannot be a profile's, or nothing was ever corrected in it.
    """
    folder = profile_folder(name)
    take_in_old_samples()
    if not any(folder.glob("*.jsonl")):
        raise UserError(
            f"nothing is remembered in {short(folder)}: correct readings in the window first, "
            f"python app.py --profile {shlex.quote(name)}"
        )
    return folder


def holds_corrections(path: Path) -> bool:
    """Whether a file or folder is in `corrections/`, or that folder in it."""
    root = CORRECTIONS
    pairs = ((path.absolute(), root.absolute()), (path.resolve(), root.resolve()))  # a profile may be a link
    return any(one.is_relative_to(other) or other.is_relative_to(one) for one, other in pairs)


def take_in_old_samples(root: Path | None = None) -> None:
    """Move samples that lie directly in `root` (as for `profile_folder`), from before there were profiles,
    into the default profile.

    Whatever happens on the way, each is in one of the two places: a sample counts where its `.jsonl` is,
    and that moves last. What cannot be moved stays.
    """
    root = root or CORRECTIONS
    target = profile_folder(root=root)
    for path in sorted(root.glob("*.jsonl")):
        if not NAME.fullmatch(path.stem) or (target / path.name).exists():
            continue
        with contextlib.suppress(OSError):
            target.mkdir(exist_ok=True)
            picture = path.with_suffix(".png")
            if picture.exists():
                os.replace(picture, target / picture.name)
            os.replace(path, target / path.name)
