"""`autopack approvals` as a person types it: what waits, what it says, deciding it, and every refusal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autopack.cli.main import main
from autopack.config import Settings, load_settings
from autopack.file_layout import RunFileLayout
from autopack.governance.approvals import Asking, request_approvals
from autopack.intention_anchor.v2 import GovernanceReview
from autopack.operations.planning import propose_plan
from autopack.planning.models import PlanProposalV1
from autopack.store.database import open_database
from autopack.store.runs import Run, create_run
from repositories import MakeRepository, commit_all, git, write_files
from sample_projects import make_sample

_JSON = b'\xef\xbb\xbf{"a": 1}\n'

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def settings(make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A project with three files whose byte-order mark needs a person, and one that policy forbids to touch."""
    repository = make_sample(make_repository, files={"data/y.json": _JSON, "src/z.json": _JSON})
    monkeypatch.setenv("AUTOPACK_ACTOR", "ada")
    monkeypatch.chdir(repository)
    return load_settings(repository)


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Say:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["approvals", *arguments])
        said = capfd.readouterr()
        return code, said.out, said.err

    return run


def _plan(settings: Settings, run_id: str = "run-1") -> PlanProposalV1:
    """Put a run with its plan and its requests on record, as the autopilot does before it waits."""
    proposal = propose_plan(settings, run_id, write=True)
    now, asking = datetime.now(UTC), Asking(GovernanceReview(), "cli:ada")
    plan = proposal.plan
    with open_database(settings.runs_root / "autopack.db") as database:
        run = Run(
            run_id,
            plan.project_id,
            str(plan.metadata.base_commit),
            f"autopack/{run_id}",
            plan.anchor_id,
            plan.gap_report_id,
            plan.plan_proposal_id,
        )
        create_run(database, run, now)
        layout = RunFileLayout(settings.runs_root, plan.project_id, run_id)
        report = proposal.report
        request_approvals(database, layout, plan, report, executable={"encoding_fix"}, asking=asking, now=now)
    return plan


def _ids(plan: PlanProposalV1, status: str) -> list[str]:
    return [
        action.action_id
        for action in plan.actions
        if action.approval_status == status and action.kind == "encoding_fix"
    ]


def _statuses(say: Say, *arguments: str) -> dict[str, str]:
    code, out, _ = say("list", "--format", "json", *arguments)
    assert code == 0
    return {one["action_id"]: one["status"] for one in json.loads(out)["approvals"]}


def test_without_a_run_nothing_waits_and_no_file_is_made(settings: Settings, say: Say) -> None:
    """Looking at a repository that was never worked on leaves no trace."""
    assert say("list", "--format", "json") == (0, '{"approvals":[],"outcome":"nothing_to_do"}\n', "")
    assert not settings.runs_root.exists()
    assert say("show", "action-000000000000")[0] == 2
    assert not settings.runs_root.exists()


def test_what_waits_is_listed_shown_and_approved(settings: Settings, say: Say) -> None:
    """A request is found by its id or the beginning of it; approving records who, when and why."""
    plan = _plan(settings)
    first, second = _ids(plan, "requires_approval")
    assert _statuses(say) == {first: "waiting", second: "waiting"}

    code, out, _ = say("show", first.removeprefix("action-")[:5], "--format", "text")
    assert code == 0
    assert out.startswith(f"Approval of {first} (digest ")
    assert out.endswith("Status: waiting\n")

    code, out, err = say("approve", first[:12], "--reason", "looked at it", "--format", "json")
    assert code == 0
    (decision,) = json.loads(out)["decisions"]
    assert (decision["decided_by"], decision["channel"], decision["reason"]) == ("ada", "cli", "looked at it")
    assert f"Approval of {first}" in err
    assert _statuses(say) == {second: "waiting"}
    assert _statuses(say, "--all") == {first: "approved", second: "waiting"}


def test_the_text_is_the_same_in_the_list_in_show_and_in_the_artifact(settings: Settings, say: Say) -> None:
    """One canonical text, wherever it is read."""
    first = _ids(_plan(settings), "requires_approval")[0]
    listed = json.loads(say("list", "--format", "json")[1])["approvals"][0]["request"]
    shown = json.loads(say("show", first, "--format", "json")[1])["request"]
    stored = json.loads(next(settings.runs_root.rglob(f"approvals/{first}.json")).read_text())
    assert listed == shown == stored
    assert say("show", first, "--format", "text")[1].startswith(stored["canonical_text"])


