"""What the settings of link checkers leave out: the project itself says that these links lead nowhere in its tree."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from autopack.gaps.odd_on_purpose import is_test_data
from autopack.gaps.simple_patterns import SimplePattern, SimplePatterns, read_pattern
from autopack.gaps.toml_text import read_toml

_NAME = re.compile(r"\w{3}")
"""Without one, a pattern leaves out a kind of links (`^/`, `^\\.\\./`) that the checker cannot see, dead or alive."""
_MAX_BYTES = 64_000
_MOST_PATTERNS = 300
_KEY_OF_MARKDOWN_LINK_CHECK = "ignorePatterns"
_SETTINGS_OF_LYCHEE = frozenset({"lychee.toml", ".lychee.toml"})
_PATTERNS_OF_LYCHEE = ".lycheeignore"
_ENDS = (".json", *_SETTINGS_OF_LYCHEE, _PATTERNS_OF_LYCHEE)


@dataclass(frozen=True)
class LeftOut:
    """What one file leaves out: links by their `targets` as written (markdown-link-check), links by the `files` that
    they lead to, and all links of some `documents` (both lychee)."""

    targets: tuple[SimplePattern, ...] = ()
    files: tuple[SimplePattern, ...] = ()
    documents: tuple[SimplePattern, ...] = ()


_NOTHING = LeftOut()


@dataclass(frozen=True)
class LinksLeftOut:
    """What the settings of all link checkers leave out, by the path of the settings; they are for the whole repository,
    wherever they lie but among test data."""

    by_path: Mapping[str, LeftOut]

    def hold(self, document: str, target: str, wanted: str) -> bool:
        """Tell whether the link of DOCUMENT to TARGET, which is the path WANTED, is left out."""
        return self._targets.match(target) or self._files.match(f"file:///{wanted}") or self._documents.match(document)

    @cached_property
    def _targets(self) -> SimplePatterns:
        return SimplePatterns(one for left_out in self.by_path.values() for one in left_out.targets)

    @cached_property
    def _files(self) -> SimplePatterns:
        return SimplePatterns(one for left_out in self.by_path.values() for one in left_out.files)

    @cached_property
    def _documents(self) -> SimplePatterns:
        return SimplePatterns(one for left_out in self.by_path.values() for one in left_out.documents)


def find_left_out(path: str, data: bytes) -> LeftOut | None:
    """Return what the file PATH with DATA leaves out, None where it is not the settings of a link checker."""
    name = path.rpartition("/")[2]
    if not name.endswith(_ENDS):
        return None
    if len(data) > _MAX_BYTES or is_test_data(path):
        return None
    if name.endswith(".json") and _KEY_OF_MARKDOWN_LINK_CHECK.encode() in data:
        found = LeftOut(targets=_patterns(_of_markdown_link_check(data)))
    elif name in _SETTINGS_OF_LYCHEE:
        found = _of_lychee(data)
    elif name == _PATTERNS_OF_LYCHEE:
        found = LeftOut(files=_patterns(line.strip() for line in data.decode("utf-8", "replace").splitlines()))
    else:
        return None
    return None if found == _NOTHING else found


def _of_markdown_link_check(data: bytes) -> Iterator[object]:
    try:
        named = json.loads(data)[_KEY_OF_MARKDOWN_LINK_CHECK]
    except (ValueError, TypeError, KeyError, RecursionError):  # no JSON, or a list, or a key of somebody else's
        return
    for one in named if isinstance(named, list) else ():
        yield one.get("pattern") if isinstance(one, dict) else None


def _of_lychee(data: bytes) -> LeftOut:
    settings = read_toml(data.decode("utf-8", "replace")) or {}
    files, documents = (settings.get(key) for key in ("exclude", "exclude_path"))
    return LeftOut(
        files=_patterns(files if isinstance(files, list) else ()),
        documents=_patterns(documents if isinstance(documents, list) else ()),
    )


def _patterns(written: Iterable[object]) -> tuple[SimplePattern, ...]:
    found = (read_pattern(one) for one in written if isinstance(one, str))
    return tuple(pattern for pattern in found if pattern and any(map(_NAME.search, pattern.pieces)))[:_MOST_PATTERNS]
