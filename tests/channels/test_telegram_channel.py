"""Requests as messages with buttons: against a stand-in, and against the emulator `telegram-test-api` where it is
installed (`make channel-tests`)."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from asked import NOW, Question, a_review, database_at
from autopack.errors import UsageError
from autopack.governance.channels.channel import short_digest
from autopack.governance.channels.delivery import deliver_due
from autopack.governance.channels.intake import take
from autopack.governance.channels.telegram import TelegramChannel, require_token
from autopack.store.database import Database, open_database
from autopack.store.outbox import StoredAnswer, channel_value, keep_channel_value, messages
from channel_servers import TelegramLike, serving
from governed import an_action

_ROOT = Path(__file__).parents[2]
_INSTALLED = _ROOT / ".cache" / "channel-tests"
_TOKEN, _CHAT, _ADA, _EVE = "12345678:AAtest", 77, 1, 2


class _Memory:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> str:
        return channel_value(self._database, "telegram", name)

    def keep(self, name: str, value: str) -> None:
        keep_channel_value(self._database, "telegram", name, value)


class Emulator:
    """The npm package, driven as its own client drives it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._seen: list[dict[str, object]] = []

    def press(self, data: str, user: int, chat: int) -> None:
        """Let USER press the button with DATA in CHAT."""
        message = {"from": {"id": user}, "chat": {"id": chat, "type": "private"}}
        self._post("/sendCallback", {"botToken": _TOKEN, "from": {"id": user}, "message": message, "data": data})

    def buttons(self) -> list[str]:
        """Return what the buttons of the last question send back."""
        found = [one["reply_markup"] for one in self._messages() if one.get("reply_markup")]
        markup = json.loads(found[-1]) if isinstance(found[-1], str) else found[-1]
        return [button["callback_data"] for row in markup["inline_keyboard"] for button in row]

    def texts(self) -> list[str]:
        """Return every text sent so far."""
        return [str(one["text"]) for one in self._messages()]

    def _messages(self) -> list[dict[str, object]]:
        history = self._post("/getUpdatesHistory", {"token": _TOKEN})
        return [one["message"] for one in history["result"] if "message" in one]

    def _post(self, path: str, document: object) -> dict[str, list[dict[str, dict[str, object]]]]:
        data, headers = json.dumps(document).encode(), {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=20) as answer:
            return dict(json.loads(answer.read()))


