"""Run one command to its end, with its whole process group under a time-out and its output capped."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from autopack.clock import Clock, SystemClock
from autopack.execution.sandbox.box import MAX_OUTPUT_BYTES, JobResult

_CHUNK = 65_536
_CUT = b"\n[autopack: output cut here]\n"


def run_to_end(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    timeout_seconds: float,
    pass_fds: Sequence[int] = (),
    clock: Clock | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> JobResult:
    """Run ARGV with exactly ENVIRONMENT; at the time-out, or once STOP says so, the process group is killed."""
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
    ended, output = _drain(process, timeout_seconds, clock or SystemClock(), stop)
    if not ended:
        _kill_group(process)
        return JobResult("timed_out", None, output, f"did not end within {timeout_seconds:.0f} seconds")
    return JobResult("ended", process.returncode, output)


def _drain(
    process: subprocess.Popen[bytes], timeout_seconds: float, clock: Clock, stop: Callable[[], bool]
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
    return False, bytes(kept)


def _keep(kept: bytearray, chunk: bytes) -> None:
    room = MAX_OUTPUT_BYTES - len(kept)
    if room <= 0:
        return
    kept += chunk[:room]
    if len(chunk) >= room:
        kept += _CUT


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
