"""test_infra_drift: tests that prove nothing, never run or cannot be loaded; what only looks so is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopack.gaps.detectors.test_infra_drift import DETECTOR, extract
from autopack.gaps.models import Gap
from gap_reports import report_of, seen
from remedies import after_remedy
from repositories import MakeRepository, write_files

PYTEST = '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n'


def gaps_of(workspace: Path) -> tuple[Gap, ...]:
    return report_of(workspace, DETECTOR).gaps


def seen_in(make_repository: MakeRepository, files: dict[str, str], name: str = "repo") -> list[str]:
    return seen(gaps_of(make_repository(files, name)))


# --- checks that can never fail -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("def test_a():\n    work().result == 3\n", "discarded-comparison tests/test_x.py:2"),
        ("def test_a():\n    if x:\n        len(work()) in (1, 2)\n", "discarded-comparison tests/test_x.py:3"),
        (
            "import os\ndef test_a():\n    os.path.isfile(work())\n    assert 1\n",
            "discarded-comparison tests/test_x.py:3",
        ),
        (
            "class TestA:\n    def test_a(self):\n        isinstance(work(), int)\n",
            "discarded-comparison tests/test_x.py:3",
        ),
        ('def test_a():\n    assert (work() == 1, "message")\n', "tuple-assert tests/test_x.py:2"),
        (
            "from unittest.mock import Mock\ndef test_a():\n    m = Mock()\n    work(m)\n    m.called_once_with(1)\n",
            "mock-assert-typo tests/test_x.py:5",
        ),
        (
            "from unittest import mock\ndef test_a():\n    m = mock.Mock()\n    work(m)\n    m.assert_called_once\n",
            "mock-assert-typo tests/test_x.py:5",
        ),
        (
            "from unittest import mock\ndef test_a():\n    m = mock.Mock()\n    assert m.run.called_with(1)\n",
            "mock-assert-typo tests/test_x.py:4",
        ),
        (
            "from unittest.mock import Mock\nclass TestA(TestCase):\n    def test_a(self):\n"
            "        self.assertTrue(Mock().called_once_with(1))\n",
            "mock-assert-typo tests/test_x.py:4",
        ),
        (
            "@skip.if_windows()\ndef test_a():\n    assert 1\n\ndef test_a():\n    assert 2\n",
            "duplicate-test-name tests/test_x.py:2",
        ),
        ("def test_a():\n    assert 1\n\ndef test_a():\n    assert 2\n", "duplicate-test-name tests/test_x.py:1"),
        (
            "class TestA:\n    def test_a(self):\n        assert 1\n\n    def test_a(self):\n        assert 2\n",
            "duplicate-test-name tests/test_x.py:2",
        ),
        ("def test_a():\n    pass\n", "empty-test tests/test_x.py:1"),
        ('def test_a():\n    """The total is right."""\n', "empty-test tests/test_x.py:1"),
        ("class TestA:\n    def test_a(self): ...\n", "empty-test tests/test_x.py:2"),
        ("def test_total():\n    result = work()\n    print(result)\n", "asserts-nothing tests/test_x.py:1"),
        ("class TestA:\n    def test_total(self):\n        work()\n", "asserts-nothing tests/test_x.py:2"),
        ("def helper():\n    work()\n\ndef test_total():\n    helper()\n", "asserts-nothing tests/test_x.py:4"),
        (
            "import pytest\n@pytest.mark.parametrize('value', [1])\n"
            "def test_total(value, tmp_path):\n    work(value)\n",
            "asserts-nothing tests/test_x.py:3",
        ),
    ],
)
def test_checks_that_cannot_fail_are_found(make_repository: MakeRepository, body: str, expected: str) -> None:
    """Each way in which a test proves nothing is one gap, at the line where it stands."""
    assert seen_in(make_repository, {"tests/test_x.py": body}) == [expected]


@pytest.mark.parametrize(
    "body",
    [
        # a comparison whose evaluation is watched, meant, or used
        "import pytest\ndef test_a():\n    with pytest.raises(TypeError):\n        work() < 3\n",
        "def test_a():\n    try:\n        work() < 3\n    except TypeError:\n        return\n    assert 0\n",
        "def test_a():\n    work() == 3  # must not raise\n    assert 1\n",
        "def test_a():\n    work() == 3  # noqa: B015\n    assert 1\n",
        "def test_a():\n    # the comparison fills the cache\n    work() == 3\n    assert 1\n",
        "def test_a():\n    assert work(\n        1\n        == 2\n    )\n",
        # what is called like a builtin that only answers, and does something
        "@given(x)\ndef test_a(callable):\n    callable(1)\n    assert 1\n",
        "def test_a():\n    callable(1, out=x)\n    assert x\n",
        "def test_a():\n    x = work() == 3\n    assert x\n",
        'def test_a():\n    run("""\n    a == b\n    """)\n    assert 1\n',
        # asserts that are no tuples
        "def test_a():\n    assert (work() == 1), 'm'\n",
        "def test_a():\n    assert (\n        work()\n    )\n",
        # methods that are called so, and attributes that are read
        "from unittest import mock\nclass Spy:\n    def called_with(self): ...\n\n"
        "def test_a():\n    assert Spy().called_with()\n",
        "from unittest.mock import Mock\ndef test_a():\n    assert Mock().called\n",
        "from unittest.mock import Mock\ndef test_a():\n    m = Mock()\n    m.assert_called_once()\n",
        # the same name in other scopes, or kept alive
        "class TestA:\n    def test_a(self):\n        assert 1\n\n"
        "class TestB:\n    def test_a(self):\n        assert 1\n",
        "if x:\n    def test_a():\n        assert 1\nelse:\n    def test_a():\n        assert 2\n",
        "@register\ndef test_a():\n    assert 1\n\n@register\ndef test_a():\n    assert 2\n",
        "def test_a():\n    assert 1\nfirst = test_a\n\ndef test_a():\n    assert 2\n",
        "def helper():\n    assert 1\n\ndef helper():\n    assert 2\n\ndef test_a():\n    helper()\n",
        # empty on purpose
        "import pytest\n@pytest.mark.skip(reason='later')\ndef test_a():\n    pass\n",
        "class BaseTest:\n    def test_a(self):\n        pass\n",
        "class TestA(Base):\n    def test_a(self):\n        pass\n",
        "def test_a(app):\n    pass\n",
        'def test_a():\n    """It does not crash on import."""\n',
        "class Helper:\n    def test_a(self):\n        pass\n",
        "def test_hook():\n    pass\n\nregister('hook', test_hook)\n",
        'def test_a():\n    """Work.\n\n    >>> work()\n    3\n    """\n',
        'def test_a():\n    """Work.\n\n    In [1]: work()\n    Out[1]: 3\n    """\n',
        "def test_a():\n    # Instances are not allowed.\n    pass\n",
        # something checks
        "def helper():\n    deeper()\n\ndef deeper():\n    assert 1\n\ndef test_a():\n    helper()\n",
        "import pytest\n@pytest.fixture\ndef guard():\n    yield\n    assert 1\n\ndef test_a(guard):\n    work()\n",
        "import pytest\n@pytest.fixture(autouse=True)\ndef guard():\n    yield\n    assert 1\n\n"
        "def test_a():\n    work()\n",
        "def test_a(benchmark):\n    benchmark(work)\n",
        "def test_a(snapshot):\n    work(snapshot)\n",
        "def test_a():\n    check_total(work())\n",
        "class TestA:\n    def judge(self, x):\n        assert x\n\n"
        "    def test_a(self):\n        v = self.judge\n        v(work())\n",
        "def test_a():\n    subprocess.run(['x'], check=True)\n",
        "def test_a():\n    work().get(timeout=3)\n",
        "def test_a():\n    execute('assert x')\n",
        "from helpers.testing import total\ndef test_a():\n    total(work())\n",
        "class TestA(Base):\n    def test_a(self):\n        self.total(3)\n",
        "class TestA:\n    def test_a(self):\n        work()\n    def teardown_method(self):\n        assert 1\n",
        "def test_a():\n    def inner():\n        assert 1\n    work(inner)\n",
        "def test_a():\n    raise ValueError\n",
        # another test of the same kind expects the same call to raise
        "class TestA:\n    def test_good(self):\n        work(1)\n\n"
        "    def test_bad(self):\n        with pytest.raises(ValueError):\n            work(2)\n",
        "async def test_good():\n    await work(1)\n\n"
        "async def test_bad():\n    with pytest.raises(ValueError):\n        await work(2)\n",
        # only must not raise
        "def test_smoke():\n    work()\n",
        "def test_work_does_not_raise():\n    work()\n",
        "def test_close_already_closed():\n    work()\n",
        'def test_a():\n    """Work must not fail on an old file."""\n    work()\n',
        "def test_a():\n    work()  # used to crash\n",
        "def test_a():\n    import pkg\n    pkg.work()\n",
        "import pytest\n@pytest.mark.benchmark\ndef test_a():\n    work()\n",
        "@given(st.text())\ndef test_a(text):\n    work(text)\n",
        "import pytest\npytestmark = pytest.mark.skip('later')\ndef test_a():\n    work()\n",
        "def test_a():\n    class B(A):\n        pass\n    work(B)\n",
        "from abc import ABC\nclass TestA(ABC):\n    def test_a(self):\n        work()\n",
    ],
)
def test_what_checks_or_only_has_to_run_is_no_gap(make_repository: MakeRepository, body: str) -> None:
    """Helpers, fixtures, watched comparisons, declared intent and other scopes are followed and left alone."""
    assert seen_in(make_repository, {"tests/test_x.py": body}) == []


def test_helpers_in_conftest_and_beside_are_followed(make_repository: MakeRepository) -> None:
    """A helper or fixture of another file of the test tree that asserts, through other helpers too, is a check."""
    files = {
        "tests/conftest.py": "import pytest\nfrom tests.tools import deep\n@pytest.fixture\ndef app():\n    deep()\n",
        "tests/tools.py": "def deep():\n    deeper()\n\ndef deeper():\n    assert 1\n",
        "tests/test_x.py": "def test_a(app):\n    work()\n\ndef test_b():\n    deep()\n",
    }
    assert seen_in(make_repository, files) == []
    files["tests/tools.py"] = "def deep():\n    deeper()\n\ndef deeper():\n    return 1\n"
    assert seen_in(make_repository, files, "without") == [
        "asserts-nothing tests/test_x.py:1",
        "asserts-nothing tests/test_x.py:4",
    ]


def test_a_helper_that_a_base_class_imports_in_its_set_up_is_followed(make_repository: MakeRepository) -> None:
    """A base of tests makes the helper, and imports what it is made of where it is made."""
    checked = "class Helper:\n    def send(self, code):\n        assert deliver() == code\n"
    files = {
        "tests/unit.py": "from unittest import TestCase\n\nclass Base(TestCase):\n    def setUp(self):\n"
        "        from tests.tools import Helper\n        self.helper = Helper()\n",
        "tests/tools.py": checked,
        "tests/test_x.py": "from tests.unit import Base\n\nclass TestX(Base):\n    def test_a(self):\n"
        "        self.helper.send(403)\n",
    }
    assert seen_in(make_repository, files) == []
    files["tests/tools.py"] = checked.replace("assert deliver() == code", "return deliver()")
    assert seen_in(make_repository, files, "without") == ["asserts-nothing tests/test_x.py:4"]


def test_a_call_that_is_told_what_to_expect_is_a_check(make_repository: MakeRepository) -> None:
    """`expect_code=403` says that another answer is a failure; `code=403` may be anything."""
    body = "def test_a():\n    work(expect_code=403)\n"
    assert seen_in(make_repository, {"tests/test_x.py": body}) == []
    files = {"tests/test_x.py": body.replace("expect_code", "code")}
    assert seen_in(make_repository, files, "without") == ["asserts-nothing tests/test_x.py:1"]


@pytest.mark.parametrize(
    "path", ["tests/data/test_x.py", "tests/fixtures/test_x.py", "src/latest.py", "testdata/test_x.py"]
)
def test_test_data_is_not_judged(make_repository: MakeRepository, path: str) -> None:
    """Files that tests read, and modules that are no tests, are left alone."""
    assert seen_in(make_repository, {path: "def test_a():\n    pass\n"}) == []


@pytest.mark.parametrize(
    ("testpaths", "path", "confidence"),
    [
        ("testing", "doc/example/test_first.py", "low"),
        ("testing doc", "doc/example/test_first.py", "high"),
        ("", "doc/example/test_first.py", "high"),
        ("testing", "src/test_first.py", "high"),
    ],
)
def test_an_empty_test_in_a_sample_is_of_low_confidence(
    make_repository: MakeRepository, testpaths: str, path: str, confidence: str
) -> None:
    """Documentation that pytest is not sent to shows how tests are found, with settings of its own or without; what it
    is sent to, or is no sample, counts."""
    settings = f"[pytest]\ntestpaths = {testpaths}\n" if testpaths else "[pytest]\n"
    files = {"pytest.ini": settings, "doc/pytest.ini": "", "testing/test_x.py": CHECKED}
    files[path] = "def test_1():\n    pass\n"
    gaps = [gap for gap in gaps_of(make_repository(files)) if gap.rule_id.endswith("/empty-test")]
    assert [gap.confidence for gap in gaps] == [confidence]


def test_ids_do_not_move_with_lines(make_repository: MakeRepository) -> None:
    """The gaps of a test keep their ids when lines are inserted above them."""
    body = "def test_a():\n    work() == 3\n\ndef test_b():\n    pass\n"
    repository = make_repository({"tests/test_x.py": body})
    before = [gap.gap_id for gap in gaps_of(repository)]
    (repository / "tests/test_x.py").write_text(f"import os\n\n\n{body}", encoding="utf-8")
    assert [gap.gap_id for gap in gaps_of(repository)] == before
    assert len(before) == 2


def test_the_same_comparison_twice_is_shown_twice(make_repository: MakeRepository) -> None:
    """One finding with both places: they have one id."""
    text = "def test_a():\n    x = work(1)\n    x == 1\n    x = work(2)\n    x == 1\n"
    (gap,) = gaps_of(make_repository({"tests/test_x.py": text}))
    assert [one.line for one in gap.evidence] == [3, 5]


def test_comparisons_that_one_test_throws_away_are_one_gap(make_repository: MakeRepository) -> None:
    """From three on: they were written together and get their `assert` together."""
    lines = "".join(f"    work({number}) == {number}\n" for number in range(4))
    two = "def test_b():\n    work(7) == 7\n    work(8) == 8\n    assert 1\n"
    text = f"def test_a():\n{lines}\n\n{two}"
    gaps = gaps_of(make_repository({"tests/test_x.py": text}))
    assert {gap.title: [one.line for one in gap.evidence] for gap in gaps} == {
        "test_a compares and throws the result away: work(0) == 0 (4 such comparisons)": [2, 3, 4, 5],
        "test_b compares and throws the result away: work(7) == 7": [9],
        "test_b compares and throws the result away: work(8) == 8": [10],
    }


# --- never-collected ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("pyproject.toml", PYTEST.replace('"]', '", "gone"]'), PYTEST),
        ("pyproject.toml", PYTEST.replace('["', '["gone", "'), PYTEST),
        (
            "pyproject.toml",
            '[tool.pytest.ini_options]\ntestpaths = [\n    "gone",\n    "tests",\n]\nxfail_strict = true\n',
            '[tool.pytest.ini_options]\ntestpaths = [\n    "tests",\n]\nxfail_strict = true\n',
        ),
        (
            "pyproject.toml",
            '[other]\ntestpaths = ["gone"]\n[tool.pytest]\ntestpaths = ["tests", "gone"]\n',
            '[other]\ntestpaths = ["gone"]\n[tool.pytest]\ntestpaths = ["tests"]\n',
        ),
        ("pytest.toml", '[pytest]\ntestpaths = ["gone", "tests"]\n', '[pytest]\ntestpaths = ["tests"]\n'),
        ("pytest.ini", "[pytest]\ntestpaths = tests gone\n", "[pytest]\ntestpaths = tests\n"),
        ("pytest.ini", "[pytest]\ntestpaths = gone tests\n", "[pytest]\ntestpaths = tests\n"),
        ("tox.ini", "[tox]\n[pytest]\ntestpaths =\n    tests\n    gone\n", "[tox]\n[pytest]\ntestpaths =\n    tests\n"),
        ("setup.cfg", "[tool:pytest]\r\ntestpaths = tests gone\r\n", "[tool:pytest]\r\ntestpaths = tests\r\n"),
    ],
)
def test_a_testpath_that_is_gone_is_dropped(
    make_repository: MakeRepository, path: str, before: str, after: str
) -> None:
    """An entry of `testpaths` that does not exist is a gap; its remedy drops the entry and nothing else."""
    repository = make_repository({path: before, "tests/test_x.py": "def test_a():\n    assert 1\n"})
    (gap,) = gaps_of(repository)
    assert gap.rule_id == "test_infra_drift/never-collected"
    assert gap.remedy is not None
    assert gap.remedy.kind == "config_fix"
    assert after_remedy(repository, gap) == {path: after}
    (repository / path).write_bytes(after.encode())
    assert gaps_of(repository) == ()


def test_testpaths_that_moved_are_told_with_their_place(make_repository: MakeRepository) -> None:
    """The one folder of that path below another is where they are, and where the remedy sends pytest."""
    settings = '[tool.pytest.ini_options]\ntestpaths = ["tool", "plug", "gone", "twice"]\n'
    module = {"__init__.py": "", "test_x.py": "def test_a():\n    assert 1\n"}
    places = ("src/tool", "src/plug", "a/twice", "b/twice")
    files = {f"{place}/{name}": text for place in places for name, text in module.items()}
    repository = make_repository({"pyproject.toml": settings, **files})
    mended = {gap.title: after_remedy(repository, gap) for gap in gaps_of(repository) if "pytest" in gap.title}
    assert mended == {
        "pyproject.toml sends pytest to tool and plug, which do not exist and are in src/ now": {
            "pyproject.toml": settings.replace('"tool"', '"src/tool"').replace('"plug"', '"src/plug"')
        },
        "pyproject.toml sends pytest to gone, which does not exist": {
            "pyproject.toml": settings.replace('"gone", ', "")
        },
        "pyproject.toml sends pytest to twice, which does not exist": {
            "pyproject.toml": settings.replace(', "twice"', "")
        },
    }


def test_testpaths_are_not_sent_to_what_is_no_place_for_tests(make_repository: MakeRepository) -> None:
    """Others' tests, and a folder of that name without any; a comment that names the entry is left alone."""
    settings = '[tool.pytest.ini_options]\ntestpaths = [\n  # unit tests are in "checks"\n  "checks", "more",\n]\n'
    module = "def test_a():\n    assert 1\n"
    files = {"assets/checks/a.png": "x", "vendor/lib/checks/test_x.py": module, "more/test_y.py": module}
    repository = make_repository({"pyproject.toml": settings, **files})
    (gap,) = [gap for gap in gaps_of(repository) if "sends pytest" in gap.title]
    assert gap.title == "pyproject.toml sends pytest to checks, which does not exist"
    write_files(repository, {"src/checks/test_z.py": module})
    (gap,) = [gap for gap in gaps_of(repository) if "sends pytest" in gap.title]
    assert gap.remedy is None, "what is found first is the comment"
    plain = settings.replace('"checks"\n', "there\n")
    write_files(repository, {"pyproject.toml": plain})
    (gap,) = [gap for gap in gaps_of(repository) if "sends pytest" in gap.title]
    assert after_remedy(repository, gap) == {"pyproject.toml": plain.replace('"checks"', '"src/checks"')}


