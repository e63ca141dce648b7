"""What is read off a repository, and what is not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autopack.intention_anchor.infer import infer
from autopack.intention_anchor.v2 import TIGHTENING_FIELDS, RequiredCheck, create_from_inputs, entry_label
from repository_views import MemoryView

NOW = "2026-01-02T03:04:05Z"


def inferred(files: dict[str, str], field: str) -> list[str]:
    """Return the labels of the entries that FILES give for FIELD."""
    view = MemoryView({path: text.encode() for path, text in files.items()})
    return [entry_label(entry.value) for entry in infer(view).entries if entry.field == field]


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"Makefile": "all:\n\ntest: all\n\tpytest\n"}, "make test"),
        ({"justfile": "test *args:\n  cargo test\n"}, "just test"),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, "python3 -m pytest -q"),
        ({"setup.cfg": "[tool:pytest]\n"}, "python3 -m pytest -q"),
        ({"tests/conftest.py": ""}, "python3 -m pytest -q"),
        ({"package.json": '{"scripts": {"test": "jest"}}'}, "npm run test"),
        ({"package.json": '{"scripts": {"test": "jest"}}', "pnpm-lock.yaml": ""}, "pnpm run test"),
        ({"Cargo.toml": ""}, "cargo test"),
        ({"go.mod": ""}, "go test ./..."),
        ({"pom.xml": "", "mvnw": ""}, "./mvnw --batch-mode test"),
        ({"build.gradle.kts": ""}, "gradle test"),
        ({"Gemfile": "", "spec/a_spec.rb": ""}, "bundle exec rspec"),
        ({"mix.exs": ""}, "mix test"),
    ],
)
def test_the_test_command_that_a_project_declares(files: dict[str, str], command: str) -> None:
    """One declared command becomes one required check."""
    assert inferred(files, "required_checks") == [command]


@pytest.mark.parametrize(
    "files",
    [
        {"Makefile": "test := 1\ntests:\n"},
        {"pyproject.toml": "[tool.pytest"},
        {"pyproject.toml": "tool = 1\n"},
        {"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'},
        {"package.json": '{"scripts": []}'},
        {"package.json": "[" * 100_000},
        {"sub/Cargo.toml": "", "tests/test_a.py": ""},
        {"Gemfile": ""},
        {},
    ],
)
def test_no_command_is_guessed(files: dict[str, str]) -> None:
    """What is not declared, is a template's placeholder, or does not parse gives no check."""
    assert inferred(files, "required_checks") == []


def test_an_umbrella_command_stands_for_all() -> None:
    """A Makefile with a test target is the project's own word; otherwise each ecosystem has its command."""
    several = {"Cargo.toml": "", "go.mod": ""}
    assert inferred(several, "required_checks") == ["cargo test", "go test ./..."]
    assert inferred({**several, "Makefile": "test:\n"}, "required_checks") == ["make test"]


def test_files_that_machines_obey_or_lawyers_rely_on_are_protected() -> None:
    """CI, owners, licence and submodules, and only those that exist."""
    files = dict.fromkeys((".github/workflows/a.yml", ".gitlab-ci.yml", "CODEOWNERS", "LICENSE.md", ".gitmodules"), "")
    assert inferred(files, "protected_paths") == [
        "/.github/workflows/",
        "/.gitlab-ci.yml",
        "/.gitmodules",
        "/CODEOWNERS",
        "/LICENSE.md",
    ]
    assert inferred({"docs/LICENSE": "", "src/licenses.py": "", "github/workflows": ""}, "protected_paths") == []


def test_owned_paths_need_approval() -> None:
    """A line of CODEOWNERS with owners asks; one without, a section or a comment does not."""
    text = "# note\n/docs/ @a  # inline\nsrc/*.py @a @b\n/free/\n[Section]\n^[Optional]\n"
    assert inferred({".github/CODEOWNERS": text, "CODEOWNERS": "/other/ @x\n"}, "requires_approval") == [
        "/docs/",
        "src/*.py",
    ]


def test_owners_of_everything_and_odd_patterns_are_noted_and_left_out() -> None:
    """A catch-all names reviewers and singles nothing out; what is not understood is said, not guessed."""
    inference = infer(MemoryView({"CODEOWNERS": b"* @a\n!x @a\n/with\\ blank @a\n/" + b"y" * 300 + b" @a\n"}))
    assert [entry for entry in inference.entries if entry.field == "requires_approval"] == []
    assert [note.split(":")[0] for note in inference.notes] == [f"CODEOWNERS, line {line}" for line in (1, 2, 3, 4)]


def test_a_token_among_the_owners_goes_nowhere() -> None:
    """Neither into a pattern nor into a note."""
    token = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
    inference = infer(MemoryView({"CODEOWNERS": f"/{token}/ @a\n".encode()}))
    assert inference.notes and token not in repr(inference)


def test_many_owned_paths_become_top_folders() -> None:
    """A long list is widened, never cut."""
    text = "".join(f"/services/team{number}/ @a\n" for number in range(60)) + "/docs/ @a\n*.sql @a\n"
    assert inferred({"CODEOWNERS": text}, "requires_approval") == ["*.sql", "/docs/", "/services/"]


def test_build_and_infrastructure_files_need_approval() -> None:
    """At any depth, outside vendored trees."""
    files = dict.fromkeys(("a/Dockerfile", "compose.yaml", "x/main.tf", "vendor/Dockerfile.old", "SECURITY.md"), "")
    assert inferred(files, "requires_approval") == ["*.tf", "/SECURITY.md", "Dockerfile", "compose.yaml"]


def test_languages_are_counted_without_vendored_files() -> None:
    """The most files first."""
    view = MemoryView(dict.fromkeys(("a.py", "b.PY", "c.go", "vendor/d.go", "node_modules/e.js", "README"), b""))
    assert infer(view).languages == (("Python", 2), ("Go", 1))


names = st.sampled_from(
    [
        *("Makefile", "package.json", "pyproject.toml", "CODEOWNERS", ".github/CODEOWNERS", "Cargo.toml", "LICENSE"),
        *(".github/workflows/ci.yml", "Dockerfile", "a.tf", "src/a.py", "docs/x y.md", "Dockerfile.\x07"),
    ]
)
contents = st.sampled_from([b"test:\n", b'{"scripts":{"test":"x"}}', b"/src/ @me\n* @me\n", b"\xff\x00"]) | st.binary(
    max_size=40
)


@settings(deadline=None, max_examples=80)
@given(st.dictionaries(names, contents), st.randoms(use_true_random=False))
def test_any_repository_gives_the_same_tightening_inference(files: dict[str, bytes], chance: random.Random) -> None:
    """Whatever files hold and in whatever order they come: the same answer, made of entries that tighten."""
    shuffled = list(files.items())
    chance.shuffle(shuffled)
    inference = infer(MemoryView(files))
    assert infer(MemoryView(dict(shuffled))) == inference
    assert {(entry.pivot, entry.field) for entry in inference.entries} <= set(TIGHTENING_FIELDS)
    anchor = create_from_inputs(project_id="demo", created_at=NOW, inferred=inference.entries)
    assert len(anchor.unconfirmed) == len({(entry.field, entry_label(entry.value)) for entry in inference.entries})
    assert all(isinstance(check, RequiredCheck) for check in anchor.evidence_verification.required_checks)
