"""The intention anchor, version 2: the eight pivot intentions as one strict document.

A person writes `.autopack/intention.yaml`; the anchor is that text checked, completed with defaults that grant
nothing, and frozen. Its id is the digest of its content, and every later artifact names it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from autopack.artifacts.canonical import content_id, digest
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
from autopack.artifacts.redaction import redact_path
from autopack.intention_anchor.questions import QUESTIONS, Question

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
    if redact_path(pattern) != pattern:
        raise ValueError("a pattern holds no secret")
    return pattern


def _anchored_pattern(pattern: str) -> str:
    if not pattern.startswith("/"):
        raise ValueError("a pattern that grants something starts with '/' (the repository's root)")
    return _sane_pattern(pattern)


_SANE = r"(?![\s!#])(?!(?:.*/)?\.{1,2}(?:/|$))(?!.*\*\*/$)(?!.*\s$)[^\x00-\x1f\\]+$"
"""The same rules for the published schema, whose readers have no Python."""

Pattern = Annotated[
    str,
    AfterValidator(_sane_pattern),
    Field(min_length=1, max_length=MAX_PATTERN_LENGTH, json_schema_extra={"pattern": f"^{_SANE}"}),
]
"""A gitignore-style pattern that protects; it may match at any depth."""

GrantingPattern = Annotated[
    str,
    AfterValidator(_anchored_pattern),
    Field(min_length=2, max_length=MAX_PATTERN_LENGTH, json_schema_extra={"pattern": f"^(?=/){_SANE}"}),
]
"""A gitignore-style pattern that grants; it is anchored at the repository's root."""

Host = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?(:[0-9]{1,5})?$")]
ApproverIdentity = Annotated[
    str, StringConstraints(pattern=r"^(cli|github|telegram|webhook|ssh):[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$")
]
"""`<channel>:<who>`, such as `github:octocat`, `telegram:12345678` or `ssh:ada@example.org`."""
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
    """Caps for one run, for each of its actions, and for all runs of a day (UTC). None means: not stated; what
    would spend tokens or time for which the run has no cap asks first."""

    token_cap_global: Count | None = None
    token_cap_per_call: Count | None = None
    time_cap_seconds: Count | None = None
    max_actions: Annotated[int, Field(ge=1, le=1_000)] = 20
    max_files: Annotated[int, Field(ge=1, le=10_000)] = 50
    max_lines: Annotated[int, Field(ge=1, le=1_000_000)] = 2_000
    cost_escalation_policy: Literal["block", "warn", "request_approval"] = "request_approval"
    token_cap_per_action: Count | None = None
    time_cap_seconds_per_action: Count | None = None
    max_lines_per_action: Count | None = None
    """A larger action asks, whatever the escalation policy."""
    token_cap_per_day: Count | None = None
    time_cap_seconds_per_day: Count | None = None
    max_actions_per_day: Count | None = None
    max_lines_per_day: Count | None = None


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


class Approver(Artifact):
    """A person who may approve, and every identity under which they do."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
    identities: Annotated[tuple[ApproverIdentity, ...], Field(min_length=1, max_length=10)]


class GovernanceReview(Artifact):
    """Who decides: the default, the narrow exceptions, how people are asked, and what makes an answer count."""

    default_policy: Literal["deny", "allow"] = "deny"
    auto_approve_rules: tuple[AutoApproveRule, ...] = ()
    approval_channels: tuple[Literal["cli", "github", "telegram", "webhook"], ...] = ("cli",)
    batch_policy: Literal["all_or_nothing", "independent"] = "all_or_nothing"
    approval_ttl_hours: Annotated[int, Field(ge=1, le=720)] = 168
    """Hours for which a request can be answered and its approval used."""
    approvers: tuple[Approver, ...] = ()
    """Who may approve; empty: whoever the channel lets in. Anybody may reject."""
    min_approvers: Annotated[int, Field(ge=1, le=10)] = 1
    """How many of `approvers` have to approve; more than one needs them to be listed."""
    requester_may_approve: bool = True
    standing_grant_days: Annotated[int, Field(ge=0, le=90)] = 0
    """Days for which an `allow_always` holds; 0: nobody can give one."""
    allowed_signers: Pattern | None = None
    """Path of an OpenSSH allowed-signers file in the base commit; when stated, every approval has to be signed."""


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

    `pointer` is the RFC 6901 JSON pointer of the value inside `pivot_intentions`; `value` is the pattern or the command
    line that stands there, so that the mark stays with its value when a person moves lines.
    """

    pointer: Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_]+)+$")]
    value: Text | None = None
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

    def validate_pivot_completeness(self) -> tuple[Question, ...]:
        """Return the questions that are still open, at most 8, in the order of the pivots."""
        return validate_pivot_completeness(self)

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


TIGHTENING_FIELDS = (
    ("safety_risk", "never_allow"),
    ("safety_risk", "requires_approval"),
    ("evidence_verification", "required_checks"),
    ("evidence_verification", "contract_checks"),
    ("scope_boundaries", "protected_paths"),
)
"""The only lists that inference may fill: each entry forbids, asks or checks, and none grants."""


