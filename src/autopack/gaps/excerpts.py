"""Evidence from a place in a file: the line, its digest and a short preview."""

from __future__ import annotations

from autopack.artifacts.canonical import bytes_digest
from autopack.gaps.models import Evidence

PREVIEW_CHARACTERS = 160
_MAX_COLUMN_BYTES = 4_096
"""Beyond that nobody counts columns, and many findings on one endless line would cost quadratic time."""


def line_number(data: bytes, offset: int) -> int:
    """Return the line (from 1) that byte OFFSET of DATA is on."""
    return data.count(b"\n", 0, offset) + 1


def line_start(data: bytes, offset: int) -> int:
    """Return where the line that holds byte OFFSET begins."""
    return data.rfind(b"\n", 0, offset) + 1


def line_at(data: bytes, offset: int) -> bytes:
    """Return the line that holds byte OFFSET, without its line ending."""
    end = data.find(b"\n", offset)
    return data[line_start(data, offset) : len(data) if end < 0 else end].rstrip(b"\r")


def preview(excerpt: bytes) -> str:
    """Return EXCERPT as one short line of text."""
    text = " ".join(excerpt[: PREVIEW_CHARACTERS * 4].decode("utf-8", "replace").split())
    return text if len(text) <= PREVIEW_CHARACTERS else f"{text[: PREVIEW_CHARACTERS - 1]}…"


def evidence_at(path: str, data: bytes, offset: int) -> Evidence:
    """Return evidence for the line of PATH that holds byte OFFSET of DATA."""
    excerpt = line_at(data, offset)
    before = data[line_start(data, offset) : offset]
    return Evidence(
        path=path,
        line=line_number(data, offset),
        column=len(before.decode("utf-8", "replace")) + 1 if len(before) <= _MAX_COLUMN_BYTES else None,
        excerpt_sha256=bytes_digest(excerpt),
        preview=preview(excerpt),
    )


def evidence_of_file(path: str, sha256: str | None, note: str) -> Evidence:
    """Return evidence for PATH as a whole; NOTE says what is seen."""
    return Evidence(path=path, excerpt_sha256=sha256, preview=note)
