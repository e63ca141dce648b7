"""The name of an action: the digest of what would be done and why, so that an approval of it means nothing else."""

from __future__ import annotations

from autopack.actions.models import Action
from autopack.artifacts.canonical import content_id

_NAMED_BY = {"kind", "operations", "brief", "gap_ids"}
UNNAMED = "action-000000000000"
"""Stands in until the content is complete."""


def expected_action_id(action: Action) -> str:
    """Return the id that the content of ACTION has, whatever its id field says."""
    return content_id("action", action.model_dump(mode="json", include=_NAMED_BY))
