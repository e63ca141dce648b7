"""What can go is shown first, what goes is kept somewhere, and what somebody works on stays."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autopack.config import Settings, load_settings
from autopack.errors import LockHeld, StaleError, UsageError
from autopack.execution.scratch import make_scratch
from autopack.file_layout import RunFileLayout
from autopack.git import Git
from autopack.operations.worktrees import (
    Removal,
    break_lease,
    check_lease,
    execute_gc,
    list_leases,
    plan_gc,
    undo_run,
)
from autopack.worktrees.integration import integration_of
from autopack.worktrees.lease import acquire_run_lock
from autopack.worktrees.lock import HUNG_SECONDS, this_process
from autopack.worktrees.manager import Worktree, create
from autopack.worktrees.refs import BACKUPS
from repositories import MakeRepository, commit_all, git, write_files


@pytest.fixture
def settings(make_repository: MakeRepository) -> Settings:
    return load_settings(make_repository({"a.txt": "one\n", "b.txt": "two\n"}), {})


def _worktree(settings: Settings, run_id: str = "run-1") -> Worktree:
    """Make a run's worktree with a commit on its branch and a loose file; its process is gone."""
    owner, base = this_process(run_id, datetime.now(UTC)), git(settings.workspace, "rev-parse", "HEAD").strip()
    place = settings.runs_root / "worktrees" / run_id
    made = create(Git(settings.workspace), run_id=run_id, base_commit=base, path=place, owner=owner)
    write_files(made.path, {"a.txt": "changed\n", "c.txt": "new\n"})
    commit_all(made.path, "work")
    write_files(made.path, {"loose.txt": "precious\n"})
    made.lease.release()
    return made


def _age(worktree: Worktree, days: int) -> None:
    long_ago = datetime.now(UTC).timestamp() - days * 86_400
    assert worktree.git.git_dir is not None
    record = worktree.common_dir / "autopack/worktrees" / f"{worktree.run_id}.json"
    for path in (worktree.git.git_dir / "index", record):
        os.utime(path, (long_ago, long_ago))


def test_old_worktrees_can_go_and_their_content_stays(settings: Settings) -> None:
    """A plan changes nothing; carrying it out parks the loose file and leaves the branch."""
    old, young = _worktree(settings, "old"), _worktree(settings, "young")
    _age(old, 20)
    plan = plan_gc(settings)
    assert [(one.what, one.run_id, one.reason) for one in plan] == [("worktree", "old", "not used for 20 days")]
    assert old.path.exists()
    assert [one.fault for one in execute_gc(settings, plan)] == [""]
    assert not old.path.exists()
    assert young.path.exists()
    assert git(settings.workspace, "show", f"{BACKUPS}/old:loose.txt") == "precious\n"
    assert git(settings.workspace, "show", "autopack/old:a.txt") == "changed\n"


def test_over_the_quota_the_oldest_worktrees_go(settings: Settings) -> None:
    """As many as it takes, the least recently used first."""
    for number, run_id in enumerate(("c", "a", "b")):
        _age(_worktree(settings, run_id), 3 - number)
    whole = sum(one.bytes for one in plan_gc(settings, keep_days=0))
    each = whole // 3
    assert [one.run_id for one in plan_gc(settings, quota_bytes=whole)] == []
    assert [one.run_id for one in plan_gc(settings, quota_bytes=whole - 1)] == ["c"]
    assert [one.run_id for one in plan_gc(settings, quota_bytes=each)] == ["c", "a"]


def test_a_worktree_that_is_worked_in_stays_whatever_its_age(settings: Settings) -> None:
    """Neither the plan nor a plan from before the work began touches it."""
    worktree = _worktree(settings)
    _age(worktree, 99)
    before = plan_gc(settings)
    with acquire_run_lock(worktree.common_dir, "run-1", this_process("run-1", datetime.now(UTC))):
        assert plan_gc(settings) == ()
        assert "is held by" in execute_gc(settings, before)[0].fault
    assert (worktree.path / "loose.txt").exists()


def _merge(repo: Path) -> None:
    git(repo, "merge", "--quiet", "--no-ff", "--message", "merge", "work")


def _squash(repo: Path) -> None:
    git(repo, "merge", "--quiet", "--squash", "work")
    write_files(repo, {"later.txt": "later\n"})
    commit_all(repo, "squashed")


def _squash_and_go_on(repo: Path) -> None:
    git(repo, "merge", "--quiet", "--squash", "work")
    commit_all(repo, "squashed")
    write_files(repo, {"a.txt": "changed again\n"})
    commit_all(repo, "later")


