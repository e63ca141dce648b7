"""How many real, historical defects the scanner finds.

    python benchmarks/recall.py CORPUS.json CHECKOUTS [--rule NAME]… [--without NAME]… [--sample N]

CORPUS.json lists defects that maintainers fixed later: `{"positives": [{repo, state_commit, rule, paths, lines,
targets}]}`. CHECKOUTS holds a clone of each repository under its short name (`celery` for `celery/celery`); each
state is checked out there, one after another from the oldest on, so use clones of their own (`git clone --shared
--no-checkout` makes one at once). Prints found and listed per rule, and what was missed. A test that asserts nothing
is found where a finding names that very test.

The corpus was made mechanically. What is wrong in it is listed with its reason in `recall_doubts.json`; recall is
printed over all that is listed and over what is left without those.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from autopack.gaps.detector import Detector
from autopack.gaps.detectors import all_detectors
from autopack.gaps.facts import FactCache
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
    "no_assert": (
        *("test_infra_drift/asserts-nothing", "test_infra_drift/empty-test"),
        # The better thing to say of a test that compares and throws the result away; it is not said twice.
        "test_infra_drift/discarded-comparison",
    ),
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
DOUBTS = Path(__file__).with_name("recall_doubts.json")
CHECKOUT = ("git", "-c", "core.autocrlf=false", "checkout", "--quiet", "--force", "--detach")


def main() -> int:
    """Measure and print; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("--rule", action="append", help="only this rule of the corpus")
    parser.add_argument("--without", action="append", default=[], help="all but this rule of the corpus")
    parser.add_argument("--sample", type=int, metavar="N", help="only N states, drawn with a fixed seed")
    parser.add_argument("--seed", type=int, default=2026, help="of the sample (default: 2026)")
    arguments = parser.parse_args()
    positives = json.loads(arguments.corpus.read_text(encoding="utf-8"))["positives"]
    rules = set(arguments.rule or RULES) - set(arguments.without)
    states = _by_state(one for one in positives if one["rule"] in rules)
    if arguments.sample:
        drawn = random.Random(arguments.seed).sample(sorted(states), arguments.sample)
        states = {state: states[state] for state in drawn}
    wanted = [one for listed in states.values() for one in listed]
    found = [one for one, is_found in _measured(arguments.checkouts, states) if is_found]
    doubts = _doubts()
    _report(wanted, found, doubts)
    for one in wanted:
        if one not in found:
            doubt = doubts.get(_name(one), "")
            print("missed:", *_name(one), one["what"][:100], f"(wrongly listed: {doubt})" if doubt else "")
    print("no rule of ours:", dict(Counter(one["rule"] for one in positives if one["rule"] not in RULES)))
    return 0


def _name(one: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    lines = one.get("lines") or [""]
    return one["rule"], one["repo"], one["state_commit"][:10], one["paths"][0], str(lines[0])


def _doubts() -> dict[tuple[str, str, str, str, str], str]:
    """Return what of the corpus is listed wrongly, and why."""
    return {_name(one): one["why"] for one in json.loads(DOUBTS.read_text(encoding="utf-8"))}


def _report(wanted: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]], doubts: Iterable[object]) -> None:
    """Print found of listed per rule, and the same without the DOUBTS."""
    sound = [[one for one in ones if _name(one) not in doubts] for ones in (wanted, found)]
    counts = [Counter(one["rule"] for one in ones) for ones in (wanted, found, *sound)]
    for rule in sorted(counts[0]):
        listed, hit, sound_listed, sound_hit = (count[rule] for count in counts)
        line = f"{rule:24} {hit:4} of {listed:4}  {hit / listed:.2f}"
        if sound_listed and sound_listed != listed:
            line += f"   without what is wrongly listed: {sound_hit} of {sound_listed}  {sound_hit / sound_listed:.2f}"
        print(line)
    print(f"{'all':24} {len(found):4} of {len(wanted):4}")


