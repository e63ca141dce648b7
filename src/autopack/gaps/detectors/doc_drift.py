"""Documents that no longer say what is so: dead links, vanished paths, stale blocks, dead index entries."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pydantic import ValidationError

from autopack.artifacts.model import Confidence
from autopack.config import CONFIG_FILE
from autopack.gaps import document_places as places
from autopack.gaps import markdown, news_fragments, restructuredtext
from autopack.gaps.assembled_pages import is_template_of_a_shortcode
from autopack.gaps.dead_links import DeadLink, ResolvedLinks, dead_links, missing_paths, neutral_path
from autopack.gaps.detector import Detector, Finding, Rule
from autopack.gaps.documented_modules import MissingModule, ModuleName, find_modules, missing_modules, open_package
from autopack.gaps.excerpts import evidence_at, line_start, places_in
from autopack.gaps.import_resolution import PackageFact, package_fact
from autopack.gaps.inclusions import Inclusions, find_embedded, find_inclusions, may_embed
from autopack.gaps.json_positions import json_strings, without_element
from autopack.gaps.ledgers import is_ledger
from autopack.gaps.link_checkers import LeftOut, LinksLeftOut, find_left_out
from autopack.gaps.link_targets import Tree, built_folders, static_places
from autopack.gaps.links_of_one_cause import moved, moved_title, told_by_cause
from autopack.gaps.made_pages import MadePages, find_names
from autopack.gaps.markdown import Link
from autopack.gaps.meant_targets import meant_by, place_now, what_is_near
from autopack.gaps.mkdocs import is_setting_of_mkdocs
from autopack.gaps.page_lists import find_routes, lists_among, may_be_list
from autopack.gaps.path_mentions import PathMention, find_paths
from autopack.gaps.project_index import INDEX_FILES, DeadEntry, dead_entries
from autopack.gaps.remedies import Remedy, ReplaceBlock, ReplaceText, merged
from autopack.gaps.renderings import MADE, OTHER_SITE, read_otherwise
from autopack.gaps.site_generators import PageLists
from autopack.gaps.site_settings import SaidOfPages, SaidOfSites, what_is_said
from autopack.gaps.stale_blocks import StaleBlock, stale_blocks
from autopack.gaps.state import Snapshot
from autopack.gaps.vanished_paths import VanishedPath, absent_paths, vanished_paths
from autopack.wording import agreeing, counted, first_of

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
        why="Whoever looks for the file, or follows an instruction that names it, finds nothing.",
        fix="Name the file that took its place, or drop what is said of the one that is gone.",
    ),
    Rule(
        name="missing-module",
        risk="low",
        confidence="medium",
        blocks_autopilot=False,
        signal="A reST document refers to a module of this repository that is not in its package.",
        why="The reference leads nowhere, and the call or import that it describes fails.",
        fix="Name the module that took its place.",
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

_MAX_SOURCE_BYTES = 64_000
_ENOUGH_TRANSLATIONS = 3
_ENOUGH_VANISHED = 3
_OF_A_SITE = (".html", ".md", ".yml", ".yaml")
"""What templates of shortcodes and settings of MkDocs end in."""
_MAY_SAY_SOMETHING = frozenset(
    "json yml yaml toml lycheeignore html htm md go rs js cjs mjs jsx ts cts mts tsx".split()  # noqa: SIM905  (as read)
)
"""What the names of files end in that are no documents and may say something of them."""
_AROUND_A_PICTURE = re.compile(rb"[\"'][^<>]{0,500}>\s{0,80}<img\b")
_LICENCE = re.compile(r"(?:licen[cs]e|copying|notice)(?:[-.]\w+){0,2}\Z", re.IGNORECASE)


@dataclass(frozen=True)
class DocumentFact:
    """What one document names: relative links, paths in code, modules, the documents that it takes in, and whether it
    holds marked blocks; of an `__init__.py`, what its package provides; of a list of pages, what it lists."""

    links: tuple[Link, ...] = ()
    paths: tuple[PathMention, ...] = ()
    modules: tuple[ModuleName, ...] = ()
    package: PackageFact | None = None
    has_blocks: bool = False
    inclusions: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    """Of a file that may list the pages of a site: what it names."""
    is_shown: bool = False
    """It says where a site shows it."""
    said: SaidOfPages | None = None
    """Of the settings of a site: what they say of its pages."""
    left_out: LeftOut | None = None
    """Of the settings of a link checker: what they leave out."""
    made: tuple[str, ...] = ()
    """Of what builds documents: the names of pages in it."""


def extract(path: str, data: bytes) -> DocumentFact | None:
    """Return what the document PATH names; an empty fact for other files whose bytes are wanted; None for the rest."""
    if markdown.is_markdown(path):
        has_blocks = b"SOT_SUMMARY_START" in data or b"AUTOPACK_BLOCK_START" in data
        is_shown = places.says_where_it_is_shown(data)
        if places.says_it_is_generated(data):
            by_hand = tuple(link for link in markdown.find_links(data) if places.is_written_by_hand(data, link.offset))
            return DocumentFact(by_hand, has_blocks=has_blocks, is_shown=is_shown)
        taken_in = find_inclusions(data)
        links = tuple(one for one in markdown.find_links(data) if not places.is_written_by_a_bot(data, one.offset))
        paths = find_paths(data)
        return DocumentFact(links, paths, has_blocks=has_blocks, inclusions=taken_in, is_shown=is_shown)
    if restructuredtext.is_restructuredtext(path):
        links = restructuredtext.find_links(data)
        return DocumentFact(links, modules=find_modules(data), inclusions=find_inclusions(data))
    if path.endswith("/__init__.py"):
        return DocumentFact(package=PackageFact(open_package(data), package_fact(data).identifiers))
    may_say_something = path.rpartition(".")[2].lower() in _MAY_SAY_SOMETHING or may_embed(path, data)
    fact = _of_no_document(path, data) if may_say_something else None
    if made := find_names(path, data):
        fact = replace(fact or DocumentFact(), made=made)
    if fact is None and _may_be_quoted(path) and len(data) <= _MAX_SOURCE_BYTES:
        return DocumentFact()
    return fact


def _of_no_document(path: str, data: bytes) -> DocumentFact | None:
    """Return what the settings, the list, the script or the program PATH says of documents, or None."""
    embedded, said = find_embedded(path, data), what_is_said(path, data)
    routes = find_routes(path, data) if may_be_list(path) and not embedded else ()
    left_out = find_left_out(path, data)
    if embedded or said or routes or left_out:
        return DocumentFact(inclusions=embedded, routes=routes, said=said, left_out=left_out)
    return DocumentFact() if _is_known(path) or _is_setting(path) else None


def retain(path: str) -> bool:
    """Ask for the bytes of documents, the index, the configuration, what a block may quote, where news is kept, and
    what sites make of their pages."""
    is_document = markdown.is_markdown(path) or restructuredtext.is_restructuredtext(path)
    return is_document or _is_known(path) or _may_be_quoted(path) or _is_setting(path)


def _is_known(path: str) -> bool:
    return path in INDEX_FILES or path == CONFIG_FILE or path in news_fragments.SETTINGS


def _is_setting(path: str) -> bool:
    """Tell whether PATH says what a site makes of its pages."""
    return path.endswith(_OF_A_SITE) and (is_template_of_a_shortcode(path) or is_setting_of_mkdocs(path))


def _may_be_quoted(path: str) -> bool:
    return path.endswith(".txt") or "snippets" in places.folders(path)


def history_candidates(snapshot: Snapshot) -> frozenset[str]:
    """Return the paths that documents name and that are not there, and where sites may take them from."""
    tree, named, links = _tree_and_names(snapshot)
    missing = missing_paths(tree, links)
    wanted = {suspect.wanted for suspect in missing}
    served = (gone.wanted for gone in missing if tree.sites.govern(gone.document))
    wanted |= {place for path in served for place in static_places(path, snapshot.folders)}
    wanted |= {path for absent in absent_paths(tree, named.paths) for path in absent.candidates}
    wanted |= {entry.wanted for entry in dead_entries(tree)}
    return frozenset(wanted)


def detect(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield every finding of the six rules; what a copy of a document shares with it is of low confidence."""
    told: set[tuple[str, ...]] = set()
    for finding in sorted(_found(snapshot), key=lambda finding: finding.key):
        record = snapshot.files.get(finding.key[0])
        shared = ("" if part == finding.key[0] else part for part in finding.key[1:])
        content = (record.sha256 or "", finding.rule, *shared) if record else finding.key
        yield replace(finding, confidence="low") if content in told else finding
        told.add(content)


