"""What tools write anew at every run and nobody means to commit: bytecode, caches, build and coverage output.

Only what its name and its neighbours make certain. Folders such as `dist` or `build` are committed on purpose as often
as not, and that `.gitignore` names a tracked file proves nothing either: it was mostly added by force.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from functools import lru_cache

from autopack.gaps import document_places as places
from autopack.gaps import odd_on_purpose

_FOLDERS = {
    "__pycache__": "Python's bytecode",
    ".pytest_cache": "pytest's cache",
    ".mypy_cache": "mypy's cache",
    ".ruff_cache": "ruff's cache",
    ".tox": "tox's environments",
    ".nox": "nox's environments",
    ".eggs": "setuptools' downloads",
    "htmlcov": "a coverage report",
    ".nyc_output": "a coverage report",
    ".ipynb_checkpoints": "notebooks' checkpoints",
    ".gradle": "Gradle's cache",
    ".sass-cache": "Sass's cache",
    ".parcel-cache": "Parcel's cache",
    ".next": "Next.js's build",
    ".nuxt": "Nuxt's build",
    ".svelte-kit": "SvelteKit's build",
    ".turbo": "Turborepo's cache",
    ".terraform": "Terraform's downloads",
    "CMakeFiles": "CMake's build",
}
_ENVIRONMENTS = frozenset({"venv", ".venv", "env", ".env", "virtualenv"})
_FILES = {
    ".DS_Store": "the macOS Finder's notes",
    "Thumbs.db": "Windows' thumbnails",
    ".coverage": "coverage data",
}
_COMPILED = {
    ".pyc": ("Python's bytecode", (".py",)),
    ".pyo": ("Python's bytecode", (".py",)),
    ".class": ("Java's bytecode", (".java",)),
    ".o": ("object code", (".c", ".cc", ".cpp", ".cxx", ".m", ".s", ".S", ".f90")),
}
_COMPILED_ENDINGS = tuple(_COMPILED)
_EGG_INFO = ".egg-info"
_FOLDER_NAMES = frozenset({*_FOLDERS, *_ENVIRONMENTS})


@dataclass(frozen=True)
class Output:
    """What a committed file is, and the line of `.gitignore` that keeps its like out."""

    what: str
    rule: str


def may_be_output(path: str) -> bool:
    """Tell whether the name of PATH alone is that of a tool's output."""
    folder, _, name = path.rpartition("/")
    if not (_may_hold_output(folder) or name in _FILES or name.endswith(_COMPILED_ENDINGS)):
        return False
    return not odd_on_purpose.is_test_data(path) and not places.is_template(path)


@lru_cache(maxsize=1_024)
def _may_hold_output(folder: str) -> bool:
    return any(part in _FOLDER_NAMES or part.endswith(_EGG_INFO) for part in folder.split("/"))


def output_of(path: str, files: Container[str]) -> Output | None:
    """Return which tool's output PATH certainly is, seen beside FILES, all that there are; None where it is not."""
    if not may_be_output(path):
        return None
    folders = path.split("/")[:-1]
    for depth, name in enumerate(folders, 1):
        folder = "/".join(folders[:depth])
        if name in _FOLDERS:
            return Output(_FOLDERS[name], f"{name}/")
        # setuptools always writes a list of sources; what has none was written by hand.
        if name.endswith(_EGG_INFO) and f"{folder}/SOURCES.txt" in files:
            return Output("setuptools' metadata", f"*{_EGG_INFO}/")
        if name in _ENVIRONMENTS and f"{folder}/pyvenv.cfg" in files:
            return Output("a virtual environment", f"{name}/")
    return _output_by_name(path, files)


def _output_by_name(path: str, files: Container[str]) -> Output | None:
    folder, slash, name = path.rpartition("/")
    if name in _FILES:
        return Output(_FILES[name], name)
    stem, dot, ending = name.rpartition(".")
    what, sources = _COMPILED.get(dot + ending, ("", ()))
    # An inner class of Java is compiled to `Outer$Inner.class`.
    source = f"{folder}{slash}{stem.partition('$')[0] if ending == 'class' else stem}"
    if any(f"{source}{one}" in files for one in sources):
        return Output(what, f"*.{ending}")
    return None
