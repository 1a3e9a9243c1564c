"""What registration does when a prison reports, when time passes, and when an officer acts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from chassis.inbox import Inbox, TimerDue
from chassis.rules.numbering import local_date
from chassis.rules.refusal import Refused
from chassis.transaction import Transaction
from contracts.lapas import ClientReleased, Release, ReleaseAnnounced, ReleaseCancelled, registration_id_of
from contracts.reference import Holds
from contracts.registration import ClientDetails
from contracts.roles import Role
from services.registration import duplicate_store, silence_store, store
from services.registration.domain import binding, casework, clocks, intake, likeness, meeting, registers
from services.registration.domain.acts import (
    Approval,
    Biometrics,
    Closing,
    FirstContact,
    HandOn,
    Refusal,
    Return,
    Submission,
    TraceEntry,
    TraceKind,
    Whom,
)
from services.registration.domain.case import Acting, Registration, Status
from services.registration.domain.decided import Decided, Transition, concluded
from services.registration.domain.standing import Report
from services.registration.domain.walked_in import business_id_of, day_of

A = TypeVar("A")

inbox = Inbox("registration")


class NoSuchRegistration(Refused):
    """There is no registration with this id."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of a report or an act."""

    outcome: str = "applied"
    registration_id: UUID
    status: Status
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Slip(Receipt):
    """What the client takes along from a first contact: a code, when and where to come, and whom to call."""

    slip_code: str | None = None
    phone: str | None = None
    visit_at: datetime | None = None
    visit_unit: str | None = None


@dataclass(frozen=True, kw_only=True)
class NumberGiven(Receipt):
    """The number under which the client is registered."""

    register_no: str


@dataclass(frozen=True)
class OnCase(Generic[A]):
    """An act on a registration."""

    registration_id: UUID
    act: A


def keys_of(event: Release) -> tuple[UUID, ...]:
    """The registration that a report of a prison is about, and that of a walk-in who may be the same person."""
    release, business_id = registration_id_of(event.subject), business_id_of(event, on=day_of(event))
    walk_in = release if business_id is None else registration_id_of(business_id)
    return (release,) if walk_in == release else (release, walk_in)


@inbox.on(ReleaseAnnounced, of=store.REGISTRATIONS, key_of=keys_of)
async def prepare_for_release(event: ReleaseAnnounced, tx: Transaction) -> Receipt:
    """An announced release is prepared for; a later revision moves its day."""
    known = await _known(tx, event)
    return keep(tx, known, intake.announce(known, event, now=tx.now, reference=tx.reference))


@inbox.on(ClientReleased, of=store.REGISTRATIONS, key_of=keys_of)
async def open_registration(event: ClientReleased, tx: Transaction) -> Receipt:
    """A release starts the clocks of first contact; the same release twice starts them once."""
    known = await _known(tx, event)
    if intake.may_end_another_announcement(known, event):
        return await close_announcements(event, tx)
    return keep(tx, known, intake.open_on_release(known, event, now=tx.now, reference=tx.reference))


async def close_announcements(event: ClientReleased, tx: Transaction) -> Receipt:
    """A full term was served: open announcements of the same person, under whatever id, are closed."""
    if event.prison_register_no is None:
        raise intake.NobodyToGuide
    found = await store.announced_same_person(
        await tx.connection(), facility=event.facility, prison_register_no=event.prison_register_no
    )
    receipts = []
    for registration_id in found:
        announced = await case_of(tx, registration_id)
        receipts.append(keep(tx, announced, intake.close_for_full_term(announced, now=tx.now)))
    if not receipts:
        raise intake.NobodyToGuide
    return receipts[0]


@inbox.on(ReleaseCancelled, of=store.REGISTRATIONS, key_of=keys_of)
async def take_release_back(event: ReleaseCancelled, tx: Transaction) -> Receipt:
    """A cancellation cancels, closes, or puts the prison's word against an officer's; it never overrules one."""
    known = await _known(tx, event)
    return keep(tx, known, intake.cancel(known, event, now=tx.now, reference=tx.reference))


@inbox.when_due(clocks.FIRST_CONTACT, of=store.REGISTRATIONS)
async def check_first_contact(due: TimerDue, tx: Transaction) -> None:
    """A rung of first contact is reached and nobody has met the person."""
    case = await case_of(tx, due.subject)
    keep(tx, case, clocks.check_first_contact(case, now=tx.now, reference=tx.reference))


@inbox.when_due(clocks.TRACING_CALLS, of=store.REGISTRATIONS)
async def miss_calls(due: TimerDue, tx: Transaction) -> None:
    """Nobody has noted a call in the time for it."""
    case = await case_of(tx, due.subject)
    keep(tx, case, clocks.miss_calls(case, due=due.due_at))


@inbox.when_due(clocks.TRACING_VISIT, of=store.REGISTRATIONS)
async def miss_visit(due: TimerDue, tx: Transaction) -> None:
    """Nobody has noted a visit in the time for it."""
    case = await case_of(tx, due.subject)
    keep(tx, case, clocks.miss_visit(case, due=due.due_at))


