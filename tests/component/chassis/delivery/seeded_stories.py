"""What each seeded bug does to the small service: stories that end in harm with the bug, and well without it.

These need PostgreSQL alone; those that need Kafka too are in `seeded_wires`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from chassis.clock import SteppedClock
from chassis.failures import UnavailableError
from chassis.idempotency import IdempotentRequest, Replayed
from chassis.outbox import unpack_headers
from chassis.senders import Claim, Sender, SendResult, Settlement
from chassis.telemetry import TraceContext
from chassis.transaction import Transaction
from tests.component.chassis.delivery.harness import ACTOR, Gate, record_of, released, until
from tests.component.chassis.delivery.ledger import OWED, Letter, claim, settle
from tests.component.chassis.delivery.seeded import Breaking, SeededHouse
from tests.component.chassis.delivery.tally import FRIDAY, Handlers, NameRefused

Story = Callable[[SeededHouse], Awaitable[bool]]
"""Whether harm was done."""

TRACEPARENT: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def offset_goes_first(house: SeededHouse) -> bool:
    """The batch is rolled back: was its offset stored all the same."""
    house = replace(house, probes=Breaking("batch.before_commit"))
    with suppress(UnavailableError):
        await house.deliver(record_of(released("r-1", "A"), 0))
    return bool(await house.count("SELECT count(*) FROM consumer_offset"))


async def inbox_goes_first(house: SeededHouse) -> bool:
    """The batch is rolled back: does the event look handled when it comes again."""
    house = replace(house, probes=Breaking("batch.before_commit"))
    record = record_of(released("r-1", "A"), 0)
    with suppress(UnavailableError):
        await house.deliver(record)
    return await house.outcomes(record) == ["duplicate"]


async def two_prisons_count_from_one(house: SeededHouse) -> bool:
    """The second event with the same id is another prison's: is it kept from its handler."""
    first, second = (record_of(released(f"r-{number}", "A"), number, event_id="1") for number in (1, 2))
    headers = tuple((name, b"/lapas/RT1-PLG" if name == "ce_source" else value) for name, value in second.headers)
    await house.deliver(first)
    return await house.outcomes(replace(second, headers=headers)) != ["applied"]


async def trace_breaks_off(house: SeededHouse) -> bool:
    """An event has a trace: does what follows belong to another one."""
    record = record_of(released("r-1", "A"), 0)
    await house.deliver(replace(record, headers=(*record.headers, ("traceparent", TRACEPARENT.encode()))))
    headers = dict(unpack_headers(await house.pool.fetchval("SELECT headers FROM outbox")))
    follows, cause = TraceContext.parse(headers["traceparent"].decode()), TraceContext.parse(TRACEPARENT)
    return follows is None or cause is None or follows.trace_id != cause.trace_id


async def two_write_at_once(house: SeededHouse) -> bool:
    """Two write a case that does not exist yet: does one of them leave its log without its state."""
    gate = Gate("batch.before_commit")
    house = replace(house, probes=gate)
    first = asyncio.create_task(house.deliver(record_of(released("r-1", "A"), 0)))
    await gate.reached.wait()
    second = asyncio.create_task(house.deliver(record_of(released("r-1", "B"), 0, partition=1, event_id="b")))
    await until(house.somebody_waits)
    gate.opened.set()
    await asyncio.gather(first, second)
    return len(await house.names("r-1")) < await house.count("SELECT count(*) FROM tally_log")


async def outbox_comes_last(house: SeededHouse) -> bool:
    """The process goes away right after the commit: is there a state that nobody will hear of."""
    house = replace(house, probes=Breaking("batch.after_commit"))
    with suppress(UnavailableError):
        await house.deliver(record_of(released("r-1", "A"), 0))
    return await house.names("r-1") == ["A"] and not await house.count("SELECT count(*) FROM outbox")


async def clock_is_left(house: SeededHouse) -> bool:
    """The process goes away right after a clock has fired: does it ring again."""
    await house.deliver(record_of(released("r-1", "A"), 0))
    house = replace(house, probes=Breaking("timer.after_commit"))
    house.office_clock.stepped.step(timedelta(hours=25))
    with suppress(UnavailableError):
        await house.timers.fire_due()
    await house.timers.fire_due()
    return sum(name.startswith("rang") for name in await house.names("r-1")) > 1


async def number_is_taken_elsewhere(house: SeededHouse) -> bool:
    """An approval is refused after it has taken its number: is the number gone."""
    numbers: list[int] = []

    async def take(tx: Transaction) -> None:
        numbers.append(await tx.next_number(unit="PLG-HQ", register="A", year=2026))

    async def take_and_refuse(tx: Transaction) -> None:
        await take(tx)
        raise NameRefused

    with suppress(NameRefused):
        await house.do(take_and_refuse)
    await house.do(take)
    return numbers[0] != numbers[1]


