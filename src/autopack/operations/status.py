"""Where a repository stands, on one page: intention, gaps, plan, approvals, runs, and what to type next."""

from __future__ import annotations

from dataclasses import dataclass

from autopack.artifacts.store import read_artifact
from autopack.config import Settings
from autopack.errors import ArtifactError
from autopack.file_layout import RunFileLayout
from autopack.gaps.models import GapSummary
from autopack.git import Git
from autopack.intention_anchor.v2 import PIVOT_TYPES, IntentionAnchorV2
from autopack.operations.approvals import list_approvals
from autopack.operations.intention import load_intention
from autopack.operations.intention_changes import intention_change, latest_runs
from autopack.operations.scanning import scan_workspace
from autopack.planning.models import PlanProposalV1, PlanSummary
from autopack.store.runs import Run


@dataclass(frozen=True)
class Status:
    """Everything that the overview shows. `plan` is the latest run's, or None where commit or intention have moved."""

    intention_source: str
    pivots_stated: int
    unconfirmed: int
    gaps: GapSummary
    plan: PlanSummary | None
    waiting: tuple[str, ...]
    """Action ids that wait for a person."""
    runs: tuple[Run, ...]
    next_command: str
    intention_change: str = ""
    """What became of the intention that was in effect before; empty where nothing did."""


def overview(settings: Settings) -> Status:
    """Return the status of the workspace; writes nothing."""
    anchor, source = load_intention(settings)
    runs = latest_runs(settings)
    change = intention_change(settings, runs)
    state = (Git(settings.workspace).head(), anchor.anchor_id if anchor else None)
    current = tuple(run for run in runs if (run.base_commit, run.anchor_id) == state)
    waiting = tuple(one.action_id for one in list_approvals(settings))
    return Status(
        intention_source=source,
        pivots_stated=_stated(anchor),
        unconfirmed=len(anchor.unconfirmed) if anchor else 0,
        gaps=scan_workspace(settings).summary,
        plan=_latest_plan(settings, runs) if runs[:1] == current[:1] else None,
        waiting=waiting,
        runs=runs,
        next_command=change.next_command if change else _next_command(source, anchor, waiting, runs, current),
        intention_change=change.what if change else "",
    )


def _stated(anchor: IntentionAnchorV2 | None) -> int:
    if anchor is None:
        return 0
    return sum(getattr(anchor.pivot_intentions, pivot) is not None for pivot in PIVOT_TYPES)


def _latest_plan(settings: Settings, runs: tuple[Run, ...]) -> PlanSummary | None:
    if not runs:
        return None
    layout = RunFileLayout(settings.runs_root, runs[0].project_id, runs[0].run_id)
    try:
        return read_artifact(layout.plan_proposal, PlanProposalV1).summary
    except ArtifactError:
        return None


def _next_command(
    source: str,
    anchor: IntentionAnchorV2 | None,
    waiting: tuple[str, ...],
    runs: tuple[Run, ...],
    current: tuple[Run, ...],
) -> str:
    """Return what to type next; of RUNS only those that are CURRENT, made for this commit and intention, go on."""
    if anchor is None:
        return "autopack init"
    if anchor.unconfirmed and source == "working_copy":
        return "autopack anchor show"
    if source == "working_copy":
        return "git add .autopack/intention.yaml && git commit -m 'Write the intention down'"
    if waiting:
        return "autopack approvals list"
    if anchor.unconfirmed:
        return "autopack anchor approve --inferred"
    unfinished = next((run for run in current if run.state in {"running", "waiting"}), None)
    if unfinished is not None:
        return f"autopack autopilot resume {unfinished.run_id}"
    if runs and runs[0].state == "done" and runs[0].anchor_id == anchor.anchor_id:
        return "autopack tidy report"
    return "autopack autopilot --enable"
