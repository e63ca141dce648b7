"""Changes to the text of an intention file, line by line, so that every other line and comment stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autopack.errors import UsageError
from autopack.intention_anchor.plain_yaml import Place, PlainDocument, Span, read_plain_yaml
from autopack.intention_anchor.render import entry_lines, field_lines, mark_comment, scalar, section, template
from autopack.intention_anchor.v2 import PIVOT_TYPES, InferredValue, IntentionAnchorV2, PivotIntentions
from autopack.intention_anchor.written import pivots_from_document, read_intention

Changes = Mapping[str, Mapping[str, Any]]
"""Pivot -> field -> new plain value; None takes the field out."""

_ROOT: Place = ("pivot_intentions",)


@dataclass(frozen=True)
class _Edit:
    """Lines `first` (from 1) up to, not including, `end` become `lines`."""

    first: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class _Text:
    lines: list[str]
    parsed: PlainDocument

    def last(self, span: Span) -> int:
        """Return the last line of SPAN that is not blank."""
        last = span.last
        while last > span.first and not self.lines[last - 1].strip():
            last -= 1
        return last


def with_changes(data: bytes, changes: Changes, *, updated_at: str) -> bytes:
    """Return the intention file DATA with CHANGES made and `updated_at` set; comments elsewhere stay.

    Raises UsageError when the result is no valid intention, or when the text is written in a way that cannot be edited
    line by line.
    """
    before = read_intention(data)
    expected = _merged(before.pivot_intentions, changes)
    text = _parse(data)
    edits = [edit for pivot in PIVOT_TYPES if pivot in changes for edit in _pivot_edits(text, pivot, changes, expected)]
    if changes and _is_flow(text, _ROOT):
        edits = [_whole_edit(text, expected)]
    return _finished(data, text, [*edits, *_stamp(text, updated_at)], before, expected)


def with_confirmed_marks(data: bytes, *, updated_at: str) -> bytes:
    """Return the intention file DATA with every inferred value marked as confirmed by a person.

    Raises UsageError like `with_changes`.
    """
    before = read_intention(data)
    text = _parse(data)
    marks = [mark.model_copy(update={"confirmed": True}) for mark in before.metadata.inferred]
    place: Place = ("metadata", "inferred")
    if not marks or place not in text.parsed.spans:
        return data
    span = text.parsed.spans[place]
    lines = [f"{' ' * span.column}inferred:", *(_shifted(_mark_line(mark), span.column - 2) for mark in marks)]
    edits = [_Edit(span.first, text.last(span) + 1, tuple(lines)), *_comment_edits(text, before.unconfirmed)]
    result = _finished(data, text, [*edits, *_stamp(text, updated_at)], before, before.pivot_intentions)
    if read_intention(result).unconfirmed:
        raise UsageError(
            "The list of inferred values is written in a way that cannot be edited line by line.",
            hint="Write `confirmed: true` by hand, then: autopack anchor check",
        )
    return result


def _parse(data: bytes) -> _Text:
    text = data.decode("utf-8-sig").replace("\r\n", "\n")
    return _Text(text.split("\n"), read_plain_yaml(text.encode(), name="the intention"))


def _merged(pivots: PivotIntentions, changes: Changes) -> PivotIntentions:
    document = pivots.document()
    for pivot, fields in changes.items():
        merged = {**(document.get(pivot) or {}), **fields}
        document[pivot] = {name: value for name, value in merged.items() if value is not None}
    return pivots_from_document(document, name="the revised intention")


def _finished(
    data: bytes, text: _Text, edits: list[_Edit], before: IntentionAnchorV2, expected: PivotIntentions
) -> bytes:
    lines = list(text.lines)
    for edit in sorted(edits, key=lambda edit: (edit.first, edit.end), reverse=True):
        lines[edit.first - 1 : edit.end - 1] = edit.lines
    changed = "\n".join(lines)
    changed = changed if changed.endswith("\n") else changed + "\n"
    result = (changed.replace("\n", "\r\n") if b"\r\n" in data else changed).encode()
    result = b"\xef\xbb\xbf" + result if data.startswith(b"\xef\xbb\xbf") else result
    if _reads_as(result, before, expected):
        return result
    raise UsageError(
        "The intention file is written in a way that cannot be edited line by line.",
        hint="Edit it by hand, then: autopack anchor check",
    )


def _reads_as(result: bytes, before: IntentionAnchorV2, expected: PivotIntentions) -> bool:
    try:
        after = read_intention(result)
    except UsageError:
        return False
    same_project = (after.project_id, after.created_at) == (before.project_id, before.created_at)
    return same_project and after.pivot_intentions == expected


def _is_flow(text: _Text, place: Place) -> bool:
    span = text.parsed.spans.get(place)
    return span is not None and not span.block and isinstance(_value(text, place), dict)


def _value(text: _Text, place: Place) -> Any:
    value: Any = text.parsed.value
    for part in place:
        value = value.get(part) if isinstance(value, dict) else value[part]
    return value


def _whole_edit(text: _Text, pivots: PivotIntentions) -> _Edit:
    span = text.parsed.spans[_ROOT]
    stated = [(pivot, getattr(pivots, pivot)) for pivot in PIVOT_TYPES]
    lines = [line for pivot, value in stated if value is not None for line in _section_lines(pivot, value, 2)]
    return _Edit(span.first, text.last(span) + 1, ("pivot_intentions:", *lines))


def _pivot_edits(text: _Text, pivot: str, changes: Changes, expected: PivotIntentions) -> list[_Edit]:
    place = (*_ROOT, pivot)
    span = text.parsed.spans.get(place)
    if span is not None and span.block:
        edits = [_field_edit(text, place, name, value) for name, value in changes[pivot].items()]
        return [edit for edit in edits if edit is not None]
    lines = _section_lines(pivot, getattr(expected, pivot), span.column if span else _child_column(text))
    if span is not None:
        return [_Edit(span.first, text.last(span) + 1, tuple(lines))]
    example = template(pivot).splitlines()
    for start in range(len(text.lines) - len(example) + 1):
        if text.lines[start : start + len(example)] == example:
            return [_Edit(start + 1, start + 1 + len(example), tuple(lines))]
    return [_new_pivot(text, pivot, lines)]


def _section_lines(pivot: str, value: Any, column: int) -> list[str]:
    return [_shifted(line, column - 2) for line in section(pivot, value, {}).splitlines()]


def _child_column(text: _Text) -> int:
    columns = [span.column for place, span in text.parsed.spans.items() if len(place) == 2 and place[:1] == _ROOT]
    return columns[0] if columns else 2


def _new_pivot(text: _Text, pivot: str, lines: list[str]) -> _Edit:
    earlier = [(*_ROOT, name) for name in PIVOT_TYPES[: PIVOT_TYPES.index(pivot)]]
    ends = [text.last(text.parsed.spans[place]) for place in earlier if place in text.parsed.spans]
    if ends:
        return _Edit(max(ends) + 1, max(ends) + 1, tuple(lines))
    if _ROOT in text.parsed.spans:
        first = text.parsed.spans[_ROOT].first + 1
        return _Edit(first, first, tuple(lines))
    end = text.last(text.parsed.spans[()]) + 1
    return _Edit(end, end, ("pivot_intentions:", *lines))


def _field_edit(text: _Text, pivot_place: Place, name: str, value: Any) -> _Edit | None:
    """Return the edit that gives the field NAME its new VALUE, or None where it is not there and stays so."""
    pivot_span, span = text.parsed.spans[pivot_place], text.parsed.spans.get((*pivot_place, name))
    if value is None:
        return None if span is None else _Edit(span.first, text.last(span) + 1, ())
    if span is None:
        siblings = [place for place in text.parsed.spans if len(place) == 3 and place[:2] == pivot_place]
        column = text.parsed.spans[siblings[0]].column
        end = text.last(pivot_span) + 1
        return _Edit(end, end, tuple(_fresh_field(pivot_place, name, value, column)))
    old = _value(text, (*pivot_place, name))
    if isinstance(value, list) and value and isinstance(old, list) and span.block:
        return _Edit(span.first + 1, text.last(span) + 1, tuple(_kept_entries(text, (*pivot_place, name), old, value)))
    lines = _fresh_field(pivot_place, name, value, span.column)
    if not isinstance(value, list) and span.first == span.last:
        lines = [f"{' ' * span.column}{name}: {scalar(value)}{text.lines[span.first - 1][span.end_column :]}"]
    return _Edit(span.first, text.last(span) + 1, tuple(lines))


def _fresh_field(pivot_place: Place, name: str, value: Any, column: int) -> list[str]:
    return [_shifted(line, column - 4) for line in field_lines(str(pivot_place[-1]), name, value, {})]


def _kept_entries(text: _Text, place: Place, old: list[Any], new: list[Any]) -> list[str]:
    """Return the lines of the NEW entries; those that stood there keep their lines and the comments above them."""
    chunks: list[list[str]] = []
    start = text.parsed.spans[place].first + 1
    for index in range(len(old)):
        end = text.last(text.parsed.spans[(*place, index)]) + 1
        chunks.append(text.lines[start - 1 : end - 1])
        start = end
    first = text.lines[text.parsed.spans[(*place, 0)].first - 1]
    dash = len(first) - len(first.lstrip())
    lines: list[str] = []
    for entry in new:
        known = next((index for index, value in enumerate(old) if value == entry), None)
        fresh = [_shifted(line, dash - 6) for line in entry_lines(entry, "")]
        lines += fresh if known is None else chunks[known]
    return lines


def _stamp(text: _Text, updated_at: str) -> list[_Edit]:
    span = text.parsed.spans.get(("updated_at",))
    if span is not None:
        tail = text.lines[span.first - 1][span.end_column :] if span.first == span.last else ""
        return [_Edit(span.first, text.last(span) + 1, (f"updated_at: {scalar(updated_at)}{tail}",))]
    after = text.parsed.spans.get(("created_at",)) or text.parsed.spans[("project_id",)]
    end = text.last(after) + 1
    return [_Edit(end, end, (f"updated_at: {scalar(updated_at)}",))]


def _mark_line(mark: InferredValue) -> str:
    shown = {name: value for name, value in mark.document().items() if value is not None}
    inside = ", ".join(f"{name}: {scalar(value)}" for name, value in shown.items())
    return f"    - {{{inside}}}"


def _comment_edits(text: _Text, marks: tuple[InferredValue, ...]) -> list[_Edit]:
    """Turn the comment behind each inferred value into one that says that it is confirmed."""
    edits = []
    for mark in marks:
        parts = mark.pointer.strip("/").split("/")
        place: Place = (*_ROOT, *(int(part) if part.isdigit() else part for part in parts))
        span = text.parsed.spans.get(place)
        old = f"  # {mark_comment(mark)}"
        if span is not None and text.lines[span.first - 1].endswith(old):
            confirmed = mark.model_copy(update={"confirmed": True})
            line = text.lines[span.first - 1].removesuffix(old) + f"  # {mark_comment(confirmed)}"
            edits.append(_Edit(span.first, span.first + 1, (line,)))
    return edits


def _shifted(line: str, by: int) -> str:
    """Return LINE indented BY more columns, or fewer where BY is negative."""
    return " " * by + line if by >= 0 else line[min(-by, len(line) - len(line.lstrip())) :]
