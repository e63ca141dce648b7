"""The same workspace as it was at an earlier commit, for the files that have changed since: what was wrong then?

Only trees and blobs are read. What git does not keep (ignored files, locks, databases, unfinished operations) is taken
to have been as it is now, so that nobody blames a change for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from autopack.gaps.detector import Detector
from autopack.gaps.sources import scope
from autopack.gaps.sources.contents import MAX_FILE_BYTES
from autopack.gaps.sources.listing import LINK, SUBMODULE, decode
from autopack.gaps.state import DetectorFailure, FileRecord, Snapshot
from autopack.git import Git
from autopack.intention_anchor.v2 import IntentionAnchorV2


@dataclass(frozen=True)
class _Blob:
    """One file of the earlier tree that is not the same now; `data` is None where it is too large to search."""

    path: str
    mode: str
    size: int
    data: bytes | None


def earlier(
    git: Git, snapshot: Snapshot, detectors: Sequence[Detector], base: str, intention: IntentionAnchorV2 | None
) -> Snapshot:
    """Return SNAPSHOT with every file as commit BASE had it, nothing uncommitted, and INTENTION as the written one.

    Raises GitFailed where git cannot read the commit.
    """
    tree = _tree(git, base)
    changed = _changed(git, snapshot, tree, base)
    blobs = list(_blobs(git, {path: tree[path] for path in sorted(changed & tree.keys())}))
    aside = {path for path in snapshot.out_of_scope if path not in changed}
    releases = scope.kept_releases(tree)
    judged = [
        blob for blob in blobs if not scope.is_vendored(blob.path, snapshot.attributes.get(blob.path, {}), releases)
    ]
    aside |= {blob.path for blob in blobs} - {blob.path for blob in judged}
    aside |= {f"{path}/" for path in changed & tree.keys() if tree[path][0] == SUBMODULE}
    files = {path: record._replace(status="..") for path, record in snapshot.files.items() if path not in changed}
    files |= {blob.path: _record(blob) for blob in judged}
    before = replace(
        snapshot,
        files={path: files[path] for path in sorted(files)},
        out_of_scope=frozenset(aside),
        folders=scope.folders_of(files.keys() | aside),
        changes=(),
        git=replace(snapshot.git, recent_commits=()),
        intention=intention,
        base_intention=None,
        texts={path: text for path, text in snapshot.texts.items() if path not in changed},
        worked_out={},
    )
    return _with_facts(before, snapshot, judged, changed, detectors)


def _tree(git: Git, base: str) -> dict[str, tuple[str, str]]:
    """Return path -> (mode, object id) of the tree of BASE."""
    found: dict[str, tuple[str, str]] = {}
    for record in git.run("ls-tree", "-r", "-z", base).stdout.split(b"\0"):
        if record:
            head, _, path = decode(record).partition("\t")
            mode, _, oid = head.split(" ")
            found[path] = (mode, oid)
    return found


def _changed(git: Git, snapshot: Snapshot, tree: Mapping[str, tuple[str, str]], base: str) -> set[str]:
    """Return the paths that differ between BASE, the index and the working tree."""
    names = git.run("diff-index", "--cached", "--name-only", "--no-renames", "-z", base).stdout
    staged = {decode(path) for path in names.split(b"\0") if path}
    touched = {path for change in snapshot.changes for path in (change.path, change.renamed_from) if path is not None}
    return staged | touched | {path for path in snapshot.files if path not in tree}


def _blobs(git: Git, entries: Mapping[str, tuple[str, str]]) -> Iterator[_Blob]:
    files = {path: entry for path, entry in entries.items() if entry[0] != SUBMODULE}
    sizes = _sizes(git, {oid for _, oid in files.values()})
    small = sorted(oid for oid, size in sizes.items() if size <= MAX_FILE_BYTES)
    contents = _contents(git, small)
    for path, (mode, oid) in files.items():
        if oid in sizes:
            yield _Blob(path, mode, sizes[oid], contents.get(oid))


def _sizes(git: Git, oids: set[str]) -> dict[str, int]:
    """Return the sizes of those blobs that are there; asked offline, a partial clone may lack some."""
    if not oids:
        return {}
    asked = "".join(f"{oid}\n" for oid in sorted(oids)).encode()
    answer = git.run("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=asked).text
    pairs = (line.split(" ") for line in answer.splitlines())
    return {oid: int(size) for oid, size in pairs if size.isdigit()}


def _contents(git: Git, oids: Sequence[str]) -> dict[str, bytes]:
    if not oids:
        return {}
    output = git.run("cat-file", "--batch=%(objectsize)", stdin="".join(f"{oid}\n" for oid in oids).encode()).stdout
    found: dict[str, bytes] = {}
    position = 0
    for oid in oids:
        line_end = output.index(b"\n", position)
        end = line_end + 1 + int(output[position:line_end])
        found[oid] = output[line_end + 1 : end]
        position = end + 1
    return found


def _record(blob: _Blob) -> FileRecord:
    if blob.mode == LINK:
        return FileRecord(blob.path, LINK, True, blob.size, None, "..", decode(blob.data or b""))
    digest = None if blob.data is None else hashlib.sha256(blob.data).hexdigest()
    return FileRecord(blob.path, blob.mode, True, blob.size, digest, "..")


def _with_facts(
    before: Snapshot, now: Snapshot, blobs: Sequence[_Blob], changed: set[str], detectors: Sequence[Detector]
) -> Snapshot:
    """Return BEFORE with the facts of unchanged files kept, and those of BLOBS extracted."""
    failures = {failure.gap_type: failure for failure in now.failures}
    facts: dict[str, dict[str, object]] = {}
    texts = dict(before.texts)
    for detector in detectors:
        if detector.extract is None:
            continue
        kept = {path: fact for path, fact in now.facts.get(detector.gap_type, {}).items() if path not in changed}
        try:
            for blob in blobs:
                fact = None if blob.data is None or blob.mode == LINK else detector.extract(blob.path, blob.data)
                if fact is not None and blob.data is not None:
                    kept[blob.path] = fact
                    if detector.retain(blob.path):
                        texts[blob.path] = blob.data
        except Exception as fault:  # noqa: BLE001  (as in the scan itself: what is unknown of the past counts as new)
            failures[detector.gap_type] = DetectorFailure(detector.gap_type, "extract", None, type(fault).__name__)
        facts[detector.gap_type] = dict(sorted(kept.items()))
    return replace(
        before,
        facts=dict(sorted(facts.items())),
        texts=dict(sorted(texts.items())),
        failures=tuple(failures[gap_type] for gap_type in sorted(failures)),
    )
