"""A person who types commands into a repository, for end-to-end tests."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repositories import git

ROOT = Path(__file__).parents[1]
LEDGERS = ("docs/BUILD_HISTORY.md", "docs/DEBUG_LOG.md", "docs/ARCHITECTURE_DECISIONS.md")


@dataclass(frozen=True)
class Answer:
    """What one command said."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        return json.loads(self.stdout)


class Person:
    """Types commands into one repository; a command that ends otherwise than expected fails the test."""

    def __init__(self, repo: Path) -> None:
        self.repo = repo

    def types(self, *arguments: str, code: int = 0, environment: Mapping[str, str] | None = None) -> Answer:
        """Run `autopack ARGUMENTS`; the exit code has to be CODE, and no traceback may show."""
        done = subprocess.run(
            [sys.executable, "-m", "autopack", *arguments, "-C", str(self.repo)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            check=False,
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)

    def writes_the_intention_down(self) -> None:
        """Answer the questions of `autopack init` as the demo's maintainers would, and commit."""
        self.types("init", "--answers", str(ROOT / "examples/demo_repo/answers.yaml"))
        git(self.repo, "add", ".autopack")
        git(self.repo, "commit", "--quiet", "-m", "Write the intention down")

    def ledgers(self) -> dict[str, bytes]:
        """Return the bytes of the ledgers in the checkout."""
        return {name: (self.repo / name).read_bytes() for name in LEDGERS}

    def checkout_digest(self) -> str:
        """Return a digest of the owner's checkout: files, index, HEAD, stash and the owner's branches."""
        seen = hashlib.sha256()
        for path in sorted(self.repo.rglob("*")):
            relative = path.relative_to(self.repo)
            if relative.parts[0] in {".git", ".autonomous_runs"} or not path.is_file():
                continue
            seen.update(f"{relative} {path.stat().st_mode} ".encode() + path.read_bytes())
        seen.update((self.repo / ".git/index").read_bytes())
        seen.update(git(self.repo, "for-each-ref", "refs/heads/main", "refs/stash", "refs/tags").encode())
        return seen.hexdigest()


def make_demo(destination: Path) -> Path:
    """Make the demo repository at DESTINATION and return it."""
    subprocess.run([sys.executable, str(ROOT / "examples/demo_repo/make.py"), str(destination)], check=True)
    return destination
