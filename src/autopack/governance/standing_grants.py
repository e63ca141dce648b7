"""Standing grants: what `allow_always` means. An answer given beforehand, narrow, for a while, and on record.

A grant answers a later request instead of a person; it never speaks where policy blocks, since nobody is asked there,
and it binds to the same intention and policy. It answers only requests that nothing but `ANSWERABLE` rules put to a
person: what is dangerous by its kind, its place, its size or its unknowns asks every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError

from autopack.actions.models import Action
from autopack.artifacts.canonical import canonical_bytes
from autopack.clock import timestamp
from autopack.errors import ArtifactError, DeniedByPolicy, UsageError
from autopack.governance.models import ApprovalRequestV1, StandingGrant
from autopack.intention_anchor.v2 import GovernanceReview
from autopack.planning.models import PlanProposalV1
from autopack.policy.paths import granting
from autopack.store.database import Database
from autopack.store.grants import StoredGrant, add_grant, all_grants, usable_grants

ANSWERABLE = frozenset({"default.no-rule-auto-approves", "never.requires-approval", "never.risk"})
"""Rules that ask a person and may be answered beforehand. `never.risk`: up to the risk that the person saw."""

_WILD = frozenset("*?[")


def make_grant(
    action: Action,
    request: ApprovalRequestV1,
    review: GovernanceReview,
    *,
    granted_by: str,
    channel: str,
    now: datetime,
    paths: Sequence[str] = (),
) -> StandingGrant:
    """Return the grant that an `allow_always` on REQUEST for ACTION gives; PATHS narrow or widen it to patterns.

    Raises DeniedByPolicy where no grant may be given, UsageError for patterns that are too broad.
    """
    if review.standing_grant_days == 0:
        raise DeniedByPolicy(
            "Nobody can answer beforehand here (governance_review.standing_grant_days is 0).",
            hint="Approve it once.",
        )
    if review.min_approvers > 1:
        raise DeniedByPolicy("Several people have to approve, each time.", hint="Approve it once.")
    if not set(request.asked_because) <= ANSWERABLE:
        refusing = sorted(set(request.asked_because) - ANSWERABLE)
        raise DeniedByPolicy(f"{', '.join(refusing)} asks every time.", hint="Approve it once.")
    if action.cost_estimate.lines.high is None:
        raise DeniedByPolicy("Its size is unknown, so it asks every time.", hint="Approve it once.")
    patterns = tuple(paths) or tuple(f"/{path}" for path in action.target_paths)
    _require_narrow(patterns, action, exact=not paths)
    return StandingGrant.from_document(
        {
            "grant_id": "unsealed",
            "project_id": request.project_id,
            "request_id": request.request_id,
            "kind": action.kind,
            "paths": list(patterns),
            "max_lines": action.cost_estimate.lines.high,
            "max_risk": action.risk_score,
            "anchor_id": request.binding.anchor_id,
            "policy_digest": request.binding.policy_digest,
            "granted_by": granted_by,
            "channel": channel,
            "granted_at": timestamp(now),
            "expires_at": timestamp(now + timedelta(days=review.standing_grant_days)),
        }
    ).sealed()


def store_grant(database: Database, grant: StandingGrant) -> None:
    """Put GRANT on record."""
    document = canonical_bytes(grant.document()).decode()
    add_grant(database, StoredGrant(grant.grant_id, grant.project_id, grant.kind, document, grant.expires_at))


def grant_for(database: Database, plan: PlanProposalV1, action: Action, now: datetime) -> StandingGrant | None:
    """Return the grant that answers for ACTION of PLAN, or None."""
    stored = usable_grants(database, project_id=plan.project_id, kind=action.kind, now=timestamp(now))
    return next((grant for grant in map(_read, stored) if covers(grant, plan, action)), None)


def covers(grant: StandingGrant, plan: PlanProposalV1, action: Action) -> bool:
    """Return whether GRANT speaks for ACTION of PLAN: everything has to fit, and nothing may be unknown."""
    lines = action.cost_estimate.lines.high
    allowed = granting(grant.paths)
    return (
        grant.project_id == plan.project_id
        and grant.kind == action.kind
        and grant.anchor_id == plan.anchor_id
        and grant.policy_digest == plan.metadata.policy_digest
        and action.approval_status == "requires_approval"
        and bool(action.decided_by)
        and set(action.decided_by) <= ANSWERABLE
        and lines is not None
        and lines <= grant.max_lines
        and action.risk_score <= grant.max_risk
        and bool(action.target_paths)
        and all(allowed.matches(path) for path in action.target_paths)
    )


def grants_on_record(database: Database) -> tuple[tuple[StandingGrant, StoredGrant], ...]:
    """Return every grant with its row, the oldest first."""
    return tuple((_read(row), row) for row in all_grants(database))


def _require_narrow(patterns: Sequence[str], action: Action, *, exact: bool) -> None:
    for pattern in patterns:
        first = pattern.removeprefix("/").split("/", 1)[0]
        if exact and _WILD & set(pattern):
            raise UsageError(f"The path {pattern!r} reads like a pattern.", hint="State --paths for the grant.")
        if not pattern.startswith("/") or not first.replace("*", "").strip("?.") or pattern == "/":
            raise UsageError(
                f"The pattern {pattern!r} is too broad for a standing grant.",
                hint="Begin it with a folder or a file name, for example --paths '/docs/**'.",
            )
    try:
        allowed = granting(patterns)
    except ValueError as fault:
        raise UsageError(f"A pattern cannot be used: {fault}.", hint="Write for example --paths '/docs/**'.") from fault
    outside = [path for path in action.target_paths if not allowed.matches(path)]
    if outside or not action.target_paths:
        raise UsageError(
            f"The patterns do not cover {outside[0] if outside else 'anything'}.",
            hint="Cover every path of the action.",
        )


def _read(row: StoredGrant) -> StandingGrant:
    try:
        grant = StandingGrant.model_validate_json(row.document)
    except ValidationError as fault:
        raise ArtifactError(f"The stored grant {row.grant_id} is damaged.", hint="Revoke it and grant anew.") from fault
    told = (grant.grant_id, grant.project_id, grant.kind, grant.expires_at)
    if told != (row.grant_id, row.project_id, row.kind, row.expires_at) or grant.expected_id() != grant.grant_id:
        raise ArtifactError(f"The stored grant {row.grant_id} was edited.", hint="Revoke it and grant anew.")
    return grant
