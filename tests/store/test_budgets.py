"""Budgets are counted before they are spent, and caps never rise."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autopack.errors import BudgetExhausted, UsageError
from autopack.store.budgets import Budget, Day, budgets_of, set_caps, spend, spend_once, spent_on, use_up
from autopack.store.database import Database, open_database
from autopack.store.runs import Run, create_run


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "autopack.db") as opened:
        yield opened


def _a_run(run_id: str, project_id: str = "p") -> Run:
    names = dict.fromkeys(("base_commit", "branch", "anchor_id", "gap_report_id", "plan_proposal_id"), "x")
    return Run(run_id=run_id, project_id=project_id, **names)


def test_spending_beyond_the_cap_is_refused_and_not_counted(database: Database) -> None:
    """What does not fit is refused whole; what fits exactly is allowed."""
    set_caps(database, "run-1", {"lines": 10, "tokens": None})
    assert spend(database, "run-1", "lines", 4).remaining == 6
    with pytest.raises(BudgetExhausted, match="may spend 10 lines: 4 are spent, 7 more do not fit"):
        spend(database, "run-1", "lines", 7)
    assert spend(database, "run-1", "lines", 6).remaining == 0
    assert spend(database, "run-1", "tokens", 10**9).remaining is None
    assert budgets_of(database, "run-1") == (Budget("lines", 10, 10), Budget("tokens", None, 10**9))


def test_a_cap_never_rises(database: Database) -> None:
    """Setting a higher cap, or none, is refused with all that was set beside it; a lower one is taken."""
    set_caps(database, "run-1", {"lines": 10})
    for raised in (11, None):
        with pytest.raises(UsageError, match="cannot rise"):
            set_caps(database, "run-1", {"actions": 5, "lines": raised})
    set_caps(database, "run-1", {"lines": 3})
    assert budgets_of(database, "run-1") == (Budget("lines", 3, 0),)


def test_spending_never_gives_back(database: Database) -> None:
    """A negative amount is refused."""
    with pytest.raises(UsageError):
        spend(database, "run-1", "lines", -1)
    assert budgets_of(database, "run-1") == ()


def test_two_spenders_at_once_never_exceed_the_cap(tmp_path: Path) -> None:
    """However many spend at the same moment, what is allowed adds up to the cap exactly."""
    path, allowed = tmp_path / "autopack.db", []
    with open_database(path) as database:
        set_caps(database, "run-1", {"actions": 40})

    def spender() -> None:
        with open_database(path) as own:
            for _ in range(30):
                try:
                    spend(own, "run-1", "actions", 1)
                except BudgetExhausted:
                    continue
                allowed.append(1)

    threads = [threading.Thread(target=spender) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(allowed) == 40


def test_the_cap_of_a_day_covers_all_runs_of_its_project(tmp_path: Path) -> None:
    """What several runs spend on one day adds up; beyond the cap nothing is counted, and other days and projects do
    not matter."""
    with open_database(tmp_path / "autopack.db") as database:
        for run_id, project, when in (("a", "p", 1), ("b", "p", 1), ("c", "q", 1), ("d", "p", 2)):
            create_run(database, _a_run(run_id, project), datetime(2026, 1, when, tzinfo=UTC))
        day = Day("p", "2026-01-01", {"actions": 5})
        spend(database, "c", "actions", 100)
        spend(database, "d", "actions", 100)
        spend(database, "a", "actions", 3, day=day)
        spend(database, "b", "actions", 2, day=day)
        with pytest.raises(BudgetExhausted, match="All runs of 2026-01-01 may spend 5 actions: 5 are spent"):
            spend(database, "b", "actions", 1, day=day)
        assert spent_on(database, day, "actions") == 5
        spend(database, "b", "lines", 1_000, day=day)


def test_what_an_action_costs_is_counted_once_and_as_a_whole(database: Database) -> None:
    """A second attempt counts nothing; what does not fit counts nothing at all, and may be tried again."""
    create_run(database, _a_run("run-1"), datetime(2026, 1, 1, tzinfo=UTC))
    set_caps(database, "run-1", {"actions": 2, "lines": 10})
    for _ in range(2):
        spend_once(database, "run-1", "action-a approval-1", {"actions": 1, "lines": 4})
    assert {one.resource: one.spent for one in budgets_of(database, "run-1")} == {"actions": 1, "lines": 4}
    for _ in range(2):
        with pytest.raises(BudgetExhausted):
            spend_once(database, "run-1", "action-b approval-2", {"actions": 1, "lines": 7})
    assert {one.resource: one.spent for one in budgets_of(database, "run-1")} == {"actions": 1, "lines": 4}
    spend_once(database, "run-1", "action-b approval-2", {"actions": 1, "lines": 6})
    assert {one.resource: one.spent for one in budgets_of(database, "run-1")} == {"actions": 2, "lines": 10}


def test_what_was_used_already_is_counted_up_to_the_cap(database: Database) -> None:
    """Nothing is refused afterwards; what does not fit uses the cap up, and nothing that is counted is taken back."""
    use_up(database, "run-1", "seconds", 3)
    set_caps(database, "run-1", {"seconds": 10})
    for amount, spent in ((4, 7), (4, 10), (4, 10), (0, 10)):
        use_up(database, "run-1", "seconds", amount)
        assert budgets_of(database, "run-1") == (Budget("seconds", 10, spent),)
    use_up(database, "run-2", "seconds", 70_000)
    set_caps(database, "run-2", {"seconds": 10})
    use_up(database, "run-2", "seconds", 1)
    assert budgets_of(database, "run-2") == (Budget("seconds", 10, 70_000),)
