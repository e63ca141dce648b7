"""What extractors found in a file, kept from one scan to the next by the identity of the file's bytes.

They are rows of `storage`, shared by the worktrees of a repository. Nothing there is more than a scan could find out
again; what a row holds is rebuilt by an unpickler that knows the classes of facts and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from autopack.artifacts.redaction import has_masked_a_registered_value
from autopack.gaps.models import Evidence
from autopack.gaps.storage import checksum, read_answer, read_rows, write_rows

_VERSIONS_OF_A_PATH = 4
"""The worktrees of a repository rarely hold more versions of one file at a time."""
_SPARE_PATHS = 8
_PROTOCOL = 5


class StaleFacts(Exception):
    """What is kept does not fit what is there; look again without it."""


class Found(NamedTuple):
    """What was found in a file, apart from the identities of its bytes."""

    database: bool = False
    note: str | None = None
    """Why it was not searched."""
    retained: bool = False
    """A detector wants the bytes."""
    facts: Mapping[str, bytes] = {}
    """Gap type -> what `dump_fact` made of the fact."""
    mentions: tuple[str, ...] = ()
    """Those of the names it was searched for that it mentions."""


NOTHING_FOUND = Found()


class KeptFile(NamedTuple):
    """One version of one file: its bytes' identities, and what extractors found in them."""

    oid: str
    """Git's id of the bytes; empty where git may have converted them."""
    size: int
    sha256: str
    sought: str = ""
    """Which names it was searched for (`Seeker.digest`)."""
    found: Found = NOTHING_FOUND


@dataclass
class Versions:
    """Versions of files, a row each, and those of one path in adjacent rows, the newest first. Most hold nothing worth
    finding: a list for each column loads in a tenth of the time that an object for each row would take."""

    paths: list[str] = field(default_factory=list)
    oids: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    sought: list[str] = field(default_factory=list)
    found: dict[int, Found] = field(default_factory=dict)
    """Row -> what was found, where it is anything."""

    def add(self, path: str, kept: KeptFile) -> None:
        """Append a row."""
        if kept.found != NOTHING_FOUND:
            self.found[len(self.paths)] = kept.found
        self.paths.append(path)
        self.oids.append(kept.oid)
        self.sizes.append(kept.size)
        self.digests.append(kept.sha256)
        self.sought.append(kept.sought)

    def extend(self, other: Versions) -> None:
        """Append the rows of OTHER."""
        self.found |= {len(self.paths) + row: found for row, found in other.found.items()}
        self.paths += other.paths
        self.oids += other.oids
        self.sizes += other.sizes
        self.digests += other.digests
        self.sought += other.sought

    def row(self, row: int) -> KeptFile:
        """Return the version in ROW."""
        found = self.found.get(row, NOTHING_FOUND)
        return KeptFile(self.oids[row], self.sizes[row], self.digests[row], self.sought[row], found)

    def by_path(self) -> dict[str, list[KeptFile]]:
        """Return the versions, by path."""
        files: dict[str, list[KeptFile]] = {}
        for row, path in enumerate(self.paths):
            files.setdefault(path, []).append(self.row(row))
        return files

    def dumped(self) -> bytes:
        """Return the rows as bytes that `loaded` takes back."""
        found = {row: tuple(found) for row, found in self.found.items()}
        return _dumped((self.paths, self.oids, self.sizes, self.digests, self.sought, found))

    @staticmethod
    def loaded(content: bytes) -> Versions:
        """Return what `dumped` made CONTENT from. Raises StaleFacts where it made nothing of the kind."""
        try:
            paths, oids, sizes, digests, sought, found = _rebuilt(content)
            found = {row: Found(*values) for row, values in found.items()}
            if {len(column) for column in (oids, sizes, digests, sought)} != {len(paths)} or max(
                found, default=-1
            ) >= len(paths):
                raise StaleFacts
        except (TypeError, ValueError, AttributeError) as fault:
            raise StaleFacts from fault
        return Versions(paths, oids, sizes, digests, sought, found)


@dataclass
class FactCache:
    """The kept facts of one repository. Nothing is written or created unless `writable`; nothing here ever raises
    for the state of the file."""

    common: Path
    """The git folder that all worktrees share."""
    writable: bool = False
    versions: Versions = field(default_factory=Versions)
    """As they were when this was made."""

    def __post_init__(self) -> None:
        for shard in self._shards().values():
            self.versions.extend(shard)

    def emptied(self) -> FactCache:
        """Return the same cache without the facts that are kept, in which those of the next look take their places."""
        empty = replace(self)
        empty.versions = Versions()
        return empty

    def _shards(self) -> dict[str, Versions]:
        """Return what is kept now."""
        shards: dict[str, Versions] = {}
        for name, content, found in read_rows(self.common, "SELECT name, content, checksum FROM shards"):
            if found == checksum(name, content):
                with contextlib.suppress(StaleFacts):
                    shards[name] = Versions.loaded(content)
        return shards

    @cached_property
    def _first(self) -> dict[str, int]:
        """Path -> its first row."""
        paths = self.versions.paths
        return dict(zip(reversed(paths), range(len(paths) - 1, -1, -1), strict=True))

    def by_object(self, path: str, oid: str, sought: str) -> int | None:
        """Return the row of PATH with the content that git calls OID, searched for the names SOUGHT."""
        return self._row(path, self.versions.oids, oid, sought)

    def by_digest(self, path: str, sha256: str, sought: str) -> int | None:
        """Return the row of PATH with the content whose SHA-256 is given, searched for the names SOUGHT."""
        return self._row(path, self.versions.digests, sha256, sought)

    def _row(self, path: str, column: list[str], wanted: str, sought: str) -> int | None:
        versions, row = self.versions, self._first.get(path)
        while row is not None and row < len(versions.paths) and versions.paths[row] == path:
            if column[row] == wanted and versions.sought[row] == sought:
                return row
            row += 1
        return None

    def keep(self, files: Sequence[tuple[str, KeptFile]], present: frozenset[str]) -> None:
        """Keep FILES (path and content), beside what other scans have kept in the meantime.

        Of paths that are not PRESENT any more only a few stay.
        """
        if not self.writable or has_masked_a_registered_value():
            return
        before = self._shards() if files else {}
        changed: dict[str, dict[str, list[KeptFile]]] = {}
        for path, kept in files:
            name = _shard_of(path)
            if name not in changed:
                changed[name] = before.get(name, Versions()).by_path()
            others = [other for other in changed[name].get(path, ()) if other.sha256 != kept.sha256]
            changed[name][path] = [kept, *others][:_VERSIONS_OF_A_PATH]
        rows = [(name, _rows_of(_pruned(changed[name], present)).dumped()) for name in sorted(changed)]
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


def _rows_of(shard: Mapping[str, list[KeptFile]]) -> Versions:
    versions = Versions()
    for path, files in shard.items():
        for kept in files:
            versions.add(path, kept)
    return versions


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
        return _class_of_facts(module, name)


@cache
def _class_of_facts(module: str, name: str) -> Any:
    found = getattr(import_module(module), name, None) if module.startswith("autopack.gaps.") else None
    if found is _evidence or (isinstance(found, type) and _holds_fields(found) and found.__module__ == module):
        return found
    raise StaleFacts


def _holds_fields(kind: type) -> bool:
    """Tell whether objects of KIND are nothing but their fields: a dataclass, or a named tuple."""
    return is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


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
