"""What Markdown says, cheaply: links, headings, and which bytes are code or comments.

The fast functions work on bytes and err towards too many links and too many headings; `render` parses with a
CommonMark parser and is meant for the few documents in which something did not resolve. Every pattern is bounded, so
that no input costs more than linear time.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import unescape
from typing import NamedTuple
from urllib.parse import unquote

SUFFIXES = (".md", ".markdown")
MAX_PARSED_BYTES = 1_000_000
"""Larger documents are judged by the fast functions alone."""


@dataclass(frozen=True)
class Link:
    """A relative target as written, and the byte at which it starts."""

    offset: int
    target: str


@dataclass(frozen=True)
class Rendered:
    """What a CommonMark parser makes of a document: the targets of its links by place, and its heading slugs."""

    links: tuple[tuple[int, int, str], ...]
    """(first byte, byte after the last, target) of each link, image, and piece of HTML with a target."""
    references: frozenset[str]
    """Targets of links, wherever they are used (the place of a reference is not that of its definition)."""
    slugs: frozenset[str]

    @cached_property
    def _by_target(self) -> dict[str, list[tuple[int, int]]]:
        found: dict[str, list[tuple[int, int]]] = {}
        for first, last, target in sorted(self.links):
            found.setdefault(target, []).append((first, last))
        return found

    def links_to(self, target: str, offset: int) -> bool:
        """Tell whether a link to TARGET holds the byte at OFFSET."""
        places = self._by_target.get(target, [])
        # An image may stand in a link to itself, deeper they do not nest.
        at = bisect_right(places, (offset, sys.maxsize))
        return any(offset < last for _, last in places[max(0, at - 2) : at])


def is_markdown(path: str) -> bool:
    """Tell whether PATH is named as a Markdown document."""
    return path.lower().endswith(SUFFIXES)


# --- links ----------------------------------------------------------------------------------------------------------

_INLINE = re.compile(
    rb"\]\([ \t]{0,8}(?:\r?\n[ \t]{0,8})?"
    rb"(?:<([^<>\n]{1,1000})>|([^\s()<>]{0,1000}(?:\([^\s()<>]{0,200}\)[^\s()<>]{0,200}){0,3}))"
    rb"(?=[ \t]{0,8}[)\"'\n(])"
)
_DEFINITION = re.compile(rb"\]:[ \t]{0,8}(?:\r?\n[ \t]{0,8})?<?([^\s<>]{1,1000})")
_UP_TO_ITS_TARGET = re.compile(rb"\]:[ \t]{0,8}(?:\r?\n[ \t]{0,8})?<?\Z")
_DEFINITION_LABEL = re.compile(rb" {0,3}\[(?!\^)[^\]]{1,300}\Z")
_LABEL_DEFINED = re.compile(rb"^ {0,3}\[(?!\^)([^\[\]\n]{1,300})\]:[ \t]{0,8}[^\s\[]", re.MULTILINE)
_HTML_TARGET = re.compile(rb"=[\"']([^\"'\n]{1,1000})[\"']")
_HTML_ATTRIBUTE = re.compile(rb"(?<![\w:@.\[-])(?:src|href)\Z")
"""An attribute and no expression bound to one (`:href`, `v-bind:src`, `[src]`)."""
_NOT_RELATIVE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//|\\|.*(?:[{}$<>*|]|%7[bB]|%(?![0-9a-fA-F]{2})|\[\[)", re.DOTALL)


def find_links(data: bytes) -> tuple[Link, ...]:
    """Return the relative targets in DATA by offset, those in code and comments included."""
    found: dict[int, bytes] = {}
    if b"](" in data:
        for match in _INLINE.finditer(data):
            group = 1 if match[1] is not None else 2
            if match[group]:
                found[match.start(group)] = match[group]
    if b"]:" in data:
        for match in _DEFINITION.finditer(data):
            label = _line_prefix(data, match.start())
            names_a_place = any(sign in match[1] for sign in (b".", b"/", b"#", b"-"))
            if names_a_place and label is not None and _DEFINITION_LABEL.match(label):
                found[match.start(1)] = match[1]
    if b"src=" in data or b"href=" in data:
        found.update((match.start(1), match[1]) for match in _html_targets(data))
    links = (Link(offset, target.decode("utf-8", "replace")) for offset, target in sorted(found.items()))
    return tuple(link for link in links if not _NOT_RELATIVE.match(link.target) and "\ufffd" not in link.target)


def is_defined_at(data: bytes, offset: int) -> bool:
    """Tell whether the target at OFFSET of DATA is that of a definition (`[label]: target`)."""
    return _UP_TO_ITS_TARGET.search(data, max(0, offset - 30), offset) is not None


def defined_labels(data: bytes) -> frozenset[str]:
    """Return the labels of references that DATA defines (`[label]: target`), lower case."""
    return frozenset(match[1].decode("utf-8", "replace").lower() for match in _LABEL_DEFINED.finditer(data))


def _html_targets(data: bytes) -> Iterator[re.Match[bytes]]:
    for match in _HTML_TARGET.finditer(data):
        if _HTML_ATTRIBUTE.search(data, max(0, match.start() - 5), match.start()):
            yield match


def split_target(target: str) -> tuple[str, str | None]:
    """Return the path and the fragment (None without `#`) that TARGET names, both decoded."""
    path, hash_sign, fragment = unescape(target).partition("#")
    return unquote(path.partition("?")[0]), unquote(fragment) if hash_sign else None


# --- code and comments ----------------------------------------------------------------------------------------------

_RUN_OF_TICKS = re.compile(rb"`{3,}")
_RUN = re.compile(rb"`{3,}|~{3,}")
_BACKTICKS = re.compile(rb"`+")
_PARAGRAPH_END = re.compile(rb"\n[ \t\r]*\n")
_BLANK = bytes(byte if byte in b"\n\r" else 0x20 for byte in range(256))
_LONGEST_PREFIX = 200


@dataclass(frozen=True)
class Fence:
    """A fenced code block: `start` of its first fence, its content, `end` of its last fence, and its info string."""

    start: int
    content_start: int
    content_end: int
    end: int
    info: str


def fences(data: bytes) -> Iterator[Fence]:
    """Yield the fenced code blocks of DATA; one that is never closed reaches to the end."""
    position = 0
    run = _RUN if b"~~~" in data else _RUN_OF_TICKS
    while opening := run.search(data, position):
        prefix = _line_prefix(data, opening.start())
        line_end = _end_of_line(data, opening.end())
        info = data[opening.end() : min(line_end, opening.end() + 200)]
        if prefix is None or prefix.strip(b" \t>*+-0123456789.)") or (opening[0][:1] == b"`" and b"`" in info):
            position = opening.end()
            continue
        content_end, position = _closing_fence(data, line_end, opening[0])
        yield Fence(
            opening.start(),
            min(line_end + 1, len(data)),
            content_end,
            position,
            info.decode("utf-8", "replace").strip(),
        )


def _line_prefix(data: bytes, offset: int) -> bytes | None:
    """Return what stands before OFFSET on its line, None when that is too much to be an indentation."""
    start = data.rfind(b"\n", max(0, offset - _LONGEST_PREFIX), offset) + 1
    if start == 0 and offset > _LONGEST_PREFIX:
        return None
    return data[start:offset]


def _end_of_line(data: bytes, offset: int) -> int:
    end = data.find(b"\n", offset)
    return len(data) if end < 0 else end


def _closing_fence(data: bytes, position: int, opening: bytes) -> tuple[int, int]:
    """Return where the content ends and where the closing fence ends."""
    while (start := data.find(opening, position)) >= 0:
        closing = _RUN.match(data, start)
        position = closing.end() if closing else start + len(opening)
        prefix = _line_prefix(data, start)
        rest = data[position : min(_end_of_line(data, position), position + _LONGEST_PREFIX)]
        if prefix is not None and not prefix.strip(b" \t>") and not rest.strip():
            return start - len(prefix), position
    return len(data), len(data)


def mask(data: bytes) -> bytes:
    """Return DATA with code blocks, code spans and HTML comments blanked; every offset and line stays."""
    masked = bytearray(data)
    if b"```" in data or b"~~~" in data:
        for fence in fences(data):
            _blank(masked, fence.start, fence.end)
    if b"<!--" in data:
        _blank_comments(masked)
    if b"`" in data:
        _blank_code_spans(masked)
    return bytes(masked)


def _blank(masked: bytearray, start: int, end: int) -> None:
    masked[start:end] = masked[start:end].translate(_BLANK)


def _blank_comments(masked: bytearray) -> None:
    start = masked.find(b"<!--")
    while start >= 0:
        end = masked.find(b"-->", start + 4)
        end = len(masked) if end < 0 else end + 3
        _blank(masked, start, end)
        start = masked.find(b"<!--", end)


def _blank_code_spans(masked: bytearray) -> None:
    for start, end in code_spans(bytes(masked)):
        _blank(masked, start, end)


def code_spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and end of the code spans of DATA, backticks included (CommonMark 6.1; a span ends within its
    paragraph)."""
    ends = [match.start() for match in _PARAGRAPH_END.finditer(data)]
    runs: list[tuple[int, int, int]] = []
    paragraph = 0
    for match in _BACKTICKS.finditer(data):
        while paragraph < len(ends) and ends[paragraph] < match.start():
            paragraph += 1
        runs.append((match.start(), match.end(), paragraph))
    partner: dict[int, int] = {}
    latest: dict[tuple[int, int], int] = {}
    for index in range(len(runs) - 1, -1, -1):
        start, end, paragraph = runs[index]
        key = (paragraph, end - start)
        if key in latest:
            partner[index] = latest[key]
        latest[key] = index
    index = 0
    while index < len(runs):
        closing = partner.get(index)
        if closing is None:
            index += 1
            continue
        yield runs[index][0], runs[closing][1]
        index = closing + 1


