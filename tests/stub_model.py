"""A model that answers what a test tells it to, in the two widespread interfaces, whole or as a stream."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-the-real-key-of-the-test-0123456789"


@dataclass
class Turn:
    """One answer: its text, the tokens that it claims, and how it is sent."""

    text: str = "Understood."
    input_tokens: int = 20
    output_tokens: int = 10
    status: int = 200
    cut: bool = False
    """Break off in the middle."""
    silent: bool = False
    """State no usage."""


@dataclass
class StubModel:
    """Answers with `answer(document)`; `seen` are the requests that came: path, headers, document."""

    answer: Callable[[Mapping[str, Any]], Turn] = lambda document: Turn()
    seen: list[tuple[str, Mapping[str, str], Mapping[str, Any]]] = field(default_factory=list)
    port: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @contextmanager
    def serving(self) -> Iterator[StubModel]:
        """Answer on a port of this machine for as long as the context lasts."""
        stub = self

        class Handler(_Handler):
            model = stub

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    model: StubModel
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        self.model.seen.append((self.path, dict(self.headers), {}))
        self._send(200, "application/json", json.dumps({"data": [{"id": "stub"}]}).encode())

    def do_POST(self) -> None:
        document = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.model.seen.append((self.path, dict(self.headers), document))
        turn = self.model.answer(document)
        if turn.status != 200:
            self._send(turn.status, "application/json", b'{"error": {"message": "no"}}')
            return
        shape = {"/v1/messages": _anthropic, "/v1/chat/completions": _chat, "/v1/responses": _responses}[self.path]
        whole, events = shape(turn, document)
        if document.get("stream"):
            lines = [f"event: {name}\n" * bool(name) + f"data: {data}\n\n" for name, data in events]
            self._send(200, "text/event-stream", "".join(lines[: 2 if turn.cut else None]).encode(), stream=True)
        else:
            self._send(200, "application/json", json.dumps(whole).encode(), cut=turn.cut)

    def _send(self, status: int, kind: str, body: bytes, *, stream: bool = False, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("set-cookie", "stub=1")
        if stream:
            self.close_connection = True
            self.send_header("connection", "close")
        else:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # who asked was killed meanwhile
            self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True


Shape = tuple[dict[str, Any], list[tuple[str, str]]]


def _anthropic(turn: Turn, document: Mapping[str, Any]) -> Shape:
    usage = {} if turn.silent else {"input_tokens": turn.input_tokens, "output_tokens": turn.output_tokens}
    whole = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": document.get("model"),
        "content": [{"type": "text", "text": turn.text}],
        "stop_reason": "end_turn",
        "usage": usage,
    }
    start = {**whole, "content": [], "usage": {**usage, **({} if turn.silent else {"output_tokens": 1})}}
    events: list[tuple[str, dict[str, Any]]] = [
        ("message_start", {"message": start}),
        ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": turn.text}}),
        (
            "message_delta",
            {
                "delta": {"stop_reason": "end_turn"},
                "usage": {} if turn.silent else {"output_tokens": turn.output_tokens},
            },
        ),
        ("message_stop", {}),
    ]
    return whole, [(name, json.dumps({"type": name, **event})) for name, event in events]


def _chat(turn: Turn, document: Mapping[str, Any]) -> Shape:
    usage = {
        "prompt_tokens": turn.input_tokens,
        "completion_tokens": turn.output_tokens,
        "total_tokens": turn.input_tokens + turn.output_tokens,
    }
    head = {"id": "chat-1", "object": "chat.completion", "created": 1, "model": document.get("model")}
    message = {"role": "assistant", "content": turn.text}
    whole = {**head, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
    whole |= {} if turn.silent else {"usage": usage}
    chunk = {**head, "object": "chat.completion.chunk"}
    asked = (document.get("stream_options") or {}).get("include_usage") and not turn.silent
    events = [
        json.dumps({**chunk, "choices": [{"index": 0, "delta": message}]}),
        json.dumps({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
        *([json.dumps({**chunk, "choices": [], "usage": usage})] if asked else []),
        "[DONE]",
    ]
    return whole, [("", event) for event in events]


def _responses(turn: Turn, document: Mapping[str, Any]) -> Shape:
    usage = {"input_tokens": turn.input_tokens, "output_tokens": turn.output_tokens}
    whole = {"id": "resp_1", "object": "response", "status": "completed", "model": document.get("model")}
    whole["output"] = [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": turn.text}]}
    ]
    whole |= {} if turn.silent else {"usage": usage}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": "resp_1"}},
        {"type": "response.output_text.delta", "delta": turn.text},
        {"type": "response.completed", "response": whole},
    ]
    return whole, [(event["type"], json.dumps(event)) for event in events]
