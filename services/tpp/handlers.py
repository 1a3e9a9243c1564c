"""What tpp does when a report comes before the team, when time passes, and when chair, secretary and members act."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar
from uuid import UUID

from chassis.inbox import Inbox, TimerDue
from chassis.rules.calendar import OfficeCalendar
from chassis.rules.refusal import Refused
from chassis.transaction import Transaction
from contracts.litmas import LitmasCancelled, LitmasSubmittedToBoard
from contracts.tpp import Panel
from services.tpp import store
from services.tpp.domain import agenda, clocks, item, teams
from services.tpp.domain.acts import (
    Adjourning,
    Conflict,
    Drafting,
    Listing,
    Rescheduling,
    StandIn,
    Unlisting,
    WrittenOpinion,
)
from services.tpp.domain.decided import Decided, Transition
from services.tpp.domain.hearing import Hearing, Status
from services.tpp.domain.item import Item
from services.tpp.domain.teams import Appointment, Bench

A = TypeVar("A")

LINK_LASTS: Final = timedelta(minutes=30)

inbox = Inbox("tpp")


class NoSuchHearing(Refused):
    """There is no hearing with this id."""


class NoSuchCase(Refused):
    """No case with this subject is before the team."""


class NoSuchBench(Refused):
    """No team was ever appointed for this panel."""


class VersionPassed(Refused):
    """Somebody else has changed the hearing since it was read."""


class LinkExpired(Refused):
    """The link to the dossier is too old; another one can be asked for."""


class LinkOfAnother(Refused):
    """The link to the dossier was issued to somebody else."""


class LaterRevision(Refused):
    """The dossier has a later revision than the one of this link."""


@dataclass(frozen=True)
class OnHearing(Generic[A]):
    """An act on a hearing, and the version of it that its author has read, where that is said."""

    hearing_id: UUID
    act: A
    version: int | None = None


@dataclass(frozen=True)
class OnCase(Generic[A]):
    """An act on a case in a hearing."""

    hearing_id: UUID
    subject_id: UUID
    act: A
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of an act on a hearing."""

    outcome: str = "applied"
    hearing_id: UUID
    status: Status
    version: int


@dataclass(frozen=True, kw_only=True)
class Appointed:
    """The team that was appointed."""

    outcome: str = "applied"
    team_id: UUID
    bench_id: UUID


@dataclass(frozen=True, kw_only=True)
class Link:
    """A personal link to a dossier, and until when it works."""

    outcome: str = "applied"
    link_id: UUID
    path: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """Where the report lies and which revision it is; that the member opened it is on record."""

    outcome: str = "applied"
    subject_id: UUID
    revision: int
    report_reference: str
    report_hash: str
    opened_at: datetime


def _subject_of(event: LitmasSubmittedToBoard | LitmasCancelled) -> UUID:
    return event.litmas_id


@inbox.on(LitmasSubmittedToBoard, of=store.ITEMS, key_of=_subject_of)
async def queue_case(event: LitmasSubmittedToBoard, tx: Transaction) -> None:
    """A report waits to be heard; a later revision takes the place of one that was not heard."""
    known = await tx.lock(store.ITEMS, event.litmas_id)
    tx.save(store.ITEMS, item.submit(known, event, reference=tx.reference))


@inbox.on(LitmasCancelled, of=store.ITEMS, key_of=_subject_of)
async def withdraw_case(event: LitmasCancelled, tx: Transaction) -> None:
    """A report that is no longer needed is not heard, and a decision on it is not made known."""
    known = await tx.lock(store.ITEMS, event.litmas_id)
    tx.save(store.ITEMS, item.withdraw(known, event))


@inbox.when_due(clocks.RECOMMENDATION, of=store.HEARINGS)
async def chase_recommendation(due: TimerDue, tx: Transaction) -> None:
    """The head waits for the recommendation of a hearing."""
    hearing = await hearing_of(tx, OnHearing(due.subject, None))
    keep(tx, clocks.miss_recommendation(hearing, now=tx.now, reference=tx.reference))


@inbox.when_due(clocks.ROUTINE_HEARING, of=store.BENCHES)
async def chase_routine_hearing(due: TimerDue, tx: Transaction) -> None:
    """A panel should hold a routine hearing."""
    bench = await tx.lock(store.BENCHES, due.subject)
    if bench is None:
        raise clocks.ClockStopped
    bench, facts = clocks.miss_routine(bench, now=tx.now, reference=tx.reference)
    keep_bench(tx, bench)
    tx.publish(facts, of=bench)


async def appoint_team(act: Appointment, tx: Transaction) -> Appointed:
    """The head of the office appoints a team by decree."""
    known = await tx.lock(store.BENCHES, teams.bench_id_of(act.unit, act.panel))
    team_id = tx.new_id()
    bench = teams.appoint(known, act, team_id=team_id, by=tx.actor.id, now=tx.now, reference=tx.reference)
    keep_bench(tx, bench)
    return Appointed(team_id=team_id, bench_id=bench.bench_id)


