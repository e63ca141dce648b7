"""Tests that pass whatever happens, are never run, or cannot be loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from autopack.artifacts.model import Confidence
from autopack.gaps import lint_settings, odd_on_purpose, pytest_settings, python_project, python_tests
from autopack.gaps.detector import Detector, Finding, Rule
from autopack.gaps.excerpts import evidence_at
from autopack.gaps.import_resolution import package_fact
from autopack.gaps.models import Evidence
from autopack.gaps.pytest_settings import PytestSettings
from autopack.gaps.python_suite import (
    GAP_TYPE,
    FileFact,
    SettingsFact,
    Suite,
    effective_settings,
    is_test_name,
    leads_somewhere,
    testpath,
)
from autopack.gaps.python_tests import ModuleFact
from autopack.gaps.state import Snapshot
from autopack.gaps.uncollected_tests import (
    missing_testpaths,
    outside_testpaths,
    uncollected_classes,
    uncollected_names,
)
from autopack.gaps.vacuous_checks import VacuousCheck
from autopack.wording import first_of

_ENOUGH_DISCARDED = 3
_ENOUGH_TESTS = 3


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
    is_test_module = is_test_name(name)
    if not (is_test_module or name == "conftest.py" or odd_on_purpose.in_test_folder(path)):
        return None
    if b"def " not in data and b"import " not in data:
        return None
    return python_tests.examine(path, data, is_test_module=is_test_module)


def detect(snapshot: Snapshot) -> Iterator[Finding]:
    """Return the tests that prove nothing, the ones that never run, and the ones that cannot be imported."""
    suite = Suite.of(snapshot)
    for path, module in suite.judged.items():
        yield from _vacuous(path, module, suite)
        yield from _unchecked(path, module, suite)
        yield from _disabled(path, module, suite)
        yield from _patched(path, module, suite)
        yield from _unresolved(path, module, suite)
        yield from uncollected_classes(path, module, suite)
    yield from uncollected_names(suite)
    for path, fact in suite.settings.items():
        yield from missing_testpaths(path, fact, suite)
    yield from outside_testpaths(suite)


def _vacuous(path: str, module: ModuleFact, suite: Suite) -> Iterator[Finding]:
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
        return
    alike: dict[tuple[str, ...], list[VacuousCheck]] = {}
    for check in checks:
        alike.setdefault(check.key, []).append(check)
    for key, same in alike.items():
        yield Finding(rule, same[0].title, (path, *key), tuple(check.place for check in same))


def _unchecked(path: str, module: ModuleFact, suite: Suite) -> Iterator[Finding]:
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
            if odd_on_purpose.is_for_developers(path) and suite.is_sample(path):
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
            certain = suspect.unseen and not odd_on_purpose.is_for_developers(path) and not suite.leaves_out(path)
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


def _about_test(rule: str, title: str, place: Evidence, confidence: Confidence | None = None) -> Finding:
    return Finding(rule, title, (place.test_name or title,), (place,), confidence=confidence)


def _disabled(path: str, module: ModuleFact, suite: Suite) -> Iterator[Finding]:
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


def _patched(path: str, module: ModuleFact, suite: Suite) -> Iterator[Finding]:
    """Yield tests that replace the very function of this repository that they are named for."""
    for test in module.patched:
        if suite.tree.is_own(test.target.partition(".")[0]):
            title = f"{test.name} replaces {test.target} and then calls the replacement"
            yield Finding("patches-its-subject", title, (path, test.name, test.target), (test.place,))


def _unresolved(path: str, module: ModuleFact, suite: Suite) -> Iterator[Finding]:
    if not is_test_name(path.rpartition("/")[2]) or module.edits_path:
        return
    folders = path.split("/")[:-1]
    conftests = [suite.modules.get("/".join([*folders[:count], "conftest.py"])) for count in range(len(folders) + 1)]
    absolute = not any(conftest is not None and conftest.edits_path for conftest in conftests)
    is_kept_up = not (suite.leaves_out(path) and suite.unlinted.folder_of(path))
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


def history_candidates(snapshot: Snapshot) -> frozenset[str]:
    """Return the folders that `testpaths` names and that are not there: git may be told to ignore them."""
    facts = snapshot.facts.get(GAP_TYPE, {}).items()
    settings = {path: fact.settings for path, fact in facts if isinstance(fact, FileFact) and fact.settings}
    named = (
        testpath(path.rpartition("/")[0], entry.name)
        for path, found in effective_settings(settings).items()
        for entry in found.settings.testpaths
    )
    return frozenset(f"{target}/" for target in named if target and not leads_somewhere(target, snapshot))


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
