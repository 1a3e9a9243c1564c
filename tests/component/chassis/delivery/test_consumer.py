"""Whatever lies in Kafka, and whatever goes away meanwhile: each record ends in one way, once."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from chassis.consumer import BUGS_MAX, Consumer
from chassis.database import open_pool
from deploy.local import topics
from deploy.local.backing import Backing
from tests.component.chassis.delivery.bad_records import CASES, UNREADABLE_NAME, good, send_with_unreadable_header_name
from tests.component.chassis.delivery.harness import House, record_of, released, until
from tests.component.chassis.delivery.wire import INTAKE, Wire, consumer_of, running, stop, wire_to


@pytest.fixture
async def wire(backing: Backing) -> AsyncIterator[Wire]:
    """A Kafka with an intake of three partitions."""
    async with wire_to(backing) as wire:
        wire.make(INTAKE, partitions=3)
        yield wire


@pytest.fixture
async def house(dsn: str, wire: Wire) -> AsyncIterator[House]:
    """A service with a database of its own."""
    pool = await open_pool(dsn, name="test")
    yield House(pool, prefix=wire.prefix)
    await pool.close()


@pytest.fixture
def consumer(house: House, dsn: str, wire: Wire) -> Consumer:
    """Its consumer, not started."""
    return consumer_of(house, wire.settings(dsn))


async def has_seen(house: House, count: int) -> bool:
    """Whether so many events were applied."""
    return await house.count("SELECT coalesce(sum(seen), 0) FROM tally") >= count


async def is_read(house: House, consumer: Consumer, wire: Wire) -> bool:
    """Whether all that lies in the intake has been brought to its end."""
    stored = await house.count("SELECT coalesce(sum(next_offset), 0) FROM consumer_offset")
    reader = consumer.positions.consumer
    if reader is None or not consumer.is_assigned:
        return False
    ends: dict[TopicPartition, int] = await reader.end_offsets(
        [TopicPartition(wire.topic(INTAKE), n) for n in range(wire.partitions[INTAKE])]
    )
    return stored >= sum(ends.values())


async def each_once(house: House, count: int) -> bool:
    """Whether so many releases were counted, each of them once, with one fact each."""
    seen = await house.pool.fetchrow("SELECT count(*) AS cases, sum(seen) AS seen FROM tally")
    facts = await house.count("SELECT count(*) FROM outbox")
    return seen is not None and (seen["cases"], seen["seen"], facts) == (count, count, count)


@dataclass(frozen=True)
class Intake:
    """What became of each bad record, and of the good one behind it."""

    ended: Mapping[str, str]
    after: Mapping[str, bool]
    metrics: str


@pytest.fixture(scope="module")
async def intake(backing: Backing, template: str) -> AsyncIterator[Intake]:
    """All bad records in one partition, a good one behind each; read once, looked at by many tests."""
    dsn = backing.create_database("bad_records", template=template)
    pool = await open_pool(dsn, name="test")
    async with wire_to(backing) as wire:
        wire.make(INTAKE)
        house = House(pool, prefix=wire.prefix)
        consumer = consumer_of(house, wire.settings(dsn))
        await wire.send(good("id reused"))
        await wire.send(good("the same again"))
        for label, (record, _) in CASES.items():
            await wire.send(record)
            await wire.release(f"{label} after")
        await send_with_unreadable_header_name(wire.producer, wire.topic(INTAKE), partition=0)
        await wire.release("header name after")
        async with running(consumer):
            await until(lambda: is_read(house, consumer, wire))
        letters = {2 * place + 2: label for place, label in enumerate([*CASES, "header name"])}
        ended = {letters[letter.offset]: letter.reason for letter in await house.letters_in("parked")}
        for label in CASES:
            ended.setdefault(label, "applied" if await house.names(label) == ["Budi"] else "neither")
        after = {label: await house.names(f"{label} after") == ["Budi"] for label in [*CASES, "header name"]}
        yield Intake(ended, after, house.metrics.text().decode())
    await pool.close()
    backing.drop_database("bad_records")


@pytest.mark.parametrize("label", [*CASES, "header name"])
async def test_a_bad_record_has_an_outcome_of_its_own_and_stops_nothing(intake: Intake, label: str) -> None:
    """The good one behind it passes, in the same partition."""
    expected = CASES[label][1] if label in CASES else UNREADABLE_NAME

    assert intake.ended[label] == expected
    assert intake.after[label]


def test_outcomes_are_counted_with_the_types_that_we_know_alone(intake: Intake) -> None:
    """A type or a field that a stranger made up is a number, not a word."""
    counted = [line for line in intake.metrics.splitlines() if line.startswith("bapas_deliveries_total{")]

    assert any('outcome="not_for_us"' in line and 'type=""' in line and line.endswith(" 1.0") for line in counted)
    assert any('outcome="duplicate"' in line and line.endswith(" 1.0") for line in counted)
    assert 'bapas_unknown_fields_total{type="lapas.client-released.v1"} 1.0' in intake.metrics
    assert "sneezed" not in intake.metrics
    assert "shoe_size" not in intake.metrics


async def test_offsets_are_kept_in_the_database_and_shown_to_kafka(
    house: House, consumer: Consumer, wire: Wire
) -> None:
    """The second is for Kafka's own tools."""
    for number in range(6):
        await wire.release(f"r-{number}", partition=number % 2)
    partitions = [TopicPartition(wire.topic(INTAKE), number) for number in range(2)]
    group = AIOKafkaConsumer(bootstrap_servers=wire.backing.bootstrap_servers, group_id=f"{wire.prefix}registration")
    await group.start()

    async def is_shown() -> bool:
        return [await group.committed(partition) for partition in partitions] == [3, 3]

    async with running(consumer):
        await until(is_shown)
    await group.stop()

    rows = await house.pool.fetch("SELECT partition, next_offset FROM consumer_offset ORDER BY partition")
    assert [tuple(row) for row in rows if row["partition"] < 2] == [(0, 3), (1, 3)]


