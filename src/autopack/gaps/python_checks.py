"""Which tests check something, themselves or through what they call.

Whether a call checks is judged by its name and, where it is defined in the test tree, by its body. In doubt a call is
believed to check: a test that is wrongly called vacuous costs more than one that is missed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from autopack.gaps.excerpts import Places
from autopack.gaps.models import Evidence
from autopack.gaps.python_source import called_name, constant_string, dotted_name, keyword, walk, words
from autopack.gaps.unfinished_tests import commented_check, left_unseen, without_comments

Function = ast.FunctionDef | ast.AsyncFunctionDef

_CHECKING_NAME = re.compile(
    r"assert|raise|warn|fail|verif|expect|ensure|valid|check|compar|match|must|should|require|confirm|inspect|diff"
    r"|approx|snapshot|golden|wait|until|poll|equal|deprecat|abort|exit|skip|throw|reject|deny|prove|similar|same|lint"
    r"|^_?(?:eq|ok|is|has|test|run|do|go|exercise|perform|roundtrip|round_trip)_|(?:^|_)(?:eq|ok|ne)_?$"
    # Twisted's `Failure.trap` raises what is not expected; what is run within a time fails by not ending; a
    # `RequestsMock` of responses asserts that every answer was asked for.
    r"|^(?:trap|time_?out|time_?limit|within|RequestsMock)$",
    re.IGNORECASE,
)
_CHECKING_KEYWORD = re.compile(r"check|timeout|raise|strict|fail|catch_exceptions|(?:^|_)exc(?:_|$|ept)|expect")
_STAND_IN = re.compile(r"mock|fake|stub|dummy", re.IGNORECASE)
_CHECKS_LITERALLY = re.compile(r"\bassert\b|\.assert|raises\(|\bfail\(|assertRaises")
_NOT_FOLLOWED = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
    *(ast.While, ast.Yield, ast.YieldFrom, ast.Try),
)
_PROMISES = frozenset({"Deferred", "Future", "create_future"})
"""Calls that make what is still to come. A test that hands it to its runner, or awaits it, fails by not ending."""
_CHECKING_METHODS = frozenset({"__call__", "__exit__", "__aexit__"})
"""Methods that are run without being named, where an object is called or a `with` ends: its class is named then."""
_CHECKING_TEXT = re.compile(r"assert|expect\(|raise ")
_MUST_NOT_RAISE = re.compile(
    r"(?:^|_)(?:already|empty|none|no|without|nonexist\w*|missing|unknown|smoke|sanity|crash\w*|hang\w*|leak\w*"
    r"|segfault|deadlock|stack_?(?:limit|overflow)|recursion\w*|default_impl\w*|fuzz|bench\w*|perf|stress|noop|no_op|import\w*"
    r"|works?|runs?|ok|okay|safe\w*|valid|allow\w*|accept\w*|support\w*|success\w*|idempotent|tolera\w+|silent\w*"
    r"|surviv\w*|regression|issue_?\d+|bug_?\d+|gh_?\d+|repr|str|example\w*|demo|coverage|compiles?|parses"
    r"|(?:no|not|non|never|without|doesnt|doesn_t|does_not|dont|do_not)_(?:raise\w*|throw\w*|error\w*"
    r"|exception\w*|except|crash\w*|fail\w*|warn\w*|hang\w*|break\w*|leak\w*|block\w*|blow\w*|deadlock\w*"
    r"|effect|problem\w*|issue\w*|op)|do(?:es)?_nothing)"
    r"(?:_|$)",
    re.IGNORECASE,
)
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MEANT = re.compile(
    r"(?:should|must|does|do|will|wo|would|can|ca|did|is|are|was|has)(?:n't|nt| not|not)\b|\b(?:no|without|never"
    r"|any)\b[^.\n]{0,25}"
    r"(?:error|exception|crash|warning|raise|raising|fail|hang|problem)|smoke|segfault|\bjust\b|make sure|ensure|sanity"
    r"|regression|issue|\bbug\b|gh-\d|#\d{2,}|coverage|only (?:check|test|verif)|simply|used to|previously"
    r"|works|succeed|\b(?:it'?s|is|are) (?:ok|okay|fine|valid|allowed|accepted|supported)\b"
    r"|assert|raise[sd]?\b|crash|deadlock|hang|\bto (?:force|provoke) (?:an? )?(?:error|exception|failure)",
    re.IGNORECASE,
)
"""Words in a docstring or comment by which an author says that running is the test."""
_DOCTEST = re.compile(r"^\s*(?:>>> |In \[\d+\]: )", re.MULTILINE)
"""A session in a docstring, of Python or IPython, which a doctest runner repeats."""
_BENIGN_MARKS = words(
    "parametrize asyncio anyio trio django_db slow unit integration unittest functional flaky order xdist_group network"
    " online linux windows unix e2e usefixtures"
)
_BENIGN_DECORATORS = frozenset({"staticmethod", "classmethod", "override_settings", "freeze_time"})
_BUILTIN_FIXTURES = words(
    "request tmp_path tmpdir tmp_path_factory tmpdir_factory monkeypatch capsys capfd caplog recwarn cache mocker"
    " record_property event_loop client db settings app"
)
_NAMED_TEST = re.compile(r"[Tt]est")
_FOR_OTHERS = re.compile(r"abstract|mixin|interface|dummy|fake|mock|stub", re.IGNORECASE)
_PERHAPS_FOR_OTHERS = re.compile(r"base|template", re.IGNORECASE)
"""Words in the name of a class that is there to derive others from; the latter name subjects of tests as well."""
_SET_UP = re.compile(r"(?:async_?)?set_?up|(?:async_?)?setUp")
_TEARDOWNS = frozenset({"tearDown", "tearDownClass", "teardown_method", "teardown_class", "teardown", "asyncTearDown"})


@dataclass(frozen=True)
class FunctionFact:
    """A function that tests may call: whether it checks something itself, and what it calls and asks for."""

    name: str
    checks: bool
    uses: frozenset[str]
    fixture: bool = False
    automatic: bool = False
    """A fixture that every test below it gets."""
    stand_in: bool = False
    """A class that takes the place of something real, with methods that assert: it checks where a set-up puts it."""


@dataclass(frozen=True)
class Suspect:
    """A test with no check of its own. The sets hold what may check for it."""

    name: str
    """`Class.test`, or the test's name."""
    place: Evidence
    empty: bool
    uses: frozenset[str]
    """Last names of all calls."""
    handed: frozenset[str]
    """Names of what calls and attributes are given: a function among them may check."""
    own: frozenset[str]
    """Those that are methods of the test's own object."""
    from_tests: frozenset[str]
    """Those that are imported from a module with `test` in its name."""
    fixtures: frozenset[str]
    installed: frozenset[str]
    """Names of what its class's set-up sets attributes to: a stand-in among them may check."""
    teardowns: frozenset[str]
    """What its class runs after each of its tests. Others of these names, in modules that it sees, are not run."""
    inherits: bool
    """Its class derives from something else than a plain test case."""
    owner: str = ""
    """The class that it is a method of."""
    unseen: str = ""
    """What it computes or changes and never looks at; empty where running may be all that it is for."""


