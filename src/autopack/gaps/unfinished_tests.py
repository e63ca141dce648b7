"""What a test without a check computes or changes, and then never looks at: the difference between a test that somebody
did not finish and one that only has to run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from autopack.gaps.python_source import called_name, dotted_name, parse_anew, walk

_COMMENT = re.compile(r"#+[ \t]*([^\n]*)")
_CHECK_CALLED = re.compile(r"(?:self\.)?assert\w+[ \t]*\(")
_SET_UP_OR_SHOWN = re.compile(
    r"draw|plot|show|print|pprint|render|display|save_?fig|log\b|debug|info\b|warning|sleep|wait|poll|join|flush"
    r"|close|stop|shutdown|clean|tear|release|quit|exit|terminate|kill|destroy|dispose|disconnect|cancel|reset|clear|collect\b|seed"
    r"|start\b|__del__|connect\b|ping|setattr|settrace|use\b",
    re.IGNORECASE,
)
_ANSWERS = re.compile(
    r"_*(?:get|read|load|fetch|find|list|lookup|iter|copy|clone|validate|match|test|can|dumps?|loads?)(?:_|$)"
)
_TROUBLE = re.compile(
    r"(?:^|_)(?:(?:api|client|connection|http|import|io|key|os|runtime|server|type|value)?errors?"
    r"|fail(?:s|ed|ing|ures?)?|exceptions?|unreachable|unavailable|refused|denied|timed?_?out|broken|deprecated|legacy|compat\w*)(?:_|$)",
    re.IGNORECASE,
)
"""What a test may be named for that has to be borne: that the call returns may be all that it shows."""
_RAISED = re.compile(r"(?:Error|Exception|Interrupt|Exit|Timeout|Failure|ERROR|EXCEPTION)\w*\Z")
_INPUTS_OF_A_CHAIN = 2
"""A last call that takes so many results of earlier calls is the end of a computation."""


def commented_check(text: str) -> bool:
    """Tell whether a comment of TEXT, the source of a test, is an assertion that is switched off."""
    return any(map(_is_check, _COMMENT.findall(text)))


def _is_check(comment: str) -> bool:
    """Tell whether COMMENT is an assertion and no sentence about one."""
    if comment.startswith(("assert ", "assert(")):
        return parse_anew(comment.encode()) is not None
    return _CHECK_CALLED.match(comment) is not None


def without_comments(text: str) -> str:
    """Return TEXT without what follows a `#`, inside a string as well."""
    return _COMMENT.sub("", text)


def left_unseen(name: str, body: Sequence[ast.stmt], text: str) -> str:
    """Return what a test of this NAME and BODY leaves unlooked at, as `...`; empty where running may be all that it is
    for.

    TEXT is its source. Of a name in capitals, the words are to be parted by `_`.
    """
    last = _last_act(body)
    if last is None:
        return ""
    nodes = [node for statement in body for node in walk(statement)]
    if commented_check(text):
        return "its assertion is a comment"
    if result := _unused_result(last, nodes):
        return f"`{result}` is never looked at"
    if result := _only_printed(last, body, nodes):
        return f"`{result}` is only printed"
    call = _bare_call(last)
    if call is None or _SET_UP_OR_SHOWN.search(called_name(call)) or _is_class(called_name(call)):
        return ""
    if _TROUBLE.search(name) or any(map(_tells_to_raise, nodes)):
        return ""
    results = _results(nodes)
    if (owner := _changed(call, nodes, results)) != "":
        return f"`{owner}` is not looked at after `{called_name(call)}`"
    if len(_inputs(call) & results.keys()) >= _INPUTS_OF_A_CHAIN:
        return f"nothing is looked at after `{called_name(call)}`"
    return ""


def _last_act(body: Sequence[ast.stmt]) -> ast.stmt | None:
    """Return the last statement that does more than print, tidy up or set something up again."""
    for statement in reversed(body):
        if isinstance(statement, ast.With | ast.AsyncWith):
            return _last_act(statement.body)
        call = _bare_call(statement)
        if call is not None and _SET_UP_OR_SHOWN.search(called_name(call)):
            continue
        if isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign):
            return statement
        return None
    return None


def _bare_call(statement: ast.stmt) -> ast.Call | None:
    """Return the call that STATEMENT makes and whose value it drops."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    value = value.value if isinstance(value, ast.Await) else value
    return value if isinstance(value, ast.Call) else None


