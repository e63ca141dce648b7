"""What a Python file of a test tree holds: tests, helpers, imports, and faults that make a test vacuous.

Most modules are only searched; a syntax tree is built where a search finds something that may be a fault.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from autopack.artifacts.canonical import bytes_digest
from autopack.gaps import disabled_tests, patched_subjects, python_checks, vacuous_checks
from autopack.gaps.disabled_tests import DisabledTest
from autopack.gaps.excerpts import Places, evidence_at, line_at, preview
from autopack.gaps.models import Evidence
from autopack.gaps.patched_subjects import PatchedSubject
from autopack.gaps.python_checks import FunctionFact, Suspect
from autopack.gaps.python_source import parse, says_it_is_generated
from autopack.gaps.vacuous_checks import VacuousCheck

# Patterns that begin with a line break are for LED text, which has one before its first line: then a match starts in it
# where its line starts in the file. Looking for a fixed byte is many times faster than asking everywhere for `^`.
_DEFINITION = re.compile(rb"\n([ \t]*)(?:async[ \t]+)?def[ \t]+(\w+)")
_TOP_LEVEL = re.compile(rb"\n(?:def|async def|class|@)")
_IMPORT = re.compile(rb"\n(?:from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+([^\n#]*)|import[ \t]+([\w., \t]+))")
# Begins with a word, for the same reason; what stands before it on its line is looked at where it is found.
_IMPORTED = re.compile(rb"import[ \t]+(\([^)]*|[^\n#]*)")
_FROM = re.compile(rb"[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+")
_PLUGINS = re.compile(rb"\npytest_plugins\b[^=\n]*=\s*([(\[][^)\]]*|[^\n#]*)")
_MODULE = re.compile(rb"[\w.]+")
_QUOTED_NAME = re.compile(rb"[\"']([\w.]+)[\"']")
_NAME = re.compile(r"\b[A-Za-z_]\w*")
_CHECKS_LITERALLY = re.compile(rb"assert|raises|warns|\bfail\(|expect\(|verify|match_lines|raise ")
_COMMENT = re.compile(rb"#[^\n]*")
_TEST_DEFINITION = re.compile(rb"\n(?:    |\t)?(?:async )?def test\w*\(")
_OTHER_CLASS = re.compile(rb"\nclass[ \t]+(?![Tt]est)\w+[ \t]*(?:\((?:object)?\))?:")
_CLASS_END = re.compile(rb"\n[^\s#)\]}]")
_METHOD = re.compile(rb"\n[ \t]+(?:async )?def test")
_INIT = re.compile(rb"\n[ \t]+def __(?:init|new)__\(")
_RUNS_ITSELF = b"\nif __name__ =="
_NAMED_FILE = re.compile(rb"[\"'/](\w{1,100}\.py)[\"']", re.ASCII)
_PATH_WORDS = (b"sys.", b"addsitedir", b"import_hook", b"meta_path", b"# /// script")
_EDITS_PATH = re.compile(
    rb"\bsys\.path\b|\bsite\.addsitedir|\bsys\.modules\b|\bimport_hook|\bmeta_path\b|^# /// script[ \t]*$",
    re.MULTILINE,
)
"""What says that a module finds others by rules of its own; the last: a script brings what it needs (PEP 723)."""


_LONGEST_ANSWER = 2
"""Statements of a method that only returns a value: a docstring and the return."""
_MAX_IMPORTS = 2_000
"""More in one file are made by a program, not for a person."""


class InnerImport(NamedTuple):
    """An import that tells what a module sees, and nothing about whether it can be loaded: one inside a function, a
    class or a condition, one below them, one over several lines, or a plug-in that pytest imports."""

    module: str
    level: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class ImportFact:
    """An import that runs whenever the module is loaded. `level` counts the leading dots."""

    module: str
    level: int
    names: tuple[str, ...]
    line: int
    excerpt_sha256: str
    """Of the whole line; `text` is the statement on it."""
    text: str

    def evidence(self, path: str) -> Evidence:
        """Return the place in the file at PATH. Few imports are ever shown, and checked models of all cost seconds."""
        return Evidence(path=path, line=self.line, column=1, excerpt_sha256=self.excerpt_sha256, preview=self.text)


@dataclass(frozen=True)
class ClassFact:
    """A top-level class with test methods."""

    name: str
    bases: tuple[str, ...]
    methods: int
    constructor: str
    """`__init__` or `__new__` where the class has one: pytest makes no object of it then."""
    takes_nothing: bool
    """Its `__init__` has no argument but `self`: unittest, which hands over the test's name, fails on it."""
    used: bool | None
    """The module names it a second time, or keeps it from pytest with `__test__`; None where nobody asks: it is called
    `Test…` and pytest can make an object of it."""
    place: Evidence


