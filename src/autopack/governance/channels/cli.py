"""The channel of whoever sits at the terminal: the identity is the user of the machine."""

from __future__ import annotations

from datetime import datetime

from autopack.governance.approvals import ApprovalRecord, decide
from autopack.governance.models import ApprovalBinding, Decision, RecordedDecision
from autopack.store.database import Database

CHANNEL = "cli"


def decide_at_terminal(
    database: Database,
    record: ApprovalRecord,
    decision: Decision,
    *,
    current: ApprovalBinding | None,
    actor: str,
    reason: str,
    now: datetime,
) -> RecordedDecision:
    """Store the DECISION of ACTOR; errors as in `governance.approvals.decide`."""
    return decide(
        database, record, decision, current=current, decided_by=actor, channel=CHANNEL, reason=reason, now=now
    )
