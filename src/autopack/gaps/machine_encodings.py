"""Which modules leave the encoding of text to the machine so that a maintainer would change it.

Three questions decide it, none of them about the call alone: for which systems the project is (`systems`), who runs the
module, and what the files hold that it opens, where they are the repository's own (`opened_files`). What several
modules of a package do is said once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from autopack.gaps import odd_on_purpose, opened_files, text_io_calls
from autopack.gaps.excerpts import Places
from autopack.gaps.lint_settings import LeftOut
from autopack.gaps.models import Evidence
from autopack.gaps.opened_files import Opened
from autopack.gaps.state import FileRecord
from autopack.gaps.systems import Systems, SystemsFact
from autopack.gaps.text_io_calls import TextEdit

_MANY = 3
"""So many modules of one package that leave the encoding to the machine are told as one."""


@dataclass(frozen=True)
class CallFact:
    """How one module opens text."""

    places: tuple[Evidence, ...] = ()
    """The calls that name no encoding."""
    untyped: frozenset[str] = frozenset()
    """See `TextCalls.own_methods`."""
    edits: tuple[TextEdit, ...] = ()
    settled: bool = False
    """Nobody would change any of the calls; see `TextCalls.settled`."""
    opened: tuple[Opened | None, ...] = ()
    """What the others of them open; see `TextCalls.opened`."""
    doubtful: tuple[Evidence, ...] = ()
    """Further calls, for which the encoding of the machine may be meant."""
    defines: frozenset[str] = frozenset()
    """`read_text` and `write_text` when the module defines them itself."""


def calls_of(path: str, data: bytes, *, most_places: int) -> CallFact | None:
    """Return how the Python module DATA at PATH opens text, or None where it does not; tests may do as they please."""
    if not path.endswith(".py"):
        return None
    defines = text_io_calls.defined_methods(data)
    if is_test_code(path):
        return CallFact(defines=defines) if defines else None
    found = text_io_calls.find_text_calls(data)
    if found is None:
        return CallFact(defines=defines) if defines else None
    places = Places(path, data)
    plain, doubtful = (
        tuple(places.at(min(places.start_of(line) + column, len(data))) for line, column in some[:most_places])
        for some in (found.places, found.doubtful)
    )
    return CallFact(
        places=plain,
        untyped=found.own_methods,
        edits=found.edits,
        settled=found.settled,
        opened=found.opened,
        doubtful=doubtful,
        defines=defines,
    )


def is_test_code(path: str) -> bool:
    """Tell whether the module at PATH is a test, or serves tests."""
    name = path.rpartition("/")[2]
    return (
        odd_on_purpose.in_test_folder(path)
        or name.startswith("test_")
        or name in {"conftest.py", "tests.py"}
        or (name.endswith("_test.py"))
    )


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one module."""

    is_certain: bool
    """A maintainer would change a call of it, and nothing that is said of its package says so already."""
    leaves_windows_out: bool


@dataclass(frozen=True)
class Judged:
    """What is to be said of all modules, and of packages."""

    modules: Mapping[str, Verdict]
    packages: tuple[Together, ...]
    doubtful: tuple[str, ...] = ()
    """Modules with calls for which the encoding of the machine may be meant."""

    @classmethod
    def of(
        cls,
        files: Mapping[str, FileRecord],
        calls: Mapping[str, CallFact],
        said: Mapping[str, SystemsFact],
        letters: Collection[str],
        left_out: LeftOut,
        *,
        most_places: int,
    ) -> Judged:
        """Join CALLS of all modules with what files SAID about systems; LETTERS are the texts that are not all ASCII.

        What linters LEFT_OUT inside a package was brought in from elsewhere. MOST_PLACES is how many places a finding
        shows.
        """
        # Where the repository has a `read_text` of its own, an untyped receiver may be that.
        own_methods = frozenset[str]().union(*(fact.defines for fact in calls.values()))
        packages = _Packages.of(files)
        known = Systems.of(said, product=[path for path in said if not packages.leaves_out(path)])
        found: dict[str, bool] = {}
        opens_letters = set()
        judged = [
            path
            for path, fact in calls.items()
            if not fact.untyped & own_methods and not known.has_utf8_by_default(path)
        ]
        for path in judged:
            fact = calls[path]
            if not fact.places:
                continue
            for_developers = packages.leaves_out(path)
            holds = _what_is_opened(files, letters, path, fact, for_developers=for_developers)
            if holds == "letters":
                opens_letters.add(path)
            cares = holds == "letters" or (holds == "unknown" and not for_developers)
            cares = cares and not fact.settled and not packages.holds_of_others(path, left_out)
            found[path] = cares and not known.leaves_windows_out(path)
        certain = [path for path, is_certain in found.items() if is_certain]
        certain.sort(key=lambda path: path not in opens_letters)
        together = tuple(_together(packages, certain, most_places))
        said_once = {path for one in together for path in one.modules}
        return cls(
            modules={
                path: Verdict(is_certain and path not in said_once, known.leaves_windows_out(path))
                for path, is_certain in found.items()
            },
            packages=together,
            doubtful=tuple(path for path in judged if calls[path].doubtful),
        )


