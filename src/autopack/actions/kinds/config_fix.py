"""Remove settings of tools that name what does not exist. A setting can change what is tested or built, so it weighs
more than a document."""

from __future__ import annotations

from autopack.actions.drafting import carry_out, drafts_by_shared_files
from autopack.actions.models import Draft, Kind
from autopack.gaps.models import Gap

NAME = "config_fix"


def remedy(gaps: tuple[Gap, ...]) -> tuple[Draft, ...]:
    """Return one draft for each set of files that GAPS touch together."""
    return drafts_by_shared_files(NAME, gaps, "settings")


KIND = Kind(
    name=NAME,
    summary="Remove settings of tools that name what does not exist.",
    deterministic=True,
    reversible=True,
    base_risk=15,
    remedy=remedy,
    apply=carry_out,
)
