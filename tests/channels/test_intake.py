"""An answer counts only for the request and the digest that it names, and what came in is kept up to a length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from asked import NOW, Question, a_review, database_at
from autopack.governance.channels.channel import Heard
from autopack.governance.channels.intake import take
from autopack.store.database import open_database
from autopack.store.outbox import StoredAnswer, answers


@pytest.fixture
def question(tmp_path: Path) -> Iterator[Question]:
    with open_database(database_at(tmp_path)) as database:
        asked = Question(database, a_review(approval_channels=("cli", "webhook"), approval_ttl_hours=1))
        asked.ask()
        yield asked


def _heard(question: Question, **changes: str) -> Heard:
    request = question.request
    right = Heard("event-1", "ada", True, "allow_once", str(request.nonce), request.binding.action_digest[:8])
    return replace(right, **changes)  # type: ignore[arg-type]


def _take(question: Question, heard: Heard) -> StoredAnswer:
    return take(question.database, "webhook", heard, find=question.find, present=question.present, now=question.now)


def test_more_digits_of_the_digest_than_shown_count_too(question: Question) -> None:
    """The whole digest is accepted as well as its first eight digits."""
    whole = question.request.binding.action_digest
    assert _take(question, _heard(question, digest=whole)).outcome == "accepted"


def test_too_few_or_other_digits_do_not_count(question: Question) -> None:
    """Seven right digits, none, eight wrong ones, and one wrong one at the end: each is refused for its digest."""
    whole = question.request.binding.action_digest
    other = "0" if whole[-1] != "0" else "1"
    for number, digest in enumerate((whole[:7], "", "zzzzzzzz", whole[:-1] + other)):
        taken = _take(question, _heard(question, event_id=f"event-{number}", digest=digest))
        assert (taken.outcome, taken.detail[:10]) == ("refused", "the digest")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nonce": "f" * 32}, "there is no such request"),
        ({"nonce": ""}, "there is no such request"),
        ({"event_id": " "}, "it has no event id"),
        ({"decision": "allow"}, "'allow' is no decision"),
    ],
)
def test_what_answers_nothing_is_refused_and_kept(question: Question, change: dict[str, str], said: str) -> None:
    """The record says why."""
    taken = _take(question, _heard(question, **change))
    assert (taken.outcome, taken.detail) == ("refused", said)
    assert answers(question.database) == (taken,)


def test_an_answer_that_comes_too_late_is_refused_and_kept(question: Question) -> None:
    """What deciding itself refuses is on record like everything else, and nothing is raised."""
    heard = _heard(question)
    question.now = NOW + timedelta(hours=1)
    taken = _take(question, heard)
    assert taken.outcome == "refused"
    assert "expired" in taken.detail
    assert answers(question.database) == (taken,)


def test_what_came_in_is_kept_up_to_a_length(question: Question) -> None:
    """200 characters of what the sender wrote, 500 of what is said about it."""
    taken = _take(question, _heard(question, event_id="e" * 201, who="w" * 201, decision="d" * 600))
    assert (taken.event_id, taken.identity, taken.decision) == ("e" * 200, "w" * 200, "d" * 200)
    assert len(taken.detail) == 500
