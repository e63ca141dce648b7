"""Every deterministic kind, on the shapes in which real repositories went wrong: the gap is closed, no other byte is
touched, no gap is opened, a second time does nothing, and undoing gives every byte back.

The shapes were seen in the history of public repositories; their texts are made up here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from autopack.actions.models import Draft
from autopack.actions.registry import all_kinds
from autopack.errors import StaleError
from autopack.execution.diff import measure, stage_everything
from autopack.execution.runner import undo
from autopack.execution.tree import GrantedTree
from autopack.gaps.detectors import all_detectors
from autopack.gaps.models import Gap
from autopack.git import Git
from carrying_out import action_of, only_draft
from gap_reports import report_of
from repositories import MakeRepository, commit_all, git, write_files

Files = Mapping[str, str | bytes | None]
"""Path -> content; None for a file that is gone."""

TIDE = "\n".join(f"Sentence {number} tells of the tide and of boat number {number * 7}." for number in range(60))
QUOTE = "<!-- AUTOPACK_BLOCK_START name=use source=snippets/use.sh fence=sh -->\n"
LEDGER = "# Build history\n\n## BUILD-001: first\n\nThe first.\n"


@dataclass(frozen=True)
class Shape:
    """How a repository went wrong, commit by commit, and all that its mending changes."""

    name: str
    rule: str
    kind: str
    history: tuple[Files, ...]
    mended: Files


SHAPES = (
    Shape(
        "a guide moved into a folder and a link stayed behind",
        "doc_drift/broken-link",
        "link_fix",
        (
            {
                "README.md": "# Home\r\n\r\n[testing](devel/testing.md#why)\r\n",
                "devel/testing.md": f"# Why\n\n{TIDE}\n",
            },
            {"devel/testing.md": None, "devel/sig-testing/testing.md": f"# Why\n\n{TIDE}\n"},
        ),
        {"README.md": "# Home\r\n\r\n[testing](devel/sig-testing/testing.md#why)\r\n"},
    ),
    Shape(
        "an image moved and two places show it",
        "doc_drift/broken-link",
        "link_fix",
        (
            {"docs/a.md": "é ![x](map.png) and\n![x](map.png)\n", "docs/map.png": bytes(range(256))},
            {"docs/map.png": None, "docs/images/map.png": bytes(range(256))},
        ),
        {"docs/a.md": "é ![x](images/map.png) and\n![x](images/map.png)\n"},
    ),
    Shape(
        "a heading lost its punctuation",
        "doc_drift/broken-heading-link",
        "link_fix",
        ({"README.md": "[how](#how-to-join-us-)\n\n# How to join us\n"},),
        {"README.md": "[how](#how-to-join-us)\n\n# How to join us\n"},
    ),
    Shape(
        "instructions name a script that was renamed",
        "doc_drift/vanished-path",
        "link_fix",
        (
            {"README.md": "# Run\n\nUse `tools/check.sh`.\n", "tools/check.sh": f"#!/bin/sh\n# {TIDE}\n"},
            {"tools/check.sh": None, "scripts/verify.sh": f"#!/bin/sh\n# {TIDE}\n"},
        ),
        {"README.md": "# Run\n\nUse `scripts/verify.sh`.\n"},
    ),
    Shape(
        "a summary of the ledgers was not written anew",
        "doc_drift/stale-block",
        "block_refresh",
        (
            {
                "README.md": "# A\r\n<!-- SOT_SUMMARY_START -->\r\n<!-- SOT_SUMMARY_END -->\r\nend",
                "docs/BUILD_HISTORY.md": LEDGER,
            },
        ),
        {
            "README.md": "# A\r\n<!-- SOT_SUMMARY_START -->\r\n"
            "- [docs/BUILD_HISTORY.md](docs/BUILD_HISTORY.md): 1 entry, latest: BUILD-001: first\r\n"
            "<!-- SOT_SUMMARY_END -->\r\nend"
        },
    ),
    Shape(
        "a quoted example went on without its document",
        "doc_drift/stale-block",
        "block_refresh",
        (
            {
                "README.md": f"{QUOTE}```sh\nrun\n```\n<!-- AUTOPACK_BLOCK_END -->\n",
                "snippets/use.sh": "run --all\n",
            },
        ),
        {"README.md": f"{QUOTE}```sh\nrun --all\n```\n<!-- AUTOPACK_BLOCK_END -->\n"},
    ),
    Shape(
        "an index lists a file that was deleted",
        "doc_drift/index-names-missing-file",
        "index_fix",
        (
            {
                "docs/PROJECT_INDEX.json": '{\n  "files": [\n    "README.md",\n    "docs/old.md"\n  ]\n}\n',
                "README.md": "# A\n",
                "docs/old.md": "old\n",
            },
            {"docs/old.md": None},
        ),
        {"docs/PROJECT_INDEX.json": '{\n  "files": [\n    "README.md"\n  ]\n}\n'},
    ),
    Shape(
        "an index lists a file under its former name",
        "doc_drift/index-names-missing-file",
        "index_fix",
        (
            {"docs/PROJECT_INDEX.json": '{"files": ["docs/old.md"]}', "docs/old.md": TIDE},
            {"docs/old.md": None, "docs/new.md": TIDE},
        ),
        {"docs/PROJECT_INDEX.json": '{"files": ["docs/new.md"]}'},
    ),
    Shape(
        "a copy of a ledger was left in the root",
        "sot_duplicate/ledger-in-two-places",
        "duplicate_pointer",
        ({"docs/BUILD_HISTORY.md": LEDGER, "BUILD_HISTORY.md": LEDGER},),
        {"BUILD_HISTORY.md": "This document is kept in [docs/BUILD_HISTORY.md](docs/BUILD_HISTORY.md).\n"},
    ),
    Shape(
        "a document was copied instead of moved",
        "sot_duplicate/near-identical-documents",
        "duplicate_pointer",
        ({"README.md": "[tide](docs/tide.md)\n", "docs/tide.md": TIDE, "guide/on-tides.md": TIDE},),
        {"guide/on-tides.md": "This document is kept in [docs/tide.md](../docs/tide.md).\n"},
    ),
    Shape(
        "an editor left a backup that was committed",
        "root_clutter/scratch-file",
        "file_delete",
        ({"setup.py": "import os\n", "setup.py.orig": "import sys\n"},),
        {"setup.py.orig": None},
    ),
    Shape(
        "a report lies in the root and documents link each other",
        "root_clutter/unlinked-report",
        "file_move",
        (
            {
                "MIGRATION_NOTES.md": "# Notes\n\n[how](docs/how.md), [top](#notes)\n",
                "docs/how.md": "[notes](../MIGRATION_NOTES.md#notes)\r\n",
            },
        ),
        {
            "MIGRATION_NOTES.md": None,
            "docs/MIGRATION_NOTES.md": "# Notes\n\n[how](how.md), [top](#notes)\n",
            "docs/how.md": "[notes](MIGRATION_NOTES.md#notes)\r\n",
        },
    ),
    Shape(
        "the tests moved and the settings did not",
        "test_infra_drift/never-collected",
        "config_fix",
        (
            {
                "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = [\n    "unit",\n    "tests",\n]\n',
                "tests/test_a.py": "def test_a():\n    assert len([]) == 0\n",
            },
        ),
        {"pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = [\n    "tests",\n]\n'},
    ),
    Shape(
        "a script was saved with a byte-order mark",
        "windows_encoding_issue/utf8-bom",
        "encoding_fix",
        ({"run.sh": "\ufeff#!/bin/sh\necho é\n"},),
        {"run.sh": "#!/bin/sh\necho é\n"},
    ),
    Shape(
        "a script was saved on Windows",
        "windows_encoding_issue/crlf-in-unix-script",
        "encoding_fix",
        ({"run.sh": "#!/bin/sh\r\necho é\r\nprintf 'a\rb'"},),
        {"run.sh": "#!/bin/sh\necho é\nprintf 'a\rb'"},
    ),
    Shape(
        "a file contradicts .gitattributes",
        "windows_encoding_issue/eol-attribute-contradicted",
        "encoding_fix",
        ({"a.c": "int a;\r\n\x0cint b;\r\n"}, {".gitattributes": "*.c eol=lf\n"}),
        {"a.c": "int a;\n\x0cint b;\n"},
    ),
    Shape(
        "one editor of two wrote CR LF",
        "windows_encoding_issue/mixed-line-endings",
        "encoding_fix",
        ({"a.js": "one();\ntwo();\r\nthree();\n"},),
        {"a.js": "one();\ntwo();\nthree();\n"},
    ),
    Shape(
        "a source was stored as UTF-16",
        "windows_encoding_issue/utf16-source",
        "encoding_fix",
        ({"a.sql": "\ufeffselect 'é' -- 漢😀\r\n;\r\n".encode("utf-16-le")},),
        {"a.sql": "select 'é' -- 漢😀\r\n;\r\n"},
    ),
    Shape(
        "text is opened in the encoding of the machine",
        "windows_encoding_issue/open-without-encoding",
        "encoding_fix",
        (
            {
                "a.py": "from pathlib import Path\r\nwith open('é', 'w') as f:\r\n"
                "    f.write(Path('b').read_text())\r\nopen('x', 'rb')\r\n"
            },
        ),
        {
            "a.py": "from pathlib import Path\r\nwith open('é', 'w', encoding='utf-8') as f:\r\n"
            "    f.write(Path('b').read_text(encoding='utf-8'))\r\nopen('x', 'rb')\r\n"
        },
    ),
)


@dataclass(frozen=True)
class Case:
    """A repository in one of the shapes, the gap that is to be closed, and the draft that closes it."""

    repository: Path
    commit: str
    gap: Gap
    gaps_before: frozenset[str]
    draft: Draft

    def carry_out(self) -> None:
        """Apply the draft as a run does: with hands that reach its paths and no others, then stage what came of it."""
        action = action_of(self.draft)
        apply = all_kinds()[self.draft.kind].apply
        assert apply is not None
        apply(GrantedTree(self.repository, frozenset(action.target_paths)), action)
        stage_everything(Git(self.repository))


@pytest.fixture(params=SHAPES, ids=lambda shape: shape.name)
def shape(request: pytest.FixtureRequest) -> Shape:
    found: Shape = request.param
    return found


@pytest.fixture
def case(shape: Shape, make_repository: MakeRepository) -> Case:
    """Make the repository of SHAPE, among files that are as odd as they are allowed to be."""
    repository = make_repository({"bystander.bin": bytes(range(256)), "LICENSE": "text\r\nmore\r\n", "a b/é.txt": "x"})
    for commit in shape.history:
        for path in [path for path, content in commit.items() if content is None]:
            (repository / path).unlink()
        written = {path: content for path, content in commit.items() if content is not None}
        write_files(repository, written)
        for path in written:  # git takes for unchanged only what is older than its index
            os.utime(repository / path, (1_700_000_000, 1_700_000_000))
        commit_all(repository)
    gaps = report_of(repository, *all_detectors()).gaps
    (gap,) = [gap for gap in gaps if gap.rule_id == shape.rule and gap.remedy is not None]
    draft = only_draft(all_kinds()[shape.kind], [gap])
    commit_id = git(repository, "rev-parse", "HEAD").strip()
    return Case(repository, commit_id, gap, frozenset(gap.gap_id for gap in gaps), draft)


def tree_of(repository: Path) -> dict[str, tuple[bytes, int]]:
    """Return path -> bytes and mode of every file of REPOSITORY, git's own left out."""
    return {
        path.relative_to(repository).as_posix(): (path.read_bytes(), path.stat().st_mode)
        for path in sorted(repository.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(repository).parts
    }


def gap_ids_of(repository: Path) -> frozenset[str]:
    return frozenset(gap.gap_id for gap in report_of(repository, *all_detectors()).gaps)


def test_every_deterministic_kind_has_a_shape() -> None:
    """No kind with hands of its own goes unproven."""
    assert {shape.kind for shape in SHAPES} == {name for name, kind in all_kinds().items() if kind.deterministic}


def test_the_gap_is_closed_and_nothing_else_changes(case: Case, shape: Shape) -> None:
    """Only what is to be mended changes, to the byte, in no more lines than are claimed; modes stay."""
    before = tree_of(case.repository)
    case.carry_out()
    expected = {path: content for path, (content, _) in before.items()}
    for path, content in shape.mended.items():
        expected.pop(path, None)
        if content is not None:
            expected[path] = content if isinstance(content, bytes) else content.encode()
    after = tree_of(case.repository)
    assert {path: content for path, (content, _) in after.items()} == expected
    assert all(after[path][1] == mode for path, (_, mode) in before.items() if path in after)
    changes = measure(Git(case.repository), case.commit, git(case.repository, "write-tree").strip())
    assert {path for change in changes for path in change.paths} == set(shape.mended)
    assert sum(change.lines_added + change.lines_removed for change in changes) <= (case.draft.lines or 0)


def test_the_gap_is_gone_and_no_other_is_opened(case: Case) -> None:
    """A scan by all detectors, before and after the change is committed, finds only what it found before."""
    case.carry_out()
    assert gap_ids_of(case.repository) <= case.gaps_before - {case.gap.gap_id}
    commit_all(case.repository)
    assert gap_ids_of(case.repository) <= case.gaps_before - {case.gap.gap_id}


def test_a_second_time_does_nothing(case: Case) -> None:
    """The same action is refused on its own result and changes no byte of it."""
    case.carry_out()
    after = tree_of(case.repository)
    with pytest.raises(StaleError):
        case.carry_out()
    assert tree_of(case.repository) == after


def test_undo_gives_every_byte_back(case: Case) -> None:
    """The undo of a run restores bytes and modes, and git sees no change."""
    before = tree_of(case.repository)
    case.carry_out()
    assert tree_of(case.repository) != before
    undo(Git(case.repository), case.commit)
    assert tree_of(case.repository) == before
    assert git(case.repository, "write-tree") == git(case.repository, "rev-parse", "HEAD^{tree}")
    assert git(case.repository, "ls-files", "--others") == ""
    assert gap_ids_of(case.repository) == case.gaps_before


def test_a_file_that_changed_meanwhile_is_left_alone(case: Case) -> None:
    """Whatever file the action was made for has another byte now: all of it is refused, and nothing is written."""
    for path in case.draft.operations:
        target = case.repository / path.path
        if target.is_file():
            target.write_bytes(target.read_bytes() + b"\n")
            break
    before = tree_of(case.repository)
    with pytest.raises(StaleError):
        case.carry_out()
    assert tree_of(case.repository) == before


def test_what_is_mended_stays_what_its_reader_needs(case: Case, shape: Shape) -> None:
    """A mended index is still JSON, a mended module still Python."""
    case.carry_out()
    for path in shape.mended:
        if path.endswith(".json"):
            json.loads((case.repository / path).read_bytes())
        if path.endswith(".py"):
            compile((case.repository / path).read_bytes(), path, "exec")