def _found(snapshot: Snapshot) -> Iterator[Finding]:
    tree, named, links = _tree_and_names(snapshot)
    dead = read_otherwise(tree, tuple(dead_links(tree, links, named.inclusions)), named.links, named.made)
    told = [(one, _link_finding(tree, one, named.left_out)) for one in dead if one.original is None]
    yield from told_by_cause(told, snapshot.folders)
    yield from _translation_findings(tree, [one for one in dead if one.original is not None])
    linked = {(one.document, one.wanted) for one in dead if one.fragment is None}
    gone = (one for one in vanished_paths(tree, named.paths) if (one.document, one.path) not in linked)
    yield from _vanished_findings(tree, gone)  # The text of a link is often its target.
    yield from (_module_finding(tree, missing) for missing in missing_modules(snapshot, named.modules, named.packages))
    yield from _block_findings(tree, named.with_blocks)
    yield from _index_findings(tree)


@dataclass(frozen=True)
class _Named:
    """What all documents name, by document in order of their paths."""

    links: dict[str, tuple[Link, ...]]
    paths: dict[str, tuple[PathMention, ...]]
    modules: dict[str, tuple[ModuleName, ...]]
    packages: dict[str, PackageFact]
    """By folder."""
    with_blocks: tuple[str, ...]
    inclusions: Inclusions
    routes: dict[str, tuple[str, ...]]
    """By the file that may be a list of pages."""
    shown: tuple[str, ...]
    """The documents that say where a site shows them."""
    said: SaidOfSites
    left_out: LinksLeftOut
    made: MadePages


