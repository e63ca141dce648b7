"""Whether the deterministic remedies mend real, historical defects, and nothing else.

    python benchmarks/fixers.py CORPUS.json CHECKOUTS [--rule NAME]… [--at-most N]

CORPUS.json (or what `benchmarks/fixer_occasions.py` prints) and CHECKOUTS are those of `benchmarks/recall.py`; each
state is checked out there by force, so use clones of their own. For every listed defect that the scanner finds, the
remedy it offers (if any) is carried out as a run does it, alone, on that state. Then the whole tree is compared byte by
byte, the state is scanned again, the action is tried a second time, and the undo of a run is made. Prints one line for
each rule of the corpus.

An action stands for all gaps whose remedies touch the same files; here each defect is mended by itself.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recall import RULES

from autopack.actions.models import Action, CostEstimate, Interval, Kind
from autopack.actions.registry import all_kinds
from autopack.errors import StaleError
from autopack.execution.diff import measure, stage_everything
from autopack.execution.runner import undo
from autopack.execution.tree import GrantedTree
from autopack.gaps.detector import Detector
from autopack.gaps.detectors import all_detectors
from autopack.gaps.models import Gap
from autopack.gaps.scanner import scan
from autopack.gaps.snapshot import take_snapshot
from autopack.git import Git
from autopack.planning.order import draft_paths

COLUMNS = ("defects", "found", "offered", "applied", "closed", "opened", "other", "lines", "refused", "undone")
"""`opened`: opened another gap; `other`: changed bytes outside of the action's paths; `lines`: within the lines that
were claimed; `refused`: a second application changed nothing."""


def main() -> int:
    """Measure and print; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("--rule", action="append", help="only this rule of the corpus")
    parser.add_argument("--at-most", type=int, metavar="N", help="only the first N of each rule in each repository")
    arguments = parser.parse_args()
    positives = json.loads(arguments.corpus.read_text(encoding="utf-8"))["positives"]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    listed: Counter[tuple[str, str]] = Counter()
    states: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for one in positives:
        if one["rule"] in arguments.rule if arguments.rule else _rules(one):
            listed[one["rule"], one["repo"]] += 1
            if arguments.at_most is None or listed[one["rule"], one["repo"]] <= arguments.at_most:
                states[one["repo"], one["state_commit"]].append(one)
    for (repo, commit), defects in sorted(states.items()):
        _try_state(arguments.checkouts / repo.split("/")[1], commit, defects, counts)
        print(f"{repo} {commit[:10]}: {dict(_total(counts))}", file=sys.stderr, flush=True)
    print(f"{'rule':50}" + "".join(f"{column:>9}" for column in COLUMNS))
    for rule, count in (*sorted(counts.items()), ("all", _total(counts))):
        print(f"{rule:50}" + "".join(f"{count[column]:9}" for column in COLUMNS))
    return 0


