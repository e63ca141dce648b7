"""baseline_policy_drift: baselines that nobody can trust, unlogged changes of them, and a loosened intention."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopack.gaps.detectors.baseline_policy_drift import DETECTOR, extract
from autopack.gaps.models import Gap
from autopack.intention_anchor.v2 import IntentionAnchorV2, PivotIntentions
from gap_reports import report_of, seen
from planted_secrets import planted_secrets
from repositories import MakeRepository, commit_all, git, write_files


def gaps_of(workspace: Path) -> tuple[Gap, ...]:
    return report_of(workspace, DETECTOR).gaps


def secrets(*paths: str) -> str:
    return json.dumps({"version": "1.5.0", "results": {path: [] for path in paths}}, indent=2)


@pytest.mark.parametrize(
    ("path", "content", "line"),
    [
        (".secrets.baseline", '{"version": "1.5.0",\n  "results": {,}}', 2),
        (".secrets.baseline", '{"version": "1.5.0"}', 1),
        (".secrets.baseline", "[]", 1),
        ("ci/bandit-baseline.json", '{"results": {}}', 1),
        ("phpstan-baseline.neon", "nothing\n", 1),
        ("eslint-suppressions.json", "\xff", 1),
        ("quality/lint-baseline.json", "{\n  'a': 1\n}", 2),
        (".autopack/baseline.json", "[1]", 1),
        (".coveragerc", "[run]\nbranch = true\n[report]\nfail_under = ninety\n", 4),
        ("setup.cfg", "[coverage:report]\nfail_under = 120\n", 2),
    ],
)
def test_a_baseline_that_cannot_be_read_is_found(
    make_repository: MakeRepository, path: str, content: str, line: int
) -> None:
    """What the tool could not have written, or could not use, is a gap at the place where reading stops."""
    assert seen(gaps_of(make_repository({path: content}))) == [f"baseline-unreadable {path}:{line}"]


@pytest.mark.parametrize("path", [".secrets.baseline", "psalm-baseline.xml", "baseline.json"])
def test_an_emptied_baseline_is_found(make_repository: MakeRepository, path: str) -> None:
    """A baseline without even its frame is a gap."""
    assert seen(gaps_of(make_repository({path: "\n"}))) == [f"baseline-emptied {path}"]


@pytest.mark.parametrize(
    ("path", "content", "line"),
    [
        (".secrets.baseline", secrets("src/here.py", "src/gone.py"), 5),
        ("bandit-baseline.json", '{"results": [\n{"filename": "./src/gone.py"}]}', 2),
        (".basedpyright/baseline.json", '{"files": {\n"./src/gone.py": []}}', 2),
        ("web/eslint-suppressions.json", '{"../src/here.py": {},\n"src/gone.js": {}}', 2),
        ("phpstan-baseline.neon", "parameters:\n\tignoreErrors:\n\t\t-\n\t\t\tpath: src/gone.php\n", 4),
        ("psalm-baseline.xml", '<files>\n  <file src="src/gone.php">\n</files>\n', 2),
        ("detekt-baseline.xml", "<SmellBaseline>\n<ID>LongMethod:Gone.kt$Gone</ID></SmellBaseline>\n", 2),
        ("app/lint-baseline.xml", '<issues>\n<location file="src/main/Gone.kt"/></issues>\n', 2),
        (".rubocop_todo.yml", "Style/A:\n  Exclude:\n    - 'src/here.py'\n    - 'lib/gone.rb'\n", 4),
        ("mypy-baseline.txt", "src/gone.py:0: error: x\n", 1),
        ("test/sanity/ignore.txt", "src/here.py pep8:E1\nsrc/gone.py pep8:E1\n", 2),
    ],
)
def test_names_of_files_that_are_gone_are_found(
    make_repository: MakeRepository, path: str, content: str, line: int
) -> None:
    """Each known format: an entry for a file that does not exist is a gap at the entry's line."""
    repository = make_repository({path: content, "src/here.py": "", "app/src/main/Here.kt": ""})
    gaps = gaps_of(repository)
    assert seen(gaps) == [f"baseline-names-missing {path}:{line}"]
    assert gaps[0].title.endswith(", which is not there"), "nobody knows whether it ever was"


