"""`autopack tidy`: fold what runs have learned into the project's ledgers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autopack.cli.options import FormatOption, WorkspaceOption
from autopack.cli.output import Format, chosen_format, console, print_json, say
from autopack.cli.workspace import settings_for

if TYPE_CHECKING:
    from autopack.tidy.models import RotationPlanV1, TidyPlanV1

tidy = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Fold what runs have learned into the project's ledgers."
)


def register(app: typer.Typer) -> None:
    """Add the commands to APP."""
    app.add_typer(tidy, name="tidy")


@tidy.command("report")
def report(workspace: WorkspaceOption = None, format: FormatOption = None) -> None:
    """Say how many entries each ledger would get, and what could not be read. Changes nothing.

    Example: autopack tidy report
    """
    from autopack.operations.tidying import plan_tidy

    plan = plan_tidy(settings_for(workspace))
    if chosen_format(format) is Format.JSON:
        print_json(_summary(plan, "ready" if plan.total else "nothing_to_do"))
    else:
        _render_summary(plan, "would get")
    say("next: autopack tidy plan" if plan.total else "The ledgers hold everything that the runs have to tell.")


@tidy.command("plan")
def plan(workspace: WorkspaceOption = None, format: FormatOption = None) -> None:
    """Show exactly what would be added to the ledgers. Changes nothing.

    Example: autopack tidy plan --format json > tidy.json
    """
    from autopack.operations.tidying import plan_tidy

    made = plan_tidy(settings_for(workspace))
    if chosen_format(format) is Format.JSON:
        print_json(made.document())
    else:
        for addition in made.additions:
            if addition.entries:
                console().print(f"{addition.path}", style="bold", markup=False)
            for entry in addition.entries:
                console().print("".join(f"  + {line}\n" for line in entry.text.split("\n")), markup=False)
    if made.total:
        noun = "entry" if made.total == 1 else "entries"
        say(f"{made.total} {noun} would be added. next: autopack tidy apply --execute")
    else:
        say("The ledgers hold everything that the runs have to tell.")


@tidy.command("apply")
def apply(
    workspace: WorkspaceOption = None,
    execute: Annotated[bool, typer.Option("--execute", help="Really write the ledgers.")] = False,
    planned: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="Only if this is still the plan (from tidy plan --format json)."),
    ] = None,
    format: FormatOption = None,
) -> None:
    """Add what the runs have learned to the end of the ledgers, in the working copy; commit it yourself.

    Example: autopack tidy apply --execute
    """
    from autopack.operations.tidying import apply_tidy

    done = apply_tidy(settings_for(workspace), execute=execute, planned=planned)
    if chosen_format(format) is Format.JSON:
        print_json(_summary(done, "done" if done.total else "nothing_to_do"))
    else:
        _render_summary(done, "got")
    if done.total:
        paths = " ".join(addition.path for addition in done.additions if addition.entries)
        say(f"next: git diff -- {paths}")
    else:
        say("There was nothing to add.")


@tidy.command("rotate")
def rotate(
    workspace: WorkspaceOption = None,
    execute: Annotated[bool, typer.Option("--execute", help="Really write the ledgers and their archives.")] = False,
    planned: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="Only if this is still the plan (from tidy rotate --format json)."),
    ] = None,
    format: FormatOption = None,
) -> None:
    """Move the oldest entries of ledgers that are above a cap of the intention to archive/LEDGER-YEAR.md beside them.

    Without --execute it shows what would move and changes nothing. Entries move byte for byte; one stays where moving
    it would break a link. Commit the result yourself.

    Example: autopack tidy rotate --execute
    """
    from autopack.errors import UsageError
    from autopack.operations.tidying import plan_tidy_rotation, rotate_ledgers

    settings = settings_for(workspace)
    if planned is not None and not execute:
        raise UsageError("--plan is for writing.", hint="autopack tidy rotate --execute --plan FILE")
    plan = rotate_ledgers(settings, execute=True, planned=planned) if execute else plan_tidy_rotation(settings)
    if chosen_format(format) is Format.JSON:
        print_json(plan.document())
    else:
        _render_rotation(plan, "moved" if execute else "would move")
    if not plan.total:
        say("Nothing moves." if plan.unmet else "No ledger is above a cap of the intention.")
    elif execute:
        say("next: git add --all, git commit; see git status for the ledgers and archives that changed")
    else:
        say("next: autopack tidy rotate --execute")


def _render_rotation(plan: RotationPlanV1, verb: str) -> None:
    out = console()
    for rotation in plan.rotations:
        sizes = f"{rotation.tokens_before} -> {rotation.tokens_after} tokens"
        out.print(f"{rotation.path}: {sizes}", style="bold", markup=False)
        for entry in rotation.moved:
            out.print(f"  {verb}: {entry.name} -> {entry.archive}", markup=False)
        for kept in rotation.kept:
            out.print(f"  stays: {kept.name}: {kept.reason}", style="yellow", markup=False)
    for note in plan.unmet:
        out.print(f"not met: {note}", style="yellow", markup=False)


def _summary(plan: TidyPlanV1, outcome: str) -> dict[str, object]:
    return {
        "outcome": outcome,
        "tidy_plan_id": plan.tidy_plan_id,
        "ledgers": [
            {
                "ledger": addition.ledger,
                "path": addition.path,
                "exists": addition.before_sha256 is not None,
                "recorded": addition.recorded,
                "entries": [entry.entry_id for entry in addition.entries],
            }
            for addition in plan.additions
        ],
        "not_read": [note.document() for note in plan.not_read],
    }


def _render_summary(plan: TidyPlanV1, verb: str) -> None:
    out = console()
    for addition in plan.additions:
        count = len(addition.entries)
        noun = "entry" if count == 1 else "entries"
        line = f"{addition.path} {verb} {count} {noun} ({addition.recorded} recorded before)"
        out.print(line, style="" if count else "dim", markup=False)
    for note in plan.not_read:
        out.print(f"not read: {note.subject}: {note.reason}", style="yellow", markup=False)
