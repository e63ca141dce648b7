"""A repository's tests together: its modules, what pytest and other tools are told, and what runs where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from autopack.gaps import odd_on_purpose, pytest_settings
from autopack.gaps.document_places import is_bundled
from autopack.gaps.import_resolution import PackageFact, Tree
from autopack.gaps.lint_settings import LeftOut
from autopack.gaps.models import Evidence
from autopack.gaps.module_visibility import visible_modules
from autopack.gaps.pytest_settings import PytestSettings
from autopack.gaps.python_checks import Checkers
from autopack.gaps.python_project import Declared, ProjectFact
from autopack.gaps.python_tests import ModuleFact
from autopack.gaps.state import Snapshot

GAP_TYPE = "test_infra_drift"
"""Whose facts these are."""


@dataclass(frozen=True)
class SettingsFact:
    """What one file tells pytest, and where each entry of `testpaths` stands."""

    settings: PytestSettings
    places: tuple[Evidence, ...]


@dataclass(frozen=True)
class FileFact:
    """Everything that is known of one file."""

    module: ModuleFact | None = None
    settings: SettingsFact | None = None
    project: ProjectFact | None = None
    package: PackageFact | None = None
    excluded: tuple[str, ...] = ()
    """Of the settings of linters: the patterns of what they leave out."""


@dataclass(frozen=True)
class Suite:
    """The snapshot as a test suite."""

    snapshot: Snapshot
    modules: dict[str, ModuleFact]
    settings: dict[str, SettingsFact]
    tree: Tree
    checkers: Checkers
    spoken: frozenset[str]
    """Every word of every tool's file."""
    bases: frozenset[str]
    """Names that some class of the tree derives from."""
    imported: frozenset[str]
    """Names that some module of the tests imports."""
    unlinted: LeftOut
    """What linters leave out."""
    uses_pytest: bool
    """The project declares pytest or a tool's file names it, and none names nose, which collects by other rules."""

    @cached_property
    def judged(self) -> dict[str, ModuleFact]:
        """The modules but for those that pytest never looks into: sources for other tests, which are odd on purpose."""
        return {path: module for path, module in self.modules.items() if not self._is_passed_over(path)}

    def _is_passed_over(self, path: str) -> bool:
        found = self.settings_for(path)
        return found is not None and found[1].passes_over(path[len(found[0]) :].lstrip("/"))

    @classmethod
    def of(cls, snapshot: Snapshot) -> Suite:
        """Join what the files of SNAPSHOT say."""
        facts = {
            path: fact
            for path, fact in sorted(snapshot.facts.get(GAP_TYPE, {}).items())
            if isinstance(fact, FileFact) and path in snapshot.files
        }
        modules = {path: fact.module for path, fact in facts.items() if fact.module}
        projects = [fact.project for fact in facts.values() if fact.project]
        spoken = frozenset[str]().union(*(project.words for project in projects))
        packages = {path.rpartition("/")[0]: fact.package for path, fact in facts.items() if fact.package}
        declared = Declared.of(projects)
        tree = Tree.of(
            paths=(*snapshot.files, *snapshot.out_of_scope),
            folders=snapshot.folders,
            packages=packages,
            declared=declared,
            # What is installed under a name with hyphens is imported under one with underscores.
            build_words=frozenset(
                part for word in spoken for part in re.split(r"[./]", f"{word}/{word.replace('-', '_')}")
            ),
            ignored=snapshot.ignored,
        )
        return cls(
            snapshot=snapshot,
            modules=modules,
            settings=effective_settings({path: fact.settings for path, fact in facts.items() if fact.settings}),
            tree=tree,
            checkers=Checkers.of(
                {path: module.functions for path, module in modules.items()},
                visible_modules({path: (*module.imports, *module.inner_imports) for path, module in modules.items()}),
            ),
            spoken=spoken,
            bases=frozenset[str]().union(*(module.bases for module in modules.values())),
            imported=frozenset(name for module in modules.values() for one in module.imports for name in one.names),
            unlinted=LeftOut.of({path: fact.excluded for path, fact in facts.items() if fact.excluded}),
            uses_pytest="pytest" in spoken | declared.names and spoken.isdisjoint({"nose", "nosetests", "nose2"}),
        )

    def settings_for(self, path: str) -> tuple[str, PytestSettings] | None:
        """Return (folder, settings) of the nearest settings at or above PATH."""
        found = [
            (folder, fact.settings)
            for folder, fact in ((place.rpartition("/")[0], fact) for place, fact in self.settings.items())
            if not folder or path.startswith(f"{folder}/")
        ]
        return max(found, key=lambda one: len(one[0])) if found else None

    def leaves_out(self, path: str) -> bool:
        """Tell whether `testpaths` leads pytest elsewhere: what PATH calls a test may be a script to try things."""
        found = self.settings_for(path)
        return found is not None and _leads_elsewhere(*found, path)

    def is_sample(self, path: str) -> bool:
        """Tell whether the `testpaths` of any folder above PATH leads pytest elsewhere: a sample may have settings of
        its own."""
        above = ((place.rpartition("/")[0], fact.settings) for place, fact in self.settings.items())
        return any(
            _leads_elsewhere(folder, settings, path)
            for folder, settings in above
            if not folder or path.startswith(f"{folder}/")
        )

    def folders_with_tests(self, base: str, name: str) -> list[str]:
        """Return the folders below BASE that are called NAME and hold tests, sorted; those of others are left out."""
        found = set()
        for path, module in self.modules.items():
            at = f"/{path}".find(f"/{name}/", len(base) + 1)
            if module.tests and path.startswith(base) and at > 0 and not is_bundled(path):
                found.add(path[: at + len(name)])
        return sorted(found)

    def is_named(self, path: str, stem: str) -> bool:
        """Tell whether a tool's file names PATH itself, by its path, its name or its module."""
        return not {path, path.rpartition("/")[2], stem}.isdisjoint(self.spoken)

    def is_spoken_of(self, path: str) -> bool:
        """Tell whether a tool's file names PATH, its name, or one of its folders."""
        parts = path.split("/")
        places = {"/".join(parts[:count]) for count in range(1, len(parts) + 1)} | {parts[-1], parts[-1][:-3]}
        return not places.isdisjoint(self.spoken)