@inbox.when_due(clocks.SUBMISSION, of=store.REGISTRATIONS)
async def miss_submission(due: TimerDue, tx: Transaction) -> None:
    """Somebody was met and not entered for approval in time."""
    case = await case_of(tx, due.subject)
    keep(tx, case, clocks.miss_submission(case, due=due.due_at))


@inbox.when_due(clocks.RELEASE_UNCONFIRMED, of=store.REGISTRATIONS)
async def ask_the_prison(due: TimerDue, tx: Transaction) -> None:
    """The announced day has passed and the prison has said nothing."""
    case = await case_of(tx, due.subject)
    keep(tx, case, clocks.miss_release(case, due=due.due_at, now=tx.now, reference=tx.reference))


@inbox.when_due(clocks.SEARCH_REVIEW, of=store.REGISTRATIONS)
async def review_search(due: TimerDue, tx: Transaction) -> None:
    """Somebody is out and was not found: the section head is asked how it goes on."""
    case = await case_of(tx, due.subject)
    keep(tx, case, clocks.review_search(case, due=due.due_at, now=tx.now, reference=tx.reference))


@inbox.when_due(clocks.TRANSFER_ANSWER, of=store.REGISTRATIONS)
async def miss_answer(due: TimerDue, tx: Transaction) -> None:
    """The office to which a client was offered has not answered."""
    case = await case_of(tx, due.subject)
    keep(tx, case, clocks.miss_answer(case, due=due.due_at))


@inbox.when_due(clocks.MISSING_FILES, of=store.REGISTRATIONS)
async def chase_files(due: TimerDue, tx: Transaction) -> None:
    """Papers of a client who was entered for approval are still missing."""
    case = await case_of(tx, due.subject)
    keep(tx, case, clocks.chase_files(case, due=due.due_at, now=tx.now, reference=tx.reference))


async def confirm_pre_registration(command: OnCase[None], tx: Transaction) -> Receipt:
    """The registrar has checked what was announced."""
    case = await case_of(tx, command.registration_id)
    return keep(tx, case, casework.prepare(case, now=tx.now))


async def record_first_contact(command: OnCase[FirstContact], tx: Transaction) -> Slip:
    """An officer met the person, at any hour, on either side of the gate."""
    case, act = await case_of(tx, command.registration_id), command.act
    decided = meeting.record_contact(
        case, act, by=acting(tx), slip_code=meeting.slip_code_from(tx.new_id()), now=tx.now, reference=tx.reference
    )
    if act.whom is Whom.GUARANTOR_ALONE:
        _append_trace(tx, case, TraceEntry(kind=TraceKind.GUARANTOR_MET, at=act.contact_at, note=act.note))
    keep(tx, case, decided)
    return slip_of(tx, decided.case)


async def record_trace_entry(command: OnCase[TraceEntry], tx: Transaction) -> Receipt:
    """Somebody was looked for."""
    case = await case_of(tx, command.registration_id)
    decided = meeting.record_trace(case, command.act, now=tx.now, reference=tx.reference)
    _append_trace(tx, case, command.act)
    return keep(tx, case, decided)


async def record_biometrics(command: OnCase[Biometrics], tx: Transaction) -> Receipt:
    """A fingerprint was taken, or cannot be."""
    case = await case_of(tx, command.registration_id)
    return keep(tx, case, meeting.record_biometrics(case, command.act, now=tx.now))


async def submit(command: OnCase[Submission], tx: Transaction) -> Receipt:
    """The counter enters the registration for approval."""
    case = await case_of(tx, command.registration_id)
    decided = casework.submit(case, command.act, by=acting(tx), now=tx.now, reference=tx.reference)
    return keep(tx, case, decided)


async def approve(command: OnCase[Approval], tx: Transaction) -> NumberGiven:
    """The section head approves; the register number is given in the same transaction, or not at all."""
    case, by = await case_of(tx, command.registration_id), acting(tx)
    register = casework.register_on_approval(case, command.act, by=by, reference=tx.reference)
    entry = await tx.enter(registers.line_of(case, register))
    kept = keep(tx, case, casework.approve(case, command.act, entry, by=by, now=tx.now))
    return NumberGiven(registration_id=kept.registration_id, status=kept.status, register_no=entry.number)


async def give_back(command: OnCase[Return], tx: Transaction) -> Receipt:
    """The section head returns it with a reason."""
    case = await case_of(tx, command.registration_id)
    return keep(tx, case, casework.give_back(case, command.act, by=acting(tx), now=tx.now))


async def refuse(command: OnCase[Refusal], tx: Transaction) -> Receipt:
    """The section head refuses and names what follows; a person's own refusal gets its line in the register for it."""
    case = await case_of(tx, command.registration_id)
    decided = casework.refuse(case, command.act, by=acting(tx), now=tx.now, reference=tx.reference)
    letter = command.act.person_refuses
    if letter is not None:
        await tx.enter(registers.line_of(case, tx.reference.register_of(Holds.REFUSALS, juvenile=case.juvenile)))
        recorded = {"registration_id": case.registration_id, "recorded_by": tx.actor.id, "recorded_at": tx.now}
        tx.append(store.PERSON_REFUSALS, letter.model_dump() | recorded)
    return keep(tx, case, decided)


