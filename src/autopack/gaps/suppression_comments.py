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

from autopack.gaps import markdown
from autopack.gaps.detector import Rule
from autopack.gaps.excerpts import evidence_at, line_at, line_number, line_start
from autopack.gaps.models import Evidence

_WORD = b"autopack: ignore"
_COMMENT = re.compile(
    rb"(?P<opening>#|//|/\*|<!--|--|;|%|\.\.|\{#|\(\*|(?<![\w.])(?:'|\"|rem)|(?<=\n)\*|^\*)[ \t]{0,8}"
    rb"autopack: ignore(?P<file>-file)?\[(?P<rules>[^\]\n]{0,500})\](?:[ \t]{1,8}--[ \t]{1,8}(?P<reason>[^\n]{1,500}))?"
)
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
    if path.endswith((".py", ".pyi")):
        return tuple(_python_comments(path, data))
    found: Iterator[re.Match[bytes]] = _COMMENT.finditer(data)
    if markdown.is_markdown(path):
        code = [(fence.start, fence.end) for fence in markdown.fences(data)] + list(markdown.code_spans(data))
        found = (
            match
            for match in found
            if match["opening"] == b"<!--" and not any(start <= match.start() < end for start, end in code)
        )
    return tuple(_comment(path, data, match) for match in found)


def _python_comments(path: str, data: bytes) -> Iterator[Comment]:
    """Yield the comments that Python sees; a file that is no Python has none."""
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    try:
        for token in tokenize.tokenize(io.BytesIO(data).readline):
            if token.type == tokenize.COMMENT and _WORD.decode() in token.string:
                begin = starts[token.start[0] - 1]
                column = len(token.line[: token.start[1]].encode("utf-8", "replace"))
                match = _COMMENT.search(data, begin + column)
                if match and line_number(data, match.start()) == token.start[0]:
                    yield _comment(path, data, match)
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError):
        return


def _comment(path: str, data: bytes, match: re.Match[bytes]) -> Comment:
    line = line_number(data, match.start())
    alone = not data[line_start(data, match.start()) : match.start()].strip() and _ends_its_line(data, match)
    reason = _CLOSING.split((match["reason"] or b"").decode("utf-8", "replace"), maxsplit=1)[0]
    return Comment(
        rules=tuple(rule.strip() for rule in match["rules"].decode("utf-8", "replace").split(",") if rule.strip()),
        reason=reason.strip(),
        lines=None if match["file"] else (line, line + 1 if alone else line),
        place=evidence_at(path, data, data.index(_WORD, match.start())),
    )


def _ends_its_line(data: bytes, match: re.Match[bytes]) -> bool:
    """Tell whether nothing but the end of the comment follows on its line."""
    text = line_at(data, match.start())
    closing = {b"/*": b"*/", b"<!--": b"-->", b"{#": b"#}", b"(*": b"*)"}.get(match["opening"])
    return closing is None or closing not in text or text.rstrip().endswith(closing)
