"""`index_fix` takes dead entries out of an index."""

from __future__ import annotations

import json

from autopack.actions.kinds.index_fix import KIND
from carrying_out import carried_out, replace_text
from plans import gap

INDEX = b'{\n  "files": [\n    "a.md",\n    "gone.md",\n    "b.md"\n  ]\n}\n'


def test_dead_entries_are_taken_out() -> None:
    """The index names the files that exist, is still valid, and keeps its layout."""
    operation = replace_text("index.json", INDEX, '"gone.md",\n    ', "")
    after = carried_out(KIND, [gap("a", kind="index_fix", operations=[operation])], {"index.json": INDEX})["index.json"]
    assert json.loads(after) == {"files": ["a.md", "b.md"]}
    assert after == b'{\n  "files": [\n    "a.md",\n    "b.md"\n  ]\n}\n'
