"""An agent on the official SDK of the Agent Client Protocol, for tests: it does what its one argument says."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import acp
from acp import schema

BROOD = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    print('still here', flush=True)
    time.sleep(0.1)
"""
MENDED = "# Guide\n\nSee the manual for more.\n"


class Program(acp.Agent):
    """Plays the part named by PART; what its client answers goes to the standard error."""

    def __init__(self, part: str) -> None:
        self.part = part
        self.client: Any = None
        self.folder = ""

    def on_connect(self, conn: acp.Client) -> None:
        self.client = conn

    async def initialize(self, protocol_version: int, **others: Any) -> schema.InitializeResponse:
        version = 99 if self.part == "other_version" else protocol_version
        return schema.InitializeResponse(protocol_version=version)

    async def new_session(self, cwd: str, **others: Any) -> schema.NewSessionResponse:
        self.folder = cwd
        return schema.NewSessionResponse(session_id="one")

    async def prompt(self, session_id: str, prompt: list[Any], **others: Any) -> schema.PromptResponse:
        self.told = prompt[0].text
        await getattr(self, self.part)(session_id)
        reason: Any = "refusal" if self.part == "refuse" else "end_turn"
        return schema.PromptResponse(stop_reason=reason)

    async def attempt(self, what: str, call: Any) -> Any:
        try:
            answer = await call
        except acp.RequestError as fault:
            print(what, "refused:", fault.data, file=sys.stderr)
            return None
        print(what, "answered:", answer, file=sys.stderr)
        return answer

    async def write(self, session: str, path: str, content: str) -> None:
        await self.attempt(path, self.client.write_text_file(session_id=session, path=path, content=content))

    async def read(self, session: str, path: str) -> Any:
        return await self.attempt(path, self.client.read_text_file(session_id=session, path=path))

    async def ask(self, session: str, kind: Any, *paths: str, options: tuple[str, ...] = ()) -> None:
        known = options or ("allow_always", "allow_once", "reject_once")
        call = schema.ToolCallUpdate(
            tool_call_id="t", kind=kind, locations=[schema.ToolCallLocation(path=path) for path in paths]
        )
        offered = [schema.PermissionOption(option_id=name, name=name, kind=name) for name in known]  # type: ignore[arg-type]
        await self.attempt(
            f"{kind} {[Path(path).name for path in paths]}",
            self.client.request_permission(session_id=session, tool_call=call, options=offered),
        )

    async def mend(self, session: str) -> None:
        assert "docs/guide.md:3" in self.told
        guide = f"{self.folder}/docs/guide.md"
        await self.ask(session, "edit", guide)
        assert "manual.md" in (await self.read(session, guide)).content
        await self.write(session, guide, MENDED)

    async def roam(self, session: str) -> None:
        """Ask for everything that must be refused, then do the task."""
        inside = self.folder
        for path in ("/etc/passwd", f"{inside}/.env", f"{inside}/../x", f"{inside}/docs/out", f"{inside}/.git/config"):
            await self.read(session, path)
        for path in (
            *("/tmp/owned", f"{inside}/README.md", f"{inside}/.git/hooks/post-commit", f"{inside}/docs/../README.md"),
            *(f"{inside}/docs/legal/new.md", f"{inside}/docs/contracts/new.md", f"{inside}/Makefile"),
            *(f"{inside}/docs/api/index.md", f"{inside}/docs/out", "docs/relative.md"),
        ):
            await self.write(session, path, "owned")
        await self.mend(session)

    async def permissions(self, session: str) -> None:
        guide, readme = f"{self.folder}/docs/guide.md", f"{self.folder}/README.md"
        await self.ask(session, "edit", guide)
        await self.ask(session, "edit", guide, readme)
        await self.ask(session, "edit")
        await self.ask(session, "delete", "/etc/passwd")
        await self.ask(session, "execute")
        await self.ask(session, "other", guide)
        await self.ask(session, None, guide)
        await self.ask(session, "think")
        await self.ask(session, "read", readme)
        await self.ask(session, "read", "/etc/shadow")
        await self.ask(session, "edit", guide, options=("allow_always",))
        await self.ask(session, "execute", options=("allow_once", "allow_always"))
        await self.mend(session)

    async def direct(self, session: str) -> None:
        """Write past the client."""
        try:
            Path("docs/guide.md").write_text(MENDED, encoding="utf-8")
        except OSError as fault:
            print("direct refused:", fault.strerror, file=sys.stderr)
            raise

    async def refuse(self, session: str) -> None:
        await self.mend(session)

    async def other_version(self, session: str) -> None:
        await self.mend(session)

    async def forever(self, session: str) -> None:
        await self.mend(session)
        await asyncio.sleep(3_600)

    async def brood(self, session: str) -> None:
        """Leave a process in a session of its own, which no signal to the agent alone would reach, and never end."""
        await self.mend(session)
        subprocess.Popen(["python3", "-c", BROOD, sys.argv[0]], start_new_session=True, stdout=sys.stderr)
        await asyncio.sleep(3_600)

    async def long(self, session: str) -> None:
        """Do the task, and write eight lines of something else."""
        await self.mend(session)
        await self.write(session, f"{self.folder}/docs/long.md", "# Long\n" + "\n" * 7)

    async def crash(self, session: str) -> None:
        await self.mend(session)
        os._exit(7)

    async def garbage(self, session: str) -> None:
        await self.mend(session)
        sys.stdout.write("Thinking about it…\n")
        sys.stdout.flush()
        await asyncio.sleep(30)

    async def flood(self, session: str) -> None:
        await self.mend(session)
        os.set_blocking(1, True)
        while True:
            os.write(1, b"x" * 1_000_000)

    async def half(self, session: str) -> None:
        """A permission request whose second file cannot be read."""
        await self.mend(session)
        locations = [{"path": f"{self.folder}/docs/guide.md"}, {"path": 5}]
        call = {"toolCallId": "t", "kind": "edit", "locations": locations}
        params = {"sessionId": session, "options": [], "toolCall": call}
        message = {"jsonrpc": "2.0", "id": 77, "method": "session/request_permission", "params": params}
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()
        await asyncio.sleep(30)


if __name__ == "__main__":
    asyncio.run(acp.run_agent(Program(sys.argv[1])))
