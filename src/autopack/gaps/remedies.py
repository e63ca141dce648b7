"""Deterministic remedies: exact, typed changes that a detector can name and Autopack can carry out.

An operation is bound to the bytes that it was made for (`before_sha256`), so that it can only ever be applied to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from autopack.artifacts.model import Artifact, Count, ExactText, Line, RepoPath, Sha256, Slug


class ReplaceText(Artifact):
    """Replace the one occurrence of `old` on `line` of `path` by `new`; nothing else in the file changes.

    `column` is the byte offset of `old` from the start of the line, so that a repeated text is no ambiguity.
    """

    op: Literal["replace_text"] = "replace_text"
    path: RepoPath
    before_sha256: Sha256
    line: Line
    column: Count
    old: ExactText
    new: ExactText


class ReplaceBlock(Artifact):
    """Replace what stands between the marker lines `start` and `end` of `path` by `new` (whole lines)."""

    op: Literal["replace_block"] = "replace_block"
    path: RepoPath
    before_sha256: Sha256
    start: ExactText
    end: ExactText
    new: ExactText


class MoveFile(Artifact):
    """Move the tracked file `path` to `destination`, which must not exist."""

    op: Literal["move_file"] = "move_file"
    path: RepoPath
    before_sha256: Sha256
    destination: RepoPath


class DeleteFile(Artifact):
    """Delete the tracked file `path`; git keeps its content."""

    op: Literal["delete_file"] = "delete_file"
    path: RepoPath
    before_sha256: Sha256


class RewriteFile(Artifact):
    """Replace all that the tracked file `path` holds by `new`; git keeps what it held."""

    op: Literal["rewrite_file"] = "rewrite_file"
    path: RepoPath
    before_sha256: Sha256
    new: ExactText


class Transcode(Artifact):
    """Rewrite the bytes of `path`: decode from `source`, drop a byte-order mark, normalise line endings, encode as
    UTF-8."""

    op: Literal["transcode"] = "transcode"
    path: RepoPath
    before_sha256: Sha256
    source: Literal["utf-8", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]
    strip_bom: bool
    line_ending: Literal["keep", "lf", "crlf"]


Operation = Annotated[
    ReplaceText | ReplaceBlock | MoveFile | DeleteFile | RewriteFile | Transcode, Field(discriminator="op")
]


class Remedy(Artifact):
    """What would close a gap: a kind of action and its operations, in the order in which they are applied.

    `lines` is the claimed number of lines added plus removed, as `git diff --numstat` counts them.
    """

    kind: Slug
    operations: Annotated[tuple[Operation, ...], Field(min_length=1)]
    lines: Count


def operation_paths(operation: Operation) -> tuple[str, ...]:
    """Return every path that OPERATION reads, writes, creates or removes."""
    if isinstance(operation, MoveFile):
        return (operation.path, operation.destination)
    return (operation.path,)


def remedy_paths(remedy: Remedy) -> tuple[str, ...]:
    """Return every path that REMEDY touches, sorted, each once."""
    return tuple(sorted({path for operation in remedy.operations for path in operation_paths(operation)}))


def merged(remedies: Sequence[Remedy | None]) -> Remedy | None:
    """Return the one remedy that does what REMEDIES, all of one kind, do; None where one is missing.

    Two that replace text on one line change that line once.
    """
    whole = [remedy for remedy in remedies if remedy is not None]
    if not whole or len(whole) < len(remedies):
        return None
    operations = tuple(operation for remedy in whole for operation in remedy.operations)
    places = {(one.path, one.line) for one in operations if isinstance(one, ReplaceText)}
    others = (remedy.lines for remedy in whole if not isinstance(remedy.operations[0], ReplaceText))
    return whole[0].model_copy(update={"operations": operations, "lines": 2 * len(places) + sum(others)})