# --- headings -------------------------------------------------------------------------------------------------------

_ATX = re.compile(rb"#{1,6}[ \t]+([^\n]{1,1000})")
_ATX_PREFIX = re.compile(rb"[ \t>]{0,12}(?:[-*+][ \t]{1,4})?\Z")
_LONGEST_ATX_PREFIX = 17
_SETEXT = re.compile(rb"\n[ >]{0,6}(?:={1,200}|-{2,200})[ \t\r]*$", re.MULTILINE)
"""Both begin with a literal, for which a document is searched fast; what stands before it is looked at afterwards."""
_FRONT_MATTER = re.compile(
    rb"---[ \t\r]{0,8}\n(?=[^\s:][^\n:]{0,200}:|#)(?:[^\n]{0,2000}\n){0,200}?---[ \t\r]{0,8}(?:\n|\Z)"
)
"""What begins with a key; a line at the top of a page is a line."""
_HASHES = re.compile(rb"#{1,6}(?=[ \t])")
_LONGEST_HEADING = 1_000
_HTML_HEADING = re.compile(rb"<h[1-6][^<>\n]{0,300}>", re.IGNORECASE)
_LONGEST_HTML_HEADING = 1_000
_ID = rb"[ \t]{0,4}=[ \t]{0,4}[\"']?([^\"'\s>]{1,300})"
_EXPLICIT_IDS = (
    re.compile(rb"id(?<!\wid)" + _ID),
    re.compile(rb"name(?<!\wname)" + _ID),
    re.compile(rb"\{:?[ \t]{0,4}#([^}\s]{1,300})"),
    re.compile(rb"^#{1,6}[ \t][^\n]{0,300}[ \t]\[{1,2}([\w-]{1,100})\]{1,2}[ \t\r]{0,8}$", re.MULTILINE),
    re.compile(rb"\$\$\$([\w.-]{1,200})\$\$\$"),
    re.compile(rb"^\(([^()\n]{1,300})\)=[ \t\r]{0,8}$", re.MULTILINE),
)
_TAB = re.compile(rb"^[ \t>]{0,60}===[!+]{0,2}[ \t]{1,8}\"([^\n]{1,300}?)\"[ \t\r]{0,8}$", re.MULTILINE)
_LABEL_OF_RST = re.compile(rb"^[ \t]{0,40}\.\. _`?([^:`\n]{1,300})`?:[ \t\r]{0,8}$", re.MULTILINE)
_LABEL_OF_A_DIRECTIVE = re.compile(
    rb"^[ \t>]{0,40}(?:#\|[ \t]|:)(?:name|label):[ \t]{1,8}([^\n]{1,300})$", re.MULTILINE
)
_LABEL_OF_A_FORMULA = re.compile(rb"\$\$[ \t]{0,8}\(([^()\n]{1,300})\)[ \t\r]{0,8}$", re.MULTILINE)
_LABEL_AMONG_SETTINGS = re.compile(
    rb"\{[\w:-]{1,60}\}[^\n]{0,500}\n[ \t]{0,40}---[ \t\r]{0,8}\n(?:[ \t]{0,40}[\w-]{1,40}:[^\n]{0,300}\n){0,12}?"
    rb"[ \t]{0,40}(?:name|label):[ \t]{1,8}([^\n]{1,300})$",
    re.MULTILINE,
)
"""The same in a block of YAML at the beginning of a directive."""
_WITH_LABELS = (
    (b")=", _EXPLICIT_IDS[-1]),
    (b".. _", _LABEL_OF_RST),
    (b":name:", _LABEL_OF_A_DIRECTIVE),
    (b"label:", _LABEL_OF_A_DIRECTIVE),
    (b"$$", _LABEL_OF_A_FORMULA),
    (b"name:", _LABEL_AMONG_SETTINGS),
    (b"label:", _LABEL_AMONG_SETTINGS),
)
"""What a document with labels of a kind holds, for which it is searched fast."""
_BEGINNINGS_OF_IDS = (b"{#", b"{ #", b"{: #")
_ENDS_OF_IDS = frozenset((b"}", b" "))
_LINK_TEXT = re.compile(r"(!?)\[([^\[\]]{0,500})\](?:\([^()]{0,1000}\)|\[[^\[\]]{0,200}\])?|<[^<>]{1,500}>")
_EMOJI_CODE = re.compile(r":[a-z0-9_+-]{1,50}:")
_EMPHASIS = re.compile(r"(?<!\w)[_*]{1,3}|[_*]{1,3}(?!\w)")
_ATTRIBUTES = re.compile(r"\{:?[^{}]{0,300}\}[ \t]{0,8}\Z")
_PLAIN_HEADING = re.compile(r"[^\[\]<>&:{}*_!]*")
_INVISIBLE = str.maketrans("", "", "\ufe0f\u200d")
_KEPT_CATEGORIES = frozenset({"Ll", "Lu", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "Pc"})
_LETTERS_IN_SHAPES = ((0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189))
"""Letters in circles and squares are symbols that are alphabetic all the same (Unicode, "Other_Alphabetic")."""


