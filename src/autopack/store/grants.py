"""Standing grants: answers that a person gave beforehand. Documents are opaque here."""

from __future__ import annotations

from dataclasses import dataclass

from autopack.store.approvals import advance, latest_instant
from autopack.store.database import Database


@dataclass(frozen=True)
class StoredGrant:
    """A standing grant; `document` is its canonical JSON."""

    grant_id: str
    project_id: str
    kind: str
    document: str
    expires_at: str
    revoked_by: str | None = None
    revoked_at: str | None = None


def add_grant(database: Database, grant: StoredGrant) -> None:
    """Store GRANT; storing it again changes nothing."""
    with database.change() as connection:
        connection.execute(
            "INSERT INTO standing_grants VALUES (:grant_id, :project_id, :kind, :document, :expires_at, NULL, NULL)"
            " ON CONFLICT (grant_id) DO NOTHING",
            vars(grant),
        )


def usable_grants(database: Database, *, project_id: str, kind: str, now: str) -> tuple[StoredGrant, ...]:
    """Return the grants for a KIND of action in a project that are neither expired nor revoked, the oldest first."""
    rows = database.rows(
        "SELECT * FROM standing_grants WHERE project_id = ? AND kind = ? AND expires_at > ? AND revoked_by IS NULL"
        " ORDER BY rowid",
        (project_id, kind, latest_instant(database, now)),
    )
    return tuple(StoredGrant(**dict(row)) for row in rows)


def all_grants(database: Database) -> tuple[StoredGrant, ...]:
    """Return every grant ever given, the oldest first."""
    return tuple(StoredGrant(**dict(row)) for row in database.rows("SELECT * FROM standing_grants ORDER BY rowid"))


def revoke_grant(database: Database, grant_id: str, *, revoked_by: str, revoked_at: str) -> bool:
    """Take a grant back for good; False where there is none of that id. What it answered before stays answered."""
    with database.change() as connection:
        done = connection.execute(
            "UPDATE standing_grants SET revoked_by = coalesce(revoked_by, ?2), revoked_at = coalesce(revoked_at, ?3)"
            " WHERE grant_id = ?1",
            (grant_id, revoked_by, advance(connection, revoked_at)),
        )
        return done.rowcount == 1
