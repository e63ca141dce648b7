"""The worktree of a run: made from a base commit, recognised again, and removed only when nothing would be lost.

Four things have to name each other before any work: the folder (device and inode), its `.git` file, git's
registration, and the branch; and the lease on the folder has to be held. See git-worktree(1).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from autopack.artifacts.model import printable
from autopack.artifacts.redaction import redact
from autopack.artifacts.store import ensure_runs_root, write_bytes
from autopack.errors import UnsafeRepository, UsageError
from autopack.file_layout import validate_id
from autopack.git import Git
from autopack.worktrees.features import Features, features_of
from autopack.worktrees.include import files_to_include, include
from autopack.worktrees.lease import Lease, PhysicalFolder, acquire_lease
from autopack.worktrees.lock import Owner
from autopack.worktrees.refs import branch_of, park, tree_of_everything
from autopack.worktrees.registration import (
    Registration,
    first_line,
    git_dir_registered_at,
    read_registration,
    record_path,
    write_registration,
)

_INDEX_LOCK_SECONDS = 10.0
"""How long a git process that outlived its killed parent may still be writing the index."""


@dataclass(frozen=True)
class Worktree:
    """A run's worktree that this process may work in, until `retire` or until the lease is released."""

    run_id: str
    git: Git
    """Works on the worktree with explicit folders, no hook and no filter."""
    common_dir: Path
    base_commit: str
    lease: Lease
    notes: tuple[str, ...]
    """What people should know: LFS pointers, uninitialised submodules, …"""

    @property
    def path(self) -> Path:
        return self.git.work_tree

    @property
    def branch(self) -> str:
        return branch_of(self.run_id)


@dataclass(frozen=True)
class Retired:
    """What became of a worktree: its branch stays; `backup` is the ref of what was not on it, if anything."""

    branch: str
    backup: str | None


def create(repository: Git, *, run_id: str, base_commit: str, path: Path, owner: Owner) -> Worktree:
    """Make the worktree of RUN_ID at PATH (`<runs root>/worktrees/<run id>`) on a new branch at BASE_COMMIT.

    Nothing is reused: raises UsageError where the branch exists or PATH holds anything, LockHeld where somebody works
    in PATH, UnsafeRepository where PATH leads elsewhere through a link. The owner's checkout, index, HEAD and stash are
    not touched; no hook and no filter runs. The caller holds the lock of the run.
    """
    _require_free(repository, run_id, path)
    common_dir = repository.common_dir()
    _make_folder(repository, path)
    lease = acquire_lease(common_dir, path, owner)
    try:
        if any(lease.folder.real_path.iterdir()):
            raise UsageError(f"{path} is not empty; nothing is reused.", hint="Choose another --run-id.")
        return _register(repository, run_id, base_commit, common_dir, lease)
    except BaseException:
        lease.release()
        raise


def adopt(repository: Git, *, run_id: str, path: Path, owner: Owner) -> Worktree:
    """Return the existing worktree of RUN_ID at PATH for a resumed run, leased anew.

    What an interrupted `create` or `retire` began is finished first. Raises UsageError where there is no worktree (any
    more), UnsafeRepository where folder, registration, branch and record do not agree, LockHeld. The caller holds the
    lock of the run.
    """
    common_dir = repository.common_dir()
    known = read_registration(common_dir, run_id)
    if known.state == "creating" and not _is_registered(common_dir, known):
        _take_back(repository, common_dir, known)
        return create(repository, run_id=run_id, base_commit=known.base_commit, path=path, owner=owner)
    if known.state == "retiring":
        _finish_removal(common_dir, known)
        raise UsageError(
            f"The worktree of run {run_id} has been removed; its results are on {branch_of(run_id)}.",
            hint="Start a new run.",
        )
    if not path.is_dir():
        raise UnsafeRepository(f"The worktree of run {run_id} is gone from {path}.", hint="Start a new run.")
    lease = acquire_lease(common_dir, path, owner)
    try:
        if known.state == "creating":
            return _check_out(repository, common_dir, known, lease, features_of(repository, known.base_commit))
        worktree = _worktree(repository, common_dir, known, lease, features_of(repository, known.base_commit))
        check_identity(worktree)
    except BaseException:
        lease.release()
        raise
    return worktree


def check_identity(worktree: Worktree) -> None:
    """Raise UnsafeRepository unless folder, `.git` file, registration, branch, record and lease all name each other.

    Called before every action, so that work never lands in another checkout.
    """
    fault = _disagreement(worktree)
    if fault:
        raise UnsafeRepository(
            f"The worktree of run {worktree.run_id} at {worktree.path} is not what it was: {fault}.",
            hint=f"Look at it; nothing was removed. What is committed is on the branch {worktree.branch}.",
        )


