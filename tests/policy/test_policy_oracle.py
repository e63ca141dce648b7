"""The policy against an independent table, and against policies with a rule missing."""

from __future__ import annotations

from random import Random

import pytest

from autopack.intention_anchor.v2 import GovernanceReview, IntentionAnchorV2
from autopack.policy import compile as compiling
from autopack.policy import decide
from autopack.policy.decide import Policy
from policy.anchors import KINDS, a_rule, an_anchor
from policy.generated import generated_action, generated_anchor
from policy.oracle import Oracle


@pytest.mark.parametrize("seed", range(8))
def test_outcome_and_rules_agree_with_an_independent_table(seed: int) -> None:
    """The engine and a plain table give the same outcome and the same rules for 1,000 generated actions each."""
    random = Random(seed)
    anchor = generated_anchor(random)
    policy, oracle = Policy.build(anchor, kinds=KINDS), Oracle(anchor, KINDS)
    assert policy.fault == ""
    for _ in range(1_000):
        facts, run = generated_action(random)
        verdict = policy.decide(facts, run)
        assert (verdict.outcome, verdict.rules) == oracle.answer(facts, run), (facts, run)


def test_generated_actions_reach_every_rule() -> None:
    """No built-in rule goes untested because the generator never meets it."""
    random, met = Random(1), set()
    for _ in range(40):
        oracle = Oracle(generated_anchor(random), KINDS)
        for _ in range(200):
            met |= set(oracle.answer(*generated_action(random))[1])
    shipped = set(
        compiling.gather(an_anchor(), KINDS, local_policy="", ledgers=(), shipped=compiling.shipped_policy()).policies
    )
    assert shipped - {"base.attempt", "owner.docs-small"} - met == set()


SHIPPED = tuple(name for name, _ in compiling._parsed(compiling.shipped_policy()))


@pytest.mark.parametrize("dropped", SHIPPED)
def test_dropping_any_one_policy_is_noticed(dropped: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shipped policy without one of its rules either fails its self-test and blocks everything, or (for the one
    permit that the owner can switch on) is told apart by the table."""
    kept = dict(compiling._parsed(compiling.shipped_policy()))
    del kept[dropped]
    monkeypatch.setattr(compiling, "_shipped_policies", lambda text: kept)
    random = Random(7)
    assert any(_disagree(generated_anchor(random), random) for _ in range(12))


def _disagree(anchor: IntentionAnchorV2, random: Random) -> bool:
    policy, oracle = Policy.build(anchor, kinds=KINDS), Oracle(anchor, KINDS)
    for facts, run in (generated_action(random) for _ in range(40)):
        verdict = policy.decide(facts, run)
        if (verdict.outcome, verdict.rules) != oracle.answer(facts, run):
            return True
    return False


def test_a_gutted_policy_blocks_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shipped policy that permits all, or nothing, or does not parse, never comes to an approval."""
    gutted = (
        '@id("x") permit (principal, action, resource);',
        "",
        "garbage(",
        '@id("x") forbid (principal, action, resource) when { resource.lines * 2 > 3 };',
        '@id("x") forbid (principal, action, resource) when { resource.linse > 3 };',
        "permit (principal, action, resource);",
        '@id("x") permit (principal == ?principal, action, resource);',
    )
    facts, run = generated_action(Random(3))
    for text in gutted:
        monkeypatch.setattr(decide, "shipped_policy", lambda text=text: text)
        policy = Policy.build(an_anchor(governance=None), kinds=KINDS)
        verdict = policy.decide(facts, run)
        assert verdict.outcome == "blocked"
        assert verdict.rules[0].startswith("engine."), text


def test_an_owner_rule_never_widens_another() -> None:
    """A second rule only adds its own permit; whatever the first one alone decided stays as it was."""
    random = Random(11)
    alone = Policy.build(an_anchor(), kinds=KINDS)
    both = GovernanceReview(auto_approve_rules=(a_rule(), a_rule(rule_id="moves", kinds=("file_move",))))
    together = Policy.build(an_anchor(governance=both), kinds=KINDS)
    for facts, run in (generated_action(random) for _ in range(400)):
        if facts.kind != "file_move":
            assert alone.decide(facts, run).rules == together.decide(facts, run).rules


def test_a_permit_too_many_blocks_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shipped policy that is complete but also approves what no rule of the owner names fails its self-test."""
    extra = '@id("base.extra") permit (principal, action == Action::"auto_approve", resource);'
    widened = compiling.shipped_policy() + extra
    monkeypatch.setattr(decide, "shipped_policy", lambda: widened)
    policy = Policy.build(an_anchor(), kinds=KINDS)
    assert policy.decide(*generated_action(Random(3))).rules == ("engine.self-test-failed",)