@contextmanager
def _emulator() -> Iterator[Emulator]:
    node = shutil.which("node")
    if node is None or not (_INSTALLED / "node_modules" / "telegram-test-api").is_dir():
        pytest.skip("NOT COVERED: telegram-test-api is not installed; `make channel-tests` installs it with npm")
    script = Path(__file__).with_name("telegram_emulator.js")
    command = [node, str(script), str(_INSTALLED / "package.json")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Emulator(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.kill()
        process.communicate()


class World:
    """One question in one chat."""

    def __init__(self, database: Database, server: TelegramLike | Emulator, url: str) -> None:
        self.server = server
        self.question = Question(database, a_review(approval_channels=("telegram",)), (an_action("a.md"),))
        self.question.ask()
        self.channel = TelegramChannel(
            base_url=url, token=_TOKEN, chat_id=_CHAT, allowed_users=(_ADA,), memory=_Memory(database)
        )

    def deliver(self, hours: int = 0) -> str:
        return deliver_due(self.question.database, self.channel, NOW + timedelta(hours=hours)).error

    def poll(self) -> list[StoredAnswer]:
        taken = []
        question = self.question
        for heard in self.channel.hear([question.request]):
            answer = take(question.database, "telegram", heard, find=question.find, present=question.present, now=NOW)
            self.channel.acknowledge(heard, f"{answer.outcome}: {answer.detail}")
            taken.append(answer)
        return taken

    @property
    def granted(self) -> int:
        return len(self.question.gate().granted)


@pytest.fixture(params=["stand-in", "telegram-test-api"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with open_database(database_at(tmp_path)) as database:
        if request.param == "stand-in":
            server = TelegramLike()
            with serving(server) as url:
                yield World(database, server, url)
        else:
            with _emulator() as emulator:
                yield World(database, emulator, emulator.url)


def test_a_request_is_shown_in_full_and_approved_with_one_button(world: World) -> None:
    """The text is the canonical one, the button names nonce and digest, the answer counts once, the message is then
    settled."""
    assert world.deliver() == ""
    request = world.question.request
    assert "".join(world.server.texts()).startswith(request.canonical_text)
    approve, reject, never = world.server.buttons()
    assert approve == f"a:{request.nonce}:{short_digest(request)}"
    assert max(len(one.encode()) for one in (approve, reject, never)) <= 64
    world.server.press(approve, _ADA, _CHAT)
    assert [one.detail for one in world.poll()] == ["decided: allow_once"]
    assert world.poll() == []
    assert world.granted == 1
    world.server.press(reject, _ADA, _CHAT)
    assert [one.outcome for one in world.poll()] == ["refused"]
    assert world.granted == 1
    assert world.deliver() == ""


def test_a_rejection_for_good_is_remembered(world: World) -> None:
    """The third button rejects whatever the evidence."""
    world.deliver()
    world.server.press(world.server.buttons()[2], _ADA, _CHAT)
    assert [one.detail for one in world.poll()] == ["decided: reject_always"]
    assert world.granted == 0


@pytest.mark.parametrize(
    ("user", "chat", "change"),
    [
        (_EVE, _CHAT, lambda data: data),
        (_ADA, 78, lambda data: data),
        (_ADA, _CHAT, lambda data: data[:-8] + "00000000"),
        (_ADA, _CHAT, lambda data: "a:" + "0" * 32 + data[34:]),
        (_ADA, _CHAT, lambda data: data.rsplit(":", 1)[0]),
        (_ADA, _CHAT, lambda data: "x" + data[1:]),
        (_ADA, _CHAT, lambda data: "allow_once"),
    ],
    ids=["a stranger", "another chat", "an old digest", "a made-up nonce", "no digest", "no such button", "nonsense"],
)
def test_a_press_that_is_not_wholly_right_decides_nothing(world: World, user: int, chat: int, change) -> None:  # type: ignore[no-untyped-def]
    """Refused and recorded."""
    world.deliver()
    world.server.press(change(world.server.buttons()[0]), user, chat)
    assert [one.outcome for one in world.poll()] == ["refused"]
    assert world.granted == 0


def test_a_long_request_is_sent_whole(tmp_path: Path) -> None:
    """Nothing is left out: a request longer than a message takes several, the buttons under the last."""
    server = TelegramLike()
    paths = tuple(f"docs/{'x' * 60}/{number:03}.md" for number in range(120))
    with open_database(database_at(tmp_path)) as database, serving(server) as url:
        world = World(database, server, url)
        world.question.actions = (an_action("a.md", target_paths=paths, title="\U0001f600" * 300),)
        world.question.run_id = "run-2"
        world.question.ask()
        world.deliver()
        text = world.question.request.canonical_text
    assert len(text) > 4_096
    assert text in "".join(server.texts())
    assert sum("reply_markup" in one for one in server.sent) == 2


def test_a_server_that_is_down_keeps_the_message_and_not_the_token(tmp_path: Path) -> None:
    """The error is kept without the token that stands in the address; later the message arrives, once."""
    server = TelegramLike(down=True)
    with open_database(database_at(tmp_path)) as database, serving(server) as url:
        world = World(database, server, url)
        assert "502" in world.deliver()
        (kept,) = messages(database)
        assert _TOKEN not in kept.last_error
        server.down = False
        assert world.deliver(hours=1) == world.deliver(hours=2) == ""
        assert len(server.sent) == 1


@pytest.mark.parametrize("token", ["", "a/../b", "a b", "a?b", "a#b", "ä:b", "a\nb"])
def test_a_token_that_would_change_the_address_is_refused(token: str) -> None:
    """The variable is named, the token is not."""
    with pytest.raises(UsageError, match="BOT_TOKEN"):
        require_token(token, "BOT_TOKEN")
