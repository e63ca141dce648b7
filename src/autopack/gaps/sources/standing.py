"""Whether anything that a report follows from has changed, in one digest: asked before any detector is loaded.

Taken together here are git's listing of the index and its status, the contents of what git does not vouch for, the git
folder itself, the settings, and who asks. Nothing is guessed: a repository that is laid out in a way which this module
does not know (`find` says None) is looked at in full each time.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autopack.config import BASELINE_FILE, CONFIG_FILE, INTENTION_FILE
from autopack.file_layout import RUNS_FOLDER
from autopack.gaps.sources.asked import INDEX_COMMAND, STATUS_COMMAND, Asked, Unclear
from autopack.git import Git

SETTINGS_FILES = (INTENTION_FILE, CONFIG_FILE, BASELINE_FILE, "pyproject.toml", "package.json")
"""Files that a scan reads whether or not git lists them."""
STAMPS_CAN_LIE = sys.platform == "win32"
"""Where `st_ctime` is not the time of the last change."""

_UNKNOWN_LAYOUT = re.compile(
    rb"\[\s*(?:include|filter)|^\s*(?:worktree|excludesfile|ignorestat|partialclone|promisor|hookspath)\b|^\s*bare\s*=(?!\s*false\b)",
    re.IGNORECASE | re.MULTILINE,
)
"""Configuration that leads out of the repository, runs programs, or moves the working tree."""
COMPARES_LOOSELY = re.compile(rb"autocrlf|trustctime|checkstat", re.IGNORECASE)
"""Configuration by which git may call a file unchanged whose bytes are others."""
_NO_STATE = frozenset((b"index", b"COMMIT_EDITMSG", b"FETCH_HEAD"))
"""Files in the git folder that a report does not follow from; of the index, what git lists is taken."""
_LOOKED_INTO = frozenset((b"refs", b"info", b"reftable", b"rebase-merge", b"rebase-apply"))
_ELSEWHERE = frozenset((b"objects", b"worktrees", b"autopack"))
"""Folders in the git folder with an answer of their own, and Autopack's, which no report follows from."""
_MOST_LOOSE_OBJECTS = 20_000
_MOST_BYTES = 64 * 1024 * 1024
_GIVES_RULES = frozenset((b".gitignore", b".gitattributes"))
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True)
class Place:
    """A repository of the plain layout: all of it belongs to this user, and its configuration leads nowhere else."""

    root: Path
    own: Path
    """The git folder of this working tree."""
    common: Path
    """The git folder that all worktrees share."""
    configuration: bytes


@dataclass(frozen=True)
class Standing:
    """How things stand: equal digests mean that a scan would see the same, but for what `Stamps` and probes tell."""

    digest: str
    listing: bytes
    """What INDEX_COMMAND printed."""
    ignored: tuple[str, ...]
    """Ignored paths that exist, folders with a trailing `/`."""


def find(start: Path) -> Place | None:
    """Return the repository around START, None where it is not of the plain layout."""
    try:
        start = start.resolve()
        for root in (start, *start.parents):
            pointer = root / ".git"
            if pointer.is_symlink() or pointer.exists():
                # Git does not look for a working tree across file systems.
                return _place(root, pointer) if root.stat().st_dev == start.stat().st_dev else None
            if (root / "HEAD").exists():
                return None  # perhaps the inside of a git folder
    except (OSError, ValueError):
        return None
    return None


def _place(root: Path, pointer: Path) -> Place | None:
    own, status = pointer, pointer.lstat()
    if stat.S_ISREG(status.st_mode):
        own = root / os.fsdecode(pointer.read_bytes()).removeprefix("gitdir:").strip()
    elif not stat.S_ISDIR(status.st_mode):
        return None
    shared = own / "commondir"
    common = own / os.fsdecode(shared.read_bytes()).strip() if shared.is_file() else own
    places = (root, pointer, own, common)
    if any(place.lstat().st_uid != os.geteuid() for place in places) or not (common / "objects").is_dir():
        return None
    settings = (common / "config", own / "config.worktree")
    configuration = b"\n".join(file.read_bytes() for file in settings if file.exists())
    if _UNKNOWN_LAYOUT.search(configuration) or (common / "objects" / "info" / "alternates").exists():
        return None
    return Place(root, own.resolve(), common.resolve(), configuration)


