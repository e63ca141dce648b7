"""Budgets of a run: what was allowed, what is spent. Spending is counted before it happens, and a cap never rises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from autopack.errors import BudgetExhausted, UsageError
from autopack.store.database import Database

Resource = Literal["tokens", "seconds", "actions", "lines"]
RESOURCES: tuple[Resource, ...] = get_args(Resource)


@dataclass(frozen=True)
class Budget:
    """One resource of one run; `cap` None means that the anchor states none."""

    resource: Resource
    cap: int | None
    spent: int

    @property
    def remaining(self) -> int | None:
        return None if self.cap is None else max(0, self.cap - self.spent)


def set_caps(database: Database, run_id: str, caps: Mapping[Resource, int | None]) -> None:
    """Store the caps of a run. Setting them again may lower a cap; raises UsageError if one would rise."""
    with database.change() as connection:
        for resource, cap in sorted(caps.items()):
            row = connection.execute(
                "SELECT cap FROM budgets WHERE run_id = ? AND resource = ?", (run_id, resource)
            ).fetchone()
            if row is not None and row["cap"] is not None and (cap is None or cap > row["cap"]):
                raise UsageError(
                    f"The {resource} cap of run {run_id} is {row['cap']} and cannot rise to {cap or 'unlimited'}.",
                    hint="Start a new run under the new intention.",
                )
            connection.execute(
                "INSERT INTO budgets (run_id, resource, cap) VALUES (?1, ?2, ?3)"
                " ON CONFLICT (run_id, resource) DO UPDATE SET cap = ?3",
                (run_id, resource, cap),
            )


def spend(database: Database, run_id: str, resource: Resource, amount: int) -> Budget:
    """Count AMOUNT (0 or more) of RESOURCE as spent before it is; return what is left.

    Raises BudgetExhausted, counting nothing, where it does not fit.
    """
    if amount < 0:
        raise UsageError(f"Cannot spend {amount} {resource}: spending never gives back.")
    with database.change() as connection:
        row = connection.execute(
            "INSERT INTO budgets (run_id, resource, spent) VALUES (?1, ?2, ?3)"
            " ON CONFLICT (run_id, resource) DO UPDATE SET spent = spent + ?3 RETURNING cap, spent",
            (run_id, resource, amount),
        ).fetchone()
        budget = Budget(resource, row["cap"], row["spent"])
        if budget.cap is not None and budget.spent > budget.cap:
            raise BudgetExhausted(
                f"Run {run_id} may spend {budget.cap} {resource}: {budget.spent - amount} are spent,"
                f" {amount} more do not fit.",
                hint="Raise budget_cost in .autopack/intention.yaml, commit it, and start a new run.",
            )
    return budget


def give_back(database: Database, run_id: str, resource: Resource, amount: int) -> None:
    """Count AMOUNT (0 or more) less as spent: what was counted beforehand with `spend` and then not used.

    Raises UsageError for more than is counted as spent.
    """
    with database.change() as connection:
        changed = connection.execute(
            "UPDATE budgets SET spent = spent - ?3 WHERE run_id = ?1 AND resource = ?2 AND ?3 BETWEEN 0 AND spent",
            (run_id, resource, amount),
        )
        if changed.rowcount != 1:
            raise UsageError(f"Cannot give back {amount} {resource} of run {run_id}: they were not spent.")


def budgets_of(database: Database, run_id: str) -> tuple[Budget, ...]:
    """Return the budgets of a run, by resource."""
    rows = database.rows("SELECT * FROM budgets WHERE run_id = ? ORDER BY resource", (run_id,))
    return tuple(Budget(row["resource"], row["cap"], row["spent"]) for row in rows)
