"""The questions that a person is asked, one for each pivot intention, in the order of the pivots."""

from __future__ import annotations

from typing import Literal

from autopack.artifacts.model import Artifact, Text

MAX_QUESTIONS = 8

PivotType = Literal[
    "north_star",
    "safety_risk",
    "evidence_verification",
    "scope_boundaries",
    "budget_cost",
    "memory_continuity",
    "governance_review",
    "parallelism_isolation",
]


class Question(Artifact):
    """One thing that only a person can say."""

    pivot: PivotType
    text: Text
    example: Text


QUESTIONS: tuple[Question, ...] = (
    Question(
        pivot="north_star",
        text="What should be true when this project goes well?",
        example="A new user gets a result within five minutes; releases never break saved files",
    ),
    Question(
        pivot="safety_risk",
        text="What must never be done or touched, whoever asks? Name paths or kinds of action.",
        example="/migrations/, *.pem, file_delete",
    ),
    Question(
        pivot="evidence_verification",
        text="Which commands must succeed before a change is kept?",
        example="make test",
    ),
    Question(
        pivot="scope_boundaries",
        text="Which folders may Autopack change? Everything else stays as it is.",
        example="docs, src",
    ),
    Question(
        pivot="budget_cost",
        text="How many changed lines may one run have at most?",
        example="300",
    ),
    Question(
        pivot="memory_continuity",
        text="Which ledgers keep what was learned from run to run?",
        example="build_history, debug_log, architecture_decisions",
    ),
    Question(
        pivot="governance_review",
        text="Which kinds of change may go ahead without asking you each time?",
        example="link_fix, encoding_fix",
    ),
    Question(
        pivot="parallelism_isolation",
        text="How many runs may work at the same time, each in its own worktree?",
        example="1",
    ),
)


def question_about(pivot: PivotType) -> Question:
    """Return the question about PIVOT."""
    return next(question for question in QUESTIONS if question.pivot == pivot)
