"""What litmas does when a prison asks, when the team decides, when time passes, and when a desk acts."""

from dataclasses import dataclass, replace
from typing import Generic, TypeVar
from uuid import UUID

from chassis.inbox import Inbox, TimerDue
from chassis.rules.refusal import Refused
from chassis.transaction import Transaction
from contracts.lapas import DecreeIssued, LitmasRequested, LitmasRequestWithdrawn, litmas_id_of
from contracts.roles import Role
from contracts.tpp import TPPDecided
from services.litmas.reintegration import store
from services.litmas.reintegration.domain import (
    assigning,
    clocks,
    field_work,
    hearing,
    intake,
)
from services.litmas.reintegration.domain.acts import (
    Analyse,
    Assess,
    Assign,
    Depart,
    Dispose,
    Prepare,
    SendBack,
    Session,
)
from services.litmas.reintegration.domain.case import Acting, Litmas
from services.litmas.reintegration.domain.decided import Decided, Transition
from services.litmas.reintegration.domain.states import Status

A = TypeVar("A")

inbox = Inbox("litmas")


class NoSuchReport(Refused):
    """There is no report with this id."""


class CaseChangedMeanwhile(Refused):
    """Somebody acted on this report since you read it: nothing was done, read it again."""


class LetterIsHereAlready(Refused):
    """The same letter about the same person is here under another request_id."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of a request or an act."""

    outcome: str = "applied"
    litmas_id: UUID
    status: Status
    edition: int
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class NumberGiven(Receipt):
    """The number of a letter of assignment, or of a report."""

    number: str


@dataclass(frozen=True)
class OnCase(Generic[A]):
    """An act on a report, by somebody who read this edition of it."""

    litmas_id: UUID
    act: A
    edition: int | None = None


def key_of(event: LitmasRequested | LitmasRequestWithdrawn | DecreeIssued) -> UUID:
    """The report that a prison's word is about."""
    return litmas_id_of(event.request_id)


def key_of_decision(event: TPPDecided) -> UUID:
    """The report that the team decided about."""
    return event.subject_id


@inbox.on(LitmasRequested, of=store.REPORTS, key_of=key_of)
async def receive_request(event: LitmasRequested, tx: Transaction) -> Receipt:
    """A prison asks for a report, or corrects what it asked; the same request twice opens one report."""
    known = await tx.lock(store.REPORTS, key_of(event))
    decided = intake.receive(known, event, now=tx.now, reference=tx.reference)
    letter = intake.letter_key(event.facility, event.prison_register_no, event.letter_no)
    if letter is not None and await store.same_letter(tx.reading, letter, other_than=decided.case.litmas_id):
        raise LetterIsHereAlready
    return keep(tx, known, decided)


@inbox.on(LitmasRequestWithdrawn, of=store.REPORTS, key_of=key_of)
async def take_request_back(event: LitmasRequestWithdrawn, tx: Transaction) -> Receipt:
    """A prison takes its request back, also before we have heard of it."""
    known = await tx.lock(store.REPORTS, key_of(event))
    decided = intake.withdraw(known, event, now=tx.now, reference=tx.reference)
    await void_number(tx, known, event.reason)
    return keep(tx, known, decided)


@inbox.on(DecreeIssued, of=store.REPORTS, key_of=key_of)
async def hear_decree(event: DecreeIssued, tx: Transaction) -> Receipt:
    """A decree says what became of the proposal that a report was for."""
    known = await tx.lock(store.REPORTS, key_of(event))
    if known is None and event.litmas_no is not None:
        litmas_id = await store.numbered(tx.reading, event.litmas_no)
        known = None if litmas_id is None else await found(tx, litmas_id)
    return keep(tx, known, intake.hear_decree(known, event, now=tx.now))


@inbox.on(TPPDecided, of=store.REPORTS, key_of=key_of_decision)
async def hear_decision(event: TPPDecided, tx: Transaction) -> Receipt:
    """The assessment team decided about a report; one hearing decides once."""
    known = await tx.lock(store.REPORTS, key_of_decision(event))
    return keep(tx, known, hearing.hear(known, event))


@inbox.when_due(clocks.DESK_WARNING, of=store.REPORTS)
async def warn_desk(due: TimerDue, tx: Transaction) -> None:
    """Part of the time of the desk that holds a report has passed."""
    case = await found(tx, due.subject)
    keep(tx, case, clocks.warn(case, reference=tx.reference))


@inbox.when_due(clocks.DESK_DUE, of=store.REPORTS)
async def breach_desk(due: TimerDue, tx: Transaction) -> None:
    """The time of the desk that holds a report is over."""
    case = await found(tx, due.subject)
    keep(tx, case, clocks.breach(case, due=due.due_at, reference=tx.reference))


@inbox.when_due(clocks.OUTCOME_REMINDER, of=store.REPORTS)
async def ask_for_outcome(due: TimerDue, tx: Transaction) -> None:
    """Long after delivery nobody knows what became of the proposal."""
    case = await found(tx, due.subject)
    keep(tx, case, clocks.remind(case, due=due.due_at, reference=tx.reference))


async def send_back(command: OnCase[SendBack], tx: Transaction) -> Receipt:
    """The counter misses papers and returns the request to the prison."""
    case = await case_of(tx, command)
    return keep(tx, case, intake.send_back(case, command.act, now=tx.now))


