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


class MovedEntry(Artifact):
    """One entry that would leave its ledger: `sha256` is that of its exact bytes, which stand in `archive` then."""

    name: Text
    sha256: Sha256
    archive: RepoPath


class KeptEntry(Artifact):
    """An old entry that has to stay, and why."""

    name: Text
    reason: Text


class FileChange(Artifact):
    """The bytes of one file before (None: it does not exist yet) and after."""

    path: RepoPath
    before_sha256: Sha256 | None
    after_sha256: Sha256


class LedgerRotation(Artifact):
    """Everything that would leave one ledger."""

    ledger: Slug
    path: RepoPath
    tokens_before: Count
    tokens_after: Count
    moved: tuple[MovedEntry, ...]
    """The oldest first."""
    kept: tuple[KeptEntry, ...]
    """Older than the newest that leaves, and yet to stay."""
    files: tuple[FileChange, ...]
    """The archives, then the ledger: in the order in which they are written."""


class RotationPlanV1(IdentifiedArtifact):
    """Which old entries have to leave the ledgers so that memory fits the caps of the intention."""

    ID_FIELD = "rotation_plan_id"
    ID_PREFIX = "rotation-plan"

    format_version: Literal["v1"] = "v1"
    rotation_plan_id: Identifier
    rotations: tuple[LedgerRotation, ...]
    unmet: tuple[Text, ...]
    """Caps that moving entries cannot meet."""

    @property
    def total(self) -> int:
        """Return how many entries would leave."""
        return sum(len(rotation.moved) for rotation in self.rotations)
