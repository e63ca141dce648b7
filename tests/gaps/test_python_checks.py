"""Which tests check something: what is run, handed over or waited for on a test's behalf, and what only looks so."""

from __future__ import annotations

import pytest

from autopack.gaps.detectors.test_infra_drift import DETECTOR
from gap_reports import report_of, seen
from repositories import MakeRepository

ASSERTS_NOTHING = ["asserts-nothing tests/test_x.py"]


def places(make_repository: MakeRepository, files: dict[str, str], name: str = "repo") -> list[str]:
    """Return each gap as `rule path`, without its line."""
    return [place.rpartition(":")[0] for place in seen(report_of(make_repository(files, name), DETECTOR).gaps)]


def test_a_teardown_of_another_class_does_not_check(make_repository: MakeRepository) -> None:
    """A test's class runs its own `tearDown`; that one in a module that it sees asserts in its own changes nothing."""
    other = "class Environment:\n    def tearDown(self):\n        assert restored()\n\ndef total():\n    return 3\n"
    test = (
        "from unittest import TestCase\nfrom tests.tools import total\n\nclass TestX(TestCase):\n"
        "    def tearDown(self):\n        self.patcher.stop()\n\n    def test_a(self):\n        work(total())\n"
    )
    files = {"tests/tools.py": other, "tests/test_x.py": test}
    assert places(make_repository, files) == ASSERTS_NOTHING
    files["tests/test_x.py"] = test.replace("self.patcher.stop()", "assert stopped()")
    assert places(make_repository, files, "own") == []


@pytest.mark.parametrize(
    ("tools", "body"),
    [
        # a context manager and an object that is called
        (
            "class Calm:\n    def __enter__(self): ...\n    def __exit__(self, *error):\n        assert quiet()\n",
            "def test_a():\n    with Calm():\n        work()\n",
        ),
        (
            "class Calm:\n    async def __aexit__(self, *error):\n        self.look()\n    def look(self):\n"
            "        assert quiet()\n",
            "async def test_a():\n    async with Calm():\n        work()\n",
        ),
        (
            "class Judge:\n    def __call__(self, total):\n        assert quiet()\n",
            "def test_a():\n    judge = Judge()\n    judge(work())\n",
        ),
        # a function that somebody else calls
        ("def judge(total):\n    assert quiet()\n", "def test_a(mocker):\n    mocker.patch('x', side_effect=judge)\n"),
        (
            "def judge(total):\n    assert quiet()\n",
            "def test_a(mocker):\n    stub = mocker.stub()\n    stub.side_effect = judge\n    work(stub)\n",
        ),
        ("def judge(total):\n    assert quiet()\n", "def test_a():\n    work([judge])\n"),
        ("def judge(total):\n    assert quiet()\n", "def test_a():\n    work({'done': judge})\n"),
        # an object that a fixture hands out
        (
            "import pytest\nclass Site:\n    def visit(self):\n        assert quiet()\n\n"
            "@pytest.fixture\ndef site():\n    return Site()\n",
            "def test_a(site):\n    site.visit()\n",
        ),
        # what a base from elsewhere calls
        (
            "import ast\nclass Finder(ast.NodeVisitor):\n    def visit_Call(self, node):\n        assert quiet()\n",
            "def test_a():\n    finder = Finder()\n    finder.visit(work())\n",
        ),
        # what was written down by a fixture, looked at by a helper
        ("def silent(caplog):\n    assert quiet()\n", "def test_a(caplog):\n    work()\n    silent(caplog)\n"),
    ],
)
def test_a_helper_that_is_run_without_being_called_is_followed(
    make_repository: MakeRepository, tools: str, body: str
) -> None:
    """Context managers, objects that are called, and functions that are handed over check where they assert, and only
    there."""
    files = {"tests/conftest.py": tools, "tests/test_x.py": body}
    assert places(make_repository, files) == []
    files["tests/conftest.py"] = tools.replace("assert quiet()", "return quiet()")
    assert places(make_repository, files, "without") == ASSERTS_NOTHING


