"""The base of every artifact is frozen, strict and free of secrets."""

from __future__ import annotations

from typing import ClassVar

import pytest
from pydantic import ValidationError

from autopack.artifacts.model import Artifact, Count, ExactText, IdentifiedArtifact, Identifier, RepoPath, Text
from planted_secrets import planted_secrets

TOKEN = planted_secrets()["github classic"]


class Letter(IdentifiedArtifact):
    """A small artifact with every kind of text."""

    ID_FIELD: ClassVar[str] = "letter_id"
    ID_PREFIX: ClassVar[str] = "letter"

    letter_id: Identifier = "unsealed"
    text: Text = ""
    exact: ExactText = ""
    path: RepoPath = "x"
    count: Count = 0


def test_an_artifact_does_not_change() -> None:
    """Assigning to a field raises."""
    with pytest.raises(ValidationError, match="frozen"):
        Letter().text = "other"  # type: ignore[misc]


@pytest.mark.parametrize("count", [True, 1.0, "1", -1, 2**53, None])
def test_a_count_is_a_plain_integer(count: object) -> None:
    """A boolean, a float, a text, a negative or an inexact number is refused."""
    with pytest.raises(ValidationError):
        Letter.model_validate({"count": count})


def test_a_secret_is_masked_in_text_and_path_and_refused_in_an_edit() -> None:
    """Text and paths lose the secret when the model is built; text that has to be exact is refused."""
    letter = Letter(text=f"see {TOKEN}", path=f"notes/{TOKEN}.md")
    assert (letter.text, letter.path) == ("see [REDACTED]", "notes/[REDACTED].md")
    with pytest.raises(ValidationError, match="looks like a secret") as caught:
        Letter(exact=f"token {TOKEN}")
    assert TOKEN not in str(caught.value)


def test_the_id_is_the_digest_of_the_rest() -> None:
    """Sealing fills the id in; the id itself does not count; sealing twice changes nothing."""
    letter = Letter(text="a").sealed()
    assert letter.letter_id == letter.expected_id() == Letter(text="a", letter_id="other").expected_id()
    assert letter.sealed() == letter
    assert Letter(text="b").sealed().letter_id != letter.letter_id


def test_a_document_reads_back_as_the_same_artifact() -> None:
    """`from_document(document())` is the identity, and unknown keys are refused."""
    letter = Letter(text="ü", count=3).sealed()
    assert Letter.from_document(letter.document()) == letter
    with pytest.raises(ValidationError, match="Extra inputs"):
        Artifact.from_document({"unknown": 1})
