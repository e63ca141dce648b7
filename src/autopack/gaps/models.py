"""The gap report: what was found, with evidence that anyone can check. Holds no clock, no duration, no absolute
path."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, StringConstraints

from autopack.artifacts.model import (
    Artifact,
    Confidence,
    Count,
    GitOid,
    IdentifiedArtifact,
    Identifier,
    Line,
    RepoPath,
    Risk,
    Sha256,
    Text,
)
from autopack.gaps.remedies import Remedy

GapType = Literal[
    "baseline_policy_drift",
    "db_lock_contention",
    "doc_drift",
    "git_state_corruption",
    "memory_budget_cap_issue",
    "protected_path_violation",
    "root_clutter",
    "sot_duplicate",
    "test_infra_drift",
    "windows_encoding_issue",
]
GAP_TYPES: tuple[GapType, ...] = get_args(GapType)

RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z_]{3,40}/[a-z0-9-]{2,60}$")]
GapId = Annotated[str, StringConstraints(pattern=r"^[a-z_]{3,40}-[0-9a-f]{12}$")]


class Evidence(Artifact):
    """Where to look: a path relative to the root, a line and a column (from 1, in characters), a test, the SHA-256 of
    the exact bytes meant, and a short preview without secrets."""

    path: RepoPath | None = None
    line: Line | None = None
    column: Line | None = None
    test_name: Text | None = None
    excerpt_sha256: Sha256 | None = None
    preview: Text | None = None


class Gap(Artifact):
    """One mismatch between what the repository is and what it is meant to be."""

    gap_id: GapId
    gap_type: GapType
    rule_id: RuleId
    title: Text
    why_it_matters: Text
    how_to_fix: Text
    detection_signals: Annotated[tuple[Text, ...], Field(min_length=1)]
    evidence: tuple[Evidence, ...]
    risk_classification: Risk
    confidence: Confidence
    blocks_autopilot: bool
    remedy: Remedy | None = None


class RiskCounts(Artifact):
    """How many gaps of each risk."""

    critical: Count = 0
    high: Count = 0
    medium: Count = 0
    low: Count = 0
    info: Count = 0


class TypeCount(Artifact):
    """How many gaps of one type."""

    gap_type: GapType
    count: Count


class GapSummary(Artifact):
    """The report in numbers."""

    total: Count
    blocking: Count
    by_risk: RiskCounts
    by_type: tuple[TypeCount, ...]


class NotLookedAt(Artifact):
    """Something that the scan could not see, and why."""

    subject: Text
    reason: Text


class ReportMetadata(Artifact):
    """What was scanned, by which rules."""

    scanner_version: Text
    base_commit: GitOid | None
    intention_source: Literal["none", "working_copy", "commit"]
    files_in_scope: Count
    scan_incomplete: tuple[NotLookedAt, ...] = ()
    suppressed: Count = 0
    """Gaps that a person has called meant, in a comment or in the settings, with a reason."""
    low_confidence: Count = 0
    """Gaps that are only plausible and were not asked for."""
    since: GitOid | None = None
    """The report holds only what changes after this commit can have caused."""


class GapReportV1(IdentifiedArtifact):
    """Everything that one scan found, in a stable order (type, path, line, rule, id)."""

    ID_FIELD = "gap_report_id"
    ID_PREFIX = "gap-report"

    format_version: Literal["v1"] = "v1"
    gap_report_id: Identifier
    project_id: Identifier
    run_id: Identifier
    workspace_state_digest: Sha256
    gaps: tuple[Gap, ...]
    summary: GapSummary
    metadata: ReportMetadata
