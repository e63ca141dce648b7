"""`autopack explain`: a rule, or one gap of the workspace."""

from __future__ import annotations

import json

import pytest

from autopack.cli.main import main
from autopack.gaps.detectors import all_detectors
from repositories import MakeRepository

RULE = "doc_drift/broken-link"
FILES = {
    "README.md": "# A\n\n[x](gone.md)\n",
    "b.md": f"# B\n\n[y](away.md) <!-- autopack: ignore[{RULE}] -- made by the release -->\n",
}


def test_a_rule_is_explained_with_how_to_suppress_it(capsys: pytest.CaptureFixture[str]) -> None:
    """What is seen, why it matters, how to fix it, and what to write where it is meant."""
    assert main(["explain", RULE, "--format", "text"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{RULE}\n  risk low, confidence high\n\n  seen: ")
    assert f"autopack: ignore[{RULE}] -- reason" in printed
    assert "docs/reference/gaps.md#broken-link" in printed


def test_every_rule_can_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """In both formats, for each rule of each detector."""
    for detector in all_detectors():
        for rule in detector.rules:
            assert main(["explain", f"{detector.gap_type}/{rule.name}"]) == 0
            assert json.loads(capsys.readouterr().out)["fix"] == rule.fix


def test_a_gap_is_explained_by_its_id(make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]) -> None:
    """With its place, its line, its remedy and its state; the beginning of the id is enough where it is one gap's."""
    repository = str(make_repository(FILES))
    main(["scan", "-C", repository])
    (gap,) = json.loads(capsys.readouterr().out)["gaps"]
    for name in (gap["gap_id"], gap["gap_id"][:-4]):
        assert main(["explain", name, "-C", repository, "--format", "text"]) == 0
        printed = capsys.readouterr().out
        assert "low: README.md links to gone.md, which is not there" in printed
        assert "  3 | [x](gone.md)" in printed
        assert RULE in printed
    assert main(["explain", gap["gap_id"], "-C", repository]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "new"


def test_a_suppressed_gap_is_explained_too(make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]) -> None:
    """What hides it, and why, can be asked for."""
    repository = str(make_repository({"b.md": FILES["b.md"]}))
    main(["scan", "-C", repository, "--format", "ndjson"])
    gap_id = json.loads(capsys.readouterr().out.splitlines()[0])["gap_id"]
    assert main(["explain", gap_id, "-C", repository]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["state"], shown["reason"]) == ("suppressed", "made by the release")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("doc_drift/brokn-link", "Did you mean doc_drift/broken-link?"),
        ("x/y", "docs/reference/gaps.md"),
        ("doc_drift-000000000000", "No gaps of this workspace"),
        ("doc_drift-", "2 gaps of this workspace"),
    ],
)
def test_what_does_not_exist_is_said_with_what_to_do(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str], what: str, said: str
) -> None:
    """An unknown rule names the nearest; an id of no gap, or of several, is refused."""
    assert main(["explain", what, "-C", str(make_repository(FILES))]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert said in streams.err
