"""The repository's own state: HEAD, unfinished operations, locks, worktrees, and what is damaged."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from autopack.gaps.sources import processes
from autopack.gaps.sources.asked import OBJECTS_COMMAND
from autopack.gaps.sources.listing import decode
from autopack.gaps.state import LockFact, WorktreeFact
from autopack.git import Git
from autopack.wording import agreeing, counted

OLD_LOCK_SECONDS = 3_600
"""No git command holds a lock in the git folder that long; `git gc`, the slowest, keeps its own `gc.pid`."""
_MAX_REF_FOLDERS = 5_000
_MOST_NAMED = 3
_OPERATIONS = (
    ("merge", "MERGE_HEAD"),
    ("rebase", "rebase-merge"),
    ("rebase", "rebase-apply/rebasing"),
    ("am", "rebase-apply/applying"),
    ("cherry-pick", "CHERRY_PICK_HEAD"),
    ("revert", "REVERT_HEAD"),
    ("bisect", "BISECT_LOG"),
)
"""What git itself looks at in wt-status.c; `BISECT_LOG` and the rest are named in gitrepository-layout(5)."""
_BROKEN_REF = re.compile(
    r"^(?:warning|error): ignoring (?:broken|dangling symref|ref with broken name) ?(?:ref )?(\S+)", re.M
)
_LOCKED_FOR_A_RUN = re.compile(r"autopack run (\S+)")
"""What `worktrees.manager` writes as the reason of its lock."""
_MISSING_OID = re.compile(rb"^([0-9a-f]{40,64}) missing$", re.M)


@dataclass(frozen=True)
class Places:
    """Where the repository keeps its state, and what its configuration says about it."""

    root: Path
    own: Path
    """The git folder of this working tree."""
    common: Path
    """The git folder that all worktrees share."""
    configuration: Mapping[str, str]

    @property
    def object_format(self) -> str:
        return self.configuration.get("extensions.objectformat", "sha1")

    @property
    def partial(self) -> bool:
        return any(
            name == "extensions.partialclone" or (name.endswith(".promisor") and value.lower() in {"true", "1", "yes"})
            for name, value in self.configuration.items()
        )

    @property
    def sparse(self) -> bool:
        return self.configuration.get("core.sparsecheckout", "").lower() in {"true", "1", "yes", "on"}

    @property
    def shallow(self) -> bool:
        return (self.common / "shallow").is_file()

    @property
    def compares_exactly(self) -> bool:
        """Whether git, by its settings, calls a file unchanged only if its bytes are (attributes aside)."""
        return (
            self.configuration.get("core.autocrlf", "false").lower() in {"false", "0", "no", "off"}
            and self.configuration.get("core.trustctime", "true").lower() in {"true", "1", "yes", "on", ""}
            and self.configuration.get("core.checkstat", "default").lower() == "default"
        )

    def past_digest(self) -> str:
        """Return the digest of what decides, besides HEAD and the tree, where history ends and what is ignored."""
        digest = hashlib.sha256(self.configuration.get("core.excludesfile", "").encode("utf-8", "surrogateescape"))
        excludes = self.configuration.get("core.excludesfile")
        files = [self.common / "shallow", self.common / "info" / "grafts", self.common / "info" / "exclude"]
        for file in (*files, *([self.root / excludes] if excludes else [])):
            try:
                content = file.read_bytes()
            except (OSError, ValueError):
                content = b""
            digest.update(hashlib.sha256(content).digest())
        return digest.hexdigest()

    def filter_overrides(self) -> list[str]:
        """Return `-c` options that switch every configured content filter off: a scan runs no foreign code."""
        names = {name.rpartition(".")[0] for name in self.configuration if name.startswith("filter.")}
        return [
            part
            for name in sorted(names)
            for setting in (f"{name}.clean=", f"{name}.smudge=", f"{name}.process=", f"{name}.required=false")
            for part in ("-c", setting)
        ]


def read_configuration(git: Git) -> dict[str, str]:
    """Return the repository's own configuration, the last value of each name; what is set for a scan is none of it."""
    found: dict[str, str] = {}
    fields = decode(git.run("config", "--null", "--list", "--show-origin", check=False).stdout).split("\0")
    for origin, entry in zip(fields[::2], fields[1::2], strict=False):
        name, _, value = entry.partition("\n")
        if name and not origin.startswith("command line"):
            found[name] = value
    return found


def unfinished_operations(own: Path) -> tuple[str, ...]:
    """Return the operations that wait to be continued in the git folder OWN."""
    found = {name for name, marker in _OPERATIONS if (own / marker).exists()}
    return tuple(sorted(found))


def git_locks(places: Places) -> tuple[LockFact, ...]:
    """Return the lock files of git itself, with whether a git process is at work here.

    Git writes no owner into its locks, so the owner counts as dead when no git process works in the repository.
    """
    found = {path: label for folder in (places.common, places.own) for path, label in _locks_in(folder)}
    if not found:
        return ()
    folders = frozenset(os.path.realpath(folder) for folder in (places.root, places.own, places.common))
    alive = processes.git_is_at_work_in(folders)
    now = time.time()
    locks = []
    for path, label in found.items():
        try:
            status = path.lstat()
        except OSError:
            continue  # its owner just ended
        ours = status.st_uid == os.getuid()
        locks.append(
            LockFact(label, True, None, alive if ours or alive else None, now - status.st_mtime > OLD_LOCK_SECONDS)
        )
    return tuple(sorted(locks, key=lambda lock: lock.path))


