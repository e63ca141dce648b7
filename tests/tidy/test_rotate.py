"""Old entries leave a ledger that is above a cap, byte for byte, for an archive beside it, and for nowhere else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from autopack.config import Settings, load_settings
from autopack.errors import StaleError, UnsafeRepository, UsageError
from autopack.operations.scanning import scan_workspace
from autopack.operations.tidying import apply_tidy, plan_tidy, plan_tidy_rotation, rotate_ledgers
from autopack.tidy.rotation import Piece, pieces_of, rotated
from repositories import MakeRepository, commit_all, git, write_files
from tidy.run_results import write_proof

HISTORY = "docs/BUILD_HISTORY.md"
PER_CALL, OVERALL = 300, 100_000


def entry(number: int, year: int, text: str = "") -> str:
    """Return an entry of about 400 bytes."""
    body = text or f"Sentence of {number}. " * 20
    return f"## BUILD-{number:03d}: step {number} of {year}\n\n- Done {year}-03-0{number % 9 + 1}\n\n{body.strip()}\n"


def intention(per_call: int | None = PER_CALL, overall: int | None = OVERALL) -> str:
    return (
        "format_version: v2\nproject_id: sample\n"
        'created_at: "2026-01-01T00:00:00Z"\nupdated_at: "2026-01-01T00:00:00Z"\n'
        f"pivot_intentions: {{budget_cost: {{token_cap_per_call: {per_call or 'null'}, "
        f"token_cap_global: {overall or 'null'}}}}}\n"
    )


ENTRIES = [entry(number, 2024 + number // 5) for number in range(1, 13)]
LEDGER = "# Build history\n\nWhat was built.\n\n" + "\n".join(ENTRIES)


@pytest.fixture
def make(make_repository: MakeRepository):  # type: ignore[no-untyped-def]
    """Return a maker of a repository with a ledger, further files and caps."""

    def made(ledger: str | bytes = LEDGER, caps: str | None = None, name: str = "w", **files: str) -> Settings:
        more = {path.replace("__", "/").replace("_md", ".md"): text for path, text in files.items()}
        folder = make_repository({HISTORY: ledger, ".autopack/intention.yaml": caps or intention(), **more}, name)
        return load_settings(folder, {})

    return made


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below FOLDER but git's and the runs'."""
    files = (path for path in folder.rglob("*") if path.is_file())
    relative = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    return {name: data for name, data in relative.items() if name.split("/")[0] not in {".git", ".autonomous_runs"}}


def texts(files: dict[str, bytes]) -> Counter[bytes]:
    """Return the entries of the ledger and its archives."""
    ledgers = (data for name, data in files.items() if "BUILD_HISTORY" in name)
    return Counter(piece.text for data in ledgers for piece in pieces_of(data))


def rules(settings: Settings) -> set[str]:
    """Return the rules that find something."""
    return {gap.rule_id for gap in scan_workspace(settings).gaps}


def test_a_ledger_above_its_cap_keeps_the_newest_and_links_the_rest(make) -> None:  # type: ignore[no-untyped-def]
    """Old entries stand byte for byte in the archives of their years; the gap is closed, none is opened, no other file
    changes, and a second time does nothing."""
    settings = make()
    before, found = tree(settings.workspace), rules(settings)
    assert "memory_budget_cap_issue/ledger-above-cap" in found
    plan = rotate_ledgers(settings, execute=True)
    after = tree(settings.workspace)
    archives = {f"docs/archive/BUILD_HISTORY-{year}.md" for year in (2024, 2025, 2026)}
    assert {name for name in after if after[name] != before.get(name)} == {HISTORY, *archives}
    assert texts(after) == texts(before)
    assert after[HISTORY].decode() == (
        "# Build history\n\nWhat was built.\n\nOlder entries: [2024](archive/BUILD_HISTORY-2024.md), "
        "[2025](archive/BUILD_HISTORY-2025.md), [2026](archive/BUILD_HISTORY-2026.md) <!-- autopack:archives -->\n\n"
        + "\n".join(ENTRIES[-2:])
    )
    assert after["docs/archive/BUILD_HISTORY-2024.md"].decode() == (
        "# Build history, 2024\n\nMoved out of [BUILD_HISTORY.md](../BUILD_HISTORY.md).\n\n" + "\n".join(ENTRIES[:4])
    )
    assert [each.name for each in plan.rotations[0].moved] == [f"BUILD-{number:03d}" for number in range(1, 11)]
    assert rules(settings) == found - {"memory_budget_cap_issue/ledger-above-cap"}
    assert rotate_ledgers(settings, execute=True).total == 0
    assert tree(settings.workspace) == after
    git(settings.workspace, "checkout", "--quiet", "--", ".")
    git(settings.workspace, "clean", "--quiet", "-fd")
    assert tree(settings.workspace) == before


