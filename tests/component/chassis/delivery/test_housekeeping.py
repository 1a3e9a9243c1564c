"""What can no longer come again is forgotten, at a bounded pace and by one process; what waits is counted cheaply."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from chassis.clock import SteppedClock, SystemClock
from chassis.housekeeping import COUNTED_ROWS_MAX, PRUNE_LOCK, PRUNE_ROWS_MAX, PRUNE_STATEMENTS_MAX, Housekeeper
from chassis.idempotency import KEPT_FOR
from tests.component.chassis.delivery.harness import House, record_of, released
from tests.component.chassis.delivery.tally import SERVICE

RETENTION: Final = timedelta(days=17)
ONE_LOOK: Final = PRUNE_ROWS_MAX * PRUNE_STATEMENTS_MAX

INSERT_INBOX: Final = """
    INSERT INTO inbox (consumer, event_key, record_hash, received_at)
    SELECT $1, gen_random_uuid(), '\\x00', now() - $2::interval FROM generate_series(1, $3::int)
"""
INSERT_LETTER: Final = """
    INSERT INTO dead_letter (dead_letter_id, consumer, event_key, kind, state, reason, order_keys, topic, partition,
                             record_offset, record_headers, record_hash, received_at, updated_at)
    VALUES (gen_random_uuid(), 'registration', gen_random_uuid(), 'bug', $1, '', '{}', 'lapas.events', 0, 0, '[]',
            '\\x00', now() - $2::interval, now() - $2::interval)
"""
INSERT_ANSWER: Final = """
    INSERT INTO idempotency (principal, key, fingerprint, created_at)
    VALUES ('somebody', $1, '\\x00', now() - $2::interval)
"""
INSERT_OUTBOX: Final = """
    INSERT INTO outbox (event_id, topic, key, headers, payload, parked_reason)
    SELECT gen_random_uuid(), 'registration.events', 'key', '[]', '{}', CASE WHEN number <= 2 THEN 'parked' END
      FROM generate_series(1, $1::int) AS number
"""
INSERT_TIMERS: Final = """
    INSERT INTO timer (subject, kind, due_at, context)
    SELECT 'subject ' || number, 'ring', $1, '{}' FROM generate_series(1, $2::int) AS number