def test_a_comment_behind_testpaths_is_no_entry(make_repository: MakeRepository) -> None:
    """Pytest takes its words for paths, and its author did not mean them; what stands before it is judged."""
    settings = "[pytest]\ntestpaths =\n    tests  # named by convention\n"
    repository = make_repository({"pytest.ini": settings, "tests/test_x.py": "def test_a():\n    assert 1\n"})
    assert [gap.title for gap in gaps_of(repository)] == []
    write_files(repository, {"pytest.ini": settings.replace("    tests", "    tests gone")})
    assert [gap.title for gap in gaps_of(repository)] == ["pytest.ini sends pytest to gone, which does not exist"]


def test_testpaths_that_moved_are_named_from_their_settings(make_repository: MakeRepository) -> None:
    """Pytest reads them from the folder of the file."""
    module = {"py/src/checks/test_x.py": "def test_a():\n    assert 1\n"}
    repository = make_repository({"py/pytest.ini": "[pytest]\ntestpaths = checks\n", **module})
    (gap,) = [gap for gap in gaps_of(repository) if "pytest" in gap.title]
    assert after_remedy(repository, gap) == {"py/pytest.ini": "[pytest]\ntestpaths = src/checks\n"}


@pytest.mark.parametrize("value", ['["gone"]', '["gone", "gone"]', '["gone", "also_gone"]'])
def test_no_remedy_that_would_leave_less_than_it_says(make_repository: MakeRepository, value: str) -> None:
    """The only entry, or one that stands there twice, is not dropped by itself."""
    repository = make_repository({"pyproject.toml": f"[tool.pytest.ini_options]\ntestpaths = {value}\n"})
    gaps = gaps_of(repository)
    assert gaps
    assert all(gap.remedy is None for gap in gaps) or value.endswith('"also_gone"]')


