"""Advisory locks that die with their owner.

A lock is `flock(2)` on a file that is never unlinked: the kernel lets go when the last descriptor closes, however the
owner ends, so there is no stale lock that a person has to clear. The file's content only tells others who holds it;
it decides nothing.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import socket
import stat
import time
import weakref
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from autopack.clock import timestamp
from autopack.errors import EnvironmentFault, LockHeld, UnsafeRepository

_RECORD_BYTES = 2_048
"""The record is padded to one size, so that a single write replaces all of the one before."""
_ABOUT_CHARACTERS = 200
HUNG_SECONDS = 600.0
"""A holder without a heartbeat for this long may be broken by a person."""
_SETTLE_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.04)
"""How long a refusal waits for a holder that has not written its record yet, or a dead one whose child still exits."""


@dataclass(frozen=True)
class Owner:
    """Who holds a lock, as others read it. `process_started` is the kernel's start time of the process (clock ticks
    since boot, proc(5) field 22), which tells a reused process id apart; empty where the system does not say."""

    host: str
    pid: int
    process_started: str
    run_id: str
    nonce: str
    acquired_at: str
    about: str = ""
    """What the lock is on, for people; cut to fit the record."""

    def __str__(self) -> str:
        return f"run {self.run_id!r}, process {self.pid} on {self.host}, since {self.acquired_at}"


def this_process(run_id: str, now: datetime) -> Owner:
    """Return the record of this process working on RUN_ID, with a fresh nonce."""
    pid = os.getpid()
    return Owner(socket.gethostname(), pid, _process_start(pid), run_id, secrets.token_hex(8), timestamp(now))


def is_alive(owner: Owner) -> bool | None:
    """Return whether OWNER's process still runs; None for another machine."""
    if owner.host != socket.gethostname():
        return None
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    if not owner.process_started:
        return True
    return _process_start(owner.pid) == owner.process_started and _process_state(owner.pid) not in {"Z", "X"}


class Lock:
    """A held lock; a context manager. Use `acquire`."""

    def __init__(self, path: Path, owner: Owner, descriptor: int) -> None:
        self.path = path
        self.owner = owner
        self._descriptor: int | None = descriptor
        _held.add(self)

    def still_held(self) -> bool:
        """Return whether this lock still excludes others: not released, and its file not replaced."""
        return self._descriptor is not None and _names_same_file(self.path, self._descriptor)

    def beat(self) -> None:
        """Show others that the owner still makes progress: the file's time of change is the heartbeat."""
        if self._descriptor is not None:
            os.utime(self._descriptor)

    def release(self) -> None:
        """Let go; more than once is harmless."""
        descriptor, self._descriptor = self._descriptor, None
        _held.discard(self)
        if descriptor is None:
            return
        try:
            os.pwrite(descriptor, b" " * _RECORD_BYTES, 0)
        except OSError:
            pass  # the record is information; the lock is let go below
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def _forget_in_child(self) -> None:
        """Close the copy that fork(2) gave a child. No LOCK_UN: that would unlock the parent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


_held: weakref.WeakSet[Lock] = weakref.WeakSet()


def _forget_all_in_child() -> None:
    for lock in list(_held):
        lock._forget_in_child()
    _held.clear()


os.register_at_fork(after_in_child=_forget_all_in_child)


def acquire(path: Path, owner: Owner, *, what: str = "") -> Lock:
    """Take the lock at PATH for OWNER without waiting. WHAT names it in the error ("run r-1").

    Raises LockHeld, naming the holder, when another process (or this one) has it; UnsafeRepository when PATH is no
    plain file; EnvironmentFault when the disk or a permission stands in the way.
    """
    owner = replace(owner, about=what[:_ABOUT_CHARACTERS])
    for pause in (*_SETTLE_SECONDS, None):
        descriptor = _try(path)
        if descriptor is not None:
            _write_record(path, descriptor, owner)
            return Lock(path, owner, descriptor)
        holder = read_owner(path)
        if pause is None or (holder is not None and is_alive(holder) is not False):
            break
        time.sleep(pause)
    name = what or path.name
    raise LockHeld(
        f"{name} is held by {holder or 'a process that has not signed yet'}.",
        hint="Wait until it ends; the lock goes with its process, nothing has to be removed by hand.",
    )


def read_owner(path: Path) -> Owner | None:
    """Return who last took the lock at PATH and did not release it, alive or not; None where nobody did.

    Takes no lock itself, so looking never makes another's `acquire` fail.
    """
    try:
        with path.open("rb") as handle:
            written = json.loads(handle.read(_RECORD_BYTES))
        owner = Owner(**{field.name: written[field.name] for field in fields(Owner)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return owner if isinstance(owner.pid, int) and owner.pid > 0 and isinstance(owner.host, str) else None


def heartbeat(path: Path) -> datetime | None:
    """Return when the owner of the lock at PATH last took it or showed progress; None where there is no lock."""
    try:
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except OSError:
        return None


def is_held(path: Path) -> bool:
    """Return whether somebody on this machine holds the lock at PATH. The kernel's answer, not the record's."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as fault:
        if fault.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            return True
        raise
    finally:
        os.close(descriptor)
    return False


