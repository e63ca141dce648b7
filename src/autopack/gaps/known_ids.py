"""By which rules a site gives ids to headings, where what configures it is known to say so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from autopack.gaps.heading_ids import DEVSITE
from autopack.gaps.mkdocs import is_setting_of_mkdocs
from autopack.gaps.site_generators import Sites

BY_GITHUB: Final = frozenset[str]()
"""No rule besides that of GitHub, which mdBook, HonKit and Docusaurus follow too."""
PYTHON_MARKDOWN: Final = "Python-Markdown"
_KRAMDOWN: Final = "kramdown"
_HYPHENS: Final = "hyphens"
_RULES: Final = (
    (re.compile(r"book\.(?:toml|json)\Z|(?:docusaurus\.config|sidebars)\.[cm]?[jt]s\Z"), BY_GITHUB),
    (re.compile(r"_config\.ya?ml\Z"), frozenset({_KRAMDOWN, _HYPHENS})),
    (re.compile(r"_book\.yaml\Z"), frozenset({DEVSITE})),
)
"""Which rules what is called so stands for; Jekyll and Hexo share a name."""
_OF_A_HOST: Final = re.compile(r"(?:.*/)?(?:\.readthedocs\.ya?ml|\.nojekyll)\Z")
"""What leaves ids to a generator, and does not say to which."""
_CHANGES_IDS = re.compile(rb"slug|separator|^INHERIT|^hooks|enumerate", re.MULTILINE)


def leaves_it_open(settings: str) -> bool:
    """Tell whether SETTINGS leave the pages to a generator, and do not say to which."""
    return _OF_A_HOST.match(settings) is not None


def rules_for(sites: Sites, texts: Mapping[str, bytes], document: str, page: str) -> frozenset[str] | None:
    """Return the rules of `heading_ids` by which, besides GitHub's, a link of DOCUMENT finds a heading of PAGE; None
    where any may hold. TEXTS are the files at hand."""
    if not sites.govern(document):
        return BY_GITHUB
    rules = BY_GITHUB
    known = (*sites.configured_by(document), *sites.configured_by(page))
    for path in [path for path in known if not leaves_it_open(path)] or ("",):
        found = _rules_of(path, texts)
        if found is None:
            return None
        rules |= found
    return rules


def _rules_of(path: str, texts: Mapping[str, bytes]) -> frozenset[str] | None:
    if is_setting_of_mkdocs(path):
        return None if path not in texts or _changes_ids(texts[path]) else frozenset({PYTHON_MARKDOWN})
    return next((rules for name, rules in _RULES if name.match(path.rpartition("/")[2])), None)


@lru_cache(maxsize=64)
def _changes_ids(settings: bytes) -> bool:
    return _CHANGES_IDS.search(settings) is not None
