"""`link_fix` changes the targets of links and nothing else."""

from __future__ import annotations

from autopack.actions.kinds.link_fix import KIND
from carrying_out import carried_out, only_draft, replace_text
from plans import gap

DOCUMENT = b"# Home\r\nSee [guide](docs/guide.md), [notes](notes.md).\r\nend"


def test_links_of_one_document_are_fixed_together() -> None:
    """Two dead links of a document are one action; its other bytes stay, carriage returns included."""
    gaps = [
        gap("a", kind="link_fix", operations=[replace_text("R.md", DOCUMENT, "docs/guide.md", "docs/user-guide.md")]),
        gap("b", kind="link_fix", operations=[replace_text("R.md", DOCUMENT, "notes.md", "docs/notes.md")]),
    ]
    assert only_draft(KIND, gaps).title == "2 links: Finding a; Finding b"
    assert carried_out(KIND, gaps, {"R.md": DOCUMENT}) == {
        "R.md": b"# Home\r\nSee [guide](docs/user-guide.md), [notes](docs/notes.md).\r\nend"
    }
