"""Worktrees, locks and backups for people: who works where, what can go, and taking a run back.

Nothing here removes what is nowhere else: loose files of a worktree are parked first, a branch goes only once its
content is in the checked-out branch or under a backup ref, and both are reported with where they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from autopack.artifacts.redaction import redact
from autopack.artifacts.store import write_bytes
from autopack.clock import Clock, SystemClock, timestamp
from autopack.config import Settings
from autopack.errors import AutopackError, EnvironmentFault, LockHeld, StaleError, UsageError
from autopack.execution.scratch import clear_scratch
from autopack.file_layout import RunFileLayout, validate_id
from autopack.git import Git
from autopack.store.database import open_database
from autopack.store.runs import Run, get_run, move_run
from autopack.worktrees.integration import integration_of
from autopack.worktrees.lease import Holding, acquire_run_lock, break_holding, holder_of, holdings, run_is_worked_on
from autopack.worktrees.lock import Owner, this_process
from autopack.worktrees.manager import give_back
from autopack.worktrees.refs import BACKUPS, branch_of, checked_out_at, park_branch
from autopack.worktrees.registration import Registration, record_path, registrations

KEEP_DAYS = 14
QUOTA_BYTES = 10 * 1024**3


@dataclass(frozen=True)
class Removal:
    """One thing that can go: what it is, why, how many bytes of disk it frees, and where its content stays."""

    what: Literal["worktree", "branch"]
    run_id: str
    reason: str
    bytes: int
    stays: str


@dataclass(frozen=True)
class Removed:
    """A removal that was tried. `fault` is empty where it succeeded; nothing was lost otherwise either."""

    removal: Removal
    fault: str


@dataclass(frozen=True)
class Undone:
    """What taking a run back did: the backup ref that keeps everything, and the command that brings its branch back."""

    run_id: str
    backup: str | None
    way_back: str


def list_leases(settings: Settings) -> tuple[Holding, ...]:
    """Return every lock and lease that was taken and not released, by name."""
    return holdings(Git(settings.workspace).common_dir())


def check_lease(settings: Settings, path: Path) -> Owner | None:
    """Return who works in the folder PATH, or None; raises UnsafeRepository where PATH is no folder."""
    return holder_of(Git(settings.workspace).common_dir(), path)


def break_lease(settings: Settings, name: str, reason: str, clock: Clock | None = None) -> Owner | None:
    """Take the lock NAME from an owner that hangs and write down who did it and why; None where nobody held it.

    Raises UsageError without a reason or for an unknown name, LockHeld where the owner was at work lately.
    """
    if not reason.strip():
        raise UsageError("Breaking a lock needs a reason.", hint="--reason 'the machine was suspended'")
    common_dir, now = Git(settings.workspace).common_dir(), (clock or SystemClock()).now()
    broken = break_holding(common_dir, name, now)
    if broken is not None:
        entry = {"at": timestamp(now), "by": settings.actor, "lock": name, "reason": reason, "owner": asdict(broken)}
        journal = common_dir / "autopack" / "broken.ndjson"
        before = journal.read_bytes() if journal.exists() else b""
        write_bytes(journal, before + redact(json.dumps(entry, sort_keys=True)).encode() + b"\n")
    return broken


def plan_gc(
    settings: Settings, *, keep_days: int = KEEP_DAYS, quota_bytes: int = QUOTA_BYTES, clock: Clock | None = None
) -> tuple[Removal, ...]:
    """Return what can go, oldest first; changes nothing.

    Worktrees go that were not used for KEEP_DAYS, or as many of the oldest as it takes to stay within QUOTA_BYTES;
    branches of runs go whose content is in the checked-out branch. What a process works on is never listed.
    """
    git, now = Git(settings.workspace), (clock or SystemClock()).now()
    common_dir = git.common_dir()
    known = registrations(common_dir)
    idle = sorted(
        (one for one in known if not run_is_worked_on(common_dir, one.run_id)), key=lambda one: _used(common_dir, one)
    )
    sizes = {one.run_id: _size(Path(one.path)) for one in known}
    total, found = sum(sizes.values()), []
    for one in idle:
        days = (now - _used(common_dir, one)).days
        over = total > quota_bytes
        if days < keep_days and not over:
            continue
        reason = (
            f"not used for {days} days" if days >= keep_days else f"all worktrees hold more than {quota_bytes} bytes"
        )
        size = sizes[one.run_id]
        total -= size
        stays = f"commits on {branch_of(one.run_id)}, the rest under {BACKUPS}/{one.run_id}"
        found.append(Removal("worktree", one.run_id, reason, size, stays))
    return (*found, *_integrated_branches(git, {one.run_id for one in known}))


def execute_gc(settings: Settings, plan: tuple[Removal, ...]) -> tuple[Removed, ...]:
    """Carry PLAN out, each removal on its own; what changed since the plan was made is left and named."""
    return tuple(Removed(removal, _try(settings, removal)) for removal in plan)


def undo_run(settings: Settings, run_id: str, clock: Clock | None = None) -> Undone:
    """Take a run back: its worktree and its branch go, everything they hold stays under its backup ref.

    The owner's branches are never touched: raises StaleError, with the command to type, where the run's commits are in
    the checked-out branch already. Raises LockHeld while a process works on the run, UsageError for an unknown run.
    """
    git, clock = Git(settings.workspace), clock or SystemClock()
    common_dir, branch = git.common_dir(), branch_of(validate_id(run_id, "run id"))
    run, tip = _stored(settings, run_id), git.resolve(f"refs/heads/{branch}")
    if run is None and tip is None:
        raise UsageError(f"There is no run {run_id}.", hint="`autopack status` shows the runs.")
    owner = this_process(run_id, clock.now())
    with acquire_run_lock(common_dir, run_id, owner):
        if run is not None and tip is not None:
            _require_unmerged(git, run, tip)
        own = _layout(settings, run_id).worktree
        _require_not_in_use(git, run_id, own)
        clear_scratch(_layout(settings, run_id).workplace_record)
        given = give_back(git, run_id=run_id, path=own, owner=owner)
        backup = given.backup if given else None
        if tip is not None and (run is None or tip != run.base_commit):
            backup = park_branch(git, run_id, tip)
        if tip is not None:
            git.run("update-ref", "-d", f"refs/heads/{branch}", tip)
        if run is not None and run.state != "done":
            with open_database(_layout(settings, run_id).database) as database:
                move_run(database, run_id, "stopped", clock.now())
    return Undone(run_id, backup, f"git branch {branch} {tip}" if tip else "")


def _require_unmerged(git: Git, run: Run, tip: str) -> None:
    head = git.head()
    if head is None or tip == run.base_commit or integration_of(git, tip, head) is None:
        return
    raise StaleError(
        f"What run {run.run_id} did is in the checked-out branch already; Autopack never changes that one.",
        hint=f"git revert --no-commit {run.base_commit[:12]}..{run.branch} && git commit",
    )


def _require_not_in_use(git: Git, run_id: str, own: Path) -> None:
    """Raise StaleError where the branch of RUN_ID is checked out elsewhere than in its OWN worktree: without it, that
    checkout would be on a branch without a commit."""
    place = checked_out_at(git, run_id)
    if place is not None and place.resolve() != own.resolve():
        raise StaleError(
            f"{branch_of(run_id)} is checked out at {place}.", hint="Check another branch out there, then repeat."
        )


def _integrated_branches(git: Git, with_worktree: set[str]) -> Iterator[Removal]:
    head = _kept_by_a_branch(git)
    for name in git.lines("for-each-ref", "--format=%(refname)", "refs/heads/autopack/") if head else ():
        run_id, tip = name.removeprefix("refs/heads/autopack/"), git.resolve(name)
        if tip is None or run_id in with_worktree or checked_out_at(git, run_id) is not None:
            continue
        how = integration_of(git, tip, str(head))
        if how is not None:
            yield Removal("branch", run_id, f"its content is in HEAD ({how})", 0, str(head))


def _kept_by_a_branch(git: Git) -> str | None:
    """Return the checked-out commit if a branch holds it: what only a detached HEAD holds, the next checkout loses."""
    return git.head() if git.run("symbolic-ref", "--quiet", "HEAD", check=False).code == 0 else None


def _try(settings: Settings, removal: Removal) -> str:
    git = Git(settings.workspace)
    common_dir, clock = git.common_dir(), SystemClock()
    owner = this_process(removal.run_id, clock.now())
    try:
        with acquire_run_lock(common_dir, removal.run_id, owner):
            clear_scratch(_layout(settings, removal.run_id).workplace_record)
            if removal.what == "worktree":
                give_back(git, run_id=removal.run_id, path=_registered(common_dir, removal.run_id), owner=owner)
            else:
                _drop_branch(git, removal.run_id)
    except AutopackError as fault:
        return fault.message
    return ""


def _drop_branch(git: Git, run_id: str) -> None:
    """Delete the branch by compare-and-swap, after looking once more whether its content is elsewhere."""
    name = f"refs/heads/{branch_of(run_id)}"
    tip, head = git.resolve(name), _kept_by_a_branch(git)
    if tip is None:
        return
    place = checked_out_at(git, run_id)
    if place is not None:
        raise StaleError(f"{branch_of(run_id)} is checked out at {place}.", hint="autopack gc")
    if head is None or integration_of(git, tip, head) is None:
        raise StaleError(f"{branch_of(run_id)} is not integrated any more.", hint="autopack gc")
    git.run("update-ref", "-d", name, tip)


def _registered(common_dir: Path, run_id: str) -> Path:
    found = [one for one in registrations(common_dir) if one.run_id == run_id]
    if not found:
        raise LockHeld(f"The worktree of run {run_id} is gone.", hint="autopack gc")
    return Path(found[0].path)


def _stored(settings: Settings, run_id: str) -> Run | None:
    path = _layout(settings, run_id).database
    if not path.exists():
        return None
    with open_database(path) as database:
        return get_run(database, run_id)


def _layout(settings: Settings, run_id: str) -> RunFileLayout:
    return RunFileLayout(settings.runs_root, "any", run_id)


def _used(common_dir: Path, known: Registration) -> datetime:
    """Return when the worktree was last worked in: git writes its index whenever something is staged or reset."""
    instants = []
    for path in (Path(known.git_dir or known.path) / "index", record_path(common_dir, known.run_id)):
        try:
            instants.append(path.stat().st_mtime)
        except OSError:
            continue
    return datetime.fromtimestamp(0).astimezone() + timedelta(seconds=max(instants, default=0.0))


def _size(folder: Path) -> int:
    """Return the bytes below FOLDER; links count as themselves."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except OSError as fault:
            if not isinstance(fault, FileNotFoundError):
                raise EnvironmentFault(f"Cannot look at {path}: {fault.strerror}.") from fault
    return total
