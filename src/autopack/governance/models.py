"""Approval records, and the grant: the one thing that makes the runner move."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from autopack.actions.models import Action, ActionId
from autopack.artifacts.model import (
    Artifact,
    Count,
    GitOid,
    IdentifiedArtifact,
    Identifier,
    Risk,
    RuleName,
    Score,
    Sha256,
    Slug,
    Text,
    Timestamp,
)
from autopack.errors import InternalError
from autopack.intention_anchor.v2 import GrantingPattern
from autopack.policy.facts import Verdict

Decision = Literal["allow_once", "allow_always", "reject_once", "reject_always"]
"""The option kinds of the Agent Client Protocol (`session/request_permission`). Anything else is no approval."""

Nonce = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class ApprovalBinding(Artifact):
    """What a decision is about; when any of it moves, the decision is void."""

    action_id: ActionId
    action_digest: Sha256
    base_commit: GitOid
    anchor_id: Identifier
    plan_proposal_id: Identifier
    policy_digest: Sha256
    measured_digest: Sha256 | None = None
    """The change that was measured, where an action was done, found worse than its claim and undone."""


class ApprovalRequestV1(IdentifiedArtifact):
    """A question to a person, in the same canonical text on every channel.

    Kind, title and risk repeat what the text says, for lists. Without a nonce and an end (as older versions asked) a
    request counts as expired.
    """

    ID_FIELD = "request_id"
    ID_PREFIX = "request"

    format_version: Literal["v1"] = "v1"
    request_id: Identifier
    project_id: Identifier
    run_id: Identifier
    binding: ApprovalBinding
    kind: Slug | None = None
    title: Text | None = None
    risk_classification: Risk | None = None
    canonical_text: Text
    asked_because: tuple[RuleName, ...]
    requested_at: Timestamp
    expires_at: Timestamp | None = None
    nonce: Nonce | None = None
    """Random; an answer over a channel has to bring it, so that it can only be an answer to this very request."""
    requested_by: Text | None = None
    """`<channel>:<identity>` of whoever started the run."""
    min_approvers: Annotated[int, Field(ge=1, le=10)] = 1


class StandingGrant(IdentifiedArtifact):
    """An answer that a person gave beforehand: this kind of action, on these paths, of this size, for a while.

    It binds to the intention and the policy that it was given under, and ends with either.
    """

    ID_FIELD = "grant_id"
    ID_PREFIX = "grant"

    format_version: Literal["v1"] = "v1"
    grant_id: Identifier
    project_id: Identifier
    request_id: Identifier
    """The request that was answered with `allow_always`."""
    kind: Slug
    paths: Annotated[tuple[GrantingPattern, ...], Field(min_length=1, max_length=50)]
    max_lines: Count
    max_risk: Score
    anchor_id: Identifier
    policy_digest: Sha256
    granted_by: Text
    channel: Slug
    granted_at: Timestamp
    expires_at: Timestamp


@dataclass(frozen=True)
class RecordedDecision:
    """What was decided: the first decision on a request stands."""

    request_id: str
    decision: Decision
    decided_by: str
    channel: str
    decided_at: str
    reason: str

    @property
    def allows(self) -> bool:
        return self.decision in {"allow_once", "allow_always"}


_SEAL = object()
"""What only the gate presents. Not a wall (Python has none), but nobody makes a grant by accident."""


@dataclass(frozen=True)
class Grant:
    """Permission to carry out exactly one action on exactly one base. Made by `governance.gate` alone, and cannot be
    altered: `dataclasses.replace` fails too."""

    action: Action
    run_id: str
    base_commit: str
    verdict: Verdict
    approved_by: str
    """`policy:<rule ids>` or `<person> via <channel>`."""
    request_id: str | None
    """The approval that the runner consumes before it starts; None where the policy alone approved."""
    measured_digest: str | None = field(default=None, kw_only=True)
    """The one measured change that a person approved although it is worse than its claim."""
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise InternalError("A grant is made by the gate alone.")
