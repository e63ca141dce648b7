"""The plain part of YAML: what it reads, and how hostile text ends."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from autopack.errors import UsageError
from autopack.intention_anchor.plain_yaml import read_plain_yaml


def refusal(text: str | bytes) -> str:
    """Return the message with which TEXT is refused."""
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(UsageError) as caught:
        read_plain_yaml(data, name="file")
    return str(caught.value)


def test_reads_lists_mappings_and_plain_values() -> None:
    """Core schema words have their meaning; dates, fractions and YAML 1.1 words stay text."""
    text = "a: [1, -2, true, null, ~]\nb:\n  - yes\n  - 2026-01-02\n  - 1.5\n  - '7'\n  - !!str 8\nc:\nd: 0x10\n"
    assert read_plain_yaml(text.encode(), name="file").value == {
        "a": [1, -2, True, None, None],
        "b": ["yes", "2026-01-02", "1.5", "7", "8"],
        "c": None,
        "d": "0x10",
    }


def test_a_byte_order_mark_and_crlf_are_read() -> None:
    """What a Windows editor saves means the same."""
    assert read_plain_yaml(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", name="file").value == {"a": 1, "b": 2}


def test_every_value_knows_its_lines() -> None:
    """A value spans from its key to its last line, whatever its style; comments behind it do not belong to it."""
    text = "a:\n  b: [1,\n    2]\n  c:\n    # note\n    - x\n    - |\n      y\n# tail\nd:\n# end\n"
    spans = read_plain_yaml(text.encode(), name="file").spans
    assert {place: (span.first, span.last) for place, span in spans.items()} == {
        (): (1, 10),
        ("a",): (1, 8),
        ("a", "b"): (2, 3),
        ("a", "b", 0): (2, 2),
        ("a", "b", 1): (3, 3),
        ("a", "c"): (4, 8),
        ("a", "c", 0): (6, 6),
        ("a", "c", 1): (7, 8),
        ("d",): (10, 10),
    }


def test_a_tag_that_names_python_is_refused() -> None:
    """No tag constructs anything."""
    assert refusal("a:\n  - !!python/object/apply:os.system [id]\n") == snapshot(
        "file: a[0] (line 2): expected plain values, found the tag tag:yaml.org,2002:python/object/apply:os.system."
    )
    assert "the tag !own" in refusal("a: !own x")
    assert "the tag tag:yaml.org,2002:binary" in refusal("!!binary aGk=")


def test_a_thousand_laughs_end_at_the_first_alias() -> None:
    """Aliases are refused, so nothing can be multiplied or refer to itself."""
    laughs = "a0: &a0 [ha, ha]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 100))
    assert refusal(laughs) == snapshot("file: a1[0] (line 2): expected a value written out, found the alias *a0.")
    assert "alias" in refusal("&a [*a]")


def test_a_key_that_stands_twice_is_refused_with_both_lines() -> None:
    """The second value would silently win elsewhere."""
    assert refusal("a:\n  b: 1\n  c: 2\n  b: 3\n") == snapshot("file: a.b stands twice, in lines 2 and 4.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("%YAML 1.1\n---\na: yes\n", "directive"),
        ("a: 1\n---\nb: 2\n", "expected one document, found a second"),
        ("? [a]\n: 1\n", "a list or mapping as a key"),
        ("1: 2\n", "expected a name as key, found 1"),
        ("a: [1\n", "not valid YAML"),
        ("a: 'cut sh", "not valid YAML"),
        ("a: \0", "not valid YAML"),
        ("\tb: 1", "not valid YAML"),
        (b"a: caf\xe9\n", "line 1 has the byte 0xe9"),
        (b"\xff\xfea\x00", "not UTF-8"),
    ],
)
def test_what_is_no_plain_document_is_refused(text: str | bytes, said: str) -> None:
    """Each refusal names what is wrong."""
    assert said in refusal(text)


def test_the_depth_is_bounded() -> None:
    """24 levels are read, one more is not."""
    assert read_plain_yaml(("[" * 24 + "]" * 24).encode(), name="file").value
    assert "expected at most 24 levels" in refusal("[" * 25 + "]" * 25)


@pytest.mark.parametrize("opening", ["[", "{", "- ", "{a: ", "? "])
def test_nesting_without_end_is_refused_soon(opening: str) -> None:
    """Depth is bounded while reading, not after."""
    started = time.process_time()
    refusal(opening * (200_000 // len(opening)))
    assert time.process_time() - started < 10


def test_values_without_end_are_refused() -> None:
    """The number of values is bounded."""
    assert "expected at most 5000 values" in refusal("[" + "a," * 50_000 + "]")


def test_fifty_megabytes_are_refused_unread() -> None:
    """The size is looked at first."""
    assert refusal(b"a" * 50_000_000) == snapshot("file has 50000000 bytes; at most 1000000 are read.")


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=60) | st.text("ab:- \n[]{}&*!|>'\"#%,?\t", max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Nothing but UsageError comes out, whatever goes in."""
    try:
        read_plain_yaml(data, name="file")
    except UsageError as fault:
        assert str(fault).startswith("file")
