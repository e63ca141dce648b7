"""Calls in Python source that open text in the encoding of the machine, and the edit that names UTF-8.

The signatures are those of the library reference (io, pathlib, subprocess, tempfile); PEP 597 is the reason.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from autopack.artifacts.redaction import redact
from autopack.gaps.opened_files import Opened, OpenedFiles
from autopack.gaps.python_source import (
    called_name,
    constant_string,
    dotted_name,
    full_name,
    imported_names,
    is_true,
    keyword,
    parse,
    parse_anew,
    walk,
)
from autopack.gaps.python_versions import calls_of_python_2
from autopack.gaps.settled_text import Reason, Settled

# Patterns that begin with a literal are searched for many times faster.
_CANDIDATES = (
    re.compile(
        rb"open\((?:(?<![\w.]open\()|(?<=\bio\.open\()|(?<=\bos\.open\()|(?<=\bio\.fdopen\()|(?<=\bos\.fdopen\())"
    ),
    re.compile(rb"TemporaryFile\("),
    re.compile(rb"text[ ]?=[ ]?True"),
    re.compile(rb"universal_newlines[ ]?=[ ]?True"),
)
_OTHER_RECEIVER = re.compile(
    r"formatter|resp(?:onse)?\b|request|writer|reader|widget|console|dialog|editor|buffer|stream"
)
"""Names of what reads and writes text as well, and is no path."""
_PATH_OF_PATHLIB = re.compile(rb"(?<![\w.])(?:Posix|Windows)?Path\b|\bpathlib\b")
_PATH_CANDIDATE = re.compile(rb"\.(?:read_text|write_text|open)\(")
_NAMED = re.compile(rb"""encoding|["'][rwaxtU+]*b[rwaxtbU+]*["']""")
_BRACKET = re.compile(rb"[()]")
_CALL_BYTES = 600
_MAX_EDITS = 300
"""Nobody reviews more changes of one file, and each is compared with all others."""
_SHOWN_CALL = 200
_PYTHON_2 = re.compile(rb"^from __future__ import .*(?:print_function|unicode_literals|absolute_import|division)", re.M)
_ONLY_IN_PYTHON_2 = re.compile(
    rb"\n(?:import|from)[ \t]+(?:ConfigParser|StringIO|cStringIO|cPickle|urllib2|urlparse|Queue|httplib|sets|commands"
    rb"|exceptions|HTMLParser|BaseHTTPServer|SocketServer|Tkinter|xmlrpclib|__builtin__|rpmUtils|yum)\b"
)
_JYTHON = re.compile(rb"#![^\n]{0,80}(?:jython|python2)")
_OTHER_COOKIE = re.compile(rb"coding[:=][ \t]*(?!utf-?8\b)[-\w.]", re.IGNORECASE)
_COOKIE_BYTES = 200
_UNIX_ONLY = ("/dev/", "/proc/", "/sys/", "/etc/", "/var/", "/run/", "/tmp/", "/usr/")
_LONGEST_COMMENT = 20
_SPEAKS_OF_ENCODING = re.compile(
    rb"#[^\n]{0,200}\b(?:locale|system|platform|native|default)\b[^\n]{0,60}\bencoding"
    rb"|#[^\n]{0,200}\bencoding\b[^\n]{0,60}\b(?:locale|system|platform|native|default)\b",
    re.IGNORECASE,
)
_MODE = re.compile(r"[rwaxtU+]+\Z")
_OPENERS = {
    # name -> (position of `mode`, its default, position of `encoding`)
    "open": (1, "r", 3),
    "io.open": (1, "r", 3),
    "os.fdopen": (1, "r", 3),
    "tempfile.NamedTemporaryFile": (0, "w+b", 2),
    "tempfile.TemporaryFile": (0, "w+b", 2),
    "tempfile.SpooledTemporaryFile": (1, "w+b", 3),
}
_SUBPROCESS = frozenset(f"subprocess.{name}" for name in ("run", "Popen", "check_output", "check_call", "call"))
_PATH_TYPES = frozenset({"pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath"})
_PATH_MAKERS = _PATH_TYPES | {"pathlib.Path.cwd", "pathlib.Path.home"}
_PATH_METHODS = frozenset({"resolve", "absolute", "joinpath", "with_name", "with_suffix", "expanduser", "relative_to"})


@dataclass(frozen=True)
class TextEdit:
    """Replace `old` at byte `column` of `line` (from 1) by `new`."""

    line: int
    column: int
    old: str
    new: str


@dataclass(frozen=True)
class TextCalls:
    """Every call of one module that leaves the encoding to the machine, in order, and the edits that name it.

    `edits` is empty unless all calls can be mended without touching anything else.
    """

    places: tuple[tuple[int, int], ...]
    """(line from 1, byte in it from 0) of the first of them on each line."""
    own_methods: frozenset[str]
    """Names among `read_text` and `write_text` that only an untyped receiver shows; see `defined_methods`."""
    edits: tuple[TextEdit, ...]
    opened: tuple[Opened | None, ...] = ()
    """What those of them open that are not settled each by itself, once each; None for what the source does not say."""
    settled: bool = False
    """Nobody would change any of them: the text is ASCII by the way in which it is written."""
    doubtful: tuple[tuple[int, int], ...] = ()
    """Places of further calls, for which the encoding of the machine may be meant."""


def defined_methods(data: bytes) -> frozenset[str]:
    """Return which of `read_text` and `write_text` DATA defines itself: then a call may not be pathlib's."""
    return frozenset(name for name in ("read_text", "write_text") if f"def {name}(".encode() in data)


def _knows_paths(data: bytes) -> bool:
    """Tell whether DATA speaks of pathlib's paths; `click.Path` is a type of arguments."""
    return b"Path" in data and _PATH_OF_PATHLIB.search(data) is not None


def find_text_calls(data: bytes) -> TextCalls | None:
    """Return the calls in DATA (a Python module) that name no encoding, or None."""
    if not _has_candidate(data) or _is_for_python_2(data):
        return None
    tree = parse(data)
    if tree is None:
        return None
    nodes = tuple(walk(tree, into_strings=False))
    imports = imported_names(nodes)
    if _shadows_open(tree, nodes, imports):
        imports["open"] = "?"
    knows_paths = _knows_paths(data)
    paths = _path_names(nodes, imports) if knows_paths else frozenset[str]()
    judge = _Judge(imports, paths, knows_paths, _discarded(nodes) | calls_of_python_2(nodes))
    calls = [node for node in nodes if isinstance(node, ast.Call) and judge.leaves_encoding_open(node)]
    if not calls:
        return None
    settled = Settled.of(nodes, imports)
    lines = data.splitlines()  # of bytes: at the ends of lines that Python knows
    reasons: dict[int, Reason] = dict(settled.reasons(calls))
    explained = {number: _is_explained(lines, number) for number in {call.lineno for call in calls}}
    for call in calls:
        if not reasons[id(call)] and (explained[call.lineno] or _speaks_beside(lines, call)):
            reasons[id(call)] = "doubtful"
    open_ones = [call for call in calls if not reasons[id(call)]]
    files = OpenedFiles.of(nodes, imports)
    opened = tuple(dict.fromkeys(files.by(call) for call in open_ones))
    # Beside calls that somebody would change, those that are ASCII are worth the same line; others stay as they are.
    doubtful = [call for call in calls if reasons[id(call)] == "doubtful"]
    calls = [call for call in calls if reasons[id(call)] not in {"meant", "doubtful"}]
    if not calls and not doubtful:
        return None
    return TextCalls(
        places=_first_on_each_line(calls),
        own_methods=frozenset(called_name(call) for call in (*calls, *doubtful) if judge.is_untyped(call)),
        edits=_edits(data, tree, calls) if calls else (),
        opened=opened,
        settled=not open_ones,
        doubtful=_first_on_each_line(doubtful),
    )


def _first_on_each_line(calls: Sequence[ast.Call]) -> tuple[tuple[int, int], ...]:
    """Return the place of the first of CALLS on each line."""
    places = sorted((call.lineno, call.col_offset) for call in calls)
    return tuple(sorted({line: (line, column) for line, column in reversed(places)}.values()))


def _is_for_python_2(data: bytes) -> bool:
    """Tell whether DATA imports, on condition of nothing, what only Python 2 has: there `open` decodes nothing."""
    return _ONLY_IN_PYTHON_2.search(b"\n" + data) is not None or _JYTHON.match(data) is not None


def _has_candidate(data: bytes) -> bool:
    """Tell, without parsing, whether DATA may hold a call that names no encoding: most modules hold none."""
    patterns = (*_CANDIDATES, _PATH_CANDIDATE) if b"Path" in data else _CANDIDATES
    for pattern in patterns:
        for match in pattern.finditer(data):
            if match[0].endswith(b"(") and _NAMED.search(data, match.end(), _call_end(data, match.end())):
                continue
            return True
    return False


def _call_end(data: bytes, start: int) -> int:
    """Return about where the call ends whose arguments begin at START."""
    depth, limit = 1, min(len(data), start + _CALL_BYTES)
    for bracket in _BRACKET.finditer(data, start, limit):
        depth += 1 if bracket[0] == b"(" else -1
        if not depth:
            return bracket.end()
    return limit


def _shadows_open(tree: ast.Module, nodes: Iterable[ast.AST], imports: Mapping[str, str]) -> bool:
    """Tell whether `open` means something else somewhere in the module."""
    if imports.get("open", "io.open") not in {"io.open", "builtins.open"}:
        return True
    # A method called `open` shadows nothing at module level.
    if any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "open" for node in tree.body):
        return True
    return any(
        (isinstance(node, ast.arg) and node.arg == "open")
        or (isinstance(node, ast.Name) and node.id == "open" and not isinstance(node.ctx, ast.Load))
        for node in nodes
    )


