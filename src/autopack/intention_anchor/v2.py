"""The intention anchor, version 2: the eight pivot intentions as one strict document.

A person writes `.autopack/intention.yaml`; the anchor is that text checked, completed with defaults that grant
nothing, and frozen. Its id is the digest of its content, and every later artifact names it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from autopack.artifacts.canonical import content_id
from autopack.artifacts.model import (
    Artifact,
    Count,
    Identifier,
    Score,
    Sha256,
    Slug,
    Text,
    Timestamp,
)

PIVOT_TYPES = (
    "north_star",
    "safety_risk",
    "evidence_verification",
    "scope_boundaries",
    "budget_cost",
    "memory_continuity",
    "governance_review",
    "parallelism_isolation",
)

MAX_PATTERN_LENGTH = 200


def _sane_pattern(pattern: str) -> str:
    """Refuse gitignore syntax whose meaning surprises: negation, comments, escapes, `..`, a trailing `**/`."""
    if not pattern.strip() or pattern != pattern.strip():
        raise ValueError("a pattern has no blanks around it and is not empty")
    if pattern[0] in "!#" or "\\" in pattern or any(ord(character) < 32 for character in pattern):
        raise ValueError("a pattern has no negation, comment, escape or control character")
    if pattern.endswith("**/") or any(part in {".", ".."} for part in pattern.split("/")):
        raise ValueError("a pattern has no '.' or '..' part and no trailing '**/'")
    return pattern


def _anchored_pattern(pattern: str) -> str:
    if not pattern.startswith("/"):
        raise ValueError("a pattern that grants something starts with '/' (the repository's root)")
    return _sane_pattern(pattern)


Pattern = Annotated[str, AfterValidator(_sane_pattern), StringConstraints(min_length=1, max_length=MAX_PATTERN_LENGTH)]
"""A gitignore-style pattern that protects; it may match at any depth."""

GrantingPattern = Annotated[
    str, AfterValidator(_anchored_pattern), StringConstraints(min_length=2, max_length=MAX_PATTERN_LENGTH)
]
"""A gitignore-style pattern that grants; it is anchored at the repository's root."""

Host = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?(:[0-9]{1,5})?$")]
KindName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,39}$")]


class NorthStar(Artifact):
    """Desired outcomes, how one would notice them, and what is not wanted."""

    desired_outcomes: tuple[Text, ...] = ()
    success_signals: tuple[Text, ...] = ()
    non_goals: tuple[Text, ...] = ()


class SafetyRisk(Artifact):
    """What must never happen and what a person decides. Entries are kinds of action or path patterns."""

    never_allow: tuple[Pattern, ...] = ()
    requires_approval: tuple[Pattern, ...] = ()
    risk_tolerance: Literal["low", "medium", "high"] = "low"


class RequiredCheck(Artifact):
    """A command that must succeed before a change is committed; run in the sandbox, in the run's worktree."""

    name: Slug
    argv: Annotated[tuple[Text, ...], Field(min_length=1)]
    timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] = 600


class EvidenceVerification(Artifact):
    """What must hold, and what proves it."""

    hard_blocks: tuple[Text, ...] = ()
    required_checks: tuple[RequiredCheck, ...] = ()
    contract_checks: tuple[RequiredCheck, ...] = ()
    proof_artifacts: tuple[Text, ...] = ()


class ScopeBoundaries(Artifact):
    """Where Autopack may write, what is out of bounds, and which hosts may be reached."""

    allowed_write_roots: tuple[GrantingPattern, ...] = ()
    protected_paths: tuple[Pattern, ...] = ()
    network_allowlist: tuple[Host, ...] = ()


class BudgetCost(Artifact):
    """Caps for one run. None means: not stated, so whatever would spend it asks first."""

    token_cap_global: Count | None = None
    token_cap_per_call: Count | None = None
    time_cap_seconds: Count | None = None
    max_actions: Annotated[int, Field(ge=1, le=1_000)] = 20
    max_files: Annotated[int, Field(ge=1, le=10_000)] = 50
    max_lines: Annotated[int, Field(ge=1, le=1_000_000)] = 2_000
    cost_escalation_policy: Literal["block", "warn", "request_approval"] = "request_approval"


class MemoryContinuity(Artifact):
    """What persists into the ledgers, which indexes are derived, and how long things are kept."""

    persist_to_sot: tuple[Text, ...] = ()
    derived_indexes: tuple[Text, ...] = ()
    retention_rules: tuple[Text, ...] = ()
    retrieval_enabled: bool = False


