"""The tokens of a run, counted in its budget by whoever asks a model on its behalf."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from autopack.errors import BudgetExhausted
from autopack.store.budgets import budgets_of, give_back, spend
from autopack.store.database import Database, open_database


@dataclass(frozen=True)
class RunMeter:
    """Counts in the database at PATH; usable from several threads and beside other processes."""

    path: Path
    run_id: str
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def cap(self) -> int | None:
        """Return the run's cap, None where the intention states none."""
        with open_database(self.path) as database:
            return next((each.cap for each in budgets_of(database, self.run_id) if each.resource == "tokens"), None)

    def reserve(self, amount: int) -> bool:
        with self._lock, open_database(self.path) as database:
            try:
                spend(database, self.run_id, "tokens", amount)
            except BudgetExhausted:
                return False
            return True

    def settle(self, reserved: int, used: int) -> None:
        with self._lock, open_database(self.path) as database:
            if used <= reserved:
                give_back(database, self.run_id, "tokens", reserved - used)
            else:
                self._add(database, used - reserved)

    def _add(self, database: Database, amount: int) -> None:
        """Count what was spent beyond a reservation; what does not fit uses the cap up."""
        try:
            spend(database, self.run_id, "tokens", amount)
        except BudgetExhausted:
            left = next(each for each in budgets_of(database, self.run_id) if each.resource == "tokens").remaining
            spend(database, self.run_id, "tokens", left or 0)
