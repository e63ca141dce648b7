"""Generated anchors and actions, close to every limit so that each rule fires often."""

from __future__ import annotations

from random import Random

from autopack.intention_anchor.v2 import (
    AnchorMetadata,
    AutoApproveRule,
    BudgetCost,
    GovernanceReview,
    InferredValue,
    IntentionAnchorV2,
    SafetyRisk,
    ScopeBoundaries,
)
from autopack.policy.facts import ActionFacts, Circumstances
from policy.anchors import KINDS, a_rule, an_anchor

PATHS = (
    *("docs/a.md", "docs/deep/b.md", "Docs/a.md", "docs/DEBUG_LOG.md", "docs/.env.local", "docs/Migrations/1.md"),
    *("src/a.py", "src/pkg/b.py", "src/secret/key.PEM", "src/vendor/c.py", "src/.Git/config", "src/straße.py"),
    *("tests/t.py", "pyproject.toml", ".github/workflows/ci.yml", ".git/config", ".autopack/intention.yaml"),
    *("README.md", "Makefile", "uv.lock", "infra/main.tf", "src/INFRA/x.tf", "docs/CLAUDE.md", "docs/ledger/l.md"),
)
SAFE_PATHS = ("docs/a.md", "docs/deep/b.md", "docs/c.md", "src/a.py", "src/pkg/b.py")


def generated_anchor(random: Random) -> IntentionAnchorV2:
    """Return an anchor with random limits."""
    rules = [
        a_rule(
            rule_id=f"rule-{number}",
            kinds=tuple(random.sample(("encoding_fix", "file_move", "link_fix"), random.randint(1, 3))),
            paths=random.choice((("/docs/**",), ("/src/**",), ("/docs/**", "/src/**"), ("/docs/*.md",))),
            max_lines=random.choice((0, 5, 50)),
            max_risk=random.choice((None, 5, 20)),
            max_files=random.choice((None, 1, 2)),
        )
        for number in range(random.randint(0, 4))
    ]
    inferred = (InferredValue(pointer="/scope_boundaries", source="x", confirmed=random.random() < 0.5),)
    entries = ("/infra", "vendor", "file_delete", "file_move", "**/secret", "STRASSE.py")
    return an_anchor(
        safety=SafetyRisk(
            never_allow=tuple(random.sample(entries, random.randint(0, 2))),
            requires_approval=tuple(random.sample(entries, random.randint(0, 2))),
            risk_tolerance=random.choice(("low", "medium", "high")),
        ),
        scope=ScopeBoundaries(
            allowed_write_roots=random.choice((("/docs/**", "/src/**"), ("/**",), ("/docs/**",))),
            protected_paths=tuple(random.sample(("/src/vendor", "ledger", "*.TF"), random.randint(0, 2))),
            network_allowlist=("docs.example",),
        ),
        budget=BudgetCost(
            token_cap_global=random.choice((None, 0, 100)),
            time_cap_seconds=random.choice((None, 10, 100)),
            max_lines=random.choice((20, 2_000)),
            max_files=random.choice((1, 50)),
            token_cap_per_action=random.choice((None, None, 0, 100)),
            time_cap_seconds_per_action=random.choice((None, None, 5, 60)),
            max_lines_per_action=random.choice((None, None, 5, 100)),
            time_cap_seconds_per_day=random.choice((None, None, 10)),
            cost_escalation_policy=random.choice(("block", "warn", "request_approval")),
        ),
        governance=GovernanceReview(default_policy=random.choice(("allow", "deny")), auto_approve_rules=_tuple(rules)),
        metadata=AnchorMetadata(inferred=inferred if random.random() < 0.3 else ()),
    )


def generated_action(random: Random) -> tuple[ActionFacts, Circumstances]:
    """Return the facts of a random action and the circumstances of a random run."""
    usual = random.random() < 0.6
    paths = SAFE_PATHS if usual else PATHS
    facts = ActionFacts(
        kind=random.choice(
            (*KINDS, "link_fix", "encoding_fix", "link_fix") if random.random() < 0.98 else ("unheard",)
        ),
        paths=tuple(random.choices(paths, k=random.choice((0, 1, 1, 1, 2, 3)))),
        lines=random.choice((0, 5, 6, 20, 21, 50, 51, None)),
        risk=random.choice((0, 5, 6, 20, 25, 26, 50, 51, 75, 76, None)) if not usual else random.choice((0, 5)),
        tokens=random.choice((0, 0, 0, 1, 100, 101, None)),
        seconds=random.choice((0, 5, 10, 11, 60, 61, 101, None)),
        reversible=random.random() < 0.9,
        hosts=random.choice(((), (), (), ("docs.example",), ("evil.example",))),
        link_targets=random.choice(((), (), (), ("src/a.py",), ("tests/t.py",))),
    )
    run = Circumstances(
        sandbox=random.choice(("isolated", "isolated", "confined", "none")),
        remaining_tokens=random.choice((None, 0, 50, 1_000)),
        remaining_seconds=random.choice((None, 5, 1_000)),
    )
    return facts, run


def _tuple(rules: list[AutoApproveRule]) -> tuple[AutoApproveRule, ...]:
    return tuple(rules)
