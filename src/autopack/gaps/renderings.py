"""By whose rules the documents of a repository are read, told from its dead links by their number.

A site has rules of its own: other ids for headings, a page that is a folder, a root that is not the repository's. Few
repositories say so in a file that one could know. Where several links in several documents are dead by GitHub's rules
and alive by one other rule, and next to nothing contradicts that rule, it is what the documents are written for.
What it explains is of low confidence from then on; what is dead by both rules stays what it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from autopack.gaps import markdown
from autopack.gaps.built_documents import BuiltDocuments
from autopack.gaps.dead_links import DeadLink, is_judged
from autopack.gaps.document_pages import Pages
from autopack.gaps.document_places import is_below, is_shown_on_the_host, stem, without_language
from autopack.gaps.heading_ids import GITILES, RULES
from autopack.gaps.link_targets import PAGE_SUFFIXES, TEMPLATES, Tree, folders_above, resolve
from autopack.gaps.made_pages import NOTHING_MADE, MadePages, stem_of
from autopack.gaps.markdown import Link, is_markdown, split_target
from autopack.gaps.meant_targets import meant_by, what_is_near

_ENOUGH_TARGETS = 3
_ENOUGH_DOCUMENTS = 3
_SHARE = 0.5
_FOR_ONE_AGAINST = 4
"""A reading needs so many different targets that it explains, linked from so many documents, which are at least this
share of the dead links of their kind, and so many of them for each living link that would be dead under it."""
_INDEX = re.compile(r"(?:index|readme|_index)\Z", re.IGNORECASE)
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,9}\Z")
_PRODUCT = re.compile(r"\.(?:pdf|epub|mobi|html?|zip|tgz|tar\.gz)\Z", re.IGNORECASE)
"""What builds write. Documents and pictures are left out: those are planned, linked and forgotten by people."""
_OTHER_DOCUMENTS = (".rst", ".adoc", ".ipynb", ".qmd")
_FOR_A_PAGE = re.compile(rb"^(?:title|layout):", re.MULTILINE)
"""Settings that only a program for pages reads; those of skills, issue templates and the like have names."""
_NAME_OF_AN_OBJECT = re.compile(r"(?=[^A-Z_]*[A-Z_])[A-Za-z_]\w*\Z", re.ASCII)
"""No heading's id has capitals, and few have `_` and no hyphen."""
_SETTINGS_OF_GERRIT = "codereview.cfg"
_LIVES_ON_GITILES = re.compile(rb"https?://[\w.-]{1,100}\.googlesource\.com/")
"""What a repository says that is a mirror elsewhere: by the settings of `git codereview`, or in its README."""
_IDS, _FOLDERS, _ASSETS, _ROOT, _BUILT = "ids", "folders", "assets", "root", "built"
_BASE, _SUFFIX, _OBJECT = "base", "suffix", "object"
OTHER_SITE: Final = "other site"
"""What explains a link is no rule, but another site that shows its document."""
MADE: Final = "made"
"""What explains a link is no rule, but a program that builds documents and may write what it names."""


def read_otherwise(
    tree: Tree, dead: Sequence[DeadLink], links: Mapping[str, tuple[Link, ...]], made: MadePages = NOTHING_MADE
) -> tuple[DeadLink, ...]:
    """Return DEAD; a link that is alive by the rule that its tree of documents is written for names it in `reading`.

    LINKS are all links by document, MADE is what programs may write. Only those below a folder for which a rule has the
    numbers are looked at.
    """
    asked = _Readings(tree, tuple(dead), links, tree.pages, made)
    return tuple(replace(one, reading=asked.of.get(number)) for number, one in enumerate(dead))


