"""The answer of an earlier scan, given again where nothing that it follows from has changed.

`scan --write` leaves the answers of a plain `scan` in the git folder; `repeated` gives one of them back and loads no
detector and no framework. Whether anything has changed is for `gaps.sources.standing` to say, with the machine's state
(locks, databases being written) asked anew each time. Any doubt means that the scan is done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from autopack.clock import Clock, SystemClock
from autopack.config import BASELINE_FILE, inherited_environment, secret_environment_values
from autopack.gaps.sources.asked import Asked, Unclear
from autopack.gaps.sources.standing import (
    COMPARES_LOOSELY,
    STAMPS_CAN_LIE,
    Place,
    Standing,
    ask,
    find,
    ruling,
    stamps,
    standing,
)
from autopack.gaps.storage import read_answer, write_rows

if TYPE_CHECKING:
    from autopack.gaps.state import Snapshot
    from autopack.reporting.look import Look
    from autopack.reporting.view import View

_FINE_MARGIN, _COARSE_MARGIN = 100_000_000, 2_000_000_000
"""Nanoseconds by which a file must be older than the scan to be known by its stamp: a later change within one tick of
the file system's clock would have the same. The coarse one is for file systems that count in whole seconds."""
_PASSING = ("it vanished", "it cannot be read", "the database's locks")
"""Reasons for not looking that may be gone the next time, though nothing has changed."""


@dataclass(frozen=True)
class Repeated:
    """What a scan said, to the byte."""

    stdout: str
    stderr: str
    worst: tuple[str, ...]
    """The risks of the gaps that no baseline accepts."""
    risks: tuple[str, ...]
    """All risks, the worst first."""


@dataclass(frozen=True)
class Watched:
    """How things stood before a scan began."""

    place: Place
    before: Standing
    started: float
    """Seconds since the epoch."""


def variant(look: Look | None) -> str:
    """Return the name of an answer: as text for a screen, or (None) as JSON."""
    return "json" if look is None else f"text {json.dumps(asdict(look), sort_keys=True)}"


def repeated(
    place: Place, asked: Asked, screen: Callable[[str], Look] | None = None, clock: Clock | None = None
) -> Repeated | None:
    """Return what a plain scan of PLACE, which git was ASKED about, would say, None where that has to be found out: as
    JSON, or as text for the SCREEN of the person, which is told the folder that links lead into."""
    record = _record(place)
    if record is None:
        return None
    name = variant(None if screen is None else screen(str(place.root)))
    if name not in record["texts"]:
        return None
    with suppress(Unclear, OSError):
        now, _ = stamps(place.root, record["paths"])
        found = standing(place, asked, inherited_environment())
        same = (found.digest, now, _today(place, clock or SystemClock()))
        if same != (record["standing"], record["stamps"], record["today"]):
            return None
        if _probes(place, found, record, clock or SystemClock()) == record["facts"]:
            return None if _holds_a_secret(record["strings"]) else _answer(record, name)
    return None


def watch(start: Path, asked: Asked | None = None, clock: Clock | None = None) -> Watched | None:
    """Return how the repository around START stands, None where that cannot be told in the short way.

    Where git was ASKED about it before, that is how it stood then: so the scan will see it.
    """
    started = (clock or SystemClock()).now().timestamp()
    place = find(start)
    if place is None:
        return None
    with suppress(Unclear):
        if asked is not None and asked.is_about(place.root):
            return Watched(place, standing(place, asked, inherited_environment()), min(started, asked.started))
        return Watched(place, standing(place, ask(place), inherited_environment()), started)
    return None


