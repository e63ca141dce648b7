"""Version 1, and what it becomes."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot
from pydantic import ValidationError

from autopack.intention_anchor.v1 import IntentionAnchorV1, propose_upgrade

NOW = "2026-01-02T03:04:05Z"


def anchor_v1(**fields: object) -> IntentionAnchorV1:
    """Return an anchor of version 1 with FIELDS."""
    return IntentionAnchorV1.from_document(
        {
            "project_id": "demo",
            "created_at": "2025-01-01T00:00:00Z",
            "raw_input_digest": "0" * 64,
            "intent_anchor": "",
            **fields,
        }
    )


FULL = anchor_v1(
    intent_anchor="A shop that never loses an order.",
    intent_facts=["It runs since 2019."],
    non_goals=["Marketing"],
    acceptance_criteria=["No lost order in a month", " "],
    constraints=["Orders are never deleted"],
    toolchain_hypotheses=["Python"],
    open_questions=["Which database?"],
)


def test_the_text_has_at_most_2048_characters() -> None:
    """Characters, not bytes."""
    assert len(anchor_v1(intent_anchor="ü" * 2048).intent_anchor) == 2048
    with pytest.raises(ValidationError):
        anchor_v1(intent_anchor="x" * 2049)


def test_an_upgrade_carries_what_means_the_same_and_marks_it() -> None:
    """The rest is named, not guessed, and every carried entry waits for confirmation."""
    upgrade = propose_upgrade(FULL, updated_at=NOW)
    stated = upgrade.proposed.pivot_intentions.model_dump(mode="json", exclude_defaults=True)
    assert stated == snapshot(
        {
            "north_star": {
                "desired_outcomes": ["A shop that never loses an order."],
                "success_signals": ["No lost order in a month"],
                "non_goals": ["Marketing"],
            },
            "evidence_verification": {"hard_blocks": ["Orders are never deleted"]},
        }
    )
    assert [(mark.pointer, mark.source) for mark in upgrade.proposed.unconfirmed] == snapshot(
        [
            ("/evidence_verification/hard_blocks/0", "version 1: constraints"),
            ("/north_star/desired_outcomes/0", "version 1: intent_anchor"),
            ("/north_star/non_goals/0", "version 1: non_goals"),
            ("/north_star/success_signals/0", "version 1: acceptance_criteria"),
        ]
    )
    assert upgrade.left_out == ("intent_facts", "toolchain_hypotheses", "open_questions")
    assert "scope_boundaries" in [question.pivot for question in upgrade.questions]


@pytest.mark.parametrize("old", [FULL, anchor_v1(), anchor_v1(intent_anchor="x")])
def test_an_upgrade_invents_nothing(old: IntentionAnchorV1) -> None:
    """No root, rule, host, budget, check or tolerance comes out of a version that knew none."""
    proposed = propose_upgrade(old, updated_at=NOW).proposed
    pivots = proposed.pivot_intentions
    for unknown in ("safety_risk", "scope_boundaries", "budget_cost", "memory_continuity", "governance_review"):
        assert getattr(pivots, unknown) is None
    assert pivots.parallelism_isolation is None
    assert proposed.evidence_verification.required_checks == ()
    said = {
        "A shop that never loses an order.",
        "Marketing",
        "No lost order in a month",
        "Orders are never deleted",
        "x",
    }
    for pivot in (pivots.north_star, pivots.evidence_verification):
        for value in pivot.document().values() if pivot else ():
            assert set(value) <= said
