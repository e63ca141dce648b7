"""Run one command to its end, with its whole process group under a time-out and its output capped."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from autopack.clock import Clock, SystemClock
from autopack.errors import AutopackError
from autopack.execution.sandbox.box import MAX_OUTPUT_BYTES, Job, JobResult, Launch

_CHUNK = 65_536
_CUT = b"\n[autopack: output cut here]\n"


def run_launch(ready: Callable[[Job], AbstractContextManager[Launch]], job: Job) -> JobResult:
    """Run JOB, made ready by READY, to its end or its time-out; what stands in the way is a result, not an error."""
    try:
        with ready(job) as launch:
            return run_to_end(
                launch.argv,
                environment=launch.environment,
                folder=launch.folder,
                timeout_seconds=job.timeout_seconds,
                pass_fds=launch.pass_fds,
                ask_first_seconds=launch.ask_first_seconds,
                on_output=job.on_output,
            )
    except AutopackError as fault:
        return JobResult("not_started", None, b"", fault.message)
    except OSError as fault:
        return JobResult("not_started", None, b"", f"the sandbox cannot be made: {fault}")


def run_to_end(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    timeout_seconds: float,
    pass_fds: Sequence[int] = (),
    clock: Clock | None = None,
    stop: Callable[[], bool] = lambda: False,
    ask_first_seconds: float = 0.0,
    on_output: Callable[[bytes], None] | None = None,
) -> JobResult:
    """Run ARGV with exactly ENVIRONMENT; at the time-out, or once STOP says so, the process group is killed.

    With ASK_FIRST_SECONDS the process gets SIGTERM first, and that long to end what belongs to it.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )
    except OSError as fault:
        return JobResult("not_started", None, b"", f"{argv[0]}: {fault.strerror or fault}")
    try:
        ended, output = _drain(process, timeout_seconds, clock or SystemClock(), stop, on_output)
    except BaseException:
        _kill_group(process, ask_first_seconds)
        raise
    if not ended:
        _kill_group(process, ask_first_seconds)
        return JobResult("timed_out", None, output, f"did not end within {timeout_seconds:.0f} seconds")
    return JobResult("ended", process.returncode, output)


def _drain(
    process: subprocess.Popen[bytes],
    timeout_seconds: float,
    clock: Clock,
    stop: Callable[[], bool],
    on_output: Callable[[bytes], None] | None,
) -> tuple[bool, bytes]:
    """Read until the command ends or time is up; return whether it ended, and the capped output."""
    deadline = clock.monotonic() + timeout_seconds
    kept = bytearray()
    stream = process.stdout
    if stream is None:
        raise AssertionError("the command was started without a pipe")
    with stream, selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while (left := deadline - clock.monotonic()) > 0 and not stop():
            if not selector.select(timeout=min(left, 0.5)):
                if process.poll() is not None:
                    return True, bytes(kept)
                continue
            chunk = os.read(stream.fileno(), _CHUNK)
            if not chunk:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=max(deadline - clock.monotonic(), 0.1))
                return process.poll() is not None, bytes(kept)
            _keep(kept, chunk)
            if on_output is not None:
                on_output(chunk)
    return False, bytes(kept)


def _keep(kept: bytearray, chunk: bytes) -> None:
    room = MAX_OUTPUT_BYTES - len(kept)
    if room <= 0:
        return
    kept += chunk[:room]
    if len(chunk) >= room:
        kept += _CUT


def _kill_group(process: subprocess.Popen[bytes], ask_first_seconds: float) -> None:
    if ask_first_seconds:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=ask_first_seconds)
            return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
