"""The second wall: without any filter of ours the database itself shows no child to who may not see children."""

from uuid import UUID

import asyncpg
import pytest

from chassis.sight import READER, Seen, Sight
from services.supervision import store
from tests.component.house import House, record_of
from tests.component.plans import indexes, plan_of, tables_read_whole
from tests.component.supervision.test_supervision import CHILD, CLIENT, a_registered_child, a_registered_client, whom

EVERYTHING = {
    "supervision": "SELECT client_id FROM supervision",
    "check_in": "SELECT client_id FROM check_in",
    "client_contact": "SELECT client_id FROM client_contact",
}
"""What a statement shows that has forgotten every filter."""


@pytest.fixture
async def guided(house: House) -> House:
    """An adult and a child who are guided, and how both are reached."""
    registered = [a_registered_client(), a_registered_child()]
    details = [whom(), whom(CHILD, name="Bunga Rahasia", juvenile=True)]
    await house.deliver(*(record_of(event) for event in (*registered, *details)))
    return house


async def clients(house: House, table: str, sight: Sight) -> set[UUID]:
    async with Seen(house.pool, sight).acquire() as connection:
        return {row["client_id"] for row in await connection.fetch(EVERYTHING[table])}


@pytest.mark.parametrize("table", EVERYTHING)
async def test_a_statement_without_a_filter_shows_no_child_to_who_may_not_see_children(
    guided: House, table: str
) -> None:
    assert await clients(guided, table, Sight(children=True)) == {CLIENT, CHILD}
    assert await clients(guided, table, Sight()) == {CLIENT}


async def test_what_handles_events_and_clocks_sees_everything(guided: House) -> None:
    assert {row["client_id"] for row in await guided.pool.fetch(EVERYTHING["supervision"])} == {CLIENT, CHILD}


async def test_without_a_word_of_who_asks_the_role_sees_no_child(guided: House) -> None:
    async with guided.pool.acquire() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL ROLE {READER}")
        assert {row["client_id"] for row in await connection.fetch(EVERYTHING["supervision"])} == {CLIENT}


@pytest.mark.parametrize("broken", [False, True], ids=["read to its end", "broken off"])
async def test_a_connection_that_was_given_back_is_the_services_own_again(guided: House, *, broken: bool) -> None:
    async def look() -> None:
        async with Seen(guided.pool, Sight(children=True)).acquire() as connection:
            assert await connection.fetchval("SELECT current_user") == READER
            if broken:
                await connection.fetch("SELECT 1 / 0")

    for _ in range(guided.pool.get_max_size() + 1):
        if broken:
            with pytest.raises(asyncpg.DivisionByZeroError):
                await look()
        else:
            await look()

    async with guided.pool.acquire() as connection:
        said = await connection.fetchrow(
            "SELECT current_user AS who, current_setting('bapas.children', true) AS children"
        )
    assert said is not None
    assert said["who"] != READER
    assert said["children"] in {None, ""}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE supervision SET unit = 'PLG-HQ'",
        "DELETE FROM check_in",
        "SELECT 1 FROM outbox",
        "SELECT 1 FROM inbox",
        "SELECT 1 FROM audit_entry",
    ],
)
async def test_who_reads_for_a_caller_writes_nothing_and_reads_nothing_else(guided: House, statement: str) -> None:
    async with guided.pool.acquire() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL ROLE {READER}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with connection.transaction():
                await connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [store.SELECT_PAGE, store.SELECT_CHECK_INS, store.SELECT_ONE, store.SELECT_CONTACT],
    ids=["supervisions", "check-ins", "one", "contact"],
)
async def test_behind_the_wall_what_is_read_is_found_by_the_same_indexes(guided: House, statement: str) -> None:
    async with guided.pool.acquire() as connection:
        before = await plan_of(connection, statement)
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {READER}")
            behind = await plan_of(connection, statement)

    assert indexes(before) <= indexes(behind)
    assert tables_read_whole(behind) == set()