@pytest.mark.parametrize(
    "files",
    [
        {"pytest.ini": "[pytest]\ntestpaths = te*\n"},
        {"pytest.ini": "[pytest]\naddopts = -v --pyargs\ntestpaths = package\n"},
        {"pytest.ini": "[pytest]\ntestpaths = tests build/tests\n", ".gitignore": "build/\n", "build/tests/x": ""},
        {"pytest.ini": "[pytest]\ntestpaths = tests tests-made\n", ".gitignore": "/tests-made/\n"},
        {"lib/pytest.ini": "[pytest]\ntestpaths = made\n", ".gitignore": "made\n", "lib/x.py": ""},
        {"pytest.ini": "[pytest]\ntestpaths = ${DIR} {posargs} /abs ../up\n"},
        {"pytest.ini": "[pytest]\n", "tox.ini": "[pytest]\ntestpaths = gone\n"},
        {"tox.ini": "[testenv]\ntestpaths = gone\n"},
        {"tests/fixtures/pytest.ini": "[pytest]\ntestpaths = gone\n"},
        {"checks/ecosystem/other/pytest.ini": "[pytest]\ntestpaths = gone\n"},
        {"lib/pytest.ini": "[pytest]\ntestpaths = unit\n", "lib/unit/test_y.py": "def test_a():\n    assert 1\n"},
        {"pyproject.toml": "[tool.pytest.ini_options\ntestpaths = ['gone']\n"},
    ],
)
def test_testpaths_that_lead_somewhere_are_no_gap(make_repository: MakeRepository, files: dict[str, str]) -> None:
    """Patterns, generated folders, variables, settings that pytest does not read, and fixtures are left alone."""
    assert seen_in(make_repository, {"tests/test_x.py": "def test_a():\n    assert 1\n", **files}) == []


