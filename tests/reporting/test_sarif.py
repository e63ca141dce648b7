"""SARIF: the standard's schema, what GitHub and editors read, baseline states and suppressions."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from jsonschema import Draft7Validator

from autopack.gaps.fingerprints import fingerprint
from autopack.reporting.sarif import render
from autopack.reporting.view import View
from report_views import a_gap, a_report, everything, hostile

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif_2.1.0.schema.json").read_text("utf-8"))


def faults(document: Any) -> list[str]:
    """Return what the schema finds wrong."""
    return [error.message for error in Draft7Validator(SCHEMA).iter_errors(document)]


@pytest.mark.parametrize("view", [everything, hostile, lambda: View(a_report())], ids=["all", "hostile", "clean"])
def test_a_report_follows_the_standard(view: Callable[[], View]) -> None:
    """Whatever is in the report, the schema of SARIF 2.1.0 accepts the log, and its rules are referred to by index."""
    log = json.loads(render(view()))
    assert faults(log) == []
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda run: run["results"][0].pop("message"),
        lambda run: run["results"][0].update(level="bad"),
        lambda run: run["results"][0].update(baselineState="old"),
        lambda run: run["results"][-1].update(level="error"),
        lambda run: run["results"][0]["locations"][0]["physicalLocation"]["region"].update(startLine=0),
        lambda run: run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"].update(uri="a b"),
        lambda run: run["results"][2]["suppressions"][0].update(kind="inline"),
        lambda run: run.pop("tool"),
    ],
)
def test_the_schema_notices_what_the_standard_forbids(spoil: Callable[[Any], object]) -> None:
    """The check itself sees a missing message, wrong words, line 0 and a URI with a blank."""
    log = json.loads(render(everything()))
    spoiled = copy.deepcopy(log)
    spoil(spoiled["runs"][0])
    assert faults(spoiled) != []


def test_new_known_suppressed_and_gone_findings_are_told_apart() -> None:
    """With a baseline every result has a state; what is accepted or suppressed says why."""
    results = json.loads(render(everything()))["runs"][0]["results"]
    shown = [
        (result["ruleId"], result["baselineState"], [one["justification"] for one in result.get("suppressions", [])])
        for result in results
    ]
    assert shown == [
        ("doc_drift/broken-link", "unchanged", ["older than the check"]),
        ("git_state_corruption/conflict-markers", "new", []),
        ("doc_drift/broken-link", "unchanged", ["made by the release"]),
        ("doc_drift/broken-link", "absent", []),
    ]
    assert [one["kind"] for one in results[2]["suppressions"]] == ["inSource"]


def test_without_a_baseline_there_is_no_state() -> None:
    """The standard wants a state on every result or on none."""
    results = json.loads(render(View(a_report(a_gap(1), a_gap(2)))))["runs"][0]["results"]
    assert not any("baselineState" in result for result in results)
    assert [result["partialFingerprints"] for result in results] == [
        {"autopack/v1": fingerprint(a_gap(1))},
        {"autopack/v1": fingerprint(a_gap(2))},
    ]


def test_a_name_that_is_no_uri_is_escaped_and_comes_back() -> None:
    """Blanks and letters beyond ASCII are percent-encoded UTF-8, relative to the root."""
    result = json.loads(render(everything()))["runs"][0]["results"][1]
    location = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": "%C3%A4%20b.txt", "uriBaseId": "SRCROOT"}
    assert unquote(location["uri"]) == "ä b.txt"
    assert [one["physicalLocation"]["region"]["startLine"] for one in result["relatedLocations"]] == [9]


def test_what_was_not_looked_at_is_a_notification() -> None:
    """A scan that saw less says so in the log, too."""
    (invocation,) = json.loads(render(everything()))["runs"][0]["invocations"]
    assert invocation["toolExecutionNotifications"] == [
        {"level": "warning", "message": {"text": "not looked at: big.txt: too large"}}
    ]
