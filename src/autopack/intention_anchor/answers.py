"""From one typed line to a pivot: how the answers to the questions of `autopack init` are understood."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from autopack.artifacts.model import Artifact
from autopack.errors import UsageError
from autopack.intention_anchor.questions import PivotType
from autopack.intention_anchor.v2 import (
    AutoApproveRule,
    BudgetCost,
    EvidenceVerification,
    GovernanceReview,
    Inferred,
    MemoryContinuity,
    NorthStar,
    ParallelismIsolation,
    RequiredCheck,
    SafetyRisk,
    ScopeBoundaries,
    entry_label,
)

NOTHING = "none"
DEFAULT_MAX_LINES = 300
_RULE_LINES = 20


@dataclass(frozen=True)
class Situation:
    """What an answer is understood against: the repository's top folders, its ledgers, what was inferred, the kinds of
    action that a rule may name, and the folders that an earlier answer opened."""

    folders: frozenset[str] = frozenset()
    ledgers: tuple[str, ...] = ()
    inferred: tuple[Inferred, ...] = ()
    kinds: tuple[str, ...] = ()
    write_roots: tuple[str, ...] = ()


def default_answer(pivot: PivotType, situation: Situation) -> str:
    """Return what Enter stands for, or an empty string where only a person can say and Enter leaves it open."""
    if pivot == "evidence_verification":
        checks = [entry for entry in situation.inferred if entry.field == "required_checks"]
        return "; ".join(entry_label(entry.value) for entry in checks) or NOTHING
    defaults: Mapping[str, str] = {
        "safety_risk": NOTHING,
        "scope_boundaries": NOTHING,
        "budget_cost": str(DEFAULT_MAX_LINES),
        "memory_continuity": ", ".join(situation.ledgers) or NOTHING,
        "governance_review": NOTHING,
        "parallelism_isolation": "1",
    }
    return defaults.get(pivot, "")


def understand(pivot: PivotType, line: str, situation: Situation) -> Artifact:
    """Return the pivot that LINE states; `none` states that there is nothing.

    Raises UsageError saying what was expected.
    """
    try:
        return _READERS[pivot](line.strip(), situation)
    except ValidationError as fault:
        error = fault.errors()[0]
        raise UsageError(f"{error['input']!r}: {error['msg'].removeprefix('Value error, ')}.") from fault


def _words(line: str, separators: str = ",;") -> list[str]:
    if line.lower() in {NOTHING, "-", ""}:
        return []
    return [word for part in re.split(f"[{separators}]", line) if (word := part.strip())]


def _north_star(line: str, situation: Situation) -> Artifact:
    return NorthStar(desired_outcomes=tuple(_words(line, ";")))


def _safety(line: str, situation: Situation) -> Artifact:
    return SafetyRisk(never_allow=tuple(_protecting(word, situation) for word in _words(line)), risk_tolerance="low")


def misspelt_kind(word: str, kinds: Collection[str]) -> str | None:
    """Return the one of KINDS that WORD is a slip of, None where it is one of them or a pattern of its own."""
    if word in kinds:
        return None
    return next(iter(difflib.get_close_matches(word, kinds, n=1, cutoff=0.8)), None)


def _protecting(word: str, situation: Situation) -> str:
    """Return WORD as an entry; a slip in the name of a kind would become a pattern that forbids nothing."""
    meant = misspelt_kind(word, situation.kinds)
    if meant is not None:
        raise UsageError(f"{word!r} is no kind of action; did you mean {meant!r}? Write a file's name as '/{word}'.")
    if not re.search(r"\w", word):
        raise UsageError(f"{word!r} names neither a path nor a kind of action.")
    return f"/{word.strip('/')}/" if word.strip("/") in situation.folders else word


def _evidence(line: str, situation: Situation) -> Artifact:
    known = {entry_label(entry.value): entry.value for entry in situation.inferred}
    checks: list[RequiredCheck] = []
    for command in _words(line, ";"):
        check = known.get(command)
        checks.append(check if isinstance(check, RequiredCheck) else _check(command, {c.name for c in checks}))
    return EvidenceVerification(required_checks=tuple(checks))


def _check(command: str, taken: Iterable[str]) -> RequiredCheck:
    try:
        argv = shlex.split(command)
    except ValueError as fault:
        raise UsageError(f"{command!r} is not a command: {fault}.") from fault
    name = re.sub(r"[^a-z0-9_-]+", "-", " ".join(argv[:3]).lower()).strip("-_0123456789")[:50] or "check"
    unique = next(
        found for number in range(1, 1_000) if (found := f"{name}-{number}" if number > 1 else name) not in taken
    )
    return RequiredCheck(name=unique, argv=tuple(argv))


def _scope(line: str, situation: Situation) -> Artifact:
    return ScopeBoundaries(allowed_write_roots=tuple(_granting(word, situation) for word in _words(line)))


def _granting(word: str, situation: Situation) -> str:
    """Return WORD as an anchored pattern: a folder stands for all that is in it."""
    path = word.removeprefix("./")
    if path.strip("/.*") == "":
        raise UsageError(f"{word!r} would open the whole repository.", hint="Name folders, such as docs or src.")
    if not set("*?[").intersection(path) and (path.endswith("/") or path.strip("/").split("/")[0] in situation.folders):
        path = f"{path.rstrip('/')}/**" if "." not in path.rsplit("/", 1)[-1] else path
    return path if path.startswith("/") else f"/{path}"


def _budget(line: str, situation: Situation) -> Artifact:
    return BudgetCost(max_lines=_number(line, "lines"))


def _memory(line: str, situation: Situation) -> Artifact:
    names = _words(line, ",; ")
    for name in names:
        if name not in situation.ledgers:
            raise UsageError(f"There is no ledger {name!r}; there are: {', '.join(situation.ledgers) or 'none'}.")
    return MemoryContinuity(persist_to_sot=tuple(names))


def _governance(line: str, situation: Situation) -> Artifact:
    kinds = _words(line, ",; ")
    unknown = next((kind for kind in kinds if kind not in situation.kinds), None)
    if unknown is not None:
        raise UsageError(f"There is no kind of action {unknown!r}; there are: {', '.join(situation.kinds)}.")
    if kinds and not situation.write_roots:
        raise UsageError("Nothing can go ahead without asking while no folder may be changed; answer: none.")
    rule = AutoApproveRule(
        rule_id="small-changes",
        description="Small changes that go ahead without asking",
        kinds=tuple(kinds) or ("link_fix",),
        paths=situation.write_roots or ("/docs/**",),
        max_lines=_RULE_LINES,
    )
    return GovernanceReview(default_policy="deny", auto_approve_rules=(rule,) if kinds else ())


def _parallelism(line: str, situation: Situation) -> Artifact:
    runs = 1 if not _words(line) else _number(line, "runs")
    if runs == 1:
        return ParallelismIsolation(allowed=False)
    return ParallelismIsolation(allowed=True, isolation_model="four_layer", max_concurrent_runs=runs)


def _number(line: str, what: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", line):
        raise UsageError(f"Expected a number of {what}, found {line!r}.")
    return int(line)


_READERS: Mapping[PivotType, Callable[[str, Situation], Artifact]] = {
    "north_star": _north_star,
    "safety_risk": _safety,
    "evidence_verification": _evidence,
    "scope_boundaries": _scope,
    "budget_cost": _budget,
    "memory_continuity": _memory,
    "governance_review": _governance,
    "parallelism_isolation": _parallelism,
}
