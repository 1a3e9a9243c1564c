"""Run a piece of work in one database transaction: again when a race was lost, with more keys when more are learnt."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import asyncpg
import structlog

from chassis import spans
from chassis.clock import OfficeClock
from chassis.database import Pool
from chassis.failures import CONTENTION, LOST_CONNECTION, KeyLearntError, LostRaceError, UnavailableError
from chassis.probes import NO_PROBES, Probes
from chassis.transaction import Cause, Setting, Transaction
from chassis.work import AggregateKey, WorkingSet

log = structlog.get_logger(__name__)

R = TypeVar("R")

RACES_MAX: Final = 8
KEYS_LEARNT_MAX: Final = 200
RACE_PAUSE_SECONDS: Final = 0.01
ACQUIRE_TIMEOUT_SECONDS: Final = 5.0

RACE: Final = (LostRaceError, asyncpg.UniqueViolationError, *CONTENTION)
"""Somebody was faster: everything is rolled back and decided anew on what they left."""

Body = Callable[[WorkingSet, Sequence[AggregateKey]], Awaitable[R]]


@dataclass
class Engine:
    """What all work on one service's database shares."""

    pool: Pool
    setting: Setting
    office_clock: OfficeClock
    probes: Probes = NO_PROBES
    committed: list[Callable[[], None]] = field(default_factory=list)
    """Told after each commit that put something into the outbox."""

    def transaction(self, work: WorkingSet, cause: Cause) -> Transaction:
        """A transaction for one piece of work, at the office's present time."""
        return Transaction(work, now=self.office_clock.now(), cause=cause, setting=self.setting)

    async def run(self, body: Body[R], *, point: str) -> R:
        """Run `body` in a transaction of its own until it commits.

        `point` names the place for probes. Raises UnavailableError when the database is away, and whatever else
        `body` raises; where the same race is lost again and again, the last such failure.
        """
        learnt: list[AggregateKey] = []
        races = 0
        while True:
            try:
                return await self._once(body, learnt, point)
            except KeyLearntError as failure:
                learnt.append(failure.key)
                if len(learnt) > KEYS_LEARNT_MAX:
                    raise
            except RACE as failure:
                races += 1
                if races > RACES_MAX:
                    raise
                log.debug("lost a race", action="transaction", failure=type(failure).__name__, races=races)
                await asyncio.sleep(RACE_PAUSE_SECONDS * races * (0.5 + secrets.randbelow(100) / 100))
            except LOST_CONNECTION as failure:
                raise UnavailableError(type(failure).__name__) from failure

    async def _once(self, body: Body[R], learnt: Sequence[AggregateKey], point: str) -> R:
        async with self.pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
            async with connection.transaction():
                work = WorkingSet(connection)
                result = await body(work, learnt)
                await work.flush()
                await self.probes.reach(f"{point}.before_commit")
            await self.probes.reach(f"{point}.after_commit")
            if work.published:  # told before the connection goes back: that asks the database once more
                for tell in self.committed:
                    tell()
        return result

    def record_created(self, transaction: Transaction) -> None:
        """Emit the spans of the messages that a committed transaction put into the outbox."""
        for message in transaction.published:
            if not self.setting.telemetry.wants(message.context):
                continue
            spans.record_create(
                self.setting.telemetry,
                message.context,
                parent=transaction.cause.trace,
                topic=message.topic,
                key=message.subject,
                event_id=str(message.event_id),
                event_type=message.event_type,
                at_ns=message.at_ns,
            )
