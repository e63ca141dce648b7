"""Settings with the rank of their source; the only reader of environment variables and of `.autopack/config.toml`."""

from __future__ import annotations

import os
import re
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


_SECRET_NAME = re.compile(
    r"(?i)(?:token|secret|password|passwd|passphrase|credentials?|apikey|dsn|(?<![a-z])(?:auth|pat|pass)|.(?<![a-z])pwd"
    r"|(?:api|access|account|deploy|encryption|master|private|secret|signing|ssh|storage)_?key)(?:_?(?:\d+|base64|b64))?\Z"
)
"""Names that end with what they hold: `DB_PASSWORD` is one, `GIT_AUTHOR_NAME`, `SSH_AUTH_SOCK` and `PWD` are not."""

_PASSWORD_IN_URL = re.compile(r"://[^\s/@:]*:(?P<password>[^\s/@]+)@")
_NO_SECRETS = frozenset({"enabled", "disabled", "required", "default", "secret", "password", "prompt"})


def secret_environment_values(environment: Mapping[str, str]) -> frozenset[str]:
    """Return what must never be written down: values of variables whose names say that they hold a credential, and
    passwords inside the URLs of any variable; of 6 characters or more, and no paths, numbers or switches."""
    named = [value for name, value in environment.items() if _SECRET_NAME.search(name)]
    in_urls = [match["password"] for value in environment.values() for match in _PASSWORD_IN_URL.finditer(value)]
    return frozenset(value for value in (*named, *in_urls) if _may_be_secret(value))


def _may_be_secret(value: str) -> bool:
    is_path = value.startswith(("/", "./", "~/")) and value.count("/") > 1
    is_number = value.isdigit() and len(value) < 12
    return len(value) >= 6 and not is_path and not is_number and value.lower() not in _NO_SECRETS


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
