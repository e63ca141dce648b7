"""The first decision stands, and an approval is used once, whoever races for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopack.store.approvals import (
    StoredDecision,
    StoredRequest,
    add_request,
    add_requests,
    all_requests,
    consume,
    record_decision,
    requests_for_evidence,
    requests_of_run,
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
