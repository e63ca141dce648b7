"""The one interface of channels: telling people about requests, and hearing what they answer.

A channel knows how to reach people and who they are; whether an answer counts is decided in `intake`, the same for all
of them. Every channel shows the same canonical text and the same digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from autopack.errors import EnvironmentFault
from autopack.governance.models import ApprovalRequestV1

DIGEST_DIGITS = 8
"""Digits of the action's digest that people are shown, and that an answer brings back."""


class ChannelDown(EnvironmentFault):
    """The channel cannot be reached or does not take a message; it is tried again later."""


@dataclass(frozen=True)
class Telling:
    """One thing to tell: a request that waits (`settled` empty), or what became of it."""

    request: ApprovalRequestV1
    settled: str
    """What became of the request, in a sentence; empty while it waits."""
    reference: str
    """What the channel called the message in which the request was asked; empty while it is not asked yet."""

    @property
    def digest(self) -> str:
        return short_digest(self.request)


@dataclass(frozen=True)
class Heard:
    """One answer as it came in. Nothing in it is believed before `intake` has looked at it."""

    event_id: str
    """What the channel calls the event, so that it counts once."""
    who: str
    """Who answered, as the channel vouches for it."""
    may_decide: bool
    """Whether the channel lets this person decide: an allow-list, write access, a valid signature."""
    decision: str
    nonce: str
    """The nonce of the request that is answered, or its first digits."""
    digest: str
    """The digits of the digest that the person was shown."""
    reason: str = ""
    signature: str = ""


class Channel(Protocol):
    """An adapter. `deliver` yields the channel's name of each message as soon as it was taken, in the order given, and
    raises ChannelDown where one was not; `hear` yields answers, again and again until they are `acknowledge`d."""

    @property
    def name(self) -> str: ...

    def deliver(self, tellings: Sequence[Telling]) -> Iterator[str]: ...

    def hear(self, waiting: Sequence[ApprovalRequestV1]) -> Iterable[Heard]: ...

    def acknowledge(self, heard: Heard, outcome: str) -> None:
        """Tell the person what became of the answer (OUTCOME: one sentence), and do not hear it again."""
        ...


class Memory(Protocol):
    """What a channel keeps from one call to the next."""

    def get(self, name: str) -> str:
        """Return what was kept under NAME, or an empty text."""
        ...

    def keep(self, name: str, value: str) -> None:
        """Keep VALUE under NAME."""
        ...


def short_digest(request: ApprovalRequestV1) -> str:
    """Return the digits of the action's digest that people see."""
    return request.binding.action_digest[:DIGEST_DIGITS]
