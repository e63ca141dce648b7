"""Runs and their supervisor that are killed, hang, or are told to end: the others go on, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autopack.autonomy.fence import Fence
from autopack.autonomy.supervisor import RunResult, supervise
from autopack.config import load_settings
from autopack.errors import StaleError
from autopack.execution.sandbox.detect import sandbox_tier
from autopack.operations.runs import committed_intention
from autopack.store.database import open_database
from autopack.store.runs import take_over
from autopack.worktrees.lease import acquire_run_lock, break_holding, run_is_worked_on
from autopack.worktrees.lock import HUNG_SECONDS, this_process
from repositories import MakeRepository, git
from sample_projects import make_sample

pytestmark = pytest.mark.skipif(sandbox_tier() == "none", reason="without a sandbox no run would do anything")

_PATIENCE = 90.0
_HANGS = "[sh, -c, 'case \"$(git rev-parse --abbrev-ref HEAD)\" in autopack/slow) sleep 600;; esac']"
"""A check that only the run `slow` hangs in."""


def _start(repo: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "autopack", "autopilot", *arguments, "-C", str(repo), "--format", "json"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def _is_checking(repo: Path, run_id: str) -> Callable[[], bool]:
    folder = repo / f".autonomous_runs/sample/runs/{run_id}/{run_id}/supervised"
    return lambda: any(folder.glob("*/*/starts"))


def _ended(repo: Path, run_id: str) -> bool:
    return (repo / f".autonomous_runs/sample/runs/{run_id}/{run_id}/autonomy/autopilot_session_v1.json").exists()


def _resume(repo: Path, run_id: str) -> dict[str, list[dict[str, str]]]:
    command = [sys.executable, "-m", "autopack", "autopilot", "resume", run_id, "-C", str(repo), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 3, done.stderr
    answer: dict[str, list[dict[str, str]]] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_told_to_end_can_be_resumed(make_repository: MakeRepository, sent: int, code: int) -> None:
    """The exit code says which signal it was, the locks are free, and the next command ends the run."""
    repo = make_sample(make_repository, batch_policy="independent", check="[sh, -c, 'sleep 2']")
    process = _start(repo, "--enable", "--run-id", "r1")
    _until(_is_checking(repo, "r1"))
    process.send_signal(sent)
    assert process.wait(_PATIENCE) == code
    assert not run_is_worked_on(repo / ".git", "r1")
    assert [step["outcome"] for step in _resume(repo, "r1")["executed"]] == ["committed"]
    starts = list((repo / ".autonomous_runs/sample/runs/r1/r1/supervised").glob("*/*/starts"))
    assert sum(len(path.read_text(encoding="utf-8").split()) for path in starts) == (1 if code == 143 else 2)


def test_a_run_that_hangs_is_ended_at_its_time_cap_and_the_other_is_whole(make_repository: MakeRepository) -> None:
    """The supervisor ends what does not end by itself, and reports it; the other run commits."""
    repo = make_sample(make_repository, batch_policy="independent", check=_HANGS, timeout=600)
    anchor, _ = committed_intention(load_settings(repo, {}))
    results = _supervise(anchor, repo, seconds=12.0)
    assert [(one.run_id, one.outcome, one.exit_code) for one in results] == [
        ("slow", "timed_out", None),
        ("fast", "ended", 3),
    ]
    assert git(repo, "rev-list", "--count", "main..autopack/fast").strip() == "1"
    assert git(repo, "rev-list", "--count", "main..autopack/slow").strip() == "0"
    _until(lambda: not run_is_worked_on(repo / ".git", "slow"))


def _supervise(anchor: object, repo: Path, *, seconds: float) -> tuple[RunResult, ...]:
    return supervise(
        anchor,  # type: ignore[arg-type]
        ["slow", "fast"],
        workers=2,
        workspace=repo,
        environment=dict(os.environ),
        seconds=seconds,
    )


def test_a_killed_run_leaves_its_siblings_alone(make_repository: MakeRepository) -> None:
    """One of two supervised runs is killed: the other ends as if alone, and the killed one is resumed."""
    repo = make_sample(
        make_repository, batch_policy="independent", check=_HANGS.replace("sleep 600", "sleep 3"), timeout=60
    )
    supervisor = _start(repo, "supervise", "--enable", "--run-ids", "slow,fast")
    _until(_is_checking(repo, "slow"))
    os.kill(_process_of(repo, "slow"), signal.SIGKILL)
    assert supervisor.wait(_PATIENCE) != 0
    assert git(repo, "rev-list", "--count", "main..autopack/fast").strip() == "1"
    assert [step["outcome"] for step in _resume(repo, "slow")["executed"]] == ["committed"]


def test_a_killed_supervisor_takes_no_run_with_it(make_repository: MakeRepository) -> None:
    """Its runs end by themselves, with everything that they would have had."""
    repo = make_sample(make_repository, batch_policy="independent", check="[sleep, '1']")
    supervisor = _start(repo, "supervise", "--enable", "--run-ids", "a,b")
    _until(lambda: _is_checking(repo, "a")() and _is_checking(repo, "b")())
    supervisor.kill()
    supervisor.wait()
    for run_id in ("a", "b"):
        _until(lambda run_id=run_id: _ended(repo, run_id))  # type: ignore[misc]
        assert git(repo, "rev-list", "--count", f"main..autopack/{run_id}").strip() == "1"


def test_a_run_whose_lock_was_broken_writes_nothing_more(make_repository: MakeRepository) -> None:
    """A hung process that wakes up after its lock was broken refuses to write, and so does one that was taken over."""
    repo = make_sample(make_repository, batch_policy="independent")
    _start(repo, "--enable", "--run-id", "r1").wait(_PATIENCE)
    now = datetime.now(UTC)
    with (
        open_database(repo / ".autonomous_runs/autopack.db") as database,
        acquire_run_lock(repo / ".git", "r1", this_process("r1", now)) as lock,
    ):
        zombie = Fence(database, "r1", take_over(database, "r1", now).fence, lock)
        zombie.check()
        long_ago = now.timestamp() - HUNG_SECONDS - 5
        os.utime(lock.path, (long_ago, long_ago))
        assert break_holding(repo / ".git", "r1", now) is not None
        with pytest.raises(StaleError, match="broken"):
            zombie.check()
        with acquire_run_lock(repo / ".git", "r1", this_process("r1", now)) as other:
            resumed = Fence(database, "r1", take_over(database, "r1", now).fence, other)
            resumed.check()
            with pytest.raises(StaleError):
                zombie.check()
            with pytest.raises(StaleError, match="taken run r1 over"):
                Fence(database, "r1", zombie.token, other).check()


def test_no_module_of_the_repository_is_imported_by_a_supervised_run(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    """A repository with a `typer.py` of its own does not get it run by the supervisor's processes."""
    mark = tmp_path / "imported"
    hostile = f"open({str(mark)!r}, 'w')\n"
    files = {"typer.py": hostile, "autopack/__init__.py": hostile, "autopack/__main__.py": hostile}
    repo = make_sample(make_repository, batch_policy="independent", files=files)
    anchor, _ = committed_intention(load_settings(repo, {}))
    results = supervise(anchor, ["a"], workers=1, workspace=repo, environment=dict(os.environ))
    assert [one.exit_code for one in results] == [3]
    assert not mark.exists()


def _process_of(repo: Path, run_id: str) -> int:
    """Return the process that works on a run, as its lock says."""
    record = json.loads((repo / f".git/autopack/locks/{run_id}.lock").read_bytes())
    return int(record["pid"])
