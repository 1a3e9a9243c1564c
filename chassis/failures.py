"""Which failures pass by themselves: a closed list, because everything else is a bug or a refusal."""

import asyncio
from typing import Any, Final

import asyncpg

LOST_CONNECTION: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    asyncio.TimeoutError,
    EOFError,
)
"""The database or the way to it is away: wait, then do the same again."""

CONTENTION: Final = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
)
"""Somebody else was in the way: the same again, soon."""

TRANSIENT: Final = LOST_CONNECTION + CONTENTION


class LostRaceError(Exception):
    """Another transaction wrote a row that this one had read; nothing of this one remains."""


class WrittenAlreadyError(Exception):
    """What is to be undone in memory has reached the database; only a savepoint could undo it."""


class UnavailableError(Exception):
    """A part that this needs is away for now; the same again later may succeed."""


class KeyLearntError(Exception):
    """A handler asked for an aggregate that was not locked in order; run again with it among the keys."""

    def __init__(self, table: str, key: Any) -> None:
        """Name the aggregate that must be locked from the start."""
        super().__init__(table)
        self.table = table
        self.key = key
