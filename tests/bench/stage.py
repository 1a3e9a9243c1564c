"""Where contenders run: one broker and one durable database for all, and for each run fresh topics and tables."""

import asyncio
import itertools
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from chassis.database import connect, migrate
from contracts.catalogue import TOPICS
from deploy.local import topics
from deploy.local.backing import Backing
from deploy.local.ports import free_ports
from deploy.local.processes import Process, Program
from tests.bench.contenders import Contender
from tests.bench.invariants import FollowUp, Traces, Verdict, judge
from tests.bench.load import Message, messages, sent_once
from tests.component.chassis.delivery.wire import FACTS, INTAKE, Wire, header

ROOT: Final = Path(__file__).parents[2]
POSTGRES: Final = {
    # As on a server of its own, and the same for all; nothing here touches durability.
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "track_commit_timestamp": "on",
}
KAFKA: Final = ("-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35")
"""As the broker's own start script runs it; the local stack gives it little memory and the first compiler alone."""
DURABLE: Final = ("fsync", "synchronous_commit", "full_page_writes")
CHILDREN_TOPIC: Final = "lapas.juvenile.events"
POLL_SECONDS: Final = 0.02
WARM_UP_EVENTS: Final = 400
START_SECONDS: Final = 60.0
STALL_SECONDS: Final = 20.0
END_SECONDS: Final = 20.0

SELECT_SETTING: Final = "SELECT current_setting($1)"
SELECT_COMMITS: Final = "SELECT xact_commit FROM pg_stat_database WHERE datname = $1"
COUNT_SESSIONS: Final = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1"
SELECT_INBOX: Final = "SELECT event_key FROM inbox"
SELECT_SEEN: Final = "SELECT registration_id, seen FROM tracked_release"


class Stalled(Exception):
    """Nothing can be measured like this."""


@dataclass
class Stage:
    """The broker, the database server and a producer for all runs."""

    backing: Backing
    producer: AIOKafkaProducer
    admin: Any
    span_endpoint: str
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def server_pids(self) -> tuple[int, int]:
        """The processes of the broker and of the database server."""
        return self.backing.kafka.process.pid, self.backing.postgres.process.pid

    @asynccontextmanager
    async def trial(self, contender: Contender) -> AsyncIterator["Trial"]:
        """A contender that runs on topics and a database of its own until the end of the block."""
        name = f"run{next(self.numbers)}"
        dsn = self.backing.create_database(name)
        await migrate(dsn, contender.migrations())
        wire = Wire(self.backing, f"{name}.", self.producer)
        made = _topics(wire)
        await topics.ensure(self.backing.bootstrap_servers, made)
        consumer = AIOKafkaConsumer(bootstrap_servers=self.backing.bootstrap_servers)
        await consumer.start()
        consumer.assign([TopicPartition(wire.topic(FACTS), number) for number in range(wire.partitions[FACTS])])
        trial = Trial(self, contender, name, dsn, wire, consumer)
        try:
            await self.admin.execute("CHECKPOINT")
            trial.commits_before = await trial.commits()
            trial.start()
            yield trial
        finally:
            trial.end()
            await consumer.stop()
            self.backing.drop_database(name)
            await topics.delete(self.backing.bootstrap_servers, [topic.name for topic in made])


