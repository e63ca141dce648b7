"""windows_encoding_issue: what another system trips over is found, what is odd on purpose is not."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopack.gaps import text_io_calls
from autopack.gaps.detectors.windows_encoding_issue import DETECTOR, extract
from autopack.gaps.models import Gap
from gap_reports import report_of, seen
from remedies import after_remedy
from repositories import MakeRepository, commit_all, write_files
from run_leftovers import at, leave_check, run_of

BOM = b"\xef\xbb\xbf"


def gaps_of(workspace: Path) -> tuple[Gap, ...]:
    return report_of(workspace, DETECTOR).gaps


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("src/name.py", b'AUTHOR = "x"\nNAME = "J\xfcrgen"\n', "invalid-utf8 src/name.py:2"),
        ("docs/notes.md", b"# Notes\n\nJ\xfcrgen\n", "invalid-utf8 docs/notes.md:3"),
        ("data/list.json", BOM + b'{"a": 1}\n', "utf8-bom data/list.json"),
        ("run.sh", BOM + b"#!/bin/sh\necho\n", "utf8-bom run.sh"),
        ("conf.yaml", BOM + b"a: 1\n", "utf8-bom conf.yaml"),
        ("src/a.py", BOM + b"a = 1\n", "utf8-bom src/a.py"),
        ("src/a.py", "a = 'é'\n".encode("utf-16"), "utf16-source src/a.py"),
        ("run.sh", b"#!/bin/sh\r\necho\r\n", "crlf-in-unix-script run.sh:1"),
        (".githooks/pre-push", b"#!/bin/sh\r\necho\r\n", "crlf-in-unix-script .githooks/pre-push:1"),
        ("src/a.c", b"int a;\r\nint b;\nint c;\n", "mixed-line-endings src/a.c:1"),
        ("src/a.c", b"int a;\r\nint b;\r\nint c;\n", "mixed-line-endings src/a.c:3"),
    ],
)
def test_bytes_that_another_system_misreads_are_found(
    make_repository: MakeRepository, path: str, content: bytes, expected: str
) -> None:
    """Each kind of fault in a file's bytes gives one gap, at its line where there is one."""
    assert seen(gaps_of(make_repository({path: content}))) == [expected]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("src/name.py", b'# -*- coding: latin-1 -*-\nNAME = "J\xfcrgen"\n'),
        ("doc.xml", b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<a>\xfc</a>\n'),
        ("page.html", b'<meta charset="windows-1252">\n<p>\xfc</p>\n'),
        ("style.css", b'@charset "iso-8859-1";\n/* \xfc */\n'),
        ("src/notes.tex", b"\\usepackage[latin1]{inputenc}\n\xfc\n"),
        ("tests/data/latin.txt", b"J\xfcrgen\n"),
        ("tests/fixtures/bom.json", BOM + b"{}\n"),
        ("tests/mixed.txt", b"a\r\nb\n"),
        ("web/main.17d667f4.css", b"a\r\nb\nc\n"),
        ("web/site.min.js", b"a\r\nb\nc\n"),
        ("tests/specs/bytes_and_text/lossy.ts", b'log("\xc0");\n'),
        ("testdata/x.sh", b"#!/bin/sh\r\n"),
        ("src/test_crlf.py", b"a = 1\r\nb = 2\n"),
        ("test/suite/E90.py", b"#: E902\na = 1\r\r\nb = 2\n"),
        ("images/logo.png", b"\x89PNG\r\n\x1a\n\0\0\xfc\n"),
        ("build.bat", b"@echo off\r\necho a\r\n"),
        ("setup.ps1", BOM + b"Write-Host\r\n"),
        ("app.csproj", BOM + b"<Project/>\r\n"),
        ("src/plain.py", b"a = 1\r\nb = 2\r\n"),
        ("src/tool.py", b"#!/usr/bin/env python\r\na = 1\r\n"),
        ("src/umlaut.py", "NAME = 'Jürgen'\n".encode()),
        ("empty.sh", b""),
    ],
)
def test_odd_bytes_on_purpose_are_no_gap(make_repository: MakeRepository, path: str, content: bytes) -> None:
    """Declared encodings, test data, binary files and Windows' own formats are left alone."""
    assert seen(gaps_of(make_repository({path: content}))) == []


