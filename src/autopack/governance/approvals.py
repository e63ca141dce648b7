"""Approvals: what is asked, what was answered, and what has moved since.

A request binds to the action, the base commit, the anchor, the plan and the policy. The first decision on it stands,
is used once, and is void when anything it binds to moves. A blocked action cannot be approved at all; a rejected one
is not asked again until its evidence changes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

from pydantic import ValidationError

from autopack.actions.models import Action
from autopack.artifacts.canonical import bytes_digest, canonical_bytes, digest
from autopack.artifacts.events import append_event, append_events
from autopack.artifacts.redaction import redact
from autopack.artifacts.store import write_artifact
from autopack.clock import FixedClock, timestamp
from autopack.errors import ArtifactError, DeniedByPolicy, StaleError, UsageError
from autopack.file_layout import RunFileLayout
from autopack.gaps.models import GapReportV1
from autopack.governance.canonical_text import canonical_text, neutralise
from autopack.governance.measured import NOTHING_MEASURED, Measured
from autopack.governance.models import ApprovalBinding, ApprovalRequestV1, Decision, RecordedDecision
from autopack.planning.models import PlanProposalV1
from autopack.store import approvals as stored
from autopack.store.database import Database


@dataclass(frozen=True)
class ApprovalRecord:
    """A request, the decision that stands on it, and what used it up."""

    request: ApprovalRequestV1
    decision: RecordedDecision | None = None
    used_for: str | None = None

    @property
    def rejected(self) -> bool:
        return self.decision is not None and self.decision.decision == "reject_once"


@dataclass(frozen=True)
class Asked:
    """What `request_approvals` did: waiting requests, remembered rejections, and actions too large to be asked."""

    waiting: tuple[ApprovalRecord, ...]
    rejected: tuple[ApprovalRecord, ...]
    unaskable: tuple[tuple[str, str], ...]
    """Action ids with the reason."""


def action_digest(action: Action) -> str:
    """Return the SHA-256 of everything that the plan says of ACTION; approvals bind to it."""
    return digest(action.document())


def binding_of(plan: PlanProposalV1, action: Action, measured: Measured | None = None) -> ApprovalBinding:
    """Return what an approval of ACTION of PLAN, or of the change MEASURED, binds to; raises UsageError for a plan
    without a base commit."""
    if plan.metadata.base_commit is None:
        raise UsageError("The plan has no base commit.", hint="Commit something first, then propose again.")
    return ApprovalBinding(
        action_id=action.action_id,
        action_digest=action_digest(action),
        base_commit=plan.metadata.base_commit,
        anchor_id=plan.anchor_id,
        plan_proposal_id=plan.plan_proposal_id,
        policy_digest=plan.metadata.policy_digest,
        measured_digest=None if measured is None else measured.digest,
    )


def staleness(binding: ApprovalBinding, current: ApprovalBinding | None) -> tuple[str, ...]:
    """Return what moved between BINDING and CURRENT, one sentence each; CURRENT None means the action is gone."""
    if current is None:
        return (f"{binding.action_id} is no longer part of the plan",)
    moved = []
    for name, what in _BOUND.items():
        before, now = getattr(binding, name), getattr(current, name)
        if before != now:
            moved.append(f"{what} was {_short(before)} and is {_short(now)}")
    return tuple(moved)


def request_approvals(
    database: Database,
    layout: RunFileLayout,
    plan: PlanProposalV1,
    report: GapReportV1,
    *,
    executable: Collection[str],
    now: datetime,
    measured: Mapping[str, Measured] = NOTHING_MEASURED,
) -> Asked:
    """Put every action of PLAN that needs a person on record, in the store and below the run's folder.

    EXECUTABLE are the kinds that can be carried out; MEASURED the changes (by action id) that turned out worse than
    their claim and are asked about whatever the plan said. Asking again returns the requests that are there already.
    """
    known = records_for(database, plan, report)
    taken = {row.request_id for row in stored.requests_of_run(database, plan.run_id)}
    waiting, rejected, unaskable, new = [], [], [], []
    for action in plan.actions:
        change = measured.get(action.action_id)
        asks = action.approval_status == "requires_approval" or change is not None
        if not asks or action.kind not in executable:
            continue
        record = known.get(action.action_id)
        if record is not None and record.rejected:
            rejected.append(record)
            continue
        if record is None or _is_void(record, plan, action, change):
            try:
                record = ApprovalRecord(_new_request(plan, action, now, taken, change))
            except DeniedByPolicy as fault:
                unaskable.append((action.action_id, fault.message))
                continue
            new.append(_row(record.request, evidence_digest(action, report)))
            write_artifact(layout.approval_request(action.action_id), record.request)
        if record.decision is None:
            waiting.append(record)
    stored.add_requests(database, new)
    asked = [("approval_requested", _request_details(row)) for row in new]
    append_events(layout.event_log, asked, FixedClock(now))
    return Asked(tuple(waiting), tuple(rejected), tuple(unaskable))


def decide(
    database: Database,
    record: ApprovalRecord,
    decision: Decision,
    *,
    current: ApprovalBinding | None,
    blocked_by: tuple[str, ...] = (),
    decided_by: str,
    channel: str,
    reason: str = "",
    now: datetime,
) -> RecordedDecision:
    """Store DECISION on a request and return the one that stands; it is on the disk when this returns.

    CURRENT is what a request for the action would bind to now, BLOCKED_BY the rules that block it now. Raises
    DeniedByPolicy for approving a blocked action, StaleError naming what moved, UsageError where somebody decided
    otherwise before.
    """
    if decision not in get_args(Decision):
        raise UsageError(f"{decision!r} is no decision.", hint="Approve or reject.")
    action_id = record.request.binding.action_id
    if decision == "allow_once" and blocked_by:
        raise DeniedByPolicy(
            f"{action_id} is blocked by {', '.join(blocked_by)}; no approval can change that.",
            hint="Change .autopack/intention.yaml if it should be possible, commit it, and propose again.",
        )
    if record.decision is None:
        moved = staleness(record.request.binding, current)
        if moved:
            raise StaleError(
                f"The request for {action_id} is void: {'; '.join(moved)}.",
                hint="Run the autopilot again to make a fresh plan and fresh requests.",
            )
    asked = stored.StoredDecision(
        request_id=record.request.request_id,
        decision=decision,
        decided_by=neutralise(redact(decided_by))[:200],
        channel=channel,
        decided_at=timestamp(now),
        reason=neutralise(redact(reason))[:2_000],
    )
    stands = _decision(stored.record_decision(database, asked))
    _log_answer(database, record.request, asked, stands)
    if stands.decision != decision:
        said = "approved" if stands.decision == "allow_once" else "rejected"
        raise UsageError(
            f"{action_id} was {said} by {stands.decided_by} via {stands.channel} at {stands.decided_at}.",
            hint="The first decision stands; run the autopilot again for a new request.",
        )
    return stands


def _request_details(row: stored.StoredRequest) -> dict[str, object]:
    document = row.document.encode()
    return {"request_id": row.request_id, "action_id": row.action_id, "request_sha256": bytes_digest(document)}


def _log_answer(
    database: Database, request: ApprovalRequestV1, said: stored.StoredDecision, stands: RecordedDecision
) -> None:
    """Put an answer into the event log of the run that asked, and which decision stands after it."""
    log = RunFileLayout(database.path.parent, request.project_id, request.run_id).event_log
    details = {**vars(said), "action_id": request.binding.action_id, "stands": stands.decision}
    append_event(log, "decision", details, FixedClock(datetime.fromisoformat(said.decided_at)))


def use_of(run_id: str, action_id: str) -> str:
    """Return what an approval is used up for: one action of one run, however often that run is interrupted."""
    return f"{run_id}/{action_id}"


def consume(database: Database, request_id: str, used_for: str, now: datetime) -> None:
    """Use an approval up, before the action starts; for the same use again it stands, since a run can be killed in
    between.

    Raises StaleError where it is used for something else or was never given.
    """
    if not stored.consume(database, request_id, used_for, timestamp(now)):
        raise StaleError(
            f"The approval {request_id} is used up or was never given.", hint="Run the autopilot again to ask anew."
        )


def records_for(database: Database, plan: PlanProposalV1, report: GapReportV1) -> Mapping[str, ApprovalRecord]:
    """Return, for each action of PLAN, the request that counts: this run's latest, or a remembered rejection."""
    latest = {row.action_id: row for row in stored.requests_of_run(database, plan.run_id)}
    found = {}
    for action in plan.actions:
        evidence = evidence_digest(action, report)
        row = latest.get(action.action_id)
        record = None if row is None else _record(row)
        if record is None or (record.rejected and row is not None and row.evidence_digest != evidence):
            record = _remembered_rejection(database, plan.project_id, action.action_id, evidence)
        if record is not None:
            found[action.action_id] = record
    return found