def _rules(defect: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the rules of ours that would show DEFECT: the corpus has names of its own, occasions name the rule."""
    rule = defect["rule"]
    return (rule,) if "/" in rule else RULES.get(rule, ())


def _total(counts: Mapping[str, Counter[str]]) -> Counter[str]:
    return sum(counts.values(), Counter[str]())


def _try_state(
    checkout: Path, commit: str, defects: Sequence[Mapping[str, Any]], counts: Mapping[str, Counter[str]]
) -> None:
    subprocess.run(["git", "checkout", "--quiet", "--force", "--detach", commit], cwd=checkout, check=False)
    subprocess.run(["git", "clean", "--force", "-d", "-x", "--quiet"], cwd=checkout, check=True)
    meant = {rule.split("/")[0] for defect in defects for rule in _rules(defect)}
    gaps = _gaps_of(checkout, [one for one in all_detectors() if one.gap_type in meant])
    before: frozenset[str] | None = None
    for defect in defects:
        count = counts[defect["rule"]]
        count["defects"] += 1
        fitting = [gap for gap in gaps if _is_meant(defect, gap)]
        count["found"] += bool(fitting)
        offered = [gap for gap in fitting if gap.remedy is not None and gap.remedy.kind in all_kinds()]
        count["offered"] += bool(offered)
        for gap in offered[:1]:
            before = before or frozenset(known.gap_id for known in _gaps_of(checkout, all_detectors()))
            _try_remedy(checkout, commit, gap, before, count)


def _try_remedy(checkout: Path, commit: str, gap: Gap, before: frozenset[str], count: Counter[str]) -> None:
    kind, action = _action_for(gap)
    assert kind.apply is not None
    git = Git(checkout)
    tree = _tree_of(checkout)
    hands = GrantedTree(checkout, frozenset(action.target_paths))
    try:
        kind.apply(hands, action)
    except StaleError as fault:
        print(f"not applied: {checkout.name} {commit[:10]} {gap.title}: {fault.message}", file=sys.stderr)
        return
    count["applied"] += 1
    after = _tree_of(checkout)
    changed = {path for path in tree.keys() | after.keys() if tree.get(path) != after.get(path)}
    count["other"] += not changed <= set(action.target_paths)
    measured = measure(git, commit, stage_everything(git))
    lines = sum(change.lines_added + change.lines_removed for change in measured)
    count["lines"] += lines <= (action.cost_estimate.lines.high or 0)
    now = frozenset(known.gap_id for known in _gaps_of(checkout, all_detectors()))
    count["closed"] += gap.gap_id not in now
    count["opened"] += bool(now - before)
    for opened in sorted(now - before):
        print(f"opened: {checkout.name} {commit[:10]} {gap.title}: {opened}", file=sys.stderr)
    try:
        kind.apply(hands, action)
    except StaleError:
        count["refused"] += _tree_of(checkout) == after
    undo(git, commit)
    count["undone"] += _tree_of(checkout) == tree


def _action_for(gap: Gap) -> tuple[Kind, Action]:
    assert gap.remedy is not None
    kind = all_kinds()[gap.remedy.kind]
    (draft,) = kind.remedy((gap,))
    lines = Interval(low=0, high=draft.lines)
    nothing = Interval(low=0, high=0)
    action = Action(
        action_id="action-000000000000",
        kind=draft.kind,
        title=draft.title,
        gap_ids=draft.gap_ids,
        target_paths=draft_paths(draft),
        operations=draft.operations,
        risk_score=0,
        risk_classification="info",
        risk_factors=(),
        cost_estimate=CostEstimate(lines=lines, seconds=nothing, tokens=nothing),
        rollback="",
        approval_status="auto_approved",
        decided_by=(),
    )
    return kind, action


def _gaps_of(checkout: Path, detectors: Sequence[Detector]) -> tuple[Gap, ...]:
    snapshot = take_snapshot(checkout, detectors, jobs=1)
    return scan(snapshot, project_id="fixers", run_id="fixers", detectors=detectors).gaps


def _is_meant(defect: Mapping[str, Any], gap: Gap) -> bool:
    """Tell whether GAP is the defect that the corpus lists: a fitting rule, path, and target of the link."""
    if "gap_id" in defect:
        return bool(gap.gap_id == defect["gap_id"])
    paths = {evidence.path for evidence in gap.evidence}
    if gap.rule_id not in _rules(defect) or paths.isdisjoint(defect["paths"]):
        return False
    targets = defect.get("targets") or []
    return defect["rule"] != "broken_link" or not targets or any(t.split("#")[-1] in gap.title for t in targets)


def _tree_of(checkout: Path) -> dict[str, str]:
    """Return path -> digest of the bytes and the mode of every file, git's own left out."""
    found = {}
    for folder, folders, names in os.walk(checkout):
        folders[:] = [name for name in folders if name != ".git"]
        for path in (Path(folder, name) for name in names):
            status = path.lstat()
            data = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
            found[path.relative_to(checkout).as_posix()] = f"{status.st_mode:o} {hashlib.sha256(data).hexdigest()}"
    return found


if __name__ == "__main__":
    sys.exit(main())