@dataclass(frozen=True)
class _WorkedOut:
    """What follows from paths and facts alone."""

    named: _Named
    lists: PageLists
    links: ResolvedLinks


def _tree_and_names(snapshot: Snapshot) -> tuple[Tree, _Named, ResolvedLinks]:
    known = snapshot.worked_out.get(GAP_TYPE)
    if not isinstance(known, _WorkedOut):
        named = _named(snapshot)
        lists = lists_among(snapshot.files, named.routes)
        links = ResolvedLinks(named.links, built_folders(Tree(snapshot, lists=lists), named.links, named.shown))
        known = _WorkedOut(named, lists, links)
        snapshot.worked_out[GAP_TYPE] = known
    return Tree(snapshot, lists=known.lists, said=known.named.said), known.named, known.links


def _named(snapshot: Snapshot) -> _Named:
    found = sorted(snapshot.facts.get(GAP_TYPE, {}).items())
    facts = {path: fact for path, fact in found if isinstance(fact, DocumentFact)}
    return _Named(
        links={path: fact.links for path, fact in facts.items()},
        paths={path: fact.paths for path, fact in facts.items()},
        modules={path: fact.modules for path, fact in facts.items() if fact.modules},
        packages={path.rpartition("/")[0]: fact.package for path, fact in facts.items() if fact.package},
        with_blocks=tuple(path for path, fact in facts.items() if fact.has_blocks),
        inclusions=Inclusions({path: fact.inclusions for path, fact in facts.items() if fact.inclusions}),
        routes={path: fact.routes for path, fact in facts.items() if fact.routes},
        shown=tuple(path for path, fact in facts.items() if fact.is_shown),
        said=SaidOfSites({path: fact.said for path, fact in facts.items() if fact.said}),
        left_out=LinksLeftOut({path: fact.left_out for path, fact in facts.items() if fact.left_out}),
        made=MadePages({path: fact.made for path, fact in facts.items() if fact.made}),
    )


