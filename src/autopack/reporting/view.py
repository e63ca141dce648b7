"""What is shown of a scan: the report, and what is known about it beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from autopack.artifacts.model import RISKS
from autopack.gaps.baseline import AcceptedFinding, Comparison
from autopack.gaps.models import Gap, GapReportV1
from autopack.gaps.suppressions import Suppressed
from autopack.wording import agreeing, counted


@dataclass(frozen=True)
class View:
    """A report and what is shown with it."""

    report: GapReportV1
    suppressed: tuple[Suppressed, ...] = ()
    comparison: Comparison | None = None
    before: Comparison | None = None
    """Against the commit that the reader starts from; what was there is left out of the report."""
    lines: Mapping[tuple[str, int], str] = field(default_factory=dict)
    """(path, line) -> the line as it stands in the file, without secrets; for excerpts."""

    @property
    def new(self) -> tuple[Gap, ...]:
        """The gaps that nobody has accepted; of one that has grown, the places that nobody has accepted lead."""
        return tuple(self.new_places_first(gap) for gap in self.report.gaps if self.accepted(gap) is None)

    def new_places_first(self, gap: Gap) -> Gap:
        """Return GAP; where it has grown, the places in which it is new lead."""
        for comparison in filter(None, (self.before, self.comparison)):
            gap = comparison.new_places_first(gap)
        return gap

    @property
    def older(self) -> int:
        """How many gaps are left out because they were there before."""
        return 0 if self.before is None else len(self.before.accepted)

    def accepted(self, gap: Gap) -> AcceptedFinding | None:
        """Return the entry of the baseline that accepts GAP."""
        return None if self.comparison is None else self.comparison.accepted.get(gap.gap_id)


Renderer = Callable[[View], str]


def worst_first(view: View) -> list[tuple[str, list[list[Gap]]]]:
    """Return the new gaps as (type, groups of one rule each): the worst type first, in it the worst rule first."""

    def badness(gap: Gap) -> int:
        return RISKS.index(gap.risk_classification)

    by_type = {name: list(group) for name, group in groupby(view.new, key=lambda gap: gap.gap_type)}
    types = sorted(by_type, key=lambda name: (min(map(badness, by_type[name])), name))
    found: list[tuple[str, list[list[Gap]]]] = []
    for name in types:
        rules: dict[str, list[Gap]] = {}
        for gap in sorted(by_type[name], key=badness):
            rules.setdefault(gap.rule_id, []).append(gap)
        found.append((name, list(rules.values())))
    return found


def in_one_line(view: View) -> str:
    """Return the whole in one sentence; an accepted, suppressed or unseen thing is never left unsaid."""
    report, new = view.report, view.new
    counts = {risk: sum(gap.risk_classification == risk for gap in new) for risk in RISKS}
    by_risk = [f"{count} {risk}" for risk, count in counts.items() if count]
    known = len(report.gaps) - len(new)
    noun = "new gap" if view.comparison is not None or report.metadata.since else "gap"
    parts = [counted(len(new), noun) + (f" ({', '.join(by_risk)})" if by_risk else "")]
    parts[0] += f" in {counted(report.metadata.files_in_scope, 'file')}"
    if blocking := report.summary.blocking:
        parts.append(f"{blocking} {agreeing(blocking, 'blocks', 'block')} the autopilot")
    if known:
        parts.append(f"{known} accepted in the baseline")
    if view.comparison is not None and (expired := len(view.comparison.expired)):
        parts.append(f"{expired} accepted too long ago")
    if view.older:
        parts.append(f"{view.older} older")
    if suppressed := report.metadata.suppressed:
        parts.append(f"{suppressed} suppressed")
    if unsure := report.metadata.low_confidence:
        parts.append(f"{unsure} of low confidence (--all shows them)")
    if missed := len(report.metadata.scan_incomplete):
        parts.append(f"{counted(missed, 'place')} not looked at")
    return "; ".join(parts)


def place(path: str | None, line: int | None, column: int | None = None) -> str:
    """Return a place as editors read it: `path:line:column`, as far as it is known."""
    parts = [path or "", *(str(number) for number in (line, column if line else None) if number)]
    return ":".join(parts)
