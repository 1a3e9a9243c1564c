"""A list, a look-up and the lock of a batch read what they show, however many registrations there are."""

from collections.abc import AsyncIterator
from typing import Final

import pytest

from chassis.database import Connection
from services.registration import desk_store, duplicate_store, prison_store, store, walk_in_store
from tests.component.house import House
from tests.component.plans import indexes, plan_for, plan_of, sorts, tables_read_whole

FILL: Final = """
    INSERT INTO registration (registration_id, release_id, status, receiving_unit, holder_unit, epoch, juvenile,
                              facility, prison_register_no, name_key, released_at, missing, rungs_recorded,
                              submission_overdue, sequence, version)
    SELECT gen_random_uuid(), 'R-' || number,
           CASE WHEN number % 100 = 0 THEN 'released' ELSE 'provisionally_registered' END, 'PLG-' || number % 6,
           'PLG-HQ', 1, false, 'LP-' || number % 30, 'BI.' || number, 'nama ' || number % 1000, now(), '[]', 0, false,
           1, 1
      FROM generate_series(1, 5000) AS number
"""


@pytest.fixture(params=["planned while there was nothing", "planned when there was much"])
async def connection(request: pytest.FixtureRequest, house: House) -> AsyncIterator[Connection]:
    """A connection as processes have it."""
    if "much" in request.param:
        await house.pool.execute(FILL)
        await house.pool.execute("ANALYZE registration")
    async with house.pool.acquire() as connection:
        yield connection


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        pytest.param(store.REGISTRATIONS.select, "registration_pkey", id="lock the cases of a batch"),
        pytest.param(store.SELECT_ONE, "registration_pkey", id="one case"),
        pytest.param(
            store.SELECT_ANNOUNCED_SAME_PERSON, "registration_announced_person", id="the same person announced"
        ),
        pytest.param(store.SELECT_SAME_RELEASE, "registration_business", id="the release of a walk-in"),
        pytest.param(walk_in_store.SELECT_UNREPORTED, "registration_unreported", id="walk-ins not reported"),
        pytest.param(walk_in_store.SELECT_MATCHES, "registration_by_name", id="releases that may be a walk-in's"),
        pytest.param(desk_store.SELECT_OFFERED, "registration_offered", id="open offers"),
        pytest.param(desk_store.SELECT_FINGERPRINTS, "registration_met", id="the rate of fingerprints"),
        pytest.param(store.SELECT_BOARD, "registration_outside", id="the board"),
        pytest.param(store.SELECT_SEARCH, "registration_by_name", id="the list"),
        pytest.param(store.SELECT_TIMELINE, "timeline_of", id="a timeline"),
        pytest.param(prison_store.SELECT_CHANGED, "registration_changed", id="what changed for a prison"),
        pytest.param(prison_store.SELECT_UNLISTED, "registration_changed", id="what a list lacks"),
        pytest.param(prison_store.SELECT_KNOWN, "registration_pkey", id="what of a list is known"),
        pytest.param(duplicate_store.SELECT_CHANGES, "identity_change_pkey", id="who is to be compared"),
        pytest.param(duplicate_store.SELECT_CASES, "registration_pkey", id="who they are"),
        pytest.param(duplicate_store.SELECT_SHARING, "person_key_pkey", id="who shares a key"),
        pytest.param(duplicate_store.SELECT_FEATURES, "known_person_pkey", id="what is compared"),
        pytest.param(duplicate_store.DELETE_KEYS, "person_key_pkey", id="keys that are gone"),
        pytest.param(duplicate_store.SELECT_QUEUE, "suspected_duplicate_queue", id="the queue of suspicions"),
        pytest.param(duplicate_store.SELECT_PAIRS_OF, "suspected_duplicate_second", id="the pairs of somebody"),
        pytest.param(duplicate_store.SELECT_HISTORY, "duplicate_entry_of", id="the history of a pair"),
        pytest.param(duplicate_store.SELECT_CHILDREN, "registration_pkey", id="whether who is linked is a child"),
    ],
)
async def test_rows_are_found_by_an_index(connection: Connection, statement: str, index: str) -> None:
    steps = await plan_of(connection, statement)

    assert index in indexes(steps), steps
    assert not tables_read_whole(steps), steps


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(store.SELECT_BOARD, id="the board"),
        pytest.param(store.SELECT_SEARCH, id="the list"),
        pytest.param(store.SELECT_TIMELINE, id="a timeline"),
        pytest.param(prison_store.SELECT_CHANGED, id="what changed for a prison"),
    ],
)
async def test_a_page_is_read_in_its_order(connection: Connection, statement: str) -> None:
    """Else each page would put all registrations in order before it shows fifty of them."""
    assert not sorts(await plan_of(connection, statement))


@pytest.mark.parametrize(
    ("status", "name"),
    [pytest.param("released", None, id="of a state"), pytest.param(None, "nama 17", id="by the beginning of a name")],
)
async def test_what_is_looked_for_narrows_what_is_read(house: House, status: str | None, name: str | None) -> None:
    """A search is planned with its words in it; state and name are both places in the order of an index."""
    await house.pool.execute(FILL)
    await house.pool.execute("ANALYZE registration")
    arguments = (status, None, None, name, False, None, 51)

    async with house.pool.acquire() as connection:
        steps = await plan_for(connection, store.SELECT_SEARCH, *arguments)

    assert indexes(steps) & {"registration_by_status", "registration_by_name"}, steps
    assert not tables_read_whole(steps)
