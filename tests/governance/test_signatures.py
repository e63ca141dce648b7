"""What counts as signed at all, and what is said where ssh-keygen cannot run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from autopack.errors import DeniedByPolicy, EnvironmentFault, UsageError
from autopack.governance.signatures import sign, verified_signer
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


def _ssh_keygen(folder: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Put a program of LINES in the place of ssh-keygen; `$2` is what it is asked to do."""
    program = folder / "ssh-keygen"
    program.write_text("\n".join(("#!/bin/sh", *lines, "")))
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(program))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("echo first >&2", "echo second >&2", "echo third >&2", "exit 1"), "key cannot sign: third"),
        (("exit 3",), "key cannot sign: exit code 3"),
        (("exit 0",), "key cannot sign: exit code 0"),
        (('for last; do :; done; echo x > "$last.sig"', "kill -9 $$"), "key cannot sign: exit code -9"),
    ],
    ids=["the last line", "nothing", "no signature", "killed"],
)
def test_a_key_that_cannot_sign_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...], said: str
) -> None:
    """With the last line that ssh-keygen wrote, or else how it ended."""
    _ssh_keygen(tmp_path, monkeypatch, *lines)
    with pytest.raises(UsageError, match=said):
        sign(a_request(an_action()), "allow_once", tmp_path / "key")


@pytest.mark.parametrize("ending", ["exit 1", "kill -9 $$", 'test "$2" != find-principals && echo ada'])
def test_a_search_that_does_not_end_well_names_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """Whatever it wrote before it failed or was killed; nor does one that ends well and writes nobody."""
    wrote = "" if "echo" in ending else "echo ada"
    _ssh_keygen(tmp_path, monkeypatch, f'if test "$2" = find-principals; then {wrote or ":"}; {ending}; exit 0; fi')
    with pytest.raises(DeniedByPolicy, match="none of the allowed signers"):
        verified_signer(a_request(an_action()), "allow_once", "x", b"")


def test_a_person_has_time_for_a_passphrase_and_a_check_has_thirty_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signing waits at the terminal; checking never does."""
    told: list[tuple[Any, Any]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        told.append((options["timeout"], options["input"]))
        return subprocess.CompletedProcess(command, 1, b"", b"")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(UsageError):
        sign(a_request(an_action()), "allow_once", tmp_path / "key")
    with pytest.raises(DeniedByPolicy):
        verified_signer(a_request(an_action()), "allow_once", "x", b"")
    assert told == [(None, None), (30, b"")]
