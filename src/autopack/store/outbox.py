"""What channels have to deliver, what came in over them, and where each of them stands.

A message is put here in the transaction that makes its request, is claimed by moving its next attempt into the
future, and is struck off only after the channel took it. A deliverer that is killed loses nothing: the claim runs out
and the next one delivers (again, if need be: a request may be told twice, it is decided once).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from autopack.clock import timestamp
from autopack.store.approvals import advance
from autopack.store.database import Database

CLAIM_SECONDS = 120
"""How long a message that is being delivered is kept from other deliverers."""

_FIRST_WAIT_SECONDS = 15
_LONGEST_WAIT_SECONDS = 3_600


@dataclass(frozen=True)
class Message:
    """One thing that one channel has to tell about one request."""

    message_id: int
    channel: str
    request_id: str
    event: str
    """`asked` or `settled`."""
    attempts: int
    next_attempt_at: str
    delivered_at: str | None
    reference: str
    """What the channel calls the message: a number or an address."""
    last_error: str


@dataclass(frozen=True)
class StoredAnswer:
    """One answer that came in over a channel, and what became of it."""

    channel: str
    event_id: str
    request_id: str
    identity: str
    decision: str
    received_at: str
    outcome: str
    """`accepted` or `refused`."""
    detail: str


def wait_seconds(attempts: int) -> int:
    """Return how long to wait after ATTEMPTS failed ones: 15 s, doubled each time, at most an hour."""
    doublings = max(0, min(attempts - 1, 12))
    return min(_FIRST_WAIT_SECONDS << doublings, _LONGEST_WAIT_SECONDS)


def claim_due(database: Database, channel: str, now: datetime, *, most: int = 100) -> tuple[Message, ...]:
    """Return messages of CHANNEL that are due, kept from other deliverers for `CLAIM_SECONDS`, the oldest first."""
    until = timestamp(now + timedelta(seconds=CLAIM_SECONDS))
    with database.change() as connection:
        rows = connection.execute(
            "SELECT * FROM outbox WHERE channel = ? AND delivered_at IS NULL AND next_attempt_at <= ?"
            " ORDER BY message_id LIMIT ?",
            (channel, timestamp(now), most),
        ).fetchall()
        connection.executemany(
            "UPDATE outbox SET attempts = attempts + 1, next_attempt_at = ? WHERE message_id = ?",
            [(until, row["message_id"]) for row in rows],
        )
    return tuple(Message(**{**dict(row), "attempts": row["attempts"] + 1}) for row in rows)


def mark_delivered(database: Database, message_id: int, *, reference: str, now: datetime) -> None:
    """Strike a message off; REFERENCE is what the channel calls it."""
    with database.change() as connection:
        connection.execute(
            "UPDATE outbox SET delivered_at = ?, reference = ?, last_error = '' WHERE message_id = ?",
            (timestamp(now), reference, message_id),
        )


def mark_failed(database: Database, message: Message, *, error: str, now: datetime) -> None:
    """Keep a message for another attempt, later the more often it failed."""
    again = timestamp(now + timedelta(seconds=wait_seconds(message.attempts)))
    with database.change() as connection:
        connection.execute(
            "UPDATE outbox SET next_attempt_at = ?, last_error = ? WHERE message_id = ? AND delivered_at IS NULL",
            (again, error[:500], message.message_id),
        )


def give_back(database: Database, message: Message) -> None:
    """Undo a claim of a message that was not tried."""
    with database.change() as connection:
        connection.execute(
            "UPDATE outbox SET attempts = attempts - 1, next_attempt_at = ? WHERE message_id = ?",
            (message.next_attempt_at, message.message_id),
        )


def messages(database: Database, *, undelivered: bool = False) -> tuple[Message, ...]:
    """Return every message, or every UNDELIVERED one, the oldest first."""
    where = "WHERE delivered_at IS NULL" if undelivered else ""
    return tuple(Message(**dict(row)) for row in database.rows(f"SELECT * FROM outbox {where} ORDER BY message_id"))


def delivered_reference(database: Database, channel: str, request_id: str) -> str:
    """Return what CHANNEL calls the message in which REQUEST_ID was asked, or an empty text."""
    rows = database.rows(
        "SELECT reference FROM outbox WHERE channel = ? AND request_id = ? AND event = 'asked'", (channel, request_id)
    )
    return str(rows[0]["reference"]) if rows else ""


def record_answer(database: Database, answer: StoredAnswer) -> bool:
    """Put an answer on record; False, changing nothing, where this event of the channel is on record already."""
    with database.change() as connection:
        instant = advance(connection, answer.received_at)
        done = connection.execute(
            "INSERT INTO answers VALUES (:channel, :event_id, :request_id, :identity, :decision, :received_at,"
            " :outcome, :detail) ON CONFLICT DO NOTHING",
            {**vars(answer), "received_at": instant},
        )
        return done.rowcount == 1


def is_answered(database: Database, channel: str, event_id: str) -> bool:
    """Return whether this event of the channel is on record."""
    return bool(database.rows("SELECT 1 FROM answers WHERE channel = ? AND event_id = ?", (channel, event_id)))


def answers(database: Database) -> tuple[StoredAnswer, ...]:
    """Return every answer that came in, the oldest first."""
    return tuple(StoredAnswer(**dict(row)) for row in database.rows("SELECT * FROM answers ORDER BY rowid"))


def channel_value(database: Database, channel: str, name: str) -> str:
    """Return what CHANNEL keeps under NAME, or an empty text."""
    rows = database.rows("SELECT value FROM channel_state WHERE channel = ? AND name = ?", (channel, name))
    return str(rows[0]["value"]) if rows else ""


def keep_channel_value(database: Database, channel: str, name: str, value: str) -> None:
    """Keep VALUE for CHANNEL under NAME."""
    with database.change() as connection:
        connection.execute(
            "INSERT INTO channel_state VALUES (?, ?, ?)"
            " ON CONFLICT (channel, name) DO UPDATE SET value = excluded.value",
            (channel, name, value),
        )
