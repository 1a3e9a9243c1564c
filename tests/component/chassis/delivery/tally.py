"""A small service on the real chassis: one aggregate that remembers what happened to a release, and can misbehave."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

from chassis.aggregates import Aggregates, Rows
from chassis.database import CHASSIS_MIGRATIONS, Migration, read_migrations
from chassis.inbox import Inbox, TimerDue
from chassis.registers import REGISTER_MIGRATIONS
from chassis.rules.refusal import Irrelevant, Refused
from chassis.transaction import Transaction
from contracts.event import Event
from contracts.lapas import CancelReason, ClientReleased, ReleaseAnnounced, ReleaseCancelled, registration_id_of
from contracts.registration import ClosingReason, RegistrationCancelled, RegistrationClosed
from tests.component.chassis.delivery import ledger

FRIDAY: Final = datetime(2026, 5, 29, 9, 30, tzinfo=UTC)
SERVICE: Final = "registration"
RINGS_AFTER: Final = timedelta(hours=24)
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
MIGRATIONS: Final = (
    *read_migrations("chassis", CHASSIS_MIGRATIONS),
    TABLE,
    Migration("ledger", 1, "letter", ledger.TABLE),
    *read_migrations("registers", REGISTER_MIGRATIONS),
)


@dataclass(frozen=True)
class Tally:
    """What was seen of one release."""

    tally_id: UUID
    seen: int = 0
    names: tuple[str, ...] = ()
    sequence: int = 0


def _load(row: Mapping[str, Any]) -> Tally:
    if "UNLOADABLE" in row["names"]:
        raise ZeroDivisionError
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
    """What the handlers of this service are to do wrong, until told otherwise; and what they were called for."""

    bugs: set[str] = field(default_factory=set)
    bad_rows: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=lambda: {"REFUSED"})
    calls: list[str] = field(default_factory=list)


def key_of(event: ClientReleased) -> UUID | str:
    """The aggregate of a release."""
    if event.name == "KEY BUG":
        raise ZeroDivisionError
    return event.release_id if event.name == "KEY OF ANOTHER TYPE" else registration_id_of(event.release_id)


def keys_of_both(event: ReleaseCancelled) -> list[UUID]:
    """The aggregates of the release and of the one that its decree names."""
    return [registration_id_of(event.release_id), registration_id_of(event.decree_no or "")]


@dataclass(frozen=True)
class Handlers:
    """The handlers: an event counts; a name may be refused, irrelevant, or a bug."""

    wrong: Misbehaviour

    async def count(self, event: ClientReleased, tx: Transaction) -> None:
        """Count a release, then do wrong if its name says so."""
        self.wrong.calls.append(event.name)
        await self.tally(event.release_id, event.name, tx)
        if event.name in self.wrong.bugs:
            raise ZeroDivisionError
        if event.name == "TIMER OF NO KIND":
            tx.set_timer(event.release_id, cast("str", 5), FRIDAY)
        if event.name == "BAD DUMP":
            tx.append(LOG, {"tally_id": object(), "name": "A"})
        if event.name.startswith("WRITTEN"):
            await tx.connection()
        if event.name in self.wrong.refused | {"WRITTEN AND REFUSED"}:
            raise NameRefused
        if event.name == "IRRELEVANT":
            raise Irrelevant("too late")

    async def count_unnamed(self, event: ReleaseAnnounced, tx: Transaction) -> None:
        """Count something whose key was not named beforehand."""
        await self.tally(event.release_id, event.name, tx)

    async def count_both(self, event: ReleaseCancelled, tx: Transaction) -> None:
        """Count an event that touches two aggregates."""
        self.wrong.calls.append(event.reason.value)
        for release_id in (event.release_id, event.decree_no or ""):
            await self.tally(release_id, event.reason.value, tx)

    async def tally(self, release_id: str, name: str, tx: Transaction) -> None:
        """Remember a name, tell of it, and set the clock."""
        key = registration_id_of(release_id)
        state = await tx.lock(TALLIES, key) or Tally(key)
        seen = 5000 if name in self.wrong.bad_rows else state.seen + 1
        state = replace(state, seen=seen, names=(*state.names, name), sequence=state.sequence + 1)
        tx.save(TALLIES, state)
        tx.append(LOG, {"tally_id": key, "name": name})
        tx.publish([cancelled(state)], of=state)
        tx.set_timer(key, "ring", tx.now + RINGS_AFTER)

    async def ring(self, due: TimerDue, tx: Transaction) -> None:
        """A clock that writes and tells."""
        state = await tx.lock(TALLIES, due.subject)
        if state is None:
            raise Irrelevant("gone")
        if self.wrong.bugs & {"RING", f"RING {state.names[0]}"}:
            raise ZeroDivisionError
        self.wrong.calls.append(f"ring {state.names[0]}")
        state = replace(state, sequence=state.sequence + 1, names=(*state.names, f"rang {due.due_at:%H:%M}"))
        tx.save(TALLIES, state)
        tx.publish([closed(state)], of=state)

    async def silence(self, due: TimerDue, tx: Transaction) -> None:
        """A clock that takes another one away."""
        self.wrong.calls.append("silence")
        tx.cancel_timer(due.subject, "ring")

    async def look(self, _due: TimerDue, tx: Transaction) -> None:
        """A clock that asks the database itself, and so has written what was decided before it."""
        self.wrong.calls.append("look")
        await tx.connection()

    async def whisper(self, due: TimerDue, tx: Transaction) -> None:
        """A clock that writes, and then finds that it is not wanted."""
        state = await tx.lock(TALLIES, due.subject) or Tally(due.subject)
        tx.save(TALLIES, replace(state, names=(*state.names, "whispered")))
        await tx.connection()
        raise Irrelevant("nobody listens")


def new_inbox(wrong: Misbehaviour) -> Inbox:
    """What this service reacts to."""
    inbox, handlers = Inbox(SERVICE), Handlers(wrong)
    inbox.on(ClientReleased, of=TALLIES, key_of=key_of)(handlers.count)
    inbox.on(ReleaseAnnounced, of=TALLIES, key_of=lambda _event: [])(handlers.count_unnamed)
    inbox.on(ReleaseCancelled, of=TALLIES, key_of=keys_of_both)(handlers.count_both)
    inbox.when_due("ring", of=TALLIES)(handlers.ring)
    inbox.when_due("silence", of=TALLIES)(handlers.silence)
    inbox.when_due("look", of=TALLIES)(handlers.look)
    inbox.when_due("whisper", of=TALLIES)(handlers.whisper)
    return inbox


def cancelled(state: Tally) -> Event:
    """A fact for the outbox."""
    return RegistrationCancelled(
        registration_id=state.tally_id,
        client_id=state.tally_id,
        receiving_unit="PLG-HQ",
        reason=CancelReason.OTHER,
        cancelled_at=FRIDAY,
        before_release=True,
    )


def closed(state: Tally) -> Event:
    """Another fact."""
    return RegistrationClosed(
        registration_id=state.tally_id,
        client_id=state.tally_id,
        receiving_unit="PLG-HQ",
        reason=ClosingReason.DIED,
        closed_at=FRIDAY,
    )
