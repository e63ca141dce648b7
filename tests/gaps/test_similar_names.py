"""What is one slip away from a name is found among any number of others, and nothing else is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autopack.gaps.similar_names import SimilarNames

NAMES = st.text("abc-1", min_size=7, max_size=12)


def distance(one: str, other: str) -> int:
    """Return how many letters must be left out, added, changed or swapped with a neighbour to make OTHER of ONE."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


@given(st.lists(NAMES, max_size=20), NAMES)
def test_the_same_is_found_as_by_comparing_with_each(names: list[str], asked: str) -> None:
    """Halves leave out nothing that is one slip away; digits and short names are never misspelt."""
    expected = {
        name
        for name in names
        if distance(name, asked) == 1 and min(len(name), len(asked)) >= 8 and name.count("1") == asked.count("1")
    }
    assert set(SimilarNames(names).one_letter_off(asked)) - {asked} == expected


@given(NAMES, st.data())
def test_each_slip_is_found(name: str, data: st.DataObject) -> None:
    """A letter left out, added, changed, or swapped with its neighbour, wherever it stands."""
    at = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from("xyz"))
    slips = {name[:at] + letter + name[at:], name[:at] + letter + name[at + 1 :], name[:at] + name[at + 1 :]}
    slips.add(name[:at] + name[at : at + 2][::-1] + name[at + 2 :])
    for slip in slips - {name}:
        is_long = min(len(slip), len(name)) >= 8
        is_same_number = slip.count("1") == name.count("1")
        assert (SimilarNames([name]).one_letter_off(slip) == (name,)) == (is_long and is_same_number)
