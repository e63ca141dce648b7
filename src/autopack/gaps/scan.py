"""`python -m autopack.gaps.scan` is `autopack scan`: one JSON document on stdout when it is not a terminal."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command `scan` with this process's arguments and return its exit code."""
    from autopack.cli.main import main as run

    return run(["scan", "--format", "json", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