def test_a_decision_stands(settings: Settings, say: Say) -> None:
    """The same decision again is harmless; the other one is exit 2 and says who decided and when."""
    first = _ids(_plan(settings), "requires_approval")[0]
    assert say("reject", first, "--reason", "not now")[0] == 0
    assert say("reject", first)[0] == 0
    code, _, err = say("approve", first)
    assert code == 2
    assert f"{first} was rejected by ada via cli at 20" in err
    assert _statuses(say, "--all")[first] == "rejected"


def test_a_blocked_action_cannot_be_approved(settings: Settings, say: Say) -> None:
    """Exit 4 with the rules that block it; an action that needs no approval and an unknown one are exit 2."""
    plan = _plan(settings)
    (blocked,) = _ids(plan, "blocked")
    code, _, err = say("approve", blocked)
    assert code == 4
    assert f"{blocked} is blocked by " in err
    assert "no approval can change that" in err
    (automatic,) = (action.action_id for action in plan.actions if action.kind == "link_fix")
    code, _, err = say("approve", automatic)
    assert (code, "auto_approved" in err) == (2, True)
    for unknown in ("action-ffffffffffff", "ffff", "", "action-"):
        assert say("approve", unknown)[0] == 2
    assert set(_statuses(say, "--all").values()) == {"waiting"}


def _new_commit(settings: Settings) -> None:
    git(settings.workspace, "commit", "--quiet", "--allow-empty", "--message", "something else")


def _new_intention(settings: Settings) -> None:
    path = settings.workspace / ".autopack/intention.yaml"
    path.write_text(path.read_text().replace("max_lines: 100", "max_lines: 99"))
    commit_all(settings.workspace)


def _new_policy(settings: Settings) -> None:
    write_files(
        settings.workspace,
        {".autopack/policy.cedar": '@id("local.x") forbid (principal, action, resource) when { false };\n'},
    )
    commit_all(settings.workspace)


def _new_plan(settings: Settings) -> None:
    propose_plan(settings, "other", write=True)
    other = next(settings.runs_root.rglob("other/plans/plan_proposal_v1.json"))
    next(settings.runs_root.rglob("run-1/plans/plan_proposal_v1.json")).write_bytes(other.read_bytes())


def _no_plan(settings: Settings) -> None:
    next(settings.runs_root.rglob("run-1/plans/plan_proposal_v1.json")).unlink()


@pytest.mark.parametrize(
    ("move", "said"),
    [
        (_new_commit, "the base commit was "),
        (_new_intention, "the intention anchor was "),
        (_new_policy, "the policy was "),
        (_new_plan, "the plan was "),
        (_no_plan, "is no longer part of the plan"),
    ],
)
def test_a_request_goes_stale_with_what_it_is_about(
    settings: Settings, say: Say, move: Callable[[Settings], None], said: str
) -> None:
    """A moved base, intention, policy or plan is exit 5 and named; nothing is decided."""
    first, second = _ids(_plan(settings), "requires_approval")
    move(settings)
    for command in ("approve", "reject"):
        code, _, err = say(command, first)
        assert code == 5
        assert said in err
    assert say("approve", "--all", "--yes")[0] == 2
    assert _statuses(say, "--all") == {first: "stale", second: "stale"}
    assert _statuses(say) == {}


def test_several_are_decided_together_or_not_at_all(settings: Settings, say: Say) -> None:
    """One unknown id among several leaves all of them undecided."""
    first, second = _ids(_plan(settings), "requires_approval")
    assert say("approve", first, "action-ffffffffffff")[0] == 2
    assert set(_statuses(say).values()) == {"waiting"}
    assert say("approve", first, second, first)[0] == 0
    assert set(_statuses(say, "--all").values()) == {"approved"}


def test_everything_at_once_has_to_be_confirmed(settings: Settings, say: Say) -> None:
    """--all without a terminal needs --yes, does not go with ids, and never takes nothing for a decision."""
    first, _ = _ids(_plan(settings), "requires_approval")
    assert say("approve", "--all")[0] == 2
    assert say("approve", "--all", first)[0] == 2
    assert say("approve")[0] == 2
    assert say("reject")[0] == 2
    assert set(_statuses(say).values()) == {"waiting"}
    assert say("approve", "--all", "--yes")[0] == 0
    assert set(_statuses(say, "--all").values()) == {"approved"}


