"""Validation says where, what was expected and what was found, and is stricter than a plain validator."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from inline_snapshot import snapshot

from autopack.errors import ArtifactError
from autopack.schema_validation.json_schema import _whole_text_pattern, load_schema, validate

ANCHOR: dict[str, Any] = {
    "format_version": "v2",
    "project_id": "sample",
    "created_at": "2026-11-22T10:00:00Z",
    "updated_at": "2026-11-22T10:00:00Z",
    "raw_input_digest": "a" * 64,
    "pivot_intentions": {"budget_cost": {"max_actions": 5}},
}


def _refusal(change: dict[str, Any]) -> str:
    document = copy.deepcopy(ANCHOR) | change
    with pytest.raises(ArtifactError) as caught:
        validate(document, "intention_anchor_v2")
    return caught.value.message


def test_a_valid_document_passes() -> None:
    """Nothing is raised for a document of the format."""
    validate(ANCHOR, "intention_anchor_v2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"format_version": "v3"},
            'Not a valid intention_anchor_v2: $.format_version: expected "v2", found string "v3"',
        ),
        (
            {"surprise": 1, "extra": 2},
            "Not a valid intention_anchor_v2: $: expected only the keys created_at, format_version, metadata, "
            "pivot_intentions, project_id, raw_input_digest, updated_at, found 'extra', 'surprise'",
        ),
        (
            {"project_id": "../x"},
            "Not a valid intention_anchor_v2: $.project_id: expected text like ^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$, "
            'found string "../x"',
        ),
        (
            {"pivot_intentions": {"budget_cost": {"max_actions": 0}}},
            "Not a valid intention_anchor_v2: $.pivot_intentions.budget_cost.max_actions: expected at least 1, found "
            "integer 0",
        ),
        (
            {"pivot_intentions": {"budget_cost": {"max_actions": True}}},
            "Not a valid intention_anchor_v2: $.pivot_intentions.budget_cost.max_actions: expected integer, found "
            "boolean true",
        ),
        (
            {"pivot_intentions": {"budget_cost": {"max_actions": 1.0}}},
            "Not a valid intention_anchor_v2: $.pivot_intentions.budget_cost.max_actions: expected integer, found "
            "number 1.0",
        ),
        (
            {"pivot_intentions": {"evidence_verification": {"required_checks": [{"name": "tests"}]}}},
            "Not a valid intention_anchor_v2: $.pivot_intentions.evidence_verification.required_checks[0]: expected "
            "the key 'argv', found 'name'",
        ),
        (
            {"project_id": "sample\n"},
            "Not a valid intention_anchor_v2: $.project_id: expected text like ^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$, "
            'found string "sample\\n"',
        ),
        (
            {"project_id": "\ud800"},
            "Not a valid intention_anchor_v2: $.project_id: expected text, found a lone surrogate",
        ),
        (
            {"\udfff": 1},
            "Not a valid intention_anchor_v2: $: expected text, found a lone surrogate",
        ),
    ],
)
def test_a_refusal_names_path_expectation_and_finding(change: dict[str, Any], message: str) -> None:
    """The message says where in the document, what belongs there and what stands there."""
    assert _refusal(change) == message


def test_several_errors_are_named_but_not_all_of_a_thousand() -> None:
    """Five errors are spelt out in the order of the document, the rest are counted, long values are cut."""
    checks = [{"name": "X" * 500, "argv": []} for _ in range(1_000)]
    message = _refusal({"pivot_intentions": {"evidence_verification": {"required_checks": checks}}})
    assert message.count("expected") == 5
    assert message.endswith("; and 1995 more")
    assert len(message) < 1_500
    assert message.index("[0]") < message.index("[1]")


def test_an_unknown_schema_is_an_error_that_names_it() -> None:
    """Asking for a format that does not exist says which."""
    with pytest.raises(ArtifactError) as caught:
        validate({}, "no_such_format")
    assert caught.value.message == snapshot("There is no schema named 'no_such_format'.")


@pytest.mark.parametrize("document", [None, 1, "x", [], [[]], True, 1.5])
def test_what_is_no_object_is_refused_without_a_crash(document: object) -> None:
    """A document of another JSON type gets the same kind of message."""
    with pytest.raises(ArtifactError, match=r"^Not a valid gap_report_v1: \$: expected object, found "):
        validate(document, "gap_report_v1")


def test_a_deeply_nested_document_is_refused_without_a_crash() -> None:
    """Ten thousand levels of nesting do not exhaust the stack."""
    document: list[Any] = []
    for _ in range(10_000):
        document = [document]
    with pytest.raises(ArtifactError, match="levels of nesting"):
        validate(document, "gap_report_v1")


def test_a_dollar_inside_a_class_or_escaped_stays_a_dollar() -> None:
    """Only the anchor `$` is read as the end of the text."""
    assert _whole_text_pattern(r"^[$]\$$").pattern == r"^[$]\$\Z"


@pytest.mark.parametrize(
    "name", ["intention_anchor_v2", "gap_report_v1", "plan_proposal_v1", "autopilot_session_v1", "phase_proof_v1"]
)
def test_every_schema_is_itself_valid_and_named(name: str) -> None:
    """Each published schema conforms to draft 2020-12 and has an id and a title of its own."""
    from jsonschema import Draft202012Validator

    schema = load_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:autopack:schema:{name}"
    assert schema["title"] == name
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
