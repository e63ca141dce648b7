"""Which documents a site generator turns into pages: there, links follow the site's rules, not the tree's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

_CONFIGURATION = re.compile(
    r"(?:mkdocs[-_.\w]*|zensical|mint|_quarto|antora|myst|hugo|hwaro|zola|book|doctave)\.(?:ya?ml|toml|json)\Z"
    r"|_config\.(?:ya?ml|toml)\Z|(?:docusaurus|astro|gatsby|gridsome|nuxt|next|rspress|vocs|eleventy|\.eleventy|vuepress"
    r"|starlight|content-collections|source)[.-]config\.(?:[cm]?[jt]s|tsx?)\Z|\.eleventy\.[cm]?js\Z|pelicanconf\.py\Z"
    r"|(?:sidebars|siteConfig)\.[cm]?[jt]s\Z|\.gitbook\.ya?ml\Z|_sidebar\.md\Z|docfx\.json\Z|Writerside\.cfg\Z"
    r"|\.readthedocs\.ya?ml\Z|_toc\.yml\Z|_book\.yaml\Z|\.nojekyll\Z|mdbook\.toml\Z|mix\.exs\Z",
    re.IGNORECASE | re.ASCII,
)
_CONFIGURATION_FOLDER = re.compile(r"(?:\A|/)\.(?:vitepress|vuepress)/")
_HUGO_FOLDER = re.compile(r"(?:\A|/)config/_default/")
_HUGO = re.compile(r"config\.(?:toml|ya?ml|json)\Z")
_FOLDERS_OF_HUGO = ("content", "layouts")
"""What stands beside Hugo's settings where they are not called by its name."""
_SECTION_OF_HUGO = "_index.md"
"""What makes a folder a section of a site, wherever the settings of that are."""
_BOOK = "book.toml"
"""What mdBook reads its settings from."""
_EX_DOC = "mix.exs"
"""Where ExDoc is told what to document."""
_MAVEN, _FOLDER_OF_MAVEN = "site.xml", "/src/site"
"""What Maven makes the site of a module from."""
_SPHINX = "conf.py"
_WITH_LABELS = (_SPHINX, "myst.yml", "_toc.yml")
"""The settings of what looks for a label in all pages: Sphinx, mystmd, and Jupyter Book before that."""
_FOLDER_OF_SETTINGS = "sphinx"
"""Where settings lie that are not among the pages, but in a folder beside them (`sphinx-build -c sphinx .`)."""
_ENDINGS = frozenset({"yml", "yaml", "toml", "json", "py", "md", "cfg", "nojekyll", "exs"})


@dataclass(frozen=True)
class PageLists:
    """Which `folders` hold a list of the pages below them, and all `pages` that are listed, from the root and without
    their suffixes; some are nowhere in the tree, since the site makes them."""

    folders: frozenset[str] = frozenset()
    pages: frozenset[str] = frozenset()

    def govern(self, path: str) -> bool:
        """Tell whether PATH lies below a folder with a list."""
        return any(not folder or path.startswith(f"{folder}/") for folder in self.folders)


NO_LISTS = PageLists()