async def test_a_database_that_lost_its_last_hours_reads_them_again(
    house: House, dsn: str, consumer: Consumer, wire: Wire
) -> None:
    """Kafka's idea of how far we are is further on, and does not count."""
    for number in range(10):
        await wire.release(f"r-{number}", partition=0)
    async with running(consumer):
        await until(lambda: each_once(house, 10))
        await asyncio.sleep(0.7)  # until Kafka was shown how far we are
    await house.pool.execute("UPDATE consumer_offset SET next_offset = 4")
    for table in ("tally", "inbox", "outbox", "tally_log", "timer"):
        await house.pool.execute(f"DELETE FROM {table}")  # noqa: S608  literals

    async with running(consumer_of(house, wire.settings(dsn))):
        await until(lambda: each_once(house, 6))

    assert [await house.names(f"r-{number}") for number in (3, 4, 9)] == [[], ["Budi"], ["Budi"]]


async def test_a_new_database_reads_everything_that_is_still_there(
    house: House, dsn: str, wire: Wire, backing: Backing, template: str
) -> None:
    """It has no offsets, so it begins where each partition does."""
    for number in range(12):
        await wire.release(f"r-{number}")
    async with running(consumer_of(house, wire.settings(dsn))):
        await until(lambda: each_once(house, 12))
    other_dsn = backing.create_database(f"other_{uuid4().hex[:8]}", template=template)
    pool = await open_pool(other_dsn, name="test")
    other = House(pool, prefix=wire.prefix)

    async with running(consumer_of(other, wire.settings(other_dsn))):
        await until(lambda: each_once(other, 12))

    await pool.close()


async def test_a_consumer_goes_on_when_kafka_was_away(house: House, consumer: Consumer, wire: Wire) -> None:
    """The broker is killed and comes back."""
    async with running(consumer):
        for number in range(5):
            await wire.release(f"r-{number}")
        await until(lambda: each_once(house, 5))
        await asyncio.to_thread(wire.backing.kafka.kill)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(wire.backing.kafka.start)
        for number in range(5, 10):
            await wire.release(f"r-{number}")
        await until(lambda: each_once(house, 10))


