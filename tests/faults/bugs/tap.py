"""A tap on the connection of a unit of work: one statement may be said otherwise, all others pass as they are."""

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar, cast

from chassis.database import Connection
from chassis.engine import Body, Engine
from chassis.work import AggregateKey, WorkingSet

R = TypeVar("R")


class Tap:
    """A connection that is told of every statement before the database is."""

    def __init__(self, engine: Engine) -> None:
        """Belong to one call of `Engine.run`, and to each of its attempts in turn."""
        self.engine = engine
        self.bare: Any = None

    def on(self, connection: Any) -> Connection:
        """Stand in the place of the connection of this attempt."""
        self.bare = connection
        return cast("Connection", self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bare, name)

    async def fetch(self, query: str, *arguments: Any) -> Any:
        """Ask for rows."""
        return await self.bare.fetch(query, *arguments)

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        """Ask for a value."""
        return await self.bare.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: Any) -> Any:
        """Change rows."""
        return await self.bare.execute(query, *arguments)

    async def committed(self) -> None:
        """Be told that the transaction has committed."""


class TappedEngine(Engine):
    """An engine whose units of work go through a tap, at the named points or at all of them."""

    tap: ClassVar[type[Tap]]
    points: ClassVar[frozenset[str]] = frozenset()

    async def run(self, body: Body[R], *, point: str) -> R:
        """Run `body` on the tap instead of the connection."""
        if self.points and point not in self.points:
            return await super().run(body, point=point)
        tap = self.tap(self)

        async def tapped(work: WorkingSet, learnt: Sequence[AggregateKey]) -> R:
            work.connection = tap.on(work.connection)
            return await body(work, learnt)

        result = await super().run(tapped, point=point)
        await tap.committed()
        return result
