"""Approval requests, what people answered, the decision that stands, and its single use. Documents are opaque here.

Time only moves forward: the latest instant ever seen is kept, and whatever is judged later is judged at that instant
or after it. A clock that is moved back therefore revives nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autopack.errors import StaleError, UsageError
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
class StoredVote:
    """What one person answered; `person` tells people apart whatever the channel."""

    request_id: str
    person: str
    decision: str
    decided_by: str
    channel: str
    decided_at: str
    reason: str
    signature: str = ""


@dataclass(frozen=True)
class StoredRevocation:
    """Who took a request, an approval or a remembered rejection back."""

    request_id: str
    revoked_by: str
    revoked_at: str
    reason: str


@dataclass(frozen=True)
class StoredRequest:
    """A request (`document` is its canonical JSON), the decision that stands, what used it up or took it back."""

    request_id: str
    project_id: str
    run_id: str
    action_id: str
    evidence_digest: str
    document: str
    requested_at: str
    expires_at: str
    """Empty for a request that was made before requests expired; it counts as expired."""
    subject_digest: str
    """What a rejection for good is remembered by: kind and paths, whatever the evidence."""
    decision: StoredDecision | None = None
    used_for: str | None = None
    revocation: StoredRevocation | None = None
    votes: int = 0
    """Approvals so far, where several people are needed."""


_COLUMNS = (
    "request_id",
    "project_id",
    "run_id",
    "action_id",
    "evidence_digest",
    "document",
    "requested_at",
    "expires_at",
    "subject_digest",
)


def add_requests(database: Database, requests: Iterable[StoredRequest], *, channels: Sequence[str] = ()) -> None:
    """Store REQUESTS, all or none, and with them what CHANNELS have to deliver; storing one again changes nothing."""
    rows = [{name: getattr(request, name) for name in _COLUMNS} for request in requests]
    with database.change() as connection:
        connection.executemany(
            f"INSERT INTO approval_requests ({', '.join(_COLUMNS)}) VALUES (:{', :'.join(_COLUMNS)})"
            " ON CONFLICT (request_id) DO NOTHING",
            rows,
        )
        for row in rows:
            advance(connection, row["requested_at"])
            connection.executemany(
                "INSERT INTO outbox (channel, request_id, event, next_attempt_at) VALUES (?, ?, 'asked', ?)"
                " ON CONFLICT DO NOTHING",
                [(channel, row["request_id"], row["requested_at"]) for channel in channels],
            )


def add_request(database: Database, request: StoredRequest) -> None:
    """Store one REQUEST; storing it again changes nothing."""
    add_requests(database, [request])


def advance(connection: sqlite3.Connection, instant: str) -> str:
    """Return INSTANT, or the latest that was ever seen where that is later; remember it. Inside a change."""
    row = connection.execute(
        "INSERT INTO latest_instant VALUES (1, ?) ON CONFLICT (one)"
        " DO UPDATE SET instant = max(instant, excluded.instant) RETURNING instant",
        (instant,),
    ).fetchone()
    return str(row["instant"])


def latest_instant(database: Database, instant: str) -> str:
    """Return INSTANT, or the latest that was ever seen where that is later."""
    rows = database.rows("SELECT instant FROM latest_instant")
    return max(instant, rows[0]["instant"]) if rows else instant


def record_vote(database: Database, vote: StoredVote, *, needed: int) -> StoredDecision | None:
    """Store the first answer of a person and return the decision that stands, or None while approvals are missing.

    One rejection decides; an approval decides when NEEDED people have given one. Raises StaleError for a request that
    expired or was revoked, UsageError for an unknown one or where this person answered otherwise before. On disk when
    this returns.
    """
    with database.change() as connection:
        instant = advance(connection, vote.decided_at)
        standing = _standing(connection, vote.request_id)
        if standing is not None:
            return standing
        _require_open(connection, vote.request_id, instant)
        connection.execute(
            "INSERT INTO votes VALUES (:request_id, :person, :decision, :decided_by, :channel, :decided_at, :reason,"
            " :signature) ON CONFLICT (request_id, person) DO NOTHING",
            {**vars(vote), "decided_at": instant},
        )
        votes = [
            StoredVote(**dict(row))
            for row in connection.execute(
                "SELECT * FROM votes WHERE request_id = ? ORDER BY rowid", (vote.request_id,)
            ).fetchall()
        ]
        mine = next(one for one in votes if one.person == vote.person)
        if mine.decision != vote.decision:
            raise UsageError(
                f"{mine.decided_by} answered {mine.decision} before, at {mine.decided_at}.",
                hint="The first answer of a person stands; `autopack approvals revoke` takes the request back.",
            )
        decided = _decided(votes, needed)
        if decided is not None:
            _store_decision(connection, decided)
        return decided


def record_decision(database: Database, decision: StoredDecision) -> StoredDecision:
    """Store DECISION, which needs nobody else, unless there is one; return the one that stands. On disk when this
    returns. Raises as `record_vote`."""
    vote = StoredVote(**vars(decision), person=f"{decision.channel}:{decision.decided_by}")
    standing = record_vote(database, vote, needed=1)
    if standing is None:
        raise UsageError(f"The request {decision.request_id} waits for others.", hint="autopack approvals list")
    return standing


def _decided(votes: Sequence[StoredVote], needed: int) -> StoredDecision | None:
    last = votes[-1]
    if last.decision.startswith("reject"):
        named: Sequence[StoredVote] = [last]
    elif len(votes) < needed:
        return None
    else:
        named = votes
    kinds = {one.decision for one in named}
    channels = sorted({one.channel for one in named})
    return StoredDecision(
        request_id=last.request_id,
        decision=kinds.pop() if len(kinds) == 1 else "allow_once",
        decided_by=" and ".join(one.decided_by for one in named),
        channel="+".join(channels),
        decided_at=last.decided_at,
        reason="; ".join(one.reason for one in named if one.reason),
    )


def _standing(connection: sqlite3.Connection, request_id: str) -> StoredDecision | None:
    row = connection.execute("SELECT * FROM decisions WHERE request_id = ?", (request_id,)).fetchone()
    return None if row is None else StoredDecision(*row)


def _store_decision(connection: sqlite3.Connection, decision: StoredDecision) -> None:
    """Store DECISION, and have every channel that was asked tell that the request is settled."""
    connection.execute(
        "INSERT INTO decisions VALUES (:request_id, :decision, :decided_by, :channel, :decided_at, :reason)",
        vars(decision),
    )
    _tell_settled(connection, decision.request_id, decision.decided_at)


def _tell_settled(connection: sqlite3.Connection, request_id: str, instant: str) -> None:
    connection.execute(
        "INSERT INTO outbox (channel, request_id, event, next_attempt_at)"
        " SELECT channel, request_id, 'settled', ?2 FROM outbox WHERE request_id = ?1 AND event = 'asked'"
        " ON CONFLICT DO NOTHING",
        (request_id, instant),
    )


def _require_open(connection: sqlite3.Connection, request_id: str, instant: str) -> None:
    row = connection.execute(
        "SELECT expires_at, revoked_by, revoked_at FROM approval_requests LEFT JOIN revocations USING (request_id)"
        " WHERE request_id = ?",
        (request_id,),
    ).fetchone()
    if row is None:
        raise UsageError(f"There is no request {request_id}.", hint="autopack approvals list")
    if row["revoked_by"] is not None:
        raise StaleError(
            f"The request {request_id} was revoked by {row['revoked_by']} at {row['revoked_at']}.",
            hint="Run the autopilot again for a new request.",
        )
    if row["expires_at"] <= instant:
        raise StaleError(
            f"The request {request_id} expired at {row['expires_at'] or 'an unstated time'}.",
            hint="Run the autopilot again for a new request.",
        )


def consume(database: Database, request_id: str, used_for: str, used_at: str) -> bool:
    """Use up the approval of REQUEST_ID for USED_FOR.

    True only if it was allowed, neither expired nor revoked, and no other use has it; what a use has taken it keeps.
    """
    with database.change() as connection:
        instant = advance(connection, used_at)
        taken = connection.execute("SELECT used_for FROM consumptions WHERE request_id = ?", (request_id,)).fetchone()
        if taken is not None:
            return bool(taken["used_for"] == used_for)
        done = connection.execute(
            "INSERT INTO consumptions SELECT request_id, ?2, ?3 FROM decisions"
            " JOIN approval_requests USING (request_id) WHERE request_id = ?1"
            " AND decision IN ('allow_once', 'allow_always') AND expires_at > ?3"
            " AND request_id NOT IN (SELECT request_id FROM revocations)",
            (request_id, used_for, instant),
        )
        return done.rowcount == 1


def revoke(database: Database, revocation: StoredRevocation) -> None:
    """Take a request back: nobody can answer it, its approval cannot be used, its rejection is forgotten.

    Raises UsageError for an unknown request and for an approval that was used: what was carried out is undone by git.
    """
    with database.change() as connection:
        instant = advance(connection, revocation.revoked_at)
        known = connection.execute(
            "SELECT used_for FROM approval_requests LEFT JOIN consumptions USING (request_id) WHERE request_id = ?",
            (revocation.request_id,),
        ).fetchone()
        if known is None:
            raise UsageError(f"There is no request {revocation.request_id}.", hint="autopack approvals list --all")
        if known["used_for"] is not None:
            raise UsageError(
                f"The approval {revocation.request_id} was used for {known['used_for']}.",
                hint="Revert its commit on the run's branch instead.",
            )
        connection.execute(
            "INSERT INTO revocations VALUES (:request_id, :revoked_by, :revoked_at, :reason)"
            " ON CONFLICT (request_id) DO NOTHING",
            {**vars(revocation), "revoked_at": instant},
        )
        _tell_settled(connection, revocation.request_id, instant)


def get_request(database: Database, request_id: str) -> StoredRequest | None:
    """Return the request of that id, or None."""
    found = _find(database, "approval_requests.request_id = ?", (request_id,))
    return found[0] if found else None


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


def rejected_for_good(database: Database, *, project_id: str, subject_digest: str) -> tuple[StoredRequest, ...]:
    """Return the requests of the project whose subject was rejected for good."""
    where = "project_id = ? AND subject_digest = ? AND decision = 'reject_always'"
    return _find(database, where, (project_id, subject_digest))


def votes_on(database: Database, request_id: str) -> tuple[StoredVote, ...]:
    """Return what each person answered on a request, in the order in which they did."""
    rows = database.rows("SELECT * FROM votes WHERE request_id = ? ORDER BY rowid", (request_id,))
    return tuple(StoredVote(**dict(row)) for row in rows)


def _find(database: Database, where: str, parameters: tuple[object, ...]) -> tuple[StoredRequest, ...]:
    rows = database.rows(
        "SELECT approval_requests.*, decision, decided_by, decisions.channel AS channel, decided_at,"
        " decisions.reason AS reason, used_for, revoked_by, revoked_at, revocations.reason AS revoked_because,"
        " (SELECT count(*) FROM votes WHERE votes.request_id = approval_requests.request_id) AS votes"
        " FROM approval_requests LEFT JOIN decisions USING (request_id) LEFT JOIN consumptions USING (request_id)"
        f" LEFT JOIN revocations USING (request_id) WHERE {where} ORDER BY approval_requests.rowid",
        parameters,
    )
    return tuple(_request(row) for row in rows)


def _request(row: sqlite3.Row) -> StoredRequest:
    decision = revocation = None
    if row["decision"] is not None:
        parts = ("request_id", "decision", "decided_by", "channel", "decided_at", "reason")
        decision = StoredDecision(*(row[name] for name in parts))
    if row["revoked_by"] is not None:
        revocation = StoredRevocation(row["request_id"], row["revoked_by"], row["revoked_at"], row["revoked_because"])
    return StoredRequest(
        **{name: row[name] for name in _COLUMNS},
        decision=decision,
        used_for=row["used_for"],
        revocation=revocation,
        votes=row["votes"],
    )
