"""Looking at few paths finds what looking at all of them would find."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from autopack.gaps import site_generators
from autopack.gaps.document_places import without_language
from autopack.gaps.path_index import path_index
from autopack.gaps.site_generators import find_sites

PARTS = st.sampled_from(
    [
        "docs",
        "Docs",
        "DOCS",
        "de",
        "zh-CN",
        "pt_BR",
        "guide.md",
        "Guide.md",
        "guide.de.md",
        "guide.zh-CN.md",
        "guide_fr.md",
        "README.md",
        "readme.md",
        "README-ja.md",
        ".de.md",
        "de.md",
        "straße",
        "STRASSE",
        "İ.md",
        "i̇.md",
        "a",
        "A",
    ]
)
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


@settings(max_examples=400)
@given(st.lists(PATHS, max_size=12, unique=True), PATHS)
def test_a_path_is_found_as_by_looking_at_all(paths: list[str], wanted: str) -> None:
    """By the end of a path, without regard to case, and in another language."""
    index = path_index(paths)
    assert sorted(index.ending_in(wanted)) == sorted(path for path in paths if f"/{path}".endswith(f"/{wanted}"))
    assert sorted(index.same_but_for_case(wanted)) == sorted(
        path for path in paths if path.casefold() == wanted.casefold()
    )
    neutral = without_language(wanted)
    assert index.has_in_another_language(wanted) == (
        neutral != wanted and neutral in {without_language(path) for path in paths}
    )
    assert index.extensions == {path.rpartition("/")[2].rpartition(".")[2] for path in paths}


def test_the_same_paths_are_sorted_once() -> None:
    """Detectors ask one after the other."""
    assert path_index(["a", "b"]) is path_index(["a", "b"])
    assert path_index(["a", "b"]) is not path_index(["a", "c"])


@settings(max_examples=300)
@given(st.from_regex(site_generators._CONFIGURATION, fullmatch=True))
def test_no_configuration_of_a_site_is_passed_over(name: str) -> None:
    """The quick look at a name lets every configuration through."""
    if "/" not in name:
        assert "docs" in find_sites([f"docs/{name}"]).roots
