"""`autopack doctor` and `autopack sandbox`: what protects this machine, and the same box for any command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autopack.cli.options import FormatOption, WorkspaceOption
from autopack.cli.output import Format, chosen_format, console, print_json, say
from autopack.cli.workspace import settings_for

if TYPE_CHECKING:
    from autopack.execution.egress import Connection
    from autopack.execution.sandbox.canaries import Proof
    from autopack.operations.sandbox import Diagnosis

TIMED_OUT = 124
"""The code of timeout(1), for a command that did not end in time."""

sandbox = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Run any command in the sandbox.")


def register(app: typer.Typer) -> None:
    """Add the commands to APP."""
    app.command("doctor")(doctor)
    app.add_typer(sandbox, name="sandbox")


def doctor(format: FormatOption = None) -> None:
    """Try to get out of this machine's sandbox, and say what it comes to: the tier, what is open, what would help.

    Each line is an attempt that was really made. Exit 30 where no sandbox stands.

    Example: autopack doctor
    """
    from autopack.errors import EXIT_ENVIRONMENT
    from autopack.operations.sandbox import diagnose

    found = diagnose()
    if chosen_format(format) is Format.JSON:
        print_json(_document(found))
    else:
        _render(found)
    if found.tier == "none":
        raise typer.Exit(EXIT_ENVIRONMENT)


@sandbox.command("run", context_settings={"allow_interspersed_args": False})
def run(
    command: Annotated[list[str], typer.Argument(metavar="COMMAND...", help="What to run, after --.")],
    write: Annotated[list[Path] | None, typer.Option("--write", help="What it may write; may be repeated.")] = None,
    net: Annotated[list[str] | None, typer.Option("--net", help="HOST:PORT that it may reach.")] = None,
    net_private: Annotated[
        list[str] | None, typer.Option("--net-private", help="The same, also at a private address.")
    ] = None,
    hide: Annotated[list[str] | None, typer.Option("--hide", help="Glob of files that it must not see.")] = None,
    timeout: Annotated[int, typer.Option("--timeout", min=1, max=86_400, help="Seconds until it is ended.")] = 600,
    workspace: WorkspaceOption = None,
) -> None:
    """Run a command that can read the repository, write only what is granted, reach only the hosts that are named,
    and see no secrets. Ends with the command's own exit code, or 124 when it ran out of time.

    Example: autopack sandbox run --write build --net mirror.example:443 -- make all
    """
    from autopack.operations.sandbox import run_boxed

    result = run_boxed(
        settings_for(workspace),
        tuple(command),
        start=Path.cwd(),
        write=tuple(path.absolute() for path in write or ()),
        network=tuple(net or ()),
        private_network=tuple(net_private or ()),
        hidden=tuple(hide or ()),
        timeout_seconds=timeout,
        on_connection=_tell,
        on_output=_pass_on,
    )
    if result.outcome == "timed_out":
        say(f"autopack: the command {result.detail} and was ended.")
        raise typer.Exit(TIMED_OUT)
    raise typer.Exit(result.exit_code if result.exit_code is not None and result.exit_code >= 0 else 1)


def _pass_on(output: bytes) -> None:
    sys.stdout.buffer.write(output)
    sys.stdout.buffer.flush()


def _tell(made: Connection) -> None:
    if not made.allowed:
        say(f"autopack: refused {made.target}: {made.reason}")


def _document(found: Diagnosis) -> dict[str, object]:
    return {
        "tier": found.tier,
        "meaning": found.meaning,
        "left_open": list(found.proofs[-1].open_doors) if found.tier != "none" else None,
        "candidates": [_candidate(proof) for proof in found.proofs],
        "helps": [{"missing": each.missing, "command": each.command} for each in found.helps],
    }


def _candidate(proof: Proof) -> dict[str, object]:
    from autopack.execution.sandbox.canaries import CANARIES, NOT_PROMISED

    tried = not proof.fault
    canaries = {
        name: {"attempt": words, "held": name not in proof.open_doors, "promised": name not in NOT_PROMISED[proof.tier]}
        for name, words in CANARIES.items()
    }
    return {
        "tier": proof.tier,
        "stands": proof.stands,
        "objection": proof.objection or None,
        "canaries": canaries if tried else None,
    }


def _render(found: Diagnosis) -> None:
    from autopack.execution.sandbox.canaries import CANARIES

    out = console()
    for proof in found.proofs:
        out.print(f"{proof.tier}: {'stands' if proof.stands else 'does not stand'}", style="bold", markup=False)
        if proof.fault:
            out.print(f"  {proof.fault}", markup=False)
            continue
        for name, words in CANARIES.items():
            is_open = name in proof.open_doors
            word = "OPEN   " if name in proof.broken else "open   " if is_open else "refused"
            note = "  (not promised by this tier)" if is_open and name not in proof.broken else ""
            out.print(f"  {word}  {words}{note}", markup=False)
    out.print(f"\nThe sandbox of this machine: {found.tier}", style="bold", markup=False)
    out.print(f"  {found.meaning}", markup=False)
    for each in found.helps:
        out.print(f"  missing: {each.missing}", markup=False)
        out.print(f"     next: {each.command}", markup=False)