async def draft_hearing(act: Drafting, tx: Transaction) -> Receipt:
    """The secretary prepares a hearing."""
    bench = await bench_of(tx, tx.reference.head_office.code, act.panel)
    hearing_id = tx.new_id()
    await tx.lock_late(store.HEARINGS, hearing_id)
    decided = agenda.draft(bench, act, hearing_id=hearing_id, by=tx.actor.id, now=tx.now, reference=tx.reference)
    return keep(tx, decided)


async def put_on_agenda(command: OnHearing[Listing], tx: Transaction) -> Receipt:
    """The secretary puts cases on the agenda."""
    hearing = await hearing_of(tx, command)
    items = [await item_of(tx, subject_id) for subject_id in command.act.subjects]
    return keep(tx, agenda.put_on(hearing, items, command.act, by=tx.actor.id, now=tx.now, reference=tx.reference))


async def take_off_agenda(command: OnCase[Unlisting], tx: Transaction) -> Receipt:
    """The secretary takes a case off the agenda."""
    hearing, case = await case_of(tx, command)
    return keep(tx, agenda.take_off(hearing, case, by=tx.actor.id, reason=command.act.reason, now=tx.now))


async def schedule(command: OnHearing[None], tx: Transaction) -> Receipt:
    """The chair approves the agenda, which opens the dossiers to the members."""
    hearing = await hearing_of(tx, command)
    items = await items_of(tx, hearing)
    return keep(tx, agenda.schedule(hearing, items, by=tx.actor.id, now=tx.now, reference=tx.reference))


async def appoint_stand_in(command: OnHearing[StandIn], tx: Transaction) -> Receipt:
    """The head of the office lets somebody stand in for chair or secretary."""
    hearing = await hearing_of(tx, command)
    return keep(tx, agenda.stand_in(hearing, command.act, now=tx.now))


async def adjourn(command: OnHearing[Adjourning], tx: Transaction) -> Receipt:
    """A hearing is put off, for want of a quorum or of somebody who presides."""
    hearing = await hearing_of(tx, command)
    return keep(tx, agenda.adjourn(hearing, command.act, by=tx.actor.id, now=tx.now, reference=tx.reference))


async def reschedule(command: OnHearing[Rescheduling], tx: Transaction) -> Receipt:
    """The chair sets another date for a hearing that was put off."""
    hearing = await hearing_of(tx, command)
    bench, items = await bench_of(tx, hearing.unit, hearing.panel), await items_of(tx, hearing)
    decided = agenda.reschedule(
        hearing, items, command.act, bench=bench, by=tx.actor.id, now=tx.now, reference=tx.reference
    )
    return keep(tx, decided)


async def issue_dossier_link(command: OnCase[None], tx: Transaction) -> Link:
    """A member asks for the dossier of a case, and gets a link for nobody else."""
    hearing, case = await case_of(tx, command)
    agenda.may_open(hearing, case, by=tx.actor.id, now=tx.now)
    link = store.DossierLink(
        link_id=tx.new_id(),
        hearing_id=hearing.hearing_id,
        subject_id=case.subject_id,
        item_id=case.item_id,
        member=tx.actor.id,
        issued_at=tx.now,
        expires_at=tx.now + LINK_LASTS,
    )
    tx.append(store.LINKS, asdict(link))
    return Link(link_id=link.link_id, path=f"/v1/dossiers/{link.link_id}", expires_at=link.expires_at)


async def open_dossier(link: store.DossierLink, tx: Transaction) -> Dossier:
    """A member opens a dossier by the link, while the window of the hearing is open; that is put on record."""
    hearing, case = await case_of(tx, OnCase(link.hearing_id, link.subject_id, None))
    _check_link(link, case, by=tx.actor.id, now=tx.now)
    agenda.may_open(hearing, case, by=tx.actor.id, now=tx.now)
    receipt = {"hearing_id": link.hearing_id, "item_id": link.item_id, "subject_id": link.subject_id}
    tx.append(store.RECEIPTS, receipt | {"member": link.member, "opened_at": tx.now})
    return Dossier(
        subject_id=case.subject_id,
        revision=case.revision,
        report_reference=case.report_reference,
        report_hash=case.report_hash,
        opened_at=tx.now,
    )


async def lodge_opinion(command: OnCase[WrittenOpinion], tx: Transaction) -> Receipt:
    """A member lodges a written opinion before the case is discussed."""
    hearing, case = await case_of(tx, command)
    has_read = tx.actor.id in await readers_of(tx, hearing, case)
    decided = agenda.note_opinion(hearing, case, command.act, by=tx.actor.id, has_read=has_read, now=tx.now)
    append_opinion(tx, hearing, case, "OPINION", command.act.text)
    return keep(tx, decided)


async def pull_out(command: OnCase[None], tx: Transaction) -> Receipt:
    """A member has a case heard on its own that was to be approved in a block."""
    hearing, case = await case_of(tx, command)
    return keep(tx, agenda.pull_out(hearing, case.subject_id, by=tx.actor.id, now=tx.now))