@dataclass(frozen=True)
class Checkers:
    """The functions and fixtures of a test tree, by path and name, and which of them check."""

    visible: Mapping[str, frozenset[str]]
    """Path of a module -> paths of the modules whose functions it may call: those that it imports, one through
    another, and the `conftest.py` above it."""
    known: Mapping[str, frozenset[str]]
    """Path -> names of the functions defined there."""
    checking: Mapping[str, frozenset[str]]
    stand_ins: Mapping[str, frozenset[str]]
    """Path -> names of the classes that check where a set-up puts them."""
    fixtures: frozenset[str]
    """Names of all functions anywhere: a plugin may bring a fixture along."""
    checking_fixtures: frozenset[str]
    automatic: frozenset[str]
    """Modules whose every test gets a fixture that checks. Those of a `conftest.py` do not count: they guard the whole
    suite, and say nothing about what one test is meant to show."""

    @classmethod
    def of(cls, modules: Mapping[str, tuple[FunctionFact, ...]], visible: Mapping[str, frozenset[str]]) -> Checkers:
        """Follow calls from function to function, by name, until nothing new is found to check.

        MODULES holds the functions of each path, VISIBLE the paths whose functions each may call.
        """
        stand_ins = {path: frozenset(one.name for one in every if one.stand_in) for path, every in modules.items()}
        modules = {path: tuple(one for one in every if not one.stand_in) for path, every in modules.items()}
        known = {path: frozenset(function.name for function in functions) for path, functions in modules.items()}
        checking = {path: {one.name for one in functions if one.checks} for path, functions in modules.items()}
        waiting = [(path, one) for path, functions in modules.items() for one in functions if not one.checks]
        waiting = [(path, one) for path, one in waiting if one.name not in checking[path]]
        grown = True
        while grown:
            left = []
            for path, one in waiting:
                if _any_checks(one.uses, visible.get(path, frozenset({path})), known, checking):
                    checking[path].add(one.name)
                else:
                    left.append((path, one))
            grown, waiting = len(left) < len(waiting), left
        automatic = frozenset(
            path
            for path, functions in modules.items()
            if not path.endswith("conftest.py")
            and any(function.automatic and function.name in checking[path] for function in functions)
        )
        settled = {path: frozenset(names) for path, names in checking.items()}
        return cls(
            visible=visible,
            known=known,
            checking=settled,
            stand_ins=stand_ins,
            fixtures=frozenset().union(*known.values()),
            checking_fixtures=frozenset().union(*settled.values()),
            automatic=automatic,
        )

    def check_for(self, path: str, suspect: Suspect) -> bool:
        """Tell whether something that SUSPECT, a test in PATH, uses checks, or may."""
        if path in self.automatic:
            return True
        seen = self.visible.get(path, frozenset({path}))
        if _any_checks(suspect.uses, seen, self.known, self.checking):
            return True
        if any(not suspect.handed.isdisjoint(self.checking[one]) for one in seen):
            return True
        if any(not suspect.installed.isdisjoint(self.stand_ins[one]) for one in seen):
            return True
        if not suspect.teardowns.isdisjoint(self.checking[path]):
            return True
        if not (suspect.own | suspect.from_tests) <= frozenset[str]().union(*(self.known[one] for one in seen)):
            return True
        unknown = suspect.fixtures - self.fixtures - _BUILTIN_FIXTURES
        return bool(unknown) or bool(suspect.fixtures & self.checking_fixtures)


