"""`file_move` moves files and the links to them in one change."""

from __future__ import annotations

import pytest

from autopack.actions.kinds.file_move import KIND
from autopack.errors import StaleError
from carrying_out import carried_out, move_file, only_draft, replace_text
from plans import gap

NOTES, README = b"see [data](data/a.json)\n", b"[notes](NOTES.md)\n"
MOVE = gap(
    "a",
    kind="file_move",
    operations=[
        move_file("NOTES.md", NOTES, "docs/NOTES.md"),
        replace_text("NOTES.md", NOTES, "data/a.json", "../data/a.json"),
        replace_text("README.md", README, "NOTES.md", "docs/NOTES.md"),
    ],
)


def test_a_file_moves_with_its_links() -> None:
    """The file is at its new place with links that work, and the links to it follow."""
    assert carried_out(KIND, [MOVE], {"NOTES.md": NOTES, "README.md": README}) == {
        "docs/NOTES.md": b"see [data](../data/a.json)\n",
        "README.md": b"[notes](docs/NOTES.md)\n",
    }


def test_nothing_moves_onto_a_file() -> None:
    """A destination that came into being since the plan is refused."""
    with pytest.raises(StaleError, match=r"docs/NOTES\.md exists"):
        carried_out(KIND, [MOVE], {"NOTES.md": NOTES, "README.md": README, "docs/NOTES.md": b""})


def test_both_names_are_targets() -> None:
    """The policy gets to see where the file was and where it will be."""
    assert {"NOTES.md", "docs/NOTES.md", "README.md"} == {
        path for operation in only_draft(KIND, [MOVE]).operations for path in _paths(operation)
    }


def _paths(operation: object) -> list[str]:
    return [path for path in (getattr(operation, "path", None), getattr(operation, "destination", None)) if path]
