"""`autopack approvals`: what waits for a decision, in full, and deciding it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autopack.cli.options import FormatOption, NoInputOption, RunIdOption, WorkspaceOption
from autopack.cli.output import Format, chosen_format, console, print_json, say
from autopack.cli.workspace import settings_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autopack.config import Settings
    from autopack.governance.decisions import Decided
    from autopack.governance.models import Decision
    from autopack.operations.approvals import Approval, StaleAction

approvals = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="See what waits for a person, and decide it.")

IdsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="ID...", help="Action ids, or the beginning of one (4 digits or more).")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept with the decision.")]
SignOption = Annotated[
    Path | None,
    typer.Option("--sign-with", metavar="KEY", help="Private SSH key, where the intention asks for signatures."),
]
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
    always: Annotated[
        bool, typer.Option("--always", help="Also answer the same question beforehand, as a standing grant.")
    ] = False,
    paths: Annotated[
        list[str] | None,
        typer.Option("--paths", help="With --always: patterns it holds for (default: exact paths)."),
    ] = None,
    sign_with: SignOption = None,
    yes: YesOption = False,
    no_input: NoInputOption = False,
    format: FormatOption = None,
) -> None:
    """Approve actions, each for one use on its base commit; `autopack autopilot resume` then carries them out.

    Naming an action is the decision. On a terminal it has to be confirmed, unless --yes or --no-input says that nobody
    is to be asked; --all, which names nothing, is confirmed on a terminal or by --yes, and refused otherwise. What is
    approved already stays so, and is not put on record again.

    Example: autopack approvals approve action-0123456789ab --reason "checked the links"
    """
    from autopack.errors import UsageError

    if paths and not always:
        raise UsageError("--paths belongs to a standing grant.", hint="Add --always.")
    if always and everything:
        raise UsageError("A standing grant is given for one action at a time.", hint="Name the action.")
    settings = settings_for(workspace)
    chosen = _chosen(settings, ids or [], run_id, everything=everything)
    asked = [one for one in chosen if paths or one.status not in {"approved", "used"}]
    for one in asked:
        say(one.record.request.canonical_text + "\n")
    if not yes and (everything or (asked and not no_input and sys.stdin.isatty())):
        _confirm(f"Approve {len(asked)} actions?" if len(asked) > 1 else "Approve it?", no_input=no_input)
    decision: Decision = "allow_always" if always else "allow_once"
    done = _decide(settings, chosen, decision, reason, sign_with=sign_with, paths=tuple(paths or ()))
    _tell(chosen, done, "Approved", chosen_format(format))


@approvals.command("reject")
def reject(
    ids: IdsArgument = None,
    workspace: WorkspaceOption = None,
    run_id: RunIdOption = None,
    reason: ReasonOption = "",
    always: Annotated[
        bool, typer.Option("--always", help="For good: whatever the evidence, until the rejection is revoked.")
    ] = False,
    format: FormatOption = None,
) -> None:
    """Reject actions; the same change is not proposed for decision again until its evidence changes.

    Example: autopack approvals reject action-0123456789ab --reason "the file moves next week"
    """
    settings = settings_for(workspace)
    chosen = _chosen(settings, ids or [], run_id)
    done = _decide(settings, chosen, "reject_always" if always else "reject_once", reason)
    _tell(chosen, done, "Rejected", chosen_format(format))


@approvals.command("revoke")
def revoke(
    ids: IdsArgument = None,
    workspace: WorkspaceOption = None,
    run_id: RunIdOption = None,
    reason: ReasonOption = "",
    format: FormatOption = None,
) -> None:
    """Take back a request, an approval that is not used yet, a remembered rejection, or a standing grant.

    Example: autopack approvals revoke action-0123456789ab --reason "not before the release"
    """
    from autopack.errors import UsageError
    from autopack.operations.approvals import revoke_approvals

    if not ids:
        raise UsageError("Name what to take back.", hint="autopack approvals list --all")
    done = revoke_approvals(settings_for(workspace), ids, run_id=run_id, reason=reason)
    if chosen_format(format) is Format.JSON:
        print_json({"outcome": "done", "revoked": list(done)})
        return
    for one in done:
        console().print(f"Took {one} back.", markup=False)


@approvals.command("grants")
def grants(workspace: WorkspaceOption = None, format: FormatOption = None) -> None:
    """List standing grants: what people answered beforehand, and until when it holds.

    Example: autopack approvals grants
    """
    from autopack.operations.approvals import standing_grants

    found = standing_grants(settings_for(workspace))
    if chosen_format(format) is Format.JSON:
        listed = [{**grant.document(), "state": state} for grant, state in found]
        print_json({"outcome": "done" if found else "nothing_to_do", "grants": listed})
        return
    for grant, state in found:
        told = f"{grant.grant_id}  {state}  {grant.kind} of at most {grant.max_lines} lines on {', '.join(grant.paths)}"
        console().print(f"{told}  (by {grant.granted_by} until {grant.expires_at})", markup=False)
    if not found:
        say("Nobody answered anything beforehand.")


@approvals.command("explain")
def explain(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Name of the run.")],
    workspace: WorkspaceOption = None,
    format: FormatOption = None,
) -> None:
    """Say, action by action, what moved since a run asked, and whether approve and resume still take it.

    Example: autopack approvals explain autopilot-20260102T030405Z
    """
    from autopack.operations.approvals import explain_staleness

    found = explain_staleness(settings_for(workspace), run_id)
    if chosen_format(format) is Format.JSON:
        print_json({"outcome": "done" if found else "nothing_to_do", "actions": [vars(one) for one in found]})
        return
    for one in found:
        console().print(f"{one.action_id}  {_stands(one)}  {one.title}", markup=False)
        for reason in one.reasons:
            console().print(f"  {reason}", markup=False)
    if not found:
        say(f"The run {run_id} asked nothing.")
    elif not all(one.goes_on for one in found):
        say("next: autopack autopilot --enable")


def _stands(one: StaleAction) -> str:
    if one.goes_on:
        return "still stands"
    return "is void, a new run asks the same again" if one.stays_valid else "is void, it has to be proposed anew"


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
    return one.request.risk_classification not in {None, "high", "critical"}


def _confirm(question: str, *, no_input: bool) -> None:
    from autopack.errors import UsageError

    if no_input or not sys.stdin.isatty():
        raise UsageError("This has to be confirmed.", hint="Repeat with --yes.")
    if not typer.confirm(question, err=True):
        raise UsageError("Nothing was decided.", hint="autopack approvals list")


def _decide(
    settings: Settings,
    chosen: Sequence[Approval],
    decision: Decision,
    reason: str,
    *,
    sign_with: Path | None = None,
    paths: tuple[str, ...] = (),
) -> tuple[Decided, ...]:
    from autopack.operations.approvals import decide_approvals

    return decide_approvals(settings, chosen, decision, reason=reason, sign_with=sign_with, grant_paths=paths)


def _tell(chosen: Sequence[Approval], done: Sequence[Decided], word: str, format: Format) -> None:
    if format is Format.JSON:
        print_json(
            {
                "outcome": _outcome(done),
                "decisions": [None if one.standing is None else vars(one.standing) for one in done],
                "grants": [one.grant.document() for one in done if one.grant is not None],
            }
        )
        return
    for one, decided in zip(chosen, done, strict=True):
        told = f"{word} {one.action_id}" if decided.is_new else f"{one.action_id} is already {word.lower()}"
        console().print(f"{told} ({_by(decided)}).", markup=False)
        if decided.grant is not None:
            until = decided.grant.expires_at
            console().print(f"  standing grant {decided.grant.grant_id}, until {until}", markup=False)
    for run in sorted({one.record.request.run_id for one in chosen}):
        say(f"next: autopack autopilot resume {run}")


def _outcome(done: Sequence[Decided]) -> str:
    if not all(one.standing for one in done):
        return "waiting"
    return "done" if any(one.is_new for one in done) else "nothing_to_do"


def _by(decided: Decided) -> str:
    if decided.standing is None:
        return "more people have to approve it"
    return f"by {decided.standing.decided_by} at {decided.standing.decided_at}"


def _status(one: Approval) -> str:
    decision = one.record.decision
    if one.status in {"expired", "revoked"}:
        return f"{one.status}: {one.record.ended}"
    if decision is not None and one.status != "stale":
        because = f": {decision.reason}" if decision.reason else ""
        return f"{one.status} by {decision.decided_by} via {decision.channel} at {decision.decided_at}{because}"
    if one.status == "waiting" and one.request.min_approvers > 1:
        return f"waiting ({one.record.approvals} of {one.request.min_approvers} approvals)"
    return f"stale: {'; '.join(one.moved)}" if one.status == "stale" else one.status


def _line(one: Approval) -> str:
    request = one.request
    told = f"{request.kind or 'unknown'}: {request.title or ''}"
    risk = request.risk_classification or "unknown"
    return f"{one.action_id}  {one.status:<8}  {risk:<8}  {told}  (run {request.run_id})"


def _document(one: Approval) -> dict[str, object]:
    decision = one.record.decision
    return {
        "action_id": one.action_id,
        "status": one.status,
        "moved": [*([one.record.ended] if one.record.ended else []), *one.moved],
        "request": one.request.document(),
        "decision": None if decision is None else vars(decision),
        "used_for": one.record.used_for,
        "approvals": one.record.approvals,
        "kind": one.request.kind,
        "title": one.request.title,
        "risk_classification": one.request.risk_classification,
    }
