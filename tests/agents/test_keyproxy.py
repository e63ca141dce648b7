"""The key proxy is the only way to the model: it adds the key, lets little pass, and no cap is ever overshot."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from autopack.execution.agents.config import Interface
from autopack.execution.agents.meter import RunMeter
from autopack.execution.keyproxy import PLACEHOLDER, KeyProxy, ModelCall, Upstream
from autopack.store.budgets import Day, Share, budgets_of, set_caps, spend
from autopack.store.database import open_database
from autopack.store.runs import Run, create_run
from stub_model import KEY, StubModel, Turn

PATHS: dict[str, Interface] = {
    "/v1/messages": "anthropic",
    "/v1/chat/completions": "openai",
    "/v1/responses": "openai",
}
MAXIMUM = {"/v1/messages": "max_tokens", "/v1/chat/completions": "max_tokens", "/v1/responses": "max_output_tokens"}
RUN = "run-1"


class _Inside(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


@dataclass
class Box:
    """What an agent sees of the proxy, and what the host counts."""

    socket: Path
    database: Path
    model: StubModel
    calls: list[ModelCall] = field(default_factory=list)

    def asks(
        self, path: str, document: object = None, *, method: str = "POST", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request as an agent would; return status, headers and body."""
        connection = _Inside(self.socket)
        body = None if document is None else json.dumps(document).encode()
        sent = {"content-type": "application/json", "x-api-key": PLACEHOLDER, **(headers or {})}
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        with contextlib.closing(connection):
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def spent(self) -> int:
        """Return what the run counts as spent, once no call is in flight."""
        with open_database(self.database) as database:
            return {each.resource: each.spent for each in budgets_of(database, RUN)}["tokens"]

    def settled(self, calls: int) -> int:
        """Return what is spent after that many decisions."""
        deadline = time.monotonic() + 10
        while len(self.calls) < calls and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.spent()


@pytest.fixture
def model() -> Iterator[StubModel]:
    with StubModel().serving() as served:
        yield served


@contextlib.contextmanager
def boxed(tmp_path: Path, model: StubModel, interface: Interface, cap: int) -> Iterator[Box]:
    """Yield a box whose run may spend CAP tokens."""
    database = tmp_path / "autopack.db"
    with open_database(database) as opened:
        set_caps(opened, RUN, {"tokens": cap})
    box = Box(tmp_path / "model.sock", database, model)
    proxy = KeyProxy(Upstream(interface, model.url, KEY), RunMeter(database, RUN, Share("a")), box.calls.append)
    with proxy.serving(box.socket):
        yield box


def question(path: str, **more: Any) -> dict[str, Any]:
    """Return a small request to PATH."""
    prompt = {"input": "Hello"} if path == "/v1/responses" else {"messages": [{"role": "user", "content": "Hello"}]}
    return {"model": "stub", MAXIMUM[path]: 100, **prompt, **more}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_call_passes_with_the_real_key_and_is_counted_exactly(
    tmp_path: Path, model: StubModel, path: str, *, stream: bool
) -> None:
    """The service sees the real key and nothing of the box's headers; the tokens that it states are what is spent."""
    model.answer = lambda document: Turn("Good day", 1_234, 56)
    with boxed(tmp_path, model, PATHS[path], 10_000) as box:
        status, headers, body = box.asks(path, question(path, stream=stream), headers={"cookie": "a=b", "x-odd": "1"})
        assert (status, b"Good day" in body, "set-cookie" in headers) == (200, True, False)
        assert box.settled(1) == 1_290
    ((_, sent, document),) = model.seen
    names = {name.lower(): value for name, value in sent.items()}
    assert KEY in (names.get("x-api-key", "") + names.get("authorization", ""))
    assert not {"cookie", "x-odd"} & set(names)
    assert document.get("stream", False) is stream
    assert box.calls == [ModelCall(path, 200, 1_290)]


@pytest.mark.parametrize("path", PATHS)
def test_a_call_that_could_overshoot_the_cap_is_not_made(tmp_path: Path, model: StubModel, path: str) -> None:
    """What a call could cost at most is taken first; where it does not fit, the answer is 429 and nothing is spent."""
    with boxed(tmp_path, model, PATHS[path], 3_000) as box:
        status, headers, body = box.asks(path, question(path, **{MAXIMUM[path]: 5_000}))
        assert (status, headers["x-should-retry"], box.spent()) == (429, "false", 0)
        assert "token budget of this run is spent" in json.loads(body)["error"]["message"]
        assert box.asks(path, question(path))[0] == 200
    assert len(model.seen) == 1