def effective_settings(settings: dict[str, SettingsFact]) -> dict[str, SettingsFact]:
    """Keep, for each folder, the one file that pytest reads."""
    order = {name: index for index, name in enumerate(pytest_settings.SECTIONS)}
    best: dict[str, str] = {}
    for path in sorted(settings, key=lambda path: order[path.rpartition("/")[2]]):
        best.setdefault(path.rpartition("/")[0], path)
    chosen = sorted(path for path in best.values() if not odd_on_purpose.is_test_data(path))
    return {path: settings[path] for path in chosen}


def testpath(folder: str, name: str) -> str | None:
    """Return NAME, an entry of `testpaths` in FOLDER, as a path from the root; None where it is not one to judge."""
    if not name or name.startswith(("/", "~", "-")) or any(character in name for character in "${}<>%:\\"):
        return None
    parts = folder.split("/") if folder else []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def leads_somewhere(target: str, snapshot: Snapshot) -> bool:
    """Tell whether TARGET, an entry of `testpaths` from the root, is there, matches what is, or may be made."""
    if not target or snapshot.exists(target) or f"{target}/" in snapshot.ignored_targets:
        return True
    if any(character in target for character in "*?["):
        return any(fnmatchcase(place, target) for place in (*snapshot.folders, *snapshot.files))
    ignored = (one.rstrip("/") for one in snapshot.ignored)
    return any(target == one or target.startswith(f"{one}/") or one.startswith(f"{target}/") for one in ignored)


def holds(root: str, path: str) -> bool:
    """Tell whether PATH is ROOT, an entry of `testpaths` from the root, or lies below it."""
    parts = path.split("/")
    places = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return root == "" or any(fnmatchcase(place, root) for place in places)


def is_test_name(name: str) -> bool:
    """Tell whether a module called NAME is one that runners collect by default."""
    return name.startswith("test_") or name.endswith("_test.py") or name == "tests.py"


def _leads_elsewhere(folder: str, settings: PytestSettings, path: str) -> bool:
    roots = [testpath(folder, entry.name) for entry in settings.testpaths]
    return bool(roots) and not any(root is None or holds(root, path) for root in roots)
