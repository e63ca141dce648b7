"""The lines that a report points at, as they stand in the working tree; for excerpts on a screen."""

from __future__ import annotations

import os
from collections.abc import Iterable

from autopack.artifacts.canonical import bytes_digest
from autopack.artifacts.redaction import redact
from autopack.config import Settings
from autopack.gaps.models import Evidence, Gap

_MOST_BYTES = 8 * 1024 * 1024
_MOST_OF_A_LINE = 4_096


def source_lines(settings: Settings, gaps: Iterable[Gap], *, places: int) -> dict[tuple[str, int], str]:
    """Return (path, line) -> the line without secrets, for the first PLACES places of each gap.

    A line that is not the one that was judged (its digest differs), or a file that cannot be read, is left out.
    """
    wanted: dict[str, dict[int, Evidence]] = {}
    for gap in gaps:
        for evidence in [one for one in gap.evidence if one.path][:places]:
            if evidence.path and evidence.line and evidence.excerpt_sha256:
                wanted.setdefault(evidence.path, {})[evidence.line] = evidence
    found: dict[tuple[str, int], str] = {}
    for path, lines in sorted(wanted.items()):
        content = _read(settings, path).split(b"\n")
        for number, evidence in lines.items():
            line = content[number - 1].rstrip(b"\r") if number <= len(content) else b""
            if bytes_digest(line) == evidence.excerpt_sha256:
                found[path, number] = redact(line[:_MOST_OF_A_LINE].decode("utf-8", "replace"))
    return found


def _read(settings: Settings, path: str) -> bytes:
    """Return the bytes of PATH; of nothing but a plain file, and never through a link at its end."""
    try:
        descriptor = os.open(settings.workspace / path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as handle:
            return handle.read(_MOST_BYTES)
    except (OSError, ValueError):
        return b""
