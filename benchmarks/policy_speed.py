"""Time the policy: `python benchmarks/policy_speed.py`. Floor: 3,000 decisions a second, path lists included."""

from __future__ import annotations

import time

from autopack.intention_anchor.v2 import (
    AutoApproveRule,
    BudgetCost,
    GovernanceReview,
    IntentionAnchorV2,
    PivotIntentions,
    ScopeBoundaries,
)
from autopack.policy.decide import Policy
from autopack.policy.facts import ActionFacts, Circumstances

DECISIONS = 5_000
FLOOR_PER_SECOND = 3_000
KINDS = ("advice", "agent_task", "encoding_fix", "file_move", "link_fix")


def main() -> None:
    """Print the time to build a policy and to decide, for more and more owner rules and paths. Processor time, since
    wall time says more about what else the machine does."""
    for rules, paths, fresh in ((1, 1, False), (1, 10, False), (20, 1, False), (100, 1, False), (1, 1, True)):
        start = time.process_time()
        policy = Policy.build(_anchor(rules), kinds=KINDS)
        built = time.process_time() - start
        each = _seconds_each(policy, paths, fresh=fresh)
        verdict = "ok" if 1 / each >= FLOOR_PER_SECOND else "below the floor"
        what = f"{rules:4} rules, {paths:3} paths{', no two alike' if fresh else ''}"
        print(
            f"{what:38} built in {built * 1e3:5.0f} ms, {each * 1e6:5.0f} us a decision,"
            f" {1 / each:6.0f} a second  {verdict}"
        )


def _seconds_each(policy: Policy, paths: int, *, fresh: bool) -> float:
    where = Circumstances()
    facts = [
        ActionFacts(
            "link_fix",
            tuple(f"docs/part-{number}/page-{path}.md" for path in range(paths)),
            lines=number if fresh else 3,
            risk=5,
        )
        for number in range(DECISIONS)
    ]
    start = time.process_time()
    outcomes = {policy.decide(each, where).outcome for each in facts}
    seconds = (time.process_time() - start) / DECISIONS
    assert fresh or outcomes == {"auto_approved"}, outcomes
    return seconds


def _anchor(rules: int) -> IntentionAnchorV2:
    return IntentionAnchorV2(
        project_id="benchmark",
        created_at="2026-01-02T03:04:05Z",
        updated_at="2026-01-02T03:04:05Z",
        raw_input_digest="0" * 64,
        pivot_intentions=PivotIntentions(
            scope_boundaries=ScopeBoundaries(allowed_write_roots=("/**",)),
            budget_cost=BudgetCost(token_cap_global=1_000, time_cap_seconds=1_000),
            governance_review=GovernanceReview(
                auto_approve_rules=tuple(
                    AutoApproveRule(
                        rule_id=f"rule-{number}",
                        description="Small fixes.",
                        kinds=("link_fix",),
                        paths=(f"/other-{number}/**",) if number else ("/docs/**",),
                        max_lines=50,
                    )
                    for number in range(rules)
                )
            ),
        ),
    )


if __name__ == "__main__":
    main()
