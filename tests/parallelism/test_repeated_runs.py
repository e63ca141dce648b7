"""`autopack autopilot --every`: errors are survived, nothing is asked twice, and it ends when told to."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autopack.execution.sandbox.detect import sandbox_tier
from repositories import MakeRepository, commit_all, git
from sample_projects import make_sample

pytestmark = pytest.mark.skipif(sandbox_tier() == "none", reason="without a sandbox no run would do anything")
_PATIENCE = 60.0


@contextmanager
def _autopilot(repo: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "autopack", "autopilot", *options, "-C", str(repo), "--format", "json"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _hears(process: subprocess.Popen[str], words: str) -> None:
    """Read what the process says until it has said WORDS."""
    assert process.stderr is not None
    deadline, heard = time.monotonic() + _PATIENCE, ""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stderr, selectors.EVENT_READ)
        while words not in heard:
            assert selector.select(deadline - time.monotonic()), f"it only said: {heard}"
            said = os.read(process.stderr.fileno(), 65_536).decode()
            assert said, f"it ended after saying: {heard}"
            heard += said


def _runs(repo: Path) -> list[str]:
    return sorted(path.name for path in (repo / ".autonomous_runs/sample/runs").glob("*/*"))


def test_a_pass_that_fails_is_not_the_last_one(make_repository: MakeRepository) -> None:
    """Without a committed intention a pass fails; once it is committed, the same process makes a run, and only one
    while that waits for a person; SIGTERM ends it with 143."""
    repo = make_sample(make_repository, batch_policy="independent")
    git(repo, "rm", "--quiet", "--cached", ".autopack/intention.yaml")
    git(repo, "commit", "--quiet", "--message", "not committed")
    with _autopilot(repo, "--enable", "--every", "1s") as process:
        _hears(process, "is not committed")
        commit_all(repo, "committed")
        _hears(process, "still waits")
        _hears(process, "still waits")
        process.send_signal(signal.SIGTERM)
        assert process.wait(_PATIENCE) == 143
    assert len(_runs(repo)) == 1


def test_a_new_commit_makes_a_new_run(make_repository: MakeRepository) -> None:
    """What waits on an older commit does not stand in the way of what moved."""
    repo = make_sample(make_repository, batch_policy="independent")
    with _autopilot(repo, "--enable", "--every", "1s", "--run-id", "nightly") as process:
        _hears(process, "still waits")
        (repo / "later.md").write_text("# Later\n", encoding="utf-8")
        commit_all(repo, "later")
        _hears(process, "still waits")
        process.send_signal(signal.SIGINT)
        assert process.wait(_PATIENCE) == 130
    assert len(_runs(repo)) == 2
    assert all(name.startswith("nightly-") for name in _runs(repo))


def test_a_look_without_enable_is_recorded_once(make_repository: MakeRepository) -> None:
    """As long as nothing moves, further passes record nothing new."""
    repo = make_sample(make_repository)
    with _autopilot(repo, "--every", "1s") as process:
        _hears(process, "Nothing moved since run")
        _hears(process, "Nothing moved since run")
    assert len(_runs(repo)) == 1