class _InSlugs(dict[int, int | None]):
    """Code point -> what stands for it in a slug: itself, `-` for a blank, or nothing; worked out when it is met."""

    def __missing__(self, code: int) -> int | None:
        letter = chr(code)
        kept = letter in "- " or unicodedata.category(letter) in _KEPT_CATEGORIES
        kept = kept or any(first <= code <= last for first, last in _LETTERS_IN_SHAPES)
        self[code] = ord("-") if letter == " " else code if kept else None
        return self[code]


_IN_SLUGS = _InSlugs()
_ASCII_DROPPED = re.compile(r"[^\w\- ]", re.ASCII)


def slug(text: str) -> str:
    """Return the id that GitHub gives a heading of rendered TEXT, without the invisible parts of emoji.

    Lower case; letters (those in circles and squares too), marks, digits, `_`, `-` and blanks stay; each blank becomes
    `-`.
    """
    return _slug(text.strip())


def _slugs_with_images(text: str) -> frozenset[str]:
    """Return the ids of a heading whose images are left out of TEXT: GitHub keeps the blanks around them."""
    return frozenset({slug(text), _slug(text)})


def _slug(text: str) -> str:
    lowered = text.lower().translate(_INVISIBLE)
    if lowered.isascii():
        return _ASCII_DROPPED.sub("", lowered).replace(" ", "-")
    return lowered.translate(_IN_SLUGS)


