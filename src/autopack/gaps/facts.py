"""What extractors found in a file, kept from one scan to the next by the identity of the file's bytes.

One SQLite file per repository, shared by its worktrees: `<git common dir>/autopack/cache/scan.db`. It holds nothing
that a scan could not find out again, so anything odd about it (another version, damage, a lock that does not go away,
a full disk) means only that files are read anew. Every row carries a checksum, and what it holds is rebuilt by an
unpickler that knows the classes of facts and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import pickle
import platform
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from autopack import __version__
from autopack.artifacts.redaction import has_masked_a_registered_value
from autopack.gaps.models import Evidence

FILE = Path("autopack", "cache", "scan.db")
"""Below the git folder that all worktrees share."""
_BUSY_MILLISECONDS = 250
_VERSIONS_OF_A_PATH = 4
"""The worktrees of a repository rarely hold more versions of one file at a time."""
_SPARE_PATHS = 8
_KEPT_ANSWERS = 20
_PROTOCOL = 5
_TABLES = (
    "CREATE TABLE IF NOT EXISTS version (digest TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS shards (name TEXT PRIMARY KEY, content BLOB NOT NULL, checksum BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS answers (name TEXT PRIMARY KEY, content BLOB NOT NULL, checksum BLOB NOT NULL)",
)


class StaleFacts(Exception):
    """What is kept does not fit what is there; look again without it."""


@dataclass(frozen=True)
class KeptFile:
    """One version of one file: its bytes' identities, and what extractors found in them."""

    oid: str | None
    """Git's id of the bytes; None where git may have converted them."""
    size: int
    sha256: str
    database: bool
    note: str | None
    """Why it was not searched."""
    retained: bool
    """A detector wants the bytes."""
    facts: Mapping[str, bytes]
    """Gap type -> what `dump_fact` made of the fact."""


@cache
def version_digest() -> str:
    """Return the digest of all that facts depend on besides a file's path and bytes: the code of the scanner and of
    what it builds evidence with, and the version of Python, whose parser reads the modules."""
    package = Path(__file__).parent
    digest = hashlib.sha256(f"{__version__} {platform.python_version()}\0".encode())
    for path in (*sorted(package.rglob("*.py")), *sorted((package.parent / "artifacts").glob("*.py"))):
        digest.update(path.relative_to(package.parent).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@dataclass
class FactCache:
    """The kept facts of one repository. Nothing is written or created unless `writable`; nothing here ever raises
    for the state of the file."""

    common: Path
    """The git folder that all worktrees share."""
    writable: bool = False
    _shards: dict[str, dict[str, list[KeptFile]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = self._read("SELECT name, content, checksum FROM shards", ())
        for name, content, checksum in rows:
            if checksum == _checksum(name, content):
                with contextlib.suppress(StaleFacts):
                    self._shards[name] = _rebuilt(content)

    def by_object(self, path: str, oid: str) -> KeptFile | None:
        """Return what is kept of PATH with the content that git calls OID."""
        return next((kept for kept in self._versions(path) if kept.oid == oid), None)

    def by_digest(self, path: str, sha256: str) -> KeptFile | None:
        """Return what is kept of PATH with the content whose SHA-256 is given."""
        return next((kept for kept in self._versions(path) if kept.sha256 == sha256), None)

    def _versions(self, path: str) -> list[KeptFile]:
        return self._shards.get(_shard_of(path), {}).get(path, [])

    def keep(self, files: Iterable[tuple[str, KeptFile]], present: frozenset[str]) -> None:
        """Keep FILES (path and content); of paths that are not PRESENT any more only a few stay."""
        if not self.writable or has_masked_a_registered_value():
            return
        changed: set[str] = set()
        for path, kept in files:
            name = _shard_of(path)
            changed.add(name)
            versions = self._shards.setdefault(name, {}).setdefault(path, [])
            others = [other for other in versions if other.sha256 != kept.sha256]
            versions[:] = [kept, *others][:_VERSIONS_OF_A_PATH]
        rows = [(name, _dumped(_pruned(self._shards[name], present))) for name in sorted(changed)]
        if rows:
            self._write("shards", rows)

    def answer(self, name: str) -> bytes | None:
        """Return what `keep_answer` kept under NAME, or None."""
        rows = self._read("SELECT content, checksum FROM answers WHERE name = ?", (name,))
        return next((content for content, checksum in rows if checksum == _checksum(name, content)), None)

    def keep_answer(self, name: str, content: bytes) -> None:
        """Keep CONTENT under NAME, beside the last few answers."""
        if self.writable and not has_masked_a_registered_value():
            self._write("answers", [(name, content)])

    def _read(self, query: str, arguments: tuple[str, ...]) -> list[tuple[Any, ...]]:
        """Return the rows of QUERY where the file is there, sound, and of this version; reading leaves no trace."""
        try:
            with _connection(self.common / FILE, "ro") as connection:
                connection.execute("BEGIN")
                current = connection.execute("SELECT digest FROM version").fetchall() == [(version_digest(),)]
                return connection.execute(query, arguments).fetchall() if current else []
        except (sqlite3.Error, OSError):
            return []

    def _write(self, table: str, rows: list[tuple[str, bytes]]) -> None:
        """Put ROWS into TABLE in one transaction; a file that is damaged is made anew, any other fault is let be."""
        file = self.common / FILE
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
            [(name, content, _checksum(name, content)) for name, content in rows],
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


def _shard_of(path: str) -> str:
    """Return the name of the row that PATH is kept in: few rows load faster than one for each file."""
    return hashlib.blake2b(path.encode("utf-8", "surrogateescape"), digest_size=1).hexdigest()


def _pruned(shard: dict[str, list[KeptFile]], present: frozenset[str]) -> dict[str, list[KeptFile]]:
    gone = [path for path in shard if path not in present]
    return {path: kept for path, kept in shard.items() if path not in {*gone[_SPARE_PATHS:]}}


def _checksum(name: str, content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16, key=name.encode()[:64]).digest()


# --- facts as bytes ---------------------------------------------------------------------------------------------------


def dump_fact(fact: object) -> bytes:
    """Return FACT as bytes that `load_fact` takes back."""
    return _dumped(fact)


def load_fact(content: bytes) -> object:
    """Return what `dump_fact` made CONTENT from. Raises StaleFacts where it made nothing of the kind."""
    return _rebuilt(content)


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: object) -> Any:
        """Write evidence as its fields: rebuilding validates them, and masks what is a secret by now."""
        if isinstance(value, Evidence):
            return _evidence, (dict(value),)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return a class of facts; everything else is refused, so that a forged row runs no code."""
        found = getattr(import_module(module), name, None) if module.startswith("autopack.gaps.") else None
        if found is _evidence or (isinstance(found, type) and is_dataclass(found) and found.__module__ == module):
            return found
        raise StaleFacts


def _evidence(fields: dict[str, Any]) -> Evidence:
    return Evidence(**fields)


def _dumped(value: object) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, _PROTOCOL).dump(value)
    return buffer.getvalue()


def _rebuilt(content: bytes) -> Any:
    try:
        return _Unpickler(io.BytesIO(content)).load()
    except Exception as fault:
        raise StaleFacts from fault
