"""Signed messages out and in, and an outbox that loses nothing, against real HTTP servers on the loopback."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from asked import NOW, Question, database_at
from autopack.clock import FixedClock
from autopack.errors import UsageError
from autopack.governance.approvals import Asking, record_of
from autopack.governance.channels.channel import Heard, short_digest
from autopack.governance.channels.delivery import Delivered, deliver_due
from autopack.governance.channels.https import require_sound_url
from autopack.governance.channels.intake import take
from autopack.governance.channels.signed_messages import is_signed, secret_bytes, signed_headers
from autopack.governance.channels.webhook import WebhookChannel, heard_from
from autopack.store.database import Database, open_database
from autopack.store.outbox import CLAIM_SECONDS, StoredAnswer, answers, messages, wait_seconds
from channel_servers import Receiver, serving
from governed import an_action

_KEY, _ANSWERS = b"k" * 32, b"a" * 32
_CHANNELS = {"approval_channels": ("cli", "webhook")}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(database_at(tmp_path)) as opened:
        yield opened


def _question(database: Database, *paths: str) -> Question:
    from asked import a_review

    question = Question(database, a_review(**_CHANNELS), tuple(an_action(path) for path in paths or ("a.md",)))
    question.ask()
    return question


def _channel(url: str, clock: FixedClock | None = None, *, poll: bool = False) -> WebhookChannel:
    return WebhookChannel(
        url=url, poll_url=url if poll else None, key=_KEY, answer_key=_ANSWERS, clock=clock or FixedClock(NOW)
    )


def _answer_to(question: Question, **others: str) -> bytes:
    request = question.request
    said = {"decision": "allow_once", "nonce": str(request.nonce), "digest": short_digest(request), "decided_by": "ada"}
    return json.dumps({**said, **others}).encode()


def _take(question: Question, heard: Heard) -> StoredAnswer:
    return take(question.database, "webhook", heard, find=question.find, present=question.present, now=question.now)


def test_what_goes_out_is_signed_and_says_what_the_terminal_says(database: Database) -> None:
    """The message holds the canonical text and the digest, and its signature holds for the one who has the secret."""
    question = _question(database)
    receiver = Receiver()
    with serving(receiver) as url:
        assert deliver_due(database, _channel(url), NOW) == Delivered("webhook", 1, 0, "")
    ((headers, body),) = receiver.got
    said = json.loads(body)
    assert is_signed(headers, body, _KEY, NOW)
    assert not is_signed(headers, body + b" ", _KEY, NOW)
    assert (said["canonical_text"], said["digest"]) == (
        question.request.canonical_text,
        short_digest(question.request),
    )
    assert deliver_due(database, _channel("http://127.0.0.1:9"), NOW) == Delivered("webhook", 0, 0, "")


def test_a_channel_that_is_down_loses_nothing(database: Database) -> None:
    """Failures wait longer each time; the request can be answered elsewhere meanwhile; what was not tried keeps its
    turn; in the end everything arrives once."""
    question = _question(database, "a.md", "b.md", "c.md")
    receiver, now = Receiver(down=True), NOW
    with serving(receiver) as url:
        for attempt in range(1, 4):
            assert deliver_due(database, _channel(url), now).failed == 1
            waiting = messages(database, undelivered=True)
            assert waiting[0].attempts >= 1
            assert "500" in max(one.last_error for one in waiting)
            now += timedelta(seconds=wait_seconds(attempt + 1) + CLAIM_SECONDS)
        assert question.answer(by="ada").standing is not None
        receiver.down = False
        done = [deliver_due(database, _channel(url), now + timedelta(hours=2 * hour)) for hour in range(2)]
    assert [one.failed for one in done] == [0, 0]
    assert messages(database, undelivered=True) == ()
    told = [json.loads(body) for _, body in receiver.got]
    asked = [one["request"]["request_id"] for one in told if one["type"] == "approval.requested"]
    assert len(asked) == len(set(asked)) == 2
    assert [one["settled"][:16] for one in told if one["settled"]] == ["Approved by ada "]


def test_waiting_grows_and_is_bounded() -> None:
    """15 seconds, doubled with each failure, at most an hour."""
    assert [wait_seconds(attempts) for attempts in (0, 1, 2, 3, 8, 9, 1_000)] == [15, 15, 30, 60, 1920, 3600, 3600]


_DELIVERER = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from autopack.governance.channels.delivery import deliver_due
from autopack.store.database import open_database

class Slow:
    name = "webhook"
    def deliver(self, tellings):
        for number, telling in enumerate(tellings):
            print("taking", number, flush=True)
            if number == 1:
                time.sleep(600)
            yield str(number)

with open_database(Path(sys.argv[1])) as database:
    deliver_due(database, Slow(), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
"""


def test_a_killed_deliverer_loses_nothing(database: Database) -> None:
    """Killed in the middle: what was taken is struck off, the rest is kept from others until the claim runs out, and is
    then delivered."""
    _question(database, "a.md", "b.md", "c.md")
    deliverer = subprocess.Popen(
        [sys.executable, "-c", _DELIVERER, str(database.path)], stdout=subprocess.PIPE, text=True
    )
    assert deliverer.stdout is not None
    assert [deliverer.stdout.readline().strip() for _ in range(2)] == ["taking 0", "taking 1"]
    deliverer.kill()
    deliverer.communicate()
    receiver = Receiver()
    with serving(receiver) as url:
        assert deliver_due(database, _channel(url), NOW).delivered == 0
        late = NOW + timedelta(seconds=CLAIM_SECONDS)
        assert deliver_due(database, _channel(url), late).delivered == 2
    assert messages(database, undelivered=True) == ()


