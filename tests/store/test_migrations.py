"""A file that an older Autopack wrote is brought up to date, whole or not at all, and loses nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from autopack.store import database as database_module
from autopack.store.approvals import all_requests, consume
from autopack.store.database import SCHEMA_VERSION, open_database


def _old_file(path: Path) -> None:
    """Write a file of version 1 with a used approval, a rejection and a question that waits."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in database_module._SCHEMA.split(";\n"):
        connection.execute(statement)
    connection.execute("INSERT INTO schema_version VALUES (1)")
    for number in (1, 2, 3):
        row = (f"request-{number}", "sample", "run-1", f"action-{number}", "e", "{}", "2026-01-02T03:04:05Z")
        connection.execute("INSERT INTO approval_requests VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    for number, decision in ((1, "allow_once"), (2, "reject_once")):
        row = (f"request-{number}", decision, "ada", "cli", "2026-01-02T03:04:06Z", "why")
        connection.execute("INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.execute("INSERT INTO consumptions VALUES ('request-1', 'run-1/action-1', '2026-01-02T03:04:07Z')")
    connection.close()


def test_an_old_file_keeps_what_was_decided_and_used(tmp_path: Path) -> None:
    """Decisions and uses are there, what waited has no end and counts as expired, and every reference holds."""
    path = tmp_path / "autopack.db"
    _old_file(path)
    with open_database(path) as database:
        assert database.rows("SELECT version FROM schema_version")[0][0] == SCHEMA_VERSION
        first, second, third = all_requests(database)
        assert (first.used_for, first.decision and first.decision.decision) == ("run-1/action-1", "allow_once")
        assert second.decision is not None
        assert second.decision.reason == "why"
        assert (third.decision, third.expires_at) == (None, "")
        assert consume(database, "request-1", "run-1/action-1", "2026-01-02T03:04:08Z")
        assert not consume(database, "request-2", "run-1/action-2", "2026-01-02T03:04:08Z")
        assert database.rows("PRAGMA foreign_key_check") == []
        assert database.rows("PRAGMA foreign_keys")[0][0] == 1


def test_an_old_and_a_new_file_have_the_same_tables(tmp_path: Path) -> None:
    """Bringing a file up to date and making a new one end in the same schema."""
    _old_file(tmp_path / "old.db")
    schemas = []
    for name in ("old.db", "new.db"):
        with open_database(tmp_path / name) as database:
            rows = database.rows("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")
            schemas.append([tuple(row) for row in rows])
    assert schemas[0] == schemas[1]


def test_a_migration_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that fails half-way takes everything back; the repaired version then goes through."""
    path = tmp_path / "autopack.db"
    _old_file(path)
    whole = dict(database_module._MIGRATIONS)
    broken = {**whole, SCHEMA_VERSION: whole[SCHEMA_VERSION] + "\nINSERT INTO nowhere VALUES (1);\n"}
    monkeypatch.setattr(database_module, "_MIGRATIONS", broken)
    with pytest.raises(Exception, match="nowhere"):
        open_database(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version FROM schema_version").fetchone() == (1,)
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
    connection.close()
    assert "outbox" not in tables
    monkeypatch.setattr(database_module, "_MIGRATIONS", whole)
    with open_database(path) as database:
        assert len(all_requests(database)) == 3
