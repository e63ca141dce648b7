"""Owner rules become data, extra forbids stay forbids, and neither can become anything else."""

from __future__ import annotations

import pytest

from autopack.errors import UsageError
from autopack.policy import compile as compiling
from autopack.policy.decide import Policy
from autopack.policy.facts import Circumstances
from policy.anchors import KINDS, a_rule, an_anchor, some_facts

BAD_FORBIDS = {
    "a permit": '@id("local.x") permit (principal, action, resource);',
    "a permit beside a forbid": '@id("local.a") forbid (principal, action, resource) when { resource.files > 9 };'
    '@id("local.b") permit (principal, action, resource);',
    "no id": "forbid (principal, action, resource);",
    "empty id": '@id("") forbid (principal, action, resource);',
    "a shipped id": '@id("block.network") forbid (principal, action, resource);',
    "an owner's id": '@id("owner.docs-small") forbid (principal, action, resource);',
    "an id twice": '@id("local.x") forbid (principal, action, resource);' * 2,
    "arithmetic": '@id("local.x") forbid (principal, action, resource) when { resource.files * 2 > 3 };',
    "negation of a number": '@id("local.x") forbid (principal, action, resource) when { -resource.files < 3 };',
    "like": '@id("local.x") forbid (principal, action, resource) when { "a" like "*" };',
    "an address": '@id("local.x") forbid (principal, action, resource) when { ip("no").isIpv4() };',
    "a misspelt fact": '@id("local.x") forbid (principal, action, resource) when { resource.linse > 3 };',
    "a fact that may be missing": '@id("local.x") forbid (principal, action, resource) when { resource.lines > 3 };',
    "a misspelt label": '@id("local.x") forbid (principal, action, resource)'
    ' when { resource.labels.contains(Label::"any:protcted") };',
    "a misspelt kind": '@id("local.x") forbid (principal, action, resource) when { resource.kind == Kind::"eddit" };',
    "a misspelt question": '@id("local.x") forbid (principal, action == Action::"atempt", resource);',
    "a template": '@id("local.x") forbid (principal == ?principal, action, resource);',
    "no policy": "forbid",
    "deep nesting": '@id("local.x") forbid (principal, action, resource) when { ' + "(" * 5_000 + "true",
    "too large": "// " + "x" * 70_000,
    "a number beyond 64 bits": '@id("local.x") forbid (principal, action, resource) when { 99999999999999999999 > 1 };',
}


@pytest.mark.parametrize("name", BAD_FORBIDS)
def test_extra_forbids_that_cannot_stand_are_refused(name: str) -> None:
    """Only forbids with ids `local.*` that cannot fail at run time are loaded."""
    with pytest.raises(UsageError, match=r"policy\.cedar"):
        Policy.build(an_anchor(), kinds=KINDS, local_policy=BAD_FORBIDS[name])


def test_an_extra_policy_may_be_as_large_as_its_bound() -> None:
    """65,536 bytes are read, one more is refused with the bound; a letter beyond ASCII counts as its bytes."""
    most = "// " + "x" * 65_533
    assert not Policy.build(an_anchor(), kinds=KINDS, local_policy=most).fault
    for larger in (most + "x", most[:-1] + "\N{LATIN SMALL LETTER E WITH ACUTE}"):
        with pytest.raises(UsageError, match="larger than 65536 bytes"):
            Policy.build(an_anchor(), kinds=KINDS, local_policy=larger)


def test_an_extra_forbid_tightens_and_is_named() -> None:
    """A forbid of the owner's beats the owner's own rule, and the verdict names it."""
    ask = '@id("local.few") forbid (principal, action == Action::"auto_approve", resource) when { resource.files > 1 };'
    stop = '@id("local.none") forbid (principal, action, resource) when { resource has risk && resource.risk > 9 };'
    policy = Policy.build(an_anchor(), kinds=KINDS, local_policy=ask + stop)
    two = some_facts(paths=("docs/a.md", "docs/b.md"))
    assert policy.decide(some_facts(), Circumstances()).outcome == "auto_approved"
    assert policy.decide(two, Circumstances()).rules == ("local.few",)
    assert policy.decide(some_facts(risk=10), Circumstances()).rules == ("local.none",)


def test_an_extra_forbid_of_everything_is_allowed() -> None:
    """The owner may stop everything without upsetting the self-test."""
    policy = Policy.build(
        an_anchor(), kinds=KINDS, local_policy='@id("local.stop") forbid (principal, action, resource);'
    )
    assert policy.decide(some_facts(), Circumstances()).rules == ("local.stop",)


def test_the_owners_words_never_become_policy() -> None:
    """A rule whose texts look like Cedar compiles to the same conditions, inert."""
    hostile = a_rule(
        description='x" || true }; permit (principal, action, resource); //',
        paths=('/docs/"]) || true }; permit (principal, action, resource); //',),
    )
    from autopack.intention_anchor.v2 import GovernanceReview

    policy = Policy.build(an_anchor(governance=GovernanceReview(auto_approve_rules=(hostile,))), kinds=KINDS)
    assert policy.fault == ""
    assert policy.decide(some_facts(), Circumstances()).outcome == "requires_approval"
    assert policy.decide(some_facts(paths=("src/a.py",)), Circumstances()).outcome == "requires_approval"


def test_the_shipped_policy_fits_one_screen_and_explains_each_rule() -> None:
    """Every policy carries an id and stands under a comment; the file stays readable at one look."""
    lines = compiling.shipped_policy().splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("@id(")]
    assert len(lines) <= 80
    assert max(map(len, lines)) <= 120
    assert len(starts) == len(dict(compiling._parsed(compiling.shipped_policy())))
    assert all(lines[number - 1].startswith("// ") for number in starts)
