"""`autopack policy` on a real repository."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from autopack.actions.registry import all_kinds
from autopack.artifacts.store import write_artifact
from autopack.cli import main as front_door
from autopack.config import load_settings
from autopack.errors import UsageError
from autopack.file_layout import RunFileLayout
from autopack.operations.base_policy import policy_for
from autopack.operations.planning import propose_plan
from autopack.operations.policy import explain_action, link_targets
from autopack.policy.compile import NOT_DETERMINISTIC
from repositories import MakeRepository, commit_all, write_files

INTENTION = """\
format_version: v2
project_id: sample
created_at: 2026-01-02T03:04:05Z
updated_at: 2026-01-02T03:04:05Z
pivot_intentions:
  scope_boundaries: {allowed_write_roots: ["/docs/**"]}
  budget_cost: {token_cap_global: 1000, time_cap_seconds: 600}
  governance_review:
    auto_approve_rules:
      - rule_id: docs-small
        description: Small fixes in the documentation.
        kinds: [link_fix]
        paths: ["/docs/**"]
        max_lines: 40
        examples:
          - {expect: allow, kind: link_fix, paths: [docs/a.md]}
          - {expect: EXPECTED, kind: link_fix, paths: [docs/.env]}
"""


@pytest.fixture
def repository(make_repository: MakeRepository) -> Path:
    return make_repository(
        {".autopack/intention.yaml": INTENTION.replace("EXPECTED", "ask"), "docs/a.md": "[gone](b.md)\n"}
    )


@pytest.fixture
def autopack(capfd: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Return a function `(*arguments) -> (exit code, stdout, stderr)`."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = front_door.main(list(arguments))
        sys.stdout.flush()
        return (code, *capfd.readouterr())

    return run


SMALL = ("--kind", "link_fix", "--path", "docs/a.md", "--lines", "2", "--risk", "5", "--tokens", "0", "--seconds", "5")


@pytest.mark.parametrize(
    ("arguments", "outcome", "rules"),
    [
        (SMALL, "auto_approved", ["owner.docs-small"]),
        (SMALL[:-2], "requires_approval", ["never.unknown"]),
        (SMALL[:4], "requires_approval", ["never.unknown"]),
        ((*SMALL, "--path", "src/x.py"), "blocked", ["block.outside-write-roots"]),
        ((*SMALL, "--path", "../x"), "blocked", ["engine.unsafe-path"]),
        ((*SMALL, "--path", "docs/outside"), "blocked", ["engine.unsafe-path"]),
        ((*SMALL, "--path", "docs/source/x.py"), "blocked", ["block.outside-write-roots"]),
        ((*SMALL, "--host", "evil.example"), "blocked", ["block.network"]),
        ((*SMALL, "--irreversible"), "requires_approval", ["never.irreversible"]),
        (("--kind", "link_fix"), "blocked", ["block.outside-write-roots"]),
    ],
)
def test_explain_names_every_rule(autopack, repository: Path, arguments, outcome: str, rules: list[str]) -> None:  # type: ignore[no-untyped-def]
    """`explain` prints outcome and rules as one JSON document; links are judged by where they lead, and what is not
    stated is unknown."""
    (repository / "docs/outside").symlink_to("/etc/hosts")
    (repository / "docs/source").symlink_to("../src")
    code, out, _ = autopack("policy", "explain", *arguments, "-C", str(repository), "--format", "json")
    document = json.loads(out)
    assert (code, document["outcome"], document["rules"]) == (0, outcome, rules)
    assert list(document["because"]) == rules


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("action-0123456789ab",),
        ("action-0123456789ab", "--kind", "link_fix"),
        ("action-0123456789ab", "--lines", "0"),
        ("--kind", "link_fix", "--lines", "-1"),
        ("--kind", "link_fix", "--lines", "many"),
        ("--kind", "link_fix", "--risk", "101"),
        ("--kind", "link_fix", "--tokens", "1.5"),
    ],
    ids=" ".join,
)
def test_malformed_questions_are_refused(autopack, repository: Path, arguments: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    """A question that makes no sense gets exit code 2 and no verdict."""
    code, out, err = autopack("policy", "explain", *arguments, "-C", str(repository), "--format", "json")
    assert (code, out) == (2, "")
    assert err


def test_a_kind_that_does_not_exist_is_refused_with_those_that_do(autopack, repository: Path) -> None:  # type: ignore[no-untyped-def]
    """A misspelt kind is exit code 2, not a verdict that looks like policy's; the known ones are named."""
    code, out, err = autopack("policy", "explain", "--kind", "eddit", *SMALL[2:], "-C", str(repository))
    assert (code, out) == (2, "")
    assert "'eddit' is no kind of action" in err
    assert all(kind in err for kind in all_kinds())


