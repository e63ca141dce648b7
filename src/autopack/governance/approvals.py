"""Approval requests: what is asked, what was answered, and what has moved since.

A request binds to the action, the base commit, the anchor, the plan and the policy; it has a nonce and an end. The
first decision on it stands, is used once, and is void when anything it binds to moves, when it expires or is revoked.
A rejected action is not asked about again until its evidence changes (or ever, when it was rejected for good).
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from autopack.actions.models import Action
from autopack.artifacts.canonical import bytes_digest, canonical_bytes, digest
from autopack.artifacts.events import append_event, append_events, read_events
from autopack.artifacts.redaction import redact
from autopack.artifacts.seals import is_sealed
from autopack.artifacts.store import write_artifact
from autopack.clock import FixedClock, timestamp
from autopack.errors import ArtifactError, DeniedByPolicy, StaleError, UsageError
from autopack.file_layout import RunFileLayout
from autopack.gaps.models import GapReportV1
from autopack.governance.approvers import identity_of, require_enough, require_may_approve
from autopack.governance.canonical_text import canonical_text, neutralise
from autopack.governance.measured import NOTHING_MEASURED, Measured
from autopack.governance.models import ApprovalBinding, ApprovalRequestV1, Decision, RecordedDecision, StandingGrant
from autopack.governance.standing_grants import grant_for
from autopack.intention_anchor.v2 import GovernanceReview
from autopack.planning.models import PlanProposalV1
from autopack.store import approvals as stored
from autopack.store.database import Database


@dataclass(frozen=True)
class ApprovalRecord:
    """A request, the decision that stands on it, what used it up, and what ended it."""

    request: ApprovalRequestV1
    decision: RecordedDecision | None = None
    used_for: str | None = None
    ended: str = ""
    """Why nobody can answer or use it any more ("it expired at …"), or empty. What is used already stays used."""
    approvals: int = 0
    """Approvals so far, where several people are needed."""

    @property
    def rejected(self) -> bool:
        """Whether a rejection stands; it does not expire, but it can be revoked."""
        return self.decision is not None and not self.decision.allows and not self.revoked

    @property
    def revoked(self) -> bool:
        return self.ended.startswith(_REVOKED)


_REVOKED = "it was revoked"


@dataclass(frozen=True)
class Asked:
    """What `request_approvals` did: waiting requests, remembered rejections, and actions too large to be asked."""

    waiting: tuple[ApprovalRecord, ...]
    rejected: tuple[ApprovalRecord, ...]
    unaskable: tuple[tuple[str, str], ...]
    """Action ids with the reason."""
    granted: tuple[ApprovalRecord, ...] = ()
    """Requests that a standing grant answered."""


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


@dataclass(frozen=True)
class Asking:
    """Whose intention a question is asked under, by whom, and where it is told."""

    review: GovernanceReview
    requested_by: str
    """`<channel>:<identity>` of whoever started the run."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels that something has to be delivered to; at the terminal people come and look."""
        return tuple(dict.fromkeys(one for one in self.review.approval_channels if one != "cli"))


def request_approvals(
    database: Database,
    layout: RunFileLayout,
    plan: PlanProposalV1,
    report: GapReportV1,
    *,
    executable: Collection[str],
    asking: Asking,
    now: datetime,
    measured: Mapping[str, Measured] = NOTHING_MEASURED,
) -> Asked:
    """Put every action of PLAN that needs a person on record, in the store and below the run's folder.

    EXECUTABLE are the kinds that can be carried out; MEASURED the changes (by action id) that turned out worse than
    their claim and are asked about whatever the plan said. Asking again returns the requests that are there
    already. What a standing grant covers is answered by it. Raises UsageError where nobody could answer.
    """
    known = records_for(database, plan, report, now)
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
            require_enough(asking.review)
            try:
                record = ApprovalRecord(_new_request(database, plan, action, asking, now, change))
            except DeniedByPolicy as fault:
                unaskable.append((action.action_id, fault.message))
                continue
            new.append(_row(record.request, action, report))
            write_artifact(layout.approval_request(action.action_id), record.request)
        if record.decision is None:
            waiting.append(record)
    stored.add_requests(database, new, channels=asking.channels)
    append_events(layout.event_log, [("approval_requested", _request_details(row)) for row in new], FixedClock(now))
    granted = _answer_by_grants(database, plan, waiting, asking, now)
    left = tuple(one for one in waiting if one.request.request_id not in granted)
    return Asked(left, tuple(rejected), tuple(unaskable), tuple(granted.values()))


