"""Rows that one scan leaves for the next, in one SQLite file per repository: `<git common dir>/autopack/cache/scan.db`.

Nothing here imports a framework, because a scan that only repeats an answer starts here. Every row carries a checksum
and belongs to one version of Autopack; anything odd about the file (another version, damage, a lock that does not go
away, a full disk) means only that nothing is known.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from autopack import __version__

FILE = Path("autopack", "cache", "scan.db")
"""Below the git folder that all worktrees share."""
_BUSY_MILLISECONDS = 250
_KEPT_ANSWERS = 20
_TABLES = (
    "CREATE TABLE IF NOT EXISTS version (digest TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS shards (name TEXT PRIMARY KEY, content BLOB NOT NULL, checksum BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS answers (name TEXT PRIMARY KEY, content BLOB NOT NULL, checksum BLOB NOT NULL)",
)


@cache
def version_digest() -> str:
    """Return the digest of all that rows depend on besides the repository: Autopack's code, the version of Python,
    whose parser reads the modules, and the names of the installed distributions, which hold their versions."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  (280 Paths cost more)
    digest = hashlib.sha256(f"{__version__} {sys.version}\0".encode())
    for path in sorted(_modules(package)):
        digest.update(path[len(package) :].encode() + b"\0")
        with open(path, "rb", buffering=0) as module:  # noqa: PTH123
            digest.update(hashlib.sha256(module.read()).digest())
    for folder in sys.path:
        with contextlib.suppress(OSError):
            digest.update(repr(sorted(name for name in os.listdir(folder) if name.endswith(".dist-info"))).encode())
    return digest.hexdigest()


def _modules(folder: str) -> Iterator[str]:
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _modules(entry.path)
        elif entry.name.endswith(".py"):
            yield entry.path


def has_rows(common: Path) -> bool:
    """Tell whether an earlier scan may have left rows."""
    return (common / FILE).exists()


def read_rows(common: Path, query: str, arguments: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the rows of QUERY where the file is there, sound, and of this version; reading leaves no trace."""
    try:
        with _connection(common / FILE, "ro") as connection:
            connection.execute("BEGIN")
            current = connection.execute("SELECT digest FROM version").fetchall() == [(version_digest(),)]
            return connection.execute(query, arguments).fetchall() if current else []
    except (sqlite3.Error, OSError):
        return []


def read_answer(common: Path, name: str) -> bytes | None:
    """Return what was kept as an answer under NAME, or None."""
    rows = read_rows(common, "SELECT content, checksum FROM answers WHERE name = ?", (name,))
    return next((content for content, found in rows if found == checksum(name, content)), None)


def write_rows(common: Path, table: str, rows: list[tuple[str, bytes]]) -> None:
    """Put ROWS into TABLE in one transaction; a file that is damaged is made anew, any other fault is let be."""
    file = common / FILE
    with contextlib.suppress(sqlite3.Error, OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            _put(file, table, rows)
        except sqlite3.OperationalError:  # locked, full or read-only: the next scan tries again
            return
        except sqlite3.DatabaseError:
            file.unlink()
            file.with_name(f"{file.name}-journal").unlink(missing_ok=True)
            _put(file, table, rows)


def _put(file: Path, table: str, rows: list[tuple[str, bytes]]) -> None:
    with _connection(file, "rwc") as connection:
        # A lost cache costs one slow scan: waiting for the disk costs more.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            connection.execute(statement)
        if connection.execute("SELECT digest FROM version").fetchall() != [(version_digest(),)]:
            for emptied in ("version", "shards", "answers"):
                connection.execute(f"DELETE FROM {emptied}")
            connection.execute("INSERT INTO version VALUES (?)", (version_digest(),))
        connection.executemany(
            f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)",
            [(name, content, checksum(name, content)) for name, content in rows],
        )
        newest = "SELECT rowid FROM answers ORDER BY rowid DESC LIMIT ?"
        connection.execute(f"DELETE FROM answers WHERE rowid NOT IN ({newest})", (_KEPT_ANSWERS,))
        connection.execute("COMMIT")


@contextlib.contextmanager
def _connection(file: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """Open FILE, never through a link: a repository cannot commit one there, but whoever can write there might."""
    if file.is_symlink() or (mode == "ro" and not file.is_file()):
        raise FileNotFoundError(file)
    connection = sqlite3.connect(
        f"{file.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=_BUSY_MILLISECONDS / 1_000
    )
    try:
        yield connection
    finally:
        connection.close()


def checksum(name: str, content: object) -> bytes:
    """Return what a row of NAME with CONTENT has to carry; nothing fits a content of another type."""
    if not isinstance(content, bytes):
        return b""
    return hashlib.blake2b(content, digest_size=16, key=name.encode()[:64]).digest()
