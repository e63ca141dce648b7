"""A run's worktree touches nothing of the owner's, is recognised again, and is removed only when nothing is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autopack.errors import AutopackError, LockHeld, UnsafeRepository, UsageError
from autopack.git import Git
from autopack.worktrees.lease import acquire_lease
from autopack.worktrees.lock import this_process
from autopack.worktrees.manager import Worktree, adopt, check_identity, create, retire
from autopack.worktrees.refs import BACKUPS, list_backups, park, restore
from autopack.worktrees.registration import read_registration, registrations, write_registration
from repositories import MakeRepository, commit_all, git, write_files

_OWNER = this_process("run-1", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def _place(repository: Path, run_id: str = "run-1") -> Path:
    return repository / ".autonomous_runs" / "worktrees" / run_id


def _create(repository: Path, run_id: str = "run-1") -> Worktree:
    base = git(repository, "rev-parse", "HEAD").strip()
    return create(Git(repository), run_id=run_id, base_commit=base, path=_place(repository, run_id), owner=_OWNER)


def _adopt(repository: Path, run_id: str = "run-1") -> Worktree:
    return adopt(Git(repository), run_id=run_id, path=_place(repository, run_id), owner=_OWNER)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and ".git" not in path.relative_to(folder).parts
    }


def _owners_state(repository: Path) -> dict[str, object]:
    """Return everything of the owner's that a run must leave alone."""
    own = {name: data for name, data in _files(repository).items() if not name.startswith(".autonomous_runs/")}
    metadata = {name: (repository / ".git" / name).read_bytes() for name in ("HEAD", "index", "config")}
    refs = git(repository, "for-each-ref", "refs/heads/main", "refs/stash", "refs/tags")
    return {"files": own, "metadata": metadata, "refs": refs, "stash": git(repository, "stash", "list")}


@pytest.fixture
def repository(make_repository: MakeRepository) -> Path:
    folder = make_repository({"a.txt": "one\n", "docs/b.md": "# B\n", ".gitignore": "*.log\n"})
    write_files(folder, {"a.txt": "being edited\n", "stashed.txt": "kept\n"})
    git(folder, "add", "stashed.txt")
    git(folder, "stash", "push", "--quiet", "--", "stashed.txt")
    write_files(folder, {"untracked.txt": "mine\n", "staged.txt": "staged\n"})
    git(folder, "add", "staged.txt")
    return folder


def test_a_worktree_is_made_without_touching_the_owners_checkout(repository: Path) -> None:
    """Checkout, index, HEAD, configuration and stash of the owner are byte for byte what they were, and no file of
    the owner's shows the runs folder."""
    before, status = _owners_state(repository), git(repository, "status", "--porcelain")
    worktree = _create(repository)

    assert _files(worktree.path) == {".gitignore": b"*.log\n", "a.txt": b"one\n", "docs/b.md": b"# B\n"}
    assert git(worktree.path, "status", "--porcelain") == ""
    assert git(worktree.path, "symbolic-ref", "HEAD").strip() == "refs/heads/autopack/run-1"
    check_identity(worktree)
    assert _owners_state(repository) == before
    assert git(repository, "status", "--porcelain") == status

    retire(worktree)
    assert _owners_state(repository) == before
    assert not _place(repository).exists()
    assert git(repository, "worktree", "list", "--porcelain").count("worktree ") == 1
    assert list_backups(Git(repository)) == ()
    assert registrations(worktree.common_dir) == ()