@pytest.mark.parametrize(
    ("settings", "path", "content"),
    [
        ({".gitattributes": "*.txt -text\n*.c -text\n"}, "src/a.c", b"int a;\r\nint b;\n"),
        ({".gitattributes": "*.sh text eol=crlf\n"}, "run.sh", b"#!/bin/sh\r\n"),
        ({".gitattributes": "*.sql working-tree-encoding=UTF-16\n"}, "q.sql", "select 'é'\n".encode("utf-16")),
        ({".editorconfig": "root = true\n[*.{md,rst}]\ncharset = latin1\n"}, "docs/a.md", b"J\xfcrgen\n"),
        ({".editorconfig": "[*]\ncharset = utf-8-bom\n"}, "a.json", BOM + b"{}\n"),
        ({"app.sln": "x\n"}, "settings.json", BOM + b"{}\n"),
    ],
)
def test_settings_of_the_owner_are_honoured(
    make_repository: MakeRepository, settings: dict[str, str], path: str, content: bytes
) -> None:
    """What `.gitattributes`, `.editorconfig` or a .NET solution explain is no gap."""
    assert seen(gaps_of(make_repository({**settings, path: content}))) == []


def test_line_endings_against_the_attribute_are_found(make_repository: MakeRepository) -> None:
    """CR LF in a file for which `eol=lf` is set contradicts it; the remedy normalises just the endings."""
    repository = make_repository({"src/a.c": b"int a;\r\nint b;\n"})
    (repository / ".gitattributes").write_text("*.c text eol=lf\n", encoding="utf-8")
    (gap,) = gaps_of(repository)
    assert gap.rule_id == "windows_encoding_issue/eol-attribute-contradicted"
    assert after_remedy(repository, gap) == {"src/a.c": "int a;\nint b;\n"}


def test_some_lines_against_the_settings_are_counted(make_repository: MakeRepository) -> None:
    """Where not all lines end in CR LF, the title says how many of how many do."""
    files = {".editorconfig": "root = true\n[*]\nend_of_line = lf\n", "a.py": b"a\r\nb\r\nc\nd\n", "b.py": b"a\r\n"}
    assert [gap.title for gap in gaps_of(make_repository(files))] == [
        "a.py has CR LF in 2 of 4 lines although .editorconfig says LF",
        "b.py has CR LF although .editorconfig says LF",
    ]


def test_several_files_against_the_settings_are_told_once(make_repository: MakeRepository) -> None:
    """From three on one finding names their folder; each stays in the report, unsure, with its id and its remedy."""
    content = b"int a;\r\n"
    repository = make_repository({"src/a/one.c": content, "src/a/two.c": content, "src/b.h": content, "c.sh": content})
    (repository / ".gitattributes").write_text("*.[ch] text eol=lf\n", encoding="utf-8")
    (script,) = (gap for gap in gaps_of(repository) if gap.rule_id.endswith("/crlf-in-unix-script"))
    (told,) = (gap for gap in gaps_of(repository) if gap.confidence != "low" and gap != script)
    each = [gap for gap in gaps_of(repository) if gap.confidence == "low"]
    assert told.title == "3 files below src have CR LF although .gitattributes says LF"
    assert [one.path for one in told.evidence] == ["src/a/one.c", "src/a/two.c", "src/b.h"]
    assert after_remedy(repository, told) == dict.fromkeys(["src/a/one.c", "src/a/two.c", "src/b.h"], "int a;\n")
    assert told.remedy is not None
    assert told.remedy.lines == sum(gap.remedy.lines for gap in each if gap.remedy)
    assert [(gap.confidence, gap.remedy is not None) for gap in each] == [("low", True)] * 3
    (repository / "src/b.h").unlink()
    fewer = {gap.gap_id: gap.confidence for gap in gaps_of(repository) if gap != script}
    assert fewer == {gap.gap_id: "high" for gap in each[:2]}


