"""`duplicate_pointer` leaves a pointer where a copy was."""

from __future__ import annotations

import pytest

from autopack.actions.kinds.duplicate_pointer import KIND
from autopack.artifacts.canonical import bytes_digest
from autopack.errors import StaleError
from autopack.gaps.remedies import RewriteFile
from carrying_out import carried_out
from plans import gap

COPY = b"# Guide\r\n\r\nLong.\r\n"
POINTER = "This document is kept in [docs/guide.md](docs/guide.md).\n"
REWRITE = RewriteFile(path="GUIDE.md", before_sha256=bytes_digest(COPY), new=POINTER)
GAP = gap("a", kind="duplicate_pointer", operations=[REWRITE], lines=4)


def test_the_copy_becomes_a_pointer() -> None:
    """The copy holds the pointer, and the document that is kept stays."""
    files = {"GUIDE.md": COPY, "docs/guide.md": COPY}
    assert carried_out(KIND, [GAP], files) == {"GUIDE.md": POINTER.encode(), "docs/guide.md": COPY}


def test_a_copy_that_has_diverged_stays() -> None:
    """A copy that somebody has written into since is not replaced."""
    with pytest.raises(StaleError, match=r"GUIDE\.md has changed"):
        carried_out(KIND, [GAP], {"GUIDE.md": COPY + b"more"})
