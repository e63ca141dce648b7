"""The bytes of the working tree, each file opened once, handed to every extractor, and let go."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from autopack.artifacts.redaction import has_masked_a_registered_value, note_registered_value
from autopack.gaps.detector import Detector
from autopack.gaps.facts import FactCache
from autopack.gaps.models import NotLookedAt
from autopack.gaps.sources.listing import EXECUTABLE, LINK, REGULAR, encode
from autopack.gaps.sources.mentions import NOTHING_SOUGHT, Seeker
from autopack.gaps.state import DetectorFailure

MAX_FILE_BYTES = 8 * 1024 * 1024
"""Of larger files only the digest is taken: no text that a person keeps is that large."""
_CHUNK = 64 * 1024
_BINARY_HEAD = 8_000
"""Where git looks for a NUL byte to call a file binary."""
_SQLITE_MAGIC = b"SQLite format 3\0"
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class ReadFile(NamedTuple):
    """What one file turned out to be; a tuple, since processes hand tens of thousands of them to one another."""

    path: str
    mode: str
    size: int
    sha256: str | None
    link_target: str | None = None
    oid: str = ""
    """Git's id of the bytes that were read, where it was asked for."""


_Extractor = tuple[str, Callable[[str, bytes], object | None], Callable[[str], bool]]
"""A detector's gap type, `extract` and `retain`."""


@dataclass
class Harvest:
    """Everything that one pass over the files brought home."""

    files: list[ReadFile] = field(default_factory=list)
    facts: dict[str, dict[str, object]] = field(default_factory=dict)
    mentions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    databases: list[str] = field(default_factory=list)
    not_looked_at: list[NotLookedAt] = field(default_factory=list)
    failures: dict[str, DetectorFailure] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    """Files whose facts are kept from an earlier scan."""
    depends_on_environment: bool = False
    """A secret of this environment was masked in it."""

    def __getstate__(self) -> dict[str, object]:
        """Return what a process hands to another: columns are copied in half the time of rows."""
        return {**vars(self), "files": tuple(zip(*self.files, strict=True))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, files=[ReadFile(*row) for row in zip(*state["files"], strict=True)])

    def miss(self, path: str, reason: str) -> None:
        """Note that PATH could not be looked at."""
        self.not_looked_at.append(NotLookedAt(subject=path, reason=reason))

    def absorb(self, other: Harvest) -> None:
        """Add what OTHER brought; of two failures of a detector the one at the first path stays."""
        self.files += other.files
        for gap_type, facts in other.facts.items():
            self.facts.setdefault(gap_type, {}).update(facts)
        self.mentions.update(other.mentions)
        self.texts.update(other.texts)
        self.databases += other.databases
        self.not_looked_at += other.not_looked_at
        self.known |= other.known
        if other.depends_on_environment:
            note_registered_value()
        for gap_type, failure in other.failures.items():
            mine = self.failures.get(gap_type)
            if mine is None or (failure.path or "") < (mine.path or ""):
                self.failures[gap_type] = failure


def read_files(
    root: Path,
    paths: Iterable[tuple[str, str]],
    detectors: Sequence[Detector],
    kept: FactCache | None = None,
    seeker: Seeker = NOTHING_SOUGHT,
    object_format: str = "",
) -> Harvest:
    """Read PATHS (path and mode, empty if unknown) below ROOT, never through a link; run every extractor, and SEEKER,
    over each whose facts are not KEPT. With an OBJECT_FORMAT (`sha1`, `sha256`), say which object git would make."""
    extractors = [(one.gap_type, one.extract, one.retain) for one in detectors if one.extract is not None]
    harvest = Harvest(facts={gap_type: {} for gap_type, _, _ in extractors})
    base = os.fsencode(root) + b"/"
    for path, mode in paths:
        try:
            mode = mode or _mode_of(base + encode(path))
            if mode == LINK:
                _take_link(harvest, base, path)
            else:
                data = _take_file(harvest, base, path, mode, object_format)
                if data is not None:
                    _search(harvest, path, data, extractors, kept, seeker)
        except FileNotFoundError:
            harvest.miss(path, "it vanished while the scan was running")
        except NotADirectoryError:
            harvest.miss(path, "it vanished while the scan was running")
        except PermissionError:
            harvest.files.append(ReadFile(path, mode, 0, None))
            harvest.miss(path, "permission denied")
        except OSError as fault:
            harvest.files.append(ReadFile(path, mode, 0, None))
            harvest.miss(path, f"it cannot be read ({os.strerror(fault.errno or 0)})")
    harvest.depends_on_environment = has_masked_a_registered_value()
    return harvest