def ask(place: Place) -> Asked:
    """Start to ask git about PLACE."""
    return Asked(Git(place.root))


def standing(place: Place, asked: Asked, environment: Mapping[str, str]) -> Standing:
    """Return how PLACE stands; ENVIRONMENT is the person's. Raises Unclear where that cannot be told."""
    digest = hashlib.sha256()
    try:
        for part in _beside_the_tree(place, environment):
            _add(digest, part)
        lists = asked.lists()
        listing, status = lists[INDEX_COMMAND], _without_runs(lists[STATUS_COMMAND])
        if listing.count(b"\0H ") + listing.startswith(b"H ") != listing.count(b"\0"):
            raise Unclear  # git was told not to look at some file, or one is unmerged, or left out of the working tree
        for part in (listing, *status, *_contents(place.root, listing, status)):
            _add(digest, part)
    except (OSError, RecursionError) as fault:
        raise Unclear from fault
    ignored = tuple(entry[2:].decode("utf-8", "surrogateescape") for entry in status if entry.startswith(b"! "))
    return Standing(digest.hexdigest(), listing, ignored)


def _add(digest: hashlib._Hash, part: bytes) -> None:
    digest.update(b"%d:" % len(part))
    digest.update(part)


def _without_runs(status: bytes) -> list[bytes]:
    """Return the entries of git's STATUS but for those in the folder of Autopack's own runs."""
    runs = tuple(f"{kind} {RUNS_FOLDER}/".encode() for kind in "?!")
    return [entry for entry in status.split(b"\0") if not entry.startswith(runs)]


# --- beside the working tree ------------------------------------------------------------------------------------------


def _beside_the_tree(place: Place, environment: Mapping[str, str]) -> Iterator[bytes]:
    yield os.fsencode(place.root)
    yield repr((os.geteuid(), os.getegid(), sorted(os.getgroups()))).encode()
    yield repr([environment.get(name) for name in ("AUTONOMOUS_RUNS_DIR", "AUTOPACK_AGENT_FOLDERS")]).encode()
    program = shutil.which("git", path=environment.get("PATH")) or ""
    yield repr((program, _stamp(os.stat(program)) if program else None)).encode()  # noqa: PTH116
    for name in SETTINGS_FILES:
        yield _settings_file(place.root, name)
    for folder in sorted({place.own, place.common}):
        yield from _git_folder(os.fsencode(folder))
    yield _objects(os.fsencode(place.common / "objects"))
    yield _worktrees(place)
    yield _stamps_of((place.common / "hooks").glob("*"))
    yield _stamps_of((place.root / RUNS_FOLDER).glob("*/runs/*/*/logs/*.ndjson"))
    yield _stamps_of((place.root / RUNS_FOLDER).glob("*/runs/*/*/ci/*/*.log"))


def _settings_file(root: Path, name: str) -> bytes:
    """Return the content of a file that is read where it stands. Raises Unclear for what is no plain file."""
    path = root / name
    if path.is_symlink() or path.parent.is_symlink():
        raise Unclear
    return b"+" + _content(os.fsencode(path)) if path.exists() else b"-"


