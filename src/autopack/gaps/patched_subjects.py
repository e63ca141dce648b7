"""Tests that replace the very function that they are named for, and then call it: what they prove is the replacement.

Only what is certain is reported. The test is named for the function, patches it by its full name, and calls it by the
same name afterwards, in its own body.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from autopack.gaps.excerpts import Places
from autopack.gaps.models import Evidence
from autopack.gaps.python_source import (
    called_name,
    constant_string,
    dotted_name,
    full_name,
    imported_names,
    keyword,
    walk,
)

Function = ast.FunctionDef | ast.AsyncFunctionDef

_NAME_GIVEN = rb"[^()\"'\n]{0,200}[\"'](?:[\w.]{1,200}\.)?(\w{1,100})[\"']"
# Patterns that begin with a literal are searched for many times faster.
_PATCHED = (
    re.compile(rb"patch(?:\.object)?\(" + _NAME_GIVEN),
    re.compile(rb"setattr\(" + _NAME_GIVEN),
)
_TEST = re.compile(rb"^[ \t]*(?:async )?def (test\w*)\(", re.MULTILINE)
_KEEPS_THE_ORIGINAL = frozenset({"wraps", "side_effect"})


@dataclass(frozen=True)
class PatchedSubject:
    """A test that calls what it has replaced. `target` is the full name of the function."""

    name: str
    target: str
    place: Evidence


@dataclass(frozen=True)
class _Patch:
    target: str
    line: int
    """From where on it holds: 0 for a decorator."""
    last_line: int | None
    """Up to where it holds, for one that ends within the test."""


def may_occur(data: bytes) -> bool:
    """Tell, without parsing, whether DATA may hold one."""
    if b"patch" not in data:
        return False
    patched = {name for pattern in _PATCHED for name in pattern.findall(data)}
    tests = b"_ ".join(_TEST.findall(data)).lower() + b"_"
    claimed = [name for name in patched if b"_" + name.strip(b"_") + b"_" in tests]
    return any(b"." + name + b"(" in data for name in claimed)


def find(path: str, data: bytes, tree: ast.Module) -> tuple[PatchedSubject, ...]:
    """Return the tests of a module that call what they have replaced, in order."""
    imports = imported_names(node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    places, found = Places(path, data), []
    for owner, node in _tests(tree):
        patches = [patch for patch in _patches(node, imports) if _is_claimed(patch.target, node.name)]
        calls = [item for item in walk(node) if isinstance(item, ast.Call)] if patches else []
        for patch in patches:
            reached = (call for call in calls if _reaches(call, patch, imports))
            call = min(reached, key=lambda call: call.lineno, default=None)
            if call is None:
                continue
            name = f"{owner}.{node.name}" if owner else node.name
            place = places.at_line(call.lineno)
            test = f"{path}::{name.replace('.', '::')}"
            found.append(PatchedSubject(name, patch.target, place.model_copy(update={"test_name": test})))
            break
    return tuple(found)


def _tests(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    for node in tree.body:
        if isinstance(node, Function) and node.name.startswith("test"):
            yield "", node
        elif isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, Function) and item.name.startswith("test"):
                    yield node.name, item


def _is_claimed(target: str, test: str) -> bool:
    """Tell whether the name of TEST names the function TARGET: all of its words, in a row."""
    name = target.rpartition(".")[2].strip("_")
    return name == name.lower() and f"_{name}_" in f"{test.lower()}_"


def _patches(node: Function, imports: dict[str, str]) -> Iterator[_Patch]:
    """Yield what NODE replaces in all of its body, or from a statement of its own on."""
    for decorator in node.decorator_list:
        target = _target(decorator, imports)
        if target is not None:
            yield _Patch(target, 0, None)
    for statement in node.body:
        if isinstance(statement, ast.Expr):
            target = _target(statement.value, imports)
            if target is not None:
                yield _Patch(target, statement.end_lineno or statement.lineno, None)
        elif isinstance(statement, ast.With | ast.AsyncWith):
            for item in statement.items:
                target = _target(item.context_expr, imports)
                if target is not None:
                    yield _Patch(target, item.context_expr.end_lineno or statement.lineno, statement.end_lineno)


def _reaches(call: ast.Call, patch: _Patch, imports: dict[str, str]) -> bool:
    """Tell whether CALL runs the replacement: a name that was imported by itself is still bound to the original."""
    after = call.lineno > patch.line and (patch.last_line is None or call.lineno <= patch.last_line)
    return after and isinstance(call.func, ast.Attribute) and full_name(call.func, imports) == patch.target


def _target(node: ast.expr, imports: dict[str, str]) -> str | None:
    """Return the full name of what the call NODE replaces by something that does not lead back to it."""
    if not isinstance(node, ast.Call):
        return None
    written = dotted_name(node.func)
    last = written.rpartition(".")[2]
    if not (last == "patch" or written.endswith("patch.object") or (last == "setattr" and "." in written)):
        return None
    whole = constant_string(node.args[0]) if node.args else None
    if whole is not None and last in {"patch", "setattr"}:
        target, replacement = whole, node.args[1:]
    elif whole is None and last in {"object", "setattr"} and len(node.args) >= 2:
        holder, name = full_name(node.args[0], imports), constant_string(node.args[1])
        target, replacement = f"{holder}.{name}" if holder and name else "", node.args[2:]
    else:
        return None
    if "." not in target or _leads_back(target.rpartition(".")[2], node, replacement):
        return None
    return target


def _leads_back(name: str, call: ast.Call, replacement: list[ast.expr]) -> bool:
    """Tell whether the replacement may be, or call, the function NAME that CALL replaces."""
    if any(keyword(call, word) is not None for word in _KEEPS_THE_ORIGINAL):
        return True
    new = keyword(call, "new")
    given = replacement if new is None else [*replacement, new]
    return any(not _is_known(value) or name in ast.dump(value) for value in given)


def _is_known(value: ast.expr) -> bool:
    """Tell whether VALUE is a constant, a lambda that calls nothing, or a mock made on the spot."""
    if isinstance(value, ast.Lambda):
        return not any(isinstance(item, ast.Call | ast.Await) for item in walk(value.body))
    if isinstance(value, ast.Call):
        is_mock = called_name(value).endswith("Mock")
        return is_mock and all(keyword(value, word) is None for word in _KEEPS_THE_ORIGINAL)
    return isinstance(value, ast.Constant)
