"""Locks and leases exclude, name their holder, and die with it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autopack.errors import EnvironmentFault, LockHeld, UnsafeRepository, UsageError
from autopack.worktrees.lease import acquire_lease, acquire_run_lock, break_holding, holder_of, holdings
from autopack.worktrees.lock import HUNG_SECONDS, Owner, acquire, is_alive, read_owner, this_process

_NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

_WORKER = """
import os, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from autopack.errors import LockHeld
from autopack.worktrees.lock import acquire, this_process

folder, wanted = Path(sys.argv[1]), int(sys.argv[2])
owner = this_process(f"run-{os.getpid()}", datetime.now(UTC))
inside = os.open(folder / "inside", os.O_RDWR | os.O_CREAT)
print("ready", flush=True)
taken = 0
while taken < wanted:
    try:
        with acquire(folder / "a.lock", owner):
            taken += 1
            mark = f"{os.getpid():8}{taken:8}".encode()
            os.pwrite(inside, mark, 0)
            for _ in range(3):
                if os.pread(inside, 16, 0) != mark:  # somebody else was inside too
                    (folder / "double").touch()
            if "unlink" in sys.argv:
                (folder / "a.lock").unlink()
    except LockHeld:
        pass
print(taken)
"""

_HOLDER = """
import sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from autopack.worktrees.lock import acquire, this_process
lock = acquire(Path(sys.argv[1]), this_process("run-held", datetime.now(UTC)))
print("held", flush=True)
time.sleep(60)
"""


def _me(run_id: str = "run-1") -> Owner:
    return this_process(run_id, _NOW)


def _start(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_four_processes_with_owners_killed_at_random_never_hold_a_lock_twice(tmp_path: Path) -> None:
    """Four processes take one lock 2,000 times each while others are killed holding it: never two are inside."""
    _take_by_four(tmp_path, times=2_000)


@pytest.mark.crash
def test_four_processes_take_a_lock_twenty_thousand_times_each(tmp_path: Path) -> None:
    """The same with 80,000 acquisitions."""
    _take_by_four(tmp_path, times=20_000)


def _take_by_four(tmp_path: Path, *, times: int) -> None:
    workers = [_start(_WORKER, tmp_path, times) for _ in range(4)]
    chance, killed = random.Random(7), 0
    while any(worker.poll() is None for worker in workers):
        victim = _start(_WORKER, tmp_path, 1_000_000)
        assert victim.stdout is not None
        victim.stdout.readline()
        time.sleep(chance.random() / 20)
        _end(victim)
        killed += 1
    answers = [worker.communicate() for worker in workers]

    assert [answer[0] for answer in answers] == [f"ready\n{times}\n"] * 4, answers
    assert not (tmp_path / "double").exists()
    assert killed > 3


def test_a_lock_is_free_as_soon_as_its_owner_is_killed(tmp_path: Path) -> None:
    """A SIGKILLed owner leaves nothing that a person has to clear, and its children do not keep the lock."""
    path = tmp_path / "a.lock"
    holder = _start(_HOLDER, path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(LockHeld) as refusal:
        acquire(path, _me())
    assert f"process {holder.pid}" in refusal.value.message
    assert "run 'run-held'" in refusal.value.message
    _end(holder)

    left = read_owner(path)
    assert left is not None
    assert is_alive(left) is False
    with acquire(path, _me()) as lock:
        assert lock.still_held()
        assert read_owner(path) == lock.owner
    assert read_owner(path) is None


def test_a_child_process_does_not_keep_the_lock_of_its_parent(tmp_path: Path) -> None:
    """Neither a forked nor a started child holds the lock on; a forked one cannot let its parent's go either."""
    path = tmp_path / "a.lock"
    lock = acquire(path, _me())
    started = subprocess.Popen(["sleep", "30"], close_fds=False)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:  # the child lives on after its parent has let go
        os.close(write_end)
        lock.release()
        os.read(read_end, 1)
        os._exit(0)
    try:
        os.close(read_end)
        time.sleep(0.05)
        with pytest.raises(LockHeld):
            acquire(path, _me("other"))
        lock.release()
        acquire(path, _me("other")).release()
    finally:
        os.close(write_end)
        os.waitpid(child, 0)
        started.kill()
        started.wait()


