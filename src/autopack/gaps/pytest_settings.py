"""pytest's settings, from each of the files that may hold them, and the edit that drops an entry of `testpaths`.

Which file counts, and what the keys mean: pytest's documentation, "Configuration".
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from configparser import ConfigParser, Error
from dataclasses import dataclass
from fnmatch import fnmatchcase

from autopack.gaps.excerpts import line_start
from autopack.gaps.toml_text import read_toml

SECTIONS = {
    "pytest.toml": "pytest",
    ".pytest.toml": "pytest",
    "pytest.ini": "pytest",
    ".pytest.ini": "pytest",
    "pyproject.toml": "tool.pytest.ini_options",
    "tox.ini": "pytest",
    "setup.cfg": "tool:pytest",
}
"""File name -> section, in the order in which pytest looks."""
_NATIVE = b"[tool.pytest]"
"""The section of pyproject.toml that pytest 9 reads instead."""
_COUNT_WHEN_EMPTY = frozenset({"pytest.toml", "pytest.ini"})
DEFAULT_FILES = ("test_*.py", "*_test.py")
DEFAULT_CLASSES = ("Test",)
DEFAULT_PASSED_OVER = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}")
_MAX_BYTES = 1024 * 1024
_OTHER_NAME = b"any/other-name"


@dataclass(frozen=True)
class LineEdit:
    """Replace `old` at byte `column` of `line` (from 1) by `new`; `old` may end with the line's ending."""

    line: int
    column: int
    old: str
    new: str


@dataclass(frozen=True)
class PathEntry:
    """One entry of `testpaths`, where it stands, and the edits that drop it, and that put another name in its place
    (`new` is empty there); None where that is not certain."""

    name: str
    offset: int
    removal: LineEdit | None
    renaming: LineEdit | None = None


@dataclass(frozen=True)
class PytestSettings:
    """What one file tells pytest."""

    testpaths: tuple[PathEntry, ...]
    python_files: tuple[str, ...]
    python_classes: tuple[str, ...]
    xfail_strict: bool = False
    """A test that is marked `xfail` and passes fails the suite, unless its mark says otherwise."""
    names_packages: bool = False
    """`--pyargs`: what `testpaths` names may be a package, wherever it is installed."""
    passed_over: tuple[str, ...] = ()
    """Patterns of the folders and files that pytest never looks into (`norecursedirs`, `--ignore`)."""

    def passes_over(self, path: str) -> bool:
        """Tell whether the file at PATH, or a folder that holds it, is one that pytest never looks into."""
        parts = path.split("/")
        places = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)] if self.passed_over else []
        return any(_names(pattern, place) for pattern in self.passed_over for place in places)

    def collects_file(self, path: str) -> bool:
        """Tell whether the file at PATH is collected: a pattern with a slash is matched with the end of the path."""
        return any(_names(pattern, path) for pattern in self.python_files)

    def collects_class(self, name: str) -> bool:
        """Tell whether a plain class called NAME is collected: by prefix, or by pattern."""
        return any(name.startswith(pattern) or fnmatchcase(name, pattern) for pattern in self.python_classes)


def _names(pattern: str, path: str) -> bool:
    """Tell whether PATTERN names PATH: by the end of the path where it has a slash, else by the last name."""
    if "/" in pattern:
        return fnmatchcase(f"/{path}", f"*/{pattern.strip('/')}")
    return fnmatchcase(path.rpartition("/")[2], pattern)


DEFAULT_SETTINGS = PytestSettings((), DEFAULT_FILES, DEFAULT_CLASSES, passed_over=DEFAULT_PASSED_OVER)
"""What pytest does where no file tells it anything."""


def read(path: str, data: bytes) -> PytestSettings | None:
    """Return what the file at PATH tells pytest, or None where it says nothing to it."""
    name = path.rpartition("/")[2]
    if name not in SECTIONS or b"pytest" not in data or len(data) > _MAX_BYTES:
        return DEFAULT_SETTINGS if name in _COUNT_WHEN_EMPTY and not data.strip() else None
    options = _options(name, data)
    if options is None:
        return None
    entries = _words(options.get("testpaths"))
    never = _words(options.get("norecursedirs")) or DEFAULT_PASSED_OVER
    return PytestSettings(
        testpaths=tuple(_entry(name, data, entry, entries) for entry in dict.fromkeys(_before_a_comment(entries))),
        python_files=tuple(_words(options.get("python_files"))) or DEFAULT_FILES,
        python_classes=tuple(_words(options.get("python_classes"))) or DEFAULT_CLASSES,
        xfail_strict=any(_is_on(options.get(name)) for name in ("xfail_strict", "strict_xfail", "strict")),
        names_packages="--pyargs" in _words(options.get("addopts")),
        passed_over=(*never, *_ignored(_words(options.get("addopts")))),
    )


def _ignored(words: list[str]) -> Iterator[str]:
    """Yield what WORDS, options of pytest, tell it to ignore."""
    for word, following in zip(words, (*words[1:], ""), strict=False):
        option, equals, value = word.partition("=")
        if option in {"--ignore", "--ignore-glob"} and (value or following):
            yield value if equals else following


