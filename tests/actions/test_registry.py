"""The kinds of action are what stands in the folder, and each says the truth about itself."""

from __future__ import annotations

import pytest

from autopack.actions.models import Kind
from autopack.actions.registry import all_kinds


def test_kinds_are_listed_in_name_order() -> None:
    """Every module of the folder is a kind of its own name."""
    assert list(all_kinds()) == [
        "advice",
        "agent_task",
        "block_refresh",
        "config_fix",
        "duplicate_pointer",
        "encoding_fix",
        "file_delete",
        "file_move",
        "index_fix",
        "link_fix",
    ]


@pytest.mark.parametrize("kind", all_kinds().values(), ids=lambda kind: kind.name)
def test_only_deterministic_kinds_have_hands(kind: Kind) -> None:
    """What Autopack's own code does is deterministic and costs no tokens; everything else has no hands."""
    assert (kind.apply is not None) == kind.deterministic
    assert kind.reversible
    assert not kind.deterministic or kind.tokens == (0, 0)


def test_the_registry_cannot_be_changed() -> None:
    """Nobody adds a kind at run time."""
    with pytest.raises(TypeError):
        all_kinds()["mine"] = all_kinds()["advice"]  # type: ignore[index]
