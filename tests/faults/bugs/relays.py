"""Bugs of the relay: what it reads, when it forgets, and under which name it sends."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast
from uuid import uuid4

from chassis.database import Connection, connect
from chassis.outbox import unpack_headers
from chassis.relay import CLAIM, FORGET, POLL_SECONDS, Relay

SELECT_AFTER: Final = """
    SELECT seq, topic, key, headers, payload FROM outbox WHERE seq > $2 ORDER BY seq LIMIT $1
"""
DELETE_UP_TO: Final = "DELETE FROM outbox WHERE seq <= $1"
SELECT_UNLOCKED: Final = """
    SELECT seq, topic, key, headers, payload FROM outbox ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED
"""


class _Desk:
    """The connection of a relay, on which claiming and forgetting may be done otherwise."""

    def __init__(self, bare: Connection) -> None:
        self.bare = bare

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bare, name)

    async def fetch(self, query: str, *arguments: Any) -> Any:
        return await (self.claim(*arguments) if query is CLAIM else self.bare.fetch(query, *arguments))

    async def execute(self, query: str, *arguments: Any) -> Any:
        return await (self.forget(*arguments) if query is FORGET else self.bare.execute(query, *arguments))

    async def claim(self, rows_max: int) -> Any:
        """Read what is to be sent."""
        return await self.bare.fetch(CLAIM, rows_max)

    async def forget(self, done: list[int]) -> Any:
        """Take away what was sent."""
        return await self.bare.execute(FORGET, done)


@dataclass
class OutboxByCursor(Relay):
    """Reads behind the last row that it sent: a row with a lower number that commits later is never sent."""

    last: int = 0

    async def _relay_batch(self, connection: Connection) -> int:
        return await super()._relay_batch(cast("Connection", _Cursor(connection, self)))


class _Cursor(_Desk):
    def __init__(self, bare: Connection, relay: OutboxByCursor) -> None:
        super().__init__(bare)
        self._relay = relay

    async def claim(self, rows_max: int) -> Any:
        return await self.bare.fetch(SELECT_AFTER, rows_max, self._relay.last)

    async def forget(self, done: list[int]) -> Any:
        self._relay.last = max(done)
        return await self.bare.execute(DELETE_UP_TO, self._relay.last)


@dataclass
class TwoRelaysSkipLocked(Relay):
    """Two relays share the outbox and skip each other's rows: of two facts of one case the later may leave first."""

    twin: bool = False

    async def run(self) -> None:
        """Relay twice at once."""
        if self.twin:
            await super().run()
        else:
            await asyncio.gather(super().run(), replace(self, twin=True, _wake=asyncio.Event()).run())

    async def _lead(self) -> None:
        connection = await connect(self.dsn, name=f"{self.service} relay")
        self._lead_is(leads=True)
        try:
            while True:
                self.beat()
                async with connection.transaction():
                    sent = await self._relay_batch(cast("Connection", _SkippingLocked(connection, self)))
                if not sent:
                    await asyncio.sleep(POLL_SECONDS / 10)
        finally:
            self._lead_is(leads=False)
            connection.terminate()


class _SkippingLocked(_Desk):
    ROWS: Final = 2

    def __init__(self, bare: Connection, relay: Relay) -> None:
        super().__init__(bare)
        self._relay = relay

    async def claim(self, rows_max: int) -> Any:
        rows = await self.bare.fetch(SELECT_UNLOCKED, self.ROWS)
        if rows:
            await self._relay.probes.reach("relay.claimed")
        return rows


@dataclass
class ForgottenBeforeAcknowledged(Relay):
    """Rows are taken away when they are read: what the broker did not acknowledge is lost."""

    async def _relay_batch(self, connection: Connection) -> int:
        return await super()._relay_batch(cast("Connection", _ForgettingFirst(connection)))


class _ForgettingFirst(_Desk):
    async def claim(self, rows_max: int) -> Any:
        rows = await super().claim(rows_max)
        await super().forget([row["seq"] for row in rows])
        return rows

    async def forget(self, done: list[int]) -> Any:
        return None


@dataclass
class NewIdOnEachSend(Relay):
    """A message is named when it is sent: sent again it is another one."""

    async def _relay_batch(self, connection: Connection) -> int:
        return await super()._relay_batch(cast("Connection", _Renaming(connection)))


class _Renaming(_Desk):
    async def claim(self, rows_max: int) -> Any:
        return [{**row, "headers": _renamed(row)} for row in await super().claim(rows_max)]


def _renamed(row: Mapping[str, Any]) -> bytes:
    headers = dict(unpack_headers(row["headers"])) | {"ce_id": str(uuid4()).encode()}
    return json.dumps([[name, value.decode()] for name, value in headers.items()]).encode()
