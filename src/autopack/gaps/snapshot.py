"""One look at a workspace: the only input and output of a scan. Reads, and leaves no trace.

No index is refreshed, no object is written, no code that the repository names is run, no lock is taken; facts
are kept for the next look only where the caller may write. What cannot be seen is noted (`Snapshot.not_looked_at`),
never passed over.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path

from autopack.errors import EnvironmentFault, UsageError
from autopack.file_layout import RUNS_FOLDER
from autopack.gaps.detector import Detector
from autopack.gaps.facts import FactCache
from autopack.gaps.models import NotLookedAt
from autopack.gaps.sources import databases, history, hooks, integrity, listing, repository, runs, scope
from autopack.gaps.sources.asked import Asked, foreseeing
from autopack.gaps.sources.contents import Harvest, read_files
from autopack.gaps.sources.mentions import Seeker
from autopack.gaps.sources.recall import Recall, add_known, texts, vouched
from autopack.gaps.sources.workers import Progress, read_in_parallel, silent
from autopack.gaps.state import (
    ChangeFact,
    CommitFact,
    DatabaseFact,
    DetectorFailure,
    FileRecord,
    GitFacts,
    Snapshot,
)
from autopack.git import Git, GitFailed, find_work_tree
from autopack.intention_anchor.v2 import IntentionAnchorV2

_GONE = "000000"
"""The mode in the working tree of a file that is not there."""
RUN_BRANCH_PREFIX = "autopack/"
"""Branches that Autopack's own runs commit to."""


@dataclass(frozen=True)
class _Listed:
    """What git lists about a workspace."""

    index: tuple[listing.IndexEntry, ...]
    status: listing.Status
    attributes: Mapping[str, Mapping[str, str]]
    broken: tuple[tuple[str, str], ...]
    left_out: tuple[tuple[str, str], ...]
    """See `GitFacts.left_out`."""


@dataclass(frozen=True)
class _Scope:
    """The listed paths, sorted into what is read and what is only known to be there."""

    to_read: tuple[tuple[str, str], ...]
    """(path, mode) of what is judged."""
    absent: tuple[tuple[str, str], ...]
    """Tracked, in scope, and left out by a sparse checkout."""
    out_of_scope: frozenset[str]
    ignored: frozenset[str]


def take_snapshot(
    workspace: Path,
    detectors: Sequence[Detector],
    *,
    intention: IntentionAnchorV2 | None = None,
    intention_source: str = "none",
    base_intention: IntentionAnchorV2 | None = None,
    since: str | None = None,
    deep_seconds: float | None = None,
    runs_folder: str = RUNS_FOLDER,
    kept: FactCache | None = None,
    jobs: int | None = None,
    progress: Progress = silent,
    asked: Asked | None = None,
) -> Snapshot:
    """Look at WORKSPACE (the root of a working tree) once and return all that DETECTORS may judge.

    SINCE is a revision whose successors are examined for changes of protected paths; by default the merge base, and
    only on a run's branch. With DEEP_SECONDS, git reads every object, for at most so long. RUNS_FOLDER (relative) is
    Autopack's own: of it, nothing but the newest logs is read. What is KEPT from an earlier look by the same detectors
    is not looked for again, and changes no byte of the answer. JOBS bounds the processes that read; PROGRESS hears of
    it. What was ASKED of git just before need not be asked again.
    Raises UsageError where there is no git repository, UnsafeRepository where there is no working tree.
    """
    git = foreseeing(workspace, asked)
    places = _find(git)
    looked = _look(
        git,
        places,
        detectors,
        since=since,
        deep_seconds=deep_seconds,
        runs_folder=runs_folder,
        kept=kept,
        jobs=jobs,
        progress=progress,
        asked=asked,
    )
    snapshot = replace(looked, intention=intention, intention_source=intention_source, base_intention=base_intention)
    files = _files_digest(snapshot)
    snapshot = _with_past(git, places, snapshot, detectors, kept, files)
    snapshot = replace(snapshot, not_looked_at=_in_order(snapshot.not_looked_at))
    return replace(snapshot, state_digest=_digest(snapshot, files))