def _any_checks(
    names: frozenset[str],
    seen: frozenset[str],
    known: Mapping[str, frozenset[str]],
    checking: Mapping[str, Set[str]],
) -> bool:
    """Tell whether a call of one of NAMES checks, judged by its body where one of the modules SEEN defines it."""
    for name in names:
        homes = [path for path in seen if name in known[path]]
        if any(name in checking[path] for path in homes) or (not homes and _sounds_like_a_check(name)):
            return True
    return False


@lru_cache(maxsize=65_536)
def _sounds_like_a_check(name: str) -> bool:
    return _CHECKING_NAME.search(name) is not None


def functions(tree: ast.Module) -> tuple[FunctionFact, ...]:
    """Return the functions and methods of TREE; what is nested in one belongs to it."""
    found = []
    for node in _outer_definitions(tree):
        if isinstance(node, ast.ClassDef):
            found += _as_function(node)
            continue
        fixture = [decorator for decorator in node.decorator_list if "fixture" in _decorator_name(decorator)]
        automatic = any(isinstance(one, ast.Call) and keyword(one, "autouse") is not None for one in fixture)
        inner = _body(node)
        uses = _called(inner) | _parameters(node)
        checks = _checks_itself(inner) or _waits_for_a_promise(inner, uses)
        found.append(FunctionFact(node.name, checks, uses, bool(fixture), automatic))
    return tuple(found)


