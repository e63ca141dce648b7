"""Links of documents that certainly lead nowhere: resolve first, confirm later.

Resolving is set look-ups over every link; only what does not resolve is masked, parsed and judged. See
`link_targets` for what is left to renderers that know better.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from autopack.gaps import document_places as places
from autopack.gaps import markdown, restructuredtext
from autopack.gaps.excerpts import line_at, line_number, line_start
from autopack.gaps.link_targets import Resolution, Tree, built_folders, resolve
from autopack.gaps.markdown import Link

_OTHER_FRAGMENTS = re.compile(
    r"l\d+|:~:|user-content-|/|!|(?:top|readme|toc|start-of-content)\Z|(?:fn|fnref|footnote)[-:_]?\d|issue(?:comment)?-?\d"
    r"|discussion[-_]?r?\d|pullrequest|(?:heading|bookmark|page|gid|slide|tab)[=/]|id\.|cite[-_]|\W*\Z|\d+\Z"
    r"|[\w.]+\.[\w.]+(?:\(\))?\Z"
)
"""Fragments that are no heading's slug: lines, text fragments, footnotes, routes, comments, symbols."""
_ASSEMBLED = re.compile(
    rb"\{%[- ]|\{\{|--8<--|\{!|^:::[ \t]|@include|```\{|\beval-rst\b|^import[ \t]|^\.\. include"
    rb"|<!--[ \t]{0,4}(?:include|#include)",
    re.MULTILINE,
)
"""What says that a page has parts (and headings) which its source does not show."""
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d")
_SHORTEST_MISSPELT = 8
_INDENTED_CODE = (b"    ", b"\t")


@dataclass(frozen=True)
class Suspect:
    """A link that did not resolve. `wanted` is the path that is not there or, when there is a `fragment`, the document
    that seems to lack the heading."""

    document: str
    link: Link
    wanted: str
    fragment: str | None = None


@dataclass(frozen=True)
class DeadLink:
    """A target in a document that leads nowhere, with every byte offset at which it is written.

    `suggestion` is the one heading of `wanted` that the fragment is near to, None where there is none or several.
    """

    document: str
    target: str
    wanted: str
    fragment: str | None
    offsets: tuple[int, ...]
    suggestion: str | None


@lru_cache(maxsize=65_536)
def is_judged(document: str) -> bool:
    """Tell whether the links of DOCUMENT are meant to hold here and now."""
    return not (
        places.is_of_the_past(document)
        or places.is_specimen(document)
        or places.is_template(document)
        or places.is_for_rdoc(document)
        or places.is_bundled(document)
        or places.is_versioned(document)
        or places.is_chronicle(document)
    )


def missing_paths(tree: Tree, links: Mapping[str, tuple[Link, ...]]) -> tuple[Suspect, ...]:
    """Return every link among LINKS (document -> relative links) whose path is not there, unconfirmed."""
    return tuple(suspect for suspect in _suspects(tree, links) if suspect.fragment is None)


def dead_links(tree: Tree, links: Mapping[str, tuple[Link, ...]]) -> Iterator[DeadLink]:
    """Yield the dead links among LINKS (document -> relative links), each document and target once."""
    pages = _Pages(tree.snapshot.texts)
    by_target: dict[tuple[str, str], list[Suspect]] = {}
    for suspect in _suspects(tree, links, pages):
        by_target.setdefault((suspect.document, suspect.link.target), []).append(suspect)
    for (document, target), suspects in by_target.items():
        offsets = tuple(suspect.link.offset for suspect in suspects if pages.shows(document, suspect.link))
        if pages.includes(document, offsets) and suspects[0].wanted not in tree.snapshot.history:
            continue  # Building without it fails, so what git never held is written by the build.
        if offsets:
            first = suspects[0]
            near = pages.nearest_heading(first.wanted, first.fragment) if first.fragment else None
            yield DeadLink(document, target, first.wanted, first.fragment, offsets, near)


def may_lead_to(tree: Tree, document: str, path: str, fragment: str) -> bool:
    """Tell whether a link of DOCUMENT to the heading FRAGMENT of the file PATH may hold: only False is a statement."""
    return not fragment or _Pages(tree.snapshot.texts).may_have(path, fragment, loosely=tree.sites.govern(document))


