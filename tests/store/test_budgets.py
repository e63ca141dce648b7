"""Budgets are counted before they are spent, and caps never rise."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopack.errors import BudgetExhausted, UsageError
from autopack.store.budgets import Budget, budgets_of, set_caps, spend
from autopack.store.database import Database, open_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "autopack.db") as opened:
        yield opened


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