async def dispose(command: OnCase[Dispose], tx: Transaction) -> Receipt:
    """The head sends the request to the section."""
    case = await case_of(tx, command)
    return keep(tx, case, assigning.dispose(case, command.act, by=acting(tx), now=tx.now))


async def assign(command: OnCase[Assign], tx: Transaction) -> NumberGiven:
    """The section head issues a letter of assignment under the next number of its register."""
    case = await case_of(tx, command)
    entry = await tx.enter(assigning.order_line(case, command.act, reference=tx.reference))
    kept = keep(tx, case, assigning.assign(case, command.act, entry, by=acting(tx), now=tx.now))
    return with_number(kept, entry.number)


async def prepare(command: OnCase[Prepare], tx: Transaction) -> Receipt:
    """The officer has everything at hand, and the visit is agreed."""
    case = await case_of(tx, command)
    return keep(tx, case, field_work.prepare(case, command.act, by=acting(tx), now=tx.now))


async def depart(command: OnCase[Depart], tx: Transaction) -> Receipt:
    """The officer sets out."""
    case = await case_of(tx, command)
    return keep(tx, case, field_work.depart(case, command.act, by=acting(tx), now=tx.now))


async def collect(command: OnCase[Session], tx: Transaction) -> Receipt:
    """A session was held, or refused."""
    case, act = await case_of(tx, command), command.act
    kept = keep(tx, case, field_work.collect(case, act, by=acting(tx), now=tx.now))
    tx.append(store.SESSIONS, act.model_dump() | _recorded(tx, case) | {"session_id": tx.new_id()})
    return kept


async def assess(command: OnCase[Assess], tx: Transaction) -> Receipt:
    """The instruments are answered and summed."""
    case = await case_of(tx, command)
    decided = field_work.assess(case, command.act, by=acting(tx), now=tx.now)
    row = {"assessment_id": tx.new_id(), "instrument": decided.case.assessed.version if decided.case.assessed else ""}
    answers = command.act.answers.model_dump(mode="json", exclude_none=True)
    result = decided.case.assessed.model_dump(mode="json") if decided.case.assessed else {}
    tx.append(store.ASSESSMENTS, row | {"answers": answers, "result": result} | _recorded(tx, case))
    return keep(tx, case, decided)


async def analyse(command: OnCase[Analyse], tx: Transaction) -> Receipt:
    """What can be collected was collected."""
    case = await case_of(tx, command)
    return keep(tx, case, field_work.analyse(case, command.act, by=acting(tx), now=tx.now))


async def case_of(tx: Transaction, command: OnCase[A]) -> Litmas:
    """The report, locked, in the edition that was read."""
    case = await found(tx, command.litmas_id)
    if command.edition is not None and command.edition != case.edition:
        raise CaseChangedMeanwhile
    return case


def keep(tx: Transaction, before: Litmas | None, decided: Decided) -> Receipt:
    """Save what was decided, publish it, write the timeline, and set the clocks that follow from the new state."""
    decided = clocks.rewound(before, decided, now=tx.now)
    case = replace(decided.case, edition=decided.case.edition + 1)
    tx.save(store.REPORTS, case)
    tx.publish(decided.facts, of=case)
    for line in decided.trail:
        tx.append(store.TIMELINE, _line(tx, case, line))
    running = clocks.timers_of(case, tx.reference)
    stopped = (clocks.timers_of(before, tx.reference) if before is not None else {}).keys() - running.keys()
    for kind in sorted(stopped):
        tx.cancel_timer(case.litmas_id, kind)
    for kind, due_at in sorted(running.items()):
        tx.set_timer(case.litmas_id, kind, due_at)
    return Receipt(litmas_id=case.litmas_id, status=case.status, edition=case.edition, note=decided.note)


def acting(tx: Transaction) -> Acting:
    """Who acts, in which role."""
    role = tx.actor.role
    return Acting(id=tx.actor.id, role=None if role is None else Role(role), unit=tx.actor.unit)


async def found(tx: Transaction, litmas_id: UUID) -> Litmas:
    """The report, locked; NoSuchReport where there is none."""
    case = await tx.lock(store.REPORTS, litmas_id)
    if case is None:
        raise NoSuchReport
    return case


async def void_number(tx: Transaction, case: Litmas | None, reason: str) -> None:
    """Strike the number of a report that ends out of its register; nobody else ever gets it."""
    if case is not None and case.numbered is not None:
        await tx.void_entry(register=case.numbered.register_code, subject=case.litmas_id, reason=reason)


def with_number(kept: Receipt, number: str) -> NumberGiven:
    """The receipt of an act that gave a number."""
    return NumberGiven(litmas_id=kept.litmas_id, status=kept.status, edition=kept.edition, number=number)


def _recorded(tx: Transaction, case: Litmas) -> dict[str, object]:
    return {"litmas_id": case.litmas_id, "recorded_by": tx.actor.id, "recorded_at": tx.now}


def _line(tx: Transaction, case: Litmas, line: Transition) -> dict[str, object]:
    return {
        "entry_id": tx.new_id(),
        "litmas_id": case.litmas_id,
        "step": line.step.name.lower(),
        "from_status": line.before,
        "to_status": line.after,
        "actor_kind": tx.actor.kind,
        "actor_id": tx.actor.id,
        "actor_role": tx.actor.role,
        "unit": tx.actor.unit or case.unit,
        "reason": line.reason,
        "document_ids": line.document_ids,
        "occurred_at": line.occurred_at,
        "recorded_at": tx.now,
        "policy_version": tx.reference.version,
    }
