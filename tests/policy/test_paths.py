"""Which paths are judged at all, and what the lists catch."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from autopack.errors import UsageError
from autopack.intention_anchor.v2 import ScopeBoundaries
from autopack.policy.decide import Policy
from autopack.policy.facts import Circumstances
from autopack.policy.paths import (
    NEVER_AUTO_APPROVED,
    UnsafePath,
    granting,
    normal,
    protecting,
)
from policy.anchors import KINDS, an_anchor, some_facts

HOSTILE_PATHS = {
    "empty": "",
    "absolute": "/etc/passwd",
    "parent": "docs/../.git/config",
    "parent first": "../outside",
    "parent last": "docs/..",
    "here": "./docs/a.md",
    "here inside": "docs/./a.md",
    "empty part": "docs//a.md",
    "trailing slash": "docs/",
    "backslash": "docs\\..\\.git\\config",
    "drive": "C:/docs/a.md",
    "stream": "docs/.git::$INDEX_ALLOCATION/config",
    "nul": "docs/a.md\0.png",
    "line feed": "docs/a\n.md",
    "escape": "docs/\x1b[2Ja.md",
    "delete": "docs/a\x7f.md",
    "c1 control": "docs/a\x85.md",
    "line separator": "docs/a\u2028.md",
    "zero width": "docs/.g\u200cit/config",
    "byte order mark": "docs/\ufeff.git/config",
    "right to left": "docs/\u202egpj.md",
    "soft hyphen": "docs/.gi\u00adt/config",
    "variation selector": "docs/.git\ufe0f/config",
    "hangul filler": "docs/\u3164.md",
    "tag character": "docs/a\U000e0041.md",
    "unpaired surrogate": "docs/a\udcff.md",
    "decomposed": unicodedata.normalize("NFD", "docs/é.md"),
    "trailing dot": "docs/.git./config",
    "trailing blank": "docs/.git /config",
    "short name": "docs/GIT~1/config",
    "short name at end": "GI7EBA~1",
    "too long": "docs/" + "a/" * 2_100 + "a",
    "name too long": "docs/" + "é" * 200,
}


@pytest.mark.parametrize("name", HOSTILE_PATHS)
def test_ambiguous_paths_are_refused_and_blocked(name: str) -> None:
    """A path that two systems could read differently is no path, and an action on it is blocked."""
    with pytest.raises(UnsafePath):
        normal(HOSTILE_PATHS[name])
    scope = ScopeBoundaries(allowed_write_roots=("/**",))
    policy = Policy.build(an_anchor(scope=scope), kinds=KINDS)
    facts = some_facts(paths=("docs/a.md", HOSTILE_PATHS[name]))
    assert policy.decide(facts, Circumstances()).rules == ("engine.unsafe-path",)


@pytest.mark.parametrize(
    "path", ["docs/a.md", "a b/c (1).txt", "docs/日本語.md", "docs/é.md", "x/-rf", "a~b", ".hidden", "a'b\"c$(d).md"]
)
def test_ordinary_paths_stay_as_they_are(path: str) -> None:
    """Blanks, quotes, other scripts and shell characters are no reason to refuse."""
    assert normal(path) == path


@pytest.mark.parametrize("longest", ["é" * 127 + "a", "/".join(["a" * 127] * 32)])
def test_lengths_are_bounded_as_on_linux(longest: str) -> None:
    """A name of 255 bytes and a path of 4,096 characters pass, and nothing longer (NAME_MAX, PATH_MAX of limits.h)."""
    assert normal(longest) == longest
    if "/" not in longest:
        with pytest.raises(UnsafePath, match="longer than any file system"):
            normal(longest + "a")
        return
    assert len(longest) == 4_095
    assert normal(longest + "a")
    with pytest.raises(UnsafePath, match="1 to 4096 characters"):
        normal(longest + "aa")


@pytest.mark.parametrize("path", [None, b"docs/a.md", ("docs",), 7])
def test_what_is_no_text_is_no_path(path: object) -> None:
    """A value of another type is refused with the same reason as an empty path."""
    with pytest.raises(UnsafePath, match="1 to 4096 characters"):
        normal(path)  # type: ignore[arg-type]


NEVER_UNASKED = (
    *(".gitignore", "sub/.gitattributes", ".gitmodules", ".env", ".env.production", "app/.ENV", "prod.env"),
    *(".github/workflows/ci.yml", ".gitlab-ci.yml", ".circleci/config.yml", "Jenkinsfile", "azure-pipelines.yml"),
    *("db/migrations/0001.sql", "app/Migrations/0001_initial.py", "alembic/env.py", "db/migrate/1.rb"),
    *("pyproject.toml", "sub/package.json", "uv.lock", "package-lock.json", "pnpm-lock.yaml", "go.mod", "go.sum"),
    *(
        "Cargo.lock",
        "requirements-dev.txt",
        "requirements/dev.txt",
        "setup.py",
        "Gemfile",
        "pom.xml",
        "app/build.gradle",
    ),
    *(".autopack/intention.yaml", ".autopack/config.toml", ".autopack/policy.cedar", "sub/.Autopack/x"),
    *("docs/BUILD_HISTORY.md", "DEBUG_LOG.md", "docs/architecture_decisions.md", "docs/LEARNED_RULES.json"),
    *("server.pem", "id_ed25519", ".npmrc", ".aws/credentials", "config/secrets.yaml", "credentials.json"),
    *("CLAUDE.md", "sub/AGENTS.md", ".claude/settings.json", ".vscode/tasks.json", ".mcp.json", ".husky/pre-commit"),
    *(".pre-commit-config.yaml", "Makefile", "makefile.inc", "justfile", "Dockerfile.dev", ".cursorrules", "tox.ini"),
    *("src/autopack/policy/policy.cedar", "src/autopack/policy/decide.py", "src/autopack/governance/gate.py"),
)


@pytest.mark.parametrize("path", NEVER_UNASKED)
def test_built_in_paths_are_never_approved_unasked(path: str) -> None:
    """Whatever the owner writes, git, secrets, CI, migrations, manifests, ledgers, agents and Autopack's own files
    need a person."""
    from autopack.intention_anchor.v2 import GovernanceReview
    from policy.anchors import a_rule

    widest = an_anchor(
        scope=ScopeBoundaries(allowed_write_roots=("/**",)),
        governance=GovernanceReview(default_policy="allow", auto_approve_rules=(a_rule(paths=("/**",)),)),
    )
    policy = Policy.build(widest, kinds=KINDS)
    for spelling in {path, path.upper(), path.lower()}:
        answer = policy.decide(some_facts(paths=(spelling,)), Circumstances())
        assert (answer.outcome, answer.rules) == ("requires_approval", ("never.path",)), spelling
    assert policy.decide(some_facts(paths=("src/ordinary.py",)), Circumstances()).outcome == "auto_approved"


@pytest.mark.parametrize(
    "path", [".git", ".git/config", "sub/.git", "sub/.GIT/hooks/x", ".autonomous_runs/p/runs/a/b/x.json"]
)
def test_git_and_run_folders_are_blocked(path: str) -> None:
    """Git's own folder and a run's own files cannot be approved at all."""
    policy = Policy.build(an_anchor(scope=ScopeBoundaries(allowed_write_roots=("/**",))), kinds=KINDS)
    assert policy.decide(some_facts(paths=(path,)), Circumstances()).rules[0] == "block.protected-path"


def test_configured_ledgers_are_never_approved_unasked() -> None:
    """A ledger that the owner keeps elsewhere is on the list too, whatever its case."""
    policy = Policy.build(an_anchor(), kinds=KINDS, ledgers=("docs/Journal.md",))
    assert policy.decide(some_facts(paths=("docs/journal.md",)), Circumstances()).rules == ("never.path",)


def test_lists_that_protect_fold_case_and_lists_that_grant_do_not() -> None:
    """`/Docs/Private` protects `docs/private`; a root `/docs/**` does not cover `Docs/a.md`."""
    assert protecting(("/Docs/Private",)).matches("docs/private/x")
    assert protecting(("[A-C]*.key",)).matches("Beta.KEY".replace("KEY", "key"))
    assert protecting(("STRASSE",)).matches("straße")
    assert not granting(("/docs/**",)).matches("Docs/a.md")


def test_a_pattern_with_a_folder_matches_from_the_root_only() -> None:
    """`/docs/a` and `docs/a` name one place each; `a.md` names files at any depth. Joined, they stay what they are."""
    for listed in (granting(("/docs/a", "src/b", "c.md")), protecting(("c.md", "src/b", "/docs/a"))):
        for path in ("docs/a", "docs/a/x", "src/b", "c.md", "x/y/c.md"):
            assert listed.matches(path), path
        for path in ("x/docs/a", "x/src/b", "a", "b", "xc.md"):
            assert not listed.matches(path), path


@pytest.mark.parametrize("pattern", ["# a comment", "", "!docs/a.md"])
def test_a_line_that_is_not_one_pattern_is_refused(pattern: str) -> None:
    """A comment, an empty line and a negation match nothing by themselves: they are refused."""
    for listing in (granting, protecting):
        with pytest.raises(ValueError, match="is not a pattern that can match"):
            listing((pattern,))


def test_no_patterns_match_nothing() -> None:
    """An empty list of write roots grants nothing, and an empty protective list is no error."""
    assert not granting(()).matches("a")
    assert not protecting(()).matches("a")


@pytest.mark.parametrize("pattern", ["/docs/[z-a]", "/"])
def test_patterns_that_cannot_match_are_refused(pattern: str) -> None:
    """A pattern that means nothing is told at load, not silently dropped from a protective list."""
    anchor = an_anchor(scope=ScopeBoundaries(allowed_write_roots=("/docs/**",), protected_paths=(pattern,)))
    with pytest.raises(UsageError, match="pattern"):
        Policy.build(anchor, kinds=KINDS)


_names = st.sampled_from(["docs", "Docs", "a.md", ".git", ".github", "uv.lock", "x", "key.pem", "secrets", "ß", "é"])


@given(st.lists(_names, min_size=1, max_size=5).map("/".join), st.sampled_from(sorted(NEVER_AUTO_APPROVED)))
def test_joined_lists_match_as_gitignore_does(path: str, group: str) -> None:
    """One joined expression gives the same answer as pathspec, pattern by pattern."""
    patterns = (*NEVER_AUTO_APPROVED[group], "/docs/**", "x/", "docs/*/a.md", "**/x/é")
    assert granting(patterns).matches(path) == GitIgnoreSpec.from_lines(patterns).match_file(path)
