"""What `.autopack/config.toml` says about channels, checked. Credentials are named there, never held."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import Field, StringConstraints, ValidationError

from autopack.artifacts.model import Artifact
from autopack.config import CONFIG_FILE
from autopack.errors import UsageError

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s@/]+(?:/[^\s@]*)?$", max_length=500)]
"""Without a user name or password: credentials are named, never written."""
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]


class TelegramSettings(Artifact):
    """`[channels.telegram]`."""

    token_env: VariableName
    """Name of the environment variable that holds the bot's token."""
    chat_id: int
    allowed_users: Annotated[tuple[int, ...], Field(min_length=1)]
    """Numbers of the users who may decide; a name can be given to somebody else."""
    base_url: Url = "https://api.telegram.org"


class GitHubSettings(Artifact):
    """`[channels.github]`; also for GitHub Enterprise, and for Gitea and Forgejo where their interface is the same."""

    token_env: VariableName
    repository: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$")]
    base_branch: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$")] | None = None
    base_url: Url = "https://api.github.com"


class WebhookSettings(Artifact):
    """`[channels.webhook]`."""

    url: Url
    secret_env: VariableName
    """Signs what goes out."""
    answer_secret_env: VariableName | None = None
    """Verifies what comes in; without it `secret_env` does."""
    poll_url: Url | None = None
    """Where signed answers can be fetched, if they cannot be posted to `autopack channels serve`."""


S = TypeVar("S", bound=Artifact)


def channel_settings(tables: Mapping[str, object], name: str, model: type[S]) -> S:
    """Return the settings of the channel NAME; raises UsageError, naming the key, where they are missing or wrong."""
    if name not in tables:
        raise UsageError(
            f"The intention names the channel {name}, but {CONFIG_FILE} has no [channels.{name}].",
            hint="docs/guides/approvals.md shows what to write.",
        )
    try:
        return model.from_document(tables[name])
    except ValidationError as fault:
        where = ".".join(("channels", name, *map(str, fault.errors()[0]["loc"])))
        said = fault.errors()[0]["msg"]
        raise UsageError(
            f"{CONFIG_FILE}: {where}: {said}.", hint="docs/guides/approvals.md shows what to write."
        ) from fault
    except TypeError as fault:
        raise UsageError(f"{CONFIG_FILE}: [channels.{name}] holds what is no text, number or list.") from fault