def _suspects(tree: Tree, links: Mapping[str, tuple[Link, ...]], pages: _Pages | None = None) -> Iterator[Suspect]:
    """Yield what does not resolve; headings are looked at only when PAGES are given."""
    tree = replace(tree, built=built_folders(tree, links))
    for document in sorted(links):
        if not is_judged(document):
            continue
        loosely = tree.sites.govern(document)
        ends: dict[str, Resolution] = {}
        for link in links[document]:
            end = ends.get(link.target) or resolve(tree, document, link.target)
            ends[link.target] = end
            if end.outcome == "missing":
                yield Suspect(document, link, end.path)
            elif (
                end.outcome == "found"
                and end.fragment
                and pages is not None
                and not pages.may_have(end.path, end.fragment, loosely=loosely)
            ):
                yield Suspect(document, link, end.path, end.fragment)


@dataclass
class _Pages:
    """Documents by path, each masked, searched for headings and parsed at most once, and only when asked."""

    texts: Mapping[str, bytes]
    _masks: dict[str, bytes] = field(default_factory=dict)
    _slugs: dict[str, frozenset[str]] = field(default_factory=dict)
    _ids: dict[str, frozenset[str]] = field(default_factory=dict)
    _rendered: dict[str, markdown.Rendered | None] = field(default_factory=dict)

    def may_have(self, path: str, fragment: str, *, loosely: bool) -> bool:
        """Tell whether PATH may have a place called FRAGMENT: only False is a statement."""
        wanted = markdown.slug_key(fragment)
        if path not in self.texts or not markdown.is_markdown(path) or _OTHER_FRAGMENTS.match(wanted):
            return True
        if path not in self._slugs:
            self._slugs[path] = markdown.heading_slugs(self.texts[path])
        slugs = self._slugs[path]
        # Renderers differ on what punctuation at the edge of a heading leaves behind.
        if wanted in slugs or any(slug.strip("-") == wanted for slug in slugs):
            return True
        if loosely and _letters(wanted) in {_letters(slug) for slug in slugs}:
            return True
        if path not in self._ids:
            self._ids[path] = markdown.explicit_ids(self.texts[path])
        if wanted in self._ids[path]:
            return True
        rendered = self._render(path)
        return rendered is None or wanted in rendered.slugs or _ASSEMBLED.search(self.texts[path]) is not None

    def nearest_heading(self, path: str, fragment: str) -> str | None:
        """Return the one heading slug of PATH that FRAGMENT is a misspelling of: the same letters and digits with other
        punctuation or, failing that, one letter wrong."""
        rendered = self._render(path)
        wanted = _letters(markdown.slug_key(fragment))
        slugs = rendered.slugs if rendered and wanted else frozenset()
        near = [slug for slug in slugs if _letters(slug) == wanted]
        near = near or [slug for slug in slugs if _is_one_letter_off(_letters(slug), wanted)]
        return near[0] if len(near) == 1 else None

    def shows(self, document: str, link: Link) -> bool:
        """Tell whether LINK of DOCUMENT is a link to a reader, and no code, comment or plain text."""
        data = self.texts.get(document)
        if data is None:
            return False
        if not markdown.is_markdown(document):
            return not restructuredtext.is_literal(data, link.offset)
        if document not in self._masks:
            self._masks[document] = markdown.mask(data)
        if self._masks[document][link.offset] == 0x20:
            return False
        rendered = self._render(document)
        if rendered is None:
            return not line_at(data, link.offset).startswith(_INDENTED_CODE)
        target = markdown.normal_target(link.target)
        if b"]:" in data[line_start(data, link.offset) : link.offset]:
            return target in rendered.references
        line = line_number(data, link.offset) - 1
        return any(first <= line < last and target == found for first, last, found in rendered.links)

    def includes(self, document: str, offsets: tuple[int, ...]) -> bool:
        """Tell whether DOCUMENT takes in the files that it names at OFFSETS, as reStructuredText can."""
        data = self.texts.get(document, b"")
        return bool(offsets) and all(
            data[line_start(data, offset) : offset].rstrip().endswith(b"include::") for offset in offsets
        )

    def _render(self, path: str) -> markdown.Rendered | None:
        if path not in self._rendered:
            self._rendered[path] = markdown.render(self.texts[path]) if path in self.texts else None
        return self._rendered[path]


def _letters(slug: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", slug)


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