def test_the_latest_run_is_meant_unless_one_is_named(settings: Settings, say: Say) -> None:
    """The same action waits in two runs: without --run-id the later one is decided, with it the named one."""
    first = _ids(_plan(settings, "run-1"), "requires_approval")[0]
    _plan(settings, "run-2")

    def status(run_id: str) -> str:
        return _statuses(say, "--run-id", run_id)[first]

    assert say("approve", first)[0] == 0
    assert (status("run-1"), status("run-2")) == ("waiting", "approved")
    assert say("approve", first, "--run-id", "run-1")[0] == 0
    assert (status("run-1"), status("run-2")) == ("approved", "approved")
    assert say("approve", first, "--run-id", "run-9")[0] == 2


def test_a_damaged_store_is_named(settings: Settings, say: Say) -> None:
    """A file that is no database is exit 2 with a way out, without a traceback."""
    settings.runs_root.mkdir()
    Path(settings.runs_root / "autopack.db").write_bytes(b"\x00" * 8_192)
    code, _, err = say("list")
    assert code == 2
    assert "damaged" in err
    assert "Move it away" in err


@pytest.mark.parametrize(("answer", "code", "status"), [("n", 2, "waiting"), ("y", 0, "approved")])
def test_on_a_terminal_approving_is_confirmed(
    settings: Settings, say: Say, answer: str, code: int, status: str
) -> None:
    """A person at a terminal sees the request and answers; no is no decision."""
    first = _ids(_plan(settings), "requires_approval")[0]
    done = _at_a_terminal(answer, "approve", first)
    assert done.returncode == code, done.stderr
    assert "Approve it?" in done.stderr
    assert _statuses(say, "--all")[first] == status


