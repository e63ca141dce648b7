"""Anchors, gaps and reports for tests of plans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autopack.artifacts.canonical import bytes_digest, content_id
from autopack.artifacts.model import Confidence, Risk
from autopack.gaps.models import Evidence, Gap, GapReportV1, GapSummary, GapType, ReportMetadata, RiskCounts
from autopack.gaps.remedies import DeleteFile, MoveFile, Operation, Remedy, ReplaceText
from autopack.intention_anchor.v2 import (
    AutoApproveRule,
    BudgetCost,
    EvidenceVerification,
    GovernanceReview,
    IntentionAnchorV2,
    PivotIntentions,
    SafetyRisk,
    ScopeBoundaries,
)

SOME_SHA = bytes_digest(b"some bytes\n")


def anchor(
    *,
    roots: Sequence[str] = ("/**",),
    protected: Sequence[str] = (),
    never_allow: Sequence[str] = (),
    requires_approval: Sequence[str] = (),
    rules: Sequence[AutoApproveRule] = (),
    budget: BudgetCost | None = None,
    tolerance: str = "low",
) -> IntentionAnchorV2:
    """Return an anchor that allows writing below ROOTS and otherwise says only what is stated."""
    return IntentionAnchorV2.from_document(
        {
            "project_id": "sample",
            "created_at": "2026-01-02T03:04:05Z",
            "updated_at": "2026-01-02T03:04:05Z",
            "raw_input_digest": "0" * 64,
            "pivot_intentions": PivotIntentions(
                safety_risk=SafetyRisk.from_document(
                    {
                        "never_allow": list(never_allow),
                        "requires_approval": list(requires_approval),
                        "risk_tolerance": tolerance,
                    }
                ),
                evidence_verification=EvidenceVerification(),
                scope_boundaries=ScopeBoundaries(allowed_write_roots=tuple(roots), protected_paths=tuple(protected)),
                budget_cost=budget or BudgetCost(token_cap_global=100_000, time_cap_seconds=3_600),
                governance_review=GovernanceReview(auto_approve_rules=tuple(rules)),
            ).document(),
        }
    )


def auto_rule(*kinds: str, paths: Sequence[str] = ("/**",), max_lines: int = 100) -> AutoApproveRule:
    """Return an owner's rule that approves KINDS below PATHS unasked."""
    return AutoApproveRule(
        rule_id="sample-rule", description="Sample.", kinds=kinds, paths=tuple(paths), max_lines=max_lines
    )


def edit(path: str, *, line: int = 1, column: int = 0, old: str = "some", new: str = "other") -> ReplaceText:
    """Return an edit of PATH, which holds `some bytes`."""
    return ReplaceText(path=path, before_sha256=SOME_SHA, line=line, column=column, old=old, new=new)


def move(path: str, destination: str) -> MoveFile:
    """Return a move of PATH, which holds `some bytes`."""
    return MoveFile(path=path, before_sha256=SOME_SHA, destination=destination)


def delete(path: str) -> DeleteFile:
    """Return a deletion of PATH, which holds `some bytes`."""
    return DeleteFile(path=path, before_sha256=SOME_SHA)


def gap(
    key: str,
    *,
    kind: str | None = None,
    operations: Sequence[Operation] = (),
    lines: int = 2,
    paths: Sequence[str] = (),
    gap_type: GapType = "doc_drift",
    rule: str = "dead-link",
    risk: Risk = "low",
    confidence: Confidence = "high",
    blocks: bool = False,
    fix: str = "Correct it.",
) -> Gap:
    """Return a gap told apart by KEY, with a remedy of KIND where there is one and evidence at PATHS."""
    remedy = None if kind is None else Remedy(kind=kind, operations=tuple(operations), lines=lines)
    return Gap(
        gap_id=content_id(gap_type, [rule, key]),
        gap_type=gap_type,
        rule_id=f"{gap_type}/{rule}",
        title=f"Finding {key}",
        why_it_matters="It misleads readers.",
        how_to_fix=fix,
        detection_signals=("seen",),
        evidence=tuple(Evidence(path=path, line=1) for path in paths),
        risk_classification=risk,
        confidence=confidence,
        blocks_autopilot=blocks,
        remedy=remedy,
    )


def link_gap(path: str, **others: object) -> Gap:
    """Return a gap in PATH that a `link_fix` of two lines closes."""
    return gap(path, kind="link_fix", operations=(edit(path),), paths=(path,), **others)  # type: ignore[arg-type]


def report(gaps: Iterable[Gap]) -> GapReportV1:
    """Return a report of GAPS in the order given."""
    found = tuple(gaps)
    return GapReportV1(
        gap_report_id="unsealed",
        project_id="sample",
        run_id="run-1",
        workspace_state_digest="0" * 64,
        gaps=found,
        summary=GapSummary(total=len(found), blocking=0, by_risk=RiskCounts(), by_type=()),
        metadata=ReportMetadata(scanner_version="1", base_commit="a" * 40, intention_source="commit", files_in_scope=1),
    ).sealed()
