"""A run that is killed before any step, or at any moment, is gone on with, and nothing is lost, doubled or in the way.

One life of a run: started, asked about, decided by a person, gone on with, its worktree removed. After a kill the
person only types the next command.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autopack.artifacts.canonical import bytes_digest
from autopack.cli.main import main
from autopack.execution.sandbox.detect import sandbox_tier
from killed_steps import kill_after, kill_before, steps_of
from repositories import MakeRepository, git
from sample_projects import make_sample

pytestmark = pytest.mark.skipif(
    sandbox_tier() == "none", reason="without a sandbox nothing is auto-approved, so nothing runs"
)

STAGES = (
    "store.runs.create_run: transaction",
    "autonomy.autopilot._log_plan: flock",
    "autonomy.autopilot._log_plan: write",
    "governance.approvals.request_approvals: flock",
    "worktrees.registration.write_registration: replace",
    "worktrees.manager._register: git worktree",
    "worktrees.manager._check_out: git reset",
    "store.budgets.spend_once: transaction",
    "execution.tree.write: replace",
    "execution.diff.stage_everything: git add",
    "execution.guard._start: fork",
    "execution.checks._run_check: replace",
    "autonomous_executor._commit: git commit-tree",
    "autonomous_executor._advance: git update-ref",
    "store.approvals.record_vote: transaction",
    "governance.approvals.log_about: flock",
    "worktrees.refs.tree_of_everything: git add",
    "store.approvals.consume: transaction",
    "worktrees.manager._remove: git worktree",
)
"""What a run does on its way, in the order in which it first comes to it; all are reached, or the test fails."""


def test_a_run_killed_at_each_stage_in_turn_loses_and_doubles_nothing(make_repository: MakeRepository) -> None:
    """One run is killed at every stage that it comes to, again and again, and ends as if nothing had happened."""
    repo = make_sample(make_repository, batch_policy="independent")
    life, before = Life(repo), owners_state(repo)
    for stage in STAGES:
        assert kill_before(life.goes_on, stage), f"the run never came to {stage}"
        life.somebody_leaves_a_file()
    kill_before(life.goes_on, "to the end")
    life.is_whole(before)


def test_a_run_killed_at_random_moments_loses_and_doubles_nothing(make_repository: MakeRepository) -> None:
    """Twenty kills at moments that nobody chose, spread over as long as the run takes on this machine."""
    _kill_at_random(make_repository, kills=20, seed=1)


@pytest.mark.crash
@pytest.mark.parametrize("seed", range(15))
def test_a_run_killed_at_three_hundred_random_moments(make_repository: MakeRepository, seed: int) -> None:
    """Fifteen lives with twenty kills each."""
    _kill_at_random(make_repository, kills=20, seed=100 + seed)


@pytest.mark.crash
@pytest.mark.parametrize("part", range(8))
def test_a_run_killed_before_every_single_step(make_repository: MakeRepository, tmp_path: Path, part: int) -> None:
    """Each step of a whole life, enumerated: killed before it, the next command ends the run as it should.

    While the run waits, somebody leaves a file, so that parking it belongs to the life.
    """
    steps = steps_of(Life(make_sample(make_repository, batch_policy="independent"), is_visited=True).goes_on, tmp_path)
    assert {str(step) for step in steps} >= set(STAGES)
    failed = []
    for number in range(part, len(steps), 8):
        repo = make_sample(make_repository, batch_policy="independent", name=f"repo-{number}")
        life, before = Life(repo, is_visited=True), owners_state(repo)
        try:
            assert kill_before(life.goes_on, number), "the run never came to it"
            life.somebody_leaves_a_file()
            kill_before(life.goes_on, "to the end")
            life.is_whole(before)
        except AssertionError as fault:
            failed.append(f"{number}, {steps[number]}: {fault}")
    assert failed == []


def _kill_at_random(make_repository: MakeRepository, *, kills: int, seed: int) -> None:
    chance, measured = random.Random(seed), make_sample(make_repository, batch_policy="independent", name="measured")
    began = time.monotonic()
    kill_before(Life(measured).goes_on, "to the end")
    takes = time.monotonic() - began
    repo = make_sample(make_repository, batch_policy="independent")
    life, before = Life(repo), owners_state(repo)
    for _ in range(kills):
        kill_after(life.goes_on, chance.random() * takes / 2)
        life.somebody_leaves_a_file()
    kill_before(life.goes_on, "to the end")
    life.is_whole(before)


_LEFT_BY_A_VISITOR = b"left while the run waited\n"


class Life:
    """The run `r1` of one repository, and the person who types the next command until it is done."""

    def __init__(self, repo: Path, *, is_visited: bool = False) -> None:
        self.repo = repo
        self.left: list[bytes] = [_LEFT_BY_A_VISITOR] if is_visited else []
        self._is_visited = is_visited

    def goes_on(self) -> None:
        """Type what is next, until the run is done; in a process of its own."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (until the process is gone)
        for _ in range(6):
            state, decided = self._stands()
            if state == "done":
                return
            if state == "waiting" and not decided:
                if self._is_visited:
                    self._worktree.joinpath("visited.txt").write_bytes(_LEFT_BY_A_VISITOR)
                self._types("approvals", "approve", "--all", "--yes", "--run-id", "r1")
            elif state:
                self._types("autopilot", "resume", "r1")
            else:
                self._types("autopilot", "--enable", "--run-id", "r1")
        raise AssertionError(f"the run does not come to an end: {self._stands()}")

    def somebody_leaves_a_file(self) -> None:
        """Put a file of one's own into the run's worktree, as an editor or a killed tool would."""
        if (self._worktree / ".git").exists():
            content = f"precious {len(self.left)}\n".encode()
            (self._worktree / f"precious-{len(self.left)}.txt").write_bytes(content)
            self.left.append(content)

    @property
    def _worktree(self) -> Path:
        return self.repo / ".autonomous_runs/worktrees/r1"

    def is_whole(self, before: object) -> None:
        """Assert that nothing was lost, nothing happened twice, and nothing is in the way."""
        assert self._stands() == ("done", 1)
        session = json.loads(self._artifact("autonomy/autopilot_session_v1.json"))
        executed = [step["action_id"] for step in session["executed"]]
        assert [step["outcome"] for step in session["executed"]] == ["committed"] * 2
        trailers = "--format=%(trailers:key=Autopack-Action,valueonly,separator=)"
        commits = git(self.repo, "log", trailers, "main..autopack/r1").split()
        assert sorted(commits) == sorted(executed)
        assert self._budget("actions") == (20, 2)
        assert all(len(starts) == 1 for starts in self._starts()), "a check was run twice"
        assert len(self._starts()) == 2
        verified = json.loads(self._answers("verify", "r1"))
        assert verified["outcome"] == "verified", [link for link in verified["links"] if not link["holds"]]
        self._is_on_record()
        assert owners_state(self.repo) == before
        assert git(self.repo, "fsck", "--no-dangling") == ""
        assert not self._worktree.exists()
        assert git(self.repo, "worktree", "list", "--porcelain").count("worktree ") == 1
        if self.left:
            kept = git(self.repo, "rev-list", "--objects", "refs/autopack/backup/r1")
            for content in self.left:
                assert git(self.repo, "hash-object", "--stdin", stdin=content).strip() in kept

    def _is_on_record(self) -> None:
        """Assert that what people were asked and answered stands in the event log, whatever was killed in between."""
        audit = json.loads(self._answers("audit", "r1"))
        assert audit["outcome"] == "whole"
        on_record = {(event["event"], event["details"].get("request_id")) for event in audit["events"]}
        asked = [one["request"]["request_id"] for one in self._approvals()]
        assert asked
        for request_id in asked:
            assert {("approval_requested", request_id), ("decision", request_id)} <= on_record

    def _approvals(self) -> list[dict[str, dict[str, str]]]:
        listed = json.loads(self._answers("approvals", "list", "--all", "--run-id", "r1"))["approvals"]
        return list(listed)

    def _stands(self) -> tuple[str, int]:
        path = self.repo / ".autonomous_runs/autopack.db"
        if not path.exists():
            return "", 0
        connection = sqlite3.connect(path)
        try:
            row = connection.execute("SELECT state FROM runs WHERE run_id = 'r1'").fetchone()
            return (row[0] if row else ""), connection.execute("SELECT count(*) FROM decisions").fetchone()[0]
        except sqlite3.OperationalError:  # killed before the tables were made
            return "", 0
        finally:
            connection.close()

    def _budget(self, resource: str) -> tuple[int, int]:
        connection = sqlite3.connect(self.repo / ".autonomous_runs/autopack.db")
        try:
            query = "SELECT cap, spent FROM budgets WHERE run_id = 'r1' AND resource = ?"
            cap, spent = connection.execute(query, (resource,)).fetchone()
            return int(cap), int(spent)
        finally:
            connection.close()

    def _starts(self) -> list[list[str]]:
        folder = self.repo / ".autonomous_runs/sample/runs/r1/r1/supervised"
        return [path.read_text(encoding="utf-8").split() for path in folder.glob("*/*/starts")]

    def _artifact(self, path: str) -> bytes:
        return (self.repo / ".autonomous_runs/sample/runs/r1/r1" / path).read_bytes()

    def _types(self, *arguments: str) -> None:
        main([*arguments, "-C", str(self.repo), "--format", "json"])

    def _answers(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "autopack", *arguments, "-C", str(self.repo), "--format", "json"]
        return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False).stdout


def owners_state(repo: Path) -> object:
    """Return everything of the owner's checkout: files, index, HEAD, branches, stash."""
    files = sorted(
        (str(path.relative_to(repo)), bytes_digest(path.read_bytes()))
        for path in repo.rglob("*")
        if path.is_file() and path.relative_to(repo).parts[0] not in {".git", ".autonomous_runs"}
    )
    index = bytes_digest((repo / ".git/index").read_bytes())
    return files, index, git(repo, "for-each-ref", "refs/heads/main", "refs/stash"), (repo / ".git/HEAD").read_bytes()
