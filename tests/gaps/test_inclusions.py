"""inclusions: which documents a document says it takes in."""

from __future__ import annotations

import pytest

from autopack.gaps.inclusions import find_inclusions


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{!a.md!} and {!b.md!}", ("a.md", "b.md")),
        ('{% include-markdown "../a.md" %}\n\n{%- include b.md -%}', ("../a.md", "b.md")),
        ('--8<-- "docs/a.md"\n--8<--\nb.md\n--8<--', ("b.md", "docs/a.md")),
        (".. include:: ../CHANGES.rst\n", ("../CHANGES.rst",)),
        ("text\nimport A, {b} from './a.mdx';\n", ("./a.mdx",)),
        ("We include README.md in each package.", ()),
        ("{% include header.html %}", ()),
        ("To include it, see [a](a.md).", ()),
        ("an important word from a.md", ()),
    ],
)
def test_inclusions_are_told_from_prose(text: str, names: tuple[str, ...]) -> None:
    """Every inclusion on a line counts; a document that a sentence or a link names is not taken in."""
    assert find_inclusions(text.encode()) == names


def test_a_long_document_of_signs_is_searched_in_linear_time() -> None:
    """Only what stands around a sign is searched."""
    assert find_inclusions(b"include {!" * 100_000) == ()