@pytest.mark.parametrize(
    "files",
    [
        {".secrets.baseline": secrets()},
        {".secrets.baseline": secrets("src/here.py")},
        {".secrets.baseline": secrets("vendor/lib.js"), "vendor/lib.js": "x"},
        {".secrets.baseline": secrets("build/out.js"), ".gitignore": "build/\n", "build/out.js": "x"},
        {".secrets.baseline": secrets("/abs/file.py", "../outside.py", "C:\\x.py")},
        {".rubocop_todo.yml": "Style/A:\n  Exclude:\n    - 'spec/**/*'\n  Enabled: false\n"},
        {".rubocop_todo.yml": ""},
        {"detekt-baseline.xml": "<SmellBaseline>\n<ID>LongMethod:A.kt$A</ID></SmellBaseline>\n", "app/A.kt": ""},
        {"test/sanity/ignore.txt": "# nothing\n\n"},
        {"tests/fixtures/.secrets.baseline": "broken"},
        {"perf-baseline.json": '{"a": 1}\n{"a": 2}\n', "x.baseline.json": "// why\n{}\n"},
        {"docs/baseline.md": "nothing"},
        {".coveragerc": "[report]\nfail_under = 92.5\n"},
        {"setup.cfg": "[coverage:report]\nfail_under = ${COVERAGE}\n"},
        {"docs/TODO.md": "", "todo.txt": "x", ".gitignore": "*.tmp\n"},
    ],
)
def test_healthy_and_unrelated_files_are_no_gap(make_repository: MakeRepository, files: dict[str, str]) -> None:
    """Empty results, generated and vendored files, patterns, fixtures and lists that may be empty are left alone."""
    assert seen(gaps_of(make_repository({"src/here.py": "", **files}))) == []


def test_the_gap_of_a_baseline_does_not_move_with_its_lines(make_repository: MakeRepository) -> None:
    """The id of a gap stays when lines are inserted above the entry."""
    repository = make_repository({".secrets.baseline": secrets("gone.py")})
    before = [gap.gap_id for gap in gaps_of(repository)]
    (repository / ".secrets.baseline").write_text("\n\n" + secrets("gone.py"), encoding="utf-8")
    assert [gap.gap_id for gap in gaps_of(repository)] == before != []


def changed_since(repository: Path, files: dict[str, str], intention: IntentionAnchorV2 | None = None) -> list[str]:
    base = git(repository, "rev-parse", "HEAD").strip()
    write_files(repository, files)
    commit_all(repository, "accept more")
    return seen(report_of(repository, DETECTOR, since=base, intention=intention).gaps)


def test_a_baseline_changed_without_a_log_entry_is_found(make_repository: MakeRepository) -> None:
    """A commit that changes a baseline, where a log exists and no commit adds to it, is a gap."""
    repository = make_repository({".secrets.baseline": secrets(), "docs/SECURITY_LOG.md": "# Log\n", "a.py": ""})
    assert changed_since(repository, {".secrets.baseline": secrets("a.py")}) == [
        "baseline-changed-without-log .secrets.baseline"
    ]


@pytest.mark.parametrize(
    ("log", "files"),
    [
        ("docs/SECURITY_LOG.md", {".secrets.baseline": secrets("a.py"), "docs/SECURITY_LOG.md": "# Log\n- a.py\n"}),
        ("docs/NOTES.md", {".secrets.baseline": secrets("a.py")}),
        ("docs/SECURITY_LOG.md", {"a.py": "a = 1\n"}),
    ],
)
def test_a_logged_change_or_no_log_at_all_is_no_gap(
    make_repository: MakeRepository, log: str, files: dict[str, str]
) -> None:
    """An entry in the same range, a repository without such a log, and other changes are left alone."""
    assert changed_since(make_repository({".secrets.baseline": secrets(), log: "# Log\n", "a.py": ""}), files) == []


