"""How many real, historical defects the scanner finds.

    python benchmarks/recall.py CORPUS.json CHECKOUTS [--rule NAME]…

CORPUS.json lists defects that maintainers fixed later: `{"positives": [{repo, state_commit, rule, paths, lines,
targets}]}`. CHECKOUTS holds a clone of each repository under its short name (`celery` for `celery/celery`); each
state is checked out there, one after another, so use clones of their own. Prints found and listed per rule, and what
was missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from autopack.gaps.detector import Detector
from autopack.gaps.detectors import all_detectors
from autopack.gaps.models import Gap
from autopack.gaps.scanner import scan
from autopack.gaps.snapshot import take_snapshot

RULES: Mapping[str, tuple[str, ...]] = {
    "broken_link": ("doc_drift/broken-link", "doc_drift/broken-heading-link"),
    "merge_marker": ("git_state_corruption/conflict-markers",),
    "root_clutter": ("root_clutter/scratch-file", "root_clutter/unlinked-report"),
    "identical_doc": ("sot_duplicate/near-identical-documents",),
    "assert_tuple": ("test_infra_drift/tuple-assert",),
    "discarded_compare": ("test_infra_drift/discarded-comparison",),
    "discarded_predicate": ("test_infra_drift/discarded-comparison",),
    "dup_test_name": ("test_infra_drift/duplicate-test-name",),
    "empty_test": ("test_infra_drift/empty-test",),
    "mock_assert_typo": ("test_infra_drift/mock-assert-typo",),
    "no_assert": ("test_infra_drift/asserts-nothing", "test_infra_drift/empty-test"),
    "never_collected": ("test_infra_drift/never-collected",),
    "class_with_init": ("test_infra_drift/uncollected-class",),
    "bom": ("windows_encoding_issue/utf8-bom",),
    "crlf": ("windows_encoding_issue/crlf-in-unix-script", "windows_encoding_issue/mixed-line-endings"),
    "mixed_eol": ("windows_encoding_issue/mixed-line-endings",),
    "invalid_windows_name": ("windows_encoding_issue/windows-unusable-name",),
    "open_without_encoding": ("windows_encoding_issue/open-without-encoding",),
    "dead_symbol_reference": ("doc_drift/missing-module",),
    "stale_baseline_entry": ("baseline_policy_drift/baseline-names-missing",),
}
"""The corpus's names -> the rules of ours that would have shown the defect. What is not here, no rule looks for."""


def main() -> int:
    """Measure and print; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("--rule", action="append", help="only this rule of the corpus")
    arguments = parser.parse_args()
    positives = json.loads(arguments.corpus.read_text(encoding="utf-8"))["positives"]
    wanted = [one for one in positives if one["rule"] in (arguments.rule or RULES)]
    detectors = _needed(wanted)
    found: Counter[str] = Counter()
    missed: list[dict[str, Any]] = []
    for (repo, commit), states in _by_state(wanted).items():
        gaps = _scan(arguments.checkouts / repo.split("/")[1], commit, detectors)
        for one in states:
            if _is_found(one, gaps):
                found[one["rule"]] += 1
            else:
                missed.append(one)
    listed = Counter(one["rule"] for one in wanted)
    for rule in sorted(listed):
        print(f"{rule:24} {found[rule]:4} of {listed[rule]:4}  {found[rule] / listed[rule]:.2f}")
    print(f"{'all':24} {found.total():4} of {listed.total():4}")
    for one in missed:
        print("missed:", one["rule"], one["repo"], one["state_commit"][:10], one["paths"][:2], one["what"][:100])
    print("no rule of ours:", dict(Counter(one["rule"] for one in positives if one["rule"] not in RULES)))
    return 0


def _needed(positives: Iterable[dict[str, Any]]) -> tuple[Detector, ...]:
    """Return the detectors of the rules that would have shown POSITIVES: the others cost time and say nothing."""
    gap_types = {rule_id.partition("/")[0] for one in positives for rule_id in RULES[one["rule"]]}
    return tuple(detector for detector in all_detectors() if detector.gap_type in gap_types)


def _by_state(positives: Iterable[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    states: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for one in positives:
        states[one["repo"], one["state_commit"]].append(one)
    return dict(sorted(states.items()))


def _scan(checkout: Path, commit: str, detectors: Sequence[Detector]) -> tuple[Gap, ...]:
    done = subprocess.run(
        ["git", "checkout", "--quiet", "--force", "--detach", commit], cwd=checkout, capture_output=True, check=False
    )
    if done.returncode != 0:
        print(f"{checkout.name} {commit[:10]}: cannot be checked out", file=sys.stderr)
    return scan(take_snapshot(checkout, detectors), project_id="recall", run_id="recall", detectors=detectors).gaps


def _is_found(one: Mapping[str, Any], gaps: Iterable[Gap]) -> bool:
    """Return whether a gap of a fitting rule names one of the paths, and the target of the link where one is listed."""
    rules, paths = RULES[one["rule"]], set(one["paths"])
    targets = one.get("targets") or []
    for gap in gaps:
        if gap.rule_id not in rules or not paths & {evidence.path for evidence in gap.evidence}:
            continue
        if one["rule"] != "broken_link" or not targets or any(target.split("#")[-1] in gap.title for target in targets):
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
