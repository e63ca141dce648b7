"""How large the memory is that every session reads, and when that is certainly above a cap.

Tokens are estimated as bytes / 4. Single files differ from that by a factor of up to 1.7 in either direction, so only
what is above a cap even at the low end counts as above it; everything in between would need the model's own tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import normpath

from autopack.gaps.ledgers import configured_ledgers
from autopack.gaps.markdown import mask
from autopack.gaps.state import Snapshot

BYTES_PER_TOKEN = 4
GUARD = 1.7
"""How far bytes / 4 has been seen from a tokenizer's count for a single file."""

_INSTRUCTIONS = ("AGENTS.md", "CLAUDE.md", "GEMINI.md")
_RULE_BOOKS = ("docs/LEARNED_RULES.json", "LEARNED_RULES.json")
_IMPORT = re.compile(rb"(?:^|[\s(])@((?:\./)?[\w.-]{1,100}(?:/[\w.-]{1,100}){0,12}\.[A-Za-z]{1,8})\b")
_DEEPEST_IMPORT = 5


def certainly_above(size: int, cap: int) -> bool:
    """Tell whether SIZE bytes are more than CAP tokens even at a low estimate."""
    return size / BYTES_PER_TOKEN / GUARD > cap


def tokens_of(size: int) -> int:
    """Return the estimate of how many tokens SIZE bytes have."""
    return size // BYTES_PER_TOKEN


def memory_sizes(snapshot: Snapshot) -> dict[str, int]:
    """Return path -> bytes of what every session reads: ledgers, learned rules, agents' instructions and imports.

    Needs the bytes of the Markdown files in SNAPSHOT, and of the configuration.
    """
    ledgers = configured_ledgers(snapshot.texts).values()
    known = {path for path in (*ledgers, *_RULE_BOOKS, *_INSTRUCTIONS) if is_file(snapshot, path)}
    fresh = {path for path in _INSTRUCTIONS if path in known}
    for _ in range(_DEEPEST_IMPORT):
        fresh = {path for path in _imported(snapshot, fresh) if path not in known}
        known |= fresh
    return _one_of_each(snapshot, known)


def is_file(snapshot: Snapshot, path: str) -> bool:
    """Tell whether PATH is a file whose bytes were read."""
    return path in snapshot.files and snapshot.files[path].sha256 is not None


def _imported(snapshot: Snapshot, importers: set[str]) -> Iterator[str]:
    """Yield the files that IMPORTERS name as `@path`, from the folder of each."""
    for importer in importers:
        for match in _IMPORT.finditer(mask(snapshot.texts.get(importer, b""))):
            path = normpath(f"{importer.rpartition('/')[0]}/{match[1].decode('ascii', 'replace')}".lstrip("/"))
            if is_file(snapshot, path):
                yield path


def _one_of_each(snapshot: Snapshot, paths: set[str]) -> dict[str, int]:
    """Return path -> bytes of PATHS; of files with the same content (AGENTS.md copied to CLAUDE.md) the first."""
    sizes: dict[str, int] = {}
    seen: set[str | None] = set()
    for path in sorted(paths):
        record = snapshot.files[path]
        if record.sha256 not in seen:
            seen.add(record.sha256)
            sizes[path] = record.size
    return sizes
