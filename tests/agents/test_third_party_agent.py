"""A coding agent that others made works for a run as it comes, with a model behind the key proxy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from autopack.execution.sandbox.detect import sandbox_tier
from errands import MENDED, RUN, Errand
from people import ROOT
from repositories import git
from stub_model import KEY, StubModel, Turn

MINI = ROOT / ".agents/mini-swe-agent"
pytestmark = [
    pytest.mark.skipif(sandbox_tier() != "isolated", reason="agents work in the tier isolated only"),
    pytest.mark.skipif(
        not (MINI / "bin/mini").exists(), reason="mini-swe-agent is not installed here: `make agents` does that"
    ),
]
SETTINGS = """\
[agents.mini]
argv = ["mini", "-m", "openai/stub", "-t", "{brief}", "-y", "--exit-immediately", "-l", "0",
        "-c", "mini_textbased.yaml", "--model-class", "litellm_textbased"]
timeout_seconds = 300

[agents.mini.variables]
LITELLM_LOCAL_MODEL_COST_MAP = "True"
MSWEA_CONFIGURED = "true"
MSWEA_COST_TRACKING = "ignore_errors"
MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT = "2"

[agents.mini.model]
interface = "openai"
url = "ADDRESS"
key_env = "OPENAI_API_KEY"
base_url_env = "OPENAI_BASE_URL"
base_url_path = "/v1"
"""
FENCE = "`" * 3
MEND = "sed -i 's/\\[the manual\\](manual.md)/the manual/' docs/guide.md"
FINISH = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"


def steps(*commands: str) -> Iterator[Turn]:
    """Yield the answers of a model that wants COMMANDS run, the last one for ever."""
    for command in commands:
        yield Turn(f"THOUGHT: next.\n\n{FENCE}mswea_bash_command\n{command}\n{FENCE}", 900, 40)
    while True:
        yield Turn(f"THOUGHT: again.\n\n{FENCE}mswea_bash_command\n{commands[-1]}\n{FENCE}", 900, 40)


def errand_with(tmp_path: Path, model: StubModel, monkeypatch: pytest.MonkeyPatch, cap: int) -> Errand:
    """Return an errand for mini-swe-agent whose run may spend CAP tokens."""
    url = f"http://localhost:{model.port}"
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    errand = Errand(tmp_path, hosts=f'"localhost:{model.port}"', token_cap=cap)
    errand.environment = {"AUTOPACK_AGENT_FOLDERS": str(MINI)}
    errand.commit(SETTINGS.replace("ADDRESS", url))
    return errand


def test_mini_swe_agent_mends_a_file_with_a_model_it_has_no_key_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent asks the model through the proxy, edits its copy, and its tree is judged, checked and committed; the
    tokens that the model states are counted, and the key is nowhere but in the model's requests."""
    answers = steps(f"{MEND}; env; cat /proc/*/environ | tr '\\0' '\\n'", FINISH)
    with StubModel(lambda document: next(answers)).serving() as model:
        errand = errand_with(tmp_path, model, monkeypatch, 100_000)
        said = errand.done()
    assert (said.outcome, said.reason) == ("committed", "")
    assert git(errand.repo, "show", f"autopack/{RUN}:docs/guide.md") == MENDED
    assert all(link.holds for link in errand.links())
    assert errand.tokens_spent() == 2 * 940
    assert [(event["path"], event["tokens"]) for event in errand.events("model_call")] == [
        ("/v1/chat/completions", 940),
        ("/v1/chat/completions", 940),
    ]
    assert all(KEY in authorization(headers) for _, headers, _ in model.seen)
    assert "held-by-autopack" in errand.log()
    everything = b"".join(path.read_bytes() for path in errand.repo.rglob("*") if path.is_file())
    assert KEY.encode() not in everything


def test_mini_swe_agent_that_spends_without_end_is_ended_at_the_cap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It did its task and goes on asking: at the cap the proxy answers 429, the agent is ended, nothing is kept, and
    no more than the cap is spent."""
    answers = steps(MEND, "true")
    with StubModel(lambda document: next(answers)).serving() as model:
        errand = errand_with(tmp_path, model, monkeypatch, 30_000)
        said = errand.done()
    assert said.outcome == "undone"
    assert "the token budget of this run is spent" in said.reason
    assert errand.tokens_spent() <= 30_000
    assert errand.events("model_call")[-1]["status"] == 429


def authorization(headers: Mapping[str, Any]) -> str:
    """Return what a request presents as its key."""
    return str({name.lower(): value for name, value in headers.items()}.get("authorization", ""))
