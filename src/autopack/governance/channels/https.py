"""The one door to HTTP for channels: short, bounded, encrypted, and never redirected to somewhere else."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.parse import urlsplit

from autopack.errors import UsageError
from autopack.governance.channels.channel import ChannelDown

SECONDS = 20
MAX_BYTES = 4_000_000
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def require_sound_url(url: str, what: str) -> str:
    """Return URL without a trailing slash; raises UsageError unless it is https, or http to this very machine, and
    holds no password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as fault:
        raise UsageError(f"{what}: {url!r} is no address.") from fault
    plain = parts.scheme == "http" and host in _LOCAL
    if not host or port == 0 or parts.username or parts.password or not (parts.scheme == "https" or plain):
        raise UsageError(f"{what}: {url!r} is no https address.", hint="Credentials come from the environment.")
    return url.rstrip("/")


def post_json(url: str, body: bytes, headers: Mapping[str, str] | None = None, *, secret: str = "") -> object:
    """POST BODY (JSON) to URL and return the JSON answer, or None where it is empty or no JSON.

    Raises ChannelDown for everything but a 2xx answer; SECRET is struck out of what the message says.
    """
    return _parsed(_request(url, body, {"Content-Type": "application/json", **(headers or {})}, secret))


def get_json(url: str, headers: Mapping[str, str] | None = None, *, secret: str = "") -> object:
    """GET URL and return the JSON answer; errors as `post_json`."""
    return _parsed(_request(url, None, headers or {}, secret))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        return None


def _request(url: str, body: bytes | None, headers: Mapping[str, str], secret: str) -> bytes:
    request = urllib.request.Request(url, data=body, headers={"User-Agent": "autopack", **headers})
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            data: bytes = answer.read(MAX_BYTES + 1)
    except urllib.error.HTTPError as fault:
        said = fault.read(300).decode(errors="replace")
        raise _down(f"it answered {fault.code}: {said}", secret) from None
    except (urllib.error.URLError, HTTPException, OSError, ValueError) as fault:
        raise _down(str(getattr(fault, "reason", fault)), secret) from None
    if len(data) > MAX_BYTES:
        raise _down("it answered too much", secret)
    return data


def _parsed(data: bytes) -> object:
    try:
        parsed: object = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return parsed


def _down(said: str, secret: str) -> ChannelDown:
    clean = said.replace(secret, "***") if secret else said
    return ChannelDown(f"The channel does not take it: {clean}.", hint="It is tried again; `autopack channels status`.")
