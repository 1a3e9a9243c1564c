"""A list, a look-up and the lock of a batch read what they show, however many registrations there are."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest

from chassis.database import Connection, connect
from deploy.local.backing import Backing
from services.registration import desk_store, duplicate_store, prison_store, store, walk_in_store
from services.registration.app import SERVICE
from tests.component.house import database_of
from tests.component.plans import Step, indexes, plan_for, plan_of, sorts, tables_read_whole

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
FILL_TIMELINE: Final = """
    INSERT INTO timeline (entry_id, registration_id, step, to_status, actor_kind, actor_id, unit, document_ids,
                          occurred_at, recorded_at, policy_version)
    SELECT gen_random_uuid(), registration_id, 'a release', 'released', 'event', 'e', 'PLG-HQ', '[]', now(), now(), '1'
      FROM registration, generate_series(1, 4)
"""


@pytest.fixture(scope="module")
def untouched(backing: Backing) -> Iterator[str]:
    """A database in which there was never anything.

    One that other tests have filled and emptied keeps what was known of their rows, and plans for those.
    """
    with database_of(backing, SERVICE) as address:
        yield address


@pytest.fixture(scope="module")
def filled(backing: Backing) -> Iterator[str]:
    """A database of its own for much."""
    with database_of(backing, SERVICE) as address:
        yield address


@pytest.fixture(scope="module")
async def empty(untouched: str) -> AsyncIterator[Connection]:
    """A connection as processes have it, to a database in which there is nothing."""
    connection = await connect(untouched, name="plans")
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def full(filled: str) -> AsyncIterator[Connection]:
    """The same to one with much in it, as the server knows."""
    connection = await connect(filled, name="plans")
    for statement in (FILL, FILL_TIMELINE, "VACUUM (ANALYZE) registration, timeline"):
        await connection.execute(statement)
    yield connection
    await connection.close()


@pytest.fixture(params=["planned while there was nothing", "planned when there was much"])
def connection(request: pytest.FixtureRequest, empty: Connection, full: Connection) -> Connection:
    """Either of them."""
    return full if "much" in request.param else empty


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
        pytest.param(walk_in_store.SELECT_MATCHES, "registration_listed", id="releases that may be a walk-in's"),
        pytest.param(desk_store.SELECT_OFFERED, "registration_offered", id="open offers"),
        pytest.param(desk_store.SELECT_FINGERPRINTS, "registration_contacts", id="the rate of fingerprints"),
        pytest.param(store.SELECT_BOARD, "registration_outside", id="the board"),
        pytest.param(store.SELECT_SEARCH, "registration_listed", id="the list"),
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
        pytest.param(prison_store.SELECT_CHANGED, id="what changed for a prison"),
    ],
)
async def test_a_page_is_read_in_its_order(full: Connection, statement: str) -> None:
    """Else each page would put all registrations in order before it shows fifty of them.

    Where the server has not counted anything yet, or a matter has a few lines (a timeline), it may well read those that
    an index finds and put them in order: that it finds them so is what the test above is for.
    """
    assert not sorts(await plan_of(full, statement))


@pytest.mark.parametrize(
    ("status", "name"),
    [pytest.param("released", None, id="of a state"), pytest.param(None, "nama 17", id="by the beginning of a name")],
)
async def test_what_is_looked_for_narrows_what_is_read(full: Connection, status: str | None, name: str | None) -> None:
    """A search is planned with its words in it; state and name are both places in the order of an index."""
    arguments = (status, None, None, name, False, None, 51)

    steps = await plan_for(full, store.SELECT_SEARCH, *arguments)

    assert indexes(steps) & {"registration_by_status", "registration_listed"}, steps
    assert not tables_read_whole(steps)


async def test_whom_a_list_leaves_out_is_not_opened(connection: Connection) -> None:
    """A case takes kilobytes; words that hold of nobody together would have all of them read for an empty page."""
    steps = await plan_of(connection, store.SELECT_SEARCH)

    assert Step("Index Only Scan", "registration_listed") in steps, steps
    assert Step("Index Scan", "registration_pkey") in steps


async def test_the_rate_of_fingerprints_is_counted_in_its_index(connection: Connection) -> None:
    """A year has more first contacts than an answer may wait for."""
    steps = await plan_of(connection, desk_store.SELECT_FINGERPRINTS)

    assert Step("Index Only Scan", "registration_contacts") in steps, steps
