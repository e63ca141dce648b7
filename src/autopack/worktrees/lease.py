"""Leases on folders and locks on runs, in the git folder that every worktree of a repository shares.

A folder can have several names (links, bind mounts, another spelling), so a lease is taken on what the folder is: its
real path and, beside it, its device and inode. Either being held refuses.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from autopack.errors import UnsafeRepository, UsageError
from autopack.worktrees.lock import Lock, Owner, acquire, break_lock, heartbeat, is_alive, is_held, read_owner


@dataclass(frozen=True)
class PhysicalFolder:
    """What a folder is, whatever it is called."""

    real_path: Path
    device: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> PhysicalFolder:
        """Return what PATH is; raises UnsafeRepository where it is no folder."""
        real = Path(os.path.realpath(path))
        try:
            seen = real.lstat()
        except OSError as fault:
            raise UnsafeRepository(f"{path} cannot be looked at: {fault.strerror}.") from fault
        if not stat.S_ISDIR(seen.st_mode):
            raise UnsafeRepository(f"{path} is not a folder.")
        return cls(real, seen.st_dev, seen.st_ino)


@dataclass(frozen=True)
class Lease:
    """The right to work in one folder; a context manager. Use `acquire_lease`."""

    folder: PhysicalFolder
    locks: tuple[Lock, ...]

    @property
    def owner(self) -> Owner:
        return self.locks[0].owner

    def agrees(self) -> bool:
        """Return whether the lease still excludes others and its path still names the same folder."""
        try:
            unmoved = PhysicalFolder.of(self.folder.real_path) == self.folder
        except UnsafeRepository:
            return False
        return unmoved and all(lock.still_held() for lock in self.locks)

    def beat(self) -> None:
        """Show others that the owner still makes progress."""
        for lock in self.locks:
            lock.beat()

    def release(self) -> None:
        """Let go; more than once is harmless."""
        for lock in self.locks:
            lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.release()


@dataclass(frozen=True)
class Holding:
    """A lock or lease whose owner has not released it, as others see it."""

    name: str
    owner: Owner
    alive: bool | None
    """None: the owner is on another machine."""
    beat: datetime
    """When the owner last showed progress."""


def leases_folder(common_dir: Path) -> Path:
    """Return where leases live below COMMON_DIR (`git rev-parse --git-common-dir`)."""
    return common_dir / "autopack" / "leases"


def locks_folder(common_dir: Path) -> Path:
    """Return where the locks of runs live below COMMON_DIR."""
    return common_dir / "autopack" / "locks"


def acquire_lease(common_dir: Path, path: Path, owner: Owner) -> Lease:
    """Lease the folder PATH for OWNER without waiting.

    Raises LockHeld when it is leased under any of its names, UnsafeRepository when it is no folder.
    """
    folder = PhysicalFolder.of(path)
    path_lock, inode_lock = _lock_files(common_dir, folder)
    what = f"The folder {folder.real_path}"
    by_path = acquire(path_lock, owner, what=what)
    try:
        by_inode = acquire(inode_lock, owner, what=what)
    except BaseException:
        by_path.release()
        raise
    lease = Lease(folder, (by_path, by_inode))
    if not lease.agrees():
        lease.release()
        raise UnsafeRepository(f"{path} was replaced while it was being leased.", hint="Repeat the command.")
    return lease


def _lock_files(common_dir: Path, folder: PhysicalFolder) -> tuple[Path, Path]:
    """Return the locks of FOLDER's path and of its device and inode."""
    spelt = hashlib.sha256(os.fsencode(folder.real_path)).hexdigest()[:32]
    where = leases_folder(common_dir)
    return where / f"path-{spelt}.lock", where / f"inode-{folder.device:x}-{folder.inode:x}.lock"


def _run_lock_file(common_dir: Path, run_id: str) -> Path:
    return locks_folder(common_dir) / f"{run_id.casefold()}.lock"


def acquire_run_lock(common_dir: Path, run_id: str, owner: Owner) -> Lock:
    """Take the lock of RUN_ID (a validated id), so that one process works on a run; raises LockHeld."""
    return acquire(_run_lock_file(common_dir, run_id), owner, what=f"Run {run_id}")


def holdings(common_dir: Path) -> tuple[Holding, ...]:
    """Return every lock and lease that was taken and not released, by name. Takes no lock."""
    found = []
    for folder in (leases_folder(common_dir), locks_folder(common_dir)):
        for path in sorted(folder.glob("*.lock")):
            owner, beat = read_owner(path), heartbeat(path)
            if owner is not None and beat is not None:
                found.append(Holding(path.stem, owner, is_alive(owner), beat))
    return tuple(found)


def holder_of(common_dir: Path, path: Path) -> Owner | None:
    """Return who works in the folder PATH, under whatever name; None where nobody does.

    Raises UnsafeRepository where PATH is no folder.
    """
    for lock in _lock_files(common_dir, PhysicalFolder.of(path)):
        if is_held(lock):
            return read_owner(lock)
    return None


def run_is_worked_on(common_dir: Path, run_id: str) -> bool:
    """Return whether a process holds the lock of RUN_ID."""
    return is_held(_run_lock_file(common_dir, run_id))


def break_holding(common_dir: Path, name: str, now: datetime) -> Owner | None:
    """Take the lock or lease NAME (as `holdings` names it) from an owner that hangs; see `lock.break_lock`.

    Raises UsageError for a name that nothing has, LockHeld where the owner is at work.
    """
    folders = (leases_folder(common_dir), locks_folder(common_dir))
    found = [path for folder in folders for path in folder.glob("*.lock") if path.stem == name]
    if not found:
        raise UsageError(f"There is no lock {name!r}.", hint="autopack leases list")
    return break_lock(found[0], now)
