"""What decides works on values: in those packages a data class is frozen unless it is named here with its reason."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "autopack"

DECIDING = ("policy", "governance", "planning", "store")
CHANGING = {
    "planning/order.py:Occupied": "the paths that a plan claims while it fills up",
    "planning/selection.py:Selection": "the places of a plan while it fills up",
}


def _is_frozen(decorator: ast.expr) -> bool:
    stated = {word.arg: word.value for word in decorator.keywords} if isinstance(decorator, ast.Call) else {}
    frozen = stated.get("frozen")
    return isinstance(frozen, ast.Constant) and frozen.value is True


def test_data_classes_of_what_decides_are_frozen() -> None:
    """A fact, a verdict, a request or a decision cannot be altered after it was made."""
    changing = set()
    for path in sorted(path for package in DECIDING for path in (SOURCE / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.ClassDef):
                continue
            made = [each for each in node.decorator_list if "dataclass" in ast.unparse(each)]
            if made and not all(map(_is_frozen, made)):
                changing.add(f"{path.relative_to(SOURCE).as_posix()}:{node.name}")
    assert changing == set(CHANGING)
