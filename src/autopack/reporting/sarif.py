"""The report as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), for code scanning and editors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from autopack.gaps.baseline import AcceptedFinding
from autopack.gaps.fingerprints import VERSION, fingerprint
from autopack.gaps.models import Evidence, Gap, NotLookedAt
from autopack.gaps.suppressions import Suppressed
from autopack.reporting.view import View

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "SRCROOT"
_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
_RANKS = {"critical": 95.0, "high": 80.0, "medium": 50.0, "low": 20.0, "info": 5.0}


def render(view: View) -> str:
    """Return one SARIF log with one run: every gap, the suppressed ones, and with a baseline what is new and gone."""
    gone = view.comparison.gone if view.comparison is not None else ()
    rules = _rules([*view.report.gaps, *(one.gap for one in view.suppressed)], gone)
    indices = {rule["id"]: index for index, rule in enumerate(rules)}
    results = [_result(gap, view, indices) for gap in view.report.gaps]
    results += [_suppressed(one, view, indices) for one in view.suppressed]
    results += [_absent(entry, indices) for entry in gone]
    metadata = view.report.metadata
    run = {
        "tool": {"driver": {"name": "autopack", "version": metadata.scanner_version, "rules": rules}},
        "automationDetails": {"id": "autopack/scan/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [_notification(note) for note in metadata.scan_incomplete],
            }
        ],
        "results": results,
        "properties": {
            "gap_report_id": view.report.gap_report_id,
            "base_commit": metadata.base_commit,
            "workspace_state_digest": view.report.workspace_state_digest,
        },
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    # Without indentation: readers refuse files of more than some megabytes, and the fast encoder knows no indentation.
    return json.dumps(log, ensure_ascii=False, separators=(",", ":")) + "\n"


def _rules(gaps: Sequence[Gap], gone: Sequence[AcceptedFinding]) -> list[dict[str, Any]]:
    """Return a descriptor for each rule that has a result, by id."""
    first: dict[str, Gap] = {}
    for gap in gaps:
        first.setdefault(gap.rule_id, gap)
    names = sorted({*first, *(entry.rule_id for entry in gone)})
    return [_descriptor(first[name]) if name in first else {"id": name} for name in names]


def _descriptor(gap: Gap) -> dict[str, Any]:
    return {
        "id": gap.rule_id,
        "name": "".join(part.capitalize() for part in gap.rule_id.partition("/")[2].split("-")),
        "shortDescription": {"text": gap.detection_signals[0]},
        "fullDescription": {"text": gap.why_it_matters},
        "help": {"text": f"{gap.how_to_fix}\nautopack explain {gap.rule_id}"},
        "properties": {"precision": _precision(gap), "tags": [gap.gap_type]},
    }


def _precision(gap: Gap) -> str:
    return {"high": "very-high", "medium": "high", "low": "low"}[gap.confidence]


def _result(gap: Gap, view: View, indices: dict[str, int]) -> dict[str, Any]:
    places = [evidence for evidence in view.new_places_first(gap).evidence if evidence.path is not None]
    result: dict[str, Any] = {
        "ruleId": gap.rule_id,
        "ruleIndex": indices[gap.rule_id],
        "level": _LEVELS[gap.risk_classification],
        "rank": _RANKS[gap.risk_classification],
        "message": {"text": gap.title},
        "locations": [{"physicalLocation": _location(evidence)} for evidence in places[:1]],
        "partialFingerprints": {VERSION: fingerprint(gap)},
        "properties": {
            "gap_id": gap.gap_id,
            "risk": gap.risk_classification,
            "confidence": gap.confidence,
            "blocks_autopilot": gap.blocks_autopilot,
        },
    }
    if len(places) > 1:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _location(evidence)} for number, evidence in enumerate(places[1:], 1)
        ]
    if view.comparison is not None:
        result["baselineState"] = view.comparison.state(gap)
        entry = view.accepted(gap)
        if entry is not None:
            result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": entry.reason}]
    return result


def _suppressed(one: Suppressed, view: View, indices: dict[str, int]) -> dict[str, Any]:
    result = _result(one.gap, view, indices)
    if view.comparison is not None:
        result["baselineState"] = "unchanged"
    result["suppressions"] = [{"kind": one.kind, "status": "accepted", "justification": one.reason}]
    return result


def _absent(entry: AcceptedFinding, indices: dict[str, int]) -> dict[str, Any]:
    location = [{"physicalLocation": _location(Evidence(path=entry.path))}] if entry.path is not None else []
    return {
        "ruleId": entry.rule_id,
        "ruleIndex": indices[entry.rule_id],
        "level": "none",
        "kind": "pass",
        "message": {"text": entry.title},
        "locations": location,
        "partialFingerprints": {VERSION: entry.fingerprint},
        "baselineState": "absent",
        "properties": {"gap_id": entry.gap_id},
    }


def _location(evidence: Evidence) -> dict[str, Any]:
    uri = quote((evidence.path or "").encode("utf-8", "surrogateescape"), safe="/")
    location: dict[str, Any] = {"artifactLocation": {"uri": uri, "uriBaseId": _ROOT}}
    if evidence.line is not None:
        region: dict[str, Any] = {"startLine": evidence.line}
        if evidence.column is not None:
            region["startColumn"] = evidence.column
        if evidence.preview:
            region["snippet"] = {"text": evidence.preview}
        location["region"] = region
    return location


def _notification(note: NotLookedAt) -> dict[str, Any]:
    return {"level": "warning", "message": {"text": f"not looked at: {note.subject}: {note.reason}"}}
