"""The canaries notice a shipped policy that is weaker, or stricter, by one condition than it should be."""

from __future__ import annotations

import re

import pytest

from autopack.policy import decide
from autopack.policy.compile import shipped_policy
from autopack.policy.decide import Policy
from autopack.policy.facts import Circumstances
from policy.anchors import KINDS, an_anchor, some_facts

_OVER_TOKENS = "(resource has tokens && context has remaining_tokens && resource.tokens > context.remaining_tokens)"
_OVER_SECONDS = (
    "(resource has seconds && context has remaining_seconds && resource.seconds > context.remaining_seconds)"
)
_NO_TOKEN_CAP = "(!(context has remaining_tokens) && resource has tokens && resource.tokens > 0)"
_NO_TIME_CAP = "(!(context has remaining_seconds) && resource has seconds && resource.seconds > context.moment_seconds)"

WEAKER = {
    "write roots": ("block.outside-write-roots", 'resource.labels.contains(Label::"all:write-roots")', "true"),
    "protected": ("block.protected-path", 'Label::"any:protected"', 'Label::"any:never-auto"'),
    "never allow a kind": ("block.never-allow", "context.never_allow.contains(resource.kind)", "false"),
    "never allow a path": ("block.never-allow", 'resource.labels.contains(Label::"any:never-allow")', "false"),
    "network": ("block.network", "resource.hosts_allowed", "true"),
    "agents": ("block.agent-not-isolated", 'context.sandbox != Sandbox::"isolated"', "false"),
    "blocked tokens": ("block.over-budget", _OVER_TOKENS, "false"),
    "blocked seconds": ("block.over-budget", _OVER_SECONDS, "false"),
    "asked tokens": ("never.over-budget", _OVER_TOKENS, "false"),
    "asked seconds": ("never.over-budget", _OVER_SECONDS, "false"),
    "tokens without a cap": ("never.unstated-budget", _NO_TOKEN_CAP, "false"),
    "seconds without a cap": ("never.unstated-budget", _NO_TIME_CAP, "false"),
    "a token without a cap": ("never.unstated-budget", "resource.tokens > 0", "resource.tokens > 1"),
    "built-in paths": ("never.path", 'Label::"any:never-auto"', 'Label::"any:protected"'),
    "asked kind": ("never.requires-approval", "context.requires_approval.contains(resource.kind)", "false"),
    "asked path": ("never.requires-approval", 'resource.labels.contains(Label::"any:requires-approval")', "false"),
    "risk": ("never.risk", "resource.risk > context.max_risk", "false"),
    "lines": ("never.size", "resource.lines > context.max_lines", "false"),
    "files": ("never.size", "resource.files > context.max_files", "false"),
    "no way back": ("never.irreversible", "resource.reversible", "true"),
    **{f"unknown {fact}": ("never.unknown", f"resource has {fact}", "true") for fact in ("lines", "risk")},
    **{f"unknown {fact}": ("never.unknown", f"resource has {fact}", "true") for fact in ("tokens", "seconds")},
    "unconfirmed": ("never.unconfirmed-intention", "context.intention_confirmed", "true"),
    "no sandbox": ("never.no-sandbox", 'Sandbox::"none"', 'Sandbox::"isolated"'),
    "network of the lower sandbox": ("never.network-confined", "resource.hosts > 0", "false"),
    "one host of the lower sandbox": ("never.network-confined", "resource.hosts > 0", "resource.hosts > 1"),
    "an agent": ("never.not-deterministic", 'Kind::"agent_task"', 'Kind::"advice"'),
    "advice": ("kind.advice", 'Kind::"advice"', 'Kind::"agent_task"'),
}
STRICTER = {
    "all tokens": ("block.over-budget", "resource.tokens >", "resource.tokens >="),
    "all seconds": ("block.over-budget", "resource.seconds >", "resource.seconds >="),
    "all tokens, asked": ("never.over-budget", "resource.tokens >", "resource.tokens >="),
    "all seconds, asked": ("never.over-budget", "resource.seconds >", "resource.seconds >="),
    "the highest risk": ("never.risk", "resource.risk >", "resource.risk >="),
    "all lines": ("never.size", "resource.lines >", "resource.lines >="),
    "all files": ("never.size", "resource.files >", "resource.files >="),
    "no host": ("never.network-confined", "resource.hosts > 0", "resource.hosts >= 0"),
    "any sandbox": ("never.no-sandbox", 'context.sandbox == Sandbox::"none"', "true"),
}


def _changed(rule: str, old: str, new: str) -> str:
    """Return the shipped policy with OLD replaced by NEW in RULE, once."""
    text = re.sub(r"\n +", " ", shipped_policy())
    begin = text.index(f'@id("{rule}")')
    end = text.index(";", begin)
    body = text[begin:end]
    assert body.count(old) == 1, body
    return text[:begin] + body.replace(old, new) + text[end:]


def _verdict(monkeypatch: pytest.MonkeyPatch, text: str) -> tuple[str, ...]:
    monkeypatch.setattr(decide, "shipped_policy", lambda: text)
    return Policy.build(an_anchor(), kinds=KINDS).decide(some_facts(), Circumstances()).rules


def test_the_policy_as_shipped_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changing nothing but the line breaks changes no verdict."""
    unchanged = _changed("never.risk", "resource has risk", "resource has risk")
    assert _verdict(monkeypatch, unchanged) == ("owner.docs-small",)


@pytest.mark.parametrize("name", [*WEAKER, *STRICTER])
def test_a_policy_that_differs_in_one_condition_blocks_everything(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No single condition of a built-in rule can be lost or moved by one without the self-test noticing."""
    changed = _changed(*(WEAKER | STRICTER)[name])
    assert _verdict(monkeypatch, changed) == ("engine.self-test-failed",)
