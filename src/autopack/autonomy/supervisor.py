"""Several runs at once, each a process of its own; refused unless the intention allows exactly that.

The four layers: a worktree for each run, a lease on its physical folder, a lock on its run id, and artifacts that
belong to one run. This module adds only the processes; a run that fails, hangs or is killed takes nothing of another
with it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autopack.execution.sandbox.process import run_to_end
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.policy.parallelism import check_parallelism

_DEFAULT_SECONDS = 3_600
_GRACE_SECONDS = 60
"""Beyond the anchor's time cap, which the run itself keeps; only a run that hangs meets this."""


_FAULT = "autopack: "
"""How the line of an error begins, see `cli.main.report_failure`."""


@dataclass(frozen=True)
class RunResult:
    """How one supervised run ended. `exit_code` is None where it was stopped or never started."""

    run_id: str
    outcome: Literal["ended", "timed_out", "not_started"]
    exit_code: int | None
    reason: str
    """Why it came to nothing: the error that it ended with, or that it was stopped; empty where it has a session."""


def supervise(
    anchor: IntentionAnchorV2,
    run_ids: Sequence[str],
    *,
    workers: int,
    workspace: Path,
    environment: Mapping[str, str],
    seconds: float | None = None,
) -> tuple[RunResult, ...]:
    """Run the autopilot once for each of RUN_IDS, at most WORKERS at a time, and return how each ended, in the order
    asked. A run that hangs is killed after SECONDS (default: the anchor's time cap and a minute); it can be resumed.

    Raises DeniedByPolicy, naming the field, where the anchor does not allow it.
    """
    check_parallelism(anchor, len(run_ids), workers)
    most = seconds or (anchor.budget_cost.time_cap_seconds or _DEFAULT_SECONDS) + _GRACE_SECONDS
    stop = threading.Event()

    def one(run_id: str) -> RunResult:
        if stop.is_set():
            return RunResult(run_id, "not_started", None, "the supervisor was stopped")
        # -P: no module of the repository stands in for one of Autopack's, whatever the current folder is.
        command = [sys.executable, "-P", "-m", "autopack", "autopilot", "--enable", "--no-input", "--format", "json"]
        result = run_to_end(
            [*command, "--run-id", run_id, "--workspace", str(workspace)],
            environment=environment,
            folder=workspace,
            timeout_seconds=most,
            stop=stop.is_set,
        )
        words = result.output.decode("utf-8", "replace").strip().splitlines()
        faults = [line.removeprefix(_FAULT) for line in words if line.startswith(_FAULT)]
        reason = (faults if result.exit_code and faults else [result.detail])[-1]
        return RunResult(run_id, result.outcome, result.exit_code, reason)

    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="autopack-run") as pool:
        try:
            return tuple(pool.map(one, run_ids))
        except BaseException:
            stop.set()
            raise
