"""`.editorconfig`: which charset and line ending the owner wants for a path (editorconfig.org, specification 0.17)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

NAME = ".editorconfig"
_RELEVANT = ("charset", "end_of_line")
_MAX_BYTES = 256 * 1024


@dataclass(frozen=True)
class Section:
    """One `[glob]` of a file and those of its settings that matter here."""

    glob: str
    settings: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class EditorConfig:
    """One `.editorconfig` file; `root` stops the search in folders above."""

    root: bool
    sections: tuple[Section, ...]


def parse(data: bytes) -> EditorConfig:
    """Read DATA leniently: lines that make no sense are skipped, as editors do."""
    root, glob = False, ""
    settings: dict[str, str] = {}
    sections: list[Section] = []
    for line in data[:_MAX_BYTES].decode("utf-8", "replace").splitlines():
        text = line.strip().lstrip("\ufeff")
        if text.startswith("[") and text.endswith("]"):
            sections.append(Section(glob, tuple(settings.items())))
            glob, settings = text[1:-1], {}
            continue
        name, separator, value = (part.strip().lower() for part in text.partition("="))
        if not separator or name.startswith(("#", ";")):
            continue
        if not glob:
            root = root or (name == "root" and value == "true")
        elif name in _RELEVANT:
            settings[name] = value
    sections.append(Section(glob, tuple(settings.items())))
    return EditorConfig(root, tuple(section for section in sections if section.glob and section.settings))


def settings_of(path: str, files: Mapping[str, EditorConfig]) -> dict[str, str]:
    """Return what FILES (path of each `.editorconfig` -> content) set for PATH; the nearest file wins."""
    found: dict[str, str] = {}
    folder = path
    while folder:
        folder = folder.rpartition("/")[0]
        config = files.get(f"{folder}/{NAME}" if folder else NAME)
        if config is None:
            continue
        inner = path[len(folder) + 1 :] if folder else path
        nearer: dict[str, str] = {}
        for section in config.sections:
            if _matches(section.glob, inner):
                nearer.update(section.settings)
        found = {**nearer, **found}
        if config.root:
            break
    return found


def _matches(glob: str, inner: str) -> bool:
    subject = inner if "/" in glob else inner.rpartition("/")[2]
    return any(_pattern(one).match(subject) for one in _alternatives(glob.removeprefix("/")))


def _alternatives(glob: str, budget: int = 64) -> list[str]:
    """Expand the first `{a,b}` of GLOB, then the next; nested and absurdly many are left as they are."""
    done: list[str] = []
    waiting = [glob]
    while waiting and len(done) + len(waiting) < budget:
        one = waiting.pop()
        braces = re.search(r"\{([^{}]*,[^{}]*)\}", one)
        if braces is None:
            done.append(one)
        else:
            waiting += [one[: braces.start()] + part + one[braces.end() :] for part in braces[1].split(",")]
    return done + waiting


@lru_cache(maxsize=256)
def _pattern(glob: str) -> re.Pattern[str]:
    # fnmatch lets `*` cross `/`; for charsets that is close enough and never hides a finding that a section excludes.
    return re.compile(translate(glob.replace("**", "*")))
