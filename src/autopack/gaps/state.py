"""The values that detectors judge: one look at a workspace, with no way to look again.

`snapshot.take_snapshot` makes them; it is the only input of a scan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autopack.gaps.models import NotLookedAt
from autopack.intention_anchor.v2 import IntentionAnchorV2


@dataclass(frozen=True)
class FileRecord:
    """One file in scope. `mode` as in the index (`100644`, `100755`, `120000` link, `160000` submodule)."""

    path: str
    mode: str
    tracked: bool
    size: int
    sha256: str | None
    """Of the bytes in the working tree; None when they were not read (too large, a link, gone)."""
    status: str
    """Two letters of `git status --porcelain`: `..` clean, `??` untracked, `UU` unmerged, `M.` staged, …"""
    link_target: str | None = None


@dataclass(frozen=True)
class WorktreeFact:
    """One entry of `git worktree list --porcelain`. `name` is the folder under `worktrees/`, never an absolute path."""

    name: str
    exists: bool
    points_back: bool
    locked: bool
    lock_reason: str
    prunable: bool
    owner_alive: bool | None
    """None when no owner is recorded."""


@dataclass(frozen=True)
class LockFact:
    """A lock file, in the git folder (`in_git_dir`) or in the tree, and whether its owner lives (None: unknown)."""

    path: str
    in_git_dir: bool
    owner_pid: int | None
    owner_alive: bool | None
    old: bool
    """Untouched for longer than any git command holds one (see `snapshot` for the figure)."""


@dataclass(frozen=True)
class DatabaseFact:
    """A SQLite database file in or beside the tree (ignored ones included), judged without opening it for writing."""

    path: str
    held_by_writer: bool
    hot_journal: bool
    wal_bytes: int


@dataclass(frozen=True)
class CommitFact:
    """A commit since the base: its message trailers and the paths that it changed (both names of a rename)."""

    oid: str
    subject: str
    trailers: Mapping[str, str]
    paths: tuple[str, ...]


@dataclass(frozen=True)
class GitFacts:
    """The repository's own state."""

    is_repository: bool
    head: str | None
    branch: str | None
    """None when HEAD is detached or there is no commit."""
    object_format: str = "sha1"
    bare: bool = False
    shallow: bool = False
    sparse: bool = False
    partial: bool = False
    operations: tuple[str, ...] = ()
    """Unfinished: any of merge, rebase, cherry-pick, revert, bisect, am."""
    locks: tuple[LockFact, ...] = ()
    worktrees: tuple[WorktreeFact, ...] = ()
    broken: tuple[tuple[str, str], ...] = ()
    """(subject, what is wrong) for a damaged index, HEAD or ref, and for refs that point at missing objects."""
    recent_commits: tuple[CommitFact, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """Everything that a scan may depend on; two equal snapshots give byte-identical reports."""

    files: Mapping[str, FileRecord]
    """In scope, by path, sorted: tracked, and untracked but not ignored."""
    git: GitFacts
    facts: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Gap type -> path -> what that detector's extractor returned."""
    texts: Mapping[str, bytes] = field(default_factory=dict)
    """Bytes of the files that a detector retained."""
    folders: frozenset[str] = frozenset()
    """Every folder of a tracked or untracked file in scope."""
    ignored: frozenset[str] = frozenset()
    """Ignored paths that exist, folders with a trailing `/` (never looked into)."""
    ignored_targets: frozenset[str] = frozenset()
    """Those of the history candidates that git would ignore if they existed."""
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Path -> `text`, `eol`, `binary`, `merge`, `working-tree-encoding`, `linguist-*` where `.gitattributes` sets
    them."""
    history: Mapping[str, str | None] = field(default_factory=dict)
    """History candidate that once existed -> where it was renamed to (following renames), or None if deleted."""
    databases: tuple[DatabaseFact, ...] = ()
    tree_locks: tuple[LockFact, ...] = ()
    intention: IntentionAnchorV2 | None = None
    intention_source: str = "none"
    base_intention: IntentionAnchorV2 | None = None
    """The anchor in the base commit, when it differs from the one in the working copy."""
    not_looked_at: tuple[NotLookedAt, ...] = ()
    state_digest: str = ""
