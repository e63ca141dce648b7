"""The channel Telegram, by its Bot API (https://core.telegram.org/bots/api): a message with buttons for each request.

Who pressed a button is what Telegram says; only listed users in the one chat may decide. What a button sends back
names the request's nonce and the digest that was shown.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence

from autopack.errors import UsageError
from autopack.governance.channels.channel import ChannelDown, Heard, Memory, Telling
from autopack.governance.channels.https import post_json
from autopack.governance.models import ApprovalRequestV1

MAX_MESSAGE = 2_000
"""Characters of one message; Telegram takes 4,096 UTF-16 units, and a character may be two of them."""

_BUTTONS = (("a", "Approve once", "allow_once"), ("r", "Reject", "reject_once"), ("n", "Never", "reject_always"))
_DECISION = {letter: decision for letter, _, decision in _BUTTONS}
_OFFSET = "offset"


class TelegramChannel:
    """One bot in one chat."""

    name = "telegram"

    def __init__(
        self, *, base_url: str, token: str, chat_id: int, allowed_users: Sequence[int], memory: Memory
    ) -> None:
        self._base_url = base_url
        self._token = token
        self._chat_id = chat_id
        self._allowed_users = frozenset(allowed_users)
        self._memory = memory

    def deliver(self, tellings: Sequence[Telling]) -> Iterator[str]:
        """Send each request in as many messages as it needs, the last with buttons; a settled one loses them."""
        for telling in tellings:
            yield self._settle(telling) if telling.settled else self._ask(telling)

    def hear(self, waiting: Sequence[ApprovalRequestV1]) -> Iterable[Heard]:
        """Yield every button that was pressed since the last call."""
        asked = {"offset": int(self._memory.get(_OFFSET) or 0), "timeout": 0, "allowed_updates": ["callback_query"]}
        updates = self._call("getUpdates", asked)
        for update in updates if isinstance(updates, list) else ():
            if not isinstance(update, dict) or type(update.get("update_id")) is not int:
                continue
            pressed = update.get("callback_query")
            if isinstance(pressed, dict):
                yield self._heard(update["update_id"], pressed)
            else:
                self._memory.keep(_OFFSET, str(update["update_id"] + 1))

    def acknowledge(self, heard: Heard, outcome: str) -> None:
        """Show OUTCOME to whoever pressed the button. That it is shown is not needed; that it is not heard again is."""
        update_id, _, query_id = heard.event_id.partition(":")
        with contextlib.suppress(ChannelDown):
            self._call(
                "answerCallbackQuery", {"callback_query_id": query_id, "text": outcome[:190], "show_alert": True}
            )
        self._memory.keep(_OFFSET, str(int(update_id) + 1))

    def _ask(self, telling: Telling) -> str:
        *first, last = _parts(telling.request.canonical_text)
        for part in first:
            self._send(part)
        asked = {"inline_keyboard": [[_button(one, telling) for one in _BUTTONS]]}
        return self._send(f"{last}\n\nDigest {telling.digest}", reply_markup=asked)

    def _settle(self, telling: Telling) -> str:
        text = f"{telling.request.binding.action_id} (digest {telling.digest}): {telling.settled}"
        if telling.reference.isdigit():
            with contextlib.suppress(ChannelDown):
                self._call(
                    "editMessageText",
                    {"chat_id": self._chat_id, "message_id": int(telling.reference), "text": text},
                )
                return telling.reference
        return self._send(text)

    def _send(self, text: str, **more: object) -> str:
        message = {"chat_id": self._chat_id, "text": text, "link_preview_options": {"is_disabled": True}, **more}
        sent = self._call("sendMessage", message)
        number = sent.get("message_id") if isinstance(sent, dict) else None
        return str(number) if isinstance(number, int) else ""

    def _heard(self, update_id: int, pressed: dict[str, object]) -> Heard:
        sender, message = pressed.get("from"), pressed.get("message")
        user = sender.get("id") if isinstance(sender, dict) else None
        chat = message.get("chat") if isinstance(message, dict) else None
        in_chat = isinstance(chat, dict) and chat.get("id") == self._chat_id
        letter, nonce, digest = [*str(pressed.get("data", "")).split(":"), "", "", ""][:3]
        return Heard(
            event_id=f"{update_id}:{pressed.get('id', '')}",
            who=str(user),
            may_decide=type(user) is int and user in self._allowed_users and in_chat,
            decision=_DECISION.get(letter, letter),
            nonce=nonce,
            digest=digest,
        )

    def _call(self, method: str, fields: dict[str, object]) -> object:
        url = f"{self._base_url}/bot{self._token}/{method}"
        answer = post_json(url, json.dumps(fields).encode(), secret=self._token)
        if not isinstance(answer, dict) or answer.get("ok") is not True:
            raise ChannelDown("The channel does not take it: Telegram did not say ok.", hint="autopack channels status")
        return answer.get("result")


def require_token(token: str, name: str) -> str:
    """Return TOKEN where it can be a bot's; raises UsageError, naming the variable NAME, where it would break the
    address."""
    if not token or not all(character.isascii() and (character.isalnum() or character in ":_-") for character in token):
        raise UsageError(f"{name} holds no token of a bot.", hint="BotFather gives one: 12345678:AA….")
    return token


def _button(button: tuple[str, str, str], telling: Telling) -> dict[str, str]:
    letter, label, _ = button
    return {"text": label, "callback_data": f"{letter}:{telling.request.nonce}:{telling.digest}"}


def _parts(text: str) -> list[str]:
    """Return TEXT in parts that one message holds, cut at line ends where possible; nothing is left out."""
    parts, current = [], ""
    for line in text.splitlines(keepends=True):
        for start in range(0, len(line), MAX_MESSAGE):
            piece = line[start : start + MAX_MESSAGE]
            if len(current) + len(piece) > MAX_MESSAGE:
                parts.append(current)
                current = ""
            current += piece
    return [*parts, current]
