"""The caps of the intention that hold beyond one run: for each of its actions, and for all runs of a day."""

from __future__ import annotations

from datetime import datetime

from autopack.clock import timestamp
from autopack.intention_anchor.v2 import BudgetCost
from autopack.store.budgets import Day, Resource


def day_of(budget: BudgetCost, project_id: str, now: datetime) -> Day:
    """Return the day of NOW with what all runs of the project may spend on it."""
    caps: dict[Resource, int | None] = {
        "tokens": budget.token_cap_per_day,
        "seconds": budget.time_cap_seconds_per_day,
        "actions": budget.max_actions_per_day,
        "lines": budget.max_lines_per_day,
    }
    return Day(project_id, timestamp(now)[:10], caps)


def least(*caps: int | None) -> int | None:
    """Return the smallest of the CAPS that are stated, or None."""
    return min((cap for cap in caps if cap is not None), default=None)