def _editable_digest(snapshot: Snapshot, path: str) -> str | None:
    """Return the digest of PATH where a remedy may write it: it is tracked, was read, and is no ledger."""
    record = snapshot.files.get(path)
    return record.sha256 if record is not None and record.tracked and not is_ledger(snapshot, path) else None


# --- links ----------------------------------------------------------------------------------------------------------


def _link_finding(tree: Tree, dead: DeadLink, left_out: LinksLeftOut) -> Finding:
    places = places_in(dead.document, tree.snapshot.texts[dead.document])
    if dead.fragment:
        title = f"{dead.document} links to the heading #{dead.fragment}, which {dead.wanted} does not have"
    else:
        title = f"{dead.document} links to {dead.target}, which is not there"
    remedy, is_left_out = None, left_out.hold(dead.document, dead.target, dead.wanted)
    if dead.reading == MADE:
        title += "; what builds the documents may make it"
    elif dead.reading == OTHER_SITE:
        title += "; another site may show the document"
    elif dead.reading is not None:  # The link that the host would follow is dead where the documents are published.
        title += " by the host's rules; the documents beside it are written for others"
    elif is_left_out:
        title += "; the settings of a link checker leave it out"
    elif meant := meant_by(tree, dead):
        offsets = [offset - meant.ahead for offset in dead.offsets]
        remedy = _retarget(tree.snapshot, dead.document, offsets, meant.old, meant.new)
        title += f"; {meant.said}" if meant.said else ""
    elif near := what_is_near(tree, dead):
        title += f"; {near}"
    return Finding(
        rule="broken-heading-link" if dead.fragment else "broken-link",
        title=title,
        key=(dead.document, dead.target),
        evidence=tuple(map(places.at, dead.offsets)),
        remedy=remedy,
        confidence="low" if is_left_out else _link_confidence(tree, dead),
    )


def _link_confidence(tree: Tree, dead: DeadLink) -> Confidence | None:
    if dead.reading is not None or _is_put_in_when_packed(tree, dead) or _is_around_a_picture(tree, dead):
        return "low"
    return "medium" if dead.page is not None else None


def _is_around_a_picture(tree: Tree, dead: DeadLink) -> bool:
    """Tell whether DEAD keeps a picture of its own page from being one to click on: `<a href="#badge"><img …>`."""
    data = tree.snapshot.texts[dead.document]
    ends = (offset + len(dead.target.encode("utf-8", "surrogateescape")) for offset in dead.offsets)
    return dead.document == dead.wanted and all(_AROUND_A_PICTURE.match(data, end) for end in ends)


def _translation_findings(tree: Tree, dead: Sequence[DeadLink]) -> Iterator[Finding]:
    """Yield one finding for each translated document whose links name headings as the original does.

    Whoever translates headings and leaves the links alone does so in every document and in every language, so a finding
    for each link says one thing a hundred times. All of them are true, so none is dropped; a document is mended as a
    whole, so its links are one finding, whose id does not depend on the other documents. Where several translations of
    one document share the fault, the first names their number and the others are of low confidence: the mend is one
    for all of them (ids in the original, or in what translates it).
    """
    by_document: dict[str, list[DeadLink]] = {}
    for one in dead:
        by_document.setdefault(one.document, []).append(one)
    translations: dict[str, list[str]] = {}
    for document in by_document:
        translations.setdefault(neutral_path(document), []).append(document)
    for document, found in by_document.items():
        alike = translations[neutral_path(document)]
        is_said_already = len(alike) >= _ENOUGH_TRANSLATIONS and document != alike[0]
        others = len(alike) - 1 if not is_said_already else 0
        named = first_of([f"#{one.fragment}" for one in found])
        title = f"{document} links to {counted(len(found), 'translated heading')} by the ids of the original: {named}"
        title += f"; so {agreeing(others, 'does', 'do')} {counted(others, 'other translation')}" if others else ""
        places = places_in(document, tree.snapshot.texts[document])
        yield Finding(
            rule="broken-heading-link",
            title=title,
            key=(document, "headings of the original"),
            evidence=tuple(places.at(offset) for offset in sorted(at for one in found for at in one.offsets)),
            confidence="low" if is_said_already else None,
        )


