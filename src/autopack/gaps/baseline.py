"""The findings that people accepted for now, and how they meet what a scan finds today. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints, model_validator

from autopack.artifacts.canonical import canonical_bytes
from autopack.artifacts.model import Artifact, RepoPath, Sha256, Text
from autopack.gaps.fingerprints import fingerprint
from autopack.gaps.models import Evidence, Gap, GapId, RuleId

_SEVERAL = 2

State = Literal["new", "unchanged"]
"""SARIF's words (2.1.0, section 3.27.24) for a finding against a baseline."""


def _a_day(text: str) -> str:
    date.fromisoformat(text)
    return text


def _stated(text: str) -> str:
    if not text.strip():
        raise ValueError("must say why")
    return text


Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_a_day)]
"""A day of the calendar, `2027-03-31`."""


class AcceptedPlace(Artifact):
    """A place of a finding: its file, and the beginning of the digest of its line, empty without one."""

    path: RepoPath
    content: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{0,16}$")] = ""


class AcceptedFinding(Artifact):
    """One finding that people live with: what it is, where it was, why, and until when (that day included)."""

    gap_id: GapId
    fingerprint: Sha256
    rule_id: RuleId
    path: RepoPath | None = None
    title: Text
    reason: Annotated[Text, AfterValidator(_stated)]
    expires: Day | None = None
    places: tuple[AcceptedPlace, ...] = ()
    """Where it was, sorted. In a place more it is a new finding."""

    def covers(self, gap: Gap) -> bool:
        """Tell whether GAP is nowhere but where it was accepted: in each file as often as then, or less often."""
        if len(gap.evidence) <= 1 and len(self.places) <= 1:
            return True
        known = Counter(place.path for place in self.places) if self.places else Counter([self.path or "."])
        return Counter(place.path for place in _places_of(gap)) <= known or fingerprint(gap) == self.fingerprint

    def expired(self, today: date) -> bool:
        """Tell whether TODAY is after the last day."""
        return self.expires is not None and date.fromisoformat(self.expires) < today


