"""What a person writes, `.autopack/intention.yaml`, read into the frozen anchor; every error names its place."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from autopack.artifacts.canonical import bytes_digest
from autopack.artifacts.model import Artifact
from autopack.artifacts.redaction import redact
from autopack.config import INTENTION_FILE
from autopack.errors import UsageError
from autopack.intention_anchor.plain_yaml import MAX_BYTES, Place, PlainDocument, read_plain_yaml
from autopack.intention_anchor.v2 import InferredValue, IntentionAnchorV2, PivotIntentions, entry_label, pointer_order

UNKNOWN_TIME = "1970-01-01T00:00:00Z"
M = TypeVar("M", bound=Artifact)
_MOST_ERRORS = 5
_PLAIN_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
}
_CHECK_HINT = "Correct the file, then: autopack anchor check"


def read_intention(data: bytes, *, name: str = INTENTION_FILE) -> IntentionAnchorV2:
    """Read the bytes of an intention file (YAML 1.2, UTF-8, at most 1 MB).

    A value left empty counts as not stated; missing timestamps become 1970-01-01. Raises UsageError naming the place
    in the document, what was expected and what was found.
    """
    try:
        return _read(data, name)
    except UsageError as fault:
        fault.hint = fault.hint or _CHECK_HINT
        raise


def _read(data: bytes, name: str) -> IntentionAnchorV2:
    parsed = read_plain_yaml(data, name=name)
    document = _mapping(parsed, name)
    if "raw_input_digest" in document:
        raise UsageError(f"{name}: raw_input_digest is computed from the file.", hint="Remove that line.")
    document = {
        "created_at": UNKNOWN_TIME,
        "updated_at": UNKNOWN_TIME,
        "pivot_intentions": {},
        **{key: value for key, value in document.items() if value is not None},
        "raw_input_digest": bytes_digest(data),
    }
    anchor = _built(IntentionAnchorV2, document, parsed, name)
    settled = settle_marks(anchor.metadata.inferred, anchor.pivot_intentions)
    return anchor.model_copy(update={"metadata": anchor.metadata.model_copy(update={"inferred": settled})})


@dataclass(frozen=True)
class Answers:
    """What a person answered in a file: the pivots that it states, and perhaps the project's name."""

    pivots: PivotIntentions
    project_id: str | None = None


def read_answers(data: bytes, *, name: str) -> Answers:
    """Read answers (YAML or JSON): the pivots at the top level or under `pivot_intentions`, and `project_id`.

    Raises UsageError like `read_intention`.
    """
    parsed = _read_json_or_yaml(data, name)
    document = dict(_mapping(parsed, name))
    project_id = document.pop("project_id", None)
    document.pop("format_version", None)
    if "pivot_intentions" in document:
        pivots = document.pop("pivot_intentions") or {}
        inside: Place = ("pivot_intentions",)
        if document:
            raise UsageError(f"{name}: unknown key {next(iter(document))!r} beside pivot_intentions.")
    else:
        pivots, inside = document, ()
    if project_id is not None and not isinstance(project_id, str):
        raise UsageError(f"{name}: project_id: expected a name, found {project_id!r}.")
    return Answers(_built(PivotIntentions, pivots, parsed, name, inside=inside), project_id)


def pivots_from_document(document: object, *, name: str) -> PivotIntentions:
    """Return the pivots that plain values state; NAME is for messages. Raises UsageError like `read_intention`."""
    return _built(PivotIntentions, document, PlainDocument(document, {}), name)


def settle_marks(marks: tuple[InferredValue, ...], pivots: PivotIntentions) -> tuple[InferredValue, ...]:
    """Return MARKS, each pointing at the entry that it names, sorted; those whose entry is gone are left out."""
    document = pivots.document()
    settled = {mark.pointer: mark for old in marks if (mark := _settled(old, pivots, document)) is not None}
    return tuple(settled[pointer] for pointer in sorted(settled, key=pointer_order))


