"""What `.autopack/config.toml` may say about scans, and how a mistake in it is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopack.config import IgnoredPaths, RuleSetting, ScanSettings, load_settings, parse_scan_settings
from autopack.errors import UsageError
from repositories import write_files

WHOLE = b"""
runs_dir = "runs"

[ledgers]
build_history = "HISTORY.md"

[scan]
roots = ["src/", "docs"]
ignore = [
    { glob = "tests/data/**", reason = "recorded output" },
    { glob = "*.gen.md", reason = "generated", rules = ["doc_drift/broken-link"] },
]

[rules."doc_drift/broken-link"]
severity = "off"
reason = "a link checker does it"
"""


def test_the_whole_file_is_read() -> None:
    """Roots lose their slash, an ignored glob may be bound to rules, and a rule has a severity with a reason."""
    assert parse_scan_settings(WHOLE) == ScanSettings(
        roots=("src", "docs"),
        ignored=(
            IgnoredPaths("tests/data/**", "recorded output"),
            IgnoredPaths("*.gen.md", "generated", ("doc_drift/broken-link",)),
        ),
        rules={"doc_drift/broken-link": RuleSetting("off", "a link checker does it")},
    )


def test_settings_carry_it_beside_the_rest(tmp_path: Path) -> None:
    """The runs folder, the ledgers and the scan come from one file; no file says nothing."""
    assert load_settings(tmp_path, {}).scan == ScanSettings()
    write_files(tmp_path, {".autopack/config.toml": WHOLE})
    settings = load_settings(tmp_path, {})
    assert settings.scan == parse_scan_settings(WHOLE)
    assert (settings.runs_root, settings.ledgers["build_history"]) == (tmp_path / "runs", "HISTORY.md")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("[scann]", "unknown key 'scann'"),
        ("[scan]\nroot = []", "unknown key 'root'"),
        ("[scan]\nroots = 'src'", "roots in [scan] is no list"),
        ("[scan]\nroots = [1]", "no list of texts"),
        ("[scan]\nignore = ['a']", "an entry of [scan] ignore is no table"),
        ("[scan]\nignore = [{glob = 'a'}]", "needs a text as reason"),
        ("[scan]\nignore = [{glob = 'a', reason = '  '}]", "needs a text as reason"),
        ("[scan]\nignore = [{reason = 'a'}]", "needs a text as glob"),
        ("[scan]\nignore = [{glob = 'a', reason = 'b', rule = ['c']}]", "unknown key 'rule'"),
        ("[rules]\n'a/b' = 'off'", "is no table"),
        ("[rules.'a/b']\nseverity = 'off'", "needs a text as reason"),
        ("[rules.'a/b']\nseverity = 'hug'\nreason = 'r'", "no severity 'hug'"),
        ("scan = 1", "[scan] is no table"),
        ("ledgers = 1", "[ledgers] is no table"),
        ("[ledgers]\nbuild_history = 1", "needs a text as build_history"),
        ("runs_dir = 1", "runs_dir is no text"),
        ("[scan", "cannot be read"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, written: str, said: str) -> None:
    """An unknown key, a wrong kind of value and a missing reason each name the place; nothing is guessed."""
    write_files(tmp_path, {".autopack/config.toml": written})
    with pytest.raises(UsageError) as refused:
        load_settings(tmp_path, {})
    assert ".autopack/config.toml" in refused.value.message
    assert said in refused.value.message
