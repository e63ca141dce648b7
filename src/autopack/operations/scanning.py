"""Scan a workspace for gaps, and keep the report if asked to."""

from __future__ import annotations

import os
from pathlib import Path

from autopack.artifacts.store import ensure_runs_root, write_artifact
from autopack.config import Settings
from autopack.file_layout import RUNS_FOLDER, RunFileLayout
from autopack.gaps.detectors import all_detectors
from autopack.gaps.models import GapReportV1
from autopack.gaps.scanner import scan
from autopack.gaps.snapshot import take_snapshot
from autopack.gaps.state import Snapshot
from autopack.operations.intention import default_project_id, load_committed_intention, load_intention


def scan_workspace(
    settings: Settings,
    run_id: str | None = None,
    project_id: str | None = None,
    *,
    write: bool = False,
    since: str | None = None,
) -> GapReportV1:
    """Return the gap report of the workspace; WRITE also puts it into the run's folder.

    By default PROJECT_ID is the intention's and RUN_ID follows from the state of the workspace. SINCE is a revision
    after which commits to protected paths need an approval trailer.
    """
    snapshot = look(settings, since=since)
    project = project_id or default_project_id(settings, snapshot.intention)
    run = run_id or default_run_id(snapshot)
    layout = RunFileLayout(settings.runs_root, project, run)
    report = scan(snapshot, project_id=project, run_id=run, detectors=all_detectors())
    if write:
        ensure_runs_root(settings.runs_root)
        write_artifact(layout.gap_report, report)
    return report


def look(settings: Settings, *, since: str | None = None) -> Snapshot:
    """Return one look at the workspace, with the intention that governs it."""
    intention, source = load_intention(settings)
    return take_snapshot(
        settings.workspace,
        all_detectors(),
        intention=intention,
        intention_source=source,
        # Where the working copy says something else, what was committed still protects.
        base_intention=load_committed_intention(settings) if source == "working_copy" else None,
        since=since,
        runs_folder=_runs_folder(settings),
    )


def default_run_id(snapshot: Snapshot) -> str:
    """Return the run id of a command that only reads: it follows from what was seen."""
    return f"scan-{snapshot.state_digest[:12]}"


def _runs_folder(settings: Settings) -> str:
    """Return the runs folder relative to the workspace; outside of it there is nothing to leave out."""
    relative = os.path.relpath(settings.runs_root, settings.workspace)
    return RUNS_FOLDER if relative.startswith("..") else Path(relative).as_posix()
