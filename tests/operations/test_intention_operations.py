"""Where the intention is found, and how it is started and revised, on real repositories."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autopack.config import Settings, load_settings
from autopack.errors import EnvironmentFault, StaleError, UsageError
from autopack.intention_anchor.v2 import PivotIntentions
from autopack.intention_anchor.written import Answers
from autopack.operations.intention import (
    default_project_id,
    load_committed_intention,
    load_intention,
    open_questions,
    read_working_copy,
)
from autopack.operations.intention_revisions import (
    approve_inferred,
    approve_revision,
    changes_from_settings,
    propose_changes,
    propose_text,
    waiting_revisions,
)
from autopack.operations.intention_start import infer_from_workspace, start_intention
from repositories import MakeRepository, commit_all, git, write_files

FILE = ".autopack/intention.yaml"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOTHING = Answers(PivotIntentions())
FILES = {"LICENSE": "MIT\n", "Makefile": "test:\n", "docs/a.md": "# A\n"}


def settings_of(repository: Path) -> Settings:
    return load_settings(repository, {})


def start(repository: Path) -> Settings:
    """Write the intention of REPOSITORY as `init --no-input` does, and return the settings."""
    settings = settings_of(repository)
    start_intention(settings, NOTHING, infer_from_workspace(settings), now=NOW)
    return settings


def everything(folder: Path) -> dict[str, bytes]:
    """Return all files below FOLDER but git's own."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(".git/")}


def test_an_intention_is_found_where_it_stands(make_repository: MakeRepository) -> None:
    """None, then new in the working copy, then committed, then changed; the committed one stays what it was."""
    repository = make_repository()
    settings = settings_of(repository)
    assert load_intention(settings) == (None, "none")
    assert load_committed_intention(settings) is None
    write_files(repository, {FILE: "project_id: one\n"})
    anchor, source = load_intention(settings)
    assert (anchor and anchor.project_id, source) == ("one", "working_copy")
    assert load_committed_intention(settings) is None
    commit_all(repository)
    assert load_intention(settings) == (load_committed_intention(settings), "commit")
    write_files(repository, {FILE: "project_id: two\n"})
    anchor, source = load_intention(settings)
    assert (anchor and anchor.project_id, source) == ("two", "working_copy")
    committed = load_committed_intention(settings)
    assert committed is not None and committed.project_id == "one"
    (repository / FILE).unlink()
    assert load_intention(settings) == (committed, "commit")


def test_line_endings_of_the_checkout_do_not_count_as_a_change(make_repository: MakeRepository) -> None:
    """A checkout with CRLF is the committed intention, with the committed digest."""
    repository = make_repository({FILE: "project_id: one\n"})
    settings = settings_of(repository)
    committed = load_committed_intention(settings)
    (repository / FILE).write_bytes(b"project_id: one\r\n")
    assert load_intention(settings) == (committed, "commit")


def test_a_repository_without_a_commit_has_a_working_copy(tmp_path: Path) -> None:
    """Nothing is committed, and that is no failure."""
    git(tmp_path, "init", "--quiet")
    write_files(tmp_path, {FILE: "project_id: one\n"})
    assert load_intention(settings_of(tmp_path))[1] == "working_copy"


def test_an_invalid_committed_intention_says_where_it_stands(make_repository: MakeRepository) -> None:
    """The message names the revision."""
    repository = make_repository({FILE: "- broken\n"})
    with pytest.raises(UsageError, match=f"HEAD:{FILE}"):
        load_committed_intention(settings_of(repository))


@pytest.mark.parametrize("link", [FILE, ".autopack"])
def test_a_symbolic_link_is_not_followed(make_repository: MakeRepository, tmp_path: Path, link: str) -> None:
    """Neither read nor written through: it might lead out of the repository."""
    outside = tmp_path / "outside"
    write_files(outside, {"intention.yaml": "project_id: evil\n"})
    repository = make_repository()
    if link == FILE:
        (repository / ".autopack").mkdir()
        (repository / FILE).symlink_to(outside / "intention.yaml")
    else:
        (repository / ".autopack").symlink_to(outside)
    settings = settings_of(repository)
    with pytest.raises(UsageError, match="symbolic link"):
        read_working_copy(settings)
    with pytest.raises(UsageError, match="symbolic link"):
        start(repository)
    assert everything(outside) == {"intention.yaml": b"project_id: evil\n"}