async def answer_goes_first(house: SeededHouse) -> bool:
    """A request is rolled back: is it answered when it comes again, as if it had been done."""
    house = replace(house, probes=Breaking("command.before_commit"))
    once = IdempotentRequest("somebody", "k-1", b"the same", 201, FRIDAY)

    async def count(_command: None, tx: Transaction) -> str:
        await Handlers(house.wrong).tally("r-1", "A", tx)
        return "counted"

    with suppress(UnavailableError):
        await house.commands.run(count, None, actor=ACTOR, idempotency=once)
    with suppress(Replayed):
        await house.commands.run(count, None, actor=ACTOR, idempotency=once)
    return await house.names("r-1") != ["A"]


async def letter_is_overtaken(house: SeededHouse) -> bool:
    """A bug sets one event aside: is a later one of the same case applied before it."""
    house.wrong.bugs.add("BUG")
    await house.deliver(record_of(released("r-1", "BUG"), 0), record_of(released("r-1", "B"), 1))
    await house.deliver(record_of(released("r-1", "C"), 2))
    return bool(await house.names("r-1"))


async def key_goes_beside_a_live_batch(house: SeededHouse) -> bool:
    """A letter is given up while a batch holds an event behind it: does that event wait behind nothing."""
    house.wrong.bugs.add("BUG")
    await house.deliver(record_of(released("r-1", "BUG"), 0))
    (letter,) = await house.letters_in("parked")
    gate = Gate("batch.before_commit")
    holding = asyncio.create_task(replace(house, probes=gate).deliver(record_of(released("r-1", "B"), 1)))
    await gate.reached.wait()
    giving_up = asyncio.create_task(house.desk.discard(letter.id, actor="ops", reason="sent by mistake"))
    await until(house.somebody_waits)
    gate.opened.set()
    await asyncio.gather(holding, giving_up)
    assert len(await house.letters_in("waiting")) == 1
    return not await house.count("SELECT count(*) FROM held_key")


async def key_is_kept(house: SeededHouse) -> bool:
    """A letter is retried with success: is its key still held."""
    house.wrong.bugs.add("BUG")
    await house.deliver(record_of(released("r-1", "BUG"), 0))
    house.wrong.bugs.clear()
    (letter,) = await house.letters_in("parked")
    assert (await house.desk.retry(letter.id, actor="ops")).outcome == "applied"
    return bool(await house.count("SELECT count(*) FROM held_key"))


async def sender_dies_with_a_letter(house: SeededHouse) -> bool:
    """The process goes away after it has sent: does the second copy look like the only one."""
    sent: list[str] = []
    clock = SteppedClock(FRIDAY)

    async def send(letter: Letter) -> SendResult:
        sent.append(letter.letter_id)
        return SendResult(sent=True)

    async def owe(tx: Transaction) -> None:
        tx.append(OWED, {"letter_id": "l-1"})

    await house.do(owe)
    post = Sender("post", claim, send, settle)
    with suppress(ConnectionResetError):
        await replace(house, probes=Breaking("sender.after_send")).sender(post, clock)._round()  # noqa: SLF001
    clock.step(timedelta(minutes=2))
    await house.sender(post, clock)._round()  # noqa: SLF001
    assert sent == ["l-1", "l-1"]
    return not await house.count("SELECT count(*) FROM letter WHERE maybe_doubled")


@dataclass(frozen=True)
class Mail:
    """Something to send that has a name."""

    message_id: str
    traceparent: str | None = None
    correlation_id: str | None = None


async def mail_is_renamed(house: SeededHouse) -> bool:
    """A message has a name in its row: does it go out under another one."""
    sent: list[str] = []

    async def claim_one(_command: Claim, _tx: Transaction) -> Sequence[Mail]:
        return [Mail("<m-1@bapas>")]

    async def send(mail: Mail) -> SendResult:
        sent.append(mail.message_id)
        return SendResult(sent=True)

    async def note(_command: Settlement[Mail], _tx: Transaction) -> None:
        return

    await house.sender(Sender("post", claim_one, send, note), SteppedClock(FRIDAY))._round()  # noqa: SLF001
    return sent != ["<m-1@bapas>"]


STORIES: Final[Mapping[str, Story]] = {
    "offset-before-commit": offset_goes_first,
    "inbox-in-its-own-transaction": inbox_goes_first,
    "dedupe-by-id-alone": two_prisons_count_from_one,
    "trace-not-continued": trace_breaks_off,
    "answer-in-its-own-transaction": answer_goes_first,
    "lost-race-ignored": two_write_at_once,
    "outbox-after-commit": outbox_comes_last,
    "timer-fired-twice": clock_is_left,
    "number-in-its-own-transaction": number_is_taken_elsewhere,
    "dead-letter-overtaken": letter_is_overtaken,
    "held-key-released-beside-a-live-batch": key_goes_beside_a_live_batch,
    "held-key-never-released": key_is_kept,
    "sent-before-claimed": sender_dies_with_a_letter,
    "mail-under-another-id": mail_is_renamed,
}
