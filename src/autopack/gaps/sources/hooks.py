"""Hooks that somebody installed and that git passes over in silence."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from autopack.gaps.sources.listing import decode
from autopack.gaps.sources.repository import Places
from autopack.gaps.state import HookFaults

_NAMES = frozenset(
    (
        *("applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit"),
        *("prepare-commit-msg", "commit-msg", "post-commit", "pre-rebase", "post-checkout", "post-merge", "pre-push"),
        *("reference-transaction", "push-to-checkout", "pre-auto-gc", "post-rewrite", "sendemail-validate"),
        *("fsmonitor-watchman", "post-index-change"),
    )
)
"""githooks(5), without those that only a server runs."""
_ABSOLUTE = "an absolute path"


def hook_faults(places: Places, worktrees: Iterable[tuple[str, Path]]) -> HookFaults:
    """Return what is wrong with the hooks of PLACES, and of its linked WORKTREES (name and folder).

    Only the repository's own configuration is known. An empty `core.hooksPath` or a device (`/dev/null`) switches
    hooks off on purpose; one that begins with `~` belongs to a person whose home is not ours to know.
    """
    stated = places.configuration.get("core.hookspath")
    if stated is None:
        return HookFaults(not_executable=_not_executable(places.common / "hooks", ".git/hooks"))
    folder = places.root / stated
    if not stated or stated.startswith(("~", "%(")) or (folder.exists() and not folder.is_dir()):
        return HookFaults()
    if not folder.is_dir():
        return HookFaults(missing_folder=_ABSOLUTE if Path(stated).is_absolute() else stated)
    return HookFaults(
        not_executable=_not_executable(folder, label) if (label := _label(places.root, folder)) else (),
        worktrees_without=() if Path(stated).is_absolute() else _without(stated, places, worktrees),
    )


def _label(root: Path, folder: Path) -> str | None:
    """Return FOLDER as a path from ROOT; what lies elsewhere is another repository's or a person's own."""
    relative = os.path.relpath(folder, root)
    return None if relative.startswith("..") else decode(os.fsencode(relative))


def _not_executable(folder: Path, label: str) -> tuple[str, ...]:
    found = []
    for name in sorted(_NAMES):
        try:
            status = (folder / name).stat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode) and not status.st_mode & 0o111 and status.st_size:
            found.append(f"{label}/{name}")
    return tuple(found)


def _without(stated: str, places: Places, worktrees: Iterable[tuple[str, Path]]) -> tuple[str, ...]:
    """Return the names of WORKTREES in which STATED leads nowhere; each may have settings of its own, which are then
    left to it."""
    if places.configuration.get("extensions.worktreeconfig", "").lower() in {"true", "1", "yes", "on"}:
        return ()
    return tuple(sorted(name for name, folder in worktrees if folder.is_dir() and not (folder / stated).is_dir()))
