"""Deciding: whether an answer counts, and putting it on record. An answer that does not count leaves no trace here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from autopack.actions.models import Action
from autopack.artifacts.redaction import redact
from autopack.clock import timestamp
from autopack.errors import DeniedByPolicy, StaleError, UsageError
from autopack.governance.approvals import ApprovalRecord, log_about, log_answer, recorded, staleness
from autopack.governance.approvers import identity_of, person_of, require_may_approve
from autopack.governance.canonical_text import neutralise
from autopack.governance.models import ApprovalBinding, Decision, RecordedDecision, StandingGrant
from autopack.governance.signatures import verified_signer
from autopack.governance.standing_grants import make_grant, store_grant
from autopack.intention_anchor.v2 import GovernanceReview
from autopack.store import approvals as stored
from autopack.store.database import Database


@dataclass(frozen=True)
class Answer:
    """What one person said. `decided_by` is who the channel says they are; `signature` is armored, or empty."""

    decision: Decision
    decided_by: str
    channel: str
    reason: str = ""
    signature: str = ""
    grant_paths: tuple[str, ...] = ()
    """For `allow_always`: patterns of the grant, instead of exactly the paths of the action."""


@dataclass(frozen=True)
class Present:
    """What the request is held against: everything as it is now, from the base commit and the policy."""

    review: GovernanceReview
    current: ApprovalBinding | None
    """What a request for the action would bind to now; None: the action is gone."""
    action: Action | None = None
    blocked_by: tuple[str, ...] = ()
    """Rules that block the action now."""
    allowed_signers: bytes | None = None
    """The file that `governance_review.allowed_signers` names, as the base commit has it."""


@dataclass(frozen=True)
class Decided:
    """What came of an answer. `standing` is None while other people's approvals are missing."""

    standing: RecordedDecision | None
    grant: StandingGrant | None = None
    is_new: bool = True
    """Whether the answer was put on record; False where the same one stands there already."""


def decide(database: Database, record: ApprovalRecord, answer: Answer, *, present: Present, now: datetime) -> Decided:
    """Store ANSWER to the request of RECORD; it is on the disk when this returns.

    What is decided already stays as it is, and the same answer again is not put on record a second time. Raises
    DeniedByPolicy for approving a blocked action and for somebody who may not approve (or did not sign), StaleError
    naming what moved, expired or was revoked, UsageError where somebody decided otherwise before.
    """
    if answer.decision not in get_args(Decision):
        raise UsageError(f"{answer.decision!r} is no decision.", hint="Approve or reject.")
    approving = answer.decision in {"allow_once", "allow_always"}
    if approving:
        _require_not_blocked(record, present)
    if record.decision is None:
        _require_current(record, present)
    elif record.decision.allows != approving:
        raise _decided_before(record, record.decision)
    elif not answer.grant_paths:
        return Decided(record.decision, is_new=False)
    who = _who(record, answer, present) if approving else (neutralise(redact(answer.decided_by))[:200], answer.channel)
    grant = _grant(record, answer, present, who, now)
    vote = stored.StoredVote(
        request_id=record.request.request_id,
        person=person_of(present.review, identity_of(who[1], who[0])),
        decision=answer.decision,
        decided_by=who[0],
        channel=who[1],
        decided_at=timestamp(now),
        reason=neutralise(redact(answer.reason))[:2_000],
        signature=answer.signature,
    )
    if _is_on_record(database, vote):
        return Decided(record.decision, is_new=False)
    found = stored.record_vote(database, vote, needed=record.request.min_approvers)
    standing = None if found is None else recorded(found)
    log_answer(database, record.request, vote, standing)
    if standing is not None and standing.allows != approving:
        raise _decided_before(record, standing)
    if grant is None or standing is None or (standing.decision, standing.decided_by) != ("allow_always", who[0]):
        return Decided(standing)
    store_grant(database, grant)
    log_about(database, record.request, "standing_grant", grant.document(), at=grant.granted_at)
    return Decided(standing, grant)


def revoke(database: Database, record: ApprovalRecord, *, revoked_by: str, reason: str = "", now: datetime) -> None:
    """Take the request of RECORD back, with the decision on it; a rejection is thereby forgotten. Raises UsageError
    where its approval was used already."""
    revocation = stored.StoredRevocation(
        request_id=record.request.request_id,
        revoked_by=neutralise(redact(revoked_by))[:200],
        revoked_at=timestamp(now),
        reason=neutralise(redact(reason))[:2_000],
    )
    stored.revoke(database, revocation)
    log_about(database, record.request, "revocation", vars(revocation), at=revocation.revoked_at)


def _require_not_blocked(record: ApprovalRecord, present: Present) -> None:
    if present.blocked_by:
        raise DeniedByPolicy(
            f"{record.request.binding.action_id} is blocked by {', '.join(present.blocked_by)}; no approval can change"
            " that.",
            hint="Change .autopack/intention.yaml if it should be possible, commit it, and propose again.",
        )


def _require_current(record: ApprovalRecord, present: Present) -> None:
    moved = (*([record.ended] if record.ended else []), *staleness(record.request.binding, present.current))
    if moved:
        raise StaleError(
            f"The request for {record.request.binding.action_id} is void: {'; '.join(moved)}.",
            hint="Run the autopilot again to make a fresh plan and fresh requests.",
        )


def _who(record: ApprovalRecord, answer: Answer, present: Present) -> tuple[str, str]:
    """Return who approves and by what means: the channel's word, or the principal of a signature where one is asked
    for. Raises DeniedByPolicy for whoever may not."""
    review, asker = present.review, record.request.requested_by
    if review.allowed_signers is None:
        require_may_approve(review, identity_of(answer.channel, answer.decided_by), requested_by=asker)
        return neutralise(redact(answer.decided_by))[:200], answer.channel
    signers = present.allowed_signers
    if signers is None:
        raise DeniedByPolicy(
            f"governance_review.allowed_signers names {review.allowed_signers}, which the base commit does not hold.",
            hint="Commit the file.",
        )
    principal = verified_signer(record.request, answer.decision, answer.signature, signers)
    require_may_approve(review, identity_of("ssh", principal), requested_by=asker)
    return neutralise(redact(principal))[:200], "ssh"


def _grant(
    record: ApprovalRecord, answer: Answer, present: Present, who: tuple[str, str], now: datetime
) -> StandingGrant | None:
    if answer.decision != "allow_always":
        return None
    if present.action is None:
        raise StaleError("The plan no longer holds the action.", hint="Run the autopilot again.")
    return make_grant(
        present.action,
        record.request,
        present.review,
        granted_by=who[0],
        channel=who[1],
        now=now,
        paths=answer.grant_paths,
    )


def _is_on_record(database: Database, vote: stored.StoredVote) -> bool:
    """Return whether the same person answered the same before, with others still to answer."""
    votes = stored.votes_on(database, vote.request_id)
    return any((one.person, one.decision) == (vote.person, vote.decision) for one in votes)


def _decided_before(record: ApprovalRecord, standing: RecordedDecision) -> UsageError:
    said = "approved" if standing.allows else "rejected"
    return UsageError(
        f"{record.request.binding.action_id} was {said} by {standing.decided_by} via {standing.channel} at"
        f" {standing.decided_at}.",
        hint="The first decision stands until it is taken back: autopack approvals revoke"
        f" {record.request.binding.action_id}",
    )
