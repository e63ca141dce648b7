"""The small, safe part of YAML 1.2 that a person needs: mappings, lists and plain values, read without surprises.

Built from parser events and not by a loader, so that nothing in the text can name a Python object, refer to itself,
multiply itself through aliases or nest without end; work stops at the first event that is out of bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autopack.errors import UsageError

if TYPE_CHECKING:
    from ruamel.yaml.events import Event, MappingStartEvent, ScalarEvent, SequenceStartEvent

MAX_BYTES = 1_000_000
MAX_DEPTH = 24
MAX_VALUES = 5_000

Place = tuple[str | int, ...]
"""Keys and indexes that lead to a value."""

_PREFIX = "tag:yaml.org,2002:"
_DECIMAL = re.compile(r"[-+]?[0-9]{1,18}\Z")
_NAMED: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
"""Plain words with a meaning, by the core schema (YAML 1.2.2, section 10.3.2); `yes` and `on` are none of them."""
_DIRECTIVE = re.compile(r"(?m)^%")


def spelled(place: Place) -> str:
    """Return PLACE as `scope_boundaries.protected_paths[0]`, or `the document` for its root."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return "".join(parts).lstrip(".") or "the document"


@dataclass
class Span:
    """Where a value stands with its key: lines count from 1, columns from 0."""

    first: int
    last: int
    column: int
    end_column: int = 0
    """For a plain value: the column behind its last character."""
    block: bool = False
    """Whether it is a list or mapping with a line for each entry."""


@dataclass(frozen=True)
class PlainDocument:
    """Plain values (dict, list, str, int, bool, None) and where each of them stands."""

    value: object
    spans: Mapping[Place, Span]

    def line(self, place: Place) -> int:
        """Return the line, from 1, of PLACE or of its nearest ancestor that stands in the text; 0 where none does."""
        sizes = range(len(place), -1, -1)
        return next((self.spans[place[:size]].first for size in sizes if place[:size] in self.spans), 0)

    def spelled_with_line(self, place: Place) -> str:
        """Return PLACE as `a.b[0] (line 3)`."""
        line = self.line(place)
        return f"{spelled(place)} (line {line})" if line else spelled(place)


def read_plain_yaml(data: bytes, *, name: str) -> PlainDocument:
    """Parse DATA (UTF-8, at most 1 MB) as one YAML 1.2 document of plain values; NAME is for messages.

    Dates and fractions stay strings. Raises UsageError, naming the place and the line, for anything that is no such
    document: tags, aliases, directives, duplicate keys, keys that are no strings, and more than 24 levels or 5,000
    values.
    """
    if len(data) > MAX_BYTES:
        raise UsageError(f"{name} has {len(data)} bytes; at most {MAX_BYTES} are read.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise UsageError(
            f"{name} is not UTF-8: line {line} has the byte 0x{data[fault.start]:02x}.", hint="Save the file as UTF-8."
        ) from fault
    if directive := _DIRECTIVE.search(text):
        line = text.count("\n", 0, directive.start()) + 1
        raise UsageError(f"{name}, line {line}: expected no YAML directive ('%' at the start of a line).")
    builder = _Builder(name)
    for event in _events(text, name):
        builder.take(event)
    return PlainDocument(builder.root, builder.spans)


def _events(text: str, name: str) -> Iterator[Event]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        raise UsageError(f"{name}, line {line}: not valid YAML: {fault.problem or fault.context}.") from fault
    except YAMLError as fault:
        raise UsageError(f"{name} is not valid YAML: {str(fault).splitlines()[0]}.") from fault


@dataclass
class _Open:
    """A mapping or a list whose end has not come yet."""

    place: Place
    value: dict[str, object] | list[object]
    key: str | None = None
    key_place: tuple[int, int] = (0, 0)
    """Line, from 1, and column of the key."""