def _is_put_in_when_packed(tree: Tree, dead: DeadLink) -> bool:
    """Tell whether DEAD leads from a package to its licence, of which the root has one: tools for many packages in one
    repository put it in when they pack."""
    folder, _, name = dead.wanted.rpartition("/")
    packed = f"{folder}/package.json" in tree.snapshot.files or f"{folder}/Cargo.toml" in tree.snapshot.files
    return bool(folder) and packed and _LICENCE.match(name) is not None and name in tree.snapshot.files


def _retarget(snapshot: Snapshot, document: str, offsets: Sequence[int], old: str, new: str | None) -> Remedy | None:
    """Return the remedy that writes NEW for OLD at every one of OFFSETS (bytes) of DOCUMENT."""
    sha256 = _editable_digest(snapshot, document)
    if new is None or new == old or sha256 is None:
        return None
    data = snapshot.texts[document]
    places = places_in(document, data)
    places_on_lines = [(places.line(offset), offset - line_start(data, offset)) for offset in offsets]
    try:
        operations = tuple(
            ReplaceText(path=document, before_sha256=sha256, line=line, column=column, old=old, new=new)
            for line, column in places_on_lines
        )
        return Remedy(kind="link_fix", operations=operations, lines=2 * len({line for line, _ in places_on_lines}))
    except ValidationError:  # A text that looks like a secret cannot be carried to the letter.
        return None


def _vanished_findings(tree: Tree, vanished: Iterable[VanishedPath]) -> Iterator[Finding]:
    """Yield a finding for each path that is gone; those of one document that are nowhere now, and those that are in
    another folder now, are one."""
    alike: dict[tuple[str, tuple[str, str] | None], list[tuple[VanishedPath, Finding]]] = {}
    for one in vanished:
        finding = _vanished_finding(tree, one)
        folders = moved(one.path, one.place_now) if one.place_now and finding.remedy else None
        if finding.confidence is not None or (one.place_now is not None and folders is None):
            yield finding
        else:
            alike.setdefault((one.document, folders), []).append((one, finding))
    for (document, folders), found in alike.items():
        if len(found) < _ENOUGH_VANISHED:
            yield from (finding for _, finding in found)
            continue
        paths = [one.path for one, _ in found]
        title = f"{document} names {len(found)} files that are no longer in the tree: {first_of(paths)}"
        yield replace(
            found[0][1],
            title=title if folders is None else moved_title(f"{document} names", folders, paths),
            key=(document, "several", *(folders or ())),
            evidence=tuple(place for _, finding in found for place in finding.evidence),
            remedy=merged([finding.remedy for _, finding in found]),
        )


def _vanished_finding(tree: Tree, vanished: VanishedPath) -> Finding:
    snapshot, document, gone = tree.snapshot, vanished.document, vanished.path
    offsets = [mention.offset for mention in vanished.mentions]
    places = places_in(document, snapshot.texts[document])
    # What a record says of its day is not rewritten.
    is_mendable = {mention.path for mention in vanished.mentions} == {gone} and not vanished.is_of_a_day
    now = f"; git says that it became {vanished.place_now}" if vanished.place_now else ""
    return Finding(
        rule="vanished-path",
        title=f"{document} names {gone}, which is no longer in the tree{now}",
        key=(document, gone),
        evidence=tuple(map(places.at, offsets)),
        remedy=_retarget(snapshot, document, offsets, gone, vanished.place_now) if is_mendable else None,
        confidence="low" if vanished.is_of_a_day or _is_of_a_site_like_its_own(tree, vanished) else None,
    )


def _is_of_a_site_like_its_own(tree: Tree, vanished: VanishedPath) -> bool:
    """Tell whether a page names a path below a folder that the root has no more, while the page itself lies in the
    folder of that name of a site: it may tell readers what their own sites have in it."""
    first, slash, _ = vanished.path.partition("/")
    is_in_one_called_so = first.lower() in places.folders(vanished.document)
    is_gone = bool(slash) and first not in tree.snapshot.folders and vanished.place_now is None
    return is_gone and is_in_one_called_so and tree.sites.govern(vanished.document)


