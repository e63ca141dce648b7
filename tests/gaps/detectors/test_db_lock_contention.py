"""db_lock_contention: databases in use or half written, and locks of the dead, are found; healthy ones are not."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from autopack.artifacts.events import append_event
from autopack.gaps.detectors.db_lock_contention import DETECTOR, MAX_WAL_BYTES
from gap_reports import report_of, seen
from repositories import MakeRepository, commit_all, write_files
from run_leftovers import at, leave_check, run_of

WRITE_SLOWLY = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
connection.execute("INSERT INTO facts VALUES ('kept')")
connection.execute("COMMIT")
"""


def gaps_of(workspace: Path) -> list[str]:
    return seen(report_of(workspace, DETECTOR).gaps)


def make_database(path: Path, journal_mode: str = "delete") -> None:
    """Make a small SQLite database at PATH."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode={journal_mode}")
        connection.execute("CREATE TABLE facts (name TEXT)")
        connection.commit()


@contextmanager
def writer(database: Path) -> Iterator[None]:
    """Let another process hold the write lock of DATABASE."""
    argv = [sys.executable, "-c", WRITE_SLOWLY, str(database)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "held\n"
        yield
        process.stdin.close()
        assert process.wait() == 0


def dead_process() -> int:
    """Return the id of a process that has ended."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    return ended.pid


def test_a_live_writer_is_found_in_both_journal_modes(make_repository: MakeRepository) -> None:
    """A database whose write lock another process holds is a gap, in rollback and in write-ahead mode."""
    repository = make_repository()
    for mode in ("delete", "wal"):
        make_database(repository / f"{mode}.db", mode)
    assert gaps_of(repository) == []
    with writer(repository / "delete.db"), writer(repository / "wal.db"):
        assert gaps_of(repository) == ["live-writer delete.db", "live-writer wal.db"]


def test_an_ignored_database_is_looked_at_too(make_repository: MakeRepository) -> None:
    """A database that git ignores can be held as well as any other."""
    repository = make_repository({".gitignore": "*.sqlite3\n"})
    (repository / "var").mkdir()
    make_database(repository / "var" / "app.sqlite3")
    with writer(repository / "var" / "app.sqlite3"):
        assert gaps_of(repository) == ["live-writer var/app.sqlite3"]


