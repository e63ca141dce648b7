"""`autopack doctor` and `autopack sandbox run`, as a person types them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from autopack.execution.sandbox.canaries import CANARIES
from autopack.execution.sandbox.detect import sandbox_tier
from old_kernels import without_landlock
from repositories import MakeRepository


def types(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "autopack", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """A machine with git, and without bubblewrap or Landlock."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "sh"):
        (programs / name).symlink_to(str(shutil.which(name)))
    (programs / "apt-get").write_text("#!/bin/sh\n")
    (programs / "apt-get").chmod(0o755)
    return {"PATH": str(programs), **without_landlock(tmp_path)}


def test_doctor_tells_every_attempt_and_its_outcome(tmp_path: Path) -> None:
    """The answer holds the tier, what it means, each canary that was tried and each candidate's objection."""
    code, out, _ = types(tmp_path, "doctor", "--format", "json")
    document = json.loads(out)
    assert code == (30 if document["tier"] == "none" else 0)
    assert document["tier"] == sandbox_tier()
    for candidate in document["candidates"]:
        assert candidate["stands"] == (candidate["objection"] is None)
        if candidate["canaries"] is not None:
            assert set(candidate["canaries"]) == set(CANARIES)
    if document["tier"] == "isolated":
        assert all(canary["held"] for canary in document["candidates"][0]["canaries"].values())
        assert document["left_open"] == []


def test_doctor_on_a_bare_machine_says_what_helps(tmp_path: Path, bare: dict[str, str]) -> None:
    """Without any sandbox the exit code says so, and each missing piece comes with a command."""
    code, out, _ = types(tmp_path, "doctor", "--format", "text", environment=bare)
    assert code == 30
    assert "isolated: does not stand\n  bubblewrap (the command bwrap) is not installed\n" in out
    assert "confined: does not stand\n  it cannot start here: autopack: the tier confined cannot start here" in out
    assert "The sandbox of this machine: none\n  Nothing is auto-approved (rule never.no-sandbox)" in out
    assert "missing: bubblewrap\n     next: sudo apt-get install bubblewrap\n" in out
    assert "missing: Landlock" in out


def test_a_command_runs_with_its_own_code_and_writes_only_its_grant(make_repository: MakeRepository) -> None:
    """Output passes through, the exit code is the command's, and ungranted writes fail."""
    if sandbox_tier() == "none":
        pytest.skip("no sandbox stands here; the test below shows the refusal")
    repo = make_repository({"build/keep": "", "a.txt": "a\n"})
    script = "echo said; echo x > build/new; echo x > a.txt; exit 7"
    code, out, _ = types(repo, "sandbox", "run", "--write", "build", "--", "sh", "-c", script)
    assert code == 7
    assert out.startswith("said\n")
    assert (repo / "build/new").exists()
    assert (repo / "a.txt").read_text() == "a\n"


def test_a_command_that_takes_too_long_is_ended(make_repository: MakeRepository) -> None:
    """The time limit is said, and the code is the one of timeout(1)."""
    if sandbox_tier() == "none":
        pytest.skip("no sandbox stands here; the test below shows the refusal")
    code, _, err = types(make_repository(), "sandbox", "run", "--timeout", "1", "--", "sleep", "30")
    assert (code, err) == (124, "autopack: the command did not end within 1 seconds and was ended.\n")


def test_without_a_sandbox_nothing_is_run(make_repository: MakeRepository, bare: dict[str, str]) -> None:
    """The command refuses rather than run unprotected."""
    repo = make_repository()
    code, out, err = types(repo, "sandbox", "run", "--write", ".", "--", "sh", "-c", "echo x > new", environment=bare)
    assert (code, out) == (30, "")
    assert err == "autopack: No sandbox stands its proof on this machine.\n  next: autopack doctor\n"
    assert not (repo / "new").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--write", "/etc"), "/etc is not in the workspace"),
        (("--net", "10.0.0.1:443"), "'10.0.0.1:443' cannot be reached: an IP address instead of a name."),
    ],
)
def test_a_grant_that_cannot_be_is_refused(
    options: tuple[str, ...], message: str, make_repository: MakeRepository
) -> None:
    """What lies outside the workspace, and hosts without a name, are mistakes of the command line."""
    if sandbox_tier() != "isolated":
        pytest.skip("needs the tier isolated; test_without_a_sandbox_nothing_is_run shows the refusal")
    code, _, err = types(make_repository(), "sandbox", "run", *options, "--", "true")
    assert code == 2
    assert message in err