def _pick(repo: Path) -> None:
    write_files(repo, {"later.txt": "later\n"})
    commit_all(repo, "later")
    git(repo, "cherry-pick", "main..work")
    write_files(repo, {"a.txt": "changed again\n"})
    commit_all(repo, "later still")


def _same_tree(repo: Path) -> None:
    git(repo, "checkout", "--quiet", "work", "--", ".")
    commit_all(repo, "by hand")


def _nothing(repo: Path) -> None:
    write_files(repo, {"later.txt": "later\n"})
    commit_all(repo, "later")


def _half(repo: Path) -> None:
    git(repo, "cherry-pick", "work~1")


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (_merge, "ancestor"),
        (_same_tree, "equal tree"),
        (_squash, "merging changes nothing"),
        (_pick, "patches are there"),
        (_squash_and_go_on, "squashed"),
        (_nothing, None),
        (_half, None),
    ],
)
def test_integrated_is_what_loses_nothing(make_repository: MakeRepository, how, expected) -> None:  # type: ignore[no-untyped-def]
    """Merged, squashed, picked and retyped work is recognised; half of it is not."""
    repo = make_repository({"a.txt": "one\n"})
    git(repo, "checkout", "--quiet", "-b", "work")
    for name in ("a.txt", "c.txt"):
        write_files(repo, {name: "changed\n"})
        commit_all(repo, f"change {name}")
    git(repo, "checkout", "--quiet", "main")
    how(repo)
    tip, head = (git(repo, "rev-parse", name).strip() for name in ("work", "main"))
    assert integration_of(Git(repo), tip, head) == expected


def test_a_branch_goes_only_once_its_content_is_elsewhere(settings: Settings) -> None:
    """An unmerged branch is never in the plan; one that gained a commit since the plan stays."""
    _age(_worktree(settings), 30)
    execute_gc(settings, plan_gc(settings))
    assert plan_gc(settings) == ()
    git(settings.workspace, "merge", "--quiet", "--squash", "autopack/run-1")
    commit_all(settings.workspace, "squashed")
    plan = plan_gc(settings)
    assert [(one.what, one.run_id) for one in plan] == [("branch", "run-1")]
    git(settings.workspace, "branch", "moved", "autopack/run-1")
    git(settings.workspace, "checkout", "--quiet", "autopack/run-1")
    write_files(settings.workspace, {"more.txt": "more\n"})
    commit_all(settings.workspace, "more")
    git(settings.workspace, "checkout", "--quiet", "main")
    assert "not integrated any more" in execute_gc(settings, plan)[0].fault
    git(settings.workspace, "branch", "--force", "autopack/run-1", "moved")
    assert execute_gc(settings, plan)[0].fault == ""
    assert git(settings.workspace, "branch", "--list", "autopack/*") == ""


def test_undo_takes_a_run_back_and_keeps_everything(settings: Settings) -> None:
    """Worktree and branch are gone, the checkout is as it was, and the named command brings the branch back."""
    worktree = _worktree(settings)
    tip, head = (git(settings.workspace, "rev-parse", name).strip() for name in ("autopack/run-1", "main"))
    undone = undo_run(settings, "run-1")
    assert not worktree.path.exists()
    assert git(settings.workspace, "branch", "--list", "autopack/*") == ""
    assert undone.backup == f"{BACKUPS}/run-1"
    assert git(settings.workspace, "show", f"{BACKUPS}/run-1:loose.txt") == "precious\n"
    assert git(settings.workspace, "rev-parse", "main").strip() == head
    git(settings.workspace, *undone.way_back.split()[1:])
    assert git(settings.workspace, "rev-parse", "autopack/run-1").strip() == tip


@pytest.mark.parametrize("way", ["undo", "gc", "gc of the branch"])
def test_what_a_killed_agent_left_goes_with_its_run(settings: Settings, way: str) -> None:
    """The copy on which it worked lies outside of the runs; nobody else would remove it, the worktree gone or not."""
    _worktree(settings)
    if way == "gc of the branch":
        execute_gc(settings, plan_gc(settings, keep_days=0))
        git(settings.workspace, "merge", "--quiet", "autopack/run-1")
    record = RunFileLayout(settings.runs_root, "sample", "run-1").workplace_record
    left = make_scratch(record)
    if way == "undo":
        undo_run(settings, "run-1")
    else:
        execute_gc(settings, plan_gc(settings, keep_days=0))
    assert (left.exists(), record.exists()) == (False, False)


