"""Documents as they are rendered: which headings they have, and which of their links a reader sees."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from autopack.gaps import heading_ids, markdown, restructuredtext
from autopack.gaps.excerpts import line_at, line_start
from autopack.gaps.markdown import Link

_OTHER_FRAGMENTS = re.compile(
    r"l\d+|:~:|user-content-|/|!|(?:top|readme|toc|start-of-content)\Z|(?:fn|fnref|footnote)[-:_]?\d|issue(?:comment)?-?\d"
    r"|discussion[-_]?r?\d|pullrequest|(?:heading|bookmark|page|gid|slide|tab)[=/]|id\.|cite[-_]|\W*\Z|\d+\Z"
    r"|[\w.]+\.[\w.]+(?:\(\))?\Z"
)
"""Fragments that are no heading's slug: lines, text fragments, footnotes, routes, comments, symbols."""
_ASSEMBLED = re.compile(
    rb"\{%[- ]|\{\{|--8<--|\{!|^:::[ \t]|@include|\beval-rst\b|^import[ \t]|^\.\. include"
    rb"|^ref:[ \t]{0,8}\S{1,200}\.md\b",
    re.MULTILINE,
)
"""What says that a page has parts (and headings) which its source does not show."""
_ASSEMBLED_IN_CODE = re.compile(rb"```\{|<!--[ \t]{0,4}(?:include|#include)")
"""The same in what `markdown.mask` takes for code and comments."""
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d")
_CHAPTER = re.compile(r"\d{1,4}-+(?=[^\W\d_]{2})")
_SHORTEST_MISSPELT = 8
_INDENTED_CODE = (b"    ", b"\t")