def test_nothing_is_written_without_execute(make) -> None:  # type: ignore[no-untyped-def]
    """The plan changes nothing and is the same twice; writing without the command is refused."""
    settings = make()
    before = tree(settings.workspace)
    assert plan_tidy_rotation(settings) == plan_tidy_rotation(settings)
    assert plan_tidy_rotation(settings).total == 10
    with pytest.raises(UsageError):
        rotate_ledgers(settings, execute=False)
    assert tree(settings.workspace) == before


@pytest.mark.parametrize("caps", [intention(2_000), intention(None, None), intention(800)])
def test_a_ledger_that_the_scanner_does_not_report_is_left_alone(make, caps: str) -> None:  # type: ignore[no-untyped-def]
    """Without a cap, below it, and where only the high estimate is above it, nothing moves."""
    assert plan_tidy_rotation(make(caps=caps)).total == 0


def test_what_cannot_fit_is_said_and_not_begun(make) -> None:  # type: ignore[no-untyped-def]
    """Where the newest entry alone is above the cap, moving the others would close nothing."""
    settings = make(LEDGER + "\n" + entry(13, 2026, "word " * 2_000))
    plan = plan_tidy_rotation(settings)
    assert (plan.total, len(plan.unmet)) == (0, 1)
    assert "has to stay" in plan.unmet[0]


def test_memory_as_a_whole_shrinks_by_the_oldest_of_the_largest_ledger(make) -> None:  # type: ignore[no-untyped-def]
    """For the global cap the largest ledger gives first; where even that is too little, nothing moves."""
    debug = "# Debug log\n\n## DBG-001: one\n\nShort.\n\n## DBG-002: two\n\nShort.\n"
    settings = make(caps=intention(None, 600), docs__DEBUG_LOG_md=debug)
    assert "memory_budget_cap_issue/memory-above-cap" in rules(settings)
    plan = rotate_ledgers(settings, execute=True)
    assert [each.path for each in plan.rotations] == [HISTORY]
    assert "memory_budget_cap_issue/memory-above-cap" not in rules(settings)
    hopeless = make(caps=intention(None, 600), name="h", AGENTS_md="word " * 4_000)
    assert (plan_tidy_rotation(hopeless).total, len(plan_tidy_rotation(hopeless).unmet)) == (0, 1)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("Sentence of 2. ", "See [it](guide.md). ", "its link guide.md would lead nowhere from the archive"),
        ("Sentence of 2. ", "See [it][g]. ", "it shares the definition of a link or footnote with another part"),
    ],
)
def test_an_entry_whose_links_would_break_stays(make, old: str, new: str, reason: str) -> None:  # type: ignore[no-untyped-def]
    """An entry with a relative link, or with a reference that is defined elsewhere, stays; those around it leave."""
    ledger = LEDGER.replace(old, new).replace("What was built.\n", "What was built.\n\n[g]: https://example.org/\n")
    settings = make(ledger, docs__guide_md="# Guide\n")
    (rotation,) = plan_tidy_rotation(settings).rotations
    assert [(kept.name, kept.reason) for kept in rotation.kept] == [("BUILD-002", reason)]
    found = rules(settings)
    rotate_ledgers(settings, execute=True)
    after = tree(settings.workspace)
    assert [b"BUILD-%03d" % number in after[HISTORY] for number in (1, 2, 3)] == [False, True, False]
    assert texts(after) == Counter(piece.text for piece in pieces_of(ledger.encode()))
    assert rules(settings) <= found


def test_an_entry_that_is_linked_stays(make) -> None:  # type: ignore[no-untyped-def]
    """A link from another document to the heading of an entry goes on leading there."""
    settings = make(README_md="[why](docs/BUILD_HISTORY.md#build-003-step-3-of-2024)\n")
    found = rules(settings)
    rotate_ledgers(settings, execute=True)
    assert "BUILD-003" in (settings.workspace / HISTORY).read_text(encoding="utf-8")
    assert rules(settings) == found - {"memory_budget_cap_issue/ledger-above-cap"}


