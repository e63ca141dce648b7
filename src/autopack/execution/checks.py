"""The anchor's required checks: run in a sandbox, on a throw-away copy of the tree, so that nothing they write can be
committed; and under a supervisor, so that a check is run once although its worker was killed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autopack.artifacts.canonical import digest
from autopack.artifacts.store import write_bytes
from autopack.execution.egress import Connection
from autopack.execution.guard import run_supervised
from autopack.execution.receipts import Receipt
from autopack.execution.sandbox.box import HIDDEN, Job, Sandbox
from autopack.execution.sandbox.survey import hiding
from autopack.file_layout import RunFileLayout
from autopack.intention_anchor.v2 import RequiredCheck
from autopack.policy.facts import SandboxTier

_PYTEST_SUMMARY = re.compile(r"^=*\s*((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s", re.MULTILINE)
_PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|error)")
_UNITTEST_RAN = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
_UNITTEST_BAD = re.compile(r"(?:failures|errors|unexpected successes)=(\d+)")


@dataclass(frozen=True)
class CheckRun:
    """How one check ended. `output_sha256` is the digest of the redacted output that lies in the run's `ci` folder."""

    name: str
    argv: tuple[str, ...]
    outcome: Literal["passed", "failed", "timed_out", "not_run"]
    exit_code: int | None
    output_sha256: str | None
    sandbox: SandboxTier
    tests_passed: int | None = None
    tests_failed: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class CheckPlace:
    """Where and on what the checks of one phase run. `tree` is the git tree that `worktree` holds: with the same tree
    and the same command a check is the same check."""

    worktree: Path
    tree: str
    readable: tuple[Path, ...]
    sandbox: Sandbox
    layout: RunFileLayout
    phase_id: str
    network: tuple[str, ...] = ()
    """Hosts that the checks reach, where the sandbox has network at all."""
    on_connection: Callable[[Connection], None] | None = None
    """Called, in the supervisor's process, with every decision about a connection."""
    beat: Callable[[], None] = lambda: None
    """Called while a check is awaited."""


def run_checks(checks: Sequence[RequiredCheck], place: CheckPlace) -> tuple[CheckRun, ...]:
    """Run CHECKS one after another, each on its own copy of the worktree, and keep their redacted output.

    A check that an earlier, killed attempt at this phase ran on the same tree is not run again. All of them run, also
    after a failure: a person who reads the proof wants to know everything that broke.
    """
    return tuple(_run_check(check, place) for check in checks)


def _run_check(check: RequiredCheck, place: CheckPlace) -> CheckRun:
    def prepare(scratch: Path) -> Job:
        return _job(check, place, _copy(place.worktree, scratch / "tree"))

    folder = place.layout.supervised(place.phase_id, f"{check.name}-{_identity(check, place)[:16]}")
    done = run_supervised(folder, place.sandbox, prepare, beat=place.beat)
    write_bytes(place.layout.check_output(place.phase_id, check.name), done.output)
    passed, failed = count_tests(done.output.decode())
    return CheckRun(
        name=check.name,
        argv=check.argv,
        outcome=_outcome(done.receipt),
        exit_code=done.receipt.exit_code,
        output_sha256=done.receipt.output_sha256,
        sandbox=place.sandbox.tier,
        tests_passed=passed,
        tests_failed=failed,
        detail=done.receipt.detail,
    )


def _identity(check: RequiredCheck, place: CheckPlace) -> str:
    """Return the digest of everything that the result of CHECK is allowed to depend on."""
    return digest([place.tree, list(check.argv), check.timeout_seconds, place.sandbox.tier, list(place.network)])


def _job(check: RequiredCheck, place: CheckPlace, copy: Path) -> Job:
    return Job(
        check.argv,
        copy,
        disposable=True,
        readable=place.readable,
        network=place.network,
        timeout_seconds=check.timeout_seconds,
        on_connection=place.on_connection,
    )


def _outcome(receipt: Receipt) -> Literal["passed", "failed", "timed_out", "not_run"]:
    if receipt.outcome == "not_started":
        return "not_run"
    if receipt.outcome == "timed_out":
        return "timed_out"
    return "passed" if receipt.exit_code == 0 else "failed"


def count_tests(output: str) -> tuple[int | None, int | None]:
    """Return (passed, failed) as the closing lines of pytest or unittest state them, None for both where neither
    spoke."""
    summaries = _PYTEST_SUMMARY.findall(output)
    if summaries:
        counts = {"passed": 0, "failed": 0, "error": 0}
        for number, word in _PYTEST_COUNT.findall(summaries[-1]):
            counts[word] += int(number)
        return counts["passed"], counts["failed"] + counts["error"]
    ran = _UNITTEST_RAN.findall(output)
    if ran:
        tail = output[output.rindex("Ran ") :]
        bad = sum(int(number) for number in _UNITTEST_BAD.findall(tail))
        return int(ran[-1]) - bad, bad
    return None, None


def _copy(worktree: Path, copy: Path) -> Path:
    """Copy WORKTREE to COPY without what jobs must not see, symbolic links kept as links, and return COPY."""
    hides = hiding(HIDDEN)

    def without(folder: str, names: list[str]) -> set[str]:
        below = Path(folder).relative_to(worktree)
        return {name for name in names if hides(name, (below / name).as_posix())}

    shutil.copytree(worktree, copy, symlinks=True, ignore=without)
    return copy
