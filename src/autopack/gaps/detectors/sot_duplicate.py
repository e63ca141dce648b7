"""Truth in two places: ledgers and documents that exist twice, entry ids that are taken twice, and versions that are
stated differently."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from posixpath import normpath, relpath
from urllib.parse import quote

from pydantic import ValidationError

from autopack.config import CONFIG_FILE
from autopack.gaps import document_places as places
from autopack.gaps import markdown, restructuredtext
from autopack.gaps.detector import Detector, Finding, Rule
from autopack.gaps.excerpts import evidence_at, evidence_of_file
from autopack.gaps.ledgers import Entry, configured_ledgers, counted_entries
from autopack.gaps.link_targets import folders_above
from autopack.gaps.markdown import Link
from autopack.gaps.models import Evidence
from autopack.gaps.near_duplicates import MINIMUM_SIMILARITY, Sketch, candidate_pairs, similarity, sketch
from autopack.gaps.remedies import Remedy, RewriteFile
from autopack.gaps.site_generators import find_sites
from autopack.gaps.state import Snapshot
from autopack.gaps.stated_versions import Contradiction, StatedVersion, contradictions, may_state, stated_versions
from autopack.wording import first_of

RULES = (
    Rule(
        name="ledger-in-two-places",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="The same ledger exists in two of the root, docs/ and archive/.",
        why="As soon as somebody writes into one of them, nobody can tell which ledger is the truth.",
        fix="Keep the one in its configured place; make the other a pointer to it, or remove it.",
        may_block=True,
    ),
    Rule(
        name="duplicate-entry-id",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="Two entries of the ledgers carry the same id.",
        why="A reference to the id means two things, so what was decided or built cannot be traced.",
        fix="Give the later entry the next free id and correct what refers to it.",
    ),
    Rule(
        name="near-identical-documents",
        risk="low",
        confidence="medium",
        blocks_autopilot=False,
        signal="Two documents of 200 words or more are the same or nearly so.",
        why="A correction made in one of them leaves the other wrong.",
        fix="Keep one of them and replace the other by a link to it.",
    ),
    Rule(
        name="versions-differ",
        risk="low",
        confidence="medium",
        blocks_autopilot=False,
        signal="A lock file, `__version__` or the README states another version of the project than its manifest.",
        why="Users report faults of a version that they do not have, and locked installations fail or differ.",
        fix="State the version in one place and let the others be generated, or correct the one that is behind.",
    ),
)

_LEDGER_FOLDERS = ("", "docs/", "doc/", "archive/", "docs/archive/", "archive/docs/")
_ENOUGH_TO_BE_A_TREE = 3
_LOCKS_OF_NPM = ("package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock")
_MAX_EVIDENCE = 50
_POINTER_WORDS = 80
_CONTINUES = re.compile(
    r"\b(?:cont(?:inued|'d|\.)|update[ds]?|addendum|amend\w*|follow[- ]?up|part \d|revis\w*|correction|errat\w*"
    r"|reopened|supersed\w*|phase \d|hotfix)\b",
    re.IGNORECASE,
)
_NAMED_ALIKE_BY_CUSTOM = re.compile(
    r"(?:readme|license|licence|copying|notice|contributing|code[-_]of[-_]conduct|security|support|governance|changelog"
    r"|agents|claude|gemini|copilot-instructions|skill|index|_index|owners|install|authors|maintainers|version)"
    r"(?:[-_.][\w.-]*)?\Z",
    re.IGNORECASE,
)
_PLAIN_TARGET = re.compile(r"[\w./+-]+\Z")
_FRONT_MATTER = re.compile(rb"\A(---|\+\+\+)[ \t\r]*\n.*?\n\1[ \t\r]*(?:\n|\Z)", re.DOTALL)
_FIRST_HEADING = re.compile(rb"\A#{1,6}[ \t][^\n]*")
_NAMED_VARIANT = re.compile(r"(?P<stem>.*[^/.])\.(?P<word>[A-Za-z]{3,20})(?P<suffix>\.[a-z]+)\Z")
"""`page.french.md` beside `page.md`, with a word that no list of languages needs to hold."""
_ENOUGH_VARIANTS = 3
_DIGITS = re.compile(r"\d+")
_AGENT_FILES = frozenset({"agents", "claude", "gemini", "copilot-instructions", "cursor", "windsurf", "conventions"})
_START_PAGES = frozenset({"readme", "index", "_index", "home"})
"""The README of a project is often the first page of its documentation too, generated one from the other."""
_COPIED_ON_PURPOSE = frozenset(
    [
        *("licenses", "licences", "_includes", "includes", "partials", "snippets", "shared", ".cursor", ".claude"),
        *(
            ".github",
            ".agents",
            ".codex",
            ".gemini",
            ".windsurf",
            ".kiro",
            ".opencode",
            "skills",
            "commands",
            "prompts",
        ),
        *(
            "i18n",
            "locale",
            "locales",
            "translations",
            "translated",
            "l10n",
            "examples",
            "example",
            "samples",
            "starters",
        ),
        *("generated", "gen", "_build", "build", "dist", "public", "site", "man", "plugins"),
    ]
)


@dataclass(frozen=True)
class SourceFact:
    """What one file may share with another: the sketch of a document, and versions that it states."""

    sketch: Sketch | None = None
    versions: tuple[StatedVersion, ...] = ()


def extract(path: str, data: bytes) -> SourceFact | None:
    """Return the sketch of the document PATH and what it states; an empty fact for a short one that may be a ledger."""
    if path == CONFIG_FILE:
        return SourceFact()
    versions = stated_versions(path, data) if may_state(path) and not _is_copied_on_purpose(path) else ()
    if not (markdown.is_markdown(path) or restructuredtext.is_restructuredtext(path)):
        return SourceFact(versions=versions) if versions else None
    found = sketch(data)
    if found is not None and not _is_copied_on_purpose(path) and not places.says_it_is_generated(data):
        return SourceFact(found, versions)
    return SourceFact(versions=versions) if versions or path.count("/") <= 2 else None


def retain(path: str) -> bool:
    """Ask for the bytes of documents and of the configuration."""
    return path == CONFIG_FILE or markdown.is_markdown(path) or restructuredtext.is_restructuredtext(path)


def detect(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield every finding of the four rules."""
    ledgers = configured_ledgers(snapshot.texts)
    twins = {path: tuple(_places_of(snapshot, path)) for path in ledgers.values()}
    for path, found in sorted(twins.items()):
        for first, second in combinations(found, 2):
            yield _ledger_finding(snapshot, path, first, second)
    yield from _duplicate_ids(snapshot, sorted(path for path in ledgers.values() if path in snapshot.texts))
    known = {path for found in twins.values() for path in found}
    facts = snapshot.facts.get("sot_duplicate", {})
    sources = {path: fact for path, fact in facts.items() if isinstance(fact, SourceFact) and path in snapshot.files}
    yield from _duplicate_documents(snapshot, sources, known | set(ledgers.values()))
    stated = {path: fact.versions for path, fact in sources.items() if fact.versions}
    yield from (_version_finding(found, snapshot) for found in contradictions(stated))


