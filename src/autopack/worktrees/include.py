"""Files that a run's worktree gets although git ignores them: what `.worktreeinclude` of the base commit names.

The file has the syntax of gitignore(5). Only what is both ignored and matched is taken, from the owner's checkout, as a
copy; links, folders behind links and other repositories are left out. A copy that the run did not change is no work of
the run: it is not parked, so that no credentials reach the object store that way.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import stat
import tempfile
from pathlib import Path

from autopack.artifacts.store import write_bytes
from autopack.errors import UnsafeRepository
from autopack.git import Git

INCLUDE_FILE = ".worktreeinclude"
MAX_INCLUDED_BYTES = 1024**3
"""More than this in one worktree is a person's business."""

_RECORD = "autopack-included"
"""In the worktree's own git folder, where nothing that runs in the worktree can change it."""
_PARTIAL = ".autopack-partial"


def files_to_include(repository: Git, base_commit: str, *, runs_root: Path) -> tuple[str, ...]:
    """Return the paths of the owner's checkout that a worktree at BASE_COMMIT gets, sorted.

    Raises UnsafeRepository where they hold more than MAX_INCLUDED_BYTES.
    """
    patterns = repository.show(base_commit, INCLUDE_FILE)
    if patterns is None:
        return ()
    root = repository.work_tree
    with tempfile.NamedTemporaryFile(prefix="autopack-include-") as listed:
        listed.write(patterns)
        listed.flush()
        matched = set(_untracked(repository, f"--exclude-from={listed.name}"))
    found = sorted(
        path
        for path in matched.intersection(_untracked(repository, "--exclude-standard"))
        if not (root / path).is_relative_to(runs_root) and _is_plain(root, path)
    )
    total = sum((root / path).lstat().st_size for path in found)
    if total > MAX_INCLUDED_BYTES:
        raise UnsafeRepository(
            f"{INCLUDE_FILE} names {total} bytes; a worktree gets at most {MAX_INCLUDED_BYTES}.",
            hint=f"Narrow the patterns in {INCLUDE_FILE} and commit it.",
        )
    return tuple(found)


def include(source: Path, git: Git, paths: tuple[str, ...]) -> None:
    """Copy PATHS from SOURCE into the worktree of GIT, never over a file; may be repeated after a kill."""
    if not paths:
        return
    write_bytes(_record(git), b"\0".join(os.fsencode(one) for one in (str(source), *paths)))
    for path in paths:
        target = git.work_tree / path
        if _leads_away(git.work_tree, target) or os.path.lexists(target) or not _is_plain(source, path):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name[:200] + _PARTIAL)
        partial.unlink(missing_ok=True)
        shutil.copy2(source / path, partial, follow_symlinks=False)
        partial.rename(target)


def unchanged_copies(git: Git) -> frozenset[str]:
    """Return the included files that still are what the owner's checkout has; they are no work of the run."""
    try:
        source, *paths = _record(git).read_bytes().split(b"\0")
    except OSError:
        return frozenset()
    root = Path(os.fsdecode(source))
    return frozenset(path for path in map(os.fsdecode, paths) if _same(root / path, git.work_tree / path))


def _record(git: Git) -> Path:
    return (git.git_dir or git.own_git_dir()) / _RECORD


def _untracked(git: Git, excludes: str) -> list[str]:
    return git.nul_separated("ls-files", "-z", "--others", "--ignored", excludes)


def _is_plain(root: Path, path: str) -> bool:
    """Return whether PATH is a plain file of ROOT that is reached through no link and is in no git folder."""
    try:
        mode = (root / path).lstat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and ".git" not in path.split("/") and not _leads_away(root, root / path)


def _leads_away(root: Path, path: Path) -> bool:
    expected = Path(os.path.realpath(root)) / path.parent.relative_to(root)
    return Path(os.path.realpath(path.parent)) != expected


def _same(one: Path, other: Path) -> bool:
    try:
        plain = all(stat.S_ISREG(path.lstat().st_mode) for path in (one, other))
        return plain and filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False
