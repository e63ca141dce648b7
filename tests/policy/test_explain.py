"""Every rule has one sentence of its own."""

from __future__ import annotations

import pytest

from autopack.policy.explain import describe
from policy.anchors import an_anchor


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("default.nothing-permits", "Nothing permits it."),
        ("local.no-friday", "The owner's own forbid in .autopack/policy.cedar does not apply."),
        ("engine.timeout", "The policy engine answers cleanly."),
        ("owner.docs-small", "Small fixes in the documentation."),
        ("owner.gone", "A rule of the owner's."),
    ],
)
def test_a_rule_is_described_by_whose_it_is(rule: str, sentence: str) -> None:
    """The policy's own rules, the owner's forbids, the engine's faults and the owner's permits are told apart."""
    assert describe(rule, an_anchor()) == sentence


def test_a_shipped_rule_is_described_by_its_comment() -> None:
    """The comment above a shipped rule is what people read."""
    assert describe("block.network", an_anchor()) == "Every host is in scope_boundaries.network_allowlist."
