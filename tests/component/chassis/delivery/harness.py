"""The parts of the small service around one database, and records as a prison would send them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor

from chassis.batch import BatchResult, BatchRunner
from chassis.clock import OfficeClock, SteppedClock, SystemClock
from chassis.commands import Commands
from chassis.database import Pool
from chassis.dead_letters import Letters
from chassis.delivery import Record, read
from chassis.engine import Engine
from chassis.letter_desk import LetterDesk
from chassis.letters_view import DeadLetter
from chassis.metrics import Metrics
from chassis.probes import NO_PROBES, Probes
from chassis.telemetry import Telemetry
from chassis.timers import Timers
from chassis.transaction import Actor, Setting, Transaction
from contracts.envelope import Envelope, encode
from contracts.event import Event
from contracts.lapas import CancelReason, ClientReleased, ReleaseCancelled, registration_id_of
from contracts.reference import load_reference
from tests.component.chassis.delivery.tally import FRIDAY, SERVICE, Misbehaviour, new_inbox

ACTOR: Final = Actor("person", "tester", "OPS")
PATIENCE_SECONDS: Final = 60.0
WAITING: Final = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def until(condition: Callable[[], Awaitable[object]], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something is true; fail when it never becomes so."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  a database and a broker tell nobody
            await asyncio.sleep(0.02)


class Gate:
    """Holds whoever comes to a named point until it is opened."""

    def __init__(self, point: str) -> None:
        """Closed."""
        self.point = point
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def reach(self, point: str) -> None:
        """Wait here."""
        if point == self.point:
            self.reached.set()
            await self.opened.wait()


class StandingOfficeClock(OfficeClock):
    """An office clock that stands until it is stepped."""

    def __init__(self, start: datetime = FRIDAY) -> None:
        """Stand on a Friday afternoon."""
        self.stepped = SteppedClock(start)
        super().__init__(self.stepped)


@dataclass
class House:
    """The parts of a service around one database, without loops."""

    pool: Pool
    prefix: str = ""
    probes: Probes = NO_PROBES
    wrong: Misbehaviour = field(default_factory=Misbehaviour)
    spans: SpanProcessor | None = None

    def __post_init__(self) -> None:
        """Wire the parts as a process does."""
        self.clock = SystemClock()
        self.office_clock = StandingOfficeClock()
        self.metrics = Metrics()
        telemetry = Telemetry(clock=self.clock, resource=Resource.create({}), processor=self.spans)
        self.setting = Setting(SERVICE, self.prefix, load_reference(), self.clock, telemetry)
        self.engine = Engine(self.pool, self.setting, self.office_clock, self.probes)
        self.inbox = new_inbox(self.wrong)
        self.letters = Letters(SERVICE, SERVICE, frozenset({self.prefix + "lapas.events"}))
        self.runner = BatchRunner(self.engine, self.letters)
        self.desk = LetterDesk(self.engine, self.inbox, self.runner, self.letters, lambda: None)
        self.timers = self.new_timers()
        self.commands = Commands(self.engine)

    def new_timers(self) -> Timers:
        """The clocks as a process that starts has them."""
        return Timers(self.engine, self.inbox, self.metrics.timers, lambda: None)

    async def deliver(self, *records: Record, store_offsets: bool = True) -> BatchResult:
        """Handle records as one batch."""
        offsets = {(r.topic, r.partition): r.offset + 1 for r in records} if store_offsets else {}
        return await self.runner.run([read(record, self.inbox) for record in records], offsets)

    async def outcomes(self, *records: Record, store_offsets: bool = True) -> list[str]:
        """Handle records as one batch and say how each ended."""
        result = await self.deliver(*records, store_offsets=store_offsets)
        return [ended.kind or ended.outcome for ended in result.ended]

    async def do(self, act: Callable[[Transaction], Awaitable[object]]) -> None:
        """Change something the way a command does."""

        async def command(_command: None, tx: Transaction) -> None:
            await act(tx)

        await self.commands.run(command, None, actor=ACTOR)

    async def letters_in(self, *states: str) -> Sequence[DeadLetter]:
        """The dead letters in these states, in order."""
        found = await self.desk.list_page(consumer=SERVICE, state=None, kind=None, after=None, limit=500)
        return [letter for letter in found if letter.state in states]

    async def a_bug_with_followers(self, *followers: str) -> DeadLetter:
        """A dead letter of a bug that is mended since, and events that wait behind it."""
        self.wrong.bugs.add("BUG")
        names = ["BUG", *followers]
        await self.deliver(*(record_of(released("r-1", name), place) for place, name in enumerate(names)))
        self.wrong.bugs.clear()
        return (await self.letters_in("parked"))[0]

    async def follow(self) -> None:
        """Let all that waits follow, as the loop would."""
        while await self.desk.follow():
            pass

    async def announced(self) -> list[dict[str, Any]]:
        """What the outbox says about dead letters."""
        rows = await self.pool.fetch("SELECT headers, payload FROM outbox ORDER BY seq")
        return [json.loads(row["payload"]) for row in rows if b"event-dead-lettered" in row["headers"]]

    async def names(self, release_id: str) -> list[str]:
        """What the tally of a release has seen."""
        row = await self.pool.fetchrow("SELECT names FROM tally WHERE tally_id = $1", registration_id_of(release_id))
        return [] if row is None else list(row["names"])

    async def count(self, query: str, *arguments: object) -> int:
        """The number that a query gives."""
        value: int = await self.pool.fetchval(query, *arguments)
        return value

    async def somebody_waits(self) -> bool:
        """Whether a session stands at a lock that another one has."""
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(await self.count(waiting))


def released(release_id: str, name: str = "Budi", **more: Any) -> ClientReleased:
    """A release, by what is special about it."""
    return ClientReleased.model_validate(
        {"release_id": release_id, "facility": "LP1-PLG", "name": name, "released_at": FRIDAY, **more}
    )


def touching_two(release_id: str, other: str) -> ReleaseCancelled:
    """An event of two aggregates."""
    return ReleaseCancelled(
        release_id=release_id,
        facility="LP1-PLG",
        decree_no=other,
        reason=CancelReason.OTHER,
        cancelled_at=FRIDAY,
    )


def record_of(
    event: Event,
    offset: int,
    *,
    event_id: str | None = None,
    topic: str = "lapas.events",
    partition: int = 0,
    value: bytes | None = None,
    headers: Sequence[tuple[str, bytes | None]] = (),
    key: bytes | None = None,
) -> Record:
    """A record as a prison would publish it; what is given replaces what would be right."""
    envelope = Envelope(
        id=event_id or f"event-{offset}", source="/lapas/LP1-PLG", type=event.type, subject=event.subject, time=FRIDAY
    )
    right_key, right_headers, right_value = encode(event, envelope)
    return Record(
        topic=topic,
        partition=partition,
        offset=offset,
        key=right_key if key is None else key,
        headers=tuple(headers or right_headers),
        value=right_value if value is None else value,
    )
