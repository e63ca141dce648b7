"""Runs inside a box with its own network namespace: ports of 127.0.0.1 lead to Unix sockets of the host, and nowhere
else. Standard library only; started as a file by the interpreter inside.

    bridge.py PORT=SOCKET... -- COMMAND...

Listens first, so that the command never comes too early; then the child carries bytes and the parent becomes the
command.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import sys
import threading

_CHUNK = 65_536


def main(arguments: list[str]) -> None:
    """Listen on every PORT, then run COMMAND in the place of this process."""
    end = arguments.index("--")
    doors = [argument.split("=", 1) for argument in arguments[:end]]
    command = arguments[end + 1 :]
    listening = {_listen(int(port)): path for port, path in doors}
    if os.fork() == 0:
        _detach()
        _serve(listening)
    for listener in listening:
        listener.close()
    try:
        os.execvp(command[0], command)
    except OSError as fault:
        print(f"{command[0]}: {fault.strerror}", file=sys.stderr)
        os._exit(127)


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


def _detach() -> None:
    """Let go of the command's streams, whose end tells the host that the command is through."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


def _serve(listening: dict[socket.socket, str]) -> None:
    with selectors.DefaultSelector() as selector:
        for listener in listening:
            selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                listener = next(each for each in listening if each.fileno() == key.fd)
                client, _ = listener.accept()
                threading.Thread(target=_connect, args=(client, listening[listener]), daemon=True).start()


def _connect(client: socket.socket, path: str) -> None:
    host = socket.socket(socket.AF_UNIX)
    with client, host, contextlib.suppress(OSError):
        host.connect(path)
        back = threading.Thread(target=_carry, args=(host, client), daemon=True)
        back.start()
        _carry(client, host)
        back.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main(sys.argv[1:])
