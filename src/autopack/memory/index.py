"""A full-text index over ledger entries: derived, rebuilt whenever the ledgers moved, safe to delete at any time."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from autopack.artifacts.canonical import bytes_digest, digest
from autopack.artifacts.store import ensure_runs_root
from autopack.errors import EnvironmentFault
from autopack.gaps.ledgers import entry_texts

FORMAT = "1"
"""Changes when the tables or the way of splitting do."""

_SCHEMA = """
CREATE TABLE meta (state TEXT NOT NULL) STRICT;
CREATE VIRTUAL TABLE entries USING fts5 (
    heading, text, path UNINDEXED, name UNINDEXED, position UNINDEXED, tokenize = 'unicode61 remove_diacritics 2'
);
"""


@dataclass(frozen=True)
class LedgerEntry:
    """One entry of a ledger. `label` is `<path>#<entry id>`, or `<path>#<position>` where it has none."""

    label: str
    heading: str
    text: str
    position: int

    @property
    def tokens(self) -> int:
        """Return about how many tokens the text has."""
        return count_tokens(self.text)


def count_tokens(text: str) -> int:
    """Return about how many tokens TEXT has: one for four bytes, rounded up, as the scan counts."""
    return -(-len(text.encode("utf-8")) // 4)


def entries_of(ledgers: Mapping[str, bytes]) -> tuple[LedgerEntry, ...]:
    """Return the entries of LEDGERS (path -> bytes), by path and place."""
    return tuple(entry for path, data in sorted(ledgers.items()) for entry in _split(path, data))


@contextmanager
def open_index(path: Path, ledgers: Mapping[str, bytes]) -> Iterator[Index]:
    """Yield the index at PATH over LEDGERS (path -> bytes), built anew where it is missing, damaged or out of date.

    Another process may put a newer one in its place meanwhile; what was opened stays what it was. Raises
    EnvironmentFault where it can be neither read nor written, or SQLite has no FTS5.
    """
    state = digest({"format": FORMAT, "ledgers": {name: bytes_digest(data) for name, data in ledgers.items()}})
    connection = _open_current(path, state) or _build(path, state, entries_of(ledgers))
    with closing(connection):
        yield Index(path, connection)


@dataclass(frozen=True)
class Index:
    """An open index that is up to date."""

    path: Path
    connection: sqlite3.Connection

    def search(self, words: Sequence[str], most: int) -> tuple[LedgerEntry, ...]:
        """Return at most MOST entries that hold any of WORDS, the most relevant first (BM25, headings count double);
        among equals by place. Words are words: nothing in them is read as query syntax."""
        terms = " OR ".join('"' + word.replace('"', '""') + '"' for word in words if word.strip())
        if not terms:
            return ()
        try:
            rows = self.connection.execute(
                "SELECT path || '#' || name, heading, text, position FROM entries WHERE entries MATCH ?"
                " ORDER BY round(bm25(entries, 2.0, 1.0), 6), path, position LIMIT ?",
                (terms, most),
            ).fetchall()
        except sqlite3.Error as fault:
            raise EnvironmentFault(f"{self.path}: {fault}.", hint="Delete the file; it is rebuilt.") from fault
        return tuple(LedgerEntry(*row) for row in rows)


def _split(path: str, data: bytes) -> Iterator[LedgerEntry]:
    for position, (entry, text) in enumerate(entry_texts(data), 1):
        yield LedgerEntry(f"{path}#{entry.entry_id or position}", entry.heading, text, position)


def _open_current(path: Path, state: str) -> sqlite3.Connection | None:
    """Return the index at PATH if it was built from STATE; whatever cannot be read is not."""
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
    except sqlite3.Error:
        return None
    try:
        if connection.execute("SELECT state FROM meta").fetchall() == [(state,)]:
            return connection
    except sqlite3.Error:
        pass
    connection.close()
    return None


def _build(path: Path, state: str, entries: Sequence[LedgerEntry]) -> sqlite3.Connection:
    """Build the index beside PATH, put it there whole, and return it open."""
    ensure_runs_root(path.parent)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(descriptor)
    try:
        connection = sqlite3.connect(temporary, isolation_level=None)
        connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;" + _SCHEMA)
        connection.execute("INSERT INTO meta VALUES (?)", (state,))
        rows = [(each.heading, each.text, *each.label.rsplit("#", 1), each.position) for each in entries]
        connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
        Path(temporary).replace(path)
        return connection
    except (sqlite3.Error, OSError) as fault:
        Path(temporary).unlink(missing_ok=True)
        raise EnvironmentFault(
            f"Cannot build the index {path}: {fault}.", hint="Check free space and permissions."
        ) from fault
