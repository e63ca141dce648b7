"""The channel of whoever sits at the terminal: the identity is the user of the machine."""

from __future__ import annotations

from datetime import datetime

from autopack.governance.approvals import ApprovalRecord
from autopack.governance.decisions import Answer, Decided, Present, decide
from autopack.governance.models import Decision
from autopack.store.database import Database

CHANNEL = "cli"


def decide_at_terminal(
    database: Database,
    record: ApprovalRecord,
    decision: Decision,
    *,
    present: Present,
    actor: str,
    reason: str = "",
    signature: str = "",
    grant_paths: tuple[str, ...] = (),
    now: datetime,
) -> Decided:
    """Store the DECISION of ACTOR; errors as in `governance.decisions.decide`."""
    answer = Answer(decision, actor, CHANNEL, reason, signature, grant_paths)
    return decide(database, record, answer, present=present, now=now)