def test_a_lock_file_replaced_behind_the_back_is_noticed(tmp_path: Path) -> None:
    """Whoever holds a file that no longer stands at its path knows it, and the next owner locks the one that does."""
    path = tmp_path / "a.lock"
    lock = acquire(path, _me())
    path.unlink()
    assert not lock.still_held()
    with acquire(path, _me("other")) as other:
        assert other.still_held()
        lock.release()
        assert other.still_held()
        with pytest.raises(LockHeld):
            acquire(path, _me("third"))


def test_a_lock_whose_file_vanishes_at_every_release_still_excludes(tmp_path: Path) -> None:
    """Even where each owner unlinks the file as it leaves, no two processes are inside: what was locked is looked at
    again."""
    workers = [_start(_WORKER, tmp_path, 500, "unlink") for _ in range(3)]
    answers = [worker.communicate() for worker in workers]
    assert [answer[0] for answer in answers] == ["ready\n500\n"] * 3, answers
    assert not (tmp_path / "double").exists()


@pytest.mark.parametrize("kind", ["link", "folder", "fifo"])
def test_a_lock_that_is_no_plain_file_is_refused(tmp_path: Path, kind: str) -> None:
    """A link, a folder or a pipe where the lock should stand is named and not followed."""
    path = tmp_path / "a.lock"
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises((UnsafeRepository, EnvironmentFault), match=r"a\.lock"):
        acquire(path, _me())
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b'{"host": "x"}', b"\xff" * 4_000, b'{"pid": -1}'])
def test_a_damaged_owner_record_decides_nothing(tmp_path: Path, record: bytes) -> None:
    """What stands in a lock file is information only: the kernel says who holds it."""
    path = tmp_path / "a.lock"
    path.write_bytes(record)
    assert read_owner(path) is None
    with acquire(path, _me()) as lock:
        assert read_owner(path) == lock.owner


def test_a_reused_process_id_is_not_taken_for_its_owner(tmp_path: Path) -> None:
    """An owner record whose process started at another time is of a process that is gone."""
    me = _me()
    assert is_alive(me) is True
    assert is_alive(Owner(me.host, me.pid, "1", me.run_id, me.nonce, me.acquired_at)) is False
    assert is_alive(Owner("elsewhere", me.pid, "1", me.run_id, me.nonce, me.acquired_at)) is None


def test_two_names_of_one_folder_are_one_lease(tmp_path: Path) -> None:
    """A folder that is leased under one name is refused under a link, another spelling and a case that folds."""
    common, folder = tmp_path / "common", tmp_path / "work"
    folder.mkdir()
    (tmp_path / "alias").symlink_to(folder)
    with acquire_lease(common, folder, _me()) as lease:
        for name in (tmp_path / "alias", folder / ".." / "work", folder):
            with pytest.raises(LockHeld, match="work"):
                acquire_lease(common, name, _me("other"))
        assert lease.agrees()
    acquire_lease(common, tmp_path / "alias", _me("other")).release()


def test_a_renamed_folder_stays_leased(tmp_path: Path) -> None:
    """Renaming a leased folder frees neither its new name nor its old one, and the owner notices."""
    common, folder = tmp_path / "common", tmp_path / "work"
    folder.mkdir()
    with acquire_lease(common, folder, _me()) as lease:
        folder.rename(tmp_path / "moved")
        assert not lease.agrees()
        with pytest.raises(LockHeld):
            acquire_lease(common, tmp_path / "moved", _me("other"))
        folder.mkdir()
        assert not lease.agrees()
        with pytest.raises(LockHeld):
            acquire_lease(common, folder, _me("other"))


def test_a_refused_lease_leaves_nothing_taken(tmp_path: Path) -> None:
    """Where the second half of a lease is refused, the first half is let go."""
    common, folder = tmp_path / "common", tmp_path / "work"
    folder.mkdir()
    held = acquire_lease(common, folder, _me())
    held.locks[0].release()  # only the inode is held on
    with pytest.raises(LockHeld):
        acquire_lease(common, folder, _me("other"))
    held.release()
    acquire_lease(common, folder, _me("other")).release()


