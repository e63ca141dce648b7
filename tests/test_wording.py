"""Words that depend on a number."""

from __future__ import annotations

from autopack.wording import agreeing, counted, first_of


def test_only_exactly_one_is_singular() -> None:
    """None and many take the plural, and the verb agrees."""
    assert [counted(number, "gap") for number in (0, 1, 2)] == ["0 gaps", "1 gap", "2 gaps"]
    assert [agreeing(number, "blocks", "block") for number in (0, 1, 2)] == ["block", "blocks", "block"]


def test_of_many_names_the_first_are_said() -> None:
    """And that there are more."""
    assert [first_of("abcd"[:count]) for count in (1, 3, 4)] == ["a", "a, b, c", "a, b, c, …"]
