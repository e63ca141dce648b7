"""Documents that no longer say what is so: dead links, vanished paths, stale blocks, dead index entries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from posixpath import normpath, relpath
from typing import Final

from pydantic import ValidationError

from autopack.artifacts.canonical import bytes_digest
from autopack.config import CONFIG_FILE
from autopack.gaps import document_places as places
from autopack.gaps import markdown, restructuredtext
from autopack.gaps.dead_links import DeadLink, dead_links, is_judged, missing_paths
from autopack.gaps.detector import Detector, Finding, Rule
from autopack.gaps.excerpts import evidence_at, line_at, line_number, line_start
from autopack.gaps.json_positions import JsonString, json_strings, without_element
from autopack.gaps.ledgers import ENTRY_ID, SUMMARY_LINE, configured_ledgers, counted_entries, summary
from autopack.gaps.link_targets import Tree
from autopack.gaps.markdown import Link
from autopack.gaps.marked_blocks import SUMMARY_NAME, MarkedBlock, marked_blocks, quoted
from autopack.gaps.path_mentions import PathMention, find_paths
from autopack.gaps.remedies import Remedy, ReplaceBlock, ReplaceText
from autopack.gaps.state import Snapshot

GAP_TYPE: Final = "doc_drift"

RULES = (
    Rule(
        name="broken-link",
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="A relative link or image in a document names a path that is not in the tree.",
        why="A reader who follows the link ends on an error page and stops trusting the document.",
        fix="Point the link at the file that took its place, or remove it.",
    ),
    Rule(
        name="broken-heading-link",
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="A link names a heading that its document does not have.",
        why="The reader lands at the top of a page instead of at the place that was meant.",
        fix="Use the slug of the heading that was meant, or give the place an explicit id.",
    ),
    Rule(
        name="vanished-path",
        risk="low",
        confidence="medium",
        blocks_autopilot=False,
        signal="A document names a file that was in the tree once and is gone.",
        why="Instructions that name a file which is gone fail for everyone who follows them.",
        fix="Name the file that took its place, or drop the instruction.",
    ),
    Rule(
        name="stale-block",
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="A block between markers differs from what regenerates it.",
        why="Readers take a generated block for current, so a stale one misleads more than none.",
        fix="Regenerate the block from its source.",
    ),
    Rule(
        name="index-names-missing-file",
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="The project index names a file that is not in the tree.",
        why="Tools and agents that start from the index look for a file that is not there.",
        fix="Remove the entry from the index, or name the file that took its place.",
    ),
)

INDEX_FILES = ("docs/PROJECT_INDEX.json", "PROJECT_INDEX.json")
_MAX_SOURCE_BYTES = 64_000
_PATH_KEYS = re.compile(
    r"(?:path|file|location|doc|document|source|entry_?point|script|module|test|config|ledger|sot_file)s?\Z|readme\Z",
    re.IGNORECASE,
)
_INDEXED_PATH = re.compile(r"(?:\./)?(?:[\w.@+ -]{1,100}/){0,12}[\w.@+ -]{1,100}\.[A-Za-z][A-Za-z0-9]{0,7}\Z")
_TELLS_OF_THE_PAST = re.compile(
    r"\b(?:remov|delet|deprecat|former|previous|no longer|renam|moved?\b|migrat|used to|replac|legacy|old\b|was\b"
    r"|were\b|superseded|obsolete|dropped|historical|originally|earlier|gone\b|instead of|got rid|creat|generat|produc"
    r"|writ|output|example|e\.g\.|such as|for instance|planned|todo\b|copy|put\b|place|save|your\b)",
    re.IGNORECASE,
)
"""Words that say that the path is not there now, or is made by the reader."""


@dataclass(frozen=True)
class DocumentFact:
    """What one document names: relative links, paths in code, and whether it holds marked blocks."""

    links: tuple[Link, ...] = ()
    paths: tuple[PathMention, ...] = ()
    has_blocks: bool = False


def extract(path: str, data: bytes) -> DocumentFact | None:
    """Return what the document PATH names; an empty fact for other files whose bytes are wanted; None for the rest."""
    if markdown.is_markdown(path):
        has_blocks = b"SOT_SUMMARY_START" in data or b"AUTOPACK_BLOCK_START" in data
        return DocumentFact(markdown.find_links(data), find_paths(data), has_blocks)
    if restructuredtext.is_restructuredtext(path):
        return DocumentFact(restructuredtext.find_links(data))
    if path in INDEX_FILES or path == CONFIG_FILE or (_may_be_quoted(path) and len(data) <= _MAX_SOURCE_BYTES):
        return DocumentFact()
    return None


def retain(path: str) -> bool:
    """Ask for the bytes of documents, the index, the configuration, and what a block may quote."""
    known = path in INDEX_FILES or path == CONFIG_FILE
    return known or markdown.is_markdown(path) or restructuredtext.is_restructuredtext(path) or _may_be_quoted(path)


def _may_be_quoted(path: str) -> bool:
    return path.endswith(".txt") or "snippets" in places.folders(path)


def history_candidates(snapshot: Snapshot) -> frozenset[str]:
    """Return the paths that documents name and that are not there."""
    tree = Tree(snapshot)
    facts = _facts(snapshot)
    wanted = {suspect.wanted for suspect in missing_paths(tree, {path: fact.links for path, fact in facts.items()})}
    wanted |= {path for mention in _absent_mentions(tree, facts) for path in mention.candidates}
    wanted |= {entry.wanted for entry in _absent_entries(tree)}
    return frozenset(wanted)


def detect(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield every finding of the five rules."""
    tree = Tree(snapshot)
    facts = _facts(snapshot)
    for dead in dead_links(tree, {path: fact.links for path, fact in facts.items()}):
        yield _link_finding(tree, dead)
    yield from _vanished_paths(tree, facts)
    yield from _stale_blocks(tree, facts)
    yield from _dead_index_entries(tree)


