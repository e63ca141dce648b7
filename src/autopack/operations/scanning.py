"""Scan a workspace for gaps, and keep the report if asked to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from autopack.artifacts.store import ensure_runs_root, write_artifact
from autopack.config import Settings
from autopack.errors import UsageError
from autopack.file_layout import RUNS_FOLDER, RunFileLayout
from autopack.gaps.baseline import Acceptance, BaselineV1, Comparison, compare, entry_of
from autopack.gaps.detectors import all_detectors
from autopack.gaps.detectors.baseline_policy_drift import suppression_comments
from autopack.gaps.models import Gap, GapReportV1
from autopack.gaps.scanner import scan, summary_of
from autopack.gaps.snapshot import take_snapshot
from autopack.gaps.sources.earlier import earlier
from autopack.gaps.state import Snapshot
from autopack.gaps.suppressions import Stated, Suppressed, sift
from autopack.git import Git
from autopack.operations.accepted import load_baseline
from autopack.operations.intention import default_project_id, load_committed_intention, load_intention
from autopack.operations.suppressing import rule_ids, settings_at, sift_report


@dataclass(frozen=True)
class Assessment:
    """What a scan has to say: the report, and beside it what is not in it or not new."""

    report: GapReportV1
    suppressed: tuple[Suppressed, ...]
    comparison: Comparison | None
    """Against the baseline; None where there is none."""
    since: str | None = None
    """The commit that the report was asked to start from."""
    older: int = 0
    """Gaps that were there at that commit and are left out of the report."""


def scan_workspace(settings: Settings, run_id: str | None = None, project_id: str | None = None) -> GapReportV1:
    """Return the gap report of the workspace as a plan may be built upon it: only what is committed hides a gap.

    By default PROJECT_ID is the intention's and RUN_ID follows from the state of the workspace.
    """
    snapshot = look(settings)
    raw = _raw_report(settings, snapshot, run_id, project_id)
    return sift_report(settings, snapshot, raw, only_committed=True, show_all=False).report


def assess_workspace(
    settings: Settings,
    run_id: str | None = None,
    project_id: str | None = None,
    *,
    write: bool = False,
    since: str | None = None,
    show_all: bool = False,
    today: date,
) -> Assessment:
    """Return what a person is told about the workspace; WRITE also puts the whole report into the run's folder.

    SINCE is a revision: gaps that were there at its merge base with HEAD are left out (of what is returned, not of what
    is written), and commits after it need an approval trailer for protected paths. SHOW_ALL adds the gaps of low
    confidence.
    """
    snapshot = look(settings, since=since)
    raw = _raw_report(settings, snapshot, run_id, project_id)
    sifted = sift_report(settings, snapshot, raw, only_committed=write, show_all=show_all)
    report = sifted.report
    if write:
        ensure_runs_root(settings.runs_root)
        write_artifact(RunFileLayout(settings.runs_root, report.project_id, report.run_id).gap_report, report)
    base = None if since is None else _base(settings, since)
    if base is not None:
        report = _only_new(report, _gaps_at(settings, snapshot, raw, base), base)
    baseline = load_baseline(settings)
    return Assessment(
        report=report,
        suppressed=sifted.suppressed,
        comparison=None if baseline is None else compare((*sifted.report.gaps, *sifted.unsure), baseline, today),
        since=base,
        older=len(sifted.report.gaps) - len(report.gaps),
    )


def _raw_report(settings: Settings, snapshot: Snapshot, run_id: str | None, project_id: str | None) -> GapReportV1:
    project = project_id or default_project_id(settings, snapshot.intention)
    run = run_id or default_run_id(snapshot)
    RunFileLayout(settings.runs_root, project, run)  # refuses names that no folder may have
    return scan(snapshot, project_id=project, run_id=run, detectors=all_detectors())


def _base(settings: Settings, since: str) -> str | None:
    git = Git(settings.workspace)
    return git.run("merge-base", since, "HEAD", check=False).text.strip() or git.resolve(since)


def _gaps_at(settings: Settings, snapshot: Snapshot, report: GapReportV1, base: str) -> tuple[Gap, ...]:
    """Return the gaps that the workspace of SNAPSHOT had at the commit BASE."""
    git = Git(settings.workspace)
    try:
        intention = load_committed_intention(settings, base)
    except UsageError:
        intention = None
    before = earlier(git, snapshot, all_detectors(), base, intention)
    raw = scan(before, project_id=report.project_id, run_id=report.run_id, detectors=all_detectors())
    stated = Stated(settings_at(settings, base), suppression_comments(before))
    return sift(raw, stated, stated, rule_ids=rule_ids(), only_committed=False, show_all=True).report.gaps


def _only_new(report: GapReportV1, before: Sequence[Gap], base: str) -> GapReportV1:
    """Return REPORT without the gaps that were there BEFORE, by id or by content."""
    entries = tuple(entry_of(gap, Acceptance(f"there at {base}")) for gap in before)
    known = compare(report.gaps, BaselineV1(findings=entries), date.min).accepted
    gaps = tuple(gap for gap in report.gaps if gap.gap_id not in known)
    metadata = report.metadata.model_copy(update={"since": base})
    return report.model_copy(update={"gaps": gaps, "summary": summary_of(gaps), "metadata": metadata}).sealed()


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