def test_a_run_is_worked_on_by_one_process(tmp_path: Path) -> None:
    """A run id is locked once, also where the file system folds case, and another run is free."""
    with acquire_run_lock(tmp_path, "run-1", _me()):
        with pytest.raises(LockHeld, match=r"Run RUN-1 is held by run 'run-1', process \d+ on .+, since 2026-01-02"):
            acquire_run_lock(tmp_path, "RUN-1", _me())
        acquire_run_lock(tmp_path, "run-2", _me("run-2")).release()


def test_holdings_show_who_is_alive_without_taking_a_lock(tmp_path: Path) -> None:
    """Everybody can see who holds what; a released lock is not shown, an abandoned one is shown as dead."""
    (tmp_path / "work").mkdir()
    lease, run = acquire_lease(tmp_path, tmp_path / "work", _me()), acquire_run_lock(tmp_path, "run-1", _me())
    holder = _start(_HOLDER, tmp_path / "autopack" / "locks" / "dead.lock")
    assert holder.stdout is not None
    holder.stdout.readline()
    _end(holder)
    assert {(one.name.partition("-")[0], one.alive) for one in holdings(tmp_path)} == {
        ("path", True),
        ("inode", True),
        ("run", True),
        ("dead", False),
    }
    lease.release()
    run.release()
    assert [one.name for one in holdings(tmp_path)] == ["dead"]


def test_a_lock_of_a_living_worker_is_not_broken(tmp_path: Path) -> None:
    """Whoever showed progress lately keeps the lock, and the refusal says who and since when."""
    with acquire_run_lock(tmp_path, "run-1", _me()) as lock:
        with pytest.raises(LockHeld, match=r"run 'run-1'.* seconds ago"):
            break_holding(tmp_path, "run-1", datetime.now(UTC))
        assert lock.still_held()


def test_a_hung_owner_loses_its_lock_and_notices(tmp_path: Path) -> None:
    """After the idle time a lock can be broken: the next owner gets it at once, and the old one knows."""
    lock, later = acquire_run_lock(tmp_path, "run-1", _me()), datetime.now(UTC) + timedelta(seconds=HUNG_SECONDS + 1)
    broken = break_holding(tmp_path, "run-1", later)
    assert broken == lock.owner
    assert not lock.still_held()
    with acquire_run_lock(tmp_path, "run-1", _me("other")) as other:
        lock.release()
        assert other.still_held()


def test_a_heartbeat_keeps_a_lock_from_being_broken(tmp_path: Path) -> None:
    """Progress counts from the last heartbeat, not from when the lock was taken."""
    with acquire_run_lock(tmp_path, "run-1", _me()) as lock:
        long_ago = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
        os.utime(lock.path, (long_ago, long_ago))
        lock.beat()
        with pytest.raises(LockHeld):
            break_holding(tmp_path, "run-1", datetime.now(UTC))


def test_breaking_what_nobody_holds_changes_nothing(tmp_path: Path) -> None:
    """A free lock needs no breaking, and a name that nothing has is named."""
    acquire_run_lock(tmp_path, "run-1", _me()).release()
    assert break_holding(tmp_path, "run-1", datetime.now(UTC)) is None
    with pytest.raises(UsageError, match="run-9"):
        break_holding(tmp_path, "run-9", datetime.now(UTC))


def test_who_works_in_a_folder_is_seen_under_any_name(tmp_path: Path) -> None:
    """A leased folder shows its owner through a link too, and a free one shows nobody."""
    (tmp_path / "work").mkdir()
    (tmp_path / "alias").symlink_to(tmp_path / "work")
    assert holder_of(tmp_path, tmp_path / "alias") is None
    with acquire_lease(tmp_path, tmp_path / "work", _me()):
        holder = holder_of(tmp_path, tmp_path / "alias")
        assert holder is not None
        assert (holder.run_id, holder.about) == ("run-1", f"The folder {tmp_path / 'work'}")
