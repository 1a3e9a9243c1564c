"""The same request twice: done once, answered alike; on a real database, at the same time too."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends
from pydantic import BaseModel

from chassis.access import Principal, allow
from chassis.commands import Commands
from chassis.database import Pool
from chassis.engine import Engine
from chassis.idempotency import HEADER, REPLAYED_HEADER, IdempotentRequest, idempotent, prune
from chassis.rules.refusal import Refused
from chassis.transaction import Actor, Transaction
from contracts.roles import Role
from tests.component.chassis.edges.door import Door, Token


class Order(BaseModel):
    """What somebody asks for."""

    what: str
    seconds: float = 0


class Done(BaseModel):
    """What became of it."""

    number: int
    what: str


class NotToday(Refused):
    """The office does not do this today."""


class Desk:
    """Counts what is really done; refuses what is named so."""

    def __init__(self, engine: Engine) -> None:
        self.done = 0
        self.commands = Commands(engine)

    async def do(self, order: Order, tx: Transaction) -> Done:
        """Do what is asked for."""
        if order.what == "refuse":
            raise NotToday
        await asyncio.sleep(order.seconds)
        connection = await tx.connection()
        await connection.execute("SELECT 1")
        self.done += 1
        return Done(number=self.done, what=order.what)

    def routes(self) -> APIRouter:
        """One command."""
        router = APIRouter()

        @router.post("/orders", status_code=201)
        async def order(
            caller: Annotated[Principal, Depends(allow(Role.REGISTRAR, Role.OPS))],
            key: Annotated[IdempotentRequest | None, Depends(idempotent)],
            order: Order,
        ) -> Done:
            actor = Actor("person", caller.subject)
            return await self.commands.run(self.do, order, actor=actor, idempotency=key)

        return router


@pytest.fixture
def desk(engine: Engine) -> Desk:
    """A desk at which nothing was done yet."""
    return Desk(engine)


async def post(
    client: httpx.AsyncClient, token: str, what: str, *, key: str | None = "key-1", seconds: float = 0
) -> httpx.Response:
    """Ask for something."""
    headers = {"Authorization": token} | ({HEADER: key} if key is not None else {})
    return await client.post("/orders", json={"what": what, "seconds": seconds}, headers=headers)


async def test_a_repeated_request_is_answered_alike_and_done_once(door: Door, desk: Desk, token: Token) -> None:
    siti = token(Role.REGISTRAR, subject="siti")

    async with door.client(desk.routes()) as client:
        first, second = await post(client, siti, "a"), await post(client, siti, "a")

    assert desk.done == 1
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json() == {"number": 1, "what": "a"}
    assert REPLAYED_HEADER not in first.headers
    assert second.headers[REPLAYED_HEADER] == "true"


async def test_without_a_key_each_request_is_done(door: Door, desk: Desk, token: Token) -> None:
    siti = token(Role.REGISTRAR)

    async with door.client(desk.routes()) as client:
        answers = [await post(client, siti, "a", key=None) for _ in range(2)]

    assert [answer.json()["number"] for answer in answers] == [1, 2]


async def test_many_at_once_under_one_key_are_done_once(door: Door, desk: Desk, token: Token) -> None:
    siti = token(Role.REGISTRAR)

    async with door.client(desk.routes()) as client:
        answers = await asyncio.gather(*(post(client, siti, "a", seconds=0.2) for _ in range(8)))

    assert desk.done == 1
    assert {answer.text for answer in answers} == {'{"number":1,"what":"a"}'}
    assert sum(REPLAYED_HEADER in answer.headers for answer in answers) == 7


async def test_a_key_stands_for_one_request_only(door: Door, desk: Desk, token: Token) -> None:
    siti = token(Role.REGISTRAR)

    async with door.client(desk.routes()) as client:
        await post(client, siti, "a")
        other = await post(client, siti, "b")

    assert desk.done == 1
    assert other.status_code == 422
    assert other.json()["type"] == "urn:bapas:problem:idempotency-key-reused"


async def test_two_callers_may_choose_the_same_key(door: Door, desk: Desk, token: Token) -> None:
    async with door.client(desk.routes()) as client:
        await post(client, token(Role.REGISTRAR, subject="siti"), "a")
        await post(client, token(Role.REGISTRAR, subject="joko"), "b")

    assert desk.done == 2


async def test_a_refused_request_may_be_tried_again_under_its_key(
    door: Door, desk: Desk, token: Token, pool: Pool
) -> None:
    siti = token(Role.REGISTRAR)

    async with door.client(desk.routes()) as client:
        refused = await post(client, siti, "refuse")
        accepted = await post(client, siti, "a")

    assert (refused.status_code, accepted.status_code) == (409, 201)
    assert await pool.fetchval("SELECT count(*) FROM idempotency") == 1


@pytest.mark.parametrize(
    ("key", "status"),
    [
        pytest.param("0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3", 201, id="a UUID"),
        pytest.param('"quoted"', 201, id="in quotes, as the draft of the RFC has it"),
        pytest.param("", 400, id="empty"),
        pytest.param("two words", 400, id="with a space"),
        pytest.param("x" * 129, 400, id="too long"),
    ],
)
async def test_a_key_must_look_like_one(door: Door, desk: Desk, token: Token, key: str, status: int) -> None:
    async with door.client(desk.routes()) as client:
        answer = await post(client, token(Role.REGISTRAR), "a", key=key)

    assert answer.status_code == status


async def test_answers_past_their_time_are_forgotten(door: Door, desk: Desk, token: Token, pool: Pool) -> None:
    async with door.client(desk.routes()) as client:
        await post(client, token(Role.REGISTRAR), "a")
    now = datetime.now(UTC)

    async with pool.acquire() as connection:
        kept = await prune(connection, now=now + timedelta(hours=47))
        gone = await prune(connection, now=now + timedelta(hours=49))

    assert (kept, gone) == (0, 1)
