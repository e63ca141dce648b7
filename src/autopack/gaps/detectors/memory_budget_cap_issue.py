"""Canonical memory that cannot fit the anchor's token caps, and caps that contradict each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from autopack.config import CONFIG_FILE, INTENTION_FILE
from autopack.gaps.detector import Detector, Finding, Rule
from autopack.gaps.excerpts import evidence_at, evidence_of_file
from autopack.gaps.ledgers import configured_ledgers, entry_texts
from autopack.gaps.markdown import is_markdown
from autopack.gaps.memory_sizes import BYTES_PER_TOKEN, certainly_above, is_file, memory_sizes, tokens_of
from autopack.gaps.models import Evidence
from autopack.gaps.run_logs import ShortRecall
from autopack.gaps.state import Snapshot
from autopack.intention_anchor.v2 import BudgetCost, MemoryContinuity

RULES = (
    Rule(
        name="memory-above-cap",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="Canonical memory is larger than a token cap of the intention, even at a low estimate.",
        why="What does not fit is cut off or refused at every retrieval, so the memory that matters may never be read.",
        fix="Where ledgers are among it, `autopack tidy rotate --execute` moves their old entries to archives; else "
        "split the file, or raise the cap in the intention.",
    ),
    Rule(
        name="ledger-above-cap",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="A ledger is larger than what one call may read, even at a low estimate.",
        why="What does not fit is cut off or refused at every retrieval, so the memory that matters may never be read.",
        fix="`autopack tidy rotate --execute` moves its old entries to archive/<ledger>-<year>.md beside it, where "
        "tidy still knows them; or raise the cap in the intention.",
    ),
    Rule(
        name="caps-cannot-work",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="The token caps of the intention contradict each other or the wish to retrieve.",
        why="A cap that can never be met stops every call that counts tokens, or bounds nothing.",
        fix="Correct the caps under budget_cost in the intention, or switch retrieval off.",
    ),
    Rule(
        name="entry-above-cap",
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="One entry of a ledger is larger than what one call to the ledgers may give.",
        why="Whoever asks for it gets its beginning at most, and cannot tell what is missing.",
        fix="Divide the entry, move details into a document that it links, or raise token_cap_per_call.",
    ),
    Rule(
        name="recall-cut-short",
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="In the newest run that asked the ledgers, a call got nothing, or not all of its most relevant entry.",
        why="The run worked without the memory that it needed.",
        fix="Raise the cap under budget_cost that the log names, or make the entries shorter.",
    ),
)

_MOST_PLACES = 20


def extract(path: str, data: bytes) -> bool | None:
    """Return True for what may import other memory, for the intention and for the configuration, None for the rest."""
    return True if retain(path) else None


def retain(path: str) -> bool:
    """Ask for the bytes of Markdown (any may be imported), of the intention and of the configuration."""
    return is_markdown(path) or path in {INTENTION_FILE, CONFIG_FILE}


def detect(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield findings about the caps and about what is above them; none without an intention that states caps."""
    pivots = snapshot.intention.pivot_intentions if snapshot.intention else None
    if pivots is None:
        return
    budget = pivots.budget_cost or BudgetCost()
    retrieves = (pivots.memory_continuity or MemoryContinuity()).retrieval_enabled
    faults = tuple(_faulty_caps(budget, retrieves=retrieves))
    for key, title, field in faults:
        yield Finding("caps-cannot-work", title, (key,), (_in_intention(snapshot, field),))
    if not faults:
        yield from _memory_above_caps(snapshot, budget)
        if retrieves:
            yield from _entries_above_cap(snapshot, budget)
            yield from _short_recalls(snapshot)