def test_a_pipe_in_place_of_the_file_does_not_hang(make_repository: MakeRepository) -> None:
    """Only plain files are read."""
    repository = make_repository()
    (repository / ".autopack").mkdir()
    os.mkfifo(repository / FILE)
    assert load_intention(settings_of(repository)) == (None, "none")


@pytest.mark.parametrize(
    ("files", "project"),
    [
        ({"pyproject.toml": '[project]\nname = "Shop.Core"\n'}, "Shop.Core"),
        ({"pyproject.toml": '[tool.poetry]\nname = "shop"\n', "package.json": '{"name": "js"}'}, "shop"),
        ({"package.json": '{"name": "@acme/shop front"}'}, "acme-shop-front"),
        ({"package.json": '{"name": "../.."}'}, "project"),
        ({"package.json": '{"name": "con"}'}, "project"),
        ({"package.json": '{"name": ["x"]}'}, "project"),
        ({"package.json": "["}, "project"),
        ({"pyproject.toml": "project = 1\ntool = 2\n"}, "project"),
        ({"README.md": ""}, "project"),
    ],
)
def test_the_default_project_id_is_the_name_in_a_manifest(
    make_repository: MakeRepository, files: dict[str, str], project: str
) -> None:
    """Made valid, and `project` where nothing usable stands."""
    assert default_project_id(settings_of(make_repository(files)), None) == project


def test_start_grants_nothing_and_leaves_the_rest_alone(make_repository: MakeRepository) -> None:
    """Without answers one file is added; it is valid, open and opens nothing."""
    repository = make_repository(FILES)
    before = everything(repository)
    settings = start(repository)
    after = everything(repository)
    assert set(after) - set(before) == {FILE}
    assert {name: after[name] for name in before} == before
    anchor, _ = load_intention(settings)
    assert anchor is not None
    assert anchor.scope_boundaries.allowed_write_roots == ()
    assert anchor.governance_review.auto_approve_rules == ()
    assert not anchor.parallelism_isolation.allowed
    assert [mark.value for mark in anchor.unconfirmed] == ["make test", "/LICENSE"]
    assert len(open_questions(settings)) == 7


def test_start_is_deterministic(make_repository: MakeRepository) -> None:
    """The same files, answers and time give the same bytes, wherever the repository stands."""
    one, other = make_repository(FILES, name="one"), make_repository(dict(reversed(FILES.items())), name="other")
    start(one)
    start(other)
    assert (one / FILE).read_bytes() == (other / FILE).read_bytes()


@pytest.mark.parametrize("existing", [b"project_id: mine\n", b"", b"not: [valid"])
def test_an_existing_file_is_never_overwritten(make_repository: MakeRepository, existing: bytes) -> None:
    """Whatever stands there."""
    repository = make_repository({FILE: existing})
    with pytest.raises(UsageError, match="not overwritten"):
        start(repository)
    assert (repository / FILE).read_bytes() == existing


def test_a_file_that_appears_meanwhile_is_not_overwritten(
    make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking first is not enough: the last step itself fails where the name is taken, and leaves no litter."""
    repository = make_repository(FILES)
    link = os.link

    def somebody_is_faster(source: str, target: Path) -> None:
        target.write_bytes(b"project_id: theirs\n")
        link(source, target)

    monkeypatch.setattr(os, "link", somebody_is_faster)
    with pytest.raises(UsageError, match="not overwritten"):
        start(repository)
    assert (repository / FILE).read_bytes() == b"project_id: theirs\n"
    assert os.listdir(repository / ".autopack") == ["intention.yaml"]


def test_a_full_disk_leaves_nothing_behind(make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails is an environment fault, and there is no half file."""
    repository = make_repository(FILES)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentFault, match="No space left"):
        start(repository)
    assert os.listdir(repository / ".autopack") == []


