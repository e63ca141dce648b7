"""What a repository shows by itself: languages, test commands, owners, files that machines or lawyers depend on.

Inference only ever forbids, asks or checks. It never grants a folder to write to, a rule, a host or a budget, and
`create_from_inputs` refuses whatever else is handed to it. No code of the repository is run.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from autopack.artifacts.redaction import redact
from autopack.intention_anchor.v2 import Inferred, Pattern, RequiredCheck


class RepositoryView(Protocol):
    """A read-only look at a repository."""

    @property
    def paths(self) -> Sequence[str]:
        """Relative paths of its files, `/` between parts."""
        ...

    def read(self, path: str) -> bytes | None:
        """Return the bytes of PATH, or None where it is no plain file or too large."""
        ...


@dataclass(frozen=True)
class Inference:
    """What was read off a repository: entries for the anchor, languages with their file counts (most files first),
    and notes on what was seen but not used."""

    entries: tuple[Inferred, ...]
    languages: tuple[tuple[str, int], ...]
    notes: tuple[str, ...] = ()


def infer(view: RepositoryView) -> Inference:
    """Return what VIEW shows; the order of its paths does not matter. What does not parse is passed over."""
    files = frozenset(view.paths)
    owned, notes = _owned_paths(files, view)
    entries = (*_required_checks(files, view), *_protected_paths(files), *_watched_paths(files), *owned)
    ordered = sorted(entries, key=lambda entry: (entry.pivot, entry.field, repr(entry.value), entry.source))
    return Inference(tuple(ordered), _languages(files), notes)


_LANGUAGES: Mapping[str, str] = {
    **dict.fromkeys((".py", ".pyi"), "Python"),
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx"), "JavaScript"),
    **dict.fromkeys((".ts", ".mts", ".cts", ".tsx"), "TypeScript"),
    **dict.fromkeys((".c", ".h"), "C"),
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".hpp", ".hh"), "C++"),
    **dict.fromkeys((".kt", ".kts"), "Kotlin"),
    **dict.fromkeys((".ex", ".exs"), "Elixir"),
    **dict.fromkeys((".sh", ".bash"), "Shell"),
    ".go": "Go",
    ".rs": "Rust",
    ".java": "Java",
    ".rb": "Ruby",
    ".php": "PHP",
    ".cs": "C#",
    ".swift": "Swift",
    ".scala": "Scala",
    ".ps1": "PowerShell",
}
_VENDORED = frozenset({"node_modules", "vendor", "third_party"})


def _languages(files: frozenset[str]) -> tuple[tuple[str, int], ...]:
    counts: Counter[str] = Counter()
    for path in map(PurePosixPath, files):
        language = _LANGUAGES.get(path.suffix.lower())
        if language and not _VENDORED.intersection(path.parts):
            counts[language] += 1
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


# Protected paths: what machines obey or lawyers rely on.

_CI = (
    *(".github/workflows/", ".github/actions/", ".circleci/", ".buildkite/", ".woodpecker/", ".teamcity/", ".ci/"),
    *(".forgejo/workflows/", ".gitea/workflows/"),
    *(".gitlab-ci.yml", ".travis.yml", "Jenkinsfile", "azure-pipelines.yml", "bitbucket-pipelines.yml", ".drone.yml"),
    *("appveyor.yml", ".appveyor.yml", ".cirrus.yml", ".woodpecker.yml", "cloudbuild.yaml"),
)
_OWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""In the order in which hosts look for them; the first one counts."""
_LEGAL = re.compile(r"(LICEN[CS]E|COPYING|NOTICE)(\.(md|txt|rst))?\Z", re.IGNORECASE)
_BUILD = re.compile(r"(Dockerfile(\..+)?|(docker-)?compose(\..+)?\.ya?ml|Vagrantfile)\Z")


def _protected_paths(files: frozenset[str]) -> Iterator[Inferred]:
    for place in _CI:
        found = sorted(path for path in files if path == place or (place.endswith("/") and path.startswith(place)))
        if found:
            yield _protected(f"/{place}", f"CI configuration {found[0]}")
    for path in sorted(files.intersection(_OWNERS)):
        yield _protected(f"/{path}", "says who reviews what")
    for path in sorted(files):
        if "/" not in path and _LEGAL.match(path):
            yield _protected(f"/{path}", "legal text")
    if ".gitmodules" in files:
        yield _protected("/.gitmodules", "names foreign repositories")


def _protected(pattern: str, source: str) -> Inferred:
    return Inferred("scope_boundaries", "protected_paths", pattern, source)


def _watched_paths(files: frozenset[str]) -> Iterator[Inferred]:
    names = Counter(PurePosixPath(path).name for path in files if _VENDORED.isdisjoint(PurePosixPath(path).parts))
    for name in sorted(names):
        if _BUILD.match(name) and _usable_pattern(name):
            yield _watched(name, "decides what is built and run")
    if any(path.endswith(".tf") for path in files):
        yield _watched("*.tf", "describes infrastructure")
    for name in (".pre-commit-config.yaml", "SECURITY.md"):
        if name in files:
            yield _watched(f"/{name}", "rules of the project")


def _watched(pattern: str, source: str) -> Inferred:
    return Inferred("safety_risk", "requires_approval", pattern, source)


# Owners: a path that names its reviewers is changed only after asking.

_MOST_OWNED = 40
_EVERYTHING = frozenset({"*", "/", "**", "/*", "/**", "**/*", "/**/*", "*.*"})


