"""The published schema of the phase proof and its model accept and refuse the same documents."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autopack.proofs.models import PhaseProofV1 as MODEL
from autopack.schema_validation.json_schema import validate
from schema_parity import EXAMPLES, documents, every_single_change, model_accepts, objects, schema_accepts, spoiled

NAME = "phase_proof_v1"
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
