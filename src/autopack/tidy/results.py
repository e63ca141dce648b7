"""What runs have left behind, read once: their plans, reports, proofs and sessions, and the decisions of people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from autopack.artifacts.canonical import bytes_digest
from autopack.artifacts.model import Artifact
from autopack.artifacts.store import MAX_ARTIFACT_BYTES, read_artifact
from autopack.errors import ArtifactError, AutopackError, UsageError
from autopack.file_layout import RunFileLayout, family_of
from autopack.gaps.models import GapReportV1, NotLookedAt
from autopack.governance.models import ApprovalRequestV1
from autopack.planning.models import PlanProposalV1
from autopack.proofs.models import PhaseProofV1
from autopack.schema_validation.json_schema import validate
from autopack.store.approvals import StoredDecision, StoredRequest, all_requests
from autopack.store.database import open_database
from autopack.store.runs import Run, list_runs

A = TypeVar("A", bound=Artifact)


@dataclass(frozen=True)
class KeptProof:
    """A phase proof, where it lies below the runs folder, and the digest of its bytes."""

    path: str
    sha256: str
    proof: PhaseProofV1


@dataclass(frozen=True)
class KeptDecision:
    """A decision and the request that it answers."""

    request: ApprovalRequestV1
    decision: StoredDecision


@dataclass(frozen=True)
class RunResults:
    """What one run has to tell. A document that is missing or unreadable is None."""

    project_id: str
    run_id: str
    run: Run | None = None
    plan: PlanProposalV1 | None = None
    report: GapReportV1 | None = None
    proofs: tuple[KeptProof, ...] = ()
    decisions: tuple[KeptDecision, ...] = ()
    session: dict[str, Any] | None = None
    """A valid `autopilot_session_v1` document."""


@dataclass(frozen=True)
class Gathered:
    """The results of all runs, the oldest first, and what could not be read."""

    runs: tuple[RunResults, ...]
    not_read: tuple[NotLookedAt, ...]


def gather(runs_root: Path) -> Gathered:
    """Return the results of every run below RUNS_ROOT. Writes nothing; a damaged document hides no other."""
    not_read: list[NotLookedAt] = []
    rows, requests = _stored(runs_root)
    found = [
        replace(
            _read_run(runs_root, layout, not_read),
            run=rows.get(layout.run_id),
            decisions=tuple(_decisions(layout, requests, not_read)),
        )
        for layout in _layouts(runs_root)
    ]
    found.sort(key=lambda each: (each.run.created_at if each.run else "", each.run_id, each.project_id))
    return Gathered(tuple(found), tuple(sorted(not_read, key=lambda note: (note.subject, note.reason))))


def _stored(runs_root: Path) -> tuple[dict[str, Run], tuple[StoredRequest, ...]]:
    path = runs_root / "autopack.db"
    if not path.is_file():
        return {}, ()
    with open_database(path) as database:
        return {run.run_id: run for run in list_runs(database, most=1_000_000)}, all_requests(database)


def _layouts(runs_root: Path) -> Iterator[RunFileLayout]:
    """Yield the layout of every run folder that is where its names say; links are not followed."""
    for folder in sorted(runs_root.glob("*/runs/*/*")):
        project, family, run_id = folder.parts[-4], folder.parts[-2], folder.name
        try:
            layout = RunFileLayout(runs_root, project, run_id)
        except UsageError:
            continue
        linked = any(each.is_symlink() for each in (folder, *folder.parents[:3]))
        if folder.is_dir() and not linked and family == family_of(run_id):
            yield layout


def _read_run(runs_root: Path, layout: RunFileLayout, not_read: list[NotLookedAt]) -> RunResults:
    return RunResults(
        layout.project_id,
        layout.run_id,
        plan=_document(runs_root, layout.plan_proposal, PlanProposalV1, not_read),
        report=_document(runs_root, layout.gap_report, GapReportV1, not_read),
        proofs=tuple(_proofs(runs_root, layout, not_read)),
        session=_session(runs_root, layout, not_read),
    )


def _document(runs_root: Path, path: Path, model: type[A], not_read: list[NotLookedAt]) -> A | None:
    if not path.is_file():
        return None
    try:
        return read_artifact(path, model)
    except AutopackError as fault:
        not_read.append(_note(runs_root, path, fault))
        return None


def _proofs(runs_root: Path, layout: RunFileLayout, not_read: list[NotLookedAt]) -> Iterator[KeptProof]:
    for path in sorted(layout.proofs.glob("*.json")):
        try:
            proof = read_artifact(path, PhaseProofV1)
            predicate = proof.predicate
            if (predicate.run_id, predicate.project_id) != (layout.run_id, layout.project_id):
                raise ArtifactError(f"It is a proof of run {predicate.run_id} of {predicate.project_id}.")
            if predicate.phase_id != path.stem:
                raise ArtifactError(f"It is the proof of {predicate.phase_id}.")
        except AutopackError as fault:
            not_read.append(_note(runs_root, path, fault))
            continue
        yield KeptProof(path.relative_to(runs_root).as_posix(), bytes_digest(path.read_bytes()), proof)


def _session(runs_root: Path, layout: RunFileLayout, not_read: list[NotLookedAt]) -> dict[str, Any] | None:
    """Return the session as plain values: its model lives in a layer above this one, its schema does not."""
    path = layout.autopilot_session
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > MAX_ARTIFACT_BYTES:
            raise ArtifactError("It is too large.")
        document = json.loads(path.read_bytes())
        validate(document, "autopilot_session_v1")
        if document["run_id"] != layout.run_id:
            raise ArtifactError(f"It is the session of run {document['run_id']}.")
    except (ValueError, RecursionError) as fault:
        not_read.append(_note(runs_root, path, ArtifactError(f"It is not JSON: {fault}.")))
        return None
    except AutopackError as fault:
        not_read.append(_note(runs_root, path, fault))
        return None
    return dict(document)


def _decisions(
    layout: RunFileLayout, requests: tuple[StoredRequest, ...], not_read: list[NotLookedAt]
) -> Iterator[KeptDecision]:
    for stored in requests:
        if (stored.run_id, stored.project_id) != (layout.run_id, layout.project_id) or stored.decision is None:
            continue
        try:
            request = ApprovalRequestV1.model_validate_json(stored.document)
        except ValidationError:
            not_read.append(NotLookedAt(subject=stored.request_id, reason="The stored request is damaged."))
            continue
        yield KeptDecision(request, stored.decision)


def _note(runs_root: Path, path: Path, fault: AutopackError) -> NotLookedAt:
    where = path.relative_to(runs_root).as_posix()
    return NotLookedAt(subject=where, reason=fault.message.replace(str(path), where)[:1_000])