# --- ledgers --------------------------------------------------------------------------------------------------------


def _places_of(snapshot: Snapshot, ledger: str) -> Iterator[str]:
    """Yield where LEDGER is, its own place first; a page that only points to it is no ledger."""
    name = ledger.rpartition("/")[2]
    for path in dict.fromkeys((ledger, *(folder + name for folder in _LEDGER_FOLDERS))):
        data = snapshot.texts.get(path)
        if data is not None and (path == ledger or not _is_pointer(data, name)):
            yield path


def _is_pointer(data: bytes, name: str) -> bool:
    return len(data.split()) <= _POINTER_WORDS and (
        name.encode() in data.replace(b"# " + name.encode(), b"") or not data.strip()
    )


def _ledger_finding(snapshot: Snapshot, ledger: str, first: str, second: str) -> Finding:
    diverged = snapshot.texts[first] != snapshot.texts[second]
    what = "have diverged" if diverged else "are identical"
    return Finding(
        rule="ledger-in-two-places",
        title=f"The ledger {ledger} exists twice: {first} and {second} {what}",
        key=(first, second),
        evidence=tuple(_whole(snapshot, path) for path in (first, second)),
        risk="high" if diverged else None,
        blocks_autopilot=True if diverged else None,
        remedy=None if diverged or first != ledger else _pointer(snapshot, kept=first, copy=second),
    )


