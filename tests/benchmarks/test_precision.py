"""The table of precision: what it counts, and that nothing unjudged is counted."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

_PATH = Path(__file__).parents[2] / "benchmarks" / "precision.py"


def _precision() -> Any:
    spec = importlib.util.spec_from_file_location("precision", _PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _file(repository: str, *answers: tuple[bool | None, bool | None], files: int = 300) -> dict[str, Any]:
    judgements = [{"rule": "doc_drift/broken-link", "true": true, "worth": worth} for true, worth in answers]
    return {
        "repository": repository,
        "commit": "0123456789abcdef",
        "files": files,
        "well_kept": True,
        "findings": len(answers),
        "judgements": judgements,
    }


def test_the_table_counts_answers_by_repository_and_by_rule() -> None:
    """True and worth fixing are counted out of the judged findings, and findings per 300 files out of all."""
    files = [_file("b/b", (True, False), (False, False), files=600), _file("a/a")]
    assert _precision().table(files) == [
        "| repository | commit | files | findings | per 300 files | true | worth fixing |",
        "|---|---|--:|--:|--:|--:|--:|",
        "| a/a | `0123456789` | 300 | 0 | 0.00 | – | – |",
        "| b/b | `0123456789` | 600 | 2 | 1.00 | 1 of 2 (0.50) | 0 of 2 (0.00) |",
        "| **all 2** |  | 900 | 2 | 0.67 | 1 of 2 (0.50) | 0 of 2 (0.00) |",
        "",
        "| rule | true | worth fixing |",
        "|---|--:|--:|",
        "| `doc_drift/broken-link` | 1 of 2 (0.50) | 0 of 2 (0.00) |",
    ]


def test_dead_links_are_counted_by_where_their_documents_stand() -> None:
    """READMEs count as the root; other rules do not count."""
    paths = ("README.md", "docs/README.md", "docs/a.md", "Docs/deep/b.md", "src/c.md", None)
    judged = [
        {"rule": "doc_drift/broken-link", "path": path, "true": path != "docs/a.md", "worth": False} for path in paths
    ]
    judged.append({"rule": "doc_drift/vanished-path", "path": "docs/a.md", "true": True, "worth": True})
    assert _precision().places_table(judged) == [
        "| documents | rule | true | worth fixing |",
        "|---|---|--:|--:|",
        "| elsewhere | `doc_drift/broken-heading-link` | – | – |",
        "| elsewhere | `doc_drift/broken-link` | 1 of 1 (1.00) | 0 of 1 (0.00) |",
        "| in folders of documentation | `doc_drift/broken-heading-link` | – | – |",
        "| in folders of documentation | `doc_drift/broken-link` | 1 of 2 (0.50) | 0 of 2 (0.00) |",
        "| in the root, and READMEs | `doc_drift/broken-heading-link` | – | – |",
        "| in the root, and READMEs | `doc_drift/broken-link` | 3 of 3 (1.00) | 0 of 3 (0.00) |",
    ]


def test_a_file_with_an_open_answer_is_not_judged() -> None:
    """One answer that is still null keeps the whole file out."""
    precision = _precision()
    assert precision.is_judged(_file("a/a", (True, True)))
    assert precision.is_judged(_file("a/a"))
    assert not precision.is_judged(_file("a/a", (True, True), (True, None)))


def test_every_kept_judgement_has_its_reason() -> None:
    """A judgement without a reason cannot be judged again by somebody else."""
    kept = sorted((_PATH.parent / "judgements").rglob("*.json"))
    assert kept
    for path in kept:
        document = json.loads(path.read_text(encoding="utf-8"))
        assert [one["gap_id"] for one in document["judgements"] if not one["why"]] == [], path.name
