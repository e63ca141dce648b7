"""What a changed intention allows that the committed one did not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autopack.intention_anchor.v2 import AutoApproveRule, IntentionAnchorV2

_TOLERANCE = ("low", "medium", "high")
_ESCALATION = ("block", "request_approval", "warn")
"""The strictest first."""


@dataclass(frozen=True)
class Loosened:
    """One field of the intention and how it became looser."""

    pivot: str
    field: str
    change: str


def loosened(base: IntentionAnchorV2, now: IntentionAnchorV2) -> tuple[Loosened, ...]:
    """Return every field in which NOW allows more than BASE, in a fixed order."""
    return tuple(
        change for part in (_scope, _safety, _evidence, _budget, _governance, _parallel) for change in part(base, now)
    )


def _scope(base: IntentionAnchorV2, now: IntentionAnchorV2) -> Iterator[Loosened]:
    before, after = base.scope_boundaries, now.scope_boundaries
    yield from _fewer("scope_boundaries", "protected_paths", before.protected_paths, after.protected_paths)
    yield from _more("scope_boundaries", "allowed_write_roots", before.allowed_write_roots, after.allowed_write_roots)
    yield from _more("scope_boundaries", "network_allowlist", before.network_allowlist, after.network_allowlist)


def _safety(base: IntentionAnchorV2, now: IntentionAnchorV2) -> Iterator[Loosened]:
    before, after = base.safety_risk, now.safety_risk
    yield from _fewer("safety_risk", "never_allow", before.never_allow, after.never_allow)
    # What is now forbidden needs no approval any more, and is no looser for it.
    yield from _fewer(
        "safety_risk", "requires_approval", before.requires_approval, after.requires_approval + after.never_allow
    )
    yield from _ranked("safety_risk", "risk_tolerance", before.risk_tolerance, after.risk_tolerance, _TOLERANCE)


def _evidence(base: IntentionAnchorV2, now: IntentionAnchorV2) -> Iterator[Loosened]:
    before, after = base.evidence_verification, now.evidence_verification
    yield from _fewer("evidence_verification", "hard_blocks", before.hard_blocks, after.hard_blocks)
    for field in ("required_checks", "contract_checks"):
        gone = {check.name for check in getattr(before, field)} - {check.name for check in getattr(after, field)}
        if gone:
            yield Loosened("evidence_verification", field, f"without {', '.join(sorted(gone))}")


_FURTHER_CAPS = (
    *("token_cap_per_action", "time_cap_seconds_per_action", "max_lines_per_action"),
    *("token_cap_per_day", "time_cap_seconds_per_day", "max_actions_per_day", "max_lines_per_day"),
)


def _budget(base: IntentionAnchorV2, now: IntentionAnchorV2) -> Iterator[Loosened]:
    before, after = base.budget_cost, now.budget_cost
    caps = ("token_cap_global", "token_cap_per_call", "time_cap_seconds", "max_actions", "max_files", "max_lines")
    for field in caps:
        # A cap that is not stated asks first, which is stricter than any number.
        old, new = (-1 if (cap := getattr(budget, field)) is None else cap for budget in (before, after))
        if new > old:
            yield Loosened("budget_cost", field, f"{'not stated' if old < 0 else old} → {new}")
    for field in _FURTHER_CAPS:
        # These only narrow what the caps above leave: not stated means no further cap.
        limit, raised = getattr(before, field), getattr(after, field)
        if limit is not None and (raised is None or raised > limit):
            yield Loosened("budget_cost", field, f"{limit} → {'not stated' if raised is None else raised}")
    yield from _ranked(
        "budget_cost",
        "cost_escalation_policy",
        before.cost_escalation_policy,
        after.cost_escalation_policy,
        _ESCALATION,
    )


def _governance(base: IntentionAnchorV2, now: IntentionAnchorV2) -> Iterator[Loosened]:
    before, after = base.governance_review, now.governance_review
    pivot = "governance_review"
    yield from _ranked(pivot, "default_policy", before.default_policy, after.default_policy, ("deny", "allow"))
    yield from _ranked(
        pivot, "batch_policy", before.batch_policy, after.batch_policy, ("all_or_nothing", "independent")
    )
    fresh = sorted(
        rule.rule_id
        for rule in after.auto_approve_rules
        if not any(_grants_no_more(rule, known) for known in before.auto_approve_rules)
    )
    if fresh:
        yield Loosened(pivot, "auto_approve_rules", f"new or changed: {', '.join(fresh)}")


def _grants_no_more(rule: AutoApproveRule, known: AutoApproveRule) -> bool:
    """Tell whether everything that RULE allows is certainly allowed by KNOWN; what describes a rule does not count."""
    limits = ((rule.max_risk, known.max_risk), (rule.max_files, known.max_files), (rule.max_lines, known.max_lines))
    return (
        set(rule.kinds) <= set(known.kinds)
        and all(path in known.paths or _covered(path, known.paths) for path in rule.paths)
        and all(allowed is None or (stated is not None and stated <= allowed) for stated, allowed in limits)
    )


def _parallel(base: IntentionAnchorV2, now: IntentionAnchorV2) -> Iterator[Loosened]:
    before, after = base.parallelism_isolation, now.parallelism_isolation
    pivot = "parallelism_isolation"
    if after.allowed and not before.allowed:
        yield Loosened(pivot, "allowed", "false → true")
    yield from _ranked(pivot, "isolation_model", before.isolation_model, after.isolation_model, ("four_layer", "none"))
    if after.max_concurrent_runs > before.max_concurrent_runs:
        yield Loosened(pivot, "max_concurrent_runs", f"{before.max_concurrent_runs} → {after.max_concurrent_runs}")


def _fewer(pivot: str, field: str, before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[Loosened]:
    gone = sorted(entry for entry in set(before) - set(after) if not _covered(entry, after))
    if gone:
        yield Loosened(pivot, field, f"without {', '.join(gone)}")


def _more(pivot: str, field: str, before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[Loosened]:
    fresh = sorted(entry for entry in set(after) - set(before) if not _covered(entry, before))
    if fresh:
        yield Loosened(pivot, field, f"now with {', '.join(fresh)}")


def _ranked(pivot: str, field: str, before: str, after: str, strictest_first: tuple[str, ...]) -> Iterator[Loosened]:
    if strictest_first.index(after) > strictest_first.index(before):
        yield Loosened(pivot, field, f"{before} → {after}")


def _covered(entry: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a folder pattern among PATTERNS certainly holds everything that ENTRY does."""
    return any(
        entry.startswith(pattern.removesuffix("**"))
        for pattern in patterns
        if pattern.startswith("/") and pattern.endswith(("/", "/**")) and "*" not in pattern.removesuffix("**")
    )
