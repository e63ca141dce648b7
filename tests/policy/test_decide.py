"""What the policy answers, one reason at a time."""

from __future__ import annotations

import sys
from dataclasses import replace

import cedarpy
import pytest

from autopack.errors import UsageError
from autopack.intention_anchor.v2 import (
    AnchorMetadata,
    AutoApproveRule,
    BudgetCost,
    GovernanceReview,
    InferredValue,
    IntentionAnchorV2,
    RuleExample,
    SafetyRisk,
    ScopeBoundaries,
)
from autopack.policy import engine
from autopack.policy.decide import Policy
from autopack.policy.engine import PolicyDefect, as_text, ask
from autopack.policy.facts import ActionFacts, Circumstances
from policy.anchors import KINDS, a_rule, an_anchor, some_facts

NO_RULES = GovernanceReview()


def verdict(anchor: IntentionAnchorV2, facts: ActionFacts, run: Circumstances | None = None) -> tuple[str, ...]:
    """Return outcome and rules of FACTS under ANCHOR."""
    answer = Policy.build(anchor, kinds=KINDS).decide(facts, run or Circumstances())
    return (answer.outcome, *answer.rules)


def test_an_owner_rule_approves_exactly_what_it_names() -> None:
    """The small fix that the rule describes passes, and the rule is named."""
    assert verdict(an_anchor(), some_facts()) == ("auto_approved", "owner.docs-small")


def test_default_is_deny() -> None:
    """Without rules nothing passes unasked."""
    expected = ("requires_approval", "default.no-rule-auto-approves")
    assert verdict(an_anchor(governance=NO_RULES), some_facts()) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": 41},
        {"kind": "file_move"},
        {"paths": ("src/a.py",)},
        {"paths": ("docs/a.md", "src/a.py")},
        {"paths": ("docs/a.md",), "link_targets": ("src/a.py",)},
    ],
    ids=str,
)
def test_one_step_outside_a_rule_asks(changes: dict[str, object]) -> None:
    """More lines, another kind, one path or one link target more than the rule names, and a person is asked."""
    expected = ("requires_approval", "default.no-rule-auto-approves")
    assert verdict(an_anchor(), some_facts(**changes)) == expected


@pytest.mark.parametrize(
    ("limits", "facts"),
    [({"max_risk": 4}, {"risk": 5}), ({"max_files": 1}, {"paths": ("docs/a.md", "docs/b.md")})],
)
def test_optional_limits_of_a_rule_narrow_it(limits: dict[str, object], facts: dict[str, object]) -> None:
    """`max_risk` and `max_files` stop what the same rule without them lets pass."""
    narrowed = an_anchor(governance=GovernanceReview(auto_approve_rules=(a_rule(**limits),)))
    assert verdict(an_anchor(), some_facts(**facts))[0] == "auto_approved"
    assert verdict(narrowed, some_facts(**facts))[0] == "requires_approval"


