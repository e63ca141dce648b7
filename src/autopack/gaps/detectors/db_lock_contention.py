"""db_lock_contention: SQLite databases that somebody holds or left half written, and locks of dead processes."""

from __future__ import annotations

from collections.abc import Iterator

from autopack.gaps.detector import Detector, Finding, Rule
from autopack.gaps.models import Evidence
from autopack.gaps.remedies import DeleteFile, Remedy
from autopack.gaps.state import LockFact, Snapshot

MAX_WAL_BYTES = 64 * 1024 * 1024
"""SQLite checkpoints by itself at 1,000 pages (about 4 MB); sixteen times that means that nothing checkpoints."""
_MAX_LOCK_BYTES = 4_096

_RULES = (
    Rule(
        name="live-writer",
        risk="medium",
        confidence="high",
        blocks_autopilot=True,
        signal="Another process holds the write lock of a SQLite database in the working tree.",
        why="A second writer waits or fails with `database is locked`.",
        fix="Let the process finish or stop it, then scan again.",
    ),
    Rule(
        name="hot-journal",
        risk="high",
        confidence="high",
        blocks_autopilot=True,
        signal="A rollback journal that was not played back lies beside a SQLite database, and nobody is writing.",
        why="The last writer died in the middle of a transaction; the database is half written until it is opened.",
        fix="Open the database once with sqlite3 (it plays the journal back); never delete the journal.",
    ),
    Rule(
        name="large-wal",
        risk="medium",
        confidence="medium",
        blocks_autopilot=False,
        signal=f"The write-ahead log of a SQLite database is larger than {MAX_WAL_BYTES // 1024 // 1024} MiB.",
        why="Checkpoints do not get through, mostly because a reader never ends; reads become slow and the disk fills.",
        fix="Find the connection that stays open, close it, then run `PRAGMA wal_checkpoint(TRUNCATE)`.",
    ),
    Rule(
        name="dead-owner",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="A lock file names a process that no longer exists.",
        why="Whoever respects the lock waits for a process that will never release it.",
        fix="Delete the lock file.",
    ),
    Rule(
        name="locked-in-checks",
        risk="medium",
        confidence="medium",
        blocks_autopilot=False,
        signal="A check of the newest run that made any failed, and its output shows a locked database or a deadlock.",
        why="Writers get in each other's way, so the check fails by chance and says nothing about a change.",
        fix="Give each process a database of its own, or set a busy timeout; the next run with good checks closes it.",
    ),
)


def _detect(snapshot: Snapshot) -> Iterator[Finding]:
    for database in snapshot.databases:
        path = database.path
        if database.held_by_writer:
            yield Finding("live-writer", f"{path} is being written to", (path,), (Evidence(path=path),))
        if database.hot_journal:
            evidence = (Evidence(path=f"{path}-journal"), Evidence(path=path))
            yield Finding("hot-journal", f"{path} was left in the middle of a transaction", (path,), evidence)
        if database.wal_bytes > MAX_WAL_BYTES:
            title = f"The write-ahead log of {path} does not shrink"
            yield Finding("large-wal", title, (path,), (Evidence(path=f"{path}-wal"),))
    for lock in snapshot.tree_locks:
        if lock.owner_alive is False:
            yield _dead_owner(lock, snapshot)
    for told in snapshot.runs.told_faults:
        if told.fault == "locked":
            title = f"A check failed because a database was locked: {told.log}"
            yield Finding("locked-in-checks", title, (told.log,), told.places)


def _dead_owner(lock: LockFact, snapshot: Snapshot) -> Finding:
    record = snapshot.files.get(lock.path)
    evidence = Evidence(path=lock.path, excerpt_sha256=record.sha256 if record else None)
    title = f"{lock.path} belongs to process {lock.owner_pid}, which is gone"
    return Finding("dead-owner", title, (lock.path,), (evidence,), _remedy(lock, snapshot))


def _remedy(lock: LockFact, snapshot: Snapshot) -> Remedy | None:
    """Return the deletion of a tracked lock; one that git does not know cannot be deleted by a commit."""
    record = snapshot.files.get(lock.path)
    if record is None or record.sha256 is None or record.status != "..":
        return None
    lines = (snapshot.facts.get("db_lock_contention") or {}).get(lock.path)
    if not isinstance(lines, int):
        return None
    return Remedy(
        kind="lock_cleanup",
        operations=(DeleteFile(path=lock.path, before_sha256=record.sha256),),
        lines=lines,
    )


def _extract(path: str, data: bytes) -> int | None:
    """Return the number of lines of what may be a lock file, as `git diff --numstat` counts them."""
    if len(data) > _MAX_LOCK_BYTES or not path.lower().endswith((".lock", ".pid", ".lck", "-lock")):
        return None
    return data.count(b"\n") + (not data.endswith(b"\n") and bool(data))


DETECTOR = Detector(gap_type="db_lock_contention", rules=_RULES, detect=_detect, extract=_extract)