def test_a_nearer_editorconfig_wins(make_repository: MakeRepository) -> None:
    """The setting of the nearest folder counts, and `root` stops the search."""
    repository = make_repository(
        {
            ".editorconfig": "[*]\ncharset = latin1\n",
            "new/.editorconfig": "root = true\n[*.md]\ncharset = utf-8\n",
            "old/a.md": b"\xfc\n",
            "new/a.md": b"\xfc\n",
        }
    )
    assert seen(gaps_of(repository)) == ["invalid-utf8 new/a.md:1"]


@pytest.mark.parametrize(
    ("path", "content", "after"),
    [
        ("a.json", BOM + '{"ü": 1}\n'.encode(), '{"ü": 1}\n'),
        ("a.py", "\ufeffa = 'é'\r\n".encode("utf-16-le"), "a = 'é'\r\n"),
        ("a.md", "\ufeffJürgen\n".encode("utf-16-be"), "Jürgen\n"),
        ("run.sh", b"#!/bin/sh\r\necho a\r\necho b\n", "#!/bin/sh\necho a\necho b\n"),
    ],
)
def test_remedies_change_only_the_storage(
    make_repository: MakeRepository, path: str, content: bytes, after: str
) -> None:
    """A remedy leaves every character and every other file as it is, and closes the gap for good."""
    repository = make_repository({path: content, "other.json": "{}\n"})
    (gap,) = gaps_of(repository)
    assert after_remedy(repository, gap) == {path: after}
    (repository / path).write_bytes(after.encode())
    assert gaps_of(repository) == ()


def test_an_uncertain_decoding_gets_no_remedy(make_repository: MakeRepository) -> None:
    """Bytes that are no UTF-8 could be any of several encodings: a person decides."""
    (gap,) = gaps_of(make_repository({"a.md": b"\xfc\xe9\n"}))
    assert gap.remedy is None


def test_neighbours_of_what_is_broken_on_purpose_are_so_too(make_repository: MakeRepository) -> None:
    """Three files of a folder that say so are a suite; two are none."""
    names = ("invalid.json", "utf8_cut_off.json", "bad_encoding.json", "lone_byte.json")
    files = {f"data/{name}": b"\xfc\n" for name in names} | {f"src/{name}": b"\xfc\n" for name in names[1:]}
    assert seen(gaps_of(make_repository(files))) == ["invalid-utf8 src/lone_byte.json:1"]


def test_names_that_windows_refuses_are_found(make_repository: MakeRepository) -> None:
    """Device names, forbidden characters and trailing dots or blanks are gaps, one for each folder and reason."""
    repository = make_repository(
        {"src/aux.c": "", "notes/a:b.md": "", "notes/c:d.md": "", "docs/end.": "", "docs/auxiliary.md": "", "con/x": ""}
    )
    assert sorted((gap.title, len(gap.evidence)) for gap in gaps_of(repository)) == [
        ("con/x cannot be checked out on Windows: a name is the name of a device", 1),
        ("docs/end. cannot be checked out on Windows: a name ends in a dot or a blank", 1),
        ("notes/a:b.md and 1 more cannot be checked out on Windows: a name holds the character :", 2),
        ("src/aux.c cannot be checked out on Windows: a name is the name of a device", 1),
    ]


def test_paths_that_collide_are_found(make_repository: MakeRepository) -> None:
    """Paths that differ in case or in Unicode composition alone are one gap together."""
    repository = make_repository({"README.md": "", "readme.md": "", "docs/\u00e9.md": "", "docs/e\u0301.md": ""})
    assert sorted(len(gap.evidence) for gap in gaps_of(repository)) == [2, 2]