CHECKED = "def test_a():\n    assert 1\n"
READING = "class Reading:\n    def test_a(self):\n        assert 1\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"src/pkg/test_y.py": CHECKED}, ["never-collected src/pkg/test_y.py:1"]),
        ({"tests/check_y.py": CHECKED}, ["never-collected tests/check_y.py:1"]),
        (
            {"tests/test_y.py": READING},
            ["never-collected tests/test_y.py:1"],
        ),
    ],
)
def test_tests_that_pytest_passes_over_are_found(
    make_repository: MakeRepository, files: dict[str, str], expected: list[str]
) -> None:
    """Modules outside `testpaths`, names that match no pattern, and classes that are no tests to pytest are gaps."""
    assert seen_in(make_repository, {"pyproject.toml": PYTEST, "tests/test_x.py": CHECKED, **files}) == expected


@pytest.mark.parametrize(
    "settings",
    [
        "norecursedirs = .git test/cases",
        "norecursedirs = cases",
        "addopts = -v --ignore=test/cases",
        "addopts = --ignore test/cases -v",
        "addopts = --ignore-glob=test/ca*",
    ],
)
def test_what_pytest_never_looks_into_is_no_test(make_repository: MakeRepository, settings: str) -> None:
    """Sources that other tests read are odd on purpose; a folder beside them is judged."""
    odd = "def test_a():\n    work() == 1\n\n\ndef test_a():\n    pass\n"
    files = {"test/cases/test_x.py": odd, "test/cases/y.py": CHECKED, "test/test_z.py": odd}
    repository = make_repository({"pytest.ini": f"[pytest]\n{settings}\n", **files})
    assert {gap.evidence[0].path for gap in gaps_of(repository)} == {"test/test_z.py"}
    write_files(repository, {"pytest.ini": "[pytest]\n"})
    assert {gap.evidence[0].path for gap in gaps_of(repository)} == set(files)


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py", "test_utils/helper.py"])
def test_modules_that_hold_what_tests_share_are_no_slips(make_repository: MakeRepository, name: str) -> None:
    """By their names, however many functions are called `test…` there."""
    files = {"pyproject.toml": PYTEST, "tests/test_x.py": CHECKED, f"tests/{name}": CHECKED}
    assert seen_in(make_repository, files) == []


def test_folders_that_pytest_passes_over_unasked(make_repository: MakeRepository) -> None:
    """`build`, hidden folders and eggs, unless the settings name others."""
    odd = "def test_a():\n    work() == 1\n"
    files = {f"tests/{folder}/test_x.py": odd for folder in ("build", ".hidden", "x.egg", "plain")}
    assert seen_in(make_repository, {"pytest.ini": "[pytest]\n", **files}) == [
        "discarded-comparison tests/plain/test_x.py:2"
    ]
    named = {"pytest.ini": "[pytest]\nnorecursedirs = plain\n", **files}
    assert len(seen_in(make_repository, named, "named")) == 3