def _answer_by_grants(
    database: Database, plan: PlanProposalV1, waiting: Iterable[ApprovalRecord], asking: Asking, now: datetime
) -> dict[str, ApprovalRecord]:
    actions = {action.action_id: action for action in plan.actions}
    answered = {}
    for record in waiting:
        request = record.request
        grant = grant_for(database, plan, actions[request.binding.action_id], now)
        if grant is None or not _may_answer(grant, request, asking.review):
            continue
        decision = stored.StoredDecision(
            request_id=request.request_id,
            decision="allow_once",
            decided_by=grant.granted_by,
            channel="grant",
            decided_at=timestamp(now),
            reason=f"Standing grant {grant.grant_id}, given via {grant.channel} at {grant.granted_at}.",
        )
        standing = recorded(stored.record_decision(database, decision))
        log_answer(database, request, decision, standing)
        answered[request.request_id] = ApprovalRecord(request, standing)
    return answered


def _may_answer(grant: StandingGrant, request: ApprovalRequestV1, review: GovernanceReview) -> bool:
    """Return whether the person who gave GRANT may approve REQUEST, alone; what was measured to be worse than its
    claim nobody answers beforehand."""
    if request.binding.measured_digest is not None:
        return False
    try:
        require_may_approve(review, identity_of(grant.channel, grant.granted_by), requested_by=request.requested_by)
    except DeniedByPolicy:
        return False
    return request.min_approvers == 1


def _request_details(row: stored.StoredRequest) -> dict[str, object]:
    document = row.document.encode()
    return {"request_id": row.request_id, "action_id": row.action_id, "request_sha256": bytes_digest(document)}


def log_answer(
    database: Database,
    request: ApprovalRequestV1,
    said: stored.StoredDecision | stored.StoredVote,
    stands: RecordedDecision | None,
) -> None:
    """Put an answer into the event log of the run that asked, and which decision stands after it."""
    log_about(database, request, "decision", {**vars(said), **_as_it_stands(stands)}, at=said.decided_at)


def log_about(
    database: Database, request: ApprovalRequestV1, event: str, details: Mapping[str, object], *, at: str
) -> None:
    """Put an EVENT about REQUEST into the event log of the run that asked."""
    log = RunFileLayout(database.path.parent, request.project_id, request.run_id).event_log
    told = {**details, "action_id": request.binding.action_id}
    append_event(log, event, told, FixedClock(datetime.fromisoformat(at)))


def _as_it_stands(stands: RecordedDecision | None) -> dict[str, object]:
    """Return which decision stands after an answer, and by whom: where several people are needed, by all of them."""
    if stands is None:
        return {"stands": None, "stands_by": None}
    return {"stands": stands.decision, "stands_by": f"{stands.decided_by} via {stands.channel}"}


def complete_log(database: Database, layout: RunFileLayout, now: datetime) -> None:
    """Put into the event log what the store holds and a killed process could not log any more: requests of the run of
    LAYOUT, and the decisions that stand on them."""
    events = read_events(layout.event_log).events
    asked = {one.details.get("request_id") for one in events if one.event == "approval_requested"}
    decided = {one.details.get("request_id") for one in events if one.event == "decision" and one.details.get("stands")}
    missing: list[tuple[str, Mapping[str, object]]] = []
    for row in stored.requests_of_run(database, layout.run_id):
        if row.request_id not in asked:
            missing.append(("approval_requested", _request_details(row)))
        if row.decision is not None and row.request_id not in decided:
            details = {**vars(row.decision), "action_id": row.action_id, **_as_it_stands(recorded(row.decision))}
            missing.append(("decision", details))
    append_events(layout.event_log, missing, FixedClock(now))