@dataclass
class Pages:
    """Documents by path, each masked, searched for headings and parsed at most once, and only when asked."""

    texts: Mapping[str, bytes]
    _masks: dict[str, bytes] = field(default_factory=dict)
    _slugs: dict[str, frozenset[str]] = field(default_factory=dict)
    _ids: dict[str, frozenset[str]] = field(default_factory=dict)
    _rendered: dict[str, markdown.Rendered | None] = field(default_factory=dict)
    _other_ids: dict[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    _assembled: dict[str, bool] = field(default_factory=dict)
    _letters: dict[str, Mapping[str, list[str]]] = field(default_factory=dict)
    _answers: dict[tuple[str, str, bool], bool] = field(default_factory=dict)

    def slugs(self, path: str) -> frozenset[str]:
        """Return the ids that GitHub may give to the headings of PATH, none where its text is not at hand."""
        if path not in self._slugs:
            self._slugs[path] = markdown.heading_slugs(self.texts.get(path, b""))
        return self._slugs[path]

    def other_ids(self, path: str) -> Mapping[str, frozenset[str]]:
        """Return the ids that other renderers give to the headings of PATH, by rule (see `heading_ids`)."""
        if path not in self._other_ids:
            self._other_ids[path] = heading_ids.ids_by_rule(self.texts.get(path, b""))
        return self._other_ids[path]

    def may_have(self, path: str, fragment: str, *, loosely: bool) -> bool:
        """Tell whether PATH may have a place called FRAGMENT: only False is a statement."""
        wanted = markdown.slug_key(fragment)
        if path not in self.texts or not markdown.is_markdown(path) or _OTHER_FRAGMENTS.match(wanted):
            return True
        asked = (path, wanted, loosely)
        if asked not in self._answers:
            self._answers[asked] = self._may_have(path, wanted, loosely=loosely)
        return self._answers[asked]

    def _may_have(self, path: str, wanted: str, *, loosely: bool) -> bool:
        if path not in self._slugs and markdown.gives_id(self.texts[path], wanted):
            return True
        slugs = self.slugs(path)
        # Renderers differ on what punctuation at the edge of a heading leaves behind.
        if wanted in slugs or any(slug.strip("-") == wanted for slug in slugs):
            return True
        if loosely and _letters(wanted) in {_letters(slug) for slug in slugs}:
            return True
        if path not in self._ids:
            self._ids[path] = markdown.explicit_ids(self.texts[path])
        if wanted in self._ids[path] or self._is_assembled(path):
            return True
        rendered = self._render(path)
        return rendered is None or wanted in rendered.slugs

    def names_a_label(self, path: str, fragment: str) -> bool:
        """Tell whether FRAGMENT, which PATH is asked for, is a label of another document: MyST looks for those in the
        whole project."""
        wanted = markdown.slug_key(fragment)
        return any(wanted in labels for document, labels in self._labels.items() if document != path)

    @cached_property
    def _labels(self) -> dict[str, frozenset[str]]:
        found = {path: markdown.labels(data) for path, data in self.texts.items() if b")=" in data or b".. _" in data}
        return {path: labels for path, labels in found.items() if labels}

    def nearest_heading(self, path: str, fragment: str) -> str | None:
        """Return the one heading slug of PATH that FRAGMENT is a misspelling of: the same letters and digits with other
        punctuation or, failing that, one letter wrong or the number of a chapter more or less."""
        wanted = _letters(markdown.slug_key(fragment))
        by_letters = self._by_letters(path) if wanted else {}
        near = by_letters.get(wanted, [])
        near = near or [
            slug
            for letters, slugs in by_letters.items()
            if abs(len(letters) - len(wanted)) <= 1 and _is_one_letter_off(letters, wanted)
            for slug in slugs
        ]
        near = near or [
            slug
            for slugs in by_letters.values()
            for slug in slugs
            if _is_numbered(slug, fragment) or _is_numbered(fragment, slug)
        ]
        return near[0] if len(near) == 1 else None

    def _by_letters(self, path: str) -> Mapping[str, list[str]]:
        """Return the heading slugs of PATH by their letters and digits alone."""
        if path not in self._letters:
            rendered, found = self._render(path), dict[str, list[str]]()
            for slug in sorted(rendered.slugs) if rendered else ():
                found.setdefault(_letters(slug), []).append(slug)
            self._letters[path] = found
        return self._letters[path]

    def shows(self, document: str, link: Link) -> bool:
        """Tell whether LINK of DOCUMENT is a link to a reader, and no code, comment or plain text."""
        data = self.texts.get(document)
        if data is None:
            return False
        if not markdown.is_markdown(document):
            return not restructuredtext.is_literal(data, link.offset)
        if self._mask(document)[link.offset] == 0x20:
            return False
        rendered = self._render(document)
        if rendered is None:
            return not line_at(data, link.offset).startswith(_INDENTED_CODE)
        target = markdown.normal_target(link.target)
        if markdown.is_defined_at(data, link.offset):
            return target in rendered.references
        return rendered.links_to(target, link.offset)

    def includes(self, document: str, offsets: tuple[int, ...]) -> bool:
        """Tell whether DOCUMENT takes in the files that it names at OFFSETS, as reStructuredText can."""
        data = self.texts.get(document, b"")
        return bool(offsets) and all(
            data[line_start(data, offset) : offset].rstrip().endswith(b"include::") for offset in offsets
        )

    def _mask(self, path: str) -> bytes:
        if path not in self._masks:
            self._masks[path] = markdown.mask(self.texts[path])
        return self._masks[path]

    def _is_assembled(self, path: str) -> bool:
        if path not in self._assembled:
            data = self.texts[path]
            self._assembled[path] = bool(_ASSEMBLED_IN_CODE.search(data) or _ASSEMBLED.search(self._mask(path)))
        return self._assembled[path]

    def _render(self, path: str) -> markdown.Rendered | None:
        if path not in self._rendered:
            self._rendered[path] = markdown.render(self.texts[path]) if path in self.texts else None
        return self._rendered[path]


def _letters(slug: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", slug)


def _is_numbered(slug: str, other: str) -> bool:
    """Tell whether SLUG is that of a heading with a number before it (`2-install`), and OTHER is its slug without."""
    number = _CHAPTER.match(slug)
    return number is not None and slug[number.end() :] == markdown.slug_key(other)


def _is_one_letter_off(one: str, other: str) -> bool:
    """Tell whether one letter was left out, added, mistaken or swapped with its neighbour (Damerau, 1964); digits and
    short words never count as misspelt."""
    if min(len(one), len(other)) < _SHORTEST_MISSPELT or _DIGITS.findall(one) != _DIGITS.findall(other):
        return False
    start = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    if start is None:
        return abs(len(one) - len(other)) == 1
    rest, other_rest = one[start:], other[start:]
    swapped = rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:]
    return swapped or other_rest[1:] in (rest, rest[1:]) or rest[1:] == other_rest
