"""`block_refresh` rewrites what stands between two markers."""

from __future__ import annotations

from autopack.actions.kinds.block_refresh import KIND
from carrying_out import carried_out, replace_block
from plans import gap

DOCUMENT = b"top\n<!-- SOT_SUMMARY_START -->\n1 entry\n<!-- SOT_SUMMARY_END -->\nbottom"


def test_the_block_is_rewritten() -> None:
    """The block gets its new content; markers and surroundings stay."""
    operation = replace_block("R.md", DOCUMENT, "<!-- SOT_SUMMARY_START -->", "<!-- SOT_SUMMARY_END -->", "2 entries\n")
    stale = gap("a", kind="block_refresh", operations=[operation])
    assert carried_out(KIND, [stale], {"R.md": DOCUMENT}) == {"R.md": DOCUMENT.replace(b"1 entry", b"2 entries")}