def _whole(snapshot: Snapshot, path: str) -> Evidence:
    record = snapshot.files[path]
    return evidence_of_file(path, record.sha256, f"{record.size} bytes")


def _duplicate_ids(snapshot: Snapshot, ledgers: Iterable[str]) -> Iterator[Finding]:
    """Yield the ids that more than one entry of LEDGERS carries; an entry that continues another shares its id."""
    holders: dict[str, list[tuple[str, Entry]]] = {}
    for path in ledgers:
        for entry in counted_entries(snapshot.texts[path]):
            if entry.entry_id is not None and not _CONTINUES.search(entry.heading):
                holders.setdefault(entry.entry_id, []).append((path, entry))
    for identity, found in sorted(holders.items()):
        if len(found) > 1:
            where = ", ".join(sorted({path for path, _ in found}))
            yield Finding(
                rule="duplicate-entry-id",
                title=f"{len(found)} entries are called {identity} ({where})",
                key=(identity,),
                evidence=tuple(evidence_at(path, snapshot.texts[path], entry.offset) for path, entry in found),
            )


# --- documents ------------------------------------------------------------------------------------------------------


def _duplicate_documents(snapshot: Snapshot, sources: Mapping[str, SourceFact], ledgers: set[str]) -> Iterator[Finding]:
    sketches = {
        path: fact.sketch
        for path, fact in sources.items()
        if fact.sketch is not None and path in snapshot.texts and path not in ledgers
    }
    pairs = list(_alike(snapshot, sketches))
    waiting = _waiting_for_a_translator(sketches, [(first, second) for first, second, _ in pairs])
    mirrored = Counter(_folders_apart(first, second) for first, second, _ in pairs)
    trees: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for first, second, alike in pairs:
        folders = _folders_apart(first, second)
        if mirrored[folders] >= _ENOUGH_TO_BE_A_TREE:
            trees.setdefault(folders, []).append((first, second))
        else:
            finding = _document_finding(snapshot, (first, second), alike)
            is_waiting = (first, second) in waiting
            yield replace(finding, confidence="low", remedy=None) if is_waiting else finding
    yield from (_tree_finding(snapshot, folders, found) for folders, found in trees.items())


def _waiting_for_a_translator(
    documents: Collection[str], alike: Sequence[tuple[str, str]]
) -> frozenset[tuple[str, str]]:
    """Return those of ALIKE of which one is called by a word more than the other, and most of the other DOCUMENTS with
    that word say something else than those without it: it stands for a language, and these are not translated yet. Of
    what is called `old` or `copy`, most is the same."""
    words = Counter(word for path in documents if (word := _word_of_a_variant(path, documents)))
    found = {pair: word for pair in alike if (word := _word_of_a_variant(pair[0], pair[1:]))}
    found |= {pair: word for pair in alike if (word := _word_of_a_variant(pair[1], pair[:1]))}
    same = Counter(found.values())
    languages = {word for word in same if words[word] - same[word] >= max(_ENOUGH_VARIANTS, same[word])}
    return frozenset(pair for pair, word in found.items() if word in languages)


def _word_of_a_variant(path: str, documents: Collection[str]) -> str | None:
    """Return the word that PATH is called by besides, where one of DOCUMENTS is called so without it."""
    match = _NAMED_VARIANT.match(path)
    return match["word"] if match and match["stem"] + match["suffix"] in documents else None


