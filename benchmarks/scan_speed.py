"""How long scans take beside what git itself needs for the same files: every speed that is promised, in one run.

    python benchmarks/scan_speed.py [--files 5000] [--rounds 5] [--profile] [--repository DIR]

Makes a repository (half Python with tests, a quarter Markdown with links, the rest text and JSON), or copies one, and
measures in it

    help     `autopack --help`
    cold     `autopack scan --no-cache` beside `git grep -c ''`, which reads the same bytes and does nothing with them
    warm     `autopack scan` of an unchanged tree, after `autopack scan --write`, beside `git status`
    changed  `autopack scan` after 1 % of the files have changed, beside the warm scan

Commands that are compared take turns, each in a process of its own. Printed are medians: seconds on the clock, seconds
of processor time (user and system, all processes together), the ratio of each pair, and the peak memory of the largest
process. On a machine that does other things as well, only the ratios mean anything.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

AUTOPACK = (sys.executable, "-m", "autopack")
COLD = (*AUTOPACK, "scan", "--no-cache")
WARM = (*AUTOPACK, "scan")
FILL = (*AUTOPACK, "scan", "--write")
HELP = (*AUTOPACK, "--help")
GREP = ("git", "grep", "-c", "")
STATUS = ("git", "--no-optional-locks", "status")


def make_repository(folder: Path, count: int) -> None:
    """Fill FOLDER with COUNT files of about 4 KiB and commit them."""
    for number in range(count):
        path, text = _sample(number)
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    author = ("-c", "user.name=Benchmark", "-c", "user.email=benchmark@localhost")
    for arguments in (("init", "-q"), ("add", "-A"), (*author, "commit", "-qm", "sample")):
        subprocess.run(["git", *arguments], cwd=folder, check=True)


def _sample(number: int) -> tuple[str, str]:
    package, kind = f"package{number // 100:03}", number % 8
    if kind < 3:
        body = "".join(
            f'def function_{line}(value: int) -> int:\n    """Return VALUE plus it."""\n    return value + {line}\n\n\n'
            for line in range(40)
        )
        return f"src/{package}/module{number}.py", body
    if kind == 3:
        body = "".join(f"def test_{line}() -> None:\n    assert {line} + 1 == {line + 1}\n\n\n" for line in range(60))
        return f"tests/{package}/test_module{number}.py", body
    if kind < 6:
        module = number // 8 * 8
        code = f"src/package{module // 100:03}/module{module}.py"
        sections = (
            f"## Part {part}\n\nThe next number is {part * number}; there is [a part above](#part-0) as well.\n"
            f"See [the code](../../{code}), or open `{code}` at line {part}.\n\nNothing else is said here.\n\n"
            for part in range(20)
        )
        return f"docs/{package}/page{number}.md", f"# Page {number}\n\n" + "".join(sections)
    if kind == 6:
        return f"data/{package}/table{number}.json", '{"rows": [' + ", ".join(map(str, range(900))) + "]}\n"
    return f"data/{package}/notes{number}.txt", "".join(f"line {line} of file {number}\n" for line in range(180))


@dataclass(frozen=True)
class Cost:
    """What one command took: seconds on the clock, seconds of processor time, MiB of its largest process."""

    wall: float
    cpu: float
    peak: float


def cost_of(argv: Sequence[str], folder: Path, *, may_fail: bool = False) -> Cost:
    """Return what ARGV takes in FOLDER. A tool that finds something MAY FAIL; nothing else may."""
    start = time.perf_counter()
    process = subprocess.Popen(argv, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 and not may_fail:
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def profile(folder: Path) -> None:
    """Print where a scan spends its time, in this process."""
    from autopack.gaps.detectors import all_detectors
    from autopack.gaps.scanner import scan
    from autopack.gaps.snapshot import take_snapshot

    profiler = cProfile.Profile()
    profiler.enable()
    snapshot = take_snapshot(folder, all_detectors())
    scan(snapshot, project_id="benchmark", run_id="benchmark", detectors=all_detectors())
    profiler.disable()
    pstats.Stats(profiler).sort_stats("cumulative").print_stats(35)


def in_turns(one: Sequence[str], other: Sequence[str], folder: Path, rounds: int) -> tuple[list[Cost], list[Cost]]:
    """Return what ONE and OTHER take in FOLDER, run ROUNDS times in turns after one run each that does not count."""
    cost_of(one, folder), cost_of(other, folder)
    pairs = [(cost_of(one, folder), cost_of(other, folder)) for _ in range(rounds)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def median(costs: Sequence[Cost], part: Callable[[Cost], float]) -> float:
    """Return the median of one part of COSTS."""
    return statistics.median(map(part, costs))


def show(name: str, costs: Sequence[Cost], beside: Sequence[Cost] = (), than: str = "") -> None:
    """Print a row: NAME, its medians, and the medians of the ratios to BESIDE."""
    row = f"{name:<24}{median(costs, lambda c: c.wall):9.3f}{median(costs, lambda c: c.cpu):9.3f}"
    row += f"{median(costs, lambda c: c.peak):9.0f}"
    if beside:
        walls = statistics.median(one.wall / other.wall for one, other in zip(costs, beside, strict=True))
        cpus = statistics.median(one.cpu / other.cpu for one, other in zip(costs, beside, strict=True))
        row += f"{walls:9.2f}{cpus:9.2f}  x {than}"
    print(row, flush=True)


def change(folder: Path, part: float) -> int:
    """Append a line to PART of the tracked text files of FOLDER, spread evenly; return how many."""
    listed = subprocess.run(["git", "ls-files", "-z", "*.md", "*.py", "*.js", "*.txt"], cwd=folder, capture_output=True)
    paths = [folder / os.fsdecode(path) for path in listed.stdout.split(b"\0") if path]
    files = [path for path in paths if path.is_file() and not path.is_symlink()]
    chosen = files[:: max(1, round(1 / part))]
    for path in chosen:
        with path.open("ab") as handle:
            handle.write(b"\n")
    return len(chosen)


def measure(folder: Path, rounds: int) -> None:
    """Print all rows for FOLDER, which is changed on the way."""
    count = subprocess.run(["git", "ls-files"], cwd=folder, capture_output=True, check=True).stdout.count(b"\n")
    print(f"{count} files, median of {rounds}")
    print(f"{'':<24}{'wall s':>9}{'cpu s':>9}{'MiB':>9}{'wall':>9}{'cpu':>9}  ratio")
    show("autopack --help", [cost_of(HELP, folder) for _ in range(rounds + 1)][1:])
    cold, grep = in_turns(COLD, GREP, folder, rounds)
    show("git grep -c ''", grep)
    show("cold", cold, grep, "git grep -c ''")
    subprocess.run(STATUS, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    cost_of(FILL, folder)
    warm, status = in_turns(WARM, STATUS, folder, rounds)
    show("git status", status)
    show("warm, unchanged", warm, status, "git status")
    changed_files = change(folder, 0.01)
    changed = [cost_of(WARM, folder) for _ in range(rounds)]
    show(f"warm, {changed_files} changed", changed, warm, "warm, unchanged")


def main() -> None:
    """Make or take a repository and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--repository", type=Path, help="measure a copy of this repository instead of a made one")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="scan-speed-") as temporary:
        folder = Path(temporary).resolve() / "repository"
        if options.repository is None:
            folder.mkdir()
            make_repository(folder, options.files)
        else:
            # Not a clone: its files would all be younger than its index, and git would compare each of them.
            shutil.copytree(options.repository, folder, symlinks=True)
        subprocess.run(["git", "status"], cwd=folder, stdout=subprocess.DEVNULL, check=True)
        if options.profile:
            profile(folder)
        measure(folder, options.rounds)


if __name__ == "__main__":
    main()
