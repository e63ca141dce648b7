"""test_infra_drift/asserts-nothing: what a test computes or changes and never looks at; smoke tests are of low
confidence."""

from __future__ import annotations

import pytest

from autopack.gaps.detectors.test_infra_drift import DETECTOR
from gap_reports import report_of
from repositories import MakeRepository


def found(make_repository: MakeRepository, files: dict[str, str]) -> list[tuple[str, str]]:
    """Return (title, confidence) of each test that is said to assert nothing."""
    gaps = report_of(make_repository(files), DETECTOR).gaps
    return [(gap.title, gap.confidence) for gap in gaps if gap.rule_id.endswith("/asserts-nothing")]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        # a result that nothing reads
        ("def test_a():\n    x = work(1)\n", "`x` is never looked at"),
        ("def test_a():\n    x = work(1)\n    x = work(2)\n", "`x` is never looked at"),
        ("def test_a():\n    out, err = work(1)\n", "`out` is never looked at"),
        ("async def test_a():\n    x: int = await work(1)\n", "`x` is never looked at"),
        ("def test_a(tmp_path):\n    with chdir(tmp_path):\n        x = work(1)\n", "`x` is never looked at"),
        ("def test_a():\n    x = work(1)\n    print(x)\n", "`x` is only printed"),
        # an assertion that is switched off
        ("def test_a():\n    work(1)\n    # assert work(1) == 2\n", "its assertion is a comment"),
        ("def test_a():\n    x = load()\n    work(x)\n    #self.assertEqual(x, 3)\n", "its assertion is a comment"),
        # an object of the test's own that is changed at last
        ("def test_a():\n    x = Queue()\n    x.add(1)\n", "`x` is not looked at after `add`"),
        ("def test_a():\n    import pkg\n    x = pkg.Queue()\n    x.add(1)\n", "`x` is not looked at after `add`"),
        ("def test_a():\n    x = Queue()\n    x.add(1)\n    x.destroy()\n", "`x` is not looked at after `add`"),
        ("def test_a():\n    x = Queue()\n    x.add(1)\n    x.close()\n", "`x` is not looked at after `add`"),
        (
            "class TestQueue:\n    def test_a(self):\n        self.queue.add(1)\n",
            "`self.queue` is not looked at after `add`",
        ),
        (
            "class TestQueue:\n    def test_a(self):\n        x = self.queue\n        x.add(1)\n",
            "`x` is not looked at after `add`",
        ),
        # a name that speaks of something else than trouble, a stand-in that answers, a result in spite of trouble
        ("def test_default():\n    x = Queue()\n    x.add(1)\n", "`x` is not looked at after `add`"),
        ("def test_terrors():\n    x = Queue()\n    x.add(1)\n", "`x` is not looked at after `add`"),
        ("def test_a():\n    x = Queue()\n    x.side_effect = [1]\n    x.add()\n", "`x` is not looked at after `add`"),
        ("def test_load_error():\n    x = work(1)\n", "`x` is never looked at"),
        # an array that may be written to
        (
            "def test_a():\n    x = Angle()\n    x.flags.writeable = True\n    x.wrap(1)\n",
            "`x` is not looked at after `wrap`",
        ),
        # flags of something that is no array
        (
            "def test_a():\n    x = Window()\n    x.setflags(0)\n    x.wrap(1)\n",
            "`x` is not looked at after `wrap`",
        ),
        # the end of a computation
        ("def test_a():\n    x = load(1)\n    y = load()\n    merge(x, b=y)\n", "nothing is looked at after `merge`"),
    ],
)
def test_what_is_left_unseen_is_named(make_repository: MakeRepository, body: str, why: str) -> None:
    """A test that computes or changes something and never looks at it is of medium confidence, and the title says
    what it is."""
    expected = [(why.join((": ", "")), "medium")]
    titles = [(title[title.index(": ") :], sure) for title, sure in found(make_repository, {"tests/test_x.py": body})]
    assert titles == expected


