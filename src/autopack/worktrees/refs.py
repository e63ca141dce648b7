"""The branch and the backup ref of a run: where everything is kept that a worktree held.

A backup is a commit whose tree is the worktree as it stood, ignored files included; its first parent is the branch,
a second one the index if that held something else, a third the backup before it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from autopack.errors import UnsafeRepository, UsageError
from autopack.git import Git
from autopack.worktrees.include import unchanged_copies

BACKUPS = "refs/autopack/backup"
MAX_PARKED_BYTES = 1024**3
"""Beyond this, files that are not committed are a person's business."""

_IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Autopack"), ("EMAIL", "autopack@localhost"))
}


@dataclass(frozen=True)
class Backup:
    """One backup ref: the run, the commit, and when it was made (ISO 8601)."""

    run_id: str
    ref: str
    commit: str
    made_at: str


def branch_of(run_id: str) -> str:
    """Return the branch on which the results of RUN_ID are."""
    return f"autopack/{run_id}"


@dataclass(frozen=True)
class Parked:
    """What was saved: the ref, and the tree of the worktree as it stood."""

    ref: str
    tree: str


def checked_out_at(git: Git, run_id: str) -> Path | None:
    """Return the folder where the branch of RUN_ID is checked out, the owner's own included; None if nowhere."""
    found = git.lines("for-each-ref", "--format=%(worktreepath)", f"refs/heads/{branch_of(run_id)}")
    return Path(found[0]) if found and found[0] else None


def park(git: Git, run_id: str) -> Parked | None:
    """Save everything in the worktree of GIT that its branch does not hold; return where, or None if nothing.

    The worktree's files and index are not changed; parking again what is parked makes no new commit. Raises
    UnsafeRepository where git could not keep something: a nested repository, more than MAX_PARKED_BYTES.
    """
    _refuse_nested(git)
    if _is_clean(git):
        return None
    _refuse_too_much(git)
    tip, held = git.run("rev-parse", "HEAD", "HEAD^{tree}").text.split()
    tree, staged = tree_of_everything(git), _tree_of_index(git)
    if tree == held and staged in {None, held}:
        return None
    reference = f"{BACKUPS}/{run_id}"
    before = git.run("for-each-ref", "--format=%(objectname) %(tree)", reference).text.split()
    if before and before[1] == tree and staged in {None, held, tree}:
        return Parked(reference, tree)
    parents = [tip]
    if staged not in {None, held, tree}:
        parents.append(commit_tree(git, str(staged), [tip], f"autopack: index of run {run_id}"))
    commit = commit_tree(git, tree, [*parents, *before[:1]], f"autopack: what run {run_id} left uncommitted")
    git.run("update-ref", reference, commit, before[0] if before else "0" * len(commit))
    return Parked(reference, tree)


def list_backups(git: Git) -> tuple[Backup, ...]:
    """Return every backup of the repository, by run id."""
    lines = git.lines(
        "for-each-ref", "--format=%(refname)%09%(objectname)%09%(committerdate:iso-strict)", f"{BACKUPS}/"
    )
    fields = (line.split("\t") for line in lines)
    return tuple(Backup(name.removeprefix(f"{BACKUPS}/"), name, commit, made) for name, commit, made in fields)


def restore(git: Git, run_id: str, destination: Path) -> str:
    """Write what was parked for RUN_ID into DESTINATION, a new or empty folder; return the commit that was restored.

    Neither the owner's checkout nor its index is touched, and no filter runs. Raises UsageError where there is no
    backup or the folder is not empty.
    """
    commit = git.resolve(f"{BACKUPS}/{run_id}")
    if commit is None:
        raise UsageError(
            f"There is no backup of run {run_id}.", hint="`git for-each-ref refs/autopack/backup` lists them."
        )
    destination.mkdir(parents=True, exist_ok=True)
    if any(destination.iterdir()):
        raise UsageError(f"{destination} is not empty.", hint="Name a new folder.")
    with tempfile.TemporaryDirectory(prefix="autopack-restore-") as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        git.run("read-tree", commit, extra_environment=index)
        git.run("checkout-index", "--all", f"--prefix={destination.absolute()}{os.sep}", extra_environment=index)
    return commit


