"""Data losses that users of other managers of worktrees have reported, each replayed here with the opposite end."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autopack.autonomous_executor import clear_interrupted_phase
from autopack.config import load_settings
from autopack.errors import AutopackError, LockHeld, UnsafeRepository, UsageError
from autopack.git import Git
from autopack.operations.worktrees import execute_gc, plan_gc
from autopack.worktrees.lease import acquire_run_lock
from autopack.worktrees.lock import this_process
from autopack.worktrees.manager import Worktree, adopt, create, give_back, retire
from autopack.worktrees.refs import BACKUPS
from autopack.worktrees.registration import read_registration
from repositories import MakeRepository, commit_all, git, write_files

_OWNER = this_process("run-1", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


@pytest.fixture
def repo(make_repository: MakeRepository) -> Path:
    folder = make_repository({"a.txt": "one\n", "docs/b.md": "# B\n"})
    write_files(folder, {"owners.txt": "not committed\n"})
    return folder


def _place(repo: Path, run_id: str = "run-1") -> Path:
    return repo / ".autonomous_runs/worktrees" / run_id


def _create(repo: Path, run_id: str = "run-1") -> Worktree:
    base = git(repo, "rev-parse", "main").strip()
    return create(Git(repo), run_id=run_id, base_commit=base, path=_place(repo, run_id), owner=_OWNER)


def _adopt(repo: Path) -> Worktree:
    return adopt(Git(repo), run_id="run-1", path=_place(repo), owner=_OWNER)


def _collect(repo: Path) -> list[str]:
    """Remove all that `autopack gc` would ever remove, and return what it could not."""
    settings = load_settings(repo, {})
    return [one.fault for one in execute_gc(settings, plan_gc(settings, keep_days=0))]


def test_claude_code_38287_79899_commits_that_are_nowhere_else_survive_a_cleanup(repo: Path) -> None:
    """Claude Code deleted branches with unmerged and unpushed commits when it cleaned up."""
    worktree = _create(repo)
    write_files(worktree.path, {"work.txt": "work\n"})
    tip = commit_all(worktree.path, "work")
    worktree.lease.release()
    assert _collect(repo) == [""]
    assert not worktree.path.exists()
    assert _collect(repo) == []
    assert git(repo, "rev-parse", "autopack/run-1").strip() == tip


def test_claude_code_48927_a_cleanup_never_reaches_the_repository_itself(repo: Path) -> None:
    """Claude Code's cleanup destroyed `.git` and the whole tree: here the worktree is replaced by a link to it."""
    worktree = _create(repo)
    worktree.lease.release()
    shutil.rmtree(worktree.path)
    worktree.path.symlink_to(repo)
    assert all(_collect(repo))
    with pytest.raises(AutopackError):
        _adopt(repo)
    assert (repo / "owners.txt").read_text(encoding="utf-8") == "not committed\n"
    assert git(repo, "fsck") == ""


def test_claude_code_77268_a_live_siblings_worktree_is_not_recycled(repo: Path) -> None:
    """Claude Code recycled the workspaces of running sessions, locked ones too."""
    worktree = _create(repo)
    with acquire_run_lock(worktree.common_dir, "run-1", _OWNER):
        assert _collect(repo) == []
        with pytest.raises(LockHeld):
            _adopt(repo)
    git(repo, "worktree", "prune", "--expire", "now")
    assert str(worktree.path) in git(repo, "worktree", "list", "--porcelain")


def test_claude_code_37873_names_that_collide_reuse_nothing(repo: Path) -> None:
    """Deterministic names met the state of an earlier session."""
    worktree = _create(repo)
    write_files(worktree.path, {"work.txt": "the first one's\n"})
    worktree.lease.release()
    with pytest.raises(UsageError):
        _create(repo)
    assert (worktree.path / "work.txt").exists()


