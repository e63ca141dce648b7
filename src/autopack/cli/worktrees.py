"""`autopack leases`, `gc`, `undo`: who works where, what can go, and taking a run back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autopack.cli.options import FormatOption, WorkspaceOption
from autopack.cli.output import Format, chosen_format, console, print_json
from autopack.cli.workspace import settings_for
from autopack.errors import EXIT_LOCKED, EXIT_OK, EXIT_UNSAFE

if TYPE_CHECKING:
    from autopack.operations.worktrees import Removal, Removed
    from autopack.worktrees.lease import Holding

leases = typer.Typer(help="See who works where, and free what a hung process holds.", rich_markup_mode=None)

KEEP_DAYS = 14
QUOTA_GIB = 10.0
_GIB = 1024**3


def register(app: typer.Typer) -> None:
    """Add the commands to APP."""
    app.add_typer(leases, name="leases")
    app.command("gc")(gc)
    app.command("undo")(undo)


@leases.command("list")
def list_leases(workspace: WorkspaceOption = None, format: FormatOption = None) -> None:
    """List the locks of runs and the leases on folders, with their owners and last signs of life.

    Example: autopack leases list
    """
    from autopack.operations.worktrees import list_leases as held

    found = held(settings_for(workspace))
    if chosen_format(format) is Format.JSON:
        print_json({"leases": [_document(one) for one in found]})
        return
    if not found:
        console().print("Nobody holds anything.", markup=False)
    for one in found:
        alive = {True: "alive", False: "gone; the lock is free", None: "on another machine"}[one.alive]
        console().print(f"{one.name}\n  {one.owner.about or 'a lock'}: {one.owner}", markup=False)
        console().print(f"  {alive}, last sign of life {one.beat:%Y-%m-%d %H:%M:%S} UTC", markup=False)


def _document(one: Holding) -> dict[str, object]:
    from dataclasses import asdict

    return {"name": one.name, "owner": asdict(one.owner), "alive": one.alive, "beat": f"{one.beat:%Y-%m-%dT%H:%M:%SZ}"}


@leases.command("check")
def check(
    path: Annotated[Path, typer.Argument(help="A folder, under whatever name.")],
    workspace: WorkspaceOption = None,
    format: FormatOption = None,
) -> None:
    """Say whether a run works in a folder: exit code 6 and its owner if so, 0 if not.

    Example: autopack leases check .autonomous_runs/worktrees/autopilot-20261122T103000Z
    """
    from dataclasses import asdict

    from autopack.operations.worktrees import check_lease

    owner = check_lease(settings_for(workspace), path)
    if chosen_format(format) is Format.JSON:
        print_json({"outcome": "held" if owner else "free", "owner": asdict(owner) if owner else None})
    else:
        console().print(f"Held by {owner}." if owner else "Free.", markup=False)
    raise typer.Exit(EXIT_LOCKED if owner else EXIT_OK)


@leases.command("break")
def break_(
    name: Annotated[str, typer.Argument(help="As `autopack leases list` names it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the repository's git folder.")],
    workspace: WorkspaceOption = None,
    format: FormatOption = None,
) -> None:
    """Take a lock from a process that hangs; that one then writes no result any more. A living one keeps its lock.

    Example: autopack leases break autopilot-20261122t103000z --reason "its machine was suspended"
    """
    from autopack.operations.worktrees import break_lease

    owner = break_lease(settings_for(workspace), name, reason)
    if chosen_format(format) is Format.JSON:
        print_json({"outcome": "broken" if owner else "free", "lock": name})
    else:
        console().print(f"Taken from {owner}." if owner else "Nobody held it; nothing was done.", markup=False)


def gc(
    workspace: WorkspaceOption = None,
    keep_days: Annotated[int, typer.Option("--keep-days", min=0, help="Age from which a worktree can go.")] = KEEP_DAYS,
    quota_gib: Annotated[
        float, typer.Option("--quota-gib", min=0, help="What all worktrees together may hold.")
    ] = QUOTA_GIB,
    execute: Annotated[bool, typer.Option("--execute", help="Really remove; without it, only show the plan.")] = False,
    format: FormatOption = None,
) -> None:
    """Show which worktrees and branches of runs can go, and with --execute remove them; nothing is lost by it.

    Loose files are parked under refs/autopack/backup/RUN first; a branch goes only once its content is in HEAD.

    Example: autopack gc --keep-days 7 --execute
    """
    from autopack.operations.worktrees import Removed, execute_gc, plan_gc

    settings = settings_for(workspace)
    plan = plan_gc(settings, keep_days=keep_days, quota_bytes=round(quota_gib * _GIB))
    done = execute_gc(settings, plan) if execute else tuple(Removed(removal, "") for removal in plan)
    _show_gc(done, command=None if execute else _gc_command(keep_days, quota_gib), format=chosen_format(format))
    raise typer.Exit(EXIT_UNSAFE if any(one.fault for one in done) else EXIT_OK)


def _gc_command(keep_days: int, quota_gib: float) -> str:
    """Return the command that removes exactly what was shown: under other limits another plan is made."""
    days = "" if keep_days == KEEP_DAYS else f" --keep-days {keep_days}"
    quota = "" if quota_gib == QUOTA_GIB else f" --quota-gib {quota_gib:g}"
    return f"autopack gc{days}{quota} --execute"


def _show_gc(done: tuple[Removed, ...], *, command: str | None, format: Format) -> None:
    """Show what was removed, or, where COMMAND would remove it, what can go."""
    executed = command is None
    if format is Format.JSON:
        print_json({"executed": executed, "removals": [{**_removal(one.removal), "fault": one.fault} for one in done]})
        return
    for one in done:
        verb = "kept" if one.fault else "removed" if executed else "can go"
        removal = one.removal
        text = f"{removal.what} of run {removal.run_id}: {verb}: {one.fault or removal.reason}"
        console().print(f"{text}\n  stays: {removal.stays}; frees {removal.bytes / 1024**2:.1f} MiB", markup=False)
    if not done:
        console().print("There is nothing to remove.", markup=False)
    elif not executed:
        console().print(f"\nnext: {command}", markup=False)


def _removal(removal: Removal) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(removal)


def undo(
    run: Annotated[str, typer.Argument(help="The run to take back.")],
    workspace: WorkspaceOption = None,
    format: FormatOption = None,
) -> None:
    """Take a run back: its worktree and branch go, everything in them stays under refs/autopack/backup/RUN.

    Refused (exit 5), with the command to revert it, where the run's commits are merged already.

    Example: autopack undo autopilot-20261122T103000Z
    """
    from autopack.operations.worktrees import undo_run

    undone = undo_run(settings_for(workspace), run)
    if chosen_format(format) is Format.JSON:
        print_json({"run_id": undone.run_id, "backup": undone.backup, "way_back": undone.way_back})
        return
    kept = f"Everything is kept under {undone.backup}." if undone.backup else "It had changed nothing."
    console().print(f"Run {undone.run_id} is taken back. {kept}", markup=False)
    if undone.way_back:
        console().print(f"The way back: {undone.way_back}", markup=False)
