"""Walking a syntax tree finds every node of it, whatever the grammar allows."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from autopack.gaps.python_source import walk

_KEPT_OUT = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)

CONSTRUCTS = """
@first
@second(1)
async def everything(a, /, b: int = 1, *rest: str, c, d=2, **others) -> "text":
    global seen
    async with open(a) as handle, other:
        async for x in handle:
            yield await x
    match a:
        case True | False | None: pass
        case 1 | -2 | 3 + 4j | "text" | b"bytes": pass
        case [first, *rest]: pass
        case {"key": value, **others}: pass
        case Point(0, y=1) as point if point: pass
        case module.NAME: pass
        case _: pass
    try:
        raise Fault from cause
    except (A, B) as fault:
        pass
    else:
        assert x, "message"
    finally:
        del a[0], b.c

class Kind(Base, metaclass=Meta):
    field: int
    other: int = 3

def inner():
    nonlocal_value = 1
    def deeper():
        nonlocal nonlocal_value
        nonlocal_value += 1
        return lambda z=1, *y, **w: (z, *y, {**w})
    import a.b as c, d
    from .. import e
    from f import *
    while (n := 3) and not x or y:
        continue
    else:
        break
    for i in []: pass
    values = [i for i in x if i async for j in y], {k: v for k, v in z}, {s for s in t}, (g for g in h)
    text = f"{a!r:>{width}} and {b=}"
    x = a if b else c
    x[1:2, ..., ::3] = -~+1 << 2 @ 3
    return 1 < 2 <= 3 != 4 is not None in x
"""


def walked(tree: ast.AST) -> set[int]:
    return {id(node) for node in walk(tree)}


def expected(tree: ast.AST) -> set[int]:
    return {id(node) for node in ast.walk(tree) if not isinstance(node, _KEPT_OUT)}


@pytest.mark.parametrize("source", CONSTRUCTS.split("\n\n"))
def test_no_construct_is_missed(source: str) -> None:
    """Every node that `ast.walk` finds is found, contexts and operators aside, and nothing that is no node."""
    tree = ast.parse(source)
    assert walked(tree) == expected(tree)


def test_newer_constructs_are_not_missed() -> None:
    """Groups of exceptions, and the parameters of types where this Python has them."""
    sources = ["try:\n    pass\nexcept* ValueError as group:\n    pass\n"]
    if sys.version_info >= (3, 12):
        sources += ["type Pair[T: int, *Ts, **P] = tuple[T, T]\n", "def f[T](x: T) -> T: ...\n", "class C[T]: ...\n"]
    if sys.version_info >= (3, 14):
        sources += ["t'{name!r:>{width}} text'\n"]
    for source in sources:
        tree = ast.parse(source)
        assert walked(tree) == expected(tree)


def test_the_standard_library_is_walked_as_by_ast() -> None:
    """Real modules, of all kinds."""
    folder = Path(ast.__file__).parent
    modules = sorted(folder.glob("*.py"))[::6]
    assert len(modules) > 20
    for module in modules:
        tree = ast.parse(module.read_bytes())
        assert walked(tree) == expected(tree), module.name
