"""Paths that documents name in code and that are nowhere in the tree; git's history tells which of them once were."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from posixpath import normpath
from typing import NamedTuple

from autopack.gaps import document_places as places
from autopack.gaps.dead_links import Originals, is_judged
from autopack.gaps.documents_of_a_day import is_of_a_day, is_said_of_a_day
from autopack.gaps.excerpts import line_at, line_start
from autopack.gaps.ledgers import is_ledger
from autopack.gaps.link_targets import Tree
from autopack.gaps.news_fragments import folder_of_towncrier, is_fragment
from autopack.gaps.path_mentions import PathMention

_TELLS_OF_THE_PAST = re.compile(
    r"\b(?:remov|delet|deprecat|former|previous|no longer|renam|moved?\b|migrat|used to|replac|legacy|old\b|was\b"
    r"|were\b|superseded|obsolete|dropped|historical|originally|earlier|gone\b|instead of|got rid|creat|generat"
    r"|produc|writ|output|example|e\.g\.|such as|for instance|planned|no\b.{0,80}\bexists?\b"
    r"|(?:not|\w{2,6}n't) exist|todo\b|copy|put\b|place|save|your\b"
    r"|(?:can|may|might|could)(?: \w{2,12})? be (?:stored|kept)|will (?:be|become|move to)(?=\W{0,4}`))"
    r"|\(new\)|(?-i:\bNEW\b)(?=\W{0,4}`)",
    re.IGNORECASE,
)
"""Words that say that the path is not there now, is not there yet, or is made by the reader."""

_PATH = re.compile(rb"[\w.@+-]{1,100}(?:/[\w.@+-]{0,100}){1,12}")
_STRIKE = re.compile(rb"~~")
_INVENTED = re.compile(r"(?:.*/)?(?:(?:my|your|some)[-_].*|(?:foo|bar|baz|example)\.\w+)\Z", re.IGNORECASE)
"""Names of files that examples speak of; that one of that name was once there is chance."""


@dataclass(frozen=True)
class AbsentPath:
    """A mention of a path that is not there. `candidates` are what it may mean from the root: as written, then from
    the document's folder."""

    document: str
    mention: PathMention
    candidates: tuple[str, ...]


@dataclass(frozen=True)
class VanishedPath:
    """A path that was there once, and every place where DOCUMENT names it as if it still were. `place_now` is the
    file that it was renamed to, if that is there. `is_of_a_day`: it is a plan or a record that does so."""

    document: str
    path: str
    mentions: tuple[PathMention, ...]
    place_now: str | None
    is_of_a_day: bool = False


def absent_paths(tree: Tree, mentions: Mapping[str, tuple[PathMention, ...]]) -> Iterator[AbsentPath]:
    """Yield those of MENTIONS (by document) that are nowhere in the tree, in documents that describe it as it is."""
    for document, named in mentions.items():
        if not named or not is_judged(document) or places.is_decision(document) or is_ledger(tree.snapshot, document):
            continue
        for mention in named:
            if _INVENTED.match(mention.path):
                continue
            candidates = _candidates(document, mention.path)
            absent = not any(tree.exists(path) or tree.is_out_of_sight(path) for path in candidates)
            if candidates and absent and not tree.ending_in(candidates[0]):
                yield AbsentPath(document, mention, candidates)


def vanished_paths(tree: Tree, mentions: Mapping[str, tuple[PathMention, ...]]) -> Iterator[VanishedPath]:
    """Yield the paths that git once held, and that documents still name.

    What a translation says as its original does is judged there: words that excuse it are known in English only.
    """
    history, folder = tree.snapshot.history, folder_of_towncrier(tree.snapshot.texts)
    named: dict[tuple[str, str], list[AbsentPath]] = {}
    for absent in absent_paths(tree, mentions):
        gone = next((path for path in absent.candidates if path in history), None)
        if gone is not None and not tree.would_be_ignored(gone) and not is_fragment(gone, folder):
            named.setdefault((absent.document, gone), []).append(absent)
    found = {
        (document, gone): tuple(one.mention for one in absent if _is_said_of_now(tree, one))
        for (document, gone), absent in named.items()
    }
    originals = Originals(tree.snapshot.files)
    for (document, gone), said in found.items():
        place = history[gone]
        if said and not any((one, gone) in named and not found[one, gone] for one in originals.of(document)):
            of_today = _of_today(document, tree.snapshot.texts[document], said)
            now = place if place in tree.snapshot.files else None
            yield VanishedPath(document, gone, of_today or said, now, is_of_a_day=not of_today)


def _of_today(document: str, data: bytes, mentions: Sequence[PathMention]) -> tuple[PathMention, ...]:
    """Return those of MENTIONS in DOCUMENT that no plan or record makes: commands are typed whatever stands around."""
    is_record = is_of_a_day(document, data)
    return tuple(one for one in mentions if one.is_run or not (is_record or is_said_of_a_day(data, one.offset)))


def _candidates(document: str, written: str) -> tuple[str, ...]:
    folder = document.rpartition("/")[0]
    paths = (normpath(written), normpath(f"{folder}/{written}".lstrip("/")))
    return tuple(dict.fromkeys(path for path in paths if not path.startswith(("../", "/"))))


def _is_said_of_now(tree: Tree, absent: AbsentPath) -> bool:
    """Tell whether the document says that the path is there: commands do, sentences unless their words deny it."""
    data = tree.snapshot.texts.get(absent.document)
    if data is None or absent.mention.is_run:
        return data is not None
    line = _line(data, line_start(data, absent.mention.offset))
    is_struck_out = bisect_left(line.strikes, absent.mention.offset) % 2 == 1
    return not (is_struck_out or line.tells_of_the_past)


class _Line(NamedTuple):
    """A line of a document, looked at once for all the paths that it names."""

    tells_of_the_past: bool
    """Its words say so, or those of the line above."""
    strikes: tuple[int, ...]
    """The offsets at which something begins or ends to be struck out."""


@lru_cache(maxsize=8)
def _line(data: bytes, start: int) -> _Line:
    """Return the line of DATA that begins at byte START."""
    text = line_at(data, start)
    around = data[line_start(data, max(0, start - 1)) : start] + text
    words = _PATH.sub(b"", around).decode("utf-8", "replace")
    strikes = tuple(start + match.start() for match in _STRIKE.finditer(text))
    return _Line(_TELLS_OF_THE_PAST.search(words) is not None, strikes)
