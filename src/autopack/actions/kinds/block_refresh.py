"""Rewrite marked blocks of documents from what generates them. Only what stands between two marker lines changes."""

from __future__ import annotations

from autopack.actions.drafting import carry_out, drafts_by_shared_files
from autopack.actions.models import Draft, Kind
from autopack.gaps.models import Gap

NAME = "block_refresh"


def remedy(gaps: tuple[Gap, ...]) -> tuple[Draft, ...]:
    """Return one draft for each set of files that GAPS touch together."""
    return drafts_by_shared_files(NAME, gaps, "marked blocks")


KIND = Kind(
    name=NAME,
    summary="Rewrite marked blocks of documents from what generates them.",
    deterministic=True,
    reversible=True,
    base_risk=5,
    remedy=remedy,
    apply=carry_out,
)
