"""Which pages have headings that their source does not show: parts that a program takes in, or makes.

Most of what programs put into a page brings no heading: a reference, a picture, a note, a pair of tabs around text that
stands in the page. Only a name that is known to be one of those counts as such.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from autopack.gaps.near_headings import letters_of

_PART = re.compile(
    rb"\{%[-\s]|\{\{|--8<--|\{!|^:::[ \t]|^::include\b|@include|\beval-rst\b|^import[ \t]|^\.\. include"
    rb"|^ref:[ \t]{0,8}\S{1,200}\.md\b",
    re.MULTILINE,
)
"""What says that a page has parts (and headings) which its source does not show."""
_PART_IN_CODE = re.compile(
    rb"```\{(?!(?:admonition|attention|caution|code|code-block|code-cell|danger|dropdown|epigraph|error|figure|glossary|hint"
    rb"|image|important|list-table|literalinclude|margin|math|mermaid|note|seealso|sidebar|table|tip|toctree|warning"
    rb"|version(?:added|changed|removed)|deprecated)\})|<!--[ \t]{0,4}(?:include|#include)"
)
"""The same in what `markdown.mask` takes for code and comments; directives of MyST without headings are no parts."""
_LONGEST_PART = 600
_SHORTCODE = re.compile(rb"\{\{[<%]-?[ \t]{0,8}/?[ \t]{0,8}([\w.-]{1,100})(?![\w./-])([^\n]{0,500}?)-?[>%]\}\}")
_SHOWN_SHORTCODE = re.compile(rb"\{\{[<%]/\*")
_VARIABLE = re.compile(rb"\{\{-?[ \t]{0,8}[$.]?[A-Za-z_][\w.-]{0,100}[ \t]{0,8}-?\}\}")
_TAG = re.compile(rb"\{%-?\s{0,8}([a-z_-]{1,40})(?![\w-])")
_CONTAINER = re.compile(rb":::[ \t]{1,8}([a-z-]{0,40})(?=[\s{\[]|\Z)")
_IMPORT = re.compile(rb"import\b([^'\"`;]{0,500}?)(?:\bfrom[ \t]{0,8})?[\"']([^\"'\n]{1,300})[\"']")
_NAME = re.compile(rb"[A-Za-z_$][\w$]{0,100}")
_NAMES_A_FILE = re.compile(rb"\b(?:include|file|code_?file|path)[ \t]{0,4}=")
_WITHOUT_HEADINGS = frozenset(
    # Hugo's own
    b"details figure gist highlight instagram param qr ref relref tweet twitter vimeo x youtube "
    # those of widespread themes
    b"admonition alert badge button callout card cardpane caution codetab codetabs column columns comment danger "
    b"expand glossary_tooltip hint icon image img imgproc important info katex math mermaid note notice pageinfo tab "
    b"tabpane tabs tip video warning".split()
)
_TAGS_WITHOUT_HEADINGS = frozenset(
    # Liquid and Jinja; what a condition leaves out is taken for a heading all the same
    b"assign break comment continue else elif elsif endcomment endhighlight endif endraw endset endunless highlight if "
    b"link post_url raw set unless "
    # GitBook
    b"code embed endcode endembed endhint endtab endtabs hint tab tabs".split()
)
_CONTAINERS_WITHOUT_HEADINGS = frozenset(
    b" caution code-group danger details important info note raw success tip v-pre warning".split(b" ")
)
_IMPORTED_WITHOUT_HEADINGS = re.compile(
    rb"(?:@docusaurus/|react(?:-dom)?\Z|vue\Z|@theme/(?:Tabs|TabItem|CodeBlock|Admonition|ThemedImage|Details)\Z)"
    rb"|[^?]{1,300}\.(?:s?css|less|json|svg|png|jpe?g|gif|webp|csv)\Z"
)
_IMPORTED_PAGE = re.compile(rb"\.(?:mdx?|markdown)(?:\?|\Z)")
_WORDS_OF_IMPORTS = frozenset({b"as", b"default", b"type"})
_TEMPLATE = re.compile(r"(?:\A|/)layouts/_?shortcodes/(?P<name>[\w.-]{1,100})\.(?:html|md)\Z")
_HEADING_OF_A_TEMPLATE = re.compile(
    rb"<h[1-6]|^[ \t]{0,3}#{1,6}[ \t]|\b(?:partial(?:Cached)?|readFile|GetPage|GetMatch|RenderString|RenderShortcodes"
    rb"|include|template|transform|getJSON|GetRemote)\b|\.(?:Raw)?Content\b",
    re.MULTILINE | re.IGNORECASE,
)
_HEADING_LINE = re.compile(rb"[ \t>]{0,12}#{1,6}[ \t]|[^\n]{0,500}<h[1-6]", re.IGNORECASE)
_COMPONENT = re.compile(rb"<(/?)([A-Z][\w$]{0,100})")
_GIVEN = re.compile(rb"(?:\{\{[<%]|\{%|<[A-Z])[^\n]{0,500}")
_VALUE = re.compile(rb"[\"']([^\"'\n]{1,200})[\"']")


def is_template_of_a_shortcode(path: str) -> bool:
    """Tell whether PATH is what Hugo puts in place of a shortcode."""
    return _TEMPLATE.search(path) is not None


def shortcodes_without_headings(texts: Mapping[str, bytes]) -> frozenset[bytes]:
    """Return the names of the shortcodes that bring no heading into a page: the well-known ones, and those whose
    template is among TEXTS and neither has a heading nor takes anything in. A template goes before what is known."""
    templates = ((match["name"].encode(), data) for path, data in texts.items() if (match := _TEMPLATE.search(path)))
    judged = [(name, _HEADING_OF_A_TEMPLATE.search(data) is None) for name, data in templates]
    bringing = {name for name, is_harmless in judged if not is_harmless}
    return (_WITHOUT_HEADINGS | {name for name, _ in judged}) - bringing


def is_assembled(data: bytes, masked: bytes, shortcodes: frozenset[bytes]) -> bool:
    """Tell whether the page DATA, in MASKED without its code and comments, may have headings that it does not show.

    SHORTCODES are the names of those that bring none.
    """
    if _PART_IN_CODE.search(data):
        return True
    page = _Page(masked, shortcodes)
    return any(page.may_bring_headings(part) for part in _PART.finditer(masked))


def names_given_to_parts(masked: bytes) -> frozenset[str]:
    """Return the letters of all texts that the page MASKED gives to shortcodes, tags and components: what they make of
    a title may be a heading."""
    parts = (match[0] for match in _GIVEN.finditer(masked))
    values = (value[1] for part in parts for value in _VALUE.finditer(part))
    return frozenset(letters_of(value.decode("utf-8", "replace").lower()) for value in values)


@dataclass(frozen=True)
class _Page:
    """A page without its code and comments, and the shortcodes that bring no headings into it."""

    text: bytes
    shortcodes: frozenset[bytes]

    def may_bring_headings(self, part: re.Match[bytes]) -> bool:
        """Tell whether PART, a match of `_PART`, may bring headings into this page."""
        text = self.text[part.start() : part.start() + _LONGEST_PART]
        match part[0][:2]:
            case b"{{":
                return not self._is_harmless_in_braces(text, self._line_around(part.start()))
            case b"{%":
                return not ((tag := _TAG.match(text)) and tag[1] in _TAGS_WITHOUT_HEADINGS)
            case b"::":
                return not ((box := _CONTAINER.match(text)) and box[1] in _CONTAINERS_WITHOUT_HEADINGS)
            case b"im":
                return not self._is_harmless_import(text)
            case _:
                return True

    def _line_around(self, offset: int) -> bytes:
        """Return the line that holds the byte at OFFSET, as much of it as counts."""
        start = self.text.rfind(b"\n", max(0, offset - _LONGEST_PART), offset) + 1
        return self.text[start or max(0, offset - _LONGEST_PART) : offset + _LONGEST_PART].partition(b"\n")[0]

    def _is_harmless_in_braces(self, text: bytes, line: bytes) -> bool:
        """Tell whether TEXT, which begins with `{{` on LINE, begins with a shortcode without headings, or with a
        variable within other text: one that stands alone may be a whole part, and one in a heading changes it."""
        if _HEADING_LINE.match(line):
            return False
        if variable := _VARIABLE.match(text):
            return line.strip() != variable[0]
        if found := _SHORTCODE.match(text):
            return found[1] in self.shortcodes and not _NAMES_A_FILE.search(found[2])
        return _SHOWN_SHORTCODE.match(text) is not None

    def _is_harmless_import(self, text: bytes) -> bool:
        """Tell whether TEXT is prose, or imports what has no headings: known packages, data, pictures, and components
        that this page only puts around text of its own, if it uses them."""
        found = _IMPORT.match(text)
        if found is None or _IMPORTED_WITHOUT_HEADINGS.match(found[2]):
            return True
        names = set(_NAME.findall(found[1])) - _WORDS_OF_IMPORTS
        if not names or _IMPORTED_PAGE.search(found[2]):
            return False
        return all(name[:1].isupper() for name in names) and names.isdisjoint(self._components_alone)

    @cached_property
    def _components_alone(self) -> frozenset[bytes]:
        """The components that do not always stand around text of this page (`<Name />`)."""
        opened: Counter[bytes] = Counter()
        closed: Counter[bytes] = Counter()
        for slash, name in _COMPONENT.findall(self.text):
            (closed if slash else opened)[name] += 1
        return frozenset(name for name, count in opened.items() if closed[name] != count)
