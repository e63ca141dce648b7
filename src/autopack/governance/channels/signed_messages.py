"""Signed messages over HTTP, by the specification Standard Webhooks (https://www.standardwebhooks.com).

The signature is HMAC-SHA-256 over `id.timestamp.body`; a message counts within five minutes of its time stamp.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from autopack.errors import UsageError

TOLERANCE_SECONDS = 300
LEAST_SECRET_BYTES = 16


def secret_bytes(secret: str, name: str) -> bytes:
    """Return the key in SECRET (base64, or base64 after `whsec_`, or plain text); raises UsageError, naming the
    variable NAME, for one that could be guessed."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = secret.encode()
    if len(key) < LEAST_SECRET_BYTES:
        raise UsageError(
            f"The secret in {name} is shorter than {LEAST_SECRET_BYTES} bytes.",
            hint=f"export {name}=whsec_$(openssl rand -base64 32)",
        )
    return key


def signed_headers(message_id: str, now: datetime, body: bytes, key: bytes) -> dict[str, str]:
    """Return the three headers that sign BODY."""
    seconds = str(int(now.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{_signature(message_id, seconds, body, key)}",
    }


def is_signed(headers: Mapping[str, str], body: bytes, key: bytes, now: datetime) -> bool:
    """Return whether HEADERS (names in lower case) sign BODY with KEY, now."""
    message_id, seconds = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not seconds.isascii() or not seconds.isdigit() or len(seconds) > 12:
        return False
    if abs(int(seconds) - now.timestamp()) > TOLERANCE_SECONDS:
        return False
    expected = _signature(message_id, seconds, body, key).encode()
    given = [part.removeprefix("v1,") for part in headers.get("webhook-signature", "").split(" ")[:8]]
    return any(hmac.compare_digest(expected, one.encode()) for one in given)


def _signature(message_id: str, seconds: str, body: bytes, key: bytes) -> str:
    signed = f"{message_id}.{seconds}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
