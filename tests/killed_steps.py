"""A process that is killed just before a chosen step, where a step is a call that changes something outside of it.

Steps are seen from inside by the interpreter's own profiling hook (`sys.setprofile`), so that the product knows nothing
of it: every fsync, rename, unlink, mkdir, lock, transaction and start of a process is one.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

_CALLS = {
    "fsync",
    "rename",
    "replace",
    "unlink",
    "mkdir",
    "rmdir",
    "flock",
    "pwrite",
    "fork",
    "fork_exec",
    "write",
    "posix_spawn",
}
_MODULES = {"posix", "fcntl", "_posixsubprocess"}
_READING = {
    *(
        "blame",
        "cat-file",
        "check-ignore",
        "check-attr",
        "check-ref-format",
        "config",
        "diff-tree",
        "for-each-ref",
        "log",
    ),
    *("log", "ls-files", "ls-tree", "merge-base", "rev-list", "rev-parse", "show-ref", "status", "symbolic-ref"),
}
"""Verbs of git that change nothing: to be killed before one is to be killed before the step that follows."""
_WRAPPERS = {
    *("run", "write_bytes", "_sync_folder", "change", "_copy"),
    *("append_events", "append_event", "_locked", "_write_all"),
}
"""Functions through which others act: the one that called them names the step better."""


@dataclass(frozen=True)
class Step:
    """One call: the function of Autopack that made it, and what it was."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def steps_of(act: Callable[[], None], scratch: Path) -> list[Step]:
    """Return the steps that ACT takes, in a process of its own."""
    noted = scratch / "steps"
    assert not _ends_by_a_kill(_fork(act, lambda number, step: _append(noted, step)), "no step")
    lines = noted.read_text(encoding="utf-8").splitlines()
    noted.unlink()
    return [Step(*line.split(": ", 1)) for line in lines]


def kill_before(act: Callable[[], None], step: int | str) -> bool:
    """Do ACT in a process that is killed (-9) before a step, by its number (from 0) or by what it is called (the first
    of that name); return whether it came that far."""

    def shoot(count: int, seen: Step) -> None:
        if step in (count, str(seen)):
            os.kill(os.getpid(), signal.SIGKILL)

    return _ends_by_a_kill(_fork(act, shoot), step)


def kill_after(act: Callable[[], None], seconds: float) -> bool:
    """Do ACT in a process that is killed (-9) after SECONDS, unless it ends before; return whether it was killed."""
    child = _fork(act, None)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return _ends_by_a_kill(child, seconds)


def _ends_by_a_kill(child: int, what: object) -> bool:
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, f"killed at {what}: status {status}"
    return os.WIFSIGNALED(status)


def _fork(act: Callable[[], None], see: Callable[[int, Step], None] | None) -> int:
    child = os.fork()
    if child == 0:
        _in_child(act, see)
    return child


def _in_child(act: Callable[[], None], see: Callable[[int, Step], None] | None) -> NoReturn:
    process, count = os.getpid(), 0

    def profile(frame: FrameType, event: str, called: object) -> None:
        nonlocal count
        if event != "c_call" or os.getpid() != process:
            return
        step = _step(frame, called)
        if step is not None and see is not None:
            number, count = count, count + 1
            see(number, step)

    code = 1
    try:
        sys.setprofile(profile if see is not None else None)
        act()
        code = 0
    except BaseException as fault:  # noqa: BLE001  (a forked copy of the test must not go on as a second test)
        os.write(2, f"{type(fault).__name__}: {fault}\n".encode())
    finally:
        sys.setprofile(None)
        os._exit(code)


def _step(frame: FrameType, called: object) -> Step | None:
    name = getattr(called, "__name__", "")
    if name == "execute" and frame.f_code.co_name == "change":
        return Step(_where(frame), "transaction")
    if name not in _CALLS or getattr(called, "__module__", "") not in _MODULES:
        return None
    where, verb = _where(frame), _git_verb(frame)
    if not where or verb in _READING or where.startswith(("git.", "gaps.sources")):
        return None
    return Step(where, f"git {verb}" if verb else name)


def _where(frame: FrameType | None) -> str:
    """Return the innermost function of Autopack that is no mere wrapper, as `module.function`."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith("autopack.") and frame.f_code.co_name not in _WRAPPERS:
            return f"{module.removeprefix('autopack.')}.{frame.f_code.co_name}"
        frame = frame.f_back
    return ""


def _git_verb(frame: FrameType | None) -> str:
    while frame is not None:
        if frame.f_globals.get("__name__") == "autopack.git" and frame.f_code.co_name == "run":
            return str(frame.f_locals["arguments"][0])
        frame = frame.f_back
    return ""


def _append(noted: Path, step: Step) -> None:
    with noted.open("a", encoding="utf-8") as handle:
        handle.write(f"{step}\n")
