"""One value has one byte string, that of RFC 8785."""

from __future__ import annotations

import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopack.artifacts.canonical import bytes_digest, canonical_bytes, content_id, digest


def _double(bits: str) -> float:
    return float(struct.unpack(">d", bytes.fromhex(bits))[0])


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        # RFC 8785, appendix B.
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("41b3de4355555555", "333333333.3333333"),
        ("41b3de4355555556", "333333333.3333334"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers_are_written_as_the_standard_writes_them(bits: str, text: str) -> None:
    """Every sample of appendix B of RFC 8785 comes out to the letter."""
    assert canonical_bytes(_double(bits)) == text.encode()


def test_keys_are_sorted_by_utf_16_code_units() -> None:
    """The sample of RFC 8785, section 3.2.3: the order is that of UTF-16, not of code points."""
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    document = {key: index for index, key in enumerate(keys)}
    ordered = list(json.loads(canonical_bytes(document)))
    assert ordered == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_strings_are_escaped_as_little_as_json_allows() -> None:
    """The sample of RFC 8785, section 3.2.2.2."""
    text = '\u20ac$\u000f\nA\'B"\\\\"/'
    assert canonical_bytes(text) == b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'


def test_the_worked_example_of_the_standard() -> None:
    """RFC 8785, section 3.2.2: literals, numbers and strings together."""
    document = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '\u20ac$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    assert canonical_bytes(document) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 2**53, -(2**53), "\ud800", {"\udfff": 1}, {1: 2}, b"x"]
)
def test_what_json_cannot_carry_exactly_is_refused(value: object) -> None:
    """NaN, infinities, integers beyond 2^53 - 1, lone surrogates and other types raise ValueError."""
    with pytest.raises(ValueError, match=r".+"):
        canonical_bytes(value)


_documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(_documents)
def test_reading_and_writing_again_changes_nothing(document: object) -> None:
    """Canonical bytes read back give the same value, and that the same bytes."""
    data = canonical_bytes(document)
    assert json.loads(data) == document
    assert canonical_bytes(json.loads(data)) == data


def test_ids_and_digests_depend_on_content_alone() -> None:
    """The order of keys changes nothing; another value changes the id."""
    assert content_id("gap", {"b": 1, "a": 2}) == content_id("gap", {"a": 2, "b": 1}) == "gap-d3626ac30a87"
    assert content_id("gap", {"a": 3, "b": 1}) != content_id("gap", {"a": 2, "b": 1})
    assert digest([]) == bytes_digest(b"[]")
