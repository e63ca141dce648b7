"""One job under a supervisor: a process that outlives the worker, holds the job's lock and leaves a receipt.

A worker can be killed between the moment when a command has had its effect and the moment when somebody writes that
down. So the command is not the worker's child but the supervisor's, which writes the receipt itself; a worker that
starts again finds the receipt, or waits for the supervisor that still works. Only a supervisor that is killed itself
(or a power cut) makes the job run again, from a fresh scratch folder.

The supervisor is forked and not started anew: it already has the sandbox, the secrets to mask and the callbacks, and
costs milliseconds. It touches nothing else of its parent's: all other descriptors are closed, and it never returns.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from autopack.artifacts.canonical import bytes_digest
from autopack.artifacts.redaction import redact
from autopack.clock import Clock, SystemClock
from autopack.errors import EnvironmentFault
from autopack.execution.receipts import Delivered, Receipt, find_receipt, leave_receipt
from autopack.execution.sandbox.box import Job, Sandbox
from autopack.execution.scratch import clear_scratch, make_scratch, recorded_scratch, remove_scratch

ORPHAN_SECONDS = 300.0
"""How long a job goes on after its worker vanished, unless another worker adopts it."""
_POLL_SECONDS = 0.02
_WATCH_SECONDS = 0.25
_MARK = "AUTOPACK_JOB"
"""A variable of every supervised job: what is left of it after its supervisor was killed is found by this."""

Prepare = Callable[[Path], Job]
"""Fills a fresh scratch folder and returns the job to run; the folder is removed when the job has ended."""


@dataclass(frozen=True)
class Supervised:
    """How the job ended. `output` is redacted; `adopted`: an earlier worker had started it."""

    receipt: Receipt
    output: bytes
    adopted: bool


class _Stopped(BaseException):
    """The supervisor was told to end its job."""


def run_supervised(
    folder: Path,
    sandbox: Sandbox,
    prepare: Prepare,
    *,
    orphan_seconds: float = ORPHAN_SECONDS,
    beat: Callable[[], None] = lambda: None,
) -> Supervised:
    """Return how the job of FOLDER ended; start it only if no earlier worker's supervisor has run it or runs it now.

    FOLDER (absolute) stands for exactly one job and keeps its receipt. BEAT is called while waiting. Ctrl-C ends the
    job; a worker that is killed or terminated leaves it to its supervisor for ORPHAN_SECONDS.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _presence(folder):
        while (lock := _try_lock(_guard_lock(folder), fcntl.LOCK_EX)) is None:
            beat()
            time.sleep(_POLL_SECONDS)
        try:
            left = find_receipt(folder)
            if left is not None and left.receipt.outcome != "not_started":
                return Supervised(left.receipt, left.output, adopted=True)
            clear_remains(folder)
            child = _start(folder, lock, sandbox, prepare, orphan_seconds)
        finally:
            os.close(lock)
        _wait_for(child, beat)
        done = find_receipt(folder) or _nothing_left()
        return Supervised(done.receipt, done.output, adopted=False)


def clear_remains(folder: Path) -> None:
    """End what a killed supervisor left running and remove its scratch folder. The caller holds the job's lock."""
    scratch = recorded_scratch(_scratch_record(folder))
    if scratch is not None:
        _kill_marked(scratch.name)
    clear_scratch(_scratch_record(folder))


def _start(folder: Path, lock: int, sandbox: Sandbox, prepare: Prepare, orphan_seconds: float) -> int:
    """Prepare the job, fork its supervisor, which inherits LOCK, and return the supervisor's process id."""
    try:
        scratch = make_scratch(_scratch_record(folder))
        job = prepare(scratch)
        marked = replace(job, variables=(*job.variables, (_MARK, scratch.name)))
        child = os.fork()
    except BaseException:
        clear_remains(folder)
        raise
    if child == 0:
        _supervise(folder, scratch, lock, sandbox, marked, orphan_seconds)
    return child


def _supervise(folder: Path, scratch: Path, lock: int, sandbox: Sandbox, job: Job, orphan_seconds: float) -> NoReturn:
    """Be the supervisor: run JOB, leave the receipt, end. Nothing of the worker's is unwound or flushed here."""
    try:
        os.setsid()
        _keep_only(lock)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _stop)
        _note_start(folder)
        threading.Thread(target=_bound_orphan, args=(folder, orphan_seconds), daemon=True).start()
        _run_to_receipt(folder, sandbox, job, SystemClock())
        code = 0
    except BaseException:  # noqa: BLE001  (a forked copy has no front door; without a receipt the worker knows enough)
        code = 1
    finally:
        with contextlib.suppress(BaseException):
            _kill_marked(scratch.name)
            remove_scratch(scratch)  # not as the folder names it: that may have been removed
            _scratch_record(folder).unlink(missing_ok=True)
        os._exit(code)


def _run_to_receipt(folder: Path, sandbox: Sandbox, job: Job, clock: Clock) -> None:
    began = clock.monotonic()
    result = sandbox.run(job)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it has ended; now it is only written down
    output = redact(result.output.decode("utf-8", "replace")).encode()
    receipt = Receipt(
        outcome=result.outcome,
        exit_code=result.exit_code,
        detail=result.detail,
        output_sha256=bytes_digest(output),
        seconds=round(clock.monotonic() - began),
    )
    leave_receipt(folder, receipt, output)


def _stop(number: int, frame: object) -> None:
    raise _Stopped


def _keep_only(descriptor: int) -> None:
    """Point the standard streams nowhere and close everything else that was inherited: pipes, locks, databases."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, os.sysconf("SC_OPEN_MAX"))


def _note_start(folder: Path) -> None:
    """Add this process to the list of starts, which says how often the job was really run."""
    descriptor = os.open(folder / "starts", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    os.fsync(descriptor)
    os.close(descriptor)


def _bound_orphan(folder: Path, orphan_seconds: float) -> None:
    """Tell this process to stop once no worker has been waiting for its receipt for ORPHAN_SECONDS, or at once where
    FOLDER was removed, so that no receipt can be left."""
    alone = 0.0
    while alone <= orphan_seconds and os.path.isdir(folder):  # noqa: PTH112  (a folder that cannot be asked is none)
        time.sleep(_WATCH_SECONDS)
        alone = 0.0 if _is_awaited(folder) else alone + _WATCH_SECONDS
    os.kill(os.getpid(), signal.SIGTERM)


def _is_awaited(folder: Path) -> bool:
    """Tell whether a worker shows its presence; where that cannot be asked, nobody does."""
    try:
        lock = _try_lock(folder / "worker.lock", fcntl.LOCK_EX)
    except EnvironmentFault:
        return False
    if lock is not None:
        os.close(lock)
    return lock is None


@contextmanager
def _presence(folder: Path) -> Iterator[None]:
    """Show the supervisor that somebody waits for it; the kernel withdraws it however this process ends."""
    while (lock := _try_lock(folder / "worker.lock", fcntl.LOCK_SH)) is None:
        time.sleep(_POLL_SECONDS)  # the supervisor is looking whether anybody is there
    try:
        yield
    finally:
        os.close(lock)


def _wait_for(child: int, beat: Callable[[], None]) -> None:
    """Wait until the supervisor CHILD has ended; on Ctrl-C it is told to end its job first."""
    pause = 0.001
    try:
        while os.waitpid(child, os.WNOHANG)[0] == 0:
            beat()
            time.sleep(pause)
            pause = min(pause * 1.5, _POLL_SECONDS)
    except KeyboardInterrupt:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
        raise


def _nothing_left() -> Delivered:
    detail = "its supervisor ended without a receipt"
    return Delivered(
        Receipt(outcome="not_started", exit_code=None, detail=detail, output_sha256=bytes_digest(b""), seconds=0), b""
    )


def _guard_lock(folder: Path) -> Path:
    return folder / "guard.lock"


def _scratch_record(folder: Path) -> Path:
    return folder / "scratch"


def _try_lock(path: Path, how: int) -> int | None:
    """Return a descriptor that holds PATH's lock, or None when another process has it. Closing lets go."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as fault:
        raise EnvironmentFault(f"Cannot open the lock {path}: {fault.strerror}.") from fault
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _kill_marked(name: str) -> None:
    """Kill every process of this user whose environment carries the mark NAME (Linux only, see proc(5))."""
    mark = f"{_MARK}={name}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)