def _locks_in(folder: Path) -> list[tuple[Path, str]]:
    top, found = os.fsencode(folder), []
    for visited, (current, folders, names) in enumerate(os.walk(top)):
        if current == top:
            folders[:] = [name for name in folders if name == b"refs"]
        if visited > _MAX_REF_FOLDERS:
            break
        for path in (current + b"/" + name for name in names if name.endswith(b".lock")):
            found.append((Path(os.fsdecode(path)), decode(path[len(top) + 1 :])))
    return found


def worktrees(common: Path) -> tuple[WorktreeFact, ...]:
    """Return the linked worktrees that the repository has registered (gitrepository-layout(5), `worktrees`)."""
    registered = common / "worktrees"
    if not registered.is_dir():
        return ()
    return tuple(
        _worktree(registered / name) for name in sorted(os.listdir(registered)) if (registered / name).is_dir()
    )


def _worktree(entry: Path) -> WorktreeFact:
    pointer = _checkout_pointer(entry)
    exists = pointer.parent.is_dir()
    back = _read_line(pointer).removeprefix("gitdir: ") if exists else ""
    points_back = bool(back) and os.path.realpath(pointer.parent / back) == os.path.realpath(entry)
    locked = (entry / "locked").exists()
    reason = _read_line(entry / "locked") if locked else ""
    run = _LOCKED_FOR_A_RUN.fullmatch(reason)
    return WorktreeFact(
        name=decode(os.fsencode(entry.name)),
        exists=exists,
        points_back=points_back,
        locked=locked,
        lock_reason=decode(os.fsencode(reason)),
        prunable=not exists and not locked,
        owner_alive=_lock_owner(entry / "locked", reason),
        off_its_branch=run is not None and _read_line(entry / "HEAD") != f"ref: refs/heads/autopack/{run[1]}",
    )


def checkouts(common: Path) -> tuple[tuple[str, Path], ...]:
    """Return name and folder of the linked worktrees that people made; those of Autopack's runs are its own affair."""
    registered = common / "worktrees"
    if not registered.is_dir():
        return ()
    entries = [registered / name for name in sorted(os.listdir(registered))]
    return tuple(
        (decode(os.fsencode(entry.name)), _checkout_pointer(entry).parent)
        for entry in entries
        if entry.is_dir() and not _LOCKED_FOR_A_RUN.fullmatch(_read_line(entry / "locked"))
    )


def _checkout_pointer(entry: Path) -> Path:
    """Return the `.git` file of the worktree that is registered at ENTRY; an absolute link replaces the left side."""
    return entry / (_read_line(entry / "gitdir") or "missing")


def _lock_owner(lock: Path, reason: str) -> bool | None:
    match = re.search(r"\bpid[ =:]+(\d{1,9})\b", reason)
    if match is None:
        return None
    host = re.search(r"\bhost[ =:]+(\S+)", reason)
    return processes.owner_alive(int(match[1]), host[1] if host else None, lock.lstat().st_mtime)


def _read_line(path: Path) -> str:
    try:
        return os.fsdecode(path.read_bytes()[:4_096]).split("\n", 1)[0].strip()
    except OSError:
        return ""


def broken_refs(git: Git, *, partial: bool) -> tuple[tuple[str, str], ...]:
    """Return refs that cannot be read or that point at objects which are not there."""
    answer = git.run("for-each-ref", "--format=%(objectname) %(refname)", check=False)
    broken = [(name, "the ref is damaged") for name in _BROKEN_REF.findall(answer.stderr)]
    if not partial:  # asking for a promised object would try to fetch it
        broken += _dangling(git, [line.split(" ", 1) for line in decode(answer.stdout).splitlines()])
    return tuple(broken)


def _dangling(git: Git, refs: list[list[str]]) -> list[tuple[str, str]]:
    asked = "\n".join(sorted({oid for oid, _ in refs})) + "\n"
    answer = git.run("cat-file", "--batch-check", "--buffer", stdin=asked.encode(), check=False) if refs else None
    missing = {oid.decode() for oid in _MISSING_OID.findall(answer.stdout)} if answer else set()
    return [(name, "the ref points at an object that is missing") for oid, name in refs if oid in missing]


class HeadObjects(NamedTuple):
    """What is wrong with the objects of HEAD's own tree, in words, and the files of it whose content is not there:
    none where anything else is missing as well."""

    broken: tuple[tuple[str, str], ...] = ()
    missing: frozenset[str] = frozenset()


def head_objects(git: Git) -> HeadObjects:
    """Return what of HEAD's own tree is missing."""
    answer = git.run(*OBJECTS_COMMAND, check=False)
    missing = frozenset(re.findall(rb"^\?([0-9a-f]+)", answer.stdout, re.M))
    if missing:
        files = _files_of(git, missing)
        what = f"{counted(len(missing), 'object')} {agreeing(len(missing), 'is', 'are')} missing{_named(files)}"
        return HeadObjects((("HEAD", what),), frozenset(files) if missing == set(files.values()) else frozenset())
    return HeadObjects(() if answer.code == 0 else (("HEAD", "the commit or one of its trees cannot be read"),))


def _files_of(git: Git, objects: frozenset[bytes]) -> dict[str, bytes]:
    """Return the files of HEAD whose content is among OBJECTS -> that object, none where git cannot say."""
    listing = git.run("ls-tree", "-r", "-z", "HEAD", check=False).stdout
    entries = (line.partition(b"\t") for line in listing.split(b"\0"))
    found = ((decode(path), entry.rpartition(b" ")[2]) for entry, _, path in entries)
    return {path: oid for path, oid in sorted(found) if path and oid in objects}


def _named(files: Collection[str]) -> str:
    """Return `: path, path, …` for FILES, nothing where there are none."""
    paths = list(files)
    named = ", ".join(paths[:_MOST_NAMED]) + (", …" if len(paths) > _MOST_NAMED else "")
    return f": {named}" if named else ""
