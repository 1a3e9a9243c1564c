"""What notifications does when something happens: tell, remind, send, and note what was seen."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from chassis.database import Connection, Pool
from chassis.inbox import Inbox, TimerDue
from chassis.rules.refusal import Irrelevant
from chassis.transaction import Transaction
from contracts import registration, supervision
from contracts.notifications import Channel
from contracts.operations import DeadLettered
from contracts.reference import Reference
from contracts.registration import RegistrationFact
from services.notifications import alerts, preference_store, reminders, roster_store, store
from services.notifications.channels import WayOut
from services.notifications.domain import alerting, climb, holding, ledger, preference, reminding, saying, telling
from services.notifications.domain.audience import Contact, Contacts, Staff, Whereabouts
from services.notifications.domain.ledger import Matter, Notice, NoticeUnknown, State, Urgency
from services.notifications.domain.preference import Preferences, Ways
from services.notifications.domain.roster import Roster, in_force
from services.notifications.domain.telling import Occasion
from services.notifications.wording import Wording

RECEIPT_MISSING: Final = "receipt-missing"
"""The clock of a notice that has left, or is to leave, by a way that may not reach its recipient."""

NOT_FURNISHED: Final = "the desk was used before it was furnished"


@dataclass(frozen=True, slots=True)
class Furniture:
    """What telling needs beside the database."""

    roster: Callable[[], Roster]
    contacts: Callable[[], Contacts]
    preferences: Callable[[], Preferences]
    wording: Wording
    ways_out: Mapping[Channel, WayOut]
    mail_domain: str
    client_phone: Callable[[UUID], Awaitable[str | None]]

    async def contact_of(self, recipient: str) -> Contact:
        """How somebody of the office, or a client, is reached now."""
        client_id = reminding.client_named(recipient)
        if client_id is None:
            return self.contacts().of(recipient)
        phone = await self.client_phone(client_id)
        return Contact(officer=recipient, email=None, channels=(Channel.GATEWAY,), phone=phone)

    async def ways(self, connection: Connection | Pool) -> Ways:
        """How everybody of the office is told now: as the office says, and where somebody says so as they say."""
        said = await preference_store.wishes(connection)
        return preference.wished(self.contacts(), self.preferences(), said, self.ways_out)

    async def staff(self, unit: str, connection: Connection | Pool, *, reference: Reference, at: datetime) -> Staff:
        """Everybody who could be told of a matter of this unit, at one instant."""
        units = {unit, reference.head_office.code}
        kept, planned = await roster_store.on_duty(connection, units=units, at=at)
        roster = in_force(self.roster(), kept=kept, shifts=[each.shift for each in planned])
        on_duty = [shift for each in units for shift in roster.current(each, at)]
        named = {name for shift in on_duty for name in (shift.officer, shift.backup) if name is not None}
        contacts = self.contacts()
        return Staff(
            officers=reference.officers,
            roster=Roster(tuple(on_duty)),
            head_office=reference.head_office.code,
            at=at,
            unreachable=frozenset(name for name in named if not contacts.of(name).channels),
        )


class Desk:
    """Where it is decided who is told, and from where it is sent."""

    def __init__(self) -> None:
        """Stand empty until the process knows its settings."""
        self._furniture: Furniture | None = None

    def furnish(self, furniture: Furniture) -> None:
        """Lay out roster, contacts, templates and ways out."""
        self._furniture = furniture

    @property
    def at_hand(self) -> Furniture:
        """What lies on the desk now."""
        if self._furniture is None:
            raise RuntimeError(NOT_FURNISHED)
        return self._furniture

    def inbox(self) -> Inbox:
        """What is reacted to: every fact of the table, the dead letters, and the clocks of cases."""
        inbox = Inbox("notifications")
        for fact in (*telling.TOLD_AS, *telling.LEARNT):
            inbox.on(fact, of=store.CASES, key_of=_case_of)(self.tell_of_a_case)
        inbox.on(registration.EventDeadLettered)(self.tell_of_a_dead_letter)
        inbox.on(supervision.EventDeadLettered)(self.tell_of_a_dead_letter)
        inbox.on(registration.FacilitySilent)(self.tell_of_a_silent_prison)
        for clock in telling.CLOCKS:
            inbox.when_due(clock, of=store.CASES)(self.remind)
        return inbox

    async def tell_of_a_case(self, fact: RegistrationFact, tx: Transaction) -> None:
        """Whoever has to do something about a case is told in the transaction that learns of it."""
        known = await tx.lock(store.CASES, fact.registration_id)
        case = telling.learn(known, fact)
        for clock, due_at in telling.clocks_after(case, fact, now=tx.now, reference=tx.reference).items():
            _set(tx, case.registration_id, clock, due_at)
        occasion = telling.occasion_of(fact, known=known)
        case, over = alerting.settle(case, alerting.settled_by(known, fact))
        alarmed = await alerts.withdraw(over, tx)
        if occasion is not None:
            told_before = alarmed if occasion is Occasion.OFFER_ENDED else case.told
            case = await self._tell(occasion, case, fact.model_dump(), tx, cause=_cause(tx), told_before=told_before)
        tx.save(store.CASES, case)
        await reminders.after(fact, tx)

    async def remind(self, due: TimerDue, tx: Transaction) -> None:
        """A clock of a release that has not happened yet reminds whoever waits for it."""
        case = await tx.lock(store.CASES, due.subject)
        if case is None:
            raise Irrelevant("the case is not known here")
        occasion = telling.occasion_of_clock(due.kind, case, now=tx.now, reference=tx.reference)
        if occasion is None:
            raise Irrelevant("the release has happened, or its day is over")
        cause = f"{due.kind}|{case.registration_id}|{due.due_at.isoformat()}"
        # A day that is moved away and back sets the same clock again: whoever was told is not told twice.
        known = await store.caused(await tx.connection(), about=case.registration_id, cause=cause)
        told = await self._tell(occasion, case, {}, tx, cause=cause, told_before=case.told, known=known)
        tx.save(store.CASES, told)

    async def tell_of_a_dead_letter(self, letter: DeadLettered, tx: Transaction) -> None:
        """A prison's message that could not be handled may be a release that nobody knows of: duty and operations."""
        if not letter.upstream:
            raise Irrelevant("a message of our own: operations see it on their board")
        occasion = telling.occasion_of_letter(letter)
        matter = _matter(occasion, letter.dead_letter_id, _cause(tx), juvenile=False)
        await self.tell(occasion, matter, _at_head_office(tx), saying.words_of_letter(occasion, letter), tx)

    async def tell_of_a_silent_prison(self, fact: registration.FacilitySilent, tx: Transaction) -> None:
        """A prison from which nothing comes may release people of whom nobody hears: duty and operations."""
        matter = _matter(Occasion.FACILITY_SILENT, fact.silence_id, _cause(tx), juvenile=False)
        about = Whereabouts(receiving_unit=fact.receiving_unit)
        words = saying.words_of_silence(fact, reference=tx.reference)
        await self.tell(Occasion.FACILITY_SILENT, matter, about, words, tx)

    async def tell_of_lost_notices(self, lost: Sequence[Notice], tx: Transaction) -> None:
        """Nobody could be reached by a message that was the last way: operations hear of it, once for each message."""
        of_others = [
            notice
            for notice in lost
            if notice.occasion != Occasion.NOT_REACHED and reminding.client_named(notice.recipient) is None
        ]
        if not of_others:
            # What operations themselves could not be told lies in the ledger; to tell them once more would never end.
            # A client without a working telephone is no fault that operations could mend.
            return
        first = of_others[0]
        matter = _matter(
            Occasion.NOT_REACHED,
            first.about,
            f"{Occasion.NOT_REACHED}|{first.parcel}",
            juvenile=any(notice.juvenile for notice in of_others),
        )
        known = await store.caused(await tx.connection(), about=matter.about, cause=matter.cause)
        words = saying.words_of_lost(of_others)
        await self.tell(Occasion.NOT_REACHED, matter, _at_head_office(tx), words, tx, known=known)

    async def _tell(
        self,
        occasion: Occasion,
        case: telling.Case,
        fact: Mapping[str, Any],
        tx: Transaction,
        *,
        cause: str,
        told_before: tuple[str, ...],
        known: frozenset[UUID] = frozenset(),
    ) -> telling.Case:
        words = saying.words_of_case(occasion, case, fact, reference=tx.reference)
        matter = _matter(occasion, case.registration_id, cause, juvenile=case.juvenile)
        about = replace(case.whereabouts, told=told_before)
        told = await self.tell(occasion, matter, about, words, tx, known=known)
        alert_id = climb.alert_id_of(occasion=occasion, cause=cause)
        return alerting.having_raised(telling.having_told(case, told), occasion, alert_id)

    async def tell(
        self,
        occasion: Occasion,
        matter: Matter,
        about: Whereabouts,
        words: Mapping[str, Any],
        tx: Transaction,
        *,
        known: frozenset[UUID] = frozenset(),
    ) -> Sequence[str]:
        """Tell everybody whom an occasion concerns, and operations where somebody cannot be reached; who was told.

        What is urgent is an alert from now on.

        Notices that are known are in the ledger already and stay as they are.
        """
        told, missed = await self._write(occasion, matter, about, words, tx, known=known)
        if missed:
            beside = replace(matter, occasion=Occasion.UNREACHABLE, cause=f"{matter.cause}|missed")
            said = {"occasion": beside.occasion, "fact": {"template": matter.occasion, "recipients": list(missed)}}
            await self._write(Occasion.UNREACHABLE, beside, about, {**words, **said}, tx)
        await alerts.raise_alert(occasion, matter, about, words, told, tx)
        return told

    async def _write(
        self,
        occasion: Occasion,
        matter: Matter,
        about: Whereabouts,
        words: Mapping[str, Any],
        tx: Transaction,
        *,
        known: frozenset[UUID] = frozenset(),
    ) -> tuple[Sequence[str], Sequence[str]]:
        """Put a row into the ledger for each recipient and channel; who was told, and who could not be."""
        desk = self.at_hand
        staff = await desk.staff(about.receiving_unit, tx.reading, reference=tx.reference, at=tx.now)
        ways = await desk.ways(tx.reading)
        people = telling.addressees(occasion, about, staff=staff, contacts=ways.contacts)
        letter = desk.wording.letter(telling.template_of(occasion, juvenile=matter.juvenile), words)
        for addressee in people:
            held_until = held(addressee.recipient, matter.occasion, matter.urgency, ways, tx)
            notice, facts = ledger.owe(
                addressee, matter, letter, mail_domain=desk.mail_domain, now=tx.now, held_until=held_until
            )
            if notice.notification_id in known:
                continue
            tx.append(store.OWED, asdict(traced(notice, tx)))
            watch(notice, ways, tx)
            for fact in facts:
                tx.announce(fact)
        missed = [each.recipient for each in people if each.channel is None]
        return [each.recipient for each in people if each.channel is not None], missed


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody opened a notification, under one of the names whose inbox they read."""

    notification_id: UUID
    mailboxes: Sequence[str]


async def mark_read(command: Seen, tx: Transaction) -> Notice:
    """A notification counts as read from the first time that its recipient opens it."""
    notice = await _own_notice(command, tx)
    seen = ledger.read(notice, now=tx.now)
    tx.save(store.NOTICES, seen)
    return seen


async def acknowledge(command: Seen, tx: Transaction) -> Notice:
    """A recipient who takes care of a task says so, once."""
    notice = await _own_notice(command, tx)
    acknowledged = ledger.acknowledge(notice, now=tx.now)
    tx.save(store.NOTICES, acknowledged)
    await alerts.acknowledge_told(notice, tx)
    return acknowledged


async def _own_notice(command: Seen, tx: Transaction) -> Notice:
    notice = await tx.lock(store.NOTICES, command.notification_id)
    return ledger.own(notice, by=command.mailboxes)


async def _notice(notification_id: UUID, tx: Transaction) -> Notice:
    notice = await tx.lock(store.NOTICES, notification_id)
    if notice is None:
        raise NoticeUnknown
    return notice


def _case_of(fact: RegistrationFact) -> UUID:
    return fact.registration_id


def _set(tx: Transaction, registration_id: UUID, clock: str, due_at: Any) -> None:
    if due_at is None:
        tx.cancel_timer(registration_id, clock)
    else:
        tx.set_timer(registration_id, clock, due_at)


def _cause(tx: Transaction) -> str:
    return tx.envelope.id if tx.envelope is not None else tx.actor.id


def _matter(occasion: Occasion, about: UUID, cause: str, *, juvenile: bool) -> Matter:
    return Matter(
        about=about, occasion=occasion, urgency=telling.RULES[occasion].urgency, cause=cause, juvenile=juvenile
    )


def _at_head_office(tx: Transaction) -> Whereabouts:
    return Whereabouts(receiving_unit=tx.reference.head_office.code)


def traced(notice: Notice, tx: Transaction) -> Notice:
    """The notice as part of the trace and the conversation that led to it."""
    return replace(notice, traceparent=tx.cause.trace.traceparent, correlation_id=tx.cause.correlation_id)


def held(recipient: str, occasion: str, urgency: Urgency, ways: Ways, tx: Transaction) -> datetime | None:
    """Until when a notice waits for the end of its recipient's quiet hours, if it does."""
    officer = tx.reference.officers.get(recipient)
    return ways.preferences.held_until(
        recipient,
        unit=officer.unit if officer else None,
        urgency=urgency,
        deadline=holding.deadline_of(occasion),
        now=tx.now,
        zone=tx.reference.zone,
    )


def watch(notice: Notice, ways: Ways, tx: Transaction, *, tried: Collection[Channel] = ()) -> None:
    """Let a clock run for a notice that leaves the house, if there is another way when it does not arrive."""
    channels = ways.contacts.of(notice.recipient).channels
    waits = notice.state in {State.PENDING, State.HELD}
    if waits and preference.next_way(channels, tried={notice.channel, *tried}) is not None:
        within = ways.preferences.receipt_within[notice.urgency]
        tx.set_timer(notice.notification_id, RECEIPT_MISSING, (notice.held_until or tx.now) + within)