def _options(name: str, data: bytes) -> dict[str, object] | None:
    """Return pytest's options as the file states them, or None where it has no section for it."""
    try:
        text = data.decode()
        if name.endswith(".toml"):
            return _options_of_toml(name, read_toml(text) or {})
        parser = ConfigParser(interpolation=None, strict=False)
        parser.read_string(text)
    except (UnicodeDecodeError, Error, RecursionError):
        return None
    section = SECTIONS[name]
    return dict(parser[section]) if parser.has_section(section) else None


def _options_of_toml(name: str, document: dict[str, object]) -> dict[str, object] | None:
    tool = document if name != "pyproject.toml" else document.get("tool")
    section = tool.get("pytest") if isinstance(tool, dict) else None
    options = section.get("ini_options", section) if isinstance(section, dict) else None
    return options if isinstance(options, dict) else None


def _is_on(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() in {"true", "1", "yes", "on"})


def _words(value: object) -> list[str]:
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str)]
    if not isinstance(value, str):
        return []
    try:
        return shlex.split(value, comments=False)
    except ValueError:
        return []


def _before_a_comment(words: Sequence[str]) -> Sequence[str]:
    """Return WORDS as far as they were meant as entries: pytest takes a comment behind them for more of them."""
    return words[: next((place for place, word in enumerate(words) if word.startswith("#")), len(words))]


def _entry(file_name: str, data: bytes, entry: str, entries: list[str]) -> PathEntry:
    start = _key_offset(file_name, data)
    end = _value_end(data, start)
    found = re.compile(rb"(?<![\w./*-])%b(?![\w./*-])" % re.escape(entry.encode())).search(data, start, end)
    if found is None:
        return PathEntry(entry, start, None)
    renaming = _renaming(file_name, data, found.start(), entry, entries)
    removal = _removal(file_name, data, found.start(), found.end(), entry, entries)
    return PathEntry(entry, found.start(), removal, renaming)


def _key_offset(file_name: str, data: bytes) -> int:
    section = max(data.find(b"[" + SECTIONS[file_name].encode() + b"]"), data.find(_NATIVE))
    key = re.compile(rb"^[ \t]*testpaths[ \t]*=[ \t]*", re.MULTILINE).search(data, max(section, 0))
    return key.end() if key else 0


def _value_end(data: bytes, start: int) -> int:
    """Return where the value that starts at START ends: before the next key or section."""
    following = re.compile(rb"^(?:\[|[ \t]*[\w.-]+[ \t]*=)", re.MULTILINE).search(data, start)
    return following.start() if following else len(data)


def _removal(file_name: str, data: bytes, start: int, end: int, entry: str, entries: list[str]) -> LineEdit | None:
    """Return the edit that drops the entry at START:END, proven by reading the file again, or None."""
    if entries.count(entry) != 1 or len(entries) < 2:
        return None
    first, last = _span(file_name, data, start, end)
    changed = data[:first] + data[last:]
    before, after = _options(file_name, data), _options(file_name, changed)
    expected = [other for other in entries if other != entry]
    if before is None or after is None or _words(after.get("testpaths")) != expected:
        return None
    if {**before, "testpaths": ""} != {**after, "testpaths": ""}:
        return None
    begin = line_start(data, first)
    return LineEdit(data.count(b"\n", 0, first) + 1, first - begin, data[first:last].decode(), "")


def _renaming(file_name: str, data: bytes, start: int, entry: str, entries: list[str]) -> LineEdit | None:
    """Return the edit that puts another name for the entry at START, proven by reading the file again, or None."""
    changed = data[:start] + _OTHER_NAME + data[start + len(entry.encode()) :]
    after = _options(file_name, changed)
    expected = [_OTHER_NAME.decode() if other == entry else other for other in entries]
    if entries.count(entry) != 1 or after is None or _words(after.get("testpaths")) != expected:
        return None
    return LineEdit(data.count(b"\n", 0, start) + 1, start - line_start(data, start), entry, "")


def _span(file_name: str, data: bytes, start: int, end: int) -> tuple[int, int]:
    """Return what to cut for the entry at START:END: its quotes, one separator, and its line where it stands alone."""
    if file_name.endswith(".toml") and data[start - 1 : start] in {b'"', b"'"} and data[start - 1] == data[end]:
        start, end = start - 1, end + 1
    begin = line_start(data, start)
    newline = data.find(b"\n", end)
    rest = data[end : len(data) if newline < 0 else newline].strip()
    if not data[begin:start].strip() and rest in {b"", b","} and newline >= 0:
        return begin, newline + 1
    after = re.compile(rb"[ \t]*,[ \t]*|[ \t]+(?=[^\s#\]])").match(data, end)
    before = re.compile(rb"[ \t]*,[ \t]*\Z|[ \t]+\Z").search(data, begin, start)
    if (
        before is not None
        and data[begin : before.start()].strip()
        and not data[: before.start()].endswith((b"=", b"["))
    ):
        return before.start(), end
    return start, after.end() if after else end
