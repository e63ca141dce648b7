"""Time worktrees: `python benchmarks/worktree_speed.py`. Ceiling: 1.3 times `git worktree add` and `remove`.

Both are timed in turns on one repository, so that what else the machine does falls on both.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from autopack.clock import SystemClock
from autopack.git import Git
from autopack.worktrees.lock import this_process
from autopack.worktrees.manager import Worktree, create, retire

FILES = (500, 5_000, 20_000)
ROUNDS = 5
CEILING = 1.3


def main() -> None:
    """Print medians of making and removing a worktree, plain and Autopack's, for growing trees."""
    for files in FILES:
        with tempfile.TemporaryDirectory() as folder:
            repository = _repository(Path(folder), files)
            plain, ours = _rounds(repository)
        for name, ceiling in (("create", CEILING), ("remove", CEILING)):
            ratio = median(ours[name]) / median(plain[name])
            print(
                f"{files:6} files, {name}: git {median(plain[name]) * 1e3:6.0f} ms, autopack"
                f" {median(ours[name]) * 1e3:6.0f} ms, {ratio:4.2f} times  {'ok' if ratio <= ceiling else 'too slow'}"
            )


def _rounds(repository: Path) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    plain: dict[str, list[float]] = {"create": [], "remove": []}
    ours: dict[str, list[float]] = {"create": [], "remove": []}
    for number in range(ROUNDS):
        place = repository / ".plain" / str(number)
        add, remove = ("worktree", "add", "-q", "-b", f"plain-{number}", str(place)), ("worktree", "remove", str(place))
        plain["create"].append(_seconds(lambda add=add: _git(repository, *add)))  # type: ignore[misc]
        plain["remove"].append(_seconds(lambda remove=remove: _git(repository, *remove)))  # type: ignore[misc]
        made: list[Worktree] = []
        ours["create"].append(_seconds(lambda number=number, made=made: made.append(_create(repository, number))))  # type: ignore[misc]
        ours["remove"].append(_seconds(lambda made=made: retire(made[0])))  # type: ignore[misc]
    return plain, ours


def _create(repository: Path, number: int) -> Worktree:
    git, run_id = Git(repository), f"run-{number}"
    place = repository / ".autonomous_runs" / "worktrees" / run_id
    owner = this_process(run_id, SystemClock().now())
    return create(git, run_id=run_id, base_commit=str(git.head()), path=place, owner=owner)


def _seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _repository(folder: Path, files: int) -> Path:
    _git(folder, "init", "-q")
    for number in range(files):
        path = folder / f"part-{number % 100}" / f"file-{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"line of file {number}\n" * 20, encoding="utf-8")
    _git(folder, "add", "--all")
    _git(folder, "-c", "user.name=n", "-c", "user.email=e@test.invalid", "commit", "-q", "-m", "first")
    return folder


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


if __name__ == "__main__":
    main()