async def declare_conflict(command: OnCase[Conflict], tx: Transaction) -> Receipt:
    """A member declares an interest in a case."""
    hearing, case = await case_of(tx, command)
    return keep(tx, agenda.declare_conflict(hearing, case.subject_id, command.act, by=tx.actor.id, now=tx.now))


def keep(tx: Transaction, decided: Decided) -> Receipt:
    """Save what was decided, publish it, write the timeline, and set the clock that follows from the new state."""
    hearing = decided.hearing
    tx.save(store.HEARINGS, hearing)
    tx.publish(decided.facts, of=hearing)
    for case in decided.cases:
        tx.save(store.ITEMS, case.item)
        tx.publish(case.facts, of=case.item)
    for line in decided.trail:
        tx.append(store.TIMELINE, _line(tx, hearing, line))
    due_at = clocks.recommendation_due(hearing, tx.reference)
    if due_at is None:
        tx.cancel_timer(hearing.hearing_id, clocks.RECOMMENDATION)
    else:
        tx.set_timer(hearing.hearing_id, clocks.RECOMMENDATION, due_at)
    return Receipt(hearing_id=hearing.hearing_id, status=hearing.status, version=hearing.version + 1)


def keep_bench(tx: Transaction, bench: Bench) -> None:
    """Save a panel and set the clock of its next routine hearing."""
    tx.save(store.BENCHES, bench)
    today = OfficeCalendar.of(tx.reference).local_date(tx.now)
    due_at = clocks.routine_due(bench, today, tx.reference)
    if due_at is None:
        tx.cancel_timer(bench.bench_id, clocks.ROUTINE_HEARING)
    else:
        tx.set_timer(bench.bench_id, clocks.ROUTINE_HEARING, due_at)


async def hearing_of(tx: Transaction, command: OnHearing[A] | OnCase[A]) -> Hearing:
    """The hearing, locked; VersionPassed where somebody has changed it since the version that was read."""
    hearing = await tx.lock(store.HEARINGS, command.hearing_id)
    if hearing is None:
        raise NoSuchHearing
    if command.version is not None and command.version != hearing.version:
        raise VersionPassed
    return hearing


async def bench_of(tx: Transaction, unit: str, panel: Panel) -> Bench:
    """The panel of a unit, locked."""
    bench = await tx.lock(store.BENCHES, teams.bench_id_of(unit, panel))
    if bench is None:
        raise NoSuchBench
    return bench


async def item_of(tx: Transaction, subject_id: UUID) -> Item:
    """The case, locked."""
    found = await tx.lock(store.ITEMS, subject_id)
    if found is None:
        raise NoSuchCase
    return found


async def items_of(tx: Transaction, hearing: Hearing) -> list[Item]:
    """The cases of a hearing, locked."""
    return [await item_of(tx, line.subject_id) for line in hearing.lines]


async def case_of(tx: Transaction, command: OnCase[A]) -> tuple[Hearing, Item]:
    """A hearing and a case on its agenda, locked."""
    hearing = await hearing_of(tx, command)
    return hearing, await item_of(tx, hearing.line(command.subject_id).subject_id)


async def readers_of(tx: Transaction, hearing: Hearing, case: Item) -> frozenset[str]:
    """Who has opened the dossier of a case, in the revision that counts here."""
    heard = hearing.line(case.subject_id).heard
    item_id = case.item_id if heard is None else heard.item_id
    return await store.readers(tx.reading, hearing_id=hearing.hearing_id, item_id=item_id)


def _check_link(link: store.DossierLink, case: Item, *, by: str, now: datetime) -> None:
    if link.member != by:
        raise LinkOfAnother
    if now >= link.expires_at:
        raise LinkExpired
    if link.item_id != case.item_id:
        raise LaterRevision


def append_opinion(tx: Transaction, hearing: Hearing, case: Item, kind: str, text: str) -> None:
    """Keep what a member wrote on a case."""
    heard = hearing.line(case.subject_id).heard
    opinion = {
        "opinion_id": tx.new_id(),
        "hearing_id": hearing.hearing_id,
        "subject_id": case.subject_id,
        "item_id": case.item_id if heard is None else heard.item_id,
        "kind": kind,
        "member": tx.actor.id,
        "text": text,
        "at": tx.now,
    }
    tx.append(store.OPINIONS, opinion)


def _line(tx: Transaction, hearing: Hearing, line: Transition) -> dict[str, object]:
    return {
        "entry_id": tx.new_id(),
        "hearing_id": hearing.hearing_id,
        "subject_id": line.subject_id,
        "step": line.step,
        "from_status": line.before,
        "to_status": line.after,
        "actor_kind": tx.actor.kind,
        "actor_id": tx.actor.id,
        "actor_role": tx.actor.role,
        "unit": tx.actor.unit or hearing.unit,
        "reason": line.reason,
        "occurred_at": line.occurred_at,
        "recorded_at": tx.now,
        "policy_version": tx.reference.version,
    }