def _facts(snapshot: Snapshot) -> dict[str, DocumentFact]:
    found = snapshot.facts.get(GAP_TYPE, {})
    return {path: fact for path, fact in sorted(found.items()) if isinstance(fact, DocumentFact)}


# --- links ----------------------------------------------------------------------------------------------------------


def _link_finding(tree: Tree, dead: DeadLink) -> Finding:
    data = tree.snapshot.texts[dead.document]
    replacement = _heading_replacement(dead) if dead.fragment else _path_replacement(tree, dead)
    if dead.fragment:
        title = f"{dead.document} links to the heading #{dead.fragment}, which {dead.wanted} does not have"
    else:
        title = f"{dead.document} links to {dead.target}, which is not there"
    return Finding(
        rule="broken-heading-link" if dead.fragment else "broken-link",
        title=title,
        key=(dead.document, dead.target),
        evidence=tuple(evidence_at(dead.document, data, offset) for offset in dead.offsets),
        remedy=_retarget(tree.snapshot, dead.document, dead.offsets, dead.target, replacement),
    )


def _path_replacement(tree: Tree, dead: DeadLink) -> str | None:
    """Return the target that says where the file went; None where that is not certain."""
    path_as_written = re.split(r"[?#]", dead.target, maxsplit=1)[0]
    place = _place_now(tree, dead.wanted)
    if place is None or " " in place or "(" in place or ")" in place or "%" in place:
        return None
    if path_as_written.startswith("/"):
        written = f"/{place}"
    else:
        written = relpath(place, dead.document.rpartition("/")[0] or ".")
        if path_as_written.startswith("./") and not written.startswith("../"):
            written = f"./{written}"
    return written + dead.target[len(path_as_written) :]


def _place_now(tree: Tree, wanted: str) -> str | None:
    """Return the one file that WANTED became: by git's history, or by a difference in letter case only."""
    renamed = tree.snapshot.history.get(wanted)
    place = renamed or tree.same_but_for_case(wanted)
    return place if place is not None and place in tree.snapshot.files else None


def _heading_replacement(dead: DeadLink) -> str | None:
    if dead.suggestion is None:
        return None
    return f"{dead.target.partition('#')[0]}#{dead.suggestion}"


