"""What an action really did: measured by git from the worktree, never taken from anyone's word."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from autopack.artifacts.canonical import digest
from autopack.artifacts.model import printable
from autopack.errors import UnsafeRepository
from autopack.git import Git

Change = Literal["added", "modified", "deleted", "renamed", "mode", "type"]

_SYMLINK = "120000"
_SUBMODULE = "160000"


@dataclass(frozen=True)
class FileChange:
    """One file of a diff. `lines_*` as `git diff --numstat` counts them; a binary file counts all lines of both
    versions."""

    path: str
    change: Change
    previous_path: str | None
    lines_added: int
    lines_removed: int
    link_target: str | None = None
    mode: str = field(default="", compare=False)
    """Git's mode of the file now, such as `100644`; `000000` for one that is gone."""
    previous_mode: str = field(default="", compare=False)
    content: str = field(default="", compare=False)
    """Git's id of the file's bytes now."""

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,) if self.previous_path is None else (self.previous_path, self.path)


def change_digest(changes: Sequence[FileChange]) -> str:
    """Return the SHA-256 of everything that CHANGES say: paths, lines, modes, where links lead, and the bytes."""
    return digest(
        [
            {name: printable(value) if isinstance(value, str) else value for name, value in asdict(change).items()}
            for change in changes
        ]
    )


def stage_everything(git: Git) -> str:
    """Put the worktree's state into its index and return the id of the tree that it makes.

    GIT comes from the worktree manager, with every filter driver switched off: a filter is a command that a repository
    names.
    """
    git.run("add", "--all", "--", ".")
    return git.run("write-tree").text.strip()


def ignored_files(git: Git) -> frozenset[str]:
    """Return the files of the worktree that git ignores, whatever rule of the tree says so."""
    listed = git.run("ls-files", "-z", "--others", "--ignored", "--exclude-standard").text
    return frozenset(filter(None, listed.split("\0")))


def measure(git: Git, base: str, tree: str) -> tuple[FileChange, ...]:
    """Return what changed from BASE to TREE (both tree-ish), renames detected, sorted by path.

    Raises UnsafeRepository for a submodule entry that came or changed: it names code that nobody looked at.
    """
    raw = git.run("diff-tree", "-r", "-M", "--raw", "-z", "--no-ext-diff", "--no-textconv", base, tree).text
    counts = _line_counts(git, base, tree)
    fields = iter(raw.split("\0"))
    changes = []
    for head in fields:
        if not head:
            continue
        old_mode, new_mode, old_oid, new_oid, status = head.lstrip(":").split(" ")
        previous = next(fields) if status[0] in "RC" else None
        path = next(fields)
        if _SUBMODULE in {old_mode, new_mode}:
            raise UnsafeRepository(f"{path}: a submodule entry changed.")
        added, removed = counts[path]
        if added is None or removed is None:
            added, removed = _lines_of(git, new_oid), _lines_of(git, old_oid)
        changes.append(
            FileChange(
                path=path,
                change=_kind_of_change(status[0], old_mode, new_mode, old_oid, new_oid),
                previous_path=previous,
                lines_added=added,
                lines_removed=removed,
                link_target=_link_target(git, new_oid) if new_mode == _SYMLINK else None,
                mode=new_mode,
                previous_mode=old_mode,
                content=new_oid,
            )
        )
    return tuple(sorted(changes, key=lambda change: change.path))


def _kind_of_change(status: str, old_mode: str, new_mode: str, old_oid: str, new_oid: str) -> Change:
    named: dict[str, Change] = {"A": "added", "C": "added", "D": "deleted", "R": "renamed", "T": "type"}
    if status in named:
        return named[status]
    return "mode" if old_oid == new_oid and old_mode != new_mode else "modified"


def _line_counts(git: Git, base: str, tree: str) -> dict[str, tuple[int | None, int | None]]:
    """Return path -> (added, removed), None for both where git calls the file binary."""
    output = git.run("diff-tree", "-r", "-M", "--numstat", "-z", "--no-ext-diff", "--no-textconv", base, tree).text
    fields = iter(output.split("\0"))
    counts: dict[str, tuple[int | None, int | None]] = {}
    for head in fields:
        if not head:
            continue
        added, removed, path = head.split("\t", 2)
        if not path:  # a rename: both names follow as fields of their own
            next(fields)
            path = next(fields)
        counts[path] = (None, None) if added == "-" else (int(added), int(removed))
    return counts


def _lines_of(git: Git, oid: str) -> int:
    if set(oid) == {"0"}:
        return 0
    data = git.run("cat-file", "blob", oid).stdout
    return data.count(b"\n") + (not data.endswith(b"\n") and bool(data))


def _link_target(git: Git, oid: str) -> str:
    return os.fsdecode(git.run("cat-file", "blob", oid).stdout)
