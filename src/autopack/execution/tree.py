"""The only hands of an action: files below the run's worktree, and of those only the ones in its grant."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from autopack.errors import DeniedByPolicy, StaleError

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class GrantedTree:
    """Reads and writes granted files below `root` (absolute). No component of a path may be a symbolic link: each
    folder is opened from its parent's descriptor, so that nothing can be swapped in between."""

    root: Path
    granted: frozenset[str]

    def read(self, path: str) -> bytes:
        """Return the bytes of PATH; raises StaleError where it is not a plain file."""
        with self._parent(path) as (folder, name):
            return _read_plain(folder, name, path)

    def write(self, path: str, data: bytes) -> None:
        """Replace the bytes of PATH, keeping its mode; the old content is there until the new one is whole."""
        with self._parent(path) as (folder, name):
            mode = _plain_mode(folder, name, path)
            temporary = f".autopack-{os.getpid()}-{name[:100]}"
            _write_new(folder, temporary, data, mode)
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)

    def put(self, path: str, data: bytes) -> None:
        """Write DATA as PATH, a plain file that may be new; missing folders are made."""
        with self._parent(path, make=True) as (folder, name):
            mode = _plain_mode(folder, name, path) if _exists(folder, name) else 0o644
            temporary = f".autopack-{os.getpid()}-{name[:100]}"
            _write_new(folder, temporary, data, mode)
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)

    def move(self, path: str, destination: str) -> None:
        """Rename PATH to DESTINATION, which must not exist; missing folders are made."""
        with self._parent(path) as (folder, name):
            _plain_mode(folder, name, path)
            with self._parent(destination, make=True) as (target_folder, target_name):
                if _exists(target_folder, target_name):
                    raise StaleError(f"{destination} exists already.")
                os.rename(name, target_name, src_dir_fd=folder, dst_dir_fd=target_folder)

    def delete(self, path: str) -> None:
        """Remove the plain file PATH."""
        with self._parent(path) as (folder, name):
            _plain_mode(folder, name, path)
            os.unlink(name, dir_fd=folder)

    @contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """Yield the descriptor of the folder that holds PATH, and its last part."""
        parts = path.split("/")
        if path not in self.granted or any(part in {"", ".", "..", ".git"} for part in parts):
            raise DeniedByPolicy(f"{path} is not in the grant of this action.")
        with ExitStack() as opened:
            folder = os.open(self.root, _FOLDER_FLAGS)
            opened.callback(os.close, folder)
            for part in parts[:-1]:
                folder = _open_folder(folder, part, path, make=make)
                opened.callback(os.close, folder)
            yield folder, parts[-1]


def _open_folder(parent: int, part: str, path: str, *, make: bool) -> int:
    """Return a descriptor of the folder PART in the folder PARENT."""
    try:
        if make and not _exists(parent, part):
            os.mkdir(part, dir_fd=parent)
        return os.open(part, _FOLDER_FLAGS, dir_fd=parent)
    except OSError as fault:
        raise StaleError(f"{path}: {part} is not a plain folder ({fault.strerror}).") from fault


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _plain_mode(folder: int, name: str, path: str) -> int:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as fault:
        raise StaleError(f"{path} is gone from the base commit ({fault.strerror}).") from fault
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        raise StaleError(f"{path} is not a plain file of its own.")
    return stat.S_IMODE(status.st_mode)


def _read_plain(folder: int, name: str, path: str) -> bytes:
    _plain_mode(folder, name, path)
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as handle:
        return handle.read()


def _write_new(folder: int, name: str, data: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, mode, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as handle:
        os.fchmod(handle.fileno(), mode)
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
