"""An answer given beforehand speaks for exactly what it names, and for nothing that differs in one point."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from asked import a_review, an_approver
from autopack.actions.models import Action, CostEstimate, Interval
from autopack.errors import ArtifactError, DeniedByPolicy, UsageError
from autopack.governance.approvals import binding_of
from autopack.governance.models import ApprovalRequestV1, StandingGrant
from autopack.governance.standing_grants import covers, grant_for, grants_on_record, make_grant, store_grant
from autopack.intention_anchor.v2 import GovernanceReview
from autopack.store.database import open_database
from autopack.store.grants import all_grants
from governed import a_plan, an_action

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REVIEW = a_review(standing_grant_days=7)


def a_request(action: Action, *because: str) -> ApprovalRequestV1:
    plan = a_plan(action)
    return ApprovalRequestV1(
        request_id="unsealed",
        project_id=plan.project_id,
        run_id=plan.run_id,
        binding=binding_of(plan, action),
        canonical_text="text",
        asked_because=because or action.decided_by,
        requested_at="2026-01-02T03:04:05Z",
    ).sealed()


def given(
    action: Action | None = None, *paths: str, review: GovernanceReview = REVIEW, because: tuple[str, ...] = ()
) -> StandingGrant:
    """Return the grant that an `allow_always` for ACTION gives."""
    about = action or an_action("docs/a.md")
    request = a_request(about, *because)
    return make_grant(about, request, review, granted_by="ada", channel="cli", now=NOW, paths=paths)


def changed(action: Action, **update: object) -> Action:
    return action.model_copy(update=update)


def sized(action: Action, high: int | None) -> Action:
    none = Interval(low=0, high=0)
    return changed(action, cost_estimate=CostEstimate(lines=Interval(low=0, high=high), seconds=none, tokens=none))


def test_a_grant_names_what_was_seen() -> None:
    """Kind, paths, size and risk are those of the action, and it ends after the days that the owner stated."""
    action = an_action("docs/a.md")
    grant = given(action)
    assert (grant.kind, grant.paths, grant.max_lines, grant.max_risk) == ("link_fix", ("/docs/a.md",), 2, 10)
    assert (grant.granted_by, grant.channel, grant.granted_at) == ("ada", "cli", "2026-01-02T03:04:05Z")
    assert grant.expires_at == "2026-01-09T03:04:05Z"
    assert given(action, "/docs/**").paths == ("/docs/**",)


def test_who_may_not_answer_beforehand() -> None:
    """No days, several approvers, a rule that asks every time or an unknown size: each refuses, with its reason."""
    two = a_review(an_approver("ada"), an_approver("grace"), min_approvers=2, standing_grant_days=7)
    unknown = sized(an_action("docs/a.md"), None)
    for said, attempt in {
        r"standing_grant_days is 0": lambda: given(review=GovernanceReview()),
        "Several people have to approve": lambda: given(review=two),
        r"^never\.path, never\.unknown asks every time": lambda: given(
            because=("never.unknown", "never.risk", "never.path")
        ),
        "size is unknown": lambda: given(unknown),
    }.items():
        with pytest.raises(DeniedByPolicy, match=said):
            attempt()
    assert given(review=a_review(standing_grant_days=1)).expires_at == "2026-01-03T03:04:05Z"
    assert given(because=("default.no-rule-auto-approves", "never.requires-approval", "never.risk"))


@pytest.mark.parametrize("pattern", ["/**", "/*", "/", "**", "docs/**", "*.md", "/?", "/*?", "/**/a.md", "/.", "/*.*"])
def test_a_pattern_that_begins_with_anything_is_too_broad(pattern: str) -> None:
    """A grant begins with the root and the name of a folder or a file."""
    with pytest.raises(UsageError, match="too broad"):
        given(an_action("docs/a.md"), pattern, "/docs/a.md")


@pytest.mark.parametrize("pattern", ["/docs/**", "/docs/*.md", "/d*/**", "/docs/a.md", "/docs"])
def test_a_pattern_below_a_name_is_narrow_enough(pattern: str) -> None:
    """Wildcards may stand behind the beginning of a name."""
    assert given(an_action("docs/a.md"), pattern).paths == (pattern,)


@pytest.mark.parametrize("name", ["docs/[a].md", "docs/*.md", "docs/a?.md"])
def test_a_name_that_reads_like_a_pattern_needs_one(name: str) -> None:
    """The exact paths of an action are taken as they are only where they mean themselves."""
    with pytest.raises(UsageError, match="reads like a pattern"):
        given(an_action(name))


def test_a_grant_covers_the_action_that_it_was_given_for() -> None:
    """Patterns that miss a path of the action, cannot be used or cover nothing are refused."""
    both = an_action("docs/a.md", target_paths=("docs/a.md", "src/b.py"))
    with pytest.raises(UsageError, match=r"do not cover src/b\.py"):
        given(both, "/docs/**")
    with pytest.raises(UsageError, match=r"do not cover docs/a\.md"):
        given(both, "/other/**")
    with pytest.raises(UsageError, match="cannot be used"):
        given(both, "/docs/[z-a]")
    with pytest.raises(UsageError, match="do not cover anything"):
        given(changed(both, target_paths=()), "/docs/**")


ACTION = an_action("docs/a.md")


@pytest.mark.parametrize(
    ("grant", "plan", "action"),
    [
        ({"project_id": "zebra"}, {}, {}),
        ({"project_id": "aaa"}, {}, {}),
        ({"kind": "file_move"}, {}, {}),
        ({"kind": "zzz"}, {}, {}),
        ({"anchor_id": "anchor-zzz"}, {}, {}),
        ({"anchor_id": "a"}, {}, {}),
        ({"policy_digest": "f" * 64}, {}, {}),
        ({"policy_digest": "0" * 64}, {}, {}),
        ({"max_lines": 1}, {}, {}),
        ({"max_risk": 9}, {}, {}),
        ({"paths": ("/docs/b.md",)}, {}, {}),
        ({}, {}, {"approval_status": "blocked"}),
        ({}, {}, {"approval_status": "auto_approved"}),
        ({}, {}, {"decided_by": ()}),
        ({}, {}, {"decided_by": ("never.risk", "never.path")}),
        ({}, {}, {"target_paths": ()}),
        ({}, {}, {"target_paths": ("docs/a.md", "src/b.py")}),
        ({}, {}, {"risk_score": 11}),
    ],
    ids=str,
)
def test_one_difference_and_the_grant_is_silent(
    grant: dict[str, object], plan: dict[str, object], action: dict[str, object]
) -> None:
    """Project, kind, intention, policy, size, risk, status, rules and every path have to fit."""
    stands, asked = given(ACTION), a_plan(ACTION).model_copy(update=plan)
    assert covers(stands, asked, ACTION)
    assert not covers(stands.model_copy(update=grant), asked, changed(ACTION, **action))


def test_a_grant_reaches_up_to_its_bounds() -> None:
    """As many lines and as much risk as was seen are covered, less too; one line more or an unknown size is not."""
    grant, plan = given(ACTION), a_plan(ACTION)
    for high, covered in ((0, True), (1, True), (2, True), (3, False), (None, False)):
        assert covers(grant, plan, sized(ACTION, high)) is covered
    for score, covered in ((0, True), (9, True), (10, True), (11, False)):
        assert covers(grant, plan, changed(ACTION, risk_score=score)) is covered
    every = ("default.no-rule-auto-approves", "never.requires-approval", "never.risk")
    for count in range(1, 4):
        assert covers(grant, plan, changed(ACTION, decided_by=every[:count]))


def test_a_stored_grant_answers_until_it_ends(tmp_path: Path) -> None:
    """The grant that fits is found among others, up to the second before its end, and the list shows them all."""
    other, plan = an_action("docs/b.md"), a_plan(ACTION)
    with open_database(tmp_path / "autopack.db") as database:
        for grant in (given(other), given(ACTION)):
            store_grant(database, grant)
        assert grant_for(database, plan, ACTION, NOW) == given(ACTION)
        assert grant_for(database, plan, an_action("docs/c.md"), NOW) is None
        assert [grant for grant, _ in grants_on_record(database)] == [given(other), given(ACTION)]
        assert [row.document for _, row in grants_on_record(database)] == [row.document for row in all_grants(database)]
        assert grant_for(database, plan, ACTION, NOW + timedelta(days=7, seconds=-1)) is not None
        assert grant_for(database, plan, ACTION, NOW + timedelta(days=7)) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("document = '{'", "damaged"),
        ("document = replace(document, '\"max_lines\":2', '\"max_lines\":9')", "edited"),
        ("expires_at = '2027-01-09T03:04:05Z'", "edited"),
        ("expires_at = '2026-01-08T03:04:05Z'", "edited"),
        ("kind = 'file_move'", "edited"),
        ("kind = 'zzz'", "edited"),
        ("project_id = 'other'", "edited"),
        ("project_id = 'zzz'", "edited"),
        ("grant_id = 'grant-000000000000'", "edited"),
    ],
)
def test_a_stored_grant_that_was_edited_is_refused(tmp_path: Path, change: str, said: str) -> None:
    """A row or a document that was changed behind the back is named, never used."""
    with open_database(tmp_path / "autopack.db") as database:
        store_grant(database, given(ACTION))
        with database.change() as connection:
            connection.execute(f"UPDATE standing_grants SET {change}")
        with pytest.raises(ArtifactError, match=said):
            grants_on_record(database)
