"""Nothing runs that was not granted: the loop stops at blocking gaps, waits for people, and runs exactly what they
approved."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from autopack.artifacts.store import read_artifact
from autopack.autonomy.session import AutopilotSessionV1
from autopack.clock import SystemClock
from autopack.config import Settings, load_settings
from autopack.errors import StaleError, UsageError
from autopack.execution.sandbox.detect import sandbox_tier
from autopack.file_layout import RunFileLayout
from autopack.operations.approvals import decide_approvals, find_approval, list_approvals
from autopack.operations.runs import resume_run, start_run
from autopack.proofs.models import PhaseProofV1
from autopack.store.budgets import Budget, budgets_of, use_up
from autopack.store.database import open_database
from repositories import MakeRepository, commit_all, git
from sample_projects import make_sample

Prepare = Callable[..., Settings]


@pytest.fixture
def prepare(make_repository: MakeRepository) -> Prepare:
    """Return a function that makes a repository with one auto-approved gap (a moved link) and one that asks (a
    mark)."""

    def make(**options: Any) -> Settings:
        return load_settings(make_sample(make_repository, **options), {})

    return make


def start(settings: Settings, run_id: str = "r1", *, enabled: bool = True) -> AutopilotSessionV1:
    return start_run(settings, run_id=run_id, project_id=None, enabled=enabled, progress=lambda message: None)


def resume(settings: Settings, run_id: str = "r1") -> AutopilotSessionV1:
    return resume_run(settings, run_id, progress=lambda message: None)


def approve_all(settings: Settings) -> None:
    decide_approvals(settings, list_approvals(settings), "allow_once")


needs_sandbox = pytest.mark.skipif(
    sandbox_tier() == "none", reason="nothing is auto-approved without a sandbox; the end-to-end tests show that"
)


@needs_sandbox
def test_one_waiting_action_stops_the_whole_batch(prepare: Prepare) -> None:
    """Under all_or_nothing an auto-approved action does not run while another waits, and no worktree is even made."""
    settings = prepare()
    session = start(settings)
    assert (session.outcome, session.executed) == ("waiting", ())
    assert [step.kind for step in session.waiting_for_approval] == ["encoding_fix"]
    assert [step.kind for step in session.would_execute] == ["link_fix"]
    assert "1 waits for approval. 1 allowed one is held back: the whole batch waits for action-" in session.reason
    assert not (settings.runs_root / "worktrees").exists()
    assert git(settings.workspace, "branch", "--list", "autopack/*") == ""


@needs_sandbox
def test_independent_actions_run_first_where_the_owner_says_so(prepare: Prepare) -> None:
    """Under independent the auto-approved action runs and only the other one waits."""
    session = start(prepare(batch_policy="independent"))
    assert session.outcome == "partly_executed"
    assert [step.outcome for step in session.executed] == ["committed"]
    assert [step.kind for step in session.waiting_for_approval] == ["encoding_fix"]


@needs_sandbox
def test_resuming_without_a_decision_executes_nothing(prepare: Prepare) -> None:
    """A resumed run still waits when nobody decided."""
    settings = prepare()
    start(settings)
    assert resume(settings).executed == ()


@needs_sandbox
def test_what_was_approved_is_what_runs_and_only_once(prepare: Prepare) -> None:
    """After the approval the run executes everything; resuming again executes nothing twice."""
    settings = prepare()
    start(settings)
    approve_all(settings)
    done = resume(settings)
    assert (done.outcome, [step.outcome for step in done.executed]) == ("executed", ["committed", "committed"])
    assert len(git(settings.workspace, "rev-list", "main..autopack/r1").split()) == 2
    with pytest.raises(UsageError, match="is done"):
        resume(settings)
    assert len(git(settings.workspace, "rev-list", "main..autopack/r1").split()) == 2


@needs_sandbox
def test_a_rejected_action_never_runs_and_is_not_asked_again(prepare: Prepare) -> None:
    """A rejection ends the question for this run and for the next one on the same evidence."""
    settings = prepare()
    start(settings)
    decide_approvals(settings, list_approvals(settings), "reject_once", reason="the mark is wanted")
    done = resume(settings)
    assert [step.outcome for step in done.executed] == ["committed"]
    assert [step.kind for step in done.rejected] == ["encoding_fix"]
    assert start(settings, "r2").waiting_for_approval == ()


def test_a_gap_that_blocks_stops_the_loop(prepare: Prepare) -> None:
    """An unfinished merge stops the autopilot before it asks or executes anything, and the session says what it
    would do."""
    settings = prepare()
    git(settings.workspace, "checkout", "--quiet", "-b", "other", "HEAD~1")
    git(settings.workspace, "commit", "--quiet", "--allow-empty", "-m", "other")
    git(settings.workspace, "checkout", "--quiet", "main")
    git(settings.workspace, "merge", "--quiet", "--no-commit", "--no-ff", "other")
    session = start(settings)
    assert session.outcome == "blocked_by_gaps"
    assert session.blocking_gaps
    assert session.executed == ()
    assert list_approvals(settings, run_id="r1") == ()


def test_resuming_a_run_that_gaps_block_stops_at_them_again(prepare: Prepare) -> None:
    """The gaps that stopped a run are not stepped over by `resume`: nobody is asked and nothing is executed."""
    settings = prepare(batch_policy="independent")
    git(settings.workspace, "checkout", "--quiet", "-b", "other", "HEAD~1")
    git(settings.workspace, "commit", "--quiet", "--allow-empty", "-m", "other")
    git(settings.workspace, "checkout", "--quiet", "main")
    git(settings.workspace, "merge", "--quiet", "--no-commit", "--no-ff", "other")
    start(settings)
    session = resume(settings)
    assert (session.outcome, session.executed) == ("blocked_by_gaps", ())
    assert list_approvals(settings, run_id="r1") == ()
    assert git(settings.workspace, "branch", "--list", "autopack/*") == ""


def test_a_run_that_only_looked_is_never_carried_out(prepare: Prepare) -> None:
    """Without --enable a run executes nothing, not even by way of `resume`, and is not what `resume` alone means."""
    settings = prepare(batch_policy="independent")
    start(settings, enabled=False)
    with pytest.raises(UsageError, match="Run r1 was made without --enable"):
        resume(settings)
    with pytest.raises(UsageError, match="There is no unfinished run"):
        resume_run(settings, None, progress=lambda message: None)
    assert git(settings.workspace, "branch", "--list", "autopack/*") == ""


def test_a_killed_run_that_only_looked_is_never_carried_out(prepare: Prepare) -> None:
    """Where the process died before it had recorded that --enable was missing, `resume` refuses the run too."""
    settings = prepare(batch_policy="independent")
    session = start(settings, enabled=False)
    RunFileLayout(settings.runs_root, session.project_id, "r1").autopilot_session.unlink()
    with pytest.raises(UsageError, match="Run r1 was made without --enable"):
        resume(settings)


@needs_sandbox
@pytest.mark.parametrize("artifact", ["plan_proposal", "gap_report"])
def test_a_plan_that_was_edited_after_approval_does_not_run(prepare: Prepare, artifact: str) -> None:
    """Whatever is changed in the stored plan or report after the approval, nothing of it runs."""
    settings = prepare()
    start(settings)
    approve_all(settings)
    path = getattr(RunFileLayout(settings.runs_root, "sample", "r1"), artifact)
    path.write_bytes(path.read_bytes().replace(b"docs/b.md", b"docs/c.md"))
    with pytest.raises(UsageError, match="the content has"):
        resume(settings)
    assert git(settings.workspace, "branch", "--list", "autopack/*") == ""


@needs_sandbox
def test_a_changed_intention_makes_the_run_stale(prepare: Prepare) -> None:
    """A run is bound to the intention that it was made under; after a change it says so and executes nothing."""
    settings = prepare()
    start(settings)
    approve_all(settings)
    written = settings.workspace / ".autopack/intention.yaml"
    written.write_text(written.read_text().replace("risk_tolerance: medium", "risk_tolerance: low"))
    commit_all(settings.workspace, "Change the intention")
    with pytest.raises(StaleError, match="intention changed"):
        resume(settings)


def test_a_run_id_is_used_once(prepare: Prepare) -> None:
    """A second run of the same name is refused; the first one's record stays."""
    settings = prepare()
    first = start(settings, enabled=False)
    with pytest.raises(UsageError, match="There is a run r1 already"):
        start(settings, enabled=False)
    layout = RunFileLayout(settings.runs_root, "sample", "r1")
    assert read_artifact(layout.autopilot_session, AutopilotSessionV1) == first


