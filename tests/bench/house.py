"""The real local stack for a measurement: its own settings, on free ports, in a folder that goes with it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx

from contracts.reference import Reference, load_reference
from deploy.demo.people import People
from deploy.local.settings import STATE, Ports, Settings
from deploy.local.stack import Stack
from tests.bench import machine
from tests.bench.stage import DURABLE, SELECT_SETTING, Stalled

CONNECTIONS: Final = 64
IDLE_SECONDS: Final = 2.0
"""A connection is given up before the service closes it, or a question would meet a closed door."""
HOUSES: Final = STATE / "bench"
"""Where a stack lives while it is measured."""


@dataclass(frozen=True)
class House:
    """A running stack, who calls it, and what it runs on."""

    stack: Stack
    people: People
    client: httpx.AsyncClient
    about: Mapping[str, Any]
    reference: Reference = field(default_factory=load_reference)

    @asynccontextmanager
    async def session(self, service: str) -> AsyncIterator[Any]:
        """A connection of ours to a service's database, with no limits of time."""
        connection = await asyncpg.connect(self.stack.endpoints["databases"][service], command_timeout=3600)
        try:
            yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def house(name: str, *, office_clock: datetime | None = None) -> AsyncIterator[House]:
    """A stack without a trace viewer, whose processes are those of `make up`; refuses one that is not durable."""
    folder: Path = HOUSES / name
    settings = Settings(ports=Ports.free(), traces=False)
    stack = Stack(folder, settings=settings, keep=False, office_clock=office_clock)
    await asyncio.to_thread(stack.start)
    try:
        about = await _described(stack)
        limits = httpx.Limits(
            max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=IDLE_SECONDS
        )
        async with httpx.AsyncClient(trust_env=False, limits=limits) as client:
            urls = {name: service["url"] for name, service in stack.endpoints["services"].items()}
            reference = load_reference()
            people = People(urls, stack.token, reference, client)
            yield House(stack, people, client, about, reference)
    finally:
        await asyncio.to_thread(stack.stop)


async def _described(stack: Stack) -> dict[str, Any]:
    admin = await asyncpg.connect(stack.ground.postgres.admin_dsn)
    try:
        for name in DURABLE:
            value = await admin.fetchval(SELECT_SETTING, name)
            if value != "on":
                raise Stalled(f"{name} = {value}: nothing is measured on a database that may lose what it committed")
        return await machine.describe(admin)
    finally:
        await admin.close()
