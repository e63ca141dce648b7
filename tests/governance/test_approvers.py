"""Who a person is, and that whoever asked does not approve."""

from __future__ import annotations

import pytest

from asked import a_review, an_approver
from autopack.errors import DeniedByPolicy, UsageError
from autopack.governance.approvers import require_enough, require_may_approve
from autopack.intention_anchor.v2 import GovernanceReview

GRACE = an_approver("Grace", "cli:grace", "telegram:42")
LISTED = a_review(an_approver("ada"), GRACE, an_approver("zoe"), requester_may_approve=False)
UNLISTED = a_review(requester_may_approve=False)


@pytest.mark.parametrize(
    ("review", "asked_by", "approved_by"),
    [
        (LISTED, "cli:grace", "telegram:42"),
        (LISTED, "cli:grace", "CLI:Grace"),
        (LISTED, None, "cli:ada"),
        (UNLISTED, "cli:grace", "github:Grace"),
        (UNLISTED, None, "cli:ada"),
    ],
)
def test_whoever_asked_does_not_approve(review: GovernanceReview, asked_by: str | None, approved_by: str) -> None:
    """Not under another identity, nor in capitals, nor under the same name elsewhere, nor where nobody knows who
    asked."""
    with pytest.raises(DeniedByPolicy, match="requester_may_approve"):
        require_may_approve(review, approved_by, requested_by=asked_by)


@pytest.mark.parametrize("review", [LISTED, UNLISTED], ids=["listed", "unlisted"])
@pytest.mark.parametrize(
    ("asked_by", "approved_by"),
    [("cli:ada", "cli:grace"), ("cli:grace", "cli:ada"), ("cli:grace", "cli:zoe"), ("cli:zoe", "cli:grace")],
)
def test_anybody_else_may(review: GovernanceReview, asked_by: str, approved_by: str) -> None:
    """Another person approves, whichever name comes first in the alphabet."""
    require_may_approve(review, approved_by, requested_by=asked_by)


def test_only_the_listed_approve() -> None:
    """Where approvers are listed, an identity that is none of theirs is refused, also of a known name."""
    review = a_review(GRACE)
    require_may_approve(review, "telegram:42", requested_by="cli:grace")
    for identity in ("telegram:43", "github:grace", "cli:ada"):
        with pytest.raises(DeniedByPolicy, match="none of"):
            require_may_approve(review, identity, requested_by="cli:zoe")


def test_there_are_as_many_people_as_approvals_needed() -> None:
    """One name in two spellings is one person; one approval can be given without a list."""
    require_enough(a_review())
    require_enough(a_review(an_approver("ada"), GRACE, min_approvers=2))
    for approvers in ((), (an_approver("ada"),), (an_approver("ada"), an_approver("ADA", "cli:other"))):
        with pytest.raises(UsageError, match=f"min_approvers is 2, but only {len(approvers)} are listed"):
            require_enough(a_review(*approvers, min_approvers=2))
