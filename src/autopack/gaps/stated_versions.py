"""The version of a project, wherever its files state it: manifests, lock files, `__version__`, and the README.

Only what is certain counts as a contradiction: two versions whose numbers differ, stated for one project. Pre-releases
are compared by their numbers alone, placeholders not at all, and a README may lag behind what is not yet released.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from configparser import ConfigParser, Error
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from autopack.gaps.excerpts import Places, evidence_at
from autopack.gaps.models import Evidence
from autopack.gaps.toml_text import read_toml

Kind = Literal["manifest", "lock", "module", "readme"]

_MAX_BYTES = 1_000_000
_MAX_LOCK_BYTES = 8_000_000
_MAX_PROJECTS = 1_000
_MODULES = frozenset({"__init__.py", "__about__.py", "__version__.py", "_version.py", "version.py"})
_MODULE_VERSION = re.compile(rb"^__version__(?:[ \t]*:[ \t]*\w+)?[ \t]*=[ \t]*[\"']([^\"'\n]{1,60})[\"']", re.MULTILINE)
_NPM_LOCK = re.compile(rb"\A\s*\{\s*\"name\":\s*\"([^\"\n]*)\",\s*\"version\":\s*\"([^\"\n]{1,60})\"")
_OWN_CRATE = re.compile(rb"^name = \"([^\"\n]+)\"\nversion = \"([^\"\n]{1,60})\"\n(?!source)", re.MULTILINE)
_OWN_PACKAGE = re.compile(
    rb"^name = \"([^\"\n]+)\"\nversion = \"([^\"\n]{1,60})\"\nsource = \{ (?:editable|virtual) = \"([^\"\n]+)\" \}",
    re.MULTILINE,
)
_README = re.compile(r"readme(?:\.(?:md|rst|txt))?\Z", re.IGNORECASE)
_BADGE = re.compile(rb"img\.shields\.io/badge/version-v?(\d+(?:\.\d+)+)-", re.IGNORECASE)
_LINE = re.compile(
    rb"^[ \t>*_:|-]{0,8}(?:current )?version[*_`:]{0,4}[ \t]*[:=|]?[ \t*_`|]{1,8}v?(\d+(?:\.\d+)+)[*_`|.]{0,4}"
    rb"(?:[ \t]+\([\w .-]{1,40}\))?[ \t*_`|\r]{0,8}$",
    re.IGNORECASE | re.MULTILINE,
)
_NUMBERS = re.compile(r"[vV=]?(\d+(?:\.\d+)*)(.*)\Z", re.DOTALL)


@dataclass(frozen=True)
class StatedVersion:
    """One statement of a version. `project` is the name that goes with it, empty for a README; `folder` is the folder
    of the project's manifest as far as the file tells, None where only the name does."""

    kind: Kind
    project: str
    version: str
    folder: str | None
    place: Evidence


@dataclass(frozen=True)
class Contradiction:
    """A statement that differs from the project's manifest (or, without one, from its `__version__`)."""

    truth: StatedVersion
    other: StatedVersion


def may_state(path: str) -> bool:
    """Tell whether a file called PATH may state a version of the project."""
    name = path.rpartition("/")[2]
    return name in _READERS or name in _MODULES or _README.match(name) is not None


def stated_versions(path: str, data: bytes) -> tuple[StatedVersion, ...]:
    """Return what the file at PATH states about versions of this repository's own projects."""
    folder, _, name = path.rpartition("/")
    reader = _READERS.get(name)
    if len(data) > (_MAX_LOCK_BYTES if name.endswith((".lock", "-lock.json")) else _MAX_BYTES):
        return ()
    if reader is not None:
        return tuple(reader(path, folder, data))
    if name in _MODULES:
        return tuple(_module(path, folder, data)) if b"__version__" in data else ()
    return tuple(_readme(path, folder, data)) if _README.match(name) else ()


def _manifest(path: str, folder: str, data: bytes, project: object, version: object) -> Iterator[StatedVersion]:
    if isinstance(project, str) and isinstance(version, str) and _numbers(version):
        found = re.search(rb"\bversion\"?[ \t]*[=:][ \t]*[\"']?%b" % re.escape(version.encode()), data)
        place = evidence_at(path, data, found.start() if found else 0)
        yield StatedVersion("manifest", project, version, folder, place)


def _pyproject(path: str, folder: str, data: bytes) -> Iterator[StatedVersion]:
    document = read_toml(data.decode("utf-8", "replace")) if b"version" in data else None
    tool = (document or {}).get("tool")
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    for table in ((document or {}).get("project"), poetry):
        if isinstance(table, dict) and "version" in table:
            yield from _manifest(path, folder, data, table.get("name"), table["version"])
            return


def _setup_cfg(path: str, folder: str, data: bytes) -> Iterator[StatedVersion]:
    if b"version" not in data:
        return
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(data.decode("utf-8", "replace"))
    except (Error, RecursionError):
        return
    if parser.has_section("metadata"):
        table = parser["metadata"]
        yield from _manifest(path, folder, data, table.get("name"), table.get("version"))


def _package_json(path: str, folder: str, data: bytes) -> Iterator[StatedVersion]:
    try:
        document = json.loads(data) if b'"version"' in data else None
    except (ValueError, RecursionError):
        return
    if isinstance(document, dict):
        yield from _manifest(path, folder, data, document.get("name"), document.get("version"))


