"""The only way out of a box that has network: a proxy on the host that lets named hosts pass and writes down each
decision.

A client asks `CONNECT host:port` (RFC 9110, 9.3.6). The name is looked up here, not inside, and must lead to a public
address; where TLS follows, and on port 443 it must, the server name in its first message (SNI, RFC 6066, 3) has to be
the name that was allowed. Not stopped: what is sent through an allowed host, and names inside encrypted hellos.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from autopack.errors import UsageError

HTTPS_PORT = 443
MAX_CONNECTIONS = 64
MAX_HEAD_BYTES = 16_384
MAX_HELLO_BYTES = 16_384
"""One TLS record; a hello that is spread over several is refused."""

_CHUNK = 65_536
_PATIENCE_SECONDS = 20.0
_IDLE_SECONDS = 600.0
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z)({_LABEL}\.)*{_LABEL}")
_NUMERIC = re.compile(r"([0-9]+|0x[0-9a-f]*)(\.([0-9]+|0x[0-9a-f]*))*")
_CONNECT = re.compile(rb"CONNECT ([^\s]{1,300}) HTTP/1\.[01]")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Address = tuple[str, int]
Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True)
class Connection:
    """One decision: what was asked for (`host:port`, or what stood there instead), whether it passed, and why not."""

    target: str
    allowed: bool
    reason: str = ""


class Refused(Exception):
    """A connection that must not be made; the message says why."""


@dataclass(frozen=True)
class Destination:
    """A host and a port that may be reached. `private`: also where its name leads to an address that is not public."""

    host: str
    port: int
    private: bool = False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def destinations(entries: Sequence[str], *, private: bool = False) -> tuple[Destination, ...]:
    """Return ENTRIES (`host` for port 443, or `host:port`) as destinations; raises UsageError for any other."""
    found = []
    for entry in entries:
        try:
            found.append(Destination(*split_target(entry if ":" in entry else f"{entry}:{HTTPS_PORT}"), private))
        except Refused as fault:
            raise UsageError(
                f"{entry!r} cannot be reached: {fault}.", hint="Write a name and a port, such as mirror.example:443."
            ) from fault
    return tuple(found)


def split_target(target: str) -> Address:
    """Return the host, in lower case, and the port of TARGET; raises Refused for IP addresses and what is no name."""
    host, _, port = target.rpartition(":")
    host = host.lower().removesuffix(".")
    if not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) < 65_536:
        raise Refused("no port")
    if host.startswith("[") or _NUMERIC.fullmatch(host):
        raise Refused("an IP address instead of a name")
    if not _HOST.fullmatch(host):
        raise Refused("no name of a host")
    return host, int(port)


def is_public(address: str) -> bool:
    """Tell whether ADDRESS is on the public Internet, also where an IPv4 address is wrapped in an IPv6 one."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return _is_global(parsed.ipv4_mapped)
        if parsed in _NAT64:
            return _is_global(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF))
        carried = [parsed.sixtofour, *(parsed.teredo or ())]
        if any(each is not None and not _is_global(each) for each in carried):
            return False
    return _is_global(parsed)