def test_many_calls_at_once_never_overshoot_the_cap(tmp_path: Path, model: StubModel) -> None:
    """Forty calls of eight threads: what is spent never exceeds the cap, at no moment, and some are refused."""
    model.answer = lambda document: Turn("x", 700, 100)
    most: list[int] = []
    with boxed(tmp_path, model, "anthropic", 9_000) as box, ThreadPoolExecutor(8) as pool:
        over = threading.Event()

        def watch() -> None:
            while not over.is_set():
                most.append(box.spent())

        watcher = threading.Thread(target=watch)
        watcher.start()
        answers = [
            each[0] for each in pool.map(lambda n: box.asks("/v1/messages", question("/v1/messages")), range(40))
        ]
        over.set()
        watcher.join()
        made = answers.count(200)
        assert (set(answers), box.settled(40)) == ({200, 429}, made * 800)
    assert max(most) <= 9_000


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("turn", [Turn(silent=True), Turn(cut=True)], ids=["no usage", "cut short"])
def test_an_answer_whose_cost_is_not_known_counts_as_the_most(
    tmp_path: Path, model: StubModel, path: str, turn: Turn, *, stream: bool
) -> None:
    """A service that states no usage, or breaks off, leaves the whole reservation counted."""
    model.answer = lambda document: turn
    with boxed(tmp_path, model, PATHS[path], 10_000) as box:
        with contextlib.suppress(http.client.HTTPException, OSError):
            box.asks(path, question(path, stream=stream))
        assert 2_100 < box.settled(1) < 2_500


def test_an_agent_that_hangs_up_pays_for_the_whole_call(tmp_path: Path, model: StubModel) -> None:
    """Leaving in the middle of an answer gives nothing back."""
    waiting = threading.Event()

    def slowly(document: object) -> Turn:
        waiting.wait(10)
        return Turn("x" * 4_000_000)

    model.answer = slowly
    with boxed(tmp_path, model, "anthropic", 10_000) as box:
        connection = _Inside(box.socket)
        connection.request("POST", "/v1/messages", json.dumps(question("/v1/messages")))
        connection.close()
        waiting.set()
        assert box.settled(1) > 2_100


def test_a_service_that_gives_more_than_was_asked_uses_the_cap_up(tmp_path: Path, model: StubModel) -> None:
    """Tokens beyond the reservation are counted too; the next call is refused."""
    model.answer = lambda document: Turn("x", 20, 50_000)
    with boxed(tmp_path, model, "anthropic", 5_000) as box:
        assert box.asks("/v1/messages", question("/v1/messages"))[0] == 200
        assert box.settled(1) == 5_000
        assert box.asks("/v1/messages", question("/v1/messages"))[0] == 429


def test_a_call_that_the_service_refuses_costs_nothing(tmp_path: Path, model: StubModel) -> None:
    """An error of the service's own is passed on, and what was taken for the call is given back."""
    model.answer = lambda document: Turn(status=529)
    with boxed(tmp_path, model, "anthropic", 5_000) as box:
        assert box.asks("/v1/messages", question("/v1/messages"))[0] == 529
        assert box.settled(1) == 0


def test_a_model_that_is_not_there_is_told(tmp_path: Path, model: StubModel) -> None:
    """The agent gets 502; nothing was sent, so nothing is spent."""
    with boxed(tmp_path, model, "anthropic", 5_000) as box:
        nowhere, meter = Upstream("anthropic", "http://127.0.0.1:9", KEY), RunMeter(box.database, RUN, Share("a"))
        gone = KeyProxy(nowhere, meter, box.calls.append)
        with gone.serving(tmp_path / "gone.sock"):
            box.socket = tmp_path / "gone.sock"
            assert box.asks("/v1/messages", question("/v1/messages"))[0] == 502
            assert box.settled(1) == 0


