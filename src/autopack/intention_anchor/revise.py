"""A revision of the written intention: proposed as a diff of its text, bound to the text that it was made from."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import StringConstraints, ValidationError

from autopack.artifacts.canonical import bytes_digest
from autopack.artifacts.model import ExactText, IdentifiedArtifact, Identifier, Sha256, Text
from autopack.config import INTENTION_FILE
from autopack.errors import StaleError, UsageError
from autopack.intention_anchor.written import read_intention

RevisionId = Annotated[str, StringConstraints(pattern=r"^revision-[0-9a-f]{12}$")]


class Revision(IdentifiedArtifact):
    """A proposed new text of the intention file. It counts for nothing until a person approves it."""

    ID_FIELD: ClassVar[str] = "revision_id"
    ID_PREFIX: ClassVar[str] = "revision"

    format_version: Literal["v1"] = "v1"
    revision_id: RevisionId = "revision-000000000000"
    project_id: Identifier
    reason: Text
    base_digest: Sha256
    """SHA-256 of the file that was there when the revision was proposed."""
    diff: ExactText
    text: ExactText


def propose_revision(base: bytes, changed: bytes, *, reason: str) -> Revision:
    """Return the revision that turns BASE into CHANGED; both are whole intention files.

    Raises UsageError when CHANGED is no valid intention, belongs to another project, equals BASE, or holds a secret.
    """
    before = read_intention(base)
    after = read_intention(changed, name="the revised intention")
    if after.project_id != before.project_id:
        raise UsageError(f"A revision keeps the project: expected {before.project_id}, found {after.project_id}.")
    if base == changed:
        raise UsageError("The revision changes nothing.", hint="See what stands there: autopack anchor show")
    try:
        return Revision(
            project_id=before.project_id,
            reason=reason,
            base_digest=bytes_digest(base),
            diff=unified_diff(base.decode(), changed.decode()),
            text=changed.decode(),
        ).sealed()
    except ValidationError as fault:
        message = fault.errors()[0]["msg"].removeprefix("Value error, ")
        raise UsageError(f"The revision cannot be recorded: its text {message}.") from fault


def approved_text(revision: Revision, current: bytes | None) -> bytes:
    """Return the bytes that REVISION puts in place of CURRENT.

    Raises StaleError when CURRENT is not the text that the revision was made from.
    """
    if current is None or bytes_digest(current) != revision.base_digest:
        raise StaleError(
            f"{INTENTION_FILE} has changed since {revision.revision_id} was proposed.",
            hint="Propose it again: autopack anchor revise",
        )
    return revision.text.encode()


def unified_diff(before: str, after: str) -> str:
    """Return the unified diff of two texts of the intention file, fit for `git apply`."""
    names = (f"a/{INTENTION_FILE}", f"b/{INTENTION_FILE}")
    return "".join(_terminated(difflib.unified_diff(_lines(before), _lines(after), *names)))


def _lines(text: str) -> list[str]:
    """Split after line feeds only: a form feed or a lone carriage return is no end of a line to git."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _terminated(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
