"""Which tests check something: what is run, handed over or waited for on a test's behalf, and what only looks so."""

from __future__ import annotations

from autopack.gaps.detectors.test_infra_drift import DETECTOR
from gap_reports import report_of, seen
from repositories import MakeRepository

ASSERTS_NOTHING = ["asserts-nothing tests/test_x.py"]


def places(make_repository: MakeRepository, files: dict[str, str], name: str = "repo") -> list[str]:
    """Return each gap as `rule path`, without its line."""
    return [place.rpartition(":")[0] for place in seen(report_of(make_repository(files, name), DETECTOR).gaps)]


def test_a_teardown_of_another_class_does_not_check(make_repository: MakeRepository) -> None:
    """A test's class runs its own `tearDown`; that one in a module that it sees asserts in its own changes nothing."""
    other = "class Environment:\n    def tearDown(self):\n        assert restored()\n\ndef total():\n    return 3\n"
    test = (
        "from unittest import TestCase\nfrom tests.tools import total\n\nclass TestX(TestCase):\n"
        "    def tearDown(self):\n        self.patcher.stop()\n\n    def test_a(self):\n        work(total())\n"
    )
    files = {"tests/tools.py": other, "tests/test_x.py": test}
    assert places(make_repository, files) == ASSERTS_NOTHING
    files["tests/test_x.py"] = test.replace("self.patcher.stop()", "assert stopped()")
    assert places(make_repository, files, "own") == []