def retire(worktree: Worktree) -> Retired:
    """Remove the worktree; commits stay on its branch, everything else is parked under a backup ref first.

    Parked is every file, ignored ones included, that the branch does not hold. Removes only this worktree's own
    registration and follows no link. Raises UnsafeRepository, and removes nothing, where the identity does not hold
    or something could not be parked (a nested repository, too many bytes).
    """
    check_identity(worktree)
    _require_not_locked(worktree.common_dir, read_registration(worktree.common_dir, worktree.run_id))
    parked = park(worktree.git, worktree.run_id)
    if parked is not None and tree_of_everything(worktree.git) != parked.tree:
        parked = park(worktree.git, worktree.run_id)  # something was written meanwhile
    backup = None if parked is None else parked.ref
    known = read_registration(worktree.common_dir, worktree.run_id)
    known = replace(known, state="retiring", backup=backup)
    write_registration(worktree.common_dir, known)
    _remove(worktree.common_dir, known)
    worktree.lease.release()
    return Retired(worktree.branch, backup)


def give_back(repository: Git, *, run_id: str, path: Path, owner: Owner) -> Retired | None:
    """Remove the worktree of a run that is over, as `retire` does; finish a removal that was killed.

    Returns None where the run has none (any more). The caller holds the lock of the run.
    """
    common_dir = repository.common_dir()
    if not record_path(common_dir, run_id).exists():
        return None
    known = read_registration(common_dir, run_id)
    if known.state != "retiring":
        worktree = adopt(repository, run_id=run_id, path=path, owner=owner)
        try:
            return retire(worktree)
        except BaseException:
            worktree.lease.release()
            raise
    return Retired(branch_of(run_id), _finish_removal(common_dir, known).backup)


def _require_free(repository: Git, run_id: str, path: Path) -> None:
    validate_id(run_id, "run id")
    branch = branch_of(run_id)
    if repository.run("check-ref-format", "--branch", branch, check=False).code != 0:
        raise UsageError(f"Run id {run_id!r} cannot be part of a branch name.", hint="Choose another --run-id.")
    if repository.run("show-ref", "--verify", "--quiet", f"refs/heads/{branch}", check=False).code == 0:
        raise UsageError(
            f"The branch {branch} exists already; a run id is used once.", hint="Choose another --run-id, or resume."
        )
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise UsageError(f"{path} exists already and is no folder.", hint="Choose another --run-id.")


def _make_folder(repository: Git, path: Path) -> None:
    """Make the empty folder PATH, refusing links on the way that a repository could have committed."""
    runs_root = path.parent.parent
    start = repository.work_tree if path.is_relative_to(repository.work_tree) else runs_root
    ensure_runs_root(runs_root)
    expected = Path(os.path.realpath(start)) / path.relative_to(start)
    if Path(os.path.realpath(path)) != expected:
        raise UnsafeRepository(
            f"{path} leads to {os.path.realpath(path)} through a symbolic link.", hint="Remove the link."
        )
    path.mkdir(parents=True, exist_ok=True)


def _register(repository: Git, run_id: str, base_commit: str, common_dir: Path, lease: Lease) -> Worktree:
    """Have git register the worktree, without a checkout; written down before, so that a kill leaves no riddle."""
    path = lease.folder.real_path
    known = Registration(run_id, str(path), lease.folder.inode, "", base_commit, "creating")
    write_registration(common_dir, known)
    features = features_of(repository, base_commit)
    git = replace(repository, settings=features.settings)
    options = ("--quiet", "--no-checkout", "--no-track", "-b", branch_of(run_id))
    git.run("worktree", "add", *options, str(path), base_commit)
    return _check_out(repository, common_dir, known, lease, features)


def _check_out(repository: Git, common_dir: Path, known: Registration, lease: Lease, features: Features) -> Worktree:
    """Fill a registered worktree with its base commit; may be repeated after a kill."""
    git_dir = git_dir_registered_at(common_dir, Path(known.path))
    if git_dir is None:
        raise UnsafeRepository(f"git has no worktree registered at {known.path}.", hint="Start a new run.")
    known = replace(known, git_dir=str(git_dir), state="ready")
    worktree = _worktree(repository, common_dir, known, lease, features)
    _await_index_lock(git_dir)
    # What `git worktree lock --reason` writes (gitrepository-layout(5)), without a further process.
    write_bytes(git_dir / "locked", f"{_own_lock(known.run_id)}\n".encode())
    worktree.git.run("reset", "--hard", "--quiet", known.base_commit)
    runs_root = Path(known.path).parent.parent
    include(repository.work_tree, worktree.git, files_to_include(repository, known.base_commit, runs_root=runs_root))
    write_registration(common_dir, known)
    check_identity(worktree)
    return worktree


