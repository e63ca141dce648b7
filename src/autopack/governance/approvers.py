"""Who a person is on which channel, and whether they may approve. Pure.

An identity is `<channel>:<who>` and comes from the channel, never from the answer itself. `governance_review.approvers`
says which identities are the same person; without it every identity is a person of its own.
"""

from __future__ import annotations

from autopack.errors import DeniedByPolicy, UsageError
from autopack.intention_anchor.v2 import GovernanceReview


def identity_of(channel: str, who: str) -> str:
    """Return the identity of WHO on CHANNEL."""
    return f"{channel}:{who}"


def person_of(review: GovernanceReview, identity: str) -> str:
    """Return the name under which IDENTITY counts: the approver's, or the identity itself, without regard to case."""
    return _listed(review, identity) or identity.casefold()


def require_enough(review: GovernanceReview) -> None:
    """Raise UsageError where more approvals are needed than people are listed: nobody could ever give them, or one
    person could give them under several names."""
    if review.min_approvers > max(1, len({one.name.casefold() for one in review.approvers})):
        raise UsageError(
            f"governance_review.min_approvers is {review.min_approvers}, but only {len(review.approvers)} are listed.",
            hint="List them in governance_review.approvers, each with all their identities, and commit it.",
        )


def require_may_approve(review: GovernanceReview, identity: str, *, requested_by: str | None) -> None:
    """Raise DeniedByPolicy where IDENTITY may not approve what REQUESTED_BY asked for."""
    person = person_of(review, identity)
    if review.approvers and _listed(review, identity) is None:
        raise DeniedByPolicy(
            f"{identity} is none of governance_review.approvers.", hint="Ask one of them, or list them and commit it."
        )
    if review.requester_may_approve:
        return
    asker = "" if requested_by is None else person_of(review, requested_by)
    same_name = requested_by is not None and _who(requested_by) == _who(identity)
    if requested_by is None or asker == person or same_name:
        raise DeniedByPolicy(
            f"{identity} asked for this and may not approve it (governance_review.requester_may_approve: false).",
            hint="Ask another person.",
        )


def _listed(review: GovernanceReview, identity: str) -> str | None:
    """Return the approver's name; the telling case of identities is ignored, as accounts ignore it."""
    wanted = identity.casefold()
    for approver in review.approvers:
        if any(one.casefold() == wanted for one in approver.identities):
            return approver.name.casefold()
    return None


def _who(identity: str) -> str:
    return identity.partition(":")[2].casefold()
