"""simple_patterns: expressions of others are understood without being run."""

from __future__ import annotations

import pytest

from autopack.gaps.simple_patterns import SimplePatterns, read_pattern


@pytest.mark.parametrize(
    ("written", "text", "expected"),
    [
        ("^bundle.zip", "bundle.zip", True),
        ("^bundle.zip", "bundle.zip#x", True),
        ("^bundle.zip", "a/bundle.zip", False),
        ("^bundle.zip", "bundlezip", False),
        (r"\.zip$", "a/b.zip", True),
        (r"\.zip$", "a/b.zip.md", False),
        ("^/", "/a", True),
        ("^a$", "a", True),
        ("^a$", "ab", False),
        ("old/.*/page", "x/old/y/page.md", True),
        ("old/(.+)/page", "x/old/page.md", False),
    ],
)
def test_a_part_of_a_text_is_meant_unless_said_otherwise(written: str, text: str, expected: bool) -> None:
    """`^` and `$` bind to the ends, and dots are dots."""
    found = read_pattern(written)
    assert found is not None
    assert found.matches(text) is expected


@pytest.mark.parametrize(
    ("written", "text", "expected"),
    [
        (".*?/awesome", "/awesome", True),
        (".*?/awesome", "/zh-cn/awesome", True),
        (".*?/awesome", "/awesome-more", False),
        ("/zh-cn/(.*)", "/zh-cn/a", True),
        ("/zh-cn/(.*)", "/de/zh-cn/a", False),
        ("/a.*a", "/a", False),
    ],
)
def test_a_whole_text_is_meant_where_that_is_asked(written: str, text: str, expected: bool) -> None:
    """As routes are; the letters at both ends do not overlap."""
    found = read_pattern(written, whole=True)
    assert found is not None
    assert found.matches(text) is expected


@pytest.mark.parametrize("written", ["(a|b)", "[ab]", "a{2}", r"\d+", "a?", ".*", "", "^", "a" * 301])
def test_what_is_not_simple_or_means_everything_is_no_pattern(written: str) -> None:
    """Classes, choices and counts are left out, and so is what exempts all there is."""
    assert read_pattern(written) is None


def test_no_pattern_goes_back_and_forth() -> None:
    """One that could is left out, and many wildcards are walked through once: run as it stands, it would not end."""
    assert read_pattern("(a+)+$") is None
    found = read_pattern(".*a" * 100)
    assert found is not None
    assert not found.matches("a" * 99)


def test_many_patterns_are_asked_as_one() -> None:
    """What is a whole text is looked up, however many there are; of those with gaps, only so many count."""
    texts = [read_pattern(f"^page-{number}$") for number in range(1_000)]
    gaps = [read_pattern(f"^a-{number}-.*-b$") for number in range(1_000)]
    found = SimplePatterns(one for one in (*texts, *gaps) if one is not None)
    assert found.match("page-999")
    assert not found.match("page-1000")
    last = SimplePatterns.MOST - 1
    assert [found.match(f"a-{number}-x-b") for number in (0, last, last + 1)] == [True, True, False]