def _await_index_lock(git_dir: Path) -> None:
    """Wait for a git process that outlived its parent; then remove a lock whose process was killed. The lease says
    that nobody else works here."""
    lock, patience = git_dir / "index.lock", _INDEX_LOCK_SECONDS
    while lock.exists() and patience > 0:
        time.sleep(0.1)
        patience -= 0.1
    lock.unlink(missing_ok=True)


def _worktree(repository: Git, common_dir: Path, known: Registration, lease: Lease, features: Features) -> Worktree:
    git = Git(Path(known.path), Path(known.git_dir), repository.executable, features.settings)
    return Worktree(known.run_id, git, common_dir, known.base_commit, lease, features.notes)


def _disagreement(worktree: Worktree) -> str:
    known = read_registration(worktree.common_dir, worktree.run_id)
    folder, git_dir, pointer = worktree.lease.folder, Path(known.git_dir), worktree.path / ".git"
    branch = f"refs/heads/{worktree.branch}"
    grows = worktree.git.run("merge-base", "--is-ancestor", worktree.base_commit, branch, check=False)
    checks = {
        "its lease no longer excludes others": worktree.lease.agrees(),
        "the record names another folder": (known.path, known.inode) == (str(folder.real_path), folder.inode),
        "its git folder is not one of this repository": git_dir.parent == worktree.common_dir / "worktrees",
        "its .git is not a plain file": pointer.is_file() and not pointer.is_symlink(),
        "its .git names another repository": first_line(pointer) == f"gitdir: {git_dir}",
        "git's registration names another folder": first_line(git_dir / "gitdir") == str(pointer),
        "another branch is checked out": first_line(git_dir / "HEAD") == f"ref: {branch}",
        "its branch does not come from the base commit": grows.code == 0,
    }
    return next((fault for fault, holds in checks.items() if not holds), "")


def _finish_removal(common_dir: Path, known: Registration) -> Registration:
    """Finish a removal that was killed: what is left in the folder, or came into it since, is parked first."""
    path, git_dir = Path(known.path), Path(known.git_dir)
    shared = Git(common_dir, git_dir=common_dir)
    _require_not_locked(common_dir, known)
    if path.exists() and git_dir.is_dir():
        if PhysicalFolder.of(path).inode != known.inode:
            raise UnsafeRepository(f"{path} was replaced while it was being removed.", hint="Look at it.")
        _await_index_lock(git_dir)
        parked = park(Git(path, git_dir, settings=features_of(shared, known.base_commit).settings), known.run_id)
        known = replace(known, backup=parked.ref if parked else known.backup)
        if not (path / ".git").exists():
            shutil.rmtree(path)
    _remove(common_dir, known)
    return known


def _own_lock(run_id: str) -> str:
    """Return the reason that stands in git's lock of a run's worktree."""
    return f"autopack run {run_id}"


def _require_not_locked(common_dir: Path, known: Registration) -> None:
    """Raise UnsafeRepository where a person locked the worktree with a reason of their own (`git worktree lock`)."""
    lock = Path(known.git_dir) / "locked" if known.git_dir else None
    if lock is None or not lock.is_file() or first_line(lock) == _own_lock(known.run_id):
        return
    raise UnsafeRepository(
        f"The worktree of run {known.run_id} at {known.path} is locked: {redact(printable(first_line(lock)))}.",
        hint=f"git worktree unlock {known.path}",
    )


def _remove(common_dir: Path, known: Registration) -> None:
    """Delete a folder whose content is parked, and its own registration; may be repeated after a kill."""
    shared = Git(common_dir, git_dir=common_dir)
    if Path(known.git_dir).is_dir():
        shared.run("worktree", "remove", "--force", "--force", known.path)  # twice: it is locked, by Autopack itself
    record_path(common_dir, known.run_id).unlink(missing_ok=True)


def _is_registered(common_dir: Path, known: Registration) -> bool:
    """Return whether git finished registering the worktree before everything was killed."""
    git_dir = git_dir_registered_at(common_dir, Path(known.path))
    if git_dir is None or first_line(Path(known.path) / ".git") != f"gitdir: {git_dir}":
        return False
    head = f"ref: refs/heads/{branch_of(known.run_id)}"
    return first_line(git_dir / "HEAD") == head and first_line(git_dir / "locked") != "initializing"


def _take_back(repository: Git, common_dir: Path, known: Registration) -> None:
    """Take back what a killed `git worktree add --no-checkout` left: a `.git` file, half a registration, and a branch
    that is still at the base commit. Nothing was ever checked out."""
    path = Path(known.path)
    half = git_dir_registered_at(common_dir, path)
    if half is not None:
        shutil.rmtree(half)
    with contextlib.suppress(OSError):
        (path / ".git").unlink()  # a file; a folder of that name is not git's doing and stays
    branch = f"refs/heads/{branch_of(known.run_id)}"
    repository.run("update-ref", "-d", branch, known.base_commit, check=False)
