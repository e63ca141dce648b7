"""`.worktreeinclude`: ignored files that a run needs are copied, and never a credential ends up in git that way."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from autopack.errors import UnsafeRepository
from autopack.git import Git
from autopack.worktrees import include
from autopack.worktrees.lock import this_process
from autopack.worktrees.manager import Worktree, adopt, create, retire
from autopack.worktrees.refs import BACKUPS
from repositories import MakeRepository, commit_all, git, write_files

_OWNER = this_process("run-1", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


@pytest.fixture
def repository(make_repository: MakeRepository) -> Path:
    folder = make_repository(
        {
            ".gitignore": "*.local\ncache/\n.env\n",
            ".worktreeinclude": "# what a run needs\n.env\ncache/**\n*.txt\n!cache/big\n",
            "a.txt": "tracked\n",
        }
    )
    write_files(
        folder,
        {
            ".env": "TOKEN=value\n",
            "cache/x/one": "1\n",
            "cache/big": "big\n",
            "own.local": "ignored, not named\n",
            "loose.txt": "named, not ignored\n",
        },
    )
    (folder / "cache/x/one").chmod(0o755)
    return folder


def _create(repository: Path) -> Worktree:
    base = git(repository, "rev-parse", "HEAD").strip()
    place = repository / ".autonomous_runs/worktrees/run-1"
    return create(Git(repository), run_id="run-1", base_commit=base, path=place, owner=_OWNER)


def _names(folder: Path) -> list[str]:
    files = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    return sorted(map(str, files))


def test_only_files_that_are_both_ignored_and_matched_are_copied(repository: Path) -> None:
    """Neither a matched file that git does not ignore nor an ignored one without a match is taken, and copies are
    files of their own."""
    worktree = _create(repository)
    assert _names(worktree.path) == [".env", ".git", ".gitignore", ".worktreeinclude", "a.txt", "cache/x/one"]
    copied, original = worktree.path / "cache/x/one", repository / "cache/x/one"
    assert (copied.read_bytes(), copied.stat().st_mode) == (original.read_bytes(), original.stat().st_mode)
    assert copied.stat().st_ino != original.stat().st_ino
    assert git(worktree.path, "status", "--porcelain") == ""


def test_links_are_neither_copied_nor_followed(repository: Path, tmp_path: Path) -> None:
    """A link that matches, and a file behind one, are left out; a link in the base commit leads no copy out."""
    outside = tmp_path / "outside"
    write_files(outside, {"secret": "not ours\n"})
    (repository / "cache/link").symlink_to(outside / "secret")
    (repository / "cache/folder").symlink_to(outside)
    (repository / "cache/x/one").unlink()
    (repository / "cache/x").rmdir()
    (repository / "cache/x").symlink_to(outside)
    git(repository, "add", "--force", "cache/x")
    commit_all(repository)
    (repository / "cache/x").unlink()
    write_files(repository, {"cache/x/one": "1\n", "cache/x/deep/two": "2\n"})
    worktree = _create(repository)
    assert [name for name in _names(worktree.path) if name.startswith("cache")] == ["cache/x"]
    assert (worktree.path / "cache/x").readlink() == outside
    assert _names(outside) == ["secret"]


def test_the_runs_of_autopack_are_never_copied_into_a_run(repository: Path) -> None:
    """A pattern that matches everything still leaves the runs folder and other repositories out."""
    write_files(repository, {".worktreeinclude": "*\n", ".gitignore": "*.local\nnested/\n"})
    commit_all(repository)
    (repository / "nested").mkdir()
    git(repository / "nested", "init", "--quiet")
    write_files(repository, {"nested/file": "x\n", ".autonomous_runs/sample/old": "a run\n"})
    (repository / ".autonomous_runs/.gitignore").write_text("*\n", encoding="utf-8")
    worktree = _create(repository)
    assert "own.local" in _names(worktree.path)
    assert not [name for name in _names(worktree.path) if name.startswith((".autonomous_runs", "nested"))]


def test_an_unchanged_copy_is_not_parked_and_a_changed_one_is(repository: Path) -> None:
    """Removing the worktree keeps what the run changed, and puts no untouched credentials into git's object store."""
    worktree = _create(repository)
    (worktree.path / "cache/x/one").write_text("changed by the run\n", encoding="utf-8")
    objects = git(repository, "count-objects")
    retired = retire(worktree)
    assert retired.backup == f"{BACKUPS}/run-1"
    assert git(repository, "show", f"{BACKUPS}/run-1:cache/x/one") == "changed by the run\n"
    assert ".env" not in git(repository, "ls-tree", "-r", "--name-only", f"{BACKUPS}/run-1")
    assert objects != git(repository, "count-objects")
    blob = git(repository, "hash-object", ".env").strip()
    assert git(repository, "cat-file", "--batch-check", stdin=f"{blob}\n".encode()) == f"{blob} missing\n"


def test_a_worktree_with_nothing_but_copies_leaves_no_backup(repository: Path) -> None:
    """Copies are the owner's files, not work of the run."""
    assert retire(_create(repository)).backup is None


def test_a_copy_whose_original_changed_is_parked(repository: Path) -> None:
    """What the owner's checkout does not have any more is kept."""
    worktree = _create(repository)
    (repository / ".env").write_text("TOKEN=rotated\n", encoding="utf-8")
    assert retire(worktree).backup is not None
    assert git(repository, "show", f"{BACKUPS}/run-1:.env") == "TOKEN=value\n"


def test_patterns_count_as_committed(repository: Path) -> None:
    """What is still being written in the checkout copies nothing."""
    write_files(repository, {".worktreeinclude": "*.local\n"})
    assert "own.local" not in _names(_create(repository).path)


def test_too_much_is_refused(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More bytes than a worktree gets stop the run, with the file that has to be narrowed."""
    monkeypatch.setattr(include, "MAX_INCLUDED_BYTES", 3)
    with pytest.raises(UnsafeRepository, match=r"\.worktreeinclude names 14 bytes"):
        _create(repository)


def test_a_copy_that_was_cut_short_is_made_again(repository: Path) -> None:
    """Killed in the middle of a copy, the next try has the whole file and no partial one."""
    worktree = _create(repository)
    worktree.lease.release()
    (worktree.path / "cache/x/one").rename(worktree.path / "cache/x/one.autopack-partial")
    record = repository / ".git/autopack/worktrees/run-1.json"
    record.write_text(record.read_text(encoding="utf-8").replace('"ready"', '"creating"'), encoding="utf-8")
    again = adopt(Git(repository), run_id="run-1", path=worktree.path, owner=_OWNER)
    assert [name for name in _names(again.path) if name.startswith("cache")] == ["cache/x/one"]
