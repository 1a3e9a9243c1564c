"""No statement that runs all day reads a table whole, whether it was planned before the table grew or after."""

from collections.abc import AsyncIterator
from typing import Final

import pytest

from chassis import (
    batch,
    dead_letters,
    housekeeping,
    idempotency,
    letter_desk,
    letter_shelf,
    overview,
    relay,
    timers,
    work,
)
from chassis.database import Connection, Pool
from tests.component.chassis.delivery.tally import TALLIES
from tests.component.house import EMPTY
from tests.component.plans import indexes, plan_of, sorts, tables_read_whole

FILL: Final = """
    INSERT INTO inbox (consumer, event_key, record_hash, received_at)
    SELECT 'registration', gen_random_uuid(), '\\x00', now() - number * interval '1 minute'
      FROM generate_series(1, 3000) AS number;
    INSERT INTO outbox (event_id, topic, key, headers, payload)
    SELECT gen_random_uuid(), 'registration.events', 'key ' || number, '[]', '{}'
      FROM generate_series(1, 3000) AS number;
    INSERT INTO timer (subject, kind, due_at, context)
    SELECT 'subject ' || number, 'ring', now() + number * interval '1 minute', '{}'
      FROM generate_series(1, 3000) AS number;
    INSERT INTO tally (tally_id, seen, names, sequence, version)
    SELECT gen_random_uuid(), 1, '{}', 1, 1 FROM generate_series(1, 3000);
    INSERT INTO idempotency (principal, key, fingerprint, created_at)
    SELECT 'somebody', number::text, '\\x00', now() - number * interval '1 minute'
      FROM generate_series(1, 3000) AS number;
    INSERT INTO held_key (consumer, key, held_since)
    SELECT 'registration', 'subject:' || number, now() FROM generate_series(1, 3000) AS number;
    INSERT INTO dead_letter (dead_letter_id, consumer, event_key, kind, state, reason, order_keys, topic, partition,
                             record_offset, record_headers, record_hash, received_at, updated_at)
    SELECT gen_random_uuid(), 'registration', gen_random_uuid(), 'bug',
           CASE WHEN number % 100 = 0 THEN 'parked' WHEN number % 50 = 0 THEN 'waiting' ELSE 'resolved' END,
           '', ARRAY['subject:' || number], 'lapas.events', 0, number, '[]', '\\x00', now(), now()
      FROM generate_series(1, 3000) AS number;
"""


