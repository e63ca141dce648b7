"""`file_delete` removes exactly the bytes that were judged superfluous."""

from __future__ import annotations

import pytest

from autopack.actions.kinds.file_delete import KIND
from autopack.errors import StaleError
from carrying_out import carried_out, delete_file
from plans import gap

DELETE = gap("a", kind="file_delete", operations=[delete_file("core.dump", b"old")], lines=1)


def test_the_file_is_gone() -> None:
    """The file is deleted and its neighbours stay."""
    assert carried_out(KIND, [DELETE], {"core.dump": b"old", "core.c": b"c"}) == {"core.c": b"c"}


def test_a_file_with_new_content_stays() -> None:
    """A file that somebody has changed since is not deleted."""
    with pytest.raises(StaleError, match=r"core\.dump has changed"):
        carried_out(KIND, [DELETE], {"core.dump": b"new"})
