"""Scan a workspace for gaps, and keep the report if asked to."""

from __future__ import annotations

import os
from pathlib import Path

from autopack.artifacts.store import write_artifact, write_bytes
from autopack.config import INTENTION_FILE, Settings
from autopack.file_layout import RUNS_FOLDER, RunFileLayout
from autopack.gaps.detectors import all_detectors
from autopack.gaps.models import GapReportV1
from autopack.gaps.scanner import scan
from autopack.gaps.snapshot import take_snapshot
from autopack.gaps.state import Snapshot
from autopack.git import Git
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.operations.intention import default_project_id, load_intention


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
        prepare_runs_root(settings)
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
        base_intention=_committed_intention(settings),
        since=since,
        runs_folder=_runs_folder(settings),
    )


def default_run_id(snapshot: Snapshot) -> str:
    """Return the run id of a command that only reads: it follows from what was seen."""
    return f"scan-{snapshot.state_digest[:12]}"


def prepare_runs_root(settings: Settings) -> None:
    """Make the runs folder with a `.gitignore` of its own, so that no file of the owner's has to be edited."""
    ignore = settings.runs_root / ".gitignore"
    if not ignore.exists():
        write_bytes(ignore, b"*\n")


def _runs_folder(settings: Settings) -> str:
    """Return the runs folder relative to the workspace; outside of it there is nothing to leave out."""
    relative = os.path.relpath(settings.runs_root, settings.workspace)
    return RUNS_FOLDER if relative.startswith("..") else Path(relative).as_posix()


def _committed_intention(settings: Settings) -> IntentionAnchorV2 | None:
    """Return the anchor of the last commit where the working copy of it was changed or deleted."""
    from autopack.intention_anchor.written import read_intention

    git = Git(settings.workspace)
    committed = git.show("HEAD", INTENTION_FILE)
    path = settings.workspace / INTENTION_FILE
    if committed is None or (path.is_file() and path.read_bytes() == committed):
        return None
    return read_intention(committed)
