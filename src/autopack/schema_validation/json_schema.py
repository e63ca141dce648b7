"""Documents against the published schemas (JSON Schema, draft 2020-12), with the errors that a person can act on.

Stricter than a plain validator in three ways, so that schema and model accept the same documents: a boolean is no
integer and neither is `1.0`; `$` in a pattern means the end, not the place before a trailing line feed; a lone
surrogate is no text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from autopack.errors import ArtifactError

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

MOST_ERRORS = 5
MOST_LEVELS = 64
_MOST_CHARACTERS = 80
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_IN_SOURCE_TREE = Path(__file__).resolve().parents[3] / "docs" / "schemas"


def validate(document: object, schema_name: str) -> None:
    """Check DOCUMENT (plain JSON values) against the schema SCHEMA_NAME, for example `gap_report_v1`.

    Raises ArtifactError that names, for each of the first errors, the JSON path, what was expected and what was found.
    """
    found = list(_unreadable(document)) or _schema_errors(document, schema_name)
    if not found:
        return
    more = f"; and {len(found) - MOST_ERRORS} more" if len(found) > MOST_ERRORS else ""
    raise ArtifactError(
        f"Not a valid {schema_name}: {'; '.join(found[:MOST_ERRORS])}{more}",
        hint=f"The format is described in {schema_name}.schema.json.",
    )


def load_schema(schema_name: str) -> dict[str, object]:
    """Return the schema SCHEMA_NAME from the installed package, or from `docs/schemas` in a source tree.

    Raises ArtifactError where there is no such schema.
    """
    name = f"{schema_name}.schema.json"
    for folder in (files("autopack.schema_validation") / "schemas", _IN_SOURCE_TREE):
        if (folder / name).is_file():
            schema: dict[str, object] = json.loads((folder / name).read_text(encoding="utf-8"))
            return schema
    raise ArtifactError(f"There is no schema named {schema_name!r}.")


@cache
def _validator(schema_name: str) -> Validator:
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend

    def pattern(_: Validator, expression: str, instance: object, __: object) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not _whole_text_pattern(expression).search(instance):
            yield ValidationError(f"does not match {expression}")

    def is_integer(_: object, instance: object) -> bool:
        return isinstance(instance, int) and not isinstance(instance, bool)

    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", is_integer)
    strict: type[Validator] = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, {"pattern": pattern}, type_checker=checker
    )
    return strict(load_schema(schema_name))


@cache
def _whole_text_pattern(expression: str) -> re.Pattern[str]:
    r"""Compile EXPRESSION as ECMA-262 means it: `$` is the end of the text (Python's `\Z`)."""
    return re.compile(
        re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]|\$", lambda part: r"\Z" if part[0] == "$" else part[0], expression)
    )


def _schema_errors(document: object, schema_name: str) -> list[str]:
    found = _validator(schema_name).iter_errors(document)  # type: ignore[arg-type]
    errors = [leaf for error in found for leaf in _leaves(error)]
    errors.sort(key=lambda error: [(isinstance(part, str), str(part).zfill(9)) for part in error.absolute_path])
    return [f"{_json_path(error.absolute_path)}: {_explain(error)}" for error in errors]


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """Yield what is wrong inside the alternative that the document was most likely meant to be."""
    if not error.context:
        yield error
        return
    branches: dict[object, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)

    def distance(branch: list[ValidationError]) -> tuple[bool, bool, int]:
        wrong_kind = any(inner.validator == "const" for inner in branch)
        wrong_type = any(inner.validator == "type" and not inner.path for inner in branch)
        return wrong_type, wrong_kind, len(branch)

    for inner in min(branches.values(), key=distance):
        yield from _leaves(inner)


def _json_path(parts: Iterable[str | int]) -> str:
    return "$" + "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" if part.isidentifier() else f"[{part!r}]" for part in parts
    )


def _explain(error: ValidationError) -> str:
    expected = _EXPECTATIONS.get(str(error.validator))
    if expected is None:
        return error.message[:_MOST_CHARACTERS]
    return f"expected {expected(error)}, found {_found(error)}"


def _missing(error: ValidationError) -> str:
    assert isinstance(error.validator_value, list) and isinstance(error.instance, dict)
    return " and ".join(f"the key {key!r}" for key in error.validator_value if key not in error.instance)


def _known(error: ValidationError) -> str:
    assert isinstance(error.schema, dict)
    return "only the keys " + ", ".join(sorted(error.schema.get("properties", {})))


def _value(error: ValidationError) -> str:
    return str(error.validator_value)


_EXPECTATIONS: dict[str, Callable[[ValidationError], str]] = {
    "type": _value,
    "required": _missing,
    "additionalProperties": _known,
    "const": lambda error: json.dumps(error.validator_value),
    "enum": lambda error: "one of " + ", ".join(json.dumps(choice) for choice in _listed(error.validator_value)),
    "pattern": lambda error: f"text like {error.validator_value}",
    "minLength": lambda error: f"at least {_value(error)} characters",
    "maxLength": lambda error: f"at most {_value(error)} characters",
    "minItems": lambda error: f"at least {_value(error)} entries",
    "maxItems": lambda error: f"at most {_value(error)} entries",
    "minimum": lambda error: f"at least {_value(error)}",
    "maximum": lambda error: f"at most {_value(error)}",
}


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _found(error: ValidationError) -> str:
    """Return what stands there: keys where keys are wrong, otherwise a type and the start of the value."""
    instance = error.instance
    if isinstance(instance, dict) and error.validator in {"required", "additionalProperties"}:
        known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        keys = sorted(str(key) for key in instance if error.validator == "required" or key not in known)
        return _shortened(", ".join(map(repr, keys)) or "no keys")
    return f"{_json_type(instance)} {_shortened(json.dumps(instance, ensure_ascii=False))}"


def _json_type(value: object) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "null")


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"


def _unreadable(document: object) -> Iterator[str]:
    """Yield what no format can hold: texts that UTF-8 cannot carry (RFC 8259, section 8.2) and nesting without end."""
    stack: list[tuple[tuple[str | int, ...], object]] = [((), document)]
    while stack:
        path, value = stack.pop()
        if len(path) > MOST_LEVELS:
            yield f"{_json_path(path[:3])}…: expected at most {MOST_LEVELS} levels of nesting, found more"
            return
        if isinstance(value, dict):
            stack += [((*path, key), inner) for key, inner in value.items()]
            stack += [(path, key) for key in value]
        elif isinstance(value, list):
            stack += [((*path, index), inner) for index, inner in enumerate(value)]
        elif isinstance(value, str) and _SURROGATE.search(value):
            yield f"{_json_path(path)}: expected text, found a lone surrogate"