def remember(
    watched: Watched, snapshot: Snapshot, view: View, looks: Sequence[Look], clock: Clock | None = None
) -> None:
    """Keep what a plain scan says of SNAPSHOT (VIEW, for each of LOOKS), if nothing has changed while it was made."""
    from autopack.artifacts.model import RISKS
    from autopack.artifacts.redaction import has_masked_a_registered_value
    from autopack.gaps.sources.databases import lock_candidates

    place = watched.place
    passing = any(note.reason.startswith(_PASSING) for note in snapshot.not_looked_at)
    if has_masked_a_registered_value() or passing or snapshot.failures:
        return
    paths = _known_by_stamp(place, watched.before, snapshot)
    with suppress(Unclear, OSError, UnicodeEncodeError):
        stamped, latest = stamps(place.root, paths)
        margin = _FINE_MARGIN if latest % 1_000_000_000 else _COARSE_MARGIN
        after = standing(place, ask(place), inherited_environment())
        if after != watched.before or latest > watched.started * 1e9 - margin or (paths and STAMPS_CAN_LIE):
            return
        record: dict[str, Any] = {
            "standing": after.digest,
            "stamps": stamped,
            "today": _today(place, clock or SystemClock()),
            "databases": [fact.path for fact in snapshot.databases if fact.path not in snapshot.ignored],
            "locks": lock_candidates(path for path, file in snapshot.files.items() if file.link_target or file.sha256),
            "strings": json.dumps([view.report.document(), sorted(view.lines.values())], ensure_ascii=False),
            "texts": _texts(view, looks),
            "worst": sorted({gap.risk_classification for gap in view.new}),
            "risks": RISKS,
        }
        record["facts"] = _probes(place, after, record, clock or SystemClock())
        if record["facts"] == [repr(fact) for fact in (*snapshot.databases, *snapshot.tree_locks)]:
            content = json.dumps(record).encode() + b"\n" + b"\0".join(paths)
            write_rows(place.common, "answers", [(_name(place), content)])


def _known_by_stamp(place: Place, before: Standing, snapshot: Snapshot) -> list[bytes]:
    """Return the files that git calls unchanged though their bytes may be others than the object's."""
    from autopack.gaps.sources.listing import encode
    from autopack.gaps.sources.recall import CONVERTING

    loosely = COMPARES_LOOSELY.search(place.configuration) is not None
    found = {
        encode(path)
        for path, file in snapshot.files.items()
        if file.tracked
        and file.sha256 is not None
        and (loosely or not CONVERTING.isdisjoint(snapshot.attributes.get(path, ())))
    }
    base = os.fsencode(place.root) + b"/"
    return sorted(found.union(path for path in ruling(before.listing) if os.path.lexists(base + path)))


def _texts(view: View, looks: Sequence[Look]) -> dict[str, tuple[str, str]]:
    """Return the variants of the answer: (stdout, stderr)."""
    from autopack.artifacts.canonical import canonical_bytes
    from autopack.reporting.text import render
    from autopack.reporting.view import in_one_line

    document = canonical_bytes(view.report.document()).decode() + "\n"
    texts = {variant(None): (document, in_one_line(view) + "\n")}
    return texts | {variant(look): (render(view, look), "") for look in looks}


def _name(place: Place) -> str:
    return f"unchanged {place.root}"


def _record(place: Place) -> dict[str, Any] | None:
    content = read_answer(place.common, _name(place))
    if content is None:
        return None
    head, _, paths = content.partition(b"\n")
    record: dict[str, Any] = json.loads(head)
    record["paths"] = paths.split(b"\0") if paths else []
    return record


def _answer(record: Mapping[str, Any], name: str) -> Repeated:
    stdout, stderr = record["texts"][name]
    return Repeated(stdout, stderr, tuple(record["worst"]), tuple(record["risks"]))


def _today(place: Place, clock: Clock) -> str | None:
    """Return the date where the answer depends on it: findings are accepted until a day."""
    return clock.now().date().isoformat() if (place.root / BASELINE_FILE).exists() else None


def _probes(place: Place, found: Standing, record: Mapping[str, Any], clock: Clock) -> list[str]:
    """Return what the machine says about databases and locks in the tree, in the order of a scan."""
    files = [path for path in found.ignored if not path.endswith("/")]
    if not (files or record["databases"] or record["locks"]):
        return []
    from autopack.gaps.sources.databases import examine, hidden_databases, locks_among

    databases = sorted({*record["databases"], *hidden_databases(place.root, files)})
    locks = locks_among(place.root, (*record["locks"], *found.ignored), now=clock.now().timestamp())
    return [repr(fact) for fact in (*(examine(place.root, path) for path in databases), *locks)]


def _holds_a_secret(strings: str) -> bool:
    """Tell whether this environment would mask something in STRINGS (JSON), which another environment did not."""
    values: Iterable[str] = secret_environment_values(inherited_environment())
    return any(
        json.dumps(spelling, ensure_ascii=False)[1:-1] in strings
        for value in values
        for spelling in (value, json.dumps(value)[1:-1], quote(value, safe="", errors="replace"))
    )
