"""The command `autopack`: gives an answer of before again or runs a command, and turns every failure into a message, a
hint and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from autopack.cli.quick_scan import Start, start
from autopack.errors import EXIT_ENVIRONMENT, EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_TERMINATED, AutopackError

if TYPE_CHECKING:
    from autopack.gaps.sources.asked import Asked


def run() -> NoReturn:
    """Run the command line and end the process with the code of `autopack.errors.EXIT_CODES`."""
    signal.signal(signal.SIGTERM, _terminated)
    # Pydantic would look through all installed distributions for plug-ins, which no model here wants.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    sys.exit(main())


def _terminated(number: int, frame: object) -> NoReturn:
    """End as after an error, so that locks, folders and child processes are given up in order."""
    raise SystemExit(EXIT_TERMINATED)


def main(arguments: list[str] | None = None) -> int:
    """Run ARGUMENTS (default: the process's) and return the exit code; never lets a traceback out."""
    _speak_utf8()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        return _go_on(arguments, start(arguments))
    except AutopackError as fault:
        return report_failure(fault)
    except KeyboardInterrupt:
        return _report_interruption()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as fault:  # noqa: BLE001  (the front door: nothing may leave as a traceback)
        # Python 3.11 wraps what a signal raises while a class is made.
        if isinstance(fault.__cause__, SystemExit):
            raise fault.__cause__ from None
        if isinstance(fault.__cause__, KeyboardInterrupt):
            return _report_interruption()
        return _report_unexpected(fault)


def _go_on(arguments: list[str], begun: Start) -> int:
    """Do what is left to do of the command that has BEGUN."""
    if begun.code is not None:
        return begun.code
    request = begun.plain.request() if begun.plain is not None else None
    if request is not None:
        from autopack.cli.scan_command import run_scan
        from autopack.cli.workspace import name_workspace

        name_workspace(None)
        return run_scan(request, begun.asked)
    return _run_command(arguments, begun.asked)


def _run_command(arguments: list[str], asked: Asked | None) -> int:
    import typer

    from autopack.cli.commands import app

    try:
        result = app(args=arguments, standalone_mode=False, obj=asked)
        if result == EXIT_INTERRUPTED:  # what typer makes of Ctrl-C
            return _report_interruption()
        return result if isinstance(result, int) else 0
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort:
        return _report_interruption()


def _report_interruption() -> int:
    print("Interrupted.", file=sys.stderr)
    return EXIT_INTERRUPTED


def report_failure(fault: AutopackError) -> int:
    """Print what, which and what next to stderr; return the exit code."""
    print(f"autopack: {fault.message}", file=sys.stderr)
    if fault.hint:
        print(f"  next: {fault.hint}", file=sys.stderr)
    return fault.exit_code


def _report_unexpected(fault: Exception) -> int:
    from typer import _click  # typer's own copy of click carries the usage errors

    if isinstance(fault, _click.exceptions.ClickException):
        fault.show()
        return fault.exit_code
    if os.environ.get("AUTOPACK_DEBUG"):
        raise fault
    if isinstance(fault, OSError):
        print(f"autopack: {fault.strerror or fault}: {fault.filename or ''}".rstrip(": "), file=sys.stderr)
        return EXIT_ENVIRONMENT
    print(f"autopack: internal error: {type(fault).__name__}: {fault}", file=sys.stderr)
    print("  next: set AUTOPACK_DEBUG=1 and repeat the command to see where; please report it.", file=sys.stderr)
    return EXIT_INTERNAL


def _speak_utf8() -> None:
    """Write UTF-8 whatever the locale or the Windows code page says; unencodable names are escaped, never fatal.

    A stream that the caller has closed (`>&-`) swallows what is written to it.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  (as long as the process)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
