"""What the policy is told about an action. Claims first, measured values the second time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autopack.artifacts.model import Approval

SandboxTier = Literal["isolated", "confined", "none"]


@dataclass(frozen=True)
class ActionFacts:
    """One action as the policy sees it. None means unknown, and an unknown is never small."""

    kind: str
    paths: tuple[str, ...]
    """Every path read for writing, written, created, moved or removed, both names of a move."""
    lines: int | None
    """Lines added plus removed."""
    risk: int | None
    """0 to 100."""
    tokens: int | None = 0
    seconds: int | None = 0
    reversible: bool = True
    hosts: tuple[str, ...] = ()
    link_targets: tuple[str, ...] = ()
    """Where symbolic links among the paths lead; judged like paths."""


@dataclass(frozen=True)
class Circumstances:
    """What the policy is told about the run."""

    sandbox: SandboxTier = "isolated"
    remaining_tokens: int | None = None
    remaining_seconds: int | None = None
    """None: the anchor states no cap."""


@dataclass(frozen=True)
class Verdict:
    """The policy's answer: the outcome, every rule that determined it (sorted), and the digest of policy, schema and
    anchor."""

    outcome: Approval
    rules: tuple[str, ...]
    policy_digest: str
