"""Find occasions for the deterministic remedies in the history of real repositories.

    python benchmarks/fixer_occasions.py CLONE… > OCCASIONS.json
    python benchmarks/fixer_occasions.py --now CHECKOUT… > OCCASIONS.json
    python benchmarks/fixers.py OCCASIONS.json CHECKOUTS [--at-most N]

Walks the commits that lead to HEAD of each CLONE (named `owner+name`, or `name`) and looks at every version of every
file once, by its name and its bytes alone. Prints, in the format of the corpus, the first state in which a path may
have a defect of a kind that a remedy exists for. Whether the scanner sees one there is for `fixers.py` to say.

With `--now` what a scan of each CHECKOUT shows and has a remedy for is printed in the same format; partial ones (sparse
checkouts) are left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from autopack.gaps import text_encoding
from autopack.gaps.detectors import all_detectors, windows_encoding_issue
from autopack.gaps.root_names import is_report, original_of, scratch_kind
from autopack.gaps.scanner import scan
from autopack.gaps.snapshot import take_snapshot
from autopack.gaps.tool_output import may_be_output

MAX_BYTES = 1_000_000
_PLAIN = ("100644", "100755")
_SETTINGS = frozenset({"setup.cfg", "pytest.ini", "tox.ini", "pyproject.toml"})


class Version(NamedTuple):
    """A file as one commit left it."""

    commit: str
    path: str
    mode: str
    blob: str


def main() -> int:
    """Print what was found; returns 0."""
    positives: list[dict[str, Any]] = []
    if sys.argv[1:2] == ["--now"]:
        for checkout in map(Path, sys.argv[2:]):
            positives += _shown_now(checkout) if not (checkout / ".git/info/sparse-checkout").exists() else ()
    for clone in map(Path, sys.argv[1:] if "--now" not in sys.argv else ()):
        seen: dict[tuple[str, str], dict[str, Any]] = {}
        for version, rule in _occasions(clone):
            repo = clone.name.replace("+", "/") if "+" in clone.name else f"{clone.name}/{clone.name}"
            one = {"repo": repo, "state_commit": version.commit, "rule": rule, "paths": [version.path]}
            seen.setdefault((version.path, rule), one)
        positives += seen.values()
        print(f"{clone.name}: {len(seen)} occasions", file=sys.stderr)
    json.dump({"note": "States that may have a defect, found by name and bytes.", "positives": positives}, sys.stdout)
    return 0


def _shown_now(checkout: Path) -> Iterator[dict[str, Any]]:
    """Yield the findings of CHECKOUT that have a remedy."""
    detectors = all_detectors()
    snapshot = take_snapshot(checkout, detectors)
    for gap in scan(snapshot, project_id="now", run_id="now", detectors=detectors).gaps:
        if gap.remedy is not None and gap.confidence != "low":
            yield {
                "repo": f"{checkout.name}/{checkout.name}",
                "state_commit": snapshot.git.head,
                "rule": gap.rule_id,
                "paths": sorted({evidence.path for evidence in gap.evidence if evidence.path}),
                "gap_id": gap.gap_id,
            }


def _occasions(clone: Path) -> Iterator[tuple[Version, str]]:
    versions = list(_versions(clone))
    wanted = {version.blob for version in versions if _may_be_text(version.path)}
    remarkable = dict(_remarkable_blobs(clone, sorted(wanted)))
    for version in versions:
        path = version.path
        if may_be_output(path):
            yield version, "root_clutter/committed-output"
        if "/" not in path and scratch_kind(path) == "editor backup" and original_of(path):
            yield version, "root_clutter/scratch-file"
        if "/" not in path and is_report(path):
            yield version, "root_clutter/unlinked-report"
        data = remarkable.get(version.blob)
        if data is None:
            continue
        if path in _SETTINGS and b"testpaths" in data:
            yield version, "test_infra_drift/never-collected"
        fact = windows_encoding_issue.extract(path, data)
        if not isinstance(fact, windows_encoding_issue.TextFact):
            continue
        if fact.mark:
            yield version, "windows_encoding_issue/utf8-bom"
        if fact.utf16:
            yield version, "windows_encoding_issue/utf16-source"
        if fact.first_crlf is not None:
            if fact.shebang or path.endswith(".sh"):
                yield version, "windows_encoding_issue/crlf-in-unix-script"
            rule = "mixed-line-endings" if fact.minority else "eol-attribute-contradicted"
            yield version, f"windows_encoding_issue/{rule}"


def _may_be_text(path: str) -> bool:
    return windows_encoding_issue._is_text(path) or "." not in path.rpartition("/")[2] or path in _SETTINGS


def _versions(clone: Path) -> Iterator[Version]:
    """Yield every plain file that a commit without several parents added or changed, the oldest commit first."""
    order = ("--reverse", "--topo-order")
    look = ("--no-renames", "--raw", "--no-abbrev", "-z", "--format=%x01%H")
    with subprocess.Popen(["git", "log", *order, *look], cwd=clone, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        fields = iter(running.stdout.read().split(b"\0"))
    commit = ""
    for field in fields:
        text = field.decode("utf-8", "surrogateescape").lstrip("\n")
        if text.startswith("\x01"):
            commit = text[1:]
        elif text.startswith(":"):
            _, mode, _, blob, status = text[1:].split(" ")
            path = next(fields).decode("utf-8", "surrogateescape")
            if status in "AM" and mode in _PLAIN and path.isprintable():
                yield Version(commit, path, mode, blob)


def _remarkable_blobs(clone: Path, blobs: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the BLOBS that hold a byte-order mark, CR LF or `testpaths`."""
    with tempfile.TemporaryFile() as names:
        names.write("".join(f"{blob}\n" for blob in blobs).encode())
        names.seek(0)
        command = ["git", "cat-file", "--batch", "--buffer"]
        running = subprocess.Popen(command, cwd=clone, stdin=names, stdout=subprocess.PIPE)
    with running:
        assert running.stdout is not None
        for blob in blobs:
            header = running.stdout.readline().split()
            if len(header) < 3:
                continue
            data = running.stdout.read(int(header[2]) + 1)[:-1]
            marked = data.startswith((text_encoding.UTF8_MARK, b"\xff\xfe", b"\xfe\xff"))
            if len(data) <= MAX_BYTES and (marked or b"\r\n" in data or b"testpaths" in data):
                yield blob, data


if __name__ == "__main__":
    sys.exit(main())
