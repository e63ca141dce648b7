"""No bytes make a reader of the scanner raise, forget, or answer differently the second time.

Bounded here; `make fuzz` tries several thousand times as many.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autopack.gaps.detector import Detector
from autopack.gaps.detectors import all_detectors
from autopack.gaps.facts import FactCache, StaleFacts, dump_fact, load_fact
from autopack.gaps.sources.listing import parse_index, parse_status

EXAMPLES = int(os.environ.get("AUTOPACK_FUZZ_EXAMPLES", "40"))
bounded = settings(
    max_examples=EXAMPLES, deadline=None, derandomize="AUTOPACK_FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip

MARKDOWN = (
    *("[a](b.md)", "![", "](", '<a href="x">', "<!--", "-->", "```", "~~~", "`", "# ", "\n=\n", "> ", "- ", "    "),
    *(
        "[a]: b\n",
        "<h1 id=x>",
        "&amp;",
        "%20",
        "\\",
        "|a|\n|-|\n",
        "{#id}",
        "<!-- SOT_SUMMARY_START -->\n",
        "\t",
        "![[",
    ),
)
PYTHON = (
    *(
        "def test_a():\n",
        "    assert (a, b)\n",
        "class TestA:\n",
        "    def test_b(self):\n        a == b\n",
        "open(a)\n",
    ),
    *(
        "from .a import b\n",
        "import a\n",
        '"""',
        "'''",
        "f'{",
        "}'",
        "@pytest.mark.skip\n",
        "    pass\n",
        "(",
        ")",
        ":",
    ),
    *(
        "Path(a).read_text()\n",
        "# autopack: ignore[a/b] why\n",
        "mock.assert_called\n",
        "    with raises(A):\n",
        "\\\n",
    ),
)
SETTINGS = (
    *("[pytest]\n", "testpaths = a b\n", "[tool.pytest.ini_options]\n", "{", "}", "[", "]", '"a/b.py"', ":", ",", "\n"),
    *(
        "[*]\n",
        "end_of_line = crlf\n",
        "root = true\n",
        "dependencies = [\n",
        "'",
        '"',
        'name = "a"\n',
        "- &a *a\n",
        "1e999",
    ),
)
BYTES = (
    *(
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\0",
        b"\r",
        b"\r\n",
        b"\x1b[",
        b"\xe2\x80\xae",
    ),
    *(b"<<<<<<< a\n", b"=======\n", b">>>>>>> b\n", b"SQLite format 3\0", b"#!/bin/sh\r\n", b"\xf0\x9f\x98\x80"),
)
PIECES = [piece.encode() for piece in (*MARKDOWN, *PYTHON, *SETTINGS)] + list(BYTES)
PATHS = (
    *(
        "README.md",
        "docs/a.rst",
        "src/a.py",
        "tests/test_a.py",
        "tests/conftest.py",
        "pkg/__init__.py",
        "pyproject.toml",
    ),
    *("setup.cfg", "tox.ini", "pytest.ini", "package.json", "uv.lock", "Pipfile.lock", ".editorconfig", ".coveragerc"),
    *("docs/PROJECT_INDEX.json", ".secrets.baseline", "eslint-suppressions.json", "phpstan-baseline.neon", "run.sh"),
    *(
        ".autopack/config.toml",
        ".autopack/intention.yaml",
        "notes.txt",
        "a.lock",
        "requirements.txt",
        "psalm-baseline.xml",
    ),
)

contents = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), max_size=60).map(b"".join)


@pytest.mark.parametrize("detector", all_detectors(), ids=lambda detector: detector.gap_type)
@given(path=st.sampled_from(PATHS), data=contents)
@bounded
def test_an_extractor_takes_any_bytes(detector: Detector, path: str, data: bytes) -> None:
    """An extractor never raises, answers the same twice, and its fact survives being kept."""
    if detector.extract is None:
        return
    fact = detector.extract(path, data)
    assert detector.extract(path, data) == fact
    if fact is not None:
        assert load_fact(dump_fact(fact)) == fact


@given(
    data=st.lists(
        st.one_of(st.sampled_from([b"\0", b"100644 ", b"H ", b"\t", b" 0", b"a"]), st.binary(max_size=9))
    ).map(b"".join)
)
@bounded
def test_a_row_that_was_never_written_is_refused(data: bytes) -> None:
    """Bytes that are no fact of ours are refused, whatever they are."""
    try:
        load_fact(data)
    except StaleFacts:
        return


@given(content=st.binary(max_size=4_000))
@bounded
def test_a_cache_of_any_bytes_is_empty(content: bytes, tmp_path: Path) -> None:
    """A file that is no cache is one in which nothing is kept."""
    file = tmp_path / "autopack" / "cache" / "scan.db"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    assert FactCache(tmp_path).by_digest("a", "b", "") is None
    assert FactCache(tmp_path).answer("x") is None


_NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: b"\0" not in name)


@given(names=st.lists(_NAMES, max_size=9, unique=True))
@bounded
def test_names_of_any_bytes_come_out_of_the_lists_of_git(names: list[bytes]) -> None:
    """Whatever a name holds, the index and the status give it back."""
    index = b"".join(b"H 100644 " + b"0" * 40 + b" 0\t" + name + b"\0" for name in names)
    assert {entry.path.encode("utf-8", "surrogateescape") for entry in parse_index(index)} == {*names}
    status = b"# branch.oid (initial)\0" + b"".join(b"? " + name + b"\0" for name in names)
    assert {path.encode("utf-8", "surrogateescape") for path in parse_status(status).untracked} == {*names}
