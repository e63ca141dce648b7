"""One attempt at a channel: what was taken, what failed and what was not tried are kept apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from asked import NOW, Question, a_review, database_at
from autopack.governance.approvals import all_records
from autopack.governance.channels.channel import ChannelDown, Telling
from autopack.governance.channels.delivery import Delivered, deliver_due
from autopack.governance.decisions import Answer, decide
from autopack.store.database import open_database
from autopack.store.outbox import delivered_reference, messages
from governed import an_action


@dataclass
class Channel:
    """Takes as many tellings as it is told to, and is down then."""

    takes: int = 9
    reference: str = "r"
    name: str = "webhook"
    told: list[Telling] = field(default_factory=list)

    def deliver(self, tellings: Sequence[Telling]) -> Iterator[str]:
        for number, telling in enumerate(tellings):
            if number == self.takes:
                raise ChannelDown("It is down.")
            self.told.append(telling)
            yield self.reference
        if self.takes == len(tellings):
            raise ChannelDown("It went down at the end.")


@pytest.fixture
def question(tmp_path: Path) -> Iterator[Question]:
    with open_database(database_at(tmp_path)) as database:
        asked = Question(
            database,
            a_review(approval_channels=("cli", "webhook"), batch_policy="independent"),
            tuple(an_action(f"{name}.md") for name in "abcd"),
        )
        asked.ask()
        yield asked


@pytest.mark.parametrize("taken", [0, 1, 2, 3])
def test_what_was_not_tried_has_its_turn_at_once(question: Question, taken: int) -> None:
    """What was taken is never told again, the one that failed waits, and the rest is told by the next attempt."""
    ids = [one.request.request_id for one in all_records(question.database, NOW)]
    first, second = Channel(taken), Channel()
    assert deliver_due(question.database, first, NOW) == Delivered("webhook", taken, 1, "It is down.")
    assert messages(question.database, undelivered=True)[0].attempts == 1
    assert deliver_due(question.database, second, NOW) == Delivered("webhook", 3 - taken, 0, "")
    assert [one.request.request_id for one in first.told] == ids[:taken]
    assert [one.request.request_id for one in second.told] == ids[taken + 1 :]


def test_a_channel_that_goes_down_at_the_end_has_taken_everything(question: Question) -> None:
    """The fault is told, and no message is told again for it."""
    assert deliver_due(question.database, Channel(4), NOW) == Delivered("webhook", 4, 1, "It went down at the end.")
    assert messages(question.database, undelivered=True) == ()


def test_a_question_that_was_settled_before_it_was_asked_is_not_asked(question: Question) -> None:
    """What became of it is told, after the others, which lose no turn by it."""
    record = all_records(question.database, NOW)[0]
    decide(question.database, record, Answer("allow_once", "ada", "cli"), present=question.present(record), now=NOW)
    channel = Channel()
    assert deliver_due(question.database, channel, NOW).delivered == 4
    settled = record.request.request_id
    assert [one.request.request_id == settled for one in channel.told] == [False, False, False, True]
    assert [bool(one.settled) for one in channel.told] == [False, False, False, True]


def test_what_a_channel_calls_a_message_is_kept_up_to_a_length(question: Question) -> None:
    """500 characters, and they come back with what became of the request."""
    deliver_due(question.database, Channel(reference="r" * 501), NOW)
    question.answer()
    channel = Channel()
    deliver_due(question.database, channel, NOW)
    (telling,) = channel.told
    assert telling.reference == "r" * 500
    assert delivered_reference(question.database, "webhook", telling.request.request_id) == "r" * 500
