"""Settings with the rank of their source; the only reader of environment variables and of `.autopack/config.toml`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autopack.errors import UsageError
from autopack.file_layout import RUNS_FOLDER

INTENTION_FILE = ".autopack/intention.yaml"
CONFIG_FILE = ".autopack/config.toml"
POLICY_FILE = ".autopack/policy.cedar"
DEFAULT_LEDGERS = {
    "build_history": "docs/BUILD_HISTORY.md",
    "debug_log": "docs/DEBUG_LOG.md",
    "architecture_decisions": "docs/ARCHITECTURE_DECISIONS.md",
}


@dataclass(frozen=True)
class Settings:
    """What the person, the repository and the machine set. Frozen; made once by the front door."""

    workspace: Path
    """Root of the working tree, absolute."""
    runs_root: Path
    """Absolute `.autonomous_runs` folder."""
    ledgers: Mapping[str, str]
    """Ledger name -> path relative to the root."""
    secret_values: frozenset[str]
    """Values of environment variables whose names look like credentials."""
    actor: str
    """Who sits at the terminal, for approvals by CLI."""


_SECRET_NAME_PARTS = (
    *("TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE_KEY", "CREDENTIAL"),
    *("AUTH", "_DSN", "_PWD", "_PAT"),
)


def secret_environment_values(environment: Mapping[str, str]) -> frozenset[str]:
    """Return the values (of 6 characters or more) of variables whose names say that they hold a credential."""
    return frozenset(
        value
        for name, value in environment.items()
        if len(value) >= 6 and any(part in f"_{name.upper()}" for part in _SECRET_NAME_PARTS)
    )


def load_settings(workspace: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings for WORKSPACE (the root of a working tree).

    Ranks, the later wins: defaults, `.autopack/config.toml`, environment (`AUTONOMOUS_RUNS_DIR`, `AUTOPACK_ACTOR`).
    Raises UsageError for a configuration that does not parse or has unknown keys.
    """
    import getpass

    variables = os.environ if environment is None else environment
    written = _read_config(workspace / CONFIG_FILE)
    runs = variables.get("AUTONOMOUS_RUNS_DIR") or written.get("runs_dir") or RUNS_FOLDER
    ledgers = {**DEFAULT_LEDGERS, **written.get("ledgers", {})}
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return Settings(
        workspace=workspace,
        runs_root=(workspace / str(runs)).absolute(),
        ledgers=dict(sorted(ledgers.items())),
        secret_values=secret_environment_values(variables),
        actor=variables.get("AUTOPACK_ACTOR") or user,
    )


def _read_config(path: Path) -> dict[str, dict[str, str]]:
    import tomllib

    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise UsageError(f"{CONFIG_FILE} cannot be read: {fault}.") from fault
    unknown = sorted(set(written) - {"runs_dir", "ledgers"})
    if unknown:
        raise UsageError(f"{CONFIG_FILE}: unknown key {unknown[0]!r}.", hint="Known keys: runs_dir, [ledgers].")
    return written


def inherited_environment() -> dict[str, str]:
    """Return the environment of this process, for a further Autopack process of the same person."""
    return dict(os.environ)
