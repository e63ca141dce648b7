"""Words that depend on a number."""

from __future__ import annotations

from collections.abc import Sequence

_MOST_NAMED = 3


def counted(number: int, noun: str) -> str:
    """Return NUMBER and NOUN with its plural's s where there is not exactly one: `1 gap`, `0 gaps`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def agreeing(number: int, singular: str, plural: str) -> str:
    """Return the verb that goes with NUMBER things."""
    return singular if number == 1 else plural


def first_of(names: Sequence[str]) -> str:
    """Return the first few of NAMES, and whether there are more."""
    return ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
