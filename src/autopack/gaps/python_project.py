"""What the files around a Python project say: which distributions it declares, and which paths its tools name."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from autopack.gaps.python_source import words
from autopack.gaps.toml_text import read_toml

_MAX_BYTES = 4 * 1024 * 1024
_REQUIREMENT = re.compile(r"[ \t]*([A-Za-z0-9][A-Za-z0-9._-]*)")
_LOCKS = {"poetry.lock", "uv.lock", "pdm.lock", "pylock.toml"}
_MANIFESTS = {"pyproject.toml", "setup.py", "setup.cfg", "Pipfile.lock", "Pipfile", *_LOCKS}
_MANIFEST_ENDINGS = (*_MANIFESTS, ".txt", ".in")
_TOOL_NAME = re.compile(
    r"(?:tox\.ini|noxfile\.py|[Mm]akefile|GNUmakefile|justfile|Justfile|Taskfile\.ya?ml|tasks\.py|Jenkinsfile"
    r"|setup\.py|setup\.cfg|pyproject\.toml|hatch\.toml|pytest\.ini|conftest\.py|runtests\.py|manage\.py|meson\.build"
    r"|CMakeLists\.txt|Cargo\.toml|BUILD(?:\.bazel)?|package\.json|\.coveragerc|codecov\.yml|Dockerfile.*"
    r"|docker-compose.*\.ya?ml|azure-pipelines.*\.ya?ml|appveyor\.yml|\.travis\.yml|\.gitlab-ci\.yml"
    r"|\.cirrus\.yml|\.pre-commit-config\.yaml|CONTRIBUTING.*|(?:environment|conda).*\.ya?ml)\Z",
    re.DOTALL,
)
_TOOL_SUFFIXES = (".sh", ".bat", ".ps1", ".mk")
_TOOL_ROOTS = frozenset(
    {".github", ".circleci", ".ci", ".buildkite", ".gitlab", ".azure-pipelines", ".evergreen", ".semaphore"}
)
_TOOL_FOLDERS = frozenset({"ci", "scripts", "tools", "bin"})
_WORD = re.compile(rb"[\w./*+-]+")
_REQUIREMENT_FILE = re.compile(
    r"(?:^|/)(?:[^/]*(?:requirements|constraints|deps)[^/]*\.(?:txt|in)|requirements/[^/]+\.(?:txt|in))\Z"
)

STANDARD_LIBRARY = frozenset(sys.stdlib_module_names) | words(
    "asynchat asyncore audioop cgi cgitb chunk crypt distutils imghdr imp lib2to3 mailcap msilib nis nntplib"
    " ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib uu xdrlib binhex formatter parser symbol macpath"
    " dummy_threading _bootlocale annotationlib compression tomllib __main__ __future__ test antigravity this"
    " idlelib turtledemo"
    " pyrepl _pyrepl"
)
"""Of every version of Python 3, so that the answer does not depend on the one that runs."""

KNOWN_CLOSURES: dict[str, str] = {
    "pytest": "pytest _pytest py pluggy iniconfig packaging pygments exceptiongroup tomli colorama typing_extensions",
    "pytest-cov": "pytest_cov coverage",
    "pytest-mock": "pytest_mock",
    "pytest-xdist": "xdist execnet",
    "pytest-asyncio": "pytest_asyncio",
    "coverage": "coverage",
    "hypothesis": "hypothesis sortedcontainers attr attrs exceptiongroup",
    "mock": "mock",
    "ruff": "ruff",
    "mypy": "mypy mypy_extensions typing_extensions pathspec tomli",
    "black": "black blib2to3 click pathspec platformdirs mypy_extensions packaging",
    "flake8": "flake8 mccabe pycodestyle pyflakes",
    "isort": "isort",
    "build": "build pyproject_hooks packaging",
    "wheel": "wheel packaging",
    "setuptools": "setuptools pkg_resources _distutils_hack",
    "setuptools-scm": "setuptools_scm setuptools packaging",
    "hatchling": "hatchling packaging pathspec pluggy trove_classifiers",
    "hatch-vcs": "hatch_vcs setuptools_scm packaging",
    "flit-core": "flit_core",
    "poetry-core": "poetry",
    "python": "",
}
"""Test and build tools -> what becomes importable with them; of everything else the dependencies are unknown."""

_IMPORT_NAMES = {
    "PIL": "pillow",
    "cv2": "opencv",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "OpenSSL": "pyopenssl",
    "MySQLdb": "mysqlclient",
    "fitz": "pymupdf",
    "gi": "pygobject",
    "docx": "python-docx",
    "zmq": "pyzmq",
    "win32api": "pywin32",
    "pythoncom": "pywin32",
    "pkg_resources": "setuptools",
    "google": "protobuf",
    "wx": "wxpython",
    "lxml": "lxml",
    "Xlib": "python-xlib",
    "ldap": "python-ldap",
    "psycopg2": "psycopg2-binary",
    "ruamel": "ruamel.yaml",
    "mpl_toolkits": "matplotlib",
    "pylab": "matplotlib",
    "IPython": "ipython",
    "markdown": "markdown",
    "jose": "python-jose",
    "Levenshtein": "python-levenshtein",
    "socks": "pysocks",
    "umap": "umap-learn",
    "slugify": "python-slugify",
    "nacl": "pynacl",
    "dns": "dnspython",
    "websocket": "websocket-client",
    "kafka": "kafka-python",
    "consul": "python-consul",
    "memcache": "python-memcached",
    "pylibmc": "pylibmc",
    "case": "case",
}


@dataclass(frozen=True)
class ProjectFact:
    """What one file around the project says."""

    declares: frozenset[str] = frozenset()
    """Names of distributions."""
    is_manifest: bool = False
    locked: bool = False
    """It lists everything that is installed, dependencies of dependencies included."""
    open_ended: bool = False
    """It declares more than can be read off it."""
    words: frozenset[str] = frozenset()
    """Words that a tool's file holds: paths, commands, names."""


