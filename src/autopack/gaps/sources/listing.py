"""What git lists: tracked files, changes, untracked and ignored paths, and attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from autopack.gaps.sources.asked import ATTRIBUTES_COMMAND, INDEX_COMMAND, STATUS_COMMAND
from autopack.gaps.state import ChangeFact
from autopack.git import Git

REGULAR = "100644"
EXECUTABLE = "100755"
LINK = "120000"
SUBMODULE = "160000"
ATTRIBUTES = (
    *("text", "eol", "crlf", "binary", "diff", "merge", "filter", "ident", "working-tree-encoding"),
    "conflict-marker-size",
    *("linguist-vendored", "linguist-generated", "linguist-documentation"),
)
"""The attributes that a detector may ask for; see gitattributes(5)."""


class IndexEntry(NamedTuple):
    """One path in the index; `stages` is (0,) unless it is unmerged."""

    path: str
    mode: str
    stages: tuple[int, ...]
    skipped: bool
    """Left out of the working tree by a sparse checkout."""
    oid: str = ""
    assumed: bool = False
    """The owner told git not to look whether it changed (`git update-index --assume-unchanged`)."""


@dataclass(frozen=True)
class Status:
    """`git status`: changes of tracked paths, untracked paths, ignored ones, and where HEAD points."""

    changes: tuple[ChangeFact, ...]
    work_tree_modes: Mapping[str, str]
    """Changed path -> mode in the working tree, `000000` when gone."""
    untracked: tuple[str, ...]
    ignored: tuple[str, ...]
    head: str | None
    branch: str | None


def decode(data: bytes) -> str:
    """Return DATA as text the same way under every locale; bytes that are no UTF-8 become lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def encode(path: str) -> bytes:
    """Return the bytes that `decode` made PATH from."""
    return path.encode("utf-8", "surrogateescape")


def list_index(git: Git) -> tuple[IndexEntry, ...]:
    """Return the entries of the index, by path. Raises GitFailed when the index cannot be read."""
    return parse_index(git.run(*INDEX_COMMAND).stdout)


def parse_index(data: bytes) -> tuple[IndexEntry, ...]:
    """Return the entries in the output of `git ls-files -s -v -z`."""
    entries: dict[str, IndexEntry] = {}
    modes: dict[str, str] = {}
    for record in decode(data).split("\0")[:-1]:
        head, _, path = record.partition("\t")
        tag, mode, oid, stage = head.split(" ")
        # One object for all that are equal: an index has a hundred thousand entries, and a handful of modes.
        mode = modes.setdefault(mode, mode)
        stages = _MERGED if stage == "0" else (*(entries[path].stages if path in entries else ()), int(stage))
        entries[path] = IndexEntry(path, mode, stages, tag in "Ss", oid, tag.islower())
    return tuple(entries[path] for path in sorted(entries))


_MERGED = (0,)


def read_status(git: Git, without_filters: Sequence[str]) -> Status:
    """Return what `git status` says, without refreshing the index. WITHOUT_FILTERS are `-c` options."""
    return parse_status(git.run(*without_filters, *STATUS_COMMAND).stdout)


def parse_status(data: bytes) -> Status:
    """Return the content of `git status --porcelain=v2 -z --branch` (git-status(1), Porcelain Format Version 2)."""
    changes: list[ChangeFact] = []
    modes: dict[str, str] = {}
    untracked: list[str] = []
    ignored: list[str] = []
    header: dict[str, str] = {}
    records = iter(decode(data).split("\0"))
    for record in records:
        kind, _, rest = record.partition(" ")
        if kind == "#":
            name, _, value = rest.partition(" ")
            header[name] = value
        elif kind == "?":
            untracked.append(rest)
        elif kind == "!":
            ignored.append(rest)
        elif kind in {"1", "2", "u"}:
            fields = rest.split(" ", {"1": 7, "2": 8, "u": 9}[kind])
            path = fields[-1]
            modes[path] = fields[5 if kind == "u" else 4]
            changes.append(ChangeFact(path, fields[0], next(records) if kind == "2" else None))
    changes += (ChangeFact(path, "??") for path in untracked)
    head, branch = header.get("branch.oid", "(initial)"), header.get("branch.head", "(detached)")
    return Status(
        changes=tuple(sorted(changes, key=lambda change: change.path)),
        work_tree_modes=modes,
        untracked=tuple(sorted(untracked)),
        ignored=tuple(sorted(ignored)),
        head=None if head == "(initial)" else head,
        branch=None if branch == "(detached)" else branch,
    )


def read_attributes(git: Git, paths: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return path -> attribute -> value for those of ATTRIBUTES that are set on PATHS; one call of git."""
    known = list(paths)
    wanted = b"".join(encode(path) + b"\0" for path in known)
    if not wanted:
        return {}
    # All that are set, which are few, rather than a line for each of ATTRIBUTES and each path.
    answer = git.run(*ATTRIBUTES_COMMAND, stdin=wanted).stdout
    fields = answer.split(b"\0")  # path, attribute, value, and again
    stated: dict[bytes, tuple[bytes, ...]] = {}
    names = {name.encode() for name in ATTRIBUTES}
    for path, attribute, value in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        if attribute in names:
            stated[path] = (*stated[path], attribute, value) if path in stated else (attribute, value)
    # Most files share what a few patterns state, and one dictionary; the paths are the caller's own.
    shared = {every: _by_attribute(every) for every in set(stated.values())}
    asked = zip(known, wanted.split(b"\0"), strict=False)
    return {path: shared[stated[name]] for path, name in asked if name in stated}


def _by_attribute(fields: Sequence[bytes]) -> dict[str, str]:
    """Return FIELDS (an attribute, its value, the next attribute, …) in the order of ATTRIBUTES."""
    values = dict(zip(map(decode, fields[::2]), map(decode, fields[1::2]), strict=True))
    return {attribute: values[attribute] for attribute in ATTRIBUTES if attribute in values}
