"""The published schema of the intention anchor and its model accept and refuse the same documents."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autopack.intention_anchor.v2 import IntentionAnchorV2 as MODEL
from autopack.schema_validation.json_schema import validate
from schema_parity import EXAMPLES, documents, every_single_change, model_accepts, objects, schema_accepts, spoiled

NAME = "intention_anchor_v2"
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
        },
        "memory_continuity": None,
        "governance_review": None,
        "parallelism_isolation": {"allowed": False, "isolation_model": "none", "max_concurrent_runs": 1},
    },
    "metadata": {
        "inferred": [{"pointer": "/north_star/non_goals", "value": None, "source": "README.md", "confirmed": False}]
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
