"""The published schema of the phase proof and its model accept and refuse the same documents."""

from __future__ import annotations

from typing import Any

from autopack.proofs.models import PhaseProofV1
from schema_contract import SchemaContract

SAMPLE: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "tree", "digest": {"gitTree": "a" * 40}}],
    "predicateType": "https://autopack.dev/attestation/phase/v1",
    "format_version": "v1",
    "predicate": {
        "phase_id": "phase-1",
        "run_id": "autopilot-20261122T100000Z",
        "project_id": "sample",
        "anchor_id": "anchor-0123456789ab",
        "gap_report_id": "gap-report-0123456789ab",
        "plan_proposal_id": "plan-proposal-0123456789ab",
        "action_id": "action-0123456789ab",
        "kind": "file_move",
        "policy_digest": "d" * 64,
        "approval": "auto_approved",
        "approved_by": "policy:rule:tidy-root",
        "first_verdict": ["rule:tidy-root"],
        "second_verdict": ["rule:tidy-root"],
        "second_outcome": "auto_approved",
        "measured_digest": "d" * 64,
        "needs_approval": False,
        "outcome": "committed",
        "reason": "All checks passed.",
        "base_commit": "c" * 40,
        "commit": "e" * 40,
        "files_changed": [
            {
                "path": "docs/notes.txt",
                "change": "renamed",
                "previous_path": "notes.txt",
                "lines_added": 0,
                "lines_removed": 0,
            }
        ],
        "checks": [
            {
                "name": "tests",
                "argv": ["make", "test"],
                "outcome": "passed",
                "exit_code": 0,
                "output_sha256": "f" * 64,
                "sandbox": "isolated",
                "tests_passed": 3,
                "tests_failed": 0,
                "detail": "",
            }
        ],
        "tests_passed": 3,
        "tests_failed": 0,
        "gaps_closed": ["root_clutter-0123456789ab"],
        "gaps_opened": [],
    },
}


class TestPhaseProofV1(SchemaContract):
    """The published schema and `PhaseProofV1`."""

    NAME = "phase_proof_v1"
    MODEL = PhaseProofV1
    SAMPLE = SAMPLE
