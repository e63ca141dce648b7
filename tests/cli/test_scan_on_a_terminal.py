"""`autopack scan` on a real terminal: colours and hyperlinks there, plain JSON in a pipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from repositories import MakeRepository

pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")


def on_a_terminal(repository: Path, environment: dict[str, str]) -> str:
    """Return what `autopack scan` writes to a terminal that ENVIRONMENT describes."""
    screen, terminal = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "autopack", "scan", "-C", str(repository)],
        stdout=terminal,
        stderr=subprocess.PIPE,
        env={**clean, **environment},
    )
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(screen, 65_536):
            shown += part
    except OSError:  # Linux ends a terminal that nobody writes to any more with EIO
        pass
    finally:
        os.close(screen)
        _, faults = process.communicate()
    assert process.returncode == 0, faults.decode()
    return shown.decode()


def test_a_terminal_gets_text_and_a_pipe_gets_json(make_repository: MakeRepository) -> None:
    """Colours and links where the terminal shows them, neither with NO_COLOR, and one document of JSON in a pipe."""
    repository = make_repository({"README.md": "# A\n\n[x](gone.md)\n"})
    modern = {"TERM": "xterm-256color", "VTE_VERSION": "7402"}
    shown = on_a_terminal(repository, modern)
    assert f"\x1b]8;;file://{repository}/README.md#L3\x1b\\" in shown
    assert "\x1b[36mlow\x1b[0m: README.md links to gone.md" in shown
    assert "\x1b" not in on_a_terminal(repository, {**modern, "NO_COLOR": "1"})
    piped = subprocess.run(
        [sys.executable, "-m", "autopack", "scan", "-C", str(repository)], capture_output=True, check=True
    )
    assert json.loads(piped.stdout)["summary"]["total"] == 1
