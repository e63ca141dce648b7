"""The frozen, strict base of every artifact and the field types that they share."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from autopack.artifacts.canonical import content_id, digest
from autopack.artifacts.redaction import redact, redact_path

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
_SURROGATE = re.compile("[\ud800-\udfff]")
MAX_SAFE_INTEGER = 2**53 - 1
"""Largest integer that RFC 8785 (through IEEE 754 doubles) carries exactly."""


def printable(text: str) -> str:
    """Return TEXT with what is no Unicode (bytes of a file name that are no UTF-8, see PEP 383) written as `\\xNN`."""
    return text if text.isascii() else _SURROGATE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def _redacted(value: object) -> object:
    return redact(printable(value)) if isinstance(value, str) else value


def _redacted_path(value: object) -> object:
    return redact_path(printable(value)) if isinstance(value, str) else value


def _without_secrets(value: str) -> str:
    if redact(value) != value:
        raise ValueError("holds something that looks like a secret, and must be kept to the letter")
    return value


Text = Annotated[str, BeforeValidator(_redacted), StringConstraints(max_length=20_000)]
"""Free text; secrets in it are replaced when the model is built."""

ExactText = Annotated[str, AfterValidator(_without_secrets), StringConstraints(max_length=200_000)]
"""Text that has to be kept to the letter (an edit); refused when it holds a secret."""

RepoPath = Annotated[str, BeforeValidator(_redacted_path), StringConstraints(min_length=1, max_length=4_096)]
"""Path relative to the repository's root, `/` between parts."""

Identifier = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9._:/-]{0,127}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
GitOid = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
Timestamp = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]
Count = Annotated[int, Field(ge=0, le=MAX_SAFE_INTEGER)]
Line = Annotated[int, Field(ge=1, le=MAX_SAFE_INTEGER)]
Score = Annotated[int, Field(ge=0, le=100)]

Risk = Literal["critical", "high", "medium", "low", "info"]
RISKS: tuple[Risk, ...] = ("critical", "high", "medium", "low", "info")
"""All risks, the worst first."""

Confidence = Literal["high", "medium", "low"]
Approval = Literal["auto_approved", "requires_approval", "blocked"]


class Artifact(BaseModel):
    """A value that can be written down: frozen, strict, no unknown fields."""

    # Inputs stay out of error texts, since what is wrong with one may be that it holds a secret.
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, serialize_by_alias=True, hide_input_in_errors=True
    )

    def document(self) -> dict[str, Any]:
        """Return the artifact as plain JSON values."""
        return self.model_dump(mode="json")

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Build from plain JSON values, as strictly as from JSON text."""
        import json

        return cls.model_validate_json(json.dumps(document))


class IdentifiedArtifact(Artifact):
    """An artifact whose id is the digest of the rest of its content.

    Subclasses name the id's field in `ID_FIELD` and its first part in `ID_PREFIX`; `sealed()` fills it in.
    """

    ID_FIELD: ClassVar[str]
    ID_PREFIX: ClassVar[str]

    def expected_id(self) -> str:
        """Return the id that the content has, whatever the id field says."""
        document = self.document()
        document.pop(self.ID_FIELD)
        return content_id(self.ID_PREFIX, document)

    def sealed(self) -> Self:
        """Return a copy whose id field holds the digest of the rest."""
        return self.model_copy(update={self.ID_FIELD: self.expected_id()})

    def content_digest(self) -> str:
        """Return the SHA-256 of the canonical bytes, id included."""
        return digest(self.document())
