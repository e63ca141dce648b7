"""The use-cases of channels: deliver what waits, hear what came in, receive answers, and how each channel stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autopack.artifacts.redaction import register_secret_values
from autopack.clock import Clock, SystemClock
from autopack.config import CONFIG_FILE, Settings, channel_tables, key_from_environment
from autopack.errors import UsageError
from autopack.git import Git
from autopack.governance.approvals import ApprovalRecord, all_records, records_of_run
from autopack.governance.channels.channel import Channel, ChannelDown, Heard
from autopack.governance.channels.delivery import Delivered, deliver_due, settled_as
from autopack.governance.channels.github import GitHubChannel, Standing
from autopack.governance.channels.https import require_sound_url
from autopack.governance.channels.intake import take
from autopack.governance.channels.receiver import make_receiver, serve
from autopack.governance.channels.settings import (
    GitHubSettings,
    TelegramSettings,
    WebhookSettings,
    channel_settings,
)
from autopack.governance.channels.signed_messages import secret_bytes
from autopack.governance.channels.telegram import TelegramChannel, require_token
from autopack.governance.channels.webhook import WebhookChannel
from autopack.operations.approvals import Looking
from autopack.operations.runs import committed_intention
from autopack.store.database import Database, open_database
from autopack.store.outbox import (
    Message,
    StoredAnswer,
    answers,
    channel_value,
    keep_channel_value,
    messages,
)

Credential = Callable[[str], str]


@dataclass(frozen=True)
class ChannelStatus:
    """How a channel stands: what it still has to deliver, and what it answered last."""

    name: str
    waiting: int
    next_attempt_at: str
    last_error: str


@dataclass(frozen=True)
class Polled:
    """What one look at a channel came to."""

    channel: str
    answers: tuple[StoredAnswer, ...]
    error: str


def deliver(settings: Settings, *, clock: Clock | None = None) -> tuple[Delivered, ...]:
    """Deliver what is due, channel by channel; one that is down keeps none of the others waiting.

    Raises UsageError where a channel that the intention names is not set up.
    """
    clock = clock or SystemClock()
    if not _database_path(settings).exists():
        return ()
    with open_database(_database_path(settings)) as database:
        return tuple(deliver_due(database, channel, clock.now()) for channel in connect(settings, database, clock))


def poll(settings: Settings, *, clock: Clock | None = None) -> tuple[Polled, ...]:
    """Hear what people answered, decide what counts, and record all of it. Errors as `deliver`."""
    clock = clock or SystemClock()
    if not _database_path(settings).exists():
        return ()
    with open_database(_database_path(settings)) as database:
        return tuple(_poll(settings, database, channel, clock) for channel in connect(settings, database, clock))


def serve_answers(settings: Settings, *, host: str, port: int, clock: Clock | None = None) -> None:
    """Receive signed answers at HOST and PORT until interrupted. Raises UsageError where the intention does not name
    the channel webhook."""
    clock = clock or SystemClock()
    anchor, head = committed_intention(settings)
    if "webhook" not in anchor.governance_review.approval_channels:
        raise UsageError("The intention does not name the channel webhook.", hint="approval_channels: [cli, webhook]")
    stated = channel_settings(_tables(settings, head), "webhook", WebhookSettings)
    variable = stated.answer_secret_env or stated.secret_env
    key = secret_bytes(_credentials(settings)(variable), variable)
    serve(make_receiver(lambda heard: take_answer(settings, "webhook", heard, clock=clock), key, clock), host, port)


def take_answer(settings: Settings, channel: str, heard: Heard, *, clock: Clock) -> StoredAnswer:
    """Decide on one answer that came in over CHANNEL, and put it on record."""
    with open_database(_database_path(settings)) as database:
        return _take(settings, database, channel, heard, clock)


def channel_statuses(settings: Settings) -> tuple[ChannelStatus, ...]:
    """Return how each channel of the intention stands; reads only what is stored here."""
    anchor, _ = committed_intention(settings)
    waiting: tuple[Message, ...] = ()
    if _database_path(settings).exists():
        with open_database(_database_path(settings)) as database:
            waiting = messages(database, undelivered=True)
    return tuple(_status(name, waiting) for name in dict.fromkeys(anchor.governance_review.approval_channels))


def answers_on_record(settings: Settings) -> tuple[StoredAnswer, ...]:
    """Return every answer that came in over a channel, refused or not, the oldest first."""
    if not _database_path(settings).exists():
        return ()
    with open_database(_database_path(settings)) as database:
        return answers(database)


def connect(settings: Settings, database: Database, clock: Clock) -> tuple[Channel, ...]:
    """Return the channels that the committed intention names, set up by the committed configuration.

    Raises UsageError, naming what is missing, for a channel without settings or credentials.
    """
    anchor, head = committed_intention(settings)
    tables = _tables(settings, head)
    makers = {"telegram": _telegram, "github": _github, "webhook": _webhook}
    names = dict.fromkeys(anchor.governance_review.approval_channels)
    credential = _credentials(settings)
    return tuple(makers[name](tables, credential, database, clock) for name in names if name in makers)


@dataclass(frozen=True)
class _Memory:
    database: Database
    channel: str

    def get(self, name: str) -> str:
        return channel_value(self.database, self.channel, name)

    def keep(self, name: str, value: str) -> None:
        keep_channel_value(self.database, self.channel, name, value)


def _telegram(tables: dict[str, object], credential: Credential, database: Database, clock: Clock) -> Channel:
    stated = channel_settings(tables, "telegram", TelegramSettings)
    return TelegramChannel(
        base_url=require_sound_url(stated.base_url, "channels.telegram.base_url"),
        token=require_token(credential(stated.token_env), stated.token_env),
        chat_id=stated.chat_id,
        allowed_users=stated.allowed_users,
        memory=_Memory(database, "telegram"),
    )


def _github(tables: dict[str, object], credential: Credential, database: Database, clock: Clock) -> Channel:
    stated = channel_settings(tables, "github", GitHubSettings)

    def standing_of(run_id: str) -> Sequence[Standing]:
        latest = {one.request.binding.action_id: one for one in records_of_run(database, run_id, clock.now())}
        return tuple(_standing(record) for record in latest.values())

    return GitHubChannel(
        base_url=require_sound_url(stated.base_url, "channels.github.base_url"),
        token=credential(stated.token_env),
        repository=stated.repository,
        base_branch=stated.base_branch,
        memory=_Memory(database, "github"),
        standing_of=standing_of,
    )


def _webhook(tables: dict[str, object], credential: Credential, database: Database, clock: Clock) -> Channel:
    stated = channel_settings(tables, "webhook", WebhookSettings)
    answering = stated.answer_secret_env or stated.secret_env
    return WebhookChannel(
        url=require_sound_url(stated.url, "channels.webhook.url"),
        poll_url=None if stated.poll_url is None else require_sound_url(stated.poll_url, "channels.webhook.poll_url"),
        key=secret_bytes(credential(stated.secret_env), stated.secret_env),
        answer_key=secret_bytes(credential(answering), answering),
        clock=clock,
    )


def _standing(record: ApprovalRecord) -> Standing:
    approved = record.decision is not None and record.decision.allows and not record.ended
    return Standing(record.request, settled_as(record), approved)


def _poll(settings: Settings, database: Database, channel: Channel, clock: Clock) -> Polled:
    waiting = [one.request for one in all_records(database, clock.now(), undecided=True) if not one.ended]
    taken: list[StoredAnswer] = []
    try:
        for heard in channel.hear(waiting):
            answer = _take(settings, database, channel.name, heard, clock)
            taken.append(answer)
            channel.acknowledge(heard, f"{answer.outcome}: {answer.detail}")
    except ChannelDown as fault:
        return Polled(channel.name, tuple(taken), fault.message)
    return Polled(channel.name, tuple(taken), "")


def _take(settings: Settings, database: Database, channel: str, heard: Heard, clock: Clock) -> StoredAnswer:
    looking = Looking(settings)

    def find(nonce: str) -> ApprovalRecord | None:
        every = all_records(database, clock.now())
        return next((one for one in every if one.request.nonce is not None and one.request.nonce == nonce), None)

    return take(database, channel, heard, find=find, present=looking.present, now=clock.now())


def _tables(settings: Settings, head: str) -> dict[str, object]:
    """Return the channels' settings as the base commit has them; the working copy does not count."""
    written = Git(settings.workspace).show(head, CONFIG_FILE)
    return dict(channel_tables(written or b""))


def _credentials(settings: Settings) -> Callable[[str], str]:
    """Return what reads a credential from an environment variable; from then on it is masked in whatever is written."""
    seen = set(settings.secret_values)

    def read(variable: str) -> str:
        value = key_from_environment(variable)
        if value is None:
            raise UsageError(f"The environment variable {variable} is not set.", hint=f"export {variable}=…")
        seen.add(value)
        register_secret_values(seen)
        return value

    return read


def _status(name: str, waiting: Sequence[Message]) -> ChannelStatus:
    mine = [message for message in waiting if message.channel == name]
    errors = [message.last_error for message in mine if message.last_error]
    return ChannelStatus(
        name, len(mine), min((one.next_attempt_at for one in mine), default=""), errors[-1] if errors else ""
    )


def _database_path(settings: Settings) -> Path:
    return settings.runs_root / "autopack.db"
