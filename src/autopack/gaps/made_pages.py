"""Pages that programs write and documents that programs put together, told from the names in what builds documents.

No program is run and none is understood: that a page which was never in the repository is called as something that a
build names says only that the build may write it. What follows is of low confidence, never no finding.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from autopack.gaps.document_places import is_below
from autopack.gaps.markdown import SUFFIXES
from autopack.gaps.simple_patterns import SimplePattern, SimplePatterns

_OF_DOCUMENTS = frozenset({"doc", "docs", "documentation", "manual", "site", "website", "www"})
_PROGRAMS = frozenset({"py", "sh", "rb", "js", "mjs", "cjs", "ts", "pl", "lua", "jl", "go", "rs", "hs"})
_BUILD = re.compile(
    r"(?:meson\.build|CMakeLists\.txt|(?:GNU)?[Mm]akefile(?:\.(?:am|in))?|BUILD(?:\.bazel)?|justfile|Rakefile)\Z"
    r"|.+\.(?:mk|cmake|nix)\Z"
)
"""What says how things are built, wherever it lies."""
_IS_A_SETTING = re.compile(r"(?:conf\.py|sidebars?\.\w+|.*config\.\w+)\Z")
"""What lists the pages that are there."""
_ENDS_OF_BUILDS = frozenset(
    {"build", "txt", "am", "in", "bazel", "mk", "cmake", "nix"}
    | {"GNUmakefile", "Makefile", "makefile", "BUILD", "justfile", "Rakefile"}
)
"""What follows the last dot of its name, or the whole of it: of most files that is something else."""
_QUOTED = re.compile(rb"[\"'`]([\w./+-]{4,120})[\"'`]")
_END_OF_A_FILE = re.compile(rb"\.(?:md|markdown|rst|png|svg|jpe?g|gif)\b")
"""Of a page or a picture."""
_IN_A_NAME = bytes(byte for byte in range(128) if chr(byte).isalnum() or chr(byte) in "_-+.*")
_ANYTHING = "*"
_LONGEST_NAME = 120
_SEPARATOR = re.compile(r"(?<=\w)[-_](?=\w)")
_SHORTEST_NAME = 8
"""A shorter one, or a single word, is the name of many a thing."""
_MAX_BYTES = 256_000
_MOST_NAMES = 2_000


def may_build(path: str) -> bool:
    """Tell whether PATH may be of what builds documents, by its name and place."""
    if path.rpartition(".")[2] in _PROGRAMS:
        folder, _, name = path.rpartition("/")
        return _folder_of_documents(folder) is not None and not _IS_A_SETTING.match(name)
    return describes_a_build(path)


def describes_a_build(path: str) -> bool:
    """Tell whether PATH says how something is built."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2] in _ENDS_OF_BUILDS and _BUILD.match(name) is not None


def folder_of_documents(path: str) -> str | None:
    """Return the uppermost folder of PATH that is called like one of documents, None where there is none."""
    return _folder_of_documents(path.rpartition("/")[0])


@lru_cache(maxsize=4_096)
def _folder_of_documents(folder: str) -> str | None:
    names = folder.split("/")
    first = next((depth for depth, name in enumerate(names, 1) if name.lower() in _OF_DOCUMENTS), None)
    return "/".join(names[:first]) if first is not None else None


def find_names(path: str, data: bytes) -> tuple[str, ...]:
    """Return the names of pages, with suffix or without, and of pictures in what builds documents at PATH with DATA;
    `*` in one stands for anything."""
    if not may_build(path) or len(data) > _MAX_BYTES:
        return ()
    found = {match[1].decode() for match in _QUOTED.finditer(data)}
    names = {name for written in found if _is_distinct(name := _name(written))}
    names |= {_written_before(data, end) for end in _END_OF_A_FILE.finditer(data)}
    return tuple(sorted(name for name in names if not name.startswith("."))[:_MOST_NAMES])


def _written_before(data: bytes, end: re.Match[bytes]) -> str:
    """Return the name that END is the end of."""
    before = data[max(0, end.start() - _LONGEST_NAME) : end.start()]
    return (before[len(before.rstrip(_IN_A_NAME)) :] + end[0]).decode()


def _name(written: str) -> str:
    return written.rstrip("/").rpartition("/")[2]


def _is_distinct(name: str) -> bool:
    return len(name) >= _SHORTEST_NAME and _SEPARATOR.search(name) is not None


@dataclass(frozen=True)
class MadePages:
    """What programs name, by the path of the program."""

    by_path: Mapping[str, tuple[str, ...]]

    @cached_property
    def _folders(self) -> dict[str, set[str]]:
        """Name -> the folders of what names it."""
        found: dict[str, set[str]] = {}
        for path, names in self.by_path.items():
            for name in names:
                found.setdefault(name, set()).add(path.rpartition("/")[0])
        return found

    def may_write(self, page: str, stems: Container[str]) -> bool:
        """Tell whether a build names PAGE by a name of several words or, among documents, that with which it begins and
        which is none of STEMS, the documents that are there: `Reference-manual` for `Reference-manual_functions.md`."""
        name = page.rpartition("/")[2]
        stem = stem_of(name)
        if any(one in self._folders and _is_distinct(one) for one in (name, stem)):
            return True
        begun = (one for one in _beginnings(stem) if _is_distinct(one) and one not in stems)
        return any(map(self._is_named_among_documents, begun))

    def _is_named_among_documents(self, name: str) -> bool:
        return any(_folder_of_documents(folder) is not None for folder in self._folders.get(name, ()))

    def names_a_page(self, program: str, names: Container[str]) -> bool:
        """Tell whether PROGRAM names a page that is none of NAMES, those of the files that are there."""
        return any(name.endswith(SUFFIXES) and name not in names for name in self.by_path.get(program, ()))

    @cached_property
    def _patterns(self) -> SimplePatterns:
        """The names with `*` that say more than that."""
        names = (
            name for name in sorted(self._folders) if _ANYTHING in name and _is_distinct(name.replace(_ANYTHING, ""))
        )
        return SimplePatterns(SimplePattern(tuple(name.split(_ANYTHING))) for name in names)

    def may_copy(self, path: str) -> bool:
        """Tell whether a program names the file at PATH, or several by what it is called."""
        name = path.rpartition("/")[2]
        return (name in self._folders and _is_distinct(name)) or self._patterns.match(name)

    def may_put_together(self, document: str) -> bool:
        """Tell whether a program beside or above DOCUMENT, and among documents, names it: it may make something else of
        it."""
        folders = self._folders.get(document.rpartition("/")[2], ())
        return any(is_below(folder, document) and _folder_of_documents(folder) is not None for folder in folders)


NOTHING_MADE = MadePages({})


def stem_of(name: str) -> str:
    """Return the NAME of a document without its suffix."""
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def _beginnings(stem: str) -> Iterator[str]:
    """Yield what stands before each of the separators of STEM."""
    yield from (stem[: separator.start()] for separator in _SEPARATOR.finditer(stem))
