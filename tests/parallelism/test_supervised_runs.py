"""Several runs at once: each in its own worktree and artifacts; what befalls one never reaches another."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autopack.execution.sandbox.detect import sandbox_tier
from repositories import MakeRepository, git
from sample_projects import make_sample

pytestmark = pytest.mark.skipif(
    sandbox_tier() == "none", reason="without a sandbox nothing is auto-approved, so no run would do anything"
)


def supervise(repo: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "autopack", "autopilot", "supervise", "-C", str(repo), "--format", "json", *options],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_three_runs_at_once_each_leave_a_whole_branch(make_repository: MakeRepository) -> None:
    """Concurrent runs commit the same change on branches of their own, and the repository stays sound."""
    repo = make_sample(make_repository, batch_policy="independent")
    before = git(repo, "status", "--porcelain=v2", "--branch")
    done = supervise(repo, "--enable", "--run-ids", "a,b,c", "--workers", "3")
    runs = json.loads(done.stdout)["runs"]
    assert [(run["run_id"], run["exit_code"]) for run in runs] == [("a", 3), ("b", 3), ("c", 3)], done.stderr
    trees = {git(repo, "rev-parse", f"autopack/{run}^{{tree}}") for run in "abc"}
    assert len(trees) == 1
    for run in "abc":
        assert (repo / f".autonomous_runs/sample/runs/{run}/{run}/autonomy/autopilot_session_v1.json").is_file()
    assert git(repo, "status", "--porcelain=v2", "--branch") == before
    assert git(repo, "fsck", "--no-dangling") == ""


def test_a_run_that_hangs_or_fails_leaves_the_others_alone(make_repository: MakeRepository) -> None:
    """One run meets a check that only it fails; the other commits as if it were alone."""
    check = "[sh, -c, 'case \"$(git rev-parse --abbrev-ref HEAD)\" in autopack/bad) exit 1;; esac']"
    repo = make_sample(make_repository, batch_policy="independent", check=check)
    supervise(repo, "--enable", "--run-ids", "bad,good", "--workers", "2")
    sessions = {
        run: json.loads(
            (repo / f".autonomous_runs/sample/runs/{run}/{run}/autonomy/autopilot_session_v1.json").read_bytes()
        )
        for run in ("bad", "good")
    }
    assert [step["outcome"] for step in sessions["good"]["executed"]] == ["committed"]
    assert [step["outcome"] for step in sessions["bad"]["executed"]] == ["undone"]
    assert git(repo, "rev-parse", "autopack/bad") == git(repo, "rev-parse", "main")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"parallel": False}, "parallelism_isolation.allowed"),
        ({}, "parallelism_isolation.max_concurrent_runs"),
    ],
)
def test_parallel_runs_are_refused_by_field(
    make_repository: MakeRepository, options: dict[str, bool], field: str
) -> None:
    """Supervision that the intention does not allow ends with exit code 4, names the field, and starts nothing."""
    repo = make_sample(make_repository, **options)  # type: ignore[arg-type]
    done = supervise(repo, "--enable", "--run-ids", "a,b,c,d", "--workers", "4")
    assert done.returncode == 4
    assert field in done.stderr
    assert not (repo / ".autonomous_runs").exists()


def test_without_enable_nothing_starts(make_repository: MakeRepository) -> None:
    """Supervision is off by default like the loop itself."""
    repo = make_sample(make_repository)
    assert supervise(repo, "--run-ids", "a,b").returncode == 2
    assert not (repo / ".autonomous_runs").exists()


@pytest.mark.parametrize("name", ["../x", "con", ".hidden"])
def test_a_name_that_no_run_can_have_starts_none(make_repository: MakeRepository, name: str) -> None:
    """One bad name among good ones is exit 2 with the reason, before anything starts."""
    repo = make_sample(make_repository)
    done = supervise(repo, "--enable", "--run-ids", f"a,{name}", "--workers", "2")
    assert done.returncode == 2
    assert done.stderr.startswith(f"autopack: run id {name!r} is ")
    assert "  next: " in done.stderr
    assert not (repo / ".autonomous_runs").exists()


def test_a_run_that_ends_with_an_error_says_which(make_repository: MakeRepository) -> None:
    """A run whose branch is there already is exit 2 beside one that works, and its error is in the answer."""
    repo = make_sample(make_repository)
    assert json.loads(supervise(repo, "--enable", "--run-ids", "a", "--workers", "1").stdout)["runs"][0]["reason"] == ""
    done = supervise(repo, "--enable", "--run-ids", "a,b", "--workers", "2")
    again, new = json.loads(done.stdout)["runs"]
    assert (new["exit_code"], new["reason"]) == (3, "")
    assert again["exit_code"] == 2
    assert "a" in again["reason"].split()
