"""What the settings of a site say of its pages that the pages do not show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

_MAX_BYTES = 256_000
_MKDOCS = re.compile(r"mkdocs[-_.\w]*\.ya?ml\Z", re.IGNORECASE)
_NAMES_TABS = re.compile(
    rb"^([ \t]{0,40})(?:-[ \t]{1,8})?[\"']?pymdownx\.tabbed[\"']?:[^\n]{0,200}\n"
    rb"(?:\1[ \t][^\n]{0,300}\n){0,20}?\1[ \t]{1,20}slugify:",
    re.MULTILINE,
)
"""Without a slug of their own, tabs are called by their numbers (`__tabbed_1_1`)."""


@dataclass(frozen=True)
class SaidOfPages:
    """What one file says of the pages of its site."""

    names_tabs: bool = False
    """The titles of tabs give them ids."""


_NOTHING = SaidOfPages()


@dataclass(frozen=True)
class SaidOfSites:
    """What the files of all sites say, by path."""

    by_path: Mapping[str, SaidOfPages]

    @cached_property
    def _with_named_tabs(self) -> frozenset[str]:
        return frozenset(path.rpartition("/")[0] for path, said in self.by_path.items() if said.names_tabs)

    def names_tabs(self, page: str) -> bool:
        """Tell whether the tabs of PAGE have ids by their titles."""
        return any(not folder or page.startswith(f"{folder}/") for folder in self._with_named_tabs)


NOTHING_SAID = SaidOfSites({})


def what_is_said(path: str, data: bytes) -> SaidOfPages | None:
    """Return what the file PATH with DATA says of the pages of its site, None where it says nothing."""
    if len(data) > _MAX_BYTES:
        return None
    names_tabs = _MKDOCS.match(path.rpartition("/")[2]) is not None and _NAMES_TABS.search(data) is not None
    said = SaidOfPages(names_tabs)
    return None if said == _NOTHING else said