def test_the_anchor_names_the_log(make_repository: MakeRepository) -> None:
    """A log that the intention lists among its proofs counts instead of SECURITY_LOG.md."""
    anchor = intention(evidence_verification={"proof_artifacts": ("Entries in docs/AUDIT_LOG.md",)})
    files = {".secrets.baseline": secrets(), "docs/AUDIT_LOG.md": "x", "SECURITY_LOG.md": "x", "a.py": ""}
    found = changed_since(
        make_repository(files), {".secrets.baseline": secrets("a.py"), "SECURITY_LOG.md": "y"}, intention=anchor
    )
    assert found == ["baseline-changed-without-log .secrets.baseline"]


def intention(**pivots: object) -> IntentionAnchorV2:
    return IntentionAnchorV2(
        project_id="sample",
        created_at="2026-01-02T03:04:05Z",
        updated_at="2026-01-02T03:04:05Z",
        raw_input_digest="0" * 64,
        pivot_intentions=PivotIntentions.model_validate(pivots),
    )


RULE = {"rule_id": "docs", "description": "d", "kinds": ("link_fix",), "paths": ("/docs/**",), "max_lines": 5}
CHECK = {"name": "tests", "argv": ("make", "test")}
LOOSENED = [
    ("scope_boundaries", "protected_paths", ("/a", "/b"), ("/a",)),
    ("scope_boundaries", "allowed_write_roots", ("/docs/**",), ("/docs/**", "/src/**")),
    ("scope_boundaries", "network_allowlist", (), ("example.org",)),
    ("safety_risk", "never_allow", ("/LICENSE",), ()),
    ("safety_risk", "requires_approval", ("file_move",), ()),
    ("safety_risk", "risk_tolerance", "low", "high"),
    ("evidence_verification", "hard_blocks", ("tests pass",), ()),
    ("evidence_verification", "required_checks", (CHECK,), ()),
    ("budget_cost", "token_cap_global", 10, 11),
    ("budget_cost", "token_cap_per_call", None, 5),
    ("budget_cost", "max_files", 5, 6),
    ("budget_cost", "max_lines_per_action", 5, None),
    ("budget_cost", "max_actions_per_day", 5, 6),
    ("budget_cost", "cost_escalation_policy", "block", "warn"),
    ("governance_review", "default_policy", "deny", "allow"),
    ("governance_review", "batch_policy", "all_or_nothing", "independent"),
    ("governance_review", "auto_approve_rules", (RULE,), ({**RULE, "max_lines": 6},)),
    ("parallelism_isolation", "allowed", False, True),
    ("parallelism_isolation", "isolation_model", "four_layer", "none"),
    ("parallelism_isolation", "max_concurrent_runs", 1, 2),
]


def between(before: IntentionAnchorV2, after: IntentionAnchorV2, workspace: Path) -> tuple[Gap, ...]:
    return report_of(workspace, DETECTOR, intention=after, base_intention=before).gaps


@pytest.mark.parametrize(("pivot", "field", "strict", "loose"), LOOSENED)
def test_a_loosened_field_blocks_and_a_tightened_one_does_not(
    make_repository: MakeRepository, pivot: str, field: str, strict: object, loose: object
) -> None:
    """Each field that grants something: looser than the committed one blocks the autopilot, stricter is no gap."""
    before, after = intention(**{pivot: {field: strict}}), intention(**{pivot: {field: loose}})
    repository = make_repository({".autopack/intention.yaml": f"pivot_intentions:\n  {pivot}:\n    {field}: x\n"})
    (gap,) = between(before, after, repository)
    assert gap.blocks_autopilot
    assert gap.risk_classification == "critical"
    assert seen([gap]) == ["policy-loosened .autopack/intention.yaml:3"]
    assert between(after, before, repository) == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"scope_boundaries": {"protected_paths": ("/a/b",)}}, {"scope_boundaries": {"protected_paths": ("/a/**",)}}),
        (
            {"safety_risk": {"requires_approval": ("file_move",)}},
            {"safety_risk": {"never_allow": ("file_move",)}},
        ),
        (
            {"governance_review": {"auto_approve_rules": (RULE,)}},
            {"governance_review": {"auto_approve_rules": ({**RULE, "description": "other words"},)}},
        ),
        ({"north_star": {"non_goals": ("x",)}}, {"north_star": {"non_goals": ()}}),
        (
            {"scope_boundaries": {"allowed_write_roots": ("/docs/**",)}},
            {"scope_boundaries": {"allowed_write_roots": ("/docs/guides/**",)}},
        ),
    ],
)
def test_another_wording_of_the_same_policy_is_no_gap(
    make_repository: MakeRepository, before: dict[str, object], after: dict[str, object]
) -> None:
    """What is covered by a broader protection, or only described differently, is not loosened."""
    assert between(intention(**before), intention(**after), make_repository()) == ()


