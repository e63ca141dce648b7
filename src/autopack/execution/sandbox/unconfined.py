"""Tier `none`: the command runs as it is, with a clean environment and a time-out, and nothing else between it and
the machine.

The policy knows the tier as a fact: nothing is auto-approved on it, and a person who approves is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from autopack.execution.sandbox.box import Job, JobResult, Launch
from autopack.execution.sandbox.environment import job_environment
from autopack.execution.sandbox.process import run_launch
from autopack.policy.facts import SandboxTier


@dataclass(frozen=True)
class Unconfined:
    """Runs jobs without any confinement. `why` says what stands in the way of a real sandbox."""

    why: str

    @property
    def tier(self) -> SandboxTier:
        return "none"

    def run(self, job: Job) -> JobResult:
        return run_launch(self.ready, job)

    @contextmanager
    def ready(self, job: Job) -> Iterator[Launch]:
        environment = {**job_environment(home=str(job.folder)), **dict(job.variables)}
        yield Launch(job.argv, environment, job.start or job.folder)
