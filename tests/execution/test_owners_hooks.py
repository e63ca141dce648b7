"""The owner's own hooks run if the intention names them as a required check: in the sandbox, on a copy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autopack.execution.sandbox.detect import sandbox_tier
from repositories import MakeRepository, git
from sample_projects import make_sample

pytestmark = pytest.mark.skipif(sandbox_tier() == "none", reason="without a sandbox no run would do anything")

HOOK_CHECK = "[git, hook, run, --ignore-missing, pre-commit]"


def _sample(make_repository: MakeRepository, hook: str, *, check: str = HOOK_CHECK) -> Path:
    repo = make_sample(make_repository, batch_policy="independent", check=check)
    path = repo / ".git/hooks/pre-commit"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{hook}\n", encoding="utf-8")
    path.chmod(0o755)
    return repo


def _outcome(repo: Path) -> tuple[str, str, str]:
    command = [sys.executable, "-m", "autopack", "autopilot", "--enable", "--run-id", "r1", "-C", str(repo)]
    done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, encoding="utf-8", check=False)
    step = json.loads(done.stdout)["executed"][0]
    said = next((repo / ".autonomous_runs/sample/runs/r1/r1/ci").glob("*/*.log")).read_text(encoding="utf-8")
    return step["outcome"], step["reason"], said


def test_a_hook_that_objects_undoes_the_change(make_repository: MakeRepository) -> None:
    """What pre-commit says no to is not committed, and its words are kept."""
    repo = _sample(make_repository, "echo not like this; exit 1")
    assert _outcome(repo) == (
        "undone",
        "the required check 'check' failed with exit code 1",
        "not like this\n",
    )


def test_a_hook_sees_the_change_and_can_harm_nothing(make_repository: MakeRepository, tmp_path: Path) -> None:
    """The hook reads the staged change like any other time; what it writes outside its copy does not arrive."""
    repo = _sample(
        make_repository,
        "git diff --cached --name-only;"
        f" (echo x > {tmp_path}/out; echo x > .git/hooks/evil; git commit -qm x) 2>/dev/null"
        "; echo x > README.md; exit 0",
    )
    outcome, _, said = _outcome(repo)
    assert (outcome, said) == ("committed", "README.md\n")
    assert not (tmp_path / "out").exists()
    assert git(repo, "show", "autopack/r1:README.md") == "[guide](docs/b.md)\n"
    assert git(repo, "rev-list", "--count", "main..autopack/r1").strip() == "1"


def test_a_hook_that_nobody_named_does_not_run(make_repository: MakeRepository) -> None:
    """Without that check no hook of the repository runs, whatever it would do."""
    repo = _sample(make_repository, "exit 1", check="[test, -e, README.md]")
    assert _outcome(repo)[0] == "committed"