def test_a_path_beyond_260_characters_is_found(make_repository: MakeRepository) -> None:
    """Longer than 260 characters is a gap, exactly 260 is none."""
    folder = "/".join(["f" * 51] * 5)
    assert len(f"{folder}/") == 260
    repository = make_repository({f"{folder[:-1]}/a": "", f"{folder}/b": ""})
    assert seen(gaps_of(repository)) == [f"path-too-long {folder}/b"]


def test_what_several_files_share_is_told_once(make_repository: MakeRepository) -> None:
    """From three on; a module that Python refuses to import is told by itself, and the finding keeps its name as more
    come."""
    long = "/".join(["f" * 51] * 5)
    files: dict[str, str | bytes] = {f"old/{name}.tex": b"J\xfcrgen\n" for name in "abc"}
    files |= {f"{long}/{name}": "" for name in "xyz"} | {"src/a.py": b'A = "J\xfcrgen"\n'}
    repository = make_repository(files)
    found = gaps_of(repository)
    assert [(gap.title, len(gap.evidence)) for gap in found if gap.rule_id.endswith(("-utf8", "-long"))] == [
        (f"3 files below {long} have paths longer than Windows takes", 3),
        ("3 files below old are not valid UTF-8", 3),
        ("src/a.py is not valid UTF-8", 1),
    ]
    write_files(repository, {"more/d.tex": b"J\xfcrgen\n"})
    assert {gap.gap_id for gap in gaps_of(repository)} == {gap.gap_id for gap in found}


CALLS = [
    ("open(path)", 'open(path, encoding="utf-8")'),
    ("open(path, 'w')", "open(path, 'w', encoding='utf-8')"),
    ('open(path, mode="a",)', 'open(path, mode="a", encoding="utf-8",)'),
    ('io.open(path, "r")', 'io.open(path, "r", encoding="utf-8")'),
    ('os.fdopen(number, "w")', 'os.fdopen(number, "w", encoding="utf-8")'),
    ('tempfile.NamedTemporaryFile("w")', 'tempfile.NamedTemporaryFile("w", encoding="utf-8")'),
    ("Path(path).read_text()", 'Path(path).read_text(encoding="utf-8")'),
    ("(stream := Path(path)).read_text()", '(stream := Path(path)).read_text(encoding="utf-8")'),
    ('Path(path).write_text("é")', 'Path(path).write_text("é", encoding="utf-8")'),
    ("Path(path).open()", 'Path(path).open(encoding="utf-8")'),
    ('(Path(path) / "x").open("a")', '(Path(path) / "x").open("a", encoding="utf-8")'),
    ("open(open(path).read())", 'open(open(path, encoding="utf-8").read(), encoding="utf-8")'),
    (
        "Path(path).write_text(Path(path).read_text())",
        'Path(path).write_text(Path(path).read_text(encoding="utf-8"), encoding="utf-8")',
    ),
    (
        'subprocess.run(["git", "log"], capture_output=True, text=True)',
        'subprocess.run(["git", "log"], capture_output=True, text=True, encoding="utf-8")',
    ),
    (
        'subprocess.check_output(["git", "log"], universal_newlines=True)',
        'subprocess.check_output(["git", "log"], universal_newlines=True, encoding="utf-8")',
    ),
    (
        '"é"; y = open(\n    path,\n    "w",  # why\n)',
        '"é"; y = open(\n    path,\n    "w", encoding="utf-8",  # why\n)',
    ),
]
HEAD = (
    "import io, os, subprocess, tempfile\nfrom pathlib import Path\n\n\n"
    "def work(path, number, mode, options):\n    x = "
)


