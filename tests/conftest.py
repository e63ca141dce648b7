"""Every test lives in its own small world: own HOME, own git configuration, one time zone, one locale."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from repositories import MakeRepository, commit_all, git, write_files


def pytest_configure() -> None:
    """Hear Ctrl-C again where whoever started the tests did not (a shell's background jobs): children inherit it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _hermetic(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("GIT_", "AUTOPACK_", "AUTONOMOUS_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def make_repository(tmp_path: Path) -> MakeRepository:
    """Return a function `(files, name="repo") -> Path` that makes a real git repository with one commit."""

    def make(files: Mapping[str, str | bytes] | None = None, name: str = "repo") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        git(folder, "init", "--quiet")
        write_files(folder, files or {"README.md": "# Sample\n"})
        commit_all(folder, "first")
        return folder

    return make
