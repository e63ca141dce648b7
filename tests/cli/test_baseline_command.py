"""`autopack baseline` as a person meets it: nothing is written unasked, old findings do not fail, new ones do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autopack.cli.main import main
from repositories import MakeRepository, commit_all, git, write_files

BASELINE = ".autopack/baseline.json"
FILES = {"README.md": "# A\n\n[x](gone.md)\n", "load.py": "def a(p):\n    return open(p)\n"}
CONFLICT = "<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> topic\n"


def accept(repository: Path, *options: str) -> int:
    """Accept what is found, and write it."""
    return main(
        ["baseline", "update", "-C", str(repository), "--reason", "older than the check", "--execute", *options]
    )


def fails(repository: Path) -> bool:
    """Tell whether a scan that fails on anything fails."""
    return main(["scan", "-C", str(repository), "--fail-on", "info"]) == 1


def test_nothing_is_written_without_execute(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """`update` and `prune` show what they would do, and leave the working tree alone."""
    repository = make_repository(FILES)
    assert main(["baseline", "update", "-C", str(repository), "--reason", "r"]) == 0
    streams = capsys.readouterr()
    assert json.loads(streams.out)["outcome"] == "would_write"
    assert "--execute writes them" in streams.err
    assert git(repository, "status", "--porcelain") == ""
    accept(repository)
    write_files(repository, {"README.md": "# A\n"})
    before = (repository / BASELINE).read_bytes()
    capsys.readouterr()
    assert main(["baseline", "prune", "-C", str(repository)]) == 0
    assert len(json.loads(capsys.readouterr().out)["removed"]) == 1
    assert (repository / BASELINE).read_bytes() == before


def test_accepted_findings_do_not_fail_and_new_ones_do(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """After `update` the same state passes, also with shifted lines and renamed files; one more fault fails."""
    repository = make_repository(FILES)
    assert fails(repository)
    assert accept(repository) == 0
    assert not fails(repository)
    git(repository, "mv", "load.py", "loading.py")
    write_files(repository, {"README.md": "\n\n# A\n\n[x](gone.md)\n"})
    assert not fails(repository)
    capsys.readouterr()
    main(["scan", "-C", str(repository), "--format", "text"])
    assert capsys.readouterr().out == "0 new gaps in 3 files; 2 accepted in the baseline\n"
    write_files(repository, {"other.md": "# B\n\n[x](elsewhere.md)\n"})
    assert fails(repository)


def test_a_finding_is_new_again_after_its_last_day(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """An entry that has expired fails, is counted, and shown as expired; a day that is over is refused at once."""
    repository = make_repository({"README.md": FILES["README.md"]})
    assert accept(repository, "--expires", "2999-12-31") == 0
    assert not fails(repository)
    path = repository / BASELINE
    path.write_bytes(path.read_bytes().replace(b"2999-12-31", b"2020-01-01"))
    assert fails(repository)
    capsys.readouterr()
    main(["baseline", "show", "-C", str(repository), "--format", "text"])
    assert capsys.readouterr().out.startswith("expired   doc_drift-")
    assert accept(repository, "--expires", "2020-01-01") == 2
    assert accept(repository, "--expires", "soon") == 2


def test_only_findings_of_the_named_rules_are_accepted(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--rule` narrows; a rule that does not exist and an empty reason are refused."""
    repository = make_repository(FILES)
    assert accept(repository, "--rule", "doc_drift/broken-link") == 0
    assert json.loads(capsys.readouterr().out)["total"] == 1
    assert accept(repository, "--rule", "doc_drift/nonsense") == 2
    assert main(["baseline", "update", "-C", str(repository), "--reason", " "]) == 2


def test_what_occurs_no_more_is_shown_and_pruned(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """`show` calls it gone, `prune --execute` drops it, and a second time there is nothing to do."""
    repository = make_repository(FILES)
    accept(repository)
    write_files(repository, {"README.md": "# A\n"})
    capsys.readouterr()
    main(["baseline", "show", "-C", str(repository)])
    assert sorted(entry["state"] for entry in json.loads(capsys.readouterr().out)["findings"]) == ["accepted", "gone"]
    assert main(["baseline", "prune", "-C", str(repository), "--execute"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "written"
    assert main(["baseline", "prune", "-C", str(repository), "--execute"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "nothing_to_do"


def test_the_baseline_does_not_unblock_the_autopilot(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """An accepted conflict does not fail a scan, and still blocks: the report that a plan is made of is the same."""
    repository = make_repository({"a.txt": CONFLICT})
    accept(repository)
    commit_all(repository, "accepted")
    capsys.readouterr()
    assert main(["scan", "-C", str(repository), "--fail-on", "info"]) == 0
    streams = capsys.readouterr()
    assert json.loads(streams.out)["summary"]["blocking"] == 1
    assert "1 blocks the autopilot; 1 accepted in the baseline" in streams.err


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"findings":[],"format_version":"v2"}', b'{"findings":[{"reason":"r"}],"format_version":"v1"}'],
)
def test_a_baseline_that_cannot_be_read_is_no_baseline(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    """A damaged file ends the scan with its name and exit 2; it never counts as accepting nothing or everything."""
    repository = make_repository(FILES)
    write_files(repository, {BASELINE: content})
    assert main(["scan", "-C", str(repository), "--fail-on", "info"]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "baseline.json" in streams.err


def test_a_baseline_behind_a_link_is_refused(
    make_repository: MakeRepository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is read from, or written to, where a committed link leads."""
    repository = make_repository(FILES)
    outside = tmp_path / "outside"
    outside.mkdir()
    (repository / ".autopack").symlink_to(outside)
    assert accept(repository) == 2
    assert list(outside.iterdir()) == []
    assert "symbolic link" in capsys.readouterr().err