def _discarded(nodes: Sequence[ast.AST]) -> frozenset[int]:
    """Return the identities of calls that only create or empty a file: `open(p, "w").close()`, `with open(p, "w"):`, a
    block that does nothing but close it, a file that the next statement closes, a statement that is `open(p, "a")`
    alone."""
    closed = (node.value for node in nodes if isinstance(node, ast.Attribute) and node.attr == "close")
    alone = (node.value for node in nodes if isinstance(node, ast.Expr) and _only_creates(node.value))
    found = {id(call) for call in (*closed, *alone)}
    for node in nodes:
        if isinstance(node, ast.With):
            is_idle = all(map(_is_idle, node.body))
            if is_idle or all(item.optional_vars is None for item in node.items):
                found.update(id(item.context_expr) for item in node.items)
        for block in (getattr(node, "body", None), getattr(node, "orelse", None)):
            if isinstance(block, list):
                found.update(id(first.value) for first, second in pairwise(block) if _is_closed_by(first, second))
    return frozenset(found)


def _is_idle(statement: ast.stmt) -> bool:
    """Tell whether STATEMENT is `pass` or `f.close()`."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(statement, ast.Pass) or (isinstance(call, ast.Call) and called_name(call) == "close")


def _only_creates(statement: ast.expr) -> bool:
    """Tell whether STATEMENT is `open(p, "a")` and nothing more."""
    if not isinstance(statement, ast.Call) or called_name(statement) != "open" or len(statement.args) < 2:
        return False
    return not set("wax").isdisjoint(constant_string(statement.args[1]) or "")


def _is_closed_by(statement: ast.stmt, following: ast.stmt) -> bool:
    """Tell whether STATEMENT is `f = …` and FOLLOWING is `f.close()`."""
    call = following.value if isinstance(following, ast.Expr) else None
    return (
        isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(call, ast.Call)
        and dotted_name(call.func) == f"{dotted_name(statement.targets[0])}.close"
    )


def _is_explained(lines: Sequence[bytes], number: int) -> bool:
    """Tell whether a comment right above the line NUMBER (from 1) speaks of the machine's encoding."""
    first = number - 1
    while first > max(0, number - _LONGEST_COMMENT) and lines[first - 1].lstrip().startswith(b"#"):
        first -= 1
    return any(_SPEAKS_OF_ENCODING.search(line) for line in lines[first : number - 1])


