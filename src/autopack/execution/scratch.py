"""Scratch folders of work that can be killed: a record names each before it is made, so whoever goes on removes it."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

from autopack.artifacts.store import write_bytes
from autopack.errors import UnsafeRepository

_NAME = re.compile(r"autopack-scratch-[0-9a-f]{16}\Z")


def make_scratch(record: Path) -> Path:
    """Return a new empty folder of this user's; the file RECORD names it from before it exists until it is cleared.

    Raises UnsafeRepository where RECORD lies behind a symbolic link, which a repository could commit.
    """
    if record.parent.is_symlink():
        raise UnsafeRepository(f"{record.parent} is a symbolic link; what is noted there would land where it leads.")
    scratch = Path(tempfile.gettempdir()).resolve() / f"autopack-scratch-{os.urandom(8).hex()}"
    write_bytes(record, os.fsencode(scratch))
    scratch.mkdir(mode=0o700)
    return scratch


def recorded_scratch(record: Path) -> Path | None:
    """Return the folder that RECORD names, which need not exist; None without a record, or where it names what
    `make_scratch` cannot have made. The temporary folder may have been another one then."""
    if record.parent.is_symlink():
        return None
    try:
        scratch = Path(os.fsdecode(record.read_bytes()))
    except OSError:  # none there, or it is no file of ours
        return None
    return scratch if scratch.is_absolute() and _NAME.match(scratch.name) and _may_be_ours(scratch) else None


def remove_scratch(scratch: Path) -> None:
    """Remove SCRATCH with all that is in it, also from folders that were made unwritable; what resists stays."""
    for folder, names, _ in os.walk(scratch):
        for name in names:
            _open_up(Path(folder, name))
    shutil.rmtree(scratch, ignore_errors=True)


def clear_scratch(record: Path) -> None:
    """Remove the folder that RECORD names, and then RECORD."""
    scratch = recorded_scratch(record)
    if scratch is not None:
        remove_scratch(scratch)
    if not record.parent.is_symlink() and (record.is_file() or record.is_symlink()):
        record.unlink()


def _open_up(folder: Path) -> None:
    """Let this user list and empty FOLDER; a link is left alone, since it leads elsewhere."""
    try:
        if not folder.is_symlink():
            folder.chmod(0o700)
    except OSError:
        return  # what then cannot be removed stays, as it does for any other reason


def _may_be_ours(scratch: Path) -> bool:
    """Tell whether SCRATCH is a folder of this user's, or gone."""
    try:
        status = scratch.lstat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):  # no path at all: too long, or with a NUL
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
