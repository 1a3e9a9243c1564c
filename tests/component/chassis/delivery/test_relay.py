"""What was committed leaves, in order, whatever happens to the broker, the database or the process."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.database import Pool, open_pool
from chassis.outbox import EventTooLarge, unpack_headers
from chassis.transaction import Transaction
from chassis.work import INSERT_OUTBOX
from contracts.lapas import ClientReleased, registration_id_of
from contracts.registration import ClientDetails
from deploy.local.backing import Backing
from tests.component.chassis.delivery.harness import House, record_of, released, until
from tests.component.chassis.delivery.tally import TALLIES, Tally
from tests.component.chassis.delivery.wire import (
    FACTS,
    Wire,
    first_of_each,
    header,
    relay_of,
    running,
    sequences,
    wire_to,
)


@pytest.fixture
async def wire(backing: Backing) -> AsyncIterator[Wire]:
    """A Kafka with a topic for our facts."""
    async with wire_to(backing) as wire:
        wire.make(FACTS, partitions=3)
        yield wire


@pytest.fixture
async def house(dsn: str, wire: Wire) -> AsyncIterator[House]:
    """A service whose outbox nobody else empties."""
    pool = await open_pool(dsn, name="test")
    yield House(pool, prefix=wire.prefix)
    await pool.close()


async def put(pool: Any, topic: str, key: str, *, number: int = 1, payload: bytes = b"{}") -> UUID:
    """Put a message into the outbox by hand."""
    event_id = uuid4()
    headers = json.dumps([["ce_id", str(event_id)], ["ce_sequence", str(number)]]).encode()
    await pool.execute(INSERT_OUTBOX, [event_id], [topic], [key], [headers], [payload])
    return event_id


async def is_empty(house: House) -> bool:
    """Whether everything has left."""
    return not await house.count("SELECT count(*) FROM outbox")


async def test_facts_leave_in_the_order_of_their_commits(house: House, dsn: str, wire: Wire) -> None:
    """Eight writers at once on twelve cases; each case's facts are numbered and lie in that order."""
    async with running(relay_of(house, wire.settings(dsn))):
        writers = [
            [record_of(released(f"r-{(n + w) % 12}", f"w{w}"), 100 * w + n, partition=w) for n in range(24)]
            for w in range(8)
        ]
        await asyncio.gather(*(house.deliver(*records) for records in writers))
        await until(lambda: is_empty(house))

    lying = await wire.lying(FACTS)
    assert sequences(lying) == {str(registration_id_of(f"r-{n}")): list(range(1, 17)) for n in range(12)}
    assert len(first_of_each(lying)) == len(lying)


async def test_a_fact_that_is_committed_late_is_not_overtaken_for_good(house: House, dsn: str, wire: Wire) -> None:
    """Its row has the lower number and was not visible when the higher one left."""
    async with running(relay_of(house, wire.settings(dsn))):
        async with house.pool.acquire() as slow, slow.transaction():
            late = await put(slow, wire.topic(FACTS), "a")
            early = await put(house.pool, wire.topic(FACTS), "b")
            await until(lambda: is_empty(house))
        await until(lambda: is_empty(house))

    assert {header(record, "ce_id") for record in await wire.lying(FACTS)} == {str(early), str(late)}


async def test_headers_and_payload_leave_as_they_were_written(house: House, dsn: str, wire: Wire) -> None:
    """Trace and conversation included."""
    await house.deliver(record_of(released("r-1"), 0))
    row = await house.pool.fetchrow("SELECT headers, payload FROM outbox")
    assert row is not None

    async with running(relay_of(house, wire.settings(dsn))):
        await until(lambda: is_empty(house))

    (record,) = await wire.lying(FACTS)
    assert list(record.headers) == unpack_headers(row["headers"])
    assert record.value == row["payload"]
    assert record.key == str(registration_id_of("r-1")).encode()


async def test_a_tombstone_leaves_without_a_value(house: House, dsn: str, wire: Wire) -> None:
    """On the restricted topic, with the subject as its key."""
    wire.make("registration.clients", config={"cleanup.policy": "compact"})
    subject = registration_id_of("r-1")

    async def act(tx: Transaction) -> None:
        state = await tx.lock(TALLIES, subject) or Tally(subject, sequence=3)
        tx.save(TALLIES, state)
        tx.publish_tombstone(ClientDetails, subject, of=state)

    await house.do(act)
    async with running(relay_of(house, wire.settings(dsn))):
        await until(lambda: is_empty(house))

    (record,) = await wire.lying("registration.clients")
    assert (record.key, record.value) == (str(subject).encode(), None)
    assert header(record, "ce_type") == ClientDetails.type


