"""Canonical memory that cannot fit the anchor's token caps, and caps that contradict each other.

Tokens are estimated as bytes / 4. Single files differ from that by a factor of up to 1.7 in either direction, so only
what is above a cap even at the low end is reported; everything in between would need the model's own tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import normpath

from autopack.config import CONFIG_FILE, INTENTION_FILE
from autopack.gaps.detector import Detector, Finding, Rule
from autopack.gaps.excerpts import evidence_at, evidence_of_file
from autopack.gaps.ledgers import configured_ledgers, entry_texts
from autopack.gaps.markdown import is_markdown, mask
from autopack.gaps.models import Evidence
from autopack.gaps.run_logs import ShortRecall
from autopack.gaps.state import Snapshot
from autopack.intention_anchor.v2 import BudgetCost, MemoryContinuity

BYTES_PER_TOKEN = 4
GUARD = 1.7
"""How far bytes / 4 has been seen from a tokenizer's count for a single file."""

RULES = (
    Rule(
        name="memory-above-cap",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="Canonical memory is larger than a token cap of the intention, even at a low estimate.",
        why="What does not fit is cut off or refused at every retrieval, so the memory that matters may never be read.",
        fix="Move old entries of a ledger to archive/<ledger>-<year>.md beside it (tidy still knows them there), split "
        "the file, or raise the cap in the intention.",
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

_INSTRUCTIONS = ("AGENTS.md", "CLAUDE.md", "GEMINI.md")
_RULE_BOOKS = ("docs/LEARNED_RULES.json", "LEARNED_RULES.json")
_IMPORT = re.compile(rb"(?:^|[\s(])@((?:\./)?[\w.-]{1,100}(?:/[\w.-]{1,100}){0,12}\.[A-Za-z]{1,8})\b")
_DEEPEST_IMPORT = 5
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
    sizes = _memory_sizes(snapshot)
    for path, size in sorted(sizes.items()):
        cap = budget.token_cap_per_call
        if cap and _certainly_above(size, cap):
            title = f"{path} has about {_tokens(size)} tokens, above the cap of {cap} tokens per call"
            yield Finding("memory-above-cap", title, ("per-call", path), (_file(snapshot, path),))
    total, cap = sum(sizes.values()), budget.token_cap_global
    if cap and _certainly_above(total, cap):
        title = (
            f"Canonical memory has about {_tokens(total)} tokens in {len(sizes)} files, above the cap of {cap} tokens"
        )
        largest = sorted(sizes, key=lambda path: (-sizes[path], path))
        yield Finding("memory-above-cap", title, ("global",), tuple(_file(snapshot, path) for path in largest))


def _entries_above_cap(snapshot: Snapshot, budget: BudgetCost) -> Iterator[Finding]:
    """Yield the entries that recall, which counts bytes / 4 itself, can never give whole."""
    cap = budget.token_cap_per_call
    ledgers = configured_ledgers(snapshot.texts).values()
    for path in sorted({path for path in ledgers if cap and path in snapshot.texts and _is_file(snapshot, path)}):
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


def _memory_sizes(snapshot: Snapshot) -> dict[str, int]:
    """Return path -> bytes of what every session reads: ledgers, learned rules, agents' instructions and imports."""
    ledgers = configured_ledgers(snapshot.texts).values()
    known = {path for path in (*ledgers, *_RULE_BOOKS, *_INSTRUCTIONS) if _is_file(snapshot, path)}
    fresh = {path for path in _INSTRUCTIONS if path in known}
    for _ in range(_DEEPEST_IMPORT):
        fresh = {path for path in _imported(snapshot, fresh) if path not in known}
        known |= fresh
    return _one_of_each(snapshot, known)


def _is_file(snapshot: Snapshot, path: str) -> bool:
    return path in snapshot.files and snapshot.files[path].sha256 is not None


def _imported(snapshot: Snapshot, importers: set[str]) -> Iterator[str]:
    """Yield the files that IMPORTERS name as `@path`, from the folder of each."""
    for importer in importers:
        for match in _IMPORT.finditer(mask(snapshot.texts.get(importer, b""))):
            path = normpath(f"{importer.rpartition('/')[0]}/{match[1].decode('ascii', 'replace')}".lstrip("/"))
            if _is_file(snapshot, path):
                yield path


def _one_of_each(snapshot: Snapshot, paths: set[str]) -> dict[str, int]:
    """Return path -> bytes of PATHS; of files with the same content (AGENTS.md copied to CLAUDE.md) the first."""
    sizes: dict[str, int] = {}
    seen: set[str | None] = set()
    for path in sorted(paths):
        record = snapshot.files[path]
        if record.sha256 not in seen:
            seen.add(record.sha256)
            sizes[path] = record.size
    return sizes


def _certainly_above(size: int, cap: int) -> bool:
    return size / BYTES_PER_TOKEN / GUARD > cap


def _tokens(size: int) -> int:
    return size // BYTES_PER_TOKEN


def _file(snapshot: Snapshot, path: str) -> Evidence:
    record = snapshot.files[path]
    return evidence_of_file(path, record.sha256, f"{record.size} bytes, about {_tokens(record.size)} tokens")


DETECTOR = Detector(
    gap_type="memory_budget_cap_issue",
    rules=RULES,
    detect=detect,
    extract=extract,
    retain=retain,
)