def test_a_name_that_no_pattern_matches_is_a_slip_among_names_that_do(make_repository: MakeRepository) -> None:
    """One or two beside collected tests were forgotten; a folder full of them, or one by itself, is meant."""
    beside = {"tests/test_x.py": CHECKED, "tests/check_y.py": CHECKED, "tests/check_z.py": CHECKED}
    sources = {f"tests/source/{name}.py": CHECKED for name in ("a", "b", "c")} | {"tests/source/test_d.py": CHECKED}
    alone = {"tests/other/e.py": CHECKED}
    gaps = gaps_of(make_repository({"pyproject.toml": PYTEST, **beside, **sources, **alone}))
    assert {gap.evidence[0].path: gap.confidence == "low" for gap in gaps} == {
        "tests/check_y.py": False,
        "tests/check_z.py": False,
        **{path: True for path in (*sources, *alone) if "test_d" not in path},
    }


@pytest.mark.parametrize(
    "files",
    [
        {"integration/test_y.py": CHECKED, "tox.ini": "[testenv]\ncommands = pytest integration\n"},
        {"src/pkg/test_y.py": CHECKED, ".github/workflows/ci.yml": "run: pytest src/pkg\n"},
        {"src/pkg/test_y.py": CHECKED, "Makefile": "test:\n\tpython -m unittest\n"},
        {"sub/pyproject.toml": "[project]\nname = 'x'\n", "sub/test_y.py": CHECKED},
        {"examples/test_y.py": CHECKED},
        {"src/pkg/test_y.py": f"{CHECKED}\nif __name__ == '__main__':\n    test_a()\n"},
        {"src/pkg/test_y.py": "def work():\n    return 1\n"},
        {"tests/check_y.py": CHECKED, "tests/test_z.py": "from check_y import test_a\n"},
        {"tests/check_y.py": CHECKED, "tests/test_z.py": "SOURCE = 'data/check_y.py'\n" + CHECKED},
        {"tests/base.py": CHECKED},
        {"tests/typing/typing_bar.py": "def test_b():\n    assert_type(work(), int)\n\n" + CHECKED},
        {"tests/helpers_http.py": CHECKED},
        {"tests/check_y.py": CHECKED, "tox.ini": "[testenv]\ncommands = pytest tests/check_y.py\n"},
        {"tests/test_y.py": "class Reading(TestCase):\n    def test_a(self):\n        assert 1\n"},
        {"tests/test_y.py": f"{READING}\n{CHECKED}\n\ndef test_b():\n    Reading().test_a()\n"},
        {"tests/test_y.py": READING, "tests/test_z.py": "from test_y import Reading\n\n" + CHECKED},
        {
            "tests/test_y.py": "class Reading:\n    def test_a(self):\n        assert 1\n\n"
            "class TestFile(Reading):\n    kind = 1\n"
        },
        {"tests/test_y.py": "class Typed:\n    def test_a(self) -> bool:\n        return True\n"},
        {"tests/test_y.py": "class ReadingMixin:\n    def test_a(self):\n        assert 1\n"},
    ],
)
def test_tests_that_something_else_runs_are_no_gap(make_repository: MakeRepository, files: dict[str, str]) -> None:
    """What a tool's file names, other projects, examples, scripts, helpers and bases are left alone."""
    assert seen_in(make_repository, {"pyproject.toml": PYTEST, "tests/test_x.py": CHECKED, **files}) == []


# --- uncollected-class ----------------------------------------------------------------------------------------------

WITH_INIT = "class TestA:\n    def __init__(self):\n        self.a = 1\n\n    def test_a(self):\n        assert 1\n"


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": PYTEST, "tests/test_y.py": WITH_INIT},
        {"requirements-dev.txt": "pytest\n", "tests/test_y.py": WITH_INIT},
        {"tox.ini": "[testenv]\ncommands = pytest\n", "tests/test_y.py": WITH_INIT.replace("TestA:", "TestA(object):")},
        {"pytest.ini": "", "tests/test_y.py": WITH_INIT.replace("__init__", "__new__")},
        {
            "pytest.ini": "[pytest]\npython_classes = Check*\n",
            "tests/test_y.py": WITH_INIT.replace("TestA", "CheckA"),
        },
        {"tests/test_y.py": WITH_INIT.replace("TestA:", "Total(unittest.TestCase):")},
    ],
)
def test_a_test_class_with_a_constructor_never_runs(make_repository: MakeRepository, files: dict[str, str]) -> None:
    """pytest makes no object of a class with `__init__` or `__new__`, configured or not; unittest calls it
    with a name."""
    (gap,) = gaps_of(make_repository(files))
    assert seen([gap]) == ["uncollected-class tests/test_y.py:1"]
    assert gap.confidence == "high"


@pytest.mark.parametrize(
    "files",
    [
        {"tests/test_y.py": WITH_INIT},
        {"requirements.txt": "pytest\n", "tox.ini": "commands = nosetests\n", "tests/test_y.py": WITH_INIT},
        {"pytest.ini": "", "tests/helpers.py": WITH_INIT},
        {"pytest.ini": "", "tests/test_y.py": WITH_INIT, "tests/test_z.py": "from test_y import TestA\n\n" + CHECKED},
        {"tests/test_y.py": WITH_INIT.replace("TestA:", "TestA(TestCase):").replace("self):", "self, *a):")},
        {"pytest.ini": "", "tests/test_y.py": WITH_INIT.replace("TestA:", "TestA(Case):")},
        {"pytest.ini": "", "tests/test_y.py": f"{WITH_INIT}\nclass TestB(TestA):\n    pass\n"},
        {"pytest.ini": "", "tests/test_y.py": WITH_INIT.replace("TestA", "TestBase")},
        {"pytest.ini": "", "tests/test_y.py": f"{WITH_INIT}\nif __name__ == '__main__':\n    TestA().test_a()\n"},
        {"pytest.ini": "", "tests/test_y.py": WITH_INIT.replace("def test_a", "def total")},
        {"pytest.ini": "", "tests/test_y.py": f"{WITH_INIT}\n\ndef test_b():\n    TestA().test_a()\n    assert 1\n"},
        {"pytest.ini": "", "tests/test_y.py": WITH_INIT.replace("class", "class Outer:\n    pass\n\nclass", 1)
            .replace("TestA:\n", "TestA:\n    __test__ = False\n")},
    ],
)  # fmt: skip
def test_a_class_that_something_else_makes_objects_of_is_no_gap(
    make_repository: MakeRepository, files: dict[str, str]
) -> None:
    """Another runner, unittest's classes, bases, scripts, helpers that are used by name, and the opted out are left
    alone."""
    assert seen_in(make_repository, files) == []