def _retarget(snapshot: Snapshot, document: str, offsets: Sequence[int], old: str, new: str | None) -> Remedy | None:
    """Return the remedy that writes NEW for OLD at every one of OFFSETS (bytes) of DOCUMENT."""
    record = snapshot.files.get(document)
    if new is None or new == old or record is None or record.sha256 is None or not record.tracked:
        return None
    data = snapshot.texts[document]
    places_on_lines = [(line_number(data, offset), offset - line_start(data, offset)) for offset in offsets]
    try:
        operations = tuple(
            ReplaceText(path=document, before_sha256=record.sha256, line=line, column=column, old=old, new=new)
            for line, column in places_on_lines
        )
        return Remedy(kind="link_fix", operations=operations, lines=2 * len({line for line, _ in places_on_lines}))
    except ValidationError:  # A text that looks like a secret cannot be carried to the letter.
        return None


# --- paths ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _AbsentPath:
    document: str
    mention: PathMention
    candidates: tuple[str, ...]
    """From the root: as written, then from the document's folder."""


def _absent_mentions(tree: Tree, facts: Mapping[str, DocumentFact]) -> Iterator[_AbsentPath]:
    """Yield the paths in code that are nowhere in the tree, in documents that describe it as it is now."""
    ledgers = set(configured_ledgers(tree.snapshot.texts).values())
    for document, fact in facts.items():
        if not fact.paths or document in ledgers or not is_judged(document) or places.is_decision(document):
            continue
        for mention in fact.paths:
            candidates = _candidates(document, mention.path)
            absent = not any(tree.exists(path) or tree.is_out_of_sight(path) for path in candidates)
            if candidates and absent and not tree.ending_in(candidates[0]):
                yield _AbsentPath(document, mention, candidates)


def _candidates(document: str, written: str) -> tuple[str, ...]:
    folder = document.rpartition("/")[0]
    paths = (normpath(written), normpath(f"{folder}/{written}".lstrip("/")))
    return tuple(dict.fromkeys(path for path in paths if not path.startswith(("../", "/"))))


def _vanished_paths(tree: Tree, facts: Mapping[str, DocumentFact]) -> Iterator[Finding]:
    found: dict[tuple[str, str], list[PathMention]] = {}
    for absent in _absent_mentions(tree, facts):
        gone = next((path for path in absent.candidates if path in tree.snapshot.history), None)
        if gone is not None and not tree.would_be_ignored(gone) and _is_said_of_now(tree, absent):
            found.setdefault((absent.document, gone), []).append(absent.mention)
    for (document, gone), mentions in found.items():
        yield _vanished_finding(tree, document, gone, mentions)


def _is_said_of_now(tree: Tree, absent: _AbsentPath) -> bool:
    """Tell whether the document says that the path is there: commands do, sentences unless their words deny it."""
    data = tree.snapshot.texts.get(absent.document)
    if data is None or absent.mention.is_run:
        return data is not None
    start = line_start(data, absent.mention.offset)
    around = data[line_start(data, max(0, start - 1)) : start] + line_at(data, absent.mention.offset)
    words = around.replace(absent.mention.path.encode(), b"").decode("utf-8", "replace")
    return _TELLS_OF_THE_PAST.search(words) is None


def _vanished_finding(tree: Tree, document: str, gone: str, mentions: Sequence[PathMention]) -> Finding:
    data = tree.snapshot.texts[document]
    offsets = [mention.offset for mention in mentions]
    place = tree.snapshot.history[gone]
    is_there = place is not None and place in tree.snapshot.files
    certain = is_there and {mention.path for mention in mentions} == {gone}
    return Finding(
        rule="vanished-path",
        title=f"{document} names {gone}, which is no longer in the tree" + (f"; it is {place} now" if is_there else ""),
        key=(document, gone),
        evidence=tuple(evidence_at(document, data, offset) for offset in offsets),
        remedy=_retarget(tree.snapshot, document, offsets, gone, place) if certain else None,
    )


# --- blocks ---------------------------------------------------------------------------------------------------------