def test_the_probe_takes_no_lock(make_repository: MakeRepository) -> None:
    """Scanning neither breaks a writer's lock nor stands in its way: the writer commits afterwards."""
    repository = make_repository()
    make_database(repository / "app.db")
    with writer(repository / "app.db"):
        assert gaps_of(repository) == ["live-writer app.db"]
        with (
            closing(sqlite3.connect(repository / "app.db", timeout=0)) as second,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            second.execute("BEGIN IMMEDIATE")
    with closing(sqlite3.connect(repository / "app.db")) as connection:
        assert connection.execute("SELECT name FROM facts").fetchall() == [("kept",)]
    assert gaps_of(repository) == []


def test_a_hot_journal_is_found(make_repository: MakeRepository) -> None:
    """A journal of a transaction whose process died is a gap; a finished one (emptied or zeroed) is none."""
    repository = make_repository()
    make_database(repository / "app.db")
    with closing(sqlite3.connect(repository / "app.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size=1")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO facts VALUES (?)", [("x" * 5_000,)] * 50)
        shutil.copy(repository / "app.db-journal", repository / "kept")
    (repository / "kept").rename(repository / "app.db-journal")
    assert gaps_of(repository) == ["hot-journal app.db-journal"]
    (repository / "app.db-journal").write_bytes(bytes(512))
    assert gaps_of(repository) == []


def test_only_a_write_ahead_log_that_does_not_shrink_is_found(make_repository: MakeRepository) -> None:
    """The log of a healthy database is no gap; one far above SQLite's own checkpoint size is."""
    repository = make_repository()
    make_database(repository / "app.db", "wal")
    os.truncate(os.open(repository / "app.db-wal", os.O_CREAT | os.O_WRONLY), MAX_WAL_BYTES)
    assert gaps_of(repository) == []
    os.truncate(repository / "app.db-wal", MAX_WAL_BYTES + 1)
    assert gaps_of(repository) == ["large-wal app.db-wal"]


def test_a_lock_of_a_dead_process_is_found(make_repository: MakeRepository) -> None:
    """Lock files that name a process which ended are gaps, as numbers and as JSON; a tracked one has a remedy."""
    pid = dead_process()
    repository = make_repository({"run/app.pid": f"{pid}\n", ".gitignore": "*.lock\n"})
    write_files(repository, {"job.lock": json.dumps({"pid": pid}), "app.db-lock": f"pid: {pid}"})
    gaps = report_of(repository, DETECTOR).gaps
    assert seen(gaps) == ["dead-owner app.db-lock", "dead-owner job.lock", "dead-owner run/app.pid"]
    (remedy,) = [gap.remedy for gap in gaps if gap.remedy]
    assert (remedy.kind, remedy.operations[0].path, remedy.lines) == ("lock_cleanup", "run/app.pid", 1)


def test_a_reused_process_id_does_not_keep_a_lock_alive(make_repository: MakeRepository) -> None:
    """A process that started long after the lock was written is not its owner."""
    repository = make_repository({"old.pid": f"{os.getpid()}\n", "new.pid": f"{os.getpid()}\n"})
    os.utime(repository / "old.pid", (1_000_000_000, 1_000_000_000))
    assert gaps_of(repository) == ["dead-owner old.pid"]


def test_locks_that_say_nothing_of_a_process_are_left_alone(make_repository: MakeRepository) -> None:
    """Package managers' lock files, locks of the living and locks of other machines are no gap."""
    write = {
        "poetry.lock": "# This file is generated\n[[package]]\n",
        "yarn.lock": "12345@^1.0.0:\n  version 1\n",
        "package.lock": json.dumps({"lockfileVersion": 3}),
        "empty.lock": "",
        "mine.lock": f"{os.getpid()}\n",
        "far.lock": json.dumps({"pid": dead_process(), "host": f"not-{socket.gethostname()}"}),
        "truth.lock": json.dumps({"pid": True}),
        "huge.pid": "9" * 30,
    }
    repository = make_repository(write)
    commit_all(repository)
    assert gaps_of(repository) == []


def test_a_file_named_like_a_database_is_none(make_repository: MakeRepository) -> None:
    """A database is known by its first bytes, not by its name."""
    assert gaps_of(make_repository({"notes.db": "text\n", "notes.db-journal": "text\n"})) == []


LOCKED = "log: collected 3 items\nE   sqlite3.OperationalError: database is locked\n1 failed\n"


@pytest.mark.parametrize(
    "line",
    [
        "sqlite3.OperationalError: database is locked",
        "E       sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) database is locked",
        "django.db.utils.OperationalError: database table is locked: auth_user",
        "Error: SQLITE_BUSY: database is locked",
        "psycopg.errors.DeadlockDetected: deadlock detected",
    ],
)
def test_a_check_that_failed_on_a_lock_is_found(make_repository: MakeRepository, line: str) -> None:
    """The exception's line in the output of a failed check of the newest run is a gap, at its line."""
    repository = make_repository()
    leave_check(run_of(repository), at(1), f"one\n{line}\n")
    assert gaps_of(repository) == ["locked-in-checks .autonomous_runs/sample/runs/r1/r1/ci/phase-1/tests.log:2"]


def test_talk_of_locks_and_checks_that_passed_are_no_gap(make_repository: MakeRepository) -> None:
    """Prose, a retry that is only logged, another program's file and the output of a passed check are silent."""
    repository = make_repository({"docs/faq.md": LOCKED, "server.log": LOCKED})
    passed, talks = run_of(repository, "passed"), run_of(repository, "talks")
    leave_check(passed, at(1), LOCKED, outcome="passed")
    assert gaps_of(repository) == []
    leave_check(talks, at(2), "INFO: retrying, database is locked\nwhat to do when the database is locked\n")
    assert gaps_of(repository) == []


def test_the_newest_run_with_checks_answers_for_the_older(make_repository: MakeRepository) -> None:
    """A later run whose checks went well closes the gap, and one that made no checks does not; names play no part."""
    repository = make_repository()
    leave_check(run_of(repository, "z-first"), at(1), LOCKED)
    append_event(run_of(repository, "b-idle").event_log, "started", {}, at(2))
    assert len(gaps_of(repository)) == 1
    leave_check(run_of(repository, "a-second"), at(3), "3 passed\n", outcome="passed")
    assert gaps_of(repository) == []


def test_an_output_that_is_not_the_recorded_one_is_ignored(make_repository: MakeRepository) -> None:
    """What somebody wrote into a run's folder, or a log that is no log, tells nothing."""
    repository = make_repository()
    layout = run_of(repository)
    leave_check(layout, at(1), "1 failed\n")
    layout.check_output("phase-1", "tests").write_text(LOCKED, encoding="utf-8")
    (run_of(repository, "odd").event_log).parent.mkdir(parents=True)
    run_of(repository, "odd").event_log.write_bytes(b'{"at":"9999"}\n\xff[[[\n{"event":"check","details":[]}\n')
    assert gaps_of(repository) == []


def test_run_logs_are_part_of_the_state_only_by_what_they_tell(make_repository: MakeRepository) -> None:
    """Two scans give the same bytes; a run that has nothing to tell changes none of them, one that has changes them."""
    repository = make_repository()
    before = report_of(repository, DETECTOR).model_dump_json()
    leave_check(run_of(repository, "good"), at(1), "3 passed\n", outcome="passed")
    assert report_of(repository, DETECTOR).model_dump_json() == before
    leave_check(run_of(repository, "bad"), at(2), LOCKED)
    after = report_of(repository, DETECTOR)
    assert after.workspace_state_digest != json.loads(before)["workspace_state_digest"]
    assert report_of(repository, DETECTOR) == after
