"""The published schema of the gap report and its model accept and refuse the same documents."""

from __future__ import annotations

from typing import Any

from autopack.gaps.models import GapReportV1
from schema_contract import SchemaContract

SAMPLE: dict[str, Any] = {
    "format_version": "v1",
    "gap_report_id": "gap-report-0123456789ab",
    "project_id": "sample",
    "run_id": "scan-0123456789ab",
    "workspace_state_digest": "a" * 64,
    "gaps": [
        {
            "gap_id": "doc_drift-0123456789ab",
            "gap_type": "doc_drift",
            "rule_id": "doc_drift/dead-link",
            "title": "A link leads nowhere",
            "why_it_matters": "Readers get lost.",
            "how_to_fix": "Point it at a file that exists.",
            "detection_signals": ["docs/a.md:3 links to b.md"],
            "evidence": [
                {
                    "path": "docs/a.md",
                    "line": 3,
                    "column": 1,
                    "test_name": None,
                    "excerpt_sha256": "b" * 64,
                    "preview": "[b](b.md)",
                }
            ],
            "risk_classification": "low",
            "confidence": "high",
            "blocks_autopilot": False,
            "remedy": {
                "kind": "link_fix",
                "operations": [
                    {
                        "op": "replace_text",
                        "path": "docs/a.md",
                        "before_sha256": "b" * 64,
                        "line": 3,
                        "column": 4,
                        "old": "b.md",
                        "new": "c.md",
                    }
                ],
                "lines": 2,
            },
        }
    ],
    "summary": {
        "total": 1,
        "blocking": 0,
        "by_risk": {"critical": 0, "high": 0, "medium": 0, "low": 1, "info": 0},
        "by_type": [{"gap_type": "doc_drift", "count": 1}],
    },
    "metadata": {
        "scanner_version": "0.1.0",
        "base_commit": "c" * 40,
        "intention_source": "none",
        "files_in_scope": 2,
        "scan_incomplete": [],
        "suppressed": 0,
        "low_confidence": 0,
        "since": None,
    },
}


class TestGapReportV1(SchemaContract):
    """The published schema and `GapReportV1`."""

    NAME = "gap_report_v1"
    MODEL = GapReportV1
    SAMPLE = SAMPLE
