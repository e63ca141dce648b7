"""Baselines: files in which a tool keeps the findings that it was told to accept, and which files those name.

Formats: detect-secrets `.secrets.baseline`, bandit, basedpyright, ESLint bulk suppressions, dependency-cruiser,
PHPStan, Psalm, detekt, Android lint, RuboCop's todo file, mypy-baseline, ansible-test's ignore files, and the floor of
coverage.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from configparser import ConfigParser, Error
from dataclasses import dataclass
from typing import Literal

from autopack.artifacts.secret_formats import PRIVATE_KEY_BEGIN, PRIVATE_KEY_LINES, UNMISTAKABLE_PREFIXES

MAX_BYTES = 8 * 1024 * 1024
_TOKEN = re.compile(
    rf"(?<![A-Za-z0-9])(?:(?:{'|'.join(map(re.escape, UNMISTAKABLE_PREFIXES))})[A-Za-z0-9_=+-]{{16,}}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9]))"
)
"""Tokens whose prefix their issuer reserves; formats that also fit a digest are left out, for baselines hold many."""
_SAME_CHARACTERS = re.compile(r"(.)\1{5}")
_LEAST_DISTINCT = 10
_MOST_SECRETS = 50

Roots = Literal["repository", "own folder", "anywhere"]


@dataclass(frozen=True)
class NamedFile:
    """A file that a baseline names, as it is written there, and the offset of that mention."""

    name: str
    offset: int


@dataclass(frozen=True)
class Baseline:
    """What a baseline says: unreadable (and why), emptied, or the files that it names."""

    unreadable: str | None = None
    fault_offset: int = 0
    emptied: bool = False
    names: tuple[NamedFile, ...] = ()
    relative_to: Roots = "repository"


class _Unreadable(Exception):
    """The content is not what the tool wrote. `offset` is where reading stopped."""

    def __init__(self, reason: str, offset: int = 0) -> None:
        super().__init__(reason)
        self.offset = offset


Reader = Callable[[bytes], list[str]]


@dataclass(frozen=True)
class Format:
    """How one tool's baseline is recognised and read."""

    path: re.Pattern[str]
    read: Reader
    relative_to: Roots = "repository"
    may_be_empty: bool = False
    """A file of no bytes is a legal baseline with no entries."""


def format_of(path: str) -> Format | None:
    """Return the format of the baseline at PATH, or None where PATH is no baseline that is known by its name."""
    name = path.rpartition("/")[2]
    if not (
        "baseline" in name or "ignore" in name or "todo" in name or "suppressions" in name or "known-violations" in name
    ):
        return None
    return next((known for known in FORMATS if known.path.search(path)), None)


def read(path: str, data: bytes) -> Baseline | None:
    """Return what the baseline at PATH says, or None where PATH is none."""
    known = format_of(path)
    if known is None or len(data) > MAX_BYTES:
        return None
    if not data.strip():
        return None if known.may_be_empty else Baseline(emptied=True)
    try:
        names = known.read(data.removeprefix(b"\xef\xbb\xbf"))
    except _Unreadable as fault:
        return Baseline(unreadable=str(fault), fault_offset=fault.offset)
    except RecursionError:
        return Baseline(unreadable="it is nested too deeply")
    found = tuple(NamedFile(name, max(data.find(_as_written(name)), 0)) for name in dict.fromkeys(names))
    return Baseline(names=found, relative_to=known.relative_to)


def secrets_in(data: bytes) -> tuple[int, ...]:
    """Return the offsets of what is certainly a credential in the baseline DATA: some scanners keep what they found."""
    text = data.decode("latin-1")  # one character a byte
    found = [match.start() for match in _TOKEN.finditer(text) if not _is_placeholder(match[0])]
    for begin in PRIVATE_KEY_BEGIN.finditer(text):
        lines = PRIVATE_KEY_LINES.match(text, begin.end())
        if lines and lines[0] and not _is_placeholder(lines[0]):
            found.append(begin.start())
    return tuple(sorted(found)[:_MOST_SECRETS])