@pytest.mark.parametrize(("call", "after"), CALLS)
def test_calls_without_encoding_are_found_and_mended(make_repository: MakeRepository, call: str, after: str) -> None:
    """Each way to open text without an encoding is found; the remedy adds the keyword and nothing else."""
    repository = make_repository({"src/a.py": f"{HEAD}{call}\n", "src/b.py": "a = 1\n"})
    (gap,) = gaps_of(repository)
    assert seen([gap]) == ["open-without-encoding src/a.py:6"]
    assert after_remedy(repository, gap) == {"src/a.py": f"{HEAD}{after}\n"}
    (repository / "src/a.py").write_text(f"{HEAD}{after}\n", encoding="utf-8")
    assert gaps_of(repository) == ()


@pytest.mark.parametrize(
    "call",
    [
        'open(path, "rb")',
        "open(path, mode)",
        'open(path, "w", -1, "latin-1")',
        "open(path, **options)",
        "open(*path)",
        'open("/proc/cpuinfo")',
        'open(f"/sys/fs/cgroup/{path}/cpu.max")',
        'Path(f"/proc/{path}/status").read_text()',
        "open(os.devnull)",
        'open(path, "w").close()',
        '0\n    with open(path, "w") as created:\n        created.close()',
        "os.open(path, os.O_RDONLY)",
        "gzip.open(path)",
        "zipfile.ZipFile(path).open(path)",
        "tempfile.NamedTemporaryFile()",
        'path.read_text("utf-8")',
        'distribution.read_text("METADATA")',
        'Path(path).write_text("a", "utf-8")',
        'Path(path).write_text("ASCII only")',
        'Path(path).write_text(data="{}")',
        'subprocess.run(["ls"], text=True)',
        'subprocess.run(["ls"], capture_output=True)',
        'f"{open(path)}"',
        '"open(path)"',
        "webbrowser.open(path)",
    ],
)
def test_calls_that_name_or_need_no_encoding_are_no_gap(make_repository: MakeRepository, call: str) -> None:
    """Binary modes, positional encodings, unknown arguments and other objects' methods are left alone."""
    assert seen(gaps_of(make_repository({"src/a.py": f"{HEAD}{call}\n"}))) == []


def test_what_may_be_meant_is_told_apart_from_what_is_mended(make_repository: MakeRepository) -> None:
    """The remedy of the others closes their finding, opens none, and leaves such a call as it is."""
    doubtful = 'print(subprocess.run(["ls"], capture_output=True, text=True).stdout)\n'
    repository = make_repository({"src/a.py": f"import subprocess\n\n{doubtful}open(path).read()\n"})
    before = gaps_of(repository)
    assert [(gap.evidence[0].line, gap.confidence == "low", gap.remedy is not None) for gap in before] == [
        (3, True, False),
        (4, False, True),
    ]
    write_files(repository, after_remedy(repository, before[1]))
    assert gaps_of(repository) == before[:1]


@pytest.mark.parametrize(
    "content",
    [
        "def open(path): ...\nopen('x')\n",
        "from webbrowser import open\nopen('x')\n",
        "from pathlib import Path\nclass A:\n    def read_text(self): ...\n\nprint(A().read_text())\n",
        "print open('x')\n",
        "import click\nclick.Path(exists=True)\n\ndef work(a):\n    a.write_text(work(1))\n",
        "from pathlib import Path\nformatter = context.make_formatter()\nformatter.write_text(work(1))\n",
        "from pathlib import Path\n\ndef work(self):\n    return self.response.read_text()\n",
        "from pathlib import Path\n\ndef work(entries):\n    return entries['a'].read_text()\n",
    ],
)
def test_a_name_that_means_something_else_is_no_gap(make_repository: MakeRepository, content: str) -> None:
    """A module's own `open` or `read_text`, and what this Python cannot read, are left alone."""
    assert seen(gaps_of(make_repository({"src/a.py": content}))) == []