def read_bytes(root: Path, path: str, sha256: str) -> bytes | None:
    """Return the bytes of PATH below ROOT if they still have that digest, else None."""
    try:
        descriptor = os.open(os.fsencode(root) + b"/" + encode(path), _FLAGS)
    except OSError:
        return None
    try:
        data = _rest(descriptor, b"")
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return data if hashlib.sha256(data).hexdigest() == sha256 else None


def _mode_of(path: bytes) -> str:
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        return LINK
    return EXECUTABLE if mode & stat.S_IXUSR else REGULAR


def _take_link(harvest: Harvest, base: bytes, path: str) -> None:
    target = os.readlink(base + encode(path))  # noqa: PTH115  (bytes: the name may be no text)
    harvest.files.append(ReadFile(path, LINK, len(target), None, target.decode("utf-8", "surrogateescape")))


def _take_file(harvest: Harvest, base: bytes, path: str, mode: str, object_format: str) -> bytes | None:
    """Note what the file at PATH is; return its bytes unless it is a link or too large to search."""
    try:
        descriptor = os.open(base + encode(path), _FLAGS)
    except OSError:
        if stat.S_ISLNK(os.lstat(base + encode(path)).st_mode):
            _take_link(harvest, base, path)
            return None
        raise
    try:
        data = os.read(descriptor, _CHUNK)
        if (len(data) == _CHUNK or not data) and not _is_small(descriptor, len(data)):
            _take_large(harvest, descriptor, data, path, mode, object_format)
            return None
        if len(data) == _CHUNK:
            data = _rest(descriptor, data)
    finally:
        os.close(descriptor)
    oid = _object(object_format, len(data), data).hexdigest() if object_format else ""
    harvest.files.append(ReadFile(path, mode, len(data), hashlib.sha256(data).hexdigest(), oid=oid))
    if data.startswith(_SQLITE_MAGIC):
        harvest.databases.append(path)
    return data


def _search(
    harvest: Harvest,
    path: str,
    data: bytes,
    extractors: Sequence[_Extractor],
    kept: FactCache | None,
    seeker: Seeker,
) -> None:
    """Find the facts in DATA, the bytes of the file that was noted last, unless they are KEPT."""
    sha256 = harvest.files[-1].sha256
    row = kept.by_digest(path, sha256, seeker.digest) if kept is not None and sha256 is not None else None
    if kept is None or row is None:
        _extract(harvest, path, data, extractors)
        if mentioned := seeker.found_in(data):
            harvest.mentions[path] = mentioned
        return
    harvest.known.add(path)
    if row in kept.versions.found and kept.versions.found[row].retained:
        harvest.texts[path] = data


def _is_small(descriptor: int, read: int) -> bool:
    """Tell whether the open file is an ordinary one of at most MAX_FILE_BYTES."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(0, "not a regular file")
    return max(status.st_size, read) <= MAX_FILE_BYTES


def _rest(descriptor: int, head: bytes) -> bytes:
    parts = [head]
    while part := os.read(descriptor, 1024 * 1024):
        parts.append(part)
    return b"".join(parts)


def _object(object_format: str, size: int, head: bytes) -> hashlib._Hash:
    """Return the hash that names a blob of SIZE bytes once it has been fed with them; HEAD are the first ones."""
    return hashlib.new(object_format, b"blob %d\0%b" % (size, head), usedforsecurity=False)


def _take_large(harvest: Harvest, descriptor: int, head: bytes, path: str, mode: str, object_format: str) -> None:
    """Digest a large file without holding it; say so where it may be text."""
    digest, size, expected = hashlib.sha256(head), len(head), os.fstat(descriptor).st_size
    named = _object(object_format, expected, head) if object_format else None
    while part := os.read(descriptor, 1024 * 1024):
        digest.update(part)
        size += len(part)
        if named is not None:
            named.update(part)
    oid = named.hexdigest() if named is not None and size == expected else ""
    harvest.files.append(ReadFile(path, mode, size, digest.hexdigest(), oid=oid))
    if head.startswith(_SQLITE_MAGIC):
        harvest.databases.append(path)
    elif b"\0" not in head[:_BINARY_HEAD]:
        harvest.miss(path, f"a text of more than {MAX_FILE_BYTES // 1024 // 1024} MiB is not searched")


def _extract(harvest: Harvest, path: str, data: bytes, detectors: Sequence[_Extractor]) -> None:
    for gap_type, extract, retain in detectors:
        try:
            fact = extract(path, data)
            if fact is None or gap_type in harvest.failures:
                continue
            harvest.facts[gap_type][path] = fact
            if retain(path):
                harvest.texts[path] = data
        except Exception as fault:  # noqa: BLE001  (a detector's defect becomes a finding, never the scan's end)
            failure = DetectorFailure(gap_type, "extract", path, type(fault).__name__)
            harvest.failures.setdefault(gap_type, failure)
