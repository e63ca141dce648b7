"""Actions: what a plan proposes, one by one, in a form that policy can judge and the runner can carry out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Protocol

from pydantic import StringConstraints

from autopack.artifacts.model import (
    Approval,
    Artifact,
    Count,
    RepoPath,
    Risk,
    RuleName,
    Score,
    Slug,
    Text,
)
from autopack.gaps.models import Gap, GapId
from autopack.gaps.remedies import Operation

ActionId = Annotated[str, StringConstraints(pattern=r"^action-[0-9a-f]{12}$")]


class Interval(Artifact):
    """A cost as a closed interval; `high` None means unknown, which is never read as zero."""

    low: Count
    high: Count | None


class CostEstimate(Artifact):
    """What an action may cost: lines of diff, seconds of wall time, tokens of a model."""

    lines: Interval
    seconds: Interval
    tokens: Interval


class RiskFactor(Artifact):
    """One named reason for risk and its points; the score is their sum, at most 100."""

    name: Slug
    points: Score
    detail: Text


class Action(Artifact):
    """One proposed change (or advice), judged by the policy.

    `action_id` is the digest of what would be done and why (kind, operations, brief, gaps): the approval binds to it.
    """

    action_id: ActionId
    kind: Slug
    title: Text
    gap_ids: tuple[GapId, ...]
    target_paths: tuple[RepoPath, ...]
    operations: tuple[Operation, ...] = ()
    brief: Text | None = None
    """For `agent_task` and `advice`: what a person or an agent should do."""
    depends_on: tuple[ActionId, ...] = ()
    risk_score: Score
    risk_classification: Risk
    risk_factors: tuple[RiskFactor, ...]
    cost_estimate: CostEstimate
    rollback: Text
    approval_status: Approval
    decided_by: tuple[RuleName, ...]
    """Ids of every policy rule that determined `approval_status`, sorted."""


class Workspace(Protocol):
    """The only hands that an action has: files below the run's worktree, each call checked against the grant."""

    def read(self, path: str) -> bytes:
        """Return the bytes of PATH; raises StaleError where it is not a plain file."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Replace the bytes of PATH, keeping its mode."""
        ...

    def move(self, path: str, destination: str) -> None:
        """Rename PATH to DESTINATION, which must not exist."""
        ...

    def delete(self, path: str) -> None:
        """Remove PATH."""
        ...


@dataclass(frozen=True)
class Draft:
    """An action before it is costed, scored, judged and given its id."""

    kind: str
    title: str
    gap_ids: tuple[str, ...]
    operations: tuple[Operation, ...] = ()
    brief: str | None = None
    lines: int | None = 0
    """Claimed lines added plus removed; None where nobody can say beforehand."""
    paths: tuple[str, ...] = ()
    """What may be touched besides the paths of the operations: the files of an agent's task."""


@dataclass(frozen=True)
class Kind:
    """A kind of action. `deterministic` ones are carried out by Autopack's own code; the others only describe.

    `remedy(gaps)` turns gaps whose remedy names this kind into drafts; `apply` carries one out and returns nothing:
    what was done is measured from the tree, never taken from its word. Undo is the worktree's own: the tree before
    the action is kept.
    """

    name: str
    summary: str
    deterministic: bool
    reversible: bool
    base_risk: int
    """Points of the factor `kind` in the risk score, 0 to 100."""
    remedy: Callable[[tuple[Gap, ...]], tuple[Draft, ...]]
    apply: Callable[[Workspace, Action], None] | None
    seconds: tuple[int, int | None] = (0, 5)
    tokens: tuple[int, int | None] = (0, 0)
    hosts: tuple[str, ...] = ()
    """What its executor reaches: `host` or `host:port`, as the anchor's network_allowlist writes them."""
