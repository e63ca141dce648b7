"""Evidence from a place in a file does not depend on what was asked before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autopack.gaps.excerpts import Places, evidence_at

TEXTS = st.lists(st.sampled_from([b"a", b"\n", b"\r\n", "ü".encode(), b"\xff", b"word "]), max_size=60).map(b"".join)


@given(data=TEXTS, places=st.lists(st.integers(min_value=0, max_value=80), max_size=20))
def test_places_may_be_asked_for_in_any_order(data: bytes, places: list[int]) -> None:
    """Forwards, backwards and again: each is the evidence that a single question gives."""
    asked = Places("a.md", data)
    for place in places:
        offset = min(place, len(data))
        assert asked.at(offset) == evidence_at("a.md", data, offset)
        assert asked.line(offset) == data.count(b"\n", 0, offset) + 1


def test_a_line_is_digested_once_for_all_places_on_it() -> None:
    """Many findings on one endless line cost one look at it."""
    data = b"a " * 1_000 + b"\nb\n"
    asked = Places("a.md", data)
    digests = {asked.at(offset).excerpt_sha256 for offset in range(0, 2_000, 7)}
    assert len(digests) == 1
    assert len(asked._excerpts) == 1
