"""Documents that are parts of others or of programs: their relative links are read where they are put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

_INCLUSION = re.compile(
    rb"(?:--8<--[ \t]{0,8}\n?|\{!|(?:\{%[-+]?|\{\{[<%#]?|<!--[#@ \t]{0,8}|^@|^[ \t]{0,40}\.\.|\{|\[!)[ \t]{0,8}"
    rb"(?:include|INCLUDE)[\w-]{0,12}(?:::|:|\}|[ \t]{0,8}\[[^\]\n]{0,80}\]\()?|^import[ \t][^\n]{1,100}[ \t]from)"
    rb"[ \t]{0,8}[\"']?([\w./@-]{1,200}\.(?:md|markdown|mdx|rst|txt)\b)",
    re.MULTILINE,
)
"""Snippets of PyMdown, markdown-include, Jinja and Liquid, mdBook, VitePress, reStructuredText and MyST, DocFX, MDX."""
_SIGNS = (b"include", b"INCLUDE", b"--8<--", b"{!", b"\nimport ")
"""One of them is in every inclusion: only what stands around them is searched."""
_SUFFIXES = (b".md", b".markdown", b".rst", b".txt")
"""One of them ends what is taken in."""
_BY_C = (
    b'.md"',
    re.compile(rb"^[ \t]{0,40}#[ \t]{0,8}include[ \t]{0,8}(\"[^\"\n]{1,200}\")", re.MULTILINE),
)
_EMBEDDING = {
    **dict.fromkeys(("c", "cc", "cpp", "cxx", "h", "hh", "hpp"), _BY_C),
    "go": (b"//go:embed", re.compile(rb"^//go:embed[ \t]([^\n]{1,400})", re.MULTILINE)),
    "rs": (b"include_str!", re.compile(rb"include_str!\(\s{0,40}(\"[^\"\n]{1,200}\")")),
}
_NAME_OF_A_DOCUMENT = re.compile(rb"[\w./@-]{1,200}\.(?:md|markdown)\b")
_BEFORE, _AFTER = 60, 400
"""At most so many bytes of an inclusion stand before its sign and after its beginning."""


def find_inclusions(data: bytes) -> tuple[str, ...]:
    """Return the documents that DATA says it takes in, as written."""
    found: set[bytes] = set()
    for sign in _SIGNS:
        at, searched = data.find(sign), 0
        while at >= 0:
            start = max(data.rfind(b"\n", max(0, at - _BEFORE), at), at - _BEFORE, searched)
            near = data[start : at + _AFTER]
            names_a_document = any(suffix in near for suffix in _SUFFIXES)
            if names_a_document and (match := _INCLUSION.search(near)):
                found.add(match[1])
                searched = start + match.end()
            at = data.find(sign, at + len(sign))
    return tuple(sorted(name.decode("utf-8", "replace") for name in found))


def may_embed(path: str, data: bytes) -> bool:
    """Tell in a moment whether the program DATA at PATH may take in a document."""
    embedding = _EMBEDDING.get(path.rpartition(".")[2])
    return embedding is not None and embedding[0] in data


def find_embedded(path: str, data: bytes) -> tuple[str, ...]:
    """Return the documents that the program DATA at PATH takes in to show them itself (`go:embed`, `include_str!`,
    `#include`), as written; without READMEs, which the code host shows as they are."""
    if not may_embed(path, data):
        return ()
    _, pattern = _EMBEDDING[path.rpartition(".")[2]]
    lists = b" ".join(match[1] for match in pattern.finditer(data))
    names = (name.decode("utf-8", "replace") for name in _NAME_OF_A_DOCUMENT.findall(lists))
    return tuple(sorted(name for name in set(names) if not name.rpartition("/")[2].lower().startswith("readme")))


@dataclass(frozen=True)
class Inclusions:
    """Which documents take in which. `named` are the names that each document writes."""

    named: Mapping[str, tuple[str, ...]]

    @cached_property
    def _by_name(self) -> dict[str, list[tuple[str, str]]]:
        """Name of a file -> (the end of its path as written, the document that takes it in)."""
        found: dict[str, list[tuple[str, str]]] = {}
        for document, names in sorted(self.named.items()):
            for written in names:
                end = _end(written)
                found.setdefault(end.rpartition("/")[2], []).append((end, document))
        return found

    def of(self, path: str) -> tuple[str, ...]:
        """Return the documents that take PATH in.

        From which folder a name is looked up is a setting of each renderer, so the end of the path has to do.
        """
        named = self._by_name.get(path.rpartition("/")[2], ())
        return tuple(document for end, document in named if f"/{path}".endswith(f"/{end}"))

    def parts_of(self, document: str) -> tuple[str, ...]:
        """Return the ends of the paths of what DOCUMENT takes in."""
        return tuple(map(_end, self.named.get(document, ())))


def _end(written: str) -> str:
    return re.sub(r"\A(?:@|/|\.{1,2}/)+", "", written)
