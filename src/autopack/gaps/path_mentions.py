"""Paths that a document names without linking to them: in code spans, and as what a shell command runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from autopack.gaps.markdown import Fence, fences

_PATH_SPAN = re.compile(rb"`([\w.@+-]{1,100}/[\w./@+-]{1,300})`")
_COMMAND_SPAN = re.compile(
    rb"`((?:\$ )?(?:python3?|bash|sh|zsh|node|ruby|perl|source|pytest|uv|poetry|\./)[ \w][^`\n]{2,300})`"
)
_PATH = re.compile(r"(?:\./)?(?:[\w.@+-]{1,100}/){1,12}[\w.@+-]{1,100}\.[A-Za-z][A-Za-z0-9]{0,7}\Z", re.ASCII)
_SCRIPT = re.compile(
    r"(?:\./)?(?:[\w.@+-]{1,100}/){0,12}[\w@+-][\w.@+-]{0,100}\.(?:py|sh|bash|rb|js|mjs|cjs|ts|pl|ps1)\Z|\./[\w./+-]{1,200}\Z",
    re.ASCII,
)
_SHELL = frozenset({"bash", "sh", "shell", "console", "zsh", "shell-session", "shellsession", "terminal", "cmd"})
_INTERPRETERS = frozenset(
    {
        "python",
        "python3",
        "bash",
        "sh",
        "zsh",
        "node",
        "ruby",
        "perl",
        "source",
        ".",
        "pytest",
        "deno",
        "bun",
        "tsx",
        "ts-node",
    }
)
_LAUNCHERS = frozenset(
    {"sudo", "time", "exec", "env", "uv", "poetry", "pipenv", "pdm", "hatch", "rye", "run", "bundle"}
)
_ELSEWHERE = re.compile(
    rb"\bgit clone\b|(?:\A|[\n;&])[ \t$]{0,8}cd[ \t]|\bcurl\b|\bwget\b|\bdocker (?:run|exec)\b|\bssh\b|<<"
)
_MAX_BLOCK = 20_000
_SHELL_FENCES = tuple(
    re.compile(fence + rb"[ \t]{0,4}(?:bash|sh|shell|console|zsh|terminal|cmd)\b") for fence in (rb"```", rb"~~~")
)
"""Apart, since what begins with a literal is searched for ten times as fast as what begins with a choice."""


@dataclass(frozen=True)
class PathMention:
    """A path as written, the byte at which it starts, and whether it is what a command runs."""

    offset: int
    path: str
    is_run: bool


def find_paths(data: bytes) -> tuple[PathMention, ...]:
    """Return the paths that the Markdown DATA names, as written, by offset."""
    found: list[PathMention] = []
    if b"`" in data:
        found += _in_spans(data)
    if (b"```" in data or b"~~~" in data) and (found or _may_hold_commands(data)):
        blocks = list(fences(data))
        found = [mention for mention in found if not any(block.start <= mention.offset < block.end for block in blocks)]
        for block in blocks:
            mentions = list(_in_block(data, block))
            if mentions and not _ELSEWHERE.search(data[block.content_start : block.content_end]):
                found += mentions
    return tuple(sorted(found, key=lambda mention: mention.offset))


def _may_hold_commands(data: bytes) -> bool:
    return b"$ " in data or any(fence.search(data) is not None for fence in _SHELL_FENCES)


def _in_spans(data: bytes) -> Iterator[PathMention]:
    for match in _PATH_SPAN.finditer(data):
        text = match[1].decode("ascii", "replace")
        if _PATH.match(text) and _is_single(data, match):
            yield PathMention(match.start(1), text, is_run=False)
    for match in _COMMAND_SPAN.finditer(data):
        text = match[1].decode("utf-8", "replace").removeprefix("$ ")
        path = _run_by(text) if " " in text and _is_single(data, match) else None
        if path is not None:
            yield PathMention(match.start(1) + match[1].index(path.encode()), path, is_run=True)


def _is_single(data: bytes, span: re.Match[bytes]) -> bool:
    """Tell whether the backticks around SPAN are single ones."""
    return data[max(0, span.start() - 1) : span.start()] != b"`" and data[span.end() : span.end() + 1] != b"`"


def _in_block(data: bytes, block: Fence) -> Iterator[PathMention]:
    content = data[block.content_start : block.content_end]
    language = block.info.split(" ")[0].lower()
    is_shell = language in _SHELL or (language == "" and b"$ " in content)
    if len(content) > _MAX_BLOCK or not is_shell:
        return
    offset = block.content_start
    for raw in content.split(b"\n"):
        line = raw.decode("utf-8", "replace")
        prompt = line.lstrip().startswith("$ ")
        command = line.lstrip().removeprefix("$ ")
        path = _run_by(command) if prompt or language in _SHELL else None
        if path is not None and "\ufffd" not in line:
            yield PathMention(offset + len(line[: line.index(path)].encode()), path, is_run=True)
        offset += len(raw) + 1


def _run_by(command: str) -> str | None:
    """Return the script that the shell COMMAND runs, None where that is not plain to see."""
    words = command.split()[:12]
    while words and (words[0] in _LAUNCHERS or re.match(r"[A-Z_][A-Z0-9_]*=", words[0])):
        words.pop(0)
    if not words:
        return None
    if words[0] in _INTERPRETERS:
        operands = [word for word in words[1:] if not word.startswith("-")]
        named_otherwise = any(word in {"-m", "-c", "-e"} for word in words[1:3])
        candidate = operands[0].partition("::")[0] if operands and not named_otherwise else ""
    else:
        candidate = words[0] if "/" in words[0] else ""
    return candidate if _SCRIPT.match(candidate) else None