def test_inference_does_not_read_outside_or_ignored_files(make_repository: MakeRepository, tmp_path: Path) -> None:
    """A link that leads out of the repository is not followed, and ignored files do not count."""
    outside = tmp_path / "Makefile"
    outside.write_text("test:\n", encoding="utf-8")
    repository = make_repository({".gitignore": "Cargo.toml\n", "Cargo.toml": ""})
    (repository / "Makefile").symlink_to(outside)
    assert infer_from_workspace(settings_of(repository)).entries == ()


def test_a_revision_counts_only_after_approval(make_repository: MakeRepository) -> None:
    """Proposing writes run-local alone; approving puts the text there, keeps comments and permissions, and ends it."""
    repository = make_repository(FILES)
    settings = start(repository)
    (repository / FILE).chmod(0o640)
    before = everything(repository)
    changes = changes_from_settings(["scope_boundaries.allowed_write_roots=[/docs/**]"])
    revision = propose_changes(settings, changes, reason="docs are safe", now=NOW)
    after = everything(repository)
    assert {name: after[name] for name in before} == before
    assert all(name.startswith(".autonomous_runs/") for name in set(after) - set(before))
    assert git(repository, "status", "--porcelain").split() == ["??", ".autopack/"]
    assert waiting_revisions(settings) == (revision,)
    approve_revision(settings, None)
    anchor, _ = load_intention(settings)
    assert anchor is not None and anchor.scope_boundaries.allowed_write_roots == ("/docs/**",)
    assert "# 5. Budget and cost." in (repository / FILE).read_text(encoding="utf-8")
    assert (repository / FILE).stat().st_mode & 0o777 == 0o640
    assert waiting_revisions(settings) == ()


def test_a_revision_of_a_file_that_moved_is_stale(make_repository: MakeRepository) -> None:
    """The person's own edit wins, and stays."""
    repository = make_repository(FILES)
    settings = start(repository)
    revision = propose_changes(settings, {"budget_cost": {"max_lines": 9}}, reason="", now=NOW)
    edited = (repository / FILE).read_bytes() + b"# mine\n"
    (repository / FILE).write_bytes(edited)
    with pytest.raises(StaleError):
        approve_revision(settings, revision.revision_id)
    with pytest.raises(UsageError, match="No revision waits"):
        approve_revision(settings, None)
    assert (repository / FILE).read_bytes() == edited


def test_several_waiting_revisions_need_a_name(make_repository: MakeRepository) -> None:
    """Nothing is approved by guess."""
    settings = start(make_repository(FILES))
    first = propose_changes(settings, {"budget_cost": {"max_lines": 9}}, reason="", now=NOW)
    propose_changes(settings, {"budget_cost": {"max_lines": 8}}, reason="", now=NOW)
    with pytest.raises(UsageError, match="2 revisions wait"):
        approve_revision(settings, None)
    with pytest.raises(UsageError, match="no revision revision-0"):
        approve_revision(settings, "revision-0")
    with pytest.raises(UsageError, match="not usable as a name"):
        approve_revision(settings, "../../secret")
    assert approve_revision(settings, first.revision_id) == first


def test_a_whole_text_can_be_proposed(make_repository: MakeRepository) -> None:
    """An edited copy of the file is a proposal too."""
    repository = make_repository(FILES)
    settings = start(repository)
    changed = (repository / FILE).read_bytes() + b"# one more comment\n"
    assert approve_revision(settings, propose_text(settings, changed, reason="note").revision_id).reason == "note"
    assert (repository / FILE).read_bytes() == changed


def test_confirming_inference_answers_for_its_pivots(make_repository: MakeRepository) -> None:
    """What a person confirmed is stated."""
    settings = start(make_repository(FILES))
    assert approve_inferred(settings, now=NOW)
    anchor, _ = load_intention(settings)
    assert anchor is not None and anchor.unconfirmed == ()
    assert [question.pivot for question in open_questions(settings)] == [
        "north_star",
        "safety_risk",
        "budget_cost",
        "memory_continuity",
        "governance_review",
    ]
    assert approve_inferred(settings, now=NOW) == ""


@pytest.mark.parametrize("assignment", ["x", "north_star=1", "nothing.field=1", "north_star.goal", ".a=1"])
def test_an_assignment_of_another_form_is_refused(assignment: str) -> None:
    """The hint shows one that works."""
    with pytest.raises(UsageError) as caught:
        changes_from_settings([assignment])
    assert "--set" in caught.value.hint
