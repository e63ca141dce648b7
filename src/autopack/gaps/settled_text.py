"""Calls that leave the encoding to the machine and for which it makes no difference, or for which it is meant.

Text that is ASCII by the way in which it is written has the same bytes in all encodings of a machine. What another
program of the machine reads or says is in the machine's own, unless the program is one that says UTF-8 everywhere.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from autopack.gaps.python_source import called_name, constant_string, dotted_name, full_name, is_true, keyword, walk

Reason = Literal["", "ascii", "doubtful", "meant"]
"""Why nobody would change a call: the text is ASCII; perhaps the machine's encoding is meant; it certainly is."""

_SAYS_UTF8 = frozenset({"git", "gh", "cargo", "rustc", "go", "node", "npm", "npx", "yarn", "pnpm", "docker", "kubectl"})
_ASCII_NAME = re.compile(
    r"(?:^|[^a-zA-Z])(?:pid(?:_?file|_?path)?|pem|crt|cert(?:ificate)?(?:_?file|_?path)?|key_?file|ca_?(?:file|certs|bundle)"
    r"|sha\d+|md5|checksums?|digest|VERSION|version(?:_?file|_?path|\.txt)|token(?:_?file|_?path)?"
    r"|(?:signing|private|public)_?key(?:_?file|_?path)?|GITHUB_(?:OUTPUT|ENV|PATH|STATE))(?:$|[^a-zA-Z])"
)
_READ_BY_THE_LOCALE = re.compile(r"[._](?:pth|cmd|bat)\Z|(?:^|_)(?:pth|cmd|bat)_(?:file|path)\Z", re.IGNORECASE)
"""Files that Python's `site` (before 3.13) and the shell of Windows read in the machine's encoding."""
_FILE_NUMBER = re.compile(r"(?:.*_)?(?:fd|fileno|fdno|read_end|write_end)\d?\Z")
_NEUTRAL_METHODS = frozenset({"close", "flush", "fileno", "seek", "tell", "truncate", "isatty"})
_READS = frozenset({"read", "readline"})
_ASSERTED_EQUAL = frozenset({"assertEqual", "assertMultiLineEqual"})
_SURROUNDING = (ast.Attribute, ast.Call, ast.keyword)
"""What a file that is bound to no name takes part in."""
_STREAMS = frozenset({"stdin", "stdout", "stderr"})
_JSON_READERS = frozenset({"json.load", "json.loads"})
_JSON_WRITERS = frozenset({"json.dump", "json.dumps"})
_NUMBERS = frozenset({"int", "float", "len", "round", "sum", "abs", "ord"})
_NUMBER_CALLS = frozenset({"os.getpid", "os.getppid", "os.getuid", "time.time", "time.monotonic", "time.perf_counter"})
_LOCALE_CALLS = frozenset({"getpreferredencoding", "getencoding"})
_UNICODE_FAULTS = frozenset({"UnicodeDecodeError", "UnicodeError", "UnicodeEncodeError"})


