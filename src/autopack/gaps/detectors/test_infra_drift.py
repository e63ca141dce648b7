"""Tests that pass whatever happens, are never run, or cannot be loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property

from pydantic import ValidationError

from autopack.artifacts.model import Confidence
from autopack.gaps import lint_settings, odd_on_purpose, pytest_settings, python_project, python_tests
from autopack.gaps.detector import Detector, Finding, Rule
from autopack.gaps.document_places import is_bundled
from autopack.gaps.excerpts import evidence_at
from autopack.gaps.import_resolution import PackageFact, Tree, package_fact
from autopack.gaps.lint_settings import LeftOut
from autopack.gaps.models import Evidence
from autopack.gaps.module_visibility import visible_modules
from autopack.gaps.pytest_settings import LineEdit, PathEntry, PytestSettings
from autopack.gaps.python_checks import Checkers
from autopack.gaps.python_project import Declared, ProjectFact
from autopack.gaps.python_source import words
from autopack.gaps.python_tests import ClassFact, ModuleFact
from autopack.gaps.remedies import Remedy, ReplaceText, merged
from autopack.gaps.state import Snapshot
from autopack.gaps.vacuous_checks import VacuousCheck
from autopack.wording import counted, first_of

MAX_EVIDENCE = 50
_OTHER_RUNNERS = words(
    "nosetests nose2 stestr trial ward runtests.py manage.py unittest discover bazel pants buck green testr"
    " zope-testrunner"
)
_ENOUGH_DISCARDED = 3
_ENOUGH_TESTS = 3
_MOST_SLIPS = 2
_TYPE_ASSERTIONS = words("assert_type reveal_type assert_never")
_ASIDE = words(
    "docs doc examples example samples demo demos benchmarks benchmark perf scripts tools templates template"
)
_HELPER_STEMS = words(
    "base common conftest helper helpers util utils mixin mixins shared abstract support fixtures plugin runner cases"
    " testing compat mock mocks factories models settings urls views app main __init__ __main__"
)


@dataclass(frozen=True)
class SettingsFact:
    """What one file tells pytest, and where each entry of `testpaths` stands."""

    settings: PytestSettings
    places: tuple[Evidence, ...]


@dataclass(frozen=True)
class FileFact:
    """Everything that this detector knows of one file."""

    module: ModuleFact | None = None
    settings: SettingsFact | None = None
    project: ProjectFact | None = None
    package: PackageFact | None = None
    excluded: tuple[str, ...] = ()
    """Of the settings of linters: the patterns of what they leave out."""


def extract(path: str, data: bytes) -> FileFact | None:
    """Return what the file says about tests: as a module, as pytest's settings, as a manifest, as a tool's file."""
    settings, module, project = pytest_settings.read(path, data), _module(path, data), python_project.read(path, data)
    package = package_fact(data) if path.rpartition("/")[2] == "__init__.py" else None
    excluded = lint_settings.excluded(path, data)
    if settings is None and module is None and project is None and package is None and not excluded:
        return None
    told = None if settings is None else SettingsFact(settings, _places(path, data, settings))
    return FileFact(module, told, project, package, excluded)


def _places(path: str, data: bytes, settings: PytestSettings) -> tuple[Evidence, ...]:
    return tuple(evidence_at(path, data, entry.offset) for entry in settings.testpaths)


def _module(path: str, data: bytes) -> ModuleFact | None:
    if not path.endswith(".py") or odd_on_purpose.is_test_data(path):
        return None
    name = path.rpartition("/")[2]
    is_test_module = _is_test_name(name)
    if not (is_test_module or name == "conftest.py" or odd_on_purpose.in_test_folder(path)):
        return None
    if b"def " not in data and b"import " not in data:
        return None
    return python_tests.examine(path, data, is_test_module=is_test_module)


def _is_test_name(name: str) -> bool:
    return name.startswith("test_") or name.endswith("_test.py") or name == "tests.py"


def detect(snapshot: Snapshot) -> Iterator[Finding]:
    """Return the tests that prove nothing, the ones that never run, and the ones that cannot be imported."""
    suite = _Suite.of(snapshot)
    for path, module in suite.judged.items():
        yield from _vacuous(path, module, suite)
        yield from _unchecked(path, module, suite)
        yield from _disabled(path, module, suite)
        yield from _patched(path, module, suite)
        yield from _unresolved(path, module, suite)
        yield from _uncollected_classes(path, module, suite)
    yield from _uncollected_names(suite)
    for path, fact in suite.settings.items():
        yield from _missing_testpaths(path, fact, suite)
    yield from _outside_testpaths(suite)


@dataclass(frozen=True)
class _Suite:
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
    def of(cls, snapshot: Snapshot) -> _Suite:
        facts = {
            path: fact
            for path, fact in sorted(snapshot.facts.get(DETECTOR.gap_type, {}).items())
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
            settings=_effective({path: fact.settings for path, fact in facts.items() if fact.settings}),
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


def _effective(settings: dict[str, SettingsFact]) -> dict[str, SettingsFact]:
    """Keep, for each folder, the one file that pytest reads."""
    order = {name: index for index, name in enumerate(pytest_settings.SECTIONS)}
    best: dict[str, str] = {}
    for path in sorted(settings, key=lambda path: order[path.rpartition("/")[2]]):
        best.setdefault(path.rpartition("/")[0], path)
    chosen = sorted(path for path in best.values() if not odd_on_purpose.is_test_data(path))
    return {path: settings[path] for path in chosen}


def _vacuous(path: str, module: ModuleFact, suite: _Suite) -> Iterator[Finding]:
    discarded: dict[str, list[VacuousCheck]] = {}
    for check in module.vacuous:
        if check.rule == "discarded-comparison":
            discarded.setdefault(check.place.test_name or "", []).append(check)
            continue
        if check.name and check.rule == "mock-assert-typo" and check.name in suite.checkers.fixtures:
            continue
        yield Finding(rule=check.rule, title=check.title, key=(path, *check.key), evidence=(check.place,))
    for test, checks in discarded.items() if not odd_on_purpose.is_benchmark(path) else ():
        yield from _discarded(path, test, checks)


def _discarded(path: str, test: str, checks: Sequence[VacuousCheck]) -> Iterator[Finding]:
    """Yield a finding for each of CHECKS, comparisons of TEST that are thrown away; for several of one test, one."""
    rule = "discarded-comparison"
    if test and len(checks) >= _ENOUGH_DISCARDED:
        title = f"{checks[0].title} ({len(checks)} such comparisons)"
        yield Finding(rule, title, (path, "all of", test), tuple(check.place for check in checks))
    else:
        yield from (Finding(rule, check.title, (path, *check.key), (check.place,)) for check in checks)


def _unchecked(path: str, module: ModuleFact, suite: _Suite) -> Iterator[Finding]:
    # A comparison that is thrown away, or a misspelt assertion, is the better thing to say about a test.
    said = {check.place.test_name for check in module.vacuous if check.rule != "duplicate-test-name"}
    misspelt = {check.name for check in module.vacuous if check.rule == "mock-assert-typo"}
    empty: list[tuple[str, Finding]] = []
    asserting_nothing: list[tuple[str, Finding]] = []
    for suspect in module.suspects:
        if suspect.empty:
            # An override with an empty body switches an inherited test off.
            if suspect.inherits:
                continue
            finding = _about_test("empty-test", f"{suspect.name} has no body", suspect.place)
            if odd_on_purpose.is_for_developers(path) and _is_sample(path, suite):
                yield replace(finding, confidence="low")  # A sample, which shows how tests are found and run.
            else:
                empty.append((suspect.name, finding))
        elif not (
            suspect.place.test_name in said
            or not suspect.uses.isdisjoint(misspelt)
            # What others derive from may leave the checks to them.
            or suspect.owner in suite.bases
            or odd_on_purpose.is_benchmark(path)
            or suite.checkers.check_for(path, suspect)
        ):
            title = f"{suspect.name} asserts nothing" + (f": {suspect.unseen}" if suspect.unseen else "")
            certain = suspect.unseen and not odd_on_purpose.is_for_developers(path) and not _left_out(path, suite)
            finding = _about_test("asserts-nothing", title, suspect.place, None if certain else "low")
            if certain:
                asserting_nothing.append((suspect.name, finding))
            else:
                yield finding
    yield from _told_at_once(path, empty, "have no body")
    yield from _told_at_once(path, asserting_nothing, "assert nothing")


def _told_at_once(path: str, found: Sequence[tuple[str, Finding]], what: str) -> Iterator[Finding]:
    """Yield FOUND, by the names of the tests in PATH of which WHAT is true; several are one finding."""
    if len(found) < _ENOUGH_TESTS:
        yield from (finding for _, finding in found)
        return
    names = first_of([name for name, _ in found])
    places = tuple(finding.evidence[0] for _, finding in found)
    yield Finding(found[0][1].rule, f"{len(found)} tests in {path} {what}: {names}", (path, "several"), places)


def _left_out(path: str, suite: _Suite) -> bool:
    """Tell whether `testpaths` leads pytest elsewhere: what is called a test there may be a script to try things."""
    found = suite.settings_for(path)
    return found is not None and _leads_elsewhere(*found, path)


def _is_sample(path: str, suite: _Suite) -> bool:
    """Tell whether the `testpaths` of some folder above PATH leads pytest elsewhere: a sample may have settings of its
    own."""
    above = ((place.rpartition("/")[0], fact.settings) for place, fact in suite.settings.items())
    return any(
        _leads_elsewhere(folder, settings, path)
        for folder, settings in above
        if not folder or path.startswith(f"{folder}/")
    )


def _leads_elsewhere(folder: str, settings: PytestSettings, path: str) -> bool:
    roots = [_target(folder, entry.name) for entry in settings.testpaths]
    return bool(roots) and not any(root is None or _holds(root, path) for root in roots)


def _about_test(rule: str, title: str, place: Evidence, confidence: Confidence | None = None) -> Finding:
    return Finding(rule, title, (place.test_name or title,), (place,), confidence=confidence)


def _disabled(path: str, module: ModuleFact, suite: _Suite) -> Iterator[Finding]:
    """Yield tests that are switched off and do not say why."""
    found = suite.settings_for(path) if module.disabled else None
    strict = found is not None and found[1].xfail_strict
    for test in module.disabled:
        name = test.name or path
        if test.how == "xfail" and test.may_pass and strict:
            title = f"{name} may fail or pass, and nothing says why; everywhere else an xfail is strict"
            yield Finding("xfail-not-strict", title, (path, test.name), (test.place,))
        else:
            what = "is skipped" if test.how == "skip" else "is expected to fail"
            title = f"{name} {what}, and nothing says why"
            yield Finding("disabled-without-reason", title, (path, test.name, test.how), (test.place,))


def _patched(path: str, module: ModuleFact, suite: _Suite) -> Iterator[Finding]:
    """Yield tests that replace the very function of this repository that they are named for."""
    for test in module.patched:
        if suite.tree.is_own(test.target.partition(".")[0]):
            title = f"{test.name} replaces {test.target} and then calls the replacement"
            yield Finding("patches-its-subject", title, (path, test.name, test.target), (test.place,))


def _unresolved(path: str, module: ModuleFact, suite: _Suite) -> Iterator[Finding]:
    if not _is_test_name(path.rpartition("/")[2]) or module.edits_path:
        return
    folders = path.split("/")[:-1]
    conftests = [suite.modules.get("/".join([*folders[:count], "conftest.py"])) for count in range(len(folders) + 1)]
    absolute = not any(conftest is not None and conftest.edits_path for conftest in conftests)
    is_kept_up = not (_left_out(path, suite) and suite.unlinted.folder_of(path))
    for fact in module.imports:
        missing = suite.tree.unresolved(path, fact, absolute=absolute)
        if missing is not None:
            is_own = suite.tree.is_own(missing.lstrip(".").partition(".")[0]) or missing.startswith(".")
            lacking = "which does not exist" if is_own else "which neither the tree nor a list of requirements has"
            yield Finding(
                rule="unresolved-import",
                title=f"{path} imports {missing}, {lacking}",
                key=(path, missing),
                evidence=(fact.evidence(path),),
                # No list says under which names a distribution is imported.
                confidence=None if is_own and is_kept_up else "low",
            )


def _missing_testpaths(path: str, fact: SettingsFact, suite: _Suite) -> Iterator[Finding]:
    folder = path.rpartition("/")[0]
    if folder and not any(other.startswith(f"{folder}/") and other.endswith(".py") for other in suite.snapshot.files):
        return  # A manifest without its project, kept to try tools on.
    moved: dict[str, list[tuple[PathEntry, str, Evidence]]] = {}
    for entry, place in zip(fact.settings.testpaths, fact.places, strict=True):
        target = _target(folder, entry.name)
        if fact.settings.names_packages or target is None or _leads_somewhere(target, suite.snapshot):
            continue
        base, name = f"{folder}/" if folder else "", target.removeprefix(f"{folder}/")
        below = suite.folders_with_tests(base, name)
        if len(below) == 1:
            moved.setdefault(below[0].removesuffix(name), []).append((entry, below[0].removeprefix(base), place))
            continue
        yield Finding(
            rule="never-collected",
            title=f"{path} sends pytest to {entry.name}, which does not exist",
            key=(path, "testpaths", entry.name),
            evidence=(place,),
            remedy=_edit_settings(path, entry.removal, suite.snapshot),
        )
    for now, found in moved.items():
        names = [entry.name for entry, _, _ in found]
        does, is_ = ("does", "is") if len(found) == 1 else ("do", "are")
        edits = [replace(entry.renaming, new=new) if entry.renaming else None for entry, new, _ in found]
        yield Finding(
            rule="never-collected",
            title=f"{path} sends pytest to {' and '.join(names)}, which {does} not exist and {is_} in {now} now",
            key=(path, "testpaths", names[0] if len(names) == 1 else now),
            evidence=tuple(place for _, _, place in found),
            remedy=merged([_edit_settings(path, edit, suite.snapshot) for edit in edits]),
        )


def history_candidates(snapshot: Snapshot) -> frozenset[str]:
    """Return the folders that `testpaths` names and that are not there: git may be told to ignore them."""
    facts = snapshot.facts.get(DETECTOR.gap_type, {}).items()
    settings = {path: fact.settings for path, fact in facts if isinstance(fact, FileFact) and fact.settings}
    named = (
        _target(path.rpartition("/")[0], entry.name)
        for path, found in _effective(settings).items()
        for entry in found.settings.testpaths
    )
    return frozenset(f"{target}/" for target in named if target and not _leads_somewhere(target, snapshot))


def _target(folder: str, name: str) -> str | None:
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


def _leads_somewhere(target: str, snapshot: Snapshot) -> bool:
    if not target or snapshot.exists(target) or f"{target}/" in snapshot.ignored_targets:
        return True
    if any(character in target for character in "*?["):
        return any(fnmatchcase(place, target) for place in (*snapshot.folders, *snapshot.files))
    ignored = (one.rstrip("/") for one in snapshot.ignored)
    return any(target == one or target.startswith(f"{one}/") or one.startswith(f"{target}/") for one in ignored)


def _edit_settings(path: str, edit: LineEdit | None, snapshot: Snapshot) -> Remedy | None:
    digest = snapshot.files[path].sha256
    if edit is None or digest is None:
        return None
    try:
        operation = ReplaceText(
            path=path, before_sha256=digest, line=edit.line, column=edit.column, old=edit.old, new=edit.new
        )
    except ValidationError:
        return None
    return Remedy(kind="config_fix", operations=(operation,), lines=1 if edit.old.endswith("\n") else 2)


def _outside_testpaths(suite: _Suite) -> Iterator[Finding]:
    """Yield one finding for each folder whose tests `testpaths` leaves out and that no tool's file speaks of."""
    if not suite.spoken.isdisjoint(_OTHER_RUNNERS):
        return
    left_out: dict[str, list[Evidence]] = {}
    for path, module in suite.modules.items():
        found = suite.settings_for(path)
        if (
            found is None
            or module.first_test is None
            or module.runs_itself
            or not _is_test_name(path.rpartition("/")[2])
        ):
            continue
        folder, settings = found
        roots = [target for entry in settings.testpaths if (target := _target(folder, entry.name)) is not None]
        reached = [root for root in roots if _leads_somewhere(root, suite.snapshot)]
        if not reached or len(roots) < len(settings.testpaths) or any(_holds(root, path) for root in reached):
            continue
        if settings.collects_file(path) and not _stands_aside(path, suite):
            left_out.setdefault(path.rpartition("/")[0], []).append(module.first_test)
    for folder, places in sorted(left_out.items()):
        yield Finding(
            rule="never-collected",
            title=f"The tests in {folder or 'the root folder'} are outside `testpaths`, and no tool's file names them",
            key=(folder, "outside"),
            evidence=tuple(places[:MAX_EVIDENCE]),
        )


