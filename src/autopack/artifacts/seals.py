"""Whether a stored artifact is, byte for byte, the one that its id was made of, without parsing and writing it anew."""

from __future__ import annotations

import hashlib


def is_sealed(text: str, *, field: str, prefix: str, artifact_id: str) -> bool:
    """Return whether TEXT, canonical JSON of an object, holds ARTIFACT_ID in FIELD, and that is the id of the rest.

    An id is made of the canonical form of all other members (`content_id`), and canonical form is one text for one
    value: so striking the member out of the text gives what the id was made of. Inside a string every quotation mark is
    escaped, so that the member cannot be found there; a text that is not canonical has another digest.
    """
    member = f',"{field}":"{artifact_id}"'
    before, found, after = text.partition(member)
    rest = hashlib.sha256(f"{before}{after}".encode("utf-8", "surrogatepass")).hexdigest()
    return bool(found) and member not in after and artifact_id == f"{prefix}-{rest[:12]}"
