"""One typed line becomes a pivot."""

from __future__ import annotations

import pytest

from autopack.errors import UsageError
from autopack.intention_anchor.answers import Situation, default_answer, understand
from autopack.intention_anchor.questions import QUESTIONS, PivotType
from autopack.intention_anchor.v2 import Inferred, RequiredCheck

SITUATION = Situation(
    folders=frozenset({"docs", "src"}),
    ledgers=("build_history", "debug_log"),
    inferred=(
        Inferred(
            "evidence_verification", "required_checks", RequiredCheck(name="tests", argv=("make", "test")), "Makefile"
        ),
    ),
    kinds=("encoding_fix", "file_delete", "link_fix"),
    write_roots=("/docs/**",),
)


def stated(pivot: PivotType, line: str) -> dict[str, object]:
    """Return the fields that LINE states for PIVOT."""
    return understand(pivot, line, SITUATION).model_dump(mode="json", exclude_defaults=True)


@pytest.mark.parametrize(
    ("pivot", "line", "fields"),
    [
        ("north_star", "Calm nights; fast days", {"desired_outcomes": ["Calm nights", "fast days"]}),
        ("safety_risk", "src, *.pem, file_delete", {"never_allow": ["/src/", "*.pem", "file_delete"]}),
        ("safety_risk", "none", {}),
        (
            "evidence_verification",
            "make test; npm run 'my lint'",
            {
                "required_checks": [
                    {"name": "tests", "argv": ["make", "test"]},
                    {"name": "npm-run-my-lint", "argv": ["npm", "run", "my lint"]},
                ]
            },
        ),
        (
            "scope_boundaries",
            "docs, ./src/app/, README.md",
            {"allowed_write_roots": ["/docs/**", "/src/app/**", "/README.md"]},
        ),
        ("budget_cost", "120", {"max_lines": 120}),
        ("memory_continuity", "debug_log", {"persist_to_sot": ["debug_log"]}),
        ("governance_review", "none", {}),
        ("parallelism_isolation", "1", {}),
        (
            "parallelism_isolation",
            "3",
            {"allowed": True, "isolation_model": "four_layer", "max_concurrent_runs": 3},
        ),
    ],
)
def test_an_answer_states_a_pivot(pivot: PivotType, line: str, fields: dict[str, object]) -> None:
    """In the words that a person would use."""
    assert stated(pivot, line) == fields


def test_a_permission_is_narrow() -> None:
    """Kinds without asking: only in the folders that were opened, only small changes."""
    assert stated("governance_review", "link_fix encoding_fix") == {
        "auto_approve_rules": [
            {
                "rule_id": "small-changes",
                "description": "Small changes that go ahead without asking",
                "kinds": ["link_fix", "encoding_fix"],
                "paths": ["/docs/**"],
                "max_lines": 20,
            }
        ]
    }


@pytest.mark.parametrize(
    ("pivot", "line", "said"),
    [
        ("scope_boundaries", "/", "would open the whole repository"),
        ("scope_boundaries", "**", "would open the whole repository"),
        ("scope_boundaries", "./", "would open the whole repository"),
        ("scope_boundaries", "/**/*", "would open the whole repository"),
        ("scope_boundaries", "../other", "no '.' or '..' part"),
        ("safety_risk", "!docs", "negation"),
        ("evidence_verification", "make 'test", "is not a command"),
        ("budget_cost", "many", "Expected a number of lines"),
        ("budget_cost", "0", "greater than or equal to 1"),
        ("memory_continuity", "diary", "There is no ledger 'diary'"),
        ("governance_review", "Link-Fix", "Link-Fix"),
        ("parallelism_isolation", "65", "less than or equal to 64"),
        ("safety_risk", "link_fx", "did you mean 'link_fix'?"),
        ("safety_risk", "?", "names neither a path nor a kind"),
        ("governance_review", "link_fx", "there are: encoding_fix, file_delete, link_fix"),
    ],
)
def test_an_answer_that_is_not_understood_is_explained(pivot: PivotType, line: str, said: str) -> None:
    """So that it can be given again."""
    with pytest.raises(UsageError) as caught:
        understand(pivot, line, SITUATION)
    assert said in caught.value.message


def test_nothing_goes_ahead_where_nothing_may_be_changed() -> None:
    """A rule without a folder would be broad by omission."""
    with pytest.raises(UsageError, match="no folder"):
        understand("governance_review", "link_fix", Situation(kinds=("link_fix",)))


@pytest.mark.parametrize("situation", [SITUATION, Situation()])
def test_enter_grants_nothing(situation: Situation) -> None:
    """Every default is understood, and none opens a folder, a rule or parallel runs."""
    for question in QUESTIONS:
        default = default_answer(question.pivot, situation)
        pivot = understand(question.pivot, default, situation)
        for granting in ("allowed_write_roots", "network_allowlist", "auto_approve_rules", "allowed"):
            assert not getattr(pivot, granting, None)
    assert default_answer("north_star", situation) == ""
    assert default_answer("evidence_verification", SITUATION) == "make test"


def test_every_example_is_understood() -> None:
    """What a question shows as an example can be typed."""
    ledgers = ("build_history", "debug_log", "architecture_decisions")
    situation = Situation(ledgers=ledgers, kinds=SITUATION.kinds, write_roots=("/docs/**",))
    for question in QUESTIONS:
        understand(question.pivot, question.example, situation)