@dataclass
class Trial:
    """One contender on its topics and tables."""

    stage: Stage
    contender: Contender
    name: str
    dsn: str
    wire: Wire
    consumer: AIOKafkaConsumer
    commits_before: int = 0
    warm: Sequence[Message] = ()
    _process: Process | None = None

    @property
    def process(self) -> Process:
        """The contender's process."""
        if self._process is None:
            raise Stalled("not started")
        return self._process

    def start(self) -> None:
        """Start the contender; it is ready when its follow-ups come."""
        log = self.stage.backing.folder / "logs" / f"{self.name}-{self.contender.name}.log"
        self._process = self.stage.backing.processes.start(
            Program(
                name=self.name,
                command=[sys.executable, "-m", self.contender.module],
                log=log,
                folder=ROOT,
                env={**self._env(), **self.contender.env},
            )
        )

    def end(self) -> None:
        """End the contender at once: what it did is in the database and on the topic, or it is not done."""
        if self._process is not None:
            self._process.kill()
            self.stage.backing.processes.forget(self._process)

    @property
    def intake(self) -> str:
        """The incoming topic."""
        return self.wire.topic(INTAKE)

    async def send(self, given: Sequence[Message]) -> None:
        """Put messages on the incoming topic as fast as it takes them, and wait until all are acknowledged."""
        await asyncio.gather(*[await self.post(message) for message in given])

    async def post(self, message: Message) -> Awaitable[object]:
        """Hand one message to the producer; what it gives is done when the broker has it."""
        sending: Awaitable[object] = await self.stage.producer.send(
            self.intake, message.value, key=message.key, headers=message.headers
        )
        return sending

    async def followed(self) -> int:
        """How many records the outgoing topic holds."""
        ends: Mapping[TopicPartition, int] = await self.consumer.end_offsets(list(self.consumer.assignment()))
        return sum(ends.values())

    async def warm_up(self) -> None:
        """Let the contender start and handle some events."""
        self.warm = messages(WARM_UP_EVENTS, name="warm")
        await self.send(self.warm)
        if not await self._grown_to(len(sent_once(self.warm)), seconds=START_SECONDS):
            raise Stalled(f"{self.contender.name} does not work.\n{self.process.log_tail()}")

    async def until_followed(self, given: Sequence[Message], *, watch: Callable[[], None] = lambda: None) -> None:
        """Wait until each distinct event has a follow-up, or nothing comes any more: then some are lost."""
        expected = len(sent_once([*self.warm, *given]))
        wanted = expected
        while await self._grown_to(wanted, seconds=STALL_SECONDS, watch=watch):
            found = await self.follow_ups()
            missing = expected - len({follow_up.causation_id for follow_up in found})
            if missing <= 0:
                return
            wanted = len(found) + missing

    async def _grown_to(self, count: int, *, seconds: float, watch: Callable[[], None] = lambda: None) -> bool:
        """Whether the outgoing topic came to hold so many; not when nothing came for a while, or nobody is there."""
        before, since = -1, time.monotonic()
        while (found := await self.followed()) < count:
            watch()
            if found > before:
                before, since = found, time.monotonic()
            if not self.process.running or time.monotonic() - since > seconds:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True

    async def follow_ups(self) -> list[FollowUp]:
        """All that lies on the outgoing topic."""
        return [
            FollowUp(
                header(record, "ce_id"), header(record, "ce_causationid"), record.key.decode(),
                int(header(record, "ce_sequence")), record.value, record.timestamp,
            )
            for record in await self.wire.lying(FACTS)
        ]  # fmt: skip

    async def left_behind(self) -> Traces:
        """What is in the tables and on the topic."""
        connection = await connect(self.dsn, name="bench")
        try:
            inbox = Counter(row["event_key"] for row in await connection.fetch(SELECT_INBOX))
            seen = {row["registration_id"]: row["seen"] for row in await connection.fetch(SELECT_SEEN)}
        finally:
            await connection.close()
        return Traces(inbox, seen, await self.follow_ups())

    def verdict(self, given: Sequence[Message], left: Traces) -> Verdict:
        """Whether that is what has to follow from the warm-up and from what was given."""
        sent = sent_once([*self.warm, *given]).values()
        return judge({self.contender.inbox_key(message.event_id): message for message in sent}, left)

    async def commits(self) -> int:
        """Transactions of this database since its tables were made; a session counts for sure when it has ended."""
        admin = self.stage.admin
        async with asyncio.timeout(END_SECONDS):
            while await admin.fetchval(COUNT_SESSIONS, self.name):  # noqa: ASYNC110  the server tells nobody
                await asyncio.sleep(POLL_SECONDS)
        return int(await admin.fetchval(SELECT_COMMITS, self.name)) - self.commits_before

    def _env(self) -> dict[str, str]:
        (port,) = free_ports(1)
        env = {
            "DATABASE_URL": self.dsn,
            "KAFKA_BOOTSTRAP_SERVERS": self.stage.backing.bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": self.wire.prefix,
            "HTTP_PORT": str(port),
            "AUTH_ISSUER": "nobody",
            "AUTH_JWKS": "https://nobody.invalid/keys",
            "PYTHONPATH": str(ROOT),
        }
        if self.contender.is_traced:
            env["OTEL_EXPORTER_OTLP_ENDPOINT"] = self.stage.span_endpoint
        return env


def _topics(wire: Wire) -> list[topics.Wanted]:
    """The topics of the catalogue that the pipeline needs; the broker stamps the outgoing one."""
    wanted = []
    for name in (INTAKE, CHILDREN_TOPIC, FACTS):
        topic = TOPICS[name]
        wire.partitions[name] = topic.local_partitions
        config = {"max.message.bytes": str(topic.message_bytes_max)}
        if name == FACTS:
            config["message.timestamp.type"] = "LogAppendTime"
        wanted.append(topics.Wanted(name=wire.topic(name), partitions=topic.local_partitions, config=config))
    return wanted


@asynccontextmanager
async def stage(backing: Backing, *, span_endpoint: str) -> AsyncIterator[Stage]:
    """Everything that the runs share; refuses a database that is not durable."""
    producer = AIOKafkaProducer(
        bootstrap_servers=backing.bootstrap_servers, acks="all", enable_idempotence=True, max_batch_size=256 * 1024
    )
    await producer.start()
    admin = await asyncpg.connect(backing.admin_dsn)
    try:
        for name in DURABLE:
            value = await admin.fetchval(SELECT_SETTING, name)
            if value != "on":
                raise Stalled(f"{name} = {value}: nothing is measured on a database that may lose what it committed")
        yield Stage(backing, producer, admin, span_endpoint)
    finally:
        await admin.close()
        await producer.stop()
