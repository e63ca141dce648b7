"""Whether an import in a test can lead anywhere: the tree, the standard library, what the project declares.

Only certain answers count. What an environment holds beyond the declarations (dependencies of dependencies, system
packages) cannot be read off a repository, so an unknown module is unresolved only where a lock lists everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from autopack.gaps.python_project import STANDARD_LIBRARY, Declared
from autopack.gaps.python_tests import ImportFact

_MODULE_ENDINGS = (
    ".py",
    ".pyi",
    ".pyx",
    ".pyd",
    ".so",
    ".c",
    ".cpp",
    ".cc",
    ".cxx",
    ".rs",
    ".f90",
    ".pyx.in",
    ".py.in",
)
_GENERATED = re.compile(r"_|.*(?:version|pb2|grpc|generated|_ext|_rc)|ui_", re.IGNORECASE)
_SOURCE_ROOTS = ("", "src/", "lib/", "python/", "source/")
_DYNAMIC = re.compile(
    rb"__getattr__|sys\.modules|__path__|extend_path|declare_namespace|lazy|import_hook|meta_path|recreate_module|globals\("
)
_IDENTIFIER = re.compile(rb"[A-Za-z_]\w*")


@dataclass(frozen=True)
class PackageFact:
    """What an `__init__.py` lets one import from it."""

    dynamic: bool
    identifiers: frozenset[str]


@lru_cache(maxsize=1)  # two detectors ask, one after the other
def package_fact(data: bytes) -> PackageFact:
    """Return which names the `__init__.py` with content DATA may provide."""
    identifiers = frozenset(name.decode("ascii") for name in _IDENTIFIER.findall(data))
    return PackageFact(_DYNAMIC.search(data) is not None or b"import *" in data, identifiers)


@dataclass(frozen=True)
class Tree:
    """The modules of a repository: what can be imported from it, generously."""

    files: frozenset[str]
    folders: frozenset[str]
    stems: frozenset[str]
    """Names of all module files and folders, wherever they lie."""
    modules: frozenset[str]
    """Paths of all module files without what follows the name: `pkg/a` for `pkg/a.py` and `pkg/a.templ.pyx`."""
    packages: Mapping[str, PackageFact]
    """Folder -> content of its `__init__.py`."""
    declared: Declared
    build_words: frozenset[str]
    ignored: frozenset[str]

    @classmethod
    def of(
        cls,
        paths: Iterable[str],
        folders: frozenset[str],
        packages: Mapping[str, PackageFact],
        declared: Declared,
        build_words: frozenset[str],
        ignored: frozenset[str],
    ) -> Tree:
        files = frozenset(paths)
        named = (path.rpartition("/") for path in files if path.endswith(_MODULE_ENDINGS))
        modules = frozenset(f"{folder}{slash}{name.partition('.')[0]}" for folder, slash, name in named)
        stems = {module.rpartition("/")[2] for module in modules}
        stems |= {part for folder in folders for part in folder.split("/")}
        return cls(files, folders, frozenset(stems), modules, packages, declared, build_words, ignored)

    def is_own(self, name: str) -> bool:
        """Tell whether the top-level module NAME is one of this repository's, and of nobody else's."""
        return name in self.stems and name not in STANDARD_LIBRARY

    def missing_part(self, module: str) -> str | None:
        """Return the dotted name of the first part of MODULE that a package of this repository does not hold."""
        first, *rest = module.split(".")
        return self._inside(first, rest)

    def unresolved(self, path: str, fact: ImportFact, *, absolute: bool) -> str | None:
        """Return what the import FACT of the module at PATH names in vain, or None; ABSOLUTE imports only if asked."""
        if fact.level:
            return self._relative(path, fact)
        return self._absolute(fact.module) if absolute and fact.module else None

    def _absolute(self, module: str) -> str | None:
        first, *rest = module.split(".")
        if first in STANDARD_LIBRARY:
            return None
        if first in self.stems:
            return self._inside(first, rest)
        if first.startswith("_") or self.declared.may_provide(first) or first in self.build_words:
            return None
        return module if self.declared.closed else None

    def _inside(self, first: str, rest: list[str]) -> str | None:
        """Return the dotted name of the first part of REST that the repository's own package FIRST does not hold."""
        roots = [f"{root}{first}" for root in _SOURCE_ROOTS if f"{root}{first}" in self.packages]
        if len(roots) != 1 or first in self.declared.names or f"{roots[0]}.py" in self.files:
            return None
        folder, name = roots[0], first
        for part in rest:
            name = f"{name}.{part}"
            if f"{folder}/{part}" in self.modules:
                return None
            if f"{folder}/{part}" not in self.folders:
                return name if self._lacks(folder, part) else None
            folder = f"{folder}/{part}"
        return None

    def _relative(self, path: str, fact: ImportFact) -> str | None:
        folders = path.split("/")[:-1]
        if fact.level - 1 > len(folders):
            return None
        base = "/".join(folders[: len(folders) - (fact.level - 1)])
        written = "." * fact.level + fact.module
        if fact.module:
            for part in fact.module.split("."):
                place = f"{base}/{part}" if base else part
                if place in self.modules:
                    return None
                if place not in self.folders:
                    return written if self._lacks(base, part) else None
                base = place
            return None
        for name in fact.names[:1]:
            place = f"{base}/{name}" if base else name
            if place not in self.modules and place not in self.folders and self._lacks(base, name):
                return f"{written}{name}"
        return None

    def _lacks(self, folder: str, name: str) -> bool:
        """Tell whether nothing in FOLDER can answer to NAME: no `__init__.py`, no build, no ignored file."""
        package = self.packages.get(folder)
        if package is not None and (package.dynamic or name in package.identifiers):
            return False
        if _GENERATED.match(name) or name in self.build_words:
            return False
        place = f"{folder}/{name}" if folder else name
        if place in self.files:
            return False  # Of that very name and no folder: a symbolic link.
        return not any(
            one.startswith((f"{place}.", f"{place}/")) or (one.endswith("/") and place.startswith(one))
            for one in self.ignored
        )
