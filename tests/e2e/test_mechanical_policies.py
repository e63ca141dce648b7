"""The mechanical policies of the requirement, each held on a whole run of the demo repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autopack.execution.sandbox.detect import sandbox_tier
from people import LEDGERS, Person, make_demo
from planted_secrets import planted_secrets
from repositories import git

needs_sandbox = pytest.mark.skipif(
    sandbox_tier() == "none", reason="nothing is auto-approved without a sandbox, so nothing is executed"
)
RUN = "policies-20260101T000000Z"
WAITS = 3


@pytest.fixture
def person(tmp_path: Path) -> Person:
    person = Person(make_demo(tmp_path / "demo"))
    person.writes_the_intention_down()
    return person


def run_folder(person: Person) -> Path:
    return person.repo / f".autonomous_runs/tides/runs/policies/{RUN}"


def test_no_sot_writes_outside_tidy(person: Person) -> None:
    """Scanning, proposing, running, approving and resuming leave the ledgers as they are, in the checkout and on the
    branch."""
    before = person.ledgers()
    person.types("scan", "--write")
    person.types("propose", "--write")
    person.types("autopilot", "--enable", "--run-id", RUN, code=WAITS)
    for one in person.types("approvals", "list").document["approvals"]:
        person.types("approvals", "approve", one["action_id"], "--yes")
    person.types("autopilot", "resume", RUN)
    person.types("tidy", "report")
    person.types("tidy", "plan")
    person.types("tidy", "apply", code=2)
    assert person.ledgers() == before
    assert git(person.repo, "diff", "--name-only", "main", f"autopack/{RUN}", "--", *LEDGERS) == ""


def test_arrays_of_artifacts_are_in_a_stable_order(person: Person) -> None:
    """Report and plan have the same bytes whatever the hash seed, the locale and the time zone."""
    surroundings: list[dict[str, str]] = [
        {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "UTC"},
        {"PYTHONHASHSEED": "4242", "LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati"},
    ]
    names = ("--run-id", "order", "--project-id", "tides")
    for command in ("scan", "propose"):
        answers = {person.types(command, *names, environment=each).stdout for each in surroundings}
        assert len(answers) == 1
    gaps = person.types("scan", *names).document["gaps"]
    assert gaps == sorted(gaps, key=lambda gap: (gap["gap_type"], _first_place(gap), gap["rule_id"], gap["gap_id"]))


def _first_place(gap: dict[str, Any]) -> tuple[str, int]:
    first = gap["evidence"][0] if gap["evidence"] else {"path": None, "line": None}
    return first["path"] or "", first["line"] or 0


def test_no_secret_enters_an_artifact_or_a_log(person: Person) -> None:
    """Thirty kinds of token, planted in documents, names, output of checks and the environment, are nowhere below
    the runs folder."""
    secrets = planted_secrets()
    assert len(secrets) >= 30
    one_line = {kind: secret for kind, secret in secrets.items() if "\n" not in secret}
    # A random word without a known form is not looked for in names of files: hashed names are common.
    formed = {kind: secret for kind, secret in one_line.items() if not kind.startswith("random")}
    page = "# Keys\n\n" + "".join(f"- {kind} `{secret}`\n" for kind, secret in one_line.items())
    page += "".join(f"- [{kind}](gone-{secret}.md)\n" for kind, secret in formed.items())
    (person.repo / "docs/keys.md").write_text(page + "\n".join(secrets.values()), encoding="utf-8")
    test = person.repo / "tests/test_table.py"
    lines = "".join(f"print({secret!r})\n" for secret in secrets.values())
    test.write_text(test.read_text(encoding="utf-8").replace("STATION =", lines + "STATION =", 1), encoding="utf-8")
    named = person.repo / f"{one_line['github classic']}.log"
    named.write_text("x", encoding="utf-8")
    git(person.repo, "add", "--all")
    git(person.repo, "commit", "--quiet", "-m", f"keys {one_line['npm']}")
    environment = {"DEPLOY_PASSWORD": "plain-words-only-here", "API_TOKEN": one_line["slack bot"]}
    (person.repo / "docs/plain.md").write_text("[x](plain-words-only-here.md)\n", encoding="utf-8")

    said = person.types("autopilot", "--enable", "--run-id", RUN, code=WAITS, environment=environment)
    said_text = said.stdout + said.stderr + person.types("scan", "--format", "text", environment=environment).stdout

    stored = b"".join(
        path.read_bytes()
        for path in sorted((person.repo / ".autonomous_runs").rglob("*"))
        if path.is_file() and "worktrees" not in path.parts
    )
    leaked = [kind for kind, secret in one_line.items() if secret.encode() in stored or secret in said_text]
    assert leaked == []
    assert b"plain-words-only-here" not in stored
    assert "plain-words-only-here" not in said_text


def test_budget_telemetry_is_recorded(person: Person) -> None:
    """Each decision to retrieve, truncate or refuse memory is a line of the run's budget log, within the caps."""
    person.types("autopilot", "--enable", "--run-id", RUN, code=WAITS)
    lines = (run_folder(person) / "logs/budget.ndjson").read_text(encoding="utf-8").splitlines()
    decisions = [json.loads(line) for line in lines]
    assert decisions
    assert {each["decision"] for each in decisions} <= {"retrieve", "truncate", "refuse"}
    assert all(each["reason"] for each in decisions)
    assert sum(each["tokens_given"] for each in decisions) <= 4000
    assert max(each["tokens_given"] for each in decisions) <= 1000


@pytest.mark.skipif(
    sandbox_tier() == "none", reason="nothing is auto-approved without a sandbox, so nothing is executed"
)
def test_every_executed_action_is_traceable(person: Person) -> None:
    """Proof and commit of each executed action name anchor, gap report, plan and approval, and the chain verifies."""
    session = person.types("autopilot", "--enable", "--run-id", RUN, code=WAITS).document
    assert session["executed"]
    for step in session["executed"]:
        proof = json.loads((run_folder(person) / f"proofs/{step['phase_id']}.json").read_bytes())["predicate"]
        for name in ("anchor_id", "gap_report_id", "plan_proposal_id"):
            assert proof[name] == session[name]
        assert proof["approved_by"].startswith("policy:owner.")
        assert f"Autopack-Plan: {session['plan_proposal_id']}" in git(
            person.repo, "log", "-1", "--format=%B", step["commit"]
        )
    assert person.types("verify", RUN).document["outcome"] == "verified"


@needs_sandbox
@pytest.mark.parametrize("what", ["proof", "plan", "check output", "commit"])
def test_verify_names_the_broken_link(person: Person, what: str) -> None:
    """Whatever of the chain is changed afterwards, verification fails and names the link."""
    session = person.types("autopilot", "--enable", "--run-id", RUN, code=WAITS).document
    step = session["executed"][0]
    if what == "proof":
        _edit(run_folder(person) / f"proofs/{step['phase_id']}.json", b"policy:owner.", b"policy:other.")
    elif what == "plan":
        _edit(run_folder(person) / "plans/plan_proposal_v1.json", b"owner.", b"other.")
    elif what == "check output":
        next((run_folder(person) / "ci").rglob("*.log")).write_text("all is well", encoding="utf-8")
    else:
        worktree = person.repo / f".autonomous_runs/worktrees/{RUN}"
        git(worktree, "commit", "--quiet", "--allow-empty", "-m", "slipped in")
    broken = person.types("verify", RUN, code=8).document
    assert broken["outcome"] == "broken"
    assert any(not link["holds"] for link in broken["links"])


def _edit(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
