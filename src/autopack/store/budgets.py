"""Budgets of a run: what was allowed, what is spent. Spending is counted before it happens, and a cap never rises."""

from __future__ import annotations

import sqlite3
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


@dataclass(frozen=True)
class Day:
    """All runs of a project on one day (`2026-11-22`, UTC), and what they may spend together. A run counts, with all
    that it has spent, on the day on which it last moved."""

    project_id: str
    date: str
    caps: Mapping[Resource, int | None]


def spent_on(database: Database, day: Day, resource: Resource) -> int:
    """Return what the runs of DAY have spent of RESOURCE."""
    return int(database.rows(_SPENT_ON, (day.project_id, day.date, resource))[0]["spent"])


_SPENT_ON = (
    "SELECT coalesce(sum(spent), 0) AS spent FROM budgets JOIN runs USING (run_id)"
    " WHERE project_id = ? AND substr(updated_at, 1, 10) = ? AND resource = ?"
)


@dataclass(frozen=True)
class Share:
    """One action of a run, and how much of a resource it may spend in all of its attempts; None: no cap of its own."""

    action_id: str
    cap: int | None = None


def spend(
    database: Database,
    run_id: str,
    resource: Resource,
    amount: int,
    *,
    day: Day | None = None,
    share: Share | None = None,
) -> Budget:
    """Count AMOUNT (0 or more) of RESOURCE as spent before it is; return what is left of the run's budget.

    Raises BudgetExhausted, counting nothing, where it does not fit in the run's cap, in that of the DAY or in the
    action's SHARE; of two runs that take the last of a day at once, one gets it.
    """
    if amount < 0:
        raise UsageError(f"Cannot spend {amount} {resource}: spending never gives back.")
    with database.change() as connection:
        budget = _count(connection, run_id, resource, amount, day)
        if share is not None:
            _spend_share(connection, run_id, resource, amount, share)
    return budget


def spend_once(
    database: Database, run_id: str, claim: str, amounts: Mapping[Resource, int], *, day: Day | None = None
) -> None:
    """Count AMOUNTS for CLAIM (an action and its approval), all of them at once and only the first time: an attempt
    that was killed has counted everything or nothing.

    Raises BudgetExhausted as `spend` does, counting nothing.
    """
    with database.change() as connection:
        if connection.execute("INSERT OR IGNORE INTO claims VALUES (?, ?)", (run_id, claim)).rowcount:
            for resource, amount in amounts.items():
                _count(connection, run_id, resource, amount, day)


def _count(connection: sqlite3.Connection, run_id: str, resource: Resource, amount: int, day: Day | None) -> Budget:
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
    cap = None if day is None else day.caps.get(resource)
    if day is not None and cap is not None:
        spent = connection.execute(_SPENT_ON, (day.project_id, day.date, resource)).fetchone()["spent"]
        if spent > cap:
            raise BudgetExhausted(
                f"All runs of {day.date} may spend {cap} {resource}: {spent - amount} are spent, {amount} more do"
                " not fit.",
                hint="Go on tomorrow, or raise the day's cap in budget_cost of .autopack/intention.yaml.",
            )
    return budget


def _spend_share(connection: sqlite3.Connection, run_id: str, resource: Resource, amount: int, share: Share) -> None:
    spent = connection.execute(
        "INSERT INTO action_budgets VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT (run_id, action_id, resource) DO UPDATE SET spent = spent + ?4 RETURNING spent",
        (run_id, share.action_id, resource, amount),
    ).fetchone()["spent"]
    if share.cap is not None and spent > share.cap:
        raise BudgetExhausted(
            f"{share.action_id} may spend {share.cap} {resource}: {spent - amount} are spent, {amount} more do not"
            " fit.",
            hint="Raise budget_cost in .autopack/intention.yaml, commit it, and start a new run.",
        )


def use_up(database: Database, run_id: str, resource: Resource, amount: int) -> None:
    """Count AMOUNT (0 or more) of RESOURCE that was used already; of more than the cap leaves, the cap is used up."""
    with database.change() as connection:
        connection.execute(
            "INSERT INTO budgets (run_id, resource, spent) VALUES (?1, ?2, ?3) ON CONFLICT (run_id, resource)"
            " DO UPDATE SET spent = iif(cap IS NULL, spent + ?3, max(spent, min(spent + ?3, cap)))",
            (run_id, resource, amount),
        )


def give_back(database: Database, run_id: str, resource: Resource, amount: int, *, share: Share | None = None) -> None:
    """Count AMOUNT (0 or more) less as spent, of the action's SHARE too: what was counted beforehand with `spend` and
    then not used.

    Raises UsageError for more than is counted as spent.
    """
    with database.change() as connection:
        changed = connection.execute(
            "UPDATE budgets SET spent = spent - ?3 WHERE run_id = ?1 AND resource = ?2 AND ?3 BETWEEN 0 AND spent",
            (run_id, resource, amount),
        )
        if changed.rowcount != 1:
            raise UsageError(f"Cannot give back {amount} {resource} of run {run_id}: they were not spent.")
        if share is not None:
            connection.execute(
                "UPDATE action_budgets SET spent = spent - ?4 WHERE run_id = ?1 AND action_id = ?2 AND resource = ?3",
                (run_id, share.action_id, resource, amount),
            )


def budgets_of(database: Database, run_id: str) -> tuple[Budget, ...]:
    """Return the budgets of a run, by resource."""
    rows = database.rows("SELECT * FROM budgets WHERE run_id = ? ORDER BY resource", (run_id,))
    return tuple(Budget(row["resource"], row["cap"], row["spent"]) for row in rows)
