"""Delivering what waits in the outbox. A channel that is down keeps nothing but its own messages waiting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from autopack.artifacts.redaction import redact
from autopack.governance.approvals import ApprovalRecord, record_of
from autopack.governance.channels.channel import Channel, ChannelDown, Telling
from autopack.store.database import Database
from autopack.store.outbox import (
    Message,
    claim_due,
    delivered_reference,
    give_back,
    mark_delivered,
    mark_failed,
)


@dataclass(frozen=True)
class Delivered:
    """What one attempt at a channel came to."""

    channel: str
    delivered: int
    failed: int
    error: str


def deliver_due(database: Database, channel: Channel, now: datetime) -> Delivered:
    """Deliver what is due for CHANNEL, run by run; the first message that it does not take ends the attempt.

    Each message is struck off as soon as it was taken. What was not tried is given back, what failed waits.
    """
    claimed = claim_due(database, channel.name, now)
    told, done = [], 0
    for message in claimed:
        record = record_of(database, message.request_id, now)
        if record is None or _is_needless(message, record):
            mark_delivered(database, message.message_id, reference="", now=now)
            continue
        told.append((message, _telling(database, channel.name, message, record)))
    error = ""
    try:
        for reference in channel.deliver([telling for _, telling in told]):
            mark_delivered(database, told[done][0].message_id, reference=reference[:500], now=now)
            done += 1
    except ChannelDown as fault:
        error = redact(fault.message)
    return _leave(database, channel.name, [message for message, _ in told], done, error, now)


def _leave(database: Database, name: str, tried: Sequence[Message], done: int, error: str, now: datetime) -> Delivered:
    if error and done < len(tried):
        mark_failed(database, tried[done], error=error, now=now)
        for message in tried[done + 1 :]:
            give_back(database, message)
    return Delivered(name, done, 1 if error else 0, error)


def _is_needless(message: Message, record: ApprovalRecord) -> bool:
    """Return whether nobody has to be told: a question that is settled before it was asked."""
    return message.event == "asked" and bool(settled_as(record))


def _telling(database: Database, channel: str, message: Message, record: ApprovalRecord) -> Telling:
    settled = settled_as(record) if message.event == "settled" else ""
    reference = delivered_reference(database, channel, message.request_id)
    return Telling(record.request, settled, reference)


def settled_as(record: ApprovalRecord) -> str:
    """Return what became of a request, in a sentence, or an empty text while it waits."""
    if record.decision is not None and not record.ended:
        word = "Approved" if record.decision.allows else "Rejected"
        return f"{word} by {record.decision.decided_by} via {record.decision.channel} at {record.decision.decided_at}."
    return f"Void: {record.ended}." if record.ended else ""
