"""Modules of this repository that its reST documents refer to and that are not there.

Sphinx roles and `autodoc` directives name what they refer to in full (`:func:`pkg.tasks.run``), so that the module
part can be looked up in the tree. Only that part is judged: what a module holds cannot be told without running it.
Roles: Sphinx's documentation, "The Python domain".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autopack.gaps import document_places as places
from autopack.gaps.excerpts import line_at, line_start
from autopack.gaps.import_resolution import PackageFact, Tree
from autopack.gaps.python_project import Declared
from autopack.gaps.restructuredtext import is_in_a_literal_span, is_literal
from autopack.gaps.state import Snapshot

_ROLE = re.compile(
    rb":(mod|class|func|exc|data|const|obj|meth|attr):`(?:[^`<>\n]{1,200}<)?~?([A-Za-z_]\w*(?:\.\w+)+)(?:\(\))?>?`"
)
_DIRECTIVE = re.compile(
    rb"^[ \t]{0,40}\.\.[ \t]{1,4}(?:py:)?(auto(?:module|class|function|exception)|currentmodule|module)::[ \t]{1,8}"
    rb"([A-Za-z_]\w*(?:\.\w+)*)",
    re.MULTILINE,
)
_PARTS_BELOW_MODULE = {"mod": 0, "automodule": 0, "currentmodule": 0, "module": 0, "meth": 2, "attr": 2}
"""How many parts at the end of a name stand for something inside the module; 1 for all other roles."""
_OPEN_PACKAGE = re.compile(
    rb"extend_path|declare_namespace|import \*|^__path__\s*\+?=|__path__\.(?:append|extend|insert)|meta_path"
    rb"|import_hook|\battach_stub\b",
    re.MULTILINE,
)
_OF_ITS_DAY = re.compile(rb"[ \t]*\.\.[ \t]+(?:version(?:added|changed|removed)|deprecated(?:-removed)?)::")
_MAX_NAMES = 5_000
_MAX_LINES_BACK = 40


@dataclass(frozen=True)
class ModuleName:
    """A dotted name in a document. `inside` counts the parts at its end that stand for something in the module."""

    name: str
    inside: int
    offset: int
    declared: bool = False
    """The document says itself that the module exists, by `.. module::`."""


@dataclass(frozen=True)
class MissingModule:
    """A module that a document names, at each of the offsets, and that the package `folder` lacks."""

    document: str
    module: str
    offsets: tuple[int, ...]


def find_modules(data: bytes) -> tuple[ModuleName, ...]:
    """Return the dotted names in the reST document DATA, by offset."""
    found = {}
    if b":`" in data:
        found = {match.start(2): match for match in _ROLE.finditer(data)}
    if b"module:: " in data or b".. auto" in data:
        found |= {match.start(2): match for match in _DIRECTIVE.finditer(data)}
    listed = sorted(found.items())[:_MAX_NAMES]
    return tuple(_named(match[1].decode(), match[2].decode(), offset) for offset, match in listed)


def _named(kind: str, name: str, offset: int) -> ModuleName:
    return ModuleName(name, _PARTS_BELOW_MODULE.get(kind, 1), offset, kind == "module")


def open_package(data: bytes) -> bool:
    """Tell whether the `__init__.py` with content DATA lets modules be found that are not in its folder."""
    return _OPEN_PACKAGE.search(data) is not None


def missing_modules(
    snapshot: Snapshot, named: Mapping[str, Sequence[ModuleName]], packages: Mapping[str, PackageFact]
) -> Iterator[MissingModule]:
    """Yield what the documents of the present name in vain; NAMED by document, PACKAGES by folder."""
    if not packages or not any(named.values()):
        return
    tree = _tree(snapshot, packages)
    declared = {one.name for names in named.values() for one in names if one.declared}
    for document, names in sorted(named.items()):
        if names and not _is_of_another_day(document):
            yield from _missing_in(tree, document, names, snapshot.texts.get(document, b""), declared)


def _tree(snapshot: Snapshot, packages: Mapping[str, PackageFact]) -> Tree:
    return Tree.of(
        paths=(*snapshot.files, *snapshot.out_of_scope),
        folders=snapshot.folders,
        packages=packages,
        declared=Declared(frozenset(), closed=False),
        build_words=frozenset(),
        ignored=snapshot.ignored,
    )


def _is_of_another_day(document: str) -> bool:
    return (
        places.is_chronicle(document)
        or places.is_named_for_a_version(document)
        or places.is_of_the_past(document)
        or places.is_decision(document)
        or places.is_versioned(document)
        or places.is_specimen(document)
        or places.is_template(document)
        or places.is_bundled(document)
    )


def _missing_in(
    tree: Tree, document: str, names: Sequence[ModuleName], data: bytes, declared: set[str]
) -> Iterator[MissingModule]:
    offsets: dict[str, list[int]] = {}
    for one in names:
        parts = one.name.split(".")
        missing = tree.missing_part(".".join(parts[: len(parts) - one.inside]))
        if missing is None or any(f"{name}.".startswith(f"{missing}.") for name in declared):
            continue
        is_sample = is_literal(data, one.offset) or is_in_a_literal_span(data, one.offset)
        if not is_sample and not _is_about_the_past(data, one.offset):
            offsets.setdefault(missing, []).append(one.offset)
    for module, found in sorted(offsets.items()):
        yield MissingModule(document, module, tuple(found))


def _is_about_the_past(data: bytes, offset: int) -> bool:
    """Tell whether byte OFFSET lies in a note on what a version changed or removed."""
    start = line_start(data, offset)
    for _ in range(_MAX_LINES_BACK):
        line = line_at(data, start)
        if _OF_ITS_DAY.match(line):
            return True
        if start == 0 or (line.strip() and not line.startswith((b" ", b"\t"))):
            return False
        start = line_start(data, start - 1)
    return False
