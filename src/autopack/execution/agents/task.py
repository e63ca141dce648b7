"""One task for one agent, from the grant to the tree that the agent left. What becomes of the tree is judged elsewhere.

A task is refused before anything runs where the sandbox is not of the tier `isolated`, where the model's key is not
there, or where no cap of tokens is stated: an unstated budget is not an unlimited one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from autopack.actions.models import Action
from autopack.artifacts.events import append_event
from autopack.artifacts.redaction import redact
from autopack.artifacts.store import write_bytes
from autopack.clock import Clock
from autopack.errors import BudgetExhausted, DeniedByPolicy, EnvironmentFault
from autopack.execution.agents import cli_agent
from autopack.execution.agents.brief import task_text
from autopack.execution.agents.config import Hired, ModelSettings
from autopack.execution.agents.meter import RunMeter
from autopack.execution.agents.workplace import Workplace, workplace
from autopack.execution.caps import day_of
from autopack.execution.egress import Connection
from autopack.execution.keyproxy import PLACEHOLDER, KeyProxy, ModelCall, Upstream
from autopack.execution.sandbox.box import Job, JobResult, Sandbox
from autopack.execution.sandbox.environment import HOME, job_environment
from autopack.file_layout import RunFileLayout
from autopack.git import Git
from autopack.governance.models import Grant
from autopack.policy.decide import Policy
from autopack.store.budgets import Share

MODEL_PORT = 3129
"""Where the model is, on 127.0.0.1 inside the box."""

RULE = "block.agent-not-isolated"
REFUSALS_AT_MOST = 3
"""Calls beyond the budget after which an agent is ended: it did not understand the first."""

Door = tuple[tuple[tuple[int, Path], ...], dict[str, str]]
"""Doors of a job, and the variables that lead to them."""


@dataclass
class _Spent:
    """How often the model was refused because of the budget."""

    refusals: int = 0
    reason: str = ""

    def note(self, call: ModelCall) -> None:
        if call.status == 429 and call.reason:
            self.refusals += 1
            self.reason = call.reason

    def is_over(self) -> bool:
        return self.refusals >= REFUSALS_AT_MOST


@dataclass(frozen=True)
class _Time:
    """How long a task may take, and which cap of the intention says so; empty where it is the agent's own setting."""

    seconds: int
    cap: str


