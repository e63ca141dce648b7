"""The use-cases of tidy: what the runs have to tell, what would be written, and writing it on explicit command."""

from __future__ import annotations

from pathlib import Path

from autopack.artifacts.store import ensure_runs_root, read_artifact
from autopack.clock import Clock, SystemClock
from autopack.config import Settings
from autopack.errors import UsageError
from autopack.git import Git
from autopack.tidy.consolidate import apply, make_plan, require_same, tidy_lock
from autopack.tidy.models import TidyPlanV1
from autopack.tidy.results import gather


def plan_tidy(settings: Settings) -> TidyPlanV1:
    """Return what tidy would add to the ledgers. Writes nothing."""
    return make_plan(settings.workspace, settings.ledgers, gather(settings.runs_root))


def apply_tidy(
    settings: Settings, *, execute: bool, planned: Path | None = None, clock: Clock | None = None
) -> TidyPlanV1:
    """Add to the ledgers what the runs have to tell, and return what was added.

    PLANNED is a plan kept before: then only exactly that is done. Raises UsageError without EXECUTE, StaleError naming
    the ledger where something moved since the plan, LockHeld where another tidy works for longer than 30 seconds.
    """
    if not execute:
        raise UsageError("tidy apply writes the ledgers.", hint="autopack tidy apply --execute")
    expected = None if planned is None else read_artifact(planned, TidyPlanV1)
    common_dir = Git(settings.workspace).common_dir()
    with tidy_lock(common_dir, (clock or SystemClock()).now()) as lock:
        plan = plan_tidy(settings)
        if expected is not None:
            require_same(expected, plan)
        if plan.total:
            ensure_runs_root(settings.runs_root)
            apply(plan, settings.workspace, settings.ledgers, settings.runs_root, lock, execute=execute)
    return plan
