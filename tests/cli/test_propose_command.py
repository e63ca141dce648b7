"""`autopack propose` shows what would be done, and changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from autopack.artifacts.store import read_artifact
from autopack.cli.main import main
from autopack.errors import EXIT_OK, EXIT_STALE, EXIT_USAGE
from autopack.execution.sandbox import detect
from autopack.execution.sandbox.unconfined import Unconfined
from autopack.gaps.models import GapReportV1
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.planning.models import PlanProposalV1
from repositories import MakeRepository, commit_all, git, write_files

INTENTION = """\
format_version: v2
project_id: sample
created_at: "2026-01-02T03:04:05Z"
updated_at: "2026-01-02T03:04:05Z"
pivot_intentions:
  safety_risk:
    risk_tolerance: low
  scope_boundaries:
    allowed_write_roots: ["/docs/**", /README.md]
    protected_paths: ["/docs/keep/**"]
  budget_cost:
    token_cap_global: 1000
    time_cap_seconds: 600
  governance_review:
    auto_approve_rules:
      - rule_id: docs-links
        description: Links in documents
        kinds: [link_fix]
        paths: [/README.md]
        max_lines: 10
"""

FILES = {
    ".autopack/intention.yaml": INTENTION,
    "README.md": "# Sample\n\nSee [the guide](docs/guide.md).\n",
    "docs/other.md": "See [the guide](guide.md).\n",
    "docs/keep/kept.md": "See [the guide](../guide.md).\n",
    "docs/user-guide.md": "# Guide\n\nA guide of some length, so that a rename of it is seen.\n",
}
RUN = ["--run-id", "run-1", "--project-id", "sample"]


@pytest.fixture
def repository(make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with three links to a page that was renamed; the machine has no sandbox."""
    monkeypatch.setattr(detect, "find_sandbox", lambda: Unconfined("a test"))
    first = {path: text for path, text in FILES.items() if path != "docs/user-guide.md"}
    root = make_repository({**first, "docs/guide.md": FILES["docs/user-guide.md"]})
    git(root, "mv", "docs/guide.md", "docs/user-guide.md")
    commit_all(root, "rename the guide")
    return root


def proposed(root: Path, capsysbinary: pytest.CaptureFixture[bytes], *arguments: str) -> PlanProposalV1:
    """Return the plan that the command prints as JSON."""
    assert main(["propose", "-C", str(root), "--format", "json", *arguments]) == EXIT_OK
    return PlanProposalV1.model_validate_json(capsysbinary.readouterr().out)


