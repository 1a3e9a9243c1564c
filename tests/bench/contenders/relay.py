"""The relay as one writes it by hand on asyncpg: one leader, rows in order, a row goes when the broker has it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import asyncpg

from tests.bench.contenders.follow_up import OUTBOX_LOCK, RELAY_POLL_SECONDS, RELAY_ROWS_MAX

CLAIM: Final = "SELECT seq, topic, key, headers, payload FROM outbox ORDER BY seq LIMIT $1"
FORGET: Final = "DELETE FROM outbox WHERE seq = ANY($1)"

Send = Callable[[Sequence[Any]], Awaitable[object]]
"""Sends rows in their order and ends when the broker has them all."""


async def relay(dsn: str, send: Send, wake: asyncio.Event, *, linger_seconds: float = 0.0) -> None:
    """Empty the outbox until cancelled; look again when woken, and a moment has passed, or after a while."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("SELECT pg_advisory_lock($1)", OUTBOX_LOCK)
    while True:
        wake.clear()
        rows = await connection.fetch(CLAIM, RELAY_ROWS_MAX)
        if rows:
            await send(rows)
            await connection.execute(FORGET, [row["seq"] for row in rows])
        if len(rows) < RELAY_ROWS_MAX:
            await _wait(wake)
            await asyncio.sleep(linger_seconds)


async def _wait(wake: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(wake.wait(), RELAY_POLL_SECONDS)
    except TimeoutError:
        return