def _speaks_beside(lines: Sequence[bytes], call: ast.Call) -> bool:
    """Tell whether a comment beside CALL speaks of the machine's encoding."""
    last = min(call.end_lineno or call.lineno, call.lineno + _LONGEST_COMMENT)
    return any(_SPEAKS_OF_ENCODING.search(line) for line in lines[call.lineno - 1 : last])


def _path_names(nodes: Sequence[ast.AST], imports: dict[str, str]) -> frozenset[str]:
    """Return the names that hold a `pathlib.Path` wherever they are bound in the module."""
    known = frozenset[str]()
    for _ in range(2):  # twice, so that a name made from another one is seen
        bound: dict[str, bool] = {}
        for name, is_path in _bindings(nodes, imports, known):
            bound[name] = bound.get(name, True) and is_path
        known = frozenset(name for name, is_path in bound.items() if is_path)
    return known


def _bindings(nodes: Iterable[ast.AST], imports: dict[str, str], known: frozenset[str]) -> Iterator[tuple[str, bool]]:
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, _makes_path(node.value, imports, known)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, full_name(node.annotation, imports) in _PATH_TYPES
        elif isinstance(node, ast.arg):
            yield node.arg, node.annotation is not None and full_name(node.annotation, imports) in _PATH_TYPES
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension) and isinstance(node.target, ast.Name):
            yield node.target.id, False