def _holds(root: str, path: str) -> bool:
    parts = path.split("/")
    places = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return root == "" or any(fnmatchcase(place, root) for place in places)


def _stands_aside(path: str, suite: _Suite) -> bool:
    """Tell whether PATH is run by something else, or is a project or an example of its own."""
    folders = path.split("/")[:-1]
    if not _ASIDE.isdisjoint(folders) or suite.is_spoken_of(path):
        return True
    above = ["/".join(folders[:count]) for count in range(1, len(folders) + 1)]
    manifests = ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini", "package.json", "Cargo.toml")
    return any(f"{folder}/{name}" in suite.snapshot.files for folder in above for name in manifests)


def _uncollected_names(suite: _Suite) -> Iterator[Finding]:
    """Yield a finding for each module full of tests whose file name no runner matches.

    One among others that are collected is a slip; several in one folder, or one by itself, are sources for other tests
    or run in another way, and of low confidence.
    """
    passed_over: dict[str, list[Finding]] = {}
    for path, module in suite.judged.items():
        if finding := _uncollected_name(path, module, suite):
            passed_over.setdefault(path.rpartition("/")[0], []).append(finding)
    collected = (path for path, module in suite.modules.items() if _is_collected(path, module, suite))
    collecting = {path.rpartition("/")[0] for path in collected}
    for folder, findings in passed_over.items():
        is_slip = folder in collecting and len(findings) <= _MOST_SLIPS
        yield from findings if is_slip else (replace(finding, confidence="low") for finding in findings)


