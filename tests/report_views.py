"""A report with one gap of every sort, as the renderers get it."""

from __future__ import annotations

from datetime import date

from autopack.gaps.baseline import Acceptance, BaselineV1, compare, entry_of
from autopack.gaps.models import (
    Evidence,
    Gap,
    GapReportV1,
    NotLookedAt,
    ReportMetadata,
)
from autopack.gaps.scanner import in_order, summary_of
from autopack.gaps.suppressions import Suppressed
from autopack.reporting.view import View

HOSTILE = "\x1b]0;owned\x07 ::error::x%0A\n<script>&\"'|`@someone ‮#1 ]]> https://x.invalid"
"""Text that steers terminals, CI servers, XML and Markdown where it is not made harmless."""


def a_gap(
    number: int,
    *,
    title: str = "README.md links to gone.md, which is not there",
    risk: str = "low",
    rule: str = "doc_drift/broken-link",
    evidence: tuple[Evidence, ...] = (
        Evidence(path="README.md", line=3, column=5, excerpt_sha256="a" * 64, preview="See [x](gone.md)."),
    ),
    blocks: bool = False,
) -> Gap:
    """Return a gap whose id ends in NUMBER."""
    return Gap.model_validate(
        {
            "gap_id": f"{rule.partition('/')[0]}-{number:012x}",
            "gap_type": rule.partition("/")[0],
            "rule_id": rule,
            "title": title,
            "why_it_matters": "Readers get lost.",
            "how_to_fix": "Point it at a file that exists.",
            "detection_signals": ("A link leads nowhere.",),
            "evidence": evidence,
            "risk_classification": risk,
            "confidence": "high",
            "blocks_autopilot": blocks,
        }
    )


def a_report(*gaps: Gap, suppressed: int = 0, notes: tuple[NotLookedAt, ...] = ()) -> GapReportV1:
    """Return a report of GAPS."""
    return GapReportV1(
        gap_report_id="unsealed",
        project_id="sample",
        run_id="run",
        workspace_state_digest="d" * 64,
        gaps=in_order(gaps),
        summary=summary_of(gaps),
        metadata=ReportMetadata(
            scanner_version="0.1.0",
            base_commit="c" * 40,
            intention_source="none",
            files_in_scope=2,
            scan_incomplete=notes,
            suppressed=suppressed,
        ),
    ).sealed()


def everything() -> View:
    """Return a view with a new, an accepted, a suppressed and a gone gap, and a place not looked at."""
    new = a_gap(
        1,
        title="Unresolved conflict in ä b.txt",
        risk="high",
        rule="git_state_corruption/conflict-markers",
        evidence=(Evidence(path="ä b.txt", line=1, preview="<<<<<<< HEAD"), Evidence(path="ä b.txt", line=9)),
        blocks=True,
    )
    known, gone, meant = a_gap(2), a_gap(3, title="x.md links to gone.md"), a_gap(4, title="y.md links to gone.md")
    entries = tuple(entry_of(gap, Acceptance("older than the check")) for gap in (known, gone))
    report = a_report(new, known, suppressed=1, notes=(NotLookedAt(subject="big.txt", reason="too large"),))
    return View(
        report=report,
        suppressed=(Suppressed(meant, "inSource", "made by the release"),),
        comparison=compare(report.gaps, BaselineV1(findings=entries), date(2026, 11, 22)),
        lines={("ä b.txt", 1): "<<<<<<< HEAD"},
    )


def hostile() -> View:
    """Return a view whose every text tries to break out."""
    evidence = (Evidence(path=f"a{HOSTILE.replace('/', '_')}.md", line=1, column=1, preview=HOSTILE),)
    gap = a_gap(1, title=HOSTILE, evidence=evidence)
    report = a_report(gap, notes=(NotLookedAt(subject=HOSTILE, reason=HOSTILE),))
    suppressed = (Suppressed(a_gap(2, title=HOSTILE, evidence=evidence), "external", HOSTILE),)
    return View(report, suppressed=suppressed, lines={(evidence[0].path or "", 1): HOSTILE})