def _settled(mark: InferredValue, pivots: PivotIntentions, document: Mapping[str, Any]) -> InferredValue | None:
    parts = mark.pointer.strip("/").split("/")
    if mark.value is None or len(parts) != 3:
        return mark if _resolves(document, parts) else None
    entries = getattr(getattr(pivots, parts[0], None), parts[1], ())
    if not isinstance(entries, tuple):
        return None
    labels = [entry_label(entry) for entry in entries]
    if parts[2].isdigit() and int(parts[2]) < len(labels) and labels[int(parts[2])] == mark.value:
        return mark
    if mark.value not in labels:
        return None
    return mark.model_copy(update={"pointer": f"/{parts[0]}/{parts[1]}/{labels.index(mark.value)}"})


def _resolves(document: object, parts: list[str]) -> bool:
    for part in parts:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            return False
    return True


def _read_json_or_yaml(data: bytes, name: str) -> PlainDocument:
    """Read DATA as JSON where it is JSON (its tabs are no YAML), else as YAML."""
    if len(data) <= MAX_BYTES and data.lstrip()[:1] == b"{":
        try:
            return PlainDocument(json.loads(data, object_pairs_hook=_without_duplicates), {})
        except (ValueError, RecursionError):
            pass
    return read_plain_yaml(data, name=name)


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _mapping(parsed: PlainDocument, name: str) -> dict[str, Any]:
    if parsed.value is None:
        raise UsageError(f"{name} is empty.", hint="Remove it and run: autopack init")
    if not isinstance(parsed.value, dict):
        raise UsageError(f"{name}: the document: expected keys and values, found {_shown(parsed.value)}.")
    return parsed.value


def _stated(value: object) -> object:
    """Return VALUE without keys that have no value: what is left empty is not stated."""
    if isinstance(value, dict):
        return {key: _stated(inner) for key, inner in value.items() if inner is not None}
    return [_stated(inner) for inner in value] if isinstance(value, list) else value


def _built(model: type[M], document: object, parsed: PlainDocument, name: str, inside: Place = ()) -> M:
    try:
        return model.from_document(_stated(document))
    except ValidationError as fault:
        errors = sorted(fault.errors(include_url=False), key=lambda error: parsed.line((*inside, *error["loc"])))
        lines = [_sentence(error, model, parsed, inside) for error in errors[:_MOST_ERRORS]]
        more = len(errors) - _MOST_ERRORS
        tail = f"\n  and {more} more" if more > 0 else ""
        raise UsageError(f"{name}: " + "\n  ".join(lines) + tail) from fault


def _sentence(error: ErrorDetails, model: type[Artifact], parsed: PlainDocument, inside: Place) -> str:
    place: Place = (*inside, *error["loc"])
    where = parsed.spelled_with_line(place)
    if error["type"] == "extra_forbidden":
        known = _known_keys(model, error["loc"][:-1])
        close = difflib.get_close_matches(str(place[-1]), known, 1)
        advice = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
        return f"{where}: unknown key; {advice}"
    if error["type"] == "missing":
        return f"{where}: expected a value, found nothing"
    if error["type"] == "value_error":
        return f"{where}: {error['msg'].removeprefix('Value error, ')}; found {_shown(error['input'])}"
    return f"{where}: expected {_expectation(error)}, found {_shown(error['input'])}"


def _expectation(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["loc"][-1] in {"created_at", "updated_at"}:
        return "a time such as 2026-01-31T08:00:00Z"
    if "pattern" in context:
        return f"text that matches {context['pattern']}"
    if error["type"] == "too_short":
        return f"at least {context['min_length']} entries" if context["min_length"] > 1 else "at least one entry"
    return _PLAIN_TYPES.get(error["type"]) or error["msg"].removeprefix("Input should be ")


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "keys and values" if isinstance(value, dict) else "a list"
    text = redact(str(value).lower() if isinstance(value, bool) else repr(value))
    return text if len(text) <= 80 else text[:77] + "..."


def _known_keys(model: type[Artifact], place: tuple[str | int, ...]) -> list[str]:
    """Return the keys that are allowed at PLACE below MODEL."""
    for part in place:
        if isinstance(part, str):
            model = _inner_model(model.model_fields[part].annotation) or model
    return sorted(set(model.model_fields) - {"raw_input_digest"})


def _inner_model(annotation: object) -> type[Artifact] | None:
    """Return the artifact type inside an annotation such as `tuple[RequiredCheck, ...]` or `NorthStar | None`."""
    if isinstance(annotation, type) and issubclass(annotation, Artifact):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := _inner_model(part))), None)
