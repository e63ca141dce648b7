"""Runs are stored once and move only forward."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autopack.errors import StaleError, UsageError
from autopack.store.database import Database, open_database
from autopack.store.runs import (
    RUN_STATES,
    Run,
    RunState,
    create_run,
    get_run,
    list_runs,
    move_run,
    require_fence,
    take_over,
)

_NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _a_run(run_id: str = "run-1", project_id: str = "sample") -> Run:
    return Run(run_id, project_id, "a" * 40, f"autopack/{run_id}", "anchor-1", "gap-report-1", "plan-1")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "autopack.db") as opened:
        yield opened


def test_a_run_is_read_back_as_it_was_stored(database: Database) -> None:
    """A stored run has its instants and everything it was made from."""
    stored = create_run(database, _a_run(), _NOW)
    assert (stored.created_at, stored.updated_at, stored.state) == (
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05Z",
        "created",
    )
    assert get_run(database, "run-1") == stored
    assert get_run(database, "run-2") is None


def test_a_run_id_is_used_once(database: Database) -> None:
    """A second run of the same id is refused, and the first one stays."""
    first = create_run(database, _a_run(), _NOW)
    with pytest.raises(UsageError, match="run-1"):
        create_run(database, _a_run(project_id="other"), _NOW)
    assert get_run(database, "run-1") == first


def test_runs_are_listed_from_the_newest(database: Database) -> None:
    """The latest runs come first, of one project or of all."""
    for number in range(4):
        project = "even" if number % 2 == 0 else "odd"
        create_run(database, _a_run(f"run-{number}", project), _NOW + timedelta(minutes=number))
    assert [run.run_id for run in list_runs(database)] == ["run-3", "run-2", "run-1", "run-0"]
    assert [run.run_id for run in list_runs(database, project_id="even", most=1)] == ["run-2"]


@pytest.mark.parametrize("later", RUN_STATES)
def test_a_finished_run_stays_finished(database: Database, later: RunState) -> None:
    """Nothing follows `done`."""
    create_run(database, _a_run(), _NOW)
    move_run(database, "run-1", "running", _NOW)
    done = move_run(database, "run-1", "done", _NOW + timedelta(seconds=1))
    assert done.updated_at == "2026-01-02T03:04:06Z"
    with pytest.raises(UsageError, match="done"):
        move_run(database, "run-1", later, _NOW)
    assert get_run(database, "run-1") == done


def test_a_run_goes_from_waiting_to_running_and_from_failed_to_running(database: Database) -> None:
    """What waits, failed, was stopped or was killed while running can be resumed; nothing becomes `created` again."""
    create_run(database, _a_run(), _NOW)
    for state in ("waiting", "running", "running", "failed", "running", "stopped", "running", "waiting"):
        assert move_run(database, "run-1", state, _NOW).state == state
    with pytest.raises(UsageError):
        move_run(database, "run-1", "created", _NOW)
    with pytest.raises(UsageError, match="no run run-9"):
        move_run(database, "run-9", "running", _NOW)


def test_whoever_takes_a_run_over_gets_a_higher_token_and_the_one_before_writes_no_more(database: Database) -> None:
    """A zombie's token is refused at every write, and the state stays as the new process has it."""
    first = create_run(database, _a_run(), _NOW)
    require_fence(database, "run-1", first.fence)
    second = take_over(database, "run-1", _NOW)
    third = take_over(database, "run-1", _NOW)
    assert first.fence < second.fence < third.fence
    for zombie in (first, second):
        with pytest.raises(StaleError, match="taken run run-1 over"):
            require_fence(database, "run-1", zombie.fence)
        with pytest.raises(StaleError):
            move_run(database, "run-1", "done", _NOW, fence=zombie.fence)
    assert get_run(database, "run-1") == third
    assert move_run(database, "run-1", "waiting", _NOW, fence=third.fence).state == "waiting"


def test_a_finished_run_is_not_taken_over(database: Database) -> None:
    """A refused take-over hands no token out."""
    run = create_run(database, _a_run(), _NOW)
    move_run(database, "run-1", "done", _NOW)
    with pytest.raises(UsageError):
        take_over(database, "run-1", _NOW)
    require_fence(database, "run-1", run.fence)
