"""protected_path_violation: changes where the written intention says that nothing changes without a person."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from autopack.gaps.detector import Detector, Finding, Rule
from autopack.gaps.models import Evidence
from autopack.gaps.state import ChangeFact, FileRecord, Snapshot
from autopack.policy.paths import PathList, granting, protecting

APPROVAL_TRAILERS = frozenset({"autopack-approval", "approved-by"})
"""Trailers of a commit that a person approved, in lower case."""

# A run starts at the base commit and never sees the working copy: what is not committed asks, but stops nothing.
_RULES = (
    Rule(
        name="uncommitted",
        risk="high",
        confidence="high",
        blocks_autopilot=False,
        signal="A path that the intention protects is changed, deleted or new, and not committed.",
        why="The intention says that this path changes only by a person's decision; nobody has decided yet.",
        fix="Commit the change if it is meant, otherwise take it back with `git restore` or delete the new file.",
    ),
    Rule(
        name="moved",
        risk="high",
        confidence="high",
        blocks_autopilot=False,
        signal="A file is being renamed into or out of a place that the intention protects.",
        why="A rename carries a file past its protection, or new content into a protected place.",
        fix="Commit the rename if it is meant, otherwise take it back with `git mv`.",
    ),
    Rule(
        name="hidden",
        risk="low",
        confidence="medium",
        blocks_autopilot=False,
        signal="A file that git ignores lies in a folder whose tracked files the intention protects.",
        why="`git status` does not show it, yet whatever loads that folder may use it.",
        fix="Move the file elsewhere, or track it if it belongs there.",
    ),
    Rule(
        name="unapproved-commit",
        risk="high",
        confidence="high",
        blocks_autopilot=True,
        signal="A commit since the base changes a protected path and carries no approval trailer.",
        why="The change got into history without the decision that the intention asks for.",
        fix="Have it reviewed; then add `Autopack-Approval: <id>` to the message, or revert the commit.",
    ),
    Rule(
        name="symlink-into",
        risk="high",
        confidence="high",
        blocks_autopilot=True,
        signal="A new or writable symbolic link leads into a place that the intention protects.",
        why="Writing through the link changes a protected file under an unprotected name.",
        fix="Remove the link, or let it point at something that is not protected.",
    ),
)
_DEBRIS = (".pyc", ".pyo", ".log", ".tmp", ".swp", ".ds_store", "thumbs.db")
"""Ignored files that tools leave in any folder and that nothing loads from there."""
_WORDS = {"?": "new", "A": "added", "D": "deleted", "T": "changed in kind", "U": "in conflict"}


def _protected(snapshot: Snapshot) -> PathList:
    """Return what the anchor protects; what the base commit's anchor protects stays so until a commit says else."""
    anchors = [anchor for anchor in (snapshot.intention, snapshot.base_intention) if anchor is not None]
    return protecting(sorted({path for anchor in anchors for path in anchor.scope_boundaries.protected_paths}))


def _detect(snapshot: Snapshot) -> Iterator[Finding]:
    protected = _protected(snapshot)
    if not protected.patterns:
        return
    for change in snapshot.changes:
        yield from _judge_change(change, protected)
    yield from _hidden(snapshot, protected)
    yield from _commits(snapshot, protected)
    yield from _links(snapshot, protected)


def _judge_change(change: ChangeFact, protected: PathList) -> Iterator[Finding]:
    source = change.renamed_from
    if source is not None and (protected.matches(source) or protected.matches(change.path)):
        both = (Evidence(path=change.path), Evidence(path=source))
        yield Finding("moved", f"{source} is being moved to {change.path}", (source, change.path), both)
    elif protected.matches(change.path):
        word = next((_WORDS[letter] for letter in change.status if letter in _WORDS), "changed")
        evidence = (Evidence(path=change.path, preview=f"git status: {change.status}"),)
        yield Finding("uncommitted", f"Protected {change.path} is {word}", (change.path,), evidence)


def _hidden(snapshot: Snapshot, protected: PathList) -> Iterator[Finding]:
    folders = {
        posixpath.dirname(path) for path, record in snapshot.files.items() if record.tracked and protected.matches(path)
    }
    for path in sorted(snapshot.ignored):
        inside = posixpath.dirname(path) in folders - {""}
        if inside and not path.lower().endswith(("/", *_DEBRIS)) and protected.matches(path):
            yield Finding("hidden", f"Ignored {path} lies among protected files", (path,), (Evidence(path=path),))


def _commits(snapshot: Snapshot, protected: PathList) -> Iterator[Finding]:
    for commit in snapshot.git.recent_commits:
        paths = [path for path in commit.paths if protected.matches(path)]
        if paths and APPROVAL_TRAILERS.isdisjoint(name.lower() for name in commit.trailers):
            title = f"Commit {commit.oid[:12]} changes protected {paths[0]} without an approval"
            evidence = tuple(Evidence(path=path, preview=commit.subject) for path in paths)
            yield Finding("unapproved-commit", title, (commit.oid,), evidence)


def _links(snapshot: Snapshot, protected: PathList) -> Iterator[Finding]:
    """Judge links that are new or changed, and committed ones where Autopack may write."""
    anchor = snapshot.intention
    writable = granting(anchor.scope_boundaries.allowed_write_roots if anchor else ())
    for record in snapshot.files.values():
        target = _target(record)
        if target is None or protected.matches(record.path):
            continue
        if not protected.matches(f"{target}/" if target in snapshot.folders else target):
            continue
        if record.status != ".." or writable.matches(record.path):
            evidence = (Evidence(path=record.path, preview=f"link to {record.link_target}"),)
            yield Finding("symlink-into", f"{record.path} leads into protected {target}", (record.path,), evidence)


def _target(record: FileRecord) -> str | None:
    """Return where a link leads inside the tree, as far as its text says, or None."""
    if record.link_target is None or record.link_target.startswith("/"):
        return None
    target = posixpath.normpath(posixpath.join(posixpath.dirname(record.path), record.link_target))
    return None if target in {".", ".."} or target.startswith("../") else target


DETECTOR = Detector(gap_type="protected_path_violation", rules=_RULES, detect=_detect)
