"""Processes, environment variables and the time of day have few doors, each named here with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "autopack"

PROCESSES = {
    "git.py": "the only caller of git",
    "governance/signatures.py": "the only caller of ssh-keygen",
    "execution/guard.py": "the supervisor: a forked copy of the worker, which outlives it",
    "execution/sandbox/": "what builds the sandbox, and what runs inside it",
    "gaps/sources/workers.py": "a forked copy of the scan itself, which starts no program",
}
ENVIRONMENT = {
    "config.py": "the only reader of settings",
    "git.py": "PATH, to find git",
    "execution/sandbox/": "PATH and locale for what runs in the sandbox",
    "cli/main.py": "AUTOPACK_DEBUG, when everything else may be broken",
}
TIME = {
    "clock.py": "the only reader of the time",
    "gaps/snapshot.py": "age of lock files, against the file system's own times",
    "gaps/sources/repository.py": "age of lock files, against the file system's own times",
    "store/database.py": "how long to wait for another writer",
    "tidy/consolidate.py": "how long to wait for another writer",
}

SHIPPED_TEXT = {"policy/compile.py": "policy.cedar, which ships with Autopack"}
"""Modules of the deciding part that read a file of Autopack's own."""

_PROCESS_CALLS = {"system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "startfile"}
_CLOCKS = {
    "time",
    "time_ns",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "process_time",
    "localtime",
    "gmtime",
    "ctime",
}


@cache
def _modules() -> tuple[tuple[str, ast.Module], ...]:
    paths = sorted(SOURCE.rglob("*.py"))
    return tuple((path.relative_to(SOURCE).as_posix(), ast.parse(path.read_text("utf-8"))) for path in paths)


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _attributes(tree: ast.Module, owner: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == owner:
            yield node.attr


def _starts_processes(tree: ast.Module) -> bool:
    names = set(_attributes(tree, "os"))
    return (
        any(name.split(".")[0] in {"subprocess", "multiprocessing", "pty"} for name in _imports(tree))
        or bool(names & _PROCESS_CALLS)
        or any(name.startswith(("exec", "spawn")) for name in names)
    )


def _reads_environment(tree: ast.Module) -> bool:
    doors = {"environ", "environb", "getenv", "getenvb"}
    return bool(doors & set(_attributes(tree, "os"))) or bool({f"os.{name}" for name in doors} & set(_imports(tree)))


def _reads_time(tree: ast.Module) -> bool:
    imported = {f"time.{name}" for name in _CLOCKS} & set(_imports(tree))
    calendars = {"now", "utcnow", "today"} & {*_attributes(tree, "datetime"), *_attributes(tree, "date")}
    return bool(imported or calendars or _CLOCKS & set(_attributes(tree, "time")))


@pytest.mark.parametrize(
    ("walks_through", "doors"),
    [(_starts_processes, PROCESSES), (_reads_environment, ENVIRONMENT), (_reads_time, TIME)],
    ids=["processes", "environment", "time"],
)
def test_only_the_named_modules_are_doors(walks_through, doors) -> None:  # type: ignore[no-untyped-def]
    """Every module outside the list is handed what it needs; and a name on the list that needs it no more is struck."""
    folders = [door for door in doors if door.endswith("/")]
    used = {name for name, tree in _modules() if walks_through(tree)}
    assert {next((door for door in folders if name.startswith(door)), name) for name in used} == set(doors)


@pytest.mark.parametrize(
    ("code", "walks_through"),
    [
        ("import subprocess", _starts_processes),
        ("from subprocess import run", _starts_processes),
        ("import os\nos.execv('x', [])", _starts_processes),
        ("import os\nos.getenv('X')", _reads_environment),
        ("from os import environ", _reads_environment),
        ("import time\ntime.time()", _reads_time),
        ("from time import monotonic", _reads_time),
        ("from datetime import datetime\ndatetime.now()", _reads_time),
    ],
)
def test_each_way_around_a_door_would_be_noticed(code: str, walks_through) -> None:  # type: ignore[no-untyped-def]
    """The check itself sees every usual spelling."""
    assert walks_through(ast.parse(code))


@pytest.mark.parametrize("folder", ["policy", "gaps/detectors", "gaps/scanner.py", "planning/plan_proposer.py"])
def test_what_decides_opens_nothing(folder: str) -> None:
    """Policy, detectors, scanner and proposer neither open files nor look at the disk."""
    touching = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "glob", "rglob", "stat"}
    for name, tree in _modules():
        if not name.startswith(folder) or name in SHIPPED_TEXT:
            continue
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        used = {call.id if isinstance(call, ast.Name) else getattr(call, "attr", "") for call in calls}
        assert used & touching == set(), name
