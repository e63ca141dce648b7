"""The ids that renderers other than GitHub give to headings: each rule named after a program that follows it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from typing import Final

from autopack.gaps import markdown

_ELEMENT = re.compile(r"<([A-Za-z]\w{0,20})\b[^<>]{0,300}>[^<>]{0,500}</\1>")
_MARKUP = re.compile(
    r"!\[[^\[\]]{0,500}\]\([^()]{0,1000}\)|<[^<>]{1,500}>|\{:?[^{}]{0,300}\}[ \t]{0,8}\Z|[`*]|\\(?=\W)"
)
_LINK = re.compile(r"\[([^\[\]]{0,500})\](?:\([^()]{0,1000}\)|\[[^\[\]]{0,200}\])")
_NOT_WORD = re.compile(r"[\W_]+")
_SPECIAL_OF_VITEPRESS = re.compile(r"[\s~`!@#$%^&*()\-_+=[\]{}|\\;:\"'“”‘’<>,.?/]+")
_NOT_IN_GITILES = re.compile(r"[^a-z0-9]+")
_NO_FIRST_LETTER = re.compile(r"\A[\W\d_]+")


def _hyphens(text: str) -> str:
    return _NOT_WORD.sub("-", text.lower()).strip("-")


def _blanks(text: str) -> str:
    return re.sub(r"\s+|-+", "-", text.lower())


def _docutils(text: str) -> str:
    return re.sub(r"\A[\d-]+", "", re.sub(r"[^a-z0-9]+", "-", _ascii(text).lower())).rstrip("-")


def python_markdown(text: str) -> str:
    """Return the id that Python-Markdown gives to a heading of TEXT, the first of its kind (`toc.slugify`)."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", _ascii(text)).strip().lower())


def _kramdown(text: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", re.sub(r"\A[^a-z]+", "", text.lower())).replace(" ", "-")


def _pandoc(text: str) -> str:
    return _NO_FIRST_LETTER.sub("", re.sub(r"\s+", "-", re.sub(r"[^\w\s.-]", "", text.lower()).strip()))


def _vitepress(text: str) -> str:
    found = _SPECIAL_OF_VITEPRESS.sub("-", _without_accents(text)).strip("-").lower()
    return f"_{found}" if found[:1].isdigit() else found


def _gitiles(text: str) -> str:
    """A run of anything else is what its first character becomes: `-` for a blank, `_` for the rest."""
    plain = _without_accents(text).lower()
    return _NOT_IN_GITILES.sub(lambda found: "-" if found[0][0] == " " else "_", plain).strip("-_")


def _without_accents(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _devsite(text: str) -> str:
    return _hyphens(text).replace("-", "_")


DEVSITE: Final = "DevSite"
"""The rule of the sites of Google's documentation, `_book.yaml` says."""
GITILES: Final = "Gitiles"
"""The rule of the code host of that name."""
_SLUGS: Final[Mapping[str, Callable[[str], str]]] = {
    "hyphens": _hyphens,
    "VitePress": _vitepress,
    "Python-Markdown": python_markdown,
    "docutils": _docutils,
    "kramdown": _kramdown,
    "Pandoc": _pandoc,
    "blanks": _blanks,
    GITILES: _gitiles,
    DEVSITE: _devsite,
}
_TEXTS: Final[Mapping[str, Callable[[str], str]]] = {
    "": lambda source: source,
    ", without elements": lambda source: _ELEMENT.sub("", source),
}
RULES: Final = tuple(f"{slug}{text}" for text in _TEXTS for slug in _SLUGS)
"""The names of the rules, the plainest first."""


def ids_by_rule(data: bytes) -> Mapping[str, frozenset[str]]:
    """Return, for each of `RULES`, the ids that it gives to the headings of the Markdown document DATA, lower case.

    The rules differ in what becomes of punctuation, `_` and letters that are not ASCII, and in whether the text of
    HTML elements in a heading counts. Sources: docutils `nodes.make_id`, Python-Markdown `toc.slugify`, the manuals of
    kramdown (`auto_ids`) and Pandoc (`auto_identifiers`), `slugify` of mdit-vue, `TocFormatter.idFromTitle` of
    Gitiles; DevSite's as TensorFlow's documents link to them; "hyphens" is what most others do, and "blanks" keeps all
    but those.
    """
    sources = tuple(text for _, text in markdown.headings(data))
    found: dict[str, frozenset[str]] = {}
    for text, choose in _TEXTS.items():
        chosen = tuple(map(choose, sources))
        if text and chosen == sources:
            found.update({f"{slug}{text}": found[slug] for slug in _SLUGS})
            continue
        visible = tuple(map(_visible, chosen))
        found.update({f"{slug}{text}": frozenset(_numbered(map(make, visible))) for slug, make in _SLUGS.items()})
    return found


def _visible(source: str) -> str:
    """Return the text that a reader sees of the heading SOURCE."""
    return unescape(_MARKUP.sub("", _LINK.sub(r"\1", source))).strip()


def _numbered(ids: Iterator[str]) -> Iterator[str]:
    """Yield IDS; those that were given before with a number behind them, which follows `-` or `_`."""
    counts: Counter[str] = Counter()
    for found in ids:
        if counts[found]:
            yield from (f"{found}-{counts[found]}", f"{found}_{counts[found]}")
        else:
            yield found
        counts[found] += 1