def _look(
    git: Git,
    places: repository.Places,
    detectors: Sequence[Detector],
    *,
    since: str | None,
    deep_seconds: float | None,
    runs_folder: str,
    kept: FactCache | None,
    jobs: int | None,
    progress: Progress,
    asked: Asked | None,
) -> Snapshot:
    """Return what is there now. Of the lists that this takes, as large as the tree, nothing outlives the call."""
    workspace = git.work_tree
    listed = _list(git, places)
    if asked is not None:
        asked.end()  # A process with threads must not be copied.
    bounds = _sort_paths(listed, runs_folder)
    names, unable = _sought(detectors, [path for path, _ in bounds.to_read])
    seeker = Seeker(names)
    recall = Recall(kept, _vouched(listed, places), seeker.digest)
    known = recall.known(bounds.to_read)
    unread = [(path, mode) for path, mode in bounds.to_read if path not in known]
    read = partial(
        read_files,
        workspace,
        detectors=detectors,
        kept=kept,
        seeker=seeker,
        object_format=places.object_format if kept is not None and kept.writable else "",
    )
    harvest = read_in_parallel(unread, read, jobs=jobs, progress=progress)
    harvest.failures.update(unable)
    recall.keep(harvest)
    telling = recall.telling(harvest, known)
    add_known(harvest, telling)
    files = _records(listed, bounds, harvest, recall, known)
    snapshot = Snapshot(
        files=files,
        git=_git_facts(git, places, listed, since, deep_seconds),
        changes=_changes(listed.status, runs_folder),
        facts=recall.facts(harvest, telling),
        mentions=harvest.mentions
        | {path: kept.found.mentions for path, kept in telling.items() if kept.found.mentions},
        texts=texts(git, harvest, telling),
        folders=scope.folders_of({path for path, _ in bounds.to_read + bounds.absent} | bounds.out_of_scope),
        out_of_scope=bounds.out_of_scope,
        ignored=bounds.ignored,
        attributes=listed.attributes,
        databases=_databases(workspace, harvest, bounds.ignored),
        tree_locks=databases.locks_among(workspace, (*files, *bounds.ignored), now=time.time()),
        runs=runs.run_facts(workspace, runs_folder),
        failures=tuple(harvest.failures[gap_type] for gap_type in sorted(harvest.failures)),
    )
    return replace(snapshot, not_looked_at=_not_looked_at(snapshot, harvest, bounds))


def _sought(detectors: Sequence[Detector], paths: Sequence[str]) -> tuple[frozenset[str], dict[str, DetectorFailure]]:
    """Return the names that DETECTORS want looked for in the files at PATHS, and the detectors that failed at it."""
    names: set[str] = set()
    failures: dict[str, DetectorFailure] = {}
    for detector in detectors:
        try:
            names |= detector.sought(paths)
        except Exception as fault:  # noqa: BLE001  (a detector's defect becomes a finding, never the scan's end)
            failures[detector.gap_type] = DetectorFailure(detector.gap_type, "sought", None, type(fault).__name__)
    return frozenset(names), failures


def _vouched(listed: _Listed, places: repository.Places) -> dict[str, str]:
    """Return the object ids that may stand for files: none where git compares files less than exactly."""
    if listed.broken or not places.compares_exactly:
        return {}
    return vouched(listed.index, listed.status, listed.attributes)


def _find(git: Git) -> repository.Places:
    """Locate the repository's folders. Raises UsageError or UnsafeRepository where that is impossible."""
    find_work_tree(git.work_tree)
    own, common = git.lines("rev-parse", "--absolute-git-dir", "--git-common-dir")
    configuration = repository.read_configuration(git)
    return repository.Places(git.work_tree, Path(own), (git.work_tree / common).absolute(), configuration)