@dataclass
class _Builder:
    """Puts events together into plain values; raises UsageError at the first that is out of bounds."""

    name: str
    root: object = None
    spans: dict[Place, Span] = field(default_factory=dict)
    _open: list[_Open] = field(default_factory=list)
    _documents: int = 0
    _values: int = 0

    def take(self, event: Event) -> None:
        from ruamel.yaml import events

        if isinstance(event, events.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise UsageError(
                    f"{self.name}, line {event.start_mark.line + 1}: expected one document, found a second."
                )
        elif isinstance(event, events.AliasEvent):
            self._refuse(event, "a value written out", f"the alias *{event.anchor}")
        elif isinstance(event, events.MappingStartEvent | events.SequenceStartEvent):
            self._begin(event)
        elif isinstance(event, events.MappingEndEvent | events.SequenceEndEvent):
            closed = self._open.pop()
            if not self.spans[closed.place].block:
                self._reach(closed.place, event.end_mark.line + 1)
        elif isinstance(event, events.ScalarEvent):
            self._scalar(event)

    def _begin(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        from ruamel.yaml.events import MappingStartEvent

        if self._awaits_key():
            self._refuse(event, "a key", "a list or mapping as a key")
        if event.tag not in {None, "!", f"{_PREFIX}map", f"{_PREFIX}seq"}:
            self._refuse(event, "plain values", f"the tag {event.tag}")
        if len(self._open) >= MAX_DEPTH:
            self._refuse(event, f"at most {MAX_DEPTH} levels", "more")
        value: dict[str, object] | list[object] = {} if isinstance(event, MappingStartEvent) else []
        place = self._put(event, value)
        self.spans[place].block = not event.flow_style
        self._open.append(_Open(place, value))

    def _scalar(self, event: ScalarEvent) -> None:
        value = self._plain(event)
        if not self._awaits_key():
            self._put(event, value)
            return
        mapping = self._open[-1]
        if not isinstance(value, str):
            self._refuse(event, "a name as key", repr(value))
        elif value in mapping.value:
            first = self.spans[(*mapping.place, value)].first
            raise UsageError(
                f"{self.name}: {spelled((*mapping.place, value))} stands twice, in lines {first} and "
                f"{event.start_mark.line + 1}.",
                hint="Keep one of the two.",
            )
        else:
            mapping.key = value
            mapping.key_place = (event.start_mark.line + 1, event.start_mark.column)

    def _plain(self, event: ScalarEvent) -> object:
        if event.tag == f"{_PREFIX}str" or (event.tag in {None, "!"} and not event.implicit[0]):
            return event.value
        if event.tag not in {None, "!"}:
            self._refuse(event, "plain values", f"the tag {event.tag}")
        return int(event.value) if _DECIMAL.match(event.value) else _NAMED.get(event.value, event.value)

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].key is None

    def _put(self, event: Event, value: object) -> Place:
        self._values += 1
        if self._values > MAX_VALUES:
            self._refuse(event, f"at most {MAX_VALUES} values", "more")
        place = self._next_place()
        at = (event.start_mark.line + 1, event.start_mark.column)
        first, column = self._open[-1].key_place if self._open and self._open[-1].key is not None else at
        self.spans[place] = Span(first, first, column)
        self._reach(place, max(first, _last_line(event)))
        self.spans[place].end_column = event.end_mark.column
        if not self._open:
            self.root = value
            return place
        parent = self._open[-1]
        if isinstance(parent.value, list):
            parent.value.append(value)
        else:
            assert parent.key is not None
            parent.value[parent.key] = value
            parent.key = None
        return place

    def _reach(self, place: Place, line: int) -> None:
        for size in range(len(place) + 1):
            span = self.spans.get(place[:size])
            if span is not None:
                span.last = max(span.last, line)

    def _next_place(self) -> Place:
        if not self._open:
            return ()
        parent = self._open[-1]
        if isinstance(parent.value, list):
            return (*parent.place, len(parent.value))
        return parent.place if parent.key is None else (*parent.place, parent.key)

    def _refuse(self, event: Event, expected: str, found: str) -> None:
        raise UsageError(
            f"{self.name}: {spelled(self._next_place())} (line {event.start_mark.line + 1}): expected {expected}, "
            f"found {found}."
        )


def _last_line(event: Event) -> int:
    """Return the last line, from 1, of a plain value, or the first one of a list or mapping."""
    from ruamel.yaml.events import ScalarEvent

    if not isinstance(event, ScalarEvent):
        return int(event.start_mark.line) + 1
    if event.implicit[0] and not event.value:
        return 0  # nothing is written there, and the mark is that of whatever follows
    begun_next_line = event.end_mark.column == 0 and event.end_mark.line > event.start_mark.line
    return int(event.end_mark.line) + (0 if begun_next_line else 1)