def _as_function(node: ast.ClassDef) -> list[FunctionFact]:
    """Return a class as a function of its name where its objects are called or entered, or where what it derives from
    may call a method of it that asserts, and a stand-in with such a method; other classes are none."""
    methods = [item for item in node.body if isinstance(item, Function)]
    unnamed = tuple(chain.from_iterable(_body(item) for item in methods if item.name in _CHECKING_METHODS))
    if unnamed:
        return [FunctionFact(node.name, _checks_itself(unnamed), _called(unnamed))]
    is_stand_in = _STAND_IN.search(node.name) is not None
    if (all(map(_plain_base, node.bases)) and not is_stand_in) or _NAMED_TEST.match(node.name):
        return []
    asserts = any(_asserts(item) for method in methods if method.name != "__init__" for item in _body(method))
    return [FunctionFact(node.name, checks=True, uses=frozenset(), stand_in=is_stand_in)] if asserts else []


def _asserts(item: ast.AST) -> bool:
    """Tell whether ITEM asserts. Raising anything else may be what an object is made to do."""
    named = item.attr if isinstance(item, ast.Attribute) else item.id if isinstance(item, ast.Name) else ""
    return isinstance(item, ast.Assert) or named.startswith("assert") or named == "AssertionError"


def _is_for_later(item: ast.AST) -> bool:
    """Tell whether ITEM is a call such as `addCleanup` or `addfinalizer`."""
    return isinstance(item, ast.Call) and called_name(item).lower().endswith(("cleanup", "finalizer"))


def _called(inner: tuple[ast.AST, ...]) -> frozenset[str]:
    """Return the last names of all calls in a body, those behind a short name (`check = self.check_all`) included."""
    called = {called_name(item) for item in inner if isinstance(item, ast.Call)}
    named = [
        item for item in inner if isinstance(item, ast.Assign) and isinstance(item.value, ast.Attribute | ast.Name)
    ]
    for item in named:
        if any(isinstance(target, ast.Name) and target.id in called for target in item.targets):
            called.add(dotted_name(item.value).rpartition(".")[2])
    return frozenset(called)