@dataclass(frozen=True)
class _Readings:
    """Every rule put to the numbers."""

    tree: Tree
    dead: tuple[DeadLink, ...]
    links: Mapping[str, tuple[Link, ...]]
    pages: Pages
    made: MadePages

    @cached_property
    def of(self) -> dict[int, str]:
        """The number of a dead link -> the rule that explains it."""
        votes: dict[tuple[str, str], dict[str, dict[int, str]]] = {}
        total: Counter[tuple[str, str]] = Counter()
        for number, one in enumerate(self.dead):
            for kind, folder in self._trees(one):
                total[kind, folder] += 1
                for rule, target in self._explanations(one, kind, folder):
                    votes.setdefault((kind, folder), {}).setdefault(rule, {})[number] = target
        held: dict[int, str] = {}
        for (kind, folder), by_rule in sorted(votes.items()):
            rule = min(by_rule, key=lambda rule: (-len(by_rule[rule]), _rank(rule)))
            if self._holds(kind, folder, rule, by_rule[rule], total[kind, folder]):
                held.update(dict.fromkeys(by_rule[rule], rule))
        held |= dict.fromkeys(self._by_gitiles(), GITILES) | dict.fromkeys(self._from_another_folder(), _BASE)
        held |= dict.fromkeys(self._from_the_only_page(), OTHER_SITE) | dict.fromkeys(self._made(), MADE)
        return held | dict.fromkeys(self._without_suffix(), _SUFFIX) | dict.fromkeys(self._like_objects(), _OBJECT)

    def _made(self) -> Iterator[int]:
        """Yield the numbers of the links to pages that a build may write, and of those to a part of their own document
        where a build may put that together with others."""
        for number, one in enumerate(self.dead):
            if is_shown_on_the_host(one.document) or stem(one.document).lower() == "readme":
                continue
            if one.fragment is not None:
                is_own = one.wanted == one.document and not one.suggestion
                if is_own and self.made.may_put_together(one.document):
                    yield number
            elif one.wanted not in self.tree.snapshot.history and self._may_be_made(one):
                yield number

    def _may_be_made(self, one: DeadLink) -> bool:
        """Tell whether a build may write or copy what ONE leads to: it is named or, among documents that are built,
        like nothing that is here."""
        if meant_by(self.tree, one) is not None:
            return False
        path = one.wanted
        if is_markdown(path):
            is_named = path.rpartition("/")[0] in self._folders_with_templates or self.made.may_write(path, self._stems)
        else:
            is_named = _EXTENSION.search(path) is not None and self.made.may_copy(path)
        if is_named:
            return True
        return self._built.may_come_with(one.document, path) and what_is_near(self.tree, one) is None

    @cached_property
    def _built(self) -> BuiltDocuments:
        return BuiltDocuments(self.tree, self.made)

    @cached_property
    def _stems(self) -> frozenset[str]:
        """What the documents that are there are called, without their suffixes."""
        return frozenset(stem_of(path.rpartition("/")[2]) for path in filter(is_markdown, self.tree.snapshot.files))

    @cached_property
    def _folders_with_templates(self) -> frozenset[str]:
        """The folders in which a page, and no README, is made from a template, so that others may be made there too."""
        named = ((path, path.rpartition(".")) for path in self.tree.snapshot.files)
        pages = (page for _, (page, _, ending) in named if f".{ending}" in TEMPLATES and is_markdown(page))
        made = (page.rpartition("/")[0] for page in pages if stem(page).lower() != "readme")
        return frozenset(folder for folder in made if folder)

    def _like_objects(self) -> Iterator[int]:
        """Yield the numbers of the links to a part of their own page that is called like an object of the code, where
        Sphinx documents all that some module holds: MyST may find it there."""
        for number, one in enumerate(self.dead):
            is_own = one.wanted == one.document and one.suggestion is None
            if (
                is_own
                and _NAME_OF_AN_OBJECT.match(one.fragment or "")
                and self.tree.sites.looks_for_labels(one.document)
                and self.tree.pages.has_whole_modules
            ):
                yield number

    def _by_gitiles(self) -> Iterator[int]:
        """Yield the numbers of the links to headings by the ids that Gitiles gives them, if that is where the
        repository says that it lives."""
        files, texts = self.tree.snapshot.files, self.tree.snapshot.texts
        if _SETTINGS_OF_GERRIT in files or _LIVES_ON_GITILES.search(texts.get("README.md", b"")):
            for number, one in enumerate(self.dead):
                wanted = markdown.slug_key(one.fragment or "")
                if wanted and wanted in self.pages.other_ids(one.wanted)[GITILES]:
                    yield number

    def _without_suffix(self) -> Iterator[int]:
        """Yield the numbers of the links that leave out the suffix of a page that is there, in documents whose front
        matter is for a program that shows them: it may add the suffix."""
        for number, one in enumerate(self.dead):
            if one.page is not None and not is_shown_on_the_host(one.document):
                front_matter = markdown.front_matter(self.tree.snapshot.texts[one.document])
                if _FOR_A_PAGE.search(front_matter):
                    yield number

    def _from_another_folder(self) -> Iterator[int]:
        """Yield the numbers of the links whose document a program shows from another place: all that it names beside
        itself is missing there, and lies together in one folder further down."""
        missing: dict[str, list[int]] = {}
        for number, one in enumerate(self.dead):
            if one.fragment is None and _kind_of_path(split_target(one.target)[0]) == _ASSETS:
                missing.setdefault(one.document, []).append(number)
        for document, numbers in missing.items():
            folder, wanted = document.rpartition("/")[0], {self.dead[number].wanted for number in numbers}
            names_others = any(
                _kind_of_path(path) == _ASSETS and self.tree.exists(resolve(self.tree, document, path).path)
                for path in {split_target(link.target)[0] for link in self.links[document]}
            )
            was_there = not self.tree.snapshot.history.keys().isdisjoint(wanted)
            if len(wanted) < _ENOUGH_TARGETS or names_others or was_there:
                continue
            if all(is_below(folder, path) for path in wanted) and self._lie_together(folder, wanted):
                yield from numbers

    def _from_the_only_page(self) -> Iterator[int]:
        """Yield the numbers of the links to pages in a document that is the only page of its site and links to no page
        that is there, but to one beside its site: another site takes it in."""
        missing: dict[str, list[int]] = {}
        for number, one in enumerate(self.dead):
            if one.fragment is None and is_markdown(split_target(one.target)[0]):
                missing.setdefault(one.document, []).append(number)
        for document, numbers in missing.items():
            wanted = {self.dead[number].wanted for number in numbers}
            is_alone = self._documents_below[document.rpartition("/")[0]] == 1
            is_a_page = self.tree.sites.govern(document) and not is_shown_on_the_host(document)
            leads_out = any(not is_below(document.rpartition("/")[0], path) for path in wanted)
            if len(wanted) < _ENOUGH_TARGETS or not (is_alone and is_a_page and leads_out):
                continue
            if self.tree.snapshot.history.keys().isdisjoint(wanted) and not self._names_a_page(document):
                yield from numbers

    @cached_property
    def _documents_below(self) -> Counter[str]:
        """How many documents are below each folder."""
        documents = (path for path in self.tree.snapshot.files if is_markdown(path) or path.endswith(_OTHER_DOCUMENTS))
        return Counter(folder for document in documents for folder in folders_above(document))

    def _names_a_page(self, document: str) -> bool:
        """Tell whether a link of DOCUMENT leads to another document."""
        ends = (resolve(self.tree, document, link.target) for link in self.links[document])
        return any(end.outcome == "found" and end.path != document and is_markdown(end.path) for end in ends)

    def _lie_together(self, folder: str, wanted: Collection[str]) -> bool:
        """Tell whether WANTED, paths below FOLDER, are all there if one folder is put between."""
        ends = [path[len(folder) + 1 :] if folder else path for path in wanted]
        between = (
            {found.removesuffix(end) for found in self.tree.ending_in(end) if is_below(folder, found)} for end in ends
        )
        return bool(frozenset.intersection(*map(frozenset, between)))

    def _trees(self, one: DeadLink) -> Iterator[tuple[str, str]]:
        """Yield each kind of rule that may know ONE, with each folder for which it may hold: one that holds its
        document or, where a build may write into it, the uppermost one that is not there."""
        if one.original is not None or is_shown_on_the_host(one.document):
            return
        kind = _IDS if one.fragment is not None else _kind_of_path(split_target(one.target)[0])
        if kind is not None:
            yield from ((kind, folder) for folder in _common_folders(one))
        missing = [folder for folder in folders_above(one.wanted) if folder not in self.tree.snapshot.folders]
        if one.fragment is None and missing and _PRODUCT.search(one.wanted):
            yield _BUILT, missing[-1]

    def _holds(self, kind: str, folder: str, rule: str, explained: Mapping[int, str], total: int) -> bool:
        targets = len(set(explained.values()))
        documents = {self.dead[number].document for number in explained}
        if kind != _BUILT:  # Translations are copies as far as links go, but each has files of its own.
            documents = set(map(without_language, documents))
        if targets < _ENOUGH_TARGETS or len(documents) < _ENOUGH_DOCUMENTS or len(explained) < _SHARE * total:
            return False
        return self._against(kind, folder, rule) * _FOR_ONE_AGAINST <= targets

    def _explanations(self, one: DeadLink, kind: str, folder: str) -> Iterator[tuple[str, str]]:
        """Yield each rule under which ONE is alive when FOLDER is the tree of documents, and what it leads to."""
        if one.fragment is not None:
            wanted = markdown.slug_key(one.fragment)
            ids = self.pages.other_ids(one.wanted)
            yield from ((rule, wanted) for rule in RULES if wanted in ids[rule])
        elif one.wanted not in self.tree.snapshot.history:  # What was there once is gone.
            path, _ = split_target(one.target)
            if kind == _BUILT:
                if not self.tree.ending_in(one.wanted.rpartition("/")[2]):
                    yield kind, one.wanted
                return
            place = _on_the_site(folder, one.document, path, kind)
            if place is not None and self._is_served(place, kind):
                yield kind, place

    def _is_served(self, place: str, kind: str) -> bool:
        return self.tree.exists(place) or (kind != _ASSETS and self.tree.as_a_page(place))

    def _against(self, kind: str, folder: str, rule: str) -> int:
        """Return how many different targets below FOLDER are alive by GitHub's rules and would be dead by RULE."""
        return len(
            {
                target
                for document, found in self.links.items()
                if is_below(folder, document) and is_judged(document) and not is_shown_on_the_host(document)
                for link in found
                for target in self._contradiction(document, link, kind, folder, rule)
            }
        )

    def _contradiction(self, document: str, link: Link, kind: str, folder: str, rule: str) -> Iterator[str]:
        path, fragment = split_target(link.target)
        if kind == _IDS:
            end = resolve(self.tree, document, link.target) if fragment else None
            if end is None or end.outcome != "found" or not is_below(folder, end.path):
                return
            wanted = markdown.slug_key(fragment or "")
            if wanted in self.pages.slugs(end.path) and wanted not in self.pages.other_ids(end.path)[rule]:
                yield wanted
        elif path and _kind_of_path(path) == kind:
            end = resolve(self.tree, document, link.target)
            place = _on_the_site(folder, document, path, kind)
            if end.outcome == "found" and (place is None or not self._is_served(place, kind)):
                yield end.path


