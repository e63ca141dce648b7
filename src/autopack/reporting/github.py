"""The report as workflow commands, which GitHub shows as annotations beside the changed lines."""

from __future__ import annotations

from autopack.artifacts.model import RISKS
from autopack.gaps.models import Evidence, Gap
from autopack.reporting.plain_text import one_line
from autopack.reporting.view import View, in_one_line

_COMMANDS = {"critical": "error", "high": "error", "medium": "warning", "low": "notice", "info": "notice"}


def render(view: View) -> str:
    """Return one command for each new gap, the worst first (a step shows ten of a kind), and one that sums up."""
    gaps = sorted(view.new, key=lambda gap: RISKS.index(gap.risk_classification))
    commands = [_command(gap) for gap in gaps]
    return "\n".join([*commands, f"::notice title=autopack scan::{_data(in_one_line(view))}", ""])


def _command(gap: Gap) -> str:
    first = gap.evidence[0] if gap.evidence else Evidence()
    properties = {"file": first.path, "line": first.line, "col": first.column, "title": gap.rule_id}
    stated = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items() if value)
    message = f"{gap.title} — {gap.how_to_fix}"
    return f"::{_COMMANDS[gap.risk_classification]} {stated}::{_data(message)}"


def _data(text: str) -> str:
    """Return TEXT as the runner's `escapeData` writes it (actions/toolkit, command.ts); a line feed would begin a new
    command."""
    return one_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