def _stale_blocks(tree: Tree, facts: Mapping[str, DocumentFact]) -> Iterator[Finding]:
    ledgers = set(configured_ledgers(tree.snapshot.texts).values())
    for document, fact in facts.items():
        data = tree.snapshot.texts.get(document)
        if not fact.has_blocks or data is None or document in ledgers or places.is_specimen(document):
            continue
        for block in marked_blocks(data):
            summarised = block.name == SUMMARY_NAME and block.source is None
            finding = _stale_summary(tree, document, block) if summarised else _stale_quote(tree, document, block)
            if finding is not None:
                yield finding


def _stale_summary(tree: Tree, document: str, block: MarkedBlock) -> Finding | None:
    texts = tree.snapshot.texts
    ledgers = {path: texts[path] for path in configured_ledgers(texts).values() if path in texts}
    body = texts[document][block.body_start : block.body_end].decode("utf-8", "replace").replace("\r\n", "\n")
    if not ledgers:
        return None
    wanted = summary(ledgers, document)
    lines = [line.strip() for line in body.split("\n") if line.strip()]
    if not all(SUMMARY_LINE.match(line) for line in lines):
        behind = _ledger_left_behind(ledgers, body)
        return _block_finding(tree, document, block, f"misses the newest entry of {behind}", None) if behind else None
    if "".join(f"{line}\n" for line in lines) == wanted:
        return None
    return _block_finding(tree, document, block, "differs from the ledgers that it summarises", wanted.encode())


def _ledger_left_behind(ledgers: Mapping[str, bytes], body: str) -> str | None:
    """Return the ledger of which BODY, in a form that is not ours, names entries but not the newest one."""
    named = {match["id"] for match in ENTRY_ID.finditer(body)}
    for path, data in sorted(ledgers.items()):
        identities = [entry.entry_id for entry in counted_entries(data) if entry.entry_id]
        if not named.isdisjoint(identities) and max(identities, key=_entry_number) not in named:
            return path
    return None


def _entry_number(identity: str) -> int:
    return int(identity.rpartition("-")[2])


def _stale_quote(tree: Tree, document: str, block: MarkedBlock) -> Finding | None:
    if block.source is None:
        return None
    snapshot = tree.snapshot
    record = snapshot.files.get(block.source)
    if record is None:
        gone = not tree.exists(block.source)
        return (
            _block_finding(tree, document, block, f"quotes {block.source}, which is not there", None) if gone else None
        )
    body = snapshot.texts[document][block.body_start : block.body_end].replace(b"\r\n", b"\n")
    source = snapshot.texts.get(block.source)
    if source is not None:
        wanted = quoted(source, block.fence)
        differs = body != wanted
        return _block_finding(tree, document, block, f"differs from {block.source}", wanted) if differs else None
    if record.sha256 is None or (block.fence is not None and body.count(b"\n") < 2):
        return None
    content = body if block.fence is None else b"\n".join(body.split(b"\n")[1:-2]) + b"\n"
    same = record.sha256 in {
        bytes_digest(content),
        bytes_digest(content[:-1]),
        bytes_digest(content.replace(b"\n", b"\r\n")),
    }
    return None if same else _block_finding(tree, document, block, f"differs from {block.source}", None)


def _block_finding(tree: Tree, document: str, block: MarkedBlock, what: str, wanted: bytes | None) -> Finding:
    data = tree.snapshot.texts[document]
    name = block.name or block.source or "unnamed"
    return Finding(
        rule="stale-block",
        title=f"The block {name} in {document} {what}",
        key=(document, name, block.source or ""),
        evidence=(evidence_at(document, data, block.offset),),
        remedy=None if wanted is None else _refresh(tree.snapshot, document, block, wanted),
    )


