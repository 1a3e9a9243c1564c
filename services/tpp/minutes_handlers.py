"""What tpp does after a session: the minutes, their signatures, and their way to the head of the office."""

from dataclasses import dataclass

from chassis.transaction import Transaction
from services.tpp import store
from services.tpp.domain import minutes
from services.tpp.domain.acts import Excuse, MinutesDraft, Signing
from services.tpp.handlers import OnHearing, Receipt, hearing_of, items_of, keep


@dataclass(frozen=True, kw_only=True)
class Drafted(Receipt):
    """The minutes that were drafted."""

    minutes_no: str
    minutes_hash: str


async def draft_minutes(command: OnHearing[MinutesDraft], tx: Transaction) -> Drafted:
    """The secretary drafts the minutes, which get the next number of the year, or keep theirs."""
    hearing, act = await hearing_of(tx, command), command.act
    minutes.check_draft(hearing, by=tx.actor.id, now=tx.now)
    entry = await tx.enter(minutes.register_line_of(hearing, tx.reference))
    decided = minutes.draft(hearing, act, number=entry.number, by=tx.actor.id, now=tx.now)
    digest = minutes.digest_of(hearing, act, number=entry.number)
    words = {"hearing_id": hearing.hearing_id, "digest": digest, "drafted_by": tx.actor.id, "drafted_at": tx.now}
    tx.append(
        store.MINUTES_TEXTS, words | act.model_dump() | {"record": minutes.record_of(hearing, number=entry.number)}
    )
    return Drafted(**vars(keep(tx, decided)), minutes_no=entry.number, minutes_hash=digest)


async def sign_minutes(command: OnHearing[Signing], tx: Transaction) -> Receipt:
    """Somebody who was there signs the minutes."""
    hearing = await hearing_of(tx, command)
    return keep(tx, minutes.sign(hearing, command.act, by=tx.actor.id, now=tx.now))


async def excuse_signature(command: OnHearing[Excuse], tx: Transaction) -> Receipt:
    """The chair notes why a signature is missing."""
    hearing = await hearing_of(tx, command)
    return keep(tx, minutes.excuse(hearing, command.act, by=tx.actor.id, now=tx.now, reference=tx.reference))


async def ratify_minutes(command: OnHearing[None], tx: Transaction) -> Receipt:
    """The chair ratifies minutes that bear the signatures they need."""
    hearing = await hearing_of(tx, command)
    return keep(tx, minutes.ratify(hearing, by=tx.actor.id, now=tx.now))


async def hand_over(command: OnHearing[None], tx: Transaction) -> Receipt:
    """The secretary hands the recommendation to the head, and each decision is made known."""
    hearing = await hearing_of(tx, command)
    items = await items_of(tx, hearing)
    return keep(tx, minutes.hand_over(hearing, items, by=tx.actor.id, now=tx.now, reference=tx.reference))


async def receive_recommendation(command: OnHearing[None], tx: Transaction) -> Receipt:
    """The head of the office has the recommendation, and the hearing is closed."""
    hearing = await hearing_of(tx, command)
    return keep(tx, minutes.receive(hearing, now=tx.now))
