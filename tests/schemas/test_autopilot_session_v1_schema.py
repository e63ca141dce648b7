"""The published schema of the autopilot session and its model accept and refuse the same documents."""

from __future__ import annotations

from typing import Any

from autopack.autonomy.session import AutopilotSessionV1
from schema_contract import SchemaContract

STEP: dict[str, Any] = {
    "action_id": "action-0123456789ab",
    "kind": "file_move",
    "title": "Move notes.txt into docs",
    "approval_status": "requires_approval",
    "decided_by": ["default:deny"],
}
SAMPLE: dict[str, Any] = {
    "format_version": "v1",
    "session_id": "session-0123456789ab",
    "project_id": "sample",
    "run_id": "autopilot-20261122T100000Z",
    "enabled": True,
    "outcome": "waiting",
    "reason": "One action waits for approval.",
    "anchor_id": "anchor-0123456789ab",
    "gap_report_id": "gap-report-0123456789ab",
    "plan_proposal_id": "plan-proposal-0123456789ab",
    "base_commit": "c" * 40,
    "branch": None,
    "blocking_gaps": [],
    "would_execute": [STEP],
    "waiting_for_approval": [STEP],
    "blocked": [],
    "rejected": [],
    "executed": [
        {
            "action_id": "action-0123456789ab",
            "phase_id": "phase-1",
            "outcome": "committed",
            "commit": "c" * 40,
            "reason": "All checks passed.",
        }
    ],
    "gaps_closed": ["doc_drift-0123456789ab"],
    "gaps_opened": [],
    "next_command": "autopack approvals list",
}


class TestAutopilotSessionV1(SchemaContract):
    """The published schema and `AutopilotSessionV1`."""

    NAME = "autopilot_session_v1"
    MODEL = AutopilotSessionV1
    SAMPLE = SAMPLE
