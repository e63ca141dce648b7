"""The store keeps what it acknowledged, refuses what it does not understand, and never shows a traceback for a file."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from autopack.errors import ArtifactError, EnvironmentFault, LockHeld, UnsafeRepository
from autopack.store import database as database_module
from autopack.store.database import SCHEMA_VERSION, open_database


def test_a_new_database_brings_its_folder_and_the_folders_gitignore(tmp_path: Path) -> None:
    """Opening makes the runs folder with a `.gitignore` of `*`, in WAL with full synchronisation."""
    path = tmp_path / ".autonomous_runs" / "autopack.db"
    with open_database(path) as database:
        assert database.rows("PRAGMA journal_mode")[0][0] == "wal"
        assert database.rows("PRAGMA synchronous")[0][0] == 2
        assert database.rows("SELECT version FROM schema_version")[0][0] == SCHEMA_VERSION
    assert (path.parent / ".gitignore").read_text() == "*\n"


_HEADER = b"SQLite format 3\0"


@pytest.mark.parametrize(
    "content",
    [b"not a database at all, but long enough" * 50, _HEADER + b"\xff" * 4_096, _HEADER],
    ids=["text", "bad header", "only a header"],
)
def test_a_damaged_file_is_named_with_a_way_out(tmp_path: Path, content: bytes) -> None:
    """A file that is no database is refused with the file's name and a hint, and is left as it is."""
    path = tmp_path / "autopack.db"
    path.write_bytes(content)
    with pytest.raises(ArtifactError) as refusal, open_database(path) as database:
        database.rows("SELECT * FROM runs")
    assert str(path) in refusal.value.message
    assert "Move it away" in refusal.value.hint
    assert path.read_bytes() == content


def test_a_database_whose_middle_was_overwritten_is_refused_when_it_is_read(tmp_path: Path) -> None:
    """Damage behind the first page is found when the page is needed, as the same error."""
    path = tmp_path / "autopack.db"
    open_database(path).close()
    data = bytearray(path.read_bytes())
    data[4_096:] = b"\xaa" * (len(data) - 4_096)
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match="damaged"), open_database(path) as database:
        database.rows("SELECT * FROM runs")


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 0, 999])
def test_another_schema_is_refused_untouched(tmp_path: Path, version: int) -> None:
    """A newer (or unknown) schema is named and neither read nor changed."""
    path = tmp_path / "autopack.db"
    with open_database(path) as database, database.change() as connection:
        connection.execute("UPDATE schema_version SET version = ?", (version,))
    with pytest.raises(ArtifactError, match=f"schema version {version}"):
        open_database(path)


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    """A database with other tables is not filled with ours."""
    path = tmp_path / "autopack.db"
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE recipes (name TEXT)")
    foreign.commit()
    foreign.close()
    with pytest.raises(ArtifactError, match="no database of Autopack"):
        open_database(path)


def test_a_linked_runs_folder_is_refused(tmp_path: Path) -> None:
    """The store does not follow a link that a repository could have committed."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".autonomous_runs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafeRepository):
        open_database(tmp_path / ".autonomous_runs" / "autopack.db")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_is_an_environment_fault(tmp_path: Path) -> None:
    """A folder that cannot be written to is exit 30, not a traceback."""
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(EnvironmentFault):
            open_database(tmp_path / "runs" / "autopack.db")
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_in_the_place_of_the_file_is_an_environment_fault(tmp_path: Path) -> None:
    """What cannot be opened is named."""
    (tmp_path / "autopack.db").mkdir()
    with pytest.raises(EnvironmentFault, match=r"autopack\.db"):
        open_database(tmp_path / "autopack.db")


def test_a_writer_that_does_not_end_is_named_as_a_held_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for another writer ends, and says so."""
    monkeypatch.setattr(database_module, "_BUSY_SECONDS", 0.1)
    path = tmp_path / "autopack.db"
    with open_database(path) as first, open_database(path) as second, first.change():
        with pytest.raises(LockHeld, match="busy"), second.change():
            pass
        assert second.rows("SELECT * FROM runs") == []


def test_a_failed_change_stores_nothing(tmp_path: Path) -> None:
    """All of a change is stored, or nothing."""
    with open_database(tmp_path / "autopack.db") as database:
        with pytest.raises(ZeroDivisionError), database.change() as connection:
            connection.execute("INSERT INTO budgets (run_id, resource, spent) VALUES ('r', 'lines', 1)")
            raise ZeroDivisionError
        assert database.rows("SELECT * FROM budgets") == []
        with database.change() as connection:
            connection.execute("INSERT INTO budgets (run_id, resource, spent) VALUES ('r', 'lines', 1)")
        assert len(database.rows("SELECT * FROM budgets")) == 1


_WRITER = """
import sys
from pathlib import Path
from autopack.store.budgets import spend
from autopack.store.database import open_database
with open_database(Path(sys.argv[1])) as database:
    while True:
        print(spend(database, sys.argv[2], "lines", 1).spent, flush=True)
"""


def _start(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def test_what_was_acknowledged_survives_a_killed_writer(tmp_path: Path) -> None:
    """After kill -9 in the middle of writing, everything that was reported as stored is there, and the file is
    whole."""
    path = tmp_path / "autopack.db"
    for attempt in range(3):
        writer = _start(_WRITER, path, f"run-{attempt}")
        assert writer.stdout is not None
        acknowledged = 0
        while acknowledged < 20 + attempt:
            acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.communicate()[0].split()
        acknowledged = int(rest[-1]) if rest else acknowledged
        with open_database(path) as database:
            spent = database.rows("SELECT spent FROM budgets WHERE run_id = ?", (f"run-{attempt}",))[0][0]
            assert spent in {acknowledged, acknowledged + 1}
            assert database.rows("PRAGMA integrity_check")[0][0] == "ok"


_OPENER = """
import sys
from pathlib import Path
from autopack.store.budgets import spend
from autopack.store.database import open_database
sys.stdin.readline()
with open_database(Path(sys.argv[1])) as database:
    for _ in range(50):
        spend(database, "shared", "actions", 1)
"""


def test_six_processes_may_make_and_fill_the_same_database_at_once(tmp_path: Path) -> None:
    """Opening a database that is just being made waits for it; no write of any process is lost."""
    path = tmp_path / "runs" / "autopack.db"
    processes = [
        subprocess.Popen([sys.executable, "-c", _OPENER, str(path)], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    answers = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0] * 6, answers
    with open_database(path) as database:
        assert database.rows("SELECT spent FROM budgets")[0][0] == 300
