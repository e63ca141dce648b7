"""What runs leave behind in their folder, written by the same code that runs write it with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from autopack.artifacts.canonical import bytes_digest
from autopack.artifacts.events import append_event
from autopack.artifacts.store import ensure_runs_root, write_bytes
from autopack.clock import FixedClock
from autopack.file_layout import RUNS_FOLDER, RunFileLayout


def at(minute: int) -> FixedClock:
    """Return a clock that stands at MINUTE of one hour."""
    return FixedClock(datetime(2026, 1, 2, 3, minute, tzinfo=UTC))


def run_of(repository: Path, run_id: str = "r1") -> RunFileLayout:
    """Return the place of a run in REPOSITORY; the runs folder is made as runs make it."""
    layout = RunFileLayout(repository / RUNS_FOLDER, "sample", run_id)
    ensure_runs_root(layout.runs_root)
    return layout


def leave_check(layout: RunFileLayout, clock: FixedClock, output: str, outcome: str = "failed") -> None:
    """Leave a check of the run of LAYOUT, with its OUTPUT and the OUTCOME."""
    path, data = layout.check_output("phase-1", "tests"), output.encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data)
    details = {"name": "tests", "outcome": outcome, "exit_code": 1, "output_sha256": bytes_digest(data), "sandbox": "x"}
    append_event(layout.event_log, "check", details, clock)
