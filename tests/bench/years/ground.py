"""Ground for runs that last: databases that outlive a run, every topic of the network, processes in chosen roles."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Console

from chassis.database import Migration, migrate
from contracts.catalogue import TOPICS
from deploy.local import topics
from services.registration.app import SERVICE as REGISTRATION
from tests.bench.contenders import OURS, Contender
from tests.bench.stage import Stage, Stalled, Trial
from tests.component.chassis.delivery.wire import FACTS, Wire

POLL_SECONDS: Final = 0.02
STALL_SECONDS: Final = 60.0
STARTED_TOGETHER: Final = 500
"""So many messages are handed to the producer before their answers are awaited: a million futures need memory too."""

OUR_REGISTRATION: Final = Contender(
    name="registration",
    title="the registration service",
    module="services.registration",
    migrations=REGISTRATION.all_migrations,
    inbox_key=OURS.inbox_key,
    is_ours=True,
)
"""The real service, with its tables, its registers' indexes and its clocks."""

SELECT_DONE: Final = """
    SELECT (SELECT coalesce(sum(next_offset), 0) FROM consumer_offset WHERE topic = $1)::bigint AS handled,
           NOT EXISTS (SELECT FROM outbox) AS is_empty
"""
SELECT_SIZES: Final = """
    SELECT relname, pg_relation_size(oid) AS bytes FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') AND relname = ANY ($1)
"""

console: Final = Console(highlight=False, soft_wrap=True, markup=False)


def in_roles(contender: Contender, roles: str) -> Contender:
    """The same service in some of its roles."""
    return replace(contender, env={**contender.env, "SERVICE_ROLES": roles})


async def new_database(stage: Stage, name: str, migrations: Sequence[Migration]) -> str:
    """The address of a database with these tables."""
    dsn = stage.backing.create_database(name)
    await migrate(dsn, migrations)
    return dsn


@asynccontextmanager
async def trial_on(stage: Stage, contender: Contender, dsn: str) -> AsyncIterator[Trial]:
    """A contender on a given database and on topics of its own, not started; the database stays as it is then."""
    name = f"years{next(stage.numbers)}"
    wire = Wire(stage.backing, f"{name}.", stage.producer)
    made = [_stamped(topic, wire) for topic in topics.of_catalogue(wire.prefix)]
    wire.partitions.update({topic.name: topic.local_partitions for topic in TOPICS.values()})
    await topics.ensure(stage.backing.bootstrap_servers, made)
    consumer = AIOKafkaConsumer(bootstrap_servers=stage.backing.bootstrap_servers)
    await consumer.start()
    consumer.assign([TopicPartition(wire.topic(FACTS), number) for number in range(wire.partitions[FACTS])])
    trial = Trial(stage, contender, name, dsn, wire, consumer)
    try:
        yield trial
    finally:
        trial.end()
        await consumer.stop()
        await topics.delete(stage.backing.bootstrap_servers, [topic.name for topic in made])


def _stamped(topic: topics.Wanted, wire: Wire) -> topics.Wanted:
    """The same; the outgoing topic with the broker's own time on what it takes."""
    if topic.name != wire.topic(FACTS):
        return topic
    return replace(topic, config={**topic.config, "message.timestamp.type": "LogAppendTime"})


@asynccontextmanager
async def session(dsn: str, *, database: str | None = None) -> AsyncIterator[Any]:
    """A connection of ours that looks at a database (of the address, if none is named), with no limits of time."""
    connection = await asyncpg.connect(dsn, database=database, command_timeout=3600)
    try:
        yield connection
    finally:
        await connection.close()


async def until_handled(
    trial: Trial, connection: Any, records: int, *, watch: Callable[[int], None] = lambda _handled: None
) -> None:
    """Wait until so many records of the incoming topic were handled and all that follows has left.

    Raises Stalled when nothing moves for a while; `watch` is told how far it is.
    """
    before, since = -1, time.monotonic()
    while True:
        row = await connection.fetchrow(SELECT_DONE, trial.intake)
        watch(row["handled"])
        if row["handled"] >= records and row["is_empty"]:
            return
        if row["handled"] != before:
            before, since = row["handled"], time.monotonic()
        if not trial.process.running or time.monotonic() - since > STALL_SECONDS:
            raise Stalled(f"{trial.contender.name}: {before} of {records} handled.\n{trial.process.log_tail()}")
        await asyncio.sleep(POLL_SECONDS)


async def poured(trial: Trial, given: Sequence[Any]) -> None:
    """Put many messages on the incoming topic, a bounded number of them at a time."""
    for first in range(0, len(given), STARTED_TOGETHER):
        sending: list[Awaitable[object]] = [await trial.post(one) for one in given[first : first + STARTED_TOGETHER]]
        await asyncio.gather(*sending)


async def sizes(connection: Any, *relations: str) -> Mapping[str, int]:
    """The bytes of tables and indexes."""
    return {row["relname"]: row["bytes"] for row in await connection.fetch(SELECT_SIZES, list(relations))}


@contextmanager
def said(what: str) -> Iterator[None]:
    """Say what takes a while, and how long it took."""
    begun = time.monotonic()
    yield
    console.print(f"{what}: {time.monotonic() - begun:.0f} s")