@pytest.mark.parametrize(
    "body",
    [
        # one call, and nothing that says what it should do
        "def test_a():\n    work(1)\n",
        "def test_a():\n    for x in (1, 2):\n        work(x)\n",
        # a result that is read after all, is not wanted, or is an object that must only come to be
        "def test_a():\n    x = work(1)\n    print(x)\n    work(x)\n",
        "def test_a():\n    _ = work(1)\n",
        "def test_a():\n    x, _rest = work(1)\n",
        "def test_a():\n    x = Queue(1)\n",
        "def test_a():\n    x = work(1)\n    del x\n    work()\n",
        "def test_a():\n    x = work(1)\n    work(2)\n",
        # an array that must not be written to any more, too late
        "def test_a():\n    x = Angle()\n    x.wrap(1)\n    x.flags.writeable = False\n",
        # a comment about assertions that is none
        "def test_a():\n    work(1)\n    # there is nothing to compare\n",
        "def test_a():\n    work(1)\n# assert work(1) == 2\n",
        # objects that answer, are tidied up or shown, or belong to somebody else
        "def test_a():\n    x = Queue()\n    x.get_first()\n",
        "def test_a():\n    x = Queue()\n    x.close()\n",
        "def test_a():\n    x = Window()\n    x.destroy()\n",
        "def test_a():\n    x = Queue()\n    x.__del__()\n",
        "def test_a():\n    x = Figure()\n    x.savefig('a.png')\n",
        "def test_a(db):\n    db.add(1)\n",
        "def test_a():\n    x = queue()\n    x.add(1)\n",
        "def test_a():\n    pkg.add(1)\n",
        # what takes results only to show them, or makes an object of them
        "def test_a():\n    x = load(1)\n    y = load(2)\n    draw(x, y)\n",
        "def test_a():\n    x = load(1)\n    y = load(2)\n    Merge(x, y)\n",
        "def test_a():\n    x = load(1)\n    merge(x, 2)\n",
        # trouble that has to be borne: by the test's name, or by a stand-in that is told to raise
        "def test_add_error_in_lookup():\n    x = Queue()\n    x.add(1)\n",
        "def test_add_failed_unreachable():\n    x = Queue()\n    x.add(1)\n",
        "class TestQueue:\n    def testDeprecatedArgument(self):\n        self.queue.add(1)\n",
        "class TestQueue:\n    def test_a(self):\n        self.store.put.side_effect = STORE_ERROR\n"
        "        self.queue.add(1)\n",
        "def test_a():\n    x = Queue()\n    x.put = Mock(side_effect=OSError(3))\n    x.add(1)\n",
    ],
)
def test_what_may_only_have_to_run_is_of_low_confidence(make_repository: MakeRepository, body: str) -> None:
    """Where nothing shows that somebody did not finish, the gap is shown with `--all` only."""
    assert [sure for _, sure in found(make_repository, {"tests/test_x.py": body})] == ["low"]


