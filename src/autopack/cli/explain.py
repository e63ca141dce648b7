"""`autopack explain`: what a rule looks for, or what one gap is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autopack.cli.options import FormatOption, WorkspaceOption
from autopack.cli.output import Format, chosen_format, print_json
from autopack.cli.screen import text_look
from autopack.cli.workspace import settings_for

if TYPE_CHECKING:
    from autopack.operations.explaining import ExplainedGap, ExplainedRule


def register(app: typer.Typer) -> None:
    """Add the command to APP."""
    app.command("explain")(explain)


def explain(
    what: Annotated[str, typer.Argument(metavar="RULE|GAP_ID", help="A rule (doc_drift/broken-link) or a gap's id.")],
    workspace: WorkspaceOption = None,
    format: FormatOption = None,
) -> None:
    """Say what a rule looks for, why it matters and how to fix or suppress it; or show one gap with all its places.

    Example: autopack explain doc_drift/broken-link
    """
    from autopack.clock import SystemClock
    from autopack.operations.explaining import explain_gap, explain_rule

    as_json = chosen_format(format) is Format.JSON
    if "/" in what:
        rule = explain_rule(what)
        if as_json:
            print_json(rule.document())
        else:
            _render_rule(rule)
        return
    settings = settings_for(workspace)
    gap = explain_gap(settings, what, SystemClock().now().date())
    if as_json:
        print_json(gap.document())
    else:
        _render_gap(gap, workspace_root=str(settings.workspace))


def _render_rule(explained: ExplainedRule) -> None:
    rule = explained.rule
    blocks = ", blocks the autopilot" if rule.blocks_autopilot else ""
    print(f"{explained.rule_id}\n  risk {rule.risk}, confidence {rule.confidence}{blocks}\n")
    print(f"  seen: {rule.signal}\n  why:  {rule.why}\n  fix:  {rule.fix}\n")
    print("  Where it is meant, say so and why:")
    print(f"    in a comment on the line or above it:  autopack: ignore[{explained.rule_id}] -- reason")
    print(f"    for a whole file, anywhere in it:      autopack: ignore-file[{explained.rule_id}] -- reason")
    print(f'    for all:  [rules."{explained.rule_id}"] severity = "off", reason = "…"  in .autopack/config.toml')
    if rule.blocks_autopilot:
        print("  It blocks the autopilot: until the suppression is committed, it hides nothing.")
    print(f"\n  docs/reference/gaps.md#{rule.name}")


def _render_gap(explained: ExplainedGap, workspace_root: str) -> None:
    from autopack.reporting.plain_text import one_line
    from autopack.reporting.text import render_gap
    from autopack.reporting.view import View

    gap = explained.gap
    view = View(explained.report, lines=explained.lines)
    for line in render_gap(gap, view, text_look(workspace_root), most=len(gap.evidence)):
        print(line.removeprefix("  "))
    print(f"\n  seen: {one_line(gap.detection_signals[0])}")
    print(f"  why:  {one_line(gap.why_it_matters)}\n  fix:  {one_line(gap.how_to_fix)}")
    if gap.remedy is not None:
        print(f"  Autopack can: {gap.remedy.kind}, {len(gap.remedy.operations)} operations")
    if explained.state != "new":
        print(f"  {explained.state}: {one_line(explained.reason)}")
    print(f"  {gap.rule_id}, confidence {gap.confidence}, fingerprint {explained.fingerprint[:16]}")
