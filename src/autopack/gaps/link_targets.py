"""Where a relative link leads, and whether it is certain that it leads nowhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from posixpath import normpath
from typing import Literal

from autopack.gaps.document_pages import Pages
from autopack.gaps.document_places import is_shown_on_the_host, language_of
from autopack.gaps.known_ids import rules_for
from autopack.gaps.markdown import SUFFIXES, Link, split_target
from autopack.gaps.mkdocs import is_setting_of_mkdocs, links_by_paths
from autopack.gaps.near_paths import NearPaths
from autopack.gaps.path_index import PathIndex, path_index
from autopack.gaps.site_generators import NO_LISTS, PageLists, Sites, find_sites
from autopack.gaps.site_settings import NOTHING_SAID, SaidOfSites
from autopack.gaps.state import Snapshot

_HOST_PAGES = re.compile(
    r"(?:\.\./)+(?:issues?|pulls?|wiki|releases|tree|blob|discussions|actions|commits?|compare|milestones?|labels)(?:/|\Z)"
)
"""Pages of a code host, reached by leaving `blob/<branch>/`."""
_IN_PARENTHESES = re.compile(r"\(.+\)")
"""`[text]((target))` and `[label]: (target)`: to every renderer the parentheses are a part of the target."""
_ADDRESS = re.compile(
    r"(?:www\.[\w-]{1,63}|[\w-]{1,63})(?:\.[\w-]{1,63}){0,5}(?:\.(?:com|org)(?:/|\Z)|\.(?:dev|edu|gov|io|net)/)",
    re.ASCII,
)
"""`github.com/owner/name`: without `https://` a browser takes the host for a folder."""
_PLACEHOLDER = re.compile(
    r"(?:url|link|href|path|image|filename|file|target|here|todo|tbd|dest|destination|uri|address|src|source|placeholder"
    r"|foo|bar|baz|qux|x+|example|n/a)(?:\.\w{1,5})?\Z|(?:.*/)?(?:path[-_/]?to|foo|bar|xxx+)/|(?:.*/)?(?:your|my|some)[-_]"
    r"|@|.*(?:\.\.\.|…|[<>])|[\W_]+\Z|(?-i:[A-Z0-9]+(?:_[A-Z0-9]+)+)\Z",
    re.IGNORECASE,
)
_LONGEST_SERVED = 300
_STATIC_FOLDERS = ("static", "public")
"""What they hold is served beside the pages of the folder that they are in."""
TEMPLATES = (
    *(".in", ".tmpl", ".tpl", ".template", ".j2", ".jinja", ".jinja2", ".erb", ".mako", ".mustache", ".gotmpl", ".vm"),
)
"""What is written behind the name of a page to call what the page is made from."""
PAGE_SUFFIXES = (".md", ".mdx", ".markdown", ".rst", ".txt", ".adoc", ".ipynb", ".html", ".htm", ".qmd")
_INDEX_NAMES = ("index", "README", "readme", "Readme", "_index")
_INDEX_NAMES_OF_A_BOOK = ("README.md", "readme.md", "Readme.md")
_BUILT = re.compile(r"\.(?:html?(?:\.md)?|php|aspx?|xml|rss|xhtml)\Z", re.IGNORECASE)
_BUILT_NAMES = frozenset({"llms.txt", "llms-full.txt"})
_DOTTED_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?:\(\))?\Z")
_LONGEST_EXTENSION = 5
_ENOUGH_PAGES = 3
_ENOUGH_ROUTES = 5
_ENOUGH_VARIANTS = 8
_ENOUGH_TRANSLATIONS = 3
_FOLDER_OF_A_LANGUAGE = re.compile(
    r"(?P<original>(?:.*/)?[^/]+?)[-_.](?P<language>[A-Za-z]{2,3}(?:[-_](?:[A-Za-z]{2}|[A-Za-z]{4}))?)\Z"
)
_ROUTES_PER_FILE = 2
_LINE_SUFFIX = re.compile(r":\d+(?:[-:]\d+)?\Z")
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,9}\Z")


@dataclass(frozen=True)
class Resolution:
    """`found` at `path`; `missing`, meaning that `path` is certainly not there; `bare`, meaning that `path` is there
    and the target names it without its `suffix`; or `unjudged`."""

    outcome: Literal["found", "missing", "bare", "unjudged"]
    path: str = ""
    fragment: str | None = None
    suffix: str = ""


_UNJUDGED = Resolution("unjudged")


@dataclass(frozen=True)
class Tree:
    """The paths of a snapshot, asked as a link asks."""

    snapshot: Snapshot
    built: frozenset[str] = frozenset()
    """Folders whose documents link to pages that only a site has (see `built_folders`)."""
    lists: PageLists = NO_LISTS
    said: SaidOfSites = NOTHING_SAID

    @cached_property
    def sites(self) -> Sites:
        return find_sites(self.snapshot.files).with_folders(self.built | self.lists.folders)

    def has_only_lists(self, document: str) -> bool:
        """Tell whether DOCUMENT is a page of a site of which nothing but a list of its pages is known."""
        if not self.lists.govern(document):
            return False
        return not find_sites(self.snapshot.files).with_folders(self.built).govern(document)

    def may_be_made(self, page: str) -> bool:
        """Tell whether a site whose pages are listed may have PAGE, which is not in the tree: it is listed, or lies in
        a folder that only the site has."""
        return page in self.lists.pages or page.rpartition("/")[0] not in self.snapshot.folders

    @cached_property
    def pages(self) -> Pages:
        """The documents, each searched and parsed once."""
        return Pages(self.snapshot.texts, self._is_of_mkdocs)

    def _is_of_mkdocs(self, document: str) -> bool:
        """Tell whether MkDocs may make a page of DOCUMENT; what the host shows beside the files is read there."""
        settings = self.sites.configured_by(document)
        return any(map(is_setting_of_mkdocs, settings)) and not is_shown_on_the_host(document)

    def rules_between(self, document: str, page: str) -> frozenset[str] | None:
        """Return by which rules a link of DOCUMENT finds the headings of PAGE (see `known_ids.rules_for`)."""
        asked = (document, page.rpartition("/")[0])  # All pages of a folder are configured alike.
        if asked not in self._rules:
            self._rules[asked] = rules_for(self.sites, self.snapshot.texts, document, page)
        return self._rules[asked]

    def links_by_paths(self, document: str) -> bool:
        """Tell whether links of DOCUMENT certainly are paths of files on its site (see `mkdocs.links_by_paths`)."""
        if document not in self._linking_by_paths:
            self._linking_by_paths[document] = links_by_paths(self.sites, self.snapshot.texts, document)
        return self._linking_by_paths[document]

    @cached_property
    def _rules(self) -> dict[tuple[str, str], frozenset[str] | None]:
        return {}

    @cached_property
    def _linking_by_paths(self) -> dict[str, bool]:
        return {}

    @cached_property
    def _index(self) -> PathIndex:
        return path_index(self.snapshot.files)

    def is_name_of_an_object(self, path: str) -> bool:
        """Tell whether PATH is a dotted name such as `package.module.Class`, and no file here ends like it: Sphinx
        looks it up in its own documentation and in that of other projects."""
        if self.is_name_of_a_module(path):
            return True
        last = path.rpartition(".")[2]
        is_file_like = path.count(".") == 1 and len(last) <= _LONGEST_EXTENSION
        return _DOTTED_NAME.match(path) is not None and not is_file_like and last not in self._index.extensions

    def is_name_of_a_module(self, path: str) -> bool:
        """Tell whether PATH is the dotted name of a module or package that is here."""
        if not _DOTTED_NAME.match(path):
            return False
        place = path.replace(".", "/")
        return any(self.exists(one) or bool(self.ending_in(one)) for one in (f"{place}.py", f"{place}/__init__.py"))

    @cached_property
    def _links(self) -> frozenset[str]:
        return frozenset(path for path, record in self.snapshot.files.items() if record.mode == "120000")

    @cached_property
    def _shown_as(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in sorted(self._links):
            target = self.snapshot.files[path].link_target
            if target and not target.startswith("/"):
                found.setdefault(normpath(f"{path.rpartition('/')[0]}/{target}".lstrip("/")), []).append(path)
        return found

    def shown_as(self, document: str) -> tuple[str, ...]:
        """Return the symbolic links to DOCUMENT: a code host shows it there too, and reads its links from there."""
        return tuple(self._shown_as.get(document, ()))

    @cached_property
    def _variants(self) -> frozenset[str]:
        """Return `page` for every document called `page-something.md`."""
        stems = (name.rpartition(".")[0] for name in self._index.by_name if name.endswith(PAGE_SUFFIXES))
        return frozenset(stem[:at] for stem in stems for at, letter in enumerate(stem) if letter == "-")

    def has_variants(self, path: str) -> bool:
        """Tell whether PATH may be a page that a site puts together from several: `guide.md` from `guide-js.md` and
        `guide-java.md`."""
        name = path.rpartition("/")[2]
        return (name.rpartition(".")[0] if name.endswith(PAGE_SUFFIXES) else name) in self._variants

    def exists(self, path: str) -> bool:
        """Tell whether PATH is there, ignored files included."""
        return self.snapshot.exists(path) or self._is_ignored(path)

    def _is_ignored(self, path: str) -> bool:
        ignored = self.snapshot.ignored
        if not ignored:
            return False
        return path in ignored or f"{path}/" in ignored or any(f"{above}/" in ignored for above in folders_above(path))

    def is_out_of_sight(self, path: str) -> bool:
        """Tell whether PATH lies behind a symbolic link or in another repository."""
        outside = self.snapshot.out_of_scope
        return any(above in self._links or f"{above}/" in outside for above in (path, *folders_above(path)))

    @cached_property
    def _names_of_folders(self) -> frozenset[str]:
        return frozenset(folder.rpartition("/")[2] for folder in self.snapshot.folders)

    def has_folder_called(self, name: str) -> bool:
        """Tell whether a folder is called NAME, wherever it lies."""
        return name in self._names_of_folders

    def would_be_ignored(self, path: str) -> bool:
        """Tell whether git would ignore PATH if it existed: it is made, not kept."""
        return path in self.snapshot.ignored_targets

    def same_but_for_case(self, path: str) -> str | None:
        """Return the one file whose path differs from PATH in letter case only."""
        found = self._index.same_but_for_case(path)
        return found[0] if len(found) == 1 and found[0] != path else None

    @cached_property
    def near(self) -> NearPaths:
        """The paths, asked for what is nearly called so."""
        return NearPaths({*self.snapshot.files, *self.snapshot.folders})

    def ending_in(self, path: str) -> tuple[str, ...]:
        """Return the files whose path is PATH below some folder."""
        return self._index.ending_in(path)

    @cached_property
    def _originals_of_folders(self) -> dict[str, str]:
        """Return `docs/guide` for `docs/guide-de`, where it has at least three translations named so."""
        translated: dict[str, list[str]] = {}
        for folder in self.snapshot.folders:
            match = _FOLDER_OF_A_LANGUAGE.match(folder)
            if match and language_of(match["language"]) and match["original"] in self.snapshot.folders:
                translated.setdefault(match["original"], []).append(folder)
        return {
            folder: original
            for original, folders in translated.items()
            for folder in folders
            if len(folders) >= _ENOUGH_TRANSLATIONS
        }

    def has_in_another_language(self, path: str) -> bool:
        """Tell whether PATH exists in another language of the same documents."""
        if self._index.has_in_another_language(path):
            return True
        originals = self._originals_of_folders
        return any(
            folder in originals and self.exists(originals[folder] + path[len(folder) :])
            for folder in (folders_above(path) if originals else ())
        )

    def as_a_page(self, path: str) -> bool:
        """Tell whether a renderer would find a page for PATH: without its suffix, as HTML, as a folder's index."""
        bare = _BUILT.sub("", path.rstrip("/"))
        names = [bare, *(bare + suffix for suffix in PAGE_SUFFIXES)]
        names += [f"{bare}/{name}{suffix}" for name in _INDEX_NAMES for suffix in PAGE_SUFFIXES]
        if bare.endswith("/index"):
            names += [bare.removesuffix("/index") + suffix for suffix in PAGE_SUFFIXES]
        return any(self.exists(name) for name in names)

    def is_made_from_a_template(self, path: str) -> bool:
        """Tell whether what PATH is made from lies in its place: `page.md.in`."""
        return any(path + ending in self.snapshot.files for ending in TEMPLATES)

    def is_served_from_a_static_folder(self, path: str) -> bool:
        """Tell whether `/…` is there below a folder whose content sites serve from their root."""
        return any(self.ending_in(f"{folder}{path}") for folder in _STATIC_FOLDERS)

    def is_made_for_a_static_folder(self, path: str) -> bool:
        """Tell whether git would ignore PATH in a folder whose content sites serve beside their pages."""
        return any(map(self.would_be_ignored, static_places(path, self.snapshot.folders)))

    def is_built_elsewhere(self, path: str) -> bool:
        """Tell whether PATH, as a link writes it, is a built page whose source lies in another folder: a document that
        is rendered into that folder links as if it were there."""
        bare = _BUILT.sub("", path.removeprefix("./"))
        while bare.startswith("../"):
            bare = bare[3:]
        if bare == path or "/" not in bare or not _BUILT.search(path):
            return False
        return any(self.ending_in(bare + suffix) for suffix in PAGE_SUFFIXES)


