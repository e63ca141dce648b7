"""Runs: which exist, what they were made from, how far they are, and which process may write their results.

Who goes on with a run takes it over and gets a higher fencing token; whoever has a lower one may not write any more,
however alive it believes to be (https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html).
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, get_args

from autopack.clock import timestamp
from autopack.errors import StaleError, UsageError
from autopack.store.database import Database

RunState = Literal["created", "waiting", "running", "done", "failed", "stopped"]
RUN_STATES: tuple[RunState, ...] = get_args(RunState)

_NEXT: dict[RunState, frozenset[RunState]] = {
    "created": frozenset({"waiting", "running", "done", "failed", "stopped"}),
    "waiting": frozenset({"running", "done", "failed", "stopped"}),
    "running": frozenset({"running", "waiting", "done", "failed", "stopped"}),
    "failed": frozenset({"running", "stopped"}),
    "stopped": frozenset({"running", "stopped"}),
    "done": frozenset(),
}
"""`running` to `running`: a killed process leaves the state behind, and the resumed one takes it over."""


@dataclass(frozen=True)
class Run:
    """One run. Instants as `2026-11-22T10:23:40Z`."""

    run_id: str
    project_id: str
    base_commit: str
    branch: str
    anchor_id: str
    gap_report_id: str
    plan_proposal_id: str
    state: RunState = "created"
    created_at: str = ""
    updated_at: str = ""
    fence: int = 1
    """The fencing token of the process that works on it, or did last."""


def create_run(database: Database, run: Run, now: datetime) -> Run:
    """Store RUN and return it with its instants; raises UsageError where the run id is taken."""
    stamped = replace(run, created_at=timestamp(now), updated_at=timestamp(now))
    try:
        with database.change() as connection:
            connection.execute(
                "INSERT INTO runs (run_id, project_id, state, base_commit, branch, anchor_id, gap_report_id,"
                " plan_proposal_id, created_at, updated_at, fence) VALUES (:run_id, :project_id, :state, :base_commit,"
                " :branch, :anchor_id, :gap_report_id, :plan_proposal_id, :created_at, :updated_at, :fence)",
                vars(stamped),
            )
    except sqlite3.IntegrityError as fault:
        raise UsageError(
            f"There is a run {run.run_id} already.", hint="Choose another --run-id, or resume that one."
        ) from fault
    return stamped


def get_run(database: Database, run_id: str) -> Run | None:
    """Return the run, or None where there is none of that id."""
    rows = database.rows("SELECT * FROM runs WHERE run_id = ?", (run_id,))
    return _run(rows[0]) if rows else None


def list_runs(database: Database, *, project_id: str | None = None, most: int = 50) -> tuple[Run, ...]:
    """Return the latest runs, the newest first."""
    rows = database.rows(
        "SELECT * FROM runs WHERE ?1 IS NULL OR project_id = ?1 ORDER BY created_at DESC, run_id DESC LIMIT ?2",
        (project_id, most),
    )
    return tuple(_run(row) for row in rows)


def take_over(database: Database, run_id: str, now: datetime) -> Run:
    """Put the run into `running` for this process, with the next fencing token, and return it.

    Raises UsageError where a run in its state is not gone on with. The caller holds the lock of the run.
    """
    with database.change() as connection:
        run = _moved(connection, run_id, "running", now)
        taken = replace(run, fence=run.fence + 1)
        connection.execute("UPDATE runs SET fence = :fence WHERE run_id = :run_id", vars(taken))
    return taken


def require_fence(database: Database, run_id: str, fence: int) -> None:
    """Raise StaleError where another process has taken the run over since FENCE was handed out."""
    rows = database.rows("SELECT fence FROM runs WHERE run_id = ?", (run_id,))
    _compare(run_id, rows[0]["fence"] if rows else None, fence)


def move_run(database: Database, run_id: str, state: RunState, now: datetime, *, fence: int | None = None) -> Run:
    """Put the run into STATE and return it.

    Raises UsageError where that may not follow the state it is in, StaleError where FENCE is not its token any more.
    """
    with database.change() as connection:
        moved = _moved(connection, run_id, state, now)
        if fence is not None:
            _compare(run_id, moved.fence, fence)
    return moved


def _moved(connection: sqlite3.Connection, run_id: str, state: RunState, now: datetime) -> Run:
    row = connection.execute("SELECT * FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    if row is None:
        raise UsageError(f"There is no run {run_id}.", hint="`autopack status` shows the runs.")
    run = _run(row)
    if state not in _NEXT[run.state]:
        raise UsageError(f"Run {run_id} is {run.state} and cannot become {state}.", hint="Start a new run.")
    moved = replace(run, state=state, updated_at=timestamp(now))
    connection.execute("UPDATE runs SET state = :state, updated_at = :updated_at WHERE run_id = :run_id", vars(moved))
    return moved


def _compare(run_id: str, current: int | None, fence: int) -> None:
    if current != fence:
        raise StaleError(
            f"Another process has taken run {run_id} over (token {current}, this process has {fence}).",
            hint="Nothing more is written here; look at the run with `autopack status`.",
        )


def _run(row: sqlite3.Row) -> Run:
    return Run(**{key: row[key] for key in row.keys()})  # noqa: SIM118  (a Row iterates over values)
