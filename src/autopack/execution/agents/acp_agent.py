"""Agents that speak the Agent Client Protocol (version 1) over their standard streams, by the official SDK.

What the agent asks of its client is answered by the policy: each path that it would read or write is judged, only
listed kinds of tool call are permitted, only for once, and whatever is not understood is refused. The answers are
courtesy as far as the box holds anyway; they are the whole truth for agents that may write through their client only.
https://agentclientprotocol.com/protocol/overview
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import acp
from acp import schema
from acp.exceptions import RequestError
from acp.interfaces import Client

from autopack.actions.models import Action
from autopack.errors import AutopackError
from autopack.execution.agents.bounds import path_objection
from autopack.execution.sandbox.box import HIDDEN, Job, JobResult, Launch, Sandbox
from autopack.execution.sandbox.survey import hiding
from autopack.execution.tree import GrantedTree
from autopack.policy.decide import Policy
from autopack.policy.facts import ActionFacts, Circumstances
from autopack.policy.paths import UnsafePath, normal

MAX_MESSAGE_BYTES = 16 * 1024**2
MAX_WRITTEN_BYTES = 64 * 1024**2
"""All files that one agent writes through its client."""
MAX_LOG_BYTES = 1024**2

_READS = frozenset({"read", "search"})
_WRITES = frozenset({"edit", "delete", "move"})
_POLL_SECONDS = 0.2
_CONTENTS = frozenset({"content", "diff", "terminal"})

Note = Callable[[str, Mapping[str, object]], None]


@dataclass
class Desk:
    """Answers what one agent asks. FOLDER is the copy in which it works, ACTION its task."""

    folder: Path
    action: Action
    policy: Policy
    permit: frozenset[str]
    note: Note
    written_bytes: int = 0
    _hidden: Callable[[str, str], bool] = field(default_factory=lambda: hiding(HIDDEN))

    async def read_text_file(
        self, session_id: str, path: str, line: int | None = None, limit: int | None = None, **extra: object
    ) -> schema.ReadTextFileResponse:
        """Return the text of a file of the copy, or the LIMIT lines of it from LINE (counted from 1) on."""
        try:
            name = self._readable(path)
            data = GrantedTree(self.folder, frozenset({name})).read(name)
        except (AutopackError, OSError) as fault:
            raise self._refused("read", path, str(fault)) from fault
        lines = data.decode("utf-8", "replace").splitlines(keepends=True)
        start = max((line or 1) - 1, 0)
        return schema.ReadTextFileResponse(
            content="".join(lines[start:] if limit is None else lines[start : start + limit])
        )

    async def write_text_file(
        self, session_id: str, path: str, content: str, **extra: object
    ) -> schema.WriteTextFileResponse:
        """Write a file of the copy, if the policy lets it be touched."""
        try:
            name = self._writable(path)
            data = content.encode("utf-8")
            self.written_bytes += len(data)
            if self.written_bytes > MAX_WRITTEN_BYTES:
                raise _Objection(f"the files written come to more than {MAX_WRITTEN_BYTES} bytes")
            GrantedTree(self.folder, frozenset({name})).put(name, data)
        except (AutopackError, OSError, UnicodeEncodeError) as fault:
            raise self._refused("write", path, str(fault)) from fault
        self.note("agent_write", {"path": name, "allowed": True})
        return schema.WriteTextFileResponse()

    async def request_permission(
        self,
        session_id: str,
        tool_call: schema.ToolCallUpdate,
        options: list[schema.PermissionOption],
        **extra: object,
    ) -> schema.RequestPermissionResponse:
        """Allow a tool call once, or refuse it; a permission for ever is never given."""
        objection = self._objection(tool_call)
        self.note(
            "agent_permission", {"kind": tool_call.kind or "unknown", "allowed": not objection, "reason": objection}
        )
        wanted = "reject_once" if objection else "allow_once"
        chosen = next((option for option in options if option.kind == wanted), None)
        if chosen is None:
            return schema.RequestPermissionResponse(outcome=schema.DeniedOutcome(outcome="cancelled"))
        return schema.RequestPermissionResponse(
            outcome=schema.AllowedOutcome(outcome="selected", option_id=chosen.option_id)
        )

    async def session_update(self, session_id: str, update: object, **extra: object) -> None:
        """What the agent tells about its progress decides nothing."""

    async def ext_method(self, method: str, params: dict[str, object]) -> dict[str, object]:
        raise RequestError.method_not_found(method)

    async def ext_notification(self, method: str, params: dict[str, object]) -> None:
        """Nothing beyond the protocol is understood."""

    def on_connect(self, conn: acp.Agent) -> None:
        """The session is led by `work`."""

    def _objection(self, call: schema.ToolCallUpdate) -> str:
        """Return why CALL is not permitted, or an empty string."""
        kind = call.kind or "unknown"
        if kind not in self.permit:
            return f"tool calls of the kind {kind} are not permitted"
        paths = [place.path for place in call.locations or ()]
        paths += [content.path for content in call.content or () if isinstance(content, schema.FileEditToolCallContent)]
        if kind in _WRITES and not paths:
            return f"a tool call of the kind {kind} has to name its files"
        try:
            for path in paths:
                (self._readable if kind in _READS else self._writable)(path)
        except AutopackError as fault:
            return fault.message
        return ""

    def _readable(self, path: str) -> str:
        """Return PATH relative to the copy; raises an objection for what is outside of it or hidden."""
        name = self._inside(path)
        parts = name.split("/")
        if any(self._hidden(part, "/".join(parts[: place + 1])) for place, part in enumerate(parts)):
            raise _Objection(f"{name} is hidden from agents")
        return name

    def _writable(self, path: str) -> str:
        """Return PATH relative to the copy; raises an objection unless the policy lets the task touch it."""
        name = self._inside(path)
        facts = ActionFacts(kind=self.action.kind, paths=(name,), lines=None, risk=self.action.risk_score)
        verdict = self.policy.decide(facts, Circumstances())
        if verdict.outcome == "blocked":
            raise _Objection(f"{name} must not be touched ({', '.join(verdict.rules)})")
        objection = path_objection(self.action, (name,), self.policy)
        if objection:
            raise _Objection(objection)
        return name

    def _inside(self, path: str) -> str:
        prefix = f"{self.folder}/"
        if not path.startswith(prefix):
            raise _Objection("a path outside of the folder of the task")
        try:
            return normal(path[len(prefix) :])
        except UnsafePath as fault:
            raise _Objection(f"a path that cannot be judged: {fault}") from fault

    def _refused(self, what: str, path: str, reason: str) -> RequestError:
        self.note(f"agent_{what}", {"path": path[:500], "allowed": False, "reason": reason})
        return RequestError.invalid_params({"details": f"autopack: {reason}"})


class _Objection(AutopackError):
    """Why something is not allowed; becomes an answer to the agent."""


def work(job: Job, sandbox: Sandbox, brief: str, desk: Desk, *, stop: Callable[[], bool] = lambda: False) -> JobResult:
    """Lead one session with the agent of JOB about BRIEF, DESK answering it, and return how it ended.

    Its exit code is 0 where the agent says that its turn is over. It is killed at the time-out, and once STOP says so.
    """
    try:
        with sandbox.ready(job) as launch:
            return asyncio.run(_session(launch, job, brief, desk, stop))
    except OSError as fault:
        return JobResult("not_started", None, b"", f"the sandbox cannot be made: {fault}")


async def _session(launch: Launch, job: Job, brief: str, desk: Desk, stop: Callable[[], bool]) -> JobResult:
    loop = asyncio.get_running_loop()
    # What create_subprocess_exec does, keeping hold of the transport: it alone closes the pipes of a killed agent.
    transport, protocol = await loop.subprocess_exec(
        lambda: asyncio.subprocess.SubprocessStreamProtocol(limit=MAX_MESSAGE_BYTES, loop=loop),
        *launch.argv,
        cwd=launch.folder,
        env=launch.environment,
        pass_fds=launch.pass_fds,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    process = asyncio.subprocess.Process(transport, protocol, loop)
    log = bytearray()
    lines = _Lines(process)
    tasks = (asyncio.create_task(_drain(process, log)), asyncio.create_task(_turn(lines, job, brief, desk)))
    try:
        ended = await _until(tasks[1], stop, job.timeout_seconds)
        fault = _outcome(tasks[1], lines) if ended else ""
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await process.wait()
        transport.close()
    if not ended:
        return JobResult("timed_out", None, bytes(log), f"did not end within {job.timeout_seconds} seconds")
    return JobResult("ended", 1 if fault else 0, bytes(log), fault)


async def _until(turn: asyncio.Task[str], stop: Callable[[], bool], seconds: float) -> bool:
    """Wait for TURN; return whether it ended before STOP said so and SECONDS were over."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not turn.done():
        if stop() or asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.wait((turn,), timeout=_POLL_SECONDS)
    return True


