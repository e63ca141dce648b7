"""Approval records, and the grant: the one thing that makes the runner move."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from typing import Literal

from autopack.actions.models import Action, ActionId
from autopack.artifacts.model import Artifact, GitOid, IdentifiedArtifact, Identifier, RuleName, Sha256, Text, Timestamp
from autopack.errors import InternalError
from autopack.policy.facts import Verdict

Decision = Literal["allow_once", "reject_once"]


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
    """A question to a person, in the same canonical text on every channel."""

    ID_FIELD = "request_id"
    ID_PREFIX = "request"

    format_version: Literal["v1"] = "v1"
    request_id: Identifier
    project_id: Identifier
    run_id: Identifier
    binding: ApprovalBinding
    canonical_text: Text
    asked_because: tuple[RuleName, ...]
    requested_at: Timestamp


@dataclass(frozen=True)
class RecordedDecision:
    """What a person decided: the first decision on a request stands."""

    request_id: str
    decision: Decision
    decided_by: str
    channel: str
    decided_at: str
    reason: str


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
