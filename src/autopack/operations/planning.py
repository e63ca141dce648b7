"""Propose a plan for a workspace, and keep it if asked to."""

from __future__ import annotations

from dataclasses import dataclass

from autopack.artifacts.store import ensure_runs_root, read_artifact, write_artifact
from autopack.config import Settings
from autopack.errors import StaleError, UsageError
from autopack.execution.sandbox.detect import sandbox_tier
from autopack.file_layout import RunFileLayout
from autopack.gaps.models import Gap, GapReportV1
from autopack.git import Git
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.operations.base_policy import policy_for
from autopack.operations.crew import crew_of
from autopack.operations.experience import experience_for
from autopack.operations.intention import default_project_id, load_intention
from autopack.operations.scanning import scan_workspace
from autopack.planning.models import PlanProposalV1
from autopack.planning.plan_proposer import propose
from autopack.policy.facts import Circumstances


@dataclass(frozen=True)
class Proposal:
    """A plan with what it answers. `gaps` are the report's, by id."""

    plan: PlanProposalV1
    anchor: IntentionAnchorV2
    report: GapReportV1

    @property
    def gaps(self) -> dict[str, Gap]:
        return {gap.gap_id: gap for gap in self.report.gaps}


def propose_plan(
    settings: Settings, run_id: str | None = None, project_id: str | None = None, *, write: bool = False
) -> Proposal:
    """Return the plan for the workspace; WRITE also puts it, and what it answers, into the run's folder.

    The anchor and the gap report of the run are taken where they were written before; otherwise the intention is read
    and the workspace is scanned. Raises UsageError where there is no intention to plan for, StaleError where the
    intention or the commit is no longer the one that the run was begun with.
    """
    intention, _ = load_intention(settings)
    project = project_id or default_project_id(settings, intention)
    begun = RunFileLayout(settings.runs_root, project, run_id) if run_id is not None else None
    anchor = _anchor(begun, intention)
    report = _report(settings, begun, project)
    layout = RunFileLayout(settings.runs_root, report.project_id, report.run_id)
    policy = policy_for(settings, anchor, report.metadata.base_commit)
    kinds = crew_of(settings, anchor, report.metadata.base_commit).kinds
    plan = propose(
        anchor,
        report,
        policy=policy,
        kinds=kinds,
        circumstances=Circumstances(sandbox=sandbox_tier()),
        experience=experience_for(settings, report),
    )
    if write:
        ensure_runs_root(settings.runs_root)
        write_artifact(layout.intention_anchor_v2, anchor)
        write_artifact(layout.gap_report, report)
        write_artifact(layout.plan_proposal, plan)
    return Proposal(plan, anchor, report)


def _anchor(begun: RunFileLayout | None, intention: IntentionAnchorV2 | None) -> IntentionAnchorV2:
    """Return the anchor that the run was BEGUN with, or the INTENTION as it stands."""
    if begun is None or not begun.intention_anchor_v2.is_file():
        if intention is None:
            raise UsageError("There is no written intention to plan for.", hint="autopack init")
        return intention
    written = read_artifact(begun.intention_anchor_v2, IntentionAnchorV2)
    if intention is not None and intention != written:
        raise StaleError(
            f"Run {begun.run_id} was begun with {written.anchor_id}; the intention is {intention.anchor_id} by now.",
            hint="Choose another --run-id.",
        )
    return written


def _report(settings: Settings, begun: RunFileLayout | None, project: str) -> GapReportV1:
    """Return the report that the run wrote, or that of a new scan."""
    if begun is None or not begun.gap_report.is_file():
        return scan_workspace(settings, None if begun is None else begun.run_id, project)
    report = read_artifact(begun.gap_report, GapReportV1)
    head = Git(settings.workspace).head()
    if report.metadata.base_commit != head:
        raise StaleError(
            f"The gap report of run {begun.run_id} was made for commit {report.metadata.base_commit}; HEAD is {head}.",
            hint=f"autopack scan --run-id {begun.run_id} --project-id {project} --write",
        )
    return report