class BaselineV1(Artifact):
    """`.autopack/baseline.json`: accepted findings, sorted, each once."""

    format_version: Literal["v1"] = "v1"
    findings: tuple[AcceptedFinding, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> BaselineV1:
        ids = [finding.gap_id for finding in self.findings]
        if len(ids) != len(set(ids)):
            raise ValueError("a finding is accepted twice")
        return self


@dataclass(frozen=True)
class Comparison:
    """How findings and baseline meet."""

    accepted: Mapping[str, AcceptedFinding]
    """Gap id of today -> the entry that accepts it."""
    expired: tuple[AcceptedFinding, ...]
    """Entries whose finding is still there and whose time is over: it counts as new."""
    gone: tuple[AcceptedFinding, ...]
    """Entries whose finding occurs no more."""
    grown: tuple[AcceptedFinding, ...] = ()
    """Entries whose finding is in more places than were accepted: it counts as new."""
    known: Mapping[str, tuple[AcceptedFinding, ...]] = field(default_factory=dict)
    """Gap id of today -> the entries that accept some places of it: its own, or those of which it has become one."""

    def state(self, gap: Gap) -> State:
        """Return SARIF's word for GAP."""
        return "unchanged" if gap.gap_id in self.accepted else "new"

    def new_places_first(self, gap: Gap) -> Gap:
        """Return GAP; where it has grown, the places that nobody has accepted lead, for they are what is to be seen."""
        if gap.gap_id not in self.known:
            return gap
        known = _counted(place for entry in self.known[gap.gap_id] for place in entry.places)
        new: list[Evidence] = []
        old: list[Evidence] = []
        for place, evidence in ((_place_of(one), one) for one in gap.evidence):
            is_known = known[place.path, place.content] > 0
            known[place.path, place.content] -= is_known
            (old if is_known else new).append(evidence)
        return gap.model_copy(update={"evidence": (*new, *old)})


def compare(gaps: Sequence[Gap], baseline: BaselineV1, today: date) -> Comparison:
    """Match GAPS with BASELINE: by id (which survives shifted lines), by content (which survives renames), then by
    place.

    Every entry accepts one finding at most, so that a copy of an accepted one is new, and so is one that has grown: its
    entry is neither met nor gone. Only what was one finding in several places accepts what is left of it in each, and
    only findings that were accepted one by one accept what they have become together.
    """
    accepting, joined = _accepting(gaps, baseline)
    met = {finding.gap_id for finding in accepting.values()}
    met |= {entry.gap_id for gap_id in accepting for entry in joined.get(gap_id, ())}
    own = {entry.gap_id: (entry,) for entry in baseline.findings if entry.gap_id not in met}
    new = (gap.gap_id for gap in gaps if gap.gap_id not in accepting)
    known = {gap_id: (*own.get(gap_id, ()), *joined.get(gap_id, ())) for gap_id in new}
    grown = {entry.gap_id for entries in known.values() for entry in entries}
    return Comparison(
        accepted={gap_id: finding for gap_id, finding in accepting.items() if not finding.expired(today)},
        expired=tuple(finding for finding in accepting.values() if finding.expired(today)),
        gone=tuple(finding for finding in baseline.findings if finding.gap_id not in met | grown),
        grown=tuple(finding for finding in baseline.findings if finding.gap_id in grown),
        known={gap_id: entries for gap_id, entries in known.items() if entries},
    )


def _accepting(
    gaps: Sequence[Gap], baseline: BaselineV1
) -> tuple[dict[str, AcceptedFinding], dict[str, tuple[AcceptedFinding, ...]]]:
    """Return the entry that accepts each of GAPS, expired or not, and the entries of which others have become one."""
    matched = _matches(gaps, baseline)
    joined = _joined(gaps, baseline, matched)
    whole = {gap.gap_id: _first_to_expire(joined[gap.gap_id]) for gap in gaps if _is_whole(gap, joined)}
    return matched | whole, joined


def _joined(
    gaps: Sequence[Gap], baseline: BaselineV1, matched: Mapping[str, AcceptedFinding]
) -> dict[str, tuple[AcceptedFinding, ...]]:
    """Return, for findings in several places that nothing accepts as they are, the entries that were made for some of
    those places when they were findings of their own, and that occur no more."""
    occurring = {gap.gap_id for gap in gaps} | {finding.gap_id for finding in matched.values()}
    by_rule: defaultdict[str, list[AcceptedFinding]] = defaultdict(list)
    for entry in baseline.findings:
        if entry.places and entry.gap_id not in occurring:
            by_rule[entry.rule_id].append(entry)
    found: dict[str, tuple[AcceptedFinding, ...]] = {}
    for gap in gaps:
        if len(gap.evidence) < _SEVERAL or gap.gap_id in matched:
            continue
        free, parts = _counted(_places_of(gap)), list[AcceptedFinding]()
        for entry in by_rule[gap.rule_id]:
            if (places := _counted(entry.places)) <= free:
                free -= places
                parts.append(entry)
        if parts:
            found[gap.gap_id] = tuple(parts)
            by_rule[gap.rule_id] = [entry for entry in by_rule[gap.rule_id] if entry not in parts]
    return found


def _is_whole(gap: Gap, joined: Mapping[str, tuple[AcceptedFinding, ...]]) -> bool:
    """Tell whether the entries of which GAP has become one accept it in all of its places."""
    accepted = _counted(place for entry in joined.get(gap.gap_id, ()) for place in entry.places)
    return gap.gap_id in joined and _counted(_places_of(gap)) <= accepted


def _first_to_expire(entries: Sequence[AcceptedFinding]) -> AcceptedFinding:
    return min(entries, key=lambda entry: entry.expires or "9999-12-31")


def _matches(gaps: Sequence[Gap], baseline: BaselineV1) -> dict[str, AcceptedFinding]:
    by_id = {finding.gap_id: finding for finding in baseline.findings}
    matched = {gap.gap_id: by_id[gap.gap_id] for gap in gaps if gap.gap_id in by_id and by_id[gap.gap_id].covers(gap)}
    spare: defaultdict[str, list[AcceptedFinding]] = defaultdict(list)
    for finding in reversed(baseline.findings):
        if finding.gap_id not in matched:
            spare[finding.fingerprint].append(finding)
    if spare:
        for gap in gaps:
            if gap.gap_id not in matched and (left := spare.get(fingerprint(gap))):
                matched[gap.gap_id] = left.pop()
    return matched | _what_is_left(gaps, baseline, matched)


def _what_is_left(
    gaps: Sequence[Gap], baseline: BaselineV1, matched: Mapping[str, AcceptedFinding]
) -> dict[str, AcceptedFinding]:
    """Return those of GAPS that are in places of an accepted finding which occurs no more, in lines that read as they
    did: too few were left of them to be told as one. Anything else in those files is new."""
    occurring = {gap.gap_id for gap in gaps} | {finding.gap_id for finding in matched.values()}
    found: dict[str, AcceptedFinding] = {}
    for entry in baseline.findings:
        if len(entry.places) < _SEVERAL or entry.gap_id in occurring:
            continue
        free = _counted(entry.places)
        for gap in gaps:
            is_known = gap.gap_id in matched or gap.gap_id in found
            if not is_known and gap.rule_id == entry.rule_id and (places := _counted(_places_of(gap))) <= free:
                free -= places
                found[gap.gap_id] = entry
    return found


def _places_of(gap: Gap) -> tuple[AcceptedPlace, ...]:
    return tuple(sorted(map(_place_of, gap.evidence), key=lambda place: (place.path, place.content)))


def _place_of(evidence: Evidence) -> AcceptedPlace:
    return AcceptedPlace(path=evidence.path or ".", content=(evidence.excerpt_sha256 or "")[:16])


def _counted(places: Iterable[AcceptedPlace]) -> Counter[tuple[str, str]]:
    return Counter((place.path, place.content) for place in places)


@dataclass(frozen=True)
class Acceptance:
    """What a person says when accepting findings: why, and until when."""

    reason: str
    expires: str | None = None


def updated(
    baseline: BaselineV1, gaps: Sequence[Gap], today: date, acceptance: Acceptance | None, wanted: Iterable[str]
) -> BaselineV1:
    """Return BASELINE with those new findings of GAPS whose ids are WANTED, accepted by ACCEPTANCE.

    Entries that still hold keep their reason and date and follow their finding to its new place; expired ones are
    renewed when wanted; what occurs no more stays until it is pruned.
    """
    comparison = compare(gaps, baseline, today)
    accepting, _ = _accepting(gaps, baseline)
    chosen = frozenset(wanted) - comparison.accepted.keys() if acceptance is not None else frozenset()
    entries = [entry for entry in (*comparison.gone, *comparison.grown) if entry.gap_id not in chosen]
    for gap in gaps:
        known = accepting.get(gap.gap_id)
        if gap.gap_id in chosen and acceptance is not None:
            entries.append(entry_of(gap, acceptance))
        elif known is not None:
            entries.append(entry_of(gap, Acceptance(known.reason, known.expires)))
    return _sorted(entries)


def pruned(baseline: BaselineV1, comparison: Comparison) -> BaselineV1:
    """Return BASELINE without the entries whose finding occurs no more."""
    gone = {finding.gap_id for finding in comparison.gone}
    return _sorted(finding for finding in baseline.findings if finding.gap_id not in gone)


def baseline_bytes(baseline: BaselineV1) -> bytes:
    """Return what stands in the file: canonical JSON (RFC 8785), each finding on a line of its own.

    The line feeds are for people: a merge of two branches that accepted different findings touches different lines.
    """
    lines = b",\n".join(canonical_bytes(finding.document()) for finding in baseline.findings)
    return b'{"findings":[' + (b"\n" + lines + b"\n" if lines else b"") + b'],"format_version":"v1"}\n'


def entry_of(gap: Gap, acceptance: Acceptance) -> AcceptedFinding:
    """Return GAP as an entry of a baseline."""
    return AcceptedFinding(
        gap_id=gap.gap_id,
        fingerprint=fingerprint(gap),
        rule_id=gap.rule_id,
        path=gap.evidence[0].path if gap.evidence else None,
        title=gap.title,
        reason=acceptance.reason,
        expires=acceptance.expires,
        places=_places_of(gap),
    )


def _sorted(findings: Iterable[AcceptedFinding]) -> BaselineV1:
    ordered = sorted(findings, key=lambda finding: (finding.rule_id, finding.path or "", finding.gap_id))
    return BaselineV1(findings=tuple(ordered))
