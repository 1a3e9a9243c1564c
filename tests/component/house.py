"""A service of the house around a real database, wired as a process does it, with its loops in the test's hand."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis.access import TokenVerifier
from chassis.audit_trail import Audited
from chassis.batch import BatchResult, BatchRunner
from chassis.clock import OfficeClock, SteppedClock
from chassis.commands import Commands
from chassis.database import Pool, migrate, open_pool
from chassis.dead_letters import Letters
from chassis.delivery import Record, read
from chassis.engine import Engine
from chassis.http import create_app
from chassis.metrics import Metrics
from chassis.senders import SenderLoop
from chassis.service import Service, ServiceContext
from chassis.settings import Settings
from chassis.telemetry import Telemetry
from chassis.timers import Timers
from chassis.transaction import Setting
from contracts import catalogue
from contracts.envelope import Envelope, encode, encode_headers
from contracts.event import EVENT_TYPES, Event
from contracts.reference import Reference, load_reference
from contracts.roles import Role
from deploy.local.backing import Backing
from deploy.local.tokens import AUDIENCE, ISSUER, Holder, Issuer

FRIDAY: Final = datetime(2026, 5, 29, 9, 30, tzinfo=UTC)
"""16:30 in Palembang, before a weekend with a holiday behind it."""
TRACEPARENT: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

_offsets = count()


@contextmanager
def database_of(backing: Backing, service: Service) -> Iterator[str]:
    """The address of a database with the tables of a service."""
    name = f"{service.name}_{uuid4().hex[:8]}"
    dsn = backing.create_database(name)
    asyncio.run(migrate(dsn, service.all_migrations()))
    yield dsn
    backing.drop_database(name)


EMPTY: Final = """
    DO $$ BEGIN
        EXECUTE (SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') || ' RESTART IDENTITY CASCADE'
                   FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migration'
                    AND NOT starts_with(tablename, 'audit_'));
    END $$
"""


@dataclass
class House:
    """One service, without Kafka: what it is given and what it would send."""

    service: Service
    pool: Pool
    settings: Settings
    issuer: Issuer
    reference: Reference = field(default_factory=load_reference)

    def __post_init__(self) -> None:
        """Wire the parts as a process does."""
        self.system_clock = SteppedClock(datetime.now(UTC))
        self.office = SteppedClock(FRIDAY)
        self.metrics = Metrics()
        self.spans = InMemorySpanExporter()
        telemetry = Telemetry(
            clock=self.system_clock, resource=Resource.create({}), processor=SimpleSpanProcessor(self.spans)
        )
        setting = Setting(self.service.name, "", self.reference, self.system_clock, telemetry)
        office_clock = OfficeClock(self.office)
        self.engine = Engine(self.pool, setting, office_clock)
        self.commands = Commands(self.engine)
        upstream = frozenset(name for name, topic in catalogue.TOPICS.items() if topic.publisher in catalogue.UPSTREAM)
        letters = Letters(self.service.name, self.service.name, upstream)
        self.runner = BatchRunner(self.engine, letters)
        self.timers = Timers(self.engine, self.service.inbox, self.metrics.timers, lambda: None)
        self.context = ServiceContext(
            self.settings, setting, self.pool, self.commands, self.reference, self.system_clock, office_clock,
            telemetry, self.metrics,
        )  # fmt: skip
        self.senders = self.service.senders(self.context)

    @cached_property
    def app(self) -> FastAPI:
        """What answers over HTTP; made for those who ask."""
        return create_app(
            title=self.service.title,
            routers=self.service.routes(self.context),
            clock=self.system_clock,
            telemetry=self.context.telemetry,
            metrics=self.metrics,
            verifier=TokenVerifier.from_settings(self.settings, self.system_clock),
            units=frozenset(self.reference.units),
            audited=Audited(self.service.name, self.pool),
        )

    async def deliver(self, *records: Record) -> BatchResult:
        """Handle records as one batch."""
        offsets = {(each.topic, each.partition): each.offset + 1 for each in records}
        return await self.runner.run([read(each, self.service.inbox) for each in records], offsets)

    async def hear(self, *events: Event, traceparent: str | None = None) -> list[str]:
        """Handle events as one batch and say how each ended."""
        result = await self.deliver(*(record_of(event, traceparent=traceparent) for event in events))
        return [ended.kind or ended.outcome for ended in result.ended]

    async def step_to(self, moment: datetime) -> int:
        """Let the office clock show this moment, and what is due ring; how many clocks did."""
        self.office.set(moment)
        rung = 0
        while fired := await self.timers.fire_due():
            rung += fired
        return rung

    async def clocks(self) -> dict[str, datetime]:
        """The clocks that are set, by kind."""
        return {row["kind"]: row["due_at"] for row in await self.pool.fetch("SELECT kind, due_at FROM timer")}

    async def published(self) -> list[Event]:
        """What waits to leave, in order."""
        return [
            EVENT_TYPES[_type_of(row["headers"])].model_validate_json(row["payload"])
            for row in await self.pool.fetch("SELECT headers, payload FROM outbox ORDER BY seq")
            if row["payload"] is not None
        ]

    async def topics(self) -> list[tuple[str, str]]:
        """Where it goes: topics and keys, in order."""
        return [
            (row["topic"], row["key"]) for row in await self.pool.fetch("SELECT topic, key FROM outbox ORDER BY seq")
        ]

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Let the senders run while the block does."""
        loops: list[SenderLoop[Any]] = [
            SenderLoop(sender, self.commands, self.system_clock, self.metrics.senders, lambda: None)
            for sender in self.senders
        ]
        tasks = [asyncio.create_task(loop.run()) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)

    def client(self, *roles: Role, subject: str | None = None, unit: str | None = "PLG-HQ") -> httpx.AsyncClient:
        """An HTTP client that calls as somebody in a role."""
        held = tuple(role.value for role in roles)
        headers = {}
        if roles:
            token = self.issuer.issue(Holder(roles=held, unit=unit, subject=subject))
            headers["Authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://test", headers=headers, timeout=10
        )