def use_of(run_id: str, action_id: str) -> str:
    """Return what an approval is used up for: one action of one run, however often that run is interrupted."""
    return f"{run_id}/{action_id}"


def consume(database: Database, request_id: str, used_for: str, now: datetime) -> None:
    """Use an approval up, before the action starts; for the same use again it stands, since a run can be killed in
    between.

    Raises StaleError where it is used for something else, was never given, expired or was revoked.
    """
    if not stored.consume(database, request_id, used_for, timestamp(now)):
        raise StaleError(
            f"The approval {request_id} is used up, expired, revoked, or was never given.",
            hint="Run the autopilot again to ask anew.",
        )


def records_for(
    database: Database, plan: PlanProposalV1, report: GapReportV1, now: datetime
) -> Mapping[str, ApprovalRecord]:
    """Return, for each action of PLAN, the request that counts: this run's latest, or a remembered rejection."""
    instant = stored.latest_instant(database, timestamp(now))
    latest = {row.action_id: row for row in stored.requests_of_run(database, plan.run_id)}
    found = {}
    for action in plan.actions:
        evidence = evidence_digest(action, report)
        row = latest.get(action.action_id)
        record = None if row is None else _record(row, instant)
        if record is not None and record.decision is not None and not record.decision.allows:
            forgotten = row is not None and row.evidence_digest != evidence
            if record.revoked or (forgotten and record.decision.decision == "reject_once"):
                record = None
        record = record or _remembered_rejection(database, plan.project_id, action, evidence, instant)
        if record is not None:
            found[action.action_id] = record
    return found


def records_of_run(database: Database, run_id: str, now: datetime) -> tuple[ApprovalRecord, ...]:
    """Return every request of a run with its decision, in the order in which they were made."""
    instant = stored.latest_instant(database, timestamp(now))
    return tuple(_record(request, instant) for request in stored.requests_of_run(database, run_id))


def all_records(database: Database, now: datetime, *, undecided: bool = False) -> tuple[ApprovalRecord, ...]:
    """Return the requests of all runs, or the UNDECIDED ones, in the order in which they were made."""
    instant = stored.latest_instant(database, timestamp(now))
    return tuple(_record(request, instant) for request in stored.all_requests(database, undecided=undecided))


def record_of(database: Database, request_id: str, now: datetime) -> ApprovalRecord | None:
    """Return the request of that id with its decision, or None."""
    row = stored.get_request(database, request_id)
    return None if row is None else _record(row, stored.latest_instant(database, timestamp(now)))


def evidence_digest(action: Action, report: GapReportV1) -> str:
    """Return the SHA-256 of what ACTION would do and of the gaps it answers: when it moves, a rejection is
    forgotten."""
    gaps = [gap.document() for gap in report.gaps if gap.gap_id in action.gap_ids]
    operations = [operation.document() for operation in action.operations]
    return digest({"kind": action.kind, "operations": operations, "brief": action.brief, "gaps": gaps})


def subject_digest(action: Action) -> str:
    """Return the SHA-256 of kind and paths of ACTION: what a rejection for good is remembered by."""
    return digest({"kind": action.kind, "paths": sorted(action.target_paths)})


def request_document(request: ApprovalRequestV1) -> str:
    """Return REQUEST as it is stored: canonical JSON."""
    return canonical_bytes(request.document()).decode()


def recorded(decision: stored.StoredDecision) -> RecordedDecision:
    """Return a stored decision; what is no known approval is a rejection."""
    known: dict[str, Decision] = {
        "allow_once": "allow_once",
        "allow_always": "allow_always",
        "reject_always": "reject_always",
    }
    return RecordedDecision(
        request_id=decision.request_id,
        decision=known.get(decision.decision, "reject_once"),
        decided_by=decision.decided_by,
        channel=decision.channel,
        decided_at=decision.decided_at,
        reason=decision.reason,
    )


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
    """Return whether RECORD no longer speaks for ACTION: it ended, was used for something else, or what it binds to
    moved."""
    if record.used_for == use_of(plan.run_id, action.action_id):
        return bool(staleness(record.request.binding, binding_of(plan, action, measured)))
    ended = bool(record.ended) or record.used_for is not None
    return ended or bool(staleness(record.request.binding, binding_of(plan, action, measured)))


