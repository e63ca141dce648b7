"""Whether an answer that came in over a channel counts. Everything that came in is put on record, refused or not."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime

from autopack.clock import timestamp
from autopack.errors import AutopackError
from autopack.governance.approvals import ApprovalRecord
from autopack.governance.canonical_text import neutralise
from autopack.governance.channels.channel import DIGEST_DIGITS, Heard, short_digest
from autopack.governance.decisions import Answer, Present, decide
from autopack.governance.models import Decision
from autopack.store.database import Database
from autopack.store.outbox import StoredAnswer, is_answered, record_answer

_DECISIONS: dict[str, Decision] = {
    "allow_once": "allow_once",
    "allow_always": "allow_always",
    "reject_once": "reject_once",
    "reject_always": "reject_always",
}


def take(
    database: Database,
    channel: str,
    heard: Heard,
    *,
    find: Callable[[str], ApprovalRecord | None],
    present: Callable[[ApprovalRecord], Present],
    now: datetime,
) -> StoredAnswer:
    """Decide on an answer that came in over CHANNEL, put it on record, and return that record.

    FIND returns the request that a nonce belongs to. An event that is on record already changes nothing. Never raises
    for what an answer says; what it says is refused.
    """
    if is_answered(database, channel, _bounded(heard.event_id)):
        return _record(channel, heard, "", "refused", "it came in before", now)
    record = find(heard.nonce)
    request_id = "" if record is None else record.request.request_id
    try:
        detail = _refusal(channel, heard, record) or _decided(database, channel, heard, record, present, now)
        outcome = "accepted" if detail.startswith(_ACCEPTED) else "refused"
    except AutopackError as fault:
        outcome, detail = "refused", fault.message
    answer = _record(channel, heard, request_id, outcome, detail, now)
    record_answer(database, answer)
    return answer


_ACCEPTED = "decided: "


def _refusal(channel: str, heard: Heard, record: ApprovalRecord | None) -> str:
    """Return why the answer does not count, or an empty text."""
    if not heard.event_id.strip():
        return "it has no event id"
    if not heard.may_decide:
        return f"{heard.who} may not decide over {channel}"
    if heard.decision not in _DECISIONS:
        return f"{heard.decision!r} is no decision"
    if record is None or record.request.nonce is None:
        return "there is no such request"
    if not hmac.compare_digest(record.request.nonce.encode(), heard.nonce.encode()):
        return "the nonce is not the request's"
    if len(heard.digest) < DIGEST_DIGITS or not record.request.binding.action_digest.startswith(heard.digest):
        return f"the digest {heard.digest!r} is not the request's ({short_digest(record.request)})"
    return ""


def _decided(
    database: Database,
    channel: str,
    heard: Heard,
    record: ApprovalRecord | None,
    present: Callable[[ApprovalRecord], Present],
    now: datetime,
) -> str:
    assert record is not None
    if record.decision is not None:
        word = "approved" if record.decision.allows else "rejected"
        return f"it was {word} by {record.decision.decided_by} via {record.decision.channel} before"
    decision = _DECISIONS[heard.decision]
    answer = Answer(decision, heard.who, channel, heard.reason, heard.signature)
    decided = decide(database, record, answer, present=present(record), now=now)
    return _ACCEPTED + (decision if decided.standing is not None else f"{decision}, others are needed too")


def _record(channel: str, heard: Heard, request_id: str, outcome: str, detail: str, now: datetime) -> StoredAnswer:
    return StoredAnswer(
        channel=channel,
        event_id=_bounded(heard.event_id),
        request_id=request_id,
        identity=_bounded(heard.who),
        decision=_bounded(heard.decision),
        received_at=timestamp(now),
        outcome=outcome,
        detail=_bounded(detail, 500),
    )


def _bounded(text: str, most: int = 200) -> str:
    return neutralise(text[:most])
