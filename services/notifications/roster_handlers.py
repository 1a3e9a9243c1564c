"""What happens to the duty roster: a plan is loaded, a shift swapped or removed, and holes are looked for and told."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from prometheus_client import Gauge
from pydantic import BaseModel, Field

from chassis.database import Connection
from chassis.inbox import Inbox, TimerDue
from chassis.rules.calendar import OfficeCalendar
from chassis.rules.deadlines import due_at
from chassis.service import Measure, ServiceContext
from chassis.transaction import Transaction
from contracts.reference import Reference
from services.notifications import alerts, roster_store
from services.notifications.domain import alerting, climb, gaps, roster, telling
from services.notifications.domain.audience import Whereabouts
from services.notifications.domain.gaps import ToldGap, Watch
from services.notifications.domain.ledger import Matter
from services.notifications.domain.roster import Act, Office, Planned, Shift
from services.notifications.domain.telling import Occasion
from services.notifications.handlers import Desk

ROSTER_GAP_POLICY: Final = "ROSTER-GAP"
REVIEW: Final = "roster-review"


class Loaded(BaseModel):
    """What a plan has changed."""

    loaded: int = Field(description="Shifts that are new")
    known: int = Field(description="Shifts that had been loaded before; what was swapped since stays swapped")


class ShiftView(BaseModel):
    """A shift as it is planned."""

    id: UUID
    unit: str
    officer: str
    backup: str | None
    role: str
    starts_at: datetime = Field(serialization_alias="from")
    ends_at: datetime = Field(serialization_alias="to")
    version: int = Field(description="For `If-Match`, in quotes")


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows of a plan."""

    rows: Sequence[Shift]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """Somebody else takes a shift, and why."""

    shift_id: UUID
    officer: str
    backup: str | None
    reason: str
    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A shift is taken out of the plan, and why."""

    shift_id: UUID
    reason: str
    version: int | None


class RosterDesk:
    """Where the duty roster is kept."""

    def __init__(self, desk: Desk) -> None:
        """Tell of holes at this desk."""
        self._desk = desk

    def react(self, inbox: Inbox) -> None:
        """Look at the roster again when the clock says so."""
        inbox.when_due(REVIEW, of=roster_store.WATCHES)(self.look_again)

    async def load(self, plan: Plan, tx: Transaction) -> Loaded:
        """A plan is taken in as a whole or not at all."""
        watch = await _watch(tx)
        begin, end = min(row.starts_at for row in plan.rows), max(row.ends_at for row in plan.rows)
        known = await roster_store.between(await tx.connection(), starts_at=begin, ends_at=end)
        fresh = roster.load(plan.rows, known=known, office=_office(tx))
        for unit in sorted({row.unit for row in plan.rows}):
            tx.append(roster_store.KEPT, {"unit": unit})
        for planned in fresh:
            tx.append(roster_store.LOADED, {"shift_id": planned.shift_id, **asdict(planned.shift)})
            _note(Act.LOADED, planned, None, tx)
        await self._review(watch, tx)
        return Loaded(loaded=len(fresh), known=len({row.shift_id for row in plan.rows}) - len(fresh))

    async def swap(self, command: Swap, tx: Transaction) -> ShiftView:
        """Somebody else takes a shift."""
        watch = await _watch(tx)
        planned, version = await _planned(command.shift_id, command.version, tx)
        connection = await tx.connection()
        others = await roster_store.between(
            connection, starts_at=planned.shift.starts_at, ends_at=planned.shift.ends_at
        )
        taken = roster.swap(
            planned,
            officer=command.officer,
            backup=command.backup,
            others=others.values(),
            office=_office(tx),
            now=tx.now,
        )
        await roster_store.put_in(connection, taken, version=version)
        _note(Act.SWAPPED, taken, command.reason, tx)
        await self._review(watch, tx)
        return view_of(taken, version=version + 1)

    async def remove(self, command: Removal, tx: Transaction) -> ShiftView:
        """A shift that lies ahead is taken out of the plan."""
        watch = await _watch(tx)
        planned, version = await _planned(command.shift_id, command.version, tx)
        roster.refuse_removal(planned, now=tx.now)
        await roster_store.take_out(await tx.connection(), planned.shift_id, version=version)
        _note(Act.REMOVED, planned, command.reason, tx)
        await self._review(watch, tx)
        return view_of(planned, version=version)

    async def look_again(self, due: TimerDue, tx: Transaction) -> None:
        """The clock brings holes nearer, and lets others pass."""
        await self._review(await _watch(tx), tx)

    async def _review(self, watch: Watch, tx: Transaction) -> None:
        connection = await tx.connection()
        units = [unit for unit in await roster_store.kept_units(connection) if unit in tx.reference.units]
        planned = await roster_store.ahead(connection, units=units, now=tx.now)
        until = horizon(tx.now, tx.reference)
        all_holes = [gap for unit in units for gap in gaps.holes(unit, planned, now=tx.now, until=None)]
        seen = gaps.review(watch, [gap for gap in all_holes if gap.starts_at <= until], now=tx.now)
        told = {each.gap_id: await self._tell(Occasion.ROSTER_GAP, each, tx) for each in seen.found}
        for each in seen.filled:
            await self._tell(Occasion.ROSTER_FILLED, each, tx)
        await alerts.withdraw([_alert_of(each) for each in (*seen.filled, *seen.over)], tx)
        known = [replace(each, told=tuple(told.get(each.gap_id, each.told))) for each in seen.gaps]
        tx.save(roster_store.WATCHES, replace(watch, gaps=tuple(known)))
        again_at = gaps.next_review(all_holes, known, now=tx.now, ahead=until - tx.now)
        if again_at is not None:
            tx.set_timer(watch.office, REVIEW, again_at)

    async def _tell(self, occasion: Occasion, each: ToldGap, tx: Transaction) -> Sequence[str]:
        matter = Matter(
            about=each.gap_id,
            occasion=occasion,
            urgency=telling.RULES[occasion].urgency,
            cause=_cause(occasion, each),
        )
        about = Whereabouts(receiving_unit=each.gap.unit, told=each.told)
        words = alerting.words_of_gap(occasion, each, reference=tx.reference)
        return await self._desk.tell(occasion, matter, about, words, tx)


def horizon(now: datetime, reference: Reference) -> datetime:
    """Until when a hole in the roster is near enough to be told."""
    return due_at(reference.policies[ROSTER_GAP_POLICY], now, OfficeCalendar.of(reference))


def view_of(planned: Planned, *, version: int) -> ShiftView:
    """A shift as it is shown."""
    return ShiftView(id=planned.shift_id, version=version, **asdict(planned.shift))


def _cause(occasion: Occasion, each: ToldGap) -> str:
    return f"{occasion}|{each.gap_id}"


def _alert_of(each: ToldGap) -> UUID:
    occasion = Occasion.ROSTER_GAP
    return climb.alert_id_of(occasion=occasion, cause=_cause(occasion, each))


async def _watch(tx: Transaction) -> Watch:
    office = tx.reference.office.code
    return await tx.lock(roster_store.WATCHES, office) or Watch(office=office)


async def _planned(shift_id: UUID, version: int | None, tx: Transaction) -> tuple[Planned, int]:
    found = await roster_store.find(await tx.connection(), shift_id)
    if found is None:
        raise roster.ShiftUnknown
    if version is not None and version != found[1]:
        raise roster.VersionPassed
    return found


def _note(act: Act, planned: Planned, reason: str | None, tx: Transaction) -> None:
    tx.append(
        roster_store.CHANGES,
        {
            "shift_id": planned.shift_id,
            "act": act,
            "unit": planned.shift.unit,
            "officer": planned.shift.officer,
            "backup": planned.shift.backup,
            "changed_at": tx.now,
            "changed_by": tx.actor.id,
            "reason": reason,
        },
    )


def _office(tx: Transaction) -> Office:
    return Office(officers=tx.reference.officers.keys(), units=tx.reference.units.keys())


def measure_of(context: ServiceContext) -> Measure:
    """Shows for how many of the hours that are near nobody is on duty in each unit."""
    gauge = Gauge(
        "bapas_roster_gap_hours",
        "Hours within the span of the policy in which nobody is on duty, as it was told",
        ("unit",),
        registry=context.metrics.registry,
    )
    reference = context.reference

    async def measure(connection: Connection) -> None:
        now = context.office_clock.now()
        told = await roster_store.told_gaps(connection, office=reference.office.code)
        for unit in reference.units:
            near = [each.gap.hours_within(now, horizon(now, reference)) for each in told if each.gap.unit == unit]
            gauge.labels(unit).set(sum(near))

    return measure