def test_the_newest_stay_wherever_they_stand(make) -> None:  # type: ignore[no-untyped-def]
    """In a ledger with the newest on top, those at the bottom leave."""
    settings = make("# Build history\n\n" + "\n".join(reversed(ENTRIES)))
    rotate_ledgers(settings, execute=True)
    text = (settings.workspace / HISTORY).read_text(encoding="utf-8")
    assert "BUILD-012" in text
    assert "BUILD-001" not in text
    assert text.endswith(".\n")
    assert not text.endswith("\n\n")


def test_what_is_no_entry_stays(make) -> None:  # type: ignore[no-untyped-def]
    """A heading above the entries' level, and a section without an id, are no part of the entry before them."""
    ledger = LEDGER.replace(ENTRIES[4], ENTRIES[4] + "\n## Notes\n\nKeep me.\n\n# Part two\n\nAnd me.\n")
    settings = make(ledger)
    rotate_ledgers(settings, execute=True)
    text = (settings.workspace / HISTORY).read_text(encoding="utf-8")
    assert "## Notes\n\nKeep me.\n\n# Part two\n\nAnd me.\n" in text
    assert "BUILD-005" not in text


def test_windows_line_endings_move_as_they_are(make) -> None:  # type: ignore[no-untyped-def]
    """A ledger in CRLF gives archives in CRLF; one with both kinds, or another kind than its archive, is refused."""
    settings = make(LEDGER.replace("\n", "\r\n"))
    rotate_ledgers(settings, execute=True)
    assert all(
        data.count(b"\n") == data.count(b"\r\n") for name, data in tree(settings.workspace).items() if "BUILD" in name
    )
    mixed = make(LEDGER.replace("\n", "\r\n", 70), name="mixed")
    with pytest.raises(UnsafeRepository, match="mixed line endings"):
        plan_tidy_rotation(mixed)
    other = make(LEDGER.replace("\n", "\r\n"), name="other", **{"docs__archive__BUILD_HISTORY-2024_md": "# Old\n"})
    with pytest.raises(UnsafeRepository, match="mixed line endings"):
        plan_tidy_rotation(other)


def test_an_archive_that_git_ignores_is_refused(make) -> None:  # type: ignore[no-untyped-def]
    """What moved there would be in no commit."""
    settings = make()
    write_files(settings.workspace, {".gitignore": "/docs/archive/\n"})
    before = tree(settings.workspace)
    with pytest.raises(UnsafeRepository, match=r"git ignores docs/archive/BUILD_HISTORY-2024\.md"):
        rotate_ledgers(settings, execute=True)
    assert tree(settings.workspace) == before


