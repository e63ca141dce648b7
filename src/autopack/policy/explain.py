"""Rules in plain English, from the comments of the shipped policy and the owner's own descriptions."""

from __future__ import annotations

import re
from functools import lru_cache

from autopack.config import POLICY_FILE
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.policy.compile import shipped_policy
from autopack.policy.decide import NO_RULE

_OTHER_RULES = {
    NO_RULE: "No rule of governance_review.auto_approve_rules covers it.",
    "default.nothing-permits": "Nothing permits it.",
    "block.unknown-kind": "It is a known kind of action.",
    "engine.unsafe-path": "Every path means one file on every system: relative, without '..' or odd characters.",
    "engine.bad-facts": "Every stated fact is a number in range.",
    "engine.not-installed": "The policy engine (the package cedarpy) is installed.",
    "engine.self-test-failed": "The shipped policy catches what it was made to catch.",
}
_COMMENTED = re.compile(r'^// (?P<comment>[^\n]+)\n@id\("(?P<rule>[^"]+)"\)', re.MULTILINE)


def describe(rule: str, anchor: IntentionAnchorV2) -> str:
    """Return one sentence for RULE: what it lets pass, or what would have to hold."""
    if rule in _OTHER_RULES:
        return _OTHER_RULES[rule]
    if rule in _shipped_comments():
        return _shipped_comments()[rule]
    if rule.startswith("local."):
        return f"The owner's own forbid in {POLICY_FILE} does not apply."
    if rule.startswith("engine."):
        return "The policy engine answers cleanly."
    owner = {f"owner.{each.rule_id}": each.description for each in anchor.governance_review.auto_approve_rules}
    return owner.get(rule, "A rule of the owner's.")


@lru_cache(maxsize=1)
def _shipped_comments() -> dict[str, str]:
    return {match["rule"]: match["comment"] for match in _COMMENTED.finditer(shipped_policy())}
