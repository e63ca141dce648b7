"""What people have called meant, taken out of a report: by comments, paths and severities, each with its reason. Pure.

Nothing that is not committed hides a gap that blocks the autopilot, and in a report that is kept or planned upon it
hides nothing at all: whoever can write a file of the working copy, but not commit it, must not be able to open a gate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from autopack.artifacts.model import RISKS, Risk
from autopack.config import CONFIG_FILE, IgnoredPaths, ScanSettings
from autopack.gaps.detector import Finding
from autopack.gaps.models import Evidence, Gap, GapReportV1
from autopack.gaps.scanner import FAILED, gap_of, in_order, summary_of
from autopack.gaps.suppression_comments import RULES, Comment
from autopack.policy.paths import PathList, granting

UNUSED, WITHOUT_REASON = RULES


@dataclass(frozen=True)
class Suppressed:
    """A gap that a person has called meant. `kind` is SARIF's word (2.1.0, section 3.35.2)."""

    gap: Gap
    kind: Literal["inSource", "external"]
    reason: str


@dataclass(frozen=True)
class Stated:
    """Everything that may hide gaps: the settings, and the comments by path."""

    settings: ScanSettings = field(default_factory=ScanSettings)
    comments: Mapping[str, tuple[Comment, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Sifted:
    """A report without what is hidden, and what was hidden."""

    report: GapReportV1
    suppressed: tuple[Suppressed, ...]
    unsure: tuple[Gap, ...] = ()
    """Of low confidence, and left out of the report."""


def sift(
    report: GapReportV1,
    stated: Stated,
    committed: Stated,
    *,
    rule_ids: frozenset[str],
    paths: Collection[str],
    only_committed: bool,
    show_all: bool,
) -> Sifted:
    """Return REPORT without the gaps that are meant, and without those of low confidence unless SHOW_ALL.

    STATED is what the working copy says, COMMITTED what HEAD says. Suppressions that hide nothing or give no reason
    become gaps themselves. RULE_IDS are the rules and PATHS the files that exist. Raises ValueError for a glob that is
    no pattern.
    """
    now, fixed = _Sieve.of(stated), _Sieve.of(committed)
    complaints = (*_complaints(stated.comments, report, rule_ids), *_idle_patterns(now, paths))
    kept: list[Gap] = []
    suppressed: list[Suppressed] = []
    for gap in (*report.gaps, *complaints):
        # Where it matters, both have to agree: what a person has just taken back no longer hides anything either.
        sieves = (now, fixed) if only_committed or gap.blocks_autopilot else (now,)
        hidden = [sieve.hides(gap) for sieve in sieves]
        if hidden[0] is None or None in hidden:
            kept.append(min((sieve.rated(gap) for sieve in sieves), key=_badness))
        else:
            suppressed.append(hidden[0])
    unsure = [gap for gap in kept if not show_all and _is_unsure(gap)]
    gaps = in_order(gap for gap in kept if show_all or not _is_unsure(gap))
    if gaps == report.gaps and not suppressed and not unsure:
        return Sifted(report, ())
    metadata = report.metadata.model_copy(update={"suppressed": len(suppressed), "low_confidence": len(unsure)})
    sifted = report.model_copy(update={"gaps": gaps, "summary": summary_of(gaps), "metadata": metadata}).sealed()
    order = {gap.gap_id: place for place, gap in enumerate(in_order(one.gap for one in suppressed))}
    return Sifted(
        report=sifted,
        suppressed=tuple(sorted(suppressed, key=lambda one: order[one.gap.gap_id])),
        unsure=tuple(unsure),
    )


def _is_unsure(gap: Gap) -> bool:
    return gap.confidence == "low" and not gap.blocks_autopilot


@dataclass(frozen=True)
class _Sieve:
    """One set of statements, made ready to be asked about many gaps."""

    stated: Stated
    roots: PathList
    ignored: tuple[tuple[IgnoredPaths, PathList], ...]

    @classmethod
    def of(cls, stated: Stated) -> _Sieve:
        """Compile the patterns of STATED. Raises ValueError for one that is none."""
        roots = [root for root in stated.settings.roots if root not in {"", "."}]
        return cls(
            stated=stated,
            roots=granting(f"/{root}" for root in roots if len(roots) == len(stated.settings.roots)),
            ignored=tuple((entry, granting([entry.glob])) for entry in stated.settings.ignored),
        )

    def hides(self, gap: Gap) -> Suppressed | None:
        """Return how GAP is suppressed, or None. A detector that failed cannot be: what it missed is unknown."""
        if gap.rule_id.endswith(f"/{FAILED}"):
            return None
        reason = self._by_settings(gap)
        if reason is not None:
            return Suppressed(gap, "external", reason)
        reason = _by_comments(gap, self.stated.comments)
        return None if reason is None else Suppressed(gap, "inSource", reason)

    def rated(self, gap: Gap) -> Gap:
        """Return GAP as bad as the settings call it; whether it blocks is not theirs to say."""
        setting = self.stated.settings.rules.get(gap.rule_id)
        if setting is None or setting.severity == "off":
            return gap
        risk: Risk = setting.severity
        return gap.model_copy(update={"risk_classification": risk})

    def _by_settings(self, gap: Gap) -> str | None:
        setting = self.stated.settings.rules.get(gap.rule_id)
        if setting is not None and setting.severity == "off":
            return setting.reason
        paths = [evidence.path for evidence in gap.evidence if evidence.path is not None]
        if not paths:
            return None
        if self.roots.patterns and not any(self.roots.matches(path) for path in paths):
            return f"outside of the roots that {CONFIG_FILE} names"
        # Of two copies the one that counts needs no pointer to one that nobody counts; elsewhere each place is a fault.
        enough = any if gap.gap_type == "sot_duplicate" else all
        for entry, pattern in self.ignored:
            if (not entry.rules or gap.rule_id in entry.rules) and enough(pattern.matches(path) for path in paths):
                return entry.reason
        return None


def _badness(gap: Gap) -> int:
    return RISKS.index(gap.risk_classification)


def _by_comments(gap: Gap, comments: Mapping[str, tuple[Comment, ...]]) -> str | None:
    """Return the reason of the first comment where comments cover every place of GAP."""
    reasons: list[str] = []
    for evidence in gap.evidence:
        reason = next((one.reason for one in _covering(gap, evidence, comments) if one.reason), None)
        if reason is None:
            return None
        reasons.append(reason)
    return reasons[0] if reasons else None


def _covering(gap: Gap, evidence: Evidence, comments: Mapping[str, tuple[Comment, ...]]) -> Iterator[Comment]:
    for comment in comments.get(evidence.path or "", ()):
        if gap.rule_id in comment.rules and (
            comment.lines is None
            or (evidence.line is not None and comment.lines[0] <= evidence.line <= comment.lines[1])
        ):
            yield comment


def _complaints(
    comments: Mapping[str, tuple[Comment, ...]], report: GapReportV1, rule_ids: frozenset[str]
) -> Iterator[Gap]:
    """Yield a gap for every comment without a reason, and for every rule in one that covers no place of a gap."""
    used = {
        (comment.place, gap.rule_id)
        for gap in report.gaps
        for evidence in gap.evidence
        for comment in _covering(gap, evidence, comments)
    }
    for path, found in sorted(comments.items()):
        seen: dict[tuple[str, ...], int] = {}
        for comment in found:
            if not comment.reason:
                key = (path, *comment.rules)
                title = f"A suppression in {path} does not say why"
                yield _complaint(WITHOUT_REASON.name, title, _numbered(seen, key), comment.place)
                continue
            for rule in comment.rules or ("",):
                if (comment.place, rule) not in used:
                    title = f"A suppression in {path} hides no {rule}"
                    if rule not in rule_ids:
                        title = f"A suppression in {path} names {rule or 'no rule'}, which is no rule"
                    yield _complaint(UNUSED.name, title, _numbered(seen, (path, rule)), comment.place)


def _idle_patterns(sieve: _Sieve, paths: Collection[str]) -> Iterator[Gap]:
    """Yield a gap for every ignored glob that matches no file."""
    for entry, pattern in sieve.ignored:
        if not any(pattern.matches(path) for path in paths):
            title = f"{CONFIG_FILE} ignores {entry.glob}, which matches no file"
            place = Evidence(path=CONFIG_FILE, preview=entry.glob)
            yield _complaint(UNUSED.name, title, (CONFIG_FILE, entry.glob), place)


def _numbered(seen: dict[tuple[str, ...], int], key: tuple[str, ...]) -> tuple[str, ...]:
    """Return KEY, told apart from the equal ones before it."""
    seen[key] = seen.get(key, 0) + 1
    return (*key, str(seen[key])) if seen[key] > 1 else key


def _complaint(rule: str, title: str, key: tuple[str, ...], place: Evidence) -> Gap:
    known = UNUSED if rule == UNUSED.name else WITHOUT_REASON
    return gap_of("baseline_policy_drift", known, Finding(rule, title, key, (place,)))


def unknown_rules(settings: ScanSettings, rule_ids: frozenset[str]) -> tuple[str, ...]:
    """Return the rules that SETTINGS name and that do not exist, sorted."""
    named = {*settings.rules, *(rule for entry in settings.ignored for rule in entry.rules)}
    return tuple(sorted(named - rule_ids))