async def test_a_consumer_that_starts_before_kafka_does_not_give_up(
    house: House, consumer: Consumer, wire: Wire
) -> None:
    """It asks again."""
    await wire.release("r-1")
    await asyncio.to_thread(wire.backing.kafka.stop)
    async with running(consumer):
        await asyncio.sleep(0.3)
        await asyncio.to_thread(wire.backing.kafka.start)
        await until(lambda: each_once(house, 1))


async def test_nothing_is_lost_or_doubled_when_the_database_crashes_under_load(
    house: House, consumer: Consumer, wire: Wire
) -> None:
    """Batches are put back until it is there again, and what was committed is a duplicate."""

    async def load() -> None:
        for number in range(200):
            await wire.release(f"r-{number}")

    async def all_there() -> bool:
        try:
            return await each_once(house, 200)
        except Exception:  # noqa: BLE001  the pool finds out that its sessions are gone
            return False

    async with running(consumer):
        loading = asyncio.create_task(load())
        await until(lambda: has_seen(house, 1))
        await asyncio.to_thread(wire.backing.postgres.stop, immediate=True)
        await loading
        await asyncio.sleep(0.3)
        await asyncio.to_thread(wire.backing.postgres.start)
        await until(all_there)


async def test_two_consumers_share_partitions_and_hand_them_over(house: House, dsn: str, wire: Wire) -> None:
    """One joins and one leaves while events come; each event counts once, and those of a release in order."""
    first, second = (consumer_of(house, wire.settings(dsn)) for _ in range(2))
    sent = 0

    async def load(rounds: int) -> None:
        nonlocal sent
        for _ in range(rounds):
            for release in range(6):
                await wire.release(f"r-{release}", f"n{sent:03}")
            sent += 1

    async def both() -> bool:
        return first.is_assigned and second.is_assigned

    first_task = asyncio.create_task(first.run())
    await load(10)
    async with running(second):
        loading = asyncio.create_task(load(20))
        await until(both)
        await loading
        loading = asyncio.create_task(load(20))
        await stop([first_task])
        await loading
        await until(lambda: has_seen(house, 300))

    for release in range(6):
        assert await house.names(f"r-{release}") == [f"n{number:03}" for number in range(50)]
    assert await house.count("SELECT count(*) FROM outbox") == 300


@pytest.mark.parametrize("part", ["coordination", "polling"])
async def test_a_consumer_that_died_inside_is_built_anew(house: House, dsn: str, wire: Wire, part: str) -> None:
    """Kafka sees a living member of the group, and no record is ever taken again."""
    consumer = consumer_of(house, wire.settings(dsn), stuck_seconds=0.3)
    async with running(consumer):
        await wire.release("r-1")
        await until(lambda: has_seen(house, 1))
        reader = consumer.positions.consumer
        assert reader is not None
        if part == "coordination":
            reader._coordinator._coordination_task.cancel()  # noqa: SLF001  what an unexpected error does
        else:
            for task in asyncio.all_tasks():
                if "_run_consume_loop" in repr(task.get_coro()):
                    task.cancel()
        await wire.release("r-2")
        await until(lambda: each_once(house, 2))

    assert consumer.positions.consumer is not reader


async def test_too_many_bugs_stop_the_consumer_until_somebody_resumes_it(house: House, dsn: str, wire: Wire) -> None:
    """What came meanwhile is kept in Kafka, and a process that starts keeps to it too."""
    house.wrong.bugs.add("BUG")
    consumer = consumer_of(house, wire.settings(dsn))

    async def is_stopped() -> bool:
        return bool(await house.count("SELECT count(*) FROM consumer_stop"))

    async with running(consumer):
        for number in range(BUGS_MAX):
            await wire.release(f"b-{number}", "BUG")
        await until(is_stopped)
        await wire.release("r-1")
        await asyncio.sleep(0.3)
    restarted = consumer_of(house, wire.settings(dsn))
    async with running(restarted):
        await until(lambda: _is_placed(restarted))
        await asyncio.sleep(0.5)
        assert await house.names("r-1") == []
        assert b'bapas_consumer_stopped{consumer="registration"} 1.0' in house.metrics.text()

        house.wrong.bugs.clear()
        assert await house.desk.resume("registration", actor="ops")
        await until(lambda: has_seen(house, 1))

    assert await house.names("r-1") == ["Budi"]
    assert len(await house.letters_in("parked")) == BUGS_MAX


