"""The report as JUnit XML, the way CI servers read test results: a new gap is a failure, a known one is skipped."""

from __future__ import annotations

import re
from xml.sax.saxutils import quoteattr

from autopack.gaps.models import Evidence, Gap
from autopack.reporting.plain_text import one_line
from autopack.reporting.view import View, in_one_line, place

_NO_XML = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 (section 2.2) admits in no form; tabs and line feeds never get here."""


def render(view: View) -> str:
    """Return one test suite with one case for each gap; a clean report is one case that passed."""
    cases = [_case(gap, view) for gap in view.report.gaps]
    cases += [_known(one.gap, f"suppressed: {one.reason}") for one in view.suppressed]
    if not cases:
        cases = ['    <testcase classname="autopack" name="no gaps"/>']
    failures, skipped = len(view.new), len(cases) - len(view.new) if view.report.gaps or view.suppressed else 0
    counts = f'tests="{len(cases)}" failures="{failures}" errors="0" skipped="{skipped}"'
    notes = [f"not looked at: {note.subject}: {note.reason}" for note in view.report.metadata.scan_incomplete]
    output = "&#10;".join(_attribute(line)[1:-1] for line in (in_one_line(view), *notes))
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuites name="autopack" {counts}>',
            f'  <testsuite name="autopack scan" {counts}>',
            *cases,
            f"    <system-out>{output}</system-out>",
            "  </testsuite>",
            "</testsuites>",
            "",
        ]
    )


def _case(gap: Gap, view: View) -> str:
    entry = view.accepted(gap)
    if entry is not None:
        return _known(gap, f"accepted: {entry.reason}")
    text = f"why: {gap.why_it_matters} fix: {gap.how_to_fix}"
    failure = f"      <failure type={_attribute(gap.rule_id)} message={_attribute(gap.title)}>"
    return f"{_head(gap)}>\n{failure}{_attribute(text)[1:-1]}</failure>\n    </testcase>"


def _known(gap: Gap, why: str) -> str:
    return f"{_head(gap)}>\n      <skipped message={_attribute(why)}/>\n    </testcase>"


def _head(gap: Gap) -> str:
    first = gap.evidence[0] if gap.evidence else Evidence()
    where = place(first.path, first.line)
    name = f"{gap.gap_id} {where}".strip()
    file = f" file={_attribute(first.path)}" if first.path else ""
    line = f' line="{first.line}"' if first.line else ""
    return f"    <testcase classname={_attribute(gap.rule_id)} name={_attribute(name)}{file}{line}"


def _attribute(text: str) -> str:
    return quoteattr(_NO_XML.sub("\ufffd", one_line(text)), {'"': "&quot;"})
