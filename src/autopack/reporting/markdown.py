"""The report as a Markdown summary: a table of counts, then what is new, for a comment or the page of a CI run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from autopack.artifacts.model import RISKS
from autopack.gaps.models import Gap
from autopack.reporting.plain_text import one_line
from autopack.reporting.view import View, in_one_line, place, worst_first

SHOWN_GAPS = 200
"""A page of GitHub's holds one megabyte."""
_SPECIAL = re.compile(r"[\\`*_\[\]#|<>~&$]|:(?=//)")
_CALLS = re.compile(r"(@|\\#)(?=\w)")
"""What GitHub turns into a mention of a person or an issue, even where it is escaped."""


def render(view: View) -> str:
    """Return headings, a table by type and risk, and for each rule why it matters, how to fix it, and the places."""
    lines = ["## Gaps", "", _text(in_one_line(view)), ""]
    groups = worst_first(view)
    if groups:
        lines += ["| type | " + " | ".join(RISKS) + " |", "|---|" + "---:|" * len(RISKS)]
        lines += [_row(gap_type, [gap for gaps in rules for gap in gaps]) for gap_type, rules in groups]
        lines.append("")
    left = SHOWN_GAPS
    for _, rules in groups:
        for gaps in rules:
            if left > 0:
                lines += _rule(gaps, left)
                left -= len(gaps)
    if len(view.new) > SHOWN_GAPS:
        lines += [f"… and {len(view.new) - SHOWN_GAPS} more gaps; `autopack scan` lists them all.", ""]
    for note in view.report.metadata.scan_incomplete:
        lines.append(f"- not looked at: {_text(note.subject)}: {_text(note.reason)}")
    return "\n".join(lines).rstrip("\n") + "\n"


def _row(gap_type: str, gaps: list[Gap]) -> str:
    counts = (sum(gap.risk_classification == risk for gap in gaps) for risk in RISKS)
    return f"| {gap_type.replace('_', ' ')} | " + " | ".join(str(count or "") for count in counts) + " |"


def _rule(gaps: list[Gap], most: int) -> Iterator[str]:
    yield f"### `{gaps[0].rule_id}`"
    yield ""
    yield f"{one_line(gaps[0].why_it_matters)} {one_line(gaps[0].how_to_fix)}"
    yield ""
    for gap in gaps[:most]:
        block = ", blocks the autopilot" if gap.blocks_autopilot else ""
        first = next((evidence for evidence in gap.evidence if evidence.path), None)
        where = f" ({_code(place(first.path, first.line))})" if first else ""
        yield f"- **{gap.risk_classification}{block}**: {_text(gap.title)}{where}"
    yield ""


def _text(text: str) -> str:
    """Return TEXT so that Markdown shows it to the letter: no link, image, tag, mention or table cell comes of it."""
    return _CALLS.sub(r"\1<!-- -->", _SPECIAL.sub(r"\\\g<0>", one_line(text)))


def _code(text: str) -> str:
    """Return TEXT as a code span (CommonMark 6.1)."""
    shown = one_line(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    pad = " " if "`" in shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}"