ANCHOR_FIELDS: dict[str, tuple[IntentionAnchorV2, ActionFacts, tuple[str, ...]]] = {
    "allowed_write_roots": (
        an_anchor(scope=ScopeBoundaries(allowed_write_roots=("/src/**",))),
        some_facts(),
        ("blocked", "block.outside-write-roots"),
    ),
    "protected_paths": (
        an_anchor(scope=ScopeBoundaries(allowed_write_roots=("/docs/**",), protected_paths=("guide.md",))),
        some_facts(),
        ("blocked", "block.protected-path"),
    ),
    "never_allow a kind": (
        an_anchor(safety=SafetyRisk(never_allow=("link_fix",))),
        some_facts(),
        ("blocked", "block.never-allow"),
    ),
    "never_allow a path": (
        an_anchor(safety=SafetyRisk(never_allow=("/docs/guide.md",))),
        some_facts(),
        ("blocked", "block.never-allow"),
    ),
    "requires_approval a kind": (
        an_anchor(safety=SafetyRisk(requires_approval=("link_fix",))),
        some_facts(),
        ("requires_approval", "never.requires-approval"),
    ),
    "requires_approval a path": (
        an_anchor(safety=SafetyRisk(requires_approval=("docs",))),
        some_facts(),
        ("requires_approval", "never.requires-approval"),
    ),
    "risk_tolerance": (
        an_anchor(safety=SafetyRisk(risk_tolerance="low")),
        some_facts(risk=26),
        ("requires_approval", "never.risk"),
    ),
    "network_allowlist": (
        an_anchor(),
        some_facts(hosts=("example.org",)),
        ("blocked", "block.network"),
    ),
    "token_cap_global": (
        an_anchor(budget=BudgetCost(token_cap_global=9, time_cap_seconds=9)),
        some_facts(tokens=10),
        ("requires_approval", "never.over-budget"),
    ),
    "time_cap_seconds": (
        an_anchor(budget=BudgetCost(token_cap_global=9, time_cap_seconds=9)),
        some_facts(seconds=10),
        ("requires_approval", "never.over-budget"),
    ),
    "cost_escalation_policy": (
        an_anchor(budget=BudgetCost(token_cap_global=9, time_cap_seconds=9, cost_escalation_policy="block")),
        some_facts(tokens=10),
        ("blocked", "block.over-budget"),
    ),
    "max_lines": (
        an_anchor(budget=BudgetCost(token_cap_global=9, time_cap_seconds=9, max_lines=1)),
        some_facts(),
        ("requires_approval", "never.size"),
    ),
    "max_files": (
        an_anchor(budget=BudgetCost(token_cap_global=9, time_cap_seconds=9, max_files=1)),
        some_facts(paths=("docs/a.md", "docs/b.md")),
        ("requires_approval", "never.size"),
    ),
    "metadata.inferred": (
        an_anchor(metadata=AnchorMetadata(inferred=(InferredValue(pointer="/north_star", source="README"),))),
        some_facts(),
        ("requires_approval", "never.unconfirmed-intention"),
    ),
}
WITHOUT = {
    "risk_tolerance": an_anchor(safety=SafetyRisk(risk_tolerance="medium")),
    "network_allowlist": an_anchor(
        scope=ScopeBoundaries(allowed_write_roots=("/docs/**",), network_allowlist=("example.org",))
    ),
    "cost_escalation_policy": an_anchor(
        budget=BudgetCost(token_cap_global=9, time_cap_seconds=9, cost_escalation_policy="warn")
    ),
}


@pytest.mark.parametrize("field", ANCHOR_FIELDS)
def test_every_field_of_the_anchor_decides(field: str) -> None:
    """Each field that limits changes the verdict on an action that passes without it."""
    anchor, facts, expected = ANCHOR_FIELDS[field]
    assert verdict(anchor, facts) == expected
    assert verdict(WITHOUT.get(field, an_anchor()), facts)[0] == "auto_approved"


def test_default_policy_allow_is_narrow() -> None:
    """`allow` lets small deterministic changes pass, no agent's task, nothing over 50 lines, nothing forbidden."""
    anchor = an_anchor(governance=GovernanceReview(default_policy="allow"))
    assert verdict(anchor, some_facts(lines=50)) == ("auto_approved", "owner.default-allow")
    assert verdict(anchor, some_facts(lines=51))[0] == "requires_approval"
    assert verdict(anchor, some_facts(kind="agent_task")) == ("requires_approval", "never.not-deterministic")
    assert verdict(anchor, some_facts(paths=("docs/.env",))) == ("requires_approval", "never.path")
    assert verdict(anchor, some_facts(risk=99)) == ("requires_approval", "never.risk")
    assert verdict(an_anchor(governance=NO_RULES), some_facts(lines=50))[0] == "requires_approval"


@pytest.mark.parametrize("fact", ["lines", "risk", "tokens", "seconds"])
def test_unknown_is_never_small(fact: str) -> None:
    """A fact that nobody knows always asks."""
    allow = an_anchor(governance=GovernanceReview(default_policy="allow", auto_approve_rules=(a_rule(),)))
    assert verdict(allow, some_facts(**{fact: None})) == ("requires_approval", "never.unknown")


