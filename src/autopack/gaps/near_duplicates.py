"""Documents that say the same twice, found in two steps: sketches of their lines, then exact similarity of the few.

The sketch of a document is the smallest hashes of its lines (bottom-k sampling; Cohen and Kaplan, 2007): documents
that share nearly all lines share nearly all of it. Similarity is the Jaccard index of runs of five words (Broder,
1997).
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, combinations

MINIMUM_WORDS = 200
MINIMUM_SIMILARITY = 0.9
_SKETCH_SIZE = 24
_SHINGLE = 5
_MINIMUM_LINE = 16
_SHORTEST_DOCUMENT = 2 * MINIMUM_WORDS
_MAX_BYTES = 1_000_000
_MAX_SHARING = 30
_MAX_PAIRS = 400
_WORD = re.compile(rb"[^\W_]+|[^\x00-\x7f]+")


@dataclass(frozen=True)
class Sketch:
    """The smallest line hashes of a document of at least MINIMUM_WORDS words."""

    hashes: tuple[int, ...]
    words: int


def sketch(data: bytes) -> Sketch | None:
    """Return the sketch of DATA, None where it is too short or too long to be compared."""
    if not _SHORTEST_DOCUMENT <= len(data) <= _MAX_BYTES:
        return None
    words = len(data.split())
    if words < MINIMUM_WORDS:
        return None
    lines = set(map(bytes.strip, data.splitlines()))
    hashes = set(map(zlib.crc32, (line for line in lines if len(line) >= _MINIMUM_LINE)))
    return Sketch(tuple(sorted(hashes)[:_SKETCH_SIZE]), words)


def candidate_pairs(sketches: Mapping[str, Sketch]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of documents whose sketches share a third or more, by path, at most a fixed number of them."""
    holders: dict[int, list[str]] = {}
    for path in sorted(sketches):
        for value in sketches[path].hashes:
            holders.setdefault(value, []).append(path)
    few = (paths for paths in holders.values() if len(paths) <= _MAX_SHARING)
    shared = Counter(chain.from_iterable(combinations(paths, 2) for paths in few))
    found = (pair for pair, count in shared.items() if _is_close(sketches[pair[0]], sketches[pair[1]], count))
    yield from sorted(found)[:_MAX_PAIRS]


def _is_close(first: Sketch, second: Sketch, shared: int) -> bool:
    """Tell whether two documents that SHARE so many hashes may be nearly the same."""
    enough = 3 * shared >= min(len(first.hashes), len(second.hashes))
    return enough and min(first.words, second.words) >= 0.8 * max(first.words, second.words)


def similarity(first: bytes, second: bytes) -> float:
    """Return the Jaccard index (0 to 1) of the five-word runs of two documents."""
    one, other = _shingles(first), _shingles(second)
    return len(one & other) / len(one | other) if one or other else 1.0


def _shingles(data: bytes) -> frozenset[tuple[bytes, ...]]:
    words = _WORD.findall(data.lower())
    return frozenset(zip(*(words[start:] for start in range(_SHINGLE)), strict=False))