def files_below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_json_is_one_canonical_document(repository: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Standard output is the plan and a line feed, the same each time, and nothing is written anywhere."""
    before = files_below(repository)
    outputs = []
    for _ in range(2):
        assert main(["propose", "-C", str(repository), "--format", "json"]) == EXIT_OK
        outputs.append(capsysbinary.readouterr().out)
    assert outputs[0] == outputs[1]
    assert outputs[0].count(b"\n") == 1
    assert json.loads(outputs[0])["format_version"] == "v1"
    assert files_below(repository) == before


def test_verdicts_reach_the_plan(repository: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Each link is judged by where it stands: without a sandbox nothing is unasked, and protected stays blocked."""
    plan = proposed(repository, capsysbinary)
    assert [(action.target_paths, action.approval_status, action.decided_by) for action in plan.actions] == [
        (("README.md",), "requires_approval", ("never.no-sandbox",)),
        (("docs/other.md",), "requires_approval", ("never.no-sandbox",)),
        (("docs/keep/kept.md",), "blocked", ("block.protected-path",)),
    ]


def test_write_keeps_plan_report_and_anchor(repository: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """With --write the run's folder holds the plan and what it answers, and the ids agree."""
    plan = proposed(repository, capsysbinary, *RUN, "--write")
    folder = repository / ".autonomous_runs/sample/runs/run-1/run-1"
    assert read_artifact(folder / "plans/plan_proposal_v1.json", PlanProposalV1) == plan
    anchor = read_artifact(folder / "intention/intention_anchor_v2.json", IntentionAnchorV2)
    report = read_artifact(folder / "gaps/gap_report_v1.json", GapReportV1)
    assert (plan.anchor_id, plan.gap_report_id) == (anchor.anchor_id, report.gap_report_id)
    assert git(repository, "status", "--porcelain") == ""


def test_a_written_report_is_planned_for(repository: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A plan answers the report that the run has written, not a newer state of the files."""
    assert main(["scan", "-C", str(repository), "--format", "json", *RUN, "--write"]) == EXIT_OK
    capsysbinary.readouterr()
    (repository / "README.md").write_text("# No links\n", encoding="utf-8")
    plan = proposed(repository, capsysbinary, *RUN)
    assert "README.md" in [path for action in plan.actions for path in action.target_paths]


def test_a_report_for_another_commit_is_stale(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A report whose commit is not HEAD is refused with the command that makes a new one."""
    assert main(["propose", "-C", str(repository), *RUN, "--write"]) == EXIT_OK
    commit_all(repository, "something else")
    assert main(["propose", "-C", str(repository), *RUN]) == EXIT_STALE
    assert "autopack scan --run-id run-1 --project-id sample --write" in capsys.readouterr().err


def test_a_changed_intention_is_stale(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that was begun with another intention is refused, and both are named."""
    assert main(["propose", "-C", str(repository), *RUN, "--write"]) == EXIT_OK
    wider = INTENTION.replace("/README.md]\n    protected", "/README.md, /src/**]\n    protected")
    write_files(repository, {".autopack/intention.yaml": wider})
    assert main(["propose", "-C", str(repository), *RUN]) == EXIT_STALE
    assert capsys.readouterr().err.count("anchor-") == 2


def test_an_edited_report_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A report that somebody changed by hand is not planned for."""
    assert main(["propose", "-C", str(repository), *RUN, "--write"]) == EXIT_OK
    report = repository / ".autonomous_runs/sample/runs/run-1/run-1/gaps/gap_report_v1.json"
    report.write_bytes(report.read_bytes().replace(b"docs/other.md", b"docs/owner.md"))
    assert main(["propose", "-C", str(repository), *RUN]) == EXIT_USAGE
    assert "edited after it was written" in capsys.readouterr().err


def test_without_an_intention_there_is_no_plan(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody's intention is guessed: the command says how to write one."""
    assert main(["propose", "-C", str(make_repository())]) == EXIT_USAGE
    assert capsys.readouterr().err == snapshot("""\
autopack: There is no written intention to plan for.
  next: autopack init
""")


def test_text_is_grouped_by_verdict(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """People see each action with files, risk and its factors, cost, and the rules that decided."""
    assert main(["propose", "-C", str(repository), "--format", "text"]) == EXIT_OK
    assert capsys.readouterr().out == snapshot("""\
needs approval (2)
  action-addbc23a3709  link_fix: README.md links to docs/guide.md, which is not there
           files  README.md
           risk   7 (low): kind 5, gap-risk 1, lines 1
           cost   1 to 2 lines, 0 to 5 seconds, 0 tokens
           rules  never.no-sandbox

  action-4f450cfec96e  link_fix: docs/other.md links to guide.md, which is not there
           files  docs/other.md
           risk   7 (low): kind 5, gap-risk 1, lines 1
           cost   1 to 2 lines, 0 to 5 seconds, 0 tokens
           rules  never.no-sandbox

blocked (listed for what it would have done) (1)
  action-a8add3543664  link_fix: docs/keep/kept.md links to ../guide.md, which is not there
           files  docs/keep/kept.md
           risk   17 (low): guarded-neighbourhood 10, kind 5, gap-risk 1, lines 1
           cost   1 to 2 lines, 0 to 5 seconds, 0 tokens
           rules  block.protected-path

2 waiting for approval, 1 blocked; at most 4 lines in 2 files
""")


def test_control_characters_in_names_are_shown_not_sent(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file name cannot talk to the terminal."""
    monkeypatch.setattr(detect, "find_sandbox", lambda: Unconfined("a test"))
    name = "docs/a\x1b[2Kb.md"
    root = make_repository({**FILES, name: "[x](nowhere.md)\n", "docs/nowhere.md": "x\n"})
    git(root, "rm", "--quiet", "docs/nowhere.md")
    commit_all(root, "gone")
    assert main(["propose", "-C", str(root), "--format", "text"]) == EXIT_OK
    assert "\x1b" not in capsys.readouterr().out


def test_the_module_is_the_command(repository: Path) -> None:
    """`python -m autopack.planning.propose` prints the same document."""
    done = subprocess.run(
        [sys.executable, "-m", "autopack.planning.propose", *RUN, "--workspace", str(repository)],
        env={**os.environ, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert PlanProposalV1.model_validate_json(done.stdout).run_id == "run-1"