def test_what_cannot_be_undone_or_contained_asks() -> None:
    """Irreversible actions, and any action where there is no sandbox, need a person."""
    assert verdict(an_anchor(), some_facts(reversible=False)) == ("requires_approval", "never.irreversible")
    none = Circumstances(sandbox="none")
    assert verdict(an_anchor(), some_facts(), none) == ("requires_approval", "never.no-sandbox")


def test_the_lower_sandbox_lets_only_what_needs_no_network_pass_unasked() -> None:
    """At the tier confined an allowed host asks, and so does an agent; the same action without hosts passes."""
    scope = ScopeBoundaries(allowed_write_roots=("/docs/**",), network_allowlist=("docs.example",))
    anchor, confined = an_anchor(scope=scope), Circumstances(sandbox="confined")
    assert verdict(anchor, some_facts(hosts=("docs.example",)))[0] == "auto_approved"
    assert verdict(anchor, some_facts(), confined)[0] == "auto_approved"
    assert verdict(anchor, some_facts(hosts=("docs.example",)), confined) == (
        "requires_approval",
        "never.network-confined",
    )


def test_money_is_not_spent_unasked_without_a_cap() -> None:
    """Where no cap is stated, tokens ask, and so does more time than a moment."""
    anchor = an_anchor(budget=BudgetCost())
    assert verdict(anchor, some_facts(seconds=60))[0] == "auto_approved"
    assert verdict(anchor, some_facts(tokens=1)) == ("requires_approval", "never.unstated-budget")
    assert verdict(anchor, some_facts(seconds=61)) == ("requires_approval", "never.unstated-budget")


def test_facts_that_state_no_cost_cost_nothing() -> None:
    """Where nothing is left of the caps, an action that takes neither tokens nor seconds still passes."""
    spent = Circumstances(remaining_tokens=0, remaining_seconds=0)
    free = ActionFacts(kind="link_fix", paths=("docs/guide.md",), lines=2, risk=5)
    assert verdict(an_anchor(), free, spent)[0] == "auto_approved"
    assert verdict(an_anchor(), some_facts(seconds=1), spent)[0] == "requires_approval"


def test_what_is_left_never_exceeds_the_cap() -> None:
    """A run that claims to have more left than the anchor's cap is held to the cap."""
    claims = Circumstances(remaining_tokens=10**9, remaining_seconds=10**9)
    assert verdict(an_anchor(), some_facts(tokens=1_001), claims)[1] == "never.over-budget"
    assert verdict(an_anchor(), some_facts(tokens=0), replace(claims, remaining_tokens=-5))[1] == "never.over-budget"


def test_advice_is_shown_and_never_executed() -> None:
    """Advice writes nothing and names no path; with a path it is judged like a change."""
    assert verdict(an_anchor(), some_facts(kind="advice", paths=())) == ("requires_approval", "kind.advice")
    assert verdict(an_anchor(), some_facts(kind="advice", paths=("x.md",)))[0] == "blocked"
    assert verdict(an_anchor(), some_facts(paths=())) == ("blocked", "block.outside-write-roots")


def test_every_determining_rule_is_named() -> None:
    """A verdict lists all rules that led to it, sorted."""
    anchor = an_anchor(scope=ScopeBoundaries(allowed_write_roots=("/src/**",), protected_paths=("/docs",)))
    facts = some_facts(hosts=("x.example",), risk=99)
    expected = ("blocked", "block.network", "block.outside-write-roots", "block.protected-path")
    assert verdict(anchor, facts) == expected


BAD_FACTS = (
    *({"lines": value} for value in (-1, True, 1.0, "1", 10**18, float("nan"), [1])),
    *({"risk": value} for value in (-1, 101, False, 0.5, "low", 2**70)),
    *({"tokens": value} for value in (-1, True, {"__entity": {"type": "Kind", "id": "link_fix"}})),
    *({"seconds": value} for value in (-1, b"1")),
    *({"reversible": value} for value in (1, "yes", None)),
    *({"hosts": value} for value in ((1,), None, ("evil.example",), "docs.example")),
    *({"kind": value} for value in (None, "eddit", "canary", 'x" || true }; permit', ["link_fix"], {}, "LINK_FIX")),
    *({"paths": value} for value in (None, (None,), (1,), (b"docs/a.md",), ("docs/a.md", "../x"), "docs/a.md")),
    *({"link_targets": value} for value in (("/etc/passwd",), ("../x",), ("docs/../.git/config",), None)),
)