def _is_collected(path: str, module: ModuleFact, suite: _Suite) -> bool:
    found = suite.settings_for(path)
    return found is not None and module.tests > 0 and found[1].collects_file(path)


def _uncollected_name(path: str, module: ModuleFact, suite: _Suite) -> Finding | None:
    found = suite.settings_for(path)
    if found is None or module.first_test is None or module.runs_itself or not module.tests:
        return None
    folder, settings = found
    if settings.collects_file(path) or not suite.spoken.isdisjoint(_OTHER_RUNNERS) or _is_for_type_checkers(module):
        return None
    roots = [_target(folder, entry.name) for entry in settings.testpaths]
    inside = any(root is not None and _holds(root, path) for root in roots) if roots else True
    stem = path.rpartition("/")[2].removesuffix(".py")
    if not inside or _is_helper(stem, path, suite) or any(cls.name in suite.bases for cls in module.classes):
        return None
    return Finding(
        rule="never-collected",
        title=f"{path} holds {counted(module.tests, 'test')}, and its name matches no `python_files` pattern",
        key=(path, "name"),
        evidence=(module.first_test,),
    )


def _is_for_type_checkers(module: ModuleFact) -> bool:
    """Tell whether MODULE asserts types, which a type checker does by reading it."""
    return any(not _TYPE_ASSERTIONS.isdisjoint(function.uses) for function in module.functions)


