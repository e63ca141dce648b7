"""Lists of the pages of a site, in whatever file a generator keeps them: who has one, links by the names of pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from autopack.gaps.link_targets import PAGE_SUFFIXES, folders_above
from autopack.gaps.site_generators import NO_LISTS, PageLists

_WORDS = (
    *("config", "content", "contents", "docs", "manifest", "menu", "meta", "nav", "navigation", "pages", "sidebar"),
    *("sidebars", "site", "structure", "summary", "toc", "toctree", "redirects"),
)
_ENDS = (*_WORDS, "zensical")
"""What the names end in before their suffixes: of most files that is something else, which is seen in a moment."""
_NAME = re.compile(
    rf"(?:.*[-_.])?(?:{'|'.join(_WORDS)})\.(?:json|ya?ml|[cm]?[jt]s)\Z|mkdocs.*\.ya?ml\Z|zensical\.toml\Z",
    re.IGNORECASE,
)
"""What generators call them: `sidebars.js`, `_toctree.yml`, `docs.json`, `nav.yml`, `config.json`, `mkdocs.yml`."""
_FOLDER_OF_PAGES = "docs"
"""Where generators look by default."""
_ROUTE = re.compile(
    rb"(?:[\"']|[:-][ \t]{1,40})/?((?:[A-Za-z0-9][\w.-]{0,60}/){0,6}[A-Za-z0-9][\w.-]{0,60})[\"']?[ \t]{0,4}"
    rb"(?=[,\n\r\]})\"']|\Z)"
)
_REDIRECTS = re.compile(r"(?:.*[-_.])?redirects\.\w+\Z", re.IGNORECASE)
"""Pages that are shown elsewhere now: a link to one of them still leads to a reader's page."""
_REDIRECTED = re.compile(
    rb"^[ \t]{0,8}[\"']?/?((?:[\w.-]{1,60}/){0,6}[\w.-]{1,60})[\"']?[ \t]{0,4}:[ \t]", re.MULTILINE
)
_MAX_BYTES = 256_000
_MOST_ROUTES = 2_000
_ENOUGH_PAGES = 5
_SHARE = 0.2
"""A list names at least so many of the documents below its folder, without their suffixes, and this share of them."""


def may_be_list(path: str) -> bool:
    """Tell whether a file called like PATH may list the pages of a site."""
    name = path.rpartition("/")[2]
    stem = name.rpartition(".")[0].lower()
    return (stem.endswith(_ENDS) or stem.startswith("mkdocs")) and _NAME.match(name) is not None


def find_routes(path: str, data: bytes) -> tuple[str, ...]:
    """Return the values in DATA (JSON, YAML or a script at PATH) that may name pages, each once, without a leading
    slash; of redirects, the pages that are redirected."""
    if len(data) > _MAX_BYTES:
        return ()
    pattern = _REDIRECTED if _REDIRECTS.match(path.rpartition("/")[2]) else _ROUTE
    found = dict.fromkeys(match[1].decode("utf-8", "replace") for match in pattern.finditer(data))
    return tuple(found)[:_MOST_ROUTES]


def lists_among(files: Iterable[str], routes: Mapping[str, tuple[str, ...]]) -> PageLists:
    """Return what of FILES is a list of the documents below its folder, given the ROUTES in each that may be one."""
    if not routes:
        return NO_LISTS
    documents = {path.rpartition(".")[0] for path in files if path.endswith(PAGE_SUFFIXES)}
    below = Counter(folder for document in documents for folder in (*folders_above(document), ""))
    folders, pages = set[str](), set[str]()
    for path, named in routes.items():
        above, _, name = path.rpartition("/")
        if _REDIRECTS.match(name):
            pages |= {f"{above}/{_without_suffix(route)}".lstrip("/") for route in named}
            continue
        for folder in (above, f"{above}/{_FOLDER_OF_PAGES}".lstrip("/")):
            listed = {f"{folder}/{_without_suffix(route)}".lstrip("/") for route in named}
            if len(listed & documents) >= max(_ENOUGH_PAGES, _SHARE * below[folder]):
                folders.add(folder)
                pages |= listed
                break
    return PageLists(frozenset(folders), frozenset(pages))


def _without_suffix(route: str) -> str:
    return route.rpartition(".")[0] if route.endswith(PAGE_SUFFIXES) else route
