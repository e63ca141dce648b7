"""What a rule looks for, and what one gap is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from autopack.config import Settings
from autopack.errors import UsageError
from autopack.gaps.detector import Rule
from autopack.gaps.detectors import all_detectors
from autopack.gaps.fingerprints import fingerprint
from autopack.gaps.models import Gap, GapReportV1
from autopack.operations.scanning import assess_workspace
from autopack.operations.source_lines import source_lines


@dataclass(frozen=True)
class ExplainedRule:
    """A rule with its full id."""

    rule_id: str
    rule: Rule

    def document(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {"rule_id": self.rule_id, **vars(self.rule)}


@dataclass(frozen=True)
class ExplainedGap:
    """A gap of the workspace, whether it is new, accepted or suppressed, and why."""

    gap: Gap
    state: str
    reason: str
    fingerprint: str
    report: GapReportV1
    lines: Mapping[tuple[str, int], str]

    def document(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {**self.gap.document(), "state": self.state, "reason": self.reason, "fingerprint": self.fingerprint}


def explain_rule(rule_id: str) -> ExplainedRule:
    """Return the rule called RULE_ID. Raises UsageError, naming the nearest, where there is none."""
    rules = {f"{detector.gap_type}/{rule.name}": rule for detector in all_detectors() for rule in detector.rules}
    if rule_id not in rules:
        near = get_close_matches(rule_id, rules, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}?" if near else "docs/reference/gaps.md lists the rules."
        raise UsageError(f"There is no rule {rule_id!r}.", hint=hint)
    return ExplainedRule(rule_id, rules[rule_id])


def explain_gap(settings: Settings, gap_id: str, today: date) -> ExplainedGap:
    """Return the gap whose id begins with GAP_ID, of low confidence and suppressed ones too.

    Raises UsageError where the workspace has none or several.
    """
    assessment = assess_workspace(settings, show_all=True, today=today)
    suppressed = {one.gap.gap_id: one for one in assessment.suppressed}
    gaps = {gap.gap_id: gap for gap in assessment.report.gaps} | {key: one.gap for key, one in suppressed.items()}
    found = [gap for key, gap in gaps.items() if key == gap_id] or [
        gap for key, gap in gaps.items() if key.startswith(gap_id)
    ]
    if len(found) != 1:
        some = ", ".join(sorted(gap.gap_id for gap in found)[:3]) or "autopack scan --all lists the gaps that there are"
        raise UsageError(f"{len(found) or 'No'} gaps of this workspace are called {gap_id!r}.", hint=some)
    gap = found[0]
    state, reason = "new", ""
    if gap.gap_id in suppressed:
        state, reason = "suppressed", suppressed[gap.gap_id].reason
    elif assessment.comparison is not None and (entry := assessment.comparison.accepted.get(gap.gap_id)):
        state, reason = "accepted", entry.reason
    lines = source_lines(settings, [gap], places=len(gap.evidence))
    return ExplainedGap(gap, state, reason, fingerprint(gap), assessment.report, lines)
