"""Which modules of a test tree a module may call functions of: what it imports, one through another, and the
`conftest.py` files above. In doubt a module counts as seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from autopack.gaps.python_tests import ImportFact, InnerImport

Import = ImportFact | InnerImport


def visible_modules(imports: Mapping[str, Iterable[Import]]) -> dict[str, frozenset[str]]:
    """Return path -> paths of the modules that it sees, itself among them. IMPORTS holds what each path imports."""
    places = _Places(imports)
    direct = {path: frozenset(_direct(path, facts, places)) for path, facts in imports.items()}
    return {path: _closure(path, direct) for path in imports}


def _closure(path: str, direct: Mapping[str, frozenset[str]]) -> frozenset[str]:
    seen, waiting = {path}, [path]
    while waiting:
        new = direct[waiting.pop()] - seen
        seen |= new
        waiting += new
    return frozenset(seen)


def _direct(path: str, facts: Iterable[Import], places: _Places) -> Iterator[str]:
    folders = path.split("/")[:-1]
    for count in range(len(folders) + 1):
        conftest = "/".join([*folders[:count], "conftest.py"])
        if conftest in places.paths:
            yield conftest
    for fact in facts:
        base = folders[: len(folders) - fact.level + 1] if fact.level else None
        module = fact.module.split(".") if fact.module else []
        yield from places.of(base, module)
        # A name that is imported from a package may be one of its modules.
        for name in fact.names:
            yield from places.of(base, [*module, name])
        if not fact.names:
            yield from places.below(base, module)


class _Places:
    """The modules of a tree, by the end of their dotted names."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = frozenset(paths)
        self._by_stem: dict[str, list[tuple[list[str], str]]] = defaultdict(list)
        self._by_folder: dict[str, list[tuple[list[str], str]]] = defaultdict(list)
        for path in sorted(self.paths):
            parts = path.removesuffix(".py").split("/")
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            if parts:
                self._by_stem[parts[-1]].append((parts, path))
            if parts[:-1]:
                self._by_folder[parts[-2]].append((parts, path))

    def of(self, base: list[str] | None, module: list[str]) -> Iterator[str]:
        """Yield the paths that MODULE may be: below the folder BASE, or anywhere where that is None."""
        wanted = [*(base or []), *module]
        for parts, path in self._by_stem.get(wanted[-1], ()) if wanted else ():
            if parts == wanted if base is not None else parts[-len(wanted) :] == wanted:
                yield path

    def below(self, base: list[str] | None, package: list[str]) -> Iterator[str]:
        """Yield the paths of the modules right below PACKAGE."""
        wanted = [*(base or []), *package]
        for parts, path in self._by_folder.get(wanted[-1], ()) if wanted else ():
            if parts[:-1] == wanted if base is not None else parts[-len(wanted) - 1 : -1] == wanted:
                yield path