@needs_sandbox
def test_a_killed_run_keeps_its_approval(prepare: Prepare) -> None:
    """A run that dies right after it used an approval up resumes with it: the decision is not lost, the action runs
    once."""
    settings = prepare()
    start(settings)
    approve_all(settings)
    waiting = find_approval(settings, list_approvals(settings, everything=True)[0].action_id)

    class Died(BaseException):
        pass

    class DyingClock(SystemClock):
        def now(self) -> datetime:
            with sqlite3.connect(settings.runs_root / "autopack.db") as connection:
                if connection.execute("SELECT count(*) FROM consumptions").fetchone()[0]:
                    raise Died
            return super().now()

    with pytest.raises(Died):
        resume_run(settings, "r1", progress=lambda message: None, clock=DyingClock())
    done = resume(settings)
    assert done.outcome == "executed"
    assert {step.action_id for step in done.executed} >= {waiting.action_id}
    assert len(git(settings.workspace, "rev-list", "main..autopack/r1").split()) == 2


@needs_sandbox
def test_every_proof_names_its_origins(prepare: Prepare) -> None:
    """Each executed action's proof names anchor, gap report, plan, approval and policy."""
    settings = prepare(batch_policy="independent")
    session = start(settings)
    layout = RunFileLayout(settings.runs_root, "sample", "r1")
    for step in session.executed:
        said = read_artifact(layout.proof(step.phase_id), PhaseProofV1).predicate
        assert (said.anchor_id, said.gap_report_id, said.plan_proposal_id) == (
            session.anchor_id,
            session.gap_report_id,
            session.plan_proposal_id,
        )
        assert said.approved_by == "policy:owner.links"
        assert [check.outcome for check in said.checks] == ["passed"]


