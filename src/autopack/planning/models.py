"""The plan proposal: bounded, ordered, judged, and bound to the anchor and the gap report that it answers."""

from __future__ import annotations

from typing import Literal

from autopack.actions.models import Action
from autopack.artifacts.model import Artifact, Count, GitOid, IdentifiedArtifact, Identifier, RuleName, Sha256, Text
from autopack.gaps.models import GapId


class PlanSummary(Artifact):
    """The plan in numbers."""

    total_actions: Count
    auto_approved: Count
    requires_approval: Count
    blocked: Count
    lines_high: Count
    files: Count


class GovernanceCheck(Artifact):
    """One gate that the plan as a whole was put through."""

    name: RuleName
    passed: bool
    detail: Text


class LeftOut(Artifact):
    """A gap that the plan does not answer, and why (a bound of the anchor, or no remedy)."""

    gap_id: GapId
    reason: Text


class PlanMetadata(Artifact):
    """What the plan was made from."""

    base_commit: GitOid | None
    policy_digest: Sha256
    sandbox_tier: Literal["isolated", "confined", "none"]
    recalled: tuple[Text, ...] = ()
    """Ledger entries that the proposer was given, as `<ledger>#<entry id>`."""
    left_out: tuple[LeftOut, ...] = ()


class PlanProposalV1(IdentifiedArtifact):
    """What Autopack proposes to do, in the order in which it would be done."""

    ID_FIELD = "plan_proposal_id"
    ID_PREFIX = "plan-proposal"

    format_version: Literal["v1"] = "v1"
    plan_proposal_id: Identifier
    project_id: Identifier
    run_id: Identifier
    anchor_id: Identifier
    gap_report_id: Identifier
    actions: tuple[Action, ...]
    summary: PlanSummary
    governance_checks: tuple[GovernanceCheck, ...]
    metadata: PlanMetadata
