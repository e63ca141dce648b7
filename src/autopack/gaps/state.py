"""The values that detectors judge: one look at a workspace, with no way to look again.

`snapshot.take_snapshot` makes them; it is the only input of a scan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # what says whether anything changed needs these values, and no framework
    from autopack.gaps.models import NotLookedAt
    from autopack.gaps.run_logs import ShortRecall, ToldFault
    from autopack.intention_anchor.v2 import IntentionAnchorV2


class FileRecord(NamedTuple):
    """One file in scope that is there (a deleted one is only in `Snapshot.changes`).

    `mode` as in the index: `100644`, `100755`, `120000` for a link.
    """

    path: str
    mode: str
    tracked: bool
    size: int
    sha256: str | None
    """Of the bytes in the working tree; None when they were not read (a link, left out by a sparse checkout,
    unreadable)."""
    status: str
    """Two letters of `git status --porcelain`: `..` clean, `??` untracked, `UU` unmerged, `M.` staged, …"""
    link_target: str | None = None


@dataclass(frozen=True)
class ChangeFact:
    """One entry of `git status`, in scope or not: a changed, deleted, renamed, unmerged or untracked path."""

    path: str
    status: str
    """Two letters, `.` for unchanged: index, then working tree; `??` untracked."""
    renamed_from: str | None = None


@dataclass(frozen=True)
class DetectorFailure:
    """A detector that raised while the snapshot was taken: in which of its functions, over which file, and what."""

    gap_type: str
    function: str
    path: str | None
    error: str
    """The exception's class; its text may depend on the machine."""


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
    off_its_branch: bool = False
    """It was made for a run, and its HEAD is not on that run's branch."""

    @property
    def sound(self) -> bool:
        """Whether all is well: a locked worktree may be absent (removable media) unless its owner is known dead."""
        if self.off_its_branch:
            return False
        return self.owner_alive is not False if self.locked else self.exists and self.points_back


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
class HookFaults:
    """Hooks that are there, or asked for, and that git never runs (githooks(5))."""

    not_executable: tuple[str, ...] = ()
    """Paths from the root, or below `.git/`."""
    missing_folder: str | None = None
    """The value of `core.hooksPath`, where it leads to no folder; an absolute one is called `an absolute path`."""
    worktrees_without: tuple[str, ...] = ()
    """Names of linked worktrees in which a relative `core.hooksPath` leads to no folder."""


@dataclass(frozen=True)
class DatabaseFact:
    """A SQLite database file in or beside the tree (ignored ones included), judged without opening it for writing."""

    path: str
    held_by_writer: bool
    hot_journal: bool
    wal_bytes: int


@dataclass(frozen=True)
class RunFacts:
    """What the logs of the newest runs tell about the repository (see `sources.runs`)."""

    short_recalls: tuple[ShortRecall, ...] = ()
    told_faults: tuple[ToldFault, ...] = ()


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
    hooks: HookFaults = field(default_factory=HookFaults)
    unchecked: tuple[tuple[str, str], ...] = ()
    """(subject, reason) of what was to be checked and could not be."""
    left_out: tuple[tuple[str, str], ...] = ()
    """Those of `broken` where all that is missing is the content of files that a sparse checkout leaves out."""


@dataclass(frozen=True)
class Snapshot:
    """Everything that a scan may depend on; two equal snapshots give byte-identical reports."""

    files: Mapping[str, FileRecord]
    """In scope, by path, sorted: tracked, and untracked but not ignored."""
    git: GitFacts
    changes: tuple[ChangeFact, ...] = ()
    """Everything that `git status` reports, by path."""
    out_of_scope: frozenset[str] = frozenset()
    """Paths that exist and are not judged (vendored, generated, submodules and nested repositories with a trailing
    `/`); a link to one is no dead link."""
    facts: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Gap type -> path -> what that detector's extractor returned."""
    mentions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Path -> the names in it that a detector seeks, each as a whole word."""
    texts: Mapping[str, bytes] = field(default_factory=dict)
    """Bytes of the files that a detector retained."""
    folders: frozenset[str] = frozenset()
    """Every folder of a file in `files` or `out_of_scope`, without a trailing `/`."""
    ignored: frozenset[str] = frozenset()
    """Ignored paths that exist, folders with a trailing `/` (never looked into)."""
    ignored_targets: frozenset[str] = frozenset()
    """Those of the history candidates that git would ignore if they existed, or if it did not track them."""
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Path -> `text`, `eol`, `binary`, `merge`, `working-tree-encoding`, `linguist-*` where `.gitattributes` sets
    them."""
    history: Mapping[str, str | None] = field(default_factory=dict)
    """History candidate that once existed -> where it was renamed to (following renames), or None if deleted."""
    databases: tuple[DatabaseFact, ...] = ()
    tree_locks: tuple[LockFact, ...] = ()
    runs: RunFacts = field(default_factory=RunFacts)
    intention: IntentionAnchorV2 | None = None
    intention_source: str = "none"
    base_intention: IntentionAnchorV2 | None = None
    """The anchor in the base commit, when it differs from the one in the working copy."""
    not_looked_at: tuple[NotLookedAt, ...] = ()
    failures: tuple[DetectorFailure, ...] = ()
    state_digest: str = ""
    worked_out: dict[str, object] = field(default_factory=dict, compare=False, repr=False)
    """Gap type -> what that detector made of paths and facts while it was asked for history candidates, so that it need
    not do so again; a snapshot with other paths or facts starts with none."""

    def exists(self, path: str) -> bool:
        """Tell whether PATH (no trailing `/`) is a file or folder that git knows or would not ignore."""
        return (
            path in self.files or path in self.folders or path in self.out_of_scope or f"{path}/" in self.out_of_scope
        )
