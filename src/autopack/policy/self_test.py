"""Canaries: before a policy is used, each built-in rule must catch an action made for it, and no other rule that is
not named with it.

Validation accepts an empty policy set; this does not.
"""

from __future__ import annotations

from collections.abc import Mapping

from autopack.policy.compile import CANARY_KIND, Labels
from autopack.policy.engine import Compiled, Json, PolicyDefect, as_text, ask, reference

_HARMLESS: Mapping[str, Json] = {
    "kind": reference("Kind", CANARY_KIND),
    "labels": [reference("Label", "all:write-roots")],
    "files": 1,
    "lines": 1,
    "risk": 0,
    "tokens": 1,
    "seconds": 1,
    "reversible": True,
    "hosts": 0,
    "hosts_allowed": True,
}
_CALM: Mapping[str, Json] = {
    "remaining_tokens": 1,
    "remaining_seconds": 1,
    "moment_seconds": 1,
    "max_risk": 0,
    "max_lines": 1,
    "max_files": 1,
    "never_allow": [],
    "requires_approval": [],
    "intention_confirmed": True,
    "default_allow": False,
    "sandbox": reference("Sandbox", "isolated"),
    "escalation": reference("Escalation", "warn"),
}


def _labels(*names: str) -> dict[str, Json]:
    return {"labels": [reference("Label", name) for name in ("all:write-roots", *names)]}


_CANARY: Json = reference("Kind", CANARY_KIND)
_AGENT: Mapping[str, Json] = {"kind": reference("Kind", "agent_task")}
_BLOCK = {"escalation": reference("Escalation", "block")}
_ASK = {"escalation": reference("Escalation", "request_approval")}

_CANARIES: tuple[tuple[str, Mapping[str, Json], Mapping[str, Json]], ...] = (
    ("block.outside-write-roots", {"labels": []}, {}),
    ("block.protected-path", _labels("any:protected"), {}),
    ("block.never-allow", _labels("any:never-allow"), {}),
    ("block.never-allow", {}, {"never_allow": [_CANARY]}),
    ("block.network", {"hosts_allowed": False}, {}),
    ("block.agent-not-isolated never.not-deterministic", _AGENT, {"sandbox": reference("Sandbox", "confined")}),
    ("block.over-budget", {"tokens": 2}, _BLOCK),
    ("block.over-budget", {"seconds": 2}, _BLOCK),
    ("", {}, _BLOCK),
    ("never.over-budget", {"tokens": 2}, _ASK),
    ("never.over-budget", {"seconds": 2}, _ASK),
    ("", {}, _ASK),
    ("never.unstated-budget", {}, {"remaining_tokens": None}),
    ("never.unstated-budget", {"seconds": 2}, {"remaining_seconds": None}),
    ("never.path", _labels("any:never-auto"), {}),
    ("never.requires-approval", _labels("any:requires-approval"), {}),
    ("never.requires-approval", {}, {"requires_approval": [_CANARY]}),
    ("never.risk", {"risk": 1}, {}),
    ("never.size", {"lines": 2}, {}),
    ("never.size", {"files": 2}, {}),
    ("never.irreversible", {"reversible": False}, {}),
    *(("never.unknown", {name: None}, {}) for name in ("lines", "risk", "tokens", "seconds")),
    ("never.unconfirmed-intention", {}, {"intention_confirmed": False}),
    ("never.no-sandbox", {}, {"sandbox": reference("Sandbox", "none")}),
    ("never.network-confined", {"hosts": 1}, {"sandbox": reference("Sandbox", "confined")}),
    ("never.not-deterministic", _AGENT, {}),
    ("kind.advice", {"kind": reference("Kind", "advice")}, {}),
)
"""Rules (none: what is left may be used up to the last), change of the harmless action, change of the calm
circumstances; None leaves a value out."""

_PATH_CANARIES = ((".GIT/config", "any:protected"), ("sub/.Env.local", "any:never-auto"))


def self_test(compiled: Compiled, labels: Labels) -> None:
    """Raise PolicyDefect unless every canary is caught by its rule, by no other built-in one, and nothing is
    auto-approved that no rule of the owner names."""
    _require(_caught(compiled, {}, {}) == set())
    for rules, change, circumstances in _CANARIES:
        _require(_caught(compiled, change, circumstances) == set(rules.split()))
    for path, label in _PATH_CANARIES:
        _require(label in labels.of([path]))


def _caught(compiled: Compiled, change: Mapping[str, Json], circumstances: Mapping[str, Json]) -> set[str]:
    """Return the built-in rules that stand against the changed canary. (The owner's extra forbids may stand too.)"""
    attributes = {name: value for name, value in {**_HARMLESS, **change}.items() if value is not None}
    context = {name: value for name, value in {**_CALM, **circumstances}.items() if value is not None}
    answers = ask(compiled, attributes, as_text(context))
    _require(answers is not None and not answers.auto_approve.allowed)
    assert answers is not None
    return {rule for rule in answers.auto_approve.rules if not rule.startswith("local.")}


def _require(held: bool) -> None:
    if not held:
        raise PolicyDefect("engine.self-test-failed")