def _faulty_caps(budget: BudgetCost, *, retrieves: bool) -> Iterator[tuple[str, str, str]]:
    """Yield (key, title, field of the intention) for every way in which the caps cannot work."""
    caps = {"token_cap_per_call": budget.token_cap_per_call, "token_cap_global": budget.token_cap_global}
    stated = {name: cap for name, cap in caps.items() if cap is not None}
    spends_nothing = not retrieves and len(stated) == 2 and not any(stated.values())
    for name, cap in stated.items():
        if cap == 0 and not spends_nothing:
            yield f"{name}-zero", f"{name} is 0, so no call can ever be made", name
    per_call, overall = budget.token_cap_per_call, budget.token_cap_global
    if per_call and overall and per_call > overall:
        title = f"token_cap_per_call ({per_call}) is above token_cap_global ({overall})"
        yield "per-call-above-global", title, "token_cap_per_call"
    if retrieves and not stated:
        yield (
            "retrieval-without-cap",
            "Retrieval from memory is enabled, but no token cap is stated",
            "retrieval_enabled",
        )


def _in_intention(snapshot: Snapshot, field: str) -> Evidence:
    """Return the line of the written intention that states FIELD, or the field's name where nobody wrote it there."""
    written = snapshot.texts.get(INTENTION_FILE, b"")
    match = re.search(rb"^[ \t]{0,40}[\"']?" + field.encode() + rb"[\"']?[ \t]{0,8}:", written, re.MULTILINE)
    if match is None:
        return evidence_of_file(INTENTION_FILE, None, field)
    return evidence_at(INTENTION_FILE, written, match.end() - 1)


def _memory_above_caps(snapshot: Snapshot, budget: BudgetCost) -> Iterator[Finding]:
    sizes, ledgers = memory_sizes(snapshot), set(configured_ledgers(snapshot.texts).values())
    for path, size in sorted(sizes.items()):
        cap = budget.token_cap_per_call
        if cap and certainly_above(size, cap):
            title = f"{path} has about {tokens_of(size)} tokens, above the cap of {cap} tokens per call"
            rule = "ledger-above-cap" if path in ledgers else "memory-above-cap"
            yield Finding(rule, title, ("per-call", path), (_file(snapshot, path),))
    total, cap = sum(sizes.values()), budget.token_cap_global
    if cap and certainly_above(total, cap):
        title = (
            f"Canonical memory has about {tokens_of(total)} tokens in {len(sizes)} files, above the cap of {cap} tokens"
        )
        largest = sorted(sizes, key=lambda path: (-sizes[path], path))
        yield Finding("memory-above-cap", title, ("global",), tuple(_file(snapshot, path) for path in largest))


def _entries_above_cap(snapshot: Snapshot, budget: BudgetCost) -> Iterator[Finding]:
    """Yield the entries that recall, which counts bytes / 4 itself, can never give whole."""
    cap = budget.token_cap_per_call
    ledgers = configured_ledgers(snapshot.texts).values()
    for path in sorted({path for path in ledgers if cap and path in snapshot.texts and is_file(snapshot, path)}):
        data = snapshot.texts[path]
        for position, (entry, text) in enumerate(entry_texts(data), 1):
            tokens = -(-len(text.encode()) // BYTES_PER_TOKEN)
            if cap and tokens > cap:
                name = entry.entry_id or str(position)
                title = f"The entry {name} of {path} has {tokens} tokens, above the cap of {cap} tokens per call"
                yield Finding("entry-above-cap", title, (path, name), (evidence_at(path, data, entry.offset),))


def _short_recalls(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield one finding for each entry that was cut short, and one for all calls that got nothing."""
    by_entry: dict[str, list[ShortRecall]] = {}
    for short in snapshot.runs.short_recalls:
        by_entry.setdefault(short.entry or "", []).append(short)
    for entry, found in sorted(by_entry.items()):
        title = (
            f"The newest run got {found[0].given} of the {found[0].asked} tokens of {entry}"
            if entry
            else f"The newest run got nothing from the ledgers, {len(found)} times: no tokens were left"
        )
        yield Finding("recall-cut-short", title, (entry,), tuple(short.place for short in found[:_MOST_PLACES]))


def _file(snapshot: Snapshot, path: str) -> Evidence:
    record = snapshot.files[path]
    return evidence_of_file(path, record.sha256, f"{record.size} bytes, about {tokens_of(record.size)} tokens")


DETECTOR = Detector(
    gap_type="memory_budget_cap_issue",
    rules=RULES,
    detect=detect,
    extract=extract,
    retain=retain,
)
