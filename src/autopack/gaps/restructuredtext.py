"""Relative targets in reStructuredText: images, figures, includes and hyperlinks, outside literal blocks."""

from __future__ import annotations

import re

from autopack.gaps.excerpts import line_at, line_start
from autopack.gaps.markdown import Link

SUFFIXES = (".rst", ".rest")

_DIRECTIVE = re.compile(
    rb"^[ \t]{0,40}\.\.[ \t]{1,4}(?:\|[^|\n]{1,100}\|[ \t]{1,4})?(?:image|figure|include|literalinclude)::[ \t]{1,8}"
    rb"([^\s`]{1,500})[ \t\r]*$",
    re.MULTILINE,
)
_EMBEDDED = re.compile(rb"`[^`<>\n]{1,300}(?:\n[^`<>\n]{1,300})?<([^<>\s`]{1,500})>`__?")
_NAMED = re.compile(rb"^[ \t]{0,40}\.\.[ \t]{1,4}_[^:\n`]{1,200}:[ \t]{1,8}([^\s`]{1,500})[ \t\r]*$", re.MULTILINE)
_NOT_RELATIVE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//|/|#|\\|.*[{}$<>*|@]|.*(?<!_)_\Z|.*\.html?(?:#|\Z)", re.DOTALL)
_LITERAL = re.compile(
    rb".*::[ \t\r]*\Z|[ \t]*\.\.[ \t]+(?:code-block|sourcecode|code|highlight|parsed-literal|prompt)::"
)
_COMMENT = re.compile(rb"[ \t]*\.\.(?:[ \t]+(?![_\[|]|[^\W_]+(?:[-._+:][^\W_]+)*[ ]?::)\S[^\n]*|[ \t\r]*)\Z")
"""Two dots before what is no target, footnote, substitution or directive, or before nothing: a comment with all that
stands indented below it, unless nothing and a blank line follow (docutils, "Comments")."""
_PROSE = re.compile(
    rb"[ \t]*\.\.[ \t]+(?:note|warning|tip|hint|important|caution|danger|attention|error|seealso|admonition|topic"
    rb"|sidebar|container|todo|versionadded|versionchanged|deprecated)::"
)
"""Directives whose body is text like any other (docutils, Sphinx)."""
_MAX_LINES_BACK = 400


def is_restructuredtext(path: str) -> bool:
    """Tell whether PATH is named as a reStructuredText document."""
    return path.lower().endswith(SUFFIXES)


def find_links(data: bytes) -> tuple[Link, ...]:
    """Return the relative targets in DATA by offset, those in literal blocks included."""
    found: dict[int, bytes] = {}
    if b":: " in data:
        found.update((match.start(1), match[1]) for match in _DIRECTIVE.finditer(data))
    if b">`_" in data:
        found.update((match.start(1), match[1]) for match in _EMBEDDED.finditer(data) if _names_a_file(match[1]))
    if b".. _" in data:
        found.update((match.start(1), match[1]) for match in _NAMED.finditer(data) if _names_a_file(match[1]))
    links = (Link(offset, target.decode("utf-8", "replace")) for offset, target in sorted(found.items()))
    return tuple(link for link in links if not _NOT_RELATIVE.match(link.target) and "\ufffd" not in link.target)


def _names_a_file(target: bytes) -> bool:
    return re.search(rb"\.[A-Za-z][A-Za-z0-9]{0,5}(?:#[^#]{0,300})?\Z", target) is not None


def is_literal(data: bytes, offset: int) -> bool:
    """Tell whether byte OFFSET lies in a literal or code block, below a less indented line that announces one, or in a
    comment."""
    start = line_start(data, offset)
    line = line_at(data, offset)
    if _is_comment(line[:2_000], line):
        return True
    indentation = _indentation(line)
    for _ in range(_MAX_LINES_BACK):
        if start == 0 or indentation == 0:
            return False
        start, below = line_start(data, start - 1), line
        line = line_at(data, start)
        if line.strip() and _indentation(line) < indentation:
            if _LITERAL.match(line[:2_000]) and not _PROSE.match(line):
                return True
            if _is_comment(line[:2_000], below):
                return True
            indentation = _indentation(line)
    return True


def is_in_a_literal_span(data: bytes, offset: int) -> bool:
    """Tell whether byte OFFSET lies between two backquotes and two more on its line."""
    return data.count(b"``", line_start(data, offset), offset) % 2 == 1


def _is_comment(line: bytes, below: bytes) -> bool:
    """Tell whether LINE begins a comment, which two dots alone do only with text right BELOW."""
    return _COMMENT.match(line) is not None and (line.strip() != b".." or below.strip() != b"")


def _indentation(line: bytes) -> int:
    expanded = line[:2_000].expandtabs(8)
    return len(expanded) - len(expanded.lstrip())
