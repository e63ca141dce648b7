"""The proxy lets named hosts pass, and nothing else, whatever a client says."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from autopack.errors import UsageError
from autopack.execution.egress import (
    Connection,
    Destination,
    Egress,
    Refused,
    destinations,
    is_public,
    server_name,
    split_target,
)


@dataclass
class Upstream:
    """A server that says hello, and repeats the first thing it is told."""

    heard: list[bytes] = field(default_factory=list)
    port: int = 0

    @contextmanager
    def listening(self) -> Iterator[Upstream]:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            self.port = listener.getsockname()[1]
            thread = threading.Thread(target=self._serve, args=(listener,), daemon=True)
            thread.start()
            yield self
            listener.shutdown(socket.SHUT_RDWR)
        thread.join()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                client.sendall(b"hello ")
                self.heard.append(client.recv(4096))
                client.sendall(self.heard[-1])


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream().listening() as server:
        yield server


@dataclass
class Proxy:
    path: Path
    decisions: list[Connection]

    def ask(self, request: bytes, then: bytes = b"") -> bytes:
        """Send REQUEST, then what follows it, and return everything that comes back."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(self.path))
            client.sendall(request)
            answer = client.recv(4096) if then else b""
            # The proxy may have answered and hung up by now; even sending nothing is an error then, and reading is not.
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                client.sendall(then)
                client.shutdown(socket.SHUT_WR)
            # Where it has hung up with bytes of ours unread, the end of the stream is an error.
            with contextlib.suppress(ConnectionResetError):
                while data := client.recv(4096):
                    answer += data
            return answer


@contextmanager
def proxy(folder: Path, *allowed: Destination, addresses: tuple[str, ...] = ("127.0.0.1",)) -> Iterator[Proxy]:
    decisions: list[Connection] = []
    path = folder / "p"
    with Egress(allowed, decisions.append, look_up=lambda host, port: addresses).serving(path):
        yield Proxy(path, decisions)


def hello(name: str | None) -> bytes:
    """Return the first message of a real TLS client that asks for NAME."""
    sent = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name).do_handshake()
    return sent.read()


def test_an_allowed_host_is_reached_and_the_decision_is_told(tmp_path: Path, upstream: Upstream) -> None:
    """Bytes pass both ways, also where the server speaks first."""
    with proxy(tmp_path, Destination("mirror.example", upstream.port, private=True)) as made:
        answer = made.ask(f"CONNECT mirror.example:{upstream.port} HTTP/1.1\r\n\r\n".encode(), then=b"ping")
    assert answer == b"HTTP/1.1 200 OK\r\n\r\nhello ping"
    assert made.decisions == [Connection(f"mirror.example:{upstream.port}", allowed=True)]


REFUSED = {
    "another host": (b"CONNECT evil.example:443 HTTP/1.1", "evil.example:443", "not on the allow-list"),
    "another port": (b"CONNECT pypi.example:22 HTTP/1.1", "pypi.example:22", "not on the allow-list"),
    "a subdomain": (b"CONNECT x.pypi.example:443 HTTP/1.1", "x.pypi.example:443", "not on the allow-list"),
    "a longer name": (b"CONNECT pypi.example.evil:443 HTTP/1.1", "pypi.example.evil:443", "not on the allow-list"),
    "an address": (b"CONNECT 127.0.0.1:443 HTTP/1.1", "127.0.0.1:443", "an IP address instead of a name"),
    "an address in hex": (b"CONNECT 0x7f.1:443 HTTP/1.1", "0x7f.1:443", "an IP address instead of a name"),
    "an address as a number": (b"CONNECT 2130706433:443 HTTP/1.1", "2130706433:443", "an IP address instead of a name"),
    "an IPv6 address": (b"CONNECT [::1]:443 HTTP/1.1", "[::1]:443", "an IP address instead of a name"),
    "no port": (b"CONNECT pypi.example HTTP/1.1", "pypi.example", "no port"),
    "user information": (b"CONNECT a@pypi.example:443 HTTP/1.1", "a@pypi.example:443", "no name of a host"),
    "an empty name": (b"CONNECT :443 HTTP/1.1", ":443", "no name of a host"),
    "plain http": (
        b"GET http://pypi.example/ HTTP/1.1",
        "?",
        "only CONNECT passes, that is https and what tunnels through it",
    ),
    "nonsense": (b"\xff\xfe\x00", "?", "only CONNECT passes, that is https and what tunnels through it"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_everything_else_is_refused_with_a_reason(name: str, tmp_path: Path) -> None:
    """No connection is made, the client is told why, and so is the event log."""
    request, target, reason = REFUSED[name]
    with proxy(tmp_path, Destination("pypi.example", 443, private=True)) as made:
        answer = made.ask(request + b"\r\n\r\n")
    assert answer == b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n" + reason.encode() + b"\n"
    assert made.decisions == [Connection(target, allowed=False, reason=reason)]


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1", "::1", "fd00::1", "fe80::1%lo"]
)
def test_a_name_that_leads_to_a_private_address_is_refused(address: str, tmp_path: Path) -> None:
    """A name on the list that resolves into the owner's network does not open it."""
    with proxy(tmp_path, Destination("pypi.example", 443), addresses=(address,)) as made:
        made.ask(b"CONNECT pypi.example:443 HTTP/1.1\r\n\r\n")
    assert made.decisions == [
        Connection("pypi.example:443", allowed=False, reason="the name leads to a private address")
    ]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        *[("1.1.1.1", True), ("2606:4700::1111", True), ("::ffff:1.1.1.1", True), ("64:ff9b::101:101", True)],
        *[("::ffff:10.0.0.1", False), ("::ffff:127.0.0.1", False), ("64:ff9b::a00:1", False), ("2002:a00:1::", False)],
        *[("0.0.0.0", False), ("224.0.0.1", False), ("255.255.255.255", False), ("ff02::1", False), ("::", False)],
    ],
)
def test_wrapped_addresses_are_judged_by_what_they_wrap(address: str, public: bool) -> None:
    """An IPv4 address inside an IPv6 one is as private as it would be alone."""
    assert is_public(address) is public


