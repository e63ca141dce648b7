"""Paths as the policy sees them: refused when ambiguous, then matched against lists.

A path that two systems could read differently is not judged but refused. Lists that protect also match with case
folded, because the file systems of macOS and Windows open `.GIT/config` as `.git/config`; lists that grant match to
the letter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

MAX_PATH_LENGTH = 4_096
MAX_NAME_BYTES = 255

ALWAYS_PROTECTED = (".git", ".autonomous_runs")
"""Blocked whatever the owner writes: git's own folder (or the file of a linked worktree) and the runs'."""

_GIT = (".git*",)
_SECRETS = (
    *(".env*", "*.env", ".netrc", "_netrc", ".npmrc", ".pypirc", ".htpasswd", ".ssh", ".aws", ".gnupg", ".kube"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.tfvars", "*.tfstate*"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "kubeconfig", "service-account*.json"),
    *("credentials", "credentials.*", "secrets", "secrets.*"),
)
_CONTINUOUS_INTEGRATION = (
    *(".github", ".gitlab-ci.yml", ".circleci", "jenkinsfile*", "azure-pipelines*", ".azure-pipelines", ".azure"),
    *(".travis.yml", ".drone.yml", ".buildkite", "bitbucket-pipelines.yml", "appveyor.yml", ".appveyor.yml"),
    *(".woodpecker*", ".cirrus.*", ".semaphore", ".teamcity", ".tekton", ".ci", ".forgejo", ".gitea", "dagger.json"),
    *("cloudbuild.y*ml", "buildspec.y*ml", "codemagic.yaml", "wercker.yml", "renovate.json*", ".renovaterc*"),
)
_MIGRATIONS = (
    "migrations",
    "migration",
    "migrate",
    "alembic",
    "alembic.ini",
    "flyway*",
    "liquibase*",
    "v[0-9]*__*.sql",
)
_DEPENDENCIES = (
    *("*.lock", "*.lock.*", "*-lock.*", "*.lockb", "*lockfile*", "npm-shrinkwrap.json", "go.sum", "*.resolved"),
    *("pyproject.toml", "setup.py", "setup.cfg", "requirements*", "constraints*.txt", "pipfile*", "pylock*.toml"),
    *("environment.y*ml", "conda*.y*ml", "pip.conf", "package.json", "pnpm-workspace.yaml", ".yarnrc*", ".pnp.*"),
    *("bunfig.toml", "deno.json*", "jsr.json", "cargo.toml", "rust-toolchain*", "go.mod", "go.work*", "gemfile*"),
    *("*.gemspec", "composer.json", "pom.xml", "*.gradle", "*.gradle.kts", "gradle.properties", "*.versions.toml"),
    *("gradle-wrapper*", "build.sbt", "*.csproj", "*.fsproj", "*.vbproj", "*.vcxproj", "packages.config"),
    *("directory.build.*", "directory.packages.props", "nuget.config", "global.json", "mix.exs", "rebar.config"),
    *("pubspec.yaml", "package.swift", "podfile*", "cartfile*", "*.cabal", "cabal.project*", "stack.yaml*"),
    *("*.nix", "conanfile.*", "vcpkg.json", "module.bazel*", "workspace", "workspace.bazel", "*.opam", "elm.json"),
    *("shard.yml", "project.toml", "manifest.toml", "dub.json", "*.rockspec", "cpanfile*", ".tool-versions"),
)
_ENTRY_POINTS = (
    *("claude*.md", "agents*.md", "gemini*.md", ".claude", ".codex", ".gemini", ".cursor*", ".aider*", ".windsurf*"),
    *(".clinerules*", ".continue", ".roo*", ".kiro", ".zed", "copilot-instructions.md", ".mcp.json", "mcp.json"),
    *(
        ".vscode",
        ".idea",
        "*.code-workspace",
        ".devcontainer*",
        ".husky",
        ".pre-commit-config.y*ml",
        ".pre-commit-hooks*",
    ),
    *(
        "lefthook*",
        ".lefthook*",
        ".exrc",
        ".vimrc",
        ".nvim*",
        "makefile*",
        "gnumakefile",
        "*.mk",
        "justfile",
        ".justfile",
    ),
    *("taskfile.y*ml", "rakefile", "tox.ini", "noxfile.py", "cmakelists.txt", "meson.build", "dockerfile*"),
    *("docker-compose*", "compose.y*ml", "containerfile*", "vagrantfile", "procfile", "codeowners"),
)
_LEDGERS = (
    *("build_history.md", "debug_log.md", "architecture_decisions.md", "project_index.json", "learned_rules.json"),
)
_AUTOPACK = (".autopack", "*.cedar", "**/autopack/policy", "**/autopack/governance")

NEVER_AUTO_APPROVED: dict[str, tuple[str, ...]] = {
    "git": _GIT,
    "secrets": _SECRETS,
    "continuous integration": _CONTINUOUS_INTEGRATION,
    "migrations": _MIGRATIONS,
    "dependencies": _DEPENDENCIES,
    "entry points of agents and tools": _ENTRY_POINTS,
    "ledgers": _LEDGERS,
    "Autopack's own": _AUTOPACK,
}
"""A person decides on these whatever the owner's rules say. Lower case: they are matched with case folded."""


