"""The tokens of a run, counted in its budget by whoever asks a model on its behalf."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from autopack.errors import BudgetExhausted
from autopack.store.budgets import Day, Share, budgets_of, give_back, spend
from autopack.store.database import Database, open_database


def _no_day() -> Day | None:
    return None


@dataclass(frozen=True)
class RunMeter:
    """Counts in the database at PATH; usable from several threads and beside other processes. An action that is
    repeated after a kill goes on with what it had spent."""

    path: Path
    run_id: str
    share: Share
    """The action, and what the intention lets one action spend."""
    day: Callable[[], Day | None] = _no_day
    """Of today, with what all runs of the project may spend together."""
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def cap(self) -> int | None:
        """Return the run's cap, None where the intention states none."""
        with open_database(self.path) as database:
            return next((each.cap for each in budgets_of(database, self.run_id) if each.resource == "tokens"), None)

    def reserve(self, amount: int) -> bool:
        with self._lock, open_database(self.path) as database:
            try:
                spend(database, self.run_id, "tokens", amount, day=self.day(), share=self.share)
            except BudgetExhausted:
                return False
            return True

    def settle(self, reserved: int, used: int) -> None:
        with self._lock, open_database(self.path) as database:
            if used <= reserved:
                give_back(database, self.run_id, "tokens", reserved - used, share=self.share)
            else:
                self._add(database, used - reserved)

    def _add(self, database: Database, amount: int) -> None:
        """Count what was spent beyond a reservation; what does not fit uses the run's cap up."""
        share = Share(self.share.action_id)
        try:
            spend(database, self.run_id, "tokens", amount, share=share)
        except BudgetExhausted:
            left = next(each for each in budgets_of(database, self.run_id) if each.resource == "tokens").remaining
            spend(database, self.run_id, "tokens", left or 0, share=share)
