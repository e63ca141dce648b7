"""Rewrite bytes that some systems cannot read. The characters stay the same; only how they are stored changes."""

from __future__ import annotations

from autopack.actions.drafting import carry_out, drafts_by_shared_files
from autopack.actions.models import Draft, Kind
from autopack.gaps.models import Gap

NAME = "encoding_fix"


def remedy(gaps: tuple[Gap, ...]) -> tuple[Draft, ...]:
    """Return one draft for each set of files that GAPS touch together."""
    return drafts_by_shared_files(NAME, gaps, "encoding faults")


KIND = Kind(
    name=NAME,
    summary="Rewrite bytes that some systems cannot read: byte-order marks, line endings, encodings, missing "
    "encoding arguments.",
    deterministic=True,
    reversible=True,
    base_risk=8,
    remedy=remedy,
    apply=carry_out,
)