def _new_request(
    database: Database, plan: PlanProposalV1, action: Action, asking: Asking, now: datetime, measured: Measured | None
) -> ApprovalRequestV1:
    """Return a request for ACTION, asked now (or at the latest instant ever seen), with a nonce of its own."""
    binding = binding_of(plan, action, measured)
    asked_at = datetime.fromisoformat(stored.latest_instant(database, timestamp(now)))
    expires_at = timestamp(asked_at + timedelta(hours=asking.review.approval_ttl_hours))
    requested_by = neutralise(redact(asking.requested_by))[:200]
    needed = asking.review.min_approvers
    people = f"{needed} people" if needed > 1 else "one person"
    text = canonical_text(action, binding, plan.run_id, () if measured is None else measured.text)
    return ApprovalRequestV1(
        request_id="unsealed",
        project_id=plan.project_id,
        run_id=plan.run_id,
        binding=binding,
        kind=action.kind,
        title=neutralise(action.title),
        risk_classification=action.risk_classification,
        canonical_text=f"{text}\nAsked by {requested_by}; {people} can approve it until {expires_at}.",
        asked_because=action.decided_by if measured is None else measured.rules,
        requested_at=timestamp(asked_at),
        expires_at=expires_at,
        nonce=secrets.token_hex(16),
        requested_by=requested_by,
        min_approvers=needed,
    ).sealed()


def _row(request: ApprovalRequestV1, action: Action, report: GapReportV1) -> stored.StoredRequest:
    return stored.StoredRequest(
        request_id=request.request_id,
        project_id=request.project_id,
        run_id=request.run_id,
        action_id=request.binding.action_id,
        evidence_digest=evidence_digest(action, report),
        document=request_document(request),
        requested_at=request.requested_at,
        expires_at=request.expires_at or "",
        subject_digest=subject_digest(action),
    )


def _remembered_rejection(
    database: Database, project_id: str, action: Action, evidence: str, instant: str
) -> ApprovalRecord | None:
    earlier = stored.requests_for_evidence(
        database, project_id=project_id, action_id=action.action_id, evidence_digest=evidence
    )
    subject = subject_digest(action)
    for_good = stored.rejected_for_good(database, project_id=project_id, subject_digest=subject)
    records = (_record(row, instant) for row in reversed((*earlier, *for_good)))
    return next((record for record in records if record.rejected), None)


def _record(row: stored.StoredRequest, instant: str) -> ApprovalRecord:
    """Return the record of ROW as it stands at INSTANT, after checking that its document is the one that was made."""
    _require_untouched(row)
    try:
        artifact = ApprovalRequestV1.model_validate_json(row.document)
    except ValidationError as fault:
        raise ArtifactError(
            f"The stored request {row.request_id} is damaged.", hint="Run the autopilot again."
        ) from fault
    told = (artifact.request_id, artifact.run_id, artifact.binding.action_id, artifact.expires_at or "")
    if told != (row.request_id, row.run_id, row.action_id, row.expires_at):
        raise _edited(row)
    decision = None if row.decision is None else recorded(row.decision)
    return ApprovalRecord(artifact, decision, row.used_for, _ended(row, instant), row.votes)


def _ended(row: stored.StoredRequest, instant: str) -> str:
    if row.revocation is not None:
        return f"{_REVOKED} by {row.revocation.revoked_by} at {row.revocation.revoked_at}"
    if row.expires_at <= instant:
        return (
            f"it expired at {row.expires_at}" if row.expires_at else "it was asked by an older version, without an end"
        )
    return ""


def _require_untouched(row: stored.StoredRequest) -> None:
    """Raise ArtifactError unless the id in ROW is the digest of the rest of its document, byte for byte."""
    prefix = ApprovalRequestV1.ID_PREFIX
    if not is_sealed(row.document, field="request_id", prefix=prefix, artifact_id=row.request_id):
        raise _edited(row)


def _edited(row: stored.StoredRequest) -> ArtifactError:
    return ArtifactError(f"The stored request {row.request_id} was edited.", hint="Run the autopilot again.")