def slug_key(fragment: str) -> str:
    """Return FRAGMENT as it is compared with slugs: lower case, without the invisible parts of emoji."""
    return fragment.lower().translate(_INVISIBLE)


def headings(data: bytes) -> tuple[tuple[int, str], ...]:
    """Return (first byte, source text) of what may be a heading of DATA, in order (headings in code included)."""
    found = [(match.start(), match[1]) for match in _ATX.finditer(data) if _begins_a_line(data, match.start())]
    found += _underlined(data)
    if b"<h" in data or b"<H" in data:
        found += _html_headings(data)
    settings = len(front_matter(data))
    found = [(at, text) for at, text in found if at >= settings] if settings else found
    return tuple((at, text.decode("utf-8", "replace").strip().rstrip("#").strip()) for at, text in sorted(found))


def front_matter(data: bytes) -> bytes:
    """Return the block of settings at the top of DATA, its marks included, empty where there is none."""
    found = _FRONT_MATTER.match(data)
    return found[0] if found else b""


def headings_above(data: bytes, offset: int) -> tuple[tuple[int, str], ...]:
    """Return (first byte, source text) of the headings whose sections hold byte OFFSET of DATA, the innermost first."""
    outline = _outline(data)
    place = bisect_right(outline, offset, key=lambda heading: heading.start) - 1
    found: list[tuple[int, str]] = []
    while place >= 0:
        found.append((outline[place].start, outline[place].text))
        place = outline[place].above
    return tuple(found)


