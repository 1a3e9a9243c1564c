"""What a caller may be shown at all: a second wall, in the database, behind the filters of the services.

A read runs under a role that owns nothing, in a transaction that says what the caller may see; policies on the tables
hold every row against that. A statement that forgets its filter shows no more for it. Whatever is not said is nothing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from chassis.database import Connection, Pool

READER: Final = "bapas_reader"
"""Made with the databases (deploy), granted to each service's role; what it may read stands in the migrations."""

LOOK: Final = """
    SELECT set_config('role', $1, true), set_config('bapas.facility', $2, true), set_config('bapas.children', $3, true)
"""


@dataclass(frozen=True, slots=True)
class Sight:
    """How far somebody sees: releases of one facility, and whether children."""

    facility: str | None = None
    children: bool = False


class Seen:
    """The database as far as somebody sees; it is read like the pool that it stands before."""

    def __init__(self, pool: Pool, sight: Sight) -> None:
        """Take the pool, and what is seen of it."""
        self._pool = pool
        self._sight = sight

    @asynccontextmanager
    async def acquire(self, *, timeout: float | None = None) -> AsyncIterator[Connection]:  # noqa: ASYNC109  as a pool's
        """A connection that sees no more, and writes nothing, until it is given back."""
        async with self._pool.acquire(timeout=timeout) as connection, connection.transaction(readonly=True):
            children = "on" if self._sight.children else "off"
            await connection.execute(LOOK, READER, self._sight.facility or "", children)
            yield connection


Source: TypeAlias = Pool | Seen
"""Where a store reads from: everything, or what somebody sees of it."""