@pytest.mark.parametrize(
    ("test", "is_left_out"),
    [
        ("sys.version_info < (3,)", "then"),
        ("sys.version_info[0] == 2", "then"),
        ("sys.version_info.major < 3", "then"),
        ("sys.version_info <= (2, 7)", "then"),
        ("version_info < (3, 0)", "then"),
        ("six.PY2", "then"),
        ("not IS_PY3", "then"),
        ("sys.version_info >= (3,)", "else"),
        ("sys.version_info[0] > 2", "else"),
        ("six.PY3", "else"),
        ("sys.version_info < (3, 8)", None),
        ("sys.version_info >= (3, 8)", None),
        ("sys.version_info <= (3,)", None),
        ("version < (3,)", None),
        ("copy2", None),
        ("args.py2", None),
        ("sys.version_info == (3, 8)", None),
        ("sys.version_info[0] > 3", None),
        ("not " * 1_500 + "six.PY2", None),
    ],
)
def test_what_only_python_2_runs_is_no_gap(make_repository: MakeRepository, test: str, is_left_out: str | None) -> None:
    """There `open` decodes nothing; what an older Python 3 runs does."""
    text = f"import sys\n\nif {test}:\n    a = open(path).read()\nelse:\n    b = open(path).read()\n"
    lines = [evidence.line for gap in gaps_of(make_repository({"src/a.py": text})) for evidence in gap.evidence]
    assert lines == {"then": [6], "else": [4], None: [4, 6]}[is_left_out]


@pytest.mark.parametrize("path", ["tests/a.py", "test_a.py", "src/conftest.py", "pkg/tests/data/a.py"])
def test_tests_may_open_as_they_please(make_repository: MakeRepository, path: str) -> None:
    """Calls in tests are no gap: what they read, they wrote."""
    assert seen(gaps_of(make_repository({path: "open('x')\n"}))) == []


def test_one_gap_per_file_lists_every_call(make_repository: MakeRepository) -> None:
    """Many calls of one file are one gap, whose id does not move with the lines."""
    repository = make_repository({"a.py": "open('x')\nopen('y')\n"})
    (gap,) = gaps_of(repository)
    assert [evidence.line for evidence in gap.evidence] == [1, 2]
    (repository / "a.py").write_text("\n\nopen('x')\nopen('y')\n", encoding="utf-8")
    assert [moved.gap_id for moved in gaps_of(repository)] == [gap.gap_id]


def test_no_edit_where_the_last_argument_stands_in_parentheses(make_repository: MakeRepository) -> None:
    """A place that a search for the end of the argument would miss is reported without a remedy."""
    assert [gap.remedy for gap in gaps_of(make_repository({"a.py": "open((x))\n"}))] == [None]


@pytest.mark.parametrize("head", ["from __future__ import print_function\n", "# coding: latin-1\n", "\ufeff"])
def test_no_edit_where_it_is_not_certain(make_repository: MakeRepository, head: str) -> None:
    """Modules for Python 2, of another encoding or with a mark are reported without a remedy for the calls."""
    gaps = gaps_of(make_repository({"a.py": f"{head}open('x')\n"}))
    assert [gap.remedy for gap in gaps if gap.rule_id.endswith("open-without-encoding")] == [None]


def test_a_project_for_unix_alone_hears_it_softly(make_repository: MakeRepository) -> None:
    """Where the manifest names Unix and not Windows, a missing encoding is for information."""
    manifest = '[project]\nname = "x"\nclassifiers = ["Operating System :: POSIX"]\n'
    (gap,) = gaps_of(make_repository({"pyproject.toml": manifest, "a.py": "open('x')\n"}))
    assert (gap.risk_classification, gap.confidence) == ("info", "low")
    files = {"unix/pyproject.toml": manifest, "unix/src/a.py": "open('x')\n", "other/a.py": "open('x')\n"}
    gaps = gaps_of(make_repository(files, name="many"))
    assert {gap.evidence[0].path: gap.confidence for gap in gaps} == {"unix/src/a.py": "low", "other/a.py": "high"}


