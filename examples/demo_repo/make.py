"""Make the demo: a small flawed repository with a history, and at least one true gap of every type.

    python examples/demo_repo/make.py DESTINATION

The repository is the same every time, commit ids included: authors, dates and content are fixed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

FILES = Path(__file__).parent / "files"
DEAD_PID = 4_194_305
"""One more than the largest process id that Linux hands out (PID_MAX_LIMIT), so that no process ever has it."""

NOTES = """# Harbour meeting, February

The jetty at Bristol was surveyed again; see the [station file](data/stations.json).
The table for neap tides was checked by hand.
"""


def main(destination: Path) -> None:
    """Build the repository at DESTINATION, which must not exist."""
    if destination.exists():
        raise SystemExit(f"{destination} exists already; remove it or name another folder.")
    shutil.copytree(FILES, destination)
    (destination / "scripts/release.sh").chmod(0o755)
    git(destination, "init", "--quiet", "--initial-branch=main")
    commit(destination, "Tide tables for one harbour", day=5)
    documentation_moves_on(destination)
    files_pile_up(destination)
    windows_was_here(destination)
    work_lies_around(destination)


def documentation_moves_on(repo: Path) -> None:
    """doc_drift, sot_duplicate: a page is renamed, a page is removed, an entry id is used twice."""
    git(repo, "mv", "docs/guide.md", "docs/user-guide.md")
    git(repo, "rm", "--quiet", "docs/harbour-notes.md")
    append(repo / "docs/BUILD_HISTORY.md", "\n## BUILD-002: faster search\n\nTurning points are found in one pass.\n")
    commit(repo, "Rename the guide, drop the harbour notes", day=9)


def files_pile_up(repo: Path) -> None:
    """root_clutter, memory_budget_cap_issue: a log and meeting notes in the root, a debug log beyond its cap."""
    (repo / "debug.log").write_text("12:00:01 table bristol 2026-03-01\n", encoding="utf-8")
    (repo / "HARBOUR_NOTES.md").write_text(NOTES, encoding="utf-8")
    for number in range(2, 60):
        append(
            repo / "docs/DEBUG_LOG.md",
            f"\n## DBG-{number:03}: survey {number}\n\nMeasured heights at survey {number} differed by less than"
            " five centimetres from the table; the constituents were kept as they are.\n",
        )
    commit(repo, "Notes from the survey", day=12)


def windows_was_here(repo: Path) -> None:
    """windows_encoding_issue: a byte-order mark in JSON, carriage returns in a shell script."""
    stations = repo / "data/stations.json"
    stations.write_bytes(b"\xef\xbb\xbf" + stations.read_bytes())
    script = repo / "scripts/release.sh"
    script.write_bytes(script.read_bytes().replace(b"\n", b"\r\n"))
    commit(repo, "Edit the stations on another machine", day=15)


def work_lies_around(repo: Path) -> None:
    """protected_path_violation, db_lock_contention, git_state_corruption: what no commit shows."""
    append(repo / "config/production.toml", "debug = true\n")
    (repo / "tides.db.lock").write_text(f"{DEAD_PID}\n", encoding="utf-8")
    os.utime(repo / "tides.db.lock", (1_700_000_000, 1_700_000_000))
    gone = repo.parent / f"{repo.name}-gone"
    git(repo, "worktree", "add", "--quiet", "--detach", str(gone))
    shutil.rmtree(gone)


def append(path: Path, text: str) -> None:
    """Add TEXT at the end of PATH."""
    with path.open("a", encoding="utf-8", newline="") as handle:
        handle.write(text)


def commit(repo: Path, message: str, *, day: int) -> None:
    """Commit everything as of DAY January 2026."""
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message", message, date=f"2026-01-{day:02}T09:00:00Z")


def git(repo: Path, *arguments: str, date: str = "2026-01-01T09:00:00Z") -> None:
    """Run git with a fixed author and date, untouched by the machine's own configuration."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(repo),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Demo",
        "GIT_AUTHOR_EMAIL": "demo@example.invalid",
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_NAME": "Demo",
        "GIT_COMMITTER_EMAIL": "demo@example.invalid",
        "GIT_COMMITTER_DATE": date,
    }
    subprocess.run(["git", "-c", "core.autocrlf=false", *arguments], cwd=repo, env=environment, check=True)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        raise SystemExit("usage: make.py DESTINATION")
    main(Path(sys.argv[1]).absolute())
