"""An agent that speaks the Agent Client Protocol asks, and the policy answers."""

from __future__ import annotations

import importlib.util
import json
import os
import site
import sys
from pathlib import Path

import pytest

from autopack.execution.sandbox.detect import sandbox_tier
from errands import MENDED, RUN, Errand
from repositories import commit_all, git

pytestmark = [
    pytest.mark.skipif(sandbox_tier() != "isolated", reason="agents work in the tier isolated only"),
    pytest.mark.skipif(
        importlib.util.find_spec("acp") is None, reason="the SDK is not installed: pip install 'autopack[acp]'"
    ),
]
PROGRAM = Path(__file__).with_name("acp_program.py")
LIBRARIES = tuple(path for path in (*site.getsitepackages(), *sys.path) if Path(path, "acp").is_dir())[:1]


@pytest.fixture
def errand(tmp_path: Path) -> Errand:
    errand = Errand(tmp_path, files={".env": "TOKEN=1\n"})
    errand.environment = {"AUTOPACK_AGENT_FOLDERS": os.pathsep.join([str(errand.tools), *LIBRARIES])}
    return errand


def hire(errand: Errand, part: str, **more: object) -> str:
    """Install the test's agent to play PART and commit the settings that name it; return the commit."""
    (errand.tools / "program.py").write_bytes(PROGRAM.read_bytes())
    keys = {"protocol": "acp", "argv": ["python3", str(errand.tools / "program.py"), part], **more}
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    variables = f'\n[agents.player.variables]\nPYTHONPATH = "{LIBRARIES[0]}"\n'
    return errand.commit("[agents.player]\n" + "\n".join(lines) + variables)


def test_an_agent_mends_a_file_through_its_client(errand: Errand) -> None:
    """The whole way: the agent reads and writes by the protocol alone, and the chain up to the commit holds."""
    hire(errand, "mend")
    said = errand.done()
    assert (said.outcome, said.reason) == ("committed", "")
    assert git(errand.repo, "show", f"autopack/{RUN}:docs/guide.md") == MENDED
    assert all(link.holds for link in errand.links())
    assert [event["path"] for event in errand.events("agent_write")] == ["docs/guide.md"]


def test_what_the_policy_does_not_grant_is_refused_by_name(errand: Errand) -> None:
    """Reads outside or of hidden files, writes outside, of git's files, of protected, forbidden and asking ones: each
    is refused and recorded; the task itself goes through."""
    hire(errand, "roam")
    (errand.repo / "docs/out").symlink_to("guide.md")
    commit_all(errand.repo, "A link")
    said = errand.done()
    assert (said.outcome, said.reason) == ("committed", "")
    assert [change.path for change in said.files_changed] == ["docs/guide.md"]
    refused = [event for event in errand.events("agent_write") if not event["allowed"]]
    assert len(refused) == 10
    reasons = " ".join(str(event["reason"]) for event in refused)
    for rule in ("block.outside-write-roots", "block.protected-path", "block.never-allow", "asks a person by its name"):
        assert rule in reasons
    assert len([event for event in errand.events("agent_read") if not event["allowed"]]) == 5
    assert "owned" not in git(errand.repo, "diff", "main", f"autopack/{RUN}")


def test_permissions_are_given_once_and_only_for_what_is_judged(errand: Errand) -> None:
    """An edit of the task's file, thinking and reading inside are allowed once; all else is refused, and without an
    option for that, cancelled. `allow_always` is never chosen."""
    hire(errand, "permissions")
    assert errand.done().outcome == "committed"
    given = [(event["kind"], event["allowed"]) for event in errand.events("agent_permission")]
    assert given == [
        ("edit", True),
        ("edit", False),
        ("edit", False),
        ("delete", False),
        ("execute", False),
        ("other", False),
        ("unknown", False),
        ("think", True),
        ("read", True),
        ("read", False),
        ("edit", True),
        ("execute", False),
        ("edit", True),
    ]
    words = errand.log()
    assert "option_id='allow_always'" not in words
    assert words.count("option_id='allow_once'") == 4
    assert words.count("outcome='cancelled'") == 2


@pytest.mark.parametrize(("allowed", "outcome"), [(False, "undone"), (True, "committed")])
def test_writing_past_the_client_needs_the_word_of_the_settings(errand: Errand, outcome: str, *, allowed: bool) -> None:
    """The copy is read-only for an agent of this protocol unless `direct_writes` says otherwise."""
    hire(errand, "direct", direct_writes=allowed)
    assert errand.done().outcome == outcome


BAD = {
    "refuse": "the agent ended its turn with 'refusal'",
    "other_version": "the agent ended its turn with 'protocol version 99'",
    "crash": "the agent ended in the middle of its turn",
    "garbage": "the agent sent what is no message of the protocol",
    "half": "the agent asked for a permission that cannot be read as a whole",
    "flood": "the agent sent a message of more than 16777216 bytes",
    "forever": "the agent did not end within 4 seconds",
}


def test_the_time_of_one_action_ends_the_agent_and_all_that_it_started(errand: Errand) -> None:
    """The intention's cap is shorter than the agent's own time: with the agent goes the process that it started in a
    session of its own, and what it had mended is not kept."""
    errand.caps = {"time_cap_seconds_per_action": 4}
    base = hire(errand, "brood", timeout_seconds=60)
    said = errand.done()
    reason = "the agent did not end within 4 seconds, the end of budget_cost.time_cap_seconds_per_action"
    assert (said.outcome, said.reason) == ("undone", reason)
    assert "still here" in errand.log()
    assert errand.processes() == []
    assert git(errand.repo, "rev-parse", f"autopack/{RUN}").strip() == base


@pytest.mark.parametrize(("most", "outcome"), [(9, "undone"), (10, "committed")])
def test_an_agent_that_writes_more_lines_than_one_action_may_is_undone(errand: Errand, most: int, outcome: str) -> None:
    """Every single write was allowed; the tree in all has ten lines, and the cap of the action is what counts."""
    errand.caps = {"max_lines_per_action": most}
    base = hire(errand, "long")
    said = errand.done()
    reason = "" if outcome == "committed" else f"the change has 10 lines, approved were at most {most}"
    assert (said.outcome, said.reason) == (outcome, reason)
    assert (git(errand.repo, "rev-parse", f"autopack/{RUN}").strip() == base) is (outcome == "undone")


@pytest.mark.parametrize("part", BAD)
def test_an_agent_that_does_not_keep_to_the_protocol_is_undone(errand: Errand, part: str) -> None:
    """It did its task and then misbehaves: nothing is kept, the reason is clear, and nothing hangs."""
    base = hire(errand, part, timeout_seconds=4 if part == "forever" else 60)
    said = errand.done()
    assert (said.outcome, said.reason) == ("undone", BAD[part])
    assert git(errand.repo, "rev-parse", f"autopack/{RUN}").strip() == base
