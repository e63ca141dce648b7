"""Documents as they are rendered: which headings they have, and which of their links a reader sees."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from autopack.gaps import assembled_pages, heading_ids, markdown, restructuredtext
from autopack.gaps.documented_objects import documented_objects, documents_whole_modules
from autopack.gaps.excerpts import line_at, line_start
from autopack.gaps.known_ids import PYTHON_MARKDOWN
from autopack.gaps.markdown import Link
from autopack.gaps.near_headings import NearHeadings, grouped, letters_of

_OTHER_FRAGMENTS = re.compile(
    r"l\d+|:~:|user-content-|/|!|(?:top|readme|toc|start-of-content)\Z|(?:fn|fnref|footnote)[-:_]?\d|issue(?:comment)?-?\d"
    r"|discussion[-_]?r?\d|pullrequest|(?:heading|bookmark|page|gid|slide|tab)[=/]|id\.|cite[-_]|\W*\Z|\d+\Z"
    r"|[\w.]+\.[\w.]+(?:\(\))?\Z"
)
"""Fragments that are no heading's slug: lines, text fragments, footnotes, routes, comments, symbols."""
_BEFORE_A_NUMBER = re.compile(r"\Aid-(?=\d)")
_INDENTED_CODE = (b"    ", b"\t")


@dataclass
class Pages:
    """Documents by path, each masked, searched for headings and parsed at most once, and only when asked."""

    texts: Mapping[str, bytes]
    has_blocks: Callable[[str], bool] = lambda path: False
    """Tells whether a site reads blocks of PyMdown in a document, which the code host does not."""
    _masks: dict[str, bytes] = field(default_factory=dict)
    _slugs: dict[str, frozenset[str]] = field(default_factory=dict)
    _ids: dict[str, frozenset[str]] = field(default_factory=dict)
    _rendered: dict[str, markdown.Rendered | None] = field(default_factory=dict)
    _defined: dict[str, frozenset[str]] = field(default_factory=dict)
    _other_ids: dict[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    _assembled: dict[str, bool] = field(default_factory=dict)
    _given: dict[str, frozenset[str]] = field(default_factory=dict)
    _alike: dict[tuple[str, Callable[[str], str]], frozenset[str]] = field(default_factory=dict)
    _sections: dict[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    _tabs: dict[str, frozenset[str]] = field(default_factory=dict)
    _headings: dict[str, NearHeadings] = field(default_factory=dict)
    _answers: dict[tuple[str, str, frozenset[str] | None], bool] = field(default_factory=dict)

    def slugs(self, path: str) -> frozenset[str]:
        """Return the ids that GitHub may give to the headings of PATH, none where its text is not at hand."""
        if path not in self._slugs:
            self._slugs[path] = markdown.heading_slugs(self.texts.get(path, b""))
        return self._slugs[path]

    def defines(self, path: str, label: str) -> bool:
        """Tell whether PATH defines what the reference LABEL leads to."""
        if path not in self._defined:
            self._defined[path] = markdown.defined_labels(self._mask(path)) if path in self.texts else frozenset()
        return label.lower() in self._defined[path]

    def other_ids(self, path: str) -> Mapping[str, frozenset[str]]:
        """Return the ids that other renderers give to the headings of PATH, by rule (see `heading_ids`)."""
        if path not in self._other_ids:
            self._other_ids[path] = heading_ids.ids_by_rule(self.texts.get(path, b""))
        return self._other_ids[path]

    def may_have(self, path: str, fragment: str, *, rules: frozenset[str] | None) -> bool:
        """Tell whether PATH may have a place called FRAGMENT: only False is a statement.

        RULES are those of `heading_ids` that give ids besides GitHub; None means that nobody knows, so that letters
        and digits alone count.
        """
        wanted = markdown.slug_key(fragment)
        if path not in self.texts or not markdown.is_markdown(path) or _OTHER_FRAGMENTS.match(wanted):
            return True
        asked = (path, wanted, rules)
        if asked not in self._answers:
            self._answers[asked] = self._may_have(path, wanted, rules)
        return self._answers[asked]

    def _may_have(self, path: str, wanted: str, rules: frozenset[str] | None) -> bool:
        if path not in self._slugs and markdown.gives_id(self.texts[path], wanted):
            return True
        slugs = self.slugs(path)
        # Renderers differ on what punctuation at the edge of a heading leaves behind.
        if wanted in slugs or wanted in self._named_alike(path, _without_edges):
            return True
        if self._is_an_id_by(rules, path, wanted):
            return True
        if path not in self._ids:
            self._ids[path] = markdown.explicit_ids(self.texts[path])
        if wanted in self._ids[path] or self._is_assembled(path) or letters_of(wanted) in self._given_to_parts(path):
            return True
        rendered = self._render(path)
        return rendered is None or wanted in rendered.slugs

    def _is_an_id_by(self, rules: frozenset[str] | None, path: str, wanted: str) -> bool:
        """Tell whether one of RULES calls a heading of PATH WANTED; by none at all, one with the same letters."""
        if rules is None:  # No rule keeps a second `#`; GitBook writes `id-` before a number.
            letters = letters_of(_BEFORE_A_NUMBER.sub("", wanted))
            return not wanted.startswith("#") and letters in self._named_alike(path, letters_of)
        if PYTHON_MARKDOWN in rules and wanted in self._named_alike(path, heading_ids.python_markdown):
            return True
        return any(wanted in self.other_ids(path)[rule] for rule in rules)

    def _named_alike(self, path: str, key: Callable[[str], str]) -> frozenset[str]:
        """Return the heading slugs of PATH as KEY compares them."""
        if (path, key) not in self._alike:
            self._alike[path, key] = frozenset(map(key, self.slugs(path)))
        return self._alike[path, key]

    def labels(self, path: str, fragment: str) -> bool:
        """Tell whether PATH calls a place FRAGMENT by a label."""
        return markdown.slug_key(fragment) in self._labels.get(path, ())

    def has_tab(self, path: str, fragment: str) -> bool:
        """Tell whether a tab of PATH has the title that FRAGMENT is the slug of."""
        if path not in self._tabs:
            self._tabs[path] = frozenset(map(letters_of, markdown.tabs(self.texts.get(path, b""))))
        return letters_of(markdown.slug_key(fragment)) in self._tabs[path]

    def names_a_label(self, fragment: str) -> bool:
        """Tell whether FRAGMENT is a label of any document: MyST looks for those in the whole project."""
        return markdown.slug_key(fragment) in self._all_labels

    def names_an_object(self, fragment: str) -> bool:
        """Tell whether FRAGMENT is, by the last part of its name, what a page documents from the code: MyST looks for
        that in the whole project too."""
        return fragment in self._objects

    @cached_property
    def has_whole_modules(self) -> bool:
        """Whether some page documents all that a module holds, so that `names_an_object` does not know every object."""
        return any(map(documents_whole_modules, self.texts.values()))

    @cached_property
    def _objects(self) -> frozenset[str]:
        return frozenset[str]().union(*map(documented_objects, self.texts.values()))

    @cached_property
    def _labels(self) -> dict[str, frozenset[str]]:
        found = {path: markdown.labels(data) for path, data in self.texts.items()}
        return {path: labels for path, labels in found.items() if labels}

    @cached_property
    def _all_labels(self) -> frozenset[str]:
        return frozenset[str]().union(*self._labels.values())

    def has_heading(self, path: str, slug: str) -> bool:
        """Tell whether SLUG certainly is the id of a heading of PATH, as a parser sees it."""
        rendered = self._render(path)
        return rendered is not None and slug in rendered.slugs

    def nearest_heading(self, path: str, fragment: str) -> str | None:
        """Return the one heading slug of PATH that FRAGMENT is a misspelling of: the same letters and digits with other
        punctuation or, failing that, one letter wrong, or a number of a chapter or of a repeated heading too many or
        too few."""
        if path not in self._headings:
            rendered = self._render(path)
            self._headings[path] = NearHeadings(rendered.slugs if rendered else ())
        return self._headings[path].nearest(markdown.slug_key(fragment))

    def is_spelt_alike(self, slug: str, fragment: str) -> bool:
        """Tell whether FRAGMENT differs from SLUG in punctuation alone."""
        return letters_of(slug) == letters_of(markdown.slug_key(fragment))

    def is_within(self, path: str, offset: int, slug: str) -> bool:
        """Tell whether the byte at OFFSET of PATH stands right below the heading that is called SLUG."""
        if path not in self._sections:
            self._sections[path] = markdown.headings(self.texts.get(path, b""))
        place = bisect(self._sections[path], (offset, "")) - 1
        return place >= 0 and slug in markdown.slug_variants(self._sections[path][place][1])

    @cached_property
    def _with_heading(self) -> dict[str, list[str]]:
        documents = filter(markdown.is_markdown, self.texts)
        return grouped((slug, path) for path in documents for slug in self.slugs(path))

    def document_with(self, fragment: str) -> str | None:
        """Return the one document that has the heading FRAGMENT, which is of several words."""
        found = self._with_heading.get(markdown.slug_key(fragment), []) if "-" in fragment.strip("-") else []
        return found[0] if len(found) == 1 else None

    def heading_around(self, path: str, fragment: str) -> str | None:
        """Return the one heading slug of PATH that has the words of FRAGMENT, its first or last among them, and others
        besides."""
        self.nearest_heading(path, fragment)
        return self._headings[path].around(markdown.slug_key(fragment))

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
            found = assembled_pages.is_assembled(self.texts[path], self._mask(path), self._shortcodes)
            self._assembled[path] = found
        return self._assembled[path]

    def _given_to_parts(self, path: str) -> frozenset[str]:
        if path not in self._given:
            self._given[path] = assembled_pages.names_given_to_parts(self._mask(path))
        return self._given[path]

    @cached_property
    def _shortcodes(self) -> frozenset[bytes]:
        return assembled_pages.shortcodes_without_headings(self.texts)

    def _render(self, path: str) -> markdown.Rendered | None:
        if path not in self._rendered:
            self._rendered[path] = self._parsed(path)
        return self._rendered[path]

    def _parsed(self, path: str) -> markdown.Rendered | None:
        if path not in self.texts:
            return None
        return markdown.render(self.texts[path], with_blocks=self.has_blocks(path))


def _without_edges(slug: str) -> str:
    return slug.strip("-")