def _is_helper(stem: str, path: str, suite: _Suite) -> bool:
    """Tell whether other modules import the module called STEM or name its file, or a tool's file names it."""
    if not _HELPER_STEMS.isdisjoint(stem.lower().split("_")) or suite.is_named(path, stem):
        return True
    others = [module for other, module in suite.modules.items() if other != path]
    return any(f"{stem}.py" in module.named_files for module in others) or any(
        stem == fact.module.rpartition(".")[2] or stem in fact.names for module in others for fact in module.imports
    )


def _uncollected_classes(path: str, module: ModuleFact, suite: _Suite) -> Iterator[Finding]:
    """Yield classes with test methods that no runner makes an object of, in a module that it collects."""
    if not module.classes:
        return
    found = suite.settings_for(path)
    settings = found[1] if found else pytest_settings.DEFAULT_SETTINGS
    if not settings.collects_file(path):
        return
    for fact in module.classes:
        if fact.name in suite.bases or _is_base(fact):
            continue
        key = (path, "class", fact.name)
        fault = _constructor_fault(fact, module, suite, settings, configured=found is not None)
        if fault:
            yield Finding("uncollected-class", fault, key, (fact.place,))
        elif found and _is_meant_to_be_collected(fact, suite) and not settings.collects_class(fact.name):
            title = f"pytest passes over {fact.name} and its {counted(fact.methods, 'test')}: "
            title += "its name matches no `python_classes` pattern"
            yield Finding("never-collected", title, key, (fact.place,))


