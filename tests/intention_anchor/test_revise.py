"""A revision is a diff that is bound to the text it was made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopack.artifacts.store import read_artifact, write_artifact
from autopack.errors import ArtifactError, StaleError, UsageError
from autopack.intention_anchor.revise import Revision, approved_text, propose_revision, unified_diff
from repositories import MakeRepository, git

BASE = b"project_id: demo\n# note\npivot_intentions:\n  safety_risk: {risk_tolerance: low}\n"
CHANGED = BASE.replace(b"low", b"high")


def test_the_diff_applies_with_git(make_repository: MakeRepository) -> None:
    """What a person reads is what a tool can apply, last line feed or not."""
    for before, after in (
        (BASE, CHANGED),
        (BASE.rstrip(), CHANGED),
        (BASE, CHANGED.rstrip() + b" # \x0c\xe2\x80\xa8x"),
    ):
        repository = make_repository({".autopack/intention.yaml": before}, name=f"r{len(before)}-{len(after)}")
        git(repository, "apply", stdin=unified_diff(before.decode(), after.decode()).encode())
        assert (repository / ".autopack/intention.yaml").read_bytes() == after


def test_a_revision_puts_its_text_in_place_of_its_base_alone() -> None:
    """A file that has moved since makes it stale."""
    revision = propose_revision(BASE, CHANGED, reason="we learned")
    assert approved_text(revision, BASE) == CHANGED
    for moved in (BASE + b"\n", CHANGED, b"", None):
        with pytest.raises(StaleError, match="has changed since"):
            approved_text(revision, moved)


def test_the_same_proposal_has_the_same_id() -> None:
    """Proposing twice does not make two."""
    first = propose_revision(BASE, CHANGED, reason="r")
    assert first == propose_revision(BASE, CHANGED, reason="r")
    assert first.revision_id == first.expected_id()
    assert first.revision_id != propose_revision(BASE, CHANGED, reason="other").revision_id


def test_an_edited_revision_is_refused(tmp_path: Path) -> None:
    """Approval is for what was proposed, not for what was slipped in afterwards."""
    revision = propose_revision(BASE, CHANGED, reason="r")
    path = tmp_path / "revision.json"
    write_artifact(path, revision)
    path.write_bytes(path.read_bytes().replace(b"tolerance: high", b"tolerance: medium"))
    with pytest.raises(ArtifactError, match="revision_id"):
        read_artifact(path, Revision)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (BASE, "changes nothing"),
        (BASE.replace(b"demo", b"other"), "keeps the project"),
        (BASE.replace(b"low", b"extreme"), "expected 'low', 'medium' or 'high'"),
        (b"", "is empty"),
        (BASE + b"# ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8\n", "looks like a secret"),
        (BASE + b"# x\n" * 60_000, "at most 200000"),
    ],
)
def test_a_proposal_that_cannot_be_approved_is_not_made(changed: bytes, said: str) -> None:
    """Nothing invalid, foreign, empty or secret waits for approval."""
    with pytest.raises(UsageError) as caught:
        propose_revision(BASE, changed, reason="r")
    assert said in str(caught.value)
