"""`autopack scan`: where the repository falls short of what it is meant to be."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from autopack.cli.options import ProjectIdOption, RunIdOption, WorkspaceOption
from autopack.cli.output import print_json, print_text, say
from autopack.cli.screen import screens, text_look
from autopack.cli.workspace import settings_for
from autopack.errors import EXIT_FINDINGS, UsageError

if TYPE_CHECKING:
    from autopack.config import Settings
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


def register(app: typer.Typer) -> None:
    """Add the command to APP."""
    app.command("scan")(scan)


def scan(
    context: typer.Context,
    workspace: WorkspaceOption = None,
    run_id: RunIdOption = None,
    project_id: ProjectIdOption = None,
    format: Annotated[
        ReportFormat | None,
        typer.Option(
            "--format",
            help="text for people, github for annotations, the others for programs (default: text on a terminal, "
            "else json).",
        ),
    ] = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Keep the whole report in the run's folder (only committed suppressions count)."),
    ] = False,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            metavar="RISK",
            help="Exit 1 if a gap that no baseline accepts is critical|high|medium|low|info or worse.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="COMMIT",
            help="Only what changes after it can have caused; commits after it need an approval for protected paths.",
        ),
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Gaps of low confidence too.")] = False,
    blockers: Annotated[
        bool, typer.Option("--blockers", help="Only what blocks the autopilot, by the detectors that can tell.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither use nor fill what earlier scans kept in the git folder.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes that read (default: one for each processor).")
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Have git read every object too (`git fsck`), for at most five minutes.")
    ] = False,
    stats: Annotated[bool, typer.Option("--stats", help="Seconds and findings of each detector, on stderr.")] = False,
) -> None:
    """Look for gaps. Reads only, runs no code of the repository, and leaves no trace (unless --write).

    Example: autopack scan --workspace ~/src/project --fail-on high
    """
    from autopack.clock import SystemClock
    from autopack.operations.scanning import DEEP_SECONDS, Effort, assess_workspace, blockers_only

    if blockers and write:
        raise UsageError("A report of blockers only is no basis for a plan.", hint="Leave out --write or --blockers.")
    worst = _risks_from(fail_on)
    settings = settings_for(workspace)
    today = SystemClock().now().date()
    cache: Literal["off", "read", "fill"] = "off" if no_cache else "fill" if write else "read"
    effort = Effort(cache=cache, jobs=jobs, deep_seconds=DEEP_SECONDS if deep else None, asked=context.obj)
    with _watched(effort, stats=stats) as effort:
        assessment = assess_workspace(
            settings,
            run_id,
            project_id,
            write=write,
            since=since,
            show_all=all,
            today=today,
            effort=blockers_only(effort) if blockers else effort,
            looks=screens(str(settings.workspace)),
        )
    chosen = format or (ReportFormat.TEXT if sys.stdout.isatty() else ReportFormat.JSON)
    view = _view(assessment, settings, chosen)
    _print(view, chosen, settings)
    if any(gap.risk_classification in worst for gap in view.new):
        raise typer.Exit(EXIT_FINDINGS)


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