def _alike(snapshot: Snapshot, sketches: Mapping[str, Sketch]) -> Iterator[tuple[str, str, float]]:
    """Yield two documents and how much they are alike, as far as it is a fault."""
    compared: set[frozenset[str]] = set()
    for group in _identical(snapshot, sketches):
        compared |= {frozenset(pair) for pair in combinations(group, 2)}
        if len(group) == 2 and not _is_one_of_a_kind(*group):
            yield group[0], group[1], 1.0
    for first, second in candidate_pairs(sketches):
        if frozenset((first, second)) in compared or _is_one_of_a_kind(first, second):
            continue
        alike = similarity(snapshot.texts[first], snapshot.texts[second])
        if alike >= MINIMUM_SIMILARITY:
            yield first, second, alike


def _folders_apart(first: str, second: str) -> tuple[str, str]:
    """Return the folders below which FIRST and SECOND have one path, sorted."""
    one, other = first.split("/"), second.split("/")
    while one and other and one[-1] == other[-1]:
        one.pop()
        other.pop()
    lower, upper = sorted(("/".join(one), "/".join(other)))
    return lower, upper


def _tree_finding(snapshot: Snapshot, folders: tuple[str, str], found: Sequence[tuple[str, str]]) -> Finding:
    """Return the finding for FOLDERS, of which one holds what the other does. A tree beside another is copied by a
    program, or by people who know that they do; what is left in the folder that it was moved from is not."""
    shared = (min(pair, key=len).removeprefix(f"{min(folders, key=len)}/") for pair in found)
    names = first_of(list(shared))
    one, other = (f"{folder}/" if folder else "the root" for folder in folders)
    is_within = "" in folders or one.startswith(other) or other.startswith(one)
    return Finding(
        rule="near-identical-documents",
        title=f"{len(found)} documents are in {one} and, nearly or wholly the same, in {other}: {names}",
        key=folders,
        evidence=tuple(_whole(snapshot, path) for pair in found for path in pair)[:_MAX_EVIDENCE],
        confidence=None if is_within else "low",
    )


def _identical(snapshot: Snapshot, sketches: Mapping[str, Sketch]) -> Iterator[tuple[str, ...]]:
    by_content: dict[str, list[str]] = {}
    for path in sorted(sketches):
        sha256 = snapshot.files[path].sha256
        if sha256 is not None:
            by_content.setdefault(sha256, []).append(path)
    yield from (tuple(paths) for paths in by_content.values() if len(paths) > 1)


def _is_copied_on_purpose(path: str) -> bool:
    """Tell whether a copy of PATH elsewhere is normal: specimens, templates, the past, versions, bundled trees."""
    return (
        places.is_specimen(path)
        or places.is_template(path)
        or places.is_of_the_past(path)
        or (places.is_versioned(path) and not places.is_newest_version(path))
        or places.is_named_for_a_version(path)
        or places.is_bundled(path)
        or places.is_dated(path)
        or not _COPIED_ON_PURPOSE.isdisjoint(places.folders(path))
    )


def _is_one_of_a_kind(first: str, second: str) -> bool:
    """Tell whether the pair is a translation, one of a numbered series, one document for two versions, one file for
    several agents, or what every folder has."""
    if _DIGITS.sub("0", first) == _DIGITS.sub("0", second):
        return True
    if places.version_folders(first) != places.version_folders(second):
        return True
    stems = {places.stem(first).lower(), places.stem(second).lower()}
    if (
        places.without_language(first) == places.without_language(second)
        or stems <= _AGENT_FILES
        or stems <= _START_PAGES
    ):
        return True
    return len(stems) == 1 and _NAMED_ALIKE_BY_CUSTOM.match(stems.pop()) is not None


def _document_finding(snapshot: Snapshot, group: tuple[str, ...], alike: float) -> Finding:
    first, second = group
    return Finding(
        rule="near-identical-documents",
        title=f"{first} and {second} are {_how_alike(snapshot, group, alike)}",
        key=group,
        evidence=tuple(_whole(snapshot, path) for path in group),
        remedy=_keep_the_linked_one(snapshot, first, second) if alike == 1.0 else None,
        # What differs in its head alone was copied by a program that writes heads for a site.
        confidence="low" if alike < 1.0 and _body(snapshot.texts[first]) == _body(snapshot.texts[second]) else None,
    )


