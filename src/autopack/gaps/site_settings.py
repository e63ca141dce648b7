"""What the settings and the scripts of a site say of its pages that the pages do not show."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from autopack.gaps import markdown
from autopack.gaps.document_places import is_below
from autopack.gaps.mkdocs import is_setting_of_mkdocs
from autopack.gaps.simple_patterns import SimplePattern, SimplePatterns, read_pattern

_MAX_BYTES = 256_000
_NAMES_TABS = re.compile(
    rb"^([ \t]{0,40})(?:-[ \t]{1,8})?[\"']?pymdownx\.tabbed[\"']?:[^\n]{0,200}\n"
    rb"(?:\1[ \t][^\n]{0,300}\n){0,20}?\1[ \t]{1,20}slugify:",
    re.MULTILINE,
)
"""Without a slug of their own, tabs are called by their numbers (`__tabbed_1_1`)."""
_SCRIPT = re.compile(r".*\.[cm]?[jt]sx?\Z")
_FOLDER_OF_SCRIPTS = re.compile(
    r"(?:\A|(?<=/))(?:\.(?:vitepress|vuepress)/(?!dist/|cache/)|(?:src/)?(?:plugins|remark)/)"
)
"""Where a site keeps what changes its pages while it is built."""
_HEADING_IN_A_STRING = re.compile(rb"(?:[\"'`]|\\n|^)(#{2,6}[ \t]{1,4}[^\n\\\"'`]{2,100})(?=[\n\\\"'`])", re.MULTILINE)
_EXPRESSION = b"${"
_DOCSIFY = b"$docsify"
_FOR_DOCSIFY = (".html", ".htm", ".js")
_ALIASES = re.compile(rb"\balias[\"']?[ \t]{0,8}:\s{0,40}\{([^{}]{0,8000})\}")
_ALIAS = re.compile(rb"[\"']([^\"'\n]{1,300})[\"'][ \t]{0,8}:(?=\s{0,80}[\"'`\w])")
_SUFFIX_OF_A_PAGE = ".md"


@dataclass(frozen=True)
class SaidOfPages:
    """What one file says of the pages of its site."""

    names_tabs: bool = False
    """The titles of tabs give them ids."""
    aliases: tuple[SimplePattern, ...] = ()
    """Routes that docsify takes from elsewhere, whole."""
    headings: frozenset[str] = frozenset()
    """The slugs of headings that a plugin writes into pages."""


@dataclass(frozen=True)
class SaidOfSites:
    """What the files of all sites say, by path."""

    by_path: Mapping[str, SaidOfPages]

    @cached_property
    def _with_named_tabs(self) -> frozenset[str]:
        return frozenset(path.rpartition("/")[0] for path, said in self.by_path.items() if said.names_tabs)

    @cached_property
    def _headings(self) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for path, said in self.by_path.items():
            for folder in _FOLDER_OF_SCRIPTS.finditer(path) if said.headings else ():
                site = path[: folder.start()].rstrip("/")
                found[site] = found.get(site, frozenset()) | said.headings
        return found

    @cached_property
    def _aliases(self) -> dict[str, SimplePatterns]:
        """Folder of a site -> its aliases."""
        found: dict[str, list[SimplePattern]] = {}
        for path, said in self.by_path.items():
            found.setdefault(path.rpartition("/")[0], []).extend(said.aliases)
        return {folder: SimplePatterns(aliases) for folder, aliases in found.items() if aliases}

    def names_tabs(self, page: str) -> bool:
        """Tell whether the tabs of PAGE have ids by their titles."""
        return any(is_below(folder, page) for folder in self._with_named_tabs)

    def puts_in(self, page: str, fragment: str, sites: Container[str]) -> bool:
        """Tell whether a plugin of one of SITES, folders with settings, may put the heading FRAGMENT into PAGE."""
        wanted = markdown.slug_key(fragment)
        return any(
            wanted in headings and site in sites and is_below(site, page) for site, headings in self._headings.items()
        )

    def takes_from_elsewhere(self, document: str, wanted: str) -> bool:
        """Tell whether the site with the page DOCUMENT has the page WANTED from another place."""
        return any(
            is_below(folder, document) and is_below(folder, wanted) and aliases.match(route)
            for folder, aliases in self._aliases.items()
            for route in _routes(folder, wanted)
        )


NOTHING_SAID = SaidOfSites({})


def what_is_said(path: str, data: bytes) -> SaidOfPages | None:
    """Return what the file PATH with DATA says of the pages of its site, None where it says nothing."""
    if len(data) > _MAX_BYTES:
        return None
    folder, _, name = path.rpartition("/")
    if is_setting_of_mkdocs(path):
        return SaidOfPages(names_tabs=True) if _NAMES_TABS.search(data) else None
    aliases, headings = _aliases(name, data), _headings(folder, name, data)
    return SaidOfPages(aliases=aliases, headings=headings) if aliases or headings else None


def _headings(folder: str, name: str, data: bytes) -> frozenset[str]:
    """Return the slugs of the headings that are written out in strings of the script DATA, called NAME, if FOLDER is
    among those that a site is built with."""
    if not _holds_scripts(folder) or b"## " not in data or not _SCRIPT.match(name):
        return frozenset()
    titles = (match[1].lstrip(b"#") for match in _HEADING_IN_A_STRING.finditer(data) if _EXPRESSION not in match[1])
    return frozenset(markdown.slug(title.decode("utf-8", "replace")) for title in titles)


@lru_cache(maxsize=4_096)
def _holds_scripts(folder: str) -> bool:
    """Tell whether a site keeps in FOLDER what changes its pages: asked for each of its files, one after the other."""
    return _FOLDER_OF_SCRIPTS.search(f"{folder}/") is not None


def _aliases(name: str, data: bytes) -> tuple[SimplePattern, ...]:
    """Return the keys of `alias` in the settings of docsify: it looks up a route that one of them is the whole of."""
    if _DOCSIFY not in data or not name.endswith(_FOR_DOCSIFY):
        return ()
    keys = (key[1] for block in _ALIASES.finditer(data) for key in _ALIAS.finditer(block[1]))
    found = (read_pattern(key.decode("utf-8", "replace"), whole=True) for key in keys)
    return tuple(alias for alias in found if alias is not None)


def _routes(folder: str, page: str) -> tuple[str, str]:
    """Return what PAGE of the site in FOLDER is called there, with its suffix and without."""
    inner = "/" + (page[len(folder) + 1 :] if folder else page)
    return inner, inner.removesuffix(_SUFFIX_OF_A_PAGE)