def tree_of_everything(git: Git) -> str:
    """Return the tree of the worktree as it stands, through an index of its own: ignored files included, but not those
    that were copied in and are unchanged."""
    git_dir = git.git_dir or git.own_git_dir()
    # In the worktree's own git folder: what a kill leaves of it goes with the worktree.
    with tempfile.TemporaryDirectory(prefix="autopack-park-", dir=git_dir) as scratch:
        own = Path(scratch) / "index"
        current = git_dir / "index"
        if current.exists():
            shutil.copyfile(current, own)
        index = {"GIT_INDEX_FILE": str(own)}
        git.run("add", "--update", "--", ".", extra_environment=index)
        others = _untracked(git)
        if others:
            listed = b"".join(os.fsencode(path) + b"\0" for path in others)
            git.run("update-index", "--add", "-z", "--stdin", stdin=listed, extra_environment=index)
        return git.run("write-tree", extra_environment=index).text.strip()


def _tree_of_index(git: Git) -> str | None:
    """Return the tree of the index, or None where it holds an unfinished merge (whose sides are commits)."""
    answer = git.run("write-tree", check=False)
    return answer.text.strip() if answer.code == 0 else None


def park_branch(git: Git, run_id: str, tip: str) -> str:
    """Make the backup ref of RUN_ID reach the commit TIP of its branch, besides what it reaches already; return it."""
    reference = f"{BACKUPS}/{run_id}"
    before = git.resolve(reference)
    if before is None:
        git.run("update-ref", reference, tip, "0" * len(tip))
    elif git.run("merge-base", "--is-ancestor", tip, before, check=False).code != 0:
        tree = git.run("rev-parse", f"{before}^{{tree}}").text.strip()
        both = commit_tree(git, tree, [before, tip], f"autopack: branch and backup of run {run_id}")
        git.run("update-ref", reference, both, before)
    return reference


def commit_tree(git: Git, tree: str, parents: list[str], message: str) -> str:
    """Make a commit of TREE in Autopack's name and return its id; no ref moves."""
    named = [part for parent in parents for part in ("-p", parent)]
    return git.run("commit-tree", tree, *named, stdin=message.encode(), extra_environment=_IDENTITY).text.strip()


def _is_clean(git: Git) -> bool:
    """Return whether the worktree is its branch's tip: nothing staged, changed, untracked or ignored. One process."""
    options = ("--porcelain", "-z", "--untracked-files=all", "--ignored=traditional", "--no-renames")
    return not git.run("status", *options).stdout


def _refuse_nested(git: Git) -> None:
    """Raise UnsafeRepository for a repository inside, which `git add` would keep only as a name."""
    for folder, folders, files in os.walk(git.work_tree, followlinks=False):
        if ".git" in (*folders, *files) and Path(folder) != git.work_tree:
            raise UnsafeRepository(
                f"{folder} is a repository of its own inside the worktree; its content cannot be parked.",
                hint="Move it away, then repeat; nothing was removed.",
            )


def _refuse_too_much(git: Git) -> None:
    """Raise UnsafeRepository for what would fill the object store."""
    loose = {*git.nul_separated("ls-files", "-z", "--modified", "--", "."), *_untracked(git)}
    total = sum(_size(git.work_tree / path) for path in loose)
    if total > MAX_PARKED_BYTES:
        raise UnsafeRepository(
            f"{git.work_tree} holds {total} bytes that are not committed; at most {MAX_PARKED_BYTES} are parked.",
            hint="Remove what is not needed, then repeat; nothing was removed.",
        )


def _untracked(git: Git) -> list[str]:
    """Return the untracked files of the worktree that are the run's own."""
    copies = unchanged_copies(git)
    return [path for path in git.nul_separated("ls-files", "-z", "--others", "--", ".") if path not in copies]


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
