"""The whole loop on the demo repository, typed as a person would type it: init, scan, propose, autopilot, approve,
resume, verify, tidy."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from autopack.artifacts.canonical import canonical_bytes
from autopack.execution.sandbox.detect import sandbox_tier
from autopack.gaps.models import GAP_TYPES
from autopack.schema_validation.json_schema import validate
from old_kernels import without_landlock
from people import LEDGERS, ROOT, Person, make_demo
from repositories import git

SCHEMAS = {
    "intention_anchor_v2.json": "intention_anchor_v2",
    "gap_report_v1.json": "gap_report_v1",
    "plan_proposal_v1.json": "plan_proposal_v1",
    "autopilot_session_v1.json": "autopilot_session_v1",
}


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(make_demo(tmp_path / "demo"))


@pytest.fixture
def intending(person: Person) -> Person:
    """A person who wrote the demo's intention down and committed it."""
    person.writes_the_intention_down()
    return person


needs_sandbox = pytest.mark.skipif(
    sandbox_tier() == "none", reason="nothing is auto-approved without a sandbox; test_no_sandbox shows that"
)


def test_the_demo_has_a_true_gap_of_every_type(intending: Person) -> None:
    """Each of the ten gap types is found at least once in the demo repository."""
    report = intending.types("scan").document
    assert {gap["gap_type"] for gap in report["gaps"]} == set(GAP_TYPES)


@needs_sandbox
def test_from_intention_to_ledger(intending: Person) -> None:
    """What the intention allows is executed and proven, the rest waits, is approved, resumed and folded into the
    ledgers."""
    before = intending.checkout_digest()

    waiting = intending.types("autopilot", "--enable", "--run-id", "demo-20260101T000000Z", code=3).document
    assert waiting["outcome"] == "partly_executed"
    assert waiting["executed"] and all(step["outcome"] == "committed" for step in waiting["executed"])
    assert waiting["gaps_opened"] == []
    assert {step["approval_status"] for step in waiting["waiting_for_approval"]} == {"requires_approval"}

    asked = intending.types("approvals", "list").document
    for one in asked["approvals"]:
        intending.types("approvals", "approve", one["action_id"], "--yes", "--reason", "reviewed")
    done = intending.types("autopilot", "resume").document
    assert done["outcome"] == "executed"
    assert len(done["executed"]) == len(waiting["executed"]) + len(waiting["waiting_for_approval"])
    assert intending.checkout_digest() == before, "the owner's checkout was touched"

    verified = intending.types("verify").document
    assert verified["outcome"] == "verified"
    _artifacts_are_valid(intending.repo)
    _every_commit_is_traceable(intending.repo, done)

    ledgers = intending.ledgers()
    intending.types("tidy", "plan")
    intending.types("tidy", "apply", code=2)
    assert ledgers == intending.ledgers(), "written without --execute"
    intending.types("tidy", "apply", "--execute")
    after = intending.ledgers()
    assert after["docs/BUILD_HISTORY.md"].startswith(ledgers["docs/BUILD_HISTORY.md"])
    assert len(after["docs/BUILD_HISTORY.md"]) > len(ledgers["docs/BUILD_HISTORY.md"])
    intending.types("tidy", "apply", "--execute")
    assert after == intending.ledgers(), "tidy is not idempotent"
    changed = {line[3:] for line in git(intending.repo, "status", "--porcelain").splitlines()}
    assert changed <= {*LEDGERS, "config/production.toml", "tides.db.lock"}


def _artifacts_are_valid(repo: Path) -> None:
    found = sorted((repo / ".autonomous_runs").glob("*/runs/*/*/*/*.json"))
    assert found
    for path in found:
        schema = SCHEMAS.get(path.name) or ("phase_proof_v1" if path.parent.name == "proofs" else None)
        if schema is not None:
            document = json.loads(path.read_bytes())
            validate(document, schema)
            assert path.read_bytes() == canonical_bytes(document) + b"\n"


def _every_commit_is_traceable(repo: Path, session: dict[str, Any]) -> None:
    for step in session["executed"]:
        message = git(repo, "log", "-1", "--format=%B", step["commit"])
        for trailer, value in (
            ("Run", session["run_id"]),
            ("Anchor", session["anchor_id"]),
            ("Gap-Report", session["gap_report_id"]),
            ("Plan", session["plan_proposal_id"]),
            ("Action", step["action_id"]),
        ):
            assert f"Autopack-{trailer}: {value}\n" in message


@needs_sandbox
def test_a_failing_check_undoes_the_action(intending: Person) -> None:
    """A change that breaks a required check is not kept: the branch stays where it was and the proof says why."""
    tests = intending.repo / "tests/test_table.py"
    tests.write_text(tests.read_text().replace("assertAlmostEqual(height(STATION, 0), 7.0)", "fail('broken')"))
    git(intending.repo, "commit", "--quiet", "-am", "Break a test")
    intending.types("autopilot", "--enable", "--run-id", "broken", code=3)
    session = intending.types("autopilot", "resume", "broken", code=3).document
    assert {step["outcome"] for step in session["executed"]} == {"undone"}
    assert all("unit-tests" in step["reason"] for step in session["executed"])
    assert git(intending.repo, "rev-parse", "autopack/broken") == git(intending.repo, "rev-parse", "main")


def test_without_enable_nothing_runs_but_everything_is_recorded(intending: Person) -> None:
    """The loop is off by default: it executes nothing, asks nobody, and records what it would do."""
    session = intending.types("autopilot", "--run-id", "look").document
    assert session["outcome"] == "disabled"
    assert session["executed"] == []
    assert session["would_execute"] or sandbox_tier() == "none"
    assert not (intending.repo / ".autonomous_runs/worktrees").exists()
    assert intending.types("approvals", "list").document["approvals"] == []


def test_an_intention_that_is_not_committed_executes_nothing(person: Person) -> None:
    """Execution refuses a text that is still being written, with the command that commits it."""
    refused = person.types("autopilot", "--enable", code=2)
    assert "autopack init" in refused.stderr
    person.types("init", "--answers", str(ROOT / "examples/demo_repo/answers.yaml"))
    refused = person.types("autopilot", "--enable", code=2)
    assert "git add .autopack/intention.yaml" in refused.stderr


@needs_sandbox
def test_a_moved_base_makes_approvals_stale(intending: Person) -> None:
    """After the base commit moved, a waiting run says so and executes nothing more."""
    intending.types("autopilot", "--enable", "--run-id", "stale", code=3)
    first = intending.types("approvals", "list").document["approvals"][0]["action_id"]
    git(intending.repo, "commit", "--quiet", "--allow-empty", "-m", "Somebody went on")
    refused = intending.types("approvals", "approve", first, "--yes", code=5)
    assert "base commit" in refused.stderr
    tip = git(intending.repo, "rev-parse", "autopack/stale")
    refused = intending.types("autopilot", "resume", "stale", code=5)
    assert "base commit moved" in refused.stderr
    assert git(intending.repo, "rev-parse", "autopack/stale") == tip


def test_no_sandbox_means_nothing_is_auto_approved(intending: Person, tmp_path: Path) -> None:
    """On a machine without bubblewrap and without Landlock every action asks, under a named rule."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name in ("git", "sh", "env"):
        found = subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True, check=True)
        (bin_folder / name).symlink_to(found.stdout.strip())
    bare = {"PATH": str(bin_folder), **without_landlock(tmp_path)}
    session = intending.types("autopilot", "--enable", code=3, environment=bare).document
    assert session["executed"] == []
    assert all("never.no-sandbox" in step["decided_by"] for step in session["waiting_for_approval"])
