"""Entries at the end of a ledger: its own line endings, its own numbers, and never a byte before them changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopack.errors import UnsafeRepository
from autopack.tidy.ledgers import (
    STYLES,
    Entry,
    check_appendable,
    entry_text,
    headings,
    numbering,
    recorded_ids,
    with_texts,
)

STYLE = STYLES["build_history"]
ENTRY = Entry("entry-0123456789ab", "link fix: a link", ("Run r1", "Commit 1"))
TEXT = entry_text(ENTRY, "## BUILD-001: link fix: a link")


def test_an_entry_is_a_marker_a_heading_and_points() -> None:
    """The marker comes first, so that the entry is recognised whatever happens to its text."""
    assert TEXT == (
        "<!-- autopack:entry entry-0123456789ab -->\n## BUILD-001: link fix: a link\n\n- Run r1\n- Commit 1"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "# Build history\n\n{}\n"),
        (b"", "# Build history\n\n{}\n"),
        (b"# B\n", "# B\n\n{}\n"),
        (b"# B\n\n", "# B\n\n{}\n"),
        (b"# B", "# B\n\n{}"),
        (b"# B\r\n\r\ntext\r\n", "# B\r\n\r\ntext\r\n\r\n{}\r\n"),
        (b"# B\r\n\r\ntext", "# B\r\n\r\ntext\r\n\r\n{}"),
        (b"\xef\xbb\xbf# B\n", "\ufeff# B\n\n{}\n"),
    ],
)
def test_the_ledgers_own_line_endings_are_kept(before: bytes | None, after: str) -> None:
    """LF stays LF, CRLF stays CRLF, a missing final line ending stays missing, a byte-order mark stays."""
    ending = "\r\n" if before and b"\r\n" in before else "\n"
    assert with_texts(before, [TEXT], STYLE) == after.format(TEXT.replace("\n", ending)).encode()


@given(st.binary(max_size=80), st.lists(st.just(TEXT), max_size=3))
def test_old_bytes_are_always_a_prefix(data: bytes, texts: list[str]) -> None:
    """Whatever stands in a ledger, adding to it changes nothing of it."""
    after = with_texts(data, texts, STYLE)
    assert after.startswith(data)
    assert (recorded_ids(after) >= {ENTRY.entry_id}) or not texts


@pytest.mark.parametrize(
    ("ledger", "expected"),
    [
        (b"", "## BUILD-001: x"),
        (b"# B\n\n## BUILD-007: y\n", "## BUILD-008: x"),
        (b"# B\n\n### LOG-0012 y\n\n### LOG-0003 z\n", "### LOG-0013: x"),
        (b"# B\n\n## 2026-01-01\n", "## BUILD-001: x"),
        (b"# B\n\n```\n## BUILD-099: code\n```\n", "## BUILD-001: x"),
    ],
)
def test_numbers_go_on_as_the_ledger_counts(ledger: bytes, expected: str) -> None:
    """Prefix, width and level are the ledger's own; the number follows the highest."""
    (heading,) = headings([Entry("e", "x", ())], numbering(ledger, [], STYLE))
    assert heading == expected


def test_no_number_is_used_twice_across_ledgers() -> None:
    """An id that another ledger or an archive holds is not given again."""
    assert numbering(b"## BUILD-001: a\n", [b"## BUILD-040: b\n"], STYLE).following == 41


@pytest.mark.parametrize(
    "data", [b"\xff\xfe#\x00", b"caf\xe9\n", b"a\0b", b"a\n<<<<<<< HEAD\nb\n", b"=======\n>>>>>>> x\n"]
)
def test_nothing_is_added_to_what_is_not_text(data: bytes) -> None:
    """UTF-16, Latin-1, binary data and unresolved conflicts are refused, with the reason."""
    with pytest.raises(UnsafeRepository):
        check_appendable(data, "docs/BUILD_HISTORY.md")


def test_only_whole_marker_lines_count() -> None:
    """A marker that is quoted inside a line records nothing."""
    quoted = b"- see <!-- autopack:entry entry-0123456789ab -->\n    <!-- autopack:entry entry-0123456789ab -->\n"
    assert recorded_ids(quoted) == frozenset()
    assert recorded_ids(b"<!-- autopack:entry entry-0123456789ab -->\r\n") == {"entry-0123456789ab"}
