"""What extractors found in a file, kept from one scan to the next by the identity of the file's bytes.

They are rows of `storage`, shared by the worktrees of a repository. Nothing there is more than a scan could find out
again; what a row holds is rebuilt by an unpickler that knows the classes of facts and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from autopack.artifacts.redaction import has_masked_a_registered_value
from autopack.gaps.models import Evidence
from autopack.gaps.storage import checksum, read_answer, read_rows, write_rows

_VERSIONS_OF_A_PATH = 4
"""The worktrees of a repository rarely hold more versions of one file at a time."""
_SPARE_PATHS = 8
_PROTOCOL = 5


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
    sought: str = ""
    """Which names it was searched for (`Seeker.digest`), and those that it mentions."""
    mentions: tuple[str, ...] = ()


@dataclass
class FactCache:
    """The kept facts of one repository. Nothing is written or created unless `writable`; nothing here ever raises
    for the state of the file."""

    common: Path
    """The git folder that all worktrees share."""
    writable: bool = False
    _shards: dict[str, dict[str, list[KeptFile]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = read_rows(self.common, "SELECT name, content, checksum FROM shards")
        for name, content, found in rows:
            if found == checksum(name, content):
                with contextlib.suppress(StaleFacts):
                    self._shards[name] = _rebuilt(content)

    def by_object(self, path: str, oid: str, sought: str) -> KeptFile | None:
        """Return what is kept of PATH, with the content that git calls OID, searched for the names SOUGHT."""
        return next((kept for kept in self._versions(path) if (kept.oid, kept.sought) == (oid, sought)), None)

    def by_digest(self, path: str, sha256: str, sought: str) -> KeptFile | None:
        """Return what is kept of PATH, with the content whose SHA-256 is given, searched for the names SOUGHT."""
        return next((kept for kept in self._versions(path) if (kept.sha256, kept.sought) == (sha256, sought)), None)

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
            write_rows(self.common, "shards", rows)

    def answer(self, name: str) -> bytes | None:
        """Return what `keep_answer` kept under NAME, or None."""
        return read_answer(self.common, name)

    def keep_answer(self, name: str, content: bytes) -> None:
        """Keep CONTENT under NAME, beside the last few answers."""
        if self.writable and not has_masked_a_registered_value():
            write_rows(self.common, "answers", [(name, content)])


def _shard_of(path: str) -> str:
    """Return the name of the row that PATH is kept in: few rows load faster than one for each file."""
    return hashlib.blake2b(path.encode("utf-8", "surrogateescape"), digest_size=1).hexdigest()


def _pruned(shard: dict[str, list[KeptFile]], present: frozenset[str]) -> dict[str, list[KeptFile]]:
    gone = [path for path in shard if path not in present]
    return {path: kept for path, kept in shard.items() if path not in {*gone[_SPARE_PATHS:]}}


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
