"""Blocks between marker comments that Autopack can regenerate, and what they should hold.

`<!-- SOT_SUMMARY_START -->` … `<!-- SOT_SUMMARY_END -->` quotes the ledgers (see `ledgers.summary`).
`<!-- AUTOPACK_BLOCK_START name=usage source=examples/usage.sh fence=sh -->` … `<!-- AUTOPACK_BLOCK_END -->` quotes the
file `source` (from the root) to the letter, inside a code fence when `fence` names its language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from autopack.gaps.markdown import fences

SUMMARY_NAME = "SOT_SUMMARY"
_MARKER = re.compile(
    rb"^[ \t]{0,8}<!--[ \t]{0,8}(SOT_SUMMARY|AUTOPACK_BLOCK)_(START|END)((?:[ \t]{1,8}[a-z]{1,20}=[^\s>]{1,300}){0,6})"
    rb"[ \t]{0,8}-->[ \t\r]*$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class MarkedBlock:
    """One block: its marker lines, the bytes between them, and what its start marker says."""

    offset: int
    start: str
    end: str
    name: str
    source: str | None
    fence: str | None
    body_start: int
    body_end: int


def marked_blocks(data: bytes) -> Iterator[MarkedBlock]:
    """Yield the closed blocks of DATA; markers inside code fences are examples, not markers."""
    if b"SOT_SUMMARY_START" not in data and b"AUTOPACK_BLOCK_START" not in data:
        return
    code = [(fence.start, fence.end) for fence in fences(data)]
    opening: re.Match[bytes] | None = None
    for match in _MARKER.finditer(data):
        if opening is None:
            if match[2] == b"START" and not any(start <= match.start() < end for start, end in code):
                opening = match
        elif match[2] == b"END" and match[1] == opening[1]:
            yield _block(opening, match)
            opening = None


def _block(opening: re.Match[bytes], closing: re.Match[bytes]) -> MarkedBlock:
    written = dict(part.split("=", 1) for part in opening[3].decode("utf-8", "replace").split())
    kind = opening[1].decode()
    return MarkedBlock(
        offset=opening.start(),
        start=opening[0].decode("utf-8", "replace").strip(),
        end=closing[0].decode("utf-8", "replace").strip(),
        name=kind if kind == SUMMARY_NAME else written.get("name", ""),
        source=written.get("source"),
        fence=written.get("fence"),
        body_start=opening.end() + 1,
        body_end=closing.start(),
    )


def quoted(source: bytes, fence: str | None) -> bytes:
    """Return SOURCE as a block should hold it: whole lines, inside a code fence when FENCE names its language."""
    content = source.replace(b"\r\n", b"\n")
    if content and not content.endswith(b"\n"):
        content += b"\n"
    if fence is None:
        return content
    longest = max((len(run) for run in re.findall(rb"`{3,}", content)), default=2)
    ticks = b"`" * (longest + 1)
    return ticks + fence.encode() + b"\n" + content + ticks + b"\n"
