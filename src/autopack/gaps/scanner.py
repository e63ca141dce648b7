"""From a snapshot to a gap report, without looking at anything else: the same snapshot gives the same bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, cast

from autopack import __version__
from autopack.artifacts.canonical import content_id
from autopack.artifacts.model import RISKS, printable
from autopack.gaps.detector import Detector, Finding, Rule
from autopack.gaps.models import (
    Evidence,
    Gap,
    GapReportV1,
    GapSummary,
    GapType,
    ReportMetadata,
    RiskCounts,
    TypeCount,
)
from autopack.gaps.state import DetectorFailure, Snapshot

FAILED = "detector-failed"


def scan(snapshot: Snapshot, *, project_id: str, run_id: str, detectors: Sequence[Detector]) -> GapReportV1:
    """Return everything that DETECTORS find in SNAPSHOT, sorted by type, path, line, rule and id.

    A detector that raises becomes a critical gap of its own type that blocks the autopilot.
    """
    failures = {failure.gap_type: failure for failure in snapshot.failures}
    found: dict[str, Gap] = {}
    for detector in detectors:
        for gap in _run(detector, snapshot, failures.get(detector.gap_type)):
            found.setdefault(gap.gap_id, gap)
    gaps = in_order(found.values())
    report = GapReportV1(
        gap_report_id="gap-report-unsealed",
        project_id=project_id,
        run_id=run_id,
        workspace_state_digest=snapshot.state_digest,
        gaps=gaps,
        summary=summary_of(gaps),
        metadata=_metadata(snapshot),
    )
    return report.sealed()


def _run(detector: Detector, snapshot: Snapshot, failure: DetectorFailure | None) -> list[Gap]:
    if failure is not None:
        return [_failure_gap(failure)]
    try:
        rules = {rule.name: rule for rule in detector.rules}
        findings = sorted(detector.detect(snapshot), key=lambda finding: (finding.rule, finding.key))
        return [gap_of(detector.gap_type, rules[finding.rule], finding) for finding in findings]
    except Exception as fault:  # noqa: BLE001  (a detector's defect becomes a finding, never silence)
        return [_failure_gap(DetectorFailure(detector.gap_type, "detect", None, type(fault).__name__))]


def gap_of(gap_type: GapType, rule: Rule, finding: Finding) -> Gap:
    """Return FINDING as RULE of GAP_TYPE describes it."""
    blocks = rule.blocks_autopilot if finding.blocks_autopilot is None else finding.blocks_autopilot
    return Gap(
        gap_id=content_id(gap_type, [rule.name, *(printable(part) for part in finding.key)]),
        gap_type=gap_type,
        rule_id=f"{gap_type}/{rule.name}",
        title=finding.title,
        why_it_matters=rule.why,
        how_to_fix=rule.fix,
        detection_signals=(rule.signal,),
        evidence=finding.evidence,
        risk_classification=finding.risk or rule.risk,
        confidence=finding.confidence or rule.confidence,
        blocks_autopilot=blocks,
        remedy=finding.remedy,
    )


def has_failed_with(report: GapReportV1, fault: type[Exception]) -> bool:
    """Tell whether a detector could not do its work in REPORT because of FAULT."""
    signal = f"{fault.__name__} in `"
    return any(
        gap.rule_id.endswith(f"/{FAILED}") and gap.detection_signals[0].startswith(signal) for gap in report.gaps
    )


def _failure_gap(failure: DetectorFailure) -> Gap:
    """Return the gap that stands for a detector which could not do its work."""
    where = f" over {failure.path}" if failure.path else ""
    rule = Rule(
        name=FAILED,
        risk="critical",
        confidence="high",
        blocks_autopilot=True,
        signal=f"{failure.error} in `{failure.function}`{where}",
        why="What this detector would have found is unknown, so nothing may be built on this report.",
        fix="Report it with the file named here; until then, work without the autopilot.",
    )
    finding = Finding(
        rule=FAILED,
        title=f"The detector {failure.gap_type} failed",
        key=(failure.function, failure.path or ""),
        evidence=(Evidence(path=failure.path),) if failure.path else (),
    )
    return gap_of(cast(GapType, failure.gap_type), rule, finding)


def in_order(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Return GAPS sorted by type, path, line, rule and id."""
    return tuple(sorted(gaps, key=_order))


def _order(gap: Gap) -> tuple[str, str, int, str, str]:
    first = gap.evidence[0] if gap.evidence else Evidence()
    return gap.gap_type, first.path or "", first.line or 0, gap.rule_id, gap.gap_id


def summary_of(gaps: Sequence[Gap]) -> GapSummary:
    """Return GAPS in numbers."""
    risks = Counter(gap.risk_classification for gap in gaps)
    types = Counter(gap.gap_type for gap in gaps)
    return GapSummary(
        total=len(gaps),
        blocking=sum(gap.blocks_autopilot for gap in gaps),
        by_risk=RiskCounts(**{risk: risks[risk] for risk in RISKS}),
        by_type=tuple(TypeCount(gap_type=gap_type, count=types[gap_type]) for gap_type in sorted(types)),
    )


def _metadata(snapshot: Snapshot) -> ReportMetadata:
    return ReportMetadata(
        scanner_version=__version__,
        base_commit=snapshot.git.head,
        intention_source=cast(Literal["none", "working_copy", "commit"], snapshot.intention_source),
        files_in_scope=len(snapshot.files),
        scan_incomplete=snapshot.not_looked_at,
    )
