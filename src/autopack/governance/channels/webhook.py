"""The channel of anybody's own program: a signed message out, a signed decision in.

Whoever holds the secret is believed about who decided; the identity is `webhook:<decided_by>`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from autopack.artifacts.canonical import canonical_bytes
from autopack.clock import Clock
from autopack.governance.channels.channel import Heard, Telling
from autopack.governance.channels.https import get_json, post_json
from autopack.governance.channels.signed_messages import is_signed, signed_headers
from autopack.governance.models import ApprovalRequestV1

_MOST_ANSWERS = 1_000
_FIELDS = ("decision", "nonce", "digest", "decided_by", "reason", "signature")


class WebhookChannel:
    """Posts to `url`; hears what `poll_url` holds, if there is one."""

    name = "webhook"

    def __init__(self, *, url: str, poll_url: str | None, key: bytes, answer_key: bytes, clock: Clock) -> None:
        self._url = url
        self._poll_url = poll_url
        self._key = key
        self._answer_key = answer_key
        self._clock = clock

    def deliver(self, tellings: Sequence[Telling]) -> Iterator[str]:
        """Post each telling with its own message id, the same at every attempt, so that a receiver can tell repeats."""
        for telling in tellings:
            event = "approval.settled" if telling.settled else "approval.requested"
            message_id = f"{event}-{telling.request.request_id}"
            body = canonical_bytes(
                {
                    "type": event,
                    "digest": telling.digest,
                    "canonical_text": telling.request.canonical_text,
                    "settled": telling.settled,
                    "request": telling.request.document(),
                }
            )
            post_json(self._url, body, signed_headers(message_id, self._clock.now(), body, self._key))
            yield message_id

    def hear(self, waiting: Sequence[ApprovalRequestV1]) -> Iterable[Heard]:
        """Yield what `poll_url` answers: `{"answers": [{"headers": {…}, "body": "…"}]}`."""
        if self._poll_url is None or not waiting:
            return
        nonce = f"poll-{int(self._clock.now().timestamp())}"
        listed = get_json(self._poll_url, signed_headers(nonce, self._clock.now(), b"", self._key))
        answers = listed.get("answers") if isinstance(listed, dict) else None
        for one in answers[:_MOST_ANSWERS] if isinstance(answers, list) else ():
            headers, body = (one.get("headers"), one.get("body")) if isinstance(one, dict) else (None, None)
            if isinstance(headers, dict) and isinstance(body, str):
                named = {str(name).lower(): str(value) for name, value in headers.items()}
                yield heard_from(named, body.encode(), self._answer_key, self._clock)

    def acknowledge(self, heard: Heard, outcome: str) -> None:
        """Nothing: the event id keeps an answer from counting twice, and a settled request is told as such."""


def heard_from(headers: Mapping[str, str], body: bytes, key: bytes, clock: Clock) -> Heard:
    """Return the answer in a message; a forged, late or malformed one may decide nothing."""
    signed = is_signed(headers, body, key, clock.now())
    said = _fields(body) if signed else {}
    return Heard(
        event_id=headers.get("webhook-id", "")[:200],
        who=said.get("decided_by", "") or "whoever sent an unsigned message",
        may_decide=signed and bool(said.get("decided_by")),
        decision=said.get("decision", ""),
        nonce=said.get("nonce", ""),
        digest=said.get("digest", ""),
        reason=said.get("reason", ""),
        signature=said.get("signature", ""),
    )


def _fields(body: bytes) -> dict[str, str]:
    """Return the fields of an answer; whatever is not exactly that has none (our own messages sent back, for one)."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(document, dict) or not set(document) <= set(_FIELDS):
        return {}
    if not all(isinstance(value, str) and len(value) <= 20_000 for value in document.values()):
        return {}
    return {name: str(value) for name, value in document.items()}
