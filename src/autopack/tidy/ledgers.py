"""Ledgers as bytes: which entries they hold, and the same bytes with entries added at the end.

An entry is recognised by its marker, so that adding it twice changes nothing. What stands in a ledger is never
rewritten: the old bytes are always a prefix of the new ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autopack.errors import UnsafeRepository
from autopack.gaps.ledgers import counted_entries

_MARKER = re.compile(rb"^<!-- autopack:entry (?P<id>entry-[0-9a-f]{12}) -->[ \t]*\r?$", re.MULTILINE)
_CONFLICT = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)


@dataclass(frozen=True)
class LedgerStyle:
    """What a ledger is called, and the prefix of its entry ids while it has none of its own."""

    title: str
    prefix: str


STYLES = {
    "architecture_decisions": LedgerStyle("Architecture decisions", "DEC"),
    "build_history": LedgerStyle("Build history", "BUILD"),
    "debug_log": LedgerStyle("Debug log", "DBG"),
}
"""Ledger name -> style: the ledgers that tidy writes, and no others."""


@dataclass(frozen=True)
class Entry:
    """One thing worth remembering. `entry_id` is the digest of its source; `lines` are the points below the
    heading."""

    entry_id: str
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Numbering:
    """How the entries of one ledger are numbered from here on: `## BUILD-003: …`."""

    level: int
    prefix: str
    width: int
    following: int


def recorded_ids(data: bytes) -> frozenset[str]:
    """Return the ids of the entries that tidy has put into the ledger DATA before."""
    return frozenset(match["id"].decode("ascii") for match in _MARKER.finditer(data))


def check_appendable(data: bytes, path: str) -> None:
    """Raise UnsafeRepository where nothing can be added to DATA without spoiling it."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise UnsafeRepository(f"{path} is not UTF-8 text.", hint="Save it as UTF-8, then repeat.") from fault
    if b"\0" in data:
        raise UnsafeRepository(f"{path} is not a text file.", hint="Look what it is; ledgers are Markdown.")
    if _CONFLICT.search(data):
        raise UnsafeRepository(f"{path} holds conflict markers.", hint="Resolve the conflict, then repeat.")


def numbering(data: bytes, others: Iterable[bytes], style: LedgerStyle) -> Numbering:
    """Return how entries of the ledger DATA go on, so that no id in DATA or in OTHERS is used twice."""
    own = counted_entries(data)
    last = next((entry.entry_id for entry in reversed(own) if entry.entry_id), None)
    prefix, _, digits = (last or f"{style.prefix}-000").rpartition("-")
    named = [entry.entry_id for ledger in (data, *others) for entry in counted_entries(ledger) if entry.entry_id]
    numbers = [int(each.rpartition("-")[2]) for each in named if each.rpartition("-")[0] == prefix]
    return Numbering(own[0].level if own else 2, prefix, max(3, len(digits)), max(numbers, default=0) + 1)


def headings(entries: Sequence[Entry], numbers: Numbering) -> tuple[str, ...]:
    """Return the heading line of each of ENTRIES, numbered on from NUMBERS."""
    mark = "#" * numbers.level
    return tuple(
        f"{mark} {numbers.prefix}-{number:0{numbers.width}d}: {entry.title}"
        for number, entry in enumerate(entries, numbers.following)
    )


def entry_text(entry: Entry, heading: str) -> str:
    """Return ENTRY as it stands in a ledger, with LF and without a final line feed."""
    return "\n".join((f"<!-- autopack:entry {entry.entry_id} -->", heading, "", *(f"- {line}" for line in entry.lines)))


def with_texts(data: bytes | None, texts: Sequence[str], style: LedgerStyle) -> bytes:
    """Return the ledger DATA (None: a new one) with TEXTS after its last line, in its own line endings.

    Where DATA does not end with a line ending, neither does the result.
    """
    if not texts:
        return data or b""
    if not data:
        return (f"# {style.title}\n\n" + "\n\n".join(texts) + "\n").encode("utf-8")
    ending = line_ending(data)
    open_end = not data.endswith((b"\n", b"\r"))
    gap = b"" if data.endswith(ending * 2) else ending * (2 if open_end else 1)
    added = (ending * 2).join(text.encode("utf-8").replace(b"\n", ending) for text in texts)
    return data + gap + added + (b"" if open_end else ending)


def line_ending(data: bytes) -> bytes:
    """Return the line ending that most lines of DATA have."""
    windows = data.count(b"\r\n")
    unix = data.count(b"\n") - windows
    return b"\r\n" if windows > unix else b"\n"
