"""Propose a plan for a workspace, and keep it if asked to."""

from __future__ import annotations

from dataclasses import dataclass

from autopack.actions.registry import all_kinds
from autopack.artifacts.store import ensure_runs_root, read_artifact, write_artifact
from autopack.config import POLICY_FILE, Settings
from autopack.errors import StaleError, UsageError
from autopack.execution.sandbox.detect import sandbox_tier
from autopack.file_layout import RunFileLayout
from autopack.gaps.models import Gap, GapReportV1
from autopack.git import Git
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.operations.intention import default_project_id, load_intention
from autopack.operations.scanning import scan_workspace
from autopack.planning.models import PlanProposalV1
from autopack.planning.plan_proposer import propose
from autopack.policy.decide import Policy
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
    written report was made for another commit.
    """
    anchor = _anchor(settings, run_id, project_id)
    report = _report(settings, anchor, run_id, project_id)
    layout = RunFileLayout(settings.runs_root, report.project_id, report.run_id)
    kinds = all_kinds()
    policy = Policy.build(
        anchor,
        kinds=tuple(kinds),
        local_policy=_local_policy(settings, report.metadata.base_commit),
        ledgers=tuple(settings.ledgers.values()),
    )
    plan = propose(anchor, report, policy=policy, kinds=kinds, circumstances=Circumstances(sandbox=sandbox_tier()))
    if write:
        ensure_runs_root(settings.runs_root)
        write_artifact(layout.intention_anchor_v2, anchor)
        write_artifact(layout.gap_report, report)
        write_artifact(layout.plan_proposal, plan)
    return Proposal(plan, anchor, report)


def _anchor(settings: Settings, run_id: str | None, project_id: str | None) -> IntentionAnchorV2:
    if run_id is not None and project_id is not None:
        path = RunFileLayout(settings.runs_root, project_id, run_id).intention_anchor_v2
        if path.is_file():
            return read_artifact(path, IntentionAnchorV2)
    anchor, _ = load_intention(settings)
    if anchor is None:
        raise UsageError("There is no written intention to plan for.", hint="autopack init")
    return anchor


def _report(settings: Settings, anchor: IntentionAnchorV2, run_id: str | None, project_id: str | None) -> GapReportV1:
    project = project_id or default_project_id(settings, anchor)
    if run_id is None:
        return scan_workspace(settings, None, project)
    layout = RunFileLayout(settings.runs_root, project, run_id)
    if not layout.gap_report.is_file():
        return scan_workspace(settings, run_id, project)
    report = read_artifact(layout.gap_report, GapReportV1)
    head = Git(settings.workspace).head()
    if report.metadata.base_commit != head:
        raise StaleError(
            f"The gap report of run {run_id} was made for commit {report.metadata.base_commit}, HEAD is {head}.",
            hint=f"autopack scan --run-id {run_id} --project-id {project} --write",
        )
    return report


def _local_policy(settings: Settings, base_commit: str | None) -> str:
    """Return the owner's extra forbids as the base commit holds them, never as the working copy does."""
    written = Git(settings.workspace).show(base_commit, POLICY_FILE) if base_commit else None
    try:
        return (written or b"").decode()
    except UnicodeDecodeError as fault:
        raise UsageError(f"{POLICY_FILE} is not UTF-8 text.", hint="Save it as UTF-8 and commit it.") from fault
