"""Tests that are switched off and do not say why: `skip` and `xfail` without a reason, and `xfail` that may pass.

What counts as a reason: the argument, a condition, the exception that is waited for, a comment on the mark, above it
or above the body, and a docstring that speaks of the fault.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from autopack.gaps.excerpts import Places
from autopack.gaps.models import Evidence
from autopack.gaps.python_source import dotted_name, keyword

Function = ast.FunctionDef | ast.AsyncFunctionDef

_WITHOUT_REASON = rb"\(\s{0,80}(?:strict\s{0,8}=\s{0,8}\w{1,20},?\s{0,80})?\)"
# Patterns that begin with a literal are searched for many times faster.
_MAY_OCCUR = (
    re.compile(rb"mark\.(?:skip|xfail)\b(?:(?!\()|" + _WITHOUT_REASON + rb")"),
    re.compile(rb"unittest\.skip\b(?!\()"),
    re.compile(rb"pytest\.(?:skip|xfail)" + _WITHOUT_REASON),
)
_MARKS = {
    "pytest.mark.skip": "skip",
    "mark.skip": "skip",
    "unittest.skip": "skip",
    "pytest.mark.xfail": "xfail",
    "mark.xfail": "xfail",
}
_CALLS = {"pytest.skip": "skip", "pytest.xfail": "xfail"}
_TELLS = re.compile(
    r"skip|disabl|xfail|fail|broken|todo|fixme|until|bug|issue|flak|slow|not (?:yet )?(?:supported|implemented)|#\d",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class DisabledTest:
    """A test, class or module (`name` is empty) that is skipped, or allowed to fail, for no stated reason."""

    name: str
    how: str
    """`skip` or `xfail`."""
    may_pass: bool
    """It is marked `strict=False`: it may fail or pass, whatever the suite's settings say."""
    place: Evidence


def may_occur(data: bytes) -> bool:
    """Tell, without parsing, whether DATA may hold one."""
    return (b"skip" in data or b"xfail" in data) and any(pattern.search(data) for pattern in _MAY_OCCUR)


def find(path: str, data: bytes, tree: ast.Module) -> tuple[DisabledTest, ...]:
    """Return the tests, classes and modules that are switched off without a reason, in order."""
    lines, places = data.split(b"\n"), Places(path, data)
    found = []
    for name, node, mark in _marks(tree):
        how = _MARKS.get(dotted_name(mark.func if isinstance(mark, ast.Call) else mark))
        how = how or (_CALLS.get(dotted_name(mark.func)) if isinstance(mark, ast.Call) else None)
        if how is None or _states_a_reason(mark) or _is_explained(lines, node, mark):
            continue
        place = places.at_line(mark.lineno)
        test = f"{path}::{name.replace('.', '::')}" if name else None
        strict = keyword(mark, "strict") if isinstance(mark, ast.Call) else None
        may_pass = isinstance(strict, ast.Constant) and strict.value is False
        found.append(DisabledTest(name, how, may_pass, place.model_copy(update={"test_name": test})))
    return tuple(found)


def _marks(tree: ast.Module) -> Iterator[tuple[str, ast.stmt, ast.expr]]:
    """Yield (what is marked, its definition, the mark): decorators, `pytestmark`, and calls that a test always runs."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            if any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets):
                listed = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
                yield from (("", node, mark) for mark in listed)
        elif isinstance(node, Function) and node.name.startswith("test"):
            yield from _marks_of(node.name, node)
        elif isinstance(node, ast.ClassDef):
            yield from ((node.name, node, mark) for mark in node.decorator_list)
            for item in node.body:
                if isinstance(item, Function) and item.name.startswith("test"):
                    yield from _marks_of(f"{node.name}.{item.name}", item)


def _marks_of(name: str, node: Function) -> Iterator[tuple[str, ast.stmt, ast.expr]]:
    yield from ((name, node, mark) for mark in node.decorator_list)
    yield from ((name, node, item.value) for item in node.body if isinstance(item, ast.Expr))


def _states_a_reason(mark: ast.expr) -> bool:
    if not isinstance(mark, ast.Call):
        return False
    return bool(mark.args) or any(argument.arg != "strict" for argument in mark.keywords)


def _is_explained(lines: list[bytes], node: ast.stmt, mark: ast.expr) -> bool:
    """Tell whether a comment near MARK or at the head of NODE, the definition, or its docstring says why."""
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
    last = max(mark.end_lineno or mark.lineno, node.lineno)
    body = getattr(node, "body", None)
    if body:
        last = max(last, body[0].lineno - 1, (mark.end_lineno or 0))
        if _TELLS.search(ast.get_docstring(node) or "" if isinstance(node, Function | ast.ClassDef) else ""):
            return True
    above = first - 2
    near = lines[first - 1 : last]
    while above >= 0 and lines[above].strip().startswith(b"#"):
        near.append(lines[above])
        above -= 1
    return any(b"#" in line for line in near)