def records_of_run(database: Database, run_id: str) -> tuple[ApprovalRecord, ...]:
    """Return every request of a run with its decision, in the order in which they were made."""
    return tuple(_record(request) for request in stored.requests_of_run(database, run_id))


def all_records(database: Database, *, undecided: bool = False) -> tuple[ApprovalRecord, ...]:
    """Return the requests of all runs, or the UNDECIDED ones, in the order in which they were made."""
    return tuple(_record(request) for request in stored.all_requests(database, undecided=undecided))


def evidence_digest(action: Action, report: GapReportV1) -> str:
    """Return the SHA-256 of what ACTION would do and of the gaps it answers: when it moves, a rejection is
    forgotten."""
    gaps = [gap.document() for gap in report.gaps if gap.gap_id in action.gap_ids]
    operations = [operation.document() for operation in action.operations]
    return digest({"kind": action.kind, "operations": operations, "brief": action.brief, "gaps": gaps})


_BOUND = {
    "action_id": "the action",
    "action_digest": "the content of the action",
    "base_commit": "the base commit",
    "anchor_id": "the intention anchor",
    "plan_proposal_id": "the plan",
    "policy_digest": "the policy",
    "measured_digest": "the measured change",
}


def _short(value: str | None) -> str:
    if value is None:
        return "unknown"
    return value[:12] if len(value) >= 40 else value


