"""Checks that can never fail: shadowed tests, comparisons thrown away, asserted tuples, misspelt mock assertions."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from autopack.gaps.excerpts import Places, preview
from autopack.gaps.models import Evidence
from autopack.gaps.python_source import called_name, dotted_name, walk, words

Function = ast.FunctionDef | ast.AsyncFunctionDef

# These two begin with a line break: looking for a fixed byte is many times faster than asking everywhere for `^`.
_MAY_DISCARD = re.compile(
    rb"\n[ \t]+(?!(?:if|elif|while|assert|return|for|with|yield|async|def|class|lambda|else|raise|except|import"
    rb"|from)\b)[\w.(\[\]\"'](?:[^=\n#<>! ]++|!(?!=)| (?!in |is ))*+(?:==|!=|[<>]| in | is )"
)
_MAY_BE_PREDICATE = re.compile(rb"\n[ \t]+(?:isinstance|issubclass|callable|hasattr|all|any|[\w.]*\bpath\.\w+)\(")
_MAY_BE_TUPLE = re.compile(rb"assert[ \t]*\(")
_MAY_BE_TYPO = re.compile(
    rb"\.(?:called|has_calls|not_called|any_call|was_called|has_been_called)\w*|\.assert_\w+[ \t]*(?:$|#|,)",
    re.MULTILINE,
)
_PREDICATES = {"isinstance": 2, "issubclass": 2, "callable": 1, "hasattr": 2, "all": 1, "any": 1}
"""Builtins that only answer -> how many arguments they take."""
_PATH_PREDICATES = frozenset(f"os.path.{name}" for name in ("exists", "isfile", "isdir", "islink", "lexists"))
_SWALLOWS = re.compile(
    r"rais|warn|suppress|assert|error|expect|fail|deprecat|check|tim|profil|measure|bench|trac|quer|catch|record|count",
    re.IGNORECASE,
)
_MEANT = re.compile(
    r"noqa|pylint|type:|not raise|n't raise|recurs|crash|error|trigger|call|cover|smoke|evaluat|pointless|side effect"
    r"|cache|force|exception|warm|lazy|access|no-op",
    re.IGNORECASE,
)
_TYPOS = words(
    "called_once called_once_with called_with any_call has_calls not_called has_been_called was_called was_called_with"
    " was_called_once was_called_once_with has_been_called_with"
)
_MOCK_CHECKS = frozenset(
    f"assert_{name}"
    for verb in ("called", "awaited")
    for name in (verb, f"{verb}_once", f"{verb}_with", f"{verb}_once_with", f"not_{verb}")
) | {"assert_any_call", "assert_has_calls", "assert_any_await", "assert_has_awaits"}


@dataclass(frozen=True)
class VacuousCheck:
    """A check that passes whatever happens. `key` is unique per rule within the module."""

    rule: str
    title: str
    key: tuple[str, ...]
    place: Evidence
    name: str = ""
    """The method that is believed misspelt; no fault where the repository defines one of that name."""


def may_occur(data: bytes) -> bool:
    """Tell, without parsing, whether DATA may hold one (shadowed tests aside)."""
    return (
        _MAY_BE_TUPLE.search(data) is not None
        or (b"ock" in data and _MAY_BE_TYPO.search(data) is not None)
        or _MAY_BE_PREDICATE.search(data) is not None
        or any(_starts_statement(data, match.start() + 1) for match in _MAY_DISCARD.finditer(data))
    )


def _starts_statement(data: bytes, start: int) -> bool:
    """Tell whether the line at START may begin a statement: the line before leaves nothing open."""
    before = data[data.rfind(b"\n", 0, max(start - 1, 0)) + 1 : start].rstrip()
    return not before.endswith(
        (b"(", b"[", b"{", b",", b"\\", b"=", b"+", b"%", b" and", b" or", b" not", b" in", b" if")
    )


def find(path: str, data: bytes, tree: ast.Module) -> tuple[VacuousCheck, ...]:
    """Return the vacuous checks of a module, in order."""
    search = _Search(path, data.split(b"\n"), Places(path, data))
    return (
        *search.duplicates(tree, ""),
        *(search.tuples(tree) if _MAY_BE_TUPLE.search(data) else ()),
        *search.discarded(tree),
        *(search.typos(tree) if b"ock" in data and _MAY_BE_TYPO.search(data) else ()),
    )


@dataclass(frozen=True)
class _Search:
    path: str
    lines: list[bytes]
    places: Places

    def place(self, line: int, test: str = "") -> Evidence:
        evidence = self.places.at_line(line)
        return (
            evidence.model_copy(update={"test_name": f"{self.path}::{test.replace('.', '::')}"}) if test else evidence
        )

    def written(self, node: ast.expr) -> str:
        """Return the source of NODE in one line, the same for every layout and every version of Python."""
        first, last = node.lineno - 1, node.end_lineno or node.lineno
        lines = self.lines[first:last]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return preview(b" ".join(lines))

    def duplicates(self, scope: ast.Module | ast.ClassDef, prefix: str) -> Iterator[VacuousCheck]:
        """Yield tests and test classes that a later definition of the same scope replaces."""
        names = Counter(node.name for node in scope.body if isinstance(node, Function | ast.ClassDef))
        repeated = {name for name, count in names.items() if count > 1}
        seen: dict[str, ast.stmt] = {}
        for node in scope.body:
            if isinstance(node, Function | ast.ClassDef):
                name = node.name
                earlier = seen.get(name)
                is_test = name.startswith("test") if isinstance(node, Function) else name.startswith("Test")
                if earlier is not None and is_test and type(earlier) is type(node) and not _registers(earlier):
                    yield VacuousCheck(
                        rule="duplicate-test-name",
                        title=f"{prefix}{name} is defined again, so the first one never runs",
                        key=(f"{prefix}{name}",),
                        place=self.place(earlier.lineno, f"{prefix}{name}"),
                    )
                seen[name] = node
                if isinstance(node, ast.ClassDef):
                    yield from self.duplicates(node, f"{prefix}{name}.")
            elif repeated:
                # Used, deleted or bound anew in between: the first one may live on under another name.
                for item in walk(node):
                    if isinstance(item, ast.Name):
                        seen.pop(item.id, None)

    def tuples(self, tree: ast.Module) -> Iterator[VacuousCheck]:
        """Yield `assert (condition, "message")`, which holds a tuple that is never empty."""
        for node in walk(tree):
            if isinstance(node, ast.Assert) and isinstance(node.test, ast.Tuple) and node.test.elts:
                yield VacuousCheck(
                    rule="tuple-assert",
                    title=f"{self.path} asserts a tuple, which is always true",
                    key=(self.written(node.test),),
                    place=self.place(node.lineno),
                )

    def discarded(self, tree: ast.Module) -> Iterator[VacuousCheck]:
        """Yield comparisons in tests whose result goes nowhere."""
        for name, test in _test_functions(tree):
            given = frozenset(argument.arg for argument in walk(test.args) if isinstance(argument, ast.arg))
            for statement in self._unwatched(test.body):
                value = statement.value
                if not (isinstance(value, ast.Compare) or _is_predicate(value, given)) or self._is_meant(statement):
                    continue
                does = "compares" if isinstance(value, ast.Compare) else "checks"
                yield VacuousCheck(
                    rule="discarded-comparison",
                    title=f"{name} {does} and throws the result away: {self.written(value)}",
                    key=(name, self.written(value)),
                    place=self.place(statement.lineno, name),
                )

    def _unwatched(self, body: list[ast.stmt]) -> Iterator[ast.Expr]:
        """Yield expression statements that nothing around them watches: no `with raises`, no `try`."""
        for node in body:
            if isinstance(node, ast.Expr):
                yield node
            elif isinstance(node, ast.With | ast.AsyncWith):
                if not any(_SWALLOWS.search(self.written(item.context_expr)) for item in node.items):
                    yield from self._unwatched(node.body)
            elif isinstance(node, ast.If | ast.For | ast.AsyncFor | ast.While):
                yield from self._unwatched([*node.body, *node.orelse])

    def _is_meant(self, statement: ast.Expr) -> bool:
        """Tell whether a comment on the statement or right above it says that evaluating it is the point."""
        first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
        above = self.lines[first - 1].strip() if first else b""
        near = [*self.lines[first:last], *([above] if above.startswith(b"#") else [])]
        comments = b" ".join(line.partition(b"#")[2] for line in near)
        return _MEANT.search(comments.decode("utf-8", "replace")) is not None

    def typos(self, tree: ast.Module) -> Iterator[VacuousCheck]:
        """Yield mock assertions that check nothing: misspelt, or not called."""
        for node in walk(tree):
            value = node.value if isinstance(node, ast.Expr) else node.test if isinstance(node, ast.Assert) else None
            if isinstance(value, ast.Call) and called_name(value) in {"assertTrue", "assert_"} and value.args:
                value = value.args[0]
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _TYPOS:
                name, what = value.func.attr, "is no assertion of a mock, so it checks nothing"
            elif isinstance(value, ast.Attribute) and value.attr in _MOCK_CHECKS:
                name, what = value.attr, "is not called, so it checks nothing"
            else:
                continue
            yield VacuousCheck(
                rule="mock-assert-typo",
                title=f"{self.path}: {self.written(value)} {what}",
                key=(self.written(value),),
                place=self.place(value.lineno),
                name=name,
            )


def _registers(node: ast.stmt) -> bool:
    """Tell whether a decorator may keep the definition alive under another name."""
    decorators = node.decorator_list if isinstance(node, Function | ast.ClassDef) else []
    for decorator in decorators:
        name = dotted_name(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if not re.search(
            r"\bmark\b|\bpatch\b|\bunittest\b|\bgiven\b|\bsettings\b|\bparameterized\b|skip|xfail|expectedFailure", name
        ):
            return True
    return False


def _test_functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    for node in tree.body:
        if isinstance(node, Function) and node.name.startswith("test"):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, Function) and item.name.startswith("test"):
                    yield f"{node.name}.{item.name}", item


def _is_predicate(node: ast.expr, given: frozenset[str]) -> bool:
    """Tell whether NODE is a call that only answers a question; a name that is GIVEN to the test means anything."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        is_builtin = node.func.id not in given and not node.keywords
        return is_builtin and _PREDICATES.get(node.func.id) == len(node.args)
    return dotted_name(node.func) in _PATH_PREDICATES or (
        called_name(node) in {"startswith", "endswith"} and isinstance(node.func, ast.Attribute)
    )