def test_a_signed_answer_counts_once(database: Database) -> None:
    """The first is accepted, the same again is not, and both the decision and the refusals are on record."""
    question = _question(database)
    body = _answer_to(question)
    headers = signed_headers("event-1", NOW, body, _ANSWERS)
    heard = heard_from(headers, body, _ANSWERS, FixedClock(NOW))
    assert _take(question, heard).detail == "decided: allow_once"
    assert _take(question, heard).outcome == "refused"
    assert _take(question, replace(heard, event_id="event-2")).detail.startswith("it was approved by ada via webhook")
    assert [(one.event_id, one.outcome) for one in answers(database)] == [
        ("event-1", "accepted"),
        ("event-2", "refused"),
    ]
    assert len(question.gate().granted) == 1


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"webhook-signature": "v1,AAAA"}, {}),
        ({"webhook-signature": ""}, {}),
        ({"webhook-id": "other"}, {}),
        ({"webhook-timestamp": "1767323045 "}, {}),
        ({"webhook-timestamp": "9" * 40}, {}),
        ({}, {"decided_by": ""}),
        ({}, {"unknown": "field"}),
    ],
)
def test_a_message_that_is_not_wholly_right_decides_nothing(
    database: Database, headers: dict[str, str], body: dict[str, str]
) -> None:
    """Any other signature, id, time or field: refused."""
    question = _question(database)
    sent = _answer_to(question, **body)
    signed = {**signed_headers("event-1", NOW, sent, _ANSWERS), **headers}
    heard = heard_from(signed, sent, _ANSWERS, FixedClock(NOW))
    assert not heard.may_decide
    assert _take(question, heard).outcome == "refused"
    assert question.gate().granted == ()


def test_old_messages_and_our_own_sent_back_decide_nothing(database: Database) -> None:
    """A message older than five minutes, and what Autopack itself signed with the same secret, are no answers."""
    question = _question(database)
    body = _answer_to(question)
    old = signed_headers("event-1", NOW - timedelta(seconds=301), body, _ANSWERS)
    assert not heard_from(old, body, _ANSWERS, FixedClock(NOW)).may_decide
    receiver = Receiver()
    with serving(receiver) as url:
        deliver_due(database, _channel(url), NOW)
    ((headers, sent),) = receiver.got
    assert not heard_from(headers, sent, _KEY, FixedClock(NOW)).may_decide


def test_answers_can_be_fetched(database: Database) -> None:
    """What the polled address offers is verified like what is posted; the forged one is refused."""
    question = _question(database)
    body = _answer_to(question)
    good = {"headers": signed_headers("event-1", NOW, body, _ANSWERS), "body": body.decode()}
    forged = {"headers": {**signed_headers("event-0", NOW, body, b"x" * 32)}, "body": body.decode()}
    with serving(Receiver(offered=[forged, "nonsense", good])) as url:
        heard = list(_channel(url, poll=True).hear([question.request]))
    assert [_take(question, one).outcome for one in heard] == ["refused", "accepted"]


def _posted(url: str, body: bytes | None, headers: dict[str, str]) -> int:
    """POST BODY (None: GET) and return the status."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers), timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as fault:
        fault.close()
        return fault.code


def test_the_receiver_takes_signed_answers_and_nothing_else(database: Database) -> None:
    """Over the real application: 401 without a signature and nothing stored, 200 once, 409 again, 413 for too much."""
    import uvicorn

    from autopack.governance.channels.receiver import make_receiver

    question = _question(database)
    path = database.path

    def take_in_its_own_thread(heard: Heard) -> StoredAnswer:
        with open_database(path) as opened:
            return _take(replace(question, database=opened), heard)

    app = make_receiver(take_in_its_own_thread, _ANSWERS, FixedClock(NOW))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/answers"
        body = _answer_to(question)
        headers = signed_headers("event-1", NOW, body, _ANSWERS)
        assert _posted(url, body, {}) == 401
        assert answers(database) == ()
        assert _posted(url, body, headers) == 200
        assert _posted(url, body, headers) == 409
        assert _posted(url, b"x" * 100_000, headers) == 401
        assert _posted(url, b"x" * 100_001, headers) == 413
        assert _posted(url, None, {}) == 405
    finally:
        server.should_exit = True
        thread.join()
    record = record_of(database, question.request.request_id, NOW)
    assert record is not None
    assert record.decision is not None


@pytest.mark.parametrize(
    "url",
    ["http://example.org/x", "ftp://example.org", "https://user:pw@example.org", "file:///etc/passwd", "https://", "x"],
)
def test_only_sound_addresses_are_used(url: str) -> None:
    """Plain HTTP leaves this machine never, and no address holds a password."""
    with pytest.raises(UsageError):
        require_sound_url(url, "channels.webhook.url")


def test_a_secret_that_could_be_guessed_is_refused() -> None:
    """Fewer than 16 bytes are no secret; the variable is named, the value is not."""
    with pytest.raises(UsageError, match="HOOK_SECRET") as refusal:
        secret_bytes("guess-me", "HOOK_SECRET")
    assert "guess-me" not in refusal.value.message
    assert secret_bytes("whsec_" + "QUFB" * 8, "HOOK_SECRET") == b"AAA" * 8


def test_nothing_is_delivered_for_the_terminal(database: Database) -> None:
    """People at the terminal come and look; the outbox holds nothing for them."""
    assert Asking(_question(database).review, "cli:ada").channels == ("webhook",)
    assert {one.channel for one in messages(database)} == {"webhook"}
