"""`autopack scan`: where the repository falls short of what it is meant to be."""

from __future__ import annotations

from typing import Annotated

import typer

from autopack.cli.options import ProjectIdOption, RunIdOption, WorkspaceOption
from autopack.cli.scan_command import ReportFormat, ScanRequest, run_scan


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
    request = ScanRequest(
        workspace=workspace,
        run_id=run_id,
        project_id=project_id,
        format=format,
        write=write,
        fail_on=fail_on,
        since=since,
        all=all,
        blockers=blockers,
        no_cache=no_cache,
        jobs=jobs,
        deep=deep,
        stats=stats,
    )
    raise typer.Exit(run_scan(request, context.obj))
