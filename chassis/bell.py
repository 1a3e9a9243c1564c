"""Tell the relay that something was committed: in process where it leads, by a coalesced NOTIFY where it does not.

The NOTIFY is sent after the commit and on another connection; inside the transaction it would serialise all commits.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

import structlog

from chassis.database import Pool
from chassis.failures import TRANSIENT
from chassis.relay import OUTBOX_CHANNEL, Relay

log = structlog.get_logger(__name__)

COALESCE_SECONDS: Final = 0.01
NOTIFY: Final = "SELECT pg_notify($1, '')"


@dataclass
class Bell:
    """Rung after every commit that left something in the outbox."""

    pool: Pool
    relay: Relay | None
    _rung: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        """Something was committed."""
        if self.relay is not None and self.relay.is_leading:
            self.relay.wake()
        else:
            self._rung.set()

    async def run(self) -> None:
        """Pass the ringing on to the process that leads, until cancelled; the relay's own poll is the safety net."""
        while True:
            await self._rung.wait()
            self._rung.clear()
            try:
                async with self.pool.acquire(timeout=5.0) as connection:
                    await connection.execute(NOTIFY, OUTBOX_CHANNEL)
            except TRANSIENT as failure:
                log.debug("nobody told the relay", action="bell", failure=type(failure).__name__)
            await asyncio.sleep(COALESCE_SECONDS)
