"""The bounds of what counts as signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from asked import NOW
from autopack.errors import UsageError
from autopack.governance.channels.signed_messages import is_signed, secret_bytes, signed_headers

_KEY, _BODY = b"k" * 32, b"{}"


def _headers(moment: datetime = NOW, message_id: str = "m-1", **others: str) -> dict[str, str]:
    changed = {name.replace("_", "-"): value for name, value in others.items()}
    return {**signed_headers(message_id, moment, _BODY, _KEY), **changed}


@pytest.mark.parametrize("seconds", [0, 299, 300, 301, 3_000])
@pytest.mark.parametrize("side", [1, -1])
def test_a_message_counts_for_five_minutes_on_both_sides(seconds: int, side: int) -> None:
    """300 seconds before and after its time stamp, and not a second more."""
    assert is_signed(_headers(), _BODY, _KEY, NOW + side * timedelta(seconds=seconds)) is (seconds <= 300)


@pytest.mark.parametrize("stamp", ["", "-1", "1.5", "soon", "\N{ARABIC-INDIC DIGIT ONE}", "1" * 13, "9" * 5_000])
def test_a_time_stamp_that_is_no_number_signs_nothing(stamp: str) -> None:
    """Such a message is refused; it does not make the receiver fail."""
    assert not is_signed(_headers(webhook_timestamp=stamp), _BODY, _KEY, NOW)


def test_the_last_year_of_the_calendar_still_counts() -> None:
    """Twelve digits of seconds are read."""
    late = datetime(9_000, 1, 1, tzinfo=UTC)
    assert len(_headers(late)["webhook-timestamp"]) == 12
    assert is_signed(_headers(late), _BODY, _KEY, late)


def test_a_message_without_an_id_is_not_signed() -> None:
    """Also where its signature covers the empty id: without an id it could count twice."""
    assert not is_signed(_headers(message_id=""), _BODY, _KEY, NOW)


@pytest.mark.parametrize(("others", "counts"), [(0, True), (7, True), (8, False)])
def test_eight_signatures_are_looked_at(others: int, *, counts: bool) -> None:
    """While a key is changed a message bears several; any of the first eight may hold."""
    signed = _headers()
    signed["webhook-signature"] = "v1,bm9uZQ== " * others + signed["webhook-signature"]
    assert is_signed(signed, _BODY, _KEY, NOW) is counts


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("whsec_" + "a2tr" * 8, b"k" * 24),
        ("a2tr" * 8, b"k" * 24),
        ("a2tr! a2tr, a2tr; a2tr", b"a2tr! a2tr, a2tr; a2tr"),
        ("0123456789abcde-", b"0123456789abcde-"),
    ],
)
def test_a_secret_is_base64_or_else_its_own_letters(secret: str, key: bytes) -> None:
    """What is not base64 throughout is taken as it stands; 16 bytes are enough."""
    assert secret_bytes(secret, "HOOK") == key


def test_fifteen_bytes_of_a_secret_are_too_few() -> None:
    """The refusal names the variable and the least length."""
    with pytest.raises(UsageError, match="HOOK is shorter than 16 bytes"):
        secret_bytes("0123456789abcd-", "HOOK")
