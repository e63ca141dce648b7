"""Where each string of a JSON document stands, so that one entry can be taken out and all else stays to the byte."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_TOKEN = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass(frozen=True)
class JsonString:
    """A string value at character `start:end` of the text; `keys` is the way to it (list positions as `[]`).

    `item_start:item_end` is the whole member of the object or element of the list that holds nothing else.
    """

    keys: tuple[str, ...]
    value: str
    start: int
    end: int
    is_key: bool
    in_list: bool


def json_strings(text: str) -> tuple[JsonString, ...] | None:
    """Return every string of the JSON document TEXT in order, keys of objects included; None when it is no JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    found: list[JsonString] = []
    stack: list[str | None] = []
    """One entry for each open container: the current key of an object (`""` before the first), None for a list."""
    expects_key = False
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in "{[":
            stack.append("" if token == "{" else None)
            expects_key = token == "{"
        elif token in "}]":
            stack.pop()
            expects_key = False
        elif token == ",":
            expects_key = bool(stack) and stack[-1] is not None
        elif token == ":":
            expects_key = False
        elif token[0] == '"':
            value = str(json.loads(token))
            if expects_key:
                stack[-1] = value
            keys = tuple("[]" if key is None else key for key in stack)
            in_list = bool(stack) and stack[-1] is None
            found.append(JsonString(keys, value, match.start(), match.end(), expects_key, in_list))
    return tuple(found)


def without_element(text: str, element: JsonString) -> tuple[int, int] | None:
    """Return the span to cut so that the list ELEMENT (a plain string) is gone with its comma and its line; None when
    what is left would not be the same document without it."""
    if not element.in_list:
        return None
    before = len(text[: element.start].rstrip())
    after = element.end + len(text[element.end :]) - len(text[element.end :].lstrip())
    if text[after : after + 1] == ",":
        cut = (before, after + 1)
    elif text[before - 1 : before] == ",":
        cut = (before - 1, element.end)
    else:
        cut = (before, element.end)
    left = text[: cut[0]] + text[cut[1] :]
    return cut if _removes_one(text, left, element) else None


def _removes_one(text: str, left: str, element: JsonString) -> bool:
    remaining = json_strings(left)
    expected = [(part.keys, part.value) for part in json_strings(text) or () if part.start != element.start]
    return remaining is not None and [(part.keys, part.value) for part in remaining] == expected