async def test_a_fact_that_is_too_large_is_refused_when_it_is_published(house: House) -> None:
    """The caller is told; nothing is written."""
    large = ClientReleased.model_construct(**(released("r-1").model_dump() | {"name": "x" * 300_000}))
    subject = registration_id_of("r-1")

    async def act(tx: Transaction) -> None:
        state = await tx.lock(TALLIES, subject) or Tally(subject, sequence=1)
        tx.save(TALLIES, state)
        tx.publish([large], of=state)

    with pytest.raises(EventTooLarge):
        await house.do(act)

    assert await is_empty(house)
    assert await house.count("SELECT count(*) FROM tally") == 0


async def test_many_small_facts_at_once_are_not_taken_for_a_large_one(house: House, dsn: str, wire: Wire) -> None:
    """Kafka holds a whole batch against the limit of a topic; none of these may be parked for it."""
    kafka = wire.backing.kafka
    async with running(relay_of(house, wire.settings(dsn))):
        await put(house.pool, wire.topic(FACTS), "a", number=0)
        await until(lambda: is_empty(house))
        kafka.pause()
        try:
            # They gather in the producer behind the first one, into as large a batch as it makes.
            async with house.pool.acquire() as connection, connection.transaction():
                for number in range(1, 450):
                    await put(connection, wire.topic(FACTS), "a", number=number, payload=b"x" * 1500)
            await asyncio.sleep(1.0)
        finally:
            kafka.resume()
        await until(lambda: _is_settled(house))

    assert not await house.count("SELECT count(*) FROM outbox WHERE parked_reason IS NOT NULL")
    assert sequences(first_of_each(await wire.lying(FACTS))) == {"a": list(range(450))}


async def test_of_a_batch_that_is_too_large_for_its_topic_only_the_row_that_is_too_large_waits(
    house: House, dsn: str, wire: Wire
) -> None:
    """The topic takes less than it should: not all rows together, and one of them not at all. None overtakes it."""
    topic = wire.make("supervision.events", config={"max.message.bytes": "100000"})
    async with house.pool.acquire() as connection, connection.transaction():
        for number in range(200):
            size = 150_000 if number == 120 else 1_500
            await put(connection, topic, "a", number=number, payload=b"x" * size)
        await put(connection, wire.topic(FACTS), "b")
        await put(connection, topic, "c")

    async with running(relay_of(house, wire.settings(dsn))):
        await until(lambda: _is_parked(house))
        await put(house.pool, topic, "d")
        await until(lambda: _only_key(house, "a"))

    assert sequences(first_of_each(await wire.lying("supervision.events")))["a"] == list(range(120))
    assert await house.count("SELECT count(*) FROM outbox") == 80
    assert await house.count("SELECT count(*) FROM outbox WHERE parked_reason IS NOT NULL") == 1


async def _is_parked(house: House) -> object:
    return await house.count("SELECT count(*) FROM outbox WHERE parked_reason IS NOT NULL")


async def _only_key(house: House, key: str) -> bool:
    return not await house.count("SELECT count(*) FROM outbox WHERE key <> $1", key)


async def _is_settled(house: House) -> bool:
    return not await house.count("SELECT count(*) FROM outbox WHERE parked_reason IS NULL") or bool(
        await house.count("SELECT count(*) FROM outbox WHERE parked_reason IS NOT NULL")
    )


async def test_one_process_relays_and_another_takes_over_when_its_session_ends(
    house: House, dsn: str, wire: Wire
) -> None:
    """The lock goes with the session; nothing is lost and the order stays."""
    relays = [relay_of(house, wire.settings(dsn)) for _ in range(2)]

    async def one_leads() -> bool:
        return [relay.is_leading for relay in relays].count(True) == 1

    async with running(*relays):
        for number in range(1, 4):
            await until(one_leads)
            leader = next(relay for relay in relays if relay.is_leading)
            await put(house.pool, wire.topic(FACTS), "a", number=number)
            await until(lambda: is_empty(house))
            await house.pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)"
            )
            await put(house.pool, wire.topic(FACTS), "b", number=number)

            async def another_leads(before: Any = leader) -> bool:
                return any(relay.is_leading for relay in relays if relay is not before)

            await until(another_leads)
        await until(lambda: is_empty(house))

    assert sequences(first_of_each(await wire.lying(FACTS))) == {"a": [1, 2, 3], "b": [1, 2, 3]}


