"""One task for one agent, from the grant to the tree that the agent left. What becomes of the tree is judged elsewhere.

A task is refused before anything runs where the sandbox is not of the tier `isolated`, where the model's key is not
there, or where no cap of tokens is stated: an unstated budget is not an unlimited one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from autopack.actions.models import Action
from autopack.artifacts.redaction import redact
from autopack.artifacts.store import write_bytes
from autopack.clock import Clock
from autopack.errors import AutopackError, BudgetExhausted, DeniedByPolicy, EnvironmentFault, UsageError
from autopack.execution.agents import cli_agent
from autopack.execution.agents.brief import task_text
from autopack.execution.agents.config import Hired, ModelSettings
from autopack.execution.agents.meter import RunMeter
from autopack.execution.agents.workplace import Workplace, workplace
from autopack.execution.egress import Connection
from autopack.execution.events import append_event
from autopack.execution.keyproxy import PLACEHOLDER, KeyProxy, ModelCall, Upstream
from autopack.execution.sandbox.box import Job, JobResult, Sandbox
from autopack.file_layout import RunFileLayout
from autopack.git import Git
from autopack.governance.models import Grant
from autopack.policy.decide import Policy

MODEL_PORT = 3129
"""Where the model is, on 127.0.0.1 inside the box."""

RULE = "block.agent-not-isolated"
_LAST_WORDS = 300


@dataclass(frozen=True)
class Agent:
    """The agent of a run, with everything of the host that a task needs. Made by `operations.agents`."""

    hired: Hired
    sandbox: Sandbox
    policy: Policy
    layout: RunFileLayout
    clock: Clock
    folders: tuple[Path, ...]
    """Of this machine, readable inside."""
    key: Callable[[str], str | None]
    remember: Callable[[Action], tuple[str, ...]]
    """Asks the ledgers."""
    seconds_left: Callable[[], int | None]
    """Of the run's time cap; None where there is none."""

    def perform(self, grant: Grant, git: Git, base: str) -> str:
        """Let the agent work on the task of GRANT, on a copy of the worktree of GIT at BASE; return the tree it left.

        Raises DeniedByPolicy, BudgetExhausted, EnvironmentFault or UnsafeRepository, saying why there is none.
        """
        self._require_isolated()
        meter = self._meter()
        brief = task_text(grant.action, self.policy.anchor, self.remember(grant.action))
        with workplace(git, base, self.policy, brief) as place, ExitStack() as stack:
            doors = stack.enter_context(self._model_door(place, meter))
            calls_refused: list[str] = []
            result = self._run(self._job(place, doors), place, brief)
            self._keep(grant.action, result)
            _require_ended(result, calls_refused)
            return place.tree()
