"""What lies in a job's folder: found before it runs, what must be hidden or protected and what makes a box useless;
found after it ran, what no mount can forbid and what git must not meet.

A name outside of the box for a file inside of it defeats every mount: a link in the path of a writable root, a hard
link (package managers make them), a socket of a host's service. Host-side git executes what it finds: a nested
repository's configuration names programs.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autopack.errors import UnsafeRepository

SHOWN = frozenset({".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults"})
"""Names that look like secrets and by convention hold none."""

_BARE_REPOSITORY = frozenset({"head", "objects", "refs"})
_SET_ID = stat.S_ISUID | stat.S_ISGID


@dataclass(frozen=True)
class Danger:
    """One thing in the tree that must not be there, in words for a person."""

    path: Path
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True)
class Survey:
    """A folder before a job: what to hide from it, which parts of writable roots to protect, what forbids it."""

    hidden: tuple[Path, ...]
    protected: tuple[Path, ...]
    dangers: tuple[Danger, ...]


def preflight(
    folder: Path, roots: Sequence[Path], *, hidden: Sequence[str] = (), protected: Sequence[Path] = ()
) -> Survey:
    """Look at FOLDER before a job that may write ROOTS (below it) and must not see HIDDEN nor write PROTECTED."""
    dangers = [danger for root in (folder, *roots) for danger in _root_dangers(folder, root)]
    if dangers:
        return Survey((), (), tuple(dangers))
    hides, start = hiding(hidden), len(str(folder)) + 1

    def is_hidden(entry: os.DirEntry[str]) -> bool:
        return hides(entry.name, entry.path[start:])

    masked: set[Path] = set()
    kept = {path for path in protected if os.path.lexists(path)}
    writable = tuple(f"{root}/" for root in roots)
    for entry in _entries(str(folder), is_hidden):
        inside = f"{entry.path}/".startswith(writable)
        if entry.name.casefold() == ".git":
            kept |= {Path(entry.path)} if inside else set()
        elif is_hidden(entry):
            masked |= set(_mask(Path(entry.path), folder))
        elif inside and (what := _useless(entry)):
            dangers.append(Danger(Path(entry.path), what))
        elif not inside and _is_special(entry):
            masked.add(Path(entry.path))
    return Survey(tuple(sorted(masked)), tuple(sorted(kept)), tuple(sorted(dangers, key=str)))


def postflight(folder: Path, roots: Sequence[Path], *, known: Collection[Path] = ()) -> tuple[Danger, ...]:
    """Return what a job that could write ROOTS below FOLDER left there that git must not meet on the host.

    KNOWN are repositories that were there before (submodules): `Survey.protected` of the preflight. `.git` of FOLDER
    itself is always known.
    """
    expected = {*map(str, known), str(folder / ".git")}
    found: set[Danger] = set()
    for root in roots:
        repository_parts: dict[str, set[str]] = {}
        for entry in _entries(str(root), lambda entry: entry.path in expected):
            if entry.path in expected:
                continue
            if entry.name.casefold() in _BARE_REPOSITORY:
                repository_parts.setdefault(os.path.dirname(entry.path), set()).add(entry.name.casefold())  # noqa: PTH120
            if what := _left_behind(entry, folder):
                found.add(Danger(Path(entry.path), what))
        found |= {
            Danger(Path(path), "a bare repository, whose configuration names programs")
            for path, names in repository_parts.items()
            if names == _BARE_REPOSITORY
        }
    return tuple(sorted(found, key=str))


def require_safe(dangers: Sequence[Danger]) -> None:
    """Raise UnsafeRepository naming the first of DANGERS, if there is one."""
    if dangers:
        more = f" (and {len(dangers) - 1} more)" if len(dangers) > 1 else ""
        raise UnsafeRepository(f"{dangers[0]}{more}", hint="Remove it, or grant a narrower folder for writing.")


def hiding(globs: Sequence[str]) -> Callable[[str, str], bool]:
    """Return a function (name, path from the job's folder) -> whether one of GLOBS hides it; case is folded."""
    names = _expression(glob for glob in globs if "/" not in glob)
    paths = _expression(glob.strip("/") for glob in globs if "/" in glob)

    def is_hidden(name: str, below: str) -> bool:
        folded = name.casefold()
        if folded in SHOWN:
            return False
        return bool((names and names.match(folded)) or (paths and paths.match(below.casefold())))

    return is_hidden


def _expression(globs: Iterator[str]) -> re.Pattern[str] | None:
    alternatives = [fnmatch.translate(glob.casefold()) for glob in globs]
    return re.compile("|".join(alternatives)) if alternatives else None


def _entries(top: str, is_closed: Callable[[os.DirEntry[str]], bool]) -> Iterator[os.DirEntry[str]]:
    """Yield everything below TOP, links not followed, without what is in a `.git` or in a closed folder."""
    pending = [top]
    while pending:
        try:
            with os.scandir(pending.pop()) as listing:
                entries = list(listing)
        except OSError:
            continue
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False) and entry.name.casefold() != ".git" and not is_closed(entry):
                pending.append(entry.path)


def _root_dangers(folder: Path, root: Path) -> Iterator[Danger]:
    if not root.is_absolute() or Path(os.path.normpath(root)) != root:
        yield Danger(root, "not a plain absolute path")
    elif root.resolve() != root:
        yield Danger(root, f"leads through a symbolic link to {root.resolve()}")
    elif not root.exists():
        yield Danger(root, "does not exist, so it cannot be granted")
    elif not root.is_relative_to(folder):
        yield Danger(root, f"is not below {folder}")
    elif ".git" in (part.casefold() for part in root.relative_to(folder).parts):
        yield Danger(root, "git's own folder is never granted for writing")


def _mask(path: Path, folder: Path) -> Iterator[Path]:
    """Yield what to cover so that the hidden PATH cannot be read: where a link leads too, if that is in FOLDER."""
    if not path.is_symlink():
        yield path
        return
    target = path.resolve()
    if target.exists() and target.is_relative_to(folder) and target != folder:
        yield target


def _useless(entry: os.DirEntry[str]) -> str:
    """Return why ENTRY cannot be in a writable root before a job, or an empty string."""
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return ""
    if stat.S_ISLNK(status.st_mode):
        return ""
    if stat.S_ISDIR(status.st_mode):
        return "" if os.access(entry.path, os.R_OK | os.X_OK) else "a folder that cannot be looked into"
    return _no_plain_file(status)


def _no_plain_file(status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode):
        return "a socket, pipe or device"
    return "a hard link; its other name may lie outside" if status.st_nlink > 1 else ""


def _is_special(entry: os.DirEntry[str]) -> bool:
    return not (entry.is_symlink() or entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False))


def _left_behind(entry: os.DirEntry[str], folder: Path) -> str:
    """Return why ENTRY must not be there after a job, or an empty string."""
    if entry.name.casefold() == ".git":
        return "a nested repository, whose configuration names programs"
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return ""
    if stat.S_ISLNK(status.st_mode):
        outside = not Path(os.path.realpath(entry.path)).is_relative_to(folder)
        return f"a symbolic link out of the worktree, to {Path(entry.path).readlink()}" if outside else ""
    if stat.S_ISDIR(status.st_mode):
        return "" if os.access(entry.path, os.R_OK | os.X_OK) else "a folder that cannot be looked into"
    if status.st_mode & _SET_ID:
        return "a program that runs with its owner's rights (set-id)"
    return _no_plain_file(status)
