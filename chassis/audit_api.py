"""The audit trail for those who look into it: who did or read what, the newest first; looking is on record as well."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from chassis import audit
from chassis.access import Principal, Scope, allow
from chassis.database import Pool
from chassis.doors import AskedPage
from chassis.paging import Page
from contracts.roles import Role

Auditor = Annotated[Principal, Depends(allow(Role.DIRECTORATE, Role.OPS, scope=Scope.ANY))]
Word = Annotated[str | None, Query(min_length=1, max_length=128, pattern=r"^[^\x00]*$")]

# One statement for each way of looking something up, so that each has the plan of its own index.
SELECT_ALL: Final = """
    SELECT entry.*, link.position FROM audit_entry AS entry LEFT JOIN audit_link AS link USING (entry_id)
     WHERE ($1::bigint IS NULL OR seq < $1) AND ($2::text IS NULL OR action = $2) AND ($3::text IS NULL OR outcome = $3)
     ORDER BY seq DESC LIMIT $4
"""
SELECT_BY_ACTOR: Final = """
    SELECT entry.*, link.position FROM audit_entry AS entry LEFT JOIN audit_link AS link USING (entry_id)
     WHERE ($1::bigint IS NULL OR seq < $1) AND ($2::text IS NULL OR action = $2) AND ($3::text IS NULL OR outcome = $3)
       AND actor = $5
     ORDER BY seq DESC LIMIT $4
"""
SELECT_BY_SUBJECT: Final = """
    WITH found AS MATERIALIZED (SELECT * FROM audit_entry WHERE subjects @> ARRAY[$5])
    SELECT found.*, link.position FROM found LEFT JOIN audit_link AS link USING (entry_id)
     WHERE ($1::bigint IS NULL OR seq < $1) AND ($2::text IS NULL OR action = $2) AND ($3::text IS NULL OR outcome = $3)
       AND ($6::text IS NULL OR actor = $6)
     ORDER BY seq DESC LIMIT $4
"""


class Actor(BaseModel):
    """Who it was, according to the token."""

    kind: str
    id: str
    roles: list[str]
    unit: str | None
    facility: str | None


class Subject(BaseModel):
    """What was acted on or read."""

    kind: str
    id: str


class AuditLine(BaseModel):
    """One thing that somebody did, read, or was refused."""

    entry_id: UUID
    at: datetime
    position: int | None = Field(description="Its place in the chain; nothing yet for what has just happened")
    actor: Actor
    action: str
    outcome: audit.Outcome
    subjects: list[Subject]
    fields: list[str] = Field(description="The restricted fields that were shown")
    parameters: list[str] = Field(description="The parameters that were used; never what they said")
    reason: str | None
    rule: str | None
    status: int | None
    trace: str | None
    correlation: str | None


def audit_routes(pool: Pool) -> APIRouter:
    """The one way to look into the trail; there is none to change it."""
    router = APIRouter(prefix="/v1", tags=["operations"])

    @router.get("/audit")
    async def list_audit_entries(
        operator: Auditor,
        page: AskedPage,
        actor: Word = None,
        subject: Annotated[Word, Query(description="The id of a case, a client, a dead letter")] = None,
        action: Word = None,
        outcome: Annotated[audit.Outcome | None, Query()] = None,
    ) -> Page[AuditLine]:
        """Who did or read what, the newest first."""
        after = page.after(int)
        common = (None if after is None else after[0], action, outcome, page.fetch)
        async with pool.acquire(timeout=5.0) as connection:
            if subject is not None:
                rows = await connection.fetch(SELECT_BY_SUBJECT, *common, audit.plain(subject), actor)
            elif actor is not None:
                rows = await connection.fetch(SELECT_BY_ACTOR, *common, actor)
            else:
                rows = await connection.fetch(SELECT_ALL, *common)
        return page.page(rows, item=_line, cursor=lambda row: [row["seq"]])

    return router


def _line(row: Mapping[str, Any]) -> AuditLine:
    said = json.loads(row["body"])
    shown = {name: said[name] for name in AuditLine.model_fields if name in said}
    return AuditLine(entry_id=row["entry_id"], at=row["at"], position=row["position"], **shown)
