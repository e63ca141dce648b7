"""Python source, read without running it: syntax trees, and what names mean in a module."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable
from functools import lru_cache

MAX_BYTES = 1024 * 1024
"""Larger modules are generated tables; parsing them costs seconds and finds nothing."""


_HEAD_COMMENTS = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:#[^\n]*)?\r?\n){1,40}")
_GENERATED = re.compile(
    rb"do not (?:edit|change|modify)|\b(?:auto(?:matically)?[- ]?)?generated (?:by|from|with|using)\b|@generated\b"
    rb"|\b(?:auto-?|automatically )generated\b[^\n]{0,20}\b(?:file|code|module)\b"
    rb"|\b(?:file|code|module)\b[^\n]{0,20}\b(?:auto-?|automatically )generated\b",
    re.IGNORECASE,
)
_NO_NODE_FIELDS = frozenset(
    [
        *("ctx", "op", "ops", "id", "attr", "arg", "type_comment", "module", "level", "asname", "conversion"),
        *("simple", "tag", "is_async", "lineno", "kwd_attrs", "rest", "str"),
    ]
)
_TEXT_FIELDS = frozenset(
    [
        *(("FunctionDef", "name"), ("AsyncFunctionDef", "name"), ("ClassDef", "name"), ("ExceptHandler", "name")),
        *(("alias", "name"), ("Global", "names"), ("Nonlocal", "names"), ("MatchAs", "name"), ("MatchStar", "name")),
        *(("TypeVar", "name"), ("ParamSpec", "name"), ("TypeVarTuple", "name")),
    ]
)
"""(kind, field) of a name that is plain text in this kind of node, and a node in another."""


@lru_cache(maxsize=1)
def parse(data: bytes) -> ast.Module | None:
    """Return the syntax tree of DATA as `parse_anew` does; callers in a row share it, so nobody changes it."""
    return parse_anew(data)


def parse_anew(data: bytes) -> ast.Module | None:
    """Return a new syntax tree of DATA, or None where it is no Python that this interpreter reads.

    The encoding cookie (PEP 263) is honoured.
    """
    if len(data) > MAX_BYTES:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def says_it_is_generated(data: bytes) -> bool:
    """Tell whether the comments at the head of a module say that a program writes it: its faults are the source's."""
    head = _HEAD_COMMENTS.match(data)
    return head is not None and _GENERATED.search(head[0]) is not None


def dotted_name(node: ast.expr) -> str:
    """Return `a.b.c` for a chain of names, and `` for anything else."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def called_name(call: ast.Call) -> str:
    """Return the last part of what CALL calls: `c` of `a.b.c()`; `` where it has no name."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def imported_names(nodes: Iterable[ast.AST]) -> dict[str, str]:
    """Return local name -> full name for every absolute import among NODES (`P` -> `pathlib.Path`)."""
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.partition(".")[0]
                found[local] = alias.name if alias.asname else local
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def full_name(node: ast.expr, imports: dict[str, str]) -> str:
    """Return the dotted name of NODE with its first part resolved through IMPORTS."""
    first, dot, rest = dotted_name(node).partition(".")
    return f"{imports.get(first, first)}{dot}{rest}" if first else ""


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return the value of the keyword argument NAME of CALL."""
    return next((argument.value for argument in call.keywords if argument.arg == name), None)


def constant_string(node: ast.expr | None) -> str | None:
    """Return the string that NODE is, or None."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def is_true(node: ast.expr | None) -> bool:
    """Tell whether NODE is the constant True."""
    return isinstance(node, ast.Constant) and node.value is True


def walk(tree: ast.AST, *, into_strings: bool = True) -> list[ast.AST]:
    """Return TREE and every node below it, in no useful order, operators left out; many times faster than `ast.walk`.

    Without INTO_STRINGS, f-strings are not entered: positions inside them differ between versions of Python.
    """
    found: list[ast.AST] = []
    waiting = [tree]
    note, take, fields_of = found.append, waiting.pop, _FIELDS
    while waiting:
        node = take()
        note(node)
        kind = node.__class__
        fields = fields_of.get(kind)
        if fields is None:
            fields = fields_of[kind] = _fields_with_nodes(kind)
        if not fields or (kind is ast.JoinedStr and not into_strings):
            continue
        held = node.__dict__
        for name in fields:
            value = held.get(name)
            if value.__class__ is list:
                waiting += value if None not in value else [item for item in value if item is not None]
            elif value is not None:
                waiting.append(value)
    return found


_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}


def _fields_with_nodes(kind: type[ast.AST]) -> tuple[str, ...]:
    """Return the fields of a KIND of node that hold nodes or lists; names and constants, the most common, have none."""
    leaves = _NO_NODE_FIELDS | ({"value", "kind"} if kind in {ast.Constant, ast.MatchSingleton} else set())
    return tuple(name for name in kind._fields if name not in leaves and (kind.__name__, name) not in _TEXT_FIELDS)


def words(text: str) -> frozenset[str]:
    """Return the set of blank-separated words of TEXT: a long table of names reads better so."""
    return frozenset(text.split())
