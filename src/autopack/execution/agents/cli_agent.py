"""Agents that are one command: `claude -p`, `codex exec`, `aider`, … The command runs to its end in the box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from autopack.execution.agents.config import BRIEF
from autopack.execution.sandbox.box import Job, JobResult, Sandbox
from autopack.execution.sandbox.process import run_to_end

_FROM_FILE = ("/bin/sh", "-c", 'from="$1"; shift; exec "$@" <"$from"', "sh")
"""Starts a command whose standard input is a file: a job itself has none."""


def work(
    job: Job, sandbox: Sandbox, brief: str, brief_file: Path, *, stop: Callable[[], bool] = lambda: False
) -> JobResult:
    """Run JOB, whose command is as the repository wrote it, with BRIEF in the place of `{brief}`, or on its standard
    input where it has no such place; return how it ended. Once STOP says so it is killed."""
    told = replace(job, argv=command(job.argv, brief, brief_file))
    try:
        with sandbox.ready(told) as launch:
            return run_to_end(
                launch.argv,
                environment=launch.environment,
                folder=launch.folder,
                timeout_seconds=job.timeout_seconds,
                pass_fds=launch.pass_fds,
                ask_first_seconds=launch.ask_first_seconds,
                stop=stop,
            )
    except OSError as fault:
        return JobResult("not_started", None, b"", f"the sandbox cannot be made: {fault}")


def command(argv: tuple[str, ...], brief: str, brief_file: Path) -> tuple[str, ...]:
    """Return ARGV with the BRIEF, which also lies in BRIEF_FILE. The program itself is never taken from the brief."""
    program, *arguments = argv
    if any(BRIEF in argument for argument in arguments):
        return (program, *(argument.replace(BRIEF, brief) for argument in arguments))
    return (*_FROM_FILE, str(brief_file), *argv)
