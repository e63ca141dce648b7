"""The project index (a JSON file that lists what is where) and its entries that name files which are gone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import normpath

from autopack.gaps.json_positions import JsonString, json_strings
from autopack.gaps.link_targets import Tree

INDEX_FILES = ("docs/PROJECT_INDEX.json", "PROJECT_INDEX.json")

_PATH_KEY = re.compile(
    r"(?:path|file|location|doc|document|source|entry_?point|script|module|test|config|ledger|sot_file)s?\Z|readme\Z",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?:\./)?(?:[\w.@+ -]{1,100}/){0,12}[\w.@+ -]{1,100}\.[A-Za-z][A-Za-z0-9]{0,7}\Z")
_RUN_LOCAL = ".autonomous_runs"


@dataclass(frozen=True)
class DeadEntry:
    """A string of the index (whole text in `text`) that names a missing file; `wanted` is its path from the root."""

    index: str
    text: str
    element: JsonString
    wanted: str

    @property
    def offset(self) -> int:
        """Where the string begins, in bytes."""
        return len(self.text[: self.element.start].encode())


def dead_entries(tree: Tree) -> Iterator[DeadEntry]:
    """Yield the entries of the index files that name a file which is not there."""
    for index in INDEX_FILES:
        data = tree.snapshot.texts.get(index)
        if data is None:
            continue
        text = data.decode("utf-8", "replace")
        for element in json_strings(text) or ():
            wanted = normpath(element.value) if element.value else ""
            if _names_a_file(element) and not _is_there(tree, index, wanted) and not tree.would_be_ignored(wanted):
                yield DeadEntry(index, text, element, wanted)


def _names_a_file(element: JsonString) -> bool:
    """Tell whether ELEMENT is meant as the path of one file: below a key that says so, and in the form of one."""
    above = element.keys[:-1] if element.is_key else element.keys
    meant = any(_PATH_KEY.match(key) for key in above[-2:])
    return meant and _PATH.match(element.value) is not None and _RUN_LOCAL not in element.value


def _is_there(tree: Tree, index: str, wanted: str) -> bool:
    beside_the_index = normpath(f"{index.rpartition('/')[0]}/{wanted}".lstrip("/"))
    is_known = any(tree.exists(path) or tree.is_out_of_sight(path) for path in (wanted, beside_the_index))
    return is_known or wanted.startswith("..")