async def hand_on(command: OnCase[HandOn], tx: Transaction) -> Receipt:
    """Another office has accepted the client."""
    case = await case_of(tx, command.registration_id)
    decided = casework.hand_on(case, command.act, by=acting(tx), now=tx.now, reference=tx.reference)
    return keep(tx, case, decided)


async def close(command: OnCase[Closing], tx: Transaction) -> Receipt:
    """The case ends on evidence; a number that should never have been given becomes void."""
    case = await case_of(tx, command.registration_id)
    decided = casework.close(case, command.act, by=acting(tx), now=tx.now)
    if case.registered is not None and registers.voids_entry(case, decided.case):
        register = case.registered.register_code
        await tx.void_entry(register=register, subject=case.registration_id, reason=command.act.reason)
    return keep(tx, case, decided)


async def _known(tx: Transaction, event: Report) -> Registration | None:
    """The registration under which a report counts: its own, or that of the walk-in to which its release is bound."""
    # Whatever is said of a release, its prison has spoken today.
    today = local_date(tx.now, tx.reference.zone)
    tx.append(silence_store.HEARD, {"facility": event.facility, "heard_on": today})
    release_id, *business_ids = keys_of(event)
    release = await tx.lock(store.REGISTRATIONS, release_id)
    if release is not None and release.bound_to is not None:
        return await case_of(tx, release.bound_to)
    for business_id in business_ids:
        walk_in = await tx.lock(store.REGISTRATIONS, business_id)
        if walk_in is not None and binding.awaits_its_report(walk_in) and binding.can_be_bound(release):
            keep(tx, release, binding.point(release, walk_in, by=event, now=tx.now, reference=tx.reference))
            carried = binding.carry_over(walk_in, release, now=tx.now, reference=tx.reference)
            keep(tx, walk_in, carried)
            return carried.case
    return release


def slip_of(tx: Transaction, case: Registration, *, outcome: str = "applied", note: str | None = None) -> Slip:
    """What somebody takes along who was met."""
    contact = case.contact
    unit = tx.reference.units.get(contact.visit_unit or "") if contact is not None else None
    return Slip(
        outcome=outcome,
        registration_id=case.registration_id,
        status=case.status,
        note=note,
        slip_code=contact.slip_code if contact is not None else None,
        phone=unit.phone if unit is not None else None,
        visit_at=contact.visit_at if contact is not None else None,
        visit_unit=contact.visit_unit if contact is not None else None,
    )


async def case_of(tx: Transaction, registration_id: UUID) -> Registration:
    """The registration, locked; NoSuchRegistration where there is none."""
    case = await tx.lock(store.REGISTRATIONS, registration_id)
    if case is None:
        raise NoSuchRegistration
    return case


def keep(tx: Transaction, before: Registration | None, decided: Decided) -> Receipt:
    """Save what was decided, publish it, write the timeline, and set the clocks that follow from the new state."""
    decided = concluded(before, decided)
    case = decided.case
    tx.save(store.REGISTRATIONS, case)
    tx.publish(decided.facts, of=case)
    if likeness.identity_of(before) != likeness.identity_of(case):
        tx.append(duplicate_store.IDENTITY_CHANGES, {"registration_id": case.registration_id})
    for juvenile in decided.erased_as:
        tx.publish_tombstone(ClientDetails, case.client_id, of=case, juvenile=juvenile)
    for line in decided.trail:
        tx.append(store.TIMELINE, _line(tx, case, line))
    running = clocks.timers_of(case, tx.reference)
    stopped = (clocks.timers_of(before, tx.reference) if before is not None else {}).keys() - running.keys()
    for kind in sorted(stopped):
        tx.cancel_timer(case.registration_id, kind)
    for kind, due_at in sorted(running.items()):
        tx.set_timer(case.registration_id, kind, due_at)
    return Receipt(registration_id=case.registration_id, status=case.status, note=decided.note)


def _append_trace(tx: Transaction, case: Registration, act: TraceEntry) -> None:
    recorded = {
        "entry_id": tx.new_id(),
        "registration_id": case.registration_id,
        "recorded_by": tx.actor.id,
        "recorded_at": tx.now,
    }
    tx.append(store.TRACE_ENTRIES, act.model_dump() | recorded)


def _line(tx: Transaction, case: Registration, line: Transition) -> dict[str, object]:
    return {
        "entry_id": tx.new_id(),
        "registration_id": case.registration_id,
        "step": line.step.name.lower(),
        "from_status": line.before,
        "to_status": line.after,
        "actor_kind": tx.actor.kind,
        "actor_id": tx.actor.id,
        "actor_role": tx.actor.role,
        "unit": tx.actor.unit or case.holder_unit,
        "reason": line.reason,
        "document_ids": line.document_ids,
        "occurred_at": line.occurred_at,
        "recorded_at": tx.now,
        "policy_version": tx.reference.version,
    }


def acting(tx: Transaction) -> Acting:
    """Who acts, in which role."""
    role = tx.actor.role
    return Acting(id=tx.actor.id, role=None if role is None else Role(role), unit=tx.actor.unit)
