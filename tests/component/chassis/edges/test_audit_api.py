"""The audit trail is looked up page by page, by who, by what and by how it ended, by those who may."""

from uuid import uuid4

import pytest

from chassis import audit
from chassis.audit_api import audit_routes
from chassis.database import Pool
from contracts.roles import Role
from tests.component.chassis.edges.door import Door, Token

MAY = {Role.OPS, Role.DIRECTORATE}


def entry(who: str, subject: str, outcome: audit.Outcome = "shown") -> audit.Entry:
    """Somebody read a case."""
    actor = {"facility": None, "id": who, "kind": "person", "roles": ["REGISTRAR"], "unit": "PLG-HQ"}
    named = audit.Subject("registration", subject)
    return audit.Entry(service="registration", actor=actor, action="read_registration", outcome=outcome, subject=named)


async def test_entries_are_found_by_who_by_whom_and_by_how_it_ended_newest_first(
    door: Door, pool: Pool, token: Token
) -> None:
    who, other, case = f"reader-{uuid4()}", f"reader-{uuid4()}", str(uuid4())
    async with pool.acquire() as connection:
        await audit.insert(connection, [entry(who, case), entry(other, case), entry(who, str(uuid4()), "refused")])

    async with door.client(audit_routes(pool)) as client:
        headers = {"Authorization": token(Role.DIRECTORATE)}
        asked = (
            {"actor": who},
            {"subject": case},
            {"subject": case, "actor": other},
            {"actor": who, "outcome": "refused"},
            {"actor": who, "action": "nothing"},
        )
        found = [(await client.get("/v1/audit", params=each, headers=headers)).json()["items"] for each in asked]
        first = (await client.get("/v1/audit", params={"actor": who, "limit": 1}, headers=headers)).json()
        cursor = {"actor": who, "limit": "1", "cursor": first["next_cursor"]}
        second = (await client.get("/v1/audit", params=cursor, headers=headers)).json()

    assert [[line["actor"]["id"] for line in lines] for lines in found] == [
        [who, who], [other, who], [other], [who], []
    ]  # fmt: skip
    assert [line["outcome"] for line in first["items"] + second["items"]] == ["refused", "shown"]
    assert second["next_cursor"] is None
    assert found[1][0]["subjects"] == [{"id": case, "kind": "registration"}]
    assert found[1][0]["position"] is None, "it has just happened"


@pytest.mark.parametrize("role", sorted(Role))
async def test_nobody_but_operations_and_the_directorate_looks_into_the_trail(
    door: Door, pool: Pool, token: Token, role: Role
) -> None:
    async with door.client(audit_routes(pool)) as client:
        answer = await client.get("/v1/audit", headers={"Authorization": token(role)})

    assert answer.status_code == (200 if role in MAY else 403)
