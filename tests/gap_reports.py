"""What a scan of a test repository says, in a form that a test can show whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autopack.gaps.detector import Detector
from autopack.gaps.models import Gap, GapReportV1
from autopack.gaps.scanner import scan
from autopack.gaps.snapshot import take_snapshot
from autopack.intention_anchor.v2 import IntentionAnchorV2, PivotIntentions, ScopeBoundaries


def report_of(
    workspace: Path,
    *detectors: Detector,
    intention: IntentionAnchorV2 | None = None,
    base_intention: IntentionAnchorV2 | None = None,
    since: str | None = None,
) -> GapReportV1:
    """Scan WORKSPACE with DETECTORS."""
    snapshot = take_snapshot(workspace, detectors, intention=intention, base_intention=base_intention, since=since)
    return scan(snapshot, project_id="sample", run_id="run", detectors=detectors)


def seen(gaps: Sequence[Gap]) -> list[str]:
    """Return each gap as `rule path:line`, in the report's order."""
    return [f"{gap.rule_id.partition('/')[2]} {_place(gap)}".rstrip() for gap in gaps]


def _place(gap: Gap) -> str:
    if not gap.evidence or gap.evidence[0].path is None:
        return ""
    first = gap.evidence[0]
    return f"{first.path}:{first.line}" if first.line else f"{first.path}"


def anchor_protecting(*patterns: str, writable: Sequence[str] = ()) -> IntentionAnchorV2:
    """Return an anchor that protects PATTERNS and lets Autopack write to WRITABLE."""
    boundaries = ScopeBoundaries(protected_paths=patterns, allowed_write_roots=tuple(writable))
    return IntentionAnchorV2(
        project_id="sample",
        created_at="2026-01-02T03:04:05Z",
        updated_at="2026-01-02T03:04:05Z",
        raw_input_digest="0" * 64,
        pivot_intentions=PivotIntentions(scope_boundaries=boundaries),
    )