@dataclass(frozen=True)
class ModuleFact:
    """One Python file of a test tree."""

    functions: tuple[FunctionFact, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    vacuous: tuple[VacuousCheck, ...] = ()
    disabled: tuple[DisabledTest, ...] = ()
    patched: tuple[PatchedSubject, ...] = ()
    classes: tuple[ClassFact, ...] = ()
    bases: frozenset[str] = frozenset()
    """What classes of this module derive from (last part of each name)."""
    imports: tuple[ImportFact, ...] = ()
    inner_imports: tuple[InnerImport, ...] = ()
    edits_path: bool = False
    tests: int = 0
    """How many definitions look like tests."""
    first_test: Evidence | None = None
    runs_itself: bool = False
    """It is a script: `if __name__ == "__main__"`."""
    named_files: frozenset[str] = frozenset()
    """Names of modules that its texts name, without their folders."""


def examine(path: str, data: bytes, *, is_test_module: bool) -> ModuleFact:
    """Return what the file at PATH holds; IS_TEST_MODULE tells whether its name is one that runners collect."""
    led = b"\n" + data
    definitions = _definitions(led)
    fact = _searched(path, data, led, definitions)
    if is_test_module and not _needs_tree(led, definitions):
        return fact
    tree = parse(data)
    if tree is None:
        return fact
    # What a program wrote is mended where it was written from, and judged there where that is Python as well.
    is_written = not says_it_is_generated(data)
    is_judged = is_test_module and is_written
    places = Places(path, data)
    top_classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return replace(
        fact,
        functions=python_checks.functions(tree),
        suspects=python_checks.suspects(path, data, tree) if is_judged else (),
        vacuous=vacuous_checks.find(path, data, tree) if is_written else (),
        disabled=disabled_tests.find(path, data, tree) if is_judged and disabled_tests.may_occur(data) else (),
        patched=patched_subjects.find(path, data, tree) if is_judged and patched_subjects.may_occur(data) else (),
        classes=tuple(_class_fact(places, data, node) for node in top_classes if _test_methods(node)),
        bases=frozenset(_last(base) for node in _classes(tree) for base in node.bases),
    )


@dataclass(frozen=True)
class _Definition:
    """A function, as far as indentation shows."""

    name: bytes
    checks: bool
    """Its text holds a word that checks something."""
    checks_in_code: bool
    """So it does without its comments."""


def _searched(path: str, data: bytes, led: bytes, definitions: Sequence[_Definition]) -> ModuleFact:
    """Return what a search finds without a syntax tree."""
    tests = [match.start() for match in _TEST_DEFINITION.finditer(led)]
    checking = {definition.name.decode() for definition in definitions if definition.checks}
    return ModuleFact(
        functions=tuple(FunctionFact(name, checks=True, uses=frozenset()) for name in sorted(checking)),
        imports=_imports(path, data, led),
        inner_imports=_inner_imports(led),
        edits_path=_edits_path(data),
        tests=len(tests),
        first_test=evidence_at(path, data, tests[0]) if tests else None,
        runs_itself=_RUNS_ITSELF in led,
        named_files=_named_files(data),
    )


def _named_files(data: bytes) -> frozenset[str]:
    return frozenset(match[1].decode() for match in _NAMED_FILE.finditer(data)) if b".py" in data else frozenset()


def _edits_path(data: bytes) -> bool:
    return any(word in data for word in _PATH_WORDS) and _EDITS_PATH.search(data) is not None


def _definitions(led: bytes) -> list[_Definition]:
    found = []
    for match in _DEFINITION.finditer(led):
        end = re.compile(rb"\n[ \t]{0,%d}[^\s#)\]}]" % len(match[1])).search(led, match.end())
        body = led[match.end() : end.start() if end else len(led)]
        checks = _CHECKS_LITERALLY.search(body) is not None
        in_code = checks and (b"#" not in body or _CHECKS_LITERALLY.search(_COMMENT.sub(b"", body)) is not None)
        found.append(_Definition(match[2], checks, in_code))
    return found


def _needs_tree(led: bytes, definitions: Sequence[_Definition]) -> bool:
    """Tell whether a test module may hold a fault that only its syntax tree shows for certain."""
    tests = [definition for definition in definitions if definition.name.startswith(b"test")]
    return (
        any(not test.checks_in_code for test in tests)
        or len({test.name for test in tests}) < len(tests)
        or (b"def __" in led and _INIT.search(led) is not None)
        or _has_other_class(led)
        or disabled_tests.may_occur(led)
        or patched_subjects.may_occur(led)
        or vacuous_checks.may_occur(led)
    )


def _has_other_class(led: bytes) -> bool:
    """Tell whether a class that is not named for tests has test methods."""
    for match in _OTHER_CLASS.finditer(led):
        end = _CLASS_END.search(led, match.end())
        if _METHOD.search(led, match.end(), end.start() if end else len(led)):
            return True
    return False


def _imports(path: str, data: bytes, led: bytes) -> tuple[ImportFact, ...]:
    """Return the unconditional imports before the first definition: what stands deeper may never run."""
    first = _TOP_LEVEL.search(led)
    header = led[: first.start()] if first else led
    found: list[ImportFact] = []
    places, quotes, seen = Places(path, data), [0, 0], 0
    for match in islice(_IMPORT.finditer(header), _MAX_IMPORTS):
        for kind, quote in enumerate((b'"""', b"'''")):
            quotes[kind] += header.count(quote, seen, match.start())
        seen = match.start()
        line = line_at(data, match.start())
        if quotes[0] % 2 or quotes[1] % 2 or b"# type:" in line:
            continue
        place = (places.line(match.start()), bytes_digest(line), preview(match[0]))
        if match[4] is not None:
            modules = [part.split()[0].decode() for part in match[4].split(b",") if part.split()]
            found += [ImportFact(module, 0, (), *place) for module in modules]
        else:
            names = tuple(_NAME.findall(match[3].decode("utf-8", "replace")))
            found.append(ImportFact(match[2].decode(), len(match[1]), names, *place))
    return tuple(found)


def _inner_imports(led: bytes) -> tuple[InnerImport, ...]:
    """Return the imports that `_imports` leaves out, each once; text in strings may be among them."""
    first = _TOP_LEVEL.search(led)
    header = first.start() if first else len(led)
    found: list[InnerImport] = []
    for match in islice(_IMPORTED.finditer(led), _MAX_IMPORTS):
        start, named = match.start(), match[1]
        before = led[led.rfind(b"\n", 0, start) + 1 : start]
        if start < header and before[:1] not in (b" ", b"\t") and b"\n" not in named:
            continue
        if not before.strip():
            modules = [part.split()[0] for part in named.split(b",") if part.split()]
            found += [InnerImport(one.decode(), 0, ()) for one in modules if _MODULE.fullmatch(one)]
        elif origin := _FROM.fullmatch(before):
            names = tuple(_NAME.findall(named.decode("utf-8", "replace")))
            found.append(InnerImport(origin[2].decode(), len(origin[1]), names))
    if b"pytest_plugins" in led and (plugins := _PLUGINS.search(led)):
        found += [InnerImport(name.decode(), 0, ()) for name in _QUOTED_NAME.findall(plugins[1])]
    return tuple(dict.fromkeys(found))


def _classes(tree: ast.Module) -> Iterator[ast.ClassDef]:
    """Yield the classes of a module and those nested in classes."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ClassDef):
            yield node
            waiting.extend(node.body)


def _test_methods(node: ast.ClassDef) -> list[ast.stmt]:
    """Return the methods of NODE that look like tests; what only returns a value is there to be looked at."""
    return [
        item
        for item in node.body
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
        and item.name.startswith("test")
        and not _only_answers(item)
    ]


def _only_answers(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    last = node.body[-1]
    return isinstance(last, ast.Return) and last.value is not None and len(node.body) <= _LONGEST_ANSWER


def _class_fact(places: Places, data: bytes, node: ast.ClassDef) -> ClassFact:
    names = [item.name for item in node.body if isinstance(item, ast.FunctionDef)]
    constructor = next((name for name in ("__init__", "__new__") if name in names), "")
    init = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)
    return ClassFact(
        name=node.name,
        bases=tuple(_last(base) for base in node.bases),
        methods=len(_test_methods(node)),
        constructor=constructor,
        takes_nothing=init is not None and _takes_nothing(init.args),
        used=_may_be_used(data, node.name) if constructor or not node.name.startswith("Test") else None,
        place=places.at_line(node.lineno),
    )


def _may_be_used(data: bytes, name: str) -> bool:
    return b"__test__" in data or len(re.findall(rb"\b%b\b" % name.encode(), data)) > 1


def _takes_nothing(arguments: ast.arguments) -> bool:
    plain = len(arguments.posonlyargs) + len(arguments.args)
    return plain == 1 and arguments.vararg is None and arguments.kwarg is None


def _last(node: ast.expr) -> str:
    """Return the last part of a base's name, `?` where it has none."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else "?"
