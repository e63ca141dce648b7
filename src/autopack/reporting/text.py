"""The report for people: grouped, with the line in question and a caret under what is meant."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote

from autopack.gaps.models import Evidence, Gap
from autopack.gaps.remedies import ReplaceText
from autopack.reporting.look import PIPE, Look
from autopack.reporting.plain_text import one_line
from autopack.reporting.view import View, in_one_line, place, worst_first
from autopack.wording import counted

SHOWN_PLACES = 3
_COLOURS = {"critical": "1;31", "high": "31", "medium": "33", "low": "36", "info": "2"}
_MEANT = re.compile(r"[^\s)\]}>\"'`,;]+")
_MARGIN = 12


def render(view: View, look: Look = PIPE) -> str:
    """Return the report as text: by type, the worst first, each rule explained once, and one line that sums up."""
    lines: list[str] = []
    for gap_type, rules in worst_first(view):
        count = sum(len(gaps) for gaps in rules)
        lines += [_styled(f"{gap_type.replace('_', ' ')} ({count})", "1", look), ""]
        for gaps in rules:
            lines += _rule(gaps, view, look)
    for note in view.report.metadata.scan_incomplete:
        lines.append(_styled(f"not looked at: {one_line(note.subject)}: {one_line(note.reason)}", "2", look))
    lines.append(_styled(in_one_line(view), "1", look))
    return "\n".join(lines) + "\n"


def _rule(gaps: list[Gap], view: View, look: Look) -> Iterator[str]:
    for gap in gaps:
        yield from render_gap(gap, view, look)
    yield f"  why: {one_line(gaps[0].why_it_matters)}"
    yield f"  fix: {one_line(gaps[0].how_to_fix)}"
    yield _styled(f"  {gaps[0].rule_id}", "2", look)
    yield ""


def render_gap(gap: Gap, view: View, look: Look, *, most: int = SHOWN_PLACES) -> Iterator[str]:
    """Yield the lines about GAP: what, and where, with MOST places at most."""
    risk = _styled(gap.risk_classification, _COLOURS[gap.risk_classification], look)
    block = f"  {_styled('blocks the autopilot', '1', look)}" if gap.blocks_autopilot else ""
    yield f"  {risk}: {one_line(gap.title)}{block}"
    places = [evidence for evidence in gap.evidence if evidence.path]
    for evidence in places[:most]:
        yield f"    --> {_linked(evidence, look)}"
        yield from _excerpt(gap, evidence, view, look)
    if len(places) > most:
        yield _styled(f"    and {counted(len(places) - most, 'more place')}", "2", look)


def _excerpt(gap: Gap, evidence: Evidence, view: View, look: Look) -> Iterator[str]:
    line = view.lines.get((evidence.path or "", evidence.line or 0))
    if line is None or evidence.line is None:
        return
    number = str(evidence.line)
    start, length = _meant(gap, evidence, line)
    shown, start = _cut(line, start, max(40, look.width - len(number) - _MARGIN))
    marks = "^" * max(1, min(length, len(shown) - start))
    yield f"    {number} | {one_line(shown)}"
    # What is written out (control characters) is wider than it was: the caret follows.
    indent = _columns(one_line(shown[:start]))
    yield f"    {' ' * len(number)} | {' ' * indent}{_styled(marks, _COLOURS[gap.risk_classification], look)}"


def _columns(text: str) -> int:
    """Return how many columns of a terminal TEXT takes: two for wide characters, none for combining ones (UAX 11)."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) != 0 for character in text)


def _meant(gap: Gap, evidence: Evidence, line: str) -> tuple[int, int]:
    """Return where in LINE that begins what is meant, and how long it is: what the remedy replaces, else a word."""
    for operation in gap.remedy.operations if gap.remedy else ():
        if isinstance(operation, ReplaceText) and (operation.path, operation.line) == (evidence.path, evidence.line):
            start = len(line.encode()[: operation.column].decode("utf-8", "ignore"))
            if operation.old and line.startswith(operation.old, start):
                return start, len(operation.old.partition("\n")[0])
    start = min((evidence.column or 1) - 1, len(line))
    start += len(line[start:]) - len(line[start:].lstrip())
    match = _MEANT.match(line, start)
    return start, len(match[0]) if match else 1


def _cut(line: str, start: int, width: int) -> tuple[str, int]:
    """Return LINE cut to WIDTH around START, and where START then is."""
    if len(line) <= width:
        return line, start
    begin = max(0, min(start - width // 3, len(line) - width))
    end = begin + width
    head, tail = ("…" if begin else ""), ("…" if end < len(line) else "")
    return head + line[begin + len(head) : end - len(tail)] + tail, start - begin


def _linked(evidence: Evidence, look: Look) -> str:
    text = one_line(place(evidence.path, evidence.line, evidence.column))
    if look.link_root is None:
        return _styled(text, "2", look)
    target = f"file://{quote(look.link_root)}/{quote(evidence.path or '')}" + (
        f"#L{evidence.line}" if evidence.line else ""
    )
    return f"\x1b]8;;{target}\x1b\\{_styled(text, '2', look)}\x1b]8;;\x1b\\"


def _styled(text: str, codes: str, look: Look) -> str:
    return f"\x1b[{codes}m{text}\x1b[0m" if look.colour else text
