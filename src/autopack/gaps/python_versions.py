"""Branches of a module that only Python 2 runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from autopack.gaps.python_source import dotted_name

_FLAG = re.compile(r"(?:\A|[._])(?:(?:IS_)?PY(?:THON)?_?|is_?py(?:thon)?_?)([23])\Z")
"""`PY2`, `six.PY3`, `IS_PYTHON3`; `args.py2` is an option of somebody's."""
_VERSION = re.compile(r"(?:sys\.)?version_info(?:\.major)?\Z")


def calls_of_python_2(nodes: Iterable[ast.AST]) -> frozenset[int]:
    """Return the identities of the calls among NODES, a module's, in branches that Python 3 never takes."""
    found: set[int] = set()
    for node in nodes:
        if isinstance(node, ast.If) and (major := _asked_for(node.test)):
            dead = node.body if major == "2" else node.orelse
            found.update(id(inner) for part in dead for inner in ast.walk(part) if isinstance(inner, ast.Call))
    return frozenset(found)


def _asked_for(test: ast.expr) -> str | None:
    """Return the major version, `2` or `3`, that TEST asks for, None where it asks for something else."""
    is_denied = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    asked = test.operand if isinstance(test, ast.UnaryOp) and is_denied else test
    if isinstance(asked, ast.Compare) and len(asked.ops) == 1:
        major = _compared(asked.left, asked.ops[0], asked.comparators[0])
    else:
        flag = _FLAG.search(dotted_name(asked))
        major = flag[1] if flag else None
    return {"2": "3", "3": "2"}.get(major or "") if is_denied else major


def _compared(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> str | None:
    """Return the major version that LEFT OPERATOR RIGHT asks for where LEFT is the version of Python."""
    if isinstance(left, ast.Subscript) and _number(left.slice) == 0:
        left = left.value
    is_whole = isinstance(right, ast.Tuple)
    parts = [_number(part) for part in (right.elts if isinstance(right, ast.Tuple) else [right])]
    if not _VERSION.match(dotted_name(left)) or parts[:1] not in ([2], [3]):
        return None
    if isinstance(operator, ast.Eq):
        return None if is_whole else str(parts[0])
    # Below 3.8 is 3.7 too; below 3 and below 2.7 is not.
    if parts[0] == 3 and any(parts[1:]):
        return None
    if isinstance(operator, ast.Lt) or (isinstance(operator, ast.LtE) and parts[0] == 2):
        return "2"
    if isinstance(operator, ast.Gt) and parts[0] == 3 and not is_whole:
        return None
    return "3" if isinstance(operator, ast.Gt | ast.GtE) else None


def _number(node: ast.expr) -> int | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None