@dataclass(frozen=True)
class Settled:
    """The calls of one module, with what they belong to."""

    imports: dict[str, str]
    files: dict[int, Sequence[ast.AST]] = field(default_factory=dict)
    """Identity of a call that opens -> what is done with what it returns: the nodes that surround each use."""
    guarded: frozenset[int] = frozenset()
    """Identities of calls in a `try` that handles text that does not decode."""
    asks_locale: bool = False
    programs: dict[str, str] = field(default_factory=dict)
    """Name of a list that is a command -> the program that it begins with."""
    ascii_names: frozenset[str] = frozenset()
    """Names that hold nothing but ASCII, wherever they are bound in the module."""
    number_names: frozenset[str] = frozenset()
    """Names that hold nothing but numbers, likewise."""
    file_names: frozenset[str] = frozenset()
    """Names that `with … as` binds."""
    as_input: frozenset[int] = frozenset()
    """Identities of calls whose file becomes `sys.stdin`, which is in the machine's encoding."""

    @classmethod
    def of(cls, nodes: Sequence[ast.AST], imports: dict[str, str]) -> Settled:
        """Look through NODES, all of one module."""
        parents = {id(child): node for node in nodes for child in ast.iter_child_nodes(node)}
        found = cls(
            imports=imports,
            files=_uses(nodes, parents),
            guarded=_guarded(nodes),
            programs=_programs(nodes),
            asks_locale=any(isinstance(node, ast.Call) and called_name(node) in _LOCALE_CALLS for node in nodes),
            file_names=frozenset(_with_names(nodes)),
            as_input=_as_input(nodes),
        )
        found = replace(found, number_names=_only_bound_to(nodes, found._is_number))
        return replace(found, ascii_names=_only_bound_to(nodes, found._is_ascii))

    def reason(self, call: ast.Call) -> Reason:
        """Return why nobody would name an encoding in CALL; empty where somebody would."""
        name = full_name(call.func, self.imports)
        if name.startswith("subprocess."):
            return _of_process(call, self.programs)
        if (name == "open" and call.args and _is_file_number(call.args[0])) or id(call) in self.as_input:
            return "meant"
        uses = self.files.get(id(call), ())
        if uses and all(_is_handed_on(use) for use in uses):
            return "meant"
        if self._is_ascii_file(call):
            return "ascii"
        doubtful = (
            self.asks_locale or id(call) in self.guarded or self._is_configuration(call) or _is_read_by_the_locale(call)
        )
        return "doubtful" if doubtful else ""

    def reasons(self, calls: Sequence[ast.Call]) -> Mapping[int, Reason]:
        """Return the reason of each of CALLS, all of one module that name no encoding, by the identity of the call.

        JSON that the module itself writes is read as it was written: in ASCII.
        """
        found = {id(call): self.reason(call) for call in calls}
        written: dict[str, bool] = {}
        for call in calls:
            if _may_write(call):
                path = _path_written_out(call)
                as_json = found[id(call)] == "ascii" and self._moves_only(call, _JSON_WRITERS)
                written[path] = written.get(path, True) and as_json
        for call in calls:
            if not found[id(call)] and self._moves_only(call, _JSON_READERS) and written.get(_path_written_out(call)):
                found[id(call)] = "ascii"
        return found

    def _moves_only(self, call: ast.Call, names: frozenset[str]) -> bool:
        """Tell whether some function of NAMES, and nothing else but neutral methods, takes what CALL opens."""
        uses = self.files.get(id(call), ())
        if called_name(call) == "write_text" and call.args:
            uses = (call.args[0],)
        moved = [use for use in uses if not _is_neutral(use)]
        return bool(moved) and all(self._moves(use, names) for use in moved)

    def _moves(self, use: ast.AST, names: frozenset[str]) -> bool:
        if not isinstance(use, ast.Call):
            return False
        if full_name(use.func, self.imports) in names:
            return True
        # A line feed after the JSON, or JSON that was made before.
        return called_name(use) == "write" and "json.dump" in names and self._use_is_ascii(use)

    def _is_configuration(self, call: ast.Call) -> bool:
        """Tell whether a ConfigParser writes the file: it reads by the locale as well, unless told otherwise."""
        if not any(name.partition(".")[0] == "configparser" for name in self.imports.values()):
            return False
        uses = self.files.get(id(call), ())
        return bool(uses) and all(
            isinstance(use, ast.Call)
            and isinstance(use.func, ast.Attribute)
            and use.func.attr == "write"
            and dotted_name(use.func.value) not in self.file_names
            for use in uses
        )

    def _is_ascii_file(self, call: ast.Call) -> bool:
        if called_name(call) == "write_text":
            return self._is_ascii(call.args[0] if call.args else keyword(call, "data"))
        uses = self.files.get(id(call), ())
        if uses and all(self._use_is_ascii(use) for use in uses):
            return True
        return _names_ascii(call)

    def _use_is_ascii(self, use: ast.AST) -> bool:
        """Tell whether USE, a call that a file takes part in, moves nothing but ASCII."""
        if isinstance(use, ast.Compare):
            return isinstance(use.ops[0], ast.Eq) and self._one_is_ascii((use.left, use.comparators[0]))
        if not isinstance(use, ast.Call):
            return False
        name = full_name(use.func, self.imports)
        if name == "json.dump":
            return not _keeps_other_letters(use, "ensure_ascii")
        if name in {"yaml.dump", "yaml.safe_dump"}:
            return not _keeps_other_letters(use, "allow_unicode")
        if name in {"int", "float"}:
            return True
        if name == "print":
            return bool(use.args) and all(self._is_ascii(one) or self._is_number(one) for one in use.args)
        method = called_name(use)
        if method in _ASSERTED_EQUAL:
            return self._one_is_ascii(use.args[:2])
        return method in _NEUTRAL_METHODS or (method == "write" and len(use.args) == 1 and self._is_ascii(use.args[0]))

    def _one_is_ascii(self, equal: Iterable[ast.expr]) -> bool:
        """Tell whether one of EQUAL is ASCII: then the text that was read is too."""
        return any(map(self._is_ascii, equal))

    def _is_ascii(self, node: ast.expr | None) -> bool:
        """Tell whether NODE is a text of ASCII, whatever the values in it are."""
        if isinstance(node, ast.JoinedStr):
            return all(map(self._is_ascii, node.values))
        if isinstance(node, ast.FormattedValue):
            return self._is_number(node.value) or self._is_ascii(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._is_ascii(node.left) and self._is_ascii(node.right)
        if isinstance(node, ast.Call):
            name = full_name(node.func, self.imports)
            if name == "json.dumps":
                return not _keeps_other_letters(node, "ensure_ascii")
            if name == "str":
                return len(node.args) == 1 and self._is_number(node.args[0])
            return name in {"ascii", "hex", "oct", "bin"} or called_name(node) == "hexdigest"
        if isinstance(node, ast.Name):
            return node.id in self.ascii_names
        text = constant_string(node)
        return text is not None and text.isascii()

    def _is_number(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Call):
            name = full_name(node.func, self.imports)
            return name in _NUMBERS or name in _NUMBER_CALLS
        if isinstance(node, ast.Name):
            return node.id in self.number_names
        return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _uses(nodes: Sequence[ast.AST], parents: dict[int, ast.AST]) -> dict[int, Sequence[ast.AST]]:
    """Return what is done with each file: `with open(p) as f:` by its name in the block, others in place."""
    found: dict[int, Sequence[ast.AST]] = {}
    for node in nodes:
        if isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                if isinstance(item.context_expr, ast.Call) and isinstance(item.optional_vars, ast.Name):
                    name = item.optional_vars.id
                    names = [
                        one
                        for statement in node.body
                        for one in walk(statement)
                        if isinstance(one, ast.Name) and one.id == name
                    ]
                    found[id(item.context_expr)] = [_use(one, parents) for one in names]
        elif isinstance(node, ast.Call) and isinstance(parents.get(id(node)), _SURROUNDING):
            found[id(node)] = [_use(node, parents)]
    return found | _uses_by_name(nodes, parents)


def _uses_by_name(nodes: Sequence[ast.AST], parents: dict[int, ast.AST]) -> dict[int, Sequence[ast.AST]]:
    """Return what is done with each file of `f = open(p)`: with all that its function calls `f`, where nothing else is
    called so there."""
    opened: dict[tuple[int, str], list[ast.Call]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and called_name(node.value) == "open":
            target = node.targets[0]
            if isinstance(target, ast.Name) and len(node.targets) == 1:
                opened.setdefault((_scopes(target, parents)[0], target.id), []).append(node.value)
    bound, loaded = _names_in_functions(nodes, parents, {name for _, name in opened})
    return {
        id(call): [_use(one, parents) for one in loaded.get(place, ())]
        for place, calls in opened.items()
        if bound[place] == len(calls)
        for call in calls
    }


def _names_in_functions(
    nodes: Sequence[ast.AST], parents: dict[int, ast.AST], names: set[str]
) -> tuple[Counter[tuple[int, str]], dict[tuple[int, str], list[ast.AST]]]:
    """Return how often each function (its identity, 0 for the module) binds each of NAMES, and where it or a function
    in it reads that."""
    bound, loaded = Counter[tuple[int, str]](), dict[tuple[int, str], list[ast.AST]]()
    found = [node for node in nodes if isinstance(node, ast.Name) and node.id in names]
    bound.update((_scopes(node, parents)[0], node.id) for node in found if not isinstance(node.ctx, ast.Load))
    for node in nodes if names else ():
        if isinstance(node, ast.arg) and node.arg in names:
            bound[_scopes(node, parents)[0], node.arg] += 1
        elif isinstance(node, ast.Global | ast.Nonlocal):  # Where else it is bound is not looked for.
            bound.update((scope, name) for scope, name in tuple(bound) if name in node.names)
    for node in found:
        if isinstance(node.ctx, ast.Load):
            own = next((scope for scope in _scopes(node, parents) if bound[scope, node.id]), 0)
            loaded.setdefault((own, node.id), []).append(node)
    return bound, loaded


def _scopes(node: ast.AST, parents: dict[int, ast.AST]) -> tuple[int, ...]:
    """Return the identities of the functions around NODE, the innermost first, and 0 for the module."""
    found: list[int] = []
    while (above := parents.get(id(node))) is not None:
        node = above
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            found.append(id(node))
    return (*found, 0)


def _use(node: ast.AST, parents: dict[int, ast.AST]) -> ast.AST:
    """Return the call that NODE, a file, takes part in: `int(f.read().strip())`, `f.write(x)`, `json.dump(x, f)`.

    Where it is the standard stream of a process, return that keyword; where it is compared in an assertion, that.
    """
    parent = parents.get(id(node), node)
    if isinstance(parent, ast.keyword):
        return parent if parent.arg in _STREAMS else parents.get(id(parent), parent)
    if not isinstance(parent, ast.Attribute):
        return parent
    call = parents.get(id(parent), parent)
    if not isinstance(call, ast.Call) or (parent.attr not in _READS and parent.attr != "read_text"):
        return call
    outer = parents.get(id(call), call)
    if isinstance(outer, ast.Attribute) and outer.attr in {"strip", "rstrip"}:
        call = parents.get(id(outer), outer)
        outer = parents.get(id(call), call)
    if isinstance(outer, ast.Compare) and isinstance(parents.get(id(outer)), ast.Assert):
        return outer
    return outer if isinstance(outer, ast.Call) else call


def _is_handed_on(use: ast.AST) -> bool:
    """Tell whether USE gives a file to a process: then Python turns no text into bytes."""
    return isinstance(use, ast.keyword) and use.arg in _STREAMS


def _is_neutral(use: ast.AST) -> bool:
    return isinstance(use, ast.Call) and called_name(use) in _NEUTRAL_METHODS


def _with_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            yield node.optional_vars.id


def _may_write(call: ast.Call) -> bool:
    """Tell whether CALL, which names no encoding, opens for writing."""
    if called_name(call) in {"read_text", "write_text"}:
        return called_name(call) == "write_text"
    at = 0 if isinstance(call.func, ast.Attribute) and called_name(call) == "open" and len(call.args) < 2 else 1
    mode = call.args[at] if len(call.args) > at else keyword(call, "mode")
    text = constant_string(mode) or ""
    return not set("wax+").isdisjoint(text)


def _path_written_out(call: ast.Call) -> str:
    """Return the expression of the path that CALL opens, the same for two calls with the same one."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in {"read_text", "write_text", "open"}:
        path = call.func.value
    elif call.args:
        path = call.args[0]
    else:
        return ""
    if isinstance(path, ast.Call) and called_name(path) == "Path" and len(path.args) == 1:
        path = path.args[0]
    return ast.unparse(path)


def _as_input(nodes: Iterable[ast.AST]) -> frozenset[int]:
    return frozenset(
        id(node.value)
        for node in nodes
        if isinstance(node, ast.Assign) and any(dotted_name(target) == "sys.stdin" for target in node.targets)
    )


def _only_bound_to(nodes: Iterable[ast.AST], is_fitting: Callable[[ast.expr], bool]) -> frozenset[str]:
    """Return the names that assignments of fitting values bind, and nothing else does anywhere in the module."""
    bound, fitting = Counter[str](), Counter[str]()
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound[node.id] += 1
        elif isinstance(node, ast.arg):
            bound[node.arg] += 1
        elif isinstance(node, ast.Assign) and is_fitting(node.value):
            fitting.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return frozenset(name for name, count in fitting.items() if bound[name] == count)


def _guarded(nodes: Iterable[ast.AST]) -> frozenset[int]:
    found: set[int] = set()
    for node in nodes:
        if isinstance(node, ast.Try) and any(_handles_unicode(handler) for handler in node.handlers):
            found.update(id(one) for statement in node.body for one in walk(statement) if isinstance(one, ast.Call))
    return frozenset(found)


def _handles_unicode(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type else []
    return any(dotted_name(kind).rpartition(".")[2] in _UNICODE_FAULTS for kind in kinds)


def _is_file_number(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return called_name(node) == "fileno"
    return _FILE_NUMBER.match(dotted_name(node).rpartition(".")[2]) is not None


def _names_ascii(call: ast.Call) -> bool:
    """Tell whether the path that CALL opens is named for something that is ASCII by its format."""
    return any(_ASCII_NAME.search(word) for word in _words_of_path(call))


def _is_read_by_the_locale(call: ast.Call) -> bool:
    """Tell whether the path that CALL opens is named for something that the machine reads in its own encoding."""
    path = _path_of(call)
    names = (one.id for one in walk(path) if isinstance(one, ast.Name)) if path is not None else ()
    return any(_READ_BY_THE_LOCALE.search(word) for word in (*_words_of_path(call), *names))


def _words_of_path(call: ast.Call) -> list[str]:
    """Return the last name and the texts in the path that CALL opens."""
    path = _path_of(call)
    if path is None:
        return []
    texts = (constant_string(one) or "" for one in walk(path) if isinstance(one, ast.Constant))
    return [dotted_name(path).rpartition(".")[2], *texts]


def _path_of(call: ast.Call) -> ast.expr | None:
    if isinstance(call.func, ast.Attribute) and call.func.attr in {"read_text", "write_text", "open"}:
        return call.func.value
    return call.args[0] if call.args and called_name(call) == "open" and isinstance(call.func, ast.Name) else None


def _keeps_other_letters(call: ast.Call, argument: str) -> bool:
    """Tell whether ARGUMENT of a call that writes ASCII by default may say otherwise."""
    if any(one.arg is None for one in call.keywords):
        return True
    value = keyword(call, argument)
    by_default = argument == "ensure_ascii"
    return value is not None and not (isinstance(value, ast.Constant) and value.value is by_default)


def _programs(nodes: Iterable[ast.AST]) -> dict[str, str]:
    """Return the names that are bound to commands whose program is written out, and the same in every place."""
    found: dict[str, set[str]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List) and node.value.elts:
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, set()).add(constant_string(node.value.elts[0]) or "")
    return {name: programs.pop() for name, programs in found.items() if len(programs) == 1}


def _of_process(call: ast.Call, programs: dict[str, str]) -> Reason:
    """Return why a pipe to or from a program may stay in the encoding of the machine."""
    piped = {
        stream
        for stream in ("stdin", "stdout", "stderr")
        if isinstance(value := keyword(call, stream), ast.Attribute) and value.attr == "PIPE"
    }
    if piped == {"stdin"} and not is_true(keyword(call, "capture_output")) and called_name(call) != "check_output":
        return "meant"
    command = call.args[0] if call.args else keyword(call, "args")
    if isinstance(command, ast.List | ast.Tuple) and command.elts:
        command = command.elts[0]
    known = programs.get(command.id) if isinstance(command, ast.Name) else constant_string(command)
    said = (known or "").split()
    return "" if said and said[0].rpartition("/")[2] in _SAYS_UTF8 else "doubtful"
