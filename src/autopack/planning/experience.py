"""What is known of the files that a plan touches, and of how such actions went before. Values; nothing is read here.

Nothing known is not the same as nothing wrong: program text that nobody looked for tests of counts as untested, and
estimates are only ever widened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from autopack.store.history import PhaseActual


@dataclass(frozen=True)
class Overrun:
    """By how much phases of one kind cost more than was estimated, at the worst."""

    lines: int = 0
    seconds: int = 0
    tokens: int = 0


@dataclass(frozen=True)
class Experience:
    """What a plan can go by besides the report."""

    importers: Mapping[str, int] = field(default_factory=dict)
    """Path -> how many tracked files import it directly."""
    tested: frozenset[str] = frozenset()
    """Paths that a tracked test imports or mentions."""
    undone: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Kind and path -> how often such an action was undone before."""
    overruns: Mapping[str, Overrun] = field(default_factory=dict)
    """Kind -> by how much it overran."""


def undone_before(phases: Iterable[PhaseActual]) -> dict[tuple[str, str], int]:
    """Return how often actions of each kind were undone on each path."""
    return dict(Counter((phase.kind, path) for phase in phases if phase.outcome == "undone" for path in phase.paths))


def overruns(phases: Iterable[PhaseActual]) -> dict[str, Overrun]:
    """Return the worst overrun of each kind that had one."""
    worst: dict[str, Overrun] = {}
    for phase in phases:
        before = worst.get(phase.kind, Overrun())
        now = Overrun(
            lines=max(before.lines, _over(phase.lines, phase.estimated_lines)),
            seconds=max(before.seconds, _over(phase.seconds, phase.estimated_seconds)),
            tokens=max(before.tokens, _over(phase.tokens, phase.estimated_tokens)),
        )
        if now != Overrun():
            worst[phase.kind] = now
    return worst


def _over(actual: int, estimated: int | None) -> int:
    return 0 if estimated is None else max(0, actual - estimated)
