"""windows_encoding_issue/open-without-encoding: which of the calls that are literally without an encoding are told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from autopack.gaps import machine_encodings
from autopack.gaps.detectors.windows_encoding_issue import DETECTOR
from autopack.gaps.models import Gap
from gap_reports import report_of
from remedies import after_remedy
from repositories import MakeRepository, write_files

OPENS = "def load(path):\n    return open(path).read()\n"
TESTS_ON = "jobs:\n  test:\n    runs-on: {}\n    steps:\n      - run: pytest\n"
MANIFEST = '[project]\nname = "x"\nclassifiers = ["Operating System :: {}"]\n'


def told(repository: Path) -> dict[str, str]:
    """Return the place of every finding -> its confidence; a custom is placed at its folder."""
    return {_place(gap): gap.confidence for gap in _gaps(repository)}


def _gaps(repository: Path) -> tuple[Gap, ...]:
    gaps = report_of(repository, DETECTOR).gaps
    return tuple(gap for gap in gaps if gap.rule_id.endswith("/open-without-encoding"))


def _place(gap: Gap) -> str:
    return gap.title.split(" open text")[0] if " modules " in gap.title else gap.evidence[0].path


# --- for which systems the project is ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "files",
    [
        {},
        {".github/workflows/ci.yml": TESTS_ON.format("windows-latest")},
        {".github/workflows/ci.yml": TESTS_ON.format("ubuntu-latest"), "appveyor.yml": "test_script: pytest\n"},
        {".github/workflows/wheels.yml": "run: cibuildwheel --only cp312-win_amd64\n"},
        # Nothing runs tests: what labels issues says nothing about systems.
        {".github/workflows/stale.yml": "jobs:\n  stale:\n    runs-on: ubuntu-latest\n"},
        # Tested elsewhere, and something says Windows all the same.
        {".github/workflows/ci.yml": TESTS_ON.format("ubuntu-latest"), "setup.py": MANIFEST.format("OS Independent")},
        {".github/workflows/ci.yml": TESTS_ON.format("ubuntu-latest"), "setup.py": MANIFEST.format("Microsoft")},
        {".travis.yml": "script: tox\n", "src/pkg/system.py": 'import os\n\nWINDOWS = os.name == "nt"\n'},
        {".travis.yml": "script: tox\n", "pyproject.toml": "deps = [\"colorama; sys_platform == 'win32'\"]\n"},
        # Names Unix alone, and is tested on Windows.
        {".github/workflows/ci.yml": TESTS_ON.format("windows-2022"), "setup.cfg": MANIFEST.format("POSIX")},
    ],
)
def test_a_project_that_may_run_on_windows_is_told(make_repository: MakeRepository, files: Mapping[str, str]) -> None:
    """Checks, classifiers, requirements or questions about Windows; and where nothing says anything."""
    assert told(make_repository({"src/pkg/a.py": OPENS, "src/pkg/__init__.py": "", **files})) == {
        "src/pkg/a.py": "high"
    }


@pytest.mark.parametrize("first", ["import os, pwd\n", "from grp import getgrgid\n", "import os\n\nos.fork()\n"])
def test_a_module_that_only_unix_can_import_is_told_too(make_repository: MakeRepository, first: str) -> None:
    """A machine with Unix may have another encoding than UTF-8 as well; such calls were mended for that."""
    repository = make_repository({"src/pkg/a.py": f"{first}\n\n{OPENS}", "src/pkg/__init__.py": ""})
    assert told(repository) == {"src/pkg/a.py": "high"}


@pytest.mark.parametrize(
    "files",
    [
        {".github/workflows/ci.yml": TESTS_ON.format("ubuntu-latest")},
        {".travis.yml": "script: tox\n"},
        {"shippable.yml": "script: make tests\n"},
        {"setup.cfg": MANIFEST.format("POSIX")},
        # A test or a tool that asks is no product for Windows.
        {".travis.yml": "script: tox\n", "tests/a.py": 'import os\n\nWINDOWS = os.name == "nt"\n'},
        {".travis.yml": "script: tox\n", "extra/a.py": 'import os\n\nWINDOWS = os.name == "nt"\n'},
        {".travis.yml": "script: tox\n", "src/pkg/b.py": 'PLATFORMS = ["linux", "win32"]\n'},
    ],
)
def test_a_project_for_other_systems_hears_it_softly(make_repository: MakeRepository, files: Mapping[str, str]) -> None:
    """Where something says for which systems it is, and nothing says Windows."""
    repository = make_repository({"src/pkg/a.py": OPENS, "src/pkg/__init__.py": "", **files})
    (gap,) = _gaps(repository)
    assert (gap.confidence, gap.risk_classification, gap.remedy is not None) == ("low", "info", True)


@pytest.mark.parametrize(
    ("manifest", "is_found"),
    [
        ('[project]\nrequires-python = ">=3.15"\n', False),
        ("setup(python_requires='>=3.16')\n", False),
        ('[tool.poetry.dependencies]\npython = "^3.15"\n', False),
        ('[project]\nrequires-python = ">=3.14"\n', True),
        ('[project]\nrequires-python = ">=3.9,<3.15"\n', True),
        ('[project]\nrequires-python = "<3.15"\n', True),
    ],
)
def test_where_utf8_is_the_default_there_is_no_gap(
    make_repository: MakeRepository, manifest: str, is_found: bool
) -> None:
    """From Python 3.15 on text is UTF-8 unless it says otherwise (PEP 686), below the manifest that wants it."""
    name = "setup.py" if manifest.startswith("setup(") else "pyproject.toml"
    assert bool(told(make_repository({"a.py": OPENS, name: manifest}))) == is_found
    repository = make_repository({"other/a.py": OPENS, f"new/{name}": manifest}, name="beside")
    assert told(repository) == {"other/a.py": "high"}


# --- who runs the module ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "confidence"),
    [
        ("pkg/a.py", "high"),
        ("pkg/templates/a.py", "high"),  # below a package
        ("a.py", "high"),  # beside the package
        ("plugins/a.py", "high"),  # a folder of packages: a package in a namespace is beside it
        ("common/a.py", "low"),
        ("scripts-dev/deep/a.py", "low"),
    ],
)
def test_a_script_beside_the_packages_is_for_developers(
    make_repository: MakeRepository, path: str, confidence: str
) -> None:
    """A folder that belongs to no package is not imported, where the repository has packages."""
    files = {"pkg/__init__.py": "", "plugins/one/__init__.py": ""}
    assert told(make_repository({**files, path: OPENS})) == {path: confidence}


def test_without_packages_every_script_is_the_product(make_repository: MakeRepository) -> None:
    """A repository of scripts is told about them; packages of its tests do not count."""
    files = {"common/a.py": OPENS, "tests/__init__.py": "", "docs/ext/__init__.py": ""}
    assert told(make_repository(files)) == {"common/a.py": "high"}


# --- what it opens ----------------------------------------------------------------------------------------------------

ROOT = "from pathlib import Path\nimport os, sys\nROOT = Path(__file__).resolve().parent.parent\n"


@pytest.mark.parametrize(
    "body",
    [
        'text = (ROOT / "NEWS.md").read_text()',
        'text = open("NEWS.md").read()',
        'NEWS = ROOT / "NEWS.md"\nwith NEWS.open() as f:\n    print(f.read())',
        'text = open(os.path.join(sys.argv[1], "NEWS.md")).read()',
        'text = (ROOT / "LICENSE").read_text() + (ROOT / "NEWS.md").read_text()',
        'open("NEWS.md", "w").write(sys.argv[1])',
    ],
)
def test_a_developers_script_is_told_of_text_of_other_letters(make_repository: MakeRepository, body: str) -> None:
    """What it opens is a file of the repository, and by its bytes not the same in every encoding."""
    files = {"NEWS.md": "Jürgen\n", "LICENSE": "ASCII\n", "tools/a.py": f"{ROOT}{body}\n"}
    repository = make_repository(files)
    assert told(repository) == {"tools/a.py": "high"}
    write_files(repository, {"NEWS.md": "Juergen\n"})
    assert told(repository) == {"tools/a.py": "low"}


def test_a_developers_script_that_opens_what_nobody_knows_is_told_on_request(make_repository: MakeRepository) -> None:
    """The repository has text of other letters, and the script does not say that it opens it."""
    files = {"NEWS.md": "Jürgen\n", "tools/a.py": "import sys\nopen(sys.argv[1]).read()\n"}
    assert told(make_repository(files)) == {"tools/a.py": "low"}


@pytest.mark.parametrize(
    ("body", "content", "confidence"),
    [
        ('Path(__file__).with_name("x").read_text()', "ASCII\n", "high"),  # not understood
        ('(Path(__file__).parent / "template.txt").read_text()', "ASCII\n", "low"),
        ('(Path(__file__).parent / "template.txt").read_text()', "é\n", "high"),
        ('open(os.path.join(os.path.dirname(__file__), "template.txt")).read()', "ASCII\n", "low"),
        ('HERE = os.path.dirname(os.path.abspath(__file__))\nopen(HERE + "/template.txt").read()', "ASCII\n", "high"),
        # A user may have such a file as well.
        ('open("template.txt").read()', "ASCII\n", "high"),
        ('(Path.cwd() / "template.txt").read_text()', "ASCII\n", "high"),
        ("(Path(__file__).parent / sys.argv[1]).read_text()", "ASCII\n", "high"),
        ('(Path(__file__).parent / sys.argv[1] / "template.txt").read_text()', "ASCII\n", "high"),
        ('(Path(__file__).parent / "template.txt").read_text() + open(sys.argv[1]).read()', "ASCII\n", "high"),
    ],
)
def test_the_product_is_believed_where_it_opens_what_lies_beside_it(
    make_repository: MakeRepository, body: str, content: str, confidence: str
) -> None:
    """A template of the package that is ASCII is the same bytes everywhere; what a user has may hold any letter."""
    head = "from pathlib import Path\nimport os, sys\n"
    files = {"pkg/__init__.py": "", "pkg/template.txt": content, "pkg/a.py": f"{head}{body}\n"}
    assert told(make_repository(files)) == {"pkg/a.py": confidence}


# --- the custom of a package ------------------------------------------------------------------------------------------


def package_of(count: int, named: int = 0) -> dict[str, str]:
    """Return a package of COUNT modules that name no encoding, and of NAMED calls that do."""
    files = {f"src/pkg/m{number:03}.py": OPENS for number in range(count)}
    calls = "".join(f'x{number} = open("x", encoding="utf-8")\n' for number in range(named))
    return {**files, "src/pkg/__init__.py": "", "src/pkg/named.py": calls}


@pytest.mark.parametrize("named", [1, 9])
def test_what_several_modules_of_a_package_do_is_told_once(make_repository: MakeRepository, named: int) -> None:
    """From three modules on: one finding that shows a place of each and mends all; the modules stay, with their
    remedies, for those who ask."""
    repository = make_repository(package_of(4, named))
    together, *modules = sorted(_gaps(repository), key=lambda gap: " modules " not in gap.title)
    assert together.title == "4 modules in src/pkg open text in the encoding of the machine"
    assert together.confidence == "high"
    assert [evidence.path for evidence in together.evidence] == [f"src/pkg/m00{number}.py" for number in range(4)]
    assert [gap.confidence for gap in modules] == ["low"] * 4
    mended = OPENS.replace("path)", 'path, encoding="utf-8")', 2).replace(
        'def load(path, encoding="utf-8")', "def load(path)"
    )
    assert after_remedy(repository, modules[0]) == {modules[0].evidence[0].path: mended}
    assert after_remedy(repository, together) == {f"src/pkg/m00{number}.py": mended for number in range(4)}
    assert together.remedy is not None
    assert together.remedy.lines == sum(gap.remedy.lines for gap in modules if gap.remedy)


def test_two_modules_of_a_package_are_told_one_by_one(make_repository: MakeRepository) -> None:
    """Two are no more than each of them."""
    repository = make_repository(package_of(2, 0))
    assert told(repository) == {f"src/pkg/m00{number}.py": "high" for number in range(2)}


def test_modules_that_open_what_is_not_ascii_lead(make_repository: MakeRepository) -> None:
    """Their fault is certain."""
    files = package_of(3)
    opens = 'from pathlib import Path\n\nTEXT = (Path(__file__).parent / "text.txt").read_text()\n'
    repository = make_repository({**files, "src/pkg/z.py": opens, "src/pkg/text.txt": "Zürich\n"})
    (together,) = [gap for gap in _gaps(repository) if " modules " in gap.title]
    assert together.evidence[0].path == "src/pkg/z.py"


def test_mending_a_custom_leads_to_slips_and_to_nothing(make_repository: MakeRepository) -> None:
    """The ids of the modules do not change when the custom ends, so no mended module opens a gap."""
    repository = make_repository(package_of(3))
    before = {gap.gap_id for gap in _gaps(repository)}
    write_files(repository, {"src/pkg/m000.py": "a = 1\n"})
    assert told(repository) == {"src/pkg/m001.py": "high", "src/pkg/m002.py": "high"}
    assert {gap.gap_id for gap in _gaps(repository)} < before


def test_the_custom_of_one_package_is_not_that_of_another(make_repository: MakeRepository) -> None:
    """Each outermost package answers for itself."""
    files = {**package_of(3), "other/__init__.py": "", "other/deep/__init__.py": "", "other/deep/a.py": OPENS}
    confidences = told(make_repository(files))
    assert {place for place, confidence in confidences.items() if confidence == "high"} == {
        "3 modules in src/pkg",
        "other/deep/a.py",
    }


def test_a_custom_shows_every_module(make_repository: MakeRepository) -> None:
    """A package of more modules than a finding shows places is told folder by folder; few modules of a folder are told
    one by one."""
    files = {f"pkg/{folder}/m{number:02}.py": OPENS for folder in ("a", "b") for number in range(30)}
    files |= {"pkg/__init__.py": "", "pkg/c.py": OPENS}
    gaps = [gap for gap in _gaps(make_repository(files)) if gap.confidence == "high"]
    assert sorted(_place(gap) for gap in gaps) == ["30 modules in pkg/a", "30 modules in pkg/b", "pkg/c.py"]
    assert {evidence.path for gap in gaps for evidence in gap.evidence} == {*files} - {"pkg/__init__.py"}


def test_what_nobody_would_change_makes_no_custom(make_repository: MakeRepository) -> None:
    """Modules that write ASCII alone are of low confidence, however many they are."""
    writes = 'import json\n\n\ndef save(path, data):\n    with open(path, "w") as f:\n        json.dump(data, f)\n'
    files = {f"pkg/m{number}.py": writes for number in range(5)} | {"pkg/__init__.py": ""}
    assert set(told(make_repository(files)).values()) == {"low"}


def test_packages_in_packages_without_end_are_divided(make_repository: MakeRepository) -> None:
    """A chain of folders as deep as a path may be stops nothing."""
    deep = "/".join(["a"] * 1_200)
    places = tuple(machine_encodings._in_shown_parts("a", [f"{deep}/m{number}.py" for number in range(60)], 50))
    assert [(folder, len(paths)) for folder, paths in places] == [(deep, 60)]


LEFT_OUT = [
    {"pyproject.toml": '[tool.ruff]\nextend-exclude = ["src/pkg/patched/*"]\n'},
    {"pyproject.toml": '[tool.ruff.lint]\nexclude = ["patched"]\n'},
    {".ruff.toml": 'exclude = ["./src/pkg/patched/**"]\n'},
    {"setup.cfg": "[flake8]\nexclude =\n    build,\n    src/pkg/patched\n"},
    {"src/pkg/ruff.toml": 'exclude = ["patched"]\n'},
]


@pytest.mark.parametrize("settings", LEFT_OUT)
def test_what_linters_leave_out_of_a_package_is_somebody_elses(
    make_repository: MakeRepository, settings: dict[str, str]
) -> None:
    """It is shown on request, and not counted among the modules of the package."""
    files = {
        **package_of(3),
        "src/pkg/__init__.py": "",
        "src/pkg/patched/__init__.py": "",
        "src/pkg/patched/pip/a.py": OPENS,
    }
    found = told(make_repository({**files, **settings}))
    assert found["src/pkg/patched/pip/a.py"] == "low"
    assert [place for place, confidence in found.items() if confidence == "high"] == ["3 modules in src/pkg"]


@pytest.mark.parametrize(
    "settings",
    [
        {"pyproject.toml": '[tool.ruff]\nextend-exclude = ["src/pkg", "src/pkg/patched/pip/a.py", "other/patched"]\n'},
        {"pyproject.toml": '[tool.ruff]\nextend-exclude = "src/pkg/patched"\n'},
        {"pyproject.toml": '[tool.ruff.extend-per-file-ignores]\nexclude = ["patched"]\n'},
        {"other/.flake8": "[flake8]\nexclude = patched\n"},
        {"setup.cfg": "[flake8]\nexclude\n[[\n"},
    ],
)
def test_what_linters_leave_out_otherwise_is_judged(make_repository: MakeRepository, settings: dict[str, str]) -> None:
    """The whole package, a single file, folders of another project, and settings that say nothing."""
    files = {
        **package_of(3),
        "src/pkg/__init__.py": "",
        "src/pkg/patched/__init__.py": "",
        "src/pkg/patched/pip/a.py": OPENS,
    }
    assert told(make_repository({**files, **settings}))["4 modules in src/pkg"] == "high"
