"""The bounds of what is kept of approvals: the last value inside stands, the first outside is refused."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import pytest
from pydantic import ValidationError

from autopack.errors import InternalError
from autopack.governance.models import ApprovalRequestV1, Grant, StandingGrant
from governance.test_standing_grants import a_request, given
from governed import BASE, a_verdict, an_action


def a_request_with(**changes: Any) -> ApprovalRequestV1:
    return ApprovalRequestV1.model_validate({**a_request(an_action("docs/a.md")).model_dump(), **changes})


def a_grant_with(**changes: Any) -> StandingGrant:
    return StandingGrant.model_validate({**given().model_dump(), **changes})


def _patterns(count: int) -> tuple[str, ...]:
    return tuple(f"/docs/{number}.md" for number in range(count))


def test_a_request_that_states_no_number_of_approvers_needs_one() -> None:
    """Requests of older versions name none."""
    stated = a_request(an_action("docs/a.md")).model_dump(exclude={"min_approvers"})
    assert ApprovalRequestV1.model_validate(stated).min_approvers == 1


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        (lambda: a_request_with(min_approvers=1), lambda: a_request_with(min_approvers=0)),
        (lambda: a_request_with(min_approvers=10), lambda: a_request_with(min_approvers=11)),
        (lambda: a_request_with(nonce="0" * 32), lambda: a_request_with(nonce="0" * 33)),
        (lambda: a_grant_with(paths=_patterns(1)), lambda: a_grant_with(paths=_patterns(0))),
        (lambda: a_grant_with(paths=_patterns(50)), lambda: a_grant_with(paths=_patterns(51))),
    ],
    ids=["fewest approvers", "most approvers", "nonce", "fewest patterns", "most patterns"],
)
def test_each_bound_holds(inside: Any, outside: Any) -> None:
    """The value at a bound is taken, the one beyond it refused."""
    inside()
    with pytest.raises(ValidationError):
        outside()


def test_what_calls_itself_equal_to_the_seal_is_not_the_seal() -> None:
    """An object that claims to equal everything makes no grant."""
    with pytest.raises(InternalError, match="gate"):
        Grant(an_action("a.md"), "run-1", BASE, a_verdict("auto_approved"), "eve", None, seal=ANY)
