"""Links of documents that certainly lead nowhere: resolve first, confirm later.

Resolving is set look-ups over every link; only what does not resolve is masked, parsed and judged. See
`link_targets` for what is left to renderers that know better.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from autopack.gaps import document_places as places
from autopack.gaps import markdown, restructuredtext
from autopack.gaps.document_pages import Pages
from autopack.gaps.inclusions import Inclusions
from autopack.gaps.link_targets import Resolution, Tree, folders_above, resolve
from autopack.gaps.markdown import Link, split_target

_SUFFIXED_FOR_ONE_BARE = 20
_ENOUGH_TO_BE_A_HABIT = 10


@dataclass(frozen=True)
class Suspect:
    """A link that did not resolve. `wanted` is the path that is not there or, when there is a `fragment`, the document
    that seems to lack the heading."""

    document: str
    link: Link
    wanted: str
    fragment: str | None = None
    page: str | None = None


@dataclass(frozen=True)
class DeadLink:
    """A target in a document that leads nowhere, with every byte offset at which it is written.

    `suggestion` is the one heading of `wanted` that the fragment is near to, None where there is none or several.
    `page` is the document that the target names without its suffix. `original` is the document of which `wanted` is a
    translation, where that has the heading. `reading` is the rule of another renderer by which the link is alive.
    """

    document: str
    target: str
    wanted: str
    fragment: str | None
    offsets: tuple[int, ...]
    suggestion: str | None
    page: str | None = None
    original: str | None = None
    reading: str | None = None


@lru_cache(maxsize=65_536)
def is_judged(document: str) -> bool:
    """Tell whether the links of DOCUMENT are meant to hold here and now."""
    return not (
        places.is_of_the_past(document)
        or places.is_specimen(document)
        or places.is_template(document)
        or places.is_for_rdoc(document)
        or places.is_bundled(document)
        or places.is_versioned(document)
        or places.is_chronicle(document)
        or places.is_called_by_a_version(document)
    )


@dataclass(frozen=True)
class ResolvedLinks:
    """The relative links of documents, and where those of them lead that were resolved."""

    by_document: Mapping[str, tuple[Link, ...]]
    built: frozenset[str] = frozenset()
    """See `built_folders`."""
    _ends: dict[tuple[str, str], Resolution] = field(default_factory=dict)
    """(document, target) -> where it leads."""

    def end(self, tree: Tree, document: str, target: str) -> Resolution:
        """Return where TARGET, a link of DOCUMENT in TREE, leads. Only of what is missing a tree with a past may say
        something else than the one without."""
        known = self._ends.get((document, target))
        if known is None or known.outcome == "missing":
            known = self._ends[document, target] = resolve(tree, document, target)
        return known


def missing_paths(tree: Tree, links: ResolvedLinks) -> tuple[Suspect, ...]:
    """Return every one of LINKS whose path is not there, unconfirmed."""
    return tuple(suspect for suspect in _suspects(tree, links) if suspect.fragment is None)


def dead_links(tree: Tree, links: ResolvedLinks, inclusions: Inclusions | None = None) -> Iterator[DeadLink]:
    """Yield the dead ones of LINKS, each document and target once.

    Of a document that others take in, according to INCLUSIONS, or that symbolic links lead to, a link is dead only if
    it is dead in each of those places too.
    """
    pages, originals = tree.pages, Originals(tree.snapshot.files)
    inclusions = inclusions or Inclusions({})
    by_target: dict[tuple[str, str], list[Suspect]] = {}
    for suspect in _suspects(tree, links, pages):
        by_target.setdefault((suspect.document, suspect.link.target), []).append(suspect)
    for (document, target), suspects in by_target.items():
        offsets = tuple(suspect.link.offset for suspect in suspects if pages.shows(document, suspect.link))
        if pages.includes(document, offsets) and suspects[0].wanted not in tree.snapshot.history:
            continue  # Building without it fails, so what git never held is written by the build.
        elsewhere = (*inclusions.of(document), *tree.shown_as(document))
        if not offsets or any(_may_hold_in(tree, inclusions, whole, target) for whole in elsewhere):
            continue
        first = suspects[0]
        near = pages.nearest_heading(first.wanted, first.fragment) if first.fragment else None
        if near and _is_right_below(pages, first, near) and not pages.is_spelt_alike(near, first.fragment or ""):
            near = None  # Who means another heading may well have come near to this one by chance.
        original = None if near else _original(pages, originals, first)  # What is nearly right was not translated.
        yield DeadLink(document, target, first.wanted, first.fragment, offsets, near, first.page, original)


def _is_label(tree: Tree, pages: Pages, document: str, end: Resolution) -> bool:
    """Tell whether the fragment of END, where a link of DOCUMENT leads, is what Sphinx or mystmd look up: a label of
    the page that it names or, without a page, a label or an object of the whole project."""
    if end.fragment is None or not tree.sites.looks_for_labels(end.path):
        return False
    if end.path != document:
        return pages.labels(end.path, end.fragment)
    return pages.names_a_label(end.fragment) or pages.names_an_object(end.fragment)


def _is_right_below(pages: Pages, suspect: Suspect, slug: str) -> bool:
    """Tell whether SUSPECT stands in the section of its own document that is called SLUG."""
    return suspect.wanted == suspect.document and pages.is_within(suspect.document, suspect.link.offset, slug)


def may_lead_to(tree: Tree, document: str, path: str, fragment: str) -> bool:
    """Tell whether a link of DOCUMENT to the heading FRAGMENT of the file PATH may hold: only False is a statement."""
    return not fragment or tree.pages.may_have(path, fragment, rules=tree.rules_between(document, path))


def _may_hold_in(tree: Tree, inclusions: Inclusions, document: str, target: str) -> bool:
    """Tell whether TARGET, a relative link in a part of DOCUMENT, leads somewhere from there.

    A heading of the part itself is looked for where the part is; only one that DOCUMENT has besides, in itself or in
    another of its parts, tells anything new.
    """
    end = resolve(tree, document, target)
    if end.fragment and end.path == document:
        if not _is_document(document):
            return True  # A program puts the headings around it, or leaves them out.
        wanted = markdown.slug_key(end.fragment)
        whole = (document, *(part for name in inclusions.parts_of(document) for part in tree.ending_in(name)))
        return markdown.is_markdown(document) and any(wanted in tree.pages.slugs(part) for part in whole)
    if end.outcome in {"missing", "bare"}:
        return False
    return not end.fragment or tree.pages.may_have(end.path, end.fragment, rules=tree.rules_between(document, end.path))


def _is_document(path: str) -> bool:
    """Tell whether PATH is a text for readers, by its name."""
    return markdown.is_markdown(path) or restructuredtext.is_restructuredtext(path) or path.endswith(".txt")


def _original(pages: Pages, originals: Originals, suspect: Suspect) -> str | None:
    """Return the document that has the heading which SUSPECT names, where the page that lacks it is a translation of it
    and the link stands in a document of the same language."""
    language = places.language_in(suspect.wanted)
    if suspect.fragment is None or language is None or places.language_in(suspect.document) != language:
        return None
    wanted = markdown.slug_key(suspect.fragment)
    return next((path for path in originals.of(suspect.wanted) if wanted in pages.slugs(path)), None)


def _suspects(tree: Tree, links: ResolvedLinks, pages: Pages | None = None) -> Iterator[Suspect]:
    """Yield what does not resolve; headings are looked at only when PAGES are given."""
    tree = replace(tree, built=links.built)
    habit = _Habit()
    for document, found in sorted(links.by_document.items()):
        if not found or not is_judged(document):
            continue
        ends: dict[str, Resolution] = {}
        for link in found:
            end = ends.get(link.target) or links.end(tree, document, link.target)
            ends[link.target] = end
            habit.note(document, link, end)
            if end.outcome == "missing":
                if not tree.said.takes_from_elsewhere(document, end.path):
                    yield Suspect(document, link, end.path)
            elif (
                end.outcome == "found"
                and end.fragment
                and pages is not None
                and not pages.may_have(end.path, end.fragment, rules=tree.rules_between(document, end.path))
                and not _is_label(tree, pages, document, end)
                and not (tree.said.names_tabs(end.path) and pages.has_tab(end.path, end.fragment))
                and not tree.said.puts_in(end.path, end.fragment, tree.sites.roots)
            ):
                yield Suspect(document, link, end.path, end.fragment)
    yield from habit.broken()


@dataclass
class _Habit:
    """Whether the documents below a folder (`""` is the root) name one another with or without their suffixes.

    A wiki and many a site look up `page` as `page.md`; the code host does not. What is written everywhere is meant; one
    such link among many with their suffixes, above and beside it, is a slip.
    """

    bare: list[Suspect] = field(default_factory=list)
    suffixed: Counter[str] = field(default_factory=Counter)

    def note(self, document: str, link: Link, end: Resolution) -> None:
        """Count LINK of DOCUMENT, which ends at END."""
        if end.outcome == "bare":
            wanted = end.path.removesuffix(end.suffix)
            self.bare.append(Suspect(document, link, wanted, page=end.path))
        elif end.outcome == "found" and end.path != document and markdown.is_markdown(split_target(link.target)[0]):
            self.suffixed.update((*folders_above(document), ""))

    def broken(self) -> Iterator[Suspect]:
        """Yield the links without suffix that are no habit where they stand."""
        bare = Counter(folder for suspect in self.bare for folder in (*folders_above(suspect.document), ""))
        habits = {
            folder
            for folder, count in bare.items()
            if count * _SUFFIXED_FOR_ONE_BARE > self.suffixed[folder]
            and (not folder or count + self.suffixed[folder] >= _ENOUGH_TO_BE_A_HABIT)
        }
        for suspect in self.bare:
            if habits.isdisjoint((*folders_above(suspect.document), "")):
                yield suspect


class Originals:
    """Finds the documents that others are translations of, among PATHS."""

    def __init__(self, paths: Mapping[str, object]) -> None:
        self._paths = paths

    @cached_property
    def _by_neutral_path(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in filter(markdown.is_markdown, self._paths):
            if (places.language_in(path) or "en").startswith("en"):
                found.setdefault(neutral_path(path), []).append(path)
        return found

    def of(self, path: str) -> tuple[str, ...]:
        """Return the documents in no language or in English that lie where PATH lies but for its language."""
        found = self._by_neutral_path.get(neutral_path(path), ())
        return tuple(sorted(set(found) - {path}, key=lambda one: (places.language_in(one) or "", one)))


def neutral_path(path: str) -> str:
    """Return PATH as it is the same for all languages, whether they have a folder of their own or none."""
    return places.without_language(path).replace("*/", "")
