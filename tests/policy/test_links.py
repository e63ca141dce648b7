"""Paths are judged by where they lead: through files, folders, chains and loops of links."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autopack.config import load_settings
from autopack.git import Git
from autopack.operations.base_policy import policy_for, tree_links
from autopack.policy.decide import Policy
from autopack.policy.facts import Circumstances
from autopack.policy.links import NOWHERE, led_to
from policy.anchors import KINDS, an_anchor, some_facts
from repositories import MakeRepository, commit_all

LINKS = {
    "docs/here.md": "guide.md",
    "docs/up": "../src",
    "docs/out": "../../etc",
    "docs/root": "/etc",
    "docs/chain": "up",
    "docs/self": "self",
    "docs/one": "two",
    "docs/two": "one",
    "docs/git": "../.git",
    "docs/dot": "./././guide.md",
    "docs/top": "..",
    "a": "docs/chain",
}


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("docs/guide.md", None),
        ("docs/here.md", "docs/guide.md"),
        ("docs/up/x.py", "src/x.py"),
        ("docs/up/-x.py", "src/-x.py"),
        ("docs/chain/x.py", "src/x.py"),
        ("a/x.py", "src/x.py"),
        ("docs/dot", "docs/guide.md"),
        ("docs/git/config", ".git/config"),
        ("docs/top/src/x.py", "src/x.py"),
        ("docs/top", NOWHERE),
        ("docs/out/passwd", NOWHERE),
        ("docs/root/passwd", NOWHERE),
        ("docs/self", NOWHERE),
        ("docs/one/x", NOWHERE),
    ],
)
def test_links_are_followed_as_the_kernel_does(path: str, leads: str | None) -> None:
    """A link, a folder that is one, a chain, a loop and a way out each lead where path_resolution(7) says."""
    assert led_to(path, LINKS) == leads


def test_following_agrees_with_a_real_file_system(tmp_path: Path) -> None:
    """What the pure walk answers is what the operating system resolves."""
    for folder in ("docs", "src"):
        (tmp_path / folder).mkdir()
    (tmp_path / "docs/guide.md").touch()
    (tmp_path / "src/x.py").touch()
    for path, target in LINKS.items():
        (tmp_path / path).symlink_to(target)
    for path in ("docs/here.md", "docs/up/x.py", "docs/chain/x.py", "a/x.py", "docs/dot", "docs/top/src/x.py"):
        assert led_to(path, LINKS) == os.path.relpath((tmp_path / path).resolve(), tmp_path.resolve())


def test_a_link_into_a_guarded_place_takes_its_verdict() -> None:
    """An allowed name that leads to a guarded one is judged as the guarded one; one that leads out is blocked."""
    policy = Policy.build(an_anchor(), kinds=KINDS, links={**LINKS, "docs/env.md": "../src/.env"})
    assert policy.decide(some_facts(), _run()).outcome == "auto_approved"
    assert policy.decide(some_facts(paths=("docs/here.md",)), _run()).outcome == "auto_approved"
    assert policy.decide(some_facts(paths=("docs/up/x.py",)), _run()).rules == ("default.no-rule-auto-approves",)
    assert policy.decide(some_facts(paths=("docs/env.md",)), _run()).rules == ("never.path",)
    assert policy.decide(some_facts(paths=("docs/git/config",)), _run()).rules == (
        "block.outside-write-roots",
        "block.protected-path",
    )
    assert policy.decide(some_facts(paths=("docs/out/passwd",)), _run()).rules == ("engine.unsafe-path",)


def test_links_belong_to_the_digest() -> None:
    """A tree with another link is judged by another policy, so that approvals do not carry over."""
    plain, linked = (Policy.build(an_anchor(), kinds=KINDS, links=links) for links in ({}, {"docs/a": "b"}))
    assert plain.digest != linked.digest


def test_links_and_configuration_come_from_the_base_commit(make_repository: MakeRepository) -> None:
    """A link or a configuration that is only in the working copy changes no verdict; the committed ones decide."""
    repo = make_repository(
        {"docs/guide.md": "x\n", "src/x.py": "x\n", ".autopack/config.toml": '[ledgers]\nnotes = "docs/NOTES.md"\n'}
    )
    (repo / "docs/inner").symlink_to("../src")
    base = commit_all(repo)
    assert tree_links(Git(repo), base) == {"docs/inner": "../src"}
    before = policy_for(load_settings(repo, {}), an_anchor(), base)
    assert before.decide(some_facts(paths=("docs/NOTES.md",)), _run()).rules == ("never.path",)
    (repo / ".autopack/config.toml").write_text('[ledgers]\nnotes = "elsewhere/NOTES.md"\n')
    (repo / ".autopack/policy.cedar").write_text("garbage")
    (repo / "docs/inner").unlink()
    after = policy_for(load_settings(repo, {}), an_anchor(), base)
    assert after.digest == before.digest
    assert after.decide(some_facts(paths=("docs/NOTES.md",)), _run()).rules == ("never.path",)


def _run() -> Circumstances:
    return Circumstances()


def test_the_number_of_hops_is_bounded() -> None:
    """Forty links in a row are followed, as the kernel does, and one more leads nowhere."""
    chain = {f"l{number}": f"l{number - 1}" for number in range(1, 60)}
    assert led_to("l40", chain) == "l0"
    assert led_to("l41", chain) == NOWHERE