def _outcome(turn: asyncio.Task[str], lines: _Lines) -> str:
    """Return why the finished TURN was no good, or an empty string."""
    if lines.fault:
        return lines.fault
    try:
        reason = turn.result()
    except RequestError as fault:
        return f"answered with an error ({fault.code})"
    except (ConnectionError, EOFError):
        return "ended in the middle of its turn"
    except Exception as fault:  # noqa: BLE001  (whatever the SDK makes of an agent's answer, the turn did not succeed)
        return f"answered what cannot be understood ({type(fault).__name__})"
    return "" if reason == "end_turn" else f"ended its turn with {reason!r}"


async def _turn(lines: _Lines, job: Job, brief: str, desk: Desk) -> str:
    """Lead the session up to the end of the agent's turn; return why it says that the turn ended."""
    connection = acp.connect_to_agent(cast(Client, desk), lines)
    try:
        capabilities = schema.ClientCapabilities(
            fs=schema.FileSystemCapabilities(read_text_file=True, write_text_file=True), terminal=False
        )
        hello = await connection.initialize(protocol_version=acp.PROTOCOL_VERSION, client_capabilities=capabilities)
        if hello.protocol_version != acp.PROTOCOL_VERSION:
            return f"protocol version {hello.protocol_version}"
        session = await connection.new_session(cwd=str(job.folder), mcp_servers=[])
        answer = await connection.prompt(session_id=session.session_id, prompt=[acp.text_block(brief)])
        return answer.stop_reason
    finally:
        await connection.close()