@dataclass(frozen=True)
class _Packages:
    """The folders of a repository that Python imports as packages."""

    folders: frozenset[str]
    spaces: frozenset[str]
    """Folders that hold packages, the root left out: what lies in them is imported as well."""

    @classmethod
    def of(cls, paths: Iterable[str]) -> _Packages:
        folders = frozenset(
            path.rpartition("/")[0]
            for path in paths
            if path.endswith("/__init__.py") and not is_test_code(path) and not odd_on_purpose.is_for_developers(path)
        )
        return cls(folders, frozenset(folder.rpartition("/")[0] for folder in folders) - {""})

    def of_module(self, path: str) -> str:
        """Return the outermost package that PATH lies in, or its folder."""
        return next((folder for folder in _folders_above(path) if folder in self.folders), path.rpartition("/")[0])

    def holds_of_others(self, path: str, left_out: LeftOut) -> bool:
        """Tell whether PATH lies in a folder inside a package that linters leave out: what nobody keeps to the rules of
        the package was brought in from elsewhere."""
        folder = left_out.folder_of(path)
        return folder is not None and folder.startswith(f"{self.of_module(path)}/")

    def leaves_out(self, path: str) -> bool:
        """Tell whether PATH is for those who work on the project: by the name of its folder, or as a script in a
        folder that belongs to no package, where there are packages."""
        if odd_on_purpose.is_for_developers(path):
            return True
        folder = path.rpartition("/")[0]
        if not folder or not self.folders or folder in self.spaces:
            return False
        return self.folders.isdisjoint(_folders_above(path))


@dataclass(frozen=True)
class Together:
    """Several modules of a package that leave the encoding to the machine."""

    folder: str
    """The package, or a folder in it where a finding of the whole would have more places than it shows."""
    modules: tuple[str, ...]
    """Those of the folder of which somebody would change a call; first those that open a text which is not ASCII."""


def _together(packages: _Packages, certain: Iterable[str], most_places: int) -> Iterator[Together]:
    """Yield the packages of which _MANY modules are CERTAIN."""
    modules: dict[str, list[str]] = {}
    for path in certain:
        modules.setdefault(packages.of_module(path), []).append(path)
    for package, paths in modules.items():
        for folder, part in _in_shown_parts(package, paths, most_places):
            if len(part) >= _MANY:
                yield Together(folder, tuple(part))


def _in_shown_parts(folder: str, paths: Sequence[str], most_places: int) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield PATHS of FOLDER whole, or by the folders in it where they are more than a finding shows places."""
    waiting = [(folder, paths)]
    while waiting:
        folder, paths = waiting.pop()
        inner: dict[str, list[str]] = {}
        for path in paths:
            name, slash, _ = path.removeprefix(f"{folder}/" if folder else "").partition("/")
            inner.setdefault(f"{folder}/{name}".lstrip("/") if slash else folder, []).append(path)
        if len(paths) <= most_places or set(inner) == {folder}:
            yield folder, paths
        else:
            waiting += [(one, inside) for one, inside in inner.items() if one != folder]
            if folder in inner:
                yield folder, inner[folder]


def _folders_above(path: str) -> list[str]:
    """Return the folders that PATH lies in, the outermost first, without the root."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _what_is_opened(
    files: Mapping[str, FileRecord], letters: Collection[str], path: str, fact: CallFact, *, for_developers: bool
) -> Literal["letters", "ascii", "unknown"]:
    """Return what the files of this repository hold that the module at PATH opens.

    The product is believed to open its own files only where their place is told from the module's; scripts are run
    where they lie, so that any path that ends as a file of the repository does is that file.
    """
    kinds = set()
    for opened in fact.opened:
        own = None
        if opened is not None and (for_developers or opened.beside_module):
            own = next((one for one in opened_files.candidates(opened, path) if one in files), None)
        # What was not read may hold anything.
        is_read = own is not None and files[own].sha256 is not None
        kinds.add("unknown" if not is_read else "letters" if own in letters else "ascii")
    if "letters" in kinds:
        return "letters"
    return "ascii" if kinds == {"ascii"} else "unknown"
