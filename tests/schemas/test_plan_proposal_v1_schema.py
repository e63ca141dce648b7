"""The published schema of the plan proposal and its model accept and refuse the same documents."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autopack.planning.models import PlanProposalV1 as MODEL
from autopack.schema_validation.json_schema import validate
from schema_parity import EXAMPLES, documents, every_single_change, model_accepts, objects, schema_accepts, spoiled

NAME = "plan_proposal_v1"
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


def test_a_plain_document_is_accepted_by_both() -> None:
    """A small complete document passes the schema and the model."""
    validate(SAMPLE, NAME)
    assert MODEL.from_document(SAMPLE).document() == SAMPLE


@EXAMPLES
@given(documents(NAME))
def test_model_and_schema_agree_on_documents_of_the_schema(document: Any) -> None:
    """What the schema accepts the model accepts, and the other way round."""
    assert schema_accepts(document, NAME) == model_accepts(document, MODEL)


def test_model_and_schema_agree_on_every_single_change() -> None:
    """Each value of the plain document dropped, retyped, or moved off its pattern and range: the same answer."""
    changes = list(every_single_change(SAMPLE))
    assert len(changes) > 100
    assert [what for what, made in changes if schema_accepts(made, NAME) != model_accepts(made, MODEL)] == []


@EXAMPLES
@given(st.one_of(spoiled(SAMPLE), documents(NAME).flatmap(spoiled)))
def test_model_and_schema_agree_on_spoiled_documents(document: Any) -> None:
    """Dropped and added keys, swapped types, booleans for integers, floats and bad patterns divide them nowhere."""
    assert schema_accepts(document, NAME) == model_accepts(document, MODEL)


@given(documents(NAME))
@EXAMPLES
def test_an_unknown_key_is_refused_at_every_level(document: Any) -> None:
    """Not one object of a document takes a key that the schema does not name."""
    for inner in objects(document):
        inner["unknown_key"] = 1
        assert not schema_accepts(document, NAME)
        assert not model_accepts(document, MODEL)
        del inner["unknown_key"]
