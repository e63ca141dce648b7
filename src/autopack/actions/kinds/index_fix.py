"""Take entries that name missing files out of index files. Only the dead entries change; nothing is added."""

from __future__ import annotations

from autopack.actions.drafting import carry_out, drafts_by_shared_files
from autopack.actions.models import Draft, Kind
from autopack.gaps.models import Gap

NAME = "index_fix"


def remedy(gaps: tuple[Gap, ...]) -> tuple[Draft, ...]:
    """Return one draft for each set of files that GAPS touch together."""
    return drafts_by_shared_files(NAME, gaps, "index entries")


KIND = Kind(
    name=NAME,
    summary="Take entries that name missing files out of index files.",
    deterministic=True,
    reversible=True,
    base_risk=6,
    remedy=remedy,
    apply=carry_out,
)