class RuleExample(Artifact):
    """An example beside a rule that is tested whenever the rule is loaded."""

    expect: Literal["allow", "ask", "deny"]
    kind: KindName
    paths: Annotated[tuple[Text, ...], Field(min_length=1)]
    lines: Count = 1


class AutoApproveRule(Artifact):
    """One narrow permission to act without asking. `kinds`, `paths` and `max_lines` are required, so that nothing is
    broad by omission; every path of an action has to match, to the letter."""

    rule_id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    description: Text
    kinds: Annotated[tuple[KindName, ...], Field(min_length=1)]
    paths: Annotated[tuple[GrantingPattern, ...], Field(min_length=1)]
    max_lines: Annotated[int, Field(ge=0, le=100_000)]
    max_risk: Score | None = None
    max_files: Annotated[int, Field(ge=1, le=1_000)] | None = None
    examples: tuple[RuleExample, ...] = ()


class GovernanceReview(Artifact):
    """Who decides: the default, the narrow exceptions, and how people are asked."""

    default_policy: Literal["deny", "allow"] = "deny"
    auto_approve_rules: tuple[AutoApproveRule, ...] = ()
    approval_channels: tuple[Literal["cli", "github", "telegram", "webhook"], ...] = ("cli",)
    batch_policy: Literal["all_or_nothing", "independent"] = "all_or_nothing"


class ParallelismIsolation(Artifact):
    """Whether several runs may work at once, and how they are kept apart."""

    allowed: bool = False
    isolation_model: Literal["none", "four_layer"] = "none"
    max_concurrent_runs: Annotated[int, Field(ge=1, le=64)] = 1


class PivotIntentions(Artifact):
    """The eight pivot intentions. A missing one is None: asked about, never invented."""

    north_star: NorthStar | None = None
    safety_risk: SafetyRisk | None = None
    evidence_verification: EvidenceVerification | None = None
    scope_boundaries: ScopeBoundaries | None = None
    budget_cost: BudgetCost | None = None
    memory_continuity: MemoryContinuity | None = None
    governance_review: GovernanceReview | None = None
    parallelism_isolation: ParallelismIsolation | None = None


class InferredValue(Artifact):
    """A value that Autopack read off the repository; it only ever tightens, and counts as asked-about until confirmed.

    `pointer` is the RFC 6901 JSON pointer of the value inside `pivot_intentions`.
    """

    pointer: Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_]+)+$")]
    source: Text
    confirmed: bool = False


class AnchorMetadata(Artifact):
    """Where the anchor came from."""

    inferred: tuple[InferredValue, ...] = ()


class IntentionAnchorV2(Artifact):
    """The frozen intention of one project."""

    format_version: Literal["v2"] = "v2"
    project_id: Identifier
    created_at: Timestamp
    updated_at: Timestamp
    raw_input_digest: Sha256
    pivot_intentions: PivotIntentions
    metadata: AnchorMetadata = AnchorMetadata()

    @property
    def anchor_id(self) -> str:
        """`anchor-<12 hex digits>` of the whole content."""
        return content_id("anchor", self.document())

    @property
    def unconfirmed(self) -> tuple[InferredValue, ...]:
        """Inferred values that no person has confirmed yet."""
        return tuple(value for value in self.metadata.inferred if not value.confirmed)

    # Stated pivots, or what an unstated one means: the strictest reading.
    @property
    def safety_risk(self) -> SafetyRisk:
        return self.pivot_intentions.safety_risk or SafetyRisk()

    @property
    def evidence_verification(self) -> EvidenceVerification:
        return self.pivot_intentions.evidence_verification or EvidenceVerification()

    @property
    def scope_boundaries(self) -> ScopeBoundaries:
        return self.pivot_intentions.scope_boundaries or ScopeBoundaries()

    @property
    def budget_cost(self) -> BudgetCost:
        return self.pivot_intentions.budget_cost or BudgetCost()

    @property
    def memory_continuity(self) -> MemoryContinuity:
        return self.pivot_intentions.memory_continuity or MemoryContinuity()

    @property
    def governance_review(self) -> GovernanceReview:
        return self.pivot_intentions.governance_review or GovernanceReview()

    @property
    def parallelism_isolation(self) -> ParallelismIsolation:
        return self.pivot_intentions.parallelism_isolation or ParallelismIsolation()
