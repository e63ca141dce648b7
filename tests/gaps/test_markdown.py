"""Markdown is read in linear time, without losing a byte."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autopack.gaps import markdown
from autopack.gaps.path_mentions import find_paths

BOMBS = {
    "nested brackets": b"[" * 300_000,
    "open links": b"[a](" * 50_000,
    "open parentheses": b"](](" * 100_000,
    "one line": b"a" * 1_000_000,
    "ticks of all lengths": b" ".join(b"`" * (length % 90) for length in range(10_000)),
    "quotes": b"> " * 300_000,
    "open fences": b"```\n" * 30_000,
    "open comments": b"<!--" * 200_000,
    "open headings": b"<h1>" * 100_000,
    "ids": b"id=" * 200_000,
    "blank lines": b"\n \t" * 200_000,
    "hashes": b"#" * 500_000,
    "definitions": b"[x]: " * 100_000,
    "attributes": b'src="' * 50_000,
}


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_hostile_documents_are_read_in_bounded_time(name: str) -> None:
    """No nesting, length or repetition makes a look at a document take longer than a moment."""
    data = BOMBS[name]
    start = time.process_time()
    markdown.find_links(data)
    markdown.mask(data)
    markdown.heading_slugs(data)
    markdown.explicit_ids(data)
    find_paths(data)
    markdown.render(data)
    assert time.process_time() - start < 8


@settings(max_examples=100, deadline=2_000)
@given(st.text(alphabet="`~<>!-# \n\ta[]()", max_size=300))
def test_a_mask_keeps_every_offset_and_line(text: str) -> None:
    """What is masked becomes blanks, so that offsets and line numbers stay true."""
    data = text.encode()
    masked = markdown.mask(data)
    assert len(masked) == len(data)
    assert all(new in (old, 0x20) for new, old in zip(masked, data, strict=True))
    assert [at for at, byte in enumerate(masked) if byte == 10] == [at for at, byte in enumerate(data) if byte == 10]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a `b` c", "a     c"),
        ("a ``b ` c`` d", "a           d"),
        ("a ` b\n\nc ` d", "a ` b\n\nc ` d"),
        ("x\n```\ncode\n```\ny", "x\n   \n    \n   \ny"),
        ("````\n```\nx\n````\ny", "    \n   \n \n    \ny"),
        ("<!-- a -->b", "          b"),
    ],
)
def test_code_and_comments_are_masked(text: str, expected: str) -> None:
    """Spans end within their paragraph, fences at one of the same kind and length."""
    assert markdown.mask(text.encode()).decode() == expected


@pytest.mark.parametrize("text", ["# A {#b}\n", "# A { #b .c }\n", "# A {: #b}\n"])
def test_an_id_that_a_heading_is_given_is_seen_at_once(text: str) -> None:
    """It is one of the explicit ids; a longer one, or what is no id, is not it."""
    assert markdown.gives_id(text.encode(), "b")
    assert "b" in markdown.explicit_ids(text.encode())
    assert not markdown.gives_id(text.replace("#b", "#bc").encode(), "b")
    assert not markdown.gives_id(b"# A #b\n", "b")


def test_an_id_between_dollars_is_one() -> None:
    """Elastic's docs-builder gives it to the place where it stands; a formula is none."""
    assert markdown.explicit_ids(b"$$$geoip-def$$$geoip filter, $$a + b$$ and $$$$c$$$$\n") >= {"geoip-def"}
    assert markdown.explicit_ids(b"$$a + b$$ $$$ $$$\n") == set()


@pytest.mark.parametrize(
    "before",
    [b"", b"\xef\xbb\xbf", "é 追\n\n".encode(), b"caf\xe9 \xff\n\n", b"`[a](b.md)` and ", b"| x |\n|---|\n| y "],
    ids=["nothing", "a mark", "other letters", "no UTF-8", "code", "a table"],
)
def test_a_parsed_link_stands_where_it_is_written(before: bytes) -> None:
    """Places are bytes of the document as it is, whatever comes before; the same link in code is none."""
    data = before + b"see [a](b.md) there\n"
    rendered = markdown.render(data)
    assert rendered is not None
    assert [(data[start:end], target) for start, end, target in rendered.links] == [(b"[a](b.md)", "b.md")]


