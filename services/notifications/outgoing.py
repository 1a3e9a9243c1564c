"""What notifications does with what leaves the house: claim, send, settle, confirm, and take another way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Final
from uuid import UUID

from chassis.inbox import Inbox, TimerDue
from chassis.rules.refusal import Irrelevant
from chassis.senders import Claim, SendResult, Settlement
from chassis.transaction import Transaction
from contracts.notifications import Channel
from services.notifications import parcel_store, reminders, store
from services.notifications.domain import ledger, parcels, preference, receipts, reminding
from services.notifications.domain.attempts import Attempt
from services.notifications.domain.ledger import Notice, Settled, State
from services.notifications.domain.parcels import DIGEST, DIGEST_MAX, Parcel
from services.notifications.domain.receipts import Report
from services.notifications.handlers import RECEIPT_MISSING, Desk, held, watch
from services.notifications.wording import CURRENT

CLAIMED_MAX: Final = 2
"""Messages taken at once: as many as a slow mail server can be asked about before the claim runs out."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What a carrier says of the notices of one message."""

    notices: Sequence[UUID]
    report: Report
    code: str


class Fallback(Enum):
    """What became of telling somebody another way."""

    TAKEN = "taken"
    NOT_NEEDED = "not needed"
    """They have seen it, or another way may still reach them."""
    NONE_LEFT = "none left"


class Outgoing:
    """What happens to notices between the ledger and the carriers."""

    def __init__(self, desk: Desk) -> None:
        """Take the desk with the ways out and the preferences of people."""
        self._desk = desk

    def clocks(self, inbox: Inbox) -> None:
        """React to the clocks of notices."""
        inbox.when_due(RECEIPT_MISSING, of=store.NOTICES)(self.take_another_way)

    async def send(self, parcel: Parcel) -> SendResult:
        """Hand a claimed parcel to its way out."""
        desk = self._desk.at_hand
        digest = None
        if parcel.digest_version is not None:
            words = parcels.words_of_digest(parcel)
            digest = desk.wording.letter(DIGEST, words, version=parcel.digest_version)
        dispatch = parcels.dispatch_of(parcel, digest)
        return await desk.ways_out[parcel.channel].hand_over(dispatch, await desk.contact_of(parcel.recipient))

    async def settle(self, command: Settlement[Parcel], tx: Transaction) -> None:
        """What the carrier answered is written down, and whoever is not reached for good is told another way."""
        await self._settled([await self._settle(notice, command, tx) for notice in command.item.notices], tx)

    async def _settle(self, sent: Notice, command: Settlement[Parcel], tx: Transaction) -> Irrelevant | Notice | None:
        notice, result = await _notice(sent.notification_id, tx), command.result
        attempt = Attempt(
            number=sent.attempts, sent=result.sent, retryable=result.retryable, reason=result.reason, at=command.at
        )
        try:
            settled = ledger.settle(notice, attempt, now=tx.now)
        except Irrelevant as overtaken:
            return overtaken
        return await self._keep(settled, tx)

    async def confirm(self, command: Reported, tx: Transaction) -> None:
        """What a receipt says is written down; one that comes twice, or after a later one, changes nothing."""
        await self._settled([await self._confirm(each, command, tx) for each in command.notices], tx)

    async def _confirm(self, notification_id: UUID, command: Reported, tx: Transaction) -> Irrelevant | Notice | None:
        notice = await _notice(notification_id, tx)
        try:
            settled = receipts.confirm(notice, command.report, code=command.code, now=tx.now)
        except Irrelevant as known:
            return known
        return await self._keep(settled, tx)

    async def _settled(self, outcomes: Sequence[Irrelevant | Notice | None], tx: Transaction) -> None:
        """Of a message that was the last way to its recipient operations hear, once for all that was in it."""
        if outcomes and all(isinstance(outcome, Irrelevant) for outcome in outcomes):
            raise next(outcome for outcome in outcomes if isinstance(outcome, Irrelevant))
        if lost := [outcome for outcome in outcomes if isinstance(outcome, Notice)]:
            await self._desk.tell_of_lost_notices(lost, tx)

    async def _keep(self, settled: Settled, tx: Transaction) -> Notice | None:
        """Write a notice down; it is given back if it has failed and was the last way to its recipient."""
        notice, facts = settled
        tx.save(store.NOTICES, notice)
        tx.publish(facts, of=notice)
        if notice.state in {State.DELIVERED, State.FAILED}:
            tx.cancel_timer(notice.notification_id, RECEIPT_MISSING)
        if not facts or notice.state is not State.FAILED:
            return None
        client_id = reminding.client_named(notice.recipient)
        if client_id is not None and notice.reason in reminding.REFUSED_FOR_GOOD:
            await reminders.refuse(client_id, tx)
        return notice if await self._fall_back(notice, tx) is Fallback.NONE_LEFT else None

    async def take_another_way(self, due: TimerDue, tx: Transaction) -> None:
        """Whoever has not been reached in time by one way is told by the next."""
        notice = await tx.lock(store.NOTICES, due.subject)
        if notice is None or notice.state in {State.DELIVERED, State.FAILED}:
            raise Irrelevant("how it ended is known")
        found = await self._fall_back(notice, tx)
        if found is Fallback.TAKEN and notice.state in {State.PENDING, State.HELD}:
            given_up, facts = ledger.replaced(notice, now=tx.now)
            tx.save(store.NOTICES, given_up)
            tx.publish(facts, of=given_up)

    async def _fall_back(self, notice: Notice, tx: Transaction) -> Fallback:
        """Owe the same by the next way out; not to somebody who has seen it, nor by a way that was tried."""
        rows = await parcel_store.reached(
            tx.reading, about=notice.about, cause=notice.cause, recipient=notice.recipient
        )
        tried = {Channel(row["channel"]) for row in rows}
        ways = await self._desk.at_hand.ways(tx.reading)
        channel = preference.next_way(ways.contacts.of(notice.recipient).channels, tried=tried)
        if any(row["read_at"] is not None for row in rows):
            return Fallback.NOT_NEEDED
        if channel is None:
            return Fallback.NOT_NEEDED if _may_arrive(rows, besides=notice.channel) else Fallback.NONE_LEFT
        another = ledger.instead(
            notice,
            channel,
            mail_domain=self._desk.at_hand.mail_domain,
            now=tx.now,
            held_until=held(notice.recipient, notice.occasion, notice.urgency, ways, tx),
        )
        tx.append(store.OWED, asdict(another))
        watch(another, ways, tx, tried=tried)
        return Fallback.TAKEN


