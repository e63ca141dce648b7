"""One byte string for one value: RFC 8785 (JSON Canonicalization Scheme), digests and ids from it."""

from __future__ import annotations

import hashlib

import rfc8785


def canonical_bytes(document: object) -> bytes:
    """Return DOCUMENT (plain JSON values) as RFC 8785 bytes.

    Raises ValueError for what JSON cannot carry exactly: NaN, infinities, integers beyond 2^53, lone surrogates.
    """
    try:
        return rfc8785.dumps(document)  # type: ignore[arg-type]
    except rfc8785.CanonicalizationError as fault:
        raise ValueError(str(fault)) from fault


def digest(document: object) -> str:
    """Return the SHA-256 (64 hex digits) of the canonical bytes of DOCUMENT."""
    return hashlib.sha256(canonical_bytes(document)).hexdigest()


def bytes_digest(data: bytes) -> str:
    """Return the SHA-256 (64 hex digits) of DATA."""
    return hashlib.sha256(data).hexdigest()


def content_id(prefix: str, document: object) -> str:
    """Return `<prefix>-<12 hex digits>` of the content of DOCUMENT."""
    return f"{prefix}-{digest(document)[:12]}"
