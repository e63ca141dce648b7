"""How much of what the scanner says about repositories of other people is true, by judgements made one by one.

    python benchmarks/precision.py                                     print the table
    python benchmarks/precision.py --draw OWNER/NAME --checkouts DIR   scan DIR/OWNER-NAME, write a file to judge
    python benchmarks/precision.py --check DIR                         scan again, show what came and what went
    python benchmarks/precision.py --places ROUND…                     dead links by where their documents stand

One file `benchmarks/judgements/OWNER-NAME.json` holds what was drawn from one repository at one commit. Whoever judges
opens the file and the target of each finding and answers two questions: `true` (is the statement literally so?) and
`worth` (would a maintainer change something because of it?), with the reason in `why`. A file with an answer that is
still null counts as not judged. `--judgements DIR` names another folder of such files.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

COMMAND = "autopack scan --format json"
FOLDER = Path(__file__).parent / "judgements"
_LINKS = ("doc_drift/broken-heading-link", "doc_drift/broken-link")
_DOCUMENTATION = frozenset({"doc", "docs", "documentation", "manual", "site", "website", "www", "book"})
LONGEST_TITLE = 160
"""A title may quote the repository that it is about; no more of it is kept than one needs to find the place."""


def main() -> int:
    """Draw, check or print; returns 0, or 1 where a file is not judged to the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judgements", type=Path, default=FOLDER, metavar="DIR", help="where the judgements are")
    parser.add_argument("--draw", metavar="OWNER/NAME", help="scan its checkout and write what is to be judged")
    parser.add_argument("--checkouts", type=Path, metavar="DIR", help="holds OWNER-NAME, for --draw")
    parser.add_argument("--seed", type=int, default=2026, help="of the sample (default: 2026)")
    parser.add_argument("--most", type=int, default=30, help="findings to judge (default: 30)")
    parser.add_argument("--check", type=Path, metavar="DIR", help="scan the checkouts in DIR and compare")
    parser.add_argument("--places", nargs="+", metavar="ROUND", help="folders of judgements to count dead links in")
    arguments = parser.parse_args()
    if arguments.draw:
        if arguments.checkouts is None:
            parser.error("--draw needs --checkouts DIR")
        checkout = arguments.checkouts / arguments.draw.replace("/", "-")
        return _draw(arguments.draw, checkout, arguments.judgements, seed=arguments.seed, most=arguments.most)
    if arguments.places:
        judged = [finding for name in arguments.places for one in _read(FOLDER / name) for finding in one["judgements"]]
        print("\n".join(places_table(judged)))
        return 0
    files = _read(arguments.judgements)
    if arguments.check:
        for one in files:
            _check(one, arguments.check / one["repository"].replace("/", "-"))
        return 0
    judged = [one for one in files if is_judged(one)]
    print("\n".join(table(judged)))
    for one in files:
        if not is_judged(one):
            print(f"\nNot judged: {one['repository']}")
    return int(len(judged) < len(files))