def _how_alike(snapshot: Snapshot, group: tuple[str, ...], alike: float) -> str:
    """Return how the documents of GROUP, whose words are ALIKE so far, are to be called: those are compared without
    their punctuation."""
    if alike < 1.0:
        return f"{int(alike * 100)} % alike"
    first, second = (snapshot.texts[path] for path in group)
    if first == second:
        return "identical"
    return "the same word for word" if first.split() == second.split() else "nearly the same"


def _body(data: bytes) -> bytes:
    """Return the document DATA without its front matter, its first heading and the blanks around."""
    return _FIRST_HEADING.sub(b"", _FRONT_MATTER.sub(b"", data).strip(), count=1).strip()


# --- versions -------------------------------------------------------------------------------------------------------


def _version_finding(found: Contradiction, snapshot: Snapshot) -> Finding:
    truth, other = found.truth, found.other
    path = other.place.path or ""
    locks = _LOCKS_OF_NPM if path.endswith("/package-lock.json") else ()
    others = (f"{folder}/{lock}".lstrip("/") for folder in (*folders_above(path)[1:], "") for lock in locks)
    above = next((lock for lock in others if lock in snapshot.files), None)
    return Finding(
        rule="versions-differ",
        title=f"{path} states version {other.version} of {truth.project}, {truth.place.path} {truth.version}"
        + (f"; {above} is there too: where that locks a workspace, this one is left over" if above else ""),
        key=(other.place.path or "", truth.place.path or "", truth.project),
        evidence=(other.place, truth.place),
    )


# --- remedies -------------------------------------------------------------------------------------------------------


def _keep_the_linked_one(snapshot: Snapshot, first: str, second: str) -> Remedy | None:
    """Return the remedy that keeps the one of two identical documents that others link to, if it is only one."""
    linked = [path for path in (first, second) if next(_links_to(snapshot, path), None) is not None]
    if len(linked) != 1 or snapshot.texts[first] != snapshot.texts[second]:
        return None
    return _pointer(snapshot, kept=linked[0], copy=second if linked[0] == first else first)


def _pointer(snapshot: Snapshot, *, kept: str, copy: str) -> Remedy | None:
    """Return the remedy that makes COPY a pointer to KEPT; None where a page there is more than its text, or somebody
    links to a heading of it."""
    record, data = snapshot.files[copy], snapshot.texts[copy]
    target = relpath(kept, copy.rpartition("/")[0] or ".")
    settled = record.sha256 is not None and record.tracked and record.status == ".." and snapshot.files[kept].tracked
    plain = markdown.is_markdown(copy) and not data.startswith((b"---", b"+++")) and _PLAIN_TARGET.match(target)
    by_heading = any("#" in link.target for link in _links_to(snapshot, copy))
    if not settled or not plain or by_heading or find_sites(snapshot.files).govern(copy) or record.sha256 is None:
        return None
    try:
        operation = RewriteFile(
            path=copy, before_sha256=record.sha256, new=f"This document is kept in [{kept}]({target}).\n"
        )
    except ValidationError:
        return None
    return Remedy(kind="duplicate_pointer", operations=(operation,), lines=data.count(b"\n") + 2)


def _links_to(snapshot: Snapshot, path: str) -> Iterator[Link]:
    """Yield the links to PATH in all other documents."""
    name = path.rpartition("/")[2]
    spellings = (name.encode("utf-8", "surrogateescape"), quote(name, errors="surrogateescape").encode())
    for document, data in sorted(snapshot.texts.items()):
        if document == path or not any(spelling in data for spelling in spellings):
            continue
        if markdown.is_markdown(document):
            yield from (link for link in markdown.find_links(data) if _end_of(document, link) == path)
        elif restructuredtext.is_restructuredtext(document):
            yield from (link for link in restructuredtext.find_links(data) if _end_of(document, link) == path)


def _end_of(document: str, link: Link) -> str:
    written = markdown.split_target(link.target)[0]
    folder = "" if written.startswith("/") else document.rpartition("/")[0]
    return normpath(f"{folder}/{written.lstrip('/')}".lstrip("/")) if written else document


DETECTOR = Detector(gap_type="sot_duplicate", rules=RULES, detect=detect, extract=extract, retain=retain)