def _git_folder(folder: bytes, below: bytes = b"") -> Iterator[bytes]:
    """Yield the names and contents of what git keeps in FOLDER. Raises Unclear where a lock lies there."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        name = below + entry.name
        if name.endswith(b".lock") or entry.is_symlink():
            raise Unclear
        if name in _NO_STATE or name in _ELSEWHERE:
            continue
        yield name
        if not entry.is_dir():
            yield _content(entry.path)
        elif below or name in _LOOKED_INTO:
            yield from _git_folder(entry.path, name + b"/")


def _objects(folder: bytes) -> bytes:
    """Return the digest of which objects there are, by name and stamp: a damaged one has another stamp."""
    found, pending = [], [folder]
    while pending:
        for entry in os.scandir(pending.pop()):
            if entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
            else:
                found.append((entry.path, _stamp(entry.stat(follow_symlinks=False))))
        if len(found) > _MOST_LOOSE_OBJECTS:
            raise Unclear
    return hashlib.sha256(repr(sorted(found)).encode()).digest()


def _stamps_of(files: Iterable[Path]) -> bytes:
    """Return the names and stamps of FILES, as one digest."""
    found = sorted((os.fsencode(file), _stamp(file.lstat())) for file in files)
    return hashlib.sha256(repr(found).encode()).digest()


def _worktrees(place: Place) -> bytes:
    if not (place.common / "worktrees").is_dir():
        return b""
    from autopack.gaps.sources.repository import worktrees

    return repr(worktrees(place.common)).encode()


# --- in the working tree ----------------------------------------------------------------------------------------------


def _contents(root: Path, listing: bytes, status: Sequence[bytes]) -> Iterator[bytes]:
    """Yield what git's lists do not say about the files that they name: the contents of those that are changed,
    untracked, or ignored and yet a source of rules. Raises Unclear where rules may stand out of sight."""
    base = os.fsencode(root) + b"/"
    for path in _changed(status):
        yield _any_content(base + path)
    ignored = [entry[2:] for entry in status if entry.startswith(b"! ")]
    for path in ignored:
        if path.rpartition(b"/")[2] in _GIVES_RULES:
            yield _any_content(base + path)
    folders = [path for path in ignored if path.endswith(b"/")]
    if folders:
        # A tracked file in an ignored folder: the rules for it may lie there, and git lists nothing of them.
        tracked = re.findall(rb"\t([^\0]+)\0", listing)
        for folder in folders:
            place = bisect_left(tracked, folder)
            if place < len(tracked) and tracked[place].startswith(folder):
                raise Unclear


def _changed(status: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the paths of changed and untracked files (git-status(1), Porcelain Format Version 2)."""
    entries = iter(status)
    for entry in entries:
        kind = entry[:2]
        if kind == b"? ":
            yield entry[2:]
        elif kind in {b"1 ", b"2 ", b"u "}:
            yield entry.split(b" ", {b"1 ": 8, b"2 ": 9, b"u ": 10}[kind])[-1]
            if kind == b"2 ":
                next(entries, None)


def _any_content(path: bytes) -> bytes:
    """Return what stands at PATH: its mode and content, the target of a link, or that nothing can be read."""
    try:
        status = os.lstat(path.rstrip(b"/"))
        if stat.S_ISLNK(status.st_mode):
            return b"link " + os.readlink(path)  # noqa: PTH115  (bytes: the name may be no text)
        if stat.S_ISREG(status.st_mode):
            return b"file %o %s" % (status.st_mode, _digest_of(path))
        return b"other %o" % status.st_mode
    except OSError as fault:
        return b"error %d" % (fault.errno or 0)


def _content(path: bytes) -> bytes:
    """Return the bytes of a file. Raises Unclear for one that is no plain file, or too large."""
    descriptor = os.open(path, _READ)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            raise Unclear
        return b"".join(iter(lambda: os.read(descriptor, 1024 * 1024), b""))
    finally:
        os.close(descriptor)


def _digest_of(path: bytes) -> bytes:
    digest = hashlib.sha256()
    descriptor = os.open(path, _READ | os.O_NOFOLLOW)
    try:
        while part := os.read(descriptor, 1024 * 1024):
            digest.update(part)
    finally:
        os.close(descriptor)
    return digest.digest()


# --- time stamps ------------------------------------------------------------------------------------------------------


def ruling(listing: bytes) -> list[bytes]:
    """Return the tracked files of LISTING that say what is ignored and converted."""
    return list(re.findall(rb"\t([^\0]*\.git(?:ignore|attributes))\0", listing))


def stamps(root: Path, paths: Iterable[bytes]) -> tuple[str, int]:
    """Return the digest of the stamps of PATHS below ROOT, and the latest time of change among them (nanoseconds since
    the epoch). Raises Unclear where one is gone."""
    base = os.fsencode(root) + b"/"
    look, found = os.lstat, array("q")
    add = found.extend
    try:
        for path in paths:
            status = look(base + path)
            add((status.st_ctime_ns, status.st_ino, status.st_size))
    except (OSError, OverflowError) as fault:
        raise Unclear from fault
    return hashlib.sha256(found.tobytes()).hexdigest(), max(found[::3], default=0)


def _stamp(status: os.stat_result) -> tuple[int, int, int, int, int]:
    """Return what changes with a file's bytes: git trusts the same; the time of change cannot be set by a program, and
    every other way to have another file there changes the number or the size."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode
