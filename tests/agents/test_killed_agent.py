"""What an agent's task had spent when its run was killed is spent when the task is repeated; its copy is gone then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from autopack.execution.sandbox.detect import sandbox_tier
from autopack.execution.scratch import recorded_scratch
from errands import RUN, Errand
from repositories import git
from stub_model import KEY, StubModel, Turn

pytestmark = pytest.mark.skipif(sandbox_tier() != "isolated", reason="agents work in the tier isolated only")
ASKER = """\
import json, os, urllib.error, urllib.request
body = json.dumps({"model": "stub", "max_tokens": 1000, "messages": [{"role": "user", "content": "More."}]}).encode()
while True:
    request = urllib.request.Request(os.environ["ONE_BASE_URL"] + "/v1/messages", body)
    try:
        urllib.request.urlopen(request, timeout=20).read()
    except urllib.error.HTTPError as refusal:
        print(refusal.code, flush=True)
"""
SETTINGS = """\
[agents.asker]
argv = ["asker"]
timeout_seconds = 60
[agents.asker.model]
interface = "anthropic"
url = "ADDRESS"
key_env = "ONE_API_KEY"
base_url_env = "ONE_BASE_URL"
"""


def test_the_tokens_of_one_action_survive_the_kill_of_its_run(tmp_path: Path) -> None:
    """An action may spend 10,000 tokens, a call comes to 3,000. The run is killed while its second call is answered,
    which then counts as the most that it could cost; the repeated task gets one call more, and no fourth."""
    errand = Errand(tmp_path, caps={"token_cap_per_action": 10_000})
    model = StubModel()

    def answer(document: Mapping[str, Any]) -> Turn:
        if len(model.seen) == 2:
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
        return Turn("Again.", 2_900, 100)

    model.answer = answer
    with model.serving():
        errand.hosts = f'"{model.host}"'
        errand.environment = {"ONE_API_KEY": KEY}
        errand.install("asker", ASKER)
        base = errand.commit(SETTINGS.replace("ADDRESS", model.url))
        errand.asks()
        errand.approves()
        worker = resuming(errand)
        worker.wait(timeout=60)
        assert (worker.returncode, len(model.seen)) == (-signal.SIGKILL, 2)
        assert 6_000 < errand.tokens_spent() < 6_500
        left = recorded_scratch(errand.layout.workplace_record)
        assert left is not None
        assert (left / "tree/docs/guide.md").is_file()
        again = resuming(errand)
        again.wait(timeout=60)
    assert (left.exists(), errand.layout.workplace_record.exists()) == (False, False)
    assert len(model.seen) == 3
    assert 9_000 < errand.tokens_spent() <= 10_000
    assert set(errand.log().split()) == {"429"}
    assert git(errand.repo, "rev-parse", f"autopack/{RUN}").strip() == base


def resuming(errand: Errand) -> subprocess.Popen[bytes]:
    """Go on with the run in a process of its own."""
    command = [sys.executable, "-m", "autopack", "-C", str(errand.repo), "autopilot", "resume", RUN]
    return subprocess.Popen(command, env={**os.environ, **errand.variables()}, stdout=subprocess.DEVNULL)
