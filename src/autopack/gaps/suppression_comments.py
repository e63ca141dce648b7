"""Comments that say "this finding is meant to be here": `autopack: ignore[rule] -- reason`.

A comment covers its own line, and the next one when nothing else stands on its line. `ignore-file[rule]` covers the
whole file. Several rules are separated by commas. Any comment syntax will do.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from autopack.gaps import markdown
from autopack.gaps.detector import Rule
from autopack.gaps.excerpts import evidence_at, line_at, line_number, line_start
from autopack.gaps.models import Evidence

MAX_COMMENTS = 200
"""In one file; further ones hide nothing. A file of nothing but comments must not cost quadratic time."""
_WORD = b"autopack: ignore"
_STATEMENT = re.compile(
    rb"autopack: ignore(?P<file>-file)?\[(?P<rules>[^\]\n]{0,500})\](?:[ \t]{1,8}--[ \t]{1,8}(?P<reason>[^\n]{1,500}))?"
)
_OPENING = re.compile(
    rb"(?:(?P<opening>#|//|/\*|<!--|--|;|%|\.\.|\{#|\(\*)|\A[ \t]{0,40}(?:\*|'|\"|[Rr][Ee][Mm]\b))[ \t]{0,8}\Z"
)
"""How comments begin. What also begins strings (`'`, `"`) or lists (`*`) counts only where nothing precedes it."""
_LOOK_BACK = 60
_CLOSING = re.compile(r"\*/|-->|#\}|\*\)")

RULES = (
    Rule(
        name="unused-suppression",
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="A suppression hides nothing: no finding of that rule is there, or there is no such rule.",
        why="It would hide the next finding of that rule at this place, which nobody has looked at.",
        fix="Delete the suppression, or correct the name of the rule.",
    ),
    Rule(
        name="suppression-without-reason",
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="A suppression comment does not say why; it hides nothing.",
        why="Nobody can tell later whether the finding was judged or only silenced.",
        fix="Write the reason behind the rule: `autopack: ignore[type/rule] -- reason`.",
    ),
)
"""Both belong to baseline_policy_drift: a suppression is a list of accepted findings with one entry."""


@dataclass(frozen=True)
class Comment:
    """One suppression comment. `lines` are the first and the last line that it covers; None for the whole file."""

    rules: tuple[str, ...]
    reason: str
    lines: tuple[int, int] | None
    place: Evidence


def comments_in(path: str, data: bytes) -> tuple[Comment, ...]:
    """Return the suppression comments of a file, by line. Text in code blocks and in strings is no comment."""
    if _WORD not in data:
        return ()
    found: Iterator[_Found] = _comments(data)
    if path.endswith((".py", ".pyi")):
        found = _python_comments(data)
    elif markdown.is_markdown(path):
        code = bytearray(len(data))
        for start, end in [(one.start, one.end) for one in markdown.fences(data)] + list(markdown.code_spans(data)):
            code[start:end] = b"\1" * (end - start)
        found = (one for one in found if one.opening == b"<!--" and not code[one.start])
    return tuple(_comment(path, data, one) for one in islice(found, MAX_COMMENTS))


@dataclass(frozen=True)
class _Found:
    """A statement in a comment: where the comment starts, and how."""

    start: int
    opening: bytes
    statement: re.Match[bytes]


def _comments(data: bytes) -> Iterator[_Found]:
    for statement in _STATEMENT.finditer(data):
        one = _in_comment(data, statement)
        if one is not None:
            yield one


def _in_comment(data: bytes, statement: re.Match[bytes]) -> _Found | None:
    """Return STATEMENT with the comment that it begins, or None where it stands in no comment."""
    cut = max(0, statement.start() - _LOOK_BACK)
    begin = data.rfind(b"\n", cut, statement.start()) + 1
    # Where the line begins farther back, something stands before: no quote or asterisk begins a comment there.
    before = data[begin : statement.start()] if begin or not cut else b"x" + data[cut : statement.start()]
    opening = _OPENING.search(before)
    if opening is None:
        return None
    return _Found(statement.start() - len(before) + opening.start(), opening["opening"] or b"", statement)


def _python_comments(data: bytes) -> Iterator[_Found]:
    """Yield the comments that Python sees; a file that is no Python has none."""
    starts = [0, *(match.end() for match in re.finditer(rb"\n", data))]
    encoding = "utf-8"
    try:
        for token in tokenize.tokenize(io.BytesIO(data).readline):
            if token.type == tokenize.ENCODING:
                encoding = token.string
            elif token.type == tokenize.COMMENT and _WORD.decode() in token.string:
                before = token.line[: token.start[1]].encode(encoding)
                statement = _STATEMENT.search(data, starts[token.start[0] - 1] + len(before))
                if statement and line_number(data, statement.start()) == token.start[0]:
                    one = _in_comment(data, statement)
                    if one is not None:
                        yield one
    except (tokenize.TokenError, SyntaxError, ValueError, LookupError):
        return


def _comment(path: str, data: bytes, one: _Found) -> Comment:
    stated, line = one.statement, line_number(data, one.start)
    alone = not data[line_start(data, one.start) : one.start].strip() and _ends_its_line(data, one)
    reason = _CLOSING.split((stated["reason"] or b"").decode("utf-8", "replace"), maxsplit=1)[0]
    return Comment(
        rules=tuple(rule.strip() for rule in stated["rules"].decode("utf-8", "replace").split(",") if rule.strip()),
        reason=reason.strip(),
        lines=None if stated["file"] else (line, line + 1 if alone else line),
        place=evidence_at(path, data, stated.start()),
    )


def _ends_its_line(data: bytes, one: _Found) -> bool:
    """Tell whether nothing but the end of the comment follows on its line."""
    text = line_at(data, one.start)
    closing = {b"/*": b"*/", b"<!--": b"-->", b"{#": b"#}", b"(*": b"*)"}.get(one.opening)
    return closing is None or closing not in text or text.rstrip().endswith(closing)
