"""Costs are intervals whose unknown end is never zero."""

from __future__ import annotations

from autopack.actions.models import Draft, Interval
from autopack.actions.registry import all_kinds
from autopack.planning.costs import estimate
from plans import edit, move


def test_claimed_lines_are_the_upper_end() -> None:
    """Every edited file changes by at least one line, and by no more than was claimed."""
    draft = Draft("link_fix", "t", (), operations=(edit("a"), edit("a", line=2), edit("b")), lines=6)
    cost = estimate(draft, all_kinds()["link_fix"])
    assert cost.lines == Interval(low=2, high=6)
    assert (cost.seconds, cost.tokens) == (Interval(low=0, high=5), Interval(low=0, high=0))


def test_a_mere_move_changes_no_line() -> None:
    """A move without edits costs no lines, and the lower end never exceeds the upper one."""
    assert estimate(Draft("file_move", "t", (), operations=(move("a", "b"),)), all_kinds()["file_move"]).lines == (
        Interval(low=0, high=0)
    )
    assert estimate(Draft("link_fix", "t", (), operations=(edit("a"),), lines=0), all_kinds()["link_fix"]).lines == (
        Interval(low=0, high=0)
    )


def test_what_nobody_can_say_stays_unknown() -> None:
    """An agent's task has no upper end in lines, seconds or tokens."""
    cost = estimate(Draft("agent_task", "t", (), brief="b", lines=None), all_kinds()["agent_task"])
    assert cost.lines.high is cost.seconds.high is cost.tokens.high is None
    assert (cost.lines.low, cost.tokens.low > 0) == (0, True)


def test_advice_costs_nothing() -> None:
    """A brief for a person costs neither lines nor seconds nor tokens."""
    cost = estimate(Draft("advice", "t", (), brief="b"), all_kinds()["advice"])
    assert {cost.lines.high, cost.seconds.high, cost.tokens.high} == {0}
