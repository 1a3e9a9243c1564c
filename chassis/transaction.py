"""What a handler is given: read and lock, save, publish, set clocks. It all happens, or none of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar
from uuid import UUID

from chassis import numbers, registers
from chassis.aggregates import Aggregates, Rows
from chassis.outbox import outbox_row, source_of
from chassis.rules.registers import Entry, Line
from chassis.work import WorkingSet
from contracts.envelope import Envelope
from contracts.event import Event

if TYPE_CHECKING:
    from chassis.clock import SystemClock
    from chassis.database import Connection
    from chassis.telemetry import Telemetry, TraceContext
    from contracts.reference import Reference

K = TypeVar("K", UUID, str)
S = TypeVar("S")


@dataclass(frozen=True)
class Actor:
    """Who caused a change: another service's event, a clock, or a person with a role at a unit."""

    kind: Literal["event", "timer", "person"]
    id: str
    role: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Cause:
    """What a change follows from: the trace it belongs to, the conversation, and the message or request before it."""

    actor: Actor
    trace: "TraceContext"
    correlation_id: str
    causation_id: str | None
    envelope: Envelope | None = None


@dataclass(frozen=True)
class Setting:
    """What every transaction of a process shares."""

    service: str
    topic_prefix: str
    reference: "Reference"
    system_clock: "SystemClock"
    telemetry: "Telemetry"


class Published(NamedTuple):
    """A message put into the outbox, as far as its span tells."""

    context: "TraceContext"
    event_id: UUID
    event_type: str
    topic: str
    subject: str
    at_ns: int


class Transaction:
    """One piece of work inside a database transaction, decided in memory and written at its end."""

    def __init__(self, work: WorkingSet, *, now: datetime, cause: Cause, setting: Setting) -> None:
        """Take the working set that this piece shares with the others of its batch."""
        self._work = work
        self.cause = cause
        self._setting = setting
        self.now = now
        self.published: list[Published] = []

    @property
    def actor(self) -> Actor:
        """Who caused this."""
        return self.cause.actor

    @property
    def envelope(self) -> Envelope | None:
        """The envelope of the event being handled; none for a command or a clock."""
        return self.cause.envelope

    @property
    def reference(self) -> "Reference":
        """The office's reference data: units, facilities, holidays, policies, officers."""
        return self._setting.reference

    def plain_topic(self, topic: str) -> str:
        """A topic's name as the catalogue has it, without the deployment's prefix."""
        return topic.removeprefix(self._setting.topic_prefix)

    def new_id(self) -> UUID:
        """A fresh UUIDv7."""
        return self._setting.system_clock.new_id()

    async def lock(self, aggregates: Aggregates[K, S], key: K) -> S | None:
        """The state of an aggregate, locked until the end; None where there is none yet."""
        state: S | None = await self._work.lock(aggregates, key)
        return state

    async def lock_late(self, aggregates: Aggregates[K, S], key: K) -> S | None:
        """The same for a key that only the work itself reveals, of a table that comes last in the order of locks."""
        state: S | None = await self._work.lock_late(aggregates, key)
        return state

    @property
    def reading(self) -> "Connection":
        """The connection for a look-up in tables that nothing here changes: what is in hand stays unwritten."""
        return self._work.connection

    def save(self, aggregates: Aggregates[Any, S], state: S) -> None:
        """Keep the new state of an aggregate that was locked before."""
        self._work.save(aggregates, state)

    def append(self, rows: Rows, row: Mapping[str, Any]) -> None:
        """Add a row to a table that is only appended to."""
        self._work.append(rows, row)

    def publish(self, facts: Iterable[Event], *, of: Any) -> None:
        """Let the facts leave when this commits, numbered by the saved state `of` that they belong to.

        Raises EventTooLarge for a message that the broker would refuse.
        """
        facts = list(facts)
        self._assert_locked(of)
        for number, fact in enumerate(facts, start=of.sequence - len(facts) + 1):
            self._send(fact, type(fact), number=number, subject=fact.subject, topic=fact.topic)

    def announce(self, fact: Event) -> None:
        """Let a fact leave that belongs to no aggregate: its subject is new and has no order to keep."""
        self._send(fact, type(fact), number=1, subject=fact.subject, topic=fact.topic)

    def publish_tombstone(self, event: type[Event], subject: UUID | str, *, of: Any, juvenile: bool = False) -> None:
        """Erase a subject from a compacted topic."""
        self._assert_locked(of)
        self._send(None, event, number=of.sequence, subject=str(subject), topic=event.topic_for(juvenile=juvenile))

    def set_timer(self, subject: UUID | str, kind: str, due_at: datetime) -> None:
        """Set the clock `kind` of an aggregate, or move it."""
        self._work.set_timer(str(subject), kind, due_at, self._timer_context())

    def cancel_timer(self, subject: UUID | str, kind: str) -> None:
        """Stop the clock `kind` of an aggregate, if it runs."""
        self._work.set_timer(str(subject), kind, None, {})

    async def enter(self, line: Line) -> Entry:
        """Enter a line in a register; a subject that stands there already keeps its entry and its number.

        Raises YearIsClosed where the clock says a year that the register has left behind.
        """
        return await registers.enter(
            self._work, line, by=self.actor.id, at=self.now, zone=self.reference.zone, take_number=self.next_number
        )

    async def void_entry(self, *, register: str, subject: UUID, reason: str) -> Entry:
        """Strike out the live entry of a subject: its number stays with it. Raises NothingIsEntered."""
        return await registers.void(self._work, register=register, subject=subject, reason=reason)

    async def next_number(self, *, unit: str, register: str, year: int) -> int:
        """Take the next number of a series: gap-free, because it is only taken if this commits; `enter` enters it."""
        return await numbers.take(self._work, unit=unit, register=register, year=year)

    async def connection(self) -> "Connection":
        """The connection itself, with all changes so far written: for a statement that the stores cannot declare."""
        return await self._work.expose()

    def _send(self, fact: Event | None, event: type[Event], *, number: int, subject: str, topic: str) -> None:
        telemetry, clock = self._setting.telemetry, self._setting.system_clock
        context, event_id = telemetry.new_context(self.cause.trace), clock.new_id()
        envelope = Envelope(
            id=str(event_id),
            source=source_of(self._setting.service),
            type=event.type,
            subject=subject,
            time=self.now,
            correlation_id=self.cause.correlation_id,
            causation_id=self.cause.causation_id,
            sequence=number,
            traceparent=context.traceparent,
        )
        self._work.send(outbox_row(fact, envelope, event_id=event_id, topic=self._setting.topic_prefix + topic))
        self.published.append(Published(context, event_id, event.type, topic, subject, clock.nanoseconds()))

    def _assert_locked(self, state: object) -> None:
        if not self._work.has_saved(state):
            message = f"facts of a {type(state).__name__} that this transaction has not locked and saved"
            raise AssertionError(message)

    def _timer_context(self) -> dict[str, Any]:
        return {
            "traceparent": self.cause.trace.traceparent,
            "correlation_id": self.cause.correlation_id,
            "causation_id": self.cause.causation_id,
        }