class _Heading(NamedTuple):
    """A heading, and the number of the one whose section it is in; -1 for none."""

    start: int
    text: str
    above: int


@lru_cache(maxsize=2)
def _outline(data: bytes) -> tuple[_Heading, ...]:
    """Return the headings of DATA in their order, those in code left out."""
    masked = mask(data)
    found: list[_Heading] = []
    open_ones: list[tuple[int, int]] = []
    for number, (start, text) in enumerate(headings(masked)):
        level = _level(masked, start)
        while open_ones and open_ones[-1][0] >= level:
            open_ones.pop()
        found.append(_Heading(start, text, open_ones[-1][1] if open_ones else -1))
        open_ones.append((level, number))
    return tuple(found)


def _level(data: bytes, start: int) -> int:
    """Return how deep the heading at byte START of DATA is: 1 for a title."""
    if html := _HTML_HEADING.match(data, start):
        return int(html[0][2:3])
    hashes = _HASHES.match(data, start)
    below = _end_of_line(data, start) + 1
    underline = data[below : below + 12].lstrip(b" >")[:1]
    return len(hashes[0]) if hashes else 1 if underline == b"=" else 2


def _begins_a_line(data: bytes, offset: int) -> bool:
    """Tell whether nothing stands before OFFSET on its line but marks of quotations and lists."""
    start = data.rfind(b"\n", max(0, offset - _LONGEST_ATX_PREFIX - 1), offset) + 1
    return (start > 0 or offset <= _LONGEST_ATX_PREFIX) and _ATX_PREFIX.match(data, start, offset) is not None