def _refresh(snapshot: Snapshot, document: str, block: MarkedBlock, wanted: bytes) -> Remedy | None:
    """Return the remedy that puts WANTED between the markers, if they mark one place only."""
    data = snapshot.texts[document]
    record = snapshot.files[document]
    lines = [line.strip() for line in data.split(b"\n")]
    unique = lines.count(block.start.encode()) == 1 and lines.count(block.end.encode()) == 1
    if record.sha256 is None or not record.tracked or not unique:
        return None
    removed = data[block.body_start : block.body_end].count(b"\n")
    if data[block.body_start - 2 : block.body_start] == b"\r\n":
        wanted = wanted.replace(b"\n", b"\r\n")
    try:
        operation = ReplaceBlock(
            path=document, before_sha256=record.sha256, start=block.start, end=block.end, new=wanted.decode()
        )
        return Remedy(kind="block_refresh", operations=(operation,), lines=removed + wanted.count(b"\n"))
    except (ValidationError, UnicodeDecodeError):
        return None


# --- the index ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _IndexEntry:
    index: str
    text: str
    element: JsonString
    wanted: str


def _absent_entries(tree: Tree) -> Iterator[_IndexEntry]:
    """Yield the entries of the index files that name a file which is not there."""
    for index in INDEX_FILES:
        data = tree.snapshot.texts.get(index)
        if data is None:
            continue
        text = data.decode("utf-8", "replace")
        for element in json_strings(text) or ():
            if _names_a_path(element) and not _is_there(tree, index, element.value):
                yield _IndexEntry(index, text, element, normpath(element.value))


def _names_a_path(element: JsonString) -> bool:
    """Tell whether ELEMENT is meant as the path of one file: below a key that says so, and in the form of one."""
    own_keys = element.keys[:-1] if element.is_key else element.keys
    named = any(_PATH_KEYS.match(key) for key in own_keys[-2:]) and (not element.is_key or own_keys != ())
    return named and _INDEXED_PATH.match(element.value) is not None and ".autonomous_runs" not in element.value


def _is_there(tree: Tree, index: str, value: str) -> bool:
    candidates = (normpath(value), normpath(f"{index.rpartition('/')[0]}/{value}".lstrip("/")))
    outside = any(path.startswith("..") for path in candidates[:1])
    return outside or any(tree.exists(path) or tree.is_out_of_sight(path) for path in candidates)


def _dead_index_entries(tree: Tree) -> Iterator[Finding]:
    seen: dict[tuple[str, str], list[_IndexEntry]] = {}
    for entry in _absent_entries(tree):
        if not tree.would_be_ignored(entry.wanted):
            seen.setdefault((entry.index, entry.wanted), []).append(entry)
    for (index, wanted), found in seen.items():
        data = tree.snapshot.texts[index]
        offsets = [len(entry.text[: entry.element.start].encode()) for entry in found]
        yield Finding(
            rule="index-names-missing-file",
            title=f"{index} names {wanted}, which is not there",
            key=(index, wanted),
            evidence=tuple(evidence_at(index, data, offset) for offset in offsets),
            remedy=_without_entry(tree, found[0]) if len(found) == 1 else None,
        )


def _without_entry(tree: Tree, entry: _IndexEntry) -> Remedy | None:
    """Return the remedy for ENTRY: renamed files are renamed in the index, list elements are cut out."""
    record = tree.snapshot.files.get(entry.index)
    place = _place_now(tree, entry.wanted)
    if record is None or record.sha256 is None or not record.tracked or "\ufffd" in entry.text:
        return None
    if place is not None:
        span: tuple[int, int] | None = (entry.element.start, entry.element.end)
        new = f'"{place}"' if not set(place) & set('"\\') and place.isascii() else None
    else:
        span, new = without_element(entry.text, entry.element), ""
    if span is None or new is None:
        return None
    before = entry.text[: span[0]].encode()
    old = entry.text[span[0] : span[1]]
    try:
        operation = ReplaceText(
            path=entry.index,
            before_sha256=record.sha256,
            line=before.count(b"\n") + 1,
            column=len(before) - (before.rfind(b"\n") + 1),
            old=old,
            new=new,
        )
        return Remedy(kind="index_fix", operations=(operation,), lines=2 * (old.count("\n") + 1))
    except ValidationError:
        return None


DETECTOR = Detector(
    gap_type=GAP_TYPE,
    rules=RULES,
    detect=detect,
    extract=extract,
    retain=retain,
    history_candidates=history_candidates,
)