async def _is_placed(consumer: Consumer) -> bool:
    return consumer.is_assigned


async def test_an_unreadable_header_name_costs_its_own_record_alone(
    house: House, consumer: Consumer, wire: Wire
) -> None:
    """Those before and behind it and those of other partitions are applied; it is set aside by its place."""
    for number in range(90):
        await wire.release(f"r-{number}", partition=number % 3)
        if number == 40:
            await send_with_unreadable_header_name(wire.producer, wire.topic(INTAKE), partition=1)

    async with running(consumer):
        await until(lambda: is_read(house, consumer, wire))

    assert await house.count("SELECT count(*) FROM tally WHERE seen = 1") == 90
    (letter,) = await house.letters_in("parked")
    assert (letter.partition, letter.offset, letter.reason) == (1, 14, UNREADABLE_NAME)
    assert await house.count("SELECT count(*) FROM held_key") == 0


async def test_what_a_transaction_took_back_is_not_applied_and_its_marks_are_no_lag(
    house: House, consumer: Consumer, wire: Wire
) -> None:
    """A prison's client may use transactions; we read what was committed."""
    producer = AIOKafkaProducer(bootstrap_servers=wire.backing.bootstrap_servers, transactional_id=wire.prefix)
    await producer.start()
    for label in ("aborted", "committed"):
        record = good(label)
        await producer.begin_transaction()
        await producer.send(wire.topic(INTAKE), record.value, key=record.key, headers=list(record.headers), partition=0)
        await (producer.abort_transaction() if label == "aborted" else producer.commit_transaction())
    await producer.stop()

    async def has_no_lag() -> bool:
        behind = consumer.positions.behind()
        return len(behind) == 3 and not any(behind.values())

    async with running(consumer):
        await until(lambda: has_seen(house, 1))
        await until(has_no_lag)

    assert (await house.names("aborted"), await house.names("committed")) == ([], ["Budi"])


async def test_a_topic_that_is_made_anew_under_a_running_consumer_is_read_from_its_beginning(
    house: House, consumer: Consumer, wire: Wire
) -> None:
    """Its offsets begin at 0 again; they are not taken for what was read before."""
    async with running(consumer):
        for number in range(8):
            await wire.release(f"old-{number}", partition=0)
        await until(lambda: each_once(house, 8))
        await asyncio.to_thread(_make_anew, wire)
        for number in range(3):
            await wire.release(f"new-{number}", partition=0)
        await until(lambda: each_once(house, 11))


def _make_anew(wire: Wire) -> None:
    asyncio.run(topics.delete(wire.backing.bootstrap_servers, [wire.topic(INTAKE)]))
    wire.make(INTAKE, partitions=3)


async def test_a_batch_that_could_not_be_handled_is_read_again_from_its_start(
    house: House, consumer: Consumer, wire: Wire
) -> None:
    """Here the tables are locked by a migration that takes longer than a lock is waited for."""
    await wire.release("r-1", "A", partition=0)
    async with running(consumer):
        await until(lambda: has_seen(house, 1))
        async with house.pool.acquire() as migration, migration.transaction():
            await migration.execute("SET LOCAL lock_timeout = '5s'; LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
            for name in "BCD":
                await wire.release("r-1", name, partition=0)
            await until(house.somebody_waits)
        await until(lambda: has_seen(house, 4))

    assert await house.names("r-1") == ["A", "B", "C", "D"]


def test_a_record_is_the_same_whoever_sends_it() -> None:
    """The builder of these tests agrees with the wire."""
    assert record_of(released("r-1"), 0, event_id="r-1") == good("r-1")
