"""The plan as a pull request, answers in comments and ticks, through PyGithub: against a stand-in, and against the
simulator of GitHub's interface `@simulacrum/github-api-simulator` where it is installed (`make channel-tests`)."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from asked import NOW, Question, a_review, database_at
from autopack.governance.approvals import records_of_run
from autopack.governance.channels.channel import short_digest
from autopack.governance.channels.delivery import deliver_due, settled_as
from autopack.governance.channels.github import GitHubChannel, Standing
from autopack.governance.channels.intake import take
from autopack.store.database import Database, open_database
from autopack.store.outbox import StoredAnswer, channel_value, keep_channel_value, messages
from channel_servers import GitHubLike, GitHubSimulator, serving
from governed import an_action

_TOKEN = "ghp_0123456789abcdefghij"
_INSTALLED = Path(__file__).parents[2] / ".cache" / "channel-tests"


class _Memory:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> str:
        return channel_value(self._database, "github", name)

    def keep(self, name: str, value: str) -> None:
        keep_channel_value(self._database, "github", name, value)


class World:
    """One question about two actions, told on one server."""

    def __init__(self, database: Database, server: GitHubLike | GitHubSimulator) -> None:
        actions = (an_action("a.md", title="Correct `a` <!-- @everyone -->\n- [x] done"), an_action("b.md"))
        self.server = server
        self.question = Question(
            database, a_review(approval_channels=("cli", "github"), batch_policy="independent"), actions
        )
        self.question.ask()
        self.channel = GitHubChannel(
            base_url=f"{server.url}/api/v3",
            token=_TOKEN,
            repository="owner/name",
            base_branch=None,
            memory=_Memory(database),
            standing_of=self._standing_of,
        )
        self.now = NOW

    def _standing_of(self, run_id: str) -> list[Standing]:
        return [
            Standing(one.request, settled_as(one), one.decision is not None and one.decision.allows)
            for one in records_of_run(self.question.database, run_id, NOW)
        ]

    def deliver(self) -> str:
        self.now += timedelta(hours=2)
        return deliver_due(self.question.database, self.channel, self.now).error

    def poll(self) -> list[StoredAnswer]:
        question = self.question
        records = records_of_run(question.database, question.run_id, NOW)
        waiting = [one.request for one in records if one.decision is None]
        return [
            take(question.database, "github", heard, find=question.find, present=question.present, now=NOW)
            for heard in self.channel.hear(waiting)
        ]

    def command(self, verb: str, path: str = "a.md", *, digest: str = "") -> str:
        (request,) = (
            one.request
            for one in records_of_run(self.question.database, "run-1", NOW)
            if f'"{path}"' in one.request.canonical_text
        )
        return f"/autopack {verb} {request.binding.action_id}@{digest or short_digest(request)}"

    @property
    def granted(self) -> int:
        return len(self.question.gate().granted)


@pytest.fixture(scope="module")
def simulator() -> Iterator[GitHubSimulator | None]:
    """The simulator, started once; None where it is not installed."""
    node = shutil.which("node")
    if node is None or not (_INSTALLED / "node_modules" / "@simulacrum" / "github-api-simulator").is_dir():
        yield None
        return
    script = Path(__file__).with_name("github_simulator.mjs")
    command = [node, str(script), str(_INSTALLED / "package.json")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield GitHubSimulator(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(params=["stand-in", "github-api-simulator"])
def server(request: pytest.FixtureRequest, simulator: GitHubSimulator | None) -> Iterator[GitHubLike | GitHubSimulator]:
    """A fresh server of either kind; at the end the simulator has refused nothing that the channel sent."""
    if request.param == "stand-in":
        with _stand_in() as made:
            yield made
        return
    fresh = _installed(request)
    yield fresh
    assert fresh.refused == []


def _installed(request: pytest.FixtureRequest) -> GitHubSimulator:
    """Return the simulator with nothing in its memory; where it is not installed, the test says that it did not run."""
    started = request.getfixturevalue("simulator")
    if started is None:
        pytest.skip("NOT COVERED: the simulator of GitHub is not installed; `make channel-tests` installs it with npm")
    return GitHubSimulator(started.url)


@contextmanager
def _stand_in() -> Iterator[GitHubLike]:
    made = GitHubLike()
    with serving(made) as url:
        made.url = url
        yield made


@pytest.fixture
def world(tmp_path: Path, server: GitHubLike | GitHubSimulator) -> Iterator[World]:
    with open_database(database_at(tmp_path)) as database:
        made = World(database, server)
        assert made.deliver() == ""
        yield made


def test_the_plan_is_a_pull_request_with_a_box_for_each_action(world: World) -> None:
    """A branch without a change, one pull request, a box bound to nonce and digest, the canonical text in full in a
    comment each, and a pending status; asked again nothing is made twice."""
    first = records_of_run(world.question.database, "run-1", NOW)[0].request
    assert world.server.branches == {"autopack/run-1": "c" * 40}
    assert f"- [ ] <!-- autopack:approve={first.nonce}@{short_digest(first)} --> `action-" in world.server.body
    assert world.server.body.count("- [ ] ") == 2
    assert "\n- [x]" not in world.server.body
    assert [one["body"].count(first.canonical_text) for one in world.server.comments] == [1, 0]
    assert world.server.statuses[-1]["state"] == "pending"
    assert world.deliver() == ""
    assert (world.server.pulls, len(world.server.comments)) == (1, 2)


def test_a_command_by_a_writer_counts_once(world: World) -> None:
    """Approved by one comment, rejected by another; polling again changes nothing; the body then shows both."""
    world.server.says("ada", "Looks fine.\r\n" + world.command("approve") + " checked it")
    world.server.says("ada", world.command("reject", "b.md") + " not now")
    assert [one.outcome for one in world.poll()] == ["accepted", "accepted"]
    assert world.poll() == []
    assert world.granted == 1
    assert world.deliver() == ""
    assert world.server.body.count("- [ ] ") == 0
    assert "Approved by ada via github" in world.server.body
    assert world.server.statuses[-1]["state"] == "failure"


@pytest.mark.parametrize(
    ("login", "text", "when"),
    [
        ("eve", "{approve}", {}),
        ("autopack-bot", "{approve}", {}),
        ("ada", "{approve}", {"edited": "2026-01-02T05:00:00Z"}),
        ("ada", "{approve}", {"at": "2026-01-02T03:00:00Z"}),
        ("ada", "{stale}", {}),
        ("ada", "> {approve}", {}),
        ("ada", "`{approve}`", {}),
        ("ada", "/autopack approve", {}),
        ("ada", "/autopack yes-please action-000000000000@00000000", {}),
        ("ada", "/autopack approve action-000000000000@00000000", {}),
        ("eve", "I am ada\n{approve}", {}),
    ],
    ids=[
        "a stranger",
        "Autopack's own account",
        "an edited comment",
        "a comment older than the question",
        "the digest of an older action",
        "a quotation",
        "code",
        "no action",
        "an unknown verb",
        "an unknown action",
        "a stranger who says otherwise",
    ],
)
def test_a_comment_that_is_not_wholly_right_decides_nothing(
    world: World, login: str, text: str, when: dict[str, str]
) -> None:
    """Refused, and where it was a command also recorded."""
    written = text.format(approve=world.command("approve"), stale=world.command("approve", digest="0" * 8))
    world.server.says(login, written, **when)
    assert all(one.outcome == "refused" for one in world.poll())
    assert world.granted == 0


def test_a_tick_by_one_writer_counts(world: World) -> None:
    """When one person alone edited the body since Autopack wrote it, the ticks are that person's."""
    world.server.edits_body("ada", lambda body: body.replace("- [ ]", "- [x]", 1))
    assert [one.outcome for one in world.poll()] == ["accepted"]
    assert world.granted == 1