def _makes_path(node: ast.expr, imports: dict[str, str], known: frozenset[str]) -> bool:
    while True:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            node = node.left
        elif isinstance(node, ast.Attribute) and node.attr == "parent":
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _PATH_METHODS:
            node = node.func.value
        elif isinstance(node, ast.Call):
            return full_name(node.func, imports) in _PATH_MAKERS
        else:
            return isinstance(node, ast.Name) and node.id in known


@dataclass(frozen=True)
class _Judge:
    imports: dict[str, str]
    paths: frozenset[str]
    knows_paths: bool
    discarded: frozenset[int]

    def leaves_encoding_open(self, call: ast.Call) -> bool:
        """Tell whether CALL certainly reads or writes text and certainly names no encoding."""
        if any(argument.arg is None for argument in call.keywords) or any(
            isinstance(argument, ast.Starred) for argument in call.args
        ):
            return False
        if keyword(call, "encoding") is not None or id(call) in self.discarded:
            return False
        name = full_name(call.func, self.imports)
        if name in _OPENERS:
            return self._opens_text(call, *_OPENERS[name])
        if name in _SUBPROCESS:
            return _exchanges_text(call, name)
        return isinstance(call.func, ast.Attribute) and self._is_path_text(call, call.func)

    def is_untyped(self, call: ast.Call) -> bool:
        """Tell whether CALL is a method whose receiver is only by its name believed to be a path."""
        return (
            isinstance(call.func, ast.Attribute)
            and call.func.attr in {"read_text", "write_text"}
            and not _makes_path(call.func.value, self.imports, self.paths)
        )

    def _opens_text(self, call: ast.Call, mode_at: int, default: str, encoding_at: int) -> bool:
        if len(call.args) > encoding_at or (mode_at == 1 and not call.args):
            return False
        if mode_at and call.args and _leading_text(call.args[0]).startswith(_UNIX_ONLY):
            return False
        if mode_at and call.args and full_name(call.args[0], self.imports).endswith("os.devnull"):
            return False
        return _is_text_mode(call, mode_at, default)

    def _is_path_text(self, call: ast.Call, method: ast.Attribute) -> bool:
        if method.attr == "open":
            return (
                _makes_path(method.value, self.imports, self.paths)
                and len(call.args) <= 2
                and _is_text_mode(call, 0, "r")
            )
        # `read_text(name)` and `write_text(text, name)` already name an encoding, or belong to another class.
        positional = {"read_text": 0, "write_text": 1}.get(method.attr)
        if positional is None or not self.knows_paths or len(call.args) > positional:
            return False
        # What a container holds may be anything that has such a method.
        sounds_otherwise = isinstance(method.value, ast.Subscript) or _OTHER_RECEIVER.search(
            dotted_name(method.value).rpartition(".")[2]
        )
        if sounds_otherwise and not _makes_path(method.value, self.imports, self.paths):
            return False
        if method.attr == "write_text" and _is_ascii(call.args[0] if call.args else keyword(call, "data")):
            return False
        has_data = bool(call.args) or keyword(call, "data") is not None
        return has_data == (method.attr == "write_text") and not _unix_only(method.value)


