"""The intention artifacts of one run: versions 1 and 2 beside each other, in the run's own folder and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from autopack.artifacts.store import read_artifact, write_artifact, write_bytes
from autopack.errors import ArtifactError
from autopack.file_layout import RunFileLayout
from autopack.intention_anchor.v1 import IntentionAnchorV1, Upgrade, propose_upgrade
from autopack.intention_anchor.v2 import IntentionAnchorV2

A = TypeVar("A", IntentionAnchorV1, IntentionAnchorV2)


@dataclass(frozen=True)
class ProjectIntentionManager:
    """Reads and writes the intention artifacts of the run that LAYOUT names."""

    layout: RunFileLayout

    def write_v1(self, anchor: IntentionAnchorV1) -> None:
        """Write `intent_v1.json` and `intent_anchor.txt`; raises ArtifactError for another project's anchor."""
        self._belongs(anchor)
        write_artifact(self.layout.intention_anchor_v1, anchor)
        write_bytes(self.layout.intention_anchor_text, anchor.intent_anchor.encode())

    def read_v1(self) -> IntentionAnchorV1 | None:
        """Return the anchor of version 1, or None where none was written.

        Raises ArtifactError when it is damaged, or when `intent_anchor.txt` says something else.
        """
        if not self.layout.intention_anchor_v1.exists():
            return None
        anchor = self._belongs(read_artifact(self.layout.intention_anchor_v1, IntentionAnchorV1))
        text = self.layout.intention_anchor_text
        expected = anchor.intent_anchor.encode()
        if text.exists() and (text.stat().st_size != len(expected) or text.read_bytes() != expected):
            raise ArtifactError(
                f"{text} is not the text that {self.layout.intention_anchor_v1.name} holds.",
                hint="One of the two was edited; remove the text file to go by the other.",
            )
        return anchor

    def write_v2(self, anchor: IntentionAnchorV2) -> None:
        """Write `intention_anchor_v2.json`; version 1 stays. Raises ArtifactError for another project's anchor."""
        self._belongs(anchor)
        write_artifact(self.layout.intention_anchor_v2, anchor)

    def read_v2(self) -> IntentionAnchorV2 | None:
        """Return the anchor of version 2, or None where none was written; raises ArtifactError when it is damaged."""
        if not self.layout.intention_anchor_v2.exists():
            return None
        return self._belongs(read_artifact(self.layout.intention_anchor_v2, IntentionAnchorV2))

    def propose_upgrade(self, *, updated_at: str) -> Upgrade | None:
        """Return what version 1 says as a proposal of version 2, or None where there is no version 1. Writes nothing:
        a person decides whether it becomes the intention."""
        old = self.read_v1()
        return None if old is None else propose_upgrade(old, updated_at=updated_at)

    def _belongs(self, anchor: A) -> A:
        if anchor.project_id != self.layout.project_id:
            raise ArtifactError(
                f"The intention belongs to project {anchor.project_id}, this run to {self.layout.project_id}."
            )
        return anchor