def _cargo_toml(path: str, folder: str, data: bytes) -> Iterator[StatedVersion]:
    document = read_toml(data.decode("utf-8", "replace")) if b"version" in data else None
    package = (document or {}).get("package")
    if isinstance(package, dict):
        yield from _manifest(path, folder, data, package.get("name"), package.get("version"))


def _package_lock(path: str, folder: str, data: bytes) -> Iterator[StatedVersion]:
    match = _NPM_LOCK.match(data[:2_000])
    if match:
        yield _locked(Places(path, data), match, folder)


def _cargo_lock(path: str, folder: str, data: bytes) -> Iterator[StatedVersion]:
    places = Places(path, data)
    yield from (_locked(places, match, None) for match in islice(_OWN_CRATE.finditer(data), _MAX_PROJECTS))


def _uv_lock(path: str, folder: str, data: bytes) -> Iterator[StatedVersion]:
    places = Places(path, data)
    for match in islice(_OWN_PACKAGE.finditer(data), _MAX_PROJECTS):
        inner = match[3].decode("utf-8", "replace")
        if not inner.startswith(("/", "..")):
            yield _locked(places, match, "/".join(part for part in (folder, inner) if part not in {"", "."}))


def _locked(places: Places, match: re.Match[bytes], folder: str | None) -> StatedVersion:
    project, version = (match[group].decode("utf-8", "replace") for group in (1, 2))
    return StatedVersion("lock", project, version, folder, places.at(match.start(2)))


def _module(path: str, folder: str, data: bytes) -> Iterator[StatedVersion]:
    found = _MODULE_VERSION.findall(data)
    match = _MODULE_VERSION.search(data)
    above, _, package = folder.rpartition("/")
    if match is None or len(found) != 1 or not package:
        return
    home = above.removesuffix("src").removesuffix("/") if above == "src" or above.endswith("/src") else above
    version = match[1].decode("utf-8", "replace")
    yield StatedVersion("module", package, version, home, evidence_at(path, data, match.start(1)))


def _readme(path: str, folder: str, data: bytes) -> Iterator[StatedVersion]:
    matches = [*_BADGE.finditer(data), *_LINE.finditer(data)]
    # A README that states several versions tells of their history.
    if len({match[1] for match in matches}) == 1:
        match = min(matches, key=lambda match: match.start())
        yield StatedVersion("readme", "", match[1].decode(), folder, evidence_at(path, data, match.start(1)))


_READERS = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg,
    "package.json": _package_json,
    "Cargo.toml": _cargo_toml,
    "package-lock.json": _package_lock,
    "Cargo.lock": _cargo_lock,
    "uv.lock": _uv_lock,
}
_MANIFEST_OF = {"package-lock.json": "package.json", "Cargo.lock": "Cargo.toml", "uv.lock": "pyproject.toml"}


def contradictions(stated: Mapping[str, tuple[StatedVersion, ...]]) -> Iterator[Contradiction]:
    """Yield the statements that differ from their project's manifest; STATED by path."""
    manifests = [(path, one) for path, found in sorted(stated.items()) for one in found if one.kind == "manifest"]
    modules = [one for _, found in sorted(stated.items()) for one in found if one.kind == "module"]
    for path, found in sorted(stated.items()):
        for other in found:
            truth = _truth_for(path, other, manifests, modules)
            if truth is not None and _contradicts(truth, other):
                yield Contradiction(truth, other)


def _truth_for(
    path: str, other: StatedVersion, manifests: list[tuple[str, StatedVersion]], modules: list[StatedVersion]
) -> StatedVersion | None:
    """Return the one manifest that OTHER, stated in PATH, has to agree with, or None."""
    home, _, name = path.rpartition("/")
    if other.kind == "manifest":
        return None
    if other.kind == "lock":
        found = [one for place, one in manifests if place.rpartition("/")[2] == _MANIFEST_OF[name]]
        found = [one for one in found if _normal(one.project) == _normal(other.project)]
        # A lock beside the workspace (fuzzing, benchmarks) pins what its own builds need.
        found = [one for one in found if f"{one.folder}/".startswith(f"{home}/" if home else "")]
        found = [one for one in found if other.folder is None or one.folder == other.folder]
        return found[0] if len(found) == 1 else None
    found = [one for _, one in manifests if one.folder == other.folder]
    if other.kind == "module":
        # A Python project may have a `package.json` for its tools, whose version nobody reads.
        of_python = [one for place, one in manifests if place.rpartition("/")[2] != "package.json"]
        found = [one for one in of_python if one in found and _normal(one.project) == _normal(other.project)]
    elif not found:
        found = [one for one in modules if one.folder == other.folder]
    return found[0] if found and len({_numbers(one.version) for one in found}) == 1 else None


def _contradicts(truth: StatedVersion, other: StatedVersion) -> bool:
    one, two = _numbers(truth.version), _numbers(other.version)
    if not one or not two or not any(one) or not any(two) or one == two:
        return False
    if other.kind != "readme":
        return True
    match = _NUMBERS.match(truth.version)
    is_release = match is not None and not match[2]
    return is_release and one[: len(two)] != two


def _numbers(version: str) -> tuple[int, ...]:
    """Return the release part of VERSION without zeros at its end; empty where it is no version."""
    match = _NUMBERS.match(version)
    if match is None or len(match[1]) > 60:
        return ()
    numbers = [int(part) for part in match[1].split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
