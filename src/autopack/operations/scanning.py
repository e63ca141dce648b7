"""Scan a workspace for gaps, and keep the report if asked to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from autopack.artifacts.store import ensure_runs_root, write_artifact
from autopack.config import Settings
from autopack.errors import UsageError
from autopack.file_layout import RUNS_FOLDER, RunFileLayout
from autopack.gaps.baseline import Acceptance, BaselineV1, Comparison, compare, entry_of
from autopack.gaps.detector import Detector, Finding
from autopack.gaps.detectors import all_detectors
from autopack.gaps.detectors.baseline_policy_drift import suppression_comments
from autopack.gaps.facts import FactCache, StaleFacts
from autopack.gaps.models import Gap, GapReportV1
from autopack.gaps.scanner import FAILED, has_failed_with, scan, summary_of
from autopack.gaps.snapshot import take_snapshot
from autopack.gaps.sources.asked import Asked
from autopack.gaps.sources.earlier import earlier
from autopack.gaps.sources.recall import open_cache
from autopack.gaps.sources.workers import Progress, silent
from autopack.gaps.state import Snapshot
from autopack.gaps.suppressions import Stated, Suppressed, sift
from autopack.git import Git
from autopack.operations.accepted import load_baseline
from autopack.operations.intention import default_project_id, load_committed_intention, load_intention
from autopack.operations.repeating import Watched, remember, watch
from autopack.operations.source_lines import source_lines
from autopack.operations.suppressing import rule_ids, settings_at, sift_report
from autopack.reporting.look import PIPE, Look
from autopack.reporting.text import SHOWN_PLACES
from autopack.reporting.view import View


@dataclass(frozen=True)
class Assessment:
    """What a scan has to say: the report, and beside it what is not in it or not new."""

    report: GapReportV1
    suppressed: tuple[Suppressed, ...]
    comparison: Comparison | None
    """Against the baseline; None where there is none."""
    since: str | None = None
    """The commit that the report was asked to start from."""
    before: Comparison | None = None
    """Against what was there at that commit, which is left out of the report."""


DEEP_SECONDS = 300.0
"""How long `--deep` lets git read objects; a repository of 100,000 commits takes half a minute."""


@dataclass(frozen=True)
class Effort:
    """How a scan does its work; nothing but `deep_seconds` changes a byte of the answer."""

    cache: Literal["off", "read", "fill"] = "read"
    """Whether facts of an earlier scan are used, and whether this one may write its own into the git folder."""
    jobs: int | None = None
    """How many processes read; None: one for each processor."""
    progress: Progress = silent
    detectors: tuple[Detector, ...] | None = None
    """None: all. Facts found by some of them only are not kept."""
    deep_seconds: float | None = None
    """Let git read every object, for at most so long."""
    asked: Asked | None = None
    """What git was asked while the command started."""


PLAIN = Effort()
FILLING = Effort(cache="fill")
"""For commands that write anyway: what they find serves the next scan."""


def blockers_only(effort: Effort) -> Effort:
    """Return EFFORT for the detectors of which a rule can block, without the rules that cannot."""
    return replace(effort, detectors=tuple(filter(None, map(_blocking, effort.detectors or all_detectors()))))


def _blocking(detector: Detector) -> Detector | None:
    rules = {rule.name for rule in detector.rules if rule.blocks_autopilot or rule.may_block}
    if not rules:
        return None

    def detect(snapshot: Snapshot) -> Iterator[Finding]:
        blocks = {rule.name: rule.blocks_autopilot for rule in detector.rules}
        found = (finding for finding in detector.detect(snapshot) if finding.rule in rules)
        return (
            finding
            for finding in found
            if (blocks[finding.rule] if finding.blocks_autopilot is None else finding.blocks_autopilot)
        )

    return replace(detector, detect=detect)


def scan_workspace(
    settings: Settings, run_id: str | None = None, project_id: str | None = None, effort: Effort = PLAIN
) -> GapReportV1:
    """Return the gap report of the workspace as a plan may be built upon it: only what is committed hides a gap.

    By default PROJECT_ID is the intention's and RUN_ID follows from the state of the workspace.
    """
    snapshot, raw = _look_and_report(settings, None, run_id, project_id, effort, _kept(settings, effort))
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
    effort: Effort = PLAIN,
    looks: Sequence[Look] = (PIPE,),
) -> Assessment:
    """Return what a person is told about the workspace; WRITE also puts the whole report into the run's folder.

    SINCE is a revision: gaps that were there at its merge base with HEAD are left out (of what is returned, not of what
    is written), and commits after it need an approval trailer for protected paths. SHOW_ALL adds the gaps of low
    confidence. What is written is kept for a plain scan of the same state too, as JSON and as text for each of LOOKS.
    """
    kept = _kept(settings, effort)
    is_plain = since is None and effort.deep_seconds is None and _runs_folder(settings) == RUNS_FOLDER
    watched = (
        watch(settings.workspace, effort.asked) if write and kept is not None and kept.writable and is_plain else None
    )
    snapshot, raw = _look_and_report(settings, since, run_id, project_id, effort, kept)
    sifted = sift_report(settings, snapshot, raw, only_committed=write, show_all=show_all)
    report = sifted.report
    if write:
        ensure_runs_root(settings.runs_root)
        write_artifact(RunFileLayout(settings.runs_root, report.project_id, report.run_id).gap_report, report)
    base = None if since is None else _base(settings, since)
    before = None
    if base is not None:
        report, before = _only_new(report, _gaps_at(settings, snapshot, raw, base), base)
    baseline = load_baseline(settings)
    if watched is not None:
        _remember(watched, settings, snapshot, raw, baseline, today, looks)
    return Assessment(
        report=report,
        suppressed=sifted.suppressed,
        comparison=None if baseline is None else compare((*sifted.report.gaps, *sifted.unsure), baseline, today),
        since=base,
        before=before,
    )


def _remember(
    watched: Watched,
    settings: Settings,
    snapshot: Snapshot,
    raw: GapReportV1,
    baseline: BaselineV1 | None,
    today: date,
    looks: Sequence[Look],
) -> None:
    """Keep what a plain scan would say of SNAPSHOT, of which RAW says what the detectors found."""
    ids = {
        "project_id": default_project_id(settings, snapshot.intention),
        "run_id": default_run_id(snapshot),
    }
    sifted = sift_report(settings, snapshot, raw.model_copy(update=ids).sealed(), only_committed=False, show_all=False)
    gaps = (*sifted.report.gaps, *sifted.unsure)
    comparison = None if baseline is None else compare(gaps, baseline, today)
    view = View(report=sifted.report, suppressed=sifted.suppressed, comparison=comparison)
    view = replace(view, lines=source_lines(settings, view.new, places=SHOWN_PLACES))
    remember(watched, snapshot, view, looks)


def _look_and_report(
    settings: Settings,
    since: str | None,
    run_id: str | None,
    project_id: str | None,
    effort: Effort,
    kept: FactCache | None,
) -> tuple[Snapshot, GapReportV1]:
    """Return a look at the workspace and what the detectors find; where facts that are KEPT cannot be used after all,
    everything is looked at anew."""
    snapshot = look(settings, since=since, effort=effort, kept=kept)
    raw = _raw_report(settings, snapshot, run_id, project_id, effort, kept)
    if kept is None or not has_failed_with(raw, StaleFacts):
        return snapshot, raw
    again, empty = replace(effort, asked=None), kept.emptied()
    snapshot = look(settings, since=since, effort=again, kept=empty)
    return snapshot, _raw_report(settings, snapshot, run_id, project_id, again, empty)


def _raw_report(
    settings: Settings,
    snapshot: Snapshot,
    run_id: str | None,
    project_id: str | None,
    effort: Effort,
    kept: FactCache | None,
) -> GapReportV1:
    """Return what the detectors find, which for an unchanged workspace may be KEPT."""
    project = project_id or default_project_id(settings, snapshot.intention)
    run = run_id or default_run_id(snapshot)
    RunFileLayout(settings.runs_root, project, run)  # refuses names that no folder may have
    detectors = effort.detectors or all_detectors()
    name = f"report {snapshot.state_digest} {project} {run} {' '.join(one.gap_type for one in detectors)}"
    report = _answered(kept, name)
    if report is None:
        report = scan(snapshot, project_id=project, run_id=run, detectors=detectors)
        if kept is not None and not any(gap.rule_id.endswith(f"/{FAILED}") for gap in report.gaps):
            kept.keep_answer(name, report.model_dump_json().encode())
    return report


def _answered(kept: FactCache | None, name: str) -> GapReportV1 | None:
    """Return the report that is KEPT under NAME, if it is whole and this environment would mask nothing in it."""
    stored = kept.answer(name) if kept is not None else None
    if stored is None:
        return None
    try:
        report = GapReportV1.model_validate_json(stored)
    except ValidationError:
        return None
    return report if report.gap_report_id == report.expected_id() else None


def _kept(settings: Settings, effort: Effort) -> FactCache | None:
    if effort.cache == "off":
        return None
    return open_cache(settings.workspace, writable=effort.cache == "fill" and effort.detectors is None)


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
    sifted = sift(
        raw, stated, stated, rule_ids=rule_ids(), paths=before.files.keys(), only_committed=False, show_all=True
    )
    return sifted.report.gaps


def _only_new(report: GapReportV1, there: Sequence[Gap], base: str) -> tuple[GapReportV1, Comparison]:
    """Return REPORT without the gaps that were THERE at the commit BASE, by id or by content, and how it meets them."""
    entries = tuple(entry_of(gap, Acceptance(f"there at {base}")) for gap in there)
    before = compare(report.gaps, BaselineV1(findings=entries), date.min)
    gaps = tuple(gap for gap in report.gaps if gap.gap_id not in before.accepted)
    metadata = report.metadata.model_copy(update={"since": base})
    report = report.model_copy(update={"gaps": gaps, "summary": summary_of(gaps), "metadata": metadata}).sealed()
    return report, before


def look(
    settings: Settings, *, since: str | None = None, effort: Effort = PLAIN, kept: FactCache | None = None
) -> Snapshot:
    """Return one look at the workspace, with the intention that governs it."""
    intention, source = load_intention(settings)
    return take_snapshot(
        settings.workspace,
        effort.detectors or all_detectors(),
        intention=intention,
        intention_source=source,
        # Where the working copy says something else, what was committed still protects.
        base_intention=load_committed_intention(settings) if source == "working_copy" else None,
        since=since,
        deep_seconds=effort.deep_seconds,
        runs_folder=_runs_folder(settings),
        kept=kept,
        jobs=effort.jobs,
        progress=effort.progress,
        asked=effort.asked,
    )


def default_run_id(snapshot: Snapshot) -> str:
    """Return the run id of a command that only reads: it follows from what was seen."""
    return f"scan-{snapshot.state_digest[:12]}"


def _runs_folder(settings: Settings) -> str:
    """Return the runs folder relative to the workspace; outside of it there is nothing to leave out."""
    relative = os.path.relpath(settings.runs_root, settings.workspace)
    return RUNS_FOLDER if relative.startswith("..") else Path(relative).as_posix()
