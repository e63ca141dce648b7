"""inclusions: which documents a document says it takes in."""

from __future__ import annotations

import pytest

from autopack.gaps.inclusions import find_embedded, find_inclusions


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


@pytest.mark.parametrize(
    ("path", "text", "names"),
    [
        ("a/b.go", 'package b\n\n//go:embed help.md "two.md" data/*\nvar x string\n', ("help.md", "two.md")),
        ("a/b.go", "// see help.md, go:embed is not used\n", ()),
        ("a/b.go", "//go:embed README.md other/Readme.markdown\n", ()),
        ("src/lib.rs", '#![doc = include_str!("../a/b.md")]\nX = include_str!(\n  "a.md");\n', ("../a/b.md", "a.md")),
        ("src/lib.rs", 'include_str!("a.txt"); // and b.md\n', ()),
        ("src/lib.py", "//go:embed help.md\n", ()),
    ],
)
def test_documents_that_a_program_shows_are_known(path: str, text: str, names: tuple[str, ...]) -> None:
    """What a program embeds, it shows; a README is shown by the code host as well."""
    assert find_embedded(path, text.encode()) == names