@dataclass(frozen=True)
class Sites:
    """The folders (`""` is the root) that a site generator's configuration governs."""

    roots: frozenset[str]
    books: frozenset[str] = frozenset()
    """Those that mdBook makes a book of, which it reads from their folder `src`."""
    flat: frozenset[str] = frozenset()
    """Those of ExDoc, which puts all pages and all images into one folder each."""
    labelled: frozenset[str] = frozenset()
    """Those of Sphinx and mystmd, which look for a label in all pages."""
    configurations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What configures the sites of each of these folders; nothing where it is told from folders alone."""

    def configured_by(self, path: str) -> tuple[str, ...]:
        """Return what configures the sites that may turn PATH into a page; `""` stands for what is not in a file."""
        found: list[str] = []
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            found += self.configurations.get(folder) or ("",) * (folder in self.configurations)
        return tuple(found)

    def book_of(self, path: str) -> str | None:
        """Return the folder with the pages of the book that PATH is a page of, None where it is in no book."""
        folder = path
        while folder and self.books:
            folder = folder.rpartition("/")[0]
            pages = f"{folder}/src".lstrip("/")
            if folder in self.books and path.startswith(f"{pages}/"):
                return pages
        return None

    def goes_by_name(self, path: str) -> bool:
        """Tell whether links of the page PATH are looked up by the name of the file, wherever it lies."""
        return any(path.startswith(f"{folder}/") or not folder for folder in self.flat)

    def looks_for_labels(self, path: str) -> bool:
        """Tell whether `#label` in the page PATH may be a label of another page."""
        return any(path.startswith(f"{folder}/") or not folder for folder in self.labelled)

    def with_folders(self, folders: Iterable[str]) -> Sites:
        """Return these sites and those of FOLDERS."""
        return replace(self, roots=self.roots.union(folders))

    def govern(self, path: str) -> bool:
        """Tell whether a site generator may turn PATH into a page."""
        folder = path.rpartition("/")[0]
        while True:
            if folder in self.roots:
                return True
            if not folder:
                return False
            folder = folder.rpartition("/")[0]


def find_sites(paths: Iterable[str]) -> Sites:
    """Return the sites that the configuration files among PATHS belong to."""
    return _find_sites(tuple(paths))


def _may_configure(name: str) -> bool:
    """Tell in a moment whether a file called NAME may be the configuration of a site: few of many are."""
    lowered = name.lower()
    if lowered.rpartition(".")[2] in _ENDINGS:
        return True
    return "config" in lowered or "eleventy" in lowered or "sidebars" in lowered


@lru_cache(maxsize=2)
def _find_sites(paths: tuple[str, ...]) -> Sites:
    roots: set[str] = set()
    configurations: dict[str, list[str]] = {}
    folders: set[str] = set()
    perhaps_hugo: set[str] = set()
    known = frozenset(paths)
    for path in paths:
        folder, _, name = path.rpartition("/")
        folders.add(folder)
        if _HUGO.match(name):
            perhaps_hugo.add(folder)
        if name == _SECTION_OF_HUGO:
            roots.add(folder)
        if name == _MAVEN and f"/{folder}".endswith(_FOLDER_OF_MAVEN):
            roots.add(folder)
            configurations.setdefault(folder, []).append(path)
        if _may_configure(name) and (
            _CONFIGURATION.match(name)
            or (name == _SPHINX and any(f"{folder}/index{end}".lstrip("/") in known for end in (".rst", ".md", ".txt")))
        ):
            roots.add(folder)
            configurations.setdefault(folder, []).append(path)
    for folder in folders:
        if match := _CONFIGURATION_FOLDER.search(f"{folder}/") or _HUGO_FOLDER.search(f"{folder}/"):
            roots.add(folder[: match.start()])
    roots |= {folder for folder in perhaps_hugo if _has_all(folder, _FOLDERS_OF_HUGO, folders)}
    books = frozenset(folder for folder in roots if f"{folder}/{_BOOK}".lstrip("/") in known)
    flat = frozenset(folder for folder in roots if f"{folder}/{_EX_DOC}".lstrip("/") in known)
    labelled = {folder for folder in folders for name in _WITH_LABELS if f"{folder}/{name}".lstrip("/") in known}
    labelled |= {folder.rpartition("/")[0] for folder in labelled if folder.rpartition("/")[2] == _FOLDER_OF_SETTINGS}
    configured = {folder: tuple(configurations.get(folder, ())) for folder in roots}
    return Sites(frozenset(roots), books, flat, frozenset(labelled), configured)


def _has_all(folder: str, names: Iterable[str], folders: Iterable[str]) -> bool:
    """Tell whether FOLDER has a folder of each of NAMES, if these are the FOLDERS with files."""
    return all(any(f"{other}/".startswith(f"{folder}/{name}/".lstrip("/")) for other in folders) for name in names)
