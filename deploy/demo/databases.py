"""The services' databases, read from outside: one connection each, kept open."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeAlias

import asyncpg

Row: TypeAlias = Mapping[str, Any]


class Databases:
    """A connection to the database of every service, used to look and never to write."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._connections: dict[str, asyncpg.Connection[asyncpg.Record]] = {}

    async def __aenter__(self) -> Self:
        """Connect to each."""
        for service, url in self._urls.items():
            self._connections[service] = await asyncpg.connect(
                url, server_settings={"application_name": "demo", "default_transaction_read_only": "on"}
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Disconnect."""
        for connection in self._connections.values():
            connection.terminate()

    @property
    def services(self) -> Sequence[str]:
        """Whose databases these are."""
        return tuple(self._connections)

    async def rows(self, service: str, statement: str, *arguments: object) -> list[Row]:
        """What a service's database answers."""
        return [dict(row) for row in await self._connections[service].fetch(statement, *arguments)]

    async def value(self, service: str, statement: str, *arguments: object) -> Any:
        """The first value of what a service's database answers."""
        return await self._connections[service].fetchval(statement, *arguments)