def test_undo_refuses_what_is_merged_or_being_worked_on_or_unknown(settings: Settings) -> None:
    """Each refusal leaves everything and says what to do."""
    worktree = _worktree(settings)
    with (
        acquire_run_lock(worktree.common_dir, "run-1", this_process("run-1", datetime.now(UTC))),
        pytest.raises(LockHeld),
    ):
        undo_run(settings, "run-1")
    with pytest.raises(UsageError, match="no run run-9"):
        undo_run(settings, "run-9")
    assert (worktree.path / "loose.txt").exists()


def test_a_broken_lock_is_written_down(settings: Settings) -> None:
    """Who, when, why, and from whom stays in the git folder; without a reason nothing is broken."""
    common = settings.workspace / ".git"
    with acquire_run_lock(common, "run-1", this_process("run-1", datetime.now(UTC))) as lock:
        with pytest.raises(UsageError, match="reason"):
            break_lease(settings, "run-1", "  ")
        with pytest.raises(LockHeld):
            break_lease(settings, "run-1", "impatience")
        hung = datetime.now(UTC).timestamp() - HUNG_SECONDS - 5
        os.utime(lock.path, (hung, hung))
        assert break_lease(settings, "run-1", "its machine slept") == lock.owner
        assert not lock.still_held()
    entries = (common / "autopack/broken.ndjson").read_text(encoding="utf-8").splitlines()
    assert [(json.loads(line)["lock"], json.loads(line)["reason"]) for line in entries] == [
        ("run-1", "its machine slept")
    ]


def test_leases_show_who_works_where(settings: Settings) -> None:
    """A worktree that is worked in is listed and checked by folder; afterwards it is free."""
    owner = this_process("run-1", datetime.now(UTC))
    base = git(settings.workspace, "rev-parse", "HEAD").strip()
    place = settings.runs_root / "worktrees/run-1"
    made = create(Git(settings.workspace), run_id="run-1", base_commit=base, path=place, owner=owner)
    assert {one.owner.run_id for one in list_leases(settings)} == {"run-1"}
    holder = check_lease(settings, place)
    assert holder is not None
    assert holder.nonce == owner.nonce
    made.lease.release()
    assert check_lease(settings, place) is None
    assert list_leases(settings) == ()


def _branch_with_work(settings: Settings, run_id: str = "run-1") -> str:
    """Make a run's branch with a commit that is nowhere else, and check it out in the owner's own folder."""
    git(settings.workspace, "checkout", "--quiet", "-b", f"autopack/{run_id}")
    write_files(settings.workspace, {"a.txt": "hours of work\n"})
    return commit_all(settings.workspace, "work")


def test_a_branch_that_somebody_has_checked_out_is_never_removed(settings: Settings) -> None:
    """HEAD holds every commit of the branch that it names, which says nothing: without the branch they were gone."""
    tip = _branch_with_work(settings)
    assert plan_gc(settings) == ()
    forced = Removal("branch", "run-1", "planned before it was checked out", 0, tip)
    assert ["is checked out at" in one.fault for one in execute_gc(settings, (forced,))] == [True]
    with pytest.raises(StaleError, match="is checked out at"):
        undo_run(settings, "run-1")
    assert git(settings.workspace, "rev-parse", "HEAD").strip() == tip


def test_a_branch_that_only_a_detached_head_holds_is_not_integrated(settings: Settings) -> None:
    """What a detached HEAD holds is gone at the next checkout, so it is no place to stay."""
    tip = _branch_with_work(settings)
    git(settings.workspace, "checkout", "--quiet", "--detach")
    assert plan_gc(settings) == ()
    forced = Removal("branch", "run-1", "planned before HEAD was detached", 0, tip)
    assert ["is not integrated" in one.fault for one in execute_gc(settings, (forced,))] == [True]
    assert git(settings.workspace, "rev-parse", "autopack/run-1").strip() == tip


def test_a_branch_checked_out_in_another_worktree_stays(settings: Settings, tmp_path: Path) -> None:
    """A person looks at a run's result in a worktree of their own while it is merged: gc leaves that one's branch."""
    _branch_with_work(settings)
    git(settings.workspace, "checkout", "--quiet", "main")
    git(settings.workspace, "merge", "--quiet", "autopack/run-1")
    assert [one.what for one in plan_gc(settings)] == ["branch"]
    git(settings.workspace, "worktree", "add", "--quiet", str(tmp_path / "look"), "autopack/run-1")
    assert plan_gc(settings) == ()
    with pytest.raises(StaleError, match="is checked out at"):
        undo_run(settings, "run-1")
    assert git(tmp_path / "look", "status", "--porcelain") == ""
