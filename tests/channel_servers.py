"""Servers for tests of channels: small real ones on this machine's loopback, each a documented stand-in.

`GitHubLike` answers the part of GitHub's REST and GraphQL interface that the channel uses, in GitHub's own shapes
(https://docs.github.com/rest, version 2022-11-28); it keeps pull requests, comments and statuses in memory.
`Receiver` keeps what is posted to it and can be told to fail.
"""

from __future__ import annotations

import json
import re
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, object]


@contextmanager
def serving(answer: Callable[[str, str, dict[str, str], bytes], Answer]) -> Iterator[str]:
    """Serve ANSWER(method, path, headers, body) on a free port of the loopback; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, document = answer(self.command, self.path, headers, body)
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Receiver:
    """Keeps what is posted; answers 500 while it is `down`; what is got is `offered`."""

    down: bool = False
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    offered: list[object] = field(default_factory=list)

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if self.down:
            return 500, {"error": "down"}
        if method == "GET":
            return 200, {"answers": self.offered}
        self.got.append((headers, body))
        return 200, {}


@dataclass
class GitHubLike:
    """One repository `owner/name` on a server; `writers` may write, the token belongs to `autopack-bot`."""

    writers: frozenset[str] = frozenset({"ada"})
    graphql: bool = True
    down: bool = False
    base_pushed: bool = True
    url: str = ""
    branches: dict[str, str] = field(default_factory=dict)
    body: str = ""
    pulls: int = 0
    comments: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    edits: list[tuple[str, str]] = field(default_factory=list)
    """When, and by whom, the body was edited."""
    clock: int = 0

    def says(self, login: str, text: str, *, at: str = "2026-01-02T04:00:00Z", edited: str = "") -> None:
        """Let LOGIN write a comment."""
        number = len(self.comments) + 1
        user = {"login": login, "id": 1, "type": "User", "url": f"{self.url}/users/{login}"}
        self.comments.append(
            {"id": number, "body": text, "user": user, "created_at": at, "updated_at": edited or at, "url": "x"}
        )

    def edits_body(self, login: str, change: Callable[[str], str]) -> None:
        """Let LOGIN change the body of the pull request."""
        self.body = change(self.body)
        self._note_edit(login)

    def set(self, **changes: bool) -> None:
        """Set the switches `graphql`, `down` and `base_pushed`."""
        for name, value in changes.items():
            setattr(self, name, value)

    def _note_edit(self, login: str) -> None:
        self.clock += 1
        self.edits.append((f"2026-01-02T04:{self.clock // 60:02}:{self.clock % 60:02}Z", login))

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if self.down:
            return 502, {"message": "Bad gateway"}
        path = path.split("?")[0].replace("/api/v3", "")
        sent = json.loads(body) if body else {}
        for pattern, handle in self._routes():
            match = re.fullmatch(f"{method} {pattern}", f"{method} {path}")
            if match and pattern and (answer := handle(method, match, sent)):
                return answer
        return 404, {"message": "Not Found"}

    def _routes(self) -> list[tuple[str, Callable[[str, re.Match[str], dict[str, Any]], Answer | None]]]:
        repo = "/repos/owner/name"
        return [
            (repo, lambda *_: (200, self._repository())),
            ("/user", lambda *_: (200, {"login": "autopack-bot", "id": 9, "url": "x"})),
            (f"{repo}/branches/(?P<name>.+)", self._branch),
            (f"{repo}/git/commits/(?P<sha>[0-9a-f]+)", self._commit),
            (f"{repo}/git/commits", lambda *_: (201, {**self._git_commit("c" * 40), "sha": "c" * 40})),
            (f"{repo}/git/refs", self._make_ref),
            (f"{repo}/pulls", self._pulls),
            (f"{repo}/pulls/1", self._pull),
            (f"{repo}/issues/1", lambda *_: (200, {"number": 1, "url": f"{self.url}/api/v3{repo}/issues/1"})),
            (f"{repo}/issues/1/comments", self._comments),
            (f"{repo}/collaborators/(?P<login>[^/]+)/permission", self._permission),
            (f"{repo}/commits/(?P<sha>[0-9a-f]+)", lambda _, match, __: (200, self._commit_of(match["sha"]))),
            (f"{repo}/statuses/(?P<sha>[0-9a-f]+)", self._status),
            ("/api/graphql", self._graphql),
            ("/graphql", self._graphql),
        ]

    def _repository(self) -> dict[str, Any]:
        return {
            "id": 1,
            "name": "name",
            "full_name": "owner/name",
            "default_branch": "main",
            "url": f"{self.url}/api/v3/repos/owner/name",
        }

    def _branch(self, _: str, match: re.Match[str], __: dict[str, Any]) -> Answer | None:
        sha = self.branches.get(match["name"])
        return None if sha is None else (200, {"name": match["name"], "commit": {"sha": sha}})

    def _commit(self, _: str, match: re.Match[str], __: dict[str, Any]) -> Answer | None:
        return (200, self._git_commit(match["sha"])) if self.base_pushed else None

    def _git_commit(self, sha: str) -> dict[str, Any]:
        return {"sha": sha, "tree": {"sha": "d" * 40, "url": "x"}, "url": "x"}

    def _commit_of(self, sha: str) -> dict[str, Any]:
        return {"sha": sha, "url": f"{self.url}/api/v3/repos/owner/name/commits/{sha}"}

    def _make_ref(self, _: str, __: re.Match[str], sent: dict[str, Any]) -> Answer:
        self.branches[sent["ref"].removeprefix("refs/heads/")] = sent["sha"]
        return 201, {"ref": sent["ref"], "object": {"sha": sent["sha"]}}

    def _pull_document(self) -> dict[str, Any]:
        repo = f"{self.url}/api/v3/repos/owner/name"
        return {
            "id": 1,
            "number": 1,
            "body": self.body,
            "url": f"{repo}/pulls/1",
            "issue_url": f"{repo}/issues/1",
            "head": {"sha": "c" * 40, "ref": "autopack/run-1"},
        }

    def _pulls(self, method: str, _: re.Match[str], sent: dict[str, Any]) -> Answer:
        if method == "GET":
            return 200, [self._pull_document()] if self.pulls else []
        self.pulls += 1
        self.body = sent["body"]
        self._note_edit("autopack-bot")
        return 201, self._pull_document()

    def _pull(self, method: str, _: re.Match[str], sent: dict[str, Any]) -> Answer:
        if method == "PATCH":
            self.body = sent["body"]
            self._note_edit("autopack-bot")
        return 200, self._pull_document()

    def _comments(self, method: str, _: re.Match[str], sent: dict[str, Any]) -> Answer:
        if method == "POST":
            self.says("autopack-bot", sent["body"])
            return 201, self.comments[-1]
        return 200, self.comments

    def _permission(self, _: str, match: re.Match[str], __: dict[str, Any]) -> Answer:
        return 200, {"permission": "write" if match["login"] in self.writers else "read", "user": {}}

    def _status(self, _: str, __: re.Match[str], sent: dict[str, Any]) -> Answer:
        self.statuses.append(sent)
        return 201, {"id": 1, **sent}

    def _graphql(self, _: str, __: re.Match[str], sent: dict[str, Any]) -> Answer | None:
        if not self.graphql:
            return None
        nodes = [{"editedAt": at, "editor": {"login": login}} for at, login in self.edits]
        pull = {"body": self.body, "userContentEdits": {"nodes": nodes}}
        return 200, {"data": {"viewer": {"login": "autopack-bot"}, "repository": {"pullRequest": pull}}}


class GitHubSimulator:
    """The npm package `@simulacrum/github-api-simulator` at URL, with the memory that `github_simulator.mjs` adds: to a
    test it looks like `GitHubLike`. What does not fit GitHub's own description of its interface is `refused`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._control({"reset": True})

    def says(self, login: str, text: str, *, at: str = "2026-01-02T04:00:00Z", edited: str = "") -> None:
        """Let LOGIN write a comment."""
        self._control({"comment": {"login": login, "text": text, "at": at, "edited": edited}})

    def edits_body(self, login: str, change: Callable[[str], str]) -> None:
        """Let LOGIN change the body of the pull request."""
        self._control({"body": change(self.body), "by": login})

    def set(self, **changes: bool) -> None:
        """Set the switches `graphql`, `down` and `base_pushed`."""
        self._control(changes)

    @property
    def branches(self) -> dict[str, str]:
        return dict(self._control()["branches"])

    @property
    def body(self) -> str:
        return str(self._control()["body"])

    @property
    def pulls(self) -> int:
        return int(self._control()["pulls"])

    @property
    def comments(self) -> list[dict[str, Any]]:
        return list(self._control()["comments"])

    @property
    def statuses(self) -> list[dict[str, Any]]:
        return list(self._control()["statuses"])

    @property
    def refused(self) -> list[str]:
        return list(self._control()["refused"])

    def _control(self, document: object = None) -> dict[str, Any]:
        data = None if document is None else json.dumps(document).encode()
        asked = urllib.request.Request(self.url + "/control", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return dict(json.loads(answer.read()))


@dataclass
class TelegramLike:
    """The part of Telegram's Bot API that the channel uses (https://core.telegram.org/bots/api): unlike the emulator,
    updates come again until they are confirmed by an offset, and messages are bounded."""

    down: bool = False
    sent: list[dict[str, Any]] = field(default_factory=list)
    edited: list[dict[str, Any]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    pressed: int = 0

    def press(self, data: str, user: int, chat: int) -> None:
        """Let USER press the button with DATA in CHAT."""
        self.pressed += 1
        number = self.pressed
        pressed = {"id": f"q{number}", "from": {"id": user}, "message": {"chat": {"id": chat}}, "data": data}
        self.updates.append({"update_id": number, "callback_query": pressed})

    def buttons(self) -> list[str]:
        """Return what the buttons of the last question send back."""
        keyboards = [one["reply_markup"]["inline_keyboard"] for one in self.sent if "reply_markup" in one]
        return [button["callback_data"] for row in keyboards[-1] for button in row]

    def texts(self) -> list[str]:
        """Return every text sent so far."""
        return [str(one["text"]) for one in self.sent]

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        name, said = path.rsplit("/", 1)[1], json.loads(body)
        if self.down:
            return 502, {"ok": False, "description": f"Bad gateway for {path}"}
        if name == "sendMessage":
            if len(said["text"].encode("utf-16-le")) > 2 * 4_096:
                return 400, {"ok": False, "description": "message is too long"}
            self.sent.append(said)
            return 200, {"ok": True, "result": {"message_id": len(self.sent)}}
        if name == "getUpdates":
            self.updates = [one for one in self.updates if one["update_id"] >= said["offset"]]
            return 200, {"ok": True, "result": self.updates}
        if name == "answerCallbackQuery":
            self.shown.append(said["text"])
        if name == "editMessageText":
            self.edited.append(said)
        return 200, {"ok": True, "result": True}
