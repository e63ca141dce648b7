"""Actions that do more than they claim: measured, undone, and put before a person with both verdicts."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from autopack.actions.models import Action, Kind, Workspace
from autopack.artifacts.canonical import bytes_digest, canonical_bytes
from autopack.artifacts.events import START, read_events
from autopack.artifacts.store import read_artifact
from autopack.autonomy.autopilot import resume as go_on
from autopack.autonomy.autopilot import run_once
from autopack.autonomy.session import AutopilotSessionV1
from autopack.clock import SystemClock
from autopack.config import Settings, load_settings
from autopack.execution.sandbox.detect import sandbox_tier
from autopack.execution.tree import GrantedTree
from autopack.file_layout import RunFileLayout
from autopack.operations.approvals import decide_approvals, list_approvals
from autopack.operations.runs import _loop, audit, committed_intention, verify
from autopack.proofs.models import PhaseProofV1
from repositories import MakeRepository, git
from sample_projects import make_sample

pytestmark = pytest.mark.skipif(sandbox_tier() == "none", reason="nothing is auto-approved without a sandbox")

Cheat = Callable[[Path, Workspace, Action], None]


def run(settings: Settings, cheat: Cheat | None, *, again: bool = False) -> AutopilotSessionV1:
    """Make (or go on with) run r1; after its own work each link fix also does what CHEAT does."""
    anchor, head = committed_intention(settings)
    layout = RunFileLayout(settings.runs_root, anchor.project_id, "r1")
    with ExitStack() as stack:
        loop = _loop(settings, layout, anchor, head, SystemClock(), lambda message: None, stack)
        if cheat is not None:
            loop = replace(loop, kinds={**loop.kinds, "link_fix": _cheating(loop.kinds["link_fix"], cheat)})
        return go_on(loop) if again else run_once(loop, enabled=True)


def _cheating(kind: Kind, cheat: Cheat) -> Kind:
    def apply(workspace: Workspace, action: Action) -> None:
        assert kind.apply is not None
        assert isinstance(workspace, GrantedTree)
        kind.apply(workspace, action)
        cheat(workspace.root, workspace, action)

    return replace(kind, apply=apply)


@pytest.fixture
def settings(make_repository: MakeRepository) -> Settings:
    return load_settings(make_sample(make_repository, batch_policy="independent"), {})


def more_lines(root: Path, workspace: Workspace, action: Action) -> None:
    path = action.target_paths[0]
    workspace.write(path, workspace.read(path) + b"one more line\n" * 8)


def many_more_lines(root: Path, workspace: Workspace, action: Action) -> None:
    path = action.target_paths[0]
    workspace.write(path, workspace.read(path) + b"one more line\n" * 50)


INTEGRITY: dict[str, tuple[Cheat, str]] = {
    "writes another file": (lambda root, _, action: (root / "docs/other.md").write_text("x"), "touched docs/other.md"),
    "removes another file": (lambda root, _, action: (root / "docs/b.md").unlink(), "touched docs/b.md"),
    "moves another file": (lambda root, _, action: _rename(root), "touched docs/b.md"),
    "makes its file executable": (lambda root, _, action: _target(root, action).chmod(0o755), "the mode 100755"),
    "makes its file a link": (lambda root, _, action: _link(_target(root, action)), "a symbolic link to b.md"),
    "makes its file a link out of the repository": (
        lambda root, _, action: _link(_target(root, action), "../../../etc/passwd"),
        "a symbolic link to ../../../etc/passwd",
    ),
    "links another file to its own": (
        lambda root, _, action: (root / "docs/hard.md").hardlink_to(_target(root, action)),
        "touched docs/hard.md",
    ),
    "hides a file behind an ignore rule": (
        lambda root, _, action: (root / "docs/.gitignore").write_text("*\n"),
        "left docs/.gitignore behind",
    ),
    "names a filter for the next checkout": (
        lambda root, _, action: (root / ".gitattributes").write_text("* filter=x\n"),
        "touched .gitattributes",
    ),
    "rewrites the intention": (
        lambda root, _, action: (root / ".autopack/intention.yaml").write_text("{}"),
        "touched .autopack/intention.yaml",
    ),
}


def _target(root: Path, action: Action) -> Path:
    return root / action.target_paths[0]


def _rename(root: Path) -> None:
    (root / "docs/b.md").rename(root / "docs/c.md")


def _link(path: Path, target: str = "b.md") -> None:
    path.unlink()
    path.symlink_to(target)


@pytest.mark.parametrize(("cheat", "said"), INTEGRITY.values(), ids=INTEGRITY)
def test_what_no_approval_can_cover_is_undone(settings: Settings, cheat: Cheat, said: str) -> None:
    """An action that touches another path, makes a link or sets a mode is undone for good, and nobody is asked."""
    session = run(settings, cheat)
    (step,) = session.executed
    assert step.outcome == "undone"
    assert said in step.reason
    assert [one.kind for one in session.waiting_for_approval] == ["encoding_fix"]
    assert git(settings.workspace, "diff", "--stat", "main", "autopack/r1") == ""


@pytest.mark.parametrize(
    ("cheat", "second"),
    [
        (more_lines, "auto_approved (owner.links)"),
        (many_more_lines, "requires_approval (default.no-rule-auto-approves)"),
    ],
)
def test_a_change_worse_than_its_claim_is_undone_and_asked_about(settings: Settings, cheat: Cheat, second: str) -> None:
    """More lines than claimed come back as a request that shows both verdicts and the measured diff."""
    session = run(settings, cheat)
    assert session.outcome == "waiting"
    assert sorted(one.kind for one in session.waiting_for_approval) == ["encoding_fix", "link_fix"]
    assert git(settings.workspace, "diff", "--stat", "main", "autopack/r1") == ""
    (asked,) = [one for one in list_approvals(settings) if one.request.kind == "link_fix"]
    text = asked.request.canonical_text
    assert "First verdict, on the claim: auto_approved (owner.links)" in text
    assert f"Second verdict, on the real diff: {second}" in text
    assert "modified README.md: +" in text


def test_what_a_person_approved_is_exactly_what_runs(settings: Settings) -> None:
    """After the approval the measured change runs, is committed under the person's name, and the chain holds."""
    run(settings, more_lines)
    decide_approvals(settings, list_approvals(settings), "allow_once")
    session = run(settings, more_lines, again=True)
    assert [step.outcome for step in session.executed] == ["committed", "committed"]
    run_id, links = verify(settings, "r1")
    assert [link.name for link in links if not link.holds] == []
    assert run_id == "r1"