def seconds_of(settings: Settings, run_id: str = "r1") -> Budget:
    with open_database(settings.runs_root / "autopack.db") as database:
        return next(one for one in budgets_of(database, run_id) if one.resource == "seconds")


@needs_sandbox
def test_the_time_of_the_last_action_counts(prepare: Prepare) -> None:
    """An action after which nothing else starts is counted too: a run that waits goes on with what is left."""
    settings = prepare(batch_policy="independent", check="[sleep, '2']")
    assert [step.outcome for step in start(settings).executed] == ["committed"]
    first = seconds_of(settings).spent
    assert first >= 2
    approve_all(settings)
    assert resume(settings).outcome == "executed"
    assert seconds_of(settings).spent >= first + 2


@needs_sandbox
def test_a_run_without_time_starts_nothing_more(prepare: Prepare) -> None:
    """Where the cap is used up the next action does not start, and the branch stays where it was."""
    settings = prepare(batch_policy="independent")
    start(settings)
    before = git(settings.workspace, "rev-parse", "autopack/r1")
    approve_all(settings)
    with open_database(settings.runs_root / "autopack.db") as database:
        use_up(database, "r1", "seconds", 600)
    assert resume(settings).outcome != "executed"
    assert git(settings.workspace, "rev-parse", "autopack/r1") == before