@pytest.mark.parametrize("path", ["tools/a.py", "docs/conf.py", "setup.py", ".github/scripts/a.py", "examples/a.py"])
def test_what_developers_run_is_told_on_request_only(make_repository: MakeRepository, path: str) -> None:
    """Build, release and example code is run by those who know their machine: of low confidence, unlike the product."""
    gaps = gaps_of(make_repository({path: "open('x')\n", "src/a.py": "open('x')\n"}))
    assert {gap.evidence[0].path: gap.confidence for gap in gaps} == {path: "low", "src/a.py": "high"}


@pytest.mark.parametrize(
    ("head", "is_found"),
    [
        ("import sets\n", False),
        ("import ConfigParser, sys\n", False),
        ("from urllib2 import urlopen\n", False),
        ("#!/usr/bin/env jython\n", False),
        ("#!/usr/bin/python2.7\n", False),
        ("import setshelf\n", True),
        ("try:\n    import urllib2\nexcept ImportError:\n    pass\n", True),
        ("#!/usr/bin/env python3\n", True),
    ],
)
def test_code_for_python_2_alone_is_no_gap(make_repository: MakeRepository, head: str, is_found: bool) -> None:
    """There `open` decodes nothing and takes no encoding; what runs on both is judged."""
    source = f'{head}"""Text."""\ndef load(path):\n    return open(path).read()\n'
    assert bool(gaps_of(make_repository({"src/a.py": source}))) == is_found


def test_bundled_code_keeps_its_bytes(make_repository: MakeRepository) -> None:
    """What was brought in from another project is that project's to mend."""
    folders = ("deps/lua", "cextern/lua", "pkg/extern/lua", "src", "external_links")
    repository = make_repository({f"{folder}/life.lua": b"ALIVE='\xc1'\n" for folder in folders})
    assert seen(gaps_of(repository)) == ["invalid-utf8 external_links/life.lua:1", "invalid-utf8 src/life.lua:1"]


def test_findings_do_not_depend_on_commits(make_repository: MakeRepository) -> None:
    """The same bytes give the same gaps before and after a commit."""
    repository = make_repository()
    (repository / "a.json").write_bytes(BOM + b"{}")
    before = [gap.gap_id for gap in gaps_of(repository)]
    commit_all(repository)
    assert [gap.gap_id for gap in gaps_of(repository)] == before != []


PYTHON = st.lists(
    st.sampled_from(
        [
            *(call for call, _ in CALLS),
            "(",
            ")",
            "\n",
            "x = ",
            "é",
            '"',
            "'",
            "f'{open(x)}'",
            ",",
            "\r\n",
            "\r",
            "#",
            "\\",
        ]
    ),
    max_size=12,
).map("".join)


def test_an_edit_shows_the_whole_call_where_that_is_one_line() -> None:
    """A person who approves the edit sees the call; nested calls and calls of several lines keep the smallest edit."""

    def edits(source: str) -> list[tuple[str, str]]:
        found = text_io_calls.find_text_calls(source.encode())
        return [(edit.old, edit.new) for edit in found.edits] if found else []

    assert edits("é = open(path, 'r').read()\n") == [("open(path, 'r')", "open(path, 'r', encoding='utf-8')")]
    assert edits("open(open(p).name).read()\n") == [("e", 'e, encoding="utf-8"'), ("p", 'p, encoding="utf-8"')]
    assert edits("open(\n    p\n).read()\n") == [("p", 'p, encoding="utf-8"')]
    secret = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF2gH5"
    assert [old for old, _ in edits(f"open('{secret}').read()\n")] == ["'"]


