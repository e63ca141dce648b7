"""What a repository uses that a run's worktree treats specially: filters, LFS, submodules, sparse checkouts.

A filter driver is a command that a configuration names; a run's worktree never runs one. So LFS files stay pointers,
encrypted files stay encrypted, and the bytes that are compared and committed are the ones git stores.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from autopack.errors import UnsafeRepository
from autopack.git import Git

_LFS = re.compile(rb"^[^#\n]*\sfilter=lfs\b", re.MULTILINE)
_ALWAYS = ("core.sparseCheckout=false", "index.sparse=false", "worktree.useRelativePaths=false")


@dataclass(frozen=True)
class Features:
    """How a run's worktree of this repository is made. `settings` go to `Git.settings`; `notes` are for people."""

    settings: tuple[str, ...]
    notes: tuple[str, ...]


def features_of(git: Git, commit: str) -> Features:
    """Return what COMMIT of the repository of GIT needs.

    Raises UnsafeRepository for a filter driver whose name cannot be switched off on a command line.
    """
    configured = _configuration(git)
    drivers = _filter_drivers(configured)
    off = [
        f"filter.{driver}.{key}={value}"
        for driver in drivers
        for key, value in (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))
    ]
    return Features(settings=(*_ALWAYS, *off), notes=tuple(_notes(git, commit, configured, drivers)))


def _configuration(git: Git) -> dict[str, str]:
    """Return the settings that apply, the last one of a name counting; a name without a value is true."""
    entries = (entry.partition("\n") for entry in git.nul_separated("config", "--list", "-z"))
    return {name: value if is_stated else "true" for name, is_stated, value in entries}


def _filter_drivers(configured: dict[str, str]) -> list[str]:
    names = (name for name in configured if name.startswith("filter.") and name.count(".") >= 2)
    drivers = sorted({name.split(".", 1)[1].rsplit(".", 1)[0] for name in names})
    for driver in drivers:
        if "=" in driver:
            raise UnsafeRepository(
                f"The git configuration names a filter driver {driver!r} that cannot be switched off.",
                hint="Rename it without '='.",
            )
    return drivers


def _notes(git: Git, commit: str, configured: dict[str, str], drivers: list[str]) -> list[str]:
    notes = []
    if _uses_lfs(git, commit):
        notes.append("Git LFS files stay pointers in the run's worktree.")
    others = [driver for driver in drivers if driver != "lfs"]
    if others:
        notes.append(f"The filter {others[0]!r} is not run: its files stand as git stores them.")
    if git.show(commit, ".gitmodules") is not None:
        notes.append("Submodules are left uninitialised in the run's worktree.")
    if configured.get("core.sparsecheckout", "false").lower() in {"true", "yes", "on", "1"}:
        notes.append("The sparse checkout is not applied: the run's worktree is complete.")
    return notes


def _uses_lfs(git: Git, commit: str) -> bool:
    """Return whether a `.gitattributes` of COMMIT, at whatever depth, gives files to Git LFS."""
    paths = git.nul_separated("ls-tree", "-r", "-z", "--name-only", commit)
    written = (git.show(commit, path) or b"" for path in paths if path.rsplit("/", 1)[-1] == ".gitattributes")
    return any(_LFS.search(text) for text in written)
