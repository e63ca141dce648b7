"""The one place where the policy is asked. Whatever goes wrong here ends in `blocked` with a rule `engine.*`.

"Ask a person" would not be enough: an engine that fails may have skipped a forbid that no person can lift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from autopack.artifacts.canonical import digest
from autopack.artifacts.model import Approval
from autopack.config import DEFAULT_LEDGERS
from autopack.errors import UsageError
from autopack.intention_anchor.v2 import AutoApproveRule, IntentionAnchorV2, RuleExample
from autopack.policy.compile import Sources, compile_sources, gather, shipped_policy
from autopack.policy.engine import MOST_REMEMBERED, Answers, Compiled, Json, PolicyDefect, as_text, ask, reference
from autopack.policy.facts import ActionFacts, Circumstances, Verdict
from autopack.policy.links import all_led_to
from autopack.policy.paths import UnsafePath, normal
from autopack.policy.self_test import self_test

MAX_RISK = {"low": 25, "medium": 50, "high": 75}
"""Highest risk score that each `risk_tolerance` lets pass unasked."""

MOMENT_SECONDS = 60
"""Seconds that may be spent unasked where the anchor states no time cap."""

NO_RULE = "default.no-rule-auto-approves"

NO_LINKS: Mapping[str, str] = {}

_LIMITS = {"lines": 10**9, "risk": 100, "tokens": 10**12, "seconds": 10**9}
"""Largest value of each fact that is believed; larger ones are malformed."""

_EXPECTED: Mapping[str, Approval] = {"allow": "auto_approved", "ask": "requires_approval", "deny": "blocked"}


@dataclass(frozen=True)
class Policy:
    """The policy of one anchor. Make it with `build`; `digest` names policy, schema, path lists and anchor."""

    anchor: IntentionAnchorV2
    kinds: frozenset[str]
    digest: str
    sources: Sources | None
    compiled: Compiled | None
    fault: str
    """The rule `engine.*` that blocks everything, or empty."""
    links: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Symbolic links of the tree that is judged; each path is judged also by where it leads."""
    _contexts: dict[Circumstances, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Context by circumstances: a run judges many actions in the same ones. Of this anchor only; `replace` begins a new
    one."""

    @classmethod
    def build(
        cls,
        anchor: IntentionAnchorV2,
        *,
        kinds: Sequence[str],
        local_policy: str = "",
        ledgers: Sequence[str] = tuple(DEFAULT_LEDGERS.values()),
        links: Mapping[str, str] = NO_LINKS,
    ) -> Policy:
        """Return the policy of ANCHOR for KINDS of action, with the owner's extra forbids (LOCAL_POLICY, Cedar text).

        LINKS are the symbolic links of the tree that is judged: path -> what the link holds.

        Raises UsageError for owner rules that cannot stand or whose own examples fail. A missing or damaged engine
        raises nothing: the policy then blocks everything and says why.
        """
        policy = cls.untested(anchor, kinds=kinds, local_policy=local_policy, ledgers=ledgers, links=links)
        policy.check_examples()
        return policy

    @classmethod
    def untested(
        cls,
        anchor: IntentionAnchorV2,
        *,
        kinds: Sequence[str],
        local_policy: str = "",
        ledgers: Sequence[str] = tuple(DEFAULT_LEDGERS.values()),
        links: Mapping[str, str] = NO_LINKS,
    ) -> Policy:
        """Return what `build` returns, before the owner's examples are tried: for showing them all."""
        built = _build(cls, anchor, kinds, local_policy, ledgers, shipped_policy())
        if not links:
            return built
        return replace(built, links=dict(links), digest=digest({"rules": built.digest, "links": dict(links)}))

    def decide(self, facts: ActionFacts, circumstances: Circumstances) -> Verdict:
        """Return the verdict on an action with every rule that determined it, sorted. Never raises."""
        if self.fault or self.sources is None or self.compiled is None:
            return self._blocked(self.fault or "engine.unavailable")
        try:
            if facts.kind not in self.kinds:
                return self._blocked("block.unknown-kind")
            attributes = _attributes(facts, self.sources, self.anchor, self.links)
            return self._verdict(ask(self.compiled, attributes, self._context(self.sources, circumstances)))
        except UnsafePath:
            return self._blocked("engine.unsafe-path")
        except _BadFacts:
            return self._blocked("engine.bad-facts")
        except Exception:  # noqa: BLE001  (an unforeseen failure must never become an approval)
            return self._blocked("engine.fault")

    def _context(self, sources: Sources, circumstances: Circumstances) -> str:
        """Return the context of CIRCUMSTANCES, remembered only for facts of their own types: `True` equals 1."""
        left = circumstances.remaining_tokens, circumstances.remaining_seconds
        is_plain = type(circumstances.sandbox) is str and all(one is None or type(one) is int for one in left)
        found = self._contexts.get(circumstances) if is_plain else None
        if found is None:
            found = as_text(_context(self.anchor, sources, circumstances))
            if is_plain and len(self._contexts) < MOST_REMEMBERED:
                self._contexts[circumstances] = found
        return found

    def check_examples(self) -> None:
        """Raise UsageError for the first example beside an owner rule that does not come out as the owner expects."""
        for result in self.example_results():
            if not result.held:
                raise UsageError(
                    f"Rule {result.rule_id!r}: its example {result.example} came out as {result.verdict.outcome}"
                    f" ({', '.join(result.verdict.rules)}).",
                    hint="Correct the rule or the example in .autopack/intention.yaml.",
                )

    def example_results(self) -> tuple[ExampleResult, ...]:
        """Return what every example beside an owner rule comes to, in the order written.

        Examples are judged as in a run where everything else is in order: sandboxed, confirmed, within budget.
        """
        if self.fault:
            return ()
        confirmed = replace(self, anchor=_confirmed(self.anchor))
        rules = self.anchor.governance_review.auto_approve_rules
        return tuple(confirmed._try_example(rule, example) for rule in rules for example in rule.examples)

    def _try_example(self, rule: AutoApproveRule, example: RuleExample) -> ExampleResult:
        facts = ActionFacts(example.kind, tuple(example.paths), lines=example.lines, risk=0)
        verdict = self.decide(facts, Circumstances())
        held = verdict.outcome == _EXPECTED[example.expect]
        if example.expect == "allow":
            held = held and f"owner.{rule.rule_id}" in verdict.rules
        shown = f"`{example.expect}: {example.kind} {' '.join(example.paths)}` ({example.lines} lines)"
        return ExampleResult(rule.rule_id, shown, held, verdict)

    def _verdict(self, answers: Answers | None) -> Verdict:
        if answers is None:
            return self._blocked("engine.evaluation-failed")
        if not answers.attempt.allowed:
            return Verdict("blocked", answers.attempt.rules or ("default.nothing-permits",), self.digest)
        if not answers.auto_approve.allowed:
            return Verdict("requires_approval", answers.auto_approve.rules or (NO_RULE,), self.digest)
        return Verdict("auto_approved", answers.auto_approve.rules, self.digest)

    def _blocked(self, rule: str) -> Verdict:
        return Verdict("blocked", (rule,), self.digest)


@dataclass(frozen=True)
class ExampleResult:
    """One example beside an owner rule, and whether the policy agrees with it."""

    rule_id: str
    example: str
    held: bool
    verdict: Verdict


class _BadFacts(ValueError):
    """A fact of the wrong type or out of range: `-1` for unknown must not look small, nor `True` like 1."""


def _build(
    cls: type[Policy],
    anchor: IntentionAnchorV2,
    kinds: Sequence[str],
    local_policy: str,
    ledgers: Sequence[str],
    shipped: str,
) -> Policy:
    try:
        sources = gather(anchor, kinds, local_policy=local_policy, ledgers=ledgers, shipped=shipped)
        compiled = compile_sources(sources)
        self_test(compiled, sources.labels)
        return cls(anchor, frozenset(kinds), sources.digest, sources, compiled, "")
    except UsageError:
        raise
    except ImportError:
        fault = "engine.not-installed"
    except PolicyDefect as defect:
        fault = defect.rule
    except Exception:  # noqa: BLE001  (an engine that cannot even load blocks everything)
        fault = "engine.load-failed"
    return cls(anchor, frozenset(kinds), digest({"anchor": anchor.document(), "fault": fault}), None, None, fault)


def _confirmed(anchor: IntentionAnchorV2) -> IntentionAnchorV2:
    inferred = tuple(value.model_copy(update={"confirmed": True}) for value in anchor.metadata.inferred)
    return anchor.model_copy(update={"metadata": anchor.metadata.model_copy(update={"inferred": inferred})})


def _attributes(
    facts: ActionFacts, sources: Sources, anchor: IntentionAnchorV2, links: Mapping[str, str]
) -> dict[str, Json]:
    """Return FACTS as attributes of a Cedar entity; what is unknown is left out. Raises UnsafePath, _BadFacts."""
    if any(not isinstance(listed, tuple) for listed in (facts.paths, facts.link_targets, facts.hosts)):
        raise _BadFacts("paths, link targets or hosts")
    if not isinstance(facts.reversible, bool):
        raise _BadFacts("reversible")
    named = {normal(path) for path in (*facts.paths, *facts.link_targets)}
    paths = sorted(named | {normal(path) for path in all_led_to(sorted(named), links)})
    attributes: dict[str, Json] = {
        "kind": reference("Kind", facts.kind),
        "labels": [reference("Label", label) for label in sources.labels.of(paths)],
        "files": len(paths),
        "reversible": facts.reversible,
        "hosts": len(set(facts.hosts)),
        "hosts_allowed": set(facts.hosts) <= set(anchor.scope_boundaries.network_allowlist),
    }
    for name, limit in _LIMITS.items():
        value = getattr(facts, name)
        if value is None:
            continue
        if type(value) is not int or not 0 <= value <= limit:
            raise _BadFacts(name)
        attributes[name] = value
    return attributes


def _context(anchor: IntentionAnchorV2, sources: Sources, circumstances: Circumstances) -> dict[str, Json]:
    """Return the run and the anchor as a Cedar context. A cap that nobody states for the run is left out; those for one
    action and one day only narrow it, and never stand in for it."""
    budget = anchor.budget_cost
    context: dict[str, Json] = {
        "moment_seconds": MOMENT_SECONDS,
        "escalation": reference("Escalation", budget.cost_escalation_policy),
        "sandbox": reference("Sandbox", circumstances.sandbox),
        "max_risk": MAX_RISK[anchor.safety_risk.risk_tolerance],
        "max_lines": _least(budget.max_lines, budget.max_lines_per_action),
        "max_files": budget.max_files,
        "never_allow": [reference("Kind", kind) for kind in sources.never_allow_kinds],
        "requires_approval": [reference("Kind", kind) for kind in sources.requires_approval_kinds],
        "intention_confirmed": not anchor.unconfirmed,
        "default_allow": anchor.governance_review.default_policy == "allow",
    }
    tokens = _least(circumstances.remaining_tokens, budget.token_cap_global)
    seconds = _least(circumstances.remaining_seconds, budget.time_cap_seconds)
    if tokens is not None:
        context["remaining_tokens"] = _least(tokens, budget.token_cap_per_action, budget.token_cap_per_day)
    if seconds is not None:
        further = budget.time_cap_seconds_per_action, budget.time_cap_seconds_per_day
        context["remaining_seconds"] = _least(seconds, *further)
    return context


def _least(*limits: int | None) -> int | None:
    """Return the smallest of the LIMITS that are stated: what is said to be left never exceeds a cap."""
    stated = [value for value in limits if value is not None]
    if any(type(value) is not int or abs(value) > 2**53 for value in stated):
        raise _BadFacts("remaining budget")
    return min(stated, default=None)