def _underlined(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield where each line with a line of `=` or `-` below it starts, and the line."""
    previous = -1
    for match in _SETEXT.finditer(data):
        end = match.start()
        start = data.rfind(b"\n", max(0, end - _LONGEST_HEADING - 1), end) + 1
        if end != previous and start < end <= start + _LONGEST_HEADING and (start > 0 or end <= _LONGEST_HEADING):
            yield start, data[start:end]
        previous = match.end()


def _html_headings(data: bytes) -> Iterator[tuple[int, bytes]]:
    lowered = data.lower()
    for match in _HTML_HEADING.finditer(data):
        end = lowered.find(b"</h", match.end(), match.end() + _LONGEST_HTML_HEADING)
        if end >= 0 and lowered.find(b"<h", match.end(), end) < 0:
            yield match.start(), data[match.end() : end]


def heading_slugs(data: bytes) -> frozenset[str]:
    """Return the slugs that renderers may give the headings of DATA, lower case; rather too many than too few."""
    counts: Counter[str] = Counter()
    found: set[str] = set()
    for _, text in headings(data):
        for variant in slug_variants(text):
            found.add(f"{variant}-{counts[variant]}" if counts[variant] else variant)
            counts[variant] += 1
    return frozenset(found)


def gives_id(data: bytes, wanted: str) -> bool:
    """Tell whether DATA writes `{#WANTED}`, which costs less to see than what all its headings are called."""
    name = wanted.encode("utf-8", "surrogateescape")
    for beginning in _BEGINNINGS_OF_IDS:
        start, length = data.find(beginning + name), len(beginning) + len(name)
        if start >= 0 and data[start + length : start + length + 1] in _ENDS_OF_IDS:
            return True
    return False


def explicit_ids(data: bytes) -> frozenset[str]:
    """Return the ids that DATA gives to places itself, lower case: HTML `id` and `name`; `{#id}`, `[id]` and `[[id]]`
    after a heading, `(id)=` before it (MyST), `$$$id$$$` anywhere (Elastic's docs-builder)."""
    found = (match[1] for explicit in _EXPLICIT_IDS for match in explicit.finditer(data))
    return frozenset(slug_key(name.decode("utf-8", "replace")) for name in found)


def tabs(data: bytes) -> frozenset[str]:
    """Return the slugs of the titles of tabs in DATA (`=== "title"`, Python-Markdown's `pymdownx.tabbed`)."""
    titles = [match[1].decode("utf-8", "replace") for match in _TAB.finditer(data)] if b"===" in data else []
    return frozenset(_numbered([variant for title in titles for variant in sorted(slug_variants(title))]))


def labels(data: bytes) -> frozenset[str]:
    """Return the labels that Sphinx and mystmd know by DATA, lower case: `(label)=` of MyST, `.. _label:` of
    reStructuredText, the options `name` and `label` of directives, and what stands behind a formula.

    What stands in a sample of code, in a fence that is no directive, is none.
    """
    patterns = dict.fromkeys(pattern for sign, pattern in _WITH_LABELS if sign in data)
    found = [match for pattern in patterns for match in pattern.finditer(data)]
    fenced = fences(data) if found and (b"```" in data or b"~~~" in data) else ()
    samples = [(fence.start, fence.end) for fence in fenced if not fence.info.startswith("{")]
    names = (match[1] for match in found if not _is_in_one_of(samples, match.start(1)))
    return frozenset(slug_key(name.decode("utf-8", "replace").strip(" \t\r\"'")) for name in names)


def _is_in_one_of(places: Sequence[tuple[int, int]], offset: int) -> bool:
    """Tell whether OFFSET lies in one of PLACES (start and end), which follow one another."""
    before = bisect_right(places, offset, key=lambda place: place[0]) - 1
    return before >= 0 and offset < places[before][1]


def slug_variants(text: str) -> frozenset[str]:
    """Return the slugs of heading source TEXT: renderers differ on emoji codes, emphasis and attributes."""
    if _PLAIN_HEADING.fullmatch(text):
        return frozenset({slug(text)})
    plain = unescape(text)
    if "[" in plain or "<" in plain:
        for _ in range(2 if "![" in plain else 1):  # an image may be the text of a link
            plain = _LINK_TEXT.sub(lambda match: "" if match[1] else match[2] or "", plain)
    texts = {plain, text}
    if "{" in plain:
        texts.add(_ATTRIBUTES.sub("", plain))
    if ":" in plain:
        texts.add(_EMOJI_CODE.sub("", plain))
    if any("_" in variant or "*" in variant for variant in texts):
        texts |= {_EMPHASIS.sub("", variant) for variant in texts}
    return frozenset(slug(variant) for variant in texts) | _slugs_with_images(plain)


# --- the whole truth, for few documents -----------------------------------------------------------------------------

_NO_UTF_8 = re.compile(r"[\udc80-\udcff]")


_MARKS_OF_PYMDOWN = (b'=== "', b"===+", b"===!", b"!!! ", b"??? ", b"???+ ")
_BLOCK_OF_PYMDOWN = re.compile(
    rb"^([ \t]{0,40})(?:===([+!]{0,2}) (?=\"[^\"\n]{1,200}\"[ \t\r]{0,8}$)"
    rb"|(?:!!!|\?\?\?)(\+?) (?=[a-z][\w -]{0,80}(?:\"[^\"\n]{0,200}\")?[ \t\r]{0,8}$))",
    re.MULTILINE,
)
"""`=== "Tab"`, `!!! note` and `??? note "Title"`: what is indented below is text and no code (pymdownx.tabbed,
admonition, pymdownx.details)."""


def render(data: bytes, *, with_blocks: bool = False) -> Rendered | None:
    """Parse DATA as CommonMark with tables, and WITH_BLOCKS of PyMdown where a site reads those; None where it is too
    large, or more than the parser bears."""
    if len(data) > MAX_PARSED_BYTES:
        return None
    import pyromark

    links: list[tuple[int, int, str]] = []
    slugs: list[str] = []
    beside_images = frozenset[str]()
    heading: list[str] | None = None
    source_text = _as_text(data, with_blocks=with_blocks)
    try:
        for event, place in pyromark.events_with_range(source_text, options=pyromark.Options.ENABLE_TABLES):
            match event:
                case {"Start": {"Heading": _}}:
                    heading = []
                case {"End": {"Heading": _}} if heading is not None:
                    text = "".join(heading)
                    slugs.append(slug(text))
                    beside_images |= _slugs_with_images(text)
                    heading = None
                case {"Text": str(text)} | {"Code": str(text)} if heading is not None:
                    heading.append(text)
                case {"Start": {"Link": {"dest_url": str(target)}} | {"Image": {"dest_url": str(target)}}}:
                    links.append((place["start"], place["end"], normal_target(target)))
                case {"Html": str(source)} | {"InlineHtml": str(source)}:
                    targets = (match[1].decode("utf-8", "replace") for match in _html_targets(source.encode()))
                    links += ((place["start"], place["end"], normal_target(target)) for target in targets)
    except BaseException as panic:
        if type(panic).__name__ != "PanicException":  # What a fault in Rust code is raised as; it cannot be imported.
            raise
        return None
    found = beside_images.union(_numbered(slugs))
    return Rendered(tuple(links), frozenset(target for _, _, target in links), found)


def _as_text(data: bytes, *, with_blocks: bool) -> str:
    """Return DATA as a parser is to read it, with every byte in its place.

    A `?` stands for each byte that is no UTF-8, and blanks for front matter, which would be read as a heading. Each
    block of PyMdown, WITH_BLOCKS, begins an item of a list, which holds what is indented below it too.
    """
    if settings := front_matter(data):
        data = settings.translate(_BLANK) + data[len(settings) :]
    if with_blocks and any(mark in data for mark in _MARKS_OF_PYMDOWN):
        data = _BLOCK_OF_PYMDOWN.sub(rb"\1-   \2\3", data)
    return _NO_UTF_8.sub("?", data.decode("utf-8", "surrogateescape"))


def _numbered(slugs: list[str]) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for found in slugs:
        yield f"{found}-{counts[found]}" if counts[found] else found
        counts[found] += 1


def normal_target(target: str) -> str:
    """Return TARGET decoded, so that two spellings of one target are equal."""
    return unquote(unescape(target))
