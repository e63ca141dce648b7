"""Required checks run on a copy without secrets, reach the hosts of the anchor, and leave their redacted output."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autopack.artifacts.events import append_event, read_events
from autopack.clock import FixedClock
from autopack.execution.checks import CheckPlace, CheckRun, run_checks
from autopack.execution.sandbox.box import Job, JobResult, Sandbox
from autopack.execution.sandbox.detect import find_sandbox
from autopack.execution.sandbox.unconfined import Unconfined
from autopack.file_layout import RunFileLayout
from autopack.intention_anchor.v2 import RequiredCheck

CLOCK = FixedClock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("tree/a.txt", "tree/.env", "tree/deep/.ssh/id_rsa", "tree/.env.example"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("content\n")
    return tmp_path.resolve() / "tree"


def checked(tree: Path, script: str, sandbox: Sandbox, **wishes: object) -> tuple[CheckRun, str]:
    """Run one check and return how it ended and its stored output."""
    layout = RunFileLayout(tree.parent / "runs", "project", "run")
    check = RequiredCheck(name="the-check", argv=("sh", "-c", script))
    place = CheckPlace(
        worktree=tree, tree="0" * 40, readable=(), sandbox=sandbox, layout=layout, phase_id="phase-1", **wishes
    )  # type: ignore[arg-type]
    (run,) = run_checks((check,), place)
    return run, layout.check_output("phase-1", "the-check").read_text()


@pytest.mark.parametrize("sandbox", [find_sandbox(), Unconfined("a test")], ids=lambda box: box.tier)
def test_a_check_sees_the_tree_without_its_secrets_and_changes_only_its_copy(tree: Path, sandbox: Sandbox) -> None:
    """Secrets are not even copied, whatever the tier, and what the check writes is gone with the copy."""
    run, output = checked(tree, "find . -type f | sort; rm -rf *; echo x > planted", sandbox)
    assert (run.outcome, run.sandbox) == ("passed", sandbox.tier)
    assert output == "./.env.example\n./a.txt\n"
    assert (tree / "a.txt").exists()
    assert not (tree / "planted").exists()


def test_a_check_reaches_only_the_hosts_of_the_anchor_and_each_decision_is_an_event(tree: Path) -> None:
    """The allow-list opens the proxy; what is not on it is refused and written down."""
    if find_sandbox().tier != "isolated":
        pytest.skip("needs the tier isolated; at the lower ones test_sandbox.py shows that there is no network")
    log = tree.parent / "runs/events.ndjson"
    run, output = checked(
        tree,
        'python3 -c \'import socket as s; c = s.create_connection(("127.0.0.1", 3128));'
        ' c.sendall(b"CONNECT evil.example:443 HTTP/1.1\\r\\n\\r\\n"); print(c.recv(99).decode())\'',
        find_sandbox(),
        network=("docs.example:443",),
        on_connection=lambda made: append_event(log, "connection", asdict(made), CLOCK),
    )
    assert run.outcome == "passed"
    assert output.startswith("HTTP/1.1 403 Forbidden")
    (event,) = read_events(log).events
    assert (event.event, event.details) == (
        "connection",
        {"target": "evil.example:443", "allowed": False, "reason": "not on the allow-list"},
    )


def test_a_check_whose_box_cannot_be_made_has_not_run(tree: Path) -> None:
    """A box that refuses is not a check that passed, nor one that failed."""
    run, _ = checked(tree, "true", Refusing())
    assert (run.outcome, run.detail) == ("not_run", "refused")


class Refusing(Unconfined):
    """A box that starts nothing."""

    def __init__(self) -> None:
        super().__init__("a test")

    def run(self, job: Job) -> JobResult:
        return JobResult("not_started", None, b"", "refused")
