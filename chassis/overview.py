"""What operations sees of one service at a glance, the same of every service: from its process and its database."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from chassis.access import Principal, Scope, allow
from chassis.audit import nothing_restricted
from chassis.audit_chain import count_unsealed
from chassis.consumer import Consumer
from chassis.health import Health, OfficeTime, Part
from chassis.housekeeping import COUNT_HELD, COUNT_LETTERS, COUNT_OUTBOX, COUNT_TIMERS, COUNTED_ROWS_MAX
from chassis.relay import RELAY_LOCK, Relay
from contracts.roles import Role

if TYPE_CHECKING:
    from chassis.clock import SystemClock
    from chassis.database import Connection, Pool

OVERVIEW_SECONDS_MAX: Final = 5.0

SELECT_STOP: Final = "SELECT reason, stopped_at FROM consumer_stop WHERE consumer = $1"
SELECT_OLDEST_LETTER: Final = """
    SELECT received_at FROM dead_letter
     WHERE consumer = $1 AND state IN ('parked', 'waiting') ORDER BY seq LIMIT 1
"""
SELECT_SEALED: Final = "SELECT position, sealed_at FROM audit_link ORDER BY position DESC LIMIT 1"
# The lock's number is the lower half of the key; the upper is empty. A session of the same role sees where it is from.
SELECT_LEADER: Final = """
    SELECT session.backend_start FROM pg_locks AS held JOIN pg_stat_activity AS session USING (pid)
     WHERE held.locktype = 'advisory' AND held.granted AND held.classid = 0 AND held.objid = $1
       AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

Operator = Annotated[Principal, Depends(allow(Role.OPS, scope=Scope.ANY))]


class HealthNow(BaseModel):
    """Whether the process moves and has what it leans on."""

    ready: bool
    stuck_loops: list[str] = Field(description="Loops that have not moved for too long; it should be restarted")
    parts: list[Part]


class ClockNow(BaseModel):
    """Both clocks."""

    system: datetime
    office: OfficeTime


class Stop(BaseModel):
    """Why a consumer stands still, until somebody resumes it."""

    reason: str
    since: datetime


class ConsumerNow(BaseModel):
    """What this process reads; where it is no worker, only whether the consumer is stopped."""

    name: str
    works_here: bool
    assigned_partitions: int
    lag_records: int = Field(description="Records that wait in the partitions of this process")
    lag_seconds: float = Field(description="The most that the oldest of these can be old")
    stopped: Stop | None


class OutboxNow(BaseModel):
    """What waits to be published."""

    rows: int
    oldest_seconds: float
    parked: int = Field(description="Those that the broker does not take as they are")


class RelayNow(BaseModel):
    """Who empties the outbox of this database."""

    leads_here: bool
    leader_since: datetime | None = Field(description="Since when some process has the lock; null: nobody relays")


class TimersNow(BaseModel):
    """The clocks, by the office's time."""

    waiting: int
    due: int
    oldest_late_seconds: float
    next_due_at: datetime | None


class DeadLettersNow(BaseModel):
    """What was set aside and is open."""

    parked: dict[str, int] = Field(description="By kind: malformed, refused, bug, held")
    held_keys: int
    longest_held_seconds: float
    oldest_at: datetime | None


class AuditNow(BaseModel):
    """How far the audit trail is in its chain, and what is missing in it."""

    sealed_until: int = Field(description="The position of the last entry that has its place in the chain")
    sealed_at: datetime | None
    unsealed: int = Field(description="Entries that wait for their place")
    oldest_unsealed_seconds: float
    lost_entries: int = Field(description="What this process could not write since it began")


class Overview(BaseModel):
    """One service as it is now; a count that reaches 10,000 means at least so many, or is estimated."""

    service: str
    instance: str
    unit: str
    version: str
    git_sha: str | None
    roles: list[str]
    started_at: datetime
    clock: ClockNow
    health: HealthNow
    consumer: ConsumerNow
    outbox: OutboxNow
    relay: RelayNow
    timers: TimersNow
    dead_letters: DeadLettersNow
    audit: AuditNow