# --- tests that are switched off ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("@pytest.mark.skip\ndef test_a():\n    assert 1\n", 1),
        ("@pytest.mark.skip()\ndef test_a():\n    assert 1\n", 1),
        ("@unittest.skip\ndef test_a():\n    assert 1\n", 1),
        ("@pytest.mark.xfail(strict=True)\ndef test_a():\n    assert 1\n", 1),
        ("class TestA:\n    @slow\n    @pytest.mark.xfail\n    def test_a(self):\n        assert 1\n", 3),
        ("@pytest.mark.skip\nclass TestA:\n    def test_a(self):\n        assert 1\n", 1),
        ("def test_a():\n    pytest.skip()\n    assert 1\n", 2),
        ("pytestmark = [pytest.mark.slow, pytest.mark.skip]\n\ndef test_a():\n    assert 1\n", 1),
        ('@pytest.mark.skip\ndef test_a():\n    """The total is right."""\n    assert 1\n', 1),
    ],
)
def test_a_test_that_is_switched_off_without_a_reason_is_found(
    make_repository: MakeRepository, body: str, line: int
) -> None:
    """A mark, a mark of a class or module, and an unconditional call without reason are gaps of low confidence."""
    (gap,) = gaps_of(make_repository({"tests/test_x.py": body}))
    assert seen([gap]) == [f"disabled-without-reason tests/test_x.py:{line}"]
    assert gap.confidence == "low"


@pytest.mark.parametrize(
    "body",
    [
        "@pytest.mark.skip('later')\ndef test_a():\n    assert 1\n",
        "@pytest.mark.skip(reason=WHY)\ndef test_a():\n    assert 1\n",
        "@pytest.mark.xfail(raises=KeyError)\ndef test_a():\n    assert 1\n",
        "@pytest.mark.xfail(sys.platform == 'win32')\ndef test_a():\n    assert 1\n",
        "@pytest.mark.skipif(OLD, reason='x')\ndef test_a():\n    assert 1\n",
        "@pytest.mark.skip  # the server is gone\ndef test_a():\n    assert 1\n",
        "# the server is gone\n@pytest.mark.skip\ndef test_a():\n    assert 1\n",
        "@pytest.mark.skip\ndef test_a():\n    # the server is gone\n    assert 1\n",
        '@pytest.mark.skip\ndef test_a():\n    """Broken since the server is gone."""\n    assert 1\n',
        "def test_a():\n    if not SERVER:\n        pytest.skip()\n    assert 1\n",
        "def test_a():\n    pytest.skip()  # until there is a server\n    assert 1\n",
        "@unittest.skip('later')\ndef test_a():\n    assert 1\n",
        "@mark.skippable\ndef test_a():\n    assert 1\n",
        'CODE = """\n@pytest.mark.skip\ndef test_a(): ...\n"""\n\ndef test_b():\n    assert 1\n',
        "@pytest.mark.skip\ndef helper():\n    assert 1\n",
        "@pytest.mark.parametrize('a', [pytest.param(1, marks=pytest.mark.xfail)])\ndef test_a(a):\n    assert a\n",
    ],
)
def test_a_test_that_says_why_it_is_switched_off_is_no_gap(make_repository: MakeRepository, body: str) -> None:
    """A reason in the mark, a condition, a comment, a docstring about the fault, and marks in strings are left
    alone."""
    assert seen_in(make_repository, {"tests/test_x.py": body}) == []


LOOSE = "@pytest.mark.xfail(strict=False)\ndef test_a():\n    assert 1\n"


@pytest.mark.parametrize(
    ("settings", "body", "expected"),
    [
        ({"pytest.ini": "[pytest]\nxfail_strict = true\n"}, LOOSE, ["xfail-not-strict tests/test_x.py:1"]),
        (
            {"pyproject.toml": "[tool.pytest.ini_options]\nxfail_strict = true\n"},
            LOOSE,
            ["xfail-not-strict tests/test_x.py:1"],
        ),
        ({"pytest.ini": "[pytest]\nxfail_strict = true\n"}, LOOSE.replace("False", "False, reason='flaky'"), []),
        ({"pytest.ini": "[pytest]\nxfail_strict = true\n"}, f"# flaky on CI\n{LOOSE}", []),
        ({"pytest.ini": "[pytest]\nxfail_strict = false\n"}, LOOSE, ["disabled-without-reason tests/test_x.py:1"]),
        ({}, LOOSE, ["disabled-without-reason tests/test_x.py:1"]),
    ],
)
def test_an_xfail_that_may_pass_in_a_strict_suite_is_found(
    make_repository: MakeRepository, settings: dict[str, str], body: str, expected: list[str]
) -> None:
    """`strict=False` without a reason contradicts settings that make every xfail strict; with a reason it is meant."""
    assert seen_in(make_repository, {**settings, "tests/test_x.py": body}) == expected


# --- patches-its-subject --------------------------------------------------------------------------------------------

SHOP = {"shop/__init__.py": "", "shop/cart.py": "def total(items): ...\n"}
IMPORTS = "from unittest.mock import Mock, patch\nfrom shop import cart\nimport shop.cart\n\n"


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (
            "def test_total(monkeypatch):\n    monkeypatch.setattr(cart, 'total', lambda items: 3)\n"
            "    assert cart.total([1]) == 3\n",
            7,
        ),
        (
            "def test_total(monkeypatch):\n    monkeypatch.setattr('shop.cart.total', Mock(return_value=3))\n"
            "    assert cart.total([1]) == 3\n",
            7,
        ),
        (
            "@patch('shop.cart.total')\ndef test_cart_total(total):\n    cart.total(1)\n"
            "    total.assert_called_once_with(1)\n",
            7,
        ),
        (
            "class TestCart:\n    @patch.object(cart, 'total', return_value=3)\n"
            "    def test_total_of_one(self, total):\n        assert shop.cart.total(1) == 3\n",
            8,
        ),
        ("def test_total():\n    with patch('shop.cart.total', new=Mock()):\n        assert cart.total(1)\n", 7),
    ],
)
def test_a_test_that_calls_what_it_replaced_is_found(make_repository: MakeRepository, body: str, line: int) -> None:
    """The test is named for the function, replaces it in its module, and calls it there."""
    (gap,) = gaps_of(make_repository({**SHOP, "tests/test_x.py": IMPORTS + body}))
    assert seen([gap]) == [f"patches-its-subject tests/test_x.py:{line}"]
    assert gap.title.endswith("replaces shop.cart.total and then calls the replacement")


