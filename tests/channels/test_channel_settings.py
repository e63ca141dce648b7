"""What the configuration says of channels is checked, and a mistake is named by its key."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from asked import Question, database_at
from autopack.errors import UsageError
from autopack.governance.channels.channel import short_digest
from autopack.governance.channels.settings import TelegramSettings, WebhookSettings, channel_settings
from autopack.store.database import open_database

_HOOK = {"url": "https://hooks.example/in", "secret_env": "HOOK_SECRET"}
_BOT = {"token_env": "BOT_TOKEN", "chat_id": 7, "allowed_users": [1]}


def _url(length: int) -> str:
    return "https://hooks.example/".ljust(length, "x")


def test_settings_are_read_from_the_channels_own_table() -> None:
    """Each channel has its table, and others do not matter."""
    tables = {"webhook": _HOOK, "telegram": "nonsense"}
    assert channel_settings(tables, "webhook", WebhookSettings).url == "https://hooks.example/in"


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({}, r"the channel webhook, but \.autopack/config\.toml has no \[channels\.webhook\]"),
        ({"webhook": {"url": _HOOK["url"]}}, r"config\.toml: channels\.webhook\.secret_env: Field required"),
        ({"webhook": {"url": 3, "secret_env": "lower"}}, r"channels\.webhook\.url: Input should be a valid string"),
        ({"webhook": {**_HOOK, "url": date(2026, 1, 2)}}, r"\[channels\.webhook\] holds what is no text"),
    ],
    ids=["missing", "one mistake", "the first of two mistakes", "a date"],
)
def test_a_mistake_is_named(tables: dict[str, Any], said: str) -> None:
    """A missing table, a missing or wrong key, and what no settings hold."""
    with pytest.raises(UsageError, match=said):
        channel_settings(tables, "webhook", WebhookSettings)


def test_an_address_may_have_500_characters() -> None:
    """One more is refused."""
    assert WebhookSettings.model_validate({**_HOOK, "url": _url(500)})
    with pytest.raises(ValidationError):
        WebhookSettings.model_validate({**_HOOK, "url": _url(501)})


def test_somebody_has_to_be_allowed_to_decide() -> None:
    """One user is enough, none is refused."""
    assert TelegramSettings.from_document(_BOT).allowed_users == (1,)
    with pytest.raises(ValidationError):
        TelegramSettings.from_document({**_BOT, "allowed_users": []})


def test_people_see_eight_digits_of_the_digest(tmp_path: Any) -> None:
    """The first eight of the action's digest."""
    with open_database(database_at(tmp_path)) as database:
        question = Question(database)
        question.ask()
        shown = short_digest(question.request)
        assert len(shown) == 8
        assert question.request.binding.action_digest.startswith(shown)
