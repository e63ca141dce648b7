"""The product's own database: one SQLite file that survives a kill and a power cut, opened by any number of processes.

Settings: WAL (readers never wait), `synchronous=FULL` (an acknowledged approval is on the disk), `BEGIN IMMEDIATE` for
every change (no lost race between reading and writing). See https://sqlite.org/wal.html and
https://sqlite.org/pragma.html. The file is never opened by other means inside a process that has it open: closing any
descriptor of it would drop SQLite's POSIX locks.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from autopack.artifacts.store import ensure_runs_root
from autopack.errors import ArtifactError, EnvironmentFault, LockHeld

SCHEMA_VERSION = 5
_BUSY_SECONDS = 10.0

_SCHEMA = """
CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('created', 'waiting', 'running', 'done', 'failed', 'stopped')),
    base_commit TEXT NOT NULL,
    branch TEXT NOT NULL,
    anchor_id TEXT NOT NULL,
    gap_report_id TEXT NOT NULL,
    plan_proposal_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE approval_requests (
    request_id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    action_id TEXT NOT NULL,
    evidence_digest TEXT NOT NULL,
    document TEXT NOT NULL,
    requested_at TEXT NOT NULL
) STRICT;
CREATE INDEX approval_requests_by_run ON approval_requests (run_id, action_id);
CREATE INDEX approval_requests_by_action ON approval_requests (project_id, action_id, evidence_digest);
CREATE TABLE decisions (
    request_id TEXT PRIMARY KEY REFERENCES approval_requests (request_id),
    decision TEXT NOT NULL CHECK (decision IN ('allow_once', 'reject_once')),
    decided_by TEXT NOT NULL,
    channel TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE TABLE consumptions (
    request_id TEXT PRIMARY KEY REFERENCES decisions (request_id),
    used_for TEXT NOT NULL,
    used_at TEXT NOT NULL
) STRICT;
CREATE TABLE budgets (
    run_id TEXT NOT NULL,
    resource TEXT NOT NULL CHECK (resource IN ('tokens', 'seconds', 'actions', 'lines')),
    cap INTEGER CHECK (cap >= 0),
    spent INTEGER NOT NULL DEFAULT 0 CHECK (spent >= 0),
    PRIMARY KEY (run_id, resource)
) STRICT;
"""
"""The schema of version 1. It is never edited: a new file is made by it and every migration, as an old one was."""

_MIGRATIONS: dict[int, str] = {
    2: """
CREATE TABLE new_decisions (
    request_id TEXT PRIMARY KEY REFERENCES approval_requests (request_id),
    decision TEXT NOT NULL CHECK (decision IN ('allow_once', 'allow_always', 'reject_once', 'reject_always')),
    decided_by TEXT NOT NULL,
    channel TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
INSERT INTO new_decisions SELECT * FROM decisions;
DROP TABLE decisions;
ALTER TABLE new_decisions RENAME TO decisions;
ALTER TABLE approval_requests ADD COLUMN expires_at TEXT NOT NULL DEFAULT '';
ALTER TABLE approval_requests ADD COLUMN subject_digest TEXT NOT NULL DEFAULT '';
CREATE INDEX approval_requests_by_subject ON approval_requests (project_id, subject_digest);
CREATE TABLE votes (
    request_id TEXT NOT NULL REFERENCES approval_requests (request_id),
    person TEXT NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('allow_once', 'allow_always', 'reject_once', 'reject_always')),
    decided_by TEXT NOT NULL,
    channel TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    reason TEXT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (request_id, person)
) STRICT;
CREATE TABLE revocations (
    request_id TEXT PRIMARY KEY REFERENCES approval_requests (request_id),
    revoked_by TEXT NOT NULL,
    revoked_at TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE TABLE latest_instant (one INTEGER PRIMARY KEY CHECK (one = 1), instant TEXT NOT NULL) STRICT;
CREATE TABLE standing_grants (
    grant_id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    document TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    revoked_by TEXT,
    revoked_at TEXT
) STRICT;
CREATE INDEX standing_grants_by_kind ON standing_grants (project_id, kind);
CREATE TABLE outbox (
    message_id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    request_id TEXT NOT NULL REFERENCES approval_requests (request_id),
    event TEXT NOT NULL CHECK (event IN ('asked', 'settled')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TEXT NOT NULL,
    delivered_at TEXT,
    reference TEXT NOT NULL DEFAULT '',
    last_error TEXT NOT NULL DEFAULT '',
    UNIQUE (channel, request_id, event)
) STRICT;
CREATE INDEX outbox_due ON outbox (delivered_at, next_attempt_at);
CREATE TABLE answers (
    channel TEXT NOT NULL,
    event_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    identity TEXT NOT NULL,
    decision TEXT NOT NULL,
    received_at TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (channel, event_id)
) STRICT;
CREATE TABLE channel_state (
    channel TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (channel, name)
) STRICT;
""",
    3: """
ALTER TABLE runs ADD COLUMN fence INTEGER NOT NULL DEFAULT 1;
CREATE TABLE claims (
    run_id TEXT NOT NULL REFERENCES runs (run_id),
    claim TEXT NOT NULL,
    PRIMARY KEY (run_id, claim)
) STRICT;
""",
    4: """
CREATE TABLE phases (
    project_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    action_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    paths TEXT NOT NULL,
    outcome TEXT NOT NULL,
    estimated_lines INTEGER,
    estimated_seconds INTEGER,
    estimated_tokens INTEGER,
    lines INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (run_id, action_id)
) STRICT;
CREATE INDEX phases_by_project ON phases (project_id, at);
""",
    5: """
CREATE TABLE action_budgets (
    run_id TEXT NOT NULL,
    action_id TEXT NOT NULL,
    resource TEXT NOT NULL CHECK (resource IN ('tokens', 'seconds', 'actions', 'lines')),
    spent INTEGER NOT NULL CHECK (spent >= 0),
    PRIMARY KEY (run_id, action_id, resource)
) STRICT;
""",
}
"""Version -> the statements that bring a file of the version before up to it. Applied in one transaction."""


class Database:
    """An open database; a context manager that closes it. Use `open_database`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection inside one immediate transaction: all of it is stored, or nothing."""
        with explained(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, parameters: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """Return what a SELECT finds."""
        with explained(self.path):
            return self._connection.execute(query, parameters).fetchall()

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def open_database(path: Path) -> Database:
    """Open the database at PATH (`<runs root>/autopack.db`), making it if it is not there.

    Raises ArtifactError for a damaged file or a newer schema, LockHeld when another process writes for longer than 10
    seconds, EnvironmentFault when the disk or a permission stands in the way.
    """
    ensure_runs_root(path.parent)
    with explained(path):
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            _use_wal(connection)
            connection.execute("PRAGMA synchronous=FULL")
            database = Database(path, connection)
            _bring_up_to_date(database)
            # Only now: a migration replaces tables that others refer to (https://sqlite.org/lang_altertable.html).
            connection.execute("PRAGMA foreign_keys=ON")
        except BaseException:
            connection.close()
            raise
    return database


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about the file at PATH into Autopack's."""
    try:
        yield
    except sqlite3.OperationalError as fault:
        if fault.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise LockHeld(
                f"{path} has been busy for {_BUSY_SECONDS:.0f} seconds.", hint="Repeat when the other process is done."
            ) from fault
        raise EnvironmentFault(f"{path}: {fault}.", hint="Check free space and permissions.") from fault
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as fault:
        raise ArtifactError(
            f"{path} is damaged: {fault}.",
            hint="Move it away and repeat: runs and approvals start anew, artifacts and branches are kept.",
        ) from fault


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL. The switch needs the file alone and does not wait by itself, so it is tried for a while."""
    patience = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as fault:
            if fault.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(0.01)


def _bring_up_to_date(database: Database) -> None:
    if _version(database) == SCHEMA_VERSION:
        return
    with database.change() as connection:
        found = _version(database)
        if found is not None and not 1 <= found <= SCHEMA_VERSION:
            raise ArtifactError(
                f"{database.path} has schema version {found}; this Autopack reads {SCHEMA_VERSION}.",
                hint="Use the version of Autopack that wrote it, or a newer one.",
            )
        if found is None:
            _run_all(connection, _SCHEMA)
            connection.execute("INSERT INTO schema_version VALUES (1)")
        for version in range((found or 1) + 1, SCHEMA_VERSION + 1):
            _run_all(connection, _MIGRATIONS[version])
        connection.execute("UPDATE schema_version SET version = ?", (SCHEMA_VERSION,))


def _run_all(connection: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";\n"):
        connection.execute(statement)


def _version(database: Database) -> int | None:
    """Return the schema's version, or None for an empty file; raises ArtifactError for somebody else's database."""
    tables = {str(row["name"]) for row in database.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not tables:
        return None
    versions = database.rows("SELECT version FROM schema_version") if "schema_version" in tables else []
    if len(versions) != 1:
        raise ArtifactError(f"{database.path} is no database of Autopack.", hint="Move it away and repeat the command.")
    return int(versions[0]["version"])
