"""`autopack autopilot`, `verify`, `show`: making runs and looking at what they did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from autopack.cli.options import FormatOption, NoInputOption, ProjectIdOption, RunIdOption, WorkspaceOption
from autopack.cli.output import Format, chosen_format, console, print_json, say
from autopack.cli.workspace import name_workspace, settings_for
from autopack.errors import EXIT_DENIED, EXIT_OK, EXIT_STALE, EXIT_UNSAFE, EXIT_WAITING

if TYPE_CHECKING:
    from autopack.autonomy.session import AutopilotSessionV1
    from autopack.autonomy.supervisor import RunResult
    from autopack.proofs.verify import Link

autopilot = typer.Typer(rich_markup_mode=None, invoke_without_command=True, no_args_is_help=False)


def register(app: typer.Typer) -> None:
    """Add the commands to APP."""
    app.add_typer(autopilot, name="autopilot")
    app.command("verify")(verify)
    app.command("audit")(audit)


@autopilot.callback()
def fly(
    context: typer.Context,
    workspace: WorkspaceOption = None,
    run_id: RunIdOption = None,
    project_id: ProjectIdOption = None,
    format: FormatOption = None,
    no_input: NoInputOption = False,
    enable: Annotated[
        bool,
        typer.Option("--enable", help="Really execute what is allowed; without it, only record what would happen."),
    ] = False,
    every: Annotated[
        str | None,
        typer.Option("--every", help="Repeat after this long (90s, 15m, 2h, 1d); a new run only if something moved."),
    ] = None,
) -> None:
    """Make one pass of the loop: scan, propose, execute what the intention allows, ask for the rest.

    Without --enable nothing is executed, but the session records everything that would be.

    Example: autopack autopilot --enable
    """
    if context.invoked_subcommand is not None:
        if workspace is not None:
            name_workspace(workspace)
        return
    from autopack.operations.runs import parse_duration, start_run

    settings, shape = settings_for(workspace), chosen_format(format)
    if every is None:
        session = start_run(settings, run_id=run_id, project_id=project_id, enabled=enable, progress=say)
        raise typer.Exit(show_session(session, shape))
    from autopack.operations.repeated_runs import keep_passing

    keep_passing(
        settings,
        pause=parse_duration(every),
        family=run_id,
        project_id=project_id,
        enabled=enable,
        progress=say,
        show=lambda session: show_session(session, shape),
    )


@autopilot.command("resume")
def resume(
    run: Annotated[
        str | None, typer.Argument(help="The run to go on with (default: the latest unfinished one).")
    ] = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = None,
) -> None:
    """Go on with a run after its approvals were decided, or after it was killed.

    Example: autopack autopilot resume autopilot-20261122T103000Z
    """
    from autopack.operations.runs import resume_run

    session = resume_run(settings_for(workspace), run, progress=say)
    raise typer.Exit(show_session(session, chosen_format(format)))


@autopilot.command("supervise")
def supervise(
    run_ids: Annotated[str, typer.Option("--run-ids", help="Names of the runs, separated by commas.")],
    workspace: WorkspaceOption = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="How many runs at a time.")] = 2,
    enable: Annotated[bool, typer.Option("--enable", help="Really start the runs.")] = False,
    format: FormatOption = None,
) -> None:
    """Make several runs at once, each in a process and a worktree of its own.

    Refused (exit 4) unless the intention's parallelism_isolation allows it.

    Example: autopack autopilot supervise --enable --run-ids docs-1,docs-2 --workers 2
    """
    from autopack.config import inherited_environment
    from autopack.errors import UsageError
    from autopack.operations.runs import supervise_runs

    names = [name.strip() for name in run_ids.split(",") if name.strip()]
    if not enable or not names:
        raise UsageError("Nothing was started.", hint="Name the runs with --run-ids a,b and add --enable.")
    settings = settings_for(workspace)
    results = supervise_runs(settings, names, workers=workers, environment=inherited_environment())
    _show_results(results, chosen_format(format))
    raise typer.Exit(max((_severity(result) for result in results), default=EXIT_OK))


def verify(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN|COMMIT", help="A run, or a commit that one made (default: the latest).")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every link, not one line for each phase.")] = False,
    workspace: WorkspaceOption = None,
    format: FormatOption = None,
) -> None:
    """Recompute a run's chain from the intention to the commits, offline, and name the first broken link.

    Example: autopack verify autopilot-20261122T103000Z
    """
    from autopack.operations.runs import verify as verify_chain

    run_id, links = verify_chain(settings_for(workspace), run)
    broken = next((link for link in links if not link.holds), None)
    if chosen_format(format) is Format.JSON:
        print_json(
            {
                "run_id": run_id,
                "outcome": "verified" if broken is None else "broken",
                "links": [{"name": link.name, "holds": link.holds, "detail": link.detail} for link in links],
            }
        )
    else:
        out = console()
        for line in _every_link(links) if everything else _by_phase(links):
            out.print(line, markup=False)
        out.print(
            f"Run {run_id}: {len(links)} links hold."
            if broken is None
            else f"First broken link: {broken.name}: {broken.detail}",
            markup=False,
        )
    raise typer.Exit(EXIT_OK if broken is None else EXIT_UNSAFE)


def _every_link(links: Sequence[Link]) -> list[str]:
    return [f"{'ok ' if link.holds else 'BROKEN'} {link.name}" for link in links]


def _by_phase(links: Sequence[Link]) -> list[str]:
    """Return one line for the run as a whole and one for each phase."""
    groups: dict[str, list[Link]] = {}
    for link in links:
        groups.setdefault(link.phase, []).append(link)
    lines = []
    for phase, group in groups.items():
        bad = [link for link in group if not link.holds]
        what = phase or "intention, gaps, plan, branch and event log"
        lines.append(f"{'BROKEN' if bad else 'ok '} {what}: {len(group) - len(bad)} of {len(group)} links hold")
    return lines


def audit(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN|COMMIT", help="A run, or a commit that one made (default: the latest).")
    ] = None,
    event: Annotated[list[str] | None, typer.Option("--event", help="Only events of this name; repeatable.")] = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = None,
) -> None:
    """Show what is on record of a run, event by event, and whether the record is whole (exit 8 if it is not).

    Every verdict, request, answer, grant, use, check, connection, commit and undo is one line of a hash chain.

    Example: autopack audit autopilot-20261122T103000Z --event decision --event commit
    """
    from autopack.operations.runs import audit as read_log

    run_id, log = read_log(settings_for(workspace), run)
    shown = [one for one in log.events if not event or one.event in event]
    if chosen_format(format) is Format.JSON:
        print_json(
            {
                "run_id": run_id,
                "outcome": "broken" if log.fault else "whole",
                "fault": log.fault,
                "torn_lines": list(log.torn),
                "head": log.events[-1].digest if log.events else None,
                "events": [vars(one) for one in shown],
            }
        )
    else:
        out = console()
        for one in shown:
            out.print(f"{one.seq:5} {one.at} {one.event}: {_brief(one.details)}", markup=False)
        out.print(
            f"The log of run {run_id} is broken: {log.fault}."
            if log.fault
            else f"Run {run_id}: {len(log.events)} events in one whole chain, head {log.events[-1].digest[:12]}."
            if log.events
            else f"Run {run_id} has no events.",
            markup=False,
        )
    raise typer.Exit(EXIT_UNSAFE if log.fault else EXIT_OK)


def _brief(details: Mapping[str, object]) -> str:
    """Return DETAILS on one line: what has a value, digests shortened, nothing that a terminal would not show."""
    from autopack.governance.canonical_text import neutralise

    parts = []
    for name, value in details.items():
        if value in (None, "", []):
            continue
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        parts.append(f"{name}={text[:12] if len(text) >= 40 and text.isalnum() else neutralise(text)}")
    return " ".join(parts)


def show_session(session: AutopilotSessionV1, format: Format) -> int:
    """Print SESSION and return the exit code that it means."""
    if format is Format.JSON:
        print_json(session.document())
    else:
        _print_session(session)
    return {
        "waiting": EXIT_WAITING,
        "partly_executed": EXIT_WAITING if session.waiting_for_approval else EXIT_OK,
        "blocked_by_gaps": EXIT_UNSAFE,
        "failed": EXIT_STALE,
    }.get(session.outcome, EXIT_OK)


def _print_session(session: AutopilotSessionV1) -> None:
    out, has_asked = console(), session.outcome not in {"disabled", "blocked_by_gaps"}
    out.print(f"Run {session.run_id}: {session.outcome.replace('_', ' ')}. {session.reason}", markup=False)
    for heading, steps in (
        ("Held back" if session.enabled else "Would execute", session.would_execute),
        ("Waiting for approval" if has_asked else "Would ask for approval", session.waiting_for_approval),
        ("Rejected by a person", session.rejected),
        ("Blocked by policy", session.blocked),
    ):
        if steps:
            out.print(f"\n{heading}:", markup=False)
        for step in steps:
            out.print(f"  {step.action_id}  {step.kind}: {step.title}", markup=False)
            out.print(f"      decided by {', '.join(step.decided_by)}", markup=False)
    if session.executed:
        out.print("\nExecuted:", markup=False)
    for done in session.executed:
        what = f"commit {done.commit[:12]}" if done.commit else done.reason
        out.print(f"  {done.action_id}  {done.outcome.replace('_', ' ')}: {what}", markup=False)
    if session.executed:
        closed, opened = len(session.gaps_closed), len(session.gaps_opened)
        out.print(f"\nGaps closed: {closed}; opened: {opened}. Branch: {session.branch}", markup=False)
    out.print(f"\nnext: {session.next_command}", markup=False)


def _show_results(results: tuple[RunResult, ...], format: Format) -> None:
    if format is Format.JSON:
        print_json(
            {
                "runs": [
                    {name: getattr(result, name) for name in ("run_id", "outcome", "exit_code", "reason")}
                    for result in results
                ]
            }
        )
        return
    for result in results:
        code = "" if result.exit_code is None else f" with exit code {result.exit_code}"
        because = f": {result.reason}" if result.reason else ""
        console().print(f"{result.run_id}: {result.outcome.replace('_', ' ')}{code}{because}", markup=False)


def _severity(result: RunResult) -> int:
    return EXIT_DENIED if result.exit_code is None else result.exit_code