def resolve(tree: Tree, document: str, target: str) -> Resolution:
    """Return where TARGET, a relative link in DOCUMENT, leads; `unjudged` whenever a renderer might know better."""
    if _IN_PARENTHESES.fullmatch(target):
        return Resolution("missing", target)
    path, fragment = split_target(target)
    if not path:
        return Resolution("found", document, fragment) if fragment else _UNJUDGED
    governed = tree.sites.govern(document)
    wanted = wanted_path(document, path)
    if wanted is None or (path.startswith("/") and not _is_from_the_root(tree, path, governed=governed)):
        return _UNJUDGED
    if not wanted or tree.exists(wanted) or tree.exists(_LINE_SUFFIX.sub("", wanted)):
        return Resolution("found", wanted, fragment)
    is_address = _is_address(tree, path)
    if not governed and (page := _bare_page(tree, path, wanted)):
        return Resolution("bare", page, fragment, page[len(wanted) :])
    if (
        _is_explained(tree, document, path, wanted)
        or (not is_address and _is_settled_by_a_book(tree, document, wanted))
        or (not is_address and governed and _is_page_of_a_site(tree, document, path, wanted))
    ):
        return _UNJUDGED
    return Resolution("missing", wanted, fragment)


def _is_address(tree: Tree, path: str) -> bool:
    """Tell whether PATH is the address of another site that lacks its scheme, and nothing here is called so."""
    host = path.partition("/")[0]
    return _ADDRESS.match(path) is not None and not tree.has_folder_called(host)


