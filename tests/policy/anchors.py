"""Anchors and facts for policy tests: everything in order, changed one value at a time."""

from __future__ import annotations

from autopack.intention_anchor.v2 import (
    AnchorMetadata,
    AutoApproveRule,
    BudgetCost,
    GovernanceReview,
    IntentionAnchorV2,
    PivotIntentions,
    SafetyRisk,
    ScopeBoundaries,
)
from autopack.policy.facts import ActionFacts

KINDS = ("advice", "agent_task", "encoding_fix", "file_delete", "file_move", "link_fix")


def a_rule(**changes: object) -> AutoApproveRule:
    """Return a rule that lets small link and encoding fixes in `docs/` pass."""
    stated: dict[str, object] = {
        "rule_id": "docs-small",
        "description": "Small fixes in the documentation.",
        "kinds": ("link_fix", "encoding_fix"),
        "paths": ("/docs/**",),
        "max_lines": 40,
    }
    return AutoApproveRule.model_validate({**stated, **changes})


def an_anchor(
    *,
    safety: SafetyRisk | None = None,
    scope: ScopeBoundaries | None = None,
    budget: BudgetCost | None = None,
    governance: GovernanceReview | None = None,
    metadata: AnchorMetadata | None = None,
) -> IntentionAnchorV2:
    """Return an anchor under which `some_facts()` is auto-approved, with the given pivots instead."""
    return IntentionAnchorV2(
        project_id="sample",
        created_at="2026-01-02T03:04:05Z",
        updated_at="2026-01-02T03:04:05Z",
        raw_input_digest="0" * 64,
        pivot_intentions=PivotIntentions(
            safety_risk=safety or SafetyRisk(),
            scope_boundaries=scope or ScopeBoundaries(allowed_write_roots=("/docs/**", "/src/**")),
            budget_cost=budget or BudgetCost(token_cap_global=1_000, time_cap_seconds=1_000),
            governance_review=governance or GovernanceReview(auto_approve_rules=(a_rule(),)),
        ),
        metadata=metadata or AnchorMetadata(),
    )


def some_facts(**changes: object) -> ActionFacts:
    """Return the facts of a small link fix in `docs/`."""
    stated: dict[str, object] = {"kind": "link_fix", "paths": ("docs/guide.md",), "lines": 2, "risk": 5}
    return ActionFacts(**{**stated, **changes})  # type: ignore[arg-type]