@pytest.mark.parametrize(
    "body",
    [
        # named for something else, or what is replaced is called by the function under test
        "@patch('shop.cart.total')\ndef test_checkout(total):\n    cart.total(1)\n    total.assert_called()\n",
        "@patch('shop.cart.total')\ndef test_total_of_order(total):\n    assert shop.order(1) == 3\n",
        "@patch('shop.cart.subtotal')\ndef test_total(subtotal):\n    assert cart.total(1) == 3\n",
        # the original is still reached
        "from shop.cart import total\n@patch('shop.cart.total')\ndef test_total(fake):\n"
        "    assert total(1) == a.total()\n",
        "@patch('shop.cart.total', wraps=cart.total)\ndef test_total(fake):\n    assert cart.total(1) == 3\n",
        "@patch('shop.cart.total', cart.total.__wrapped__)\ndef test_total():\n    assert cart.total(1) == 3\n",
        "def test_total(monkeypatch):\n    monkeypatch.setattr(cart, 'total', lambda x: old(x))\n"
        "    assert cart.total(1) == 3\n",
        "def test_total(monkeypatch):\n    monkeypatch.setattr(cart, 'total', counting)\n"
        "    assert cart.total(1) == 3\n",
        # before it is replaced, or after that is over
        "def test_total(monkeypatch):\n    assert cart.total(1) == 3\n"
        "    monkeypatch.setattr(cart, 'total', lambda x: 0)\n    assert cart.order(1) == 0\n",
        "def test_total():\n    with patch('shop.cart.total'):\n        assert cart.order(1)\n"
        "    assert cart.total(1) == 3\n",
        # not of this repository
        "import time\ndef test_time(monkeypatch):\n    monkeypatch.setattr(time, 'time', lambda: 5)\n"
        "    assert time.time() == 5\n",
        "import other\n@patch('other.total')\ndef test_total(fake):\n    assert other.total() is fake()\n",
        # a class that stands in
        "@patch('shop.cart.Order')\ndef test_order(fake):\n    assert cart.Order() is fake()\n",
    ],
)
def test_a_test_that_replaces_something_else_is_no_gap(make_repository: MakeRepository, body: str) -> None:
    """Dependencies, spies, originals that are still reached, and what belongs to others are left alone."""
    assert seen_in(make_repository, {**SHOP, "tests/test_x.py": IMPORTS + body}) == []


def test_benchmarks_throw_their_results_away(make_repository: MakeRepository) -> None:
    """What only is timed may compare and call for nothing; a test beside it may not."""
    body = "def test_a():\n    total() == 1\n\ndef test_b():\n    work()\n"
    files = {"bench/test_x.py": body, "tests/test_benchmarks.py": body, "tests/test_x.py": body}
    assert seen_in(make_repository, files) == [
        "discarded-comparison tests/test_x.py:2",
        "asserts-nothing tests/test_x.py:4",
    ]


def test_a_pattern_with_a_slash_is_matched_with_the_path(make_repository: MakeRepository) -> None:
    """`python_files = tests/test_*.py` collects what pytest collects; a name that does not match is still a gap."""
    settings = '[tool.pytest.ini_options]\npython_files = "tests/test_*.py"\n'
    files = {"pyproject.toml": settings, "tests/test_x.py": CHECKED, "tests/probe_y.py": CHECKED}
    assert seen_in(make_repository, files) == ["never-collected tests/probe_y.py:1"]


# --- unresolved-import ----------------------------------------------------------------------------------------------

PACKAGE = {
    "pyproject.toml": '[project]\nname = "pkg"\ndependencies = []\n[dependency-groups]\ndev = ["pytest>=8"]\n',
    "src/pkg/__init__.py": "VALUE = 1\n",
    "src/pkg/core.py": "",
    "src/pkg/sub/__init__.py": "",
}


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("import nowhere", "nowhere"),
        ("from nowhere.deep import x", "nowhere.deep"),
        ("import pkg.gone", "pkg.gone"),
        ("from pkg.sub.gone import x", "pkg.sub.gone"),
        ("from .gone import x", ".gone"),
        ("from ..gone import x", "..gone"),
        ("from . import gone", ".gone"),
    ],
)
def test_imports_that_lead_nowhere_are_found(make_repository: MakeRepository, line: str, missing: str) -> None:
    """A module that is in neither the tree, the standard library nor any dependency is a gap at its line."""
    files = {**PACKAGE, "tests/unit/__init__.py": "", "tests/unit/test_x.py": f"import os\n{line}\n\n{CHECKED}"}
    (gap,) = gaps_of(make_repository(files))
    assert seen([gap]) == ["unresolved-import tests/unit/test_x.py:2"]
    own = missing.startswith((".", "pkg"))
    lacking = "which does not exist" if own else "which neither the tree nor a list of requirements has"
    assert gap.title == f"tests/unit/test_x.py imports {missing}, {lacking}"
    assert (gap.confidence == "low") is not own, "no list says under which names a distribution is imported"


@pytest.mark.parametrize(
    "line",
    [
        "import json, distutils, tomllib",
        "import pytest, _pytest.monkeypatch, pluggy",
        "import pkg.core, pkg.sub, pkg.VALUE",
        "from pkg import VALUE, anything",
        "from pkg._version import x",
        "from pkg.speedups import x",
        "from . import here, there",
        "from .here import x",
        "from .. import conftest",
        "from tests.unit import here",
        "from here import x",
        "import generated.code",
        "try:\n    import nowhere\nexcept ImportError:\n    nowhere = None",
        "if TYPE_CHECKING:\n    import nowhere",
        'CODE = """\nimport nowhere\n"""',
        'nowhere = pytest.importorskip("nowhere")',
        "import sys\nsys.path.insert(0, 'x')\nimport nowhere",
        "# /// script\n# dependencies = ['nowhere']\n# ///\nimport nowhere",
        "from ....beyond import x",
    ],
)
def test_imports_that_may_lead_somewhere_are_no_gap(make_repository: MakeRepository, line: str) -> None:
    """The tree in any layout, conditional imports, generated modules and edited search paths are left alone."""
    files = {
        **PACKAGE,
        "setup.py": "Extension('pkg.speedups', [])\n",
        "src/pkg/sub/VALUE.py": "",
        "src/generated/readme.txt": "",
        "src/generated/code.py": "",
        "tests/unit/__init__.py": "",
        "tests/unit/here.py": "",
        "tests/unit/there.pyi": "",
        "tests/conftest.py": "def fixture(): ...\n",
        "tests/unit/test_x.py": f"{line}\n\n{CHECKED}",
    }
    assert seen_in(make_repository, files) == []


