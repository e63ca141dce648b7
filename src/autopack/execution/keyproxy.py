"""The only way from a box to a model: a proxy on the host that adds the real key and counts every token.

Inside there is a placeholder for the key and an address on 127.0.0.1. The proxy lets the configured paths of one
interface pass, takes the largest count that a call could come to from the run's budget before the call is made, and
afterwards gives back what was not used: the cap cannot be overshot, and a proxy that is killed has counted too much
rather than too little. What is not understood is not passed on: state kept at the model's service, and tools that
the service itself runs (they reach the network past the sandbox), are refused.

A token is at least one byte (byte-level BPE, as every listed interface uses), so the bytes of a request bound what
its prompt costs, with a fixed amount for each image and for what the service puts before a prompt; the output is
bounded by the request's own maximum, which is written into it where it lacks.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import re
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from autopack.execution.agents.config import Interface

MAX_BODY_BYTES = 32 * 1024**2
MAX_CALLS_AT_ONCE = 8
PLACEHOLDER = "held-by-autopack"
"""What stands inside for the key."""

IMAGE_TOKENS = 10_000
"""More than a service counts for one picture, however few bytes it has."""
OVERHEAD_TOKENS = 2_000
"""More than a service adds to a prompt by itself, for tools and roles."""

_CHUNK = 65_536
_PATIENCE_SECONDS = 600.0
_KEPT_HEADERS = ("content-type", "accept", "user-agent", "anthropic-version", "anthropic-beta", "openai-beta")
_ANSWERED_HEADERS = ("content-type", "retry-after", "request-id", "x-request-id")
_LAST_EVENTS = ("message_stop", "response.completed", "response.incomplete", "response.failed")
_QUERY = re.compile(r"(beta=true)?\Z")


@dataclass(frozen=True)
class _Dialect:
    """What of an interface matters here: which calls cost tokens, which cost none, where their maximum stands."""

    metered: Mapping[str, str]
    """Path -> the field that bounds the output."""
    free: Mapping[str, str]
    """Path -> method."""
    also_bounds: tuple[str, ...] = ()
    """Older names of that field."""


_DIALECTS: Mapping[Interface, _Dialect] = {
    "anthropic": _Dialect({"/v1/messages": "max_tokens"}, {"/v1/messages/count_tokens": "POST", "/v1/models": "GET"}),
    "openai": _Dialect(
        {"/v1/chat/completions": "max_completion_tokens", "/v1/responses": "max_output_tokens"},
        {"/v1/models": "GET"},
        also_bounds=("max_tokens",),
    ),
}

_STATE_AT_THE_SERVICE = ("previous_response_id", "conversation", "background", "container", "mcp_servers", "prompt")
_OWN_TOOLS = ("bash_", "text_editor_", "computer_", "memory_", "local_shell", "apply_patch")
"""Beginnings of built-in tools' types that the client carries out itself, in the box."""


class Meter(Protocol):
    """The run's budget of tokens. Both are called from several threads."""

    def reserve(self, amount: int) -> bool:
        """Count AMOUNT as spent, durably, if it fits under the cap; tell whether it did."""
        ...

    def settle(self, reserved: int, used: int) -> None:
        """USED of what was RESERVED was spent (more, where the service did not keep to its maximum)."""
        ...


