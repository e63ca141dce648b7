"""Accept findings for now, look at what is accepted, and drop what occurs no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from autopack.artifacts.store import write_bytes
from autopack.config import BASELINE_FILE, Settings
from autopack.errors import UsageError
from autopack.gaps.baseline import (
    Acceptance,
    AcceptedFinding,
    BaselineV1,
    Comparison,
    baseline_bytes,
    compare,
    pruned,
    updated,
)
from autopack.gaps.models import Gap
from autopack.operations.accepted import load_baseline
from autopack.operations.scanning import assess_workspace
from autopack.operations.suppressing import rule_ids


@dataclass(frozen=True)
class BaselineChange:
    """What a change of the baseline does, written or not."""

    before: BaselineV1
    after: BaselineV1
    written: bool

    @property
    def added(self) -> tuple[AcceptedFinding, ...]:
        """Entries that are new or renewed."""
        old = {(entry.gap_id, entry.reason, entry.expires) for entry in self.before.findings}
        known = {entry.fingerprint for entry in self.before.findings}
        return tuple(
            entry
            for entry in self.after.findings
            if (entry.gap_id, entry.reason, entry.expires) not in old and not self._followed(entry, known)
        )

    def _followed(self, entry: AcceptedFinding, known: set[str]) -> bool:
        """Tell whether ENTRY is an old one that followed its finding to another place."""
        return entry.fingerprint in known and not any(old.gap_id == entry.gap_id for old in self.before.findings)

    @property
    def removed(self) -> tuple[AcceptedFinding, ...]:
        """Entries that are dropped."""
        kept = {entry.gap_id for entry in self.after.findings} | {entry.fingerprint for entry in self.after.findings}
        return tuple(entry for entry in self.before.findings if not {entry.gap_id, entry.fingerprint} & kept)


@dataclass(frozen=True)
class Accepted:
    """The baseline as it meets the workspace of today."""

    baseline: BaselineV1
    comparison: Comparison
    new: tuple[Gap, ...]


def show_baseline(settings: Settings, today: date) -> Accepted:
    """Return what is accepted, and what of it is still there. Reads only."""
    gaps, _ = _findings(settings, today, show_all=True)
    baseline = load_baseline(settings) or BaselineV1()
    comparison = compare(gaps, baseline, today)
    return Accepted(
        baseline, comparison, tuple(gap for gap in gaps if comparison.state(gap) == "new" and gap.confidence != "low")
    )


def update_baseline(
    settings: Settings,
    acceptance: Acceptance,
    today: date,
    *,
    rules: Sequence[str] = (),
    show_all: bool = False,
    execute: bool = False,
) -> BaselineChange:
    """Accept the new findings (of RULES only, where given) by ACCEPTANCE; EXECUTE writes `.autopack/baseline.json`.

    Raises UsageError for a rule that does not exist, for no reason, and for a day that is over or no day.
    """
    _refuse(acceptance, rules, today)
    everything, reported = _findings(settings, today, show_all=show_all)
    wanted = [gap.gap_id for gap in reported if not rules or gap.rule_id in rules]
    before = load_baseline(settings) or BaselineV1()
    return _change(settings, before, updated(before, everything, today, acceptance, wanted), execute=execute)


def prune_baseline(settings: Settings, today: date, *, execute: bool = False) -> BaselineChange:
    """Drop the entries whose finding occurs no more; EXECUTE writes `.autopack/baseline.json`."""
    everything, _ = _findings(settings, today, show_all=True)
    before = load_baseline(settings) or BaselineV1()
    return _change(settings, before, pruned(before, compare(everything, before, today)), execute=execute)


def _findings(settings: Settings, today: date, *, show_all: bool) -> tuple[tuple[Gap, ...], tuple[Gap, ...]]:
    """Return all findings that are not suppressed, and those of them that are reported."""
    gaps = assess_workspace(settings, show_all=True, today=today).report.gaps
    return gaps, tuple(gap for gap in gaps if show_all or gap.confidence != "low")


def _refuse(acceptance: Acceptance, rules: Sequence[str], today: date) -> None:
    if not acceptance.reason.strip():
        raise UsageError("Accepting findings needs a reason.", hint="--reason 'why they may stay for now'")
    unknown = sorted(set(rules) - rule_ids())
    if unknown:
        raise UsageError(f"There is no rule {unknown[0]!r}.", hint="docs/reference/gaps.md lists the rules.")
    if acceptance.expires is not None:
        try:
            last = date.fromisoformat(acceptance.expires)
        except ValueError as fault:
            raise UsageError(f"{acceptance.expires!r} is no day.", hint="Write it as 2027-03-31.") from fault
        if last < today or acceptance.expires != last.isoformat():
            raise UsageError(f"{acceptance.expires} is no day to come.", hint="Write it as 2027-03-31.")


def _change(settings: Settings, before: BaselineV1, after: BaselineV1, *, execute: bool) -> BaselineChange:
    written = execute and after != before
    if written:
        write_bytes(settings.workspace / BASELINE_FILE, baseline_bytes(after))
    return BaselineChange(before, after, written)
