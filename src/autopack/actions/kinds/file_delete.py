"""Delete files that duplicate others or were never meant to be kept. The riskiest deterministic kind, although git
keeps the content."""

from __future__ import annotations

from autopack.actions.drafting import carry_out, drafts_by_shared_files
from autopack.actions.models import Draft, Kind
from autopack.gaps.models import Gap

NAME = "file_delete"


def remedy(gaps: tuple[Gap, ...]) -> tuple[Draft, ...]:
    """Return one draft for each set of files that GAPS touch together."""
    return drafts_by_shared_files(NAME, gaps, "files to delete")


KIND = Kind(
    name=NAME,
    summary="Delete files that duplicate others or were never meant to be kept.",
    deterministic=True,
    reversible=True,
    base_risk=25,
    remedy=remedy,
    apply=carry_out,
)
