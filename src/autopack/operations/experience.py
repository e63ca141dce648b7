"""Gathers what is known of the files that a report speaks of: who imports them, which tests know them, what went
wrong with them before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from autopack.config import Settings
from autopack.file_layout import RunFileLayout
from autopack.gaps.models import GapReportV1
from autopack.gaps.remedies import remedy_paths
from autopack.git import Git
from autopack.planning.experience import Experience, overruns, undone_before
from autopack.planning.risk import is_code
from autopack.store.database import open_database
from autopack.store.history import PhaseActual, phases_of

_IMPORT = re.compile(r"\s*(?:from\s+(?P<dots>\.*)(?P<module>[\w.]*)\s+import\s+(?P<names>.*)|import\s+(?P<plain>.+))")
_TEST = re.compile(r"(?:^|/)(?:tests?|spec|__tests__)/|(?:^|/)(?:test_[^/]*|[^/]*(?:_test|\.test|\.spec))\.[^/]+$")


def experience_for(settings: Settings, report: GapReportV1) -> Experience:
    """Return what is known, in the base commit of REPORT and in the store, of the files that its gaps touch."""
    phases = _phases(settings, report.project_id)
    base = report.metadata.base_commit
    code = sorted(path for path in _touched(report) if is_code(path))
    if base is None or not code:
        return Experience(undone=undone_before(phases), overruns=overruns(phases))
    git = Git(settings.workspace)
    imports = list(_imports(git, base)) if any(path.endswith(".py") for path in code) else []
    return Experience(
        importers=_importers(code, imports),
        tested=frozenset(_tested(git, base, code, imports)),
        undone=undone_before(phases),
        overruns=overruns(phases),
    )


def _phases(settings: Settings, project_id: str) -> tuple[PhaseActual, ...]:
    """Return the phases on record; looking makes no database."""
    path = RunFileLayout(settings.runs_root, "any", "any").database
    if not path.exists():
        return ()
    with open_database(path) as database:
        return phases_of(database, project_id)


def _touched(report: GapReportV1) -> set[str]:
    remedied = {path for gap in report.gaps if gap.remedy is not None for path in remedy_paths(gap.remedy)}
    return remedied | {evidence.path for gap in report.gaps for evidence in gap.evidence if evidence.path is not None}


def _imports(git: Git, base: str) -> Iterator[tuple[str, str]]:
    """Yield (file, dotted module) for every import statement in the Python files of BASE, by their first line.

    Names on further lines of a statement in brackets are not seen: the count is a lower bound.
    """
    found = git.run("grep", "-I", "-z", "-E", r"^[[:space:]]*(from|import)[[:space:]]", base, "--", check=False).text
    for line in found.splitlines():
        head, _, statement = line.partition("\0")
        path = head.removeprefix(f"{base}:")
        if path.endswith((".py", ".pyi")) and (match := _IMPORT.match(statement)):
            for module in _modules(path, match):
                yield path, module


def _modules(path: str, match: re.Match[str]) -> Iterator[str]:
    if match["plain"]:
        yield from (part.split(" as ")[0].strip() for part in match["plain"].split("#")[0].split(","))
        return
    package = list(PurePosixPath(path).parent.parts)
    above = len(match["dots"])
    base = package[: len(package) - (above - 1)] if above else []
    module = ".".join([*base, *filter(None, [match["module"]])])
    yield module
    names = match["names"].split("#")[0].strip("() ,\\").split(",")
    yield from (f"{module}.{name.split(' as ')[0].strip()}" for name in names if name.strip())


def _importers(code: Iterable[str], imports: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return how many files import each path of CODE: an import means a path if the path's dotted name ends with it."""
    by_module: dict[str, set[str]] = {}
    for path, module in imports:
        by_module.setdefault(module, set()).add(path)
    counts: Counter[str] = Counter()
    for path in code:
        users = {user for name in _dotted(path) for user in by_module.get(name, ())} - {path}
        if users:
            counts[path] = len(users)
    return dict(counts)


def _dotted(path: str) -> list[str]:
    """Return the names under which the module at PATH may be imported, whatever folder is on the path."""
    if not path.endswith(".py"):
        return []
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    return [".".join(parts[start:]) for start in range(len(parts))]


def _tested(git: Git, base: str, code: list[str], imports: list[tuple[str, str]]) -> Iterator[str]:
    """Yield the paths of CODE that are tests, or that a test imports or names by its stem."""
    by_tests = {module for path, module in imports if _TEST.search(path)}
    words = _words_in_tests(git, base, {PurePosixPath(path).stem for path in code})
    for path in code:
        if _TEST.search(path) or by_tests.intersection(_dotted(path)) or PurePosixPath(path).stem in words:
            yield path


def _words_in_tests(git: Git, base: str, words: set[str]) -> set[str]:
    """Return which of WORDS stand, as whole words, in a test of BASE."""
    patterns = [part for word in sorted(words) for part in ("-e", word)]
    found = git.run("grep", "-I", "-z", "-o", "-w", "-F", *patterns, base, check=False).text
    lines = (line.partition("\0") for line in found.splitlines())
    return {word for head, _, word in lines if _TEST.search(head.removeprefix(f"{base}:"))}
