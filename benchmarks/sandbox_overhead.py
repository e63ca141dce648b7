"""Time what a sandbox adds to one process: `python benchmarks/sandbox_overhead.py`. Target: under 20 ms for isolated;
the looks before and after a job: under 100 ms for 20,000 files."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from autopack.execution.sandbox.box import HIDDEN, Job, Sandbox
from autopack.execution.sandbox.bubblewrap import Bubblewrap
from autopack.execution.sandbox.canaries import prove
from autopack.execution.sandbox.confined import Confined
from autopack.execution.sandbox.survey import postflight, preflight
from autopack.execution.sandbox.unconfined import Unconfined

ROUNDS = 60
TARGET_MS = 20.0
FILES = 20_000
LOOK_TARGET_MS = 100.0


def main() -> None:
    """Print the median time of a process in each box, in turn with a plain one, and of the looks at a large tree."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        boxes: list[Sandbox] = [box for box in (Bubblewrap(), Confined()) if prove(box).stands]
        boxes.append(Unconfined("benchmark"))
        jobs: dict[str, Callable[[], object]] = {"plain spawn": lambda: _plain(folder)}
        for box in boxes:
            jobs[box.tier] = lambda box=box: box.run(Job(("true",), folder))  # type: ignore[misc]
        if boxes[0].tier == "isolated":
            jobs["isolated, with network"] = lambda: boxes[0].run(Job(("true",), folder, network=("host.example:443",)))
        times = _in_turn(jobs)
        for name, (milliseconds, processor) in times.items():
            added, more = milliseconds - times["plain spawn"][0], processor - times["plain spawn"][1]
            verdict = "" if name != "isolated" else "  ok" if added < TARGET_MS else "  above the target"
            print(f"{name:24} {milliseconds:6.1f} ms, {added:+6.1f} ms; processor {more:+6.1f} ms{verdict}")
    _looks()


def _plain(folder: Path) -> None:
    subprocess.run(["true"], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)


def _in_turn(jobs: dict[str, Callable[[], object]], *, rounds: int = ROUNDS) -> dict[str, tuple[float, float]]:
    """Return the medians of wall and of processor time (children included) of each of JOBS in milliseconds.

    They take turns, so that a busy moment hits all; processor time says what a job costs whatever else runs.
    """
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            start, used = time.perf_counter(), _processor_seconds()
            job()
            times[name].append(((time.perf_counter() - start) * 1e3, (_processor_seconds() - used) * 1e3))
    return {name: (_median(each, 0), _median(each, 1)) for name, each in times.items()}


def _median(times: list[tuple[float, float]], column: int) -> float:
    return statistics.median(each[column] for each in times)


def _processor_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _looks() -> None:
    with tempfile.TemporaryDirectory() as made:
        tree = Path(made).resolve()
        for number in range(FILES):
            path = tree / f"folder-{number // 100}" / f"file-{number}.py"
            path.parent.mkdir(exist_ok=True)
            path.touch()
        looks: dict[str, Callable[[], object]] = {
            "bare walk with stat": lambda: _bare_walk(str(tree)),
            "look before a job": lambda: preflight(tree, (tree,), hidden=HIDDEN),
            "look after a job": lambda: postflight(tree, (tree,)),
        }
        times = _in_turn(looks, rounds=7)
    for name, (milliseconds, processor) in times.items():
        ratio = milliseconds / times["bare walk with stat"][0]
        verdict = "" if name.startswith("bare") else "  ok" if milliseconds < LOOK_TARGET_MS else "  above the target"
        print(
            f"{name:24} {milliseconds:6.1f} ms (processor {processor:.1f} ms) for {FILES:,} files,"
            f" {ratio:.1f} times the bare walk{verdict}"
        )


def _bare_walk(top: str) -> int:
    pending, links = [top], 0
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                links += entry.stat(follow_symlinks=False).st_nlink
    return links


if __name__ == "__main__":
    main()
