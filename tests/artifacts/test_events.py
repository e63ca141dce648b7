"""The event log: every line names the one before, and nothing can be changed, left out or torn unnoticed."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autopack.artifacts.events import RECOVERED, START, EventLog, append_event, append_events, read_events
from autopack.clock import FixedClock
from autopack.errors import EnvironmentFault

CLOCK = FixedClock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def a_log(folder: Path, lines: int = 4) -> Path:
    path = folder / "logs/events.ndjson"
    for number in range(lines):
        append_event(path, "verdict", {"number": number}, CLOCK)
    return path


def test_events_are_chained_from_the_first(tmp_path: Path) -> None:
    """Each event has the next number and names the digest of the line before it."""
    log = read_events(a_log(tmp_path))
    assert log.fault == ""
    assert [event.seq for event in log.events] == [1, 2, 3, 4]
    assert [event.previous for event in log.events] == [START, *(event.digest for event in log.events[:-1])]
    assert log.events[2].details == {"number": 2}


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    """A run without events has a whole, empty log."""
    assert read_events(tmp_path / "none").events == ()
    assert read_events(tmp_path / "none").fault == ""


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("edit", "line 3 does not follow from event 2"),
        ("drop", "line 2 is event 3 where event 2 belongs"),
        ("swap", "line 2 is event 3 where event 2 belongs"),
        ("repeat", "line 3 is event 2 where event 3 belongs"),
        ("blank", "line 2 is no event"),
        ("spaces", "line 2 is no event"),
        ("extra key", "line 2 is no event"),
        ("tear", "line 4 is torn"),
    ],
)
def test_whatever_is_changed_is_named(tmp_path: Path, what: str, names: str) -> None:
    """An edited, dropped, swapped, repeated, emptied, reformatted, widened or torn line is the first fault named."""
    path = a_log(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    second = lines[1]
    changed = {
        "edit": [lines[0], second.replace(b'"number":1', b'"number":7'), *lines[2:]],
        "drop": [lines[0], *lines[2:]],
        "swap": [lines[0], lines[2], second, lines[3]],
        "repeat": [*lines[:2], second, *lines[2:]],
        "blank": [lines[0], b"\n", *lines[2:]],
        "spaces": [lines[0], second.replace(b":", b": ", 1), *lines[2:]],
        "extra key": [lines[0], second.replace(b'{"at"', b'{"a":1,"at"'), *lines[2:]],
        "tear": [*lines[:3], lines[3][:-9]],
    }[what]
    path.write_bytes(b"".join(changed))
    assert names in read_events(path).fault


def test_a_log_whose_writer_was_killed_at_once_is_read(tmp_path: Path) -> None:
    """A file that was made and not written to holds nothing; one with the beginning of a line says so."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"")
    assert read_events(path) == EventLog((), "")
    path.write_bytes(b'{"seq')
    assert read_events(path) == EventLog((), "line 1 is torn: 5 bytes without an end")


def test_a_torn_line_is_named_by_the_next_writer(tmp_path: Path) -> None:
    """After a kill in the middle of a line the log goes on, holds the torn bytes still, and says what they are."""
    path = a_log(tmp_path)
    path.write_bytes(path.read_bytes()[:-9])
    append_event(path, "verdict", {"number": 9}, CLOCK)
    log = read_events(path)
    assert (log.fault, log.torn) == ("", (4,))
    assert [event.event for event in log.events[-2:]] == [RECOVERED, "verdict"]
    assert [event.seq for event in log.events] == [1, 2, 3, 4, 5]
    append_event(path, "verdict", {"number": 10}, CLOCK)
    assert read_events(path).fault == ""


def test_a_line_cut_anywhere_never_breaks_the_log(tmp_path: Path) -> None:
    """Wherever the last line is cut, the log is whole again after the next event."""
    whole = a_log(tmp_path, 2).read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        path = tmp_path / f"{cut}.ndjson"
        path.write_bytes(whole[:cut])
        append_event(path, "verdict", {}, CLOCK)
        log = read_events(path)
        assert log.fault == "", cut
        assert log.events[-1].event == "verdict"


def test_a_torn_line_cannot_be_claimed_for_another(tmp_path: Path) -> None:
    """A whole event does not become a torn one because a recovery follows it."""
    path = a_log(tmp_path)
    path.write_bytes(path.read_bytes()[:-9])
    append_event(path, "verdict", {}, CLOCK)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b"something else\n", *lines[4:]]))
    assert "line 4 is no event" in read_events(path).fault


def test_many_writers_make_one_chain(tmp_path: Path) -> None:
    """Threads and processes that write at once leave one whole chain with every event in it."""
    path = tmp_path / "events.ndjson"
    code = (
        "import sys;from pathlib import Path;from autopack.artifacts.events import append_event;"
        "from autopack.clock import SystemClock\n"
        "for n in range(20): append_event(Path(sys.argv[1]), 'process', {'n': n}, SystemClock())"
    )
    others = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: append_event(path, "thread", {"n": number}, CLOCK), range(40)))
    assert [other.wait() for other in others] == [0, 0]
    log = read_events(path)
    assert (log.fault, len(log.events)) == ("", 80)


def test_long_events_are_found_again(tmp_path: Path) -> None:
    """An event longer than one block of reading is still the end of the chain."""
    path = tmp_path / "events.ndjson"
    append_events(path, [("long", {"text": "word " * 60_000}), ("short", {})], CLOCK)
    append_events(path, [("long", {"text": "word " * 60_000})], CLOCK)
    append_event(path, "last", {}, CLOCK)
    assert [event.seq for event in read_events(path).events] == [1, 2, 3, 4]


def test_secrets_are_masked_at_every_depth(tmp_path: Path) -> None:
    """What looks like a secret is not written down, however deep it lies."""
    secret = "ghp_" + "a1B2" * 9
    path = tmp_path / "events.ndjson"
    append_event(path, "x", {"a": {"b": [secret]}, secret: (f"token {secret}",)}, CLOCK)
    assert secret.encode() not in path.read_bytes()


def test_a_link_in_place_of_the_log_is_refused(tmp_path: Path) -> None:
    """Events are never written through a symbolic link."""
    target = tmp_path / "target"
    target.write_text("")
    (tmp_path / "events.ndjson").symlink_to(target)
    with pytest.raises(EnvironmentFault):
        append_event(tmp_path / "events.ndjson", "x", {}, CLOCK)
    assert target.read_text() == ""


def test_nothing_to_say_writes_nothing(tmp_path: Path) -> None:
    """No events, no file."""
    append_events(tmp_path / "events.ndjson", [], CLOCK)
    assert not (tmp_path / "events.ndjson").exists()
