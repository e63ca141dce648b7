"""The scanner turns findings into a sorted, sealed report, and no defect of a detector is ever silent."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from autopack.gaps.detector import Detector, Finding, Rule
from autopack.gaps.detectors import all_detectors
from autopack.gaps.models import GAP_TYPES, Evidence
from autopack.gaps.scanner import scan
from autopack.gaps.snapshot import take_snapshot
from autopack.gaps.sources import workers
from autopack.gaps.state import Snapshot
from gap_reports import report_of, seen
from repositories import MakeRepository, commit_all, write_files

RULE = Rule("long-line", "low", "high", False, "A line is long.", "It is hard to read.", "Break it.")


def found(snapshot: Snapshot) -> Iterable[Finding]:
    for path in reversed(snapshot.files):
        yield Finding("long-line", f"{path} is long", (path,), (Evidence(path=path, line=2),))


WORKING = Detector(gap_type="doc_drift", rules=(RULE,), detect=found)


def fail(*_: object) -> None:
    raise ZeroDivisionError


def test_gaps_are_sorted_counted_and_sealed(make_repository: MakeRepository) -> None:
    """Whatever the order of findings, the report is sorted, counts them, and carries the id of its content."""
    repository = make_repository({"b.txt": "x", "a.txt": "y", "sub/c.txt": "z"})
    report = report_of(repository, replace(WORKING, gap_type="sot_duplicate"), WORKING)
    assert [f"{gap.gap_type} {place}" for gap, place in zip(report.gaps, seen(report.gaps), strict=True)] == [
        "doc_drift long-line a.txt:2",
        "doc_drift long-line b.txt:2",
        "doc_drift long-line sub/c.txt:2",
        "sot_duplicate long-line a.txt:2",
        "sot_duplicate long-line b.txt:2",
        "sot_duplicate long-line sub/c.txt:2",
    ]
    assert report.summary.document() == {
        "total": 6,
        "blocking": 0,
        "by_risk": {"critical": 0, "high": 0, "medium": 0, "low": 6, "info": 0},
        "by_type": [{"gap_type": "doc_drift", "count": 3}, {"gap_type": "sot_duplicate", "count": 3}],
    }
    assert report.gap_report_id == report.expected_id()


def test_a_finding_can_be_worse_than_its_rule(make_repository: MakeRepository) -> None:
    """A finding's own risk and blocking win over those of its rule."""
    finding = Finding("long-line", "Very long", ("x",), (), risk="high", blocks_autopilot=True)
    (gap,) = report_of(make_repository(), replace(WORKING, detect=lambda snapshot: [finding, finding])).gaps
    assert (gap.risk_classification, gap.blocks_autopilot) == ("high", True)


def test_a_detector_that_fails_blocks_and_is_named(make_repository: MakeRepository) -> None:
    """A crash in any function of a detector is a critical gap of its type; the other detectors still speak."""
    repository = make_repository({"a.txt": "x"})
    broken = replace(WORKING, gap_type="root_clutter")
    for function in ("detect", "extract", "history_candidates"):
        report = report_of(repository, replace(broken, **{function: fail}), WORKING)
        crash, other = sorted(report.gaps, key=lambda gap: gap.gap_type, reverse=True)
        assert (crash.rule_id, crash.title) == ("root_clutter/detector-failed", "The detector root_clutter failed")
        assert (crash.risk_classification, crash.blocks_autopilot) == ("critical", True)
        where = " over a.txt" if function == "extract" else ""
        assert crash.detection_signals == (f"ZeroDivisionError in `{function}`{where}",)
        assert other.gap_type == "doc_drift"


def test_a_finding_of_an_unknown_rule_is_a_failure(make_repository: MakeRepository) -> None:
    """A detector that names a rule which it does not have has failed."""
    finding = Finding("no-such-rule", "What?", ("x",), ())
    (gap,) = report_of(make_repository(), replace(WORKING, detect=lambda snapshot: [finding])).gaps
    assert gap.rule_id == "doc_drift/detector-failed"


def test_names_that_are_no_text_reach_the_report_escaped(make_repository: MakeRepository) -> None:
    """Arbitrary bytes in a name neither break the ids nor the JSON."""
    repository = make_repository({"a.txt": "x"})
    Path(f"{repository}/caf\udce9.txt").write_bytes(b"x")
    report = report_of(repository, WORKING)
    assert seen(report.gaps) == ["long-line a.txt:2", "long-line caf\\xe9.txt:2"]
    assert report.gap_report_id == report.expected_id()


def test_two_processes_bring_home_what_one_does(make_repository: MakeRepository) -> None:
    """Reading with a second process changes nothing, not even when a detector fails in either of them."""
    count = 2 * workers.FILES_PER_PROCESS + 5
    repository = make_repository({f"{number // 50}/{number}.txt": f"{number}" for number in range(count)})
    commit_all(repository)

    def extract(path: str, data: bytes) -> object:
        return 1 // (int(data) - 60) if 55 < int(data) < 65 else len(data)

    for detector in (replace(WORKING, extract=lambda path, data: len(data)), replace(WORKING, extract=extract)):
        together = take_snapshot(repository, [detector])
        alone = take_snapshot_alone(repository, detector)
        assert together.state_digest == alone.state_digest
        assert together.failures == alone.failures
        assert list(together.facts["doc_drift"].items()) == list(alone.facts["doc_drift"].items()) or alone.failures
        reports = [scan(each, project_id="p", run_id="r", detectors=[detector]) for each in (together, alone)]
        assert reports[0] == reports[1]


def take_snapshot_alone(repository: Path, detector: Detector) -> Snapshot:
    """Take a snapshot while another thread lives, which forbids forking."""
    done = threading.Event()
    companion = threading.Thread(target=done.wait)
    companion.start()
    try:
        return take_snapshot(repository, [detector])
    finally:
        done.set()
        companion.join()


def test_a_reader_that_dies_is_replaced(make_repository: MakeRepository) -> None:
    """When the second process is killed, the first one reads its files too."""
    count = 2 * workers.FILES_PER_PROCESS
    repository = make_repository({f"{number}.txt": f"{number}" for number in range(count)})
    parent = os.getpid()

    def extract(path: str, data: bytes) -> object:
        if os.getpid() != parent:
            os._exit(9)
        return len(data)

    snapshot = take_snapshot(repository, [replace(WORKING, extract=extract)])
    assert len(snapshot.facts["doc_drift"]) == len(snapshot.files) == count


def test_the_shipped_detectors_are_listed_by_name() -> None:
    """Every detector has its gap type for a name, and the list is in name order."""
    names = [detector.gap_type for detector in all_detectors()]
    assert names == sorted(names)
    assert set(names) <= set(GAP_TYPES)
    assert [detector.detect.__module__.rpartition(".")[2] for detector in all_detectors()] == names


def test_the_scanned_repository_cannot_add_a_detector(
    make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package of the same name in the scanned repository or the current folder is not looked at."""
    repository = make_repository({"autopack/gaps/detectors/evil.py": "raise SystemExit(9)\n"})
    write_files(repository, {"sitecustomize.py": "raise SystemExit(9)\n"})
    monkeypatch.chdir(repository)
    all_detectors.cache_clear()
    assert "evil" not in [detector.gap_type for detector in all_detectors()]
