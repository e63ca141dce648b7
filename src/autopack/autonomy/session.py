"""The autopilot session: what one pass of the loop saw, would do, did, and waits for."""

from __future__ import annotations

from typing import Literal

from autopack.actions.models import ActionId
from autopack.artifacts.model import Approval, Artifact, GitOid, IdentifiedArtifact, Identifier, RuleName, Text
from autopack.gaps.models import GapId

Outcome = Literal["disabled", "blocked_by_gaps", "waiting", "executed", "partly_executed", "failed", "nothing_to_do"]


class PlannedStep(Artifact):
    """One action as the session sees it: what would happen to it, by which rules."""

    action_id: ActionId
    kind: Text
    title: Text
    approval_status: Approval
    decided_by: tuple[RuleName, ...]


class ExecutedStep(Artifact):
    """One action that ran, with its result."""

    action_id: ActionId
    phase_id: Identifier
    outcome: Literal["committed", "undone", "nothing_to_do"]
    commit: GitOid | None
    reason: Text


class AutopilotSessionV1(IdentifiedArtifact):
    """The record of one pass. It is written also when nothing may run: then it says what would have."""

    ID_FIELD = "session_id"
    ID_PREFIX = "session"

    format_version: Literal["v1"] = "v1"
    session_id: Identifier
    project_id: Identifier
    run_id: Identifier
    enabled: bool
    outcome: Outcome
    reason: Text
    anchor_id: Identifier
    gap_report_id: Identifier
    plan_proposal_id: Identifier | None
    base_commit: GitOid | None
    branch: Text | None
    blocking_gaps: tuple[GapId, ...]
    would_execute: tuple[PlannedStep, ...]
    waiting_for_approval: tuple[PlannedStep, ...]
    blocked: tuple[PlannedStep, ...]
    rejected: tuple[PlannedStep, ...] = ()
    """What a person said no to."""
    executed: tuple[ExecutedStep, ...]
    gaps_closed: tuple[GapId, ...]
    gaps_opened: tuple[GapId, ...]
    next_command: Text