@given(source=PYTHON)
def test_edits_add_keywords_and_nothing_else(source: str) -> None:
    """Whatever the source, the edits proposed for it parse to the same tree but for `encoding="utf-8"`."""
    data = source.encode()
    found = text_io_calls.find_text_calls(data)
    if found is None or not found.edits:
        return
    spans = sorted((edit.line, edit.column, edit.column + len(edit.old.encode())) for edit in found.edits)
    assert all(one[0] < next_[0] or one[2] <= next_[1] for one, next_ in pairwise(spans)), "no two edits overlap"
    before, after = ast.parse(data), ast.parse(text_io_calls.apply_edits(data, found.edits))
    added = 0
    for old, new in zip(
        (node for node in ast.walk(before) if isinstance(node, ast.Call)),
        (node for node in ast.walk(after) if isinstance(node, ast.Call)),
        strict=True,
    ):
        if len(new.keywords) > len(old.keywords):
            assert ast.unparse(new.keywords.pop()) == "encoding='utf-8'"
            added += 1
    assert added == len(found.edits)
    assert ast.dump(before) == ast.dump(after)


@given(
    data=st.binary(max_size=200), path=st.sampled_from(["a.py", "a.json", "a.sh", ".editorconfig", "Makefile", "a.md"])
)
def test_any_bytes_are_looked_at_without_a_crash(data: bytes, path: str) -> None:
    """No content makes the extractor raise, and it says the same twice."""
    assert extract(path, data) == extract(path, data)


@pytest.mark.parametrize(
    "line",
    [
        "UnicodeEncodeError: 'charmap' codec can't encode character '\\u2713' in position 0",
        "E   UnicodeDecodeError: 'charmap' codec can't decode byte 0x9d in position 7",
        "UnicodeEncodeError: 'ascii' codec can't encode character '\\xe9' in position 3",
    ],
)
def test_a_check_that_failed_on_the_machines_encoding_is_found(make_repository: MakeRepository, line: str) -> None:
    """The exception's line in the output of a failed check of the newest run is a gap, at its line."""
    repository = make_repository()
    leave_check(run_of(repository), at(1), f"one\n{line}\n")
    (gap,) = report_of(repository, DETECTOR).gaps
    assert seen([gap]) == ["encoding-error-in-checks .autonomous_runs/sample/runs/r1/r1/ci/phase-1/tests.log:2"]


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("UnicodeEncodeError: 'charmap' codec can't encode character", "passed"),
        ("UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte", "failed"),
        ("handles UnicodeEncodeError: 'charmap' codec can't encode", "failed"),
    ],
)
def test_other_decoding_errors_in_checks_are_no_gap(make_repository: MakeRepository, line: str, outcome: str) -> None:
    """A passed check, broken input and prose about the exception say nothing about the machine's encoding."""
    repository = make_repository()
    leave_check(run_of(repository), at(1), f"{line}\n", outcome=outcome)
    assert report_of(repository, DETECTOR).gaps == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"# a\nb\r\nc\n", "# a\nb\nc\n"),
        (b"# a\r\nb\nc\r\n", "# a\r\nb\r\nc\r\n"),
        (b"# a\r\nb\n", "# a\nb\n"),
        (b"\xef\xbb\xbf# a\r\nb\nc\n\r", "\ufeff# a\nb\nc\n\r"),
    ],
)
def test_mixed_line_endings_become_what_most_lines_have(
    make_repository: MakeRepository, before: bytes, after: str
) -> None:
    """The remedy changes the rarer line endings and nothing else; among equals LF is kept."""
    repository = make_repository({"a.md": before})
    (gap,) = report_of(repository, DETECTOR).gaps
    assert gap.rule_id.endswith("/mixed-line-endings")
    assert after_remedy(repository, gap) == {"a.md": after}


@pytest.mark.parametrize(("others", "after"), [("# b\n", "# a\nb\nc\n"), ("# b\r\n", "# a\r\nb\r\nc\r\n")])
def test_mixed_line_endings_become_what_files_of_the_kind_have(
    make_repository: MakeRepository, others: str, after: str
) -> None:
    """Where most of them have LF alone, so will this one."""
    repository = make_repository({"a.md": b"# a\r\nb\r\nc\n", "b.md": others, "c.md": others, "d.txt": "d\n"})
    (gap,) = report_of(repository, DETECTOR).gaps
    assert after_remedy(repository, gap) == {"a.md": after}