@dataclass
class _Lines:
    """The agent's streams as messages. What is no message ends the conversation, with the reason in `fault`.

    The SDK's own framing lets garbage pass with a note in the log, has no bound for a message, and drops what it does
    not understand from lists: a permission would be judged by the rest.
    """

    process: asyncio.subprocess.Process
    fault: str = ""

    async def send(self, message: dict[str, object]) -> None:
        stdin = self.process.stdin
        if stdin is None or stdin.is_closing():
            raise ConnectionError("the agent has gone")
        stdin.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        await stdin.drain()

    async def receive(self) -> dict[str, object] | None:
        stdout = self.process.stdout
        if self.fault or stdout is None:
            return None
        try:
            line = await stdout.readline()
        except ValueError:
            self.fault = f"sent a message of more than {MAX_MESSAGE_BYTES} bytes"
            return None
        except OSError:
            return None
        if not line:
            return None
        message = _message(line)
        if message is None:
            self.fault = "sent what is no message of the protocol"
        elif message.get("method") == "session/request_permission" and not _is_whole(message.get("params")):
            self.fault = "asked for a permission that cannot be read as a whole"
        return None if self.fault else message

    async def close(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()


def _message(line: bytes) -> dict[str, object] | None:
    """Return the message that LINE holds, None where it holds none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or not isinstance(message.get("method", ""), str):
        return None
    return message


def _is_whole(params: object) -> bool:
    """Tell whether everything that a permission request names is named in a way that is understood."""
    call = params.get("toolCall") if isinstance(params, dict) else None
    if not isinstance(call, dict):
        return False
    locations, contents = call.get("locations") or [], call.get("content") or []
    if not isinstance(locations, list) or not isinstance(contents, list):
        return False
    named = [place.get("path") if isinstance(place, dict) else None for place in locations]
    for content in contents:
        if not isinstance(content, dict) or content.get("type") not in _CONTENTS:
            return False
        if content["type"] == "diff":
            named.append(content.get("path"))
    return all(isinstance(path, str) for path in named) and _are_diffs_whole(contents)


def _are_diffs_whole(contents: Sequence[Mapping[str, object]]) -> bool:
    return all(isinstance(content.get("newText"), str) for content in contents if content["type"] == "diff")


async def _drain(process: asyncio.subprocess.Process, log: bytearray) -> None:
    """Read what the agent writes to its standard error, keeping the beginning."""
    stream = process.stderr
    while stream is not None and (data := await stream.read(65_536)):
        log += data[: max(MAX_LOG_BYTES - len(log), 0)]
