"""A command loads what it needs and no more, so that the cold start stays short."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from repositories import MakeRepository

HEAVY = {"dbos", "sqlalchemy", "psycopg", "starlette", "fastapi", "uvicorn", "alembic"}
NOT_FOR_HELP = HEAVY | {"cedarpy", "jsonschema", "detect_secrets", "ruamel", "pyromark", "requests"}


def loaded_by(*arguments: str) -> set[str]:
    """Return the top-level packages that `autopack ARGUMENTS` imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "autopack", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    lines = [line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert "autopack.cli.main" in lines
    return {name.split(".")[0] for name in lines}


@pytest.mark.parametrize("command", ["scan", "propose", "status", "approvals"])
def test_one_shot_commands_load_no_engine_database_driver_or_server(command: str) -> None:
    """Neither the durable engine nor a database driver nor a web framework is imported."""
    assert loaded_by(command, "--help") & HEAVY == set()


def test_the_list_of_commands_loads_no_heavy_library() -> None:
    """Showing what there is needs no model, no policy engine and no parser."""
    assert loaded_by("--help") & (NOT_FOR_HELP | {"pydantic"}) == set()


def test_the_help_of_a_command_loads_only_what_the_parser_of_options_needs() -> None:
    """Showing a command's options loads pydantic, because the library for command lines does, and nothing more."""
    assert loaded_by("scan", "--help") & NOT_FOR_HELP == set()


def test_an_unchanged_repository_is_answered_without_any_framework(make_repository: MakeRepository) -> None:
    """Neither models nor detectors nor the library for command lines is loaded where nothing has changed."""
    folder = str(make_repository({"README.md": "# Sample\n\n[gone](gone.md)\n"}))
    time.sleep(0.15)  # files younger than the scan are looked at again
    assert "pydantic" in loaded_by("scan", "-C", folder, "--write")
    assert loaded_by("scan", "-C", folder) & (NOT_FOR_HELP | {"pydantic", "typer", "rich", "urllib3"}) == set()


def test_a_plain_scan_loads_no_library_for_command_lines(make_repository: MakeRepository) -> None:
    """Where something is to be looked at, what is needed for that is loaded, and no parser of options."""
    folder = str(make_repository({"README.md": "# Sample\n\n[gone](gone.md)\n"}))
    loaded = loaded_by("scan", f"--workspace={folder}", "--no-cache", "--all", "--format", "markdown")
    assert "pydantic" in loaded
    assert loaded & {*HEAVY, "typer", "rich", "cedarpy", "jsonschema", "detect_secrets"} == set()