def _is_ascii(node: ast.expr | None) -> bool:
    """Tell whether NODE is a text that is the same bytes in every encoding of a machine."""
    text = None if node is None else constant_string(node)
    return text is not None and text.isascii()


def _unix_only(receiver: ast.expr) -> bool:
    if not isinstance(receiver, ast.Call) or not receiver.args:
        return False
    return _leading_text(receiver.args[0]).startswith(_UNIX_ONLY)


def _leading_text(node: ast.expr) -> str:
    """Return the text that NODE certainly begins with, as a literal or an f-string does."""
    first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
    return constant_string(first) or ""


def _is_text_mode(call: ast.Call, position: int, default: str) -> bool:
    mode = call.args[position] if len(call.args) > position else keyword(call, "mode")
    text = default if mode is None else constant_string(mode)
    return text is not None and _MODE.match(text) is not None


def _exchanges_text(call: ast.Call, name: str) -> bool:
    """Tell whether a subprocess call turns bytes into text or back: `text=True` without a pipe changes nothing."""
    if not is_true(keyword(call, "text")) and not is_true(keyword(call, "universal_newlines")):
        return False
    piped = any(
        isinstance(value := keyword(call, stream), ast.Attribute) and value.attr == "PIPE"
        for stream in ("stdin", "stdout", "stderr")
    )
    return name.endswith("check_output") or is_true(keyword(call, "capture_output")) or piped


def _edits(data: bytes, tree: ast.Module, calls: list[ast.Call]) -> tuple[TextEdit, ...]:
    """Return one edit for each of CALLS, or none at all unless re-parsing shows that only keywords were added."""
    if len(calls) > _MAX_EDITS:
        return ()
    try:
        plain = data.decode()
    except UnicodeDecodeError:
        return ()
    # Python counts a lone CR and (in the first line) no byte-order mark; positions would be off by them.
    if data.startswith(b"\xef\xbb\xbf") or "\r" in plain.replace("\r\n", "\n"):
        return ()
    # Python 2 knows no such argument; under another cookie the columns are not those of the bytes.
    if _PYTHON_2.search(data) or _OTHER_COOKIE.search(data[:_COOKIE_BYTES]):
        return ()
    lines = data.split(b"\n")
    edits = [_shown_whole(lines, call, calls, _edit(lines, call)) for call in calls]
    whole = tuple(edit for edit in edits if edit is not None)
    if len(whole) != len(calls) or not _only_adds_keywords(data, tree, whole):
        return ()
    return whole


def _edit(lines: list[bytes], call: ast.Call) -> TextEdit | None:
    """Return the edit that adds the keyword after the last argument of CALL."""
    values = [*call.args, *(argument.value for argument in call.keywords)]
    source = b"\n".join(lines[call.lineno - 1 : call.end_lineno])
    quote = "'" if b"'" in source and b'"' not in source else '"'
    addition = f"encoding={quote}utf-8{quote}"
    if not values:
        line, end = (call.end_lineno or 0) - 1, call.end_col_offset or 0
        if lines[line][end - 2 : end] != b"()":
            return None
        # The closing one is the last byte of what may be the last argument of another call.
        return TextEdit(line + 1, end - 2, "(", f"({addition}")
    last = max(values, key=lambda value: (value.end_lineno or 0, value.end_col_offset or 0))
    line, end = (last.end_lineno or 0) - 1, last.end_col_offset or 0
    old = lines[line][end - 1 : end]
    if not old.isascii() or not old:
        return None
    return TextEdit(line + 1, end - 1, old.decode(), f"{old.decode()}, {addition}")


