"""One JSON document for each gap and a last one for the whole: for pipes that read line by line."""

from __future__ import annotations

from autopack.artifacts.canonical import canonical_bytes
from autopack.gaps.fingerprints import fingerprint
from autopack.gaps.models import Gap
from autopack.reporting.view import View


def render(view: View) -> str:
    """Return canonical JSON (RFC 8785) lines, `type` and `state` first to ask for: gaps in order, then suppressed
    ones, then the report without its gaps."""
    rows = [_row(gap, "accepted" if view.accepted(gap) else "new", _reason(view, gap)) for gap in view.report.gaps]
    rows += [_row(one.gap, "suppressed", one.reason) for one in view.suppressed]
    head = view.report.document()
    del head["gaps"]
    rows.append({"type": "report", **head})
    return "".join(canonical_bytes(row).decode() + "\n" for row in rows)


def _row(gap: Gap, state: str, reason: str | None) -> dict[str, object]:
    return {"type": "gap", "state": state, "reason": reason, "fingerprint": fingerprint(gap), **gap.document()}


def _reason(view: View, gap: Gap) -> str | None:
    entry = view.accepted(gap)
    return entry.reason if entry else None
