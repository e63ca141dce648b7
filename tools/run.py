"""`make run`: the whole loop on a repository, step by step, as a person would type it.

Without `--repo` it works on a fresh copy of the demo repository below `.demo/`. A repository of the user's own is only
looked at, unless its intention is committed: then the autopilot runs on a branch of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
EXIT_WAITING = 3


def main() -> int:
    """Run the loop; return 0 when it did its work, also when approvals are left waiting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repo", type=Path, help="your own repository (default: a fresh copy of the demo)")
    repo: Path | None = parser.parse_args().repo
    return own_repository(repo.absolute()) if repo else demo(ROOT / ".demo" / "repo")


def demo(repo: Path) -> int:
    """Make the demo repository anew, write its intention, and let the autopilot do what it may."""
    shutil.rmtree(repo.parent, ignore_errors=True)
    repo.parent.mkdir()
    demo_maker().main(repo)
    print(f"A fresh demo repository lies in {shown(repo)}.\n")
    step(repo, "init", "--answers", str(ROOT / "examples/demo_repo/answers.yaml"))
    subprocess.run(["git", "add", ".autopack"], cwd=repo, check=True)
    subprocess.run(
        [
            "git",
            "-c",
            "user.name=Demo",
            "-c",
            "user.email=demo@example.invalid",
            "commit",
            "-qm",
            "Write the intention down",
        ],
        cwd=repo,
        check=True,
    )
    step(repo, "scan", "--format", "text")
    step(repo, "propose", "--format", "text")
    code = step(repo, "autopilot", "--enable", "--format", "text", allowed=(0, EXIT_WAITING))
    waiting = code == EXIT_WAITING
    print("\nThe loop did its work" + ("; the rest waits for you." if waiting else "."))
    print(f"next: .venv/bin/autopack {'approvals list' if waiting else 'status'} -C {shown(repo)}")
    return 0


def own_repository(repo: Path) -> int:
    """Look at REPO; fly only where the owner committed an intention."""
    step(repo, "scan", "--format", "text")
    step(repo, "propose", "--format", "text")
    committed = subprocess.run(
        ["git", "cat-file", "-e", "HEAD:.autopack/intention.yaml"], cwd=repo, capture_output=True, check=False
    )
    if committed.returncode != 0:
        print("\nNothing was written. Until an intention is committed, Autopack only looks.")
        print(f"next: .venv/bin/autopack init -C {shown(repo)}")
        return 0
    code = step(repo, "autopilot", "--enable", "--format", "text", allowed=(0, EXIT_WAITING))
    print(f"\nnext: .venv/bin/autopack {'approvals list' if code == EXIT_WAITING else 'status'} -C {shown(repo)}")
    return 0


def step(repo: Path, command: str, *options: str, allowed: tuple[int, ...] = (0,)) -> int:
    """Show and run one autopack command on REPO; end the program where it fails in a way that is not ALLOWED."""
    typed = " ".join(shown(Path(option)) if "/" in option else option for option in options)
    print(f"$ autopack {command} -C {shown(repo)} {typed}".rstrip(), flush=True)
    done = subprocess.run([sys.executable, "-m", "autopack", command, "-C", str(repo), *options], check=False)
    print(flush=True)
    if done.returncode not in allowed:
        sys.exit(done.returncode)
    return done.returncode


def shown(path: Path) -> str:
    """Return PATH as a person here would type it."""
    return os.path.relpath(path) if path.is_relative_to(ROOT) else str(path)


def demo_maker() -> ModuleType:
    """Return the module that makes the demo repository."""
    spec = importlib.util.spec_from_file_location("make_demo", ROOT / "examples/demo_repo/make.py")
    if spec is None or spec.loader is None:
        sys.exit("examples/demo_repo/make.py is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