def test_no_hook_and_no_filter_of_the_repository_runs(repository: Path, tmp_path: Path) -> None:
    """Creating, working in and removing a worktree runs no command that the repository's configuration names."""
    mark = tmp_path / "ran"
    script = f"#!/bin/sh\ntouch {mark}\ncat\n"
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "pre-commit", "post-commit"):
        path = repository / ".git" / "hooks" / hook
        path.write_text(script)
        path.chmod(0o755)
    write_files(repository, {".gitattributes": "*.txt filter=evil\n*.md filter=lfs\n", ".gitmodules": ""})
    git(repository, "add", ".gitattributes", ".gitmodules")
    git(repository, "-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--no-verify", "--message", "attributes")
    for driver in ("evil", "lfs"):
        for key in ("clean", "smudge", "process"):
            git(repository, "config", f"filter.{driver}.{key}", f"touch {mark}; cat")
        git(repository, "config", f"filter.{driver}.required", "true")
    git(repository, "config", "core.fsmonitor", f"touch {mark}")
    mark.unlink(missing_ok=True)

    worktree = _create(repository)
    (worktree.path / "a.txt").write_text("changed\n")
    worktree.git.run("status")
    worktree.lease.release()
    retired = retire(_adopt(repository))

    assert retired.backup == "refs/autopack/backup/run-1"
    assert not mark.exists()
    assert worktree.notes == (
        "Git LFS files stay pointers in the run's worktree.",
        "The filter 'evil' is not run: its files stand as git stores them.",
        "Submodules are left uninitialised in the run's worktree.",
    )


def test_lfs_is_seen_in_every_folder(make_repository: MakeRepository) -> None:
    """Attributes below the root count too, and a comment does not."""
    nested = make_repository({"assets/deep/.gitattributes": "*.bin filter=lfs diff=lfs -text\n"}, name="nested")
    mentioned = make_repository({"docs/.gitattributes": "# *.bin filter=lfs\n"}, name="mentioned")
    assert _create(nested).notes == ("Git LFS files stay pointers in the run's worktree.",)
    assert _create(mentioned).notes == ()


def test_a_filter_that_cannot_be_switched_off_is_refused(repository: Path) -> None:
    """A filter driver whose name breaks out of a command line stops the run before anything is made."""
    git(repository, "config", "filter.a=b.smudge", "cat")
    with pytest.raises(UnsafeRepository, match="a=b"):
        _create(repository)


def test_a_sparse_checkout_is_not_applied(make_repository: MakeRepository) -> None:
    """The owner's sparse patterns leave the run's worktree complete, and stay as they were."""
    repository = make_repository({"kept/a.txt": "a\n", "left_out/b.txt": "b\n"})
    git(repository, "sparse-checkout", "set", "kept")
    assert not (repository / "left_out").exists()
    worktree = _create(repository)
    assert sorted(_files(worktree.path)) == ["kept/a.txt", "left_out/b.txt"]
    assert worktree.notes == ("The sparse checkout is not applied: the run's worktree is complete.",)
    assert worktree.git.run("status", "--porcelain").text == ""
    assert not (repository / "left_out").exists()


@pytest.mark.parametrize("obstacle", ["branch", "files", "file", "link", "lease"])
def test_nothing_is_reused(repository: Path, tmp_path: Path, obstacle: str) -> None:
    """An existing branch, a folder with content, a file, a link or a worker in the folder stops the creation, and
    what stood there still does."""
    place = _place(repository)
    place.parent.mkdir(parents=True)
    expected: type[AutopackError] = UsageError
    if obstacle == "branch":
        git(repository, "branch", "autopack/run-1")
    elif obstacle == "files":
        write_files(place, {"work.txt": "somebody's\n"})
    elif obstacle == "file":
        place.write_text("somebody's\n")
    elif obstacle == "link":
        place.symlink_to(tmp_path)
    else:
        expected = LockHeld
        place.mkdir()
        acquire_lease(repository / ".git", place, _OWNER)
    before = _files(tmp_path)
    with pytest.raises(expected):
        _create(repository)
    after = {name: data for name, data in _files(tmp_path).items() if "/.autonomous_runs/.gitignore" not in name}
    assert after == before
    assert obstacle == "branch" or "autopack/run-1" not in git(repository, "branch", "--list")


