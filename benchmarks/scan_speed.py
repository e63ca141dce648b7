"""How long a cold scan takes beside `git grep -c ''`, which reads the same bytes and does nothing with them.

    python benchmarks/scan_speed.py [--files 5000] [--rounds 5] [--profile] [--repository DIR]

Makes a repository (half Python with tests, a quarter Markdown with links, the rest text and JSON), then runs both
commands in turns, each in a process of its own, and prints the medians in seconds and their ratio.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCAN = (sys.executable, "-m", "autopack.gaps.scan", "--workspace")
GREP = ("git", "grep", "-c", "")


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


def seconds(argv: tuple[str, ...], folder: Path) -> float:
    """Return how long ARGV takes in FOLDER."""
    start = time.perf_counter()
    subprocess.run(argv, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


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


def compare(folder: Path, rounds: int) -> None:
    """Run both commands ROUNDS times in turns and print the medians."""
    scans, greps = [], []
    for _ in range(rounds):
        greps.append(seconds(GREP, folder))
        scans.append(seconds((*SCAN, str(folder)), folder))
    scan, grep = statistics.median(scans), statistics.median(greps)
    print(f"scan            {scan:7.3f} s  (of {rounds}: {min(scans):.3f} to {max(scans):.3f})")
    print(f"git grep -c ''  {grep:7.3f} s  (of {rounds}: {min(greps):.3f} to {max(greps):.3f})")
    print(f"ratio           {scan / grep:7.1f}")


def main() -> None:
    """Make or take a repository and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--repository", type=Path, help="measure this repository instead of a made one")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="scan-speed-") as temporary:
        folder = options.repository or Path(temporary)
        if options.repository is None:
            make_repository(folder, options.files)
        compare(folder.resolve(), options.rounds)
        if options.profile:
            profile(folder.resolve())


if __name__ == "__main__":
    main()