def test_tls_must_ask_for_the_allowed_name(tmp_path: Path, upstream: Upstream) -> None:
    """A tunnel to an allowed host whose TLS is for another name is cut before a byte of it passes."""
    with proxy(tmp_path, Destination("mirror.example", upstream.port, private=True)) as made:
        request = f"CONNECT mirror.example:{upstream.port} HTTP/1.1\r\n\r\n".encode()
        made.ask(request, then=hello("evil.example"))
        made.ask(request, then=hello("mirror.example"))
        made.ask(request, then=hello(None))
    assert [decision.allowed for decision in made.decisions] == [False, True, False]
    assert made.decisions[0].reason == "TLS asks for 'evil.example'"
    assert [each for each in upstream.heard if each] == [
        hello_like for hello_like in upstream.heard if b"mirror" in hello_like
    ]


def test_port_443_carries_nothing_but_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, upstream: Upstream) -> None:
    """Behind the port of https no other protocol passes."""
    monkeypatch.setattr("autopack.execution.egress.HTTPS_PORT", upstream.port)
    with proxy(tmp_path, Destination("mirror.example", upstream.port, private=True)) as made:
        made.ask(f"CONNECT mirror.example:{upstream.port} HTTP/1.1\r\n\r\n".encode(), then=b"SSH-2.0-x\r\n")
    assert made.decisions == [Connection(f"mirror.example:{upstream.port}", allowed=False, reason="no TLS on port 443")]
    assert b"".join(upstream.heard) == b""


def test_the_name_is_read_from_real_hellos_and_from_nothing_else() -> None:
    """A hello that is cut short, altered, or names two hosts, names none."""
    whole = hello("docs.example.org")
    assert server_name(whole) == "docs.example.org"
    assert server_name(hello(None)) is None
    for length in range(0, len(whole) - 1, 7):
        assert server_name(whole[:length]) is None
    assert server_name(b"\x17" + whole[1:]) is None
    assert server_name(with_names(b"docs.example.org")) == "docs.example.org"
    assert server_name(with_names(b"docs.example.org", b"evil.example")) is None
    assert server_name(with_names(b"evil\xff")) is None


def with_names(*names: bytes) -> bytes:
    """Return a hello with a server name extension for each of NAMES."""

    def sized(data: bytes, size: int = 2) -> bytes:
        return len(data).to_bytes(size, "big") + data

    extensions = b"".join(b"\0\0" + sized(sized(b"\0" + sized(name))) for name in names)
    body = b"\x03\x03" + bytes(32) + sized(b"", 1) + sized(b"\x13\x01") + sized(b"\0", 1) + sized(extensions)
    return b"\x16\x03\x01" + sized(b"\x01" + sized(body, 3))


def test_a_proxy_that_is_gone_carries_nothing_on(tmp_path: Path, upstream: Upstream) -> None:
    """Connections that are still open when the job ends are cut."""
    with socket.socket(socket.AF_UNIX) as client:
        with proxy(tmp_path, Destination("mirror.example", upstream.port, private=True)) as made:
            client.connect(str(made.path))
            client.sendall(f"CONNECT mirror.example:{upstream.port} HTTP/1.1\r\n\r\n".encode())
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        client.settimeout(5)
        while client.recv(100):
            continue


@pytest.mark.parametrize("entry", ["10.0.0.1:443", "a b", "host:0", "host:99999", "[::1]", "*.example.org", ""])
def test_a_list_holds_names_and_ports_only(entry: str) -> None:
    """What could not be told apart later is refused when the list is read."""
    with pytest.raises(UsageError):
        destinations((entry,))


def test_names_are_compared_in_lower_case_and_without_the_final_dot() -> None:
    """Every spelling of a name is one name, and the port of https is meant where none is stated."""
    assert split_target("Mirror.Example.:443") == ("mirror.example", 443)
    assert destinations(("Mirror.Example",)) == (Destination("mirror.example", 443),)
    with pytest.raises(Refused):
        split_target("mirror.example:4 43")