def _tells_to_raise(node: ast.AST) -> bool:
    """Tell whether NODE has a stand-in raise: who calls it has to bear that, or the test would fail."""
    told: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        told += [node.value for one in node.targets if isinstance(one, ast.Attribute) and one.attr == "side_effect"]
    elif isinstance(node, ast.Call):
        told += [argument.value for argument in node.keywords if argument.arg == "side_effect"]
    names = [dotted_name(value.func if isinstance(value, ast.Call) else value) for value in told]
    return any(map(_RAISED.search, names))


def _is_class(name: str) -> bool:
    return name.lstrip("_")[:1].isupper()


def _made_by(value: ast.expr | None) -> ast.Call | None:
    value = value.value if isinstance(value, ast.Await) else value
    return value if isinstance(value, ast.Call) else None


def _unused_result(last: ast.stmt, nodes: Sequence[ast.AST]) -> str:
    """Return the name that LAST gives to the result of a call and that nothing reads."""
    call = _made_by(last.value) if isinstance(last, ast.Assign | ast.AnnAssign) else None
    if call is None or _is_class(called_name(call)) or _SET_UP_OR_SHOWN.search(called_name(call)):
        return ""
    names = list(_bound_names(last))
    read = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    if not names or not read.isdisjoint(names):
        return ""
    return names[0]


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that an assignment binds; none where it binds anything else, or where `_` says: not needed."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
    flat = [part for target in targets for part in (target.elts if isinstance(target, ast.Tuple) else [target])]
    if all(isinstance(part, ast.Name) and not part.id.startswith("_") for part in flat):
        yield from (part.id for part in flat if isinstance(part, ast.Name))


def _only_printed(last: ast.stmt, body: Sequence[ast.stmt], nodes: Sequence[ast.AST]) -> str:
    """Return the name that LAST binds and that only `print` reads."""
    printed = {
        id(name)
        for node in nodes
        if isinstance(node, ast.Call) and called_name(node) in {"print", "pprint"}
        for name in walk(node)
    }
    return _unused_result(last, [node for node in nodes if id(node) not in printed]) if printed and body else ""


def _results(nodes: Sequence[ast.AST]) -> dict[str, bool]:
    """Return the names that are given what a call returns -> whether the call makes an object of a class."""
    found: dict[str, bool] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and (inner := [one for one in walk(node.value) if isinstance(one, ast.Call)]):
            made = _made_by(node.value)
            for target in node.targets:
                for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                    if isinstance(part, ast.Name):
                        found[part.id] = made is not None and made in inner and _is_class(called_name(made))
    return found


def _changed(call: ast.Call, nodes: Sequence[ast.AST], results: dict[str, bool]) -> str:
    """Return the object that CALL, the last act of a test, is a method of, where the test or its class made it."""
    if not isinstance(call.func, ast.Attribute) or _ANSWERS.match(call.func.attr):
        return ""
    owner = dotted_name(call.func.value)
    first, _, rest = owner.partition(".")
    aliases = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and dotted_name(node.value).startswith("self.")
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    is_own = (
        (first == "self" and rest.count(".") == 0 and rest != "") or (owner in aliases) or results.get(owner, False)
    )
    return owner if is_own else ""


def _inputs(call: ast.Call) -> set[str]:
    values = [*call.args, *(argument.value for argument in call.keywords)]
    return {value.id for value in values if isinstance(value, ast.Name)}
