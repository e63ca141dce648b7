"""What phases really cost and how they ended, over all runs of a project: what later estimates learn from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from autopack.clock import timestamp
from autopack.store.database import Database

MOST_REMEMBERED = 500
"""Phases of a project that estimates look back on."""


@dataclass(frozen=True)
class PhaseActual:
    """One phase: what was estimated at most (None: unknown), and what it came to."""

    run_id: str
    action_id: str
    kind: str
    paths: tuple[str, ...]
    outcome: str
    estimated_lines: int | None
    estimated_seconds: int | None
    estimated_tokens: int | None
    lines: int
    seconds: int
    tokens: int


def record_phase(database: Database, project_id: str, phase: PhaseActual, now: datetime) -> None:
    """Store PHASE; one that is repeated, since it was interrupted or asked about, replaces what was stored."""
    values = {**vars(phase), "paths": json.dumps(phase.paths), "project_id": project_id, "at": timestamp(now)}
    with database.change() as connection:
        connection.execute(
            "INSERT INTO phases VALUES (:project_id, :run_id, :action_id, :kind, :paths, :outcome, :estimated_lines,"
            " :estimated_seconds, :estimated_tokens, :lines, :seconds, :tokens, :at)"
            " ON CONFLICT (run_id, action_id) DO UPDATE SET outcome = excluded.outcome, lines = excluded.lines,"
            " seconds = excluded.seconds, tokens = excluded.tokens, at = excluded.at",
            values,
        )


def phases_of(database: Database, project_id: str) -> tuple[PhaseActual, ...]:
    """Return the latest phases of a project, the newest first."""
    rows = database.rows(
        "SELECT run_id, action_id, kind, paths, outcome, estimated_lines, estimated_seconds, estimated_tokens, lines,"
        " seconds, tokens FROM phases WHERE project_id = ? ORDER BY at DESC, run_id, action_id LIMIT ?",
        (project_id, MOST_REMEMBERED),
    )
    return tuple(PhaseActual(**{**dict(row), "paths": tuple(json.loads(row["paths"]))}) for row in rows)
