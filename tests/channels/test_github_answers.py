"""Who GitHub says may write, and which comment answers which question."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from asked import NOW, Question, database_at
from autopack.governance.approvals import records_of_run
from autopack.governance.channels.channel import ChannelDown, Telling
from autopack.governance.channels.github import GitHubChannel, Standing
from autopack.store.database import open_database
from channel_servers import Answer, GitHubLike, serving
from channels.test_github_channel import World


@dataclass
class Repository(GitHubLike):
    """Says of everybody who is no writer what it is told to (`strangers`), and keeps what was asked for."""

    strangers: Answer = (200, {"permission": "read", "user": {}})
    made: list[dict[str, Any]] = field(default_factory=list)

    def _permission(self, method: str, match: re.Match[str], sent: dict[str, Any]) -> Answer:
        if match["login"] not in self.writers:
            return self.strangers
        return super()._permission(method, match, sent)

    def _pulls(self, method: str, match: re.Match[str], sent: dict[str, Any]) -> Answer:
        if method == "POST":
            self.made.append(sent)
        return super()._pulls(method, match, sent)


@pytest.fixture
def server() -> Iterator[Repository]:
    made = Repository()
    with serving(made) as url:
        made.url = url
        yield made


@pytest.fixture
def world(tmp_path: Path, server: Repository) -> Iterator[World]:
    with open_database(database_at(tmp_path)) as database:
        made = World(database, server)
        assert made.deliver() == ""
        yield made


def _outcomes(world: World) -> list[str]:
    return [one.outcome for one in world.poll()]


@pytest.mark.parametrize("status", [403, 404])
def test_somebody_whom_github_does_not_know_may_not_decide(world: World, server: Repository, status: int) -> None:
    """That GitHub tells nothing of a person is a no; the comments of others still count."""
    server.strangers = (status, {"message": "no"})
    world.server.says("eve", world.command("approve"))
    world.server.says("ada", world.command("approve", "b.md"))
    assert _outcomes(world) == ["refused", "accepted"]


def test_a_server_that_fails_to_say_is_asked_again(world: World, server: Repository) -> None:
    """A fault of the server is neither a yes nor a no."""
    server.strangers = (500, {"message": "broken"})
    world.server.says("eve", world.command("approve"))
    with pytest.raises(ChannelDown, match="500"):
        world.poll()


@pytest.mark.parametrize("login", ["autopack-bot", "Autopack-Bot"])
def test_autopacks_own_account_never_decides(world: World, server: Repository, login: str) -> None:
    """Although it may write, in a comment and in a tick, in whatever case."""
    server.writers = frozenset({login})
    world.server.says(login, world.command("approve"))
    assert _outcomes(world) == ["refused"]
    world.server.edits_body(login, lambda body: body.replace("- [ ]", "- [x]", 1))
    assert "accepted" not in _outcomes(world)
    assert world.granted == 0


@pytest.mark.parametrize("login", ["ada", "zoe"])
def test_any_writer_decides(world: World, server: Repository, login: str) -> None:
    """Whichever name comes first in the alphabet."""
    server.writers = frozenset({login})
    world.server.says(login, world.command("approve"))
    assert _outcomes(world) == ["accepted"]


@pytest.mark.parametrize("path", ["a.md", "b.md"])
@pytest.mark.parametrize("step", [1, -1])
def test_a_command_means_the_action_that_it_names(world: World, path: str, step: int) -> None:
    """In whatever order the questions wait."""
    records = records_of_run(world.question.database, "run-1", NOW)
    waiting = [one.request for one in records][::step]
    world.server.says("ada", world.command("approve", path))
    (heard,) = world.channel.hear(waiting)
    (meant,) = [one for one in waiting if f'"{path}"' in one.canonical_text]
    assert heard.nonce == meant.nonce


def test_a_thousand_comments_are_read(world: World) -> None:
    """What stands in a later one is not seen."""
    already = len(world.server.comments)
    for _ in range(999 - already):
        world.server.says("ada", "Nothing to add.")
    world.server.says("ada", world.command("approve"))
    world.server.says("ada", world.command("approve", "b.md"))
    assert _outcomes(world) == ["accepted"]


def test_a_run_that_was_not_told_yet_does_not_hide_the_others(world: World) -> None:
    """A run without a pull request is passed over; the next one is heard."""
    database = world.question.database
    other = Question(database, world.question.review, world.question.actions, run_id="run-0")
    (untold, *_) = other.ask().waiting
    told = records_of_run(database, "run-1", NOW)[0]
    world.server.says("ada", world.command("approve"))
    heard = list(world.channel.hear([untold.request, told.request]))
    assert [one.nonce for one in heard] == [told.request.nonce]


def test_one_question_alone_is_told_in_a_draft(tmp_path: Path, server: Repository) -> None:
    """The pull request is a draft of the run's branch onto the default branch, and nothing in it can be merged by
    mistake before somebody says so."""
    with open_database(database_at(tmp_path)) as database:
        world = World(database, server)
        request = records_of_run(database, "run-1", NOW + timedelta(seconds=1))[0].request
        assert list(world.channel.deliver([Telling(request, "", "")])) == ["1"]
    (made,) = server.made
    assert (made["draft"], made["base"], made["head"]) == (True, "main", "autopack/run-1")


def _shown(database_folder: Path, server: Repository, **changes: str) -> None:
    """Tell one question, with CHANGES in its request."""
    with open_database(database_at(database_folder)) as database:
        world = World(database, server)
        request = records_of_run(database, "run-1", NOW)[0].request.model_copy(update=changes)
        channel = GitHubChannel(
            base_url=f"{server.url}/api/v3",
            token="t",
            repository="owner/name",
            base_branch=None,
            memory=world.channel._memory,
            standing_of=lambda run_id: [Standing(request, "", approved=False)],
        )
        list(channel.deliver([Telling(request, "", "")]))


@pytest.mark.parametrize(("ticks", "fence"), [(0, 3), (1, 3), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7)])
def test_a_text_cannot_end_the_block_that_it_stands_in(
    tmp_path: Path, server: Repository, ticks: int, fence: int
) -> None:
    """The fence is one mark longer than the longest run of marks in the text, and never shorter than three."""
    text = f"one ` mark\n{'`' * ticks}\n@everyone"
    _shown(tmp_path, server, canonical_text=text)
    assert server.comments[0]["body"].startswith(f"{'`' * fence}text\n{text}\n{'`' * fence}\n\nDigest")


def test_a_long_title_is_cut(tmp_path: Path, server: Repository) -> None:
    """300 characters of it stand in the list."""
    _shown(tmp_path, server, title="x" * 301)
    assert f"`{'x' * 300}`" in server.body


def test_what_a_server_says_is_told_up_to_a_length(world: World, server: Repository) -> None:
    """500 characters."""
    server.strangers = (500, {"message": "m" * 600})
    world.server.says("eve", world.command("approve"))
    with pytest.raises(ChannelDown) as down:
        world.poll()
    assert len(down.value.message) == 500


def test_who_edited_before_autopack_wrote_does_not_matter(world: World) -> None:
    """The tick is whose edit came after; what others did to an older body is gone."""
    world.server.edits_body("eve", lambda body: body + "\n")
    world.server.edits_body("autopack-bot", lambda body: body)
    world.server.edits_body("ada", lambda body: body.replace("- [ ]", "- [x]", 1))
    assert _outcomes(world) == ["accepted"]


def test_a_server_that_cannot_be_reached_is_a_channel_that_is_down(tmp_path: Path) -> None:
    """As one that refuses."""
    unreachable = Repository(url="http://127.0.0.1:9")
    with open_database(database_at(tmp_path)) as database:
        assert "GitHub cannot be reached" in World(database, unreachable).deliver()
