"""What the seeded bugs of consumer and relay do between a database and Kafka; the same as in `seeded_stories`."""

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID, uuid4

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from chassis.broker import Producer, new_producer
from chassis.failures import UnavailableError
from chassis.settings import Settings
from chassis.work import INSERT_OUTBOX
from tests.component.chassis.delivery.harness import record_of, released, until
from tests.component.chassis.delivery.seeded import Breaking, SeededHouse
from tests.component.chassis.delivery.tally import SERVICE
from tests.component.chassis.delivery.wire import FACTS, INTAKE, Wire, first_of_each, header, running, sequences
from tests.component.house import EMPTY
from tests.faults.bugs.work import PublishedBeforeCommit


@dataclass(frozen=True)
class Line:
    """A service with a bug, its database, and topics of its own."""

    house: SeededHouse
    dsn: str
    wire: Wire

    @property
    def settings(self) -> Settings:
        """What its process is told."""
        return self.wire.settings(self.dsn)

    async def put(self, key: str, number: int, connection: Any = None) -> UUID:
        """Put a message into the outbox by hand."""
        event_id = uuid4()
        headers = json.dumps([["ce_id", str(event_id)], ["ce_sequence", str(number)]]).encode()
        topic = self.wire.topic(FACTS)
        await (connection or self.house.pool).execute(INSERT_OUTBOX, [event_id], [topic], [key], [headers], [b"{}"])
        return event_id

    async def is_empty(self) -> bool:
        """Whether the outbox is."""
        return not await self.house.count("SELECT count(*) FROM outbox")

    async def lie_there(self, count: int) -> bool:
        """Whether so many messages have reached the topic."""
        return len(await self.wire.lying(FACTS)) >= count

    async def ids(self) -> list[str]:
        """The ids of what has reached the topic."""
        return [header(record, "ce_id") for record in await self.wire.lying(FACTS)]


Wired = Callable[[Line], Awaitable[bool]]
"""Whether harm was done."""


async def late_row_is_passed(line: Line) -> bool:
    """A row with a lower number commits after the next one has left: does it never leave."""
    async with running(line.house.relay(line.settings)):
        async with line.house.pool.acquire() as slow, slow.transaction():
            late = await line.put("a", 1, slow)
            await line.put("b", 1)
            await until(lambda: line.lie_there(1))
            await until(line.is_empty)
        await line.put("c", 1)
        await until(line.is_empty)
    return str(late) not in await line.ids()


class FirstWaits:
    """Whoever claims first dawdles until the other one is done."""

    def __init__(self, line: Line) -> None:
        """Nobody has come."""
        self._line, self._first = line, True

    async def reach(self, point: str) -> None:
        """Wait here until the third row has left."""
        if point == "relay.claimed" and self._first:
            self._first = False
            await until(self._two_are_left)

    async def _two_are_left(self) -> bool:
        return await self._line.house.count("SELECT count(*) FROM outbox") == 2


async def two_relays_race(line: Line) -> bool:
    """Three facts of one case wait: does the last one leave first."""
    for number in (1, 2, 3):
        await line.put("a", number)
    async with running(line.house.relay(line.settings, probes=FirstWaits(line))):
        await until(line.is_empty)
    return sequences(first_of_each(await line.wire.lying(FACTS))) != {"a": [1, 2, 3]}


async def broker_is_away(line: Line) -> bool:
    """The broker cannot be reached at first: is what was to be sent gone when it can."""
    nowhere = replace(line.settings, kafka_bootstrap_servers="127.0.0.1:9")
    producers = iter([new_producer(nowhere)])

    def first_in_vain() -> Producer:
        return next(producers, None) or new_producer(line.settings)

    await line.put("a", 1)
    async with running(line.house.relay(line.settings, producer=first_in_vain)):
        await until(line.is_empty)
        await line.put("b", 1)
        await until(line.is_empty)
        await until(lambda: line.lie_there(1))
    return set(sequences(await line.wire.lying(FACTS))) != {"a", "b"}


async def message_is_renamed(line: Line) -> bool:
    """A message was written with an id: does it leave under another one."""
    event_id = await line.put("a", 1)
    async with running(line.house.relay(line.settings)):
        await until(line.is_empty)
    return await line.ids() != [str(event_id)]


async def batch_is_undone(line: Line) -> bool:
    """The batch is rolled back: does the topic tell of it."""
    house = replace(line.house, probes=Breaking("batch.before_commit"))
    if isinstance(house.engine, PublishedBeforeCommit):
        house.engine.new_producer = lambda _engine: new_producer(line.settings)
    with suppress(UnavailableError):
        await house.deliver(record_of(released("r-1", "A"), 0))
    if isinstance(house.engine, PublishedBeforeCommit):
        await (await house.engine.ready_producer()).stop()
    return await line.lie_there(1)


async def batch_fails_once(line: Line) -> bool:
    """The database goes away for a moment: is what was in hand passed over."""
    breaking = Breaking("")
    house = replace(line.house, probes=breaking)

    async def has(release_id: str) -> bool:
        return bool(await house.names(release_id))

    async def has_broken() -> bool:
        return breaking.has_broken

    async with running(house.consumer(line.settings)):
        await line.wire.release("r-0", "A")
        await until(lambda: has("r-0"))
        breaking.point = "batch.before_commit"
        await line.wire.release("r-1", "A")
        await until(has_broken)
        await line.wire.release("r-2", "A")
        await until(lambda: has("r-2"))
    return not await has("r-1")


async def database_comes_from_a_copy(line: Line) -> bool:
    """The database has lost what Kafka knows to be read: is it never read again."""

    async def has(release_id: str) -> bool:
        return bool(await line.house.names(release_id))

    await line.wire.release("r-1", "A")
    async with running(line.house.consumer(line.settings)):
        await until(lambda: committed_to_kafka(line))
    await line.house.pool.execute(EMPTY)
    async with running(line.house.consumer(line.settings)):
        await line.wire.release("r-2", "A")
        await until(lambda: has("r-2"))
    return not await has("r-1")


async def committed_to_kafka(line: Line) -> bool:
    """Whether the group has shown Kafka how far it is."""
    admin = AIOKafkaAdminClient(bootstrap_servers=line.wire.backing.bootstrap_servers)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(f"{line.wire.prefix}{SERVICE}")
    finally:
        await admin.close()
    found = offsets.get(TopicPartition(line.wire.topic(INTAKE), 0))
    return found is not None and found.offset > 0


WIRED: Final[Mapping[str, Wired]] = {
    "outbox-by-cursor": late_row_is_passed,
    "two-relays-skip-locked": two_relays_race,
    "forgotten-before-acknowledged": broker_is_away,
    "new-id-on-each-send": message_is_renamed,
    "published-before-commit": batch_is_undone,
    "failed-batch-passed-over": batch_fails_once,
    "kafkas-offsets-trusted": database_comes_from_a_copy,
}