def test_a_planned_action_is_judged_again(repository: Path) -> None:
    """`explain ACTION_ID` finds the action in the kept plans, else in the plan that would be proposed now."""
    settings = load_settings(repository, {})
    plan = propose_plan(settings).plan
    action = plan.actions[0]
    now = explain_action(settings, action.action_id[:12])
    assert now.planned is not None
    assert (now.verdict.outcome, now.verdict.rules) == (action.approval_status, action.decided_by)
    write_artifact(RunFileLayout(settings.runs_root, "sample", "r1").plan_proposal, plan)
    assert explain_action(settings, action.action_id, "r1").planned == action
    with pytest.raises(UsageError):
        explain_action(settings, action.action_id, "r2")


def test_examples_are_tried_and_all_reported(autopack, repository: Path) -> None:  # type: ignore[no-untyped-def]
    """`policy test` shows every example, also those after one that fails, and then exits 2."""
    assert autopack("policy", "test", "-C", str(repository))[0] == 0
    write_files(repository, {".autopack/intention.yaml": INTENTION.replace("EXPECTED", "allow")})
    commit_all(repository)
    code, out, _ = autopack("policy", "test", "-C", str(repository), "--format", "json")
    assert code == 2
    assert [example["held"] for example in json.loads(out)["examples"]] == [True, False]
    assert autopack("policy", "explain", *SMALL, "-C", str(repository))[0] == 2


def test_show_prints_everything_that_decides(autopack, repository: Path) -> None:  # type: ignore[no-untyped-def]
    """`policy show` holds the shipped text, the owner's rule, the owner's forbids and the lists."""
    forbid = '@id("local.none") forbid (principal, action, resource) when { resource.files > 5 };\n'
    write_files(repository, {".autopack/policy.cedar": forbid})
    commit_all(repository)
    code, out, _ = autopack("policy", "show", "-C", str(repository), "--format", "text")
    assert code == 0
    for part in ('@id("never.path")', '@id("owner.docs-small")', forbid, "any:never-auto", ".env*"):
        assert part.strip() in out


def test_extra_forbids_count_once_they_are_committed(repository: Path) -> None:
    """A forbid in the working copy alone decides nothing, so that judging and executing agree."""
    settings = load_settings(repository, {})
    anchor = propose_plan(settings).anchor
    before = policy_for(settings, anchor, "HEAD").digest
    forbid = '@id("local.many") forbid (principal, action, resource) when { resource.files > 5 };'
    write_files(repository, {".autopack/policy.cedar": forbid})
    assert policy_for(settings, anchor, "HEAD").digest == before
    commit_all(repository)
    assert policy_for(settings, anchor, "HEAD").digest != before


def test_links_are_followed_inside_and_out(repository: Path) -> None:
    """A link, or a folder that is one, leads to its target; what is no link leads nowhere."""
    (repository / "docs/in").symlink_to("a.md")
    (repository / "docs/folder").symlink_to("/usr")
    paths = ("docs/a.md", "docs/in", "docs/folder/lib", "../x", "docs/new.md")
    assert link_targets(repository, paths) == ("/usr/lib", "docs/a.md")


def test_the_policy_names_every_kind_that_is_not_deterministic() -> None:
    """A kind that only describes work can never be auto-approved; the shipped policy knows each of them."""
    assert {name for name, kind in all_kinds().items() if not kind.deterministic} == set(NOT_DETERMINISTIC)