def test_a_removed_pivot_is_looser(make_repository: MakeRepository) -> None:
    """Without the whole pivot, what it protected is no longer protected."""
    before = intention(scope_boundaries={"protected_paths": ("/a",)}, safety_risk={"never_allow": ("/b",)})
    fields = [gap.title.split()[2] for gap in between(before, intention(), make_repository())]
    assert sorted(fields) == ["never_allow", "protected_paths"]


@given(
    data=st.one_of(st.binary(max_size=120), st.text(alphabet='{}[]":,a\n -<>/', max_size=80).map(str.encode)),
    path=st.sampled_from(
        [".secrets.baseline", "bandit-baseline.json", "phpstan-baseline.neon", ".rubocop_todo.yml", ".coveragerc",
         "test/sanity/ignore.txt", ".autopack/intention.yaml", ".dependency-cruiser-known-violations.json"]
    ),
)  # fmt: skip
def test_any_content_is_read_without_a_crash(data: bytes, path: str) -> None:
    """No content makes the extractor raise, and it says the same twice."""
    assert extract(path, data) == extract(path, data)


def test_a_deeply_nested_baseline_is_unreadable(make_repository: MakeRepository) -> None:
    """A hundred thousand brackets are refused, not followed."""
    found = seen(gaps_of(make_repository({".secrets.baseline": '{"a":' + "[" * 100_000})))
    assert found == ["baseline-unreadable .secrets.baseline:1"]


@pytest.mark.parametrize(
    "kind", ["github classic", "gitlab personal", "slack bot", "aws access key id", "anthropic", "stripe live"]
)
def test_a_credential_in_a_baseline_is_found(make_repository: MakeRepository, kind: str) -> None:
    """A scanner's list of accepted findings that quotes the secret is a gap at its line; the report masks it."""
    secret = planted_secrets()[kind]
    found = json.dumps([{"RuleID": "a", "Match": f"key = {secret}", "Secret": secret, "File": "a.py"}], indent=1)
    repository = make_repository({"gitleaks-baseline.json": found, "a.py": ""})
    report = report_of(repository, DETECTOR)
    assert seen(report.gaps) == ["secret-in-baseline gitleaks-baseline.json:4"]
    assert report.gaps[0].risk_classification == "critical"
    assert secret not in report.model_dump_json()


def test_a_private_key_in_a_baseline_is_found(make_repository: MakeRepository) -> None:
    """A key with its lines is one credential; the bare header, which rules and messages quote, is none."""
    key = next(secret for secret in planted_secrets().values() if "BEGIN RSA PRIVATE KEY" in secret)
    repository = make_repository({"leaks-baseline.json": json.dumps({"a": key}), "b/baseline.json": "{}"})
    assert seen(gaps_of(repository)) == ["secret-in-baseline leaks-baseline.json:1"]
    write_files(repository, {"leaks-baseline.json": json.dumps({"a": key.splitlines()[0]})})
    assert gaps_of(repository) == ()


@pytest.mark.parametrize(
    "value",
    [
        "0123456789abcdef0123456789abcdef01234567",
        "ghp_" + "x" * 36,
        "AKIA" + "IOSFODNN7EXAMPLE",
        "sk_live_" + "your_key_goes_here_" * 2,
        "ghp_[A-Za-z0-9]{36}",
        "REDACTED",
    ],
)
def test_digests_patterns_and_placeholders_are_no_credential(make_repository: MakeRepository, value: str) -> None:
    """What detect-secrets and redacting scanners keep instead of a secret, and what documentation shows, is silent."""
    content = {"version": "1.5.0", "results": {"a.py": [{"hashed_secret": value, "line_number": 1}]}}
    repository = make_repository({".secrets.baseline": json.dumps(content), "a.py": f"key = '{value}'\n"})
    assert gaps_of(repository) == ()
