"""The published schema of the intention anchor and its model accept and refuse the same documents."""

from __future__ import annotations

from typing import Any

from autopack.intention_anchor.v2 import IntentionAnchorV2
from schema_contract import SchemaContract

SAMPLE: dict[str, Any] = {
    "format_version": "v2",
    "project_id": "sample",
    "created_at": "2026-11-22T10:00:00Z",
    "updated_at": "2026-11-22T10:00:00Z",
    "raw_input_digest": "a" * 64,
    "pivot_intentions": {
        "north_star": {"desired_outcomes": ["Fewer surprises."], "success_signals": [], "non_goals": []},
        "safety_risk": {"never_allow": ["migrations/**"], "requires_approval": [], "risk_tolerance": "low"},
        "evidence_verification": {
            "hard_blocks": [],
            "required_checks": [{"name": "tests", "argv": ["make", "test"], "timeout_seconds": 600}],
            "contract_checks": [],
            "proof_artifacts": [],
        },
        "scope_boundaries": {"allowed_write_roots": ["/docs/**"], "protected_paths": [], "network_allowlist": []},
        "budget_cost": {
            "token_cap_global": None,
            "token_cap_per_call": 1000,
            "time_cap_seconds": None,
            "max_actions": 5,
            "max_files": 50,
            "max_lines": 2000,
            "cost_escalation_policy": "block",
            "token_cap_per_action": 500,
            "time_cap_seconds_per_action": 60,
            "max_lines_per_action": 40,
            "token_cap_per_day": 5000,
            "time_cap_seconds_per_day": 3600,
            "max_actions_per_day": 50,
            "max_lines_per_day": 400,
        },
        "memory_continuity": None,
        "governance_review": None,
        "parallelism_isolation": {"allowed": False, "isolation_model": "none", "max_concurrent_runs": 1},
    },
    "metadata": {
        "inferred": [{"pointer": "/north_star/non_goals", "value": None, "source": "README.md", "confirmed": False}]
    },
}


class TestIntentionAnchorV2(SchemaContract):
    """The published schema and `IntentionAnchorV2`."""

    NAME = "intention_anchor_v2"
    MODEL = IntentionAnchorV2
    SAMPLE = SAMPLE
