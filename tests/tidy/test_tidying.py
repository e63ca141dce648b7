"""`autopack tidy` as a person types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autopack.config import load_settings
from repositories import MakeRepository, git
from tidy.run_results import write_proof


def autopack(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in WORKSPACE."""
    command = [sys.executable, "-m", "autopack", *arguments]
    return subprocess.run(
        command, cwd=workspace, env=dict(os.environ), capture_output=True, text=True, encoding="utf-8", check=False
    )


@pytest.fixture
def workspace(make_repository: MakeRepository) -> Path:
    folder = make_repository({"docs/BUILD_HISTORY.md": "# Build history\n"})
    write_proof(load_settings(folder, {}).runs_root, "r1", 1)
    return folder


def test_report_plan_and_apply(workspace: Path, tmp_path: Path) -> None:
    """Report and plan change nothing, apply refuses without --execute, and then writes the ledger and nothing else;
    stdout is one JSON document each time."""
    report = autopack(workspace, "tidy", "report", "--format", "json")
    assert (report.returncode, json.loads(report.stdout)["outcome"]) == (0, "ready")
    plan = autopack(workspace, "tidy", "plan", "--format", "json")
    kept = tmp_path / "plan.json"
    kept.write_text(plan.stdout, encoding="utf-8")
    refused = autopack(workspace, "tidy", "apply")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--execute" in refused.stderr
    assert git(workspace, "status", "--porcelain") == ""
    done = autopack(workspace, "tidy", "apply", "--execute", "--plan", str(kept), "--format", "json")
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, "done")
    assert git(workspace, "status", "--porcelain") == " M docs/BUILD_HISTORY.md\n"
    stale = autopack(workspace, "tidy", "apply", "--execute", "--plan", str(kept))
    assert (stale.returncode, stale.stdout) == (5, "")
    again = autopack(workspace, "tidy", "apply", "--execute", "--format", "text")
    assert (again.returncode, "nothing to add" in again.stderr) == (0, True)