def _constructor_fault(
    fact: ClassFact, module: ModuleFact, suite: _Suite, settings: PytestSettings, *, configured: bool
) -> str:
    """Return why the constructor of a class keeps its tests from running; empty where it does not."""
    # What somebody names and makes objects of is no test of a runner's, whatever it is called.
    if not fact.constructor or fact.used or fact.name in suite.imported:
        return ""
    tests = counted(fact.methods, "test")
    if fact.bases == ("TestCase",) and fact.takes_nothing:
        return f"unittest cannot load {fact.name} and its {tests}: its __init__ does not take the name of a test"
    named = _is_plain(fact) and settings.collects_class(fact.name)
    if named and (configured or suite.uses_pytest) and not module.runs_itself:
        return f"pytest makes no object of {fact.name} and passes over its {tests}: it has {fact.constructor}"
    return ""


def _is_meant_to_be_collected(fact: ClassFact, suite: _Suite) -> bool:
    """Tell whether nothing but a runner could have a use for FACT: nobody makes objects of it by hand."""
    return not fact.constructor and _is_plain(fact) and not fact.used and fact.name not in suite.imported


def _is_plain(fact: ClassFact) -> bool:
    return set(fact.bases) <= {"object"}


def _is_base(fact: ClassFact) -> bool:
    name = fact.name.lower()
    return any(word in name for word in ("base", "mixin", "abstract", "interface", "common", "case", "suite", "helper"))


