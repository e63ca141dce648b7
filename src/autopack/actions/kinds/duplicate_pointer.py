"""Replace the second copy of a document by a line that points to the first. Whoever opens the old place still finds the
way, and git keeps what it held."""

from __future__ import annotations

from autopack.actions.drafting import carry_out, drafts_by_shared_files
from autopack.actions.models import Draft, Kind
from autopack.gaps.models import Gap

NAME = "duplicate_pointer"


def remedy(gaps: tuple[Gap, ...]) -> tuple[Draft, ...]:
    """Return one draft for each set of files that GAPS touch together."""
    return drafts_by_shared_files(NAME, gaps, "copies")


KIND = Kind(
    name=NAME,
    summary="Replace an identical copy of a document or ledger by a pointer to the one that is kept.",
    deterministic=True,
    reversible=True,
    base_risk=15,
    remedy=remedy,
    apply=carry_out,
)
