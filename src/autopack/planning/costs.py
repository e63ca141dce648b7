"""What an action may cost, as intervals. An unknown upper end is None: it is never read as zero, and it asks first."""

from __future__ import annotations

from functools import lru_cache

from autopack.actions.models import CostEstimate, Draft, Interval, Kind
from autopack.gaps.remedies import MoveFile
from autopack.planning.experience import Overrun

NO_OVERRUN = Overrun()


def estimate(draft: Draft, kind: Kind, overrun: Overrun = NO_OVERRUN) -> CostEstimate:
    """Return the cost of DRAFT: lines of diff, seconds and tokens of the action itself, each widened by the worst
    OVERRUN of its kind so far. What is unknown stays unknown.

    The required checks that run after it are not part of it: each has its own time-out in the anchor.
    """
    return CostEstimate(
        lines=_widened(_lines(draft), overrun.lines),
        seconds=_widened(_interval(kind.seconds), overrun.seconds),
        tokens=_widened(_interval(kind.tokens), overrun.tokens),
    )


def _widened(interval: Interval, by: int) -> Interval:
    if interval.high is None or not by:
        return interval
    return _interval((interval.low, interval.high + by))


def _lines(draft: Draft) -> Interval:
    """The claim is the upper end; at the lower end every edited file changes by one line, and a mere move by none."""
    if draft.lines is None:
        return _interval((0, None))
    edited = {operation.path for operation in draft.operations if not isinstance(operation, MoveFile)}
    return _interval((min(len(edited), draft.lines), draft.lines))


@lru_cache(maxsize=4_096)
def _interval(bounds: tuple[int, int | None]) -> Interval:
    low, high = bounds
    return Interval(low=low, high=high)
