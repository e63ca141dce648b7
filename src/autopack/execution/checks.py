"""The anchor's required checks: run in a sandbox, on a throw-away copy of the tree, so that nothing they write can be
committed."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autopack.artifacts.canonical import bytes_digest
from autopack.artifacts.redaction import redact
from autopack.artifacts.store import write_bytes
from autopack.execution.egress import Connection
from autopack.execution.sandbox.box import HIDDEN, Job, JobResult, Sandbox
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


def run_checks(
    checks: Sequence[RequiredCheck],
    *,
    worktree: Path,
    readable: tuple[Path, ...],
    sandbox: Sandbox,
    layout: RunFileLayout,
    phase_id: str,
    network: tuple[str, ...] = (),
    on_connection: Callable[[Connection], None] | None = None,
) -> tuple[CheckRun, ...]:
    """Run CHECKS one after another, each on its own copy of WORKTREE, and keep their redacted output.

    They reach the hosts of NETWORK and no other, where the sandbox has network at all; every decision about a
    connection is handed to ON_CONNECTION.
    All of them run, also after a failure: a person who reads the proof wants to know everything that broke.
    """

    def job(check: RequiredCheck, copy: Path) -> Job:
        return Job(
            check.argv,
            copy,
            disposable=True,
            readable=readable,
            network=network,
            timeout_seconds=check.timeout_seconds,
            on_connection=on_connection,
        )

    return tuple(_run_check(check, job, worktree, sandbox, layout, phase_id) for check in checks)


def _run_check(
    check: RequiredCheck,
    job: Callable[[RequiredCheck, Path], Job],
    worktree: Path,
    sandbox: Sandbox,
    layout: RunFileLayout,
    phase_id: str,
) -> CheckRun:
    with _copy_of(worktree) as copy:
        result = sandbox.run(job(check, copy))
    output = redact(result.output.decode("utf-8", "replace")).encode()
    write_bytes(layout.check_output(phase_id, check.name), output)
    passed, failed = count_tests(output.decode())
    return CheckRun(
        name=check.name,
        argv=check.argv,
        outcome=_outcome(result),
        exit_code=result.exit_code,
        output_sha256=bytes_digest(output),
        sandbox=sandbox.tier,
        tests_passed=passed,
        tests_failed=failed,
        detail=result.detail,
    )


def _outcome(result: JobResult) -> Literal["passed", "failed", "timed_out", "not_run"]:
    if result.outcome == "not_started":
        return "not_run"
    if result.outcome == "timed_out":
        return "timed_out"
    return "passed" if result.exit_code == 0 else "failed"


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


@contextmanager
def _copy_of(worktree: Path) -> Iterator[Path]:
    """Yield a private copy of WORKTREE without what jobs must not see, symbolic links kept as links; it is gone
    afterwards."""
    hides = hiding(HIDDEN)

    def without(folder: str, names: list[str]) -> set[str]:
        below = Path(folder).relative_to(worktree)
        return {name for name in names if hides(name, (below / name).as_posix())}

    with tempfile.TemporaryDirectory(prefix="autopack-check-") as made:
        copy = Path(made).resolve() / "tree"
        shutil.copytree(worktree, copy, symlinks=True, ignore=without)
        yield copy