def _owned_paths(files: frozenset[str], view: RepositoryView) -> tuple[tuple[Inferred, ...], tuple[str, ...]]:
    path = next((candidate for candidate in _OWNERS if candidate in files), None)
    if path is None:
        return (), ()
    patterns: list[str] = []
    notes: list[str] = []
    for number, line in enumerate(_text(view, path).splitlines(), start=1):
        pattern, *owners = line.split("#", 1)[0].split() or [""]
        if not owners or pattern.startswith(("[", "^[")):
            continue
        if pattern in _EVERYTHING:
            notes.append(f"{path}, line {number}: {pattern} names reviewers for everything and was left out.")
        elif _usable_pattern(pattern):
            patterns.append(pattern)
        else:
            notes.append(f"{path}, line {number}: {redact(pattern)} was not understood and was left out.")
    return tuple(_watched(pattern, path) for pattern in _few(patterns)), tuple(notes)


def _few(patterns: list[str]) -> list[str]:
    """Return PATTERNS, or where they are many, whole top folders in their place: wider, so it asks more."""
    distinct = sorted(set(patterns))
    if len(distinct) <= _MOST_OWNED:
        return distinct
    return sorted({_top_folder(pattern) for pattern in distinct})


def _top_folder(pattern: str) -> str:
    first, slash, rest = pattern.lstrip("/").partition("/")
    anchored = pattern.startswith("/") or (slash and rest)
    return f"/{first}/" if anchored and slash and not set("*?[").intersection(first) else pattern


def _usable_pattern(pattern: str) -> bool:
    try:
        TypeAdapter(Pattern).validate_python(pattern)
    except ValidationError:
        return False
    return True


# Checks: the test command that the project itself declares.


def _required_checks(files: frozenset[str], view: RepositoryView) -> Iterator[Inferred]:
    """Yield the project's own umbrella command, else one test command for each ecosystem in the root."""
    umbrella = _umbrella(files, view)
    found = [umbrella] if umbrella else [check for check in _by_ecosystem(files, view) if check]
    for name, argv, source in found:
        check = RequiredCheck(name=name, argv=argv)
        yield Inferred("evidence_verification", "required_checks", check, source)


_Command = tuple[str, tuple[str, ...], str]
_TEST_TARGET = re.compile(r"(?m)^test[ \t]*::?(?!=)")
_JUST_RECIPE = re.compile(r"(?m)^@?test(?:[ \t][^:\n]*)?:(?!=)")


def _umbrella(files: frozenset[str], view: RepositoryView) -> _Command | None:
    for path in ("GNUmakefile", "makefile", "Makefile"):
        if path in files:
            return ("tests", ("make", "test"), path) if _TEST_TARGET.search(_text(view, path)) else None
    for path in ("justfile", "Justfile", ".justfile"):
        if path in files and _JUST_RECIPE.search(_text(view, path)):
            return "tests", ("just", "test"), path
    return None


def _by_ecosystem(files: frozenset[str], view: RepositoryView) -> Iterator[_Command | None]:
    yield _pytest(files, view)
    yield _node(files, view)
    for marker, name, argv in _SIMPLE_COMMANDS:
        if marker in files:
            yield name, argv, marker
    gradle = next((path for path in ("build.gradle", "build.gradle.kts") if path in files), None)
    if gradle:
        yield "gradle-test", ("./gradlew" if "gradlew" in files else "gradle", "test"), gradle
    if "pom.xml" in files:
        yield "maven-test", ("./mvnw" if "mvnw" in files else "mvn", "--batch-mode", "test"), "pom.xml"
    if "Gemfile" in files and any(path.startswith("spec/") and path.endswith("_spec.rb") for path in files):
        yield "rspec", ("bundle", "exec", "rspec"), "Gemfile and spec/"


_SIMPLE_COMMANDS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Cargo.toml", "cargo-test", ("cargo", "test")),
    ("go.mod", "go-test", ("go", "test", "./...")),
    ("mix.exs", "mix-test", ("mix", "test")),
    ("Package.swift", "swift-test", ("swift", "test")),
)


def _pytest(files: frozenset[str], view: RepositoryView) -> _Command | None:
    if "pytest.ini" in files:
        return _pytest_by("pytest.ini")
    if "pytest" in _table(_toml(view, "pyproject.toml").get("tool")):
        return _pytest_by("pyproject.toml")
    for path, section in (("setup.cfg", "[tool:pytest]"), ("tox.ini", "[pytest]")):
        if path in files and section in _text(view, path):
            return _pytest_by(path)
    conftest = next((path for path in ("conftest.py", "tests/conftest.py", "test/conftest.py") if path in files), None)
    return _pytest_by(conftest) if conftest else None


def _pytest_by(source: str) -> _Command:
    return "pytest", ("python3", "-m", "pytest", "-q"), source


_LOCKS = (("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lock", "bun"), ("bun.lockb", "bun"))


def _node(files: frozenset[str], view: RepositoryView) -> _Command | None:
    script = _table(_json(view, "package.json").get("scripts")).get("test")
    if not isinstance(script, str) or not script.strip() or "no test specified" in script:
        return None
    manager = next((name for lock, name in _LOCKS if lock in files), "npm")
    return f"{manager}-test", (manager, "run", "test"), "package.json"


def _text(view: RepositoryView, path: str) -> str:
    return (view.read(path) or b"").decode("utf-8", "replace")


def _toml(view: RepositoryView, path: str) -> Mapping[str, object]:
    try:
        return tomllib.loads((view.read(path) or b"").decode())
    except (ValueError, RecursionError):
        return {}


def _json(view: RepositoryView, path: str) -> Mapping[str, object]:
    try:
        return _table(json.loads(view.read(path) or b"{}"))
    except (ValueError, RecursionError):
        return {}


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
