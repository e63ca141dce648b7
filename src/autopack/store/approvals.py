"""Approval requests, the first decision on each, and its single use. Documents are opaque here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from autopack.store.database import Database


@dataclass(frozen=True)
class StoredDecision:
    """The decision that stands on a request."""

    request_id: str
    decision: str
    decided_by: str
    channel: str
    decided_at: str
    reason: str


@dataclass(frozen=True)
class StoredRequest:
    """A request (`document` is its canonical JSON), the decision that stands, and what used it up."""

    request_id: str
    project_id: str
    run_id: str
    action_id: str
    evidence_digest: str
    document: str
    requested_at: str
    decision: StoredDecision | None = None
    used_for: str | None = None


def add_requests(database: Database, requests: Iterable[StoredRequest]) -> None:
    """Store REQUESTS, all or none; storing one again changes nothing."""
    rows = [
        {name: value for name, value in vars(request).items() if name not in {"decision", "used_for"}}
        for request in requests
    ]
    with database.change() as connection:
        connection.executemany(
            "INSERT INTO approval_requests VALUES (:request_id, :project_id, :run_id, :action_id, :evidence_digest,"
            " :document, :requested_at) ON CONFLICT (request_id) DO NOTHING",
            rows,
        )


def add_request(database: Database, request: StoredRequest) -> None:
    """Store one REQUEST; storing it again changes nothing."""
    add_requests(database, [request])


def record_decision(database: Database, decision: StoredDecision) -> StoredDecision:
    """Store DECISION unless there is one; return the one that stands. On disk when this returns."""
    with database.change() as connection:
        connection.execute(
            "INSERT INTO decisions VALUES (:request_id, :decision, :decided_by, :channel, :decided_at, :reason)"
            " ON CONFLICT (request_id) DO NOTHING",
            vars(decision),
        )
        row = connection.execute("SELECT * FROM decisions WHERE request_id = ?", (decision.request_id,)).fetchone()
    return StoredDecision(*row)


def consume(database: Database, request_id: str, used_for: str, used_at: str) -> bool:
    """Use up the approval of REQUEST_ID for USED_FOR; True only if it was allowed and no other use has it."""
    with database.change() as connection:
        done = connection.execute(
            "INSERT INTO consumptions SELECT request_id, ?2, ?3 FROM decisions"
            " WHERE request_id = ?1 AND decision = 'allow_once'"
            " ON CONFLICT (request_id) DO UPDATE SET used_at = used_at WHERE used_for = excluded.used_for",
            (request_id, used_for, used_at),
        )
        return done.rowcount == 1


def requests_of_run(database: Database, run_id: str) -> tuple[StoredRequest, ...]:
    """Return the requests of a run in the order in which they were made."""
    return _find(database, "run_id = ?", (run_id,))


def all_requests(database: Database, *, undecided: bool = False) -> tuple[StoredRequest, ...]:
    """Return every request, or every UNDECIDED one, in the order in which they were made."""
    return _find(database, "decisions.request_id IS NULL" if undecided else "1 = 1", ())


def requests_for_evidence(
    database: Database, *, project_id: str, action_id: str, evidence_digest: str
) -> tuple[StoredRequest, ...]:
    """Return the requests, of any run of the project, for the same action on the same evidence."""
    where = "project_id = ? AND action_id = ? AND evidence_digest = ?"
    return _find(database, where, (project_id, action_id, evidence_digest))


def _find(database: Database, where: str, parameters: tuple[object, ...]) -> tuple[StoredRequest, ...]:
    rows = database.rows(
        "SELECT approval_requests.*, decision, decided_by, channel, decided_at, reason, used_for"
        " FROM approval_requests LEFT JOIN decisions USING (request_id) LEFT JOIN consumptions USING (request_id)"
        f" WHERE {where} ORDER BY approval_requests.rowid",
        parameters,
    )
    return tuple(_request(row) for row in rows)


def _request(row: sqlite3.Row) -> StoredRequest:
    names = ("request_id", "project_id", "run_id", "action_id", "evidence_digest", "document", "requested_at")
    decision = None
    if row["decision"] is not None:
        parts = ("request_id", "decision", "decided_by", "channel", "decided_at", "reason")
        decision = StoredDecision(**{name: row[name] for name in parts})
    return StoredRequest(**{name: row[name] for name in names}, decision=decision, used_for=row["used_for"])
