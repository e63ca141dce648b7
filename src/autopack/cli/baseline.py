"""`autopack baseline`: accept findings for now, so that only new ones fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autopack.cli.options import FormatOption, WorkspaceOption
from autopack.cli.output import Format, chosen_format, print_json, say
from autopack.cli.workspace import settings_for
from autopack.wording import agreeing, counted

if TYPE_CHECKING:
    from datetime import date

    from autopack.gaps.baseline import AcceptedFinding
    from autopack.operations.baseline import BaselineChange

baseline = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Accept findings for now, so that only new ones fail."
)
ExecuteOption = Annotated[bool, typer.Option("--execute", help="Really write .autopack/baseline.json.")]


def register(app: typer.Typer) -> None:
    """Add the commands to APP."""
    app.add_typer(baseline, name="baseline")


@baseline.command("update")
def update(
    reason: Annotated[str, typer.Option("--reason", help="Why the findings may stay for now.")],
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="DAY", help="Last day (2027-03-31); after it they are new again.")
    ] = None,
    rules: Annotated[
        list[str] | None, typer.Option("--rule", metavar="RULE", help="Only findings of this rule; may be repeated.")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Findings of low confidence too.")] = False,
    execute: ExecuteOption = False,
    workspace: WorkspaceOption = None,
    format: FormatOption = None,
) -> None:
    """Accept the findings that are new, and let known ones follow renamed files. Writes only with --execute.

    What is accepted is still planned for, and still blocks the autopilot if it did: the baseline only keeps old
    findings from failing `autopack scan --fail-on`. Commit the file.

    Example: autopack baseline update --reason "older than this check" --expires 2027-03-31 --execute
    """
    from autopack.gaps.baseline import Acceptance
    from autopack.operations.baseline import update_baseline

    change = update_baseline(
        settings_for(workspace),
        Acceptance(reason, expires),
        _today(),
        rules=tuple(rules or ()),
        show_all=all,
        execute=execute,
    )
    _show_change(change, format)


@baseline.command("prune")
def prune(execute: ExecuteOption = False, workspace: WorkspaceOption = None, format: FormatOption = None) -> None:
    """Drop the entries whose finding occurs no more. Writes only with --execute.

    Example: autopack baseline prune --execute
    """
    from autopack.operations.baseline import prune_baseline

    _show_change(prune_baseline(settings_for(workspace), _today(), execute=execute), format)


@baseline.command("show")
def show(workspace: WorkspaceOption = None, format: FormatOption = None) -> None:
    """Show what is accepted, why and until when, and what of it is expired or occurs no more. Changes nothing.

    Example: autopack baseline show
    """
    from autopack.operations.baseline import show_baseline

    accepted = show_baseline(settings_for(workspace), _today())
    comparison = accepted.comparison
    expired = {entry.gap_id for entry in comparison.expired}
    gone = {entry.gap_id for entry in comparison.gone}
    grown = {entry.gap_id for entry in comparison.grown}

    def state(entry: AcceptedFinding) -> str:
        if entry.gap_id in grown:
            return "grown"
        return "gone" if entry.gap_id in gone else "expired" if entry.gap_id in expired else "accepted"

    if chosen_format(format) is Format.JSON:
        entries = [{**entry.document(), "state": state(entry)} for entry in accepted.baseline.findings]
        print_json({"findings": entries, "new": [gap.gap_id for gap in accepted.new]})
    else:
        _print([f"{state(entry):8}  {_in_words(entry)}" for entry in accepted.baseline.findings])
    held = len(accepted.baseline.findings) - len(expired) - len(gone) - len(grown)
    new = f"{counted(len(accepted.new), 'finding')} {agreeing(len(accepted.new), 'is', 'are')} new"
    more = f", {len(grown)} grown" if grown else ""
    say(f"{held} accepted, {len(expired)} expired, {len(gone)} gone{more}; {new}.")


def _today() -> date:
    from autopack.clock import SystemClock

    return SystemClock().now().date()


def _show_change(change: BaselineChange, format: Format | None) -> None:
    changed = change.after != change.before
    if chosen_format(format) is Format.JSON:
        outcome = "written" if change.written else "would_write" if changed else "nothing_to_do"
        print_json(
            {
                "outcome": outcome,
                "added": [entry.document() for entry in change.added],
                "removed": [entry.document() for entry in change.removed],
                "total": len(change.after.findings),
            }
        )
    else:
        _print(
            [f"+ {_in_words(entry)}" for entry in change.added] + [f"- {_in_words(entry)}" for entry in change.removed]
        )
    if not changed:
        say(f"Nothing to do: {len(change.after.findings)} findings are accepted.")
    elif change.written:
        say(f"{len(change.after.findings)} findings are accepted. next: git add .autopack/baseline.json")
    else:
        say(f"{len(change.after.findings)} findings would be accepted; --execute writes them.")


def _in_words(entry: AcceptedFinding) -> str:
    until = f", until {entry.expires}" if entry.expires else ""
    return f"{entry.gap_id}  {entry.rule_id}  {entry.title} ({entry.reason}{until})"


def _print(lines: list[str]) -> None:
    from autopack.reporting.plain_text import one_line

    for line in lines:
        print(one_line(line))
