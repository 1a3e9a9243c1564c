"""What tpp does in a session: the roll, the opening, the discussion of each case, votes and decisions."""

from chassis.transaction import Transaction
from contracts.tpp import HearingKind
from services.tpp.domain import attendance, clocks, session
from services.tpp.domain.acts import Announcement, Arrival, Ballot, Departure, Motion, Unlisting
from services.tpp.handlers import (
    OnCase,
    OnHearing,
    Receipt,
    append_opinion,
    bench_of,
    case_of,
    hearing_of,
    items_of,
    keep,
    keep_bench,
    readers_of,
)


async def call_roll(command: OnHearing[None], tx: Transaction) -> Receipt:
    """The secretary begins to record who is there."""
    hearing = await hearing_of(tx, command)
    return keep(tx, attendance.call_roll(hearing, by=tx.actor.id, now=tx.now))


async def record_arrival(command: OnHearing[Arrival], tx: Transaction) -> Receipt:
    """The secretary records that a member came."""
    hearing = await hearing_of(tx, command)
    return keep(tx, attendance.arrive(hearing, command.act, by=tx.actor.id, now=tx.now))


async def record_departure(command: OnHearing[tuple[str, Departure]], tx: Transaction) -> Receipt:
    """The secretary records that a member left."""
    hearing, (member, act) = await hearing_of(tx, command), command.act
    return keep(tx, attendance.leave(hearing, member, act, by=tx.actor.id, now=tx.now))


async def open_session(command: OnHearing[None], tx: Transaction) -> Receipt:
    """The chair opens a quorate session, and a routine one stops the panel's clock."""
    hearing = await hearing_of(tx, command)
    bench = await bench_of(tx, hearing.unit, hearing.panel)
    decided = attendance.open_session(hearing, by=tx.actor.id, now=tx.now)
    if hearing.kind is HearingKind.ROUTINE:
        keep_bench(tx, clocks.held(bench, tx.now))
    return keep(tx, decided)


async def call_case(command: OnCase[None], tx: Transaction) -> Receipt:
    """The chair opens the discussion of a case."""
    hearing, case = await case_of(tx, command)
    return keep(tx, session.call(hearing, case, by=tx.actor.id, now=tx.now))


async def put_motion(command: OnCase[Motion], tx: Transaction) -> Receipt:
    """The chair puts a decision to the vote."""
    hearing, case = await case_of(tx, command)
    return keep(tx, session.put_motion(hearing, case, command.act, by=tx.actor.id, now=tx.now))


async def cast_vote(command: OnCase[Ballot], tx: Transaction) -> Receipt:
    """A member votes, and who votes against may say why."""
    hearing, case = await case_of(tx, command)
    has_read = tx.actor.id in await readers_of(tx, hearing, case)
    decided = session.vote(
        hearing, case, command.act, by=tx.actor.id, has_read=has_read, now=tx.now, reference=tx.reference
    )
    if command.act.dissent is not None:
        append_opinion(tx, hearing, case, "DISSENT", command.act.dissent)
    return keep(tx, decided)


async def announce_decision(command: OnCase[Announcement], tx: Transaction) -> Receipt:
    """The secretary reads the decision on a case, once in a hearing."""
    hearing, case = await case_of(tx, command)
    readers = await readers_of(tx, hearing, case)
    decided = session.announce(
        hearing, case, command.act, by=tx.actor.id, readers=readers, now=tx.now, reference=tx.reference
    )
    return keep(tx, decided)


async def carry_case_over(command: OnCase[Unlisting], tx: Transaction) -> Receipt:
    """The chair leaves a case to another hearing."""
    hearing, case = await case_of(tx, command)
    return keep(tx, session.carry_over(hearing, case, by=tx.actor.id, reason=command.act.reason, now=tx.now))


async def approve_in_block(command: OnHearing[None], tx: Transaction) -> Receipt:
    """A quorate meeting approves its routine cases in a block."""
    hearing = await hearing_of(tx, command)
    items = await items_of(tx, hearing)
    return keep(tx, session.approve_in_block(hearing, items, by=tx.actor.id, now=tx.now))


async def conclude(command: OnHearing[None], tx: Transaction) -> Receipt:
    """The chair ends the session, and the time to the hand-over runs."""
    hearing = await hearing_of(tx, command)
    items = await items_of(tx, hearing)
    return keep(tx, session.conclude(hearing, items, by=tx.actor.id, now=tx.now))