@pytest.mark.parametrize(
    "body",
    [
        # importing may be what is tested; a helper that is imported in the body may check
        "def test_a():\n    import pkg\n    pkg.work(1)\n",
        "def test_a():\n    from .helpers import judge\n    x = judge(1)\n",
        "def test_a():\n    from pkg.testing import judge\n    x = judge(1)\n",
        # a class that others derive from
        "class TestBase:\n    def test_a(self):\n        x = self.queue.add(1)\n\n"
        "class TestReal(TestBase):\n    def judge(self):\n        assert 1\n",
        "class TestMixin:\n    def test_a(self):\n        x = work(1)\n",
        "class BaseTest:\n    def test_a(self):\n        x = work(1)\n",
        # an assertion behind a comment sign inside a string is one all the same
        "def test_a():\n    work('#')\n    assert 1\n",
        "def test_a():\n    x = work('#'); assert x\n",
        # a function that is handed over checks
        "class TestQueue:\n    def judge(self):\n        assert 1\n\n"
        "    def test_a(self):\n        x = Queue()\n        x.add(self.judge)\n",
        # words that say what it is for
        "def test_a():\n    x = Queue()\n    # it won't break if it gets bytes\n    x.add(b'')\n",
        "def test_a():\n    x = Queue()\n    x.add(1)  # can't block\n",
        "def test_queue_has_default_impl_for_add():\n    x = Queue()\n    x.add(1)\n",
        "def test_null_queue_does_nothing():\n    x = Queue()\n    x.add(1)\n",
        "def test_stacklimit():\n    x = Queue()\n    x.add(1)\n",
        "class TestQueue:\n    def testSupported(self):\n        x = work(1)\n",
        "def test_a():\n    # if it is in the list, then its OK\n    x = work(1)\n",
        "def test_a():\n    # assert that it does not hang\n    x = work(1)\n",
        "def test_a():\n    x = Angle(NAN)  # to force an error\n    x.wrap(1)\n",
        # an array that raises when it is written to
        "def test_a():\n    x = Angle()\n    x.flags.writeable = False\n    x.wrap(1)\n",
        "def test_a():\n    x = Angle()\n    x.setflags(write=False)\n    x.wrap(1)\n",
    ],
)
def test_what_checks_elsewhere_or_says_so_is_no_gap(make_repository: MakeRepository, body: str) -> None:
    """Imports, classes to derive from, hidden assertions and declared intent are left alone."""
    assert found(make_repository, {"tests/test_x.py": body}) == []


@pytest.mark.parametrize("name", ["TestLoaderBase", "TestTemplar", "TestTemplateLoader"])
def test_a_class_named_for_its_subject_is_no_base(make_repository: MakeRepository, name: str) -> None:
    """`Base` and `Template` in a name mean nothing where no class derives from it."""
    files = {"tests/test_x.py": f"class {name}:\n    def test_a(self):\n        x = work(1)\n"}
    assert found(make_repository, files) == [(f"{name}.test_a asserts nothing: `x` is never looked at", "medium")]


@pytest.mark.parametrize(
    ("path", "settings", "confidence"),
    [
        ("tests/test_x.py", "[pytest]\ntestpaths = tests\n", "medium"),
        ("trials/test_x.py", "[pytest]\ntestpaths = tests\n", "low"),
        ("trials/test_x.py", "[pytest]\n", "medium"),
        ("examples/test_x.py", "[pytest]\n", "low"),
    ],
)
def test_scripts_that_no_runner_collects_are_of_low_confidence(
    make_repository: MakeRepository, path: str, settings: str, confidence: str
) -> None:
    """Examples, and what `testpaths` leaves out, are called tests and may be there to be tried by hand."""
    files = {path: "def test_a():\n    x = work(1)\n", "pytest.ini": settings, "tests/test_y.py": "x = 1\n"}
    assert found(make_repository, files) == [("test_a asserts nothing: `x` is never looked at", confidence)]


def test_stand_ins_do_not_check(make_repository: MakeRepository) -> None:
    """A mock that comes from the test tree, or is told to raise, is no check."""
    body = (
        "from tests.support import Mock, MockPool\n\ndef test_a():\n    q = Queue(MockPool(raise_base=True), Mock())\n"
    )
    assert found(make_repository, {"tests/test_x.py": f"{body}    q.add(1)\n"}) == [
        ("test_a asserts nothing: `q` is not looked at after `add`", "medium")
    ]


HELPER = "def add(x):\n    assert x\n"
TEST = "def test_a():\n    q = Queue()\n    q.add(1)\n"