@pytest.fixture(params=["planned while there was nothing", "planned when there was much"])
async def connection(request: pytest.FixtureRequest, shared_pool: Pool) -> AsyncIterator[Connection]:
    """A connection as processes have it."""
    await shared_pool.execute(EMPTY)
    if "much" in request.param:
        await shared_pool.execute(FILL)
        await shared_pool.execute("ANALYZE")
    async with shared_pool.acquire() as connection:
        yield connection
    await shared_pool.execute(EMPTY)


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        pytest.param(batch.SELECT_INBOX, "inbox_pkey", id="was this event handled"),
        pytest.param(batch.DELETE_INBOX, "inbox_pkey", id="forget that it was"),
        pytest.param(batch.MOVE_OFFSETS, "consumer_offset_pkey", id="how far a partition was read"),
        pytest.param(TALLIES.select, "tally_pkey", id="lock the aggregates of a batch"),
        pytest.param(work.DELETE_TIMERS, "timer_pkey", id="stop clocks"),
        pytest.param(timers.SELECT_DUE, "timer_due_at", id="which clocks are due"),
        pytest.param(timers.TAKE_DUE, "timer_pkey", id="take the due clocks"),
        pytest.param(relay.CLAIM, "outbox_pkey", id="claim what is to be sent"),
        pytest.param(relay.FORGET, "outbox_pkey", id="forget what was sent"),
        pytest.param(relay.UNPARK, "outbox_parked", id="try parked rows again"),
        pytest.param(dead_letters.SELECT_KNOWN, "dead_letter_consumer_event_key_key", id="was this event set aside"),
        pytest.param(dead_letters.LOCK_HELD, "held_key_pkey", id="are these keys held"),
        pytest.param(letter_shelf.SELECT_PAGE, "dead_letter_seq", id="a page of dead letters"),
        pytest.param(letter_desk.TAKE_REMINDERS, "dead_letter_pkey", id="letters to be reminded of"),
        pytest.param(letter_desk.SELECT_SETTLED_LAST, "dead_letter_settled", id="was a letter settled"),
        pytest.param(housekeeping.PRUNE_INBOX, "inbox_received_at", id="prune the inbox"),
        pytest.param(housekeeping.PRUNE_LETTERS, "dead_letter_settled", id="prune settled letters"),
        pytest.param(idempotency.PRUNE, "idempotency_created_at", id="prune answers"),
        pytest.param(housekeeping.COUNT_LETTERS, "dead_letter_parked", id="count parked letters"),
        pytest.param(overview.SELECT_STOP, "consumer_stop_pkey", id="is the consumer stopped"),
        pytest.param(overview.SELECT_OLDEST_LETTER, "dead_letter_open", id="the oldest open letter"),
        pytest.param(overview.SELECT_LEADER, "pg_database_datname_index", id="who relays"),
        pytest.param(housekeeping.COUNT_HELD, "held_key_since", id="the longest held key"),
        pytest.param(housekeeping.COUNT_OUTBOX, "outbox_pkey", id="count what is to be sent"),
        pytest.param(housekeeping.COUNT_TIMERS, "timer_due_at", id="count clocks"),
    ],
)
async def test_rows_are_found_by_an_index(connection: Connection, statement: str, index: str) -> None:
    """A plan is kept while its table grows: one made for an empty table has to be right for a full one."""
    steps = await plan_of(connection, statement)

    assert index in indexes(steps), steps
    assert tables_read_whole(steps) <= {"pg_class"}, steps


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(relay.CLAIM, id="claim what is to be sent"),
        pytest.param(letter_shelf.SELECT_PAGE, id="a page of dead letters"),
        pytest.param(housekeeping.PRUNE_INBOX, id="prune the inbox"),
        pytest.param(housekeeping.COUNT_OUTBOX, id="count what is to be sent"),
        pytest.param(overview.SELECT_OLDEST_LETTER, id="the oldest open letter"),
    ],
)
async def test_the_first_of_many_are_read_in_order_and_not_sorted(connection: Connection, statement: str) -> None:
    """Sorting a backlog for the sake of its first rows costs more the longer it gets."""
    assert not sorts(await plan_of(connection, statement))


async def test_parked_rows_are_looked_up_for_each_claimed_row_and_not_gone_through(connection: Connection) -> None:
    """A thousand of them, gone through for each of five hundred, cost more than all the rest of the relay."""
    steps = await plan_of(connection, relay.CLAIM)

    assert "outbox_parked" in indexes(steps)
    assert "Materialize" not in {step.kind for step in steps}


async def test_who_follows_is_found_by_reading_the_open_letters_once(connection: Connection) -> None:
    """Once for each of them would be ten seconds for ten thousand that wait behind one key."""
    steps = await plan_of(connection, letter_desk.SELECT_FOLLOWER)

    assert [step.kind for step in steps if step.reads == "dead_letter"] in (["Bitmap Heap Scan"], [])
    assert len([step for step in steps if step.kind.endswith(("Index Scan", "Index Only Scan"))]) == 1, steps


async def test_a_backlog_does_not_change_how_it_is_claimed(shared_pool: Pool) -> None:
    """The relay prepares its statement on an empty outbox; then Kafka goes away and the outbox grows."""
    await shared_pool.execute(EMPTY)
    async with shared_pool.acquire() as connection:
        statement = await connection.prepare(relay.CLAIM)
        for _ in range(10):
            await statement.fetch(500)
        await shared_pool.execute(FILL)
        rows = await statement.fetch(500)
        kept = await connection.fetchval(
            "SELECT generic_plans FROM pg_prepared_statements WHERE statement = $1", relay.CLAIM
        )
        steps = await plan_of(connection, relay.CLAIM)

    assert len(rows) == 500
    assert kept > 0
    assert not tables_read_whole(steps)
    await shared_pool.execute(EMPTY)
