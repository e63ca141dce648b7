"""The published schema of the gap report and its model accept and refuse the same documents."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autopack.gaps.models import GapReportV1 as MODEL
from autopack.schema_validation.json_schema import validate
from schema_parity import EXAMPLES, documents, every_single_change, model_accepts, objects, schema_accepts, spoiled

NAME = "gap_report_v1"
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
                {"path": "docs/a.md", "line": 3, "test_name": None, "excerpt_sha256": "b" * 64, "preview": "[b](b.md)"}
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
