"""A run that is killed at any moment is resumed, and nothing is lost, doubled or left in the owner's way."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autopack.execution.sandbox.detect import sandbox_tier
from repositories import MakeRepository, git
from sample_projects import make_sample

KILLS = (0.1, 0.4, 0.7, 0.9, 1.1, 1.3, 1.5, 1.8, 2.2, 2.6)
"""Seconds after the start; together they reach every stage from start-up to the last commit."""


@pytest.mark.skipif(sandbox_tier() == "none", reason="without a sandbox nothing is auto-approved, so nothing runs")
def test_kill_nine_at_many_moments_loses_and_doubles_nothing(make_repository: MakeRepository) -> None:
    """Killed again and again, the run ends with each action committed once, each commit proven, the checkout
    untouched."""
    repo = make_sample(make_repository, batch_policy="independent", links=4)
    before = git(repo, "status", "--porcelain=v2", "--branch")
    for delay in KILLS:
        _kill_after(repo, delay)
    code, session = _run_to_the_end(repo)
    assert code == 3, session
    assert [step["outcome"] for step in session["executed"]] == ["committed"] * 4
    subjects = git(repo, "log", "--format=%(trailers:key=Autopack-Action,valueonly,separator=)", "main..autopack/r1")
    actions = [line for line in subjects.splitlines() if line]
    assert sorted(actions) == sorted({step["action_id"] for step in session["executed"]})
    verified = _autopack(repo, "verify", "r1", "--format", "json")
    assert json.loads(verified.stdout)["outcome"] == "verified"
    assert git(repo, "status", "--porcelain=v2", "--branch") == before
    assert git(repo, "fsck", "--no-dangling", "--connectivity-only") == ""


def _command(repo: Path) -> list[str]:
    """Return what a person would type next: start the run, or go on with it."""
    base = [sys.executable, "-m", "autopack"]
    status = json.loads(_autopack(repo, "status", "--format", "json").stdout)
    if any(run["run_id"] == "r1" for run in status["runs"]):
        return [*base, "autopilot", "resume", "r1", "-C", str(repo), "--format", "json"]
    return [*base, "autopilot", "--enable", "--run-id", "r1", "-C", str(repo), "--format", "json"]


def _kill_after(repo: Path, delay: float) -> None:
    process = subprocess.Popen(_command(repo), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(delay)
    process.kill()
    process.wait()


def _run_to_the_end(repo: Path) -> tuple[int, dict[str, list[dict[str, str]]]]:
    done = subprocess.run(_command(repo), capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def _autopack(repo: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "autopack", *arguments, "-C", str(repo)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