def _by_state(positives: Iterable[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    states: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for one in positives:
        states[one["repo"], one["state_commit"]].append(one)
    return dict(sorted(states.items()))


def _measured(
    checkouts: Path, states: Mapping[tuple[str, str], list[dict[str, Any]]]
) -> Iterable[tuple[dict[str, Any], bool]]:
    """Yield every defect of STATES, and whether it is found."""
    detectors = _needed(one for listed in states.values() for one in listed)
    for repo in sorted({repo for repo, _ in states}):
        checkout = checkouts / repo.split("/")[1]
        _require_nothing_untracked(checkout)
        with tempfile.TemporaryDirectory() as folder:
            kept = FactCache(Path(folder), writable=True)
            for commit in _by_age(checkout, [commit for name, commit in states if name == repo]):
                gaps = _scan(checkout, commit, detectors, kept)
                yield from ((one, gaps is not None and _is_found(one, gaps)) for one in states[repo, commit])


def _require_nothing_untracked(checkout: Path) -> None:
    """End where CHECKOUT holds files that no state has: a link to one of them would not be dead."""
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"], cwd=checkout, capture_output=True, text=True, check=True
    )
    if listed.stdout:
        raise SystemExit(f"{checkout} holds untracked files ({listed.stdout.splitlines()[0]}, …); use a fresh clone.")


def _needed(positives: Iterable[dict[str, Any]]) -> tuple[Detector, ...]:
    """Return the detectors of the rules that would have shown POSITIVES: the others cost time and say nothing."""
    gap_types = {rule_id.partition("/")[0] for one in positives for rule_id in RULES[one["rule"]]}
    return tuple(detector for detector in all_detectors() if detector.gap_type in gap_types)


def _by_age(checkout: Path, commits: Iterable[str]) -> list[str]:
    """Return COMMITS, the oldest first: one differs little from the next then."""
    done = subprocess.run(
        ["git", "log", "--no-walk=sorted", "--format=%H", "--stdin"],
        cwd=checkout,
        input="\n".join(commits),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout.split()[::-1]


def _lacking(checkout: Path, commit: str) -> list[str]:
    """Return the paths of COMMIT whose content the clone lacks: large files are often left out of a copy."""

    def git(*arguments: str, told: str = "") -> list[str]:
        done = subprocess.run(
            ["git", *arguments], cwd=checkout, input=told, encoding="utf-8", capture_output=True, check=True
        )
        return done.stdout.splitlines()

    blobs = [line.partition("\t") for line in git("-c", "core.quotePath=off", "ls-tree", "-r", commit)]
    found = git("cat-file", "--batch-check", told="\n".join(about.split()[2] for about, _, _ in blobs))
    return [
        path
        for (about, _, path), line in zip(blobs, found, strict=True)
        if line.endswith(" missing") and " blob " in about
    ]


def _scan(checkout: Path, commit: str, detectors: Sequence[Detector], kept: FactCache) -> tuple[Gap, ...] | None:
    """Return what is found in the state COMMIT, or None where it cannot be checked out whole."""
    lacking = _lacking(checkout, commit)
    patterns = "\n".join(["/*", *(f"!/{path}" for path in lacking)])
    sparse = (
        ["git", "sparse-checkout", "set", "--no-cone", "--stdin"] if lacking else ["git", "sparse-checkout", "disable"]
    )
    for _ in range(2):  # In a clone without a checkout the patterns take hold with the second one.
        if lacking or (checkout / ".git/info/sparse-checkout").exists():
            subprocess.run(sparse, cwd=checkout, input=patterns, encoding="utf-8", capture_output=True, check=False)
        done = subprocess.run([*CHECKOUT, commit], cwd=checkout, capture_output=True, check=False)
        if done.returncode == 0:
            break
    if done.returncode != 0:
        print(f"{checkout.name} {commit[:10]}: cannot be checked out", file=sys.stderr)
        return None
    snapshot = take_snapshot(checkout, detectors, kept=kept)
    return scan(snapshot, project_id="recall", run_id="recall", detectors=detectors).gaps


def _is_found(one: Mapping[str, Any], gaps: Iterable[Gap]) -> bool:
    """Return whether a gap of a fitting rule, not of low confidence, names one of the paths, and the target of the link
    or the name of the test where one is listed. One that tells several links at once names a few of their targets in
    its title, and shows the others in the lines that it points at (the line numbers of the corpus are often off)."""
    rules, paths = RULES[one["rule"]], set(one["paths"])
    targets = one.get("targets") or []
    test = one["what"].rpartition(".")[2].split()[-1] if one["rule"] == "no_assert" else ""
    for gap in gaps:
        if gap.confidence == "low" or gap.rule_id not in rules:
            continue
        if not paths & {evidence.path for evidence in gap.evidence}:
            continue
        if test and not any((evidence.test_name or "").endswith(f"::{test}") for evidence in gap.evidence):
            continue
        if (
            one["rule"] != "broken_link"
            or not targets
            or any(unquote(target.split("#")[-1]) in unquote(gap.title) for target in targets)
        ):
            return True
        shown = [evidence for evidence in gap.evidence if evidence.path in paths and len(gap.evidence) > 1]
        if set(one.get("lines") or ()) & {evidence.line for evidence in shown}:
            return True
        if any(target in (evidence.preview or "") for evidence in shown for target in targets):
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
