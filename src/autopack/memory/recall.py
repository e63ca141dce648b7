"""Asking the ledgers, under the caps of the written intention. Every decision is a line in the run's budget log.

Two stages: what one call may give, and what all calls of a run may. Without a cap nothing is given: an unstated
budget is not an unlimited one.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autopack.artifacts.canonical import canonical_bytes
from autopack.artifacts.redaction import redact
from autopack.artifacts.store import ensure_runs_root
from autopack.clock import Clock, timestamp
from autopack.errors import EnvironmentFault
from autopack.file_layout import RunFileLayout
from autopack.gaps.models import GapReportV1
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.memory.index import LedgerEntry, count_tokens, open_index

MAX_ENTRIES = 20
"""Entries that one call considers."""
MAX_WORDS = 40
LEAST_WORTH_GIVING = 32
"""Tokens: a shorter piece of an entry is refused rather than cut."""

Decision = Literal["retrieve", "truncate", "refuse"]
_WORD = re.compile(r"[^\W\d_][\w-]{2,39}")
_COMMON = frozenset(
    (
        *("and", "are", "does", "for", "from", "has", "have", "into", "its", "not", "that", "the", "there", "this"),
        *("was", "were", "which", "with"),
    )
)


@dataclass(frozen=True)
class Recalled:
    """One entry, or the beginning of one, that was given."""

    label: str
    text: str
    tokens: int


def recall(
    words: Sequence[str],
    ledgers: Mapping[str, bytes],
    anchor: IntentionAnchorV2,
    layout: RunFileLayout,
    clock: Clock,
    *,
    already_spent: int = 0,
) -> tuple[Recalled, ...]:
    """Return what LEDGERS (path -> bytes) say about WORDS, within the caps of ANCHOR, the most relevant first.

    ALREADY_SPENT are tokens that the run spent on other things. Each decision to retrieve, truncate or refuse is one
    line of `logs/budget.ndjson`. Raises EnvironmentFault when the log cannot be written: nothing is given unrecorded.
    """
    budget = anchor.budget_cost
    per_call, overall = budget.token_cap_per_call, budget.token_cap_global
    log = _Log(layout, clock, words, per_call, overall)
    if not anchor.memory_continuity.retrieval_enabled:
        return log.refuse_all("memory_continuity.retrieval_enabled is not true")
    if per_call is None or overall is None:
        missing = "token_cap_per_call" if per_call is None else "token_cap_global"
        return log.refuse_all(f"budget_cost.{missing} is not stated")
    left_of_run = overall - already_spent - given_before(layout)
    if min(per_call, left_of_run) < LEAST_WORTH_GIVING:
        return log.refuse_all(f"{max(left_of_run, 0)} tokens are left of the run's {overall}, {per_call} for a call")
    try:
        with open_index(layout.runs_root / "memory.db", ledgers) as index:
            found = index.search(words, MAX_ENTRIES)
    except EnvironmentFault as fault:
        return log.refuse_all(f"the index cannot be used: {fault.message}")
    return tuple(_within(found, min(per_call, left_of_run), log))


def given_before(layout: RunFileLayout) -> int:
    """Return how many tokens earlier calls of the run were given, by its budget log.

    Raises EnvironmentFault for a line that cannot be read: what is not known to be small is not taken for small.
    """
    try:
        lines = layout.budget_log.read_bytes().splitlines()
        return sum(_given(line) for line in lines)
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise EnvironmentFault(
            f"{layout.budget_log} cannot be read: {fault}.", hint="Start a new run; this one's budget is unknown."
        ) from fault


def words_of(report: GapReportV1) -> tuple[str, ...]:
    """Return the words of a gap report that are worth asking for, those that the most gaps share first."""
    counts: dict[str, int] = {}
    for gap in report.gaps:
        for word in {match[0].lower() for match in _WORD.finditer(f"{gap.title} {gap.gap_type.replace('_', ' ')}")}:
            counts[word] = counts.get(word, 0) + 1
    ranked = sorted((word for word in counts if word not in _COMMON), key=lambda word: (-counts[word], word))
    return tuple(ranked[:MAX_WORDS])


@dataclass(frozen=True)
class _Log:
    """The run's budget log, for the decisions of one call."""

    layout: RunFileLayout
    clock: Clock
    words: Sequence[str]
    per_call: int | None
    overall: int | None

    def refuse_all(self, reason: str) -> tuple[()]:
        """Record that the whole call was refused; return nothing."""
        self.write("refuse", None, asked=0, given=0, remaining=0, reason=reason)
        return ()

    def write(
        self, decision: Decision, label: str | None, *, asked: int, given: int, remaining: int, reason: str
    ) -> None:
        """Append one line, whole and on disk before anything is given."""
        line = {
            "at": timestamp(self.clock.now()),
            "event": "recall",
            "decision": decision,
            "entry": label and redact(label),
            "words": [redact(word) for word in self.words[:MAX_WORDS]],
            "tokens_asked": asked,
            "tokens_given": given,
            "tokens_remaining": remaining,
            "token_cap_per_call": self.per_call,
            "token_cap_global": self.overall,
            "reason": redact(reason),
        }
        append_line(self.layout, self.layout.budget_log, canonical_bytes(line) + b"\n")


def append_line(layout: RunFileLayout, path: Path, line: bytes) -> None:
    """Append LINE to a log of the run in one write, and sync it. Raises EnvironmentFault where that fails."""
    try:
        ensure_runs_root(layout.runs_root)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            if os.write(descriptor, line) != len(line):
                raise OSError("the line was cut short")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as fault:
        raise EnvironmentFault(
            f"Cannot write {path}: {fault.strerror or fault}.", hint="Check free space and permissions."
        ) from fault


def _within(found: Sequence[LedgerEntry], limit: int, log: _Log) -> list[Recalled]:
    given: list[Recalled] = []
    remaining = limit
    for entry in found:
        text, decision, reason = _fitted(entry, remaining)
        tokens = count_tokens(text)
        remaining -= tokens
        log.write(decision, entry.label, asked=entry.tokens, given=tokens, remaining=remaining, reason=reason)
        if decision != "refuse":
            given.append(Recalled(entry.label, text, tokens))
    return given


def _fitted(entry: LedgerEntry, remaining: int) -> tuple[str, Decision, str]:
    """Return what is given of ENTRY when REMAINING tokens are left, the decision, and its reason."""
    if entry.tokens <= remaining:
        return entry.text, "retrieve", "it fits"
    reason = f"{remaining} tokens are left for this call"
    if remaining < LEAST_WORTH_GIVING:
        return "", "refuse", reason
    return _beginning(entry.text, remaining), "truncate", reason


def _beginning(text: str, tokens: int) -> str:
    """Return as much of TEXT, from its start, as TOKENS hold; never half a character."""
    return text.encode("utf-8")[: tokens * 4].decode("utf-8", "ignore")


def _given(line: bytes) -> int:
    document = json.loads(line)
    if document["event"] != "recall":
        return 0
    tokens = document["tokens_given"]
    if type(tokens) is not int or tokens < 0:
        raise ValueError("tokens_given is no number of tokens")
    return tokens