@pytest.mark.parametrize("changes", BAD_FACTS, ids=repr)
def test_malformed_facts_block(changes: dict[str, object]) -> None:
    """A fact of the wrong type or range never reads as small: the action is blocked."""
    assert verdict(an_anchor(), some_facts(**changes))[0] == "blocked"


@pytest.mark.parametrize("run", [Circumstances(sandbox="vm"), Circumstances(remaining_tokens=1.5), None])  # type: ignore[arg-type]
def test_malformed_circumstances_block(run: Circumstances | None) -> None:
    """A run described by nonsense gets nothing approved."""
    policy = Policy.build(an_anchor(), kinds=KINDS)
    assert policy.decide(some_facts(), run).outcome == "blocked"  # type: ignore[arg-type]


class _Answer:
    def __init__(self, decision: cedarpy.Decision, errors: list[str]) -> None:
        self.decision = decision
        self.diagnostics = cedarpy.Diagnostics({"errors": errors, "reason": []})


@pytest.mark.parametrize(
    "answers",
    [
        [_Answer(cedarpy.Decision.NoDecision, []), _Answer(cedarpy.Decision.Allow, [])],
        [_Answer(cedarpy.Decision.Allow, []), _Answer(cedarpy.Decision.NoDecision, [])],
        [_Answer(cedarpy.Decision.Allow, ["skipped"]), _Answer(cedarpy.Decision.Allow, [])],
        [_Answer(cedarpy.Decision.Allow, []), _Answer(cedarpy.Decision.Allow, ["skipped"])],
        [_Answer(cedarpy.Decision.Allow, [])],
        [_Answer(cedarpy.Decision.Allow, [])] * 3,
        [],
    ],
)
def test_anything_but_a_clean_answer_blocks(answers: list[_Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    """NoDecision, an error in the diagnostics or a missing answer counts as blocked."""
    policy = Policy.build(an_anchor(), kinds=KINDS)
    monkeypatch.setattr(cedarpy, "is_authorized_batch", lambda *arguments: answers)
    assert policy.decide(some_facts(), Circumstances()).rules == ("engine.evaluation-failed",)


class PanicException(BaseException):
    """Named like PyO3's, which derives from BaseException too."""


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        (RuntimeError("x"), "engine.fault"),
        (MemoryError(), "engine.fault"),
        (RecursionError(), "engine.fault"),
        (PanicException(), "engine.evaluation-failed"),
    ],
)
def test_a_failing_engine_blocks(fault: BaseException, rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exceptions and panics of the engine end in `blocked`, and the rule tells the one from the other."""

    def fail(*arguments: object) -> None:
        raise fault

    policy = Policy.build(an_anchor(), kinds=KINDS)
    monkeypatch.setattr(cedarpy, "is_authorized_batch", fail)
    answer = policy.decide(some_facts(), Circumstances())
    assert (answer.outcome, answer.rules) == ("blocked", (rule,))


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit])
def test_whoever_interrupts_the_engine_is_heard(signal: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ending the program is no verdict: it goes through."""

    def fail(*arguments: object) -> None:
        raise signal

    policy = Policy.build(an_anchor(), kinds=KINDS)
    monkeypatch.setattr(cedarpy, "is_authorized_batch", fail)
    with pytest.raises(signal):
        policy.decide(some_facts(), Circumstances())


def test_the_engine_is_never_told_what_is_no_number() -> None:
    """NaN and infinity, which JSON does not know, are refused before the engine could read them in its own way."""
    policy = Policy.build(an_anchor(), kinds=KINDS)
    assert policy.compiled is not None
    for attributes, context in (({"lines": float("nan")}, {}), ({}, {"max_risk": float("inf")})):
        with pytest.raises(ValueError, match="not JSON compliant"):
            ask(policy.compiled, attributes, as_text(context))  # type: ignore[arg-type]


def test_what_was_asked_before_is_no_part_of_a_policy() -> None:
    """A policy that has answered is equal to itself before, and says what is wrong where nothing more is told."""
    policy = Policy.build(an_anchor(), kinds=KINDS)
    assert policy.compiled is not None
    before = replace(policy.compiled, answered={})
    policy.decide(some_facts(), Circumstances())
    assert policy.compiled.answered
    assert policy.compiled == before
    assert (str(PolicyDefect("engine.x")), str(PolicyDefect("engine.x", "why"))) == ("engine.x", "why")


def test_answers_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same question is put to the engine once; of different ones no more than the bound are remembered."""
    monkeypatch.setattr(engine, "MOST_REMEMBERED", 1_000)
    policy = Policy.build(an_anchor(), kinds=KINDS)
    assert policy.compiled is not None
    some = next(iter(policy.compiled.answered.values()))
    policy.compiled.answered.clear()
    policy.compiled.answered.update({(str(number), "earlier"): some for number in range(998)})
    asked: list[object] = []
    put = cedarpy.is_authorized_batch
    monkeypatch.setattr(cedarpy, "is_authorized_batch", lambda *told: asked.append(told) or put(*told))
    for lines in (1, 2, 1, 3, 2, 3):
        assert policy.decide(some_facts(lines=lines), Circumstances()).outcome == "auto_approved"
    assert (len(policy.compiled.answered), len(asked)) == (1_000, 4)


@pytest.mark.parametrize(("fact", "most"), [("lines", 10**9), ("risk", 100), ("tokens", 10**12), ("seconds", 10**9)])
def test_a_fact_beyond_belief_is_malformed(fact: str, most: int) -> None:
    """The largest value that is believed asks like any large one; one more, or less than none, is blocked."""
    allow = an_anchor(governance=GovernanceReview(default_policy="allow"))
    assert verdict(allow, some_facts(**{fact: most}))[0] == "requires_approval"
    assert verdict(allow, some_facts(**{fact: most + 1})) == ("blocked", "engine.bad-facts")
    assert verdict(allow, some_facts(**{fact: -1})) == ("blocked", "engine.bad-facts")
    assert verdict(allow, some_facts(**{fact: 0}))[0] == "auto_approved"


@pytest.mark.parametrize(("tolerance", "most"), [("low", 25), ("medium", 50), ("high", 75)])
def test_each_tolerance_ends_where_its_class_ends(tolerance: str, most: int) -> None:
    """The highest score of the class passes unasked, and one more asks."""
    anchor = an_anchor(safety=SafetyRisk.from_document({"risk_tolerance": tolerance}))
    assert verdict(anchor, some_facts(risk=most))[0] == "auto_approved"
    assert verdict(anchor, some_facts(risk=most + 1)) == ("requires_approval", "never.risk")


@pytest.mark.parametrize(
    ("fact", "caps"),
    [
        ("tokens", ("token_cap_global", "token_cap_per_action", "token_cap_per_day")),
        ("seconds", ("time_cap_seconds", "time_cap_seconds_per_action", "time_cap_seconds_per_day")),
    ],
)
def test_the_smallest_cap_counts(fact: str, caps: tuple[str, ...]) -> None:
    """Whichever of the caps of a run, an action and a day is the smallest may be used up, and no more."""
    left = {"tokens": "remaining_tokens", "seconds": "remaining_seconds"}[fact]
    for smallest in caps:
        stated = {"token_cap_global": 100, "time_cap_seconds": 100, **dict.fromkeys(caps, 90), smallest: 70}
        anchor = an_anchor(budget=BudgetCost.from_document(stated))
        assert verdict(anchor, some_facts(**{fact: 70}))[0] == "auto_approved"
        assert verdict(anchor, some_facts(**{fact: 71})) == ("requires_approval", "never.over-budget")
        assert verdict(anchor, some_facts(**{fact: 60}), Circumstances(**{left: 59}))[1] == "never.over-budget"  # type: ignore[arg-type]
        assert verdict(anchor, some_facts(**{fact: 59}), Circumstances(**{left: 59}))[0] == "auto_approved"  # type: ignore[arg-type]


def test_caps_of_an_action_and_a_day_never_stand_in_for_the_runs() -> None:
    """Where no cap is stated for the run, tokens and time ask, whatever is said of one action."""
    anchor = an_anchor(budget=BudgetCost(token_cap_per_action=90, time_cap_seconds_per_action=90))
    assert verdict(anchor, some_facts(tokens=1)) == ("requires_approval", "never.unstated-budget")
    assert verdict(anchor, some_facts(seconds=61)) == ("requires_approval", "never.unstated-budget")


def test_the_smaller_bound_of_lines_counts() -> None:
    """The lines of one action are bounded by the plan's bound and by the action's own, whichever is smaller."""
    for stated in ({"max_lines": 9}, {"max_lines": 30, "max_lines_per_action": 9}):
        told = {"token_cap_global": 9, "time_cap_seconds": 9, **stated}
        anchor = an_anchor(budget=BudgetCost.from_document(told))
        assert verdict(anchor, some_facts(lines=9))[0] == "auto_approved"
        assert verdict(anchor, some_facts(lines=10)) == ("requires_approval", "never.size")


@pytest.mark.parametrize("left", [2**53 + 1, -(2**53) - 1, True, 1.0, "1"])
def test_a_remainder_that_is_no_number_of_tokens_blocks(left: object) -> None:
    """What is left has to be a whole number that JSON carries exactly."""
    for name in ("remaining_tokens", "remaining_seconds"):
        run = Circumstances(**{name: left})  # type: ignore[arg-type]
        assert verdict(an_anchor(), some_facts(), run) == ("blocked", "engine.bad-facts")
    assert verdict(an_anchor(), some_facts(), Circumstances(remaining_tokens=2**53))[0] == "auto_approved"
    assert (
        verdict(an_anchor(), some_facts(tokens=0), Circumstances(remaining_tokens=-(2**53)))[0] == "requires_approval"
    )


@pytest.mark.parametrize("left", [True, 1.0, [1]])
def test_what_equals_a_remembered_remainder_is_not_taken_for_it(left: object) -> None:
    """One policy that has judged with one token left blocks for what only compares like it, and for what cannot be
    remembered at all; another anchor does not inherit what was remembered."""
    policy, facts = Policy.build(an_anchor(), kinds=KINDS), some_facts(tokens=1)
    assert policy.decide(facts, Circumstances(remaining_tokens=1)).outcome == "auto_approved"
    odd = Circumstances(remaining_tokens=left)  # type: ignore[arg-type]
    assert policy.decide(facts, odd).rules == ("engine.bad-facts",)
    capped = replace(policy, anchor=an_anchor(budget=BudgetCost(token_cap_global=0, time_cap_seconds=9)))
    assert capped.decide(facts, Circumstances(remaining_tokens=1)).rules == ("never.over-budget",)


def test_one_unknown_fact_hides_no_other() -> None:
    """Although its lines are unknown, an action beyond a cap that blocks is blocked."""
    blocks = BudgetCost(token_cap_global=9, time_cap_seconds=9, cost_escalation_policy="block")
    facts = some_facts(lines=None, risk=None, seconds=10)
    assert verdict(an_anchor(budget=blocks), facts) == ("blocked", "block.over-budget")


def test_an_engine_that_cannot_load_blocks_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong while the policy is put together, nothing is approved and the rule says why."""

    def fail(text: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(cedarpy.PolicySet, "from_json_str", fail)
    policy = Policy.build(an_anchor(), kinds=KINDS)
    assert policy.decide(some_facts(), Circumstances()).rules == ("engine.load-failed",)
    assert policy.example_results() == ()


def test_a_missing_engine_blocks_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the engine's package is not installed, nothing is approved and the rule says why."""
    monkeypatch.setitem(sys.modules, "cedarpy", None)
    policy = Policy.build(an_anchor(), kinds=KINDS)
    assert policy.decide(some_facts(), Circumstances()).rules == ("engine.not-installed",)


def _example(expect: str, **changes: object) -> RuleExample:
    return RuleExample.model_validate({"expect": expect, "kind": "link_fix", "paths": ("docs/a.md",), **changes})


@pytest.mark.parametrize(
    "example",
    [
        _example("allow"),
        _example("ask", lines=41),
        _example("ask", paths=("docs/.env",)),
        _example("deny", paths=("infra/x.tf",)),
        _example("deny", paths=("docs/../x",)),
    ],
    ids=str,
)
def test_examples_that_hold_let_a_rule_load(example: RuleExample) -> None:
    """An example that comes out as the owner expects changes nothing."""
    anchor = an_anchor(governance=GovernanceReview(auto_approve_rules=(a_rule(examples=(example,)),)))
    policy = Policy.build(anchor, kinds=KINDS)
    assert [result.held for result in policy.example_results()] == [True]


@pytest.mark.parametrize(
    "example",
    [
        _example("allow", lines=41),
        _example("allow", paths=("docs/Makefile",)),
        _example("allow", kind="file_move"),
        _example("ask"),
        _example("deny"),
        _example("deny", lines=41),
    ],
    ids=str,
)
def test_a_rule_whose_own_example_fails_does_not_load(example: RuleExample) -> None:
    """The owner is told which rule, which example and what it came to."""
    anchor = an_anchor(governance=GovernanceReview(auto_approve_rules=(a_rule(examples=(example,)),)))
    with pytest.raises(UsageError, match=r"Rule 'docs-small': its example `.+ came out as .+\(.+\)"):
        Policy.build(anchor, kinds=KINDS)


def test_examples_are_judged_by_their_own_rule() -> None:
    """An `allow` example does not hold because another rule approves it."""
    narrow = a_rule(rule_id="moves", kinds=("file_move",), examples=(_example("allow"),))
    anchor = an_anchor(governance=GovernanceReview(auto_approve_rules=(a_rule(), narrow)))
    with pytest.raises(UsageError, match="'moves'"):
        Policy.build(anchor, kinds=KINDS)


def test_unconfirmed_values_do_not_fail_examples() -> None:
    """Examples test the rules, not whether a person has confirmed the rest of the intention yet."""
    inferred = AnchorMetadata(inferred=(InferredValue(pointer="/north_star", source="README"),))
    rule = a_rule(examples=(_example("allow"),))
    anchor = an_anchor(governance=GovernanceReview(auto_approve_rules=(rule,)), metadata=inferred)
    policy = Policy.build(anchor, kinds=KINDS)
    assert policy.decide(some_facts(), Circumstances()).rules == ("never.unconfirmed-intention",)


@pytest.mark.parametrize(
    "rules",
    [
        (a_rule(), a_rule()),
        (a_rule(rule_id="default-allow"),),
        (a_rule(kinds=("link_fxi",)),),
        (a_rule(kinds=("agent_task",)),),
        (a_rule(kinds=("link_fix", "advice")),),
        (a_rule(kinds=("canary",)),),
    ],
    ids=lambda rules: ",".join((*rules[0].kinds, rules[0].rule_id)),
)
def test_owner_rules_that_cannot_stand_are_refused(rules: tuple[AutoApproveRule, ...]) -> None:
    """Ids twice, unknown kinds and kinds that are never done unasked are mistakes, told at load."""
    with pytest.raises(UsageError):
        Policy.build(an_anchor(governance=GovernanceReview(auto_approve_rules=rules)), kinds=KINDS)


def test_the_digest_names_everything_that_decides() -> None:
    """Anchor, extra forbids, kinds and ledgers each change the digest; building again does not."""
    forbid = '@id("local.few") forbid (principal, action, resource) when { resource.files > 5 };'
    digests = [
        Policy.build(an_anchor(), kinds=KINDS).digest,
        Policy.build(an_anchor(safety=SafetyRisk(risk_tolerance="high")), kinds=KINDS).digest,
        Policy.build(an_anchor(), kinds=("link_fix", "encoding_fix")).digest,
        Policy.build(an_anchor(), kinds=KINDS, local_policy=forbid).digest,
        Policy.build(an_anchor(), kinds=KINDS, ledgers=("notes/LOG.md",)).digest,
    ]
    assert len(set(digests)) == len(digests)
    assert Policy.build(an_anchor(), kinds=KINDS[::-1]).digest == digests[0]
