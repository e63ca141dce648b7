"""Names are found in files as whole words, and nowhere else."""

from __future__ import annotations

import pytest

from autopack.gaps.sources.mentions import NOTHING_SOUGHT, Seeker


@pytest.mark.parametrize(
    "text",
    [
        b"dump.sqlite",
        b"open('dump.sqlite')",
        b"./dump.sqlite",
        b"data/dump.sqlite\n",
        b"see dump.sqlite.",
        b"see dump.sqlite...",
        b"old-dump.sqlite and dump.sqlite",
        b"\xffdump.sqlite\xff",
    ],
)
def test_a_whole_word_is_a_mention(text: bytes) -> None:
    """Whatever no name is made of may stand around it, and a full stop behind it."""
    assert Seeker(["dump.sqlite", "other.db"]).found_in(text) == ("dump.sqlite",)


@pytest.mark.parametrize(
    "text",
    [b"olddump.sqlite", b"old-dump.sqlite", b"dump.sqlite3", b"dump.sqlite.gz", b"dump_sqlite", b"Dump.sqlite", b""],
)
def test_part_of_another_name_is_none(text: bytes) -> None:
    """A longer name is another name, and the dot is a dot."""
    assert Seeker(["dump.sqlite"]).found_in(text) == ()


def test_every_name_is_told_once_in_order() -> None:
    """Several names in one file come sorted, whatever the order in which they were asked for."""
    assert Seeker(["b.db", "a.db", "b.db"]).found_in(b"b.db a.db b.db") == ("a.db", "b.db")


def test_the_digest_stands_for_the_names() -> None:
    """The same names give the same digest in any order; other names another; none at all the empty one."""
    assert Seeker(["a", "b"]).digest == Seeker(["b", "a", "a"]).digest
    assert len({Seeker(names).digest for names in (["a", "b"], ["ab"], ["a"], ["a\0b"], [])}) == 5
    assert NOTHING_SOUGHT.digest == "" and NOTHING_SOUGHT.found_in(b"a b") == ()


def test_huge_files_mention_nothing() -> None:
    """A list of a megabyte needs none of the names in it."""
    assert Seeker(["a.db"]).found_in(b"a.db " + b"x" * 999_995) == ("a.db",)
    assert Seeker(["a.db"]).found_in(b"a.db " + b"x" * 999_996) == ()


def test_names_that_are_no_text_are_found() -> None:
    """A file name that is no UTF-8 is looked for by its bytes."""
    assert Seeker(["\udcff.db"]).found_in(b"open \xff.db now") == ("\udcff.db",)
