"""What `autopack scan` does, apart from the library for command lines, which takes longer to load than many a scan."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from autopack.cli.output import print_json, print_text, say
from autopack.cli.screen import screens, text_look
from autopack.cli.workspace import settings_for
from autopack.errors import EXIT_FINDINGS, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from autopack.config import Settings
    from autopack.gaps.sources.asked import Asked
    from autopack.operations.scanning import Assessment, Effort
    from autopack.reporting.view import View


class ReportFormat(enum.StrEnum):
    """How a gap report is printed; each is one whole document on stdout."""

    TEXT = "text"
    JSON = "json"
    NDJSON = "ndjson"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"
    MARKDOWN = "markdown"


@dataclass(frozen=True)
class ScanRequest:
    """The options of the command; `cli.scanning` says what each means."""

    workspace: Path | None = None
    run_id: str | None = None
    project_id: str | None = None
    format: ReportFormat | None = None
    write: bool = False
    fail_on: str | None = None
    since: str | None = None
    all: bool = False
    blockers: bool = False
    no_cache: bool = False
    jobs: int | None = None
    deep: bool = False
    stats: bool = False


def run_scan(request: ScanRequest, asked: Asked | None) -> int:
    """Scan as REQUEST says, print the report, and return the exit code. ASKED: what git was asked meanwhile."""
    from autopack.clock import SystemClock
    from autopack.operations.scanning import DEEP_SECONDS, Effort, assess_workspace, blockers_only

    if request.blockers and request.write:
        raise UsageError("A report of blockers only is no basis for a plan.", hint="Leave out --write or --blockers.")
    worst = _risks_from(request.fail_on)
    settings = settings_for(request.workspace)
    today = SystemClock().now().date()
    cache: Literal["off", "read", "fill"] = "off" if request.no_cache else "fill" if request.write else "read"
    deep_seconds = DEEP_SECONDS if request.deep else None
    effort = Effort(cache=cache, jobs=request.jobs, deep_seconds=deep_seconds, asked=asked)
    with _watched(effort, stats=request.stats) as effort:
        assessment = assess_workspace(
            settings,
            request.run_id,
            request.project_id,
            write=request.write,
            since=request.since,
            show_all=request.all,
            today=today,
            effort=blockers_only(effort) if request.blockers else effort,
            looks=screens(str(settings.workspace)),
        )
    chosen = request.format or (ReportFormat.TEXT if sys.stdout.isatty() else ReportFormat.JSON)
    view = _view(assessment, settings, chosen)
    _print(view, chosen, settings)
    return EXIT_FINDINGS if any(gap.risk_classification in worst for gap in view.new) else 0


@contextmanager
def _watched(effort: Effort, *, stats: bool) -> Iterator[Effort]:
    """Yield EFFORT with a progress bar; afterwards say what it cost, if STATS are asked for."""
    from autopack.cli.scan_progress import scan_progress
    from autopack.clock import SystemClock
    from autopack.gaps.detectors import all_detectors
    from autopack.operations.scan_statistics import ScanStatistics

    clock = SystemClock()
    with scan_progress() as progress:
        if not stats:
            yield replace(effort, progress=progress)
            return
        statistics = ScanStatistics(clock)
        start = clock.monotonic()
        # Times of another process would be lost with it.
        yield replace(effort, progress=progress, jobs=1, detectors=statistics.timed(all_detectors()))
    for line in statistics.lines(clock.monotonic() - start):
        say(line)


def _view(assessment: Assessment, settings: Settings, format: ReportFormat) -> View:
    """Return what is shown; the lines that gaps point at are read where they are printed."""
    from autopack.operations.source_lines import source_lines
    from autopack.reporting.text import SHOWN_PLACES
    from autopack.reporting.view import View

    view = View(
        report=assessment.report,
        suppressed=assessment.suppressed,
        comparison=assessment.comparison,
        before=assessment.before,
    )
    if format is not ReportFormat.TEXT:
        return view
    return replace(view, lines=source_lines(settings, view.new, places=SHOWN_PLACES))


def _print(view: View, format: ReportFormat, settings: Settings) -> None:
    if format is ReportFormat.JSON:
        from autopack.reporting.view import in_one_line

        print_json(view.report.document())
        say(in_one_line(view))
    elif format is ReportFormat.TEXT:
        from autopack.reporting.text import render

        print_text(render(view, text_look(str(settings.workspace))))
    else:
        from autopack.reporting.formats import RENDERERS

        print_text(RENDERERS[format.value](view))


def _risks_from(fail_on: str | None) -> tuple[str, ...]:
    """Return the risks that make the command fail."""
    from autopack.artifacts.model import RISKS

    if fail_on is None:
        return ()
    if fail_on not in RISKS:
        raise UsageError(f"There is no risk {fail_on!r}.", hint=f"--fail-on takes one of: {', '.join(RISKS)}.")
    return tuple(RISKS[: [*RISKS].index(fail_on) + 1])