def _is_placeholder(word: str) -> bool:
    """Tell whether WORD is written by hand to look like a token."""
    lowered = word.lower()
    made_up = any(part in lowered for part in ("example", "placeholder", "redacted", "dummy", "fake", "your"))
    return made_up or _SAME_CHARACTERS.search(word) is not None or len(set(word)) < _LEAST_DISTINCT


def _as_written(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _json_object(data: bytes) -> dict[str, object]:
    try:
        document = json.loads(data)
    except UnicodeDecodeError as fault:
        raise _Unreadable("it is no JSON: not valid UTF-8", fault.start) from fault
    except ValueError as fault:
        offset = getattr(fault, "pos", 0)
        raise _Unreadable(f"it is no JSON: {getattr(fault, 'msg', 'malformed')}", offset) from fault
    if not isinstance(document, dict):
        raise _Unreadable("it is no JSON object")
    return document


def _keys_of(key: str) -> Reader:
    """Return a reader of `{key: {file: ...}}`, in which the tool always writes KEY."""

    def read_keys(data: bytes) -> list[str]:
        files = _json_object(data).get(key)
        if not isinstance(files, dict):
            raise _Unreadable(f"it has no object called {key}")
        return [name for name in files if isinstance(name, str)]

    return read_keys


def _top_level_keys(data: bytes) -> list[str]:
    return list(_json_object(data))


def _autopack(data: bytes) -> list[str]:
    _json_object(data)
    return []


def _bandit(data: bytes) -> list[str]:
    results = _json_object(data).get("results")
    if not isinstance(results, list):
        raise _Unreadable("it has no list called results")
    named = (result.get("filename") for result in results if isinstance(result, dict))
    return [name for name in named if isinstance(name, str)]


def _dependency_cruiser(data: bytes) -> list[str]:
    try:
        document = json.loads(data)
    except ValueError as fault:
        raise _Unreadable(f"it is no JSON: {getattr(fault, 'msg', 'malformed')}", getattr(fault, "pos", 0)) from fault
    if not isinstance(document, list):
        raise _Unreadable("it is no JSON array")
    named = (entry.get("from") for entry in document if isinstance(entry, dict))
    return [name for name in named if isinstance(name, str)]


def _any_json(data: bytes) -> list[str]:
    """Read a baseline of an unknown tool: only whether it is JSON at all (or one JSON value per line) is judged."""
    try:
        json.loads(data)
    except ValueError as fault:
        if re.search(rb"^\s*(?://|/\*)", data, re.MULTILINE) or _is_json_lines(data):
            return []
        raise _Unreadable(f"it is no JSON: {getattr(fault, 'msg', 'malformed')}", getattr(fault, "pos", 0)) from fault
    return []


def _is_json_lines(data: bytes) -> bool:
    try:
        return all(json.loads(line) is not None for line in data.splitlines() if line.strip())
    except ValueError:
        return False


def _matches(pattern: bytes, required: bytes) -> Reader:
    """Return a reader of the groups of PATTERN in a text that always holds REQUIRED."""
    expression = re.compile(pattern, re.MULTILINE)

    def read_matches(data: bytes) -> list[str]:
        if required not in data:
            raise _Unreadable(f"it has no `{required.decode()}`")
        return [match[1].decode("utf-8", "replace").strip() for match in expression.finditer(data)]

    return read_matches


def _rubocop_todo(data: bytes) -> list[str]:
    entry = re.compile(rb"^ +- +(['\"]?)([^'\"\n]+?)\1[ \t]*\r?$", re.MULTILINE)
    names: list[str] = []
    for block in re.split(rb"^\S", data, flags=re.MULTILINE):
        _, found, excluded = block.partition(b"Exclude:")
        names += [match[2].decode("utf-8", "replace") for match in entry.finditer(excluded)] if found else []
    return names


def _first_words(data: bytes) -> list[str]:
    lines = (line.split(b"#", 1)[0].split() for line in data.splitlines())
    return [words[0].decode("utf-8", "replace") for words in lines if words]


FORMATS = (
    Format(re.compile(r"(?:^|/)\.secrets\.baseline\Z"), _keys_of("results")),
    Format(re.compile(r"(?:^|/)\.?bandit[-_.]baseline\.json\Z"), _bandit),
    Format(re.compile(r"(?:^|/)\.basedpyright/baseline\.json\Z"), _keys_of("files")),
    Format(re.compile(r"(?:^|/)\.?eslint-suppressions\.json\Z"), _top_level_keys, "own folder"),
    Format(re.compile(r"(?:^|/)\.dependency-cruiser-known-violations\.json\Z"), _dependency_cruiser, "own folder"),
    Format(
        re.compile(r"(?:^|/)phpstan-baseline[^/]*\.neon\Z"),
        _matches(rb"^[ \t]*path:[ \t]*(\S[^\n]*)$", b"parameters"),
        "own folder",
    ),
    Format(re.compile(r"(?:^|/)psalm-baseline\.xml\Z"), _matches(rb"<file src=\"([^\"]+)\"", b"<files"), "own folder"),
    Format(
        re.compile(r"(?:^|/)detekt[-_]baseline[^/]*\.xml\Z|(?:^|/)detekt/baseline[^/]*\.xml\Z"),
        _matches(rb"<ID>[A-Za-z]+:([\w-]+\.kts?)\$", b"SmellBaseline"),
        "anywhere",
    ),
    Format(re.compile(r"(?:^|/)lint-baseline\.xml\Z"), _matches(rb"\bfile=\"(src/[^\"]+)\"", b"<issues"), "own folder"),
    Format(re.compile(r"(?:^|/)\.rubocop_todo\.yml\Z"), _rubocop_todo, "own folder", may_be_empty=True),
    Format(
        re.compile(r"(?:^|/)mypy-baseline\.txt\Z"),
        _matches(rb"^([^:\n]+\.pyi?):", b""),
        "own folder",
        may_be_empty=True,
    ),
    Format(re.compile(r"^tests?/sanity/ignore[^/]*\.txt\Z"), _first_words, may_be_empty=True),
    Format(re.compile(r"^\.autopack/baseline\.json\Z"), _autopack),
    Format(re.compile(r"(?:^|/)(?:[^/]+[-_.])?baseline\.json\Z"), _any_json),
)


_COVERAGE_SECTIONS = {".coveragerc": "report", "setup.cfg": "coverage:report", "tox.ini": "coverage:report"}


def coverage_floor(path: str, data: bytes) -> str | None:
    """Return what is wrong with the coverage floor (`fail_under`) that the settings file at PATH sets, or None."""
    name = path.rpartition("/")[2]
    section = _COVERAGE_SECTIONS.get(name)
    if section is None or b"fail_under" not in data:
        return None
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(data.decode("utf-8", "replace"))
    except Error:
        return None
    stated = parser.get(section, "fail_under", fallback=None)
    if stated is None or "$" in stated:
        return None
    try:
        return None if 0 <= float(stated) <= 100 else f"the coverage floor {stated} is no percentage"
    except ValueError:
        return f"the coverage floor {stated!r} is no number"


def is_literal(name: str) -> bool:
    """Tell whether NAME is one file's path: no pattern, no variable, not outside the repository."""
    return (
        bool(name) and not re.search(r"[*?\[\]{}%$<>|]", name) and not re.match(r"(?:[A-Za-z]:)?[/\\]|~|\w+://", name)
    )


def resolved(name: str, baseline_path: str, relative_to: Roots) -> str | None:
    """Return NAME as a path from the repository's root, or None where it leads out of it."""
    parts: list[str] = baseline_path.split("/")[:-1] if relative_to == "own folder" else []
    for part in name.replace("\\", "/").split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts) or None


def missing(baseline: Baseline, path: str, exists: Callable[[str], bool], base_names: Iterable[str]) -> list[NamedFile]:
    """Return the files that BASELINE (at PATH) names and that EXISTS denies; BASE_NAMES are the names of all files."""
    gone: list[NamedFile] = []
    names = frozenset(base_names) if baseline.relative_to == "anywhere" else frozenset[str]()
    for named in baseline.names:
        if not is_literal(named.name):
            continue
        if baseline.relative_to == "anywhere":
            if named.name not in names:
                gone.append(named)
            continue
        places = {resolved(named.name, path, "repository"), resolved(named.name, path, baseline.relative_to)}
        if None not in places and not any(place and exists(place) for place in places):
            gone.append(named)
    return gone
