"""Tests that are never run: pytest is sent elsewhere, or their names or constructors keep them from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pydantic import ValidationError

from autopack.gaps import pytest_settings
from autopack.gaps.detector import Finding
from autopack.gaps.models import Evidence
from autopack.gaps.pytest_settings import LineEdit, PathEntry, PytestSettings
from autopack.gaps.python_source import words
from autopack.gaps.python_suite import SettingsFact, Suite, holds, is_test_name, leads_somewhere, testpath
from autopack.gaps.python_tests import ClassFact, ModuleFact
from autopack.gaps.remedies import Remedy, ReplaceText, merged
from autopack.gaps.state import Snapshot
from autopack.wording import counted

MAX_EVIDENCE = 50
_OTHER_RUNNERS = words(
    "nosetests nose2 stestr trial ward runtests.py manage.py unittest discover bazel pants buck green testr"
    " zope-testrunner"
)
_MOST_SLIPS = 2
_TYPE_ASSERTIONS = words("assert_type reveal_type assert_never")
_ASIDE = words(
    "docs doc examples example samples demo demos benchmarks benchmark perf scripts tools templates template"
)
_HELPER_STEMS = words(
    "base common conftest helper helpers util utils mixin mixins shared abstract support fixtures plugin runner cases"
    " testing compat mock mocks factories models settings urls views app main __init__ __main__"
)


def missing_testpaths(path: str, fact: SettingsFact, suite: Suite) -> Iterator[Finding]:
    """Yield the entries of `testpaths` in PATH that are not there; those that moved to one place are one finding."""
    folder = path.rpartition("/")[0]
    if folder and not any(other.startswith(f"{folder}/") and other.endswith(".py") for other in suite.snapshot.files):
        return  # A manifest without its project, kept to try tools on.
    moved: dict[str, list[tuple[PathEntry, str, Evidence]]] = {}
    for entry, place in zip(fact.settings.testpaths, fact.places, strict=True):
        target = testpath(folder, entry.name)
        if fact.settings.names_packages or target is None or leads_somewhere(target, suite.snapshot):
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


def outside_testpaths(suite: Suite) -> Iterator[Finding]:
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
            or not is_test_name(path.rpartition("/")[2])
        ):
            continue
        folder, settings = found
        roots = [target for entry in settings.testpaths if (target := testpath(folder, entry.name)) is not None]
        reached = [root for root in roots if leads_somewhere(root, suite.snapshot)]
        if not reached or len(roots) < len(settings.testpaths) or any(holds(root, path) for root in reached):
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


def _stands_aside(path: str, suite: Suite) -> bool:
    """Tell whether PATH is run by something else, or is a project or an example of its own."""
    folders = path.split("/")[:-1]
    if not _ASIDE.isdisjoint(folders) or suite.is_spoken_of(path):
        return True
    above = ["/".join(folders[:count]) for count in range(1, len(folders) + 1)]
    manifests = ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini", "package.json", "Cargo.toml")
    return any(f"{folder}/{name}" in suite.snapshot.files for folder in above for name in manifests)


def uncollected_names(suite: Suite) -> Iterator[Finding]:
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


def _is_collected(path: str, module: ModuleFact, suite: Suite) -> bool:
    found = suite.settings_for(path)
    return found is not None and module.tests > 0 and found[1].collects_file(path)


def _uncollected_name(path: str, module: ModuleFact, suite: Suite) -> Finding | None:
    found = suite.settings_for(path)
    if found is None or module.first_test is None or module.runs_itself or not module.tests:
        return None
    folder, settings = found
    if settings.collects_file(path) or not suite.spoken.isdisjoint(_OTHER_RUNNERS) or _is_for_type_checkers(module):
        return None
    roots = [testpath(folder, entry.name) for entry in settings.testpaths]
    inside = any(root is not None and holds(root, path) for root in roots) if roots else True
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


def _is_helper(stem: str, path: str, suite: Suite) -> bool:
    """Tell whether other modules import the module called STEM or name its file, or a tool's file names it."""
    words_of_it = (stem.lower(), *stem.lower().split("_"))
    if not _HELPER_STEMS.isdisjoint(words_of_it) or suite.is_named(path, stem):
        return True
    others = [module for other, module in suite.modules.items() if other != path]
    return any(f"{stem}.py" in module.named_files for module in others) or any(
        stem == fact.module.rpartition(".")[2] or stem in fact.names for module in others for fact in module.imports
    )


def uncollected_classes(path: str, module: ModuleFact, suite: Suite) -> Iterator[Finding]:
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
    fact: ClassFact, module: ModuleFact, suite: Suite, settings: PytestSettings, *, configured: bool
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


def _is_meant_to_be_collected(fact: ClassFact, suite: Suite) -> bool:
    """Tell whether nothing but a runner could have a use for FACT: nobody makes objects of it by hand."""
    return not fact.constructor and _is_plain(fact) and not fact.used and fact.name not in suite.imported


def _is_plain(fact: ClassFact) -> bool:
    return set(fact.bases) <= {"object"}


def _is_base(fact: ClassFact) -> bool:
    name = fact.name.lower()
    return any(word in name for word in ("base", "mixin", "abstract", "interface", "common", "case", "suite", "helper"))
