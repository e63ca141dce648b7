"""Paths whose content is odd on purpose: test data, samples, recorded output. Faults in them are no gaps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

_TEST_FOLDER = re.compile(
    r"(?:t|spec|specs|testing|testsuite|e2e|__tests__|(?:.*[_.-])?tests?(?:[_.-].*)?)\Z", re.IGNORECASE
)
_DATA_FOLDER = re.compile(
    r"(?:.*fixtures?.*|test_?-?(?:data|files|assets|inputs?)|(?:__)?snapshots?(?:__)?|golden|goldens|corpus"
    r"|cassettes|example_scripts|wpt)\Z",
    re.IGNORECASE,
)
_DATA_FOLDER_OF_TESTS = re.compile(
    r"(?:.*data|encodings?|files|resources|samples?|examples?|assets|inputs?|outputs?|expected|stubs?|templates|targets)\Z",
    re.IGNORECASE,
)
_DEVELOPERS_FOLDERS = frozenset(
    [
        *("benchmark", "benchmarks", "build-project", "ci", "dev", "hack", "maint", "misc", "packaging", "release"),
        *("build", "contrib", "requirements", "script", "scripts", "tasks", "tools"),
        *("demo", "demos", "doc", "docs", "docs_src", "example", "examples", "samples", "tutorials"),
    ]
)
_ENOUGH_TO_BE_A_PURPOSE = 3
_DEVELOPERS_FILES = frozenset({"setup.py", "noxfile.py", "tasks.py", "fabfile.py", "dodo.py", "conf.py"})
_BENCHMARK = re.compile(r"(?:.*[_.-])?(?:bench(?:es|marks?|marking)?|perf|performance)(?:[_.-].*)?\Z", re.IGNORECASE)
_ENCODING_NAME = re.compile(
    r"(?:^|[^a-z])(?:bom|crlf|cr|eol|newlines?|line_?-?endings?|utf_?-?(?:8|16|32)|latin_?-?1?|cp\d+|windows_?-?125\d|iso_?-?8859"
    r"|encod\w*|unicode|charsets?|lossy|invalid|broken|malformed|corrupt\w*|mojibake|gbk|euc|sjis|big5|koi8)(?:[^a-z]|$)",
    re.IGNORECASE,
)


def in_test_folder(path: str) -> bool:
    """Tell whether a folder of PATH is one that holds tests."""
    return _is_for_tests(path.rpartition("/")[0])


@lru_cache(maxsize=16_384)
def _is_for_tests(folder: str) -> bool:
    return any(_TEST_FOLDER.match(part) for part in folder.split("/"))


def is_for_developers(path: str) -> bool:
    """Tell whether PATH is code that only those who work on the project run: its build, its release, its examples."""
    first, slash, _ = path.partition("/")
    if not slash or path.endswith(("/setup.py", "/conf.py", "/noxfile.py")):
        return path.rpartition("/")[2] in _DEVELOPERS_FILES
    return first.startswith(".") or first.lower() in _DEVELOPERS_FOLDERS


def is_benchmark(path: str) -> bool:
    """Tell whether PATH is code that is run to be timed: what it computes is thrown away."""
    return any(_BENCHMARK.match(part) for part in path.removesuffix(".py").split("/"))


def is_test_data(path: str) -> bool:
    """Tell whether PATH lies where tests keep what they read (`tests/**/data`, `fixtures`, `testdata`, …)."""
    return _is_for_data(path.rpartition("/")[0])


@lru_cache(maxsize=16_384)
def _is_for_data(folder: str) -> bool:
    folders = folder.split("/")
    if any(_DATA_FOLDER.match(part) for part in folders):
        return True
    first = next((index for index, part in enumerate(folders) if _TEST_FOLDER.match(part)), len(folders))
    return any(_DATA_FOLDER_OF_TESTS.match(part) for part in folders[first + 1 :])


def is_named_for_encodings(path: str) -> bool:
    """Tell whether a folder or the name of PATH says that it is about encodings, line endings or broken input."""
    return _ENCODING_NAME.search(path) is not None


def folders_about_encodings(paths: Iterable[str]) -> frozenset[str]:
    """Return the folders in which several of PATHS, whose bytes are odd, are named for encodings or broken input: then
    their neighbours are odd on purpose too."""
    counts = Counter(path.rpartition("/")[0] for path in paths if is_named_for_encodings(path.rpartition("/")[2]))
    return frozenset(folder for folder, count in counts.items() if count >= _ENOUGH_TO_BE_A_PURPOSE)
