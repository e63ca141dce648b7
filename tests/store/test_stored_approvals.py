"""The first decision stands, and an approval is used once, whoever races for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopack.errors import StaleError, UsageError
from autopack.store.approvals import (
    StoredDecision,
    StoredRequest,
    StoredRevocation,
    StoredVote,
    add_request,
    add_requests,
    all_requests,
    consume,
    get_request,
    latest_instant,
    record_decision,
    record_vote,
    requests_for_evidence,
    requests_of_run,
    revoke,
)
from autopack.store.database import Database, open_database


def _a_request(number: int, run_id: str = "run-1", evidence: str = "e") -> StoredRequest:
    action = f"action-{number:012x}"
    asked, ends = "2026-01-02T03:04:05Z", "2026-01-03T03:04:05Z"
    return StoredRequest(f"request-{number}", "sample", run_id, action, evidence, "{}", asked, ends, "subject")


def _a_decision(number: int, decision: str = "allow_once", by: str = "ada") -> StoredDecision:
    return StoredDecision(f"request-{number}", decision, by, "cli", "2026-01-02T03:04:06Z", "")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "autopack.db") as opened:
        yield opened


def test_the_first_decision_stands(database: Database) -> None:
    """A later decision, the same or the other, changes nothing and gets the first one back."""
    add_request(database, _a_request(1))
    first = record_decision(database, _a_decision(1, "reject_once"))
    assert record_decision(database, _a_decision(1, "allow_once", by="eve")) == first
    assert requests_of_run(database, "run-1")[0].decision == first


def test_asking_twice_stores_one_request(database: Database) -> None:
    """The same request stored again is one row, and its decision stays."""
    add_request(database, _a_request(1))
    record_decision(database, _a_decision(1))
    add_request(database, _a_request(1))
    assert len(requests_of_run(database, "run-1")) == 1
    assert all_requests(database, undecided=True) == ()


def test_an_approval_is_used_for_one_thing_and_a_rejection_for_none(database: Database) -> None:
    """An approval stands for the one use that took it, again after a kill, and for no other; what is rejected,
    undecided or unknown cannot be used at all."""
    for number in (1, 2, 3):
        add_request(database, _a_request(number))
    record_decision(database, _a_decision(1))
    record_decision(database, _a_decision(2, "reject_once"))
    uses = [consume(database, "request-1", use, "2026-01-02T03:04:07Z") for use in ("a", "b", "a", "b")]
    assert uses == [True, False, True, False]
    assert [consume(database, f"request-{number}", "a", "2026-01-02T03:04:07Z") for number in (2, 3, 4)] == [False] * 3
    assert [one.used_for for one in requests_of_run(database, "run-1")] == ["a", None, None]


def test_requests_are_found_by_action_and_evidence(database: Database) -> None:
    """The same action on the same evidence is found across runs; on other evidence it is not."""
    add_request(database, _a_request(1))
    add_request(database, StoredRequest(**{**vars(_a_request(1)), "request_id": "request-9", "run_id": "run-2"}))
    found = requests_for_evidence(database, project_id="sample", action_id="action-000000000001", evidence_digest="e")
    assert [one.run_id for one in found] == ["run-1", "run-2"]
    assert (
        requests_for_evidence(database, project_id="sample", action_id="action-000000000001", evidence_digest="other")
        == ()
    )


def _a_vote(person: str, decision: str = "allow_once", **changes: str) -> StoredVote:
    stated = {"decided_at": "2026-01-02T03:04:06Z", "reason": f"says {person}", "channel": "cli", **changes}
    return StoredVote(request_id="request-1", person=person, decision=decision, decided_by=person, **stated)


def _a_revocation(number: int = 1) -> StoredRevocation:
    return StoredRevocation(f"request-{number}", "bob", "2026-01-02T03:04:08Z", "too early")


def test_several_people_approve_together(database: Database) -> None:
    """Nothing stands before the last one that is needed; then all are named, with when the last one answered."""
    add_request(database, _a_request(1))
    assert record_vote(database, _a_vote("grace", "allow_always"), needed=3) is None
    assert record_vote(database, _a_vote("ada", channel="webhook", reason=""), needed=3) is None
    late = "2026-01-02T03:05:00Z"
    standing = record_vote(database, _a_vote("zoe", decided_at=late), needed=3)
    assert standing == StoredDecision(
        "request-1", "allow_once", "grace and ada and zoe", "cli+webhook", late, "says grace; says zoe"
    )
    assert requests_of_run(database, "run-1")[0].decision == standing


def test_people_who_agree_on_more_give_more(database: Database) -> None:
    """Where everybody answers `allow_always`, that is what stands."""
    add_request(database, _a_request(1))
    assert record_vote(database, _a_vote("ada", "allow_always"), needed=2) is None
    standing = record_vote(database, _a_vote("grace", "allow_always"), needed=2)
    assert standing is not None
    assert standing.decision == "allow_always"


def test_one_rejection_after_an_approval_decides(database: Database) -> None:
    """The rejection stands, in the name of whoever rejected."""
    add_request(database, _a_request(1))
    record_vote(database, _a_vote("ada"), needed=2)
    standing = record_vote(database, _a_vote("grace", "reject_once"), needed=2)
    assert standing is not None
    assert (standing.decision, standing.decided_by, standing.reason) == ("reject_once", "grace", "says grace")


@pytest.mark.parametrize(
    ("first", "then"),
    [("allow_once", "allow_always"), ("allow_always", "allow_once"), ("allow_once", "reject_once")],
)
def test_nobody_answers_twice_in_two_ways(database: Database, first: str, then: str) -> None:
    """The first answer of a person stands while others are missing; the same again changes nothing."""
    add_request(database, _a_request(1))
    assert record_vote(database, _a_vote("ada", first), needed=2) is None
    assert record_vote(database, _a_vote("ada", first), needed=2) is None
    with pytest.raises(UsageError, match=f"ada answered {first} before"):
        record_vote(database, _a_vote("ada", then), needed=2)
    assert requests_of_run(database, "run-1")[0].votes == 1


@pytest.mark.parametrize(
    ("instant", "open_still"),
    [("2026-01-03T03:04:04Z", True), ("2026-01-03T03:04:05Z", False), ("2027-01-01T00:00:00Z", False)],
)
def test_a_request_is_open_until_its_end(database: Database, instant: str, *, open_still: bool) -> None:
    """At its last instant, and ever after, nobody answers it, and the refusal names the end."""
    add_request(database, _a_request(1))
    if open_still:
        assert record_vote(database, _a_vote("ada", decided_at=instant), needed=1) is not None
        return
    with pytest.raises(StaleError, match="request-1 expired at 2026-01-03T03:04:05Z"):
        record_vote(database, _a_vote("ada", decided_at=instant), needed=1)


def test_a_request_without_an_end_and_an_unknown_one_are_refused(database: Database) -> None:
    """The first has expired, of the second nothing is known."""
    add_request(database, StoredRequest(**{**vars(_a_request(1)), "expires_at": ""}))
    with pytest.raises(StaleError, match="expired at an unstated time"):
        record_vote(database, _a_vote("ada"), needed=1)
    with pytest.raises(UsageError, match="There is no request request-2"):
        record_decision(database, _a_decision(2))


def test_what_one_use_has_taken_no_other_gets(database: Database) -> None:
    """Whichever name comes first in the alphabet."""
    add_request(database, _a_request(1))
    record_decision(database, _a_decision(1))
    assert [consume(database, "request-1", use, "2026-01-02T03:04:07Z") for use in "bacb"] == [True, False, False, True]


def test_a_request_is_taken_back_unless_it_was_used(database: Database) -> None:
    """After that nobody answers or uses it; the first who takes it back is on record; others are untouched."""
    for number in (1, 2, 3):
        add_request(database, _a_request(number))
        if number < 3:
            record_decision(database, _a_decision(number))
    consume(database, "request-2", "x", "2026-01-02T03:04:07Z")
    revoke(database, _a_revocation(1))
    revoke(database, StoredRevocation("request-1", "eve", "2026-01-02T03:04:09Z", ""))
    with pytest.raises(UsageError, match="request-2 was used for x"):
        revoke(database, _a_revocation(2))
    with pytest.raises(UsageError, match="There is no request request-4"):
        revoke(database, _a_revocation(4))
    assert [one.revocation for one in requests_of_run(database, "run-1")] == [_a_revocation(1), None, None]
    assert not consume(database, "request-1", "x", "2026-01-02T03:04:09Z")
    revoke(database, _a_revocation(3))
    with pytest.raises(StaleError, match="request-3 was revoked by bob"):
        record_decision(database, _a_decision(3))


def test_a_request_is_found_by_its_id(database: Database) -> None:
    """That one and no other; what is unknown is not found."""
    for number in (1, 2):
        add_request(database, _a_request(number))
    found = get_request(database, "request-2")
    assert found == _a_request(2)
    assert get_request(database, "request-3") is None


def test_the_clock_of_the_store_never_goes_back(database: Database) -> None:
    """The latest instant that anything was stored at, or the present where that is later."""
    early, later = "2026-01-02T03:04:04Z", "2026-01-02T03:04:06Z"
    assert latest_instant(database, early) == early
    add_request(database, _a_request(1))
    assert latest_instant(database, early) == "2026-01-02T03:04:05Z"
    assert latest_instant(database, later) == later


_APPROVER = """
import sys
from pathlib import Path
from autopack.store.approvals import StoredDecision, consume, record_decision
from autopack.store.database import open_database
who, decision = sys.argv[2], sys.argv[3]
with open_database(Path(sys.argv[1])) as database:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(1_000):
        mine = StoredDecision(f"request-{number}", decision, who, "cli", "2026-01-02T03:04:06Z", "")
        stands = record_decision(database, mine)
        used = consume(database, f"request-{number}", who, "2026-01-02T03:04:07Z")
        print(number, stands.decided_by, stands.decision, used)
"""


def test_two_approvers_at_once_agree_on_a_thousand_decisions(tmp_path: Path) -> None:
    """Two processes decide 1,000 requests in opposite ways at the same time: both see the same decision on each, and
    each approval is used by exactly one of them."""
    path = tmp_path / "autopack.db"
    with open_database(path) as database:
        add_requests(database, map(_a_request, range(1_000)))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _APPROVER, str(path), who, decision],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for who, decision in (("ada", "allow_once"), ("eve", "reject_once"))
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    ada, eve = ([line.split() for line in process.communicate()[0].splitlines()] for process in processes)

    assert len(ada) == len(eve) == 1_000
    for one, other in zip(ada, eve, strict=True):
        assert one[:3] == other[:3]
        assert [one[3], other[3]].count("True") == (1 if one[2] == "allow_once" else 0)
