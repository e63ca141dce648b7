"""A small receiver for signed decisions: one address, one method, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from autopack.clock import Clock
from autopack.errors import EnvironmentFault
from autopack.governance.channels.channel import Heard
from autopack.governance.channels.webhook import heard_from
from autopack.store.outbox import StoredAnswer

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse

MAX_BODY_BYTES = 100_000
ADDRESS = "/answers"


def make_receiver(take: Callable[[Heard], StoredAnswer], key: bytes, clock: Clock) -> Starlette:
    """Return the application that hands every signed POST to TAKE. Raises EnvironmentFault without starlette."""
    try:
        from starlette.applications import Starlette
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import JSONResponse
        from starlette.routing import Route
    except ImportError as fault:
        raise missing_extra() from fault

    async def receive(request: Request) -> JSONResponse:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY_BYTES:
                return JSONResponse({"outcome": "refused", "detail": "too large"}, 413)
        heard = heard_from({name.lower(): value for name, value in request.headers.items()}, body, key, clock)
        if not heard.may_decide:
            # Before anything is stored: whoever has no key must not be able to fill the store.
            return JSONResponse({"outcome": "refused", "detail": "not signed, or no answer"}, 401)
        answer = await run_in_threadpool(take, heard)
        return JSONResponse(
            {"outcome": answer.outcome, "detail": answer.detail}, 200 if answer.outcome == "accepted" else 409
        )

    return Starlette(routes=[Route(ADDRESS, receive, methods=["POST"])])


def serve(app: Starlette, host: str, port: int) -> None:
    """Serve APP until it is interrupted. Raises EnvironmentFault without uvicorn."""
    try:
        import uvicorn
    except ImportError as fault:
        raise missing_extra() from fault
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, server_header=False)


def missing_extra() -> EnvironmentFault:
    """Return the error that names what to install."""
    return EnvironmentFault("Receiving answers needs starlette and uvicorn.", hint="pip install 'autopack[webhook]'")