class UnsafePath(ValueError):
    """A path that file systems could read in more than one way; the message says why."""


def normal(path: str) -> str:
    """Return PATH unchanged if it can mean only one file of the repository; raise UnsafePath otherwise.

    Refused: absolute, `.` and `..`, empty parts, backslash, colon (drives, NTFS streams), control, invisible and
    unpaired surrogate characters, other than NFC, a part ending in a dot or blank, 8.3 short names (`GIT~1`).
    Sources: git's `verify_path`, `is_hfs_dotgit` and `is_ntfs_dotgit`, which guard against the same confusions.
    """
    if not isinstance(path, str) or not path or len(path) > MAX_PATH_LENGTH:
        raise UnsafePath("a path is a text of 1 to 4096 characters")
    if path.startswith("/") or "\\" in path or ":" in path:
        raise UnsafePath("absolute, or with a backslash or colon")
    if not (path.isascii() and path.isprintable()):
        _require_plain(path)
    for part in path.split("/"):
        if part in {"", ".", ".."}:
            raise UnsafePath("with an empty part, '.' or '..'")
        if len(part.encode()) > MAX_NAME_BYTES:
            raise UnsafePath("with a part longer than any file system holds")
        if part != part.rstrip(". ") or _SHORT_NAME.search(part):
            raise UnsafePath("with a part that Windows reads differently (trailing dot or blank, 8.3 name)")
    return path


def _require_plain(path: str) -> None:
    if any(unicodedata.category(character) in _UNSEEN for character in path) or _DEFAULT_IGNORABLE.search(path):
        raise UnsafePath("with control, invisible or broken characters")
    if not unicodedata.is_normalized("NFC", path):
        raise UnsafePath("not in Unicode normal form C")


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_DEFAULT_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_SHORT_NAME = re.compile(r"~\d")


def folded(path: str) -> str:
    """Return PATH as a file system that ignores case compares it."""
    return unicodedata.normalize("NFC", path.casefold())


@dataclass(frozen=True)
class PathList:
    """Gitignore-style patterns without negation, as one regular expression."""

    patterns: tuple[str, ...]
    protects: bool
    _expression: re.Pattern[str] | None

    def matches(self, path: str) -> bool:
        """Tell whether the normal PATH, or a folder that it is in, is on the list."""
        if self._expression is None:
            return False
        if self._expression.match(path):
            return True
        if not self.protects or path == (lowered := folded(path)):
            return False
        return self._expression.match(lowered) is not None


def protecting(patterns: Iterable[str]) -> PathList:
    """Return the list of PATTERNS that protect: they match as written and with case folded."""
    written = tuple(patterns)
    return PathList(written, True, _joined(dict.fromkeys((*written, *map(folded, written)))))


def granting(patterns: Iterable[str]) -> PathList:
    """Return the list of PATTERNS that grant: they match to the letter."""
    written = tuple(patterns)
    return PathList(written, False, _joined(written))


def _joined(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """Return one expression for PATTERNS. Raises ValueError for one that gitignore syntax does not allow.

    Without negation the order of patterns means nothing, so that their expressions may be joined: matching is then
    one call, not one for each of some 200 patterns.
    """
    anchored, floating = [], []
    for pattern in patterns:
        expression = _expression(pattern)
        if expression.startswith(_ANYWHERE):
            floating.append(expression.removeprefix(_ANYWHERE))
        else:
            anchored.append(expression)
    if floating:
        anchored.append(f"{_ANYWHERE}(?:{'|'.join(floating)})")
    return re.compile("|".join(anchored)) if anchored else None


_ANYWHERE = "^(?:.+/)?"
"""How pathspec begins the expression of a pattern that may match at any depth."""


def _expression(pattern: str) -> str:
    from pathspec import GitIgnoreSpec
    from pathspec.pattern import RegexPattern

    try:
        compiled = GitIgnoreSpec.from_lines([pattern]).patterns
    except re.error as fault:
        raise ValueError(f"{pattern!r} is not a pattern: {fault}") from fault
    parts = [each.regex.pattern for each in compiled if isinstance(each, RegexPattern) and each.regex and each.include]
    if len(parts) != 1:
        raise ValueError(f"{pattern!r} is not a pattern that can match")
    return str(parts[0]).replace("(?P<ps_d>", "(?:")
