"""What callers do, read and are refused is on record with its answer, and nothing that a field says is."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from chassis import audit
from chassis.access import Forbidden, Principal, allow
from chassis.commands import Commands
from chassis.database import Pool, open_pool
from chassis.dead_letters_api import dead_letter_routes
from chassis.engine import Engine
from chassis.idempotency import HEADER, IdempotentRequest, idempotent
from chassis.problems import NotFound
from chassis.rules.refusal import Irrelevant, Refused
from chassis.transaction import Actor, Transaction
from contracts.roles import Role
from deploy.local.backing import Backing
from tests.component.chassis.delivery.tally import TABLE, TALLIES
from tests.component.chassis.edges.desk import NAME, NIK, House
from tests.component.chassis.edges.door import Door, Token

CASE = uuid4()
REASON = "the family asks where he is"


class Act(BaseModel):
    """What an officer asks for."""

    what: str


class NotOnSundays(Refused):
    """This is not done on Sundays."""


class TooLate(Irrelevant):
    """It happened already."""


class Desk:
    """Commands, reads and refusals of every kind."""

    def __init__(self, engine: Engine) -> None:
        self.commands = Commands(engine)

    async def do(self, act: Act, tx: Transaction) -> dict[str, str]:
        """Do what is asked for, or end as it says."""
        if act.what in ENDS:
            raise ENDS[act.what]
        await tx.lock(TALLIES, CASE)
        return {"did": act.what}

    def routes(self) -> APIRouter:
        """The doors."""
        router = APIRouter(prefix="/v1")
        officer = Annotated[Principal, Depends(allow(Role.REGISTRAR))]
        once = Annotated[IdempotentRequest | None, Depends(idempotent)]

        @router.post("/cases/{case_id}/acts")
        async def act_on_case(case_id: UUID, act: Act, caller: officer, key: once) -> dict[str, str]:
            """Act."""
            actor = Actor("person", caller.subject)
            return await self.commands.run(self.do, act, actor=actor, keys=[(TALLIES, case_id)], idempotency=key)

        @router.post("/lists")
        async def take_list(acts: list[Act], caller: officer) -> int:
            """Act several times; what is refused stays behind."""
            done = 0
            for act in acts:
                try:
                    await self.commands.run(self.do, act, actor=Actor("person", caller.subject), keys=[(TALLIES, CASE)])
                    done += 1
                except Refused:
                    continue
            return done

        @router.get("/cases/{case_id}")
        async def read_case(case_id: UUID, caller: officer) -> dict[str, str]:
            """Read."""
            if case_id != CASE:
                raise NotFound("case")
            audit.saw("case", [case_id], ["name", "nik"])
            return {"name": NAME, "nik": NIK}

        @router.get("/cases")
        async def search_cases(caller: officer, q: Annotated[str, Query()]) -> list[str]:
            """Search by name."""
            audit.saw("case", [CASE], ["name"])
            return [NAME]

        @router.get("/board", dependencies=[Depends(audit.nothing_restricted)])
        async def read_board(caller: officer, hidden: bool = False) -> int:  # noqa: FBT001, FBT002  a parameter of a query
            """Nothing restricted, unless it is hidden."""
            if hidden:
                raise Forbidden("this belongs to another unit")
            return 7

        return router


ENDS: dict[str, Exception] = {"sunday": NotOnSundays(), "late": TooLate(), "break": ZeroDivisionError(NAME)}


@pytest.fixture
async def trail(engine: Engine, door: Door, pool: Pool, token: Token) -> AsyncIterator["Trail"]:
    """A desk whose doors are on record, and what was recorded before."""
    await pool.execute(TABLE.sql.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
    door.audited = pool
    async with door.client(Desk(engine).routes(), dead_letter_routes(House(engine).desk)) as client:
        last = await pool.fetchval("SELECT coalesce(max(seq), 0) FROM audit_entry")
        yield Trail(client, pool, token(Role.REGISTRAR, subject="REG-HQ-01"), last)


class Trail:
    """Somebody at the doors, and what is written about it."""

    def __init__(self, client: httpx.AsyncClient, pool: Pool, caller: str, last: int) -> None:
        self.client, self.pool, self._last = client, pool, last
        self.headers = {"Authorization": caller}

    async def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Call as the registrar, or as whoever is given."""
        headers = self.headers | more.pop("headers", {})
        return await self.client.request(method, f"/v1{path}", headers=headers, **more)

    async def entries(self) -> list[dict[str, Any]]:
        """What was recorded since."""
        rows = await self.pool.fetch("SELECT body FROM audit_entry WHERE seq > $1 ORDER BY seq", self._last)
        return [json.loads(row["body"]) for row in rows]

    async def entry(self) -> dict[str, Any]:
        """The only entry."""
        [entry] = await self.entries()
        return entry