def _may_arrive(rows: Iterable[Mapping[str, Any]], *, besides: Channel) -> bool:
    """Whether somebody may still be reached, or was, by a way out other than this one."""
    others = (row for row in rows if Channel(row["channel"]) not in {*ledger.DELIVERED_BY_WRITING, besides})
    return any(row["state"] != State.FAILED for row in others)


async def claim_parcels(command: Claim, tx: Transaction) -> list[Parcel]:
    """Notices that must leave are taken for a while by one sender, those that waited together in one message."""
    connection = await tx.connection()
    wanted = min(command.items_max, CLAIMED_MAX)
    found = await store.outgoing(connection, at=command.at, rows_max=wanted)
    found += await parcel_store.held_over(connection, at=tx.now, rows_max=wanted - len(found))
    groups: dict[UUID, list[UUID]] = {}
    for notification_id in found:
        if not any(notification_id in group for group in groups.values()):
            groups[notification_id] = await parcel_store.companions(connection, notification_id, rows_max=DIGEST_MAX)
    locked = {each: await _notice(each, tx) for each in sorted({each for group in groups.values() for each in group})}
    taken = [_claimed([locked[each] for each in group], command, tx) for group in groups.values()]
    return [parcel for parcel in taken if parcel is not None]


def _claimed(notices: Sequence[Notice], command: Claim, tx: Transaction) -> Parcel | None:
    due = [notice for notice in notices if ledger.is_due(notice, at=command.at, now=tx.now)]
    if not due:
        return None
    parcel = parcels.packed(
        [ledger.claim(notice, lease_until=command.lease_until) for notice in due], digest_version=CURRENT[DIGEST]
    )
    for notice in parcel.notices:
        tx.save(store.NOTICES, notice)
    return parcel


async def _notice(notification_id: UUID, tx: Transaction) -> Notice:
    notice = await tx.lock(store.NOTICES, notification_id)
    if notice is None:
        raise ledger.NoticeUnknown
    return notice
