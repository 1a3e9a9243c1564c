"""A small service of its own: one aggregate that counts what happened to a release, on the real chassis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from opentelemetry.sdk.resources import Resource

from chassis.aggregates import Aggregates, Rows
from chassis.batch import BatchResult, BatchRunner
from chassis.clock import OfficeClock, SteppedClock, SystemClock
from chassis.commands import Commands
from chassis.database import CHASSIS_MIGRATIONS, Migration, Pool, read_migrations
from chassis.dead_letters import Letters
from chassis.delivery import Record, read
from chassis.engine import Engine
from chassis.inbox import Inbox, TimerDue
from chassis.letter_desk import LetterDesk
from chassis.metrics import Metrics
from chassis.probes import NO_PROBES, Probes
from chassis.rules.refusal import Irrelevant, Refused
from chassis.telemetry import Telemetry
from chassis.timers import Timers
from chassis.transaction import Actor, Setting, Transaction
from contracts.envelope import Envelope, encode
from contracts.event import Event
from contracts.lapas import ClientReleased, ReleaseAnnounced, registration_id_of
from contracts.reference import load_reference
from contracts.registration import RegistrationCancelled, RegistrationClosed

FRIDAY: Final = datetime(2026, 5, 29, 9, 30, tzinfo=UTC)
SERVICE: Final = "registration"
TABLE: Final = Migration(
    "tally",
    1,
    "tally",
    """
    CREATE TABLE tally (tally_id uuid PRIMARY KEY, seen int NOT NULL CHECK (seen < 1000), names text[] NOT NULL,
                        sequence int NOT NULL, version int NOT NULL);
    CREATE TABLE tally_log (tally_id uuid NOT NULL, name text NOT NULL, seq bigint GENERATED ALWAYS AS IDENTITY);
    """,
)
MIGRATIONS: Final = (*read_migrations("chassis", CHASSIS_MIGRATIONS), TABLE)


@dataclass(frozen=True)
class Tally:
    """What was seen of one release."""

    tally_id: UUID
    seen: int = 0
    names: tuple[str, ...] = ()
    sequence: int = 0


def _load(row: Mapping[str, Any]) -> Tally:
    return Tally(row["tally_id"], row["seen"], tuple(row["names"]), row["sequence"])


def _dump(state: Tally) -> dict[str, Any]:
    return {
        "tally_id": state.tally_id,
        "seen": state.seen,
        "names": list(state.names),
        "sequence": state.sequence,
    }


TALLIES: Final = Aggregates[UUID, Tally](
    name="tally",
    key_type="uuid",
    select="""
        SELECT tally_id, seen, names, sequence, version FROM tally
         WHERE tally_id = ANY($1) ORDER BY tally_id FOR UPDATE
    """,
    upsert="""
        INSERT INTO tally (tally_id, seen, names, sequence, version)
        SELECT tally_id, seen, names, sequence, version
          FROM json_to_recordset($1::json) AS t(tally_id uuid, seen int, names text[], sequence int, version int)
        ON CONFLICT (tally_id) DO UPDATE
           SET seen = EXCLUDED.seen, names = EXCLUDED.names, sequence = EXCLUDED.sequence, version = EXCLUDED.version
         WHERE tally.version = EXCLUDED.version - 1
    """,
    key=lambda state: state.tally_id,
    load=_load,
    dump=_dump,
)
LOG: Final = Rows(
    "tally_log",
    """
    INSERT INTO tally_log (tally_id, name)
    SELECT tally_id, name FROM json_to_recordset($1::json) AS t(tally_id uuid, name text)
    """,
)


class NameRefused(Refused):
    """Nobody is called that."""


@dataclass
class Misbehaviour:
    """What the handlers of this service are to do wrong, until told otherwise."""

    bugs: set[str] = field(default_factory=set)
    bad_rows: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)


def new_inbox(wrong: Misbehaviour) -> Inbox:
    """The handlers: an event counts; a name may be refused, irrelevant, or a bug."""
    inbox = Inbox(SERVICE)

    @inbox.on(ClientReleased, of=TALLIES, key_of=lambda event: registration_id_of(event.release_id))
    async def count(event: ClientReleased, tx: Transaction) -> None:
        wrong.calls.append(event.name)
        await tally(event.release_id, event.name, tx)
        if event.name in wrong.bugs:
            raise ZeroDivisionError
        if event.name == "REFUSED":
            raise NameRefused
        if event.name == "IRRELEVANT":
            raise Irrelevant("too late")

    @inbox.on(ReleaseAnnounced, of=TALLIES, key_of=lambda _event: [])
    async def count_unnamed(event: ReleaseAnnounced, tx: Transaction) -> None:
        await tally(event.release_id, event.name, tx)

    @inbox.when_due("ring", of=TALLIES)
    async def ring(due: TimerDue, tx: Transaction) -> None:
        state = await tx.lock(TALLIES, due.subject)
        if state is None:
            raise Irrelevant("gone")
        if "RING" in wrong.bugs:
            raise ZeroDivisionError
        state = replace(state, sequence=state.sequence + 1, names=(*state.names, f"rang {due.due_at:%H:%M}"))
        tx.save(TALLIES, state)
        tx.publish([closed(state)], of=state)

    async def tally(release_id: str, name: str, tx: Transaction) -> None:
        key = registration_id_of(release_id)
        state = await tx.lock(TALLIES, key) or Tally(key)
        seen = 5000 if name in wrong.bad_rows else state.seen + 1
        state = replace(state, seen=seen, names=(*state.names, name), sequence=state.sequence + 1)
        tx.save(TALLIES, state)
        tx.append(LOG, {"tally_id": key, "name": name})
        tx.publish([cancelled(state)], of=state)
        tx.set_timer(key, "ring", tx.now + timedelta(hours=24))

    return inbox


def cancelled(state: Tally) -> RegistrationCancelled:
    """A fact for the outbox."""
    return RegistrationCancelled(
        registration_id=state.tally_id,
        client_id=state.tally_id,
        receiving_unit="PLG-HQ",
        reason="OTHER",
        cancelled_at=FRIDAY,
        before_release=True,
    )


def closed(state: Tally) -> RegistrationClosed:
    """Another fact."""
    return RegistrationClosed(
        registration_id=state.tally_id,
        client_id=state.tally_id,
        receiving_unit="PLG-HQ",
        reason="DIED",
        closed_at=FRIDAY,
    )


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

    def __post_init__(self) -> None:
        """Wire the parts as a process does."""
        self.clock = SystemClock()
        self.office_clock = StandingOfficeClock()
        self.metrics = Metrics()
        telemetry = Telemetry(clock=self.clock, resource=Resource.create({}), processor=None)
        self.setting = Setting(SERVICE, self.prefix, load_reference(), self.clock, telemetry)
        self.engine = Engine(self.pool, self.setting, self.office_clock, self.probes)
        self.inbox = new_inbox(self.wrong)
        self.letters = Letters(SERVICE, SERVICE, frozenset({"lapas.events"}))
        self.runner = BatchRunner(self.engine, self.letters)
        self.desk = LetterDesk(self.engine, self.inbox, self.runner, self.letters, lambda: None)
        self.timers = Timers(self.engine, self.inbox, self.metrics.timers, lambda: None)
        self.commands = Commands(self.engine)

    async def deliver(self, *records: Record, store_offsets: bool = True) -> BatchResult:
        """Handle records as one batch."""
        offsets = {(r.topic, r.partition): r.offset + 1 for r in records} if store_offsets else {}
        return await self.runner.run([read(record, self.inbox) for record in records], offsets)

    async def outcomes(self, *records: Record, store_offsets: bool = True) -> list[str]:
        """Handle records as one batch and say how each ended."""
        result = await self.deliver(*records, store_offsets=store_offsets)
        return [ended.kind or ended.outcome for ended in result.ended]

    async def names(self, release_id: str) -> list[str]:
        """What the tally of a release has seen."""
        row = await self.pool.fetchrow("SELECT names FROM tally WHERE tally_id = $1", registration_id_of(release_id))
        return [] if row is None else list(row["names"])

    async def count(self, query: str, *arguments: object) -> int:
        """The number that a query gives."""
        value: int = await self.pool.fetchval(query, *arguments)
        return value


def released(release_id: str, name: str = "Budi", **more: Any) -> ClientReleased:
    """A release, by what is special about it."""
    return ClientReleased.model_validate(
        {"release_id": release_id, "facility": "LP1-PLG", "name": name, "released_at": FRIDAY, **more}
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


ACTOR: Final = Actor("person", "tester", "OPS")
