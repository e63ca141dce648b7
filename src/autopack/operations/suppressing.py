"""Which gaps of a report people have called meant: what the working copy says, and what of it is committed."""

from __future__ import annotations

from difflib import get_close_matches

from autopack.config import CONFIG_FILE, ScanSettings, Settings, parse_scan_settings
from autopack.errors import UsageError
from autopack.gaps.detectors import all_detectors
from autopack.gaps.detectors.baseline_policy_drift import suppression_comments
from autopack.gaps.models import GapReportV1
from autopack.gaps.state import Snapshot
from autopack.gaps.suppressions import Sifted, Stated, sift, unknown_rules
from autopack.git import Git


def rule_ids() -> frozenset[str]:
    """Return the id of every rule that there is."""
    return frozenset(f"{detector.gap_type}/{rule.name}" for detector in all_detectors() for rule in detector.rules)


def sift_report(
    settings: Settings, snapshot: Snapshot, report: GapReportV1, *, only_committed: bool, show_all: bool
) -> Sifted:
    """Return REPORT (of SNAPSHOT) without what the repository calls meant.

    Where ONLY_COMMITTED, what is not in HEAD hides nothing; see `gaps.suppressions` for the reason. Raises UsageError
    where the settings name a rule or a glob that is none.
    """
    comments = suppression_comments(snapshot)
    # Where git does not see the file, it is no part of the state that the report is about.
    written = settings.scan if CONFIG_FILE in snapshot.files else ScanSettings()
    clean = {path for path in comments if snapshot.files[path].tracked and snapshot.files[path].status == ".."}
    refuse_unknown_rules(written)
    try:
        return sift(
            report,
            Stated(written, comments),
            Stated(_committed(settings, snapshot, written), {path: comments[path] for path in sorted(clean)}),
            rule_ids=rule_ids(),
            paths=snapshot.files.keys(),
            only_committed=only_committed,
            show_all=show_all,
        )
    except ValueError as fault:
        raise UsageError(f"{CONFIG_FILE}: [scan]: {fault}.") from fault


def settings_at(settings: Settings, revision: str) -> ScanSettings:
    """Return what REVISION says about scans; what cannot be read says nothing."""
    data = Git(settings.workspace).show(revision, CONFIG_FILE)
    try:
        return ScanSettings() if data is None else parse_scan_settings(data)
    except UsageError:
        return ScanSettings()


def refuse_unknown_rules(written: ScanSettings) -> None:
    """Raise UsageError where settings name a rule that does not exist."""
    known = rule_ids()
    for rule in unknown_rules(written, known):
        near = get_close_matches(rule, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "docs/reference/gaps.md lists the rules."
        raise UsageError(f"{CONFIG_FILE}: there is no rule {rule!r}.", hint=hint)


def _committed(settings: Settings, snapshot: Snapshot, written: ScanSettings) -> ScanSettings:
    record = snapshot.files.get(CONFIG_FILE)
    untouched = record is None or (record.tracked and record.status == "..")
    gone = any(change.path == CONFIG_FILE for change in snapshot.changes)
    if snapshot.git.head is None or (written == ScanSettings() and untouched and not gone):
        return ScanSettings()
    return settings_at(settings, snapshot.git.head)
