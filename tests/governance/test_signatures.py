"""What counts as signed at all, and what is said where ssh-keygen cannot run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autopack.errors import DeniedByPolicy, EnvironmentFault
from autopack.governance.signatures import verified_signer
from governance.test_standing_grants import a_request
from governed import an_action


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        ("", "it is not signed"),
        (" \n", "it is not signed"),
        ("x" * 16_383, "its key is none of the allowed signers"),
        ("x" * 16_384, "its key is none of the allowed signers"),
        ("x" * 16_385, "it is not signed"),
        ("x" * 20_000, "it is not signed"),
    ],
    ids=["empty", "blank", "shorter", "longest", "one more", "longer"],
)
def test_a_signature_has_a_length(signature: str, said: str) -> None:
    """Nothing, and more than 16,384 characters, is not even looked at."""
    with pytest.raises(DeniedByPolicy, match=said):
        verified_signer(a_request(an_action()), "allow_once", signature, b"")


def test_a_program_that_does_not_start_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ssh-keygen is missing or cannot be executed nothing is approved, and the reason is the machine's."""
    broken = tmp_path / "ssh-keygen"
    broken.write_text("no program")
    for found, said in ((None, "not installed"), (str(broken), "ssh-keygen failed")):
        monkeypatch.setattr(shutil, "which", lambda name, found=found: found)
        with pytest.raises(EnvironmentFault, match=said):
            verified_signer(a_request(an_action()), "allow_once", "x", b"")