def _list(git: Git, places: repository.Places) -> _Listed:
    """Ask git for everything that it can list, its slow commands side by side."""
    with ThreadPoolExecutor(4) as pool:
        index = pool.submit(_index_or_fault, git)
        status = pool.submit(_status_or_fault, git, places.filter_overrides())
        objects = pool.submit(_head_objects, git, places)
        refs = pool.submit(repository.broken_refs, git, partial=places.partial)
        entries, index_fault = index.result()
        tracked = [entry.path for entry in entries if entry.mode != listing.SUBMODULE]
        attributes = listing.read_attributes(git, tracked)
        answer, status_fault = status.result()
        attributes |= listing.read_attributes(git, answer.untracked)
        head = objects.result() if answer.head else repository.HeadObjects()
        broken = {*index_fault, *status_fault, *refs.result(), *head.broken}
        skipped = {entry.path for entry in entries if entry.skipped} if head.missing else set[str]()
        left_out = head.broken if head.missing and head.missing <= skipped else ()
        return _Listed(entries, answer, attributes, tuple(sorted(broken)), left_out)


def _index_or_fault(git: Git) -> tuple[tuple[listing.IndexEntry, ...], tuple[tuple[str, str], ...]]:
    try:
        return listing.list_index(git), ()
    except GitFailed:
        return (), (("index", "git cannot read the index"),)


def _status_or_fault(git: Git, overrides: Sequence[str]) -> tuple[listing.Status, tuple[tuple[str, str], ...]]:
    try:
        return listing.read_status(git, overrides), ()
    except GitFailed:
        nothing = listing.Status((), {}, (), (), git.head(), git.branch())
        return nothing, (("HEAD", "git cannot compare HEAD, the index and the working tree"),)


def _head_objects(git: Git, places: repository.Places) -> repository.HeadObjects:
    return repository.HeadObjects() if places.partial else repository.head_objects(git)


def _sort_paths(listed: _Listed, runs_folder: str) -> _Scope:
    modes, attributes, nothing = listed.status.work_tree_modes, listed.attributes, dict[str, str]()
    releases = scope.kept_releases(entry.path for entry in listed.index)
    to_read: dict[str, str] = {}
    absent: dict[str, str] = {}
    aside: set[str] = set()
    for path, mode, _, skipped, _, _ in listed.index:
        if mode == listing.SUBMODULE:
            aside.add(path + "/")
        elif _is_ours(path, runs_folder) or modes.get(path) == _GONE:
            continue
        elif scope.is_vendored(path, attributes.get(path, nothing), releases):
            aside.add(path)
        else:
            (absent if skipped else to_read)[path] = modes.get(path, mode)
    for path in listed.status.untracked:
        if _is_ours(path, runs_folder):
            continue
        if path.endswith("/") or scope.is_vendored(path, attributes.get(path, nothing), releases):
            aside.add(path)
        else:
            to_read[path] = ""
    ignored = frozenset(path for path in listed.status.ignored if not _is_ours(path, runs_folder))
    return _Scope(tuple(sorted(to_read.items())), tuple(sorted(absent.items())), frozenset(aside), ignored)


def _is_ours(path: str, runs_folder: str) -> bool:
    """Tell whether PATH is Autopack's own, where runs are kept by default or where this repository keeps them."""
    if not path.startswith((RUNS_FOLDER, runs_folder)):
        return False
    return f"{path}/".startswith((f"{RUNS_FOLDER}/", f"{runs_folder}/"))


def _changes(status: listing.Status, runs_folder: str) -> tuple[ChangeFact, ...]:
    return tuple(change for change in status.changes if not _is_ours(change.path, runs_folder))


def _records(
    listed: _Listed, bounds: _Scope, harvest: Harvest, recall: Recall, known: Mapping[str, int]
) -> dict[str, FileRecord]:
    """Return the files in scope, by path: as HARVEST read them, as they are KNOWN without reading, or as absent."""
    tracked = {entry.path for entry in listed.index}
    states = {change.path: change.status for change in listed.status.changes}
    read = {file.path: file for file in harvest.files}
    records: dict[str, FileRecord] = {}
    for path, mode in bounds.to_read:
        if path in known and recall.kept is not None:
            sizes, digests = recall.kept.versions.sizes, recall.kept.versions.digests
            records[path] = FileRecord(path, mode, True, sizes[known[path]], digests[known[path]], "..")
        elif path in read:
            _, mode, size, sha256, target, _ = read[path]
            records[path] = FileRecord(path, mode, path in tracked, size, sha256, states.get(path, ".."), target)
    if not bounds.absent:
        return records
    records |= {path: FileRecord(path, mode, True, 0, None, states.get(path, "..")) for path, mode in bounds.absent}
    return {path: records[path] for path in sorted(records)}