async def test_nothing_is_lost_when_the_broker_is_killed_under_load(house: House, dsn: str, wire: Wire) -> None:
    """A row is deleted only when Kafka has it: while Kafka is away they stay, and afterwards each has arrived."""
    kafka = wire.backing.kafka
    relay = relay_of(house, wire.settings(dsn), acknowledge_seconds=2.0)

    killed = asyncio.Event()
    rounds = 0

    async def one_round() -> None:
        nonlocal rounds
        await house.deliver(*(record_of(released(f"r-{n}", f"n{rounds}"), rounds * 5 + n) for n in range(5)))
        rounds += 1

    async def load() -> None:
        while rounds < 20 or not killed.is_set():
            await one_round()
            await asyncio.sleep(0.02)

    async with running(relay):
        loading = asyncio.create_task(load())
        await until(lambda: _has_relayed(house))
        await asyncio.to_thread(kafka.kill)
        killed.set()
        await loading
        await one_round()
        left_behind = await house.count("SELECT count(*) FROM outbox")
        await asyncio.to_thread(kafka.start)
        await until(lambda: is_empty(house))

    lying = await wire.lying(FACTS)
    assert left_behind > 0
    assert sequences(first_of_each(lying)) == {
        str(registration_id_of(f"r-{n}")): list(range(1, rounds + 1)) for n in range(5)
    }


async def _has_relayed(house: House) -> object:
    return await house.count("SELECT (SELECT count(*) FROM tally_log) > (SELECT count(*) FROM outbox)")


async def test_a_producer_that_was_given_up_does_not_send_later(house: House, dsn: str, wire: Wire) -> None:
    """Kafka stands still longer than the relay waits; on a compacted topic the last fact must stay the last."""
    kafka = wire.backing.kafka
    relay = relay_of(house, wire.settings(dsn), acknowledge_seconds=0.5)

    async with running(relay):
        await put(house.pool, wire.topic(FACTS), "a", number=0)
        await until(lambda: is_empty(house))
        kafka.pause()
        try:
            for number in range(1, 6):
                await put(house.pool, wire.topic(FACTS), "a", number=number)
                await asyncio.sleep(0.7)
        finally:
            kafka.resume()
        await until(lambda: is_empty(house))
        await put(house.pool, wire.topic(FACTS), "a", number=6)
        await until(lambda: is_empty(house))
        await asyncio.sleep(1.0)

    numbers = sequences(await wire.lying(FACTS))["a"]
    assert numbers[-1] == 6
    assert sequences(first_of_each(await wire.lying(FACTS)))["a"] == list(range(7))


async def test_a_fact_without_a_topic_waits_with_its_key_and_holds_up_no_other(
    house: House, dsn: str, wire: Wire
) -> None:
    """It goes, before the others of its key, when somebody has made the topic."""
    missing = wire.topic("supervision.events")
    relay = relay_of(house, wire.settings(dsn), unpark_seconds=0.3)

    async with running(relay):
        for number in range(1, 4):
            await put(house.pool, missing, "a", number=number)
            await put(house.pool, wire.topic(FACTS), "a", number=number)
        await until(lambda: _only(house, "supervision.events", 3))
        assert await house.count("SELECT count(*) FROM outbox WHERE parked_reason IS NOT NULL") <= 1
        await asyncio.to_thread(wire.make, "supervision.events")
        await until(lambda: is_empty(house))

    assert sequences(await wire.lying(FACTS)) == {"a": [1, 2, 3]}
    assert sequences(await wire.lying("supervision.events")) == {"a": [1, 2, 3]}


async def _only(house: House, topic: str, count: int) -> bool:
    rows = await house.pool.fetch("SELECT topic FROM outbox")
    return len(rows) == count and all(row["topic"].endswith(topic) for row in rows)


async def test_the_relay_outlives_a_database_that_crashes(house: House, dsn: str, wire: Wire) -> None:
    """What was committed before is sent after."""
    postgres = wire.backing.postgres
    async with running(relay_of(house, wire.settings(dsn))):
        await put(house.pool, wire.topic(FACTS), "a", number=1)
        await until(lambda: is_empty(house))
        await asyncio.to_thread(postgres.stop, immediate=True)
        await asyncio.to_thread(postgres.start)
        await until(lambda: _put_when_there(house.pool, wire.topic(FACTS)))
        await until(lambda: is_empty(house))

    assert sequences(first_of_each(await wire.lying(FACTS)))["a"] == [1, 2]


async def _put_when_there(pool: Pool, topic: str) -> bool:
    try:
        await put(pool, topic, "a", number=2)
    except (OSError, Exception):  # noqa: BLE001  the pool finds out that its sessions are gone
        return False
    return True