def read(path: str, data: bytes) -> ProjectFact | None:
    """Return what the file at PATH says about the project, or None where it is neither manifest nor a tool's file."""
    is_tools = _is_tools(path)
    if len(data) > _MAX_BYTES or not (is_tools or path.endswith(_MANIFEST_ENDINGS)):
        return None
    manifest = _manifest(path, data)
    spoken = _spoken(data) if is_tools else frozenset[str]()
    if manifest is None and not spoken:
        return None
    fact = manifest or ProjectFact()
    return ProjectFact(fact.declares, fact.is_manifest, fact.locked, fact.open_ended, spoken)


def _is_tools(path: str) -> bool:
    """Tell whether a tool reads PATH, and may be told names of files there."""
    folder, _, name = path.rpartition("/")
    return name.endswith(_TOOL_SUFFIXES) or _is_tools_folder(folder) or _TOOL_NAME.match(name) is not None


@lru_cache(maxsize=16_384)
def _is_tools_folder(folder: str) -> bool:
    return folder.partition("/")[0] in _TOOL_ROOTS or folder.rpartition("/")[2] in _TOOL_FOLDERS


def _spoken(data: bytes) -> frozenset[str]:
    return frozenset(
        word.decode("ascii", "replace").removeprefix("./").strip("/.") or "." for word in _WORD.findall(data)
    )


def _manifest(path: str, data: bytes) -> ProjectFact | None:
    name = path.rpartition("/")[2]
    if name not in _MANIFESTS and not (name.endswith((".txt", ".in")) and _REQUIREMENT_FILE.search(path)):
        return None
    text = data.decode("utf-8", "replace")
    if name == "pyproject.toml":
        return _pyproject(text)
    if name == "setup.py":
        return ProjectFact(_names(re.findall(r"[\"']([^\"'\n]+)[\"']", text)), is_manifest=True, open_ended=True)
    if name == "setup.cfg":
        listed = "install_requires" in text or "extras_require" in text
        return ProjectFact(_names(text.splitlines()), is_manifest=listed) if listed else None
    if name in _LOCKS:
        return ProjectFact(frozenset(re.findall(r"^name = \"([^\"]+)\"", text, re.MULTILINE)), True, locked=True)
    if name == "Pipfile.lock":
        return _pipfile_lock(text)
    if name == "Pipfile":
        return ProjectFact(_names(text.splitlines()), is_manifest=True)
    odd = re.search(r"^\s*-(?:e|-editable)|://|^\s*\.", text, re.MULTILINE) is not None
    return ProjectFact(_names(text.splitlines()), is_manifest=True, open_ended=odd)


