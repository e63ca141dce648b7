"""`autopack approvals`: what waits for a decision, in full, and deciding it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from autopack.cli.options import Format, FormatOption, NoInputOption, RunIdOption, WorkspaceOption
from autopack.cli.output import chosen_format, console, print_json, say
from autopack.cli.workspace import settings_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autopack.config import Settings
    from autopack.governance.models import Decision
    from autopack.operations.approvals import Approval

approvals = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="See what waits for a person, and decide it.")

IdsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="ID...", help="Action ids, or the beginning of one (4 digits or more).")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept with the decision.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


def register(app: typer.Typer) -> None:
    """Add the commands to APP."""
    app.add_typer(approvals, name="approvals")


@approvals.command("list")
def list_(
    workspace: WorkspaceOption = None,
    run_id: RunIdOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Decided, used and stale requests too.")] = False,
    format: FormatOption = None,
) -> None:
    """List the requests that wait for a decision (with --run-id: every request of that run).

    Example: autopack approvals list
    """
    from autopack.operations.approvals import list_approvals

    found = list_approvals(settings_for(workspace), run_id=run_id, everything=everything)
    if chosen_format(format) is Format.JSON:
        waiting = any(one.status == "waiting" for one in found)
        print_json(
            {"outcome": "waiting" if waiting else "nothing_to_do", "approvals": [_document(one) for one in found]}
        )
        return
    for one in found:
        console().print(_line(one), markup=False)
    first = next((one for one in found if one.status == "waiting"), None)
    say(f"next: autopack approvals show {first.action_id}" if first else "Nothing waits for a decision.")


@approvals.command("show")
def show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Action id, or the beginning of one.")],
    workspace: WorkspaceOption = None,
    run_id: RunIdOption = None,
    format: FormatOption = None,
) -> None:
    """Show one request in full, as it is put to people on every channel.

    Example: autopack approvals show action-0123456789ab
    """
    from autopack.operations.approvals import find_approval

    one = find_approval(settings_for(workspace), identifier, run_id=run_id)
    if chosen_format(format) is Format.JSON:
        print_json(_document(one))
        return
    console().print(one.record.request.canonical_text, markup=False)
    console().print(f"\nStatus: {_status(one)}", markup=False)


@approvals.command("approve")
def approve(
    ids: IdsArgument = None,
    workspace: WorkspaceOption = None,
    run_id: RunIdOption = None,
    reason: ReasonOption = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Everything that waits, except what is of high or critical risk.")
    ] = False,
    yes: YesOption = False,
    no_input: NoInputOption = False,
    format: FormatOption = None,
) -> None:
    """Approve actions, each for one use on its base commit; `autopack autopilot resume` then carries them out.

    Example: autopack approvals approve action-0123456789ab --reason "checked the links"
    """
    settings = settings_for(workspace)
    chosen = _chosen(settings, ids or [], run_id, everything=everything)
    for one in chosen:
        say(one.record.request.canonical_text + "\n")
    if not yes and (sys.stdin.isatty() or everything):
        _confirm(f"Approve {len(chosen)} actions?" if len(chosen) > 1 else "Approve it?", no_input=no_input)
    _decide(settings, chosen, "allow_once", reason, chosen_format(format))


@approvals.command("reject")
def reject(
    ids: IdsArgument = None,
    workspace: WorkspaceOption = None,
    run_id: RunIdOption = None,
    reason: ReasonOption = "",
    format: FormatOption = None,
) -> None:
    """Reject actions; the same change is not proposed for decision again until its evidence changes.

    Example: autopack approvals reject action-0123456789ab --reason "the file moves next week"
    """
    settings = settings_for(workspace)
    _decide(settings, _chosen(settings, ids or [], run_id), "reject_once", reason, chosen_format(format))


def _chosen(settings: Settings, ids: Sequence[str], run_id: str | None, *, everything: bool = False) -> list[Approval]:
    from autopack.errors import UsageError
    from autopack.operations.approvals import find_approval, list_approvals

    if bool(ids) == everything:
        raise UsageError("Name the actions to decide.", hint="autopack approvals list")
    if not everything:
        found = [find_approval(settings, identifier, run_id=run_id) for identifier in ids]
        return list({one.record.request.request_id: one for one in found}.values())
    waiting = [one for one in list_approvals(settings, run_id=run_id) if one.status == "waiting"]
    for one in waiting:
        if not _is_ordinary(one):
            say(f"Left out, decide it by its id: {_line(one)}")
    chosen = [one for one in waiting if _is_ordinary(one)]
    if not chosen:
        raise UsageError("Nothing waits that could be approved with --all.", hint="autopack approvals list")
    return chosen


def _is_ordinary(one: Approval) -> bool:
    return one.action is not None and one.action.risk_classification not in {"high", "critical"}


def _confirm(question: str, *, no_input: bool) -> None:
    from autopack.errors import UsageError

    if no_input or not sys.stdin.isatty():
        raise UsageError("This has to be confirmed.", hint="Repeat with --yes.")
    if not typer.confirm(question, err=True):
        raise UsageError("Nothing was decided.", hint="autopack approvals list")


def _decide(settings: Settings, chosen: Sequence[Approval], decision: Decision, reason: str, format: Format) -> None:
    from autopack.operations.approvals import decide_approvals

    done = decide_approvals(settings, chosen, decision, reason=reason)
    if format is Format.JSON:
        print_json({"outcome": "done", "decisions": [vars(one) for one in done]})
        return
    word = "Approved" if decision == "allow_once" else "Rejected"
    for one, decided in zip(chosen, done, strict=True):
        console().print(f"{word} {one.action_id} (by {decided.decided_by} at {decided.decided_at}).", markup=False)
    runs = sorted({one.record.request.run_id for one in chosen})
    for run in runs:
        say(f"next: autopack autopilot resume {run}")


def _status(one: Approval) -> str:
    decision = one.record.decision
    if decision is not None and one.status != "stale":
        because = f": {decision.reason}" if decision.reason else ""
        return f"{one.status} by {decision.decided_by} via {decision.channel} at {decision.decided_at}{because}"
    return f"stale: {'; '.join(one.moved)}" if one.status == "stale" else one.status


def _line(one: Approval) -> str:
    from autopack.governance.canonical_text import neutralise

    if one.action is None:
        return f"{one.action_id}  {one.status:<8}  run {one.record.request.run_id}"
    action = one.action
    title = f"{action.kind}: {neutralise(action.title)}"
    return (
        f"{one.action_id}  {one.status:<8}  {action.risk_classification:<8}  {title}  (run {one.record.request.run_id})"
    )


def _document(one: Approval) -> dict[str, object]:
    decision = one.record.decision
    return {
        "action_id": one.action_id,
        "status": one.status,
        "moved": list(one.moved),
        "request": one.record.request.document(),
        "decision": None if decision is None else vars(decision),
        "used_for": one.record.used_for,
        "kind": None if one.action is None else one.action.kind,
        "title": None if one.action is None else one.action.title,
        "risk_classification": None if one.action is None else one.action.risk_classification,
    }