def _is_global(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def server_name(hello: bytes) -> str | None:
    """Return the name that a TLS ClientHello (one record, RFC 8446, 4.1.2) asks for, in lower case; None without one.

    Two names are none: servers differ in which they would serve.
    """
    try:
        return _server_name(hello)
    except (IndexError, UnicodeDecodeError):
        return None


def _server_name(hello: bytes) -> str | None:
    def number(start: int, size: int) -> int:
        if start + size > len(hello):
            raise IndexError
        return int.from_bytes(hello[start : start + size], "big")

    if number(0, 1) != 22 or number(5, 1) != 1 or number(6, 3) + 9 > len(hello):
        return None
    at = 43  # record (5), handshake (4), version (2), random (32)
    at += 1 + number(at, 1)
    at += 2 + number(at, 2)
    at += 1 + number(at, 1)
    end = at + 2 + number(at, 2)
    at += 2
    names = []
    while at + 4 <= end:
        kind, size = number(at, 2), number(at + 2, 2)
        if kind == 0:
            listed, length = number(at + 4, 2), number(at + 7, 2)
            if listed != length + 3 or number(at + 6, 1) != 0 or size != listed + 2:
                return None
            names.append(hello[at + 9 : at + 9 + length].decode("ascii").lower())
        at += 4 + size
    return names[0] if len(names) == 1 else None


def resolve(host: str, port: int) -> tuple[str, ...]:
    """Return the addresses of HOST as this machine knows them; raises Refused where there are none."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as fault:
        raise Refused("the name leads nowhere") from fault
    return tuple(str(answer[4][0]) for answer in answers)


@dataclass
class Egress:
    """A proxy that lets ALLOWED pass. `on_connection` is called with every decision, from the proxy's own threads."""

    allowed: Sequence[Destination]
    on_connection: Callable[[Connection], None] | None = None
    look_up: Resolve = resolve
    _open: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MAX_CONNECTIONS))

    @contextmanager
    def serving(self, path: Path) -> Iterator[None]:
        """Answer on the Unix socket PATH for as long as the context lasts; then every connection is cut."""
        server = _Server(str(path), self)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            with self._lock:
                for each in self._open:
                    with contextlib.suppress(OSError):
                        each.shutdown(socket.SHUT_RDWR)
            server.server_close()
            thread.join()

    def answer(self, client: socket.socket) -> None:
        """Serve one CLIENT from its request to the end of its connection."""
        target = "?"
        with self._places:
            try:
                client.settimeout(_PATIENCE_SECONDS)
                target = _requested(client)
                destination = self._permitted(target)
                upstream = self._reach(destination)
            except Refused as fault:
                self._tell(Connection(target, allowed=False, reason=str(fault)))
                _say(client, f"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n{fault}\n")
                return
            except OSError as fault:
                reason = f"cannot be reached: {fault.strerror or fault}"
                self._tell(Connection(target, allowed=False, reason=reason))
                _say(client, "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n")
                return
            with upstream, self._tracked(upstream), self._tracked(client):
                self._join(client, upstream, destination)

    def _permitted(self, target: str) -> Destination:
        host, port = split_target(target)
        found = next((each for each in self.allowed if (each.host, each.port) == (host, port)), None)
        if found is None:
            raise Refused("not on the allow-list")
        return found

    def _reach(self, destination: Destination) -> socket.socket:
        """Connect to an address that was looked up and judged here, so that a second look-up cannot differ."""
        addresses = [
            each for each in self.look_up(destination.host, destination.port) if destination.private or is_public(each)
        ]
        if not addresses:
            raise Refused("the name leads to a private address")
        return socket.create_connection((addresses[0], destination.port), timeout=_PATIENCE_SECONDS)

    def _join(self, client: socket.socket, upstream: socket.socket, destination: Destination) -> None:
        """Carry bytes both ways, once the name inside TLS is seen to be the name that was allowed."""
        _say(client, "HTTP/1.1 200 OK\r\n\r\n")
        back = threading.Thread(target=_carry, args=(upstream, client), daemon=True)
        if destination.port != HTTPS_PORT:
            back.start()  # the server may be the one that speaks first
        try:
            first = _first_message(client, destination)
            self._tell(Connection(str(destination), allowed=True))
            for each in (client, upstream):
                each.settimeout(_IDLE_SECONDS)
            upstream.sendall(first)
            if destination.port == HTTPS_PORT:
                back.start()
            _carry(client, upstream)
            back.join()
        except (Refused, TimeoutError) as fault:
            self._tell(Connection(str(destination), allowed=False, reason=str(fault)))
        except OSError:
            pass  # one of the two is gone, and so is the connection
        finally:
            for each in (client, upstream):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)  # wakes the other thread, which closing would not
            if back.is_alive():
                back.join()

    @contextmanager
    def _tracked(self, connection: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)

    def _tell(self, decision: Connection) -> None:
        if self.on_connection is not None:
            self.on_connection(decision)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: str, egress: Egress) -> None:
        super().__init__(path, socketserver.BaseRequestHandler)
        self._egress = egress

    def finish_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        self._egress.answer(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that vanishes is no event; decisions have been told already."""


def _requested(client: socket.socket) -> str:
    """Read the head of a request and return the target of its CONNECT; raises Refused for any other request."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(1)  # byte by byte: what follows the head belongs to the server
        if not data or len(head) > MAX_HEAD_BYTES:
            raise Refused("no request")
        head += data
    asked = _CONNECT.fullmatch(head.split(b"\r\n", 1)[0])
    if asked is None:
        raise Refused("only CONNECT passes, that is https and what tunnels through it")
    return asked[1].decode("ascii", "backslashreplace")


def _first_message(client: socket.socket, destination: Destination) -> bytes:
    """Return the client's hello, or nothing where it is no TLS; raises Refused where TLS is for another name, and where
    there is none on port 443."""
    if client.recv(1, socket.MSG_PEEK) == b"\x16":
        start = _exactly(client, 5)
        size = int.from_bytes(start[3:5], "big")
        if size > MAX_HELLO_BYTES:
            raise Refused("TLS begins with a record that is too long")
        hello = start + _exactly(client, size)
        name = server_name(hello)
        if name != destination.host:
            raise Refused(f"TLS asks for {name!r}")
        return hello
    if destination.port == HTTPS_PORT:
        raise Refused("no TLS on port 443")
    return b""


def _exactly(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        if not more:
            raise Refused("TLS ends in its first message")
        data += more
    return data


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _say(client: socket.socket, text: str) -> None:
    with contextlib.suppress(OSError):
        client.sendall(text.encode("ascii", "backslashreplace"))
