"""`autopack` and `autopack status`: where the repository stands and what to type next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autopack.cli.options import FormatOption, WorkspaceOption
from autopack.cli.output import Format, chosen_format, console, print_json
from autopack.cli.workspace import name_workspace, settings_for
from autopack.wording import agreeing, counted

if TYPE_CHECKING:
    from autopack.operations.status import Status


def register(app: typer.Typer) -> None:
    """Add the commands to APP."""
    app.command("status")(status)
    app.callback(invoke_without_command=True)(start)


def start(
    context: typer.Context,
    workspace: WorkspaceOption = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Governed autonomy for any git repository: intention, gaps, plan, governed change, proof, ledger.

    Without a command, shows where the repository stands and what to type next.
    """
    if version:
        from autopack import __version__

        print(f"autopack {__version__}")
        raise typer.Exit
    name_workspace(workspace)
    if context.invoked_subcommand is None:
        show(workspace, Format.TEXT)


def status(workspace: WorkspaceOption = None, format: FormatOption = None) -> None:
    """Show intention, gaps, plan, waiting approvals, the last runs, and the next command to type.

    Example: autopack status -C ~/src/project
    """
    show(workspace, chosen_format(format))


def show(workspace: Path | None, format: Format) -> None:
    """Print the overview of WORKSPACE."""
    from autopack.operations.status import overview

    found = overview(settings_for(workspace))
    if format is Format.JSON:
        print_json(_document(found))
    else:
        _print(found)


def _document(found: Status) -> dict[str, object]:
    return {
        "intention": {
            "source": found.intention_source,
            "pivots_stated": found.pivots_stated,
            "unconfirmed": found.unconfirmed,
            "change": found.intention_change,
        },
        "gaps": found.gaps.document(),
        "plan": found.plan.document() if found.plan else None,
        "waiting_for_approval": list(found.waiting),
        "runs": [{"run_id": run.run_id, "state": run.state, "updated_at": run.updated_at} for run in found.runs],
        "next_command": found.next_command,
    }


_WHERE = {"none": "none written yet", "working_copy": "written, not committed", "commit": "committed"}


def _print(found: Status) -> None:
    out = console()

    def line(name: str, text: str) -> None:
        out.print(f"[bold]{name:<11}[/bold]", end="")
        out.print(text, markup=False)

    unconfirmed = f", {found.unconfirmed} inferred values to confirm" if found.unconfirmed else ""
    line("Intention", f"{_WHERE[found.intention_source]}, {found.pivots_stated} of 8 pivots stated{unconfirmed}")
    if found.intention_change:
        line("", found.intention_change)
    risks = ", ".join(f"{count} {risk}" for risk, count in found.gaps.by_risk.document().items() if count)
    blocking = (
        f"; {found.gaps.blocking} {agreeing(found.gaps.blocking, 'blocks', 'block')} the autopilot"
        if found.gaps.blocking
        else ""
    )
    line("Gaps", f"{found.gaps.total} ({risks}){blocking}" if found.gaps.total else "none")
    if found.plan is not None:
        plan = found.plan
        line(
            "Plan",
            f"{counted(plan.total_actions, 'action')}: {plan.auto_approved} auto-approved, "
            f"{plan.requires_approval} for a person, {plan.blocked} blocked",
        )
    line("Approvals", f"{len(found.waiting)} waiting" if found.waiting else "none waiting")
    for run in found.runs:
        line("Run", f"{run.run_id}  {run.state}  {run.updated_at}")
    out.print(f"\nnext: {found.next_command}", markup=False)