def break_lock(path: Path, now: datetime) -> Owner | None:
    """Take the lock at PATH away from an owner that hangs, and return who that was; None where nobody held it.

    The file is replaced, so that the next owner locks another one; the old owner finds that out before it writes
    anything (`Lock.still_held`). Raises LockHeld where the owner is alive and showed progress within HUNG_SECONDS.
    """
    owner, beat = read_owner(path), heartbeat(path)
    elsewhere = owner is not None and is_alive(owner) is None
    if not elsewhere and not is_held(path):
        return None
    if beat is not None and (now - beat).total_seconds() < HUNG_SECONDS:
        raise LockHeld(
            f"{path.stem} is held by {owner or 'a process that has not signed'}, which was at work"
            f" {max(0, round((now - beat).total_seconds()))} seconds ago.",
            hint=f"End that process; the lock goes with it. After {HUNG_SECONDS:.0f} idle seconds it can be broken.",
        )
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
    fresh.replace(path)
    return owner or Owner("unknown", 0, "", "unknown", "", timestamp(beat or now))


def _try(path: Path) -> int | None:
    """Return a locked descriptor of the file that stands at PATH now, or None when another holds it."""
    while True:
        descriptor = _open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            os.close(descriptor)
            if fault.errno in {errno.EWOULDBLOCK, errno.EACCES}:
                return None
            raise EnvironmentFault(f"Cannot lock {path}: {fault.strerror}.") from fault
        if _names_same_file(path, descriptor):
            return descriptor
        os.close(descriptor)  # replaced between opening and locking: what was locked is no longer what others see


def _open(path: Path) -> int:
    refusal = UnsafeRepository(f"{path} is not a plain file.", hint="Look who put it there, and remove it.")
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, flags, 0o644)
    except OSError as fault:
        if fault.errno in {errno.ELOOP, errno.EISDIR, errno.ENXIO}:
            raise UnsafeRepository(
                f"{path} is not a plain file.", hint="Remove it and look who put it there."
            ) from fault
        raise EnvironmentFault(f"Cannot open the lock {path}: {fault.strerror}.") from fault
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise refusal
    return descriptor


def _write_record(path: Path, descriptor: int, owner: Owner) -> None:
    try:
        os.pwrite(descriptor, json.dumps(asdict(owner)).encode("ascii").ljust(_RECORD_BYTES), 0)
    except OSError as fault:
        os.close(descriptor)
        raise EnvironmentFault(f"Cannot write the lock {path}: {fault.strerror}.", hint="Check free space.") from fault


def _names_same_file(path: Path, descriptor: int) -> bool:
    try:
        named, opened = path.lstat(), os.fstat(descriptor)
    except OSError:
        return False
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)


def _process_start(pid: int) -> str:
    return _process_fields(pid)[19]


def _process_state(pid: int) -> str:
    return _process_fields(pid)[0]


def _process_fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third (the state) on; empty strings where there is no such file."""
    try:
        stated = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return [""] * 20
    return stated[stated.rindex(b")") + 2 :].decode("ascii").split()
