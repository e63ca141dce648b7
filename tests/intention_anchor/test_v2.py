"""The anchor made from inputs, and what it leaves open."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from autopack.intention_anchor.questions import MAX_QUESTIONS, QUESTIONS
from autopack.intention_anchor.v2 import (
    PIVOT_TYPES,
    TIGHTENING_FIELDS,
    BudgetCost,
    Inferred,
    IntentionAnchorV2,
    NorthStar,
    ParallelismIsolation,
    PivotIntentions,
    RequiredCheck,
    SafetyRisk,
    ScopeBoundaries,
    create_from_inputs,
    validate_pivot_completeness,
)

NOW = "2026-01-02T03:04:05Z"

patterns = st.from_regex(r"/?[a-z]{1,6}/[a-z]{1,6}", fullmatch=True)
checks = st.builds(
    RequiredCheck,
    name=st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    argv=st.lists(st.sampled_from(["make", "test", "-q"]), min_size=1, max_size=3).map(tuple),
)
sources = st.sampled_from(["Makefile", "CODEOWNERS", "CI"])
inferred_entries = st.one_of(
    st.builds(
        Inferred,
        pivot=st.just("scope_boundaries"),
        field=st.just("protected_paths"),
        value=patterns,
        source=sources,
    ),
    st.builds(
        Inferred,
        pivot=st.just("safety_risk"),
        field=st.sampled_from(["never_allow", "requires_approval"]),
        value=patterns,
        source=sources,
    ),
    st.builds(
        Inferred,
        pivot=st.just("evidence_verification"),
        field=st.just("required_checks"),
        value=checks,
        source=sources,
    ),
)
stated_pivots = st.builds(
    PivotIntentions,
    north_star=st.none() | st.builds(NorthStar, desired_outcomes=st.lists(st.text(max_size=9), max_size=2).map(tuple)),
    safety_risk=st.none()
    | st.builds(SafetyRisk)
    | st.builds(SafetyRisk, never_allow=st.lists(patterns, max_size=2).map(tuple)),
    scope_boundaries=st.none()
    | st.builds(ScopeBoundaries, protected_paths=st.lists(patterns, max_size=2).map(tuple))
    | st.builds(ScopeBoundaries, allowed_write_roots=st.just(("/docs/**",))),
    budget_cost=st.none() | st.builds(BudgetCost, max_lines=st.integers(1, 9)),
    parallelism_isolation=st.none() | st.builds(ParallelismIsolation, allowed=st.booleans()),
)


def anchor_of(
    explicit: PivotIntentions | None = None, inferred: tuple[Inferred, ...] | list[Inferred] = ()
) -> IntentionAnchorV2:
    return create_from_inputs(project_id="demo", created_at=NOW, explicit=explicit, inferred=inferred)


@settings(deadline=None, max_examples=40)
@given(stated_pivots, st.lists(inferred_entries, max_size=6))
def test_explicit_input_always_wins(explicit: PivotIntentions, inferred: list[Inferred]) -> None:
    """Every field that a person stated stands in the anchor to the letter, empty ones too."""
    anchor = anchor_of(explicit, inferred)
    for pivot in explicit.model_fields_set:
        stated = getattr(explicit, pivot)
        for name in stated.model_fields_set if stated is not None else ():
            assert getattr(getattr(anchor.pivot_intentions, pivot), name) == getattr(stated, name)


@settings(deadline=None, max_examples=40)
@given(stated_pivots, st.lists(inferred_entries, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_inference_does_not_matter(
    explicit: PivotIntentions, inferred: list[Inferred], chance: random.Random
) -> None:
    """Shuffled and repeated entries give the very same anchor."""
    shuffled = [*inferred, *inferred]
    chance.shuffle(shuffled)
    assert anchor_of(explicit, inferred).document() == anchor_of(explicit, shuffled).document()


@settings(deadline=None, max_examples=40)
@given(stated_pivots, st.lists(inferred_entries, max_size=6))
def test_inference_grants_nothing(explicit: PivotIntentions, inferred: list[Inferred]) -> None:
    """Roots, hosts, rules, budgets and isolation are those of the explicit input alone."""
    anchor, alone = anchor_of(explicit, inferred), anchor_of(explicit)
    assert anchor.scope_boundaries.allowed_write_roots == alone.scope_boundaries.allowed_write_roots
    assert anchor.scope_boundaries.network_allowlist == alone.scope_boundaries.network_allowlist
    assert anchor.governance_review == alone.governance_review
    assert anchor.budget_cost == alone.budget_cost
    assert anchor.parallelism_isolation == alone.parallelism_isolation
    assert anchor.safety_risk.risk_tolerance == alone.safety_risk.risk_tolerance


@settings(deadline=None, max_examples=40)
@given(stated_pivots, st.lists(inferred_entries, max_size=6))
def test_every_inferred_value_is_marked_and_unconfirmed(explicit: PivotIntentions, inferred: list[Inferred]) -> None:
    """Whatever the explicit input did not bring has a mark that names it and its source."""
    anchor, alone = anchor_of(explicit, inferred), anchor_of(explicit)
    marked = {mark.pointer for mark in anchor.unconfirmed}
    for pivot, field in TIGHTENING_FIELDS:
        added = getattr(getattr(anchor, pivot), field)
        if added != getattr(getattr(alone, pivot), field):
            assert {f"/{pivot}/{field}/{index}" for index in range(len(added))} <= marked
    assert all(mark.source and not mark.confirmed for mark in anchor.metadata.inferred)


@settings(deadline=None, max_examples=40)
@given(stated_pivots, st.lists(inferred_entries, max_size=6))
def test_questions_are_bounded_ordered_and_survive_storage(explicit: PivotIntentions, inferred: list[Inferred]) -> None:
    """At most 8, in the order of the pivots, and the same after the anchor was stored as JSON and read again."""
    anchor = anchor_of(explicit, inferred)
    questions = anchor.validate_pivot_completeness()
    order = [PIVOT_TYPES.index(question.pivot) for question in questions]
    assert len(questions) <= MAX_QUESTIONS
    assert order == sorted(set(order))
    stored = IntentionAnchorV2.from_document(anchor.document())
    assert validate_pivot_completeness(stored) == questions


@pytest.mark.parametrize("place", ["scope_boundaries.allowed_write_roots", "governance_review.auto_approve_rules"])
def test_inference_of_a_grant_is_refused(place: str) -> None:
    """Not even a mistake in the code that infers can open a folder or write a rule."""
    pivot, field = place.split(".")
    with pytest.raises(ValueError, match=place):
        anchor_of(None, [Inferred(pivot, field, "/src/**", "a guess")])


def test_one_value_from_two_sources_stands_once() -> None:
    """Its mark names both."""
    entries = [Inferred("scope_boundaries", "protected_paths", "/LICENSE", source) for source in ("b", "a", "b")]
    anchor = anchor_of(None, entries)
    assert anchor.scope_boundaries.protected_paths == ("/LICENSE",)
    assert [mark.source for mark in anchor.metadata.inferred] == ["a; b"]


def test_nothing_stated_asks_seven_questions() -> None:
    """Parallelism may stay unstated: it then is not allowed."""
    assert [(question.pivot, question.text) for question in anchor_of().validate_pivot_completeness()] == snapshot(
        [
            ("north_star", "What should be true when this project goes well?"),
            ("safety_risk", "What must never be done or touched, whoever asks? Name paths or kinds of action."),
            ("evidence_verification", "Which commands must succeed before a change is kept?"),
            ("scope_boundaries", "Which folders may Autopack change? Everything else stays as it is."),
            ("budget_cost", "How many changed lines may one run have at most?"),
            ("memory_continuity", "Which ledgers keep what was learned from run to run?"),
            ("governance_review", "Which kinds of change may go ahead without asking you each time?"),
        ]
    )
    assert tuple(question.pivot for question in QUESTIONS) == PIVOT_TYPES


def pivots_asked(**stated: object) -> list[str]:
    anchor = anchor_of(PivotIntentions.model_validate(stated))
    return [question.pivot for question in anchor.validate_pivot_completeness()]


def test_a_stated_pivot_is_not_asked_about_again() -> None:
    """Also when it says no."""
    assert "scope_boundaries" not in pivots_asked(scope_boundaries=ScopeBoundaries())
    assert "governance_review" in pivots_asked(scope_boundaries=ScopeBoundaries())


@pytest.mark.parametrize("outcomes", [(), ("",), ("  ",)])
def test_a_north_star_without_an_outcome_is_open(outcomes: tuple[str, ...]) -> None:
    """An empty sentence is no intention."""
    assert "north_star" in pivots_asked(north_star=NorthStar(desired_outcomes=outcomes, non_goals=("fame",)))


def test_parallel_runs_without_isolation_are_asked_about() -> None:
    """Allowed needs an isolation model."""
    assert "parallelism_isolation" in pivots_asked(parallelism_isolation=ParallelismIsolation(allowed=True))
    isolated = ParallelismIsolation(allowed=True, isolation_model="four_layer")
    assert "parallelism_isolation" not in pivots_asked(parallelism_isolation=isolated)


def test_a_pivot_of_inference_alone_stays_open_until_confirmed() -> None:
    """Inference answers for nobody."""
    anchor = anchor_of(None, [Inferred("scope_boundaries", "protected_paths", "/LICENSE", "legal text")])
    assert "scope_boundaries" in [question.pivot for question in anchor.validate_pivot_completeness()]
    document = anchor.document()
    document["metadata"]["inferred"][0]["confirmed"] = True
    confirmed = IntentionAnchorV2.from_document(document)
    assert "scope_boundaries" not in [question.pivot for question in confirmed.validate_pivot_completeness()]
