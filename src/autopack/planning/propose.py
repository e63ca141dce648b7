"""`python -m autopack.planning.propose` is `autopack propose`: one JSON document on stdout."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command `propose` with this process's arguments and return its exit code."""
    from autopack.cli.main import main as run

    return run(["propose", "--format", "json", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