def test_claude_code_40386_85339_a_resumed_run_never_lands_in_the_owners_checkout(repo: Path) -> None:
    """After a crash sessions went on in the main checkout, where their worktree was gone."""
    worktree = _create(repo)
    worktree.lease.release()
    shutil.rmtree(worktree.path)
    with pytest.raises(UnsafeRepository, match="is gone"):
        _adopt(repo)
    worktree.path.mkdir()
    with pytest.raises(UnsafeRepository):
        _adopt(repo)
    assert git(repo, "symbolic-ref", "HEAD").strip() == "refs/heads/main"


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"])
def test_claude_code_2_1_210_variables_of_git_lead_nowhere_else(
    repo: Path, make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Isolated agents changed the main checkout through GIT_DIR and its relatives."""
    other = make_repository({"theirs.txt": "theirs\n"}, name="other")
    before = {path: path.read_bytes() for path in sorted((other / ".git").rglob("*")) if path.is_file()}
    leads = {"GIT_WORK_TREE": other, "GIT_INDEX_FILE": other / ".git/index"}.get(variable, other / ".git")
    monkeypatch.setenv(variable, str(leads))
    worktree = create(Git(repo), run_id="run-1", base_commit=str(Git(repo).head()), path=_place(repo), owner=_OWNER)
    write_files(worktree.path, {"new.txt": "new\n"})
    assert retire(worktree).backup is not None
    assert {path: path.read_bytes() for path in sorted((other / ".git").rglob("*")) if path.is_file()} == before


def test_gemini_cli_15580_work_that_is_not_committed_is_saved_before_a_tree_is_reset(repo: Path) -> None:
    """An agent ran destructive git over uncommitted work."""
    worktree = _create(repo)
    write_files(worktree.path, {"a.txt": "hours of work\n", "new.txt": "more of it\n"})
    clear_interrupted_phase(worktree)
    assert (worktree.path / "a.txt").read_text(encoding="utf-8") == "one\n"
    for name, content in (("a.txt", "hours of work\n"), ("new.txt", "more of it\n")):
        assert git(repo, "show", f"{BACKUPS}/run-1:{name}") == content


def test_claude_code_88239_squash_merged_work_can_go(repo: Path) -> None:
    """A session whose work had been squash-merged could not be deleted."""
    worktree = _create(repo)
    for number in range(2):
        write_files(worktree.path, {"a.txt": f"version {number}\n"})
        commit_all(worktree.path, "work")
    retire(worktree)
    git(repo, "merge", "--quiet", "--squash", "autopack/run-1")
    git(repo, "commit", "--quiet", "--message", "squashed")
    write_files(repo, {"a.txt": "and on\n"})
    git(repo, "commit", "--quiet", "--all", "--message", "later")
    assert _collect(repo) == [""]
    assert git(repo, "branch", "--list", "autopack/*") == ""


def test_claude_code_2_1_205_a_removal_follows_no_link_out_of_the_tree(repo: Path, tmp_path: Path) -> None:
    """A removal followed NTFS junctions out of the worktree."""
    write_files(tmp_path / "outside", {"treasure.txt": "theirs\n"})
    worktree = _create(repo)
    (worktree.path / "out").symlink_to(tmp_path / "outside")
    (worktree.path / "docs" / "out").symlink_to(tmp_path / "outside" / "treasure.txt")
    retire(worktree)
    assert (tmp_path / "outside/treasure.txt").read_text(encoding="utf-8") == "theirs\n"


def test_claude_code_2_1_210_a_killed_session_leaves_no_lock_for_a_person(repo: Path) -> None:
    """Killed sessions left a permanent `git worktree lock`."""
    child = os.fork()
    if child == 0:
        _create(repo)
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    assert "\nlocked" in git(repo, "worktree", "list", "--porcelain")
    assert _collect(repo) == [""]
    assert git(repo, "worktree", "list", "--porcelain").count("worktree ") == 1


def test_claude_code_2_1_98_untracked_files_are_not_dropped(repo: Path) -> None:
    """A cleanup dropped files that git did not track yet."""
    worktree = _create(repo)
    write_files(worktree.path, {"notes/idea.txt": "precious\n"})
    retire(worktree)
    assert git(repo, "show", f"{BACKUPS}/run-1:notes/idea.txt") == "precious\n"


def test_worktrunk_0_73_a_foreign_clone_in_the_place_of_a_worktree_stays(repo: Path, tmp_path: Path) -> None:
    """A removal with --force deleted a clone, and a sibling, that had come to stand where the worktree was."""
    worktree = _create(repo)
    sibling = _create(repo, "run-2")
    worktree.lease.release()
    sibling.lease.release()
    worktree.path.rename(tmp_path / "moved")
    git(tmp_path, "clone", "--quiet", str(repo), str(worktree.path))
    assert any(_collect(repo))
    assert (worktree.path / ".git/HEAD").exists()
    shutil.rmtree(worktree.path)
    sibling.path.rename(worktree.path) if sibling.path.exists() else worktree.path.mkdir()
    with pytest.raises(UnsafeRepository):
        _adopt(repo)
    assert worktree.path.exists()


def test_worktrunk_0_71_only_the_own_registration_is_pruned(repo: Path, tmp_path: Path) -> None:
    """A bare `git worktree prune` unregistered worktrees on volumes that were not mounted."""
    git(repo, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "volume"))
    (tmp_path / "volume").rename(tmp_path / "unmounted")
    _create(repo).lease.release()
    _collect(repo)
    (tmp_path / "unmounted").rename(tmp_path / "volume")
    assert git(tmp_path / "volume", "status", "--porcelain") == ""


@pytest.mark.parametrize("is_there", [True, False])
def test_worktrunk_0_71_a_persons_lock_is_honoured(repo: Path, tmp_path: Path, is_there: bool) -> None:
    """A removal took worktrees that somebody had locked, also where their folder was not mounted."""
    worktree = _create(repo)
    worktree.lease.release()
    git(repo, "worktree", "unlock", str(worktree.path))
    git(repo, "worktree", "lock", "--reason", "still comparing", str(worktree.path))
    if not is_there:
        worktree.path.rename(tmp_path / "unmounted")
    assert len(_collect(repo)) == 1
    assert all(_collect(repo))
    if not is_there:
        (tmp_path / "unmounted").rename(worktree.path)
    assert "locked: still comparing" in _collect(repo)[0]
    assert (worktree.path / "a.txt").exists()
    git(repo, "worktree", "unlock", str(worktree.path))
    assert _collect(repo) == [""]


@pytest.mark.parametrize("link", [".autonomous_runs", ".autonomous_runs/worktrees"])
def test_claude_code_2_1_212_a_committed_link_leads_no_worktree_out_of_the_repository(
    repo: Path, tmp_path: Path, link: str
) -> None:
    """A repository that committed a link in the place of the worktrees' folder put files outside of itself."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (repo / link).parent.mkdir(exist_ok=True)
    (repo / link).symlink_to(outside)
    git(repo, "add", "--force", link)
    git(repo, "commit", "--quiet", "--message", "a link")
    with pytest.raises(UnsafeRepository, match="symbolic link"):
        _create(repo)
    assert list(outside.iterdir()) == []
    assert git(repo, "branch", "--list", "autopack/*") == ""


def test_vibe_kanban_765_worktrees_stay_within_a_quota(repo: Path) -> None:
    """Worktrees filled 26 GB in two days: over the quota the oldest can go, whatever their age."""
    for run_id in ("run-1", "run-2"):
        worktree = _create(repo, run_id)
        write_files(worktree.path, {"big.bin": "x" * 100_000})
        worktree.lease.release()
    plan = plan_gc(load_settings(repo, {}), keep_days=365, quota_bytes=150_000)
    assert [one.run_id for one in plan] == ["run-1"]
    assert [one.fault for one in execute_gc(load_settings(repo, {}), plan)] == [""]
    assert git(repo, "show", f"{BACKUPS}/run-1:big.bin") == "x" * 100_000


def test_container_use_251_a_record_that_was_cut_short_removes_nothing(repo: Path) -> None:
    """State that was written half lost track of environments: here a damaged record is named and its folder stays."""
    worktree = _create(repo)
    write_files(worktree.path, {"work.txt": "precious\n"})
    worktree.lease.release()
    record = repo / ".git/autopack/worktrees/run-1.json"
    record.write_bytes(record.read_bytes()[:40])
    assert _collect(repo) == []
    with pytest.raises(AutopackError, match=r"run-1\.json"):
        _adopt(repo)
    assert (worktree.path / "work.txt").exists()


def test_vibe_kanban_orphan_cleanup_an_unknown_folder_is_not_removed(repo: Path) -> None:
    """Every folder that was not in its database was removed from the base folder."""
    write_files(_place(repo, "somebodys"), {"work.txt": "precious\n"})
    _create(repo).lease.release()
    _collect(repo)
    assert (_place(repo, "somebodys") / "work.txt").exists()


def test_claude_squad_creating_forces_nothing_away(repo: Path) -> None:
    """Creating an instance ran `git worktree remove -f` and `git branch -D` first."""
    git(repo, "branch", "autopack/run-1")
    tip = git(repo, "rev-parse", "autopack/run-1")
    with pytest.raises(UsageError, match="exists already"):
        _create(repo)
    assert git(repo, "rev-parse", "autopack/run-1") == tip


def test_container_use_161_submodules_neither_break_a_run_nor_get_lost(
    repo: Path, make_repository: MakeRepository
) -> None:
    """Isolation and submodules did not go together: here they stay uninitialised, with a note."""
    part = make_repository({"part.txt": "part\n"}, name="part")
    git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(part), "part")
    git(repo, "commit", "--quiet", "--message", "submodule")
    worktree = _create(repo)
    assert worktree.notes == ("Submodules are left uninitialised in the run's worktree.",)
    assert worktree.git.run("status", "--porcelain").text == ""
    assert retire(worktree).backup is None
    assert (repo / "part/part.txt").exists()


def test_stale_cleanup_that_races_a_resume_removes_nothing(repo: Path) -> None:
    """Claude Code 2.1.77: the cleanup had decided, then the session was resumed."""
    _create(repo).lease.release()
    settings = load_settings(repo, {})
    plan = plan_gc(settings, keep_days=0)
    with acquire_run_lock(repo / ".git", "run-1", _OWNER), _adopt(repo).lease:
        assert "is held by" in execute_gc(settings, plan)[0].fault
    assert read_registration(repo / ".git", "run-1").state == "ready"


def test_a_file_that_came_while_a_removal_was_interrupted_is_kept(repo: Path) -> None:
    """Between a killed removal and its end somebody saved a file: the end of the removal parks it."""
    worktree = _create(repo)
    worktree.lease.release()
    record = repo / ".git/autopack/worktrees/run-1.json"
    record.write_text(record.read_text(encoding="utf-8").replace('"ready"', '"retiring"'), encoding="utf-8")
    write_files(worktree.path, {"late.txt": "late\n"})
    given = give_back(Git(repo), run_id="run-1", path=_place(repo), owner=_OWNER)
    assert given is not None
    assert git(repo, "show", f"{given.backup}:late.txt") == "late\n"
    assert not worktree.path.exists()