CALL = "/v1/messages"
CHAT = "/v1/chat/completions"
REFUSED: dict[str, tuple[str, str, object, int]] = {
    "another path": ("anthropic", "/v1/files", question(CALL), 403),
    "the other interface": ("anthropic", CHAT, question(CALL), 403),
    "a path above": ("anthropic", "/v1/messages/../organizations", question(CALL), 403),
    "a query": ("anthropic", "/v1/messages?key=1", question(CALL), 403),
    "an absolute target": ("anthropic", "http://other.example/v1/messages", question(CALL), 403),
    "no object": ("anthropic", CALL, [1], 400),
    "a negative maximum": ("anthropic", CALL, question(CALL, max_tokens=-1), 400),
    "a fractional maximum": ("anthropic", CALL, question(CALL, max_tokens=1.5), 400),
    "a tool of the service": ("anthropic", CALL, question(CALL, tools=[{"type": "web_search_20250305"}]), 403),
    "code at the service": ("openai", "/v1/responses", question("/v1/responses", tools=[{"type": "mcp"}]), 403),
    "servers at the service": ("anthropic", CALL, question(CALL, mcp_servers=[{"url": "https://x.example"}]), 403),
    "an earlier answer": ("openai", "/v1/responses", question("/v1/responses", previous_response_id="r"), 403),
    "work in the background": ("openai", "/v1/responses", question("/v1/responses", background=True), 403),
    "a picture to fetch": (
        "openai",
        CHAT,
        question(
            CHAT,
            messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example"}}]}],
        ),
        403,
    ),
    "a document to fetch": (
        "anthropic",
        CALL,
        question(
            CALL, messages=[{"role": "user", "content": [{"type": "document", "source": {"type": "url", "url": "x"}}]}]
        ),
        403,
    ),
    "a packed document": (
        "anthropic",
        CALL,
        question(
            CALL,
            messages=[{"role": "user", "content": [{"type": "document", "source": {"type": "base64", "data": "x"}}]}],
        ),
        403,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_counted_or_leaves_the_sandbox_is_refused(tmp_path: Path, model: StubModel, name: str) -> None:
    """The service never sees it, and nothing is spent."""
    interface, path, document, expected = REFUSED[name]
    kind: Interface = "anthropic" if interface == "anthropic" else "openai"
    with boxed(tmp_path, model, kind, 100_000) as box:
        assert box.asks(path, document)[0] == expected
        assert box.settled(1) == 0
        assert box.calls[0].reason
    assert model.seen == []


def test_bodies_without_a_length_or_too_long_are_refused(tmp_path: Path, model: StubModel) -> None:
    """A body in pieces and one of 40 MiB never reach the service."""
    with boxed(tmp_path, model, "anthropic", 100_000) as box:
        for headers, expected in (({"transfer-encoding": "chunked"}, 411), ({"content-length": "41943040"}, 413)):
            connection = _Inside(box.socket)
            connection.putrequest("POST", CALL)
            for header, value in headers.items():
                connection.putheader(header, value)
            connection.endheaders()
            assert connection.getresponse().status == expected
            connection.close()
    assert model.seen == []


def test_several_answers_are_bounded_together_and_a_missing_maximum_is_written(
    tmp_path: Path, model: StubModel
) -> None:
    """Five answers reserve five maxima; a request without a maximum is sent with one."""
    with boxed(tmp_path, model, "openai", 100_000) as box:
        assert box.asks(CHAT, question(CHAT, n=5, max_tokens=30_000))[0] == 429
        unbounded = question(CHAT, stream=True)
        del unbounded["max_tokens"]
        assert box.asks(CHAT, unbounded)[0] == 200
    ((_, _, document),) = model.seen
    assert (document["max_completion_tokens"], document["stream_options"]) == (8_192, {"include_usage": True})


def test_models_are_listed_for_free(tmp_path: Path, model: StubModel) -> None:
    """Clients that look first whether a model exists may do so."""
    with boxed(tmp_path, model, "openai", 10) as box:
        assert box.asks("/v1/models", method="GET")[0] == 200
        assert box.settled(1) == 0


def test_the_key_is_in_no_answer_and_no_record(tmp_path: Path, model: StubModel) -> None:
    """Not in what the agent gets, not in what is logged, not in how the settings print."""
    with boxed(tmp_path, model, "anthropic", 10_000) as box:
        answers = [box.asks(CALL, question(CALL)), box.asks("/v1/files", {})]
    assert KEY not in repr((answers, box.calls, Upstream("anthropic", model.url, KEY)))


def test_one_action_spends_no_more_than_its_own_cap(tmp_path: Path) -> None:
    """What the run has left is no help: the cap of an action counts what was really used, not what was reserved."""
    database = tmp_path / "autopack.db"
    with open_database(database) as opened:
        set_caps(opened, RUN, {"tokens": 10_000})
    meter = RunMeter(database, RUN, Share("a", 1_000))
    assert meter.reserve(900)
    assert not meter.reserve(200)
    meter.settle(900, 300)
    assert meter.reserve(700)
    assert not meter.reserve(1)
    assert not RunMeter(database, RUN, Share("a", 1_000)).reserve(1)
    assert RunMeter(database, RUN, Share("b", 1_000)).reserve(1_000)


def test_what_the_service_gave_beyond_its_maximum_counts_for_the_action_too(tmp_path: Path) -> None:
    """Settling more than was reserved takes it from the action's own cap, which may be overdrawn and then is spent."""
    database = tmp_path / "autopack.db"
    with open_database(database) as opened:
        set_caps(opened, RUN, {"tokens": 10_000})
    meter = RunMeter(database, RUN, Share("a", 1_000))
    assert meter.reserve(900)
    meter.settle(900, 1_200)
    assert not meter.reserve(1)


def test_the_cap_of_the_day_covers_the_models_of_all_runs(tmp_path: Path) -> None:
    """An agent's call is refused where the runs of the day have spent what the project may, whatever its own run
    has left; the next day it passes."""
    database, caps = tmp_path / "autopack.db", {"tokens": 1_000}
    with open_database(database) as opened:
        for run_id in ("earlier", RUN):
            set_caps(opened, run_id, {"tokens": 10_000})
            run = Run(run_id, "sample", "a" * 40, "autopack/x", "anchor-1", "gap-report-1", "plan-proposal-1")
            create_run(opened, run, datetime(2026, 1, 2, tzinfo=UTC))
        spend(opened, "earlier", "tokens", 800)
    today, tomorrow = (Day("sample", f"2026-01-0{day}", caps) for day in (2, 3))
    assert not RunMeter(database, RUN, Share("a"), day=lambda: today).reserve(300)
    assert RunMeter(database, RUN, Share("a"), day=lambda: today).reserve(200)
    assert RunMeter(database, RUN, Share("a"), day=lambda: tomorrow).reserve(300)