@pytest.mark.parametrize(
    ("checks", "does_not"),
    [
        # what is still to come, and has to come
        (
            "def test_a():\n    done = Deferred()\n    work(done.callback)\n    return done\n",
            "def test_a():\n    done = Deferred()\n    work(done.callback)\n",
        ),
        (
            "async def test_a():\n    done = Future()\n    work(done)\n    await done\n",
            "async def test_a():\n    done = Future()\n    work(done)\n",
        ),
        (
            "def send():\n    done = Deferred()\n    return done\n\ndef test_a():\n    return send()\n",
            "def send():\n    done = answer()\n    return done\n\ndef test_a():\n    return send()\n",
        ),
        (
            "def test_a():\n    with timeout(3):\n        work()\n",
            "def test_a():\n    with silence(3):\n        work()\n",
        ),
        # what its class prepares
        (
            "class TestA:\n    def setup_class(cls):\n        @compiles(Column)\n        def visit(column):\n"
            "            assert column\n    def test_a(self):\n        work()\n",
            "class TestA:\n    def setup_class(cls):\n        assert ready()\n    def test_a(self):\n        work()\n",
        ),
        (
            "class TestA(TestCase):\n    def setUp(self):\n        self.addCleanup(self.judge)\n"
            "    def judge(self):\n        assert quiet()\n    def test_a(self):\n        work()\n",
            "class TestA(TestCase):\n    def setUp(self):\n        self.addCleanup(self.close)\n"
            "    def judge(self):\n        assert quiet()\n    def test_a(self):\n        work()\n",
        ),
        (
            "class TestA:\n    def setup_method(self):\n        def visit(x):\n            self.assertTrue(x)\n"
            "        work(visit)\n    def test_a(self):\n        work()\n",
            "class TestA:\n    def setup_method(self):\n        def visit(x):\n            raise OSError\n"
            "        work(visit)\n    def test_a(self):\n        work()\n",
        ),
        # an object that raises is no judge, and neither is a stand-in
        (
            "class Judge(Base):\n    def hear(self):\n        assert quiet()\n\ndef test_a():\n    work(Judge())\n",
            "class Judge(Base):\n    def hear(self):\n        raise OSError\n\ndef test_a():\n    work(Judge())\n",
        ),
        (
            "class Judge(Base):\n    def hear(self):\n        assert quiet()\n\ndef test_a():\n    work(Judge())\n",
            "class FakeJudge(Base):\n    def hear(self):\n        assert quiet()\n\n"
            "def test_a():\n    work(FakeJudge())\n",
        ),
        # what must come out, by name
        (
            "class FakeJudge(Base):\n    def hear(self):\n        assert quiet()\n\nclass TestA(TestCase):\n"
            "    def setUp(self):\n        Driver.kind = FakeJudge\n    def test_a(self):\n        work()\n",
            "class FakeJudge(Base):\n    def hear(self):\n        return quiet()\n\nclass TestA(TestCase):\n"
            "    def setUp(self):\n        Driver.kind = FakeJudge\n    def test_a(self):\n        work()\n",
        ),
        (
            "@pytest.mark.parametrize('end', [1])\ndef test_a(end):\n    with end:\n        work()\n",
            "@pytest.mark.parametrize('end', [1])\ndef test_a(end):\n    with silence(end):\n        work()\n",
        ),
        ("def test_a():\n    sql_eq_(work(), 3)\n", "def test_a():\n    sql_eqs(work(), 3)\n"),
        ("def test_a():\n    work().trap(KeyError)\n", "def test_a():\n    work().take(KeyError)\n"),
        ("def test_a():\n    work(expect_code=403)\n", "def test_a():\n    work(code=403)\n"),
        (
            "def test_a():\n    expected = {}\n    stub.add_response('run', expected)\n    work(stub)\n",
            "def test_a():\n    answer = {}\n    stub.add_response('run', answer)\n    work(stub)\n",
        ),
        ("def test_a():\n    work(expected=[1])\n", "def test_a():\n    work(exclude=[1])\n"),
        (
            "def test_a():\n    with RequestsMock() as web:\n        work(web)\n",
            "def test_a():\n    with Requests() as web:\n        work(web)\n",
        ),
        # the counterpart of what must raise
        (
            "class TestA(TestCase):\n    def test_good(self):\n        self.good.sum()\n\n"
            "    def test_bad(self):\n        self.assertRaises(ValueError, self.bad.sum)\n",
            "class TestA(TestCase):\n    def test_good(self):\n        self.good.sum()\n\n"
            "    def test_bad(self):\n        self.assertRaises(ValueError, self.bad.mean)\n",
        ),
        (
            "def test_good():\n    work(1)\n\ndef test_bad():\n    pytest.raises(ValueError, work, 2)\n",
            "def test_good():\n    x = work(1)\n\ndef test_bad():\n    pytest.raises(ValueError, work, 2)\n",
        ),
    ],
)
def test_what_fails_where_it_does_not_come_is_a_check(
    make_repository: MakeRepository, checks: str, does_not: str
) -> None:
    """A promise that is returned or awaited, a limit of time, and calls that are told what must come are checks; what
    only looks like them is none."""
    assert places(make_repository, {"tests/test_x.py": checks}) == []
    assert places(make_repository, {"tests/test_x.py": does_not}, "without") == ASSERTS_NOTHING
