"""The risk score is a documented sum that no further reason can lower."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from autopack.actions.registry import all_kinds
from autopack.artifacts.model import RISKS
from autopack.planning.risk import Reason, RiskFacts, assess, classify, is_code, total, worst

CONFIDENCES = ("high", "medium", "low")
COUNTS = st.integers(0, 2_000)
FACTS = st.builds(
    RiskFacts,
    kind_base=st.integers(0, 100),
    paths=COUNTS,
    lines=st.none() | st.integers(0, 5_000),
    deletions=st.integers(0, 50),
    moves=st.integers(0, 50),
    guarded=st.integers(0, 50),
    irreversible=st.booleans(),
    gap_risk=st.sampled_from(RISKS),
    confidence=st.sampled_from(CONFIDENCES),
    code_files=st.integers(0, 50),
    untested=st.integers(0, 50),
    importers=COUNTS,
    undone_before=st.integers(0, 10),
    checks=st.integers(0, 5),
)
GROWING = ("paths", "deletions", "moves", "guarded", "untested", "importers", "undone_before")
REASONS = st.lists(st.tuples(st.sampled_from("xy"), st.integers(0, 100), st.just("")))


@st.composite
def worse_pairs(draw: st.DrawFn) -> tuple[RiskFacts, RiskFacts]:
    """Facts, and the same with any of them made worse."""
    facts = draw(FACTS)
    more = {name: getattr(facts, name) + draw(COUNTS) for name in GROWING}
    lines = None if facts.lines is None or draw(st.booleans()) else facts.lines + draw(COUNTS)
    worse = replace(
        facts,
        **more,
        kind_base=draw(st.integers(facts.kind_base, 100)),
        lines=lines,
        irreversible=facts.irreversible or draw(st.booleans()),
        gap_risk=draw(st.sampled_from(RISKS[: RISKS.index(facts.gap_risk) + 1])),
        confidence=draw(st.sampled_from(CONFIDENCES[CONFIDENCES.index(facts.confidence) :])),
        code_files=facts.code_files + draw(COUNTS),
        checks=draw(st.integers(0, facts.checks)),
    )
    return facts, worse


@given(worse_pairs())
def test_a_worse_fact_never_lowers_the_score(pair: tuple[RiskFacts, RiskFacts]) -> None:
    """Whatever facts get worse, alone or together, score and class do not improve."""
    facts, worse = map(assess, pair)
    assert worse.score >= facts.score
    assert RISKS.index(worse.classification) <= RISKS.index(facts.classification)


@pytest.mark.parametrize("fact", [*GROWING, "kind_base", "lines", "code_files"])
def test_each_count_alone_is_monotone(fact: str) -> None:
    """From step to step of any one count the score never falls, and the last step is above the first."""
    scores = [assess(replace(RiskFacts(0, 1, 0), **{fact: count})).score for count in range(101)]
    assert scores == sorted(scores)
    assert scores[0] < scores[-1]


@given(REASONS, REASONS)
def test_a_further_factor_never_lowers_the_score(reasons: list[Reason], more: list[Reason]) -> None:
    """Adding factors of any kind never lowers the sum."""
    assert total([*reasons, *more]).score >= total(reasons).score


@given(FACTS)
def test_the_score_is_the_sum_of_its_factors(facts: RiskFacts) -> None:
    """The score can be recomputed from the factors that are shown, and lies between 0 and 100."""
    assessment = assess(facts)
    assert assessment.score == min(sum(factor.points for factor in assessment.factors), 100)
    assert 0 <= assessment.score <= 100
    assert all(factor.points for factor in assessment.factors)


def test_unknown_lines_weigh_as_much_as_the_most() -> None:
    """An unknown number of lines is never taken for a small one."""
    assert (
        assess(RiskFacts(5, 1, None)).score == assess(RiskFacts(5, 1, 10**6)).score > assess(RiskFacts(5, 1, 0)).score
    )


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (0, "info"),
        (1, "low"),
        (25, "low"),
        (26, "medium"),
        (50, "medium"),
        (51, "high"),
        (75, "high"),
        (76, "critical"),
    ],
)
def test_classes_begin_where_the_table_says(score: int, expected: str) -> None:
    """Each class begins at its documented score, at the bounds of the risk tolerances."""
    assert classify(score) == expected
    assert classify(100) == "critical"


def test_a_typical_link_fix_is_low() -> None:
    """One link in one document is low risk, with its two reasons named."""
    assessment = assess(RiskFacts(kind_base=all_kinds()["link_fix"].base_risk, paths=1, lines=2, gap_risk="low"))
    assert [(factor.name, factor.points, factor.detail) for factor in assessment.factors] == snapshot(
        [("kind", 5, "the kind's own base"), ("gap-risk", 1, "answers a gap of risk low"), ("lines", 1, "2 lines")]
    )
    assert (assessment.score, assessment.classification) == snapshot((7, "low"))


@pytest.mark.parametrize(
    ("facts", "factor"),
    [
        ({"paths": 2}, "paths"),
        ({"lines": 11}, "lines"),
        ({"deletions": 1}, "deletions"),
        ({"moves": 1}, "moves"),
        ({"guarded": 1}, "guarded-neighbourhood"),
        ({"irreversible": True}, "irreversible"),
        ({"gap_risk": "low"}, "gap-risk"),
        ({"confidence": "medium"}, "confidence"),
        ({"code_files": 1}, "code"),
        ({"code_files": 1, "checks": 0}, "unchecked-code"),
    ],
)
def test_every_factor_counts(facts: dict[str, object], factor: str) -> None:
    """Each documented factor raises the score and is named."""
    base = RiskFacts(kind_base=5, paths=1, lines=10)
    raised = assess(replace(base, **facts))  # type: ignore[arg-type]
    assert raised.score > assess(base).score
    assert factor in {each.name for each in raised.factors}


def test_facts_that_say_nothing_more_add_nothing() -> None:
    """Whatever is not stated of gaps, program text and history adds no factor to that of the kind."""
    assert [reason[:2] for reason in assess(RiskFacts(kind_base=1, paths=1, lines=0)).reasons] == [("kind", 1)]


def test_worst_of_no_risks_is_info() -> None:
    """The worst of several risks is found whatever their order; of none it is info."""
    assert worst(["low", "critical", "medium"]) == "critical"
    assert worst([]) == "info"


def test_program_text_is_known_by_its_suffix() -> None:
    """Case does not hide program text, and documents are none."""
    assert is_code("src/A.PY")
    assert not is_code("docs/a.md")


_LINES = ((0, 0), (1, 1), (10, 1), (11, 4), (50, 4), (51, 10), (200, 10), (201, 20), (1_000, 20), (1_001, 30))
_IMPORTERS = ((0, 0), (1, 1), (2, 1), (3, 4), (10, 4), (11, 8), (50, 8), (51, 12))


@pytest.mark.parametrize(
    ("fact", "value", "factor", "points"),
    [
        *(("kind_base", value, "kind", value) for value in (0, 5, 100)),
        *(("paths", value, "paths", points) for value, points in ((0, 0), (1, 0), (2, 2), (5, 2), (6, 5), (10, 5))),
        *(("paths", value, "paths", points) for value, points in ((11, 10), (20, 10), (21, 15), (50, 15), (51, 20))),
        *(("lines", value, "lines", points) for value, points in (*_LINES, (None, 30))),
        *(("deletions", value, "deletions", points) for value, points in ((0, 0), (1, 5), (4, 20), (5, 20))),
        *(("moves", value, "moves", points) for value, points in ((0, 0), (1, 2), (5, 10), (6, 10))),
        *(("guarded", value, "guarded-neighbourhood", points) for value, points in ((0, 0), (1, 10), (2, 20), (3, 20))),
        *(("irreversible", value, "irreversible", points) for value, points in ((False, 0), (True, 40))),
        *(("gap_risk", value, "gap-risk", points) for value, points in zip(RISKS, (10, 6, 3, 1, 0), strict=True)),
        *(("confidence", value, "confidence", points) for value, points in zip(CONFIDENCES, (0, 5, 15), strict=True)),
        *(("code_files", value, "code", points) for value, points in ((0, 0), (1, 5), (2, 5))),
        *(("untested", value, "untested-code", points) for value, points in ((0, 0), (1, 5), (2, 10), (3, 10))),
        *(("importers", value, "importers", points) for value, points in _IMPORTERS),
        *(("undone_before", value, "history", points) for value, points in ((0, 0), (1, 10), (3, 30), (4, 30))),
    ],
)
def test_each_factor_has_the_points_of_the_table(fact: str, value: object, factor: str, points: int) -> None:
    """At both ends of every step of the documented table stand exactly its points, and nothing else adds any."""
    assessment = assess(replace(RiskFacts(kind_base=0, paths=1, lines=0), **{fact: value}))  # type: ignore[arg-type]
    assert [(name, counted) for name, counted, _ in assessment.reasons] == ([(factor, points)] if points else [])


@pytest.mark.parametrize(("code_files", "checks", "points"), [(0, 0, 0), (1, 1, 0), (1, 0, 10), (2, 0, 10)])
def test_program_text_that_nothing_checks_weighs_more(code_files: int, checks: int, points: int) -> None:
    """Ten points more, once, where program text changes and the anchor names no check; none in any other case."""
    facts = RiskFacts(kind_base=0, paths=1, lines=0, code_files=code_files, checks=checks)
    assert dict(reason[:2] for reason in assess(facts).reasons).get("unchecked-code", 0) == points


def test_the_largest_factor_comes_first() -> None:
    """Factors are listed by their points, equal ones by name."""
    assessment = assess(RiskFacts(kind_base=10, paths=2, lines=51, deletions=1, code_files=1))
    assert [name for name, _, _ in assessment.reasons] == ["kind", "lines", "code", "deletions", "paths"]
