"""What the logs of a run say about the repository: pure functions of their bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from autopack.gaps.excerpts import Places
from autopack.gaps.models import Evidence

Fault = Literal["locked", "encoding"]

_FAULTS: Final[tuple[tuple[Fault, re.Pattern[bytes]], ...]] = (
    (
        "locked",
        re.compile(
            rb"^(?:E[ \t]{1,8})?[\w.]{0,80}(?:Error|Exception|Detected)\b[^\n]{0,80}?"
            rb"(?:\bdatabase (?:table |schema )?is locked|\bdeadlock detected|\bDeadlock found when trying)",
            re.MULTILINE,
        ),
    ),
    (
        "encoding",
        re.compile(
            rb"^(?:E[ \t]{1,8})?(?:UnicodeEncodeError: '(?:charmap|ascii)' codec can't encode"
            rb"|UnicodeDecodeError: 'charmap' codec can't decode)",
            re.MULTILINE,
        ),
    ),
)
"""Lines on which Python, pytest, SQLAlchemy, Node.js and Django's tests print such an exception; prose about it starts
otherwise."""
_MOST_PLACES = 20


@dataclass(frozen=True)
class ToldFault:
    """A fault of the repository that the output of a failed check tells of, with the places."""

    fault: Fault
    log: str
    """Path of the output from the root."""
    places: tuple[Evidence, ...]


@dataclass(frozen=True)
class ShortRecall:
    """A call to the ledgers that got less than the one entry that it most needed."""

    entry: str | None
    """None: the whole call was refused."""
    asked: int
    given: int
    place: Evidence


def told_faults(log: str, data: bytes) -> Iterator[ToldFault]:
    """Yield the faults that DATA, the output of a failed check at the path LOG, tells of."""
    places = Places(log, data)
    for fault, pattern in _FAULTS:
        found = [match.start() for match in pattern.finditer(data)][:_MOST_PLACES]
        if found:
            yield ToldFault(fault, log, tuple(places.at(offset) for offset in found))


def short_recalls(log: str, data: bytes) -> Iterator[ShortRecall]:
    """Yield the calls that the budget log DATA at the path LOG records and that the caps cut short.

    That the last of many entries does not fit is how a cap works, and no shortfall; that the first, the most relevant
    one, does not fit, or that nothing was left to give, is.
    """
    places = Places(log, data)
    remaining: int | None = None
    for number, line in enumerate(documents(data), 1):
        asked, given, left = (_count(line, f"tokens_{name}") for name in ("asked", "given", "remaining"))
        if line.get("event") != "recall" or asked is None or given is None or left is None:
            remaining = None
            continue
        entry = line.get("entry")
        starts_a_call = remaining != given + left
        remaining = left
        if entry is None:
            stated = _count(line, "token_cap_per_call") and _count(line, "token_cap_global")
            if stated and "tokens are left" in str(line.get("reason")):
                yield ShortRecall(None, 0, 0, places.at_line(number))
            remaining = None
        elif starts_a_call and line.get("decision") in {"truncate", "refuse"}:
            yield ShortRecall(str(entry), asked, given, places.at_line(number))


def documents(data: bytes) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON object on each line of DATA, an empty one for a line that holds none (a torn one)."""
    for line in data.splitlines():
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            document = None
        yield document if isinstance(document, dict) else {}


def _count(line: Mapping[str, Any], name: str) -> int | None:
    value = line.get(name)
    return value if type(value) is int and value >= 0 else None
