"""Who gets a place in the plan: worst first, within the anchor's bounds, every path judged by the policy.

Nothing silently falls away: what gets no place is left out with a reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from autopack.actions.models import CostEstimate
from autopack.artifacts.model import Approval
from autopack.intention_anchor.v2 import BudgetCost
from autopack.planning.models import LeftOut
from autopack.planning.order import Candidate, Occupied
from autopack.planning.risk import Assessment
from autopack.policy.facts import Circumstances

OVER_BUDGET = ("block.over-budget",)


@dataclass(frozen=True)
class Judged:
    """A candidate with its cost, its risk, and the verdict on all of its paths."""

    candidate: Candidate
    cost: CostEstimate
    risk: Assessment
    status: Approval
    decided_by: tuple[str, ...]

    @property
    def gap_ids(self) -> tuple[str, ...]:
        return self.candidate.draft.gap_ids


class Judge(Protocol):
    """Costs, scores and judges candidates."""

    def judged(self, candidate: Candidate, circumstances: Circumstances) -> Judged:
        """Return CANDIDATE with its cost, risk and verdict."""
        ...

    def parts(self, blocked: Candidate) -> Sequence[Candidate]:
        """Return the part of a BLOCKED candidate that may be attempted and the part that may not; or nothing, where
        it cannot be divided."""
        ...


@dataclass
class Selection:
    """The places of one plan as they fill up. `bounds` is the anchor's, `circumstances` what the run may still
    spend."""

    bounds: BudgetCost
    circumstances: Circumstances
    executable: list[Judged] = field(default_factory=list)
    """Everything but blocked actions, advice included."""
    blocked: list[Judged] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    lines: int = 0
    tokens: int = 0
    seconds: int = 0
    unknown_costs: int = 0
    _occupied: Occupied = field(default_factory=Occupied)
    _blocked_later: list[Judged] = field(default_factory=list)

    def fill(self, candidates: Iterable[Candidate], judge: Judge) -> None:
        """Give places to CANDIDATES.

        Blocked actions (listed for what they would have done) and the second half of the advice take only what
        places are left: neither is ever carried out, and so they must not keep others waiting for ever.
        """
        ranked = sorted(candidates, key=lambda candidate: candidate.rank)
        changes = sum(1 for candidate in ranked if candidate.paths)
        advice_first = max(self.bounds.max_actions // 2, self.bounds.max_actions - changes)
        deferred: list[Candidate] = []
        for candidate in ranked:
            if not candidate.paths:
                advice_first -= 1
            if not candidate.paths and advice_first < 0:
                deferred.append(candidate)
            else:
                self._consider(candidate, judge)
        for candidate in deferred:
            self._consider(candidate, judge)
        self._list_blocked()

    def _consider(self, candidate: Candidate, judge: Judge) -> None:
        reason = self._no_room(candidate)
        if reason is not None:
            self._leave_out(candidate.draft.gap_ids, reason)
            return
        judged = judge.judged(candidate, self._what_is_left())
        parts = judge.parts(candidate) if judged.status == "blocked" else ()
        if judged.status != "blocked":
            self._take(judged)
        elif parts:
            for part in parts:
                self._consider(part, judge)
        elif judged.decided_by == OVER_BUDGET and (self.tokens or self.seconds):
            self._leave_out(judged.gap_ids, "the actions before it use what is left of the token or time cap")
        else:
            self._blocked_later.append(judged)

    def _no_room(self, candidate: Candidate) -> str | None:
        """Return why CANDIDATE cannot have a place, or None."""
        bounds = self.bounds
        if len(self.executable) >= bounds.max_actions:
            return f"the plan is full: max_actions is {bounds.max_actions}"
        taken = self._occupied.claimed(candidate.paths) if candidate.draft.operations else None
        if taken is not None:
            return f"another action of this plan changes {taken}; propose again after it"
        files = len(self.files | set(candidate.paths))
        if files > bounds.max_files:
            return f"with it the plan would touch {files} files; max_files is {bounds.max_files}"
        lines = self.lines + (candidate.draft.lines or 0)
        if lines > bounds.max_lines:
            return f"with it the plan would change {lines} lines; max_lines is {bounds.max_lines}"
        return None

    def _what_is_left(self) -> Circumstances:
        return replace(
            self.circumstances,
            remaining_tokens=_less(self.circumstances.remaining_tokens, self.tokens),
            remaining_seconds=_less(self.circumstances.remaining_seconds, self.seconds),
        )

    def _take(self, judged: Judged) -> None:
        highs = (judged.cost.lines.high, judged.cost.tokens.high, judged.cost.seconds.high)
        self.lines += highs[0] or 0
        self.tokens += highs[1] or 0
        self.seconds += highs[2] or 0
        self.unknown_costs += None in highs
        self.files |= set(judged.candidate.paths)
        if judged.candidate.draft.operations:
            self._occupied.claim(judged.candidate.paths)
        self.executable.append(judged)

    def _leave_out(self, gap_ids: Sequence[str], reason: str) -> None:
        self.left_out += [LeftOut(gap_id=gap_id, reason=reason) for gap_id in gap_ids]

    def _list_blocked(self) -> None:
        places = self.bounds.max_actions - len(self.executable)
        self.blocked = self._blocked_later[:places]
        for judged in self._blocked_later[places:]:
            rules = ", ".join(judged.decided_by)
            self._leave_out(judged.gap_ids, f"blocked by {rules}, and the plan has no place left to list it")


def _less(cap: int | None, used: int) -> int | None:
    return None if cap is None else max(cap - used, 0)