def _git_facts(
    git: Git, places: repository.Places, listed: _Listed, since: str | None, deep_seconds: float | None
) -> GitFacts:
    head, branch = listed.status.head, listed.status.branch
    broken = set(listed.broken)
    try:
        commits = _recent_commits(git, branch if head else None, since)
    except EnvironmentFault:
        commits = ()
        broken.add(("HEAD", "the commits since the base cannot be read"))
    whole = integrity.Integrity() if deep_seconds is None else integrity.check_objects(git, seconds=deep_seconds)
    return GitFacts(
        is_repository=True,
        head=head,
        branch=branch,
        object_format=places.object_format,
        shallow=places.shallow,
        sparse=places.sparse,
        partial=places.partial,
        operations=repository.unfinished_operations(places.own),
        locks=repository.git_locks(places),
        worktrees=repository.worktrees(places.common),
        broken=tuple(sorted(broken.union(whole.broken))),
        recent_commits=commits,
        hooks=hooks.hook_faults(places, repository.checkouts(places.common)),
        unchecked=whole.unchecked,
        left_out=listed.left_out,
    )


def _recent_commits(git: Git, branch: str | None, since: str | None) -> tuple[CommitFact, ...]:
    """Return the commits that need an approval for protected paths: those since SINCE, or of a run's branch."""
    if since is None and (branch is None or not branch.startswith(RUN_BRANCH_PREFIX)):
        return ()
    base = git.resolve(since) if since is not None else history.base_of_run(git)
    if base is None and since is not None:
        raise UsageError(f"There is no commit {since!r}.", hint="Name a branch, tag or commit with --since.")
    return history.commits_since(git, base) if base else ()


def _databases(root: Path, harvest: Harvest, ignored: Iterable[str]) -> tuple[DatabaseFact, ...]:
    found = []
    for path in sorted({*harvest.databases, *databases.hidden_databases(root, ignored)}):
        try:
            found.append(databases.examine(root, path))
        except OSError as fault:
            harvest.miss(path, f"the database's locks cannot be asked ({os.strerror(fault.errno or 0)})")
    return tuple(found)


def _with_past(
    git: Git,
    places: repository.Places,
    snapshot: Snapshot,
    detectors: Sequence[Detector],
    kept: FactCache | None,
    files: str,
) -> Snapshot:
    """Add what became of the paths that DETECTORS ask about, as KEPT where all that it follows from is the same.

    FILES is the digest of the files.
    """
    asking = " ".join(detector.gap_type for detector in detectors if detector.history_candidates)
    if kept is None:
        return _with_history(git, places, snapshot, detectors, None)
    name = f"past {_digest(snapshot, files)} {places.past_digest()} {asking}"
    stored = kept.answer(name)
    if stored is not None:
        history, ignored = json.loads(stored)
        return replace(snapshot, history=history, ignored_targets=frozenset(ignored))
    found = _with_history(git, places, snapshot, detectors, kept)
    if found.failures == () and found.not_looked_at == snapshot.not_looked_at:
        kept.keep_answer(name, json.dumps([found.history, sorted(found.ignored_targets)]).encode())
    return found


def _with_history(
    git: Git, places: repository.Places, snapshot: Snapshot, detectors: Sequence[Detector], kept: FactCache | None
) -> Snapshot:
    failures = {failure.gap_type: failure for failure in snapshot.failures}
    candidates: set[str] = set()
    for detector in detectors:
        if detector.history_candidates is None or detector.gap_type in failures:
            continue
        try:
            candidates |= detector.history_candidates(snapshot)
        except Exception as fault:  # noqa: BLE001  (a detector's defect becomes a finding, never the scan's end)
            failures[detector.gap_type] = DetectorFailure(
                detector.gap_type, "history_candidates", None, type(fault).__name__
            )
    asked = frozenset(path for path in candidates if _inside(path, snapshot))
    snapshot = replace(snapshot, failures=tuple(failures[gap_type] for gap_type in sorted(failures)))
    gone = frozenset(path for path in asked if path not in snapshot.files)
    # Where objects are missing, the list of before would say more than git can tell now.
    sound = None if snapshot.git.broken else kept
    past = history.Past(git, f"{snapshot.git.head} {places.past_digest()}", sound)
    try:
        return replace(
            snapshot,
            history=past.fates(gone, snapshot.exists) if snapshot.git.head else {},
            ignored_targets=history.ignored_among(git, asked),
        )
    except EnvironmentFault:
        note = NotLookedAt(subject="history", reason="git cannot tell what became of missing paths")
        return replace(snapshot, not_looked_at=(*snapshot.not_looked_at, note))