def _module_finding(tree: Tree, missing: MissingModule) -> Finding:
    places = places_in(missing.document, tree.snapshot.texts[missing.document])
    return Finding(
        rule="missing-module",
        title=f"{missing.document} refers to the module {missing.module}, which does not exist",
        key=(missing.document, missing.module),
        evidence=tuple(map(places.at, missing.offsets)),
    )


# --- blocks ---------------------------------------------------------------------------------------------------------


def _block_findings(tree: Tree, documents: Sequence[str]) -> Iterator[Finding]:
    seen: Counter[tuple[str, str, str]] = Counter()
    for stale in stale_blocks(tree, documents):
        name = stale.block.name or stale.block.source or "unnamed"
        key = (stale.document, name, stale.block.source or "")
        seen[key] += 1
        yield Finding(
            rule="stale-block",
            title=f"The block {name} in {stale.document} {stale.what}",
            key=key if seen[key] == 1 else (*key, str(seen[key])),
            evidence=(evidence_at(stale.document, tree.snapshot.texts[stale.document], stale.block.offset),),
            remedy=_refresh(tree.snapshot, stale),
        )


def _refresh(snapshot: Snapshot, stale: StaleBlock) -> Remedy | None:
    """Return the remedy that puts the wanted bytes between the markers, if they mark one place only."""
    data, block, wanted = snapshot.texts[stale.document], stale.block, stale.wanted
    sha256 = _editable_digest(snapshot, stale.document)
    lines = [line.strip() for line in data.split(b"\n")]
    is_single = lines.count(block.start.encode()) == 1 and lines.count(block.end.encode()) == 1
    if wanted is None or sha256 is None or not is_single:
        return None
    removed = data[block.body_start : block.body_end].count(b"\n")
    if data[block.body_start - 2 : block.body_start] == b"\r\n":
        wanted = wanted.replace(b"\n", b"\r\n")
    try:
        operation = ReplaceBlock(
            path=stale.document, before_sha256=sha256, start=block.start, end=block.end, new=wanted.decode()
        )
        return Remedy(kind="block_refresh", operations=(operation,), lines=removed + wanted.count(b"\n"))
    except (ValidationError, UnicodeDecodeError):
        return None


# --- the index ------------------------------------------------------------------------------------------------------


def _index_findings(tree: Tree) -> Iterator[Finding]:
    seen: dict[tuple[str, str], list[DeadEntry]] = {}
    for entry in dead_entries(tree):
        seen.setdefault((entry.index, entry.wanted), []).append(entry)
    for (index, wanted), found in seen.items():
        places = places_in(index, tree.snapshot.texts[index])
        yield Finding(
            rule="index-names-missing-file",
            title=f"{index} names {wanted}, which is not there",
            key=(index, wanted),
            evidence=tuple(places.at(entry.offset) for entry in found),
            remedy=_correct_entry(tree, found[0]) if len(found) == 1 else None,
        )


def _correct_entry(tree: Tree, entry: DeadEntry) -> Remedy | None:
    """Return the remedy for ENTRY: what was renamed is renamed in the index, other list elements are cut out."""
    sha256 = _editable_digest(tree.snapshot, entry.index)
    place = place_now(tree, entry.wanted)
    named = {element.value for element in json_strings(entry.text) or ()}
    if sha256 is None or "\ufffd" in entry.text:
        return None
    if place is not None and place not in named:
        span: tuple[int, int] | None = (entry.element.start, entry.element.end)
        new = f'"{place}"' if place.isascii() and place.isprintable() and not set(place) & set('"\\') else None
    else:
        span, new = without_element(entry.text, entry.element), ""
    return None if span is None or new is None else _edit_index(entry, sha256, span, new)


def _edit_index(entry: DeadEntry, sha256: str, span: tuple[int, int], new: str) -> Remedy | None:
    before, old = entry.text[: span[0]].encode(), entry.text[span[0] : span[1]]
    line, column = before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1)
    try:
        operation = ReplaceText(path=entry.index, before_sha256=sha256, line=line, column=column, old=old, new=new)
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