def test_what_a_parser_sees_of_a_document() -> None:
    """Headings of all kinds, references, images and pieces of HTML."""
    text = """# One `two` *three* [four](5)

> - ## Nested
> - ## Nested

Under
lines
===

[x][ref] ![i](i.png) <a
 href="h.md">h</a>

[ref]: to/there
[unused]: to/nowhere

<img src="block.png">
"""
    rendered = markdown.render(text.encode())
    assert rendered is not None
    assert rendered.slugs >= {"one-two-three-four", "nested", "nested-1", "underlines"}
    assert rendered.references == {"5", "to/there", "i.png", "h.md", "block.png"}


def test_a_fault_of_the_parser_is_no_fault_of_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rust's panics are no `Exception`; whatever else stops a program does stop it."""

    class PanicException(BaseException):
        pass

    faults: list[type[BaseException]] = [PanicException, KeyboardInterrupt]

    def panicking(*_: object, **__: object) -> object:
        raise faults.pop(0)

    monkeypatch.setattr("pyromark.events_with_range", panicking)
    assert markdown.render(b"# A\n") is None
    with pytest.raises(KeyboardInterrupt):
        markdown.render(b"# A\n")


def test_a_place_is_in_the_link_that_holds_it() -> None:
    """Whichever of several links to one target, and of an image in a link to itself, a byte stands in."""
    data = b"[![i](a.png)](a.png) `[x](a.png)` [y](a.png) [z](b.md)\n"
    rendered = markdown.render(data)
    assert rendered is not None
    places = [at for at in range(len(data)) if data.startswith(b"a.png", at)]
    assert [rendered.links_to("a.png", at) for at in places] == [True, True, False, True]
    assert not rendered.links_to("a.png", data.index(b"b.md"))
    assert not rendered.links_to("c.png", 0)


def test_the_headings_above_a_place_are_those_of_its_sections() -> None:
    """The innermost first, whichever way they are written; a comment in code is none."""
    data = b"T\n=\n\nA\n---\n\n### B\n\n### C\n\n```sh\n# no\n```\n\nhere\n\n<h2>D</h2>\n\nthere\n"
    assert [text for _, text in markdown.headings_above(data, data.index(b"here"))] == ["C", "A", "T"]
    assert [text for _, text in markdown.headings_above(data, data.index(b"there"))] == ["D", "T"]
    assert markdown.headings_above(data, 0) == ((0, "T"),)


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Linux\u24c7 platform", "linux\u24e1-platform"),
        ("Part \U0001f170 and \U0001f130", "part-\U0001f170-and-\U0001f130"),
        ("Linux\u00ae platform", "linux-platform"),
        ("\u2460 first \U0001f18e", "-first-"),
    ],
)
def test_letters_in_circles_and_squares_stay_in_slugs(heading: str, expected: str) -> None:
    """GitHub keeps what is alphabetic, and lowers it; other signs, and numbers in circles, go."""
    assert markdown.slug(heading) == expected


@pytest.mark.parametrize(
    "block", ['=== "Tab"', '===! "Tab"', '===+ "Tab"', "!!! note", '!!! note "Title"', '???+ tip "Title"']
)
def test_what_is_indented_below_a_block_of_pymdown_is_text(block: str) -> None:
    """It is indented code where no such block begins; code within the block stays code, and so do other lines."""
    text = f"{block}\n\n    ```sh\n    [a](a.md)\n    ```\n\n    [b](b.md)\n\n        [c](c.md)\n"
    for data in (text.encode(), text.replace("\n", "\r\n").encode()):
        rendered, plain = markdown.render(data, with_blocks=True), markdown.render(data)
        assert rendered is not None and plain is not None
        assert not plain.links_to("b.md", data.index(b"b.md"))
        assert [
            target for target in ("a.md", "b.md", "c.md") if rendered.links_to(target, data.index(target.encode()))
        ] == ["b.md"]


@pytest.mark.parametrize("line", ["=== Tab", "!!! Nothing here", "=== ", '== "Tab"', "!!! ", '=== "Tab" and more'])
def test_what_is_indented_below_other_lines_is_code(line: str) -> None:
    """Only what PyMdown knows begins a block."""
    data = f"{line}\n\n    [b](b.md)\n".encode()
    rendered = markdown.render(data, with_blocks=True)
    assert rendered is not None
    assert not rendered.links_to("b.md", data.index(b"b.md"))
