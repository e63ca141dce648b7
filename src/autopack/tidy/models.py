"""What tidy would write, as an artifact that can be compared before it is applied."""

from __future__ import annotations

from typing import Literal

from autopack.artifacts.model import Artifact, Count, IdentifiedArtifact, Identifier, RepoPath, Sha256, Slug, Text
from autopack.gaps.models import NotLookedAt


class AddedEntry(Artifact):
    """One entry that would be added, as it would stand in the ledger (with LF)."""

    entry_id: Identifier
    text: Text


class LedgerAddition(Artifact):
    """Everything that would be added to one ledger. `before_sha256` None: it does not exist yet."""

    ledger: Slug
    path: RepoPath
    before_sha256: Sha256 | None
    after_sha256: Sha256
    recorded: Count
    """Entries that tidy added before."""
    entries: tuple[AddedEntry, ...]


class TidyPlanV1(IdentifiedArtifact):
    """What the runs have to tell that the ledgers do not hold yet."""

    ID_FIELD = "tidy_plan_id"
    ID_PREFIX = "tidy-plan"

    format_version: Literal["v1"] = "v1"
    tidy_plan_id: Identifier
    additions: tuple[LedgerAddition, ...]
    not_read: tuple[NotLookedAt, ...]
    """Results of runs that could not be read, and why."""

    @property
    def total(self) -> int:
        """Return how many entries would be added."""
        return sum(len(addition.entries) for addition in self.additions)