def static_places(path: str, folders: Collection[str]) -> tuple[str, ...]:
    """Return where a site may take PATH from, which it serves beside its pages: below those of FOLDERS on its way."""
    if len(path) > _LONGEST_SERVED:
        return ()
    above = [folder for folder in folders_above(path) if folder in folders]
    return tuple(
        f"{folder}/{name}{path[len(folder) :]}" if folder else f"{name}/{path}"
        for folder in (*above, "")
        for name in _STATIC_FOLDERS
    )


def folders_above(path: str) -> tuple[str, ...]:
    """Return the folders that hold PATH, the nearest first, without the root."""
    parts = path.split("/")
    return tuple("/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1))


def wanted_path(document: str, path: str) -> str | None:
    """Return PATH from the repository's root, `""` for the root itself, None where it leads out of it."""
    folder = "" if path.startswith("/") else document.rpartition("/")[0]
    joined = normpath(f"{folder}/{path.lstrip('/')}".lstrip("/") or ".")
    if joined == "..":
        return None
    return None if joined.startswith("../") else ("" if joined == "." else joined)


def _is_from_the_root(tree: Tree, path: str, *, governed: bool) -> bool:
    """Tell whether `/…` certainly means the repository's root: no site, and its first folder is there; what has no
    extension and lies in a folder that is not there may be an address of some site."""
    inside = path.strip("/")
    first, slash, _ = inside.partition("/")
    if governed or not slash or first not in tree.snapshot.folders:
        return False
    return _EXTENSION.search(inside) is not None or inside.rpartition("/")[0] in tree.snapshot.folders


def _bare_page(tree: Tree, path: str, wanted: str) -> str | None:
    """Return the Markdown document that PATH, which is not there, names without its suffix."""
    if path.endswith("/") or _EXTENSION.search(path) or _HOST_PAGES.match(path) or _PLACEHOLDER.match(path):
        return None
    return next((wanted + suffix for suffix in SUFFIXES if wanted + suffix in tree.snapshot.files), None)


def _is_explained(tree: Tree, document: str, path: str, wanted: str) -> bool:
    """Tell whether there is an innocent reason for the missing WANTED."""
    return (
        _HOST_PAGES.match(path) is not None
        or _PLACEHOLDER.match(path) is not None
        or tree.as_a_page(wanted)
        or (path.endswith("/") and tree.as_a_page(_one_folder_deeper(document, path)))
        or tree.is_built_elsewhere(path)
        or (path.startswith("/") and tree.is_served_from_a_static_folder(path))
        or tree.is_made_from_a_template(wanted)
        or tree.is_out_of_sight(wanted)
        or tree.would_be_ignored(wanted)
        or tree.has_in_another_language(wanted)
    )


def _is_settled_by_a_book(tree: Tree, document: str, wanted: str) -> bool:
    """Tell whether mdBook may know the missing WANTED: it serves a folder's README as its index, and books that are
    published side by side link to one another, out of their own pages."""
    pages = tree.sites.book_of(document)
    if pages is None:
        return False
    folder, _, name = wanted.rpartition("/")
    is_readme = name == "index.md" and any(tree.exists(f"{folder}/{other}") for other in _INDEX_NAMES_OF_A_BOOK)
    return is_readme or not wanted.startswith(f"{pages}/")


def _is_page_of_a_site(tree: Tree, document: str, path: str, wanted: str) -> bool:
    """Tell whether a site may serve the missing WANTED: built pages, pages without suffix, one folder deeper, static
    folders."""
    if not {wanted, wanted.rpartition(".")[0]}.isdisjoint(tree.lists.pages):
        return True
    if not _EXTENSION.search(path) and any(tree.has_in_another_language(wanted + suffix) for suffix in SUFFIXES):
        return True
    is_named_as_a_page = path.endswith("/") or not _EXTENSION.search(path) or _BUILT.search(path) is not None
    if tree.has_only_lists(document):
        return is_named_as_a_page and tree.may_be_made(wanted)
    if is_named_as_a_page or path in _BUILT_NAMES or tree.is_name_of_an_object(path):
        return True
    if tree.is_made_for_a_static_folder(wanted):
        return True
    if tree.sites.goes_by_name(document) and tree.ending_in(wanted.rpartition("/")[2]):
        return True
    if any(folder in tree.built for folder in folders_above(document)) and tree.has_variants(wanted):
        return True
    if tree.as_a_page(_one_folder_deeper(document, path)):
        return True
    return bool(tree.ending_in(path.lstrip("./"))) and not tree.links_by_paths(document)


def _one_folder_deeper(document: str, path: str) -> str:
    """Return where PATH leads when the page of DOCUMENT is a folder of its own."""
    return normpath(f"{document.rpartition('.')[0]}/{path}")


def built_folders(tree: Tree, links: Mapping[str, tuple[Link, ...]], shown: Iterable[str]) -> frozenset[str]:
    """Return the folders whose documents are the sources of a site, by how they link to each other, or since one of
    them says where it is SHOWN.

    More links to `page.html` where only the source of `page` exists, or to a `page` that is nowhere, than to sources,
    files and folders as they are: a generator that leaves no configuration one could know makes pages of them. So it
    does where many links lead to a `page.md` of which there are only variants.
    """
    pages: Counter[str] = Counter()
    nowhere: dict[str, set[str]] = {}
    somewhere: Counter[str] = Counter()
    variants: dict[str, set[str]] = {}
    for document, found in links.items():
        kinds = [(link.target, _written_for_a_site(tree, document, link.target)) for link in found]
        for folder in folders_above(document) if any(kind for _, kind in kinds) else ():
            pages[folder] += sum(kind == "page" for _, kind in kinds)
            somewhere[folder] += sum(kind == "file" for _, kind in kinds)
            nowhere.setdefault(folder, set()).update(target for target, kind in kinds if kind == "nowhere")
            variants.setdefault(folder, set()).update(target for target, kind in kinds if kind == "variant")
    enough = {folder for folder, count in pages.items() if count >= max(_ENOUGH_PAGES, 1 + somewhere[folder])}
    enough |= {
        folder
        for folder, targets in nowhere.items()
        if len(targets) >= max(_ENOUGH_ROUTES, 1 + _ROUTES_PER_FILE * somewhere[folder])
    }
    enough |= {folder for folder, targets in variants.items() if len(targets) >= _ENOUGH_VARIANTS}
    return frozenset(enough.union(document.rpartition("/")[0] for document in shown))


def _written_for_a_site(tree: Tree, document: str, target: str) -> Literal["page", "nowhere", "variant", "file"] | None:
    """Tell what TARGET shows: a built page whose source exists, a name without suffix that is nowhere, a document of
    which there are only variants, a source, file or folder that is there as named; None when it shows nothing."""
    path, _ = split_target(target)
    if not path or path.startswith("/") or _HOST_PAGES.match(path) or _PLACEHOLDER.match(path):
        return None
    wanted = wanted_path(document, path)
    if not wanted or _is_address(tree, path):
        return None
    if path.endswith((".html", ".htm")):
        return "page" if not tree.exists(wanted) and tree.as_a_page(wanted) else None
    if not _EXTENSION.search(path):
        if tree.exists(wanted) or tree.as_a_page(wanted):
            return "file"
        return None if tree.pages.defines(document, target) else "nowhere"  # `[a](label)` was to be `[a][label]`.
    if not path.endswith(PAGE_SUFFIXES):
        return None
    return "file" if tree.exists(wanted) else "variant" if tree.has_variants(wanted) else None