@pytest.mark.parametrize("linked", [".autonomous_runs", ".autonomous_runs/worktrees"])
def test_a_link_that_a_repository_commits_does_not_lead_a_worktree_out(
    repository: Path, tmp_path: Path, linked: str
) -> None:
    """A symbolic link where the runs or the worktrees should be is refused, and nothing appears where it leads."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (repository / linked).parent.mkdir(exist_ok=True)
    (repository / linked).symlink_to(outside)
    with pytest.raises(UnsafeRepository, match="symbolic link"):
        _create(repository)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("run_id", ["a.lock", "../x", "-x", "a..b", "a/b", "con", ""])
def test_a_run_id_that_cannot_name_a_branch_or_a_folder_is_refused(repository: Path, run_id: str) -> None:
    """A hostile run id makes neither a branch nor a folder."""
    with pytest.raises(UsageError):
        _create(repository, run_id)
    assert not (repository / ".autonomous_runs").exists()


def test_a_resumed_run_finds_its_work_again(repository: Path) -> None:
    """Adopting gives the same worktree with its commits and its uncommitted files."""
    worktree = _create(repository)
    write_files(worktree.path, {"new.txt": "new\n"})
    worktree.git.run("add", "new.txt")
    worktree.git.run("-c", "user.name=n", "-c", "user.email=e", "commit", "--quiet", "--message", "work")
    write_files(worktree.path, {"a.txt": "half done\n"})
    with pytest.raises(LockHeld):
        _adopt(repository)
    worktree.lease.release()
    again = _adopt(repository)
    assert (again.path, again.branch, again.base_commit) == (worktree.path, worktree.branch, worktree.base_commit)
    assert (again.path / "a.txt").read_bytes() == b"half done\n"


def _replace_git_file(worktree: Worktree) -> None:
    (worktree.path / ".git").write_text("gitdir: /elsewhere/.git\n")


def _git_folder_instead_of_file(worktree: Worktree) -> None:
    (worktree.path / ".git").unlink()
    git(worktree.path, "init", "--quiet")


def _link_git_file(worktree: Worktree) -> None:
    copy = worktree.path / "copy"
    (worktree.path / ".git").rename(copy)
    (worktree.path / ".git").symlink_to(copy)


def _other_branch(worktree: Worktree) -> None:
    git(worktree.path, "checkout", "--quiet", "-b", "other")


def _detached(worktree: Worktree) -> None:
    git(worktree.path, "checkout", "--quiet", "--detach")


def _branch_elsewhere(worktree: Worktree) -> None:
    stranger = git(worktree.path, "commit-tree", "-m", "stranger", "HEAD^{tree}").strip()
    git(worktree.path, "update-ref", "refs/heads/autopack/run-1", stranger)


def _other_folder(worktree: Worktree) -> None:
    worktree.path.rename(worktree.path.with_name("moved"))
    shutil.copytree(worktree.path.with_name("moved"), worktree.path)


def _registration_elsewhere(worktree: Worktree) -> None:
    assert worktree.git.git_dir is not None
    (worktree.git.git_dir / "gitdir").write_text("/elsewhere/.git\n")


def _released(worktree: Worktree) -> None:
    worktree.lease.release()


_DISAGREEMENTS: dict[str, Callable[[Worktree], None]] = {
    "its .git names another repository": _replace_git_file,
    "its .git is not a plain file": _git_folder_instead_of_file,
    "its .git is not a plain file ": _link_git_file,
    "another branch is checked out": _other_branch,
    "another branch is checked out ": _detached,
    "its branch does not come from the base commit": _branch_elsewhere,
    "its lease no longer excludes others": _other_folder,
    "git's registration names another folder": _registration_elsewhere,
    "its lease no longer excludes others ": _released,
}


@pytest.mark.parametrize("said", list(_DISAGREEMENTS))
def test_a_worktree_that_is_not_what_it_was_is_not_worked_in_and_not_removed(repository: Path, said: str) -> None:
    """Where folder, `.git`, registration, branch or lease disagree, the worktree is named as such and stays."""
    worktree = _create(repository)
    write_files(worktree.path, {"work.txt": "precious\n"})
    _DISAGREEMENTS[said](worktree)
    for attempt in (check_identity, retire):
        with pytest.raises(UnsafeRepository) as refusal:
            attempt(worktree)
        assert said.strip() in refusal.value.message
    assert (worktree.path / "work.txt").read_bytes() == b"precious\n"
    worktree.lease.release()
    if "lease" not in said:
        with pytest.raises(UnsafeRepository):
            _adopt(repository)


def test_a_folder_that_was_swapped_while_nobody_worked_is_not_adopted(repository: Path) -> None:
    """A copy at the same path is not the worktree: device and inode tell."""
    worktree = _create(repository)
    worktree.lease.release()
    _other_folder(worktree)
    with pytest.raises(UnsafeRepository, match="the record names another folder"):
        _adopt(repository)


def test_removing_parks_everything_that_is_on_no_branch(repository: Path, tmp_path: Path) -> None:
    """Changed, staged, untracked and ignored files, links and odd names are all in the backup, and come back."""
    worktree = _create(repository)
    outside = tmp_path / "outside"
    write_files(outside, {"treasure.txt": "not ours\n"})
    write_files(worktree.path, {"a.txt": "staged version\n"})
    worktree.git.run("add", "a.txt")
    write_files(worktree.path, {"a.txt": "last version\n", "new.txt": "new\n", "run.log": "ignored\n", "-n\n": "odd\n"})
    (worktree.path / "link").symlink_to(outside)
    (worktree.path / "docs" / "b.md").unlink()
    expected = _files(worktree.path)
    retired = retire(worktree)

    assert not worktree.path.exists()
    assert (outside / "treasure.txt").exists()
    assert retired.backup == f"{BACKUPS}/run-1"
    assert [one.run_id for one in list_backups(Git(repository))] == ["run-1"]
    restored = tmp_path / "restored"
    restore(Git(repository), "run-1", restored)
    assert _files(restored) == expected
    assert (restored / "link").is_symlink()
    assert git(repository, "show", f"{BACKUPS}/run-1^2:a.txt") == "staged version\n"
    assert git(repository, "rev-parse", f"{BACKUPS}/run-1^1") == git(repository, "rev-parse", "autopack/run-1")


def test_a_repository_inside_the_worktree_stops_its_removal(repository: Path) -> None:
    """What git could keep only by name is not deleted."""
    worktree = _create(repository)
    nested = worktree.path / "deep" / "clone"
    nested.mkdir(parents=True)
    git(nested, "init", "--quiet")
    write_files(nested, {"work.txt": "precious\n"})
    with pytest.raises(UnsafeRepository, match="deep/clone"):
        retire(worktree)
    assert (nested / "work.txt").exists()


def test_other_worktrees_are_left_alone(repository: Path, tmp_path: Path) -> None:
    """Removing one worktree unregisters no other, not even one whose folder is not there at the moment."""
    git(repository, "worktree", "add", "--quiet", str(tmp_path / "owners"), "-b", "owners-branch")
    (tmp_path / "owners").rename(tmp_path / "unmounted")
    first, second = _create(repository, "run-1"), _create(repository, "run-2")
    retire(first)
    check_identity(second)
    assert (tmp_path / "owners") in map(Path, git(repository, "worktree", "list").split())
    (tmp_path / "unmounted").rename(tmp_path / "owners")
    assert git(tmp_path / "owners", "status", "--porcelain") == ""


def test_a_restore_overwrites_nothing(repository: Path, tmp_path: Path) -> None:
    """A backup is restored only into an empty folder, and an unknown one is named."""
    worktree = _create(repository)
    write_files(worktree.path, {"new.txt": "new\n"})
    retire(worktree)
    with pytest.raises(UsageError, match="not empty"):
        restore(Git(repository), "run-1", repository)
    with pytest.raises(UsageError, match="run-9"):
        restore(Git(repository), "run-9", tmp_path / "empty")


def _attempt(repository: Path, executable: Path, what: str) -> None:
    git_at = Git(repository, executable=str(executable))
    place, owner = _place(repository), this_process("run-1", datetime.now(UTC))
    if what == "create":
        create(git_at, run_id="run-1", base_commit=str(git_at.head()), path=place, owner=owner)
    else:
        retire(adopt(git_at, run_id="run-1", path=place, owner=owner))


_KILLING_GIT = """#!/bin/sh
count=$(($(cat {folder}/count) + 1)); echo $count > {folder}/count
if [ $count = {call} ]; then kill -9 $PPID; exit 1; fi
exec git "$@"
"""


def _run_until_killed(repository: Path, folder: Path, what: str, call: int) -> bool:
    """Do WHAT with a git that kills its caller before the CALL-th call; return whether it was killed."""
    folder.mkdir(exist_ok=True)
    (folder / "count").write_text("0\n")
    script = folder / f"git-{what}-{call}"
    script.write_text(_KILLING_GIT.format(folder=folder, call=call))
    script.chmod(0o755)
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            _attempt(repository, script, what)
            os._exit(0)
        os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_a_creation_killed_at_any_git_call_is_finished_by_the_next_try(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    """Killed before every call of git in turn, the next create or adopt gives a whole worktree, with no help from a
    person."""
    call = 0
    while True:
        call += 1
        repository = make_repository({"a.txt": "one\n", "b/c.txt": "two\n"}, name=f"repo-{call}")
        if not _run_until_killed(repository, tmp_path / "scripts", "create", call):
            break
        try:
            worktree = _adopt(repository)
        except UsageError:  # nothing had been written down yet
            worktree = _create(repository)
        check_identity(worktree)
        assert _files(worktree.path) == {"a.txt": b"one\n", "b/c.txt": b"two\n"}
        assert worktree.git.run("status", "--porcelain").text == ""
        worktree.lease.release()
    assert call > 8


def test_a_removal_killed_at_any_git_call_loses_nothing_and_can_be_repeated(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    """Killed before every call of git in turn, the file that was on no branch ends up in the backup, and the next try
    removes the worktree."""
    call = 0
    while True:
        call += 1
        repository = make_repository({"a.txt": "one\n"}, name=f"repo-{call}")
        worktree = _create(repository)
        write_files(worktree.path, {"work.txt": "precious\n"})
        worktree.lease.release()
        killed = _run_until_killed(repository, tmp_path / "scripts", "retire", call)
        try:
            retire(_adopt(repository))
        except UsageError as fault:
            assert "removed" in fault.message or "no worktree" in fault.message
        assert git(repository, "show", f"{BACKUPS}/run-1:work.txt") == "precious\n"
        assert not worktree.path.exists()
        assert registrations(repository / ".git") == ()
        assert git(repository, "worktree", "list", "--porcelain").count("worktree ") == 1
        if not killed:
            break
    assert call > 8


def test_a_removal_killed_while_files_are_deleted_is_finished(repository: Path) -> None:
    """A half-deleted worktree, already parked, is removed by the next try; what was added since is parked too."""
    worktree = _create(repository)
    write_files(worktree.path, {"work.txt": "precious\n"})
    common = repository / ".git"
    known = read_registration(common, "run-1")
    park(worktree.git, "run-1")
    write_registration(common, replace(known, state="retiring"))
    (worktree.path / ".git").unlink()
    (worktree.path / "a.txt").unlink()
    write_files(worktree.path, {"late.txt": "late\n"})
    worktree.lease.release()
    with pytest.raises(UsageError, match="has been removed"):
        _adopt(repository)
    assert not worktree.path.exists()
    assert git(repository, "show", f"{BACKUPS}/run-1:late.txt") == "late\n"
    assert git(repository, "show", f"{BACKUPS}/run-1^2:work.txt") == "precious\n"


def test_a_half_made_registration_of_git_itself_is_taken_back(repository: Path) -> None:
    """A `git worktree add` that was killed midway leaves a folder, half a registration and a branch; all are made
    again."""
    worktree = _create(repository)
    worktree.lease.release()
    git_dir = worktree.git.git_dir
    assert git_dir is not None
    shutil.rmtree(worktree.path)
    worktree.path.mkdir()
    (worktree.path / ".git").write_text(f"gitdir: {git_dir}\n")
    (git_dir / "HEAD").unlink()
    (git_dir / "locked").write_text("initializing")
    write_registration(
        repository / ".git", replace(read_registration(repository / ".git", "run-1"), state="creating", git_dir="")
    )
    again = _adopt(repository)
    assert _files(again.path) == {".gitignore": b"*.log\n", "a.txt": b"one\n", "docs/b.md": b"# B\n"}


def test_a_worktree_works_in_a_repository_that_is_itself_a_worktree(repository: Path, tmp_path: Path) -> None:
    """The shared git folder is one for all worktrees: runs started from a linked one see the same leases."""
    linked = tmp_path / "linked"
    git(repository, "worktree", "add", "--quiet", str(linked), "-b", "side")
    worktree = _create(linked)
    assert worktree.common_dir == Path(os.path.realpath(repository / ".git"))
    with pytest.raises(UsageError, match="exists already"):
        _create(repository)
    retire(worktree)
    assert commit_all(linked)
