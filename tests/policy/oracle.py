"""The policy once more, as a plain table, written without looking at the Cedar text: what each sentence of it means.

It shares the built-in path lists (data), and nothing else.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache

from pathspec import GitIgnoreSpec

from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.policy.facts import ActionFacts, Circumstances
from autopack.policy.paths import ALWAYS_PROTECTED, NEVER_AUTO_APPROVED

LEDGERS = ("docs/BUILD_HISTORY.md", "docs/DEBUG_LOG.md", "docs/ARCHITECTURE_DECISIONS.md")

Matches = Callable[[str], bool]


def _listed(patterns: Iterable[str]) -> Matches:
    return lru_cache(maxsize=None)(GitIgnoreSpec.from_lines(patterns).match_file)


class Oracle:
    """Says for any action what the policy of one anchor has to answer."""

    def __init__(self, anchor: IntentionAnchorV2, kinds: Iterable[str]) -> None:
        self.anchor = anchor
        self.kinds = set(kinds)
        safety = anchor.safety_risk
        self.protected = self._folded([*ALWAYS_PROTECTED, *anchor.scope_boundaries.protected_paths])
        built_in = [pattern for group in NEVER_AUTO_APPROVED.values() for pattern in group]
        self.never_auto = self._folded(built_in + [f"/{path}" for path in LEDGERS])
        self.never_allow = self._folded([entry for entry in safety.never_allow if entry not in self.kinds])
        self.ask_first = self._folded([entry for entry in safety.requires_approval if entry not in self.kinds])
        self.roots = _listed(anchor.scope_boundaries.allowed_write_roots)
        self.rules = [(rule, _listed(rule.paths)) for rule in anchor.governance_review.auto_approve_rules]

    @staticmethod
    def _folded(patterns: list[str]) -> Matches:
        matches = _listed(pattern.casefold() for pattern in patterns)
        return lambda path: matches(unicodedata.normalize("NFC", path.casefold()))

    def answer(self, facts: ActionFacts, run: Circumstances) -> tuple[str, tuple[str, ...]]:
        if facts.kind not in self.kinds:
            return "blocked", ("block.unknown-kind",)
        paths = {*facts.paths, *facts.link_targets}
        blocks = self._blocks(facts, run, paths)
        if blocks:
            return "blocked", tuple(sorted(blocks))
        nevers = self._nevers(facts, run, paths)
        if nevers:
            return "requires_approval", tuple(sorted(nevers))
        permits = self._permits(facts, paths)
        if permits:
            return "auto_approved", tuple(sorted(permits))
        return "requires_approval", ("default.no-rule-auto-approves",)

    @staticmethod
    def _any(matches: Matches, paths: set[str]) -> bool:
        return any(map(matches, paths))

    def _over_budget(self, facts: ActionFacts, run: Circumstances) -> bool:
        budget = self.anchor.budget_cost
        further_tokens = (budget.token_cap_per_action, budget.token_cap_per_day)
        further_seconds = (budget.time_cap_seconds_per_action, budget.time_cap_seconds_per_day)
        pairs = (
            (facts.tokens, (run.remaining_tokens, budget.token_cap_global), further_tokens),
            (facts.seconds, (run.remaining_seconds, budget.time_cap_seconds), further_seconds),
        )
        return any(
            spent is not None and any(limit is not None and spent > limit for limit in (*stated, *further))
            for spent, stated, further in pairs
            if stated != (None, None)
        )

    def _blocks(self, facts: ActionFacts, run: Circumstances, paths: set[str]) -> set[str]:
        anchor, found = self.anchor, set()
        pathless_advice = facts.kind == "advice" and not paths
        if not pathless_advice and not (paths and all(map(self.roots, paths))):
            found.add("block.outside-write-roots")
        if self._any(self.protected, paths):
            found.add("block.protected-path")
        if facts.kind in anchor.safety_risk.never_allow or self._any(self.never_allow, paths):
            found.add("block.never-allow")
        if any(host not in anchor.scope_boundaries.network_allowlist for host in facts.hosts):
            found.add("block.network")
        if facts.kind == "agent_task" and run.sandbox != "isolated":
            found.add("block.agent-not-isolated")
        if anchor.budget_cost.cost_escalation_policy == "block" and self._over_budget(facts, run):
            found.add("block.over-budget")
        return found

    def _nevers(self, facts: ActionFacts, run: Circumstances, paths: set[str]) -> set[str]:
        anchor, budget, found = self.anchor, self.anchor.budget_cost, set()
        if self._any(self.never_auto, paths):
            found.add("never.path")
        if facts.kind in anchor.safety_risk.requires_approval or self._any(self.ask_first, paths):
            found.add("never.requires-approval")
        if (facts.risk or 0) > {"low": 25, "medium": 50, "high": 75}[anchor.safety_risk.risk_tolerance]:
            found.add("never.risk")
        most = budget.max_lines if budget.max_lines_per_action is None else budget.max_lines_per_action
        if (facts.lines or 0) > min(budget.max_lines, most) or len(paths) > budget.max_files:
            found.add("never.size")
        if not facts.reversible:
            found.add("never.irreversible")
        if None in (facts.lines, facts.risk, facts.tokens, facts.seconds):
            found.add("never.unknown")
        if any(not value.confirmed for value in anchor.metadata.inferred):
            found.add("never.unconfirmed-intention")
        if run.sandbox == "none":
            found.add("never.no-sandbox")
        if run.sandbox == "confined" and facts.hosts:
            found.add("never.network-confined")
        if budget.cost_escalation_policy == "request_approval" and self._over_budget(facts, run):
            found.add("never.over-budget")
        no_token_cap = run.remaining_tokens is None and budget.token_cap_global is None
        no_time_cap = run.remaining_seconds is None and budget.time_cap_seconds is None
        if (no_token_cap and (facts.tokens or 0) > 0) or (no_time_cap and (facts.seconds or 0) > 60):
            found.add("never.unstated-budget")
        if facts.kind == "agent_task":
            found.add("never.not-deterministic")
        if facts.kind == "advice":
            found.add("kind.advice")
        return found

    def _permits(self, facts: ActionFacts, paths: set[str]) -> set[str]:
        found = {
            f"owner.{rule.rule_id}"
            for rule, listed in self.rules
            if facts.kind in rule.kinds
            and paths
            and all(map(listed, paths))
            and facts.lines is not None
            and facts.lines <= rule.max_lines
            and (rule.max_risk is None or (facts.risk is not None and facts.risk <= rule.max_risk))
            and (rule.max_files is None or len(paths) <= rule.max_files)
        }
        small = facts.lines is not None and facts.lines <= 50
        if self.anchor.governance_review.default_policy == "allow" and small:
            found.add("owner.default-allow")
        return found