async def test_an_act_says_who_did_what_on_which_case_and_in_which_trace(trail: Trail) -> None:
    answer = await trail.call("POST", f"/cases/{CASE}/acts", json={"what": "stamp"})

    assert answer.status_code == 200, answer.text
    entry = await trail.entry()
    assert entry["actor"] == {
        "facility": None, "id": "REG-HQ-01", "kind": "person", "roles": ["REGISTRAR"], "unit": "PLG-HQ"
    }  # fmt: skip
    assert (entry["action"], entry["outcome"], entry["status"]) == ("act_on_case", "done", None)
    assert entry["subjects"] == [{"id": str(CASE), "kind": "tally"}]
    assert entry["correlation"] == answer.headers["X-Correlation-ID"]
    assert len(entry["trace"]) == 32
    assert (entry["service"], entry["v"]) == ("registration", 1)


@pytest.mark.parametrize(
    ("what", "status", "outcome", "rule"),
    [
        ("sunday", 409, "refused", "not-on-sundays"),
        ("late", 200, "irrelevant", "too-late"),
        ("break", 500, "failed", None),
    ],
)
async def test_what_was_refused_or_failed_is_on_record_too(
    trail: Trail, what: str, status: int, outcome: str, rule: str | None
) -> None:
    answer = await trail.call("POST", f"/cases/{CASE}/acts", json={"what": what})

    entry = await trail.entry()
    assert answer.status_code == entry["status"] == status
    assert (entry["outcome"], entry["rule"]) == (outcome, rule)
    assert NAME not in json.dumps(entry)


async def test_an_act_that_came_twice_is_done_once_and_said_to_be_repeated(trail: Trail) -> None:
    key = {HEADER: uuid4().hex}

    for _ in range(2):
        await trail.call("POST", f"/cases/{CASE}/acts", json={"what": "stamp"}, headers=key)

    assert [entry["outcome"] for entry in await trail.entries()] == ["done", "repeated"]


async def test_of_a_list_every_line_is_on_record(trail: Trail) -> None:
    await trail.call("POST", "/lists", json=[{"what": what} for what in ("stamp", "sunday", "sign")])

    assert sorted(entry["outcome"] for entry in await trail.entries()) == ["done", "done", "refused"]


async def test_a_body_that_does_not_fit_is_on_record_without_what_it_says(trail: Trail) -> None:
    answer = await trail.call("POST", f"/cases/{CASE}/acts", json={"name": NAME})

    entry = await trail.entry()
    assert answer.status_code == entry["status"] == 422
    assert entry["outcome"] == "refused"
    assert NAME not in json.dumps(entry)


async def test_a_read_names_the_case_and_the_fields_and_not_what_they_say(trail: Trail) -> None:
    await trail.call("GET", f"/cases/{CASE}")

    entry = await trail.entry()
    assert (entry["action"], entry["outcome"], entry["status"]) == ("read_case", "shown", 200)
    assert {"id": str(CASE), "kind": "case"} in entry["subjects"]
    assert entry["fields"] == ["name", "nik"]
    assert NAME not in json.dumps(entry)
    assert NIK not in json.dumps(entry)


async def test_a_search_by_name_says_that_it_was_by_name_and_whom_it_showed(trail: Trail, door: Door) -> None:
    await trail.call("GET", "/cases", params={"q": NAME})

    entry = await trail.entry()
    assert entry["parameters"] == ["q"]
    assert entry["subjects"] == [{"id": str(CASE), "kind": "case"}]
    told = [
        json.dumps(entry),
        door.metrics.text().decode(),
        *(span.to_json() for span in door.spans.get_finished_spans()),
    ]
    assert not [text for text in told if NAME in text or NIK in text]