@asynccontextmanager
async def furnished(
    service: Service, dsn: str, issuer: Issuer, env: Mapping[str, str] | None = None
) -> AsyncIterator[House]:
    """The service around this database, which is emptied before."""
    settings = Settings.from_env(
        {
            "DATABASE_URL": dsn,
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "AUTH_ISSUER": ISSUER,
            "AUTH_AUDIENCE": AUDIENCE,
            "AUTH_JWKS": str(issuer.jwks_file),
            "OBJECTS_URL": issuer.jwks_file.parent.joinpath("objects").absolute().as_uri(),
            **(env or {}),
        },
        service=service.name,
    )
    pool = await open_pool(dsn, name="test")
    try:
        await pool.execute(EMPTY)
        yield House(service, pool, settings, issuer)
    finally:
        await pool.close()


def record_of(event: Event, *, event_id: UUID | None = None, traceparent: str | None = None) -> Record:
    """A record as a service of ours publishes it."""
    key, headers, value = encode(event, _envelope(event.type, event.owner, event.subject, event_id, traceparent))
    return _record(event.topic, key, headers, value)


def tombstone_of(event: type[Event], subject: UUID | str) -> Record:
    """The record that erases a subject."""
    envelope = _envelope(event.type, event.owner, str(subject), None, None)
    return _record(event.topic_for(juvenile=False), str(subject).encode(), encode_headers(envelope), None)


def _envelope(kind: str, owner: str, subject: str, event_id: UUID | None, traceparent: str | None) -> Envelope:
    return Envelope(
        id=str(event_id or SteppedClock(datetime.now(UTC)).new_id()),
        source=f"/bapas/{owner}",
        type=kind,
        subject=subject,
        time=FRIDAY,
        sequence=1,
        traceparent=traceparent,
    )


def _record(topic: str, key: bytes, headers: Sequence[tuple[str, bytes | None]], value: bytes | None) -> Record:
    return Record(topic=topic, partition=0, offset=next(_offsets), key=key, headers=tuple(headers), value=value)


def _type_of(headers: bytes) -> str:
    return str(dict(json.loads(headers))["ce_type"])