"""


def housekeeper_of(house: House, *, clock: SystemClock | None = None) -> Housekeeper:
    """The loop of a process, not started."""
    return Housekeeper(
        house.pool, SERVICE, RETENTION, house.metrics, clock or house.clock, house.office_clock, lambda: None
    )


async def prune(house: House, *, clock: SystemClock | None = None) -> bool:
    """One look of one process."""
    async with house.pool.acquire() as connection:
        return await housekeeper_of(house, clock=clock).prune(connection)


async def measured(house: House, names: Iterable[str]) -> list[float]:
    """What the gauges of these names show after a look."""
    async with house.pool.acquire() as connection:
        await housekeeper_of(house).measure(connection)
    families = text_string_to_metric_families(house.metrics.text().decode())
    shown = {sample.name: sample.value for family in families for sample in family.samples}
    return [shown[name] for name in names]


async def test_what_was_handled_is_forgotten_when_it_can_no_longer_come_again(house: House) -> None:
    """And not a day before."""
    await house.pool.execute(INSERT_INBOX, SERVICE, RETENTION + timedelta(days=1), 3)
    await house.pool.execute(INSERT_INBOX, SERVICE, RETENTION - timedelta(days=1), 2)
    await house.deliver(record_of(released("r-1"), 0))

    assert await prune(house)

    assert await house.count("SELECT count(*) FROM inbox") == 3
    assert await house.outcomes(record_of(released("r-1"), 0), store_offsets=False) == ["duplicate"]


async def test_a_look_forgets_so_much_and_says_that_there_is_more(house: House) -> None:
    """A backlog of a day expires within minutes; it goes in many small steps, but it goes."""
    await house.pool.execute(INSERT_INBOX, SERVICE, RETENTION + timedelta(days=1), ONE_LOOK + 1)

    looks = [await prune(house), await prune(house)]

    assert looks == [False, True]
    assert await house.count("SELECT count(*) FROM inbox") == 0


async def test_one_process_forgets_at_a_time(house: House) -> None:
    """The other one leaves it to the first and does not wait for its rows."""
    await house.pool.execute(INSERT_INBOX, SERVICE, RETENTION + timedelta(days=1), 3)

    async with house.pool.acquire() as first:
        await first.fetchval("SELECT pg_advisory_lock($1)", PRUNE_LOCK)
        assert await prune(house)
        assert await house.count("SELECT count(*) FROM inbox") == 3
    await prune(house)

    assert await house.count("SELECT count(*) FROM inbox") == 0


async def test_a_process_whose_clock_is_wrong_forgets_nothing_too_early(house: House) -> None:
    """What is old is said by the clock that wrote when it came."""
    await house.pool.execute(INSERT_INBOX, SERVICE, timedelta(days=1), 3)
    await house.pool.execute(INSERT_ANSWER, "k", timedelta(hours=1))

    await prune(house, clock=SteppedClock(datetime(2126, 1, 1, tzinfo=UTC)))

    assert await house.count("SELECT count(*) FROM inbox") == 3
    assert await house.count("SELECT count(*) FROM idempotency") == 1


async def test_settled_letters_are_forgotten_and_open_ones_never(house: House) -> None:
    """They hold what a prison wrote about a person; somebody still has to decide about those that are open."""
    for state in ("parked", "waiting", "resolved", "discarded"):
        for age in (RETENTION + timedelta(days=1), RETENTION - timedelta(days=1)):
            await house.pool.execute(INSERT_LETTER, state, age)

    await prune(house)

    rows = await house.pool.fetch("SELECT state, count(*) AS letters FROM dead_letter GROUP BY state")
    assert {row["state"]: row["letters"] for row in rows} == {"parked": 2, "waiting": 2, "resolved": 1, "discarded": 1}


async def test_answers_to_repeated_requests_are_forgotten(house: House) -> None:
    """When nobody repeats a request any more."""
    for key, age in (("old", KEPT_FOR + timedelta(hours=1)), ("new", KEPT_FOR - timedelta(hours=1))):
        await house.pool.execute(INSERT_ANSWER, key, age)

    await prune(house)

    assert await house.pool.fetchval("SELECT key FROM idempotency") == "new"


async def test_what_waits_is_counted(house: House) -> None:
    """As long as it is not very much, exactly."""
    await house.pool.execute(INSERT_OUTBOX, 5)
    await house.pool.execute(INSERT_TIMERS, house.office_clock.now() + timedelta(hours=1), 4)
    await house.pool.execute("UPDATE timer SET due_at = $1 WHERE subject = 'subject 1'", house.office_clock.now())

    shown = await measured(
        house, ("bapas_outbox_rows", "bapas_outbox_parked_rows", "bapas_timers_waiting", "bapas_timers_due")
    )

    assert shown == [5, 2, 4, 1]


async def test_of_very_much_it_is_told_about_how_much(house: House) -> None:
    """Counting a million rows every other second would slow down what empties them."""
    await house.pool.execute(INSERT_OUTBOX, COUNTED_ROWS_MAX + 500)
    await house.pool.execute("DELETE FROM outbox WHERE seq % 100 = 0")
    await house.pool.execute(INSERT_TIMERS, house.office_clock.now(), COUNTED_ROWS_MAX + 500)
    await house.pool.execute("ANALYZE timer")

    outbox, waiting, due = await measured(house, ("bapas_outbox_rows", "bapas_timers_waiting", "bapas_timers_due"))

    assert COUNTED_ROWS_MAX < outbox <= COUNTED_ROWS_MAX + 500
    assert (waiting, due) == (COUNTED_ROWS_MAX + 500, COUNTED_ROWS_MAX)