@pytest.mark.parametrize("editors", [["eve"], ["eve", "ada"], ["ada", "eve"], ["autopack-bot"]])
def test_a_tick_whose_author_is_not_certain_decides_nothing(world: World, editors: list[str]) -> None:
    """A stranger's tick, and a tick among the edits of several people, approve nothing."""
    world.server.edits_body(editors[0], lambda body: body.replace("- [ ]", "- [x]"))
    for login in editors[1:]:
        world.server.edits_body(login, lambda body: body + "\n")
    assert all(one.outcome == "refused" for one in world.poll())
    assert world.granted == 0
    if editors[0] == "autopack-bot" or len(editors) > 1:
        assert "\n- [x]" not in world.server.body


def test_a_tick_with_an_old_digest_decides_nothing(world: World) -> None:
    """The digest in the box has to be the request's."""
    digest = short_digest(records_of_run(world.question.database, "run-1", NOW)[0].request)
    change = lambda body: body.replace(f"@{digest} -->", "@00000000 -->", 1).replace("- [ ]", "- [x]", 1)  # noqa: E731
    world.server.edits_body("ada", change)
    assert [one.outcome for one in world.poll()] == ["refused"]
    assert world.granted == 0


def test_without_graphql_only_comments_decide(world: World) -> None:
    """A server that does not say who edited a body (Gitea, Forgejo): ticks are ignored, commands count."""
    world.server.set(graphql=False)
    world.server.edits_body("ada", lambda body: body.replace("- [ ]", "- [x]"))
    assert world.poll() == []
    world.server.says("ada", world.command("approve"))
    assert [one.outcome for one in world.poll()] == ["accepted"]


def test_a_server_that_is_down_or_lacks_the_base_commit_is_tried_again(
    tmp_path: Path, server: GitHubLike | GitHubSimulator
) -> None:
    """Nothing is lost, the reason is kept without the token, and later it is delivered."""
    server.set(base_pushed=False)
    with open_database(database_at(tmp_path)) as database:
        world = World(database, server)
        assert "404" in world.deliver()
        server.set(down=True)
        assert "502" in world.deliver()
        assert all(_TOKEN not in one.last_error for one in messages(database))
        server.set(down=False, base_pushed=True)
        assert world.deliver() == ""
        assert messages(database, undelivered=True) == ()


def test_the_simulator_notices_what_github_would_refuse(request: pytest.FixtureRequest) -> None:
    """A status that GitHub does not know is refused and told, so that `refused` being empty means something."""
    fresh, place = _installed(request), f"/api/v3/repos/owner/name/statuses/{'c' * 40}"
    document = json.dumps({"state": "perhaps"}).encode()
    sent = urllib.request.Request(fresh.url + place, document, {"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(sent, timeout=60)
    assert fresh.refused == [f"POST {place}"]
