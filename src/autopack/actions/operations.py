"""Carry out operations on a workspace: all of them are worked out on the bytes as they are, then written.

Every operation of an action speaks of the files as they stand when the action begins, so their order does not change
the result: edits first, worked out together per file, then moves and removals. Nothing is written before every
operation has been found applicable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autopack.actions.models import Workspace
from autopack.artifacts.canonical import bytes_digest
from autopack.errors import StaleError
from autopack.gaps.remedies import (
    DeleteFile,
    MoveFile,
    Operation,
    ReplaceBlock,
    ReplaceText,
    RewriteFile,
    Transcode,
)


def apply_operation(workspace: Workspace, operation: Operation) -> None:
    """Carry out one OPERATION; raises StaleError as `apply_operations` does."""
    apply_operations(workspace, (operation,))


def apply_operations(workspace: Workspace, operations: Sequence[Operation]) -> None:
    """Carry out OPERATIONS as one change of WORKSPACE.

    Raises StaleError, naming the path, and before anything is written, when a file is not the one that an operation
    was made for, when an operation would change nothing (it was applied before), or when two operations contradict
    each other.
    """
    contents = {path: _new_content(workspace, path, group) for path, group in _by_file(operations).items()}
    moves = [operation for operation in dict.fromkeys(operations) if isinstance(operation, MoveFile)]
    removals = [operation for operation in dict.fromkeys(operations) if isinstance(operation, DeleteFile)]
    _check_destinations(workspace, moves, {removal.path for removal in removals})
    for path, content in contents.items():
        if content is not None:
            workspace.write(path, content)
    for removal in removals:
        workspace.delete(removal.path)
    for move in moves:
        workspace.move(move.path, move.destination)


def contradiction(operations: Sequence[Operation]) -> str | None:
    """Return why OPERATIONS cannot be carried out as one change, or None; looks at no file."""
    try:
        for path, group in _by_file(operations).items():
            _check_group(path, group)
        _check_distinct_destinations([operation for operation in operations if isinstance(operation, MoveFile)])
    except StaleError as fault:
        return fault.message
    return None


def _by_file(operations: Sequence[Operation]) -> dict[str, list[Operation]]:
    """Group OPERATIONS by the file that they change, each once; what names a destination of a move means its
    source."""
    source = {operation.destination: operation.path for operation in operations if isinstance(operation, MoveFile)}
    groups: dict[str, list[Operation]] = {}
    for operation in dict.fromkeys(operations):
        places = isinstance(operation, MoveFile | DeleteFile)
        groups.setdefault(operation.path if places else source.get(operation.path, operation.path), []).append(
            operation
        )
    return groups


def _new_content(workspace: Workspace, path: str, group: Sequence[Operation]) -> bytes | None:
    """Return what PATH will hold, or None where its content stays; raises StaleError where GROUP does not fit."""
    _check_group(path, group)
    data = workspace.read(path)
    if bytes_digest(data) != group[0].before_sha256:
        raise StaleError(f"{path} has changed since the plan was made.", hint="autopack propose makes a new plan.")
    changed = _replace_spans(path, data, [span for operation in group for span in _span(data, operation)])
    rewrites = [operation for operation in group if isinstance(operation, RewriteFile)]
    if rewrites:
        changed = rewrites[0].new.encode()
    transcodes = [operation for operation in group if isinstance(operation, Transcode)]
    if transcodes:
        changed = _transcoded(changed, _merged(path, transcodes))
    if any(isinstance(operation, MoveFile | DeleteFile) for operation in group):
        return None if changed == data else changed
    if changed == data:
        raise StaleError(f"{path} is already as the action would leave it.")
    return changed


def _check_group(path: str, group: Sequence[Operation]) -> None:
    """Raise StaleError where the operations on the one file PATH contradict each other."""
    if len({operation.before_sha256 for operation in group}) > 1:
        raise StaleError(f"{path}: the operations were made for different versions of the file.")
    placing = [operation for operation in group if isinstance(operation, MoveFile | DeleteFile)]
    if len(placing) > 1 or (len(group) > 1 and any(isinstance(operation, DeleteFile) for operation in group)):
        raise StaleError(f"{path} would be moved or deleted and something else at once.")
    if len(group) > 1 and any(isinstance(operation, RewriteFile) for operation in group):
        raise StaleError(f"{path} would be rewritten and something else at once.")
    transcodes = [operation for operation in group if isinstance(operation, Transcode)]
    edits = [operation for operation in group if isinstance(operation, ReplaceText | ReplaceBlock)]
    if transcodes and _merged(path, transcodes).source != "utf-8" and edits:
        raise StaleError(f"{path} would be edited as UTF-8 and transcoded from {transcodes[0].source} at once.")
    _check_edits_apart(path, [operation for operation in edits if isinstance(operation, ReplaceText)])


def _check_edits_apart(path: str, edits: Sequence[ReplaceText]) -> None:
    """Raise StaleError where two single-line edits of PATH overlap; others are seen once the bytes are known."""
    ends: dict[int, int] = {}
    for edit in sorted(edits, key=lambda edit: (edit.line, edit.column, len(edit.old))):
        if edit.column < ends.get(edit.line, 0):
            raise StaleError(f"{path}: two edits of line {edit.line} overlap.")
        # An insertion occupies its place too: two of them at one place have no order.
        ends[edit.line] = edit.column + max(len(edit.old.encode()), 1)


@dataclass(frozen=True)
class _Span:
    """Bytes `start:end` of a file and what takes their place."""

    start: int
    end: int
    new: bytes


def _span(data: bytes, operation: Operation) -> tuple[_Span, ...]:
    if isinstance(operation, ReplaceText):
        return (_text_span(data, operation),)
    if isinstance(operation, ReplaceBlock):
        return (_block_span(data, operation),)
    return ()


def _text_span(data: bytes, operation: ReplaceText) -> _Span:
    line_start = 0
    for _ in range(operation.line - 1):
        line_start = data.find(b"\n", line_start) + 1
        if line_start == 0:
            raise StaleError(f"{operation.path} has no line {operation.line}.")
    start = line_start + operation.column
    old = operation.old.encode()
    line_end = data.find(b"\n", line_start)
    if data[start : start + len(old)] != old or start > (len(data) if line_end < 0 else line_end):
        raise StaleError(f"{operation.path}: line {operation.line} does not hold the text to be replaced.")
    return _Span(start, start + len(old), operation.new.encode())


def _block_span(data: bytes, operation: ReplaceBlock) -> _Span:
    start_marker, end_marker = operation.start.strip().encode(), operation.end.strip().encode()
    opened: list[tuple[int, bytes]] = []
    closed: list[int] = []
    offset = 0
    for line in data.split(b"\n"):
        content = line.strip()
        if content == start_marker:
            opened.append((offset + len(line) + 1, b"\r\n" if line.endswith(b"\r") else b"\n"))
        if content == end_marker:
            closed.append(offset)
        offset += len(line) + 1
    if len(opened) != 1 or len(closed) != 1 or closed[0] < opened[0][0]:
        raise StaleError(f"{operation.path} does not hold the marked block {operation.start.strip()!r} exactly once.")
    new = operation.new.encode()
    if new and not new.endswith(b"\n"):
        new += opened[0][1]
    return _Span(opened[0][0], closed[0], new)


def _replace_spans(path: str, data: bytes, spans: Sequence[_Span]) -> bytes:
    parts: list[bytes] = []
    done = 0
    last: _Span | None = None
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        if span.start < done or (last is not None and (span.start, span.end) == (last.start, last.end)):
            raise StaleError(f"{path}: two edits overlap.")
        parts += (data[done : span.start], span.new)
        done, last = span.end, span
    return b"".join((*parts, data[done:]))


def _merged(path: str, transcodes: Sequence[Transcode]) -> Transcode:
    """Return the one transcoding that does what TRANSCODES do; raises StaleError where they want different things."""
    endings = {transcode.line_ending for transcode in transcodes} - {"keep"}
    if len({transcode.source for transcode in transcodes}) > 1 or len(endings) > 1:
        raise StaleError(f"{path} would be transcoded in two different ways.")
    strip_bom = any(transcode.strip_bom for transcode in transcodes)
    line_ending = next(iter(endings), "keep")
    return transcodes[0].model_copy(update={"strip_bom": strip_bom, "line_ending": line_ending})


def _transcoded(data: bytes, operation: Transcode) -> bytes:
    """Return DATA as UTF-8 with the wanted mark and line endings; raises StaleError unless decoding is reversible.

    As in git's own normalisation (gitattributes(5), `text`), a lone carriage return is no line ending.
    """
    try:
        text = data.decode(operation.source)
        exact = text.encode(operation.source) == data
    except UnicodeError:
        exact = False
    if not exact:
        raise StaleError(f"{operation.path} is not exactly {operation.source}.")
    if operation.strip_bom:
        text = text.removeprefix("\ufeff")
    if operation.line_ending != "keep":
        text = text.replace("\r\n", "\n")
    if operation.line_ending == "crlf":
        text = text.replace("\n", "\r\n")
    return text.encode()


def _check_distinct_destinations(moves: Sequence[MoveFile]) -> None:
    seen: dict[str, MoveFile] = {}
    for move in moves:
        other = seen.setdefault(move.destination, move)
        if other != move:
            raise StaleError(f"{other.path} and {move.path} would both become {move.destination}.")
        if move.destination == move.path:
            raise StaleError(f"{move.path} would be moved to itself.")


def _check_destinations(workspace: Workspace, moves: Sequence[MoveFile], removed: set[str]) -> None:
    _check_distinct_destinations(moves)
    for move in moves:
        if move.destination not in removed and _is_there(workspace, move.destination):
            raise StaleError(f"{move.destination} exists already.", hint="autopack propose makes a new plan.")


def _is_there(workspace: Workspace, path: str) -> bool:
    try:
        workspace.read(path)
    except StaleError:
        return False
    return True
