"""Lists of accepted findings that nobody can trust any more, and a policy that became looser than the committed one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from autopack.gaps import baselines, odd_on_purpose
from autopack.gaps.baselines import Baseline, NamedFile
from autopack.gaps.detector import Detector, Finding, Rule
from autopack.gaps.excerpts import Places, evidence_at, evidence_of_file
from autopack.gaps.loosened import Loosened, loosened
from autopack.gaps.models import Evidence
from autopack.gaps.state import CommitFact, Snapshot
from autopack.gaps.suppression_comments import RULES as SUPPRESSION_RULES
from autopack.gaps.suppression_comments import Comment, comments_in

INTENTION = ".autopack/intention.yaml"
MAX_EVIDENCE = 50
_LOG_NAME = "SECURITY_LOG.md"
_STATED_LOG = re.compile(r"[\w./-]*_LOG\.md\b")
_FIELD = re.compile(rb"^[ \t-]*([a-z_]+):", re.MULTILINE)


@dataclass(frozen=True)
class BaselineFact:
    """What a baseline says, and where."""

    baseline: Baseline
    fault: Evidence | None = None
    places: tuple[Evidence, ...] = ()
    """One for each of `baseline.names`."""
    secrets: tuple[Evidence, ...] = ()
    """Where credentials stand in it."""


@dataclass(frozen=True)
class FloorFact:
    """A coverage floor that cannot work."""

    reason: str
    place: Evidence


@dataclass(frozen=True)
class IntentionFact:
    """Where each field of the written intention stands."""

    places: tuple[tuple[str, Evidence], ...]


@dataclass(frozen=True)
class FileFact:
    """What one file says."""

    subject: BaselineFact | FloorFact | IntentionFact | None
    comments: tuple[Comment, ...] = ()
    """Suppressions; they are weighed after all detectors have spoken (see `gaps.suppressions`)."""


def extract(path: str, data: bytes) -> FileFact | None:
    """Return what the file says when it is a baseline, a coverage floor or the intention, or holds suppressions."""
    subject, comments = _subject(path, data), comments_in(path, data)
    return FileFact(subject, comments) if subject is not None or comments else None


def _subject(path: str, data: bytes) -> BaselineFact | FloorFact | IntentionFact | None:
    if path == INTENTION:
        return IntentionFact(
            tuple((match[1].decode(), evidence_at(path, data, match.start(1))) for match in _FIELD.finditer(data))
        )
    if odd_on_purpose.is_test_data(path):
        return None
    baseline = baselines.read(path, data)
    if baseline is not None:
        places = Places(path, data)
        return BaselineFact(
            baseline=baseline,
            fault=evidence_at(path, data, baseline.fault_offset) if baseline.unreadable else None,
            places=tuple(places.at(named.offset) for named in baseline.names),
            secrets=tuple(map(Places(path, data).at, baselines.secrets_in(data))),
        )
    reason = baselines.coverage_floor(path, data)
    return None if reason is None else FloorFact(reason, evidence_at(path, data, data.find(b"fail_under")))


def detect(snapshot: Snapshot) -> Iterator[Finding]:
    """Return baselines that say nothing, or something untrue, unlogged changes of them, and a loosened policy."""
    facts = {
        path: fact.subject
        for path, fact in sorted(snapshot.facts.get(DETECTOR.gap_type, {}).items())
        if isinstance(fact, FileFact)
    }
    has_baseline = any(isinstance(fact, BaselineFact) for fact in facts.values())
    base_names = frozenset(path.rpartition("/")[2] for path in snapshot.files if has_baseline)
    for path, fact in facts.items():
        if path not in snapshot.files:
            continue
        if isinstance(fact, FloorFact):
            yield _unreadable(path, fact.reason, fact.place, part="coverage floor")
        elif isinstance(fact, BaselineFact):
            yield from _baseline(snapshot, path, fact, base_names)
    yield from _unlogged(snapshot)
    intention = facts.get(INTENTION)
    yield from _loosened(snapshot, intention if isinstance(intention, IntentionFact) else IntentionFact(()))


def _baseline(snapshot: Snapshot, path: str, fact: BaselineFact, base_names: frozenset[str]) -> Iterator[Finding]:
    baseline = fact.baseline
    if baseline.unreadable is not None and fact.fault is not None:
        yield _unreadable(path, baseline.unreadable, fact.fault, part="baseline")
    elif baseline.emptied:
        digest = snapshot.files[path].sha256
        yield Finding(
            rule="baseline-emptied",
            title=f"The baseline {path} is empty",
            key=(path,),
            evidence=(evidence_of_file(path, digest, "holds nothing at all"),),
        )
    if fact.secrets:
        count = f"{len(fact.secrets)} credentials" if len(fact.secrets) > 1 else "a credential"
        yield Finding("secret-in-baseline", f"The baseline {path} holds {count}", (path,), fact.secrets)
    places = dict(zip(baseline.names, fact.places, strict=True))
    gone = [
        named for named in baselines.missing(baseline, path, snapshot.exists, base_names) if _is_gone(snapshot, named)
    ]
    if gone:
        yield Finding(
            rule="baseline-names-missing",
            title=f"{path} accepts findings in {_listed(gone)}, which are not there"
            if len(gone) > 1
            else f"{path} accepts findings in {gone[0].name}, which is not there",
            key=(path, *sorted(named.name for named in gone)),
            evidence=tuple(places[named] for named in gone[:MAX_EVIDENCE]),
        )


def _is_gone(snapshot: Snapshot, named: NamedFile) -> bool:
    """Tell whether no ignored file or folder, generated on this machine, can be what NAMED means."""
    name = named.name.removeprefix("./")
    return not any(
        name == path.rstrip("/") or (path.endswith("/") and name.startswith(path)) for path in snapshot.ignored
    )


def _listed(names: list[NamedFile]) -> str:
    shown = ", ".join(named.name for named in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more files"


def _unreadable(path: str, reason: str, place: Evidence, *, part: str) -> Finding:
    return Finding(
        rule="baseline-unreadable",
        title=f"The {part} in {path} cannot be read: {reason}",
        key=(path, part),
        evidence=(place,),
    )


def _unlogged(snapshot: Snapshot) -> Iterator[Finding]:
    """Return the baselines that the commits since the base changed while no log entry was written."""
    commits = snapshot.git.recent_commits
    logs = _logs(snapshot) if commits else frozenset()
    if not logs or any(logs & frozenset(commit.paths) for commit in commits):
        return
    changed: dict[str, CommitFact] = {}
    for commit in commits:
        for path in commit.paths:
            if baselines.format_of(path) is not None and not odd_on_purpose.is_test_data(path):
                changed.setdefault(path, commit)
    for path, commit in sorted(changed.items()):
        record = snapshot.files.get(path)
        note = f"changed by {commit.oid[:12]} ({commit.subject}); {', '.join(sorted(logs))} was not"
        yield Finding(
            rule="baseline-changed-without-log",
            title=f"{path} was changed and no log says why",
            key=(path,),
            evidence=(evidence_of_file(path, record.sha256 if record else None, note),),
        )


def _logs(snapshot: Snapshot) -> frozenset[str]:
    """Return the logs in which changes of baselines are explained: the anchor's, or every SECURITY_LOG.md."""
    if snapshot.intention is not None:
        artifacts = snapshot.intention.evidence_verification.proof_artifacts
        stated = {match[0] for text in artifacts for match in _STATED_LOG.finditer(text)} & snapshot.files.keys()
        if stated:
            return frozenset(stated)
    named = (path for path in snapshot.files if path.endswith(_LOG_NAME) and path.rpartition("/")[2] == _LOG_NAME)
    return frozenset(path for path in named if not odd_on_purpose.is_test_data(path))