def _names(lines: Iterable[str]) -> frozenset[str]:
    found = (_REQUIREMENT.match(line.strip().removeprefix("- ")) for line in lines)
    return frozenset(match[1] for match in found if match)


def _pipfile_lock(text: str) -> ProjectFact | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    groups = document.values() if isinstance(document, dict) else ()
    names = {name for group in groups if isinstance(group, dict) for name in group if isinstance(name, str)}
    return ProjectFact(frozenset(names), is_manifest=True, locked=True)


def _pyproject(text: str) -> ProjectFact | None:
    document = read_toml(text)
    if document is None:
        return None
    project = document.get("project")
    tool = document.get("tool", {})
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    if not isinstance(project, dict) and not isinstance(poetry, dict):
        return None
    dynamic = project.get("dynamic", []) if isinstance(project, dict) else []
    open_ended = any(key in dynamic for key in ("dependencies", "optional-dependencies"))
    return ProjectFact(frozenset(_declared(document)), is_manifest=True, open_ended=open_ended)


def _declared(node: object, key: str = "") -> set[str]:
    """Collect requirement strings, and keys of dependency tables, wherever they stand in a pyproject document."""
    found: set[str] = set()
    listing = re.search(r"dependenc|requires|deps", key) is not None
    if isinstance(node, dict):
        for name, value in node.items():
            if listing and re.search(r"^(?:dev-)?dependencies$", key) and isinstance(value, str | dict):
                found.add(name)
            # Groups of dependencies are tables of lists: their names say nothing, their place does.
            inner = key if listing and isinstance(value, list) else name
            found |= _declared(value, inner)
    elif isinstance(node, list) and listing:
        found |= _names(item for item in node if isinstance(item, str))
    return found


@dataclass(frozen=True)
class Declared:
    """Everything that the project declares."""

    names: frozenset[str]
    closed: bool
    """Nothing else can be importable: a lock lists it all, or only tools are declared whose needs are known."""

    @classmethod
    def of(cls, facts: Iterable[ProjectFact]) -> Declared:
        everything = tuple(facts)
        manifests = [fact for fact in everything if fact.is_manifest]
        names = frozenset[str]().union(*(fact.declares for fact in manifests)) if manifests else frozenset[str]()
        locked = any(fact.locked for fact in manifests)
        known = all(_normal(name) in KNOWN_CLOSURES for name in names)
        open_ended = any(fact.open_ended for fact in manifests)
        return cls(names, closed=bool(manifests) and (locked or (known and not open_ended)))

    @lru_cache(maxsize=4_096)  # noqa: B019  (a few per process, and equal ones share their answers)
    def may_provide(self, module: str) -> bool:
        """Tell whether something declared may install the top-level MODULE; generous, since names often differ."""
        wanted = {_squeezed(module), _squeezed(_IMPORT_NAMES.get(module, module))}
        for name in self.names:
            have = _squeezed(name)
            # Bindings are called after what they bind: `google-api-python-client` installs `googleapiclient`.
            if _without_python(name) in wanted:
                return True
            if any(one == have or (len(one) > 2 and one in have) or (len(have) > 2 and have in one) for one in wanted):
                return True
            if module in KNOWN_CLOSURES.get(_normal(name), "").split():
                return True
        return False


@lru_cache(maxsize=16_384)
def _normal(name: str) -> str:
    """Return NAME as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@lru_cache(maxsize=16_384)
def _squeezed(name: str) -> str:
    return re.sub(r"[-_.]+", "", name).lower()


@lru_cache(maxsize=16_384)
def _without_python(name: str) -> str:
    """Return NAME squeezed, without the parts that only say for which language it is."""
    return "".join(part for part in re.split(r"[-_.]+", name.lower()) if part not in {"python", "py"})
