"""What every sandbox takes and gives back, whatever its tier."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from autopack.policy.facts import SandboxTier

MAX_OUTPUT_BYTES = 4 * 1024 * 1024
"""Output beyond this is read and thrown away; what is kept says so."""


@dataclass(frozen=True)
class Job:
    """One command to run in a box.

    `folder` is the only place that the command can write; `readable` are further folders that it can see (tool
    chains, the git folder). Limits are in seconds and bytes.
    """

    argv: tuple[str, ...]
    folder: Path
    readable: tuple[Path, ...] = ()
    timeout_seconds: int = 600
    memory_bytes: int = 4 * 1024**3
    processes: int = 512
    file_bytes: int = 1024**3


@dataclass(frozen=True)
class JobResult:
    """How a job ended. `output` is stdout and stderr, interleaved, capped."""

    outcome: Literal["ended", "timed_out", "not_started"]
    exit_code: int | None
    output: bytes
    detail: str = ""


class Sandbox(Protocol):
    """Something that runs a job and can say honestly how much it confines it."""

    @property
    def tier(self) -> SandboxTier:
        """The proven tier."""
        ...

    def run(self, job: Job) -> JobResult:
        """Run JOB to its end or its time-out; never raises for what the command does."""
        ...
