"""The gates that a plan as a whole is put through. A gate that fails says what a person can do about it."""

from __future__ import annotations

from collections.abc import Sequence

from autopack.actions.models import Action
from autopack.gaps.models import GapReportV1
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.planning.models import GovernanceCheck
from autopack.planning.selection import Selection
from autopack.wording import agreeing, counted

PATH_RULES = frozenset({"block.outside-write-roots", "block.protected-path", "block.never-allow", "engine.unsafe-path"})


def governance_checks(
    anchor: IntentionAnchorV2, report: GapReportV1, actions: Sequence[Action], selection: Selection
) -> tuple[GovernanceCheck, ...]:
    """Return the gates of the plan, in name order."""
    executable = [action for action in actions if action.approval_status != "blocked"]
    checks = (
        _within_bounds(anchor, executable, selection),
        _no_protected_path(actions),
        _budget(selection),
        _sandbox(anchor, executable, selection),
        _parallel(anchor),
        _complete_scan(report),
        _committed_intention(report),
        _no_blocking_gap(report),
    )
    return tuple(sorted(checks, key=lambda check: check.name))


def _within_bounds(anchor: IntentionAnchorV2, executable: Sequence[Action], selection: Selection) -> GovernanceCheck:
    bounds = anchor.budget_cost
    counts = (
        (len(executable), bounds.max_actions, "actions"),
        (len(selection.files), bounds.max_files, "files"),
        (selection.lines, bounds.max_lines, "lines"),
    )
    detail = ", ".join(f"{count} of {most} {what}" for count, most, what in counts)
    unknown = sum(action.cost_estimate.lines.high is None for action in executable)
    if unknown:
        detail += f"; {unknown} of unknown size, which ask first"
    return GovernanceCheck(
        name="plan.within-bounds", passed=all(count <= most for count, most, _ in counts), detail=detail
    )


def _no_protected_path(actions: Sequence[Action]) -> GovernanceCheck:
    refused = [action for action in actions if PATH_RULES & set(action.decided_by)]
    loose = [action for action in refused if action.approval_status != "blocked"]
    detail = f"{len(refused)} actions target paths out of bounds; all of them are blocked"
    if loose:
        detail = f"{loose[0].action_id} targets a path out of bounds and is not blocked"
    elif not refused:
        detail = "no action targets a path out of bounds"
    return GovernanceCheck(name="plan.no-protected-path", passed=not loose, detail=detail)


def _budget(selection: Selection) -> GovernanceCheck:
    caps = selection.circumstances
    spent = (
        (selection.tokens, caps.remaining_tokens, "tokens"),
        (selection.seconds, caps.remaining_seconds, "seconds"),
    )
    detail = ", ".join(
        f"at most {used} {what}, " + ("no cap stated" if cap is None else f"{cap} left") for used, cap, what in spent
    )
    if selection.unknown_costs:
        detail += f"; {selection.unknown_costs} actions of unknown cost, which ask first"
    return GovernanceCheck(
        name="plan.budget", passed=all(cap is None or used <= cap for used, cap, _ in spent), detail=detail
    )


def _sandbox(anchor: IntentionAnchorV2, executable: Sequence[Action], selection: Selection) -> GovernanceCheck:
    tier = selection.circumstances.sandbox
    runs_code = bool(anchor.evidence_verification.required_checks) or any(
        action.kind == "agent_task" for action in executable
    )
    detail = f"sandbox tier {tier}; the plan {'runs' if runs_code else 'does not run'} code of the repository"
    return GovernanceCheck(name="plan.sandbox", passed=tier != "none" or not runs_code, detail=detail)


def _parallel(anchor: IntentionAnchorV2) -> GovernanceCheck:
    stated = anchor.parallelism_isolation
    detail = "one run at a time"
    if stated.allowed:
        detail = f"up to {stated.max_concurrent_runs} runs, isolation {stated.isolation_model}"
    passed = not stated.allowed or stated.isolation_model == "four_layer"
    return GovernanceCheck(name="plan.parallel-isolation", passed=passed, detail=detail)


def _complete_scan(report: GapReportV1) -> GovernanceCheck:
    unseen = report.metadata.scan_incomplete
    detail = f"{len(unseen)} things were not looked at, the first: {unseen[0].subject}" if unseen else "nothing unseen"
    return GovernanceCheck(name="plan.complete-scan", passed=not unseen, detail=detail)


def _committed_intention(report: GapReportV1) -> GovernanceCheck:
    source = report.metadata.intention_source
    return GovernanceCheck(
        name="plan.committed-intention", passed=source == "commit", detail=f"the intention was read from: {source}"
    )


def _no_blocking_gap(report: GapReportV1) -> GovernanceCheck:
    blocking = [gap for gap in report.gaps if gap.blocks_autopilot]
    detail = (
        f"{counted(len(blocking), 'gap')} {agreeing(len(blocking), 'blocks', 'block')} the autopilot"
        if blocking
        else "no gap blocks the autopilot"
    )
    return GovernanceCheck(name="plan.no-blocking-gap", passed=not blocking, detail=detail)