async def test_what_shows_nothing_restricted_is_not_on_record_until_it_is_forbidden(trail: Trail) -> None:
    await trail.call("GET", "/board")
    nothing = await trail.entries()
    await trail.call("GET", "/board", params={"hidden": "true"})

    assert nothing == []
    assert ((await trail.entry())["outcome"], (await trail.entry())["status"]) == ("refused", 403)


async def test_who_may_not_and_who_finds_nothing_is_on_record(trail: Trail, token: Token) -> None:
    await trail.call("GET", f"/cases/{CASE}", headers={"Authorization": token(Role.OPS, subject="curious")})
    other = uuid4()
    await trail.call("GET", f"/cases/{other}")

    forbidden, missing = await trail.entries()
    assert (forbidden["actor"]["id"], forbidden["outcome"], forbidden["status"]) == ("curious", "refused", 403)
    assert (missing["outcome"], missing["status"], missing["subjects"]) == (
        "refused", 404, [{"id": str(other), "kind": "case"}]
    )  # fmt: skip


async def test_a_stranger_is_nobody_and_fills_no_table(trail: Trail) -> None:
    answer = await trail.client.get(f"/v1/cases/{CASE}")

    assert answer.status_code == 401
    assert await trail.entries() == []


async def test_operators_acts_on_a_dead_letter_are_on_record_with_their_reason(
    trail: Trail, engine: Engine, token: Token
) -> None:
    await House(engine).set_aside_a_broken_release()
    operator = {"Authorization": token(Role.OPS, subject="ops-1")}
    listed = await trail.call("GET", "/dead-letters", headers=operator)
    letter = listed.json()["items"][0]["id"]

    await trail.call("POST", f"/dead-letters/{letter}/reveal", json={"reason": REASON}, headers=operator)
    await trail.call(
        "PATCH", f"/dead-letters/{letter}", headers=operator,
        json={"changes": {"released_at": "2026-05-29T15:45:00+07:00"}, "reason": "a day was written"},
    )  # fmt: skip
    await trail.call("POST", f"/dead-letters/{letter}/retry", headers=operator)
    await trail.call("POST", f"/dead-letters/{letter}/retry", headers=operator)
    discarded = await trail.call("POST", f"/dead-letters/{letter}/discard", json={"reason": REASON}, headers=operator)

    entries = await trail.entries()
    assert [(entry["action"], entry["outcome"], entry["reason"]) for entry in entries] == [
        ("reveal_dead_letter", "shown", REASON),
        ("change_dead_letter_data", "done", "a day was written"),
        ("retry_dead_letter", "done", None),
        ("retry_dead_letter", "refused", None),
        ("discard_dead_letter", "refused", None),
    ]
    assert discarded.status_code == 409
    assert {entry["subjects"][0]["id"] for entry in entries} == {letter}
    assert NAME not in json.dumps(entries)


async def test_what_cannot_be_recorded_is_not_shown(backing: Backing, engine: Engine, door: Door, token: Token) -> None:
    """The connection leads to a database without a trail: the caller is told to come again, and sees nothing."""
    dsn = backing.create_database(f"trailless_{uuid4().hex[:8]}")
    door.audited = await open_pool(dsn, name="test")
    try:
        async with door.client(Desk(engine).routes()) as client:
            answer = await client.get(f"/v1/cases/{CASE}", headers={"Authorization": token(Role.REGISTRAR)})
    finally:
        await door.audited.close()

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert NAME not in answer.text
    assert b"bapas_audit_lost_entries_total 1.0" in door.metrics.text()


async def test_an_entry_is_only_added(trail: Trail) -> None:
    await trail.call("GET", f"/cases/{CASE}")

    for statement in ("UPDATE audit_entry SET body = '{}'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await trail.pool.execute(statement)


async def test_acts_at_the_same_time_do_not_wait_for_each_other(trail: Trail, pool: Pool) -> None:
    """A transaction that has entered its act and is still open keeps nobody else from entering theirs."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO audit_entry (body, actor, action, outcome, subjects) VALUES ('{}', 'x', 'x', 'done', '{}')"
        )
        async with asyncio.timeout(5):
            answers = await asyncio.gather(
                *(trail.call("POST", f"/cases/{uuid4()}/acts", json={"what": "stamp"}) for _ in range(8))
            )

    assert {answer.status_code for answer in answers} == {200}
