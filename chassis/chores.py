"""Work that nobody waits for: done in rounds of one transaction each, which leave most of the time to all else."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from chassis.clock import SystemClock
from chassis.commands import Commands
from chassis.failures import TRANSIENT, UnavailableError
from chassis.transaction import Actor, Transaction

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 0.5
REST_MAX_SECONDS: Final = 10.0
REST: Final = 9.0
"""A round is followed by so many times its own length of rest: a chore has a tenth of the time, however much waits."""


@dataclass(frozen=True)
class Chore:
    """A service's work in the background; a round does a bounded piece of it and says how much it was."""

    name: str
    do: Callable[[None, Transaction], Awaitable[int]]


@dataclass
class ChoreLoop:
    """Does one chore until cancelled."""

    chore: Chore
    commands: Commands
    clock: SystemClock
    beat: Callable[[], None]

    async def run(self) -> None:
        """Do rounds as long as something is left, and look again a little later when nothing is."""
        while True:
            self.beat()
            begun = self.clock.monotonic()
            try:
                done = await self.round()
            except (UnavailableError, *TRANSIENT) as failure:
                log.warning("chore interrupted", action="chore", chore=self.chore.name, failure=type(failure).__name__)
                done = 0
            rest = min((self.clock.monotonic() - begun) * REST, REST_MAX_SECONDS)
            await asyncio.sleep(rest if done else max(rest, POLL_SECONDS))

    async def round(self) -> int:
        """Do one round; how much was done."""
        return await self.commands.run(self.chore.do, None, actor=Actor("timer", self.chore.name))
