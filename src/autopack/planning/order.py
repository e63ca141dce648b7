"""What comes first: which drafts deserve a place in the plan, which exclude each other, and in which order they run.

Two orders, both total, so that the same gaps give the same plan whatever order they were found in:

* rank, for who gets a place: what blocks the autopilot first, then the worst, then the least change.
* execution: moves and removals before edits, edits before what is generated, agents after Autopack's own code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autopack.actions.models import Action, Draft
from autopack.artifacts.model import RISKS, Risk
from autopack.gaps.remedies import operation_paths
from autopack.policy.paths import folded

STAGES = (
    *("file_move", "file_delete", "duplicate_pointer", "encoding_fix", "config_fix", "link_fix"),
    "",  # every other kind
    *("index_fix", "block_refresh", "agent_task", "advice"),
)


@dataclass(frozen=True)
class Candidate:
    """A draft with what decides its place. `paths` is every path that it may touch, sorted."""

    draft: Draft
    paths: tuple[str, ...]
    blocks_autopilot: bool
    gap_risk: Risk

    @property
    def rank(self) -> tuple[object, ...]:
        """The smaller, the earlier it gets a place."""
        size = float("inf") if self.draft.lines is None else self.draft.lines
        worst_first = (not self.blocks_autopilot, RISKS.index(self.gap_risk))
        return (*worst_first, stage(self.draft.kind), size, self.paths, self.draft.gap_ids)


def draft_paths(draft: Draft) -> tuple[str, ...]:
    """Return every path that DRAFT may touch, sorted, each once."""
    operated = {path for operation in draft.operations for path in operation_paths(operation)}
    return tuple(sorted(operated | set(draft.paths)))


def stage(kind: str) -> int:
    """Return the place of KIND in the order of execution."""
    return STAGES.index(kind) if kind in STAGES else STAGES.index("")


@dataclass
class Occupied:
    """The paths that operations already claim. Compared with case folded, and a file excludes what lies below it."""

    _claims: set[str] = field(default_factory=set)
    _folders: set[str] = field(default_factory=set)

    def claimed(self, paths: Iterable[str]) -> str | None:
        """Return the first of PATHS that something already claims, or None."""
        return next((path for path in paths if self._is_claimed(folded(path))), None)

    def claim(self, paths: Iterable[str]) -> None:
        """Claim PATHS."""
        for path in map(folded, paths):
            self._claims.add(path)
            self._folders.update(_folders_of(path))

    def _is_claimed(self, path: str) -> bool:
        return (
            path in self._claims or path in self._folders or any(above in self._claims for above in _folders_of(path))
        )


def _folders_of(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def in_execution_order(actions: Sequence[Action]) -> tuple[Action, ...]:
    """Return ACTIONS (given in rank order) in the order in which they run, each with the earlier ones that it has to
    wait for: those that touch a path of its own. An order by stage is topological, since nothing waits for a later
    stage."""
    placed: list[Action] = []
    users: dict[str, list[str]] = {}
    for action in sorted(actions, key=lambda action: stage(action.kind)):
        waits_for = sorted({user for path in action.target_paths for user in users.get(folded(path), ())})
        placed.append(action.model_copy(update={"depends_on": tuple(waits_for)}))
        for path in action.target_paths:
            users.setdefault(folded(path), []).append(action.action_id)
    return tuple(placed)