@dataclass(frozen=True)
class Upstream:
    """Where the model is: `url` (https, or http to this machine), with the key for it."""

    interface: Interface
    url: str
    key: str = field(repr=False)
    default_output_tokens: int = 8_192
    """Written into a request that states no maximum."""

    @property
    def address(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def prefix(self) -> str:
        """What stands before every path there."""
        return urlsplit(self.url).path.rstrip("/")


@dataclass(frozen=True)
class ModelCall:
    """One decision of the proxy: what was asked, what was answered, and the tokens that it came to."""

    path: str
    status: int
    tokens: int = 0
    reason: str = ""


class _Refused(Exception):
    """A request that is not passed on: the status of the answer and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _NotReached(OSError):
    """No connection to the service: nothing was sent, so nothing is spent."""


@dataclass
class KeyProxy:
    """Answers one box. `on_call` is told every decision, from the proxy's own threads."""

    upstream: Upstream
    meter: Meter
    on_call: Callable[[ModelCall], None] = lambda call: None
    _places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MAX_CALLS_AT_ONCE))

    @contextmanager
    def serving(self, path: Path) -> Iterator[None]:
        """Answer on the Unix socket PATH for as long as the context lasts."""
        server = _Server(str(path), self)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.cut()
            server.server_close()
            thread.join()

    def answer(self, request: _Handler) -> None:
        """Serve one REQUEST of the box."""
        path = request.path[:200]
        try:
            call = self._passed_on(request)
        except _Refused as refusal:
            call = ModelCall(path, refusal.status, reason=str(refusal))
        except (OSError, http.client.HTTPException) as fault:
            call = ModelCall(
                path, 502, reason=f"the model cannot be reached ({type(fault.__cause__ or fault).__name__})"
            )
        if call.reason:
            with contextlib.suppress(OSError):
                request.say(call.status, _error(call.status, call.reason))
        self.on_call(call)

    def _passed_on(self, request: _Handler) -> ModelCall:
        body = request.body()  # read even where it is refused: who is still sending would not hear the answer
        path, _, query = request.path.partition("?")
        dialect = _DIALECTS[self.upstream.interface]
        if not _QUERY.match(query) or (path not in dialect.metered and dialect.free.get(path) != request.command):
            raise _Refused(403, "this path is not allowed")
        if path in dialect.metered and request.command != "POST":
            raise _Refused(403, "this method is not allowed")
        if path not in dialect.metered:
            with self._places, self._sent(request, path, query, body) as answer:
                request.relay(answer, _Usage())
                return ModelCall(path, answer.status)
        return self._metered(request, path, query, bounded(body, path, self.upstream))

    def _metered(self, request: _Handler, path: str, query: str, call: Bounded) -> ModelCall:
        if not self.meter.reserve(call.most):
            raise _Refused(429, f"the token budget of this run is spent: the call could cost {call.most} tokens")
        used, usage = call.most, _Usage()
        try:
            with self._places, self._sent(request, path, query, call.body) as answer:
                whole = request.relay(answer, usage)
                used = _spent(answer.status, usage, call, whole=whole)
                return ModelCall(path, answer.status, used)
        except _NotReached:
            used = 0
            raise
        except http.client.HTTPException:
            return ModelCall(path, 502, used, "the model broke off before it answered")
        finally:
            self.meter.settle(call.most, used)

    @contextmanager
    def _sent(self, request: _Handler, path: str, query: str, body: bytes) -> Iterator[http.client.HTTPResponse]:
        """Yield the service's answer to BODY, asked for with the real key."""
        scheme, host, port = self.upstream.address
        connection = (
            http.client.HTTPSConnection(host, port, timeout=_PATIENCE_SECONDS, context=ssl.create_default_context())
            if scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=_PATIENCE_SECONDS)
        )
        kept = {name: value for name in _KEPT_HEADERS if (value := request.headers.get(name)) is not None}
        target = self.upstream.prefix + path + (f"?{query}" if query else "")
        with contextlib.closing(connection):
            try:
                connection.connect()
            except OSError as fault:
                raise _NotReached(str(fault)) from fault
            connection.request(request.command, target, body or None, {**kept, **_authority(self.upstream)})
            yield connection.getresponse()


@dataclass(frozen=True)
class Bounded:
    """A request whose cost is bounded: its bytes as they are sent, and the most tokens that it can come to."""

    body: bytes
    most: int