@dataclass(frozen=True)
class Inferred:
    """One entry that was read off the repository for a list of a pivot, and where it was read."""

    pivot: str
    field: str
    value: str | RequiredCheck
    source: str


def entry_label(entry: str | RequiredCheck) -> str:
    """Return what a person recognises an entry by: the pattern, or the command line of a check."""
    return entry if isinstance(entry, str) else shlex.join(entry.argv)


def pointer_order(pointer: str) -> list[tuple[int, str]]:
    """Return the sort key of a JSON pointer: names by letter, indexes by number."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in pointer.split("/")]


def create_from_inputs(
    *,
    project_id: str,
    created_at: str,
    explicit: PivotIntentions | None = None,
    inferred: Iterable[Inferred] = (),
    updated_at: str | None = None,
) -> IntentionAnchorV2:
    """Merge what people said with what the repository shows; the same inputs in any order give the same anchor.

    A field that EXPLICIT sets, be it to an empty list, is kept to the letter and nothing is added to it. Timestamps are
    RFC 3339 in UTC, whole seconds. Raises ValueError for an inferred entry outside `TIGHTENING_FIELDS`.
    """
    stated = explicit or PivotIntentions()
    pivots: dict[str, Any] = stated.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    marks: list[InferredValue] = []
    for (pivot, name), entries in _usable(inferred, stated).items():
        values = [entry if isinstance(entry, str) else entry.document() for entry, _ in entries]
        pivots[pivot] = {**(pivots.get(pivot) or {}), name: values}
        marks += [
            InferredValue(pointer=f"/{pivot}/{name}/{index}", value=entry_label(entry), source=source)
            for index, (entry, source) in enumerate(entries)
        ]
    metadata = AnchorMetadata(inferred=tuple(sorted(marks, key=lambda mark: pointer_order(mark.pointer))))
    return IntentionAnchorV2(
        project_id=project_id,
        created_at=created_at,
        updated_at=updated_at or created_at,
        raw_input_digest=digest({"explicit": stated.document(), "inferred": metadata.document()}),
        pivot_intentions=PivotIntentions.from_document(pivots),
        metadata=metadata,
    )


def _usable(
    inferred: Iterable[Inferred], stated: PivotIntentions
) -> dict[tuple[str, str], list[tuple[str | RequiredCheck, str]]]:
    """Return inferred entries by field, sorted, each once with all its sources, without fields that people stated."""
    found: dict[tuple[str, str], dict[str, tuple[str | RequiredCheck, set[str]]]] = {}
    for entry in sorted(inferred, key=repr):
        place = (entry.pivot, entry.field)
        if place not in TIGHTENING_FIELDS:
            raise ValueError(f"inference may not set {entry.pivot}.{entry.field}")
        pivot = getattr(stated, entry.pivot)
        if pivot is None or entry.field not in pivot.model_fields_set:
            found.setdefault(place, {}).setdefault(entry_label(entry.value), (entry.value, set()))[1].add(entry.source)
    return {
        place: [(value, "; ".join(sorted(sources))) for _, (value, sources) in sorted(found[place].items())]
        for place in TIGHTENING_FIELDS
        if place in found
    }


def validate_pivot_completeness(anchor: IntentionAnchorV2) -> tuple[Question, ...]:
    """Return the questions whose answers ANCHOR lacks, at most 8, in the order of the pivots.

    Lacking are a pivot that is absent or holds nothing but unconfirmed inference, and a north star without an outcome.
    Parallelism may stay unstated (it then is not allowed) and is asked about only when allowed without isolation.
    """
    return tuple(question for question in QUESTIONS if _is_open(anchor, question.pivot))


def _is_open(anchor: IntentionAnchorV2, pivot_type: str) -> bool:
    pivot: Artifact | None = getattr(anchor.pivot_intentions, pivot_type)
    if isinstance(pivot, ParallelismIsolation):
        return pivot.allowed and pivot.isolation_model != "four_layer"
    if pivot_type == "parallelism_isolation":
        return False
    if pivot is None:
        return True
    if isinstance(pivot, NorthStar):
        return not any(outcome.strip() for outcome in pivot.desired_outcomes)
    return _holds_only_inference(pivot, pivot_type, anchor.unconfirmed)


def _holds_only_inference(pivot: Artifact, pivot_type: str, unconfirmed: tuple[InferredValue, ...]) -> bool:
    pointers = {value.pointer for value in unconfirmed if value.pointer.startswith(f"/{pivot_type}/")}
    stated: dict[str, Any] = {}
    for name, value in pivot:
        kept = value
        if isinstance(value, tuple):
            kept = tuple(item for index, item in enumerate(value) if f"/{pivot_type}/{name}/{index}" not in pointers)
        stated[name] = kept
    return bool(pointers) and type(pivot).model_construct(**stated) == type(pivot)()
