"""Revisions of the written intention: proposed run-local, put into the file by approval alone."""

from __future__ import annotations

import contextlib
import stat
from datetime import datetime
from typing import Any

from autopack.artifacts.canonical import bytes_digest
from autopack.artifacts.store import ensure_runs_root, read_artifact, write_artifact, write_bytes
from autopack.clock import timestamp
from autopack.config import INTENTION_FILE, Settings
from autopack.errors import ArtifactError, UsageError
from autopack.file_layout import revisions_folder, validate_id
from autopack.intention_anchor.edits import Changes, with_changes, with_confirmed_marks
from autopack.intention_anchor.plain_yaml import read_plain_yaml
from autopack.intention_anchor.revise import Revision, approved_text, propose_revision, unified_diff
from autopack.intention_anchor.v2 import PivotIntentions
from autopack.intention_anchor.written import Answers, read_intention
from autopack.operations.intention import NO_INTENTION_HINT, read_working_copy


def changes_from_settings(assignments: list[str]) -> Changes:
    """Return the changes that ASSIGNMENTS (`pivot.field=VALUE`, the value as YAML, empty to take it out) state.

    Raises UsageError for an assignment that is not of that form.
    """
    changes: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        place, equals, value = assignment.partition("=")
        pivot, dot, field = place.strip().partition(".")
        if not equals or not dot or pivot not in PivotIntentions.model_fields:
            raise UsageError(
                f"{assignment!r} is no change.",
                hint="For example: --set 'scope_boundaries.allowed_write_roots=[/docs/**]'",
            )
        parsed = read_plain_yaml(f"value: {value}".encode(), name=place).value
        assert isinstance(parsed, dict)
        changes.setdefault(pivot, {})[field] = parsed.get("value")
    return changes


def changes_from_answers(answers: Answers) -> Changes:
    """Return the changes that make the fields in ANSWERS what they state."""
    return answers.pivots.model_dump(mode="json", exclude_unset=True, exclude_none=True)


def propose_changes(settings: Settings, changes: Changes, *, reason: str, now: datetime) -> Revision:
    """Propose CHANGES to the intention file as a revision, kept run-local; the file itself stays.

    Raises UsageError where there is no intention file or the result is no valid intention.
    """
    current = _current(settings)
    return _kept(
        settings, propose_revision(current, with_changes(current, changes, updated_at=timestamp(now)), reason=reason)
    )


def propose_text(settings: Settings, changed: bytes, *, reason: str) -> Revision:
    """Propose CHANGED, a whole intention file, as a revision, kept run-local; the file itself stays."""
    return _kept(settings, propose_revision(_current(settings), changed, reason=reason))


def waiting_revisions(settings: Settings) -> tuple[Revision, ...]:
    """Return the revisions that were made from the present text of the intention file, by id."""
    current = read_working_copy(settings)
    if current is None:
        return ()
    folder = revisions_folder(settings.runs_root, read_intention(current).project_id)
    found = []
    for path in sorted(folder.glob("revision-*.json")):
        with contextlib.suppress(ArtifactError):  # a damaged one cannot be approved, so it does not wait
            found.append(read_artifact(path, Revision))
    return tuple(revision for revision in found if revision.base_digest == bytes_digest(current))


def approve_revision(settings: Settings, revision_id: str | None) -> Revision:
    """Put the text of a revision into the intention file; without an id, of the only one that waits.

    Raises StaleError when the file has changed since, UsageError when there is no such revision.
    """
    revision = _chosen(settings, revision_id)
    _replace(settings, approved_text(revision, read_working_copy(settings)))
    return revision


def approve_inferred(settings: Settings, *, now: datetime) -> str:
    """Mark every inferred value as confirmed; return the diff, empty where nothing was left to confirm."""
    current = _current(settings)
    if not read_intention(current).unconfirmed:
        return ""
    changed = with_confirmed_marks(current, updated_at=timestamp(now))
    _replace(settings, changed)
    return unified_diff(current.decode(), changed.decode())


def _current(settings: Settings) -> bytes:
    current = read_working_copy(settings)
    if current is None:
        raise UsageError(f"There is no {INTENTION_FILE} in the working copy.", hint=NO_INTENTION_HINT)
    return current


def _kept(settings: Settings, revision: Revision) -> Revision:
    ensure_runs_root(settings.runs_root)
    folder = revisions_folder(settings.runs_root, revision.project_id)
    write_artifact(folder / f"{revision.revision_id}.json", revision)
    write_bytes(folder / f"{revision.revision_id}.diff", revision.diff.encode())
    return revision


def _chosen(settings: Settings, revision_id: str | None) -> Revision:
    if revision_id is not None:
        project = read_intention(_current(settings)).project_id
        name = f"{validate_id(revision_id, 'revision id')}.json"
        path = revisions_folder(settings.runs_root, project) / name
        if not path.exists():
            raise UsageError(f"There is no revision {revision_id}.", hint="Propose one: autopack anchor revise")
        return read_artifact(path, Revision)
    waiting = waiting_revisions(settings)
    if len(waiting) == 1:
        return waiting[0]
    if waiting:
        names = ", ".join(revision.revision_id for revision in waiting)
        raise UsageError(f"{len(waiting)} revisions wait: {names}.", hint="Name one: autopack anchor approve REVISION")
    raise UsageError("No revision waits for approval.", hint="Propose one: autopack anchor revise")


def _replace(settings: Settings, data: bytes) -> None:
    """Put DATA in place of the intention file and keep its permissions."""
    path = settings.workspace / INTENTION_FILE
    mode = stat.S_IMODE(path.stat().st_mode)
    write_bytes(path, data)
    path.chmod(mode)