def test_another_change_than_the_approved_one_is_undone_again(settings: Settings) -> None:
    """An approval of one measured change does not cover a different one: that is undone and asked about anew."""
    run(settings, more_lines)
    decide_approvals(settings, list_approvals(settings), "allow_once")
    session = run(settings, many_more_lines, again=True)
    (fix,) = [step for step in session.executed if step.outcome == "undone"]
    assert "granted were at most" in fix.reason
    assert [one.kind for one in session.waiting_for_approval] == ["link_fix"]


def test_a_rejected_measured_change_never_runs(settings: Settings) -> None:
    """A person who has seen the measured change and rejects it ends it."""
    run(settings, more_lines)
    decide_approvals(settings, list_approvals(settings), "reject_once")
    session = run(settings, more_lines, again=True)
    assert session.waiting_for_approval == ()
    assert git(settings.workspace, "diff", "--stat", "main", "autopack/r1") == ""


def test_the_event_log_tells_the_whole_story(settings: Settings) -> None:
    """Verdicts, requests, decisions, grants, uses, checks, commits and undoing stand in one chain, in their order."""
    run(settings, more_lines)
    decide_approvals(settings, list_approvals(settings), "allow_once")
    run(settings, more_lines, again=True)
    _, log = audit(settings, "r1")
    assert log.fault == ""
    names = [event.event for event in log.events]
    for name in ("run_begun", "verdict", "approval_requested", "decision", "grant", "approval_used", "check", "commit"):
        assert name in names, name
    assert names.index("grant") < names.index("undo") < names.index("decision") < names.index("commit")