def _shown_whole(
    lines: Sequence[bytes], call: ast.Call, calls: Sequence[ast.Call], edit: TextEdit | None
) -> TextEdit | None:
    """Return EDIT, which is inside CALL, spread over the whole call, so that a person who approves it sees the call.

    Left as it is where the call has several lines, is long, holds a secret or lies around or inside another of CALLS.
    """
    if edit is None or call.lineno != call.end_lineno or any(_overlap(call, other) for other in calls):
        return edit
    line, start = lines[call.lineno - 1], call.col_offset
    whole = line[start : call.end_col_offset].decode()
    if len(whole) > _SHOWN_CALL or redact(whole) != whole:
        return edit
    before = line[start : edit.column].decode()
    after = line[edit.column + len(edit.old.encode()) : call.end_col_offset].decode()
    return TextEdit(edit.line, start, whole, f"{before}{edit.new}{after}")


def _overlap(call: ast.Call, other: ast.Call) -> bool:
    """Tell whether OTHER is another call that has a place in common with CALL."""
    return (
        other is not call
        and (other.lineno, other.col_offset) < (call.end_lineno or 0, call.end_col_offset or 0)
        and (call.lineno, call.col_offset) < (other.end_lineno or 0, other.end_col_offset or 0)
    )


def apply_edits(data: bytes, edits: tuple[TextEdit, ...]) -> bytes:
    """Return DATA with EDITS carried out; every position is one of DATA."""
    lines = data.split(b"\n")
    for edit in sorted(edits, key=lambda edit: (edit.line, edit.column), reverse=True):
        line, old = lines[edit.line - 1], edit.old.encode()
        lines[edit.line - 1] = line[: edit.column] + edit.new.encode() + line[edit.column + len(old) :]
    return b"\n".join(lines)


def _only_adds_keywords(data: bytes, tree: ast.Module, edits: tuple[TextEdit, ...]) -> bool:
    """Tell whether EDITS add `encoding="utf-8"` to that many calls and change nothing else in the syntax tree."""
    before, after = data.split(b"\n"), apply_edits(data, edits).split(b"\n")
    remaining = len(edits)
    for first, last in _statements(tree, edits):
        old, new = (parse_anew(b"\n".join(lines[first - 1 : last])) for lines in (before, after))
        if old is None or new is None:
            return False
        remaining -= _take_back(old, new)
        try:
            if ast.dump(old) != ast.dump(new):
                return False
        except RecursionError:
            return False
    return remaining == 0


def _statements(tree: ast.Module, edits: tuple[TextEdit, ...]) -> list[tuple[int, int]]:
    """Return (first, last) line of the top-level statements that hold EDITS, each once."""
    lines = sorted({edit.line for edit in edits})
    spans: list[tuple[int, int]] = []
    for node in tree.body:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        last = node.end_lineno or node.lineno
        inside = bisect_left(lines, first) < bisect_right(lines, last)
        if inside and (not spans or spans[-1][1] < first):
            spans.append((first, last))
    return spans


def _take_back(old: ast.Module, new: ast.Module) -> int:
    """Remove from NEW every keyword that it has beyond OLD and that names UTF-8; return how many."""
    count = 0
    calls = ([node for node in ast.walk(tree) if isinstance(node, ast.Call)] for tree in (old, new))
    for before, after in zip(*calls, strict=False):
        if len(after.keywords) == len(before.keywords) + 1:
            added = after.keywords[-1]
            if added.arg == "encoding" and constant_string(added.value) == "utf-8":
                after.keywords.pop()
                count += 1
    return count
