"""`autopack propose`: what would be done about the gaps, by which rules, at what risk and cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autopack.cli.options import FormatOption, ProjectIdOption, RunIdOption, WorkspaceOption
from autopack.cli.output import Format, chosen_format, console, print_json, say
from autopack.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

    from autopack.actions.models import Action, Interval
    from autopack.operations.planning import Proposal
    from autopack.planning.models import LeftOut, PlanProposalV1

PATHS_SHOWN = 5
LEFT_OUT_SHOWN = 10
GROUPS = (
    ("auto_approved", "auto-approved", "bold green"),
    ("requires_approval", "needs approval", "bold yellow"),
    ("advice", "for a person to do (touches nothing)", "bold cyan"),
    ("blocked", "blocked (listed for what it would have done)", "bold red"),
)


def register(app: typer.Typer) -> None:
    """Add the command to APP."""
    app.command("propose")(propose)


def propose(
    workspace: WorkspaceOption = None,
    run_id: RunIdOption = None,
    project_id: ProjectIdOption = None,
    form: FormatOption = None,
    write: Annotated[bool, typer.Option("--write", help="Keep the plan in the run's folder.")] = False,
) -> int:
    """Propose a bounded plan for the gaps, each action judged by the written intention. Changes nothing.

    Example: autopack propose --workspace ~/src/project --format text
    """
    from autopack.cli.workspace import settings_for
    from autopack.errors import EXIT_OK
    from autopack.operations.planning import propose_plan

    proposal = propose_plan(settings_for(workspace), run_id, project_id, write=write)
    if chosen_format(form) is Format.JSON:
        print_json(proposal.plan.document())
        say(_in_one_line(proposal.plan))
    else:
        render(proposal, console())
    return EXIT_OK


def render(proposal: Proposal, out: Console) -> None:
    """Print PROPOSAL for people: by verdict, in the order in which it would be done."""
    plan = proposal.plan
    for status, heading, style in GROUPS:
        _render_group(heading, style, [action for action in plan.actions if _group_of(action) == status], out)
    _render_left_out(proposal, out)
    failed = [check for check in plan.governance_checks if not check.passed]
    for check in failed:
        out.print(f"not passed: {check.name}: {check.detail}", style="yellow", markup=False)
    out.print(_in_one_line(plan), style="bold", markup=False)


def _group_of(action: Action) -> str:
    """Return the verdict on ACTION; advice, which nobody is asked to approve, stands apart."""
    waits = action.approval_status == "requires_approval"
    return "advice" if waits and not action.target_paths else action.approval_status


def _render_group(heading: str, style: str, actions: list[Action], out: Console) -> None:
    if actions:
        out.print(f"{heading} ({len(actions)})", style=style, markup=False)
    for action in actions:
        _render_action(action, out)


def _render_action(action: Action, out: Console) -> None:
    from autopack.governance.canonical_text import neutralise

    out.print(f"  {action.action_id}  {action.kind}: {neutralise(action.title)}", markup=False)
    for name, value in _rows(action) if action.target_paths else ():
        if value:
            out.print(f"           {name:6} {neutralise(value)}", style="dim", markup=False)
    for line in (action.brief or "").splitlines():
        out.print(f"           | {neutralise(line)}", markup=False)
    out.print()


def _rows(action: Action) -> tuple[tuple[str, str], ...]:
    more = len(action.target_paths) - PATHS_SHOWN
    factors = ", ".join(f"{factor.name} {factor.points}" for factor in action.risk_factors)
    cost = action.cost_estimate
    return (
        ("files", ", ".join(action.target_paths[:PATHS_SHOWN]) + (f" and {more} more" if more > 0 else "")),
        ("risk", f"{action.risk_score} ({action.risk_classification})" + (f": {factors}" if factors else "")),
        ("cost", f"{_shown(cost.lines)} lines, {_shown(cost.seconds)} seconds, {_shown(cost.tokens)} tokens"),
        ("rules", ", ".join(action.decided_by)),
        ("after", ", ".join(action.depends_on)),
    )


def _render_left_out(proposal: Proposal, out: Console) -> None:
    left_out = proposal.plan.metadata.left_out
    if not left_out:
        return
    out.print(f"left out of this plan ({len(left_out)} gaps)", style="bold", markup=False)
    from autopack.governance.canonical_text import neutralise

    gaps = proposal.gaps
    for reason, entries in _by_reason(left_out).items():
        out.print(f"  {reason} ({len(entries)})", markup=False)
        for entry in entries[:LEFT_OUT_SHOWN]:
            out.print(f"           {neutralise(gaps[entry.gap_id].title)}", style="dim", markup=False)
        if len(entries) > LEFT_OUT_SHOWN:
            out.print(f"           and {len(entries) - LEFT_OUT_SHOWN} more", style="dim", markup=False)
    out.print()


def _by_reason(left_out: tuple[LeftOut, ...]) -> dict[str, list[LeftOut]]:
    groups: dict[str, list[LeftOut]] = {}
    for entry in left_out:
        groups.setdefault(entry.reason, []).append(entry)
    return groups


def _shown(cost: Interval) -> str:
    if cost.high is None:
        return f"{cost.low} or more (unknown)"
    return str(cost.low) if cost.low == cost.high else f"{cost.low} to {cost.high}"


def _in_one_line(plan: PlanProposalV1) -> str:
    groups = [_group_of(action) for action in plan.actions]
    left_out = len(plan.metadata.left_out)
    counts = (
        (groups.count("auto_approved"), "auto-approved"),
        (groups.count("requires_approval"), "waiting for approval"),
        (groups.count("advice"), "for a person to do"),
        (groups.count("blocked"), "blocked"),
        (left_out, "gap left out" if left_out == 1 else "gaps left out"),
    )
    listed = ", ".join(f"{count} {what}" for count, what in counts if count) or "nothing to do"
    size = (
        f"; at most {counted(plan.summary.lines_high, 'line')} in {counted(plan.summary.files, 'file')}"
        if plan.summary.files
        else ""
    )
    return listed + size
