"""`autopack scan`: where the repository falls short of what it is meant to be."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from autopack.cli.options import Format, FormatOption, ProjectIdOption, RunIdOption, WorkspaceOption
from autopack.cli.output import chosen_format, console, print_json, say
from autopack.cli.workspace import settings_for
from autopack.errors import EXIT_FINDINGS, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from autopack.gaps.models import Gap, GapReportV1

_SHOWN_EVIDENCE = 3
_COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "info": "dim"}


def register(app: typer.Typer) -> None:
    """Add the command to APP."""
    app.command("scan")(scan)


def scan(
    workspace: WorkspaceOption = None,
    run_id: RunIdOption = None,
    project_id: ProjectIdOption = None,
    format: FormatOption = None,
    write: Annotated[bool, typer.Option("--write", help="Keep the report in the run's folder.")] = False,
    fail_on: Annotated[
        str | None,
        typer.Option("--fail-on", metavar="RISK", help="Exit 1 if a gap is critical|high|medium|low|info or worse."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="COMMIT", help="Commits after it need an approval for protected paths."),
    ] = None,
) -> None:
    """Look for gaps. Reads only, runs no code of the repository, and leaves no trace (unless --write).

    Example: autopack scan --workspace ~/src/project --fail-on high
    """
    from autopack.operations.scanning import scan_workspace

    worst = _risks_from(fail_on)
    report = scan_workspace(settings_for(workspace), run_id, project_id, write=write, since=since)
    if chosen_format(format) is Format.JSON:
        print_json(report.document())
        say(_in_one_line(report))
    else:
        render(report, console())
    if any(gap.risk_classification in worst for gap in report.gaps):
        raise typer.Exit(EXIT_FINDINGS)


def _risks_from(fail_on: str | None) -> tuple[str, ...]:
    """Return the risks that make the command fail."""
    from autopack.artifacts.model import RISKS

    if fail_on is None:
        return ()
    if fail_on not in RISKS:
        raise UsageError(f"There is no risk {fail_on!r}.", hint=f"--fail-on takes one of: {', '.join(RISKS)}.")
    return tuple(RISKS[: [*RISKS].index(fail_on) + 1])


def _in_one_line(report: GapReportV1) -> str:
    by_risk = [f"{count} {risk}" for risk, count in report.summary.by_risk.document().items() if count]
    parts = [_counted(report.summary.total, "gap") + (f" ({', '.join(by_risk)})" if by_risk else "")]
    parts[0] += f" in {_counted(report.metadata.files_in_scope, 'file')}"
    if blocking := report.summary.blocking:
        parts.append(f"{blocking} {'blocks' if blocking == 1 else 'block'} the autopilot")
    if missed := len(report.metadata.scan_incomplete):
        parts.append(f"{_counted(missed, 'place')} not looked at")
    return "; ".join(parts)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def render(report: GapReportV1, out: Console) -> None:
    """Print REPORT for people: by type, the worst type first, and in it the worst gap first."""
    from autopack.artifacts.model import RISKS

    def badness(gap: Gap) -> int:
        return RISKS.index(gap.risk_classification)

    worst = {
        gap_type: min(map(badness, group)) for gap_type, group in groupby(report.gaps, key=lambda gap: gap.gap_type)
    }
    ordered = sorted(report.gaps, key=lambda gap: (worst[gap.gap_type], gap.gap_type, badness(gap)))
    for gap_type, group in groupby(ordered, key=lambda gap: gap.gap_type):
        gaps = list(group)
        out.print(f"{gap_type.replace('_', ' ')} ({len(gaps)})", style="bold", markup=False)
        for rule_id, same in groupby(gaps, key=lambda gap: gap.rule_id):
            _render_rule(rule_id, list(same), out)
    for note in report.metadata.scan_incomplete:
        out.print(f"not looked at: {note.subject}: {note.reason}", style="dim", markup=False)
    out.print(_in_one_line(report), style="bold", markup=False)


def _render_rule(rule_id: str, gaps: list[Gap], out: Console) -> None:
    """Print the gaps of one rule, and once why they matter and how to fix them."""
    for gap in gaps:
        block = "  blocks the autopilot" if gap.blocks_autopilot else ""
        out.print(f"  {gap.risk_classification:8}", style=_COLOURS[gap.risk_classification], end="")
        out.print(f" {gap.title}{block}", markup=False)
        for evidence in gap.evidence[:_SHOWN_EVIDENCE]:
            if evidence.path:
                line = f":{evidence.line}" if evidence.line else ""
                out.print(f"           {evidence.path}{line}", style="dim", markup=False)
        if len(gap.evidence) > _SHOWN_EVIDENCE:
            out.print(f"           and {len(gap.evidence) - _SHOWN_EVIDENCE} more places", style="dim", markup=False)
    out.print(f"           why: {gaps[0].why_it_matters}", markup=False)
    out.print(f"           fix: {gaps[0].how_to_fix}", markup=False)
    out.print(f"           ({rule_id})\n", style="dim", markup=False)