def _read(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def is_judged(one: Mapping[str, Any]) -> bool:
    """Return whether every finding in a file of judgements has both answers."""
    return all(isinstance(finding[answer], bool) for finding in one["judgements"] for answer in ("true", "worth"))


def table(files: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of the Markdown tables: one row a repository, then one row a rule."""
    findings = [finding for one in files for finding in one["judgements"]]
    lines = [
        "| repository | commit | files | findings | per 300 files | true | worth fixing |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for one in sorted(files, key=lambda one: one["repository"]):
        name = one["repository"] if one["well_kept"] else f"{one['repository']} (not well kept)"
        cells = (name, f"`{one['commit'][:10]}`", f"{one['files']:,}", str(one["findings"]))
        lines.append(_row(*cells, _rate(one["findings"], one["files"]), *_answers(one["judgements"])))
    files_of_all, findings_of_all = (sum(one[key] for one in files) for key in ("files", "findings"))
    total = (f"{files_of_all:,}", str(findings_of_all), _rate(findings_of_all, files_of_all))
    lines.append(_row(f"**all {len(files)}**", "", *total, *_answers(findings)))
    lines += ["", "| rule | true | worth fixing |", "|---|--:|--:|"]
    by_rule = defaultdict(list)
    for finding in findings:
        by_rule[finding["rule"]].append(finding)
    lines += [_row(f"`{rule}`", *_answers(by_rule[rule])) for rule in sorted(by_rule)]
    return lines


def places_table(findings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the lines of a Markdown table: one row for each place where documents with dead links stand."""
    by_place = defaultdict(list)
    for finding in findings:
        if finding["rule"] in _LINKS:
            by_place[_place(finding["path"] or "")].append(finding)
    lines = ["| documents | rule | true | worth fixing |", "|---|---|--:|--:|"]
    for place, found in sorted(by_place.items()):
        for rule in _LINKS:
            lines.append(_row(place, f"`{rule}`", *_answers([one for one in found if one["rule"] == rule])))
    return lines


def _place(path: str) -> str:
    folder, _, name = path.lower().rpartition("/")
    if not folder or name.startswith("readme"):
        return "in the root, and READMEs"
    return "elsewhere" if _DOCUMENTATION.isdisjoint(folder.split("/")) else "in folders of documentation"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rate(findings: int, files: int) -> str:
    return f"{300 * findings / files:.2f}" if files else "–"


def _answers(findings: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return how many of the findings are true, and how many are worth fixing, each out of all with the share."""
    if not findings:
        return "–", "–"
    return _share(findings, "true"), _share(findings, "worth")


def _share(findings: Sequence[Mapping[str, Any]], answer: str) -> str:
    count = sum(finding[answer] for finding in findings)
    return f"{count} of {len(findings)} ({count / len(findings):.2f})"


def _draw(name: str, checkout: Path, folder: Path, *, seed: int, most: int) -> int:
    """Scan CHECKOUT and write a sample without answers; answers that were given before to the same findings stay."""
    report = _scan(checkout)
    path = folder / f"{name.replace('/', '-')}.json"
    given = _given(path.name)
    gaps = report["gaps"]
    chosen = random.Random(seed).sample(range(len(gaps)), min(most, len(gaps)))
    drawn = [_finding(gaps[number]) for number in sorted(chosen)]
    document = {
        "repository": name,
        "commit": _git(checkout, "rev-parse", "HEAD"),
        "files": report["metadata"]["files_in_scope"],
        "well_kept": True,
        "command": COMMAND,
        "findings": len(gaps),
        "judgements": [given.get(finding["gap_id"], finding) for finding in drawn],
    }
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    left = sum(finding["true"] is None for finding in document["judgements"])
    print(f"{name}: {len(gaps)} findings, {len(drawn)} drawn, {left} to judge")
    return 0


def _given(name: str) -> dict[str, Any]:
    """Return the judged findings of the file NAME by id, from all rounds."""
    files = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.rglob(name))]
    return {finding["gap_id"]: finding for one in files for finding in one["judgements"] if finding["true"] is not None}


def _finding(gap: Mapping[str, Any]) -> dict[str, Any]:
    place = gap["evidence"][0] if gap["evidence"] else {"path": None, "line": None}
    title = gap["title"] if len(gap["title"]) <= LONGEST_TITLE else gap["title"][: LONGEST_TITLE - 1] + "…"
    return {
        "gap_id": gap["gap_id"],
        "rule": gap["rule_id"],
        "path": place["path"],
        "line": place["line"],
        "title": title,
        "true": None,
        "worth": None,
        "why": None,
    }


def _check(one: Mapping[str, Any], checkout: Path) -> None:
    """Print which judged findings a scan of today no longer reports, and which of its findings nobody judged."""
    if not checkout.is_dir():
        print(f"{one['repository']}: no checkout at {checkout.name}")
        return
    commit = _git(checkout, "rev-parse", "HEAD")
    gaps = {gap["gap_id"]: gap for gap in _scan(checkout)["gaps"]}
    judged = {finding["gap_id"]: finding for finding in one["judgements"]}
    moved = "" if commit == one["commit"] else f" (at {commit[:10]}, judged at {one['commit'][:10]})"
    print(f"{one['repository']}{moved}: {one['findings']} findings then, {len(gaps)} now")
    _print("gone", (judged[gap_id] for gap_id in judged if gap_id not in gaps))
    _print("not judged", (_finding(gap) for gap_id, gap in gaps.items() if gap_id not in judged))


def _print(kind: str, findings: Iterable[Mapping[str, Any]]) -> None:
    words = {True: "true", False: "false", None: "?"}
    for finding in findings:
        place = f"{finding['path']}:{finding['line']}"
        print(f"  {kind} [{words[finding['true']]}] {finding['rule']} {place} {finding['title']}")


def _scan(checkout: Path) -> dict[str, Any]:
    argv = [sys.executable, "-m", "autopack.gaps.scan", "--workspace", str(checkout)]
    report: dict[str, Any] = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
    return report


def _git(checkout: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=checkout, capture_output=True, check=True)
    return done.stdout.decode("utf-8").strip()


if __name__ == "__main__":
    sys.exit(main())
