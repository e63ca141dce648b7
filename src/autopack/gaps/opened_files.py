"""Which file of the repository a call opens, as far as the source says it.

`open(ROOT / "docs" / "changelog.rst")` names the end of a path, whatever `ROOT` is; `Path(__file__).parent / "a.txt"`
names a file beside the module. What is only known when it runs has no name here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autopack.gaps.python_source import called_name, constant_string, full_name, keyword

_MOST_STEPS = 12
"""How many names and wrappers are looked through; nobody writes more, and no cycle is followed for ever."""
_OF_FIRST = frozenset(f"os.path.{name}" for name in ("abspath", "realpath", "normpath", "expanduser", "fspath")) | {
    *("str", "os.fspath", "pathlib.Path", "pathlib.PurePath")
}
_JOINS = frozenset({"os.path.join", "pathlib.Path", "pathlib.PurePath"})
_SAME_PATH = frozenset({"resolve", "absolute", "expanduser"})
_PATH_METHODS = frozenset({"read_text", "write_text", "open"})


@dataclass(frozen=True)
class Opened:
    """The end of the path that a call opens, with `/` between its parts."""

    path: str
    beside_module: bool
    """It is told from the place of the module (`__file__`), so no file of another project can be meant."""


@dataclass(frozen=True)
class _Place:
    parts: tuple[str, ...] = ()
    beside_module: bool = False


@dataclass(frozen=True)
class OpenedFiles:
    """The names of one module that hold paths."""

    imports: dict[str, str]
    bound: Mapping[str, ast.expr]
    """Name -> the one value that is bound to it anywhere in the module."""

    @classmethod
    def of(cls, nodes: Sequence[ast.AST], imports: dict[str, str]) -> OpenedFiles:
        """Look through NODES, all of one module."""
        return cls(imports, _bound_once(nodes))

    def by(self, call: ast.Call) -> Opened | None:
        """Return what CALL opens, or None where the source does not say it."""
        path = _path_argument(call)
        place = None if path is None else self._place(path, _MOST_STEPS)
        end = "/".join(part for part in place.parts if part) if place is not None else ""
        return Opened(end, place.beside_module) if place is not None and end else None

    def _place(self, node: ast.expr, steps: int) -> _Place | None:
        """Return the known end of the path NODE: nothing known is an empty place, an unknown end is None."""
        if not steps:
            return None
        text = constant_string(node)
        if text is not None:
            return _Place(tuple(part for part in text.replace("\\", "/").split("/") if part not in {"", ".", ".."}))
        if isinstance(node, ast.Name):
            if node.id == "__file__":
                return _Place(("",), beside_module=True)
            value = self.bound.get(node.id)
            return _Place() if value is None else self._place(value, steps - 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            return self._joined((node.left, node.right), steps)
        if isinstance(node, ast.Subscript):
            # `Path(__file__).parents[2]`
            inner = node.value.value if isinstance(node.value, ast.Attribute) and node.value.attr == "parents" else None
            return None if inner is None else self._above(inner, steps)
        if isinstance(node, ast.Attribute):
            return self._above(node.value, steps) if node.attr == "parent" else _Place()
        return self._of_call(node, steps) if isinstance(node, ast.Call) else None

    def _of_call(self, call: ast.Call, steps: int) -> _Place | None:
        name = full_name(call.func, self.imports)
        if name == "os.path.dirname" and call.args:
            return self._above(call.args[0], steps)
        if name in _JOINS and len(call.args) > 1:
            return self._joined(call.args, steps)
        if name in _OF_FIRST and len(call.args) == 1:
            return self._place(call.args[0], steps - 1)
        if isinstance(call.func, ast.Attribute) and call.func.attr in _SAME_PATH:
            return self._place(call.func.value, steps - 1)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "joinpath":
            return self._joined((call.func.value, *call.args), steps)
        return None

    def _above(self, node: ast.expr, steps: int) -> _Place | None:
        place = self._place(node, steps - 1)
        return None if place is None else _Place(place.parts[:-1], place.beside_module)

    def _joined(self, nodes: Iterable[ast.expr], steps: int) -> _Place | None:
        parts: tuple[str, ...] = ()
        beside_module = False
        for number, node in enumerate(nodes):
            place = self._place(node, steps - 1)
            # A path that ends in something unknown ends in anything; only its beginning may be unknown.
            if place is None or (number and not place.parts and constant_string(node) is None):
                if number:
                    return None
                place = _Place()
            parts = (*parts, *place.parts)
            beside_module = beside_module or (place.beside_module and not number)
        return _Place(parts, beside_module)


def _path_argument(call: ast.Call) -> ast.expr | None:
    if isinstance(call.func, ast.Attribute) and call.func.attr in _PATH_METHODS and call.func.attr != "open":
        return call.func.value
    if called_name(call) != "open":
        return None
    if isinstance(call.func, ast.Attribute) and not (
        isinstance(call.func.value, ast.Name) and call.func.value.id == "io"
    ):
        return call.func.value
    return call.args[0] if call.args else keyword(call, "file")


def _bound_once(nodes: Iterable[ast.AST]) -> dict[str, ast.expr]:
    """Return the names that one assignment binds, and nothing else does anywhere in the module."""
    values: dict[str, ast.expr] = {}
    times: dict[str, int] = {}
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            times[node.id] = times.get(node.id, 0) + 1
        elif isinstance(node, ast.arg):
            times[node.arg] = times.get(node.arg, 0) + 2
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    values[target.id] = node.value
    return {name: value for name, value in values.items() if times.get(name) == 1}


def candidates(opened: Opened, module: str) -> list[str]:
    """Return the paths from the root that OPENED may be, the nearest to MODULE first: below its folder and below each
    folder above it. Beside the module means below those too: `dirname` may have been taken more than once."""
    folder = module.rpartition("/")[0]
    found = []
    while True:
        found.append(f"{folder}/{opened.path}" if folder else opened.path)
        if not folder:
            return found
        folder = folder.rpartition("/")[0]
