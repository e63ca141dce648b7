"""What an earlier scan found in files that are the same now, in place of reading them again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autopack.gaps.facts import FactCache, Found, KeptFile, dump_fact, load_fact
from autopack.gaps.sources import listing
from autopack.gaps.sources.contents import Harvest, ReadFile, read_bytes
from autopack.git import Git

CONVERTING = frozenset({"text", "eol", "crlf", "filter", "ident", "working-tree-encoding"})
"""Attributes by which the bytes in the working tree may differ from the object's, see gitattributes(5)."""


def vouched(
    index: Iterable[listing.IndexEntry], status: listing.Status, attributes: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """Return path -> object id of the files whose bytes in the working tree are certainly those of the object.

    A file that git calls unchanged is one that would become the object if it were added: where git converts line
    endings, encodings or keywords, that says nothing about its bytes.
    """
    changed = {change.path for change in status.changes}
    return {
        entry.path: entry.oid
        for entry in index
        if entry.mode in {listing.REGULAR, listing.EXECUTABLE}
        and entry.stages == (0,)
        and not (entry.skipped or entry.assumed or entry.path in changed)
        and CONVERTING.isdisjoint(attributes.get(entry.path, ()))
    }


@dataclass(frozen=True)
class Recall:
    """What is kept, and the object ids by which files are known without being read."""

    kept: FactCache | None
    vouched: Mapping[str, str]
    sought: str
    """Which names are looked for in the files (`Seeker.digest`)."""

    def known(self, paths: Sequence[tuple[str, str]]) -> dict[str, int]:
        """Return those of PATHS (and modes) that need not be read, with the row of what is kept of each."""
        if self.kept is None or not self.kept.versions.paths:
            return {}
        asked = ((path, self.vouched.get(path)) for path, _ in paths)
        found = ((path, self.kept.by_object(path, oid, self.sought)) for path, oid in asked if oid is not None)
        return {path: row for path, row in found if row is not None}

    def keep(self, harvest: Harvest) -> None:
        """Keep what HARVEST brought home, unless a detector failed."""
        if self.kept is None or not self.kept.writable or harvest.failures:
            return
        databases = frozenset(harvest.databases)
        notes = {note.subject: note.reason for note in harvest.not_looked_at}
        files = [
            (file.path, made)
            for file in harvest.files
            if (made := self._made(harvest, file, file.path in databases, notes.get(file.path))) is not None
        ]
        self.kept.keep(files, frozenset({file.path for file in harvest.files} | self.vouched.keys()))

    def _made(self, harvest: Harvest, file: ReadFile, database: bool, note: str | None) -> KeptFile | None:
        """Return what is new to keep of FILE, None where it is no file or is kept already."""
        if file.sha256 is None:
            return None
        # A file that changed after git listed it is not the object that git named.
        oid = file.oid if file.oid == self.vouched.get(file.path) else ""
        known = self._by_digest(file) if file.path in harvest.known else None
        if known is not None:
            return known._replace(oid=oid) if oid and not known.oid else None
        facts = {
            gap_type: dump_fact(found[file.path]) for gap_type, found in harvest.facts.items() if file.path in found
        }
        mentions = harvest.mentions.get(file.path, ())
        found = Found(database, note, file.path in harvest.texts, facts, mentions)
        return KeptFile(oid, file.size, file.sha256, self.sought, found)

    def _by_digest(self, file: ReadFile) -> KeptFile | None:
        if self.kept is None or file.sha256 is None:
            return None
        row = self.kept.by_digest(file.path, file.sha256, self.sought)
        return None if row is None else self.kept.versions.row(row)

    def telling(self, harvest: Harvest, known: Mapping[str, int]) -> dict[str, KeptFile]:
        """Return path -> what is kept, where that is more than the identities of the bytes: of the files KNOWN without
        reading and of those that HARVEST read and knew."""
        if self.kept is None:
            return {}
        versions = self.kept.versions
        files = {path: versions.row(row) for path, row in known.items() if row in versions.found}
        for file in harvest.files:
            if file.path in harvest.known and (found := self._by_digest(file)) is not None:
                files[file.path] = found
        return files

    def facts(self, harvest: Harvest, files: Mapping[str, KeptFile]) -> Mapping[str, Mapping[str, object]]:
        """Return gap type -> path -> fact, of what was read and of what is kept of FILES."""
        fresh = {gap_type: dict(sorted(found.items())) for gap_type, found in sorted(harvest.facts.items())}
        return LazyFacts(fresh, files) if files else fresh


def add_known(harvest: Harvest, telling: Mapping[str, KeptFile]) -> None:
    """Put into HARVEST what is kept of databases and of files that were not searched, as if they had been read."""
    read = {file.path for file in harvest.files}
    for path, file in telling.items():
        if path in read:
            continue
        if file.found.database:
            harvest.databases.append(path)
        if file.found.note is not None:
            harvest.miss(path, file.found.note)


class LazyFacts(Mapping[str, Mapping[str, object]]):
    """Gap type -> path -> fact; kept facts of a type are rebuilt when somebody asks for that type."""

    def __init__(self, fresh: dict[str, dict[str, object]], files: Mapping[str, KeptFile]) -> None:
        self._fresh, self._files = fresh, files
        self._whole: dict[str, dict[str, object]] = {}

    def __getitem__(self, gap_type: str) -> Mapping[str, object]:
        if gap_type not in self._whole:
            found = dict(self._fresh[gap_type])
            for path, file in self._files.items():
                if gap_type in file.found.facts:
                    found[path] = load_fact(file.found.facts[gap_type])
            self._whole[gap_type] = dict(sorted(found.items()))
        return self._whole[gap_type]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fresh)

    def __len__(self) -> int:
        return len(self._fresh)


class LazyTexts(Mapping[str, bytes]):
    """Path -> bytes of the files that a detector wants; those that were not read are read when somebody asks.

    They are the bytes that were looked at: where the file has changed since, git still has the object.
    """

    def __init__(self, git: Git, read: dict[str, bytes], known: Mapping[str, KeptFile]) -> None:
        self._git, self._read = git, read
        self._unread = {path: file for path, file in known.items() if file.found.retained}
        self._paths = sorted({*read, *self._unread})

    def __getitem__(self, path: str) -> bytes:
        if path not in self._read:
            self._read[path] = self._bytes(path, self._unread[path])
        return self._read[path]

    def _bytes(self, path: str, file: KeptFile) -> bytes:
        data = read_bytes(self._git.work_tree, path, file.sha256)
        if data is not None:
            return data
        return self._git.run("cat-file", "blob", file.oid).stdout

    def __contains__(self, path: object) -> bool:
        return path in self._read or path in self._unread

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def texts(git: Git, harvest: Harvest, known: Mapping[str, KeptFile]) -> Mapping[str, bytes]:
    """Return path -> bytes of the files that a detector wants."""
    if not any(file.found.retained for file in known.values()):
        return dict(sorted(harvest.texts.items()))
    return LazyTexts(git, harvest.texts, known)


def open_cache(root: Path, *, writable: bool) -> FactCache:
    """Return what is kept for the repository around ROOT."""
    return FactCache(Git(root).common_dir(), writable=writable)
