"""SQLite databases and lock files, judged from outside: nothing is opened for writing and no lock is taken."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from autopack.gaps.sources import processes
from autopack.gaps.sources.listing import encode
from autopack.gaps.sources.repository import OLD_LOCK_SECONDS
from autopack.gaps.state import DatabaseFact, LockFact

_MAGIC = b"SQLite format 3\0"
_JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
"""First bytes of a rollback journal that still has to be played back (https://www.sqlite.org/fileformat2.html)."""
_RESERVED_BYTE = 0x40000000 + 1
"""PENDING_BYTE + 1: held for writing by whoever changes a database in rollback mode (SQLite, os.h)."""
_WAL_WRITE_BYTE = 120
"""The byte of `-shm` that the one writer of a WAL database holds (https://www.sqlite.org/walformat.html)."""
_DATABASE_NAME = re.compile(r"\.(?:db|db3|sqlite|sqlite3)\Z", re.IGNORECASE)
_LOCK_NAMES = (".lock", "-lock", ".pid", "-pid", ".lck", "-lck")
_MAX_CANDIDATES = 500
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def ignored_candidates(ignored: Iterable[str]) -> list[str]:
    """Return the ignored paths that may be databases: those in the root, and those named like one."""
    files = (path for path in ignored if not path.endswith("/"))
    found = [path for path in files if "/" not in path or _DATABASE_NAME.search(path)]
    return sorted(found)[:_MAX_CANDIDATES]


def hidden_databases(root: Path, ignored: Iterable[str]) -> list[str]:
    """Return which of the IGNORED paths below ROOT are databases."""
    return [path for path in ignored_candidates(ignored) if _read(root, path, len(_MAGIC)) == _MAGIC]


def examine(root: Path, path: str) -> DatabaseFact:
    """Return how the database at PATH below ROOT stands. Raises OSError where it cannot be opened."""
    writing = _write_locked(root, path, _RESERVED_BYTE) or _write_locked(root, path + "-shm", _WAL_WRITE_BYTE)
    journal = _read(root, path + "-journal", len(_JOURNAL_MAGIC)) == _JOURNAL_MAGIC
    return DatabaseFact(
        path=path,
        held_by_writer=writing,
        hot_journal=journal and not writing,
        wal_bytes=_size(root, path + "-wal"),
    )


def _write_locked(root: Path, path: str, offset: int) -> bool:
    """Tell whether someone holds a write lock on one byte; fcntl(2) F_OFD_GETLK asks without taking it."""
    try:
        descriptor = os.open(_absolute(root, path), _READ)
    except FileNotFoundError:
        return False
    try:
        request = _pack_flock(fcntl.F_RDLCK, offset)
        answer = fcntl.fcntl(descriptor, getattr(fcntl, "F_OFD_GETLK", fcntl.F_GETLK), request)
        return _lock_type(answer) == fcntl.F_WRLCK
    finally:
        os.close(descriptor)


def _pack_flock(kind: int, offset: int) -> bytes:
    if sys.platform == "darwin":
        return struct.pack("qqihh", offset, 1, 0, kind, os.SEEK_SET)
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, offset, 1, 0)


def _lock_type(answer: bytes) -> int:
    kind: int = struct.unpack_from("h", answer, 20 if sys.platform == "darwin" else 0)[0]
    return kind


def lock_candidates(paths: Iterable[str]) -> list[str]:
    """Return those of PATHS that are named like a lock with an owner (`*.lock`, `*.pid`, `*.db-lock`)."""
    return sorted({path for path in paths if path.lower().endswith(_LOCK_NAMES)})[:_MAX_CANDIDATES]


def locks_among(root: Path, paths: Iterable[str], *, now: float) -> tuple[LockFact, ...]:
    """Return the locks with an owner among PATHS below ROOT, by path; NOW is in seconds since the epoch."""
    found = (examine_lock(root, path, now=now, old_after=OLD_LOCK_SECONDS) for path in lock_candidates(paths))
    return tuple(lock for lock in found if lock is not None)


def examine_lock(root: Path, path: str, *, now: float, old_after: float) -> LockFact | None:
    """Return the lock at PATH below ROOT if its content names a process, else None (a package manager's lock)."""
    data = _read(root, path, processes.MAX_LOCK_BYTES + 1)
    owner = processes.recorded_owner(data)
    if owner is None:
        return None
    taken = os.lstat(_absolute(root, path)).st_mtime
    return LockFact(path, False, owner[0], processes.owner_alive(*owner, taken), now - taken > old_after)


def _read(root: Path, path: str, size: int) -> bytes:
    """Return the first SIZE bytes of an ordinary file, or nothing."""
    try:
        if not stat.S_ISREG(os.lstat(_absolute(root, path)).st_mode):
            return b""
        descriptor = os.open(_absolute(root, path), _READ)
    except OSError:
        return b""
    try:
        return os.read(descriptor, size)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _size(root: Path, path: str) -> int:
    try:
        return os.lstat(_absolute(root, path)).st_size
    except OSError:
        return 0


def _absolute(root: Path, path: str) -> bytes:
    return os.fsencode(root) + b"/" + encode(path)