@dataclass(frozen=True)
class Agent:
    """The agent of a run, with everything of the host that a task needs. Made by `operations.agents`."""

    hired: Hired
    sandbox: Sandbox
    policy: Policy
    layout: RunFileLayout
    clock: Clock
    seconds_left: Callable[[], int | None]
    """Of the run's time cap; None where there is none."""
    key: Callable[[str], str | None] = field(default=lambda name: None)
    """Looks the real key of a model up by its variable's name."""
    folders: tuple[Path, ...] = ()
    """Of this machine, readable inside."""
    remember: Callable[[Action], tuple[str, ...]] = field(default=lambda action: ())
    """Asks the ledgers."""

    def perform(self, grant: Grant, git: Git, base: str) -> str:
        """Let the agent work on the task of GRANT, on a copy of the worktree of GIT at BASE; return the tree it left.

        Raises DeniedByPolicy, BudgetExhausted, EnvironmentFault or UnsafeRepository, saying why there is none.
        """
        if self.sandbox.tier != "isolated":
            raise DeniedByPolicy(
                f"an agent works in the tier isolated only; this sandbox is {self.sandbox.tier} ({RULE})"
            )
        action = grant.action
        brief = task_text(action, self.policy.anchor, self.remember(action))
        spent, time = _Spent(), self._time()
        record = self.layout.workplace_record
        with (
            workplace(git, base, self.policy, brief, record) as place,
            self._model_door(action, place, spent) as door,
        ):
            job = self._job(place, door, time)
            result = self._run(action, job, place, brief, spent)
            self._keep(action, result)
            self._require_ended(result, spent, time)
            return place.tree()

    def _job(self, place: Workplace, door: Door, time: _Time) -> Job:
        doors, variables = door
        settings = self.hired.settings
        writes = settings.protocol == "cli" or settings.direct_writes
        folders = tuple(folder.resolve() for folder in self.folders)
        path = [str(folder / "bin") for folder in folders if (folder / "bin").is_dir()]
        inherited = job_environment(HOME, {})["PATH"]
        return Job(
            argv=settings.argv,
            folder=place.folder,
            write=place.roots if writes else (),
            readable=(*place.readable, *folders),
            protected=place.protected,
            network=settings.network,
            doors=doors,
            variables=tuple({"PATH": os.pathsep.join([*path, inherited]), **settings.variables, **variables}.items()),
            timeout_seconds=time.seconds,
            on_connection=self._note_connection,
        )

    def _time(self) -> _Time:
        left, most = self.seconds_left(), self.policy.anchor.budget_cost.time_cap_seconds_per_action
        stated = ((left, "time_cap_seconds"), (most, "time_cap_seconds_per_action"))
        caps = (_Time(seconds, f"budget_cost.{name}") for seconds, name in stated if seconds is not None)
        time = min((_Time(self.hired.settings.timeout_seconds, ""), *caps), key=lambda one: one.seconds)
        if time.seconds <= 0:
            raise BudgetExhausted(f"{time.cap} leaves an agent no time")
        return time

    @contextmanager
    def _model_door(self, action: Action, place: Workplace, spent: _Spent) -> Iterator[Door]:
        """Yield the way to the agent's model, if it has one; the key proxy answers behind it."""
        model = self.hired.settings.model
        if model is None:
            yield (), {}
            return

        def note(call: ModelCall) -> None:
            spent.note(call)
            append_event(self.layout.event_log, "model_call", asdict(call), self.clock)

        proxy = KeyProxy(self._upstream(model), self._meter(action), note)
        socket = place.scratch / "model"
        with proxy.serving(socket):
            address = f"http://127.0.0.1:{MODEL_PORT}{model.base_url_path}"
            yield ((MODEL_PORT, socket),), {model.base_url_env: address, model.key_env: PLACEHOLDER}

    def _upstream(self, model: ModelSettings) -> Upstream:
        key = self.key(model.key_env)
        if key is None:
            raise EnvironmentFault(f"the variable {model.key_env} with the key of the agent's model is not set")
        return Upstream(model.interface, model.url, key)

    def _meter(self, action: Action) -> RunMeter:
        budget, layout = self.policy.anchor.budget_cost, self.layout
        today = partial(day_of, budget, layout.project_id)
        share = Share(action.action_id, budget.token_cap_per_action)
        meter = RunMeter(layout.database, layout.run_id, share, day=lambda: today(self.clock.now()))
        if meter.cap() is None:
            raise BudgetExhausted("budget_cost.token_cap_global is not stated, and an agent's model needs a cap")
        return meter

    def _run(self, action: Action, job: Job, place: Workplace, brief: str, spent: _Spent) -> JobResult:
        if self.hired.settings.protocol == "cli":
            return cli_agent.work(job, self.sandbox, brief, place.brief, stop=spent.is_over)
        try:
            from autopack.execution.agents import acp_agent
        except ImportError as fault:
            raise EnvironmentFault(
                "the Agent Client Protocol needs the package agent-client-protocol", hint="pip install 'autopack[acp]'"
            ) from fault
        desk = acp_agent.Desk(
            folder=place.folder,
            action=action,
            policy=self.policy,
            permit=frozenset(self.hired.settings.permit),
            note=lambda event, details: append_event(self.layout.event_log, event, details, self.clock),
        )
        return acp_agent.work(job, self.sandbox, brief, desk, stop=spent.is_over)

    def _keep(self, action: Action, result: JobResult) -> None:
        """Keep what the agent said, redacted, in the run's logs."""
        output = redact(result.output.decode("utf-8", "replace"))
        write_bytes(self.layout.logs / f"agent-{action.action_id}.log", output.encode("utf-8", "replace"))

    def _require_ended(self, result: JobResult, spent: _Spent, time: _Time) -> None:
        """Raise, saying why, unless the agent came to its end by itself and calls it good."""
        if result.outcome == "not_started":
            raise EnvironmentFault(f"the agent could not be started: {result.detail}")
        over = f"; {spent.reason}" if spent.reason else ""
        if spent.is_over():
            raise BudgetExhausted(f"the agent was ended{over}")
        if result.outcome == "timed_out" and time.cap:
            raise BudgetExhausted(f"the agent {result.detail}, the end of {time.cap}{over}")
        if result.outcome == "timed_out":
            raise EnvironmentFault(f"the agent {result.detail}{over}")
        if result.exit_code != 0:
            why = result.detail or f"ended with exit code {result.exit_code}"
            raise EnvironmentFault(f"the agent {why}{over}")

    def _note_connection(self, made: Connection) -> None:
        append_event(self.layout.event_log, "connection", asdict(made), self.clock)
