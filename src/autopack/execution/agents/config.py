"""Which agent carries out the tasks of a repository: `[agents.NAME]` in `.autopack/config.toml` of the base commit.

The repository says which program and which model; what of this machine the program may read, and the key itself, come
from the environment of the person who runs Autopack, never from the repository.
"""

from __future__ import annotations

import ipaddress
import shlex
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from autopack.artifacts.canonical import digest
from autopack.artifacts.model import Artifact, ExactText
from autopack.config import CONFIG_FILE, agent_tables
from autopack.errors import UsageError
from autopack.intention_anchor.v2 import Host

Interface = Literal["anthropic", "openai"]
"""Which of the two widespread ways of asking a model."""

BRIEF = "{brief}"
"""Stands in a command for the brief; a command without it reads the brief from its standard input."""

_NAME = r"^[a-z][a-z0-9-]{0,39}$"


def _model_url(url: str) -> str:
    parts = urlsplit(url)
    local = parts.hostname == "localhost" or (parts.hostname or "").startswith("127.")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValueError("a model is reached by https (by http on this machine only)")
    if parts.username or parts.password or parts.query or parts.fragment or not parts.hostname:
        raise ValueError("no more than https://HOST[:PORT][/PATH]")
    if not local and _is_address(parts.hostname):
        raise ValueError("a model has a name, not an IP address")
    return url


def _is_address(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


class ModelSettings(Artifact):
    """The model that an agent asks, through the key proxy."""

    interface: Interface
    url: Annotated[str, AfterValidator(_model_url)]
    key_env: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,60}_(KEY|TOKEN)$")]
    """Name of the variable with the real key, in the environment of who runs Autopack; inside it holds a
    placeholder."""
    base_url_env: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,60}_(URL|BASE|ENDPOINT)$")]
    """Name of the variable that leads the agent to the proxy."""
    base_url_path: Annotated[str, StringConstraints(pattern=r"^(/[a-z0-9]+)*$")] = ""
    """What the agent expects behind the address: `/v1` for OpenAI's own clients."""

    @property
    def host(self) -> str:
        """`host` (port 443) or `host:port`, as the anchor's network_allowlist writes it."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return str(parts.hostname) if port == 443 else f"{parts.hostname}:{port}"


class AgentSettings(Artifact):
    """One agent, as the repository describes it."""

    protocol: Literal["cli", "acp"] = "cli"
    argv: Annotated[tuple[ExactText, ...], Field(min_length=1)]
    model: ModelSettings | None = None
    network: tuple[Host, ...] = ()
    """Hosts that it may reach itself; each has to be in the anchor's network_allowlist, too."""
    variables: dict[Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,60}$")], ExactText] = Field(
        default_factory=dict
    )
    """Added to its environment: switches, no secrets."""
    timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] = 1_800
    direct_writes: bool = False
    """ACP: may it write files itself, besides asking Autopack to? A command line always may."""
    permit: tuple[Literal["read", "search", "think", "edit", "delete", "move", "execute", "fetch"], ...] = (
        *("read", "search", "think", "edit", "delete", "move"),
    )
    """ACP: kinds of tool call that are allowed when the agent asks; their paths are judged all the same. What the
    protocol calls `other` never is."""


class Hired(Artifact):
    """The agent of a repository, by name."""

    name: Annotated[str, StringConstraints(pattern=_NAME)]
    settings: AgentSettings

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every host that it reaches, the model's first, each once."""
        model = self.settings.model
        return tuple(dict.fromkeys((*((model.host,) if model else ()), *self.settings.network)))

    @property
    def description(self) -> str:
        """One line for the person who approves; a digest stands for what is not in it."""
        settings = self.settings
        model = f"; model at {settings.model.host}, with the key in {settings.model.key_env}" if settings.model else ""
        network = f"; reaches {', '.join(settings.network)}" if settings.network else ""
        command = shlex.join(settings.argv)
        shown = command if len(command) <= 200 else command[:200] + "…"
        return f"{self.name} ({settings.protocol}: {shown}{model}{network}; settings {digest(self.document())[:12]})"


def hired_agent(data: bytes) -> Hired | None:
    """Return the agent that a `.autopack/config.toml` of these bytes names, or None where it names none.

    Raises UsageError for settings that do not parse, and for several agents without `agent = "NAME"`.
    """
    chosen, tables = agent_tables(data)
    agents = {name: _settings(name, table) for name, table in tables.items()}
    if chosen is None and len(agents) > 1:
        raise UsageError(f"{CONFIG_FILE} describes {len(agents)} agents.", hint='Say which one: agent = "NAME".')
    if chosen is not None and chosen not in agents:
        raise UsageError(f"{CONFIG_FILE}: there is no [agents.{chosen}].")
    name = chosen or next(iter(agents), None)
    return None if name is None else _hired(name, agents[name])


def _settings(name: str, table: object) -> AgentSettings:
    try:
        return AgentSettings.from_document(table)
    except (ValidationError, TypeError) as fault:
        raise UsageError(f"{CONFIG_FILE}: [agents.{name}]: {_first_problem(fault)}.") from fault


def _hired(name: str, settings: AgentSettings) -> Hired:
    try:
        return Hired(name=name, settings=settings)
    except ValidationError as fault:
        raise UsageError(f"{CONFIG_FILE}: {name!r} is no name for an agent: {_first_problem(fault)}.") from fault


def _first_problem(fault: Exception) -> str:
    if not isinstance(fault, ValidationError):
        return str(fault)
    problem = fault.errors()[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
