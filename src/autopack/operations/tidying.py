"""The use-cases of tidy: what the runs have to tell, what would be written, and writing it on explicit command."""

from __future__ import annotations

from pathlib import Path

from autopack.artifacts.store import ensure_runs_root, read_artifact
from autopack.clock import Clock, SystemClock
from autopack.config import Settings
from autopack.errors import UsageError
from autopack.gaps.detectors import memory_budget_cap_issue
from autopack.gaps.snapshot import take_snapshot
from autopack.git import Git
from autopack.intention_anchor.v2 import BudgetCost
from autopack.operations.intention import load_committed_intention
from autopack.tidy.consolidate import apply, make_plan, require_same, tidy_lock
from autopack.tidy.models import RotationPlanV1, TidyPlanV1
from autopack.tidy.results import gather
from autopack.tidy.rotate import Rotation, apply_rotation, plan_rotation, require_same_rotation


def plan_tidy(settings: Settings) -> TidyPlanV1:
    """Return what tidy would add to the ledgers that the intention lets it write. Writes nothing."""
    return make_plan(settings.workspace, _persisting(settings), gather(settings.runs_root))


def _persisting(settings: Settings) -> dict[str, str]:
    """Return the ledgers (name -> path) that `memory_continuity.persist_to_sot` of the committed intention names, by
    name or by path.

    Where that pivot is not stated, nobody has narrowed them down: all that are configured.
    """
    anchor = load_committed_intention(settings)
    memory = None if anchor is None else anchor.pivot_intentions.memory_continuity
    if memory is None:
        return dict(settings.ledgers)
    named = {entry.removeprefix("/") for entry in memory.persist_to_sot}
    return {name: path for name, path in settings.ledgers.items() if named.intersection((name, path))}


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
            apply(plan, settings.workspace, _persisting(settings), settings.runs_root, lock, execute=execute)
    return plan


def plan_tidy_rotation(settings: Settings) -> RotationPlanV1:
    """Return which entries have to leave the ledgers so that they fit the caps of the committed intention. Writes
    nothing."""
    return _rotation(settings).plan


def rotate_ledgers(
    settings: Settings, *, execute: bool, planned: Path | None = None, clock: Clock | None = None
) -> RotationPlanV1:
    """Move old entries out of the ledgers that are above a cap, and return what was moved.

    PLANNED is a plan kept before: then only exactly that is done. Raises UsageError without EXECUTE, StaleError where
    something moved since the plan, LockHeld where another tidy works for longer than 30 seconds.
    """
    if not execute:
        raise UsageError("tidy rotate writes the ledgers.", hint="autopack tidy rotate --execute")
    expected = None if planned is None else read_artifact(planned, RotationPlanV1)
    common_dir = Git(settings.workspace).common_dir()
    with tidy_lock(common_dir, (clock or SystemClock()).now()) as lock:
        rotation = _rotation(settings)
        if expected is not None:
            require_same_rotation(expected, rotation.plan)
        if rotation.plan.total:
            ensure_runs_root(settings.runs_root)
            apply_rotation(
                rotation, settings.workspace, _persisting(settings), settings.runs_root, lock, execute=execute
            )
    return rotation.plan


def _rotation(settings: Settings) -> Rotation:
    anchor = load_committed_intention(settings)
    budget = None if anchor is None else anchor.pivot_intentions.budget_cost
    snapshot = take_snapshot(settings.workspace, [memory_budget_cap_issue.DETECTOR], jobs=1)
    return plan_rotation(settings.workspace, _persisting(settings), snapshot, budget or BudgetCost())
