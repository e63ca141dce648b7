"""What MkDocs says of its pages in its settings: where they lie, and whether links between them are paths of files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from autopack.gaps.site_generators import Sites

_SETTINGS: Final = re.compile(r"(?:(?P<folder>.*)/)?mkdocs[-_.\w]*\.ya?ml\Z")
_NO_OTHER_RULE: Final = re.compile(r"(?:.*/)?(?:book\.json|_config\.ya?ml|\.readthedocs\.ya?ml|\.nojekyll)\Z")
"""Those of hosts, of Jekyll and of HonKit, to which a path is the path of a file too."""
_FOLDER_OF_PAGES: Final = re.compile(rb"^docs_dir:[ \t]{0,8}[\"']?(?:\./)?([\w./-]{1,200})", re.MULTILINE)
_NAME_OF_A_SITE: Final = re.compile(rb"^site_name:", re.MULTILINE)
_LOOKS_LINKS_UP: Final = re.compile(
    rb"^INHERIT|^hooks|\b(?:roam|ez|wiki|auto|site|alias|cross|resolve|snippet)[-_]?(?:links?|refs?)\b|monorepo|multi[-_]?repo"
    rb"|gen[-_]files|same[-_]dir|-[ \t]{1,4}simple\b|i18n|include|techdocs|obsidian",
    re.MULTILINE,
)
"""Plugins that find, move or make pages, and settings from elsewhere that may name such."""


def is_setting_of_mkdocs(path: str) -> bool:
    """Tell whether MkDocs may read the file PATH as its settings."""
    return "mkdocs" in path and _SETTINGS.match(path) is not None


def links_by_paths(sites: Sites, texts: Mapping[str, bytes], document: str) -> bool:
    """Tell whether links of DOCUMENT certainly are paths of files, since it is a page of MkDocs, and
    none of the plugins in the settings among TEXTS looks links up. MkDocs: "relative links to the Markdown source"."""
    settings = [path for path in sites.configured_by(document) if not _NO_OTHER_RULE.match(path)]
    return bool(settings) and all(_makes_page(path, texts.get(path), document) for path in settings)


def _makes_page(settings: str, text: bytes | None, document: str) -> bool:
    """Tell whether MkDocs with the TEXT of SETTINGS makes a page of DOCUMENT as it lies there."""
    match = _SETTINGS.match(settings)
    pages = None if match is None or text is None else _folder_of_plain_pages(text)
    if match is None or pages is None:
        return False
    return document.startswith(f"{match['folder'] or ''}/{pages}/".lstrip("/"))


@lru_cache(maxsize=64)
def _folder_of_plain_pages(text: bytes) -> str | None:
    """Return the folder of the pages by the settings TEXT, None where a plugin may look their links up or
    the settings are not all of them: only the name of the site is required."""
    if _LOOKS_LINKS_UP.search(text) or not _NAME_OF_A_SITE.search(text):
        return None
    named = _FOLDER_OF_PAGES.search(text)
    return named[1].decode("utf-8", "replace").strip("/") if named else "docs"
