"""What someone would try in order to get an action past the policy, one line a case: what it attacks, and the answer.

Every case is an action that must not pass unasked. At the end stand ordinary actions that must: a policy that refuses
everything would hold, too.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import pytest
from pydantic import ValidationError

from autopack.errors import UsageError
from autopack.intention_anchor.v2 import (
    AnchorMetadata,
    AutoApproveRule,
    BudgetCost,
    GovernanceReview,
    InferredValue,
    IntentionAnchorV2,
    SafetyRisk,
    ScopeBoundaries,
)
from autopack.policy.decide import Policy
from autopack.policy.facts import Circumstances
from policy.anchors import KINDS, a_rule, an_anchor, some_facts

UNSAFE, BLOCKED, ASKS = "engine.unsafe-path", "blocked", "requires_approval"

ROOTS = ScopeBoundaries(
    allowed_write_roots=("/docs/**", "/src/**"), protected_paths=("/docs/legal", "ledger"), network_allowlist=("a.b",)
)
WIDE = GovernanceReview(auto_approve_rules=(a_rule(paths=("/docs/**", "/src/**"), kinds=("link_fix", "file_move")),))
ANCHOR = an_anchor(
    scope=ROOTS,
    governance=WIDE,
    safety=SafetyRisk(never_allow=("/docs/frozen", "file_delete"), requires_approval=("/src/api",)),
)
LINKS = {"docs/in": "../src", "docs/git": "../.git", "docs/out": "../../x", "docs/abs": "/etc", "docs/loop": "loop"}


@lru_cache(maxsize=64)
def policy(anchor: IntentionAnchorV2 = ANCHOR, local: str = "") -> Policy:
    return Policy.build(anchor, kinds=KINDS, local_policy=local, links=LINKS)


PATHS = {
    "an absolute path": "/etc/passwd",
    "a way up": "docs/../.git/config",
    "a way up at the start": "../outside.md",
    "a way up at the end": "docs/..",
    "a dot in the middle": "docs/./guide.md",
    "two slashes": "docs//guide.md",
    "a slash at the end": "docs/",
    "an empty path": "",
    "a dot alone": ".",
    "a backslash as a way up": "docs\\..\\..\\.git\\config",
    "a drive letter": "C:/Windows/system32",
    "a drive-relative name": "C:guide.md",
    "an NTFS stream of git's folder": ".git::$INDEX_ALLOCATION/config",
    "an NTFS stream of a document": "docs/guide.md:hidden",
    "an 8.3 name of git's folder": "GIT~1/config",
    "an 8.3 name below docs": "docs/SECRET~1.MD",
    "a trailing dot that Windows drops": ".git./config",
    "a trailing blank that Windows drops": ".git /config",
    "trailing dots and blanks": "docs/guide.md. .",
    "a NUL that C would end at": "docs/guide.md\0.git/config",
    "a line feed in a name": "docs/gui\nde.md",
    "a carriage return in a name": "docs/guide\r.md",
    "a tab in a name": "docs/gui\tde.md",
    "an escape sequence for the terminal": "docs/\x1b[31mguide.md",
    "a delete character": "docs/gui\x7fde.md",
    "a C1 control": "docs/gui\x85de.md",
    "a right-to-left override": "docs/gpj.\u202edm.md",
    "a left-to-right isolate": "docs/\u2066guide.md",
    "a right-to-left mark": "docs/guide\u200f.md",
    "a zero-width space": "docs/.g\u200bit/config",
    "a zero-width joiner that HFS+ ignores": ".g\u200dit/config",
    "a zero-width non-joiner that HFS+ ignores": ".g\u200cit/config",
    "a byte-order mark inside a name": "docs/\ufeffguide.md",
    "a word joiner": "docs/gui\u2060de.md",
    "a soft hyphen": "docs/gui\u00adde.md",
    "a combining grapheme joiner": "docs/gui\u034fde.md",
    "a Hangul filler that shows nothing": "docs/\u3164.md",
    "a half-width Hangul filler": "docs/\uffa0.md",
    "a Mongolian vowel separator": "docs/\u180e.md",
    "a variation selector": "docs/guide\ufe0f.md",
    "a supplementary variation selector": "docs/guide\U000e0100.md",
    "a tag character": "docs/guide\U000e0041.md",
    "a line separator": "docs/gui\u2028de.md",
    "a paragraph separator": "docs/gui\u2029de.md",
    "a letter and a combining accent (not NFC)": "docs/cafe\u0301.md",
    "a Kelvin sign that NFC turns into K": "docs/\u212a.md",
    "an Angstrom sign that NFC turns into another": "docs/\u212b.md",
    "a lone surrogate": "docs/gui\udc80de.md",
    "a name longer than any file system holds": "docs/" + "a" * 256,
    "a name of 100 letters of three bytes": "docs/" + "\u4e00" * 100,
    "a path longer than any file system holds": "docs/" + "a/" * 2_100 + "b",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_paths_that_two_systems_read_differently(path: str) -> None:
    """A path that could mean two files is blocked: alone, beside a good one, and as where a link leads."""
    for facts in (
        some_facts(paths=(path,)),
        some_facts(paths=("docs/guide.md", path)),
        some_facts(link_targets=(path,)),
        some_facts(kind="file_move", paths=("docs/guide.md", path)),
    ):
        verdict = policy().decide(facts, Circumstances())
        assert (verdict.outcome, verdict.rules) == (BLOCKED, (UNSAFE,))


GUARDED = {
    "git's own folder": (".git/config", BLOCKED),
    "git's folder in capitals": (".GIT/hooks/pre-commit", BLOCKED),
    "git's folder of a nested repository": ("docs/sub/.git/config", BLOCKED),
    "the file .git of a linked worktree": ("docs/.git", BLOCKED),
    "git's folder in mixed case below docs": ("docs/.gIt/config", BLOCKED),
    "the folder of the runs": (".autonomous_runs/autopack.db", BLOCKED),
    "the folder of the runs in capitals": (".AUTONOMOUS_RUNS/x", BLOCKED),
    "a protected folder": ("docs/legal/terms.md", BLOCKED),
    "a protected folder in capitals": ("docs/LEGAL/terms.md", BLOCKED),
    "a protected folder with a long s": ("docs/legal/termſ.md", BLOCKED),
    "a protected name at any depth": ("src/deep/ledger/x.md", BLOCKED),
    "a path that is never allowed": ("docs/frozen/x.md", BLOCKED),
    "a path that is never allowed, in capitals": ("docs/FROZEN", BLOCKED),
    "a place outside the write roots": ("infra/main.tf", BLOCKED),
    "the root of the repository": ("README.md", BLOCKED),
    "a write root in other case, which grants nothing": ("DOCS/guide.md", BLOCKED),
    "a name that only begins like a write root": ("docs-evil/guide.md", BLOCKED),
    "a name that only ends like a write root": ("evil/docs/guide.md", BLOCKED),
    "the intention itself": ("docs/.autopack/intention.yaml", ASKS),
    "attributes that name filters": ("docs/.gitattributes", ASKS),
    "an ignore file": ("docs/.gitignore", ASKS),
    "submodules": ("src/.gitmodules", ASKS),
    "a secret": ("src/.env", ASKS),
    "a secret in capitals": ("src/.ENV.local", ASKS),
    "a private key": ("docs/server.PEM", ASKS),
    "an ssh key": ("docs/id_rsa", ASKS),
    "a workflow": ("src/.github/workflows/ci.yml", ASKS),
    "a build pipeline": ("src/Jenkinsfile", ASKS),
    "a migration": ("src/migrations/0001_init.py", ASKS),
    "a package manifest": ("src/package.json", ASKS),
    "a lock file": ("src/poetry.lock", ASKS),
    "a build file": ("src/Makefile", ASKS),
    "the instructions of an agent": ("docs/AGENTS.md", ASKS),
    "the instructions of another agent": ("docs/CLAUDE.md", ASKS),
    "an editor's tasks": ("docs/.vscode/tasks.json", ASKS),
    "a hook of a tool": ("src/.pre-commit-config.yaml", ASKS),
    "a ledger": ("docs/BUILD_HISTORY.md", ASKS),
    "a ledger in lower case": ("docs/build_history.md", ASKS),
    "Autopack's own policy": ("src/autopack/policy/policy.cedar", ASKS),
    "what the owner wants to be asked about": ("src/api/v1.py", ASKS),
    "the same in capitals": ("src/API/v1.py", ASKS),
}


@pytest.mark.parametrize(("path", "least"), GUARDED.values(), ids=GUARDED)
def test_guarded_places_under_any_name(path: str, least: str) -> None:
    """A guarded place is never written unasked, whatever its case, alone or hidden among good paths."""
    many = tuple(f"docs/page-{number}.md" for number in range(20))
    for facts in (some_facts(paths=(path,)), some_facts(paths=(*many, path)), some_facts(link_targets=(path,))):
        outcome = policy().decide(facts, Circumstances()).outcome
        assert outcome == least


SYMLINKS = {
    "a linked folder that leads into git's own": ("docs/git/config", BLOCKED),
    "a link that leads out of the repository": ("docs/out", BLOCKED),
    "a file below a link that leads out": ("docs/out/x.md", BLOCKED),
    "a link to an absolute path": ("docs/abs/passwd", BLOCKED),
    "a link to itself": ("docs/loop", BLOCKED),
    "a linked folder that leads where people are asked": ("docs/in/api/v1.py", ASKS),
    "a secret behind a linked folder": ("docs/in/.env", ASKS),
}


@pytest.mark.parametrize(("path", "least"), SYMLINKS.values(), ids=SYMLINKS)
def test_links_of_the_tree_do_not_lend_their_name(path: str, least: str) -> None:
    """A path through a link has the verdict of the place that it leads to."""
    assert policy().decide(some_facts(paths=(path,)), Circumstances()).outcome == least


FACTS: dict[str, dict[str, Any]] = {
    "lines of minus one": {"lines": -1},
    "a very negative risk": {"risk": -(10**9)},
    "tokens of minus one": {"tokens": -1},
    "seconds of minus one": {"seconds": -1},
    "lines that are not a number": {"lines": math.nan},
    "endless lines": {"lines": math.inf},
    "endlessly few lines": {"lines": -math.inf},
    "a fraction of a line": {"lines": 0.5},
    "True for one line": {"lines": True},
    "False for no risk": {"risk": False},
    "lines as text": {"lines": "1"},
    "lines as a list": {"lines": [1]},
    "lines that overflow 64 bits": {"lines": 2**63},
    "lines that wrap around to one": {"lines": 2**64 + 1},
    "risk beyond 100": {"risk": 101},
    "tokens beyond belief": {"tokens": 10**13},
    "seconds beyond belief": {"seconds": 10**10},
    "a risk that is not a number": {"risk": math.nan},
    "paths as one text": {"paths": "docs/guide.md"},
    "paths as a list that could change": {"paths": ["docs/guide.md"]},
    "a path that is no text": {"paths": (1,)},
    "a path of bytes": {"paths": (b"docs/guide.md",)},
    "no value for the paths": {"paths": None},
    "hosts as one text, whose letters would be hosts": {"hosts": "a.b"},
    "an unknown for whether it can be undone": {"reversible": None},
    "a text for whether it can be undone": {"reversible": "yes"},
    "a kind that nobody knows": {"kind": "rm_rf"},
    "an empty kind": {"kind": ""},
    "a kind in capitals": {"kind": "LINK_FIX"},
    "a kind with a zero-width space": {"kind": "link_fix\u200b"},
    "a kind that closes the entity": {"kind": 'link_fix"]; permit (principal, action, resource); //'},
    "a kind that is no text": {"kind": 7},
    "the kind of the self-test": {"kind": "canary"},
    "a host that is not allowed": {"hosts": ("evil.example",)},
    "an allowed host and another": {"hosts": ("a.b", "evil.example")},
    "an allowed host with a port": {"hosts": ("a.b:22",)},
    "an allowed host in capitals": {"hosts": ("A.B",)},
    "an allowed host with a dot at the end": {"hosts": ("a.b.",)},
    "a sub-domain of an allowed host": {"hosts": ("x.a.b",)},
    "a kind that is never allowed": {"kind": "file_delete"},
    "no path at all, for a kind that writes": {"paths": ()},
}


@pytest.mark.parametrize("changes", FACTS.values(), ids=FACTS)
def test_malformed_and_forbidden_facts(changes: dict[str, Any]) -> None:
    """A fact of the wrong type or out of range, a strange kind or host is blocked, never small."""
    assert policy().decide(some_facts(**changes), Circumstances()).outcome == BLOCKED


UNSTATED: dict[str, dict[str, Any]] = {
    "lines that nobody knows": {"lines": None},
    "a risk that nobody knows": {"risk": None},
    "tokens that nobody knows": {"tokens": None},
    "seconds that nobody knows": {"seconds": None},
    "one line more than the rule allows": {"lines": 41},
    "one point more than is tolerated": {"risk": 26},
    "more tokens than are left": {"tokens": 1_001},
    "more seconds than are left": {"seconds": 1_001},
    "what cannot be undone": {"reversible": False},
    "an agent in the clothes of a small fix": {"kind": "agent_task"},
    "advice that names a file": {"kind": "advice"},
    "one good path and one that no rule names": {"paths": ("docs/guide.md", "src/api/x.py")},
    "a kind that no rule names": {"kind": "encoding_fix"},
    "more files than a plan may touch": {"paths": tuple(f"docs/{number}.md" for number in range(51))},
}


@pytest.mark.parametrize("changes", UNSTATED.values(), ids=UNSTATED)
def test_what_is_unknown_or_just_beyond_asks(changes: dict[str, Any]) -> None:
    """An unknown is never small, and a limit is a limit to the last unit."""
    assert policy().decide(some_facts(**changes), Circumstances()).outcome == ASKS


RUNS: dict[str, Circumstances] = {
    "no sandbox": Circumstances(sandbox="none"),
    "a budget that is overdrawn": Circumstances(remaining_seconds=-1),
    "a time budget that is said to be larger than the cap": Circumstances(remaining_seconds=10**15),
    "a token budget of text": Circumstances(remaining_tokens="many"),  # type: ignore[arg-type]
    "a budget that is not a number": Circumstances(remaining_tokens=math.nan),  # type: ignore[arg-type]
    "a budget beyond 2^53": Circumstances(remaining_tokens=2**60),
    "a sandbox of unknown name": Circumstances(sandbox="strong"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_circumstances_that_lie(run: Circumstances) -> None:
    """A run that claims a budget or a sandbox which it cannot have gets nothing that costs past the person."""
    assert policy().decide(some_facts(seconds=1_001), run).outcome in {ASKS, BLOCKED}


INJECTIONS: dict[str, dict[str, Any]] = {
    "an id with a quote": {"rule_id": 'x"; permit'},
    "an id with a line feed": {"rule_id": "x\npermit"},
    "an id of a forbid": {"rule_id": "block.protected-path"},
    "an id with capitals": {"rule_id": "X"},
    "an id without end": {"rule_id": "x" * 41},
    "no kinds": {"kinds": ()},
    "every kind by a star": {"kinds": ("*",)},
    "a kind that closes the set": {"kinds": ('a"], "x',)},
    "no paths": {"paths": ()},
    "a path that is not anchored": {"paths": ("docs/**",)},
    "a path that goes up": {"paths": ("/docs/../**",)},
    "a negation": {"paths": ("!/docs",)},
    "a negation behind a slash pattern": {"paths": ("/docs/**", "!/docs/x")},
    "a comment": {"paths": ("#/docs",)},
    "an escape": {"paths": ("/docs\\/**",)},
    "a control character": {"paths": ("/docs/\n/**",)},
    "no limit of lines": {"max_lines": None},
    "a negative limit": {"max_lines": -1},
    "a limit without end": {"max_lines": 10**9},
    "a limit that is not a number": {"max_lines": math.nan},
    "True for a limit": {"max_lines": True},
    "a risk beyond 100": {"max_risk": 101},
    "a key that nobody knows": {"auto": True},
}


@pytest.mark.parametrize("changes", INJECTIONS.values(), ids=INJECTIONS)
def test_rules_that_try_to_be_more_than_data(changes: dict[str, Any]) -> None:
    """An owner rule that is broad by omission, or whose values look like policy, cannot even be written."""
    with pytest.raises(ValidationError):
        a_rule(**changes)


BAD_RULES: dict[str, tuple[AutoApproveRule, ...]] = {
    "an agent approved beforehand": (a_rule(kinds=("agent_task",)),),
    "advice approved beforehand": (a_rule(kinds=("advice",)),),
    "an agent hidden among good kinds": (a_rule(kinds=("link_fix", "agent_task")),),
    "a kind that does not exist": (a_rule(kinds=("everything",)),),
    "the self-test's kind": (a_rule(kinds=("canary",)),),
    "one id for two rules": (a_rule(), a_rule(max_lines=100)),
    "the id of the built-in permit": (a_rule(rule_id="default-allow"),),
}


@pytest.mark.parametrize("rules", BAD_RULES.values(), ids=BAD_RULES)
def test_rules_that_cannot_stand(rules: tuple[AutoApproveRule, ...]) -> None:
    """A rule for what is never approved beforehand, or that shadows another, refuses to load."""
    with pytest.raises(UsageError):
        Policy.build(an_anchor(governance=GovernanceReview(auto_approve_rules=rules)), kinds=KINDS)


LOCAL = {
    "a permit": '@id("local.x") permit (principal, action, resource);',
    "a permit beside a forbid": '@id("local.a") forbid (principal, action, resource) when { resource.files > 9 };'
    ' @id("local.b") permit (principal, action, resource);',
    "an id that replaces a forbid": '@id("block.protected-path") forbid (principal, action, resource) when { false };',
    "an id that replaces an owner rule": '@id("owner.docs-small") forbid (principal, action, resource);',
    "no id": "forbid (principal, action, resource);",
    "one id twice": '@id("local.x") forbid (principal, action, resource) when { false };' * 2,
    "arithmetic that overflows": '@id("local.x") forbid (principal, action, resource)'
    " when { resource.files * 9223372036854775807 > 0 };",
    "a fact that does not exist": '@id("local.x") forbid (principal, action, resource) when { resource.owner > 1 };',
    "an optional fact that is not asked for first": '@id("local.x") forbid (principal, action, resource)'
    " when { resource.lines > 1 };",
    "a kind that does not exist": '@id("local.x") forbid (principal, action, resource)'
    ' when { resource.kind == Kind::"x" };',
    "a template": '@id("local.x") forbid (principal == ?principal, action, resource);',
    "an extension function": '@id("local.x") forbid (principal, action, resource) when { ip("x").isIpv4() };',
    "a pattern match": '@id("local.x") forbid (principal, action, resource) when { "a" like "*" };',
    "text that does not parse": "forbid everything",
    "more text than anybody reads": "//" + " " * 70_000,
    "braces without end": '@id("local.x") forbid (principal, action, resource) when { ' + "(" * 5_000,
}


@pytest.mark.parametrize("text", LOCAL.values(), ids=LOCAL)
def test_extra_forbids_that_permit_or_fail(text: str) -> None:
    """The owner's Cedar file holds forbids that cannot fail while they are evaluated; any other text refuses to
    load."""
    with pytest.raises(UsageError):
        Policy.build(ANCHOR, kinds=KINDS, local_policy=text)


LOOSE: dict[str, IntentionAnchorV2] = {
    "no write roots": an_anchor(scope=ScopeBoundaries()),
    "a default of allow beyond 50 lines": an_anchor(
        scope=ROOTS, governance=GovernanceReview(default_policy="allow"), budget=BudgetCost(max_lines=10_000)
    ),
    "an inferred value that nobody confirmed": an_anchor(
        metadata=AnchorMetadata(inferred=(InferredValue(pointer="/safety_risk", source="x"),))
    ),
}


@pytest.mark.parametrize("anchor", LOOSE.values(), ids=LOOSE)
def test_intentions_that_try_to_be_loose(anchor: IntentionAnchorV2) -> None:
    """What the owner left out grants nothing, and what Autopack inferred alone approves nothing."""
    assert policy(anchor).decide(some_facts(lines=51), Circumstances()).outcome != "auto_approved"


ORDINARY: dict[str, dict[str, Any]] = {
    "a small fix": {},
    "no lines": {"lines": 0},
    "as many lines as the rule allows": {"lines": 40},
    "as much risk as is tolerated": {"risk": 25},
    "all the seconds that are left": {"seconds": 1_000},
    "all the tokens that are left": {"tokens": 1_000},
    "an accent in NFC": {"paths": ("docs/caf\u00e9.md",)},
    "Chinese": {"paths": ("docs/\u6307\u5357.md",)},
    "Arabic letters": {"paths": ("docs/\u062f\u0644\u064a\u0644.md",)},
    "an emoji": {"paths": ("docs/\U0001f680.md",)},
    "blanks inside a name": {"paths": ("docs/my guide (1).md",)},
    "quotes and brackets": {"paths": ('docs/it\'s [a] "guide".md',)},
    "a name that begins with a dash": {"paths": ("docs/-rf.md",)},
    "a tilde without a number": {"paths": ("docs/guide~.md",)},
    "a name of 250 bytes": {"paths": ("docs/" + "a" * 247 + ".md",)},
    "an allowed host": {"hosts": ("a.b",)},
    "a path through a harmless link": {"paths": ("docs/in/x.py",)},
    "as many files as a plan may touch": {"paths": tuple(f"docs/{number}.md" for number in range(50))},
    "a move inside the roots": {"kind": "file_move", "paths": ("docs/a.md", "src/b.md")},
}


@pytest.mark.parametrize("changes", ORDINARY.values(), ids=ORDINARY)
def test_no_valid_action_is_lost(changes: dict[str, Any]) -> None:
    """Ordinary actions, up to the limit of each rule and in any language, still pass unasked."""
    verdict = policy().decide(some_facts(**changes), Circumstances())
    assert (verdict.outcome, verdict.rules) == ("auto_approved", ("owner.docs-small",))
