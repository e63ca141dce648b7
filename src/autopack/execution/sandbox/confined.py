"""Tier `confined`: Landlock and a filter of system calls, for machines that refuse namespaces (most containers).

Kept: nothing is written outside the granted roots, nothing outside the job's folders is read, no socket is made, and
no process outlives the job. Not kept, because Landlock has no right for it: modes, owners and times of files anywhere
can be changed as far as the user may change them; what stands in a writable root cannot be protected, nor hidden; the
list of the host's processes can be read. See docs/adr/0010.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autopack.errors import UnsafeRepository
from autopack.execution.sandbox import seccomp
from autopack.execution.sandbox.box import Job, JobResult, Launch
from autopack.execution.sandbox.bubblewrap import SYSTEM_FILES, write_roots
from autopack.execution.sandbox.environment import inner_python, job_environment, tool_folders
from autopack.execution.sandbox.git_settings import git_settings, holds_credentials
from autopack.execution.sandbox.process import run_launch
from autopack.execution.sandbox.survey import Survey, preflight, require_safe
from autopack.policy.facts import SandboxTier

_LAUNCHER = Path(__file__).with_name("launcher.py")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/proc")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class Confined:
    """Runs jobs under Landlock. Made by `detect.find_sandbox` after the tier has been proven."""

    @property
    def tier(self) -> SandboxTier:
        return "confined"

    def run(self, job: Job) -> JobResult:
        return run_launch(self.ready, job)

    @contextmanager
    def ready(self, job: Job) -> Iterator[Launch]:
        roots = write_roots(job)
        survey = preflight(job.folder, roots, hidden=job.hidden, protected=job.protected)
        _require_expressible(job, survey, roots)
        with tempfile.TemporaryDirectory(prefix="autopack-home-") as home:
            order = [f"{name}={path}" for name, paths in _grants(job, survey, roots, home).items() for path in paths]
            order += [f"{name}={value}" for name, value in _limits(job).items()]
            order.append(f"filter={seccomp.program((), shared_host=True).hex()}")
            environment = {**job_environment(home, temporary=home), **dict(job.variables)}
            argv = (inner_python(), "-I", "-S", str(_LAUNCHER), *order, "--", *job.argv)
            yield Launch(argv, environment, job.start or job.folder, ask_first_seconds=_GRACE_SECONDS)


def _require_expressible(job: Job, survey: Survey, roots: Sequence[Path]) -> None:
    """Raise UnsafeRepository where Landlock cannot keep what JOB asks for: its rights only add up."""
    dangers = [danger for danger in survey.dangers if not job.disposable or danger.path in (job.folder, *roots)]
    require_safe(dangers)
    fixed = [*survey.hidden, *(() if job.disposable else survey.protected)]
    for path in fixed:
        if any(path.is_relative_to(root) for root in roots):
            raise UnsafeRepository(
                f"{path}: the sandbox of this machine (tier confined) can neither hide nor protect it inside a folder"
                " that the job may write.",
                hint="Grant narrower folders, or see what `autopack doctor` suggests for the tier isolated.",
            )
    if job.doors:
        raise UnsafeRepository("The sandbox of this machine (tier confined) has no sockets.", hint="autopack doctor")


def _grants(job: Job, survey: Survey, roots: Sequence[Path], home: str) -> dict[str, list[str]]:
    hidden = {*survey.hidden, *_credentials(job)}
    read, listed = [*_SYSTEM, *(f"/etc/{name}" for name in (*SYSTEM_FILES, "passwd", "group"))], []
    for folder in (*tool_folders(), *(path.resolve() for path in job.readable), job.folder):
        shown, split = _without(folder, hidden)
        read += shown
        listed += split
    return {
        "read": read,
        "list": listed,
        "write": [*map(str, roots), home],
        "devices": [f"/dev/{name}" for name in _DEVICES],
    }


def _credentials(job: Job) -> set[Path]:
    """Return the settings of git that hold credentials: they cannot be shown in part here, so git has to fail."""
    found = (settings for folder in job.readable for settings in git_settings(folder.resolve()))
    return {path for path, _ in found if holds_credentials(path.read_bytes())}


def _without(folder: Path, hidden: set[Path]) -> tuple[list[str], list[str]]:
    """Return what to grant for reading so that all of FOLDER but HIDDEN can be read, and the folders on the way."""
    if folder in hidden:
        return [], []
    if not any(path.is_relative_to(folder) for path in hidden):
        return [str(folder)], []
    shown, split = [], [str(folder)]
    for child in sorted(folder.iterdir()):
        if child.is_symlink():
            continue
        inner_shown, inner_split = _without(child, hidden)
        shown += inner_shown
        split += inner_split
    return shown, split


def _limits(job: Job) -> dict[str, int]:
    """Return limits by their names in the module `resource`. Processes count for the whole user, so what runs already
    is added."""
    return {
        "AS": job.memory_bytes,
        "FSIZE": job.file_bytes,
        "NOFILE": 4096,
        "CORE": 0,
        "NPROC": job.processes + _tasks_of_this_user(),
    }


def _tasks_of_this_user() -> int:
    found, user = 0, os.getuid()
    with os.scandir("/proc") as entries:
        for entry in entries:
            if not entry.name.isdigit():
                continue
            try:
                if entry.stat().st_uid == user:
                    found += os.stat(f"{entry.path}/task").st_nlink - 2  # noqa: PTH116  (pathlib doubles the time)
            except OSError:
                continue
    return found
