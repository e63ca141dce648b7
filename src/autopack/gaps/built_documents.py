"""Documents that more is built from than one can read here: what they name and was never there may come with the build.

Of links in such documents that led nowhere, less than half were truly dead, against nearly all of those in documents
that only a code host shows (docs/adr/0021-what-a-build-may-add.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from autopack.gaps import document_places as places
from autopack.gaps.known_ids import leaves_it_open
from autopack.gaps.link_targets import Tree
from autopack.gaps.made_pages import MadePages, describes_a_build, folder_of_documents
from autopack.gaps.mkdocs import is_setting_of_mkdocs

_PLAIN = re.compile(
    r"(?:.*/)?(?:book\.(?:toml|json)|_config\.ya?ml|conf\.py|(?:docusaurus\.config|sidebars)\.[cm]?[jt]s)\Z"
)
"""Settings of generators that make pages of the files that are there: mdBook, HonKit, Jekyll, Sphinx, Docusaurus."""
_MAKES_SOMETHING = re.compile(
    r"(?:.*[-_.])?(?:build|convert|copy|export|fetch|gen|generate\w*|generator|make|prepare|render|sync|update)"
    r"(?:[-_].*)?\.\w{1,4}\Z",
    re.IGNORECASE,
)
"""How programs among documents are called that write some."""
_SAMPLES = frozenset({"assets", "css", "example", "examples", "js", "samples", "static", "tutorial", "tutorials"})
"""Folders with programs that are shown or served."""


@dataclass(frozen=True)
class BuiltDocuments:
    """The documents of a tree, asked whether a build may add to them; MADE is what builds name."""

    tree: Tree
    made: MadePages

    def may_come_with(self, document: str, wanted: str) -> bool:
        """Tell whether WANTED, which is not there, may be built beside DOCUMENT: both lie in one folder of documents
        of which a generator makes pages by rules of its own, or in which a program writes some."""
        folder = folder_of_documents(document)
        if folder is None or not places.is_below(folder, wanted):
            return False
        return folder in self._with_programs or self._has_rules_of_its_own(document)

    def _has_rules_of_its_own(self, document: str) -> bool:
        """Tell whether a site takes DOCUMENT in whose links need not be paths of files."""
        if not self.tree.sites.govern(document):
            return False
        settings = self.tree.sites.configured_by(document)
        known = [one for one in settings if not leaves_it_open(one)]
        return not settings or not all(self._is_plain(one, document) for one in known)

    def _is_plain(self, settings: str, document: str) -> bool:
        if is_setting_of_mkdocs(settings):
            return self.tree.links_by_paths(document)
        return _PLAIN.match(settings) is not None

    @cached_property
    def _with_programs(self) -> frozenset[str]:
        """The folders of documents in which something builds: it is called for that, and names a page that is not
        there."""
        names = {path.rpartition("/")[2] for path in self.tree.snapshot.files}
        builds = (path for path in self.made.by_path if describes_a_build(path) or _makes_something(path))
        found = (folder_of_documents(path) for path in builds if self.made.names_a_page(path, names))
        return frozenset(folder for folder in found if folder is not None)


def _makes_something(program: str) -> bool:
    return (
        _SAMPLES.isdisjoint(places.folders(program)) and _MAKES_SOMETHING.match(program.rpartition("/")[2]) is not None
    )