@dataclass(frozen=True)
class Lookout:
    """Looks at one service: at its database with bounded statements, at its process without any."""

    pool: "Pool"
    system_clock: "SystemClock"
    health: Health
    consumer_name: str
    consumer: Consumer | None = None
    relay: Relay | None = None

    async def look(self) -> Overview:
        """All of it; raises what a database that is away raises."""
        info = self.health.info()
        async with asyncio.timeout(OVERVIEW_SECONDS_MAX):
            parts = await self.health.parts()
            async with self.pool.acquire(timeout=1.0) as connection:
                return Overview(
                    **info.model_dump(include=_OF_INFO),
                    clock=ClockNow(system=self.system_clock.now(), office=info.office_clock),
                    health=HealthNow(
                        ready=not any(part.required and part.problem for part in parts),
                        stuck_loops=self.health.loops.stuck(),
                        parts=parts,
                    ),
                    consumer=await self._consumer(connection),
                    outbox=await _outbox(connection),
                    relay=RelayNow(
                        leads_here=self.relay is not None and self.relay.is_leading,
                        leader_since=await connection.fetchval(SELECT_LEADER, RELAY_LOCK),
                    ),
                    timers=await _timers(connection, self.health.office_clock.now()),
                    dead_letters=await _dead_letters(connection, self.consumer_name),
                    audit=await _audit(connection, lost_entries=self.health.metrics.audit.lost_entries),
                )

    async def _consumer(self, connection: "Connection") -> ConsumerNow:
        stop = await connection.fetchrow(SELECT_STOP, self.consumer_name)
        lag = self.consumer.lag() if self.consumer is not None else {}
        return ConsumerNow(
            name=self.consumer_name,
            works_here=self.consumer is not None,
            assigned_partitions=0 if self.consumer is None else self.consumer.positions.placed,
            lag_records=sum(each.records for each in lag.values()),
            lag_seconds=max((each.seconds for each in lag.values()), default=0.0),
            stopped=None if stop is None else Stop(reason=stop["reason"], since=stop["stopped_at"]),
        )


_OF_INFO: Final = {"service", "instance", "unit", "version", "git_sha", "roles", "started_at"}


async def _outbox(connection: "Connection") -> OutboxNow:
    [row] = await connection.fetch(COUNT_OUTBOX, COUNTED_ROWS_MAX)
    return OutboxNow(rows=row["rows"], oldest_seconds=max(0.0, row["oldest"]), parked=row["parked"])


async def _timers(connection: "Connection", now: datetime) -> TimersNow:
    [row] = await connection.fetch(COUNT_TIMERS, now, COUNTED_ROWS_MAX)
    late = (now - row["first"]).total_seconds() if row["due"] else 0.0
    return TimersNow(waiting=row["waiting"], due=row["due"], oldest_late_seconds=late, next_due_at=row["first"])


async def _dead_letters(connection: "Connection", consumer: str) -> DeadLettersNow:
    letters = await connection.fetch(COUNT_LETTERS, consumer, COUNTED_ROWS_MAX)
    [held] = await connection.fetch(COUNT_HELD, consumer, COUNTED_ROWS_MAX)
    return DeadLettersNow(
        parked={row["kind"]: row["letters"] for row in letters},
        held_keys=held["keys"],
        longest_held_seconds=max(0.0, held["oldest"]),
        oldest_at=await connection.fetchval(SELECT_OLDEST_LETTER, consumer),
    )


async def _audit(connection: "Connection", *, lost_entries: int) -> AuditNow:
    last = await connection.fetchrow(SELECT_SEALED)
    unsealed, oldest = await count_unsealed(connection)
    return AuditNow(
        sealed_until=0 if last is None else last["position"],
        sealed_at=None if last is None else last["sealed_at"],
        unsealed=unsealed,
        oldest_unsealed_seconds=max(0.0, oldest),
        lost_entries=lost_entries,
    )


def overview_routes(lookout: Lookout) -> APIRouter:
    """The route of operations."""
    router = APIRouter(prefix="/v1/ops", tags=["operations"])

    @router.get("/overview", dependencies=[Depends(nothing_restricted)])
    async def read_overview(operator: Operator) -> Overview:
        """This service at a glance: health, consumer, outbox, relay, clocks, dead letters, audit trail."""
        return await lookout.look()

    return router