@pytest.mark.parametrize(
    ("what", "named"),
    [
        ("an event edited", "the event log is whole"),
        ("an event dropped", "the event log is whole"),
        ("the log removed", "the event log begins with the plan"),
        ("the last events cut off", "the proof is the one on record"),
        ("a proof edited", "the proof is the one on record"),
    ],
)
def test_verify_names_what_was_changed_on_record(settings: Settings, what: str, named: str) -> None:
    """Changing, dropping or removing what is on record is the first broken link."""
    session = run(settings, None)
    layout = RunFileLayout(settings.runs_root, "sample", "r1")
    lines = layout.event_log.read_bytes().splitlines(keepends=True)
    if what == "an event edited":
        layout.event_log.write_bytes(b"".join(lines).replace(b"auto_approved", b"requires_approval", 1))
    elif what == "an event dropped":
        layout.event_log.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    elif what == "the log removed":
        layout.event_log.unlink()
    elif what == "the last events cut off":
        layout.event_log.write_bytes(b"".join(lines[:4]))
    else:
        path = layout.proof(session.executed[0].phase_id)
        document = json.loads(path.read_bytes())
        document["predicate"]["tests_passed"] = 999
        path.write_text(json.dumps(document))
        assert read_artifact(path, PhaseProofV1).predicate.tests_passed == 999
    _, links = verify(settings, "r1")
    broken = [link.name for link in links if not link.holds]
    assert named in broken[0]


@pytest.mark.parametrize(
    ("what", "named"),
    [
        ("the request edited", "what was approved can be read"),
        ("the request removed", "what was approved can be read"),
        ("another request in its place", "what was approved is the request that was used"),
        ("another request on record", "the request is the one on record"),
        ("another person in the proof and the commit", "it was given by whom the proof names"),
    ],
)
def test_verify_names_what_was_changed_of_an_approval(settings: Settings, what: str, named: str) -> None:
    """The request that was approved belongs to the chain: its bytes, what it binds to, and who answered."""
    run(settings, None)
    (asked,) = list_approvals(settings)
    decide_approvals(settings, [asked], "allow_once")
    run(settings, None, again=True)
    layout = RunFileLayout(settings.runs_root, "sample", "r1")
    path = layout.approval_request(asked.action_id)
    if what == "the request edited":
        path.write_bytes(path.read_bytes().replace(b"Way back", b"Way BACK"))
    elif what == "the request removed":
        path.unlink()
    elif what == "another request in its place":
        other = asked.request.model_copy(update={"nonce": "0" * 32}).sealed()
        path.write_bytes(canonical_bytes(other.document()) + b"\n")
    elif what == "another request on record":
        stored = bytes_digest(canonical_bytes(asked.request.document()))
        _forge(layout.event_log, stored.encode(), b"0" * len(stored))
    else:
        proof = layout.proof(f"phase-{asked.action_id.removeprefix('action-')}")
        renamed = proof.read_bytes().replace(f"{settings.actor} via cli".encode(), b"mallory via cli")
        seen = bytes_digest(proof.read_bytes()).encode()
        proof.write_bytes(renamed)
        _forge(layout.event_log, seen, bytes_digest(renamed).encode())
    _, links = verify(settings, "r1")
    assert any(named in link.name for link in links if not link.holds)


def _forge(log: Path, old: bytes, new: bytes) -> None:
    """Put NEW in the place of OLD and make the chain anew, as somebody would who knows how it is made."""
    previous, lines = START, []
    for line in log.read_bytes().replace(old, new).splitlines():
        document = {**json.loads(line), "previous": previous}
        lines.append(canonical_bytes(document))
        previous = bytes_digest(lines[-1])
    log.write_bytes(b"".join(line + b"\n" for line in lines))


def test_a_commit_leads_to_its_run(settings: Settings) -> None:
    """verify and audit take a commit that a run made, also shortened, and find the run by its trailers."""
    session = run(settings, None)
    commit = session.executed[0].commit
    assert commit is not None
    assert verify(settings, commit)[0] == verify(settings, commit[:10])[0] == audit(settings, commit)[0] == "r1"
    assert read_events(RunFileLayout(settings.runs_root, "sample", "r1").event_log).fault == ""
