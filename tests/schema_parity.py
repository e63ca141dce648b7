"""Documents made from a published schema, and ways to spoil them: do schema and model agree on every one?"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from autopack.artifacts.model import Artifact
from autopack.errors import ArtifactError
from autopack.schema_validation.json_schema import load_schema, validate

EXAMPLES = settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.differing_executors],
)
"""Building a whole artifact takes milliseconds, which is not what the tests are about; and one test of the contract
runs once for each schema."""

GRANTING = ["/docs/**", "/src/*.py", "/a b/ü", "/.", "/..", "/a/../b", "/x**/", "/x/", "/a\\b", "/a ", "//", "/a\n"]
PROTECTING = [
    *GRANTING,
    "docs/**",
    ".env*",
    "!x",
    "#x",
    " x",
    "..",
    ".",
    "./a",
    "a/.",
    "a/..b",
    "*",
    "**/",
    "\x1f",
    "\u2003x",
]

ODD_VALUES: list[Any] = [
    *(True, False, None, 0, 1, -1, 1.0, 0.5, 100, 101, 2**53 - 1, 2**53, 10**30, 1e300),
    *("", "x", "x\n", "X", "0", "v1", "v2", "true", "\ud800", "é", "a" * 65, "f" * 64, "f" * 40 + "\n", "high", "low"),
    *([], [1], [""], [[]], {}, {"x": 1}),
]


def schema_accepts(document: object, name: str) -> bool:
    """Return whether the published schema NAME accepts DOCUMENT."""
    try:
        validate(document, name)
    except ArtifactError:
        return False
    return True


def model_accepts(document: object, model: type[Artifact]) -> bool:
    """Return whether MODEL accepts DOCUMENT."""
    try:
        model.from_document(document)
    except ValidationError:
        return False
    return True


def documents(name: str) -> st.SearchStrategy[Any]:
    """Return a strategy of documents that the published schema NAME was made for (patterns may still refuse them)."""
    schema = load_schema(name)
    return _strategy(schema, schema)


def spoiled(document: Any) -> st.SearchStrategy[Any]:
    """Return a strategy of copies of DOCUMENT with one to three changes anywhere inside."""

    @st.composite
    def build(draw: st.DrawFn) -> Any:
        result = copy.deepcopy(document)
        for _ in range(draw(st.integers(1, 3))):
            places = list(_places(result))
            if not places:
                return draw(st.sampled_from(ODD_VALUES))
            container, key = draw(st.sampled_from(places))
            _spoil(draw, container, key)
        return result

    return build()


def every_single_change(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield (what was done, changed copy) for each place of DOCUMENT and each change that could divide the two."""
    for number, (container, key) in enumerate(_places(document)):
        value = container[key]
        changes: list[Any] = [True, 0, 1.5, None, "", "x", [], {}]
        if isinstance(value, str):
            changes += [value + "\n", "\n" + value, value.upper(), value[:-1], [value]]
        if isinstance(value, int):
            changes += [float(value), str(value), -1, 2**53, not value]
        for change in changes:
            yield f"{key} = {change!r}", _changed(document, number, change)
        yield f"without {key}", _changed(document, number, _DROP)


_DROP = object()


def _changed(document: Any, number: int, change: Any) -> Any:
    copied = copy.deepcopy(document)
    container, key = list(_places(copied))[number]
    if change is _DROP:
        del container[key]
    else:
        container[key] = change
    return copied


def _spoil(draw: st.DrawFn, container: Any, key: Any) -> None:
    value = container[key]
    change = draw(st.sampled_from(["drop", "replace", "add key", "repeat", "line feed", "nudge"]))
    if change == "drop":
        del container[key]
    elif change == "add key" and isinstance(container, dict):
        container[draw(st.sampled_from(["extra", "", "_type", "op", "type", "title"]))] = draw(
            st.sampled_from(ODD_VALUES)
        )
    elif change == "repeat" and isinstance(container, list):
        container.append(copy.deepcopy(value))
    elif change == "line feed" and isinstance(value, str):
        container[key] = draw(st.sampled_from([value + "\n", "\n" + value, value + " ", value.upper(), value[:-1]]))
    elif change == "nudge" and isinstance(value, int):
        container[key] = draw(st.sampled_from([value + 1, value - 1, -value, float(value), bool(value), str(value)]))
    else:
        container[key] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every (container, key or index) inside NODE."""
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(entries):
        yield node, key
        yield from _places(value)


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object inside NODE, NODE first."""
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from objects(inner)


def _strategy(node: dict[str, Any], schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in node:
        return _strategy(schema["$defs"][node["$ref"].rsplit("/", 1)[1]], schema)
    alternatives = node.get("anyOf") or node.get("oneOf")
    if alternatives:
        return st.one_of(*(_strategy(choice, schema) for choice in alternatives))
    if "const" in node:
        return st.just(node["const"])
    if "enum" in node:
        return st.sampled_from(node["enum"])
    return _typed_strategy(node, schema)


def _typed_strategy(node: dict[str, Any], schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    match node["type"]:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(node.get("minimum"), node.get("maximum"))
        case "string":
            return _text(node)
        case "array":
            low = node.get("minItems", 0)
            return st.lists(_strategy(node["items"], schema), min_size=low, max_size=max(low, 2))
        case "object":
            properties = {key: _strategy(inner, schema) for key, inner in node["properties"].items()}
            required = {key: properties.pop(key) for key in node.get("required", ())}
            return st.fixed_dictionaries(required, optional=properties)
    raise AssertionError(node)


def _text(node: dict[str, Any]) -> st.SearchStrategy[str]:
    if "(?" not in node.get("pattern", ""):
        if "pattern" in node:
            return st.from_regex(node["pattern"].removesuffix("$") + r"\Z")
        return st.text(st.characters(exclude_categories=["Cs"]), min_size=node.get("minLength", 0), max_size=8)
    return st.sampled_from(GRANTING if node["pattern"].startswith("^(?=/)") else PROTECTING)
