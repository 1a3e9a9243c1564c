"""Quiet: nothing is on its way anywhere. Read in an order in which nothing can slip from one place to the next unseen.

Whatever is on its way is a record that nobody has read, a clock that is due, a mail that waits, an event behind a dead
letter that is settled, or a message in an outbox. A consumer moves its offset in the transaction that fills its outbox,
so the ends of the topics are read first, then the offsets, then the outboxes, and then the ends once more.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from contracts.catalogue import consumed_by
from deploy.demo.databases import Databases
from deploy.demo.topics import Partition, Topics
from deploy.local.problem import Problem

WAIT_SECONDS: Final = 45.0
POLL_SECONDS: Final = 0.05

SELECT_OFFSETS: Final = "SELECT topic, partition, next_offset FROM consumer_offset"
COUNT_DUE: Final = "SELECT count(*) FROM timer WHERE due_at <= $1"
COUNT_OUTBOX: Final = "SELECT count(*) FROM outbox"
COUNT_MAILS: Final = "SELECT count(*) FROM notification WHERE state IN ('pending', 'sending', 'accepted')"
COUNT_FREE: Final = """
    SELECT count(*) FROM dead_letter AS letter
     WHERE state = 'waiting'
       AND NOT EXISTS (SELECT 1 FROM dead_letter AS earlier
                        WHERE earlier.consumer = letter.consumer AND earlier.state IN ('parked', 'waiting')
                          AND earlier.order_keys && letter.order_keys AND earlier.seq < letter.seq)
"""
FIRST_TIMER: Final = "SELECT min(due_at) FROM timer WHERE kind <> 'facility-silence'"  # no clock of a case


@dataclass(frozen=True)
class Quiescence:
    """Looks at one stack until it is quiet."""

    databases: Databases
    topics: Topics
    topic_prefix: str = ""
    ended: Callable[[], Sequence[str]] = tuple
    """The parts of the stack that have ended by themselves; without them nothing comes to rest."""

    async def wait(self, office: datetime) -> float:
        """Wait until nothing is on its way at this office time; how many seconds it took.

        Raises Problem that says what is not done.
        """
        begun = time.monotonic()
        while waiting := await self.on_its_way(office):
            if ended := self.ended():
                raise Problem(f"{', '.join(ended)} ended by itself.")
            if time.monotonic() - begun > WAIT_SECONDS:
                raise Problem(f"After {WAIT_SECONDS:.0f} s there is still on its way: {', '.join(waiting)}.")
            await asyncio.sleep(POLL_SECONDS)
        return time.monotonic() - begun

    async def on_its_way(self, office: datetime) -> list[str]:
        """What is not done, in words; empty when it is quiet."""
        ends = await asyncio.to_thread(self.topics.ends)
        found = [
            *await self._unread(ends),
            *await self._due(office),
            *await self._unsent(),
            *await self._following(),
            *await self._outgoing(),
        ]
        if found:
            return found
        after = await asyncio.to_thread(self.topics.ends)
        return ["records that have just been written"] if after != ends else []

    async def next_clock(self) -> datetime | None:
        """When the next clock of any service is due."""
        firsts = [await self.databases.value(service, FIRST_TIMER) for service in self.databases.services]
        return min((first for first in firsts if first is not None), default=None)

    async def _unread(self, ends: Mapping[Partition, int]) -> list[str]:
        found = []
        for service in self.databases.services:
            rows = await self.databases.rows(service, SELECT_OFFSETS)
            read = {
                (row["topic"].removeprefix(self.topic_prefix), row["partition"]): row["next_offset"] for row in rows
            }
            topics = {topic.name for topic in consumed_by(service)}
            behind = sum(end - read.get(place, 0) for place, end in ends.items() if place[0] in topics)
            found += [f"{behind} records that {service} has not read"] if behind else []
        return found

    async def _due(self, office: datetime) -> list[str]:
        return await self._count("{} clocks of {} that are due", COUNT_DUE, office)

    async def _outgoing(self) -> list[str]:
        return await self._count("{} messages in the outbox of {}", COUNT_OUTBOX)

    async def _following(self) -> list[str]:
        return await self._count("{} events of {} that nothing holds any more", COUNT_FREE)

    async def _unsent(self) -> list[str]:
        count = await self.databases.value("notifications", COUNT_MAILS)
        return [f"{count} mails and messages"] if count else []

    async def _count(self, words: str, statement: str, *arguments: object) -> list[str]:
        counts = {
            service: await self.databases.value(service, statement, *arguments) for service in self.databases.services
        }
        return [words.format(count, service) for service, count in counts.items() if count]
