"""Which agent works is read from the base commit, strictly; who may approve sees on which terms."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autopack.config import load_settings
from autopack.errors import UsageError
from autopack.execution.agents.config import hired_agent
from autopack.execution.agents.workplace import write_roots
from autopack.execution.sandbox.unconfined import Unconfined
from autopack.operations import planning, runs
from autopack.operations.planning import propose_plan
from errands import Errand, cli
from repositories import write_files

TOKEN = "ghp_" + "".join(chr(ord("A") + (n * 7) % 26) for n in range(36))
MODEL = """
[agents.one]
argv = ["one"]
[agents.one.model]
interface = "anthropic"
url = "https://api.example.com"
key_env = "ONE_API_KEY"
base_url_env = "ONE_BASE_URL"
"""


@pytest.fixture
def errand(tmp_path: Path) -> Errand:
    return Errand(tmp_path)


def test_one_agent_is_taken_and_several_need_a_choice() -> None:
    """A single agent needs no name at the top; of several one is named, and one that exists."""
    both = b'[agents.a]\nargv = ["a"]\n[agents.b]\nargv = ["b"]\n'
    assert hired_agent(b"") is None
    assert (one := hired_agent(cli("solo").encode())) is not None and one.name == "solo"
    assert (chosen := hired_agent(b'agent = "b"\n' + both)) is not None and chosen.settings.argv == ("b",)
    for data in (both, b'agent = "c"\n' + both):
        with pytest.raises(UsageError):
            hired_agent(data)


@pytest.mark.parametrize(
    "change",
    [
        ("https://api.example.com", "http://api.example.com"),
        ("https://api.example.com", "https://user:pass@api.example.com"),
        ("https://api.example.com", "https://10.0.0.1"),
        ("https://api.example.com", "https://api.example.com/?x=1"),
        ("https://api.example.com", "file:///etc/passwd"),
        ('"ONE_API_KEY"', '"PATH"'),
        ('"ONE_API_KEY"', '"one_api_key"'),
        ('"ONE_BASE_URL"', '"LD_PRELOAD"'),
        ('argv = ["one"]', "argv = []"),
        ('argv = ["one"]', 'argv = "one"'),
        ('argv = ["one"]', 'argv = ["one"]\nreadable = ["/"]'),
        ('argv = ["one"]', 'argv = ["one"]\ntimeout_seconds = 0'),
        ('argv = ["one"]', f'argv = ["one", "--key", "{TOKEN}"]'),
        ('"anthropic"', '"another"'),
        ("[agents.one", "[agents.One"),
    ],
)
def test_settings_that_reach_too_far_are_refused(change: tuple[str, str]) -> None:
    """Plain http, credentials, addresses, odd variables, folders of the machine, secrets and unknown keys: named and
    refused."""
    assert hired_agent(MODEL.encode()) is not None
    with pytest.raises(UsageError, match="agent"):
        hired_agent(MODEL.replace(*change).encode())


def test_the_terms_are_in_the_brief_and_bind_the_approval(errand: Errand) -> None:
    """Agent, command, roots and bounds stand in the brief; another command makes another action."""
    errand.commit(cli("solo", "--fast"))
    settings = load_settings(errand.repo, {**os.environ})
    (first,) = propose_plan(settings).plan.actions
    assert first.brief is not None
    for said in ("agent solo (cli: solo --fast;", "/docs/**, /notes/**, /Makefile", "at most 5 files and 40 lines"):
        assert said in first.brief
    write_files(errand.repo, {".autopack/config.toml": cli("solo", "--other")})
    assert propose_plan(settings).plan.actions[0].action_id == first.action_id, "the working copy has no say"


def test_a_model_at_a_host_that_the_intention_does_not_name_is_blocked(errand: Errand) -> None:
    """The key is sent only where the written intention lets a connection go, under a named rule."""
    errand.commit(MODEL)
    (action,) = propose_plan(load_settings(errand.repo, {**os.environ})).plan.actions
    assert (action.approval_status, action.decided_by) == ("blocked", ("block.network",))


def test_without_an_isolated_sandbox_agents_are_refused_by_name(
    errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine whose sandbox is weaker the plan blocks the task, and the run does not execute it."""
    weak = Unconfined("a test")
    monkeypatch.setattr(runs, "find_sandbox", lambda: weak)
    monkeypatch.setattr(planning, "sandbox_tier", lambda: weak.tier)
    errand.commit(cli("solo"))
    (action,) = propose_plan(load_settings(errand.repo, {**os.environ})).plan.actions
    assert (action.approval_status, action.decided_by) == ("blocked", ("block.agent-not-isolated",))
    session = errand.asks()
    assert [step.decided_by for step in session.blocked] == [("block.agent-not-isolated",)]
    assert session.executed == ()


@pytest.mark.parametrize(
    ("cap", "key", "reason"),
    [
        (None, "x", "budget_cost.token_cap_global is not stated, and an agent's model needs a cap"),
        (1_000, "", "the variable ONE_API_KEY with the key of the agent's model is not set"),
    ],
)
def test_a_model_needs_a_key_and_a_cap(
    errand: Errand, monkeypatch: pytest.MonkeyPatch, cap: int | None, key: str, reason: str
) -> None:
    """Without the key, and without a stated cap of tokens, the agent does not even start."""
    monkeypatch.setenv("ONE_API_KEY", key)
    errand.token_cap, errand.hosts = cap, '"api.example.com"'
    errand.commit(MODEL)
    said = errand.done()
    assert (said.outcome, said.reason) == ("undone", reason)


def test_write_roots_are_where_the_granting_patterns_begin(tmp_path: Path) -> None:
    """Folders are made, files have to be there, links are never granted, and inner roots vanish in outer ones."""
    write_files(tmp_path, {"src/a.py": "", "one.md": ""})
    (tmp_path / "link").symlink_to("/etc")
    patterns = ("/docs/**", "/src/*/x.py", "/src/deep/**", "/one.md", "/absent.md", "/link/**", "/made/")
    granted = [path.relative_to(tmp_path).as_posix() for path in write_roots(tmp_path, patterns)]
    assert granted == ["docs", "made", "one.md", "src"]
    assert write_roots(tmp_path, ("/**", "/docs/**")) == (tmp_path,)


def test_folders_of_the_machine_come_from_the_person_alone(tmp_path: Path) -> None:
    """The variable names absolute folders; a relative one is refused."""
    (tmp_path / ".git").mkdir()
    assert load_settings(tmp_path, {"AUTOPACK_AGENT_FOLDERS": "/a:/b"}).agent_folders == (Path("/a"), Path("/b"))
    with pytest.raises(UsageError, match="not absolute"):
        load_settings(tmp_path, {"AUTOPACK_AGENT_FOLDERS": "a"})