@pytest.mark.parametrize(
    ("settings", "confidence"),
    [
        ({"pytest.ini": "[pytest]\ntestpaths = tests\n", ".flake8": "[flake8]\nexclude = .git,archive\n"}, "low"),
        ({"pytest.ini": "[pytest]\ntestpaths = tests\n"}, "high"),
        ({".flake8": "[flake8]\nexclude = archive\n"}, "high"),
        ({"pytest.ini": "[pytest]\ntestpaths = tests archive\n", ".flake8": "[flake8]\nexclude = archive\n"}, "high"),
        ({"pytest.ini": "[pytest]\ntestpaths = tests\n", ".flake8": "[flake8]\nexclude = arch\n"}, "high"),
    ],
)
def test_imports_of_what_nobody_keeps_up_are_of_low_confidence(
    make_repository: MakeRepository, settings: dict[str, str], confidence: str
) -> None:
    """A folder that neither pytest nor the linters look into is kept to be read; one of the two says too little."""
    files = {**PACKAGE, "tests/test_x.py": CHECKED, "archive/old/test_y.py": f"import pkg.gone\n\n{CHECKED}"}
    gaps = [gap for gap in gaps_of(make_repository({**files, **settings})) if "unresolved" in gap.rule_id]
    assert [gap.confidence for gap in gaps] == [confidence]


def test_a_module_behind_a_symbolic_link_may_be_there(make_repository: MakeRepository) -> None:
    """What a link leads to is not looked through; beside it the import leads nowhere."""
    repository = make_repository({**PACKAGE, "tests/unit/test_x.py": f"from ..linked.deep import x\n\n{CHECKED}"})
    assert seen(gaps_of(repository)) == ["unresolved-import tests/unit/test_x.py:1"]
    (repository / "tests/linked").symlink_to("../src")
    assert seen(gaps_of(repository)) == []


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({}, "import nowhere"),
        ({"requirements.txt": "requests\n"}, "import urllib3"),
        (
            {"uv.lock": '[[package]]\nname = "requests"\n', "tox.ini": "deps =\n  http: inline-snapshot==1\n"},
            "import inline_snapshot",
        ),
        ({"requirements.txt": "PyYAML==6\nopencv-python\nscikit-learn\n"}, "import yaml, cv2, sklearn"),
        ({"setup.py": "setup(install_requires=deps())\n"}, "import nowhere"),
        ({"pyproject.toml": '[project]\nname = "x"\ndynamic = ["dependencies"]\n'}, "import nowhere"),
        ({"poetry.lock": '[[package]]\nname = "urllib3"\n'}, "import urllib3"),
        ({"uv.lock": '[[package]]\nname = "google-api-python-client"\n'}, "import googleapiclient.errors"),
        (
            {
                "pyproject.toml": '[project]\nname = "x"\n',
                "tests/conftest.py": "import sys\nsys.path.append('.')\ndef f(): ...\n",
            },
            "import nowhere",
        ),
        (
            {"pyproject.toml": '[project]\nname = "x"\n[tool.poetry.group.dev.dependencies]\nattrs = "*"\n'},
            "import attr",
        ),
    ],
)
def test_what_a_manifest_leaves_open_is_no_gap(
    make_repository: MakeRepository, files: dict[str, str], line: str
) -> None:
    """Without a manifest, with unknown dependencies of dependencies, and under other names nothing is claimed."""
    assert seen_in(make_repository, {**files, "tests/test_x.py": f"{line}\n\n{CHECKED}"}) == []


def test_a_lock_closes_the_question(make_repository: MakeRepository) -> None:
    """Where a lock lists everything that is installed, what it does not list does not exist."""
    files = {"uv.lock": '[[package]]\nname = "requests"\n', "tests/test_x.py": f"import urllib3\n\n{CHECKED}"}
    assert seen_in(make_repository, files) == ["unresolved-import tests/test_x.py:1"]


@pytest.mark.parametrize(
    "init", ["def __getattr__(name): ...\n", "import sys\nsys.modules['pkg.gone'] = 1\n", "gone = 1\n"]
)
def test_packages_that_make_modules_are_no_gap(make_repository: MakeRepository, init: str) -> None:
    """What a package's own `__init__` provides exists."""
    files = {**PACKAGE, "src/pkg/__init__.py": init, "tests/test_x.py": f"import pkg.gone\n\n{CHECKED}"}
    assert seen_in(make_repository, files) == []


# --- robustness -----------------------------------------------------------------------------------------------------

FRAGMENTS = st.lists(
    st.sampled_from(
        ["def test_a():\n", "class TestA:\n", "    ", "assert ", "(", ")", "a == b", "\n", "@x\n", '"""', "'", "é", ":",
         "import a.b\n", "from . import c\n", "pass\n", "\r",
         "m.called_with()", "mock", "\\", ",", "f'{a == b}'", "yield", "\t"]
    ),
    max_size=25,
).map(lambda parts: "".join(parts).encode())  # fmt: skip


@given(
    data=st.one_of(st.binary(max_size=120), FRAGMENTS),
    path=st.sampled_from(["tests/test_a.py", "tests/conftest.py", "pyproject.toml", "tox.ini", "pytest.ini",
                          "setup.cfg",
                          "requirements.txt", "Pipfile.lock", "uv.lock", "setup.py", "pkg/__init__.py", "Makefile"]),
)  # fmt: skip
def test_any_content_is_read_without_a_crash(data: bytes, path: str) -> None:
    """No content makes the extractor raise, and it says the same twice."""
    assert extract(path, data) == extract(path, data)


@pytest.mark.parametrize(
    "data",
    [b"(" * 50_000, b"-" * 200_000 + b"1", b"def test_a():\n" * 20_000, b"    a == b,\n" * 20_000, b"a\n" * 400_000],
)
def test_hostile_modules_take_bounded_time(data: bytes) -> None:
    """Deep nesting and endless repetition are refused or read in one go."""
    extract("tests/test_a.py", data)


@pytest.mark.parametrize(("statement", "what"), [("pass", "have no body"), ("found = work()", "assert nothing")])
def test_several_tests_of_a_module_are_told_at_once(make_repository: MakeRepository, statement: str, what: str) -> None:
    """From three on, with a place of each; two are each their own."""
    tests = [f"def test_{name}_total():\n    {statement}\n\n\n" for name in "abc"]
    head = "from tool import work\n\n\n"
    repository = make_repository({"tests/test_x.py": head + "".join(tests), "tool.py": "def work(): ...\n"})
    (gap,) = gaps_of(repository)
    assert gap.title == f"3 tests in tests/test_x.py {what}: test_a_total, test_b_total, test_c_total"
    assert [place.test_name for place in gap.evidence] == [f"tests/test_x.py::test_{name}_total" for name in "abc"]
    write_files(repository, {"tests/test_x.py": head + "".join(tests[:2])})
    assert len(gaps_of(repository)) == 2
