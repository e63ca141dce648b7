"""Gaps that touch the same files are answered together, and only those."""

from __future__ import annotations

import pytest

from autopack.actions.drafting import drafts_by_shared_files
from autopack.actions.models import Draft
from plans import edit, gap, link_gap, move


def drafts(*gaps: object) -> list[Draft]:
    return list(drafts_by_shared_files("link_fix", gaps, "links"))  # type: ignore[arg-type]


def test_different_files_make_different_drafts() -> None:
    """Gaps in different files are answered by one draft each."""
    assert [draft.title for draft in drafts(link_gap("a"), link_gap("b"))] == ["Finding a", "Finding b"]


def test_files_connect_through_a_third() -> None:
    """Two moves that rewrite the same document belong together, also through several steps."""
    gaps = [
        gap(name, kind="file_move", operations=[move(name, f"docs/{name}"), edit(document, line=line)])
        for name, document, line in (("a", "R", 1), ("b", "R", 2), ("c", "S", 1), ("d", "S", 2), ("e", "T", 1))
    ]
    bridge = gap("bridge", kind="file_move", operations=[edit("R", line=3), edit("S", line=3)])
    assert sorted(len(draft.gap_ids) for draft in drafts(*gaps, bridge)) == [1, 5]


def test_titles_are_counted_beyond_three() -> None:
    """A draft of many gaps shows three titles and counts the rest."""
    gaps = [gap(f"g{line}", kind="link_fix", operations=[edit("a", line=line)]) for line in range(1, 6)]
    (draft,) = drafts(*gaps)
    assert draft.title == "5 links: Finding g1; Finding g2; Finding g3; and 2 more"
    assert draft.lines == 10


def test_contradictory_remedies_become_drafts_of_their_own() -> None:
    """Of two wishes for one place the first keeps the compatible rest; the other stands alone."""
    gaps = [
        gap("first", kind="link_fix", operations=[edit("a", new="x")]),
        gap("second", kind="link_fix", operations=[edit("a", new="y")]),
        gap("third", kind="link_fix", operations=[edit("a", line=2)]),
    ]
    first, second = drafts(*gaps)
    assert (len(first.gap_ids), len(second.gap_ids)) == (2, 1)
    assert second.title == "Finding second"


def test_a_gap_without_remedy_is_a_defect() -> None:
    """A deterministic kind is never handed a gap that it has no remedy for."""
    with pytest.raises(ValueError, match="has no remedy"):
        drafts(gap("x"))
