"""Time the list of approvals: `python benchmarks/approvals_speed.py`. Target: 1,000 waiting requests in under 200 ms.

The requests are those of a real run on a repository with 1,000 documents, each with a link whose target was moved. What
`autopack approvals list` calls is timed in turns with a plain SELECT of the same rows, so that what else the machine
does falls on both. Wall time; the start of the command itself is not in it.
"""

from __future__ import annotations

import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from autopack.config import Settings, load_settings
from autopack.operations.approvals import list_approvals
from autopack.operations.runs import start_run

REQUESTS = 1_000
ROUNDS = 5
TARGET_SECONDS = 0.2

_INTENTION = """\
format_version: v2
project_id: benchmark
created_at: "2026-01-01T00:00:00Z"
updated_at: "2026-01-01T00:00:00Z"
pivot_intentions:
  scope_boundaries: {allowed_write_roots: ["/docs/**"]}
  budget_cost:
    {token_cap_global: 1000, time_cap_seconds: 86400, max_actions: 1000, max_files: 10000, max_lines: 1000000}
"""


def main() -> None:
    """Print the medians of both, and how they compare."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(_repository(Path(folder)), {})
        start_run(settings, run_id="run-1", project_id=None, enabled=True, progress=lambda message: None)
        database = settings.runs_root / "autopack.db"
        listed, selected = [], []
        for _ in range(ROUNDS):
            listed.append(_seconds(lambda: _list(settings)))
            selected.append(_seconds(lambda: _select(database)))
    ours, plain = median(listed), median(selected)
    verdict = "ok" if ours < TARGET_SECONDS else "TOO SLOW"
    print(
        f"{REQUESTS} waiting: listed in {ours * 1e3:.0f} ms, their rows selected in {plain * 1e3:.1f} ms,"
        f" {ours / plain:.0f} times  {verdict}"
    )


def _list(settings: Settings) -> None:
    found = len(list_approvals(settings))
    assert found == REQUESTS, found


def _select(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        rows = connection.execute(
            "SELECT * FROM approval_requests LEFT JOIN decisions USING (request_id)"
            " WHERE decisions.request_id IS NULL ORDER BY approval_requests.rowid"
        ).fetchall()
    connection.close()
    assert len(rows) == REQUESTS, len(rows)


def _seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _repository(folder: Path) -> Path:
    pages = folder / "docs"
    pages.mkdir()
    (pages / "old.md").write_text("# Guide\n" + "text\n" * 20, encoding="utf-8")
    for number in range(REQUESTS):
        (pages / f"page{number}.md").write_text(f"[guide {number}](old.md)\n", encoding="utf-8")
    (folder / ".autopack").mkdir()
    (folder / ".autopack" / "intention.yaml").write_text(_INTENTION, encoding="utf-8")
    _git(folder, "init", "-q")
    _commit(folder)
    (pages / "old.md").rename(pages / "new.md")
    _commit(folder)
    return folder


def _commit(folder: Path) -> None:
    _git(folder, "add", "--all")
    _git(folder, "-c", "user.name=n", "-c", "user.email=e@test.invalid", "commit", "-q", "-m", "next")


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


if __name__ == "__main__":
    main()
