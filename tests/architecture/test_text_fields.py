"""No string enters an artifact unseen: each text field is redacted, refused with secrets, or bound to a shape."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from pydantic import Strict, StringConstraints, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from autopack.artifacts import model as base
from autopack.artifacts.model import Artifact
from planted_secrets import planted_secrets

SOURCE = Path(__file__).resolve().parents[2] / "src" / "autopack"
TOKEN = planted_secrets()["github classic"]


def artifacts() -> list[type[Artifact]]:
    """Return every kind of artifact that any module of Autopack defines."""
    for path in sorted(SOURCE.rglob("*.py")):
        # Scripts that run inside the sandbox do their work when imported; they know no artifacts.
        if "autopack.artifacts.model" in path.read_text("utf-8"):
            importlib.import_module(".".join(path.relative_to(SOURCE.parent).with_suffix("").parts))

    def below(cls: type[Artifact]) -> Iterator[type[Artifact]]:
        for child in cls.__subclasses__():
            yield child
            yield from below(child)

    found = {cls for cls in below(Artifact) if cls.__module__.startswith("autopack.")}
    return sorted(found, key=lambda cls: (cls.__module__, cls.__qualname__))


def _has_shape(metadata: list[Any]) -> bool:
    """Return whether a regular expression binds the text."""
    inner = [entry for group in metadata if isinstance(group, FieldInfo) for entry in group.metadata]
    return any(getattr(entry, "pattern", None) is not None for entry in [*metadata, *inner])


def _lets_a_secret_in(metadata: list[Any]) -> bool:
    """Return whether a token given to the field comes out of it again."""
    adapter = TypeAdapter(Annotated[str, *metadata, Strict()])
    for text in (TOKEN, f"/{TOKEN}", f"see {TOKEN} there"):
        try:
            if TOKEN in adapter.validate_python(text):
                return True
        except ValidationError:
            continue
    return False


def unguarded(annotation: Any, metadata: list[Any]) -> bool:
    """Return whether ANNOTATION admits a string that nothing looks at."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return unguarded(inner, [*metadata, *more])
    if get_origin(annotation) is Literal:
        return False
    if get_args(annotation):
        return any(unguarded(inner, metadata if inner is str else []) for inner in get_args(annotation))
    if annotation is str:
        return not _has_shape(metadata) and _lets_a_secret_in(metadata)
    return annotation in {bytes, Any, object, dict, list}


@pytest.mark.parametrize("cls", artifacts(), ids=lambda cls: cls.__name__)
def test_every_text_field_is_guarded(cls: type[Artifact]) -> None:
    """A field that holds text is Text, ExactText, RepoPath, a pattern or a Literal."""
    bad = [name for name, field in cls.model_fields.items() if unguarded(field.annotation, field.metadata)]
    assert bad == []


def test_a_plain_text_field_would_be_noticed() -> None:
    """The check itself sees a bare string, one in a tuple, and one in a union."""

    class Leaky(Artifact):
        plain: str
        many: tuple[str, ...]
        maybe: Annotated[str, StringConstraints(max_length=500)] | None
        good: base.Text | None
        shaped: tuple[base.Identifier, ...]

    bad = [name for name, field in Leaky.model_fields.items() if unguarded(field.annotation, field.metadata)]
    assert bad == ["plain", "many", "maybe"]
