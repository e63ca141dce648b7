"""The published schema of the plan proposal and its model accept and refuse the same documents."""

from __future__ import annotations

from typing import Any

from autopack.planning.models import PlanProposalV1
from schema_contract import SchemaContract

SAMPLE: dict[str, Any] = {
    "format_version": "v1",
    "plan_proposal_id": "plan-proposal-0123456789ab",
    "project_id": "sample",
    "run_id": "scan-0123456789ab",
    "anchor_id": "anchor-0123456789ab",
    "gap_report_id": "gap-report-0123456789ab",
    "actions": [
        {
            "action_id": "action-0123456789ab",
            "kind": "file_move",
            "title": "Move notes.txt into docs",
            "gap_ids": ["root_clutter-0123456789ab"],
            "target_paths": ["docs/notes.txt", "notes.txt"],
            "operations": [
                {"op": "move_file", "path": "notes.txt", "before_sha256": "b" * 64, "destination": "docs/notes.txt"}
            ],
            "brief": None,
            "depends_on": [],
            "risk_score": 10,
            "risk_classification": "low",
            "risk_factors": [{"name": "kind", "points": 10, "detail": "A move keeps the content."}],
            "cost_estimate": {
                "lines": {"low": 0, "high": 0},
                "seconds": {"low": 0, "high": 5},
                "tokens": {"low": 0, "high": None},
            },
            "rollback": "The commit is reverted.",
            "approval_status": "auto_approved",
            "decided_by": ["rule:tidy-root"],
        }
    ],
    "summary": {
        "total_actions": 1,
        "auto_approved": 1,
        "requires_approval": 0,
        "blocked": 0,
        "lines_high": 0,
        "files": 2,
    },
    "governance_checks": [{"name": "bounds", "passed": True, "detail": "Within the anchor's bounds."}],
    "metadata": {
        "base_commit": "c" * 40,
        "policy_digest": "d" * 64,
        "sandbox_tier": "isolated",
        "recalled": [],
        "left_out": [],
    },
}


class TestPlanProposalV1(SchemaContract):
    """The published schema and `PlanProposalV1`."""

    NAME = "plan_proposal_v1"
    MODEL = PlanProposalV1
    SAMPLE = SAMPLE
