"""A service process from start to stop: its parts in order, its loops supervised, nothing cut off in the middle."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import asyncpg
import structlog
import uvicorn
from fastapi import FastAPI

from chassis.access import TokenVerifier
from chassis.audit_api import audit_routes
from chassis.audit_chain import UNSEALED_SECONDS_MAX, Sealer, count_unsealed
from chassis.audit_trail import Audited
from chassis.batch import BatchRunner
from chassis.bell import Bell
from chassis.broker import new_producer
from chassis.chores import ChoreLoop
from chassis.clock import OfficeClock, SystemClock
from chassis.commands import Commands
from chassis.consumer import Consumer
from chassis.database import Pool, missing_migrations, open_pool
from chassis.dead_letters import Letters
from chassis.dead_letters_api import dead_letter_routes
from chassis.engine import Engine
from chassis.failures import TRANSIENT
from chassis.health import Check, Health, Loops, health_routes
from chassis.housekeeping import Housekeeper
from chassis.http import create_app
from chassis.letter_desk import LetterDesk
from chassis.metrics import Metrics
from chassis.objects import Objects
from chassis.overview import Lookout, overview_routes
from chassis.probes import Probes
from chassis.relay import Relay
from chassis.senders import SenderLoop
from chassis.service import Service, ServiceContext
from chassis.settings import VERSION, Settings
from chassis.telemetry import Telemetry
from chassis.timers import Timers
from chassis.transaction import Setting
from contracts import catalogue
from contracts.reference import load_reference

log = structlog.get_logger(__name__)

EXIT_BROKEN: Final = 1
DATABASE_WAIT_SECONDS: Final = 60.0
DATABASE_PAUSE_SECONDS: Final = 0.5
LOOP_PAUSE_SECONDS: Final = 1.0
LOOP_SILENCE_SECONDS_MAX: Final = 60.0
STOP_TIMEOUT_SECONDS: Final = 20.0
DRAIN_SECONDS: Final = 1.0

Loop = Callable[[], Awaitable[None]]


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: the process stops its parts in an order of its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the process."""
        yield


@dataclass
class Parts:
    """The parts of a running service that have loops."""

    consumer: Consumer | None = None
    desk: LetterDesk | None = None
    relay: Relay | None = None
    loops: list[tuple[str, Loop]] = field(default_factory=list)


