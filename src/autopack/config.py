"""Settings with the rank of their source; the only reader of environment variables and of `.autopack/config.toml`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from autopack.errors import UsageError
from autopack.file_layout import RUNS_FOLDER

INTENTION_FILE = ".autopack/intention.yaml"
CONFIG_FILE = ".autopack/config.toml"
BASELINE_FILE = ".autopack/baseline.json"
POLICY_FILE = ".autopack/policy.cedar"
DEFAULT_LEDGERS = {
    "build_history": "docs/BUILD_HISTORY.md",
    "debug_log": "docs/DEBUG_LOG.md",
    "architecture_decisions": "docs/ARCHITECTURE_DECISIONS.md",
}


Severity = Literal["off", "critical", "high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass(frozen=True)
class IgnoredPaths:
    """Paths whose findings are not reported: a gitignore pattern, why, and for which rules (none: all)."""

    glob: str
    reason: str
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleSetting:
    """How bad findings of one rule are here, and why."""

    severity: Severity
    reason: str


@dataclass(frozen=True)
class ScanSettings:
    """What the repository says about its own scans; whether the rules exist is for the scan to say."""

    roots: tuple[str, ...] = ()
    """Only findings below these folders are reported; none: everywhere."""
    ignored: tuple[IgnoredPaths, ...] = ()
    rules: Mapping[str, RuleSetting] = field(default_factory=dict)
    """Rule id -> its setting."""


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
    scan: ScanSettings = field(default_factory=ScanSettings)
    """From the working copy."""
    agent_folders: tuple[Path, ...] = ()
    """Folders of this machine that an agent may read for its program to start: the person's to say, never the
    repository's."""


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

    Ranks, the later wins: defaults, `.autopack/config.toml`, environment (`AUTONOMOUS_RUNS_DIR`, `AUTOPACK_ACTOR`,
    `AUTOPACK_AGENT_FOLDERS`).
    Raises UsageError for a configuration that does not parse or has unknown keys.
    """
    import getpass

    variables = os.environ if environment is None else environment
    written = _read_config(workspace / CONFIG_FILE)
    runs = variables.get("AUTONOMOUS_RUNS_DIR") or written.get("runs_dir") or RUNS_FOLDER
    ledgers = {**DEFAULT_LEDGERS, **cast(dict[str, str], written.get("ledgers", {}))}
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
        scan=_scan_settings(written),
        agent_folders=_folders(variables.get("AUTOPACK_AGENT_FOLDERS", "")),
    )


def _folders(listed: str) -> tuple[Path, ...]:
    """Return the absolute folders of a list in the manner of PATH; raises UsageError for any other."""
    folders = tuple(Path(entry) for entry in listed.split(os.pathsep) if entry)
    relative = next((folder for folder in folders if not folder.is_absolute()), None)
    if relative is not None:
        raise UsageError(f"AUTOPACK_AGENT_FOLDERS: {relative} is not absolute.")
    return folders


def key_from_environment(name: str, environment: Mapping[str, str] | None = None) -> str | None:
    """Return the key that the variable NAME holds, or None."""
    return (os.environ if environment is None else environment).get(name) or None


def parse_scan_settings(data: bytes) -> ScanSettings:
    """Return what a `.autopack/config.toml` of these bytes says about scans; raises UsageError like `load_settings`."""
    return _scan_settings(_parse_config(data))


def configured_ledgers(data: bytes) -> Mapping[str, str]:
    """Return the ledgers that a `.autopack/config.toml` of these bytes names; raises UsageError as `load_settings`
    does."""
    return cast(dict[str, str], _parse_config(data).get("ledgers", {}))


def agent_tables(data: bytes) -> tuple[str | None, Mapping[str, object]]:
    """Return what a `.autopack/config.toml` of these bytes says about agents: which one is to be used, and the tables
    `[agents.NAME]` as they stand. Raises UsageError like `load_settings`."""
    written = _parse_config(data)
    chosen = None if "agent" not in written else _text(written, "agent", "the file")
    return chosen, _table(written.get("agents", {}), "[agents]")


def channel_tables(data: bytes) -> Mapping[str, object]:
    """Return the tables `[channels.NAME]` of a `.autopack/config.toml` of these bytes, as they stand. Raises UsageError
    like `load_settings`."""
    return _table(_parse_config(data).get("channels", {}), "[channels]")


def _read_config(path: Path) -> dict[str, object]:
    try:
        return _parse_config(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as fault:
        raise UsageError(f"{CONFIG_FILE} cannot be read: {fault}.") from fault


def _parse_config(data: bytes) -> dict[str, object]:
    import tomllib

    try:
        written = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as fault:
        raise UsageError(f"{CONFIG_FILE} cannot be read: {fault}.") from fault
    _table(written, "the file", {"runs_dir", "ledgers", "scan", "rules", "agent", "agents", "channels"})
    if not isinstance(written.get("runs_dir", ""), str):
        raise UsageError(f"{CONFIG_FILE}: runs_dir is no text.")
    ledgers = _table(written.get("ledgers", {}), "[ledgers]")
    for name in ledgers:
        _text(ledgers, name, "[ledgers]")
    return written


def _scan_settings(written: Mapping[str, object]) -> ScanSettings:
    scan = _table(written.get("scan", {}), "[scan]", {"roots", "ignore"})
    rules = _table(written.get("rules", {}), "[rules]")
    return ScanSettings(
        roots=tuple(root.strip("/") for root in _texts(scan, "roots", "[scan]")),
        ignored=tuple(_ignored(one) for one in _list(scan, "ignore", "[scan]")),
        rules={name: _rule_setting(name, setting) for name, setting in sorted(rules.items())},
    )


def _ignored(entry: object) -> IgnoredPaths:
    where = "an entry of [scan] ignore"
    table = _table(entry, where, {"glob", "reason", "rules"})
    return IgnoredPaths(
        _text(table, "glob", where), _text(table, "reason", where), tuple(_texts(table, "rules", where))
    )


def _rule_setting(name: str, setting: object) -> RuleSetting:
    where = f'[rules."{name}"]'
    table = _table(setting, where, {"severity", "reason"})
    severity = _text(table, "severity", where)
    if severity not in SEVERITIES:
        raise UsageError(f"{CONFIG_FILE}: {where}: no severity {severity!r}.", hint=f"One of: {', '.join(SEVERITIES)}.")
    return RuleSetting(severity, _text(table, "reason", where))


def _table(value: object, where: str, known: set[str] | None = None) -> dict[str, object]:
    if not isinstance(value, dict):
        raise UsageError(f"{CONFIG_FILE}: {where} is no table.")
    unknown = sorted(set(value) - known) if known is not None else []
    if known is not None and unknown:
        named = ", ".join(sorted(known))
        raise UsageError(f"{CONFIG_FILE}: {where} has an unknown key {unknown[0]!r}.", hint=f"Known keys: {named}.")
    return value


def _text(table: Mapping[str, object], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{CONFIG_FILE}: {where} needs a text as {key}.")
    return value


def _list(table: Mapping[str, object], key: str, where: str) -> list[object]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise UsageError(f"{CONFIG_FILE}: {key} in {where} is no list.")
    return value


def _texts(table: Mapping[str, object], key: str, where: str) -> list[str]:
    values = _list(table, key, where)
    if not all(isinstance(value, str) and value.strip() for value in values):
        raise UsageError(f"{CONFIG_FILE}: {key} in {where} is no list of texts.")
    return cast(list[str], values)


def inherited_environment() -> dict[str, str]:
    """Return the environment of this process, for a further Autopack process of the same person."""
    return dict(os.environ)
