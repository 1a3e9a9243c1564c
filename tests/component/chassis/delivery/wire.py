"""The same small service on a real Kafka: topics of a test's own, records as anybody may send them, what lies there."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from chassis.broker import new_producer
from chassis.consumer import Consumer
from chassis.delivery import Record
from chassis.relay import ProducerFactory, Relay
from chassis.settings import Settings
from contracts import catalogue
from deploy.local.backing import Backing
from tests.component.chassis.delivery.harness import House, record_of, released
from tests.component.chassis.delivery.tally import SERVICE

INTAKE: Final = "lapas.events"
FACTS: Final = "registration.events"
MESSAGE_BYTES_MAX: Final = catalogue.TOPICS[FACTS].message_bytes_max


@dataclass
class Wire:
    """Topics under a prefix of their own."""

    backing: Backing
    prefix: str
    producer: AIOKafkaProducer
    partitions: dict[str, int] = field(default_factory=dict)

    def topic(self, name: str) -> str:
        """A topic's name here."""
        return self.prefix + name

    def make(self, name: str, *, partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        """Make a topic with the limit that the catalogue sets."""
        self.partitions[name] = partitions
        limits = {"max.message.bytes": str(MESSAGE_BYTES_MAX), **(config or {})}
        self.backing.create_topic(self.topic(name), partitions=partitions, config=limits)
        return self.topic(name)

    def settings(self, dsn: str) -> Settings:
        """The settings of a process on this Kafka and that database."""
        return Settings.from_env(
            {
                "DATABASE_URL": dsn,
                "KAFKA_BOOTSTRAP_SERVERS": self.backing.bootstrap_servers,
                "KAFKA_TOPIC_PREFIX": self.prefix,
                "AUTH_ISSUER": "nobody",
                "AUTH_JWKS": "https://nobody.invalid/keys",
            },
            service=SERVICE,
        )

    async def send(self, record: Record, *, partition: int | None = None) -> None:
        """Send a record to the intake as it is."""
        headers = list(record.headers)
        await self.producer.send_and_wait(
            self.topic(INTAKE), record.value, key=record.key, headers=headers, partition=partition
        )

    async def release(self, release_id: str, name: str = "Budi", *, partition: int | None = None) -> None:
        """Send a good release; its name and id make its event id."""
        await self.send(record_of(released(release_id, name), 0, event_id=f"{release_id}/{name}"), partition=partition)

    async def lying(self, name: str) -> list[ConsumerRecord[Any, Any]]:
        """All that lies in a topic now, partition by partition."""
        partitions = [TopicPartition(self.topic(name), number) for number in range(self.partitions[name])]
        consumer = AIOKafkaConsumer(bootstrap_servers=self.backing.bootstrap_servers, isolation_level="read_committed")
        await consumer.start()
        try:
            consumer.assign(partitions)
            return [record for partition in partitions for record in await _all_of(consumer, partition)]
        finally:
            await consumer.stop()


async def _all_of(consumer: AIOKafkaConsumer, partition: TopicPartition) -> list[ConsumerRecord[Any, Any]]:
    records: list[ConsumerRecord[Any, Any]] = []
    end = (await consumer.end_offsets([partition]))[partition]
    consumer.seek(partition, 0)
    while await consumer.position(partition) < end:
        for found in (await consumer.getmany(partition, timeout_ms=200)).values():
            records += found
    return records


@asynccontextmanager
async def wire_to(backing: Backing) -> AsyncIterator[Wire]:
    """Topics of a test's own, and a producer that sends whatever it is given."""
    producer = AIOKafkaProducer(bootstrap_servers=backing.bootstrap_servers, max_request_size=10_000_000)
    await producer.start()
    try:
        yield Wire(backing, f"t{uuid4().hex[:8]}.", producer)
    finally:
        await producer.stop()


def consumer_of(house: House, settings: Settings, *, kind: type[Consumer] = Consumer, **fields: Any) -> Consumer:
    """The consumer of a process, not started."""
    topics = [settings.kafka_topic_prefix + INTAKE]
    return kind(
        house.engine, house.inbox, house.runner, settings, topics, house.metrics.consumer, lambda: None, **fields
    )


def relay_of(
    house: House,
    settings: Settings,
    *,
    kind: type[Relay] = Relay,
    producer: ProducerFactory | None = None,
    **fields: Any,
) -> Relay:
    """The relay of a process, not started."""
    return kind(
        settings.database_url,
        SERVICE,
        producer or (lambda: new_producer(settings)),
        house.metrics.relay,
        lambda: None,
        **fields,
    )


@asynccontextmanager
async def running(*loops: Consumer | Relay) -> AsyncIterator[None]:
    """Run loops until the end of the block, then stop them in order."""
    tasks = [asyncio.create_task(loop.run()) for loop in loops]
    try:
        yield
    finally:
        await stop(tasks)


async def stop(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel tasks and wait for their ends."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def header(record: ConsumerRecord[Any, Any], name: str) -> str:
    """A header of a record of ours."""
    value: str = dict(record.headers)[name].decode()
    return value


def first_of_each(records: Sequence[ConsumerRecord[Any, Any]]) -> list[ConsumerRecord[Any, Any]]:
    """What a consumer sees that knows what it has seen: of each event the first record."""
    seen: dict[str, ConsumerRecord[Any, Any]] = {}
    for record in records:
        seen.setdefault(header(record, "ce_id"), record)
    return list(seen.values())


def sequences(records: Sequence[ConsumerRecord[Any, Any]]) -> dict[str, list[int]]:
    """The numbers of the facts of each subject, in the order in which they lie there."""
    found: dict[str, list[int]] = {}
    for record in records:
        found.setdefault(record.key.decode(), []).append(int(header(record, "ce_sequence")))
    return found