def _is_void(record: ApprovalRecord, plan: PlanProposalV1, action: Action, measured: Measured | None) -> bool:
    """Return whether RECORD no longer speaks for ACTION: it was used for something else, or what it binds to moved."""
    elsewhere = record.used_for not in {None, use_of(plan.run_id, action.action_id)}
    return elsewhere or bool(staleness(record.request.binding, binding_of(plan, action, measured)))


def _new_request(
    plan: PlanProposalV1, action: Action, now: datetime, taken: Collection[str], measured: Measured | None
) -> ApprovalRequestV1:
    """Return a request for ACTION whose id is not TAKEN (by the same question within the same second)."""
    binding = binding_of(plan, action, measured)
    request = ApprovalRequestV1(
        request_id="unsealed",
        project_id=plan.project_id,
        run_id=plan.run_id,
        binding=binding,
        canonical_text=canonical_text(action, binding, plan.run_id, () if measured is None else measured.text),
        asked_because=action.decided_by if measured is None else measured.rules,
        requested_at=timestamp(now),
    ).sealed()
    if request.request_id in taken:
        return _new_request(plan, action, now + timedelta(seconds=1), taken, measured)
    return request


def _row(request: ApprovalRequestV1, evidence: str) -> stored.StoredRequest:
    return stored.StoredRequest(
        request_id=request.request_id,
        project_id=request.project_id,
        run_id=request.run_id,
        action_id=request.binding.action_id,
        evidence_digest=evidence,
        document=canonical_bytes(request.document()).decode(),
        requested_at=request.requested_at,
    )


def _remembered_rejection(database: Database, project_id: str, action_id: str, evidence: str) -> ApprovalRecord | None:
    earlier = stored.requests_for_evidence(
        database, project_id=project_id, action_id=action_id, evidence_digest=evidence
    )
    return next((record for record in map(_record, reversed(earlier)) if record.rejected), None)


def _record(request: stored.StoredRequest) -> ApprovalRecord:
    try:
        artifact = ApprovalRequestV1.model_validate_json(request.document)
    except ValidationError as fault:
        raise ArtifactError(
            f"The stored request {request.request_id} is damaged.", hint="Run the autopilot again."
        ) from fault
    if artifact.request_id != request.request_id or artifact.expected_id() != request.request_id:
        raise ArtifactError(f"The stored request {request.request_id} was edited.", hint="Run the autopilot again.")
    decision = None if request.decision is None else _decision(request.decision)
    return ApprovalRecord(artifact, decision, request.used_for)


def _decision(decision: stored.StoredDecision) -> RecordedDecision:
    kind: Decision = "allow_once" if decision.decision == "allow_once" else "reject_once"
    return RecordedDecision(
        request_id=decision.request_id,
        decision=kind,
        decided_by=decision.decided_by,
        channel=decision.channel,
        decided_at=decision.decided_at,
        reason=decision.reason,
    )