def _outer_definitions(tree: ast.Module) -> Iterator[Function | ast.ClassDef]:
    """Yield the functions, methods and classes of TREE that are not inside a function."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function | ast.ClassDef):
            yield node
        if isinstance(node, ast.ClassDef | ast.If | ast.Try | ast.With):
            waiting.extend(node.body)
            if isinstance(node, ast.If | ast.Try):
                waiting.extend(node.orelse)


def _body(node: Function) -> tuple[ast.AST, ...]:
    """Return everything in the body of NODE: no decorators, no defaults."""
    return tuple(chain.from_iterable(map(walk, node.body)))


def suspects(path: str, data: bytes, tree: ast.Module) -> tuple[Suspect, ...]:
    """Return the tests of a test module that hold no check of their own."""
    if _skips_all(tree):
        return ()
    lines = data.split(b"\n")
    from_tests, places = _imported_from_tests(tree), Places(path, data)
    found = []
    for owner, node in _tests(tree):
        text = b"\n".join(lines[node.lineno - 1 : _end(node, lines)]).decode("utf-8", "replace")
        empty = _is_empty(node) and not _DOCTEST.search(ast.get_docstring(node) or "")
        if empty and owner and _PERHAPS_FOR_OTHERS.search(owner.name):
            continue
        inner = () if empty or _CHECKS_LITERALLY.search(without_comments(text)) else _body(node)
        if not (empty or (inner and _is_suspect(node, inner, text))) or (empty and _is_used(node, owner, tree)):
            continue
        marks = [*node.decorator_list, *(owner.decorator_list if owner else [])]
        fixtures = _fixtures(node, marks, is_method=owner is not None)
        if not empty and _is_counterpart(node, owner, tree):
            continue
        if fixtures is None or (empty and (fixtures or _MEANT.search(text) or _MUST_NOT_RAISE.search(node.name))):
            continue
        calls = [item for item in inner if isinstance(item, ast.Call)]
        uses = _called(inner)
        unseen = "" if empty else left_unseen(_CAPITAL.sub("_", node.name), node.body, text)
        prepared = _prepared(owner) if owner else ()
        if any(isinstance(item, Function) and any(map(_asserts, _body(item))) for item in prepared):
            continue
        # Where importing is the first thing that a test does, it may be what is tested.
        if not unseen and any(isinstance(item, ast.Import | ast.ImportFrom) for item in inner):
            continue
        place = places.at_line(node.lineno)
        name = f"{owner.name}.{node.name}" if owner else node.name
        found.append(
            Suspect(
                name=name,
                place=place.model_copy(update={"test_name": f"{path}::{name.replace('.', '::')}"}),
                empty=empty,
                uses=uses,
                handed=_handed((*inner, *filter(_is_for_later, prepared))),
                own=frozenset(called_name(call) for call in calls if _is_own(call)),
                from_tests=uses & from_tests,
                fixtures=fixtures,
                installed=_handed(item for item in prepared if isinstance(item, ast.Assign)),
                teardowns=_teardowns(owner) if owner else frozenset(),
                inherits=owner is not None and any(not _plain_base(base) for base in owner.bases),
                owner=owner.name if owner else "",
                unseen=unseen,
            )
        )
    return tuple(found)


def _end(node: Function, lines: Sequence[bytes]) -> int:
    """Return the last line of NODE, with the comments that follow its last statement and are indented as deep."""
    end = after = node.end_lineno or node.lineno
    while after < len(lines) and (not lines[after].strip() or lines[after].lstrip().startswith(b"#")):
        after += 1
        if lines[after - 1].strip() and len(lines[after - 1]) - len(lines[after - 1].lstrip()) > node.col_offset:
            end = after
    return end


def _tests(tree: ast.Module) -> Iterator[tuple[ast.ClassDef | None, Function]]:
    """Yield the tests that a runner collects: top-level functions, and methods of classes that are no bases."""
    for node in tree.body:
        if isinstance(node, Function) and node.name.startswith("test"):
            yield None, node
        elif isinstance(node, ast.ClassDef) and _is_collected(node):
            for item in node.body:
                if isinstance(item, Function) and item.name.startswith("test"):
                    yield node, item


def _is_collected(node: ast.ClassDef) -> bool:
    if _FOR_OTHERS.search(node.name) or (_PERHAPS_FOR_OTHERS.search(node.name) and not _NAMED_TEST.match(node.name)):
        return False
    if any(keyword_argument.arg == "metaclass" for keyword_argument in node.keywords):
        return False
    bases = [dotted_name(base) for base in node.bases]
    if any("ABC" in base.split(".") for base in bases):
        return False
    return bool(_NAMED_TEST.match(node.name)) or any("Test" in base for base in bases)


def _plain_base(base: ast.expr) -> bool:
    return dotted_name(base).rpartition(".")[2] in {"object", "TestCase", "IsolatedAsyncioTestCase"}


def _is_empty(node: Function) -> bool:
    return all(
        isinstance(item, ast.Pass) or (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))
        for item in node.body
    )


def _is_counterpart(node: Function, owner: ast.ClassDef | None, tree: ast.Module) -> bool:
    """Tell whether NODE ends with a call that a test beside it expects to raise: here it must not."""
    last = node.body[-1]
    call = last.value if isinstance(last, ast.Expr | ast.Assign) else None
    call = call.value if isinstance(call, ast.Await) else call
    if not isinstance(call, ast.Call):
        return False
    # Who gives the result a name meant to look at it.
    handed = isinstance(last, ast.Expr)
    return called_name(call) in set(_expected_to_raise((owner or tree).body, handed=handed))


def _expected_to_raise(body: list[ast.stmt], *, handed: bool) -> Iterator[str]:
    """Yield the last names of what the tests of BODY expect to raise: inside a `with raises(…)`, or HANDED to one."""
    for test in body:
        if isinstance(test, Function):
            for item in walk(test):
                if isinstance(item, ast.With | ast.AsyncWith) and any(
                    isinstance(one.context_expr, ast.Call) and "raises" in called_name(one.context_expr).lower()
                    for one in item.items
                ):
                    inner = chain.from_iterable(map(walk, item.body))
                    yield from (called_name(call) for call in inner if isinstance(call, ast.Call))
                elif (
                    handed
                    and isinstance(item, ast.Call)
                    and len(item.args) > 1
                    and "raises" in called_name(item).lower()
                ):
                    yield dotted_name(item.args[1]).rpartition(".")[2]


def _is_used(node: Function, owner: ast.ClassDef | None, tree: ast.Module) -> bool:
    """Tell whether the module hands NODE to something by its name: then it is a stand-in, and no test."""
    return owner is None and any(isinstance(item, ast.Name) and item.id == node.name for item in walk(tree))


def _is_suspect(node: Function, inner: tuple[ast.AST, ...], text: str) -> bool:
    """Tell whether a test that does something shows no sign of a check, nor of an author who wants none."""
    if _MUST_NOT_RAISE.search(_CAPITAL.sub("_", node.name)) or _says_so(node, text) or _checks_itself(inner):
        return False
    # Defining or looping until something happens is the test itself; yielding and trying are not followed.
    if any(isinstance(item, _NOT_FOLLOWED) or _imports_helpers(item) for item in inner) or _forbids_writing(inner):
        return False
    marks = [mark for mark in node.decorator_list if isinstance(mark, ast.Call)]
    filled = [_parametrized(mark) or frozenset() for mark in marks if _decorator_name(mark).endswith("parametrize")]
    given = frozenset[str]().union(*filled)
    if any(isinstance(item, ast.withitem) and dotted_name(item.context_expr) in given for item in inner):
        return False  # `with expectation:`, which may be `pytest.raises(…)`
    called = _called(inner)
    return bool(called) and not _waits_for_a_promise(inner, called)


def _forbids_writing(inner: tuple[ast.AST, ...]) -> bool:
    """Tell whether a body makes an array read-only before it calls something: a write to it raises from then on."""
    forbidden = [item.lineno for item in inner if isinstance(item, ast.Assign | ast.Call) and _makes_read_only(item)]
    return bool(forbidden) and any(isinstance(item, ast.Call) and item.lineno > min(forbidden) for item in inner)


def _makes_read_only(item: ast.Assign | ast.Call) -> bool:
    """Tell whether ITEM is `x.flags.writeable = False` or `x.setflags(write=False)`, as NumPy has them."""
    value: ast.expr | None
    if isinstance(item, ast.Assign):
        target, value = item.targets[0], item.value
        is_flag = isinstance(target, ast.Attribute) and target.attr == "writeable"
    else:
        value = keyword(item, "write")
        is_flag = called_name(item) == "setflags"
    return is_flag and isinstance(value, ast.Constant) and not value.value


def _imports_helpers(item: ast.AST) -> bool:
    """Tell whether ITEM, in the body of a test, imports what may check for it."""
    return isinstance(item, ast.ImportFrom) and bool(item.level or "test" in (item.module or "").lower())


def _says_so(node: Function, text: str) -> bool:
    comments = " ".join(comment for comment in re.findall(r"#[^\n]*", text) if not commented_check(comment))
    return _MEANT.search(f"{ast.get_docstring(node) or ''} {comments}") is not None


def _checks_itself(inner: tuple[ast.AST, ...]) -> bool:
    """Tell whether a body asserts, raises, or holds text that does."""
    return any(map(_is_check, inner))


def _is_check(item: ast.AST) -> bool:
    # The most common kinds come first: this is asked of every node of every helper.
    if isinstance(item, ast.Name):
        return _names_a_check(item.id)
    if isinstance(item, ast.Attribute):
        return _names_a_check(item.attr)
    if isinstance(item, ast.Constant):
        return isinstance(item.value, str) and _CHECKING_TEXT.search(item.value) is not None
    if isinstance(item, ast.Call):
        # A stand-in that is told to raise does not check.
        told = any(map(_keyword_checks, item.keywords)) or any(map(_is_expected, item.args))
        return told and not _STAND_IN.search(called_name(item))
    return isinstance(item, ast.Assert) or (isinstance(item, ast.Raise) and item.exc is not None)


def _waits_for_a_promise(inner: tuple[ast.AST, ...], called: frozenset[str]) -> bool:
    """Tell whether a body that has CALLED these makes a promise, and ends only when it is kept."""
    return not called.isdisjoint(_PROMISES) and any(
        isinstance(item, ast.Return | ast.Await) and item.value is not None for item in inner
    )


def _names_a_check(name: str) -> bool:
    return "assert" in name or "raises" in name or "warns" in name


def _keyword_checks(argument: ast.keyword) -> bool:
    return argument.arg is not None and _CHECKING_KEYWORD.search(argument.arg) is not None


def _is_expected(argument: ast.expr) -> bool:
    """Tell whether ARGUMENT is named for what has to come out, or to be asked for: `add_response(answer, expected)`."""
    return isinstance(argument, ast.Name) and argument.id.lower().startswith("expect")


def _is_own(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and dotted_name(call.func.value) in {"self", "cls"}


def _handed(inner: Iterable[ast.AST]) -> frozenset[str]:
    """Return the last names of what a body hands over: arguments of calls, values in collections, and what it sets
    attributes to (`stub.side_effect = judge`)."""
    given: list[ast.expr] = []
    for item in inner:
        if isinstance(item, ast.Call):
            given += [*item.args, *(argument.value for argument in item.keywords)]
        elif isinstance(item, ast.Assign) and any(isinstance(one, ast.Attribute) for one in item.targets):
            given.append(item.value)
        elif isinstance(item, ast.List | ast.Tuple):
            given += item.elts
        elif isinstance(item, ast.Dict):
            given += item.values
    return frozenset(dotted_name(value).rpartition(".")[2] for value in given) - {""}


def _prepared(owner: ast.ClassDef) -> tuple[ast.AST, ...]:
    """Return what the set-up of a class holds: functions inside it, and those left for later, run in tests."""
    methods = [item for item in owner.body if isinstance(item, Function) and _SET_UP.match(item.name)]
    return tuple(chain.from_iterable(map(_body, methods)))


def _teardowns(owner: ast.ClassDef) -> frozenset[str]:
    return frozenset(item.name for item in owner.body if isinstance(item, Function) and item.name in _TEARDOWNS)


def _parameters(node: Function) -> frozenset[str]:
    """Return the parameters that pytest would fill with fixtures: those without a default."""
    arguments = node.args
    plain = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    required = plain[: len(plain) - len(arguments.defaults)]
    only = [
        argument.arg
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    return frozenset([*required, *only])


def _fixtures(node: Function, marks: list[ast.expr], *, is_method: bool) -> frozenset[str] | None:
    """Return the fixtures that a test asks for, or None where a decorator may turn it into anything."""
    wanted = set(_parameters(node))
    if is_method and node.args.args and "staticmethod" not in map(_decorator_name, marks):
        wanted.discard(node.args.args[0].arg)
    filled_by_patches = False
    for mark in marks:
        name = _decorator_name(mark)
        last = name.rpartition(".")[2]
        if "patch" in name.split("."):
            filled_by_patches = True
        elif last == "parametrize" and isinstance(mark, ast.Call):
            names = _parametrized(mark)
            if names is None:
                return None
            wanted -= names
        elif last == "usefixtures" and isinstance(mark, ast.Call):
            wanted |= {constant_string(argument) or "?" for argument in mark.args}
        elif not ("mark" in name.split(".") and last in _BENIGN_MARKS) and name not in _BENIGN_DECORATORS:
            return None
    return frozenset() if filled_by_patches else frozenset(wanted)


def _parametrized(mark: ast.Call) -> frozenset[str] | None:
    """Return the parameters that a `parametrize` fills, or None where they are computed."""
    names = mark.args[0] if mark.args else keyword(mark, "argnames")
    if isinstance(names, ast.Tuple | ast.List):
        return frozenset(constant_string(element) or "?" for element in names.elts)
    text = constant_string(names)
    return None if text is None else frozenset(part.strip() for part in text.split(","))


def _decorator_name(decorator: ast.expr) -> str:
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    name = dotted_name(decorator)
    # `patch.object` and `patch.dict` are patches.
    return re.sub(r"\.(?:object|dict|multiple)$", "", name) if "patch" in name else name


def _skips_all(tree: ast.Module) -> bool:
    """Tell whether the module is skipped as a whole or in ways that are not followed here."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id in {"pytestmark", "__test__"} for target in targets):
            text = ast.dump(node)
            if any(word in text for word in ("skip", "xfail", "filterwarnings", "usefixtures", "'__test__'")):
                return True
    return False


def _imported_from_tests(tree: ast.Module) -> frozenset[str]:
    return frozenset(
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.level or "test" in (node.module or "").lower())
        for alias in node.names
        if not _STAND_IN.search(alias.name)
    )