RULES = (
    Rule(
        name="asserts-nothing",
        risk="low",
        confidence="medium",
        blocks_autopilot=False,
        signal="A test calls code, and neither it nor anything that it calls or asks for checks a result. Of low "
        "confidence unless it computes or changes something and never looks at it, and where it is named for an error "
        "that has to be borne: running may be all that it is for. A module that says it is generated is left out.",
        why="It stays green when the code under test returns the wrong thing.",
        fix="Assert what the code returns or changes; where running without an exception is the point, say so in the "
        "test's name or docstring.",
    ),
    Rule(
        name="empty-test",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="A test has no body but `pass`, `...` or a docstring.",
        why="It is counted as passed and proves nothing.",
        fix="Write it, mark it as skipped with a reason, or remove it.",
    ),
    Rule(
        name="duplicate-test-name",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="Two tests of one module or class have the same name.",
        why="The later one replaces the earlier one, which never runs.",
        fix="Rename one of them.",
    ),
    Rule(
        name="discarded-comparison",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="A test compares or checks something as a statement of its own.",
        why="The result is thrown away: the check can never fail.",
        fix="Put `assert` in front of it, or write `=` for `==` where a value was to be set; see whether it holds.",
    ),
    Rule(
        name="tuple-assert",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="`assert` is given a tuple in parentheses.",
        why="A tuple that is not empty is always true: the check can never fail.",
        fix="Remove the parentheses.",
    ),
    Rule(
        name="mock-assert-typo",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="A mock's assertion is misspelt or not called.",
        why="A mock answers to any name: the check can never fail.",
        fix="Call the assertion by its name, such as `assert_called_once_with(...)`.",
    ),
    Rule(
        name="never-collected",
        risk="medium",
        confidence="medium",
        blocks_autopilot=False,
        signal="pytest's settings name a place that does not exist, or leave out tests that do.",
        why="Tests that nobody runs rot unseen; where `testpaths` names what is not there, pytest looks elsewhere.",
        fix="Correct the settings, or rename or move the tests.",
    ),
    Rule(
        name="uncollected-class",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="A class with test methods has a constructor with which its runner cannot make an object of it.",
        why="pytest warns and passes over such a class, unittest fails to load it: none of its tests ever runs.",
        fix="Replace the constructor by a fixture, `setup_method` or `setUp`.",
    ),
    Rule(
        name="patches-its-subject",
        risk="medium",
        confidence="medium",
        blocks_autopilot=False,
        signal="A test replaces the function that it is named for, and then calls it.",
        why="It examines the replacement, and stays green whatever the function does.",
        fix="Replace what the function depends on, not the function.",
    ),
    Rule(
        name="xfail-not-strict",
        risk="low",
        confidence="medium",
        blocks_autopilot=False,
        signal="pytest's settings make every `xfail` strict, and one is marked `strict=False` without a reason.",
        why="The fault that it waits for may be mended long since, and nobody will hear of it.",
        fix="Remove `strict=False`, or write the reason into the mark.",
    ),
    Rule(
        name="disabled-without-reason",
        risk="low",
        confidence="low",
        blocks_autopilot=False,
        signal="A test, class or module is marked `skip` or `xfail`, and neither the mark nor a comment says why.",
        why="Nobody can tell when it may be switched on again.",
        fix="Write the reason into the mark: `reason=...`.",
    ),
    Rule(
        name="unresolved-import",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="A test module imports something that is in neither the tree, the standard library nor the declared "
        "dependencies.",
        why="The module cannot be loaded, so none of its tests run.",
        fix="Correct the import, or declare the dependency.",
    ),
)

DETECTOR = Detector(
    gap_type="test_infra_drift",
    rules=RULES,
    detect=detect,
    extract=extract,
    history_candidates=history_candidates,
)