def _rank(rule: str) -> int:
    return RULES.index(rule) if rule in RULES else 0


def _kind_of_path(path: str) -> str | None:
    """Return which other rule may know PATH: a site's root for `/…`, a page that is a folder for names of pages and for
    images; None for a document named with its suffix, which every renderer looks up as GitHub does."""
    if path.startswith("/"):
        return _ROOT
    if path.endswith("/") or not _EXTENSION.search(path):
        return _FOLDERS
    return None if path.lower().endswith(PAGE_SUFFIXES) else _ASSETS


def _on_the_site(folder: str, document: str, path: str, kind: str) -> str | None:
    """Return what PATH in DOCUMENT means on a site whose root is FOLDER, where a page is a folder of its own.

    As in browsers, `..` at the root stays there (RFC 3986, 5.2.4). None where that is the repository's root.
    """
    inner = document[len(folder) + 1 :] if folder else document
    above, _, name = inner.rpartition("/")
    stem = name.rpartition(".")[0]
    base = above if _INDEX.match(stem) else f"{above}/{stem}"
    if kind == _ROOT:
        if not folder:
            return None
        base = ""
    parts: list[str] = []
    for part in f"{base}/{path}".split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join([folder, *parts] if folder else parts)


def _common_folders(one: DeadLink) -> tuple[str, ...]:
    """Return the folders, `""` for the root, that hold the document of ONE and the page whose heading it names."""
    above = (*folders_above(one.document), "")
    return tuple(folder for folder in above if one.fragment is None or is_below(folder, one.wanted))