@pytest.mark.parametrize(
    ("files", "is_found"),
    [
        # something that happens to have the same name, out of sight
        ({"tests/other/test_y.py": HELPER}, True),
        ({"tests/other/support.py": HELPER}, True),
        ({"tests/other/conftest.py": HELPER}, True),
        # in sight
        ({"tests/unit/conftest.py": HELPER}, False),
        ({"tests/conftest.py": HELPER}, False),
        (
            {"tests/unit/test_x.py": f"from tests.other.support import x\n{TEST}", "tests/other/support.py": HELPER},
            False,
        ),
        ({"tests/unit/test_x.py": f"from ..other import support\n{TEST}", "tests/other/support.py": HELPER}, False),
        (
            {
                "tests/unit/test_x.py": f"from tests.other import (\n    support,\n)\n{TEST}",
                "tests/other/support.py": HELPER,
            },
            False,
        ),
        ({"tests/unit/test_x.py": f"import support\n{TEST}", "tests/other/support.py": HELPER}, False),
        # one through another
        (
            {
                "tests/unit/test_x.py": f"from .near import x\n{TEST}",
                "tests/unit/near.py": "from tests.far import x\n",
                "tests/far/__init__.py": HELPER,
            },
            False,
        ),
    ],
)
def test_a_helper_counts_where_the_test_can_see_it(
    make_repository: MakeRepository, files: dict[str, str], is_found: bool
) -> None:
    """A function that checks makes a call of its name a check only in modules that import it, or below its
    `conftest.py`."""
    assert bool(found(make_repository, {"tests/unit/test_x.py": TEST, **files})) is is_found


def test_a_duplicate_name_does_not_hide_what_the_later_test_lacks(make_repository: MakeRepository) -> None:
    """The earlier test never runs, and the later one asserts nothing: both are said."""
    body = "def test_a():\n    assert 1\n\ndef test_a():\n    x = work(1)\n"
    gaps = report_of(make_repository({"tests/test_x.py": body}), DETECTOR).gaps
    assert sorted(gap.rule_id for gap in gaps) == [
        "test_infra_drift/asserts-nothing",
        "test_infra_drift/duplicate-test-name",
    ]


def test_tests_about_templates_are_tests(make_repository: MakeRepository) -> None:
    """A folder of tests that is named for its subject, `template`, holds no test data."""
    files = {"tests/template/test_x.py": "def test_a():\n    x = work(1)\n"}
    assert [sure for _, sure in found(make_repository, files)] == ["medium"]


def test_an_empty_test_of_a_base_is_no_gap(make_repository: MakeRepository) -> None:
    """A class that is named for a base may leave its tests to be written by others."""
    files = {"tests/test_x.py": "class TestBase:\n    def test_a(self):\n        pass\n"}
    assert report_of(make_repository(files), DETECTOR).gaps == ()


@pytest.mark.parametrize(
    "head",
    [
        "# WARNING: this file is auto-generated by 'to_sync.py'\n# from 'test_async.py'\n# DO NOT CHANGE!\n",
        "#!/usr/bin/env python3\n\n# Generated from totals.in by make. Do not edit.\n",
        "# -*- coding: utf-8 -*-\n# @generated\n",
        "# This file is automatically generated.\r\n",
        f'{"# A licence." * 60}\n\n"""\n    Client\n\n    Generated by: https://openapi-generator.tech\n"""\n',
    ],
)
def test_what_a_program_wrote_is_judged_at_its_source(make_repository: MakeRepository, head: str) -> None:
    """A test module whose head says that it is generated has no gaps of its own: a change there would not last."""
    faults = (
        "def test_a():\n    x = work(1)\n\ndef test_b():\n    pass\n\ndef test_c():\n    work() == 3\n\n"
        "def test_c():\n    assert (work(), 1)\n"
    )
    files = {"tests/test_x.py": head + faults, "tests/test_y.py": faults}
    gaps = report_of(make_repository(files), DETECTOR).gaps
    assert {evidence.path for gap in gaps for evidence in gap.evidence} == {"tests/test_y.py"}


@pytest.mark.parametrize(
    "head",
    [
        "",
        "# Tests of generated ids.\n",
        '"""Tests of what is generated by the compiler: do not edit it."""\n',
        '"""Tests.\n\nGenerated by hand, see https://openapi-generator.tech\n"""\n',
        "import os\n# The table below is generated by hand.\n",
        "# Names that were not auto-generated.\n",
    ],
)
def test_a_module_about_what_is_generated_is_judged(make_repository: MakeRepository, head: str) -> None:
    """Only comments at the head of a module that say so of itself make it a generated one."""
    assert found(make_repository, {"tests/test_x.py": f"{head}def test_a():\n    x = work(1)\n"})
