"""What desks and prisons read of ten thousand open reports is read in its order, and no more of it than is shown."""

from collections.abc import AsyncIterator, Iterator, Sequence
from time import perf_counter
from typing import Final
from uuid import UUID

import pytest

from chassis.database import Connection, Pool, connect, open_pool
from contracts.litmas import Desk
from deploy.local.backing import Backing
from services.litmas.app import SERVICE
from services.litmas.reintegration import prison_store, store
from services.litmas.reintegration.domain.case import Litmas
from tests.component.house import database_of
from tests.component.plans import indexes, plan_for, plan_of, sorts, tables_read_whole

CASES: Final = 10_000
ASKED: Final = 200
INBOX_SECONDS_P95: Final = 0.05

FILL: Final = """
    INSERT INTO litmas (litmas_id, request_id, status, unit, facility, letter_key, officer, desk, waits_since, revision,
                        received_at, missing, lacking, authors, papers, addenda, edition, sequence, version)
    SELECT gen_random_uuid(), 'R-' || number,
           (ARRAY['request_received', 'analysis', 'drafted', 'disposed'])[1 + number % 4],
           'PLG-' || number % 6, 'LP-' || number % 9, 'L-' || number, 'PO-' || number % 70,
           (ARRAY['HEAD', 'OFFICER', 'REGISTRAR', 'SECTION_HEAD'])[1 + number % 4],
           now() - number * interval '1 minute', 1,
           now(), '[]', '[]', '[]', jsonb_build_object(
               'board', '{}'::jsonb, 'request', jsonb_build_object(
                   'facility', 'LP-' || number % 9, 'request_id', 'R-' || number, 'name', 'Nama', 'letter_no', 'L',
                   'programmes', '["CONDITIONAL_RELEASE"]'::jsonb)), 0, 1, 1, 1
      FROM generate_series(1, 10000) AS number
"""


@pytest.fixture(scope="module")
def filled(backing: Backing) -> Iterator[str]:
    """A database with ten thousand open reports."""
    with database_of(backing, SERVICE) as address:
        yield address


@pytest.fixture
async def connection(filled: str) -> AsyncIterator[Connection]:
    """A connection to it."""
    opened = await connect(filled, name="plans")
    try:
        if not await opened.fetchval("SELECT EXISTS (SELECT FROM litmas)"):
            await opened.execute(FILL)
            await opened.execute("ANALYZE")
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def pool(filled: str, connection: Connection) -> AsyncIterator[Pool]:
    """A pool, as a service has it."""
    opened = await open_pool(filled, name="plans")
    try:
        yield opened
    finally:
        await opened.close()


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        pytest.param(store.SELECT_INBOX, "litmas_on_desk", id="inbox"),
        pytest.param(prison_store.SELECT_CHANGED, "litmas_changed", id="changes of a prison"),
        pytest.param(store.SELECT_BY_NUMBER, "litmas_numbered", id="by number"),
        pytest.param(store.SELECT_SAME_LETTER, "litmas_letter", id="the same letter"),
        pytest.param(store.SELECT_TIMELINE, "timeline_of", id="timeline"),
        pytest.param(store.REPORTS.select, "litmas_pkey", id="lock of a batch"),
    ],
)
async def test_what_is_read_often_is_read_by_its_index(connection: Connection, statement: str, index: str) -> None:
    steps = await plan_of(connection, statement)

    assert index in indexes(steps), steps
    assert "litmas" not in tables_read_whole(steps)


async def test_an_inbox_and_the_changes_are_read_in_their_order(connection: Connection) -> None:
    inbox = await plan_for(connection, store.SELECT_INBOX, "HEAD", None, None, None, None, 51)
    changes = await plan_for(connection, prison_store.SELECT_CHANGED, "LP-1", "0", UUID(int=0), 51)

    assert not sorts(inbox)
    assert not sorts(changes)


@pytest.mark.parametrize(("desk", "officer"), [(Desk.HEAD, None), (Desk.OFFICER, "PO-7"), (Desk.REGISTRAR, None)])
async def test_the_inbox_of_a_role_answers_at_once_among_ten_thousand(
    pool: Pool, desk: Desk, officer: str | None
) -> None:
    taken: list[float] = []
    rows: Sequence[Litmas] = ()
    for _ in range(ASKED):
        begun = perf_counter()
        rows = await store.inbox(pool, desk, officer=officer, unit=None, after=None, rows_max=51)
        taken.append(perf_counter() - begun)

    assert len(rows) == 51
    assert sorted(taken)[ASKED * 95 // 100] < INBOX_SECONDS_P95, sorted(taken)[-10:]
