"""Move files to where they belong and rewrite links to them. Riskier than an edit: what names the file outside the
repository cannot be seen."""

from __future__ import annotations

from autopack.actions.drafting import carry_out, drafts_by_shared_files
from autopack.actions.models import Draft, Kind
from autopack.gaps.models import Gap

NAME = "file_move"


def remedy(gaps: tuple[Gap, ...]) -> tuple[Draft, ...]:
    """Return one draft for each set of files that GAPS touch together."""
    return drafts_by_shared_files(NAME, gaps, "files to move")


KIND = Kind(
    name=NAME,
    summary="Move files to where they belong and rewrite links to them.",
    deterministic=True,
    reversible=True,
    base_risk=10,
    remedy=remedy,
    apply=carry_out,
)