def _inside(path: str, snapshot: Snapshot) -> bool:
    """Tell whether git can be asked about PATH: a plain relative path, not beyond a link or a submodule."""
    parts = path.rstrip("/").split("/")
    if not path or "\0" in path or any(part in {"", ".", "..", ".git"} for part in parts):
        return False
    above = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return not any(
        f"{folder}/" in snapshot.out_of_scope
        or (folder in snapshot.files and snapshot.files[folder].link_target is not None)
        for folder in above
    )


def _not_looked_at(snapshot: Snapshot, harvest: Harvest, bounds: _Scope) -> tuple[NotLookedAt, ...]:
    notes = {(note.subject, note.reason) for note in harvest.not_looked_at}
    if bounds.absent:
        notes.add(("sparse checkout", f"{len(bounds.absent)} tracked files are not in the working tree"))
    if snapshot.git.partial:
        notes.add(("partial clone", "objects are not checked, because looking would fetch them"))
    if any(subject == "index" for subject, _ in snapshot.git.broken):
        notes.add(("index", "tracked files are unknown, because git cannot read the index"))
    if any("filter" in attributes for attributes in snapshot.attributes.values()):
        notes.add(("content filters", "files with a `filter` attribute are compared as they stand, unfiltered"))
    return _in_order(NotLookedAt(subject=subject, reason=reason) for subject, reason in notes)


def _in_order(notes: Iterable[NotLookedAt]) -> tuple[NotLookedAt, ...]:
    return tuple(sorted(set(notes), key=lambda note: (note.subject, note.reason)))


_FILES_AT_ONCE = 1_000


def _files_digest(snapshot: Snapshot) -> str:
    """Return the SHA-256 of the files and their attributes, of all that grows with the repository."""
    distinct = {id(values): values for values in snapshot.attributes.values()}
    stated = {identity: json.dumps(values, sort_keys=True) for identity, values in distinct.items()}
    # No field holds a NUL, and a line of attributes has other fields than one of a file.
    attributes = (f"{path}\0{stated[id(values)]}\0\0" for path, values in snapshot.attributes.items())
    files = (
        f"{path}\0{mode}\0{tracked}\0{size}\0{sha256}\0{status}\0{target!r}\0\0"
        for path, mode, tracked, size, sha256, status, target in snapshot.files.values()
    )
    digest, lines = hashlib.sha256(), chain(attributes, files)
    while batch := "".join(islice(lines, _FILES_AT_ONCE)):  # their text as a whole would be the most memory of all
        digest.update(batch.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _digest(snapshot: Snapshot, files: str) -> str:
    """Return the SHA-256 of all that a report can depend on; facts and texts follow from FILES, the files' digest."""
    # A run's own sound worktree must not change the state that the run is bound to.
    facts = replace(snapshot.git, worktrees=tuple(tree for tree in snapshot.git.worktrees if not tree.sound))
    described = (
        files,
        repr(facts),
        [(change.path, change.status, change.renamed_from) for change in snapshot.changes],
        *(sorted(paths) for paths in (snapshot.out_of_scope, snapshot.ignored, snapshot.ignored_targets)),
        snapshot.history,
        [repr(fact) for fact in (*snapshot.databases, *snapshot.tree_locks, *snapshot.not_looked_at)],
        [anchor and anchor.document() for anchor in (snapshot.intention, snapshot.base_intention)],
        snapshot.intention_source,
        repr(snapshot.runs),
    )
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