def _at_a_terminal(answer: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose standard input is a terminal at which somebody types ANSWER."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [sys.executable, "-m", "autopack", "approvals", *arguments]
    try:
        return subprocess.run(command, stdin=theirs, capture_output=True, text=True, check=False)
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("option", ["--yes", "--no-input"])
def test_an_action_that_is_named_needs_no_confirmation_where_nobody_is_to_be_asked(
    settings: Settings, say: Say, option: str
) -> None:
    """With a terminal and without one the command does the same: what is named is approved, and nothing is asked."""
    first, second = _ids(_plan(settings), "requires_approval")
    done = _at_a_terminal("n", "approve", first, option)
    assert (done.returncode, "Approve it?" in done.stderr) == (0, False), done.stderr
    assert say("approve", second, option)[0] == 0
    assert set(_statuses(say, "--all").values()) == {"approved"}


def test_everything_that_waits_is_never_approved_unasked(settings: Settings, say: Say) -> None:
    """--all names nothing: where nobody is to be asked it is refused with the option to give, terminal or not."""
    _plan(settings)
    done = _at_a_terminal("y", "approve", "--all", "--no-input")
    code, _, err = say("approve", "--all", "--no-input")
    assert (done.returncode, code) == (2, 2)
    assert "Repeat with --yes." in done.stderr
    assert "Repeat with --yes." in err
    assert set(_statuses(say).values()) == {"waiting"}


def test_what_is_approved_already_is_not_asked_or_recorded_again(settings: Settings, say: Say) -> None:
    """The second time the command says by whom it is approved, asks nothing, and no second decision is logged; of
    several only the new ones are decided."""
    first, second = _ids(_plan(settings), "requires_approval")
    assert say("approve", first, "--reason", "looked at it")[0] == 0
    log = next(settings.runs_root.rglob("events.ndjson"))
    before = log.read_bytes()
    done = _at_a_terminal("n", "approve", first, "--format", "text")
    assert (done.returncode, "Approve it?" in done.stderr, log.read_bytes() == before) == (0, False, True)
    assert done.stdout.startswith(f"{first} is already approved (by ada at 20")
    code, out, err = say("approve", first, "--format", "json")
    assert (code, json.loads(out)["outcome"], f"Approval of {first}" in err) == (0, "nothing_to_do", False)
    assert log.read_bytes() == before
    code, out, _ = say("approve", first, second, "--format", "text")
    assert (code, [line.split(" (")[0] for line in out.splitlines()]) == (
        0,
        [f"{first} is already approved", f"Approved {second}"],
    )
    assert log.read_bytes().count(b'"event":"decision"') == 2


def test_an_approval_that_no_longer_stands_is_renewed_with_a_new_run(settings: Settings, say: Say) -> None:
    """After another commit the approval is void, which is said; the next run asks, and the answer is a new one."""
    first = _ids(_plan(settings), "requires_approval")[0]
    assert say("approve", first)[0] == 0
    _new_commit(settings)
    code, _, err = say("approve", first)
    assert (code, "is void: the base commit was" in err) == (5, True)
    again = _ids(_plan(settings, "run-2"), "requires_approval")[0]
    code, out, _ = say("approve", again, "--run-id", "run-2", "--format", "json")
    assert (code, json.loads(out)["outcome"]) == (0, "done")


_MOVES: dict[str, tuple[dict[str, str | bytes], tuple[str, bool], tuple[str, bool]]] = {
    "a file": (
        {"data/x.json": _JSON.replace(b"1", b"2")},
        ("data/x.json changed since", False),
        ("but none of its files changed", True),
    ),
    "a finding": (
        {".autopack/config.toml": '[scan]\nignore = [{ glob = "data/y.json", reason = "recorded" }]\n'},
        ("but none of its files changed", True),
        ("its finding windows_encoding_issue-", False),
    ),
    "the policy": (
        {".autopack/policy.cedar": '@id("local.x") forbid (principal, action, resource) when { resource.files > 9 };'},
        ("the policy was", False),
        ("the policy was", False),
    ),
    "a commit": ({"notes.md": "# Notes\n"}, ("the base commit moved", True), ("the base commit moved", True)),
}


@pytest.mark.parametrize(("files", "first", "second"), _MOVES.values(), ids=_MOVES)
def test_explain_names_what_moved_and_what_still_stands(
    settings: Settings, say: Say, files: dict[str, str | bytes], first: tuple[str, bool], second: tuple[str, bool]
) -> None:
    """Which file, finding, policy or commit moved is said action by action, with which of them stay valid."""
    plan = _plan(settings)
    paths = {action.action_id: action.target_paths[0] for action in plan.actions if action.target_paths}
    write_files(settings.workspace, files)
    commit_all(settings.workspace, "Go on")
    code, out, _ = say("explain", "run-1", "--format", "json")
    assert code == 0
    explained = {paths[one["action_id"]]: one for one in json.loads(out)["actions"]}
    for path, (sentence, stands) in (("data/x.json", first), ("data/y.json", second)):
        assert any(sentence in reason for reason in explained[path]["reasons"]), explained[path]
        assert explained[path]["stays_valid"] is stands
        assert explained[path]["goes_on"] is False


def test_explain_says_what_approve_and_resume_will_say(settings: Settings, say: Say) -> None:
    """As long as nothing moved an action still stands, and is approved; after any commit it is void in both."""
    first = _ids(_plan(settings), "requires_approval")[0]
    code, out, err = say("explain", "run-1", "--format", "text")
    assert (code, f"{first}  still stands" in out, "next" in err) == (0, True, False)
    assert say("approve", first)[0] == 0
    write_files(settings.workspace, {"notes.md": "# Notes\n"})
    commit_all(settings.workspace, "Go on")
    code, out, err = say("explain", "run-1", "--format", "text")
    assert (code, "still stands" in out) == (0, False)
    assert f"{first}  is void, a new run asks the same again" in out
    assert "next: autopack autopilot --enable" in err
    assert say("approve", first)[0] == main(["autopilot", "resume", "run-1"]) == 5


def test_explain_says_that_a_request_was_taken_back(settings: Settings, say: Say) -> None:
    """Nothing moved, and all the same nobody can approve it any more."""
    first, second = _ids(_plan(settings), "requires_approval")
    assert say("revoke", first)[0] == 0
    explained = {one["action_id"]: one for one in json.loads(say("explain", "run-1", "--format", "json")[1])["actions"]}
    assert (explained[first]["goes_on"], explained[second]["goes_on"]) == (False, True)
    assert explained[first]["reasons"][-1].startswith("it was revoked by ada")


def test_a_run_that_only_looks_says_what_it_would_ask_and_not_that_it_waits(
    settings: Settings, say: Say, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without --enable nobody is asked, and the text does not say so; with it the same actions wait."""
    assert main(["autopilot", "--run-id", "look", "--format", "text"]) == 0
    looked = capfd.readouterr().out
    assert ("Would ask for approval:" in looked, "Waiting for approval" in looked) == (True, False)
    assert _statuses(say) == {}
    assert main(["autopilot", "--enable", "--run-id", "real", "--format", "text"]) == 3
    assert "Waiting for approval:" in capfd.readouterr().out
    assert len(_statuses(say)) == 2
