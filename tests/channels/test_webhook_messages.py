"""What a signed message has to hold to be an answer, and what the receiver and the polled address may send."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asked import NOW, Question, database_at
from autopack.clock import FixedClock
from autopack.errors import EnvironmentFault, UsageError
from autopack.governance.channels import receiver
from autopack.governance.channels.channel import ChannelDown, Heard
from autopack.governance.channels.https import get_json, require_sound_url
from autopack.governance.channels.signed_messages import signed_headers
from autopack.governance.channels.webhook import WebhookChannel, heard_from
from autopack.store.database import open_database
from channel_servers import Receiver, serving

_KEY = b"k" * 32
_ALL = dict.fromkeys(("decision", "nonce", "digest", "decided_by", "reason", "signature"), "x")


def _heard(body: bytes, message_id: str = "event-1") -> Heard:
    return heard_from(signed_headers(message_id, NOW, body, _KEY), body, _KEY, FixedClock(NOW))


def _of(**changes: object) -> Heard:
    return _heard(json.dumps({**_ALL, **changes}).encode())


def test_a_message_may_hold_every_field() -> None:
    """All six are heard."""
    heard = _of()
    assert heard.may_decide
    assert (heard.decision, heard.nonce, heard.digest, heard.who, heard.reason, heard.signature) == ("x",) * 6


def test_a_field_may_be_20000_characters_long() -> None:
    """One more, or something that is no text, and the message says nothing."""
    assert _of(reason="r" * 20_000).reason == "r" * 20_000
    assert _of(reason="").may_decide
    for wrong in ("r" * 20_001, 7, ["r"], None):
        assert not _of(reason=wrong).may_decide


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b'"x"', b"[" * 100_000], ids=range(6))
def test_a_signed_message_that_is_no_object_says_nothing(body: bytes) -> None:
    """Nor does it make the receiver fail."""
    heard = _heard(body)
    assert not heard.may_decide
    assert heard.who == "whoever sent an unsigned message"


def test_an_event_id_is_kept_up_to_a_length() -> None:
    """200 characters."""
    assert _heard(b"{}", "e" * 201).event_id == "e" * 200


def _polled(tmp_path: Path, offered: list[Any], *, poll: bool = True, waiting: bool = True) -> list[Heard]:
    with open_database(database_at(tmp_path)) as database:
        question = Question(database)
        question.ask()
        asked = [question.request] if waiting else []
    with serving(Receiver(offered=offered)) as url:
        channel = WebhookChannel(
            url=url, poll_url=url if poll else None, key=_KEY, answer_key=_KEY, clock=FixedClock(NOW)
        )
        return list(channel.hear(asked))


def test_a_polled_address_may_offer_nonsense(tmp_path: Path) -> None:
    """What lacks headers or a body is passed over, and at most a thousand answers are read."""
    good = {"headers": signed_headers("event-1", NOW, b"{}", _KEY), "body": "{}"}
    nonsense: list[Any] = [7, None, [], {}, {"headers": {}}, {"headers": {}, "body": 7}, {"headers": [], "body": "{}"}]
    assert [one.event_id for one in _polled(tmp_path, [*nonsense, good])] == ["event-1"]
    assert len(_polled(tmp_path / "many", [good] * 1_001)) == 1_000


def test_nothing_is_fetched_without_an_address_or_a_question(tmp_path: Path) -> None:
    """Where nothing waits, or no address is named, nothing is heard."""
    good = {"headers": signed_headers("event-1", NOW, b"{}", _KEY), "body": "{}"}
    assert _polled(tmp_path / "a", [good], poll=False) == []
    assert _polled(tmp_path / "b", [good], waiting=False) == []


def _answering(data: object) -> Any:
    return lambda method, path, headers, body: (200, data)


def test_an_answer_of_a_server_may_have_four_million_bytes() -> None:
    """One more, and the channel counts as down."""
    with serving(_answering("x" * 3_999_998)) as url:
        assert get_json(url) == "x" * 3_999_998
    with serving(_answering("x" * 3_999_999)) as url, pytest.raises(ChannelDown, match="it answered too much"):
        get_json(url)


@pytest.mark.parametrize("secret", ["", "hush"])
def test_what_a_server_says_is_told_without_the_secret(secret: str) -> None:
    """A refusal is told with its status; a secret in it is struck out."""
    with (
        serving(lambda method, path, headers, body: (418, "no hush here")) as url,
        pytest.raises(ChannelDown, match=r"it answered 418: \"no (hush|\*\*\*) here\"") as down,
    ):
        get_json(url, secret=secret)
    assert ("hush" in down.value.message) is (secret == "")


@pytest.mark.parametrize(
    "url", ["http://localhost:8080/x", "http://127.0.0.1", "http://[::1]:9", "https://hooks.example/in"]
)
def test_sound_addresses_are_used_without_the_last_slash(url: str) -> None:
    """https to anywhere, http to this very machine."""
    assert require_sound_url(url + "/", "channels.webhook.url") == url


@pytest.mark.parametrize(
    "url",
    [
        "wss://hooks.example/in",
        "ftp://localhost/x",
        "ws://localhost/x",
        "http://localhost:0",
        "https://:9",
        "https://u@h",
    ],
)
def test_other_schemes_and_half_addresses_are_refused(url: str) -> None:
    """Whichever comes first in the alphabet; also on this very machine."""
    with pytest.raises(UsageError, match="no https address"):
        require_sound_url(url, "channels.webhook.url")


@pytest.mark.parametrize("missing", ["starlette.applications", "uvicorn"])
def test_a_missing_extra_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the packages of the extra, receiving says what to install."""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(EnvironmentFault, match="needs starlette and uvicorn"):
        if missing == "uvicorn":
            receiver.serve(None, "127.0.0.1", 0)  # type: ignore[arg-type]
        else:
            receiver.make_receiver(lambda heard: None, _KEY, FixedClock(NOW))  # type: ignore[arg-type, return-value]


def test_the_receiver_tells_nobody_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a header naming the server nor a log of who called."""
    told: dict[str, object] = {}
    monkeypatch.setitem(sys.modules, "uvicorn", SimpleNamespace(run=lambda app, **options: told.update(options)))
    receiver.serve(None, "127.0.0.1", 7)  # type: ignore[arg-type]
    assert told == {
        "host": "127.0.0.1",
        "port": 7,
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
    }