def test_a_link_in_the_place_of_the_archive_is_refused(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Nothing is written through a symbolic link."""
    settings = make()
    (tmp_path / "elsewhere").mkdir()
    (settings.workspace / "docs/archive").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafeRepository, match="symbolic link"):
        rotate_ledgers(settings, execute=True)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_code_that_is_never_closed_is_refused(make) -> None:  # type: ignore[no-untyped-def]
    """In a ledger with the newest on top, a fence that is open at the end would swallow what follows in the archive."""
    settings = make("# Build history\n\n" + "\n".join(reversed(ENTRIES)) + "\n```\nnever closed\n")
    before = tree(settings.workspace)
    with pytest.raises(UnsafeRepository, match="does not come apart"):
        rotate_ledgers(settings, execute=True)
    assert tree(settings.workspace) == before


def test_only_ledgers_that_the_intention_names_are_rotated(make) -> None:  # type: ignore[no-untyped-def]
    """`persist_to_sot` narrows rotation down as it narrows tidy down."""
    settings = make()
    pivots = intention().replace("}}\n", "}, memory_continuity: {persist_to_sot: [debug_log]}}\n")
    write_files(settings.workspace, {".autopack/intention.yaml": pivots})
    commit_all(settings.workspace, "Narrow it down")
    assert plan_tidy_rotation(settings).total == 0


def test_what_was_rotated_is_not_told_again_and_numbers_go_on(make) -> None:  # type: ignore[no-untyped-def]
    """Tidy knows its entries in the archives, and numbers new ones after them; their markers move with them."""
    settings = make("# Build history\n", caps=intention(100))
    for number in range(1, 10):
        write_proof(settings.runs_root, f"run-{number}", number)
    apply_tidy(settings, execute=True)
    told = tree(settings.workspace)
    rotate_ledgers(settings, execute=True)
    after = tree(settings.workspace)
    assert texts(after) == texts(told)
    assert sum(data.count(b"autopack:entry") for data in after.values()) == 9
    assert after[HISTORY].count(b"autopack:entry") < 9
    assert plan_tidy(settings).total == 0
    write_proof(settings.runs_root, "run-later", 10)
    assert "BUILD-010" in next(a.entries[0].text for a in plan_tidy(settings).additions if a.entries)


def test_a_later_rotation_adds_to_the_archives(make) -> None:  # type: ignore[no-untyped-def]
    """What an archive holds stays a prefix of it, and the ledger has one line of links."""
    settings = make()
    rotate_ledgers(settings, execute=True)
    first = tree(settings.workspace)
    more = [entry(number, 2026) for number in range(13, 20)]
    write_files(settings.workspace, {HISTORY: first[HISTORY] + b"\n" + "\n".join(more).encode()})
    rotate_ledgers(settings, execute=True)
    after = tree(settings.workspace)
    archive = "docs/archive/BUILD_HISTORY-2026.md"
    assert after[archive].startswith(first[archive])
    assert after[archive] != first[archive]
    assert after[HISTORY].count(b"Older entries: ") == 1
    assert sum(texts(after).values()) == 19 == len(texts(after))


def test_a_plan_is_applied_only_while_it_holds(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """With --plan, a ledger that moved stops the rotation before its first write."""
    settings = make()
    kept = tmp_path / "plan.json"
    kept.write_text(json.dumps(plan_tidy_rotation(settings).document()), encoding="utf-8")
    ledger = settings.workspace / HISTORY
    ledger.write_text(LEDGER + "\nmine\n", encoding="utf-8")
    with pytest.raises(StaleError):
        rotate_ledgers(settings, execute=True, planned=kept)
    assert ledger.read_text(encoding="utf-8") == LEDGER + "\nmine\n"
    ledger.write_text(LEDGER, encoding="utf-8")
    assert rotate_ledgers(settings, execute=True, planned=kept).total == 10


def test_a_ledger_that_moves_under_the_rotation_is_not_written(
    make,  # type: ignore[no-untyped-def]
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An editor that saves between planning and writing loses nothing."""
    from autopack.operations import tidying

    settings = make()
    planning = tidying.plan_rotation

    def plan_then_edit(*arguments):  # type: ignore[no-untyped-def]
        plan = planning(*arguments)
        (settings.workspace / HISTORY).write_bytes(b"# Edited meanwhile\n")
        return plan

    monkeypatch.setattr(tidying, "plan_rotation", plan_then_edit)
    with pytest.raises(StaleError):
        rotate_ledgers(settings, execute=True)
    assert (settings.workspace / HISTORY).read_bytes() == b"# Edited meanwhile\n"
    assert not (settings.workspace / "docs/archive").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from autopack.artifacts import store
from autopack.config import load_settings
from autopack.operations.tidying import rotate_ledgers

calls = iter(range(int(sys.argv[2])))
def counted(original):
    def call(*arguments, **options):
        if next(calls, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)
    return call
settings = load_settings(Path(sys.argv[1]), {})
store.ensure_runs_root(settings.runs_root)
os.fsync = counted(os.fsync)
Path.replace = counted(Path.replace)
store.tempfile.mkstemp = counted(store.tempfile.mkstemp)
rotate_ledgers(settings, execute=True)
"""
STEPS = 16
"""For each of three archives and the ledger: make the temporary file, sync it, replace, sync the folder."""


def test_a_killed_rotation_loses_nothing_and_is_finished_by_the_next(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Killed before any step of writing, every entry is whole in the ledger or in an archive, nothing lies beside them,
    and the next rotation leaves exactly what an undisturbed one leaves, even where the cap no longer asks for it."""
    settings = make()
    before = tree(settings.workspace)
    copies = [shutil.copytree(settings.workspace, tmp_path / f"step-{step}") for step in range(STEPS + 1)]
    rotate_ledgers(settings, execute=True)
    undisturbed = tree(settings.workspace)
    for step, copy in enumerate(copies):
        done = subprocess.run([sys.executable, "-c", KILLED, str(copy), str(step)], env=dict(os.environ), check=False)
        assert done.returncode == (0 if step == STEPS else -signal.SIGKILL), step
        after = tree(copy)
        assert set(texts(after)) == set(texts(before))
        assert set(after) <= set(undisturbed)
        assert all(data in (before.get(name), undisturbed[name]) for name, data in after.items())
        rotate_ledgers(load_settings(copy, {}), execute=True)
        assert tree(copy) == undisturbed


def test_what_was_begun_is_finished_though_the_cap_is_met(make) -> None:  # type: ignore[no-untyped-def]
    """An entry that stands in its archive already leaves the ledger, whatever its size."""
    settings = make(caps=intention(5_000))
    archived = "# Build history, 2024\n\n" + ENTRIES[0]
    write_files(settings.workspace, {"docs/archive/BUILD_HISTORY-2024.md": archived})
    assert rotate_ledgers(settings, execute=True).total == 1
    after = tree(settings.workspace)
    assert after["docs/archive/BUILD_HISTORY-2024.md"].decode() == archived
    assert texts(after) == Counter(piece.text for piece in pieces_of(LEDGER.encode()))


_LINES = st.sampled_from(
    [
        *("# T", "## A-1: x", "## A-2: y", "### A-3: z", "## plain", "text", ""),
        *("```", "<!--", "-->", "[a]: b.md", "[x](y.md)"),
    ]
)


@given(st.lists(_LINES, max_size=25), st.sampled_from([b"\n", b"\r\n"]), st.integers(0, 8))
@hypothesis_settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_no_entry_is_ever_lost(lines: list[str], ending: bytes, leave: int) -> None:
    """Whatever stands in a ledger: what is not an entry stays in it, in order, and every entry is in it or in the
    archive; or the rotation is refused."""
    data = ending.join(line.encode() for line in lines) + ending
    pieces = pieces_of(data)
    leaving = [(piece, "docs/archive/L-2026.md") for piece in pieces[:-1]][:leave]
    if not leaving:
        return
    try:
        result = rotated("docs/L.md", data, {}, leaving, "Ledger")
    except UnsafeRepository:
        return
    everything = result.ledger + b"".join(result.archives.values())
    assert all(piece.text in everything for piece in pieces)
    others = Counter(_outside(data, pieces))
    assert others - Counter(result.ledger.splitlines()) == Counter()


def _outside(data: bytes, pieces: tuple[Piece, ...]) -> list[bytes]:
    """Return the lines of DATA that belong to no entry and are not blank."""
    masked = bytearray(data)
    for piece in pieces:
        masked[piece.start : piece.end] = b"\n" * (piece.end - piece.start)
    return [line for line in bytes(masked).splitlines() if line.strip()]


def autopack(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in WORKSPACE."""
    command = [sys.executable, "-m", "autopack", *arguments]
    return subprocess.run(
        command, cwd=workspace, env=dict(os.environ), capture_output=True, text=True, encoding="utf-8", check=False
    )


def test_as_a_person_types_it(make) -> None:  # type: ignore[no-untyped-def]
    """Without --execute it shows what would move; the scan names the command; stdout is one document."""
    settings = make()
    scan = autopack(settings.workspace, "scan", "--format", "json")
    assert "autopack tidy rotate --execute" in scan.stdout
    propose = autopack(settings.workspace, "propose", "--format", "json")
    assert "autopack tidy rotate --execute" in propose.stdout
    shown = autopack(settings.workspace, "tidy", "rotate", "--format", "text")
    assert (shown.returncode, "would move: BUILD-001: " in shown.stdout) == (0, False)
    assert "would move: BUILD-001 -> docs/archive/BUILD_HISTORY-2024.md" in shown.stdout
    assert git(settings.workspace, "status", "--porcelain") == ""
    done = autopack(settings.workspace, "tidy", "rotate", "--execute", "--format", "json")
    assert (done.returncode, len(json.loads(done.stdout)["rotations"])) == (0, 1)
    assert git(settings.workspace, "status", "--porcelain") == f" M {HISTORY}\n?? docs/archive/\n"
    again = autopack(settings.workspace, "tidy", "rotate", "--execute", "--format", "text")
    assert (again.returncode, "No ledger is above" in again.stderr) == (0, True)
