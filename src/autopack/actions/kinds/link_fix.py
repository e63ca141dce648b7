"""Retarget links in documents whose target moved or whose heading changed. A link that points nowhere is changed to
point at the one place that its target is now."""

from __future__ import annotations

from autopack.actions.drafting import carry_out, drafts_by_shared_files
from autopack.actions.models import Draft, Kind
from autopack.gaps.models import Gap

NAME = "link_fix"


def remedy(gaps: tuple[Gap, ...]) -> tuple[Draft, ...]:
    """Return one draft for each set of files that GAPS touch together."""
    return drafts_by_shared_files(NAME, gaps, "links")


KIND = Kind(
    name=NAME,
    summary="Retarget links in documents whose target moved or whose heading changed.",
    deterministic=True,
    reversible=True,
    base_risk=5,
    remedy=remedy,
    apply=carry_out,
)