class Process:
    """Runs one service in this process."""

    def __init__(
        self, service: Service, settings: Settings, probes: Probes, *, system_clock: SystemClock | None = None
    ) -> None:
        """Take what the service is and what it was told; nothing is started yet."""
        self.service = service
        self.settings = settings
        self.probes = probes
        self.system_clock = system_clock or SystemClock()
        self.office_clock = OfficeClock(self.system_clock, file=settings.office_clock_file)
        self.metrics = Metrics()
        self.telemetry = Telemetry.from_settings(settings, self.system_clock)
        self.reference = load_reference(settings.reference_dir)
        self.loops = Loops(self.system_clock.monotonic)
        self.topics = tuple(topic.name for topic in catalogue.consumed_by(service.name))
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Start, serve until told to stop, stop; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        self.metrics.identify(self.settings, VERSION)
        pool = await self._open_pool()
        if pool is None:
            return EXIT_BROKEN
        try:
            return await self._serve(pool)
        finally:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(pool.close(), timeout=STOP_TIMEOUT_SECONDS)
            await asyncio.to_thread(self.telemetry.shutdown)

    async def _open_pool(self) -> Pool | None:
        deadline = self.system_clock.monotonic() + DATABASE_WAIT_SECONDS
        while not self._stop.is_set():
            try:
                pool = await open_pool(self.settings.database_url, name=self.settings.instance)
                async with pool.acquire() as connection:
                    missing = await missing_migrations(connection, self.service.all_migrations())
            except (*TRANSIENT, asyncpg.PostgresError) as failure:
                if self.system_clock.monotonic() > deadline:
                    log.exception("the database is not there", action="start", failure=type(failure).__name__)
                    return None
                await asyncio.sleep(DATABASE_PAUSE_SECONDS)
                continue
            if missing:
                log.error("the database lacks migrations; run `migrate`", action="start", migration=missing[0])
                await pool.close()
                return None
            return pool
        return None

    async def _serve(self, pool: Pool) -> int:
        setting = Setting(
            self.service.name, self.settings.kafka_topic_prefix, self.reference, self.system_clock, self.telemetry
        )
        engine = Engine(pool, setting, self.office_clock, self.probes)
        context = ServiceContext(
            self.settings, setting, pool, Commands(engine), self.reference, self.system_clock, self.office_clock,
            self.telemetry, self.metrics,
        )  # fmt: skip
        self.metrics.database.pool(size=pool.get_size, idle=pool.get_idle_size, most=pool.get_max_size())
        parts = self._parts(engine, context)
        server = _Server(self._http_config(self._app(context, engine, parts)))
        tasks = [asyncio.create_task(self._supervise(name, run), name=name) for name, run in parts.loops]
        serving = asyncio.create_task(server.serve(), name="http")
        stopping = asyncio.create_task(self._stop.wait())
        log.info("started", action="start", topics=len(self.topics))
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        broken = serving.done() and not self._stop.is_set()
        server.should_exit = True
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(serving), timeout=STOP_TIMEOUT_SECONDS)
        await self._stop_loops(tasks, parts)
        log.info("stopped", action="stop")
        return EXIT_BROKEN if broken else 0

    async def _stop_loops(self, tasks: Sequence["asyncio.Task[None]"], parts: Parts) -> None:
        """Consumers, clocks and senders first; the relay last, after a moment to empty the outbox."""
        last = {"relay"}
        first_to_stop = [task for task in tasks if task.get_name() not in last]
        await _cancel(first_to_stop)
        if parts.relay is not None:
            parts.relay.wake()
            await asyncio.sleep(DRAIN_SECONDS if parts.relay.is_leading else 0)
        await _cancel([task for task in tasks if task.get_name() in last])

    def _parts(self, engine: Engine, context: ServiceContext) -> Parts:
        parts = Parts()
        roles = self.settings.service_roles
        if "relay" in roles:
            parts.relay = Relay(
                self.settings.database_url,
                self.service.name,
                lambda: new_producer(self.settings),
                self.metrics.relay,
                self._watch("relay"),
                self.probes,
                telemetry=self.telemetry,
            )
            parts.loops.append(("relay", parts.relay.run))
            sealer = Sealer(
                self.settings.database_url, engine.setting, self.metrics.audit, self._watch("sealer"), self.probes
            )
            parts.loops.append(("sealer", sealer.run))
        bell = Bell(engine.pool, parts.relay)
        engine.committed.append(bell.ring)
        parts.loops.append(("bell", bell.run))
        letters = Letters(self.service.name, self.service.name, self._upstream_topics())
        runner = BatchRunner(engine, letters)
        parts.desk = LetterDesk(engine, self.service.inbox, runner, letters, lambda: self.loops.beat("dead letters"))
        self._add_workers(parts, engine, context, runner)
        housekeeper = Housekeeper(
            engine.pool, self.service.name, catalogue.inbox_retention(self.service.name), self.metrics,
            self.system_clock, self.office_clock, self._watch("housekeeping"), self.service.measures(context),
        )  # fmt: skip
        parts.loops.append(("housekeeping", housekeeper.run))
        return parts

    def _add_workers(self, parts: Parts, engine: Engine, context: ServiceContext, runner: BatchRunner) -> None:
        if "worker" not in self.settings.service_roles or parts.desk is None:
            return
        self._watch("dead letters")
        parts.loops.append(("dead letters", parts.desk.run))
        timers = Timers(engine, self.service.inbox, self.metrics.timers, self._watch("timers"))
        parts.loops.append(("timers", timers.run))
        for sender, number in [(each, n) for each in self.service.senders(context) for n in range(each.at_once)]:
            name = f"sender {sender.name}" + f" {number + 1}" * (sender.at_once > 1)
            loop: SenderLoop[Any] = SenderLoop(
                sender, context.commands, self.system_clock, self.metrics.senders, self._watch(name), self.probes
            )
            engine.committed.append(loop.wake)
            parts.loops.append((name, loop.run))
        for chore in self.service.chores(context):
            name = f"chore {chore.name}"
            chores = ChoreLoop(chore, context.commands, self.system_clock, self._watch(name))
            parts.loops.append((name, chores.run))
        if self.topics:
            prefix = self.settings.kafka_topic_prefix
            for topic in self.topics:
                kept = timedelta(hours=catalogue.TOPICS[topic].retention_hours)
                self.metrics.consumer.retention(prefix + topic, seconds=kept.total_seconds())
            parts.consumer = Consumer(
                engine, self.service.inbox, runner, self.settings, [prefix + topic for topic in self.topics],
                self.metrics.consumer, self._watch("consumer"),
            )  # fmt: skip
            parts.loops.append(("consumer", parts.consumer.run))

    def _watch(self, name: str) -> Callable[[], None]:
        return self.loops.register(name, silence_seconds_max=LOOP_SILENCE_SECONDS_MAX)

    def _upstream_topics(self) -> frozenset[str]:
        prefix = self.settings.kafka_topic_prefix
        return frozenset(
            prefix + name for name, topic in catalogue.TOPICS.items() if topic.publisher in catalogue.UPSTREAM
        )

    def _app(self, context: ServiceContext, engine: Engine, parts: Parts) -> FastAPI:
        health = Health(
            settings=self.settings,
            office_clock=self.office_clock,
            metrics=self.metrics,
            loops=self.loops,
            started_at=self.system_clock.now(),
            reference_version=self.reference.version,
            consumed_topics=self.topics,
            checks=self._checks(engine, parts),
        )
        routers = [health_routes(health)]
        if "api" in self.settings.service_roles:
            routers += self.service.routes(context)
            if parts.desk is not None:
                routers.append(dead_letter_routes(parts.desk))
            routers.append(audit_routes(engine.pool))
            lookout = Lookout(engine.pool, self.system_clock, health, self.service.name, parts.consumer, parts.relay)
            routers.append(overview_routes(lookout))
        return create_app(
            title=self.service.title,
            routers=routers,
            clock=self.system_clock,
            telemetry=self.telemetry,
            metrics=self.metrics,
            verifier=TokenVerifier.from_settings(self.settings, self.system_clock),
            units=frozenset(self.reference.units),
            audited=Audited(self.service.name, engine.pool),
        )

    def _checks(self, engine: Engine, parts: Parts) -> list[Check]:
        async def database() -> str | None:
            async with engine.pool.acquire(timeout=1.0) as connection:
                missing = await missing_migrations(connection, self.service.all_migrations())
            return f"lacks {missing[0]}" if missing else None

        async def kafka() -> str | None:
            return None if parts.consumer is None or parts.consumer.is_assigned else "no partitions assigned"

        async def audit() -> str | None:
            async with engine.pool.acquire(timeout=1.0) as connection:
                entries, oldest = await count_unsealed(connection)
            return f"{entries} entries wait to be sealed" if oldest > UNSEALED_SECONDS_MAX else None

        checks = [
            Check("database", database),
            Check("kafka", kafka, required=False),
            Check("audit", audit, required=False),
        ]
        if self.service.documents:
            checks.append(Check("files", Objects.from_settings(self.settings).probe, required=False))
        return checks

    def _http_config(self, app: FastAPI) -> uvicorn.Config:
        return uvicorn.Config(
            app,
            host=self.settings.http_host,
            port=self.settings.http_port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
            lifespan="off",
        )

    async def _supervise(self, name: str, run: Loop) -> None:
        """Keep a loop running; one that fails is started again, and is seen by its silence if it fails always."""
        while True:
            try:
                await run()
            except Exception:
                log.exception("loop failed", action="supervise", loop=name)
            await asyncio.sleep(LOOP_PAUSE_SECONDS)


async def _cancel(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=STOP_TIMEOUT_SECONDS)
