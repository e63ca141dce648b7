"""What is said to Telegram and what is made of its answers, word by word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from asked import Question, database_at
from autopack.errors import UsageError
from autopack.governance.channels.channel import ChannelDown, Telling
from autopack.governance.channels.telegram import TelegramChannel, require_token
from autopack.governance.models import ApprovalRequestV1
from autopack.store.database import open_database
from channel_servers import Answer, serving

_CHAT, _ADA = 77, 1


@dataclass
class Bot:
    """Answers what it is told to, and keeps what was asked."""

    updates: object = ()
    ok: object = True
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    result: object = field(default_factory=lambda: {"message_id": 5})
    refuses: str = ""

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        name = path.rsplit("/", 1)[1]
        self.asked.append((name, json.loads(body)))
        if name == self.refuses:
            return 400, {"ok": False}
        return 200, {"ok": self.ok, "result": self.updates if name == "getUpdates" else self.result}


@dataclass
class Memory:
    kept: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        return self.kept.get(name, "")

    def keep(self, name: str, value: str) -> None:
        self.kept[name] = value


@dataclass
class Chat:
    bot: Bot
    memory: Memory
    channel: TelegramChannel


@pytest.fixture
def chat() -> Iterator[Chat]:
    bot, memory = Bot(), Memory()
    with serving(bot) as url:
        yield Chat(
            bot,
            memory,
            TelegramChannel(base_url=url, token="1:t", chat_id=_CHAT, allowed_users=(_ADA,), memory=memory),
        )


@pytest.fixture
def request_asked(tmp_path: Path) -> ApprovalRequestV1:
    with open_database(database_at(tmp_path)) as database:
        question = Question(database)
        question.ask()
        return question.request


def _pressed(update_id: int, user: object = _ADA, chat: object = _CHAT, data: str = "a:n:d") -> dict[str, object]:
    pressed = {"id": "q", "from": {"id": user}, "message": {"chat": {"id": chat}}, "data": data}
    return {"update_id": update_id, "callback_query": pressed}


def test_presses_are_heard_once(chat: Chat) -> None:
    """The first call begins at the beginning, later ones behind what was acknowledged or was no press."""
    chat.bot.updates = [_pressed(4)]
    (heard,) = chat.channel.hear([])
    assert (heard.event_id, heard.who, heard.may_decide) == ("4:q", "1", True)
    assert (heard.decision, heard.nonce, heard.digest) == ("allow_once", "n", "d")
    assert chat.memory.kept == {}
    chat.channel.acknowledge(heard, "o" * 191)
    assert chat.memory.kept == {"offset": "5"}
    chat.bot.updates = [{"update_id": 8, "message": {}}]
    assert list(chat.channel.hear([])) == []
    assert chat.memory.kept == {"offset": "9"}
    chat.bot.updates = None
    assert list(chat.channel.hear([])) == []
    expected = {"timeout": 0, "allowed_updates": ["callback_query"]}
    assert chat.bot.asked == [
        ("getUpdates", {"offset": 0, **expected}),
        ("answerCallbackQuery", {"callback_query_id": "q", "text": "o" * 190, "show_alert": True}),
        ("getUpdates", {"offset": 5, **expected}),
        ("getUpdates", {"offset": 9, **expected}),
    ]


def test_what_is_no_update_is_passed_over(chat: Chat) -> None:
    """Neither a number that is a text nor one that is a truth value counts; the press after them is heard."""
    chat.bot.updates = [7, None, {}, {"update_id": "4"}, {**_pressed(1), "update_id": True}, _pressed(6)]
    assert [heard.event_id for heard in chat.channel.hear([])] == ["6:q"]


@pytest.mark.parametrize(
    ("user", "where"), [(2, _CHAT), (0, _CHAT), (True, _CHAT), ("1", _CHAT), (_ADA, 76), (_ADA, 78), (_ADA, "77")]
)
def test_only_listed_users_in_the_chat_decide(chat: Chat, user: object, where: object) -> None:
    """A stranger, what is no number, and another chat on either side decide nothing."""
    chat.bot.updates = [_pressed(1, user, where)]
    (heard,) = chat.channel.hear([])
    assert not heard.may_decide


@pytest.mark.parametrize("part", ["from", "message", "data"])
def test_a_press_that_lacks_a_part_decides_nothing(chat: Chat, part: str) -> None:
    """It is heard, so that it is on record."""
    update: dict[str, Any] = _pressed(1)
    del update["callback_query"][part]
    chat.bot.updates = [update]
    (heard,) = chat.channel.hear([])
    assert not (heard.may_decide and heard.nonce)


def _delivered(chat: Chat, request: ApprovalRequestV1, text: str) -> list[str]:
    """Return the messages in which a request with TEXT is sent, without the digest under the last."""
    telling = Telling(request.model_copy(update={"canonical_text": text}), "", "")
    assert list(chat.channel.deliver([telling])) == ["5"]
    sent = [fields["text"] for _, fields in chat.bot.asked]
    *first, last = sent
    return [*first, last.removesuffix(f"\n\nDigest {telling.digest}")]


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("x" * 2_000, [2_000]),
        ("x" * 2_001, [2_000, 1]),
        ("x" * 4_500, [2_000, 2_000, 500]),
        ("x" * 999 + "\n" + "y" * 1_000, [2_000]),
        ("x" * 999 + "\n" + "y" * 1_001, [1_000, 1_001]),
        ("x" * 999 + "\n" + "y" * 499 + "\n" + "z" * 501, [1_500, 501]),
    ],
)
def test_a_text_is_cut_at_line_ends(
    chat: Chat, request_asked: ApprovalRequestV1, text: str, lengths: list[int]
) -> None:
    """A message holds 2,000 characters; a longer line is cut, and nothing is left out."""
    parts = _delivered(chat, request_asked, text)
    assert "".join(parts) == text
    assert [len(part) for part in parts] == lengths


def test_messages_name_the_chat_and_show_no_previews(chat: Chat, request_asked: ApprovalRequestV1) -> None:
    """A link in a request is not fetched by anybody; the buttons stand under the last message alone."""
    _delivered(chat, request_asked, "x" * 2_001)
    for _, fields in chat.bot.asked:
        assert fields["chat_id"] == _CHAT
        assert fields["link_preview_options"] == {"is_disabled": True}
    assert ["reply_markup" in fields for _, fields in chat.bot.asked] == [False, True]


@pytest.mark.parametrize(
    ("reference", "refuses", "methods"),
    [
        ("5", "", ["editMessageText"]),
        ("", "", ["sendMessage"]),
        ("5", "editMessageText", ["editMessageText", "sendMessage"]),
    ],
)
def test_a_settled_request_loses_its_buttons(
    chat: Chat, request_asked: ApprovalRequestV1, reference: str, refuses: str, methods: list[str]
) -> None:
    """Its message is changed; where that cannot be, another says what became of it."""
    chat.bot.refuses = refuses
    assert list(chat.channel.deliver([Telling(request_asked, "Approved by ada.", reference)])) == ["5"]
    assert [name for name, _ in chat.bot.asked] == methods
    digest = request_asked.binding.action_digest[:8]
    (text,) = {fields["text"] for _, fields in chat.bot.asked}
    assert text == f"{request_asked.binding.action_id} (digest {digest}): Approved by ada."


@pytest.mark.parametrize("said", [False, None, 1, "true"])
def test_anything_but_ok_is_a_channel_that_is_down(chat: Chat, said: object) -> None:
    """Only the truth value counts."""
    chat.bot.ok = said
    with pytest.raises(ChannelDown, match="did not say ok"):
        list(chat.channel.hear([]))


@pytest.mark.parametrize("result", [None, [], {}, {"message_id": "5"}])
def test_a_message_without_a_number_has_no_reference(
    chat: Chat, request_asked: ApprovalRequestV1, result: object
) -> None:
    """It counts as sent."""
    chat.bot.result = result
    assert list(chat.channel.deliver([Telling(request_asked, "", "")])) == [""]


@pytest.mark.parametrize("token", ["12345678:AAx_y-z", "a", "1", ":", "é"])
def test_a_token_holds_letters_digits_and_three_signs(token: str) -> None:
    """Letters beyond ASCII are none."""
    if token.isascii():
        assert require_token(token, "BOT_TOKEN") == token
    else:
        with pytest.raises(UsageError, match="BOT_TOKEN"):
            require_token(token, "BOT_TOKEN")