def _loosened(snapshot: Snapshot, intention: IntentionFact) -> Iterator[Finding]:
    if snapshot.intention is None or snapshot.base_intention is None:
        return
    for change in loosened(snapshot.base_intention, snapshot.intention):
        yield Finding(
            rule="policy-loosened",
            title=f"The intention's {change.field} is looser than the committed one: {change.change}",
            key=(change.pivot, change.field, change.change),
            evidence=(_place(snapshot, intention, change),),
        )


def _place(snapshot: Snapshot, intention: IntentionFact, change: Loosened) -> Evidence:
    """Return where the field stands in the written intention, or the file where it was removed."""
    inside = False
    for name, place in intention.places:
        inside = inside or name == change.pivot
        if inside and name == change.field:
            return place
    record = snapshot.files.get(INTENTION)
    return evidence_of_file(INTENTION, record.sha256 if record else None, f"{change.field}: {change.change}")


RULES = (
    Rule(
        name="baseline-unreadable",
        risk="high",
        confidence="high",
        blocks_autopilot=False,
        signal="A baseline, or the number that stands for one, is not what its tool can read.",
        why="The check that relies on it fails, or accepts everything.",
        fix="Restore the last version that could be read, or let the tool write it anew and review the difference.",
    ),
    Rule(
        name="baseline-emptied",
        risk="high",
        confidence="high",
        blocks_autopilot=False,
        signal="A baseline holds nothing, not even the frame that its tool always writes.",
        why="It was lost or cut off: what had been accepted, and by whom, is no longer known.",
        fix="Restore it from git, or let the tool write it anew and review the difference.",
    ),
    Rule(
        name="baseline-names-missing",
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="A baseline accepts findings in files that do not exist.",
        why="A new file of that name would be excused unseen, and nobody can tell which entries still matter.",
        fix="Let the tool refresh the baseline, and write down why it changed.",
    ),
    Rule(
        name="secret-in-baseline",
        risk="critical",
        confidence="high",
        blocks_autopilot=False,
        signal="A baseline holds a token or a private key in the form that its issuer gives to nothing else.",
        why="Whoever can read the repository and its history has it; accepting the finding did not make it harmless.",
        fix="Revoke the credential first; then let the tool write the baseline with digests or redacted values.",
    ),
    Rule(
        name="baseline-changed-without-log",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="Commits since the base change a baseline, and none of them adds to the log in which such changes are "
        "explained.",
        why="A finding may have been silenced instead of mended, and no reviewer will see it.",
        fix="Add an entry to the log that says what was accepted and why.",
    ),
    Rule(
        name="policy-loosened",
        risk="critical",
        confidence="high",
        blocks_autopilot=True,
        signal="The written intention allows more than the committed one.",
        why="Nothing may act on a permission that no person has committed.",
        fix="Review the difference, and commit it if it is meant.",
    ),
    *SUPPRESSION_RULES,
)


def suppression_comments(snapshot: Snapshot) -> dict[str, tuple[Comment, ...]]:
    """Return path -> the suppression comments that stand in the file."""
    facts = sorted(snapshot.facts.get(DETECTOR.gap_type, {}).items())
    return {path: fact.comments for path, fact in facts if isinstance(fact, FileFact) and fact.comments}


DETECTOR = Detector(gap_type="baseline_policy_drift", rules=RULES, detect=detect, extract=extract)