def bounded(body: bytes, path: str, upstream: Upstream) -> Bounded:
    """Return the request BODY to PATH with a stated maximum; raises _Refused for what has no bound."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise _Refused(400, "the body is no JSON") from fault
    if not isinstance(document, dict):
        raise _Refused(400, "the body is no JSON object")
    stateful = sorted(name for name in _STATE_AT_THE_SERVICE if document.get(name))
    if stateful:
        raise _Refused(403, f"{stateful[0]} is state at the service, which cannot be counted")
    _require_own_tools(document.get("tools") or [])
    images = _images(document)
    dialect = _DIALECTS[upstream.interface]
    names = (dialect.metered[path], *(dialect.also_bounds if path == "/v1/chat/completions" else ()))
    stated = [document[name] for name in names if document.get(name) is not None]
    if not stated:
        stated = [upstream.default_output_tokens]
        document[names[0]] = upstream.default_output_tokens
    answers = [document.get(name) or 1 for name in ("n", "best_of")]
    if any(type(number) is not int or number < 1 for number in (*stated, *answers)):
        raise _Refused(400, "a maximum that is no number of tokens")
    if path == "/v1/chat/completions" and document.get("stream"):
        document["stream_options"] = {"include_usage": True}
    sent = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Bounded(sent, len(sent) + OVERHEAD_TOKENS + images * IMAGE_TOKENS + max(stated) * max(answers))


def _require_own_tools(tools: object) -> None:
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise _Refused(400, "tools is no list of objects")
    for tool in tools:
        kind = str(tool.get("type", "custom"))
        if kind not in {"custom", "function"} and not kind.startswith(_OWN_TOOLS):
            raise _Refused(403, f"the tool {kind[:40]} runs at the service, outside of the sandbox")


def _images(document: Mapping[str, object]) -> int:
    """Return how many pictures a prompt holds; raises _Refused for what the service would fetch or unpack itself."""
    found = 0
    pending: list[object] = [document.get(name) for name in ("messages", "input", "system")]
    while pending:
        block = pending.pop()
        if isinstance(block, list):
            pending += block
        if not isinstance(block, dict):
            continue
        pending.append(block.get("content"))
        source, image = block.get("source"), block.get("image_url")
        if isinstance(source, dict) and source.get("type") not in {"base64", "text", "content"}:
            raise _Refused(403, "what the service would fetch itself")
        image = image.get("url") if isinstance(image, dict) else image
        if image is not None and not str(image).startswith("data:"):
            raise _Refused(403, "a picture that the service would fetch itself")
        kind = block.get("type")
        if kind in {"file", "input_file"} or (kind == "document" and isinstance(source, dict) and "data" in source):
            raise _Refused(403, "a document, whose tokens cannot be bounded")
        found += kind in {"image", "image_url", "input_image"}
    return found


@dataclass
class _Usage:
    """The largest counts that an answer, or the events of a stream, stated so far."""

    counts: dict[str, int] = field(default_factory=dict)
    is_complete: bool = False
    """The answer came to the end that its interface defines."""
    _rest: bytes = b""
    _is_stream: bool = False

    def begin(self, content_type: str) -> None:
        self._is_stream = content_type.lower().startswith("text/event-stream")

    def feed(self, data: bytes) -> None:
        """Take the next piece of the answer."""
        self._rest += data
        if not self._is_stream:
            return
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._note(line[5:])

    def end(self) -> None:
        """Nothing more comes."""
        if not self._is_stream:
            self.is_complete = self._note(self._rest)
        elif self._rest.startswith(b"data:"):
            self._note(self._rest[5:])

    @property
    def total(self) -> int | None:
        """Tokens in all; None where the service stated none."""
        if not self.counts:
            return None
        stated = self.counts.get("total_tokens", 0)
        names = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        parts = sum(self.counts.get(name, 0) for name in (*names, "prompt_tokens", "completion_tokens"))
        return max(stated, parts)

    def _note(self, text: bytes) -> bool:
        """Take the counts of one document; return whether it is one."""
        if text.strip() == b"[DONE]":
            self.is_complete = True
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return False
        if not isinstance(document, dict):
            return False
        self.is_complete = self.is_complete or (self._is_stream and document.get("type") in _LAST_EVENTS)
        for holder in (document, document.get("message"), document.get("response")):
            usage = holder.get("usage") if isinstance(holder, dict) else None
            for name, value in usage.items() if isinstance(usage, dict) else ():
                if type(value) is int and value >= 0:
                    self.counts[name] = max(self.counts.get(name, 0), value)
        return True


def _spent(status: int, usage: _Usage, call: Bounded, *, whole: bool) -> int:
    """Return what a call is counted as: what was stated in a whole answer, nothing for one that failed, else the
    most that it could be."""
    if whole and status >= 400 and usage.total is None:
        return 0
    return usage.total if whole and usage.total is not None else max(call.most, usage.total or 0)


def _authority(upstream: Upstream) -> dict[str, str]:
    if upstream.interface == "anthropic":
        return {"x-api-key": upstream.key, "accept-encoding": "identity"}
    return {"authorization": f"Bearer {upstream.key}", "accept-encoding": "identity"}


def _error(status: int, reason: str) -> bytes:
    kind = {429: "rate_limit_error", 403: "permission_error", 502: "api_error"}.get(status, "invalid_request_error")
    return json.dumps({"type": "error", "error": {"type": kind, "message": f"autopack: {reason}"}}).encode()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = True
    request_queue_size = 64

    def __init__(self, path: str, proxy: KeyProxy) -> None:
        super().__init__(path, _Handler)
        self.proxy = proxy
        self.handlers: set[_Handler] = set()

    def cut(self) -> None:
        """End every connection of the box; a call in flight is then counted at its most."""
        for handler in tuple(self.handlers):
            handler.cut()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that vanishes is no event; decisions have been told already."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE_SECONDS
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.handlers.add(self)

    def finish(self) -> None:
        self.server.handlers.discard(self)
        with contextlib.suppress(OSError):
            super().finish()

    def do_POST(self) -> None:
        self.server.proxy.answer(self)

    def do_GET(self) -> None:
        self.server.proxy.answer(self)

    def address_string(self) -> str:
        return "sandbox"

    def log_message(self, format: str, *arguments: object) -> None:
        """Calls are told to `on_call`; nothing is printed."""

    def cut(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(2)

    def body(self) -> bytes:
        """Return the body of the request; raises _Refused where its length is not stated or is too much."""
        if "transfer-encoding" in self.headers or "content-encoding" in self.headers:
            self.close_connection = True
            raise _Refused(411, "the body has to come whole and plain, with its length")
        stated = self.headers.get("content-length", "0")
        if not stated.isascii() or not stated.isdigit() or int(stated[:12]) > MAX_BODY_BYTES:
            self.close_connection = True
            raise _Refused(413, "the body is too long")
        return self.rfile.read(int(stated))

    def say(self, status: int, body: bytes) -> None:
        """Send an answer of the proxy's own; clients are told not to try again."""
        self.close_connection = True
        self.send_response(status)
        for name, value in (
            ("content-type", "application/json"),
            ("x-should-retry", "false"),
            ("connection", "close"),
        ):
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def relay(self, answer: http.client.HTTPResponse, usage: _Usage) -> bool:
        """Send ANSWER on as it comes, USAGE looking at it; return whether it came whole and arrived."""
        self.close_connection = True
        usage.begin(answer.headers.get("content-type", ""))
        self.send_response(answer.status)
        for name in _ANSWERED_HEADERS:
            if (value := answer.headers.get(name)) is not None:
                self.send_header(name, value)
        self.send_header("connection", "close")
        try:
            self.end_headers()
            while data := answer.read1(_CHUNK):
                usage.feed(data)
                self.wfile.write(data)
                self.wfile.flush()
        except (OSError, http.client.HTTPException):
            return False
        usage.end()
        return usage.is_complete and not answer.length
