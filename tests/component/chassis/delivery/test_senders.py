"""An effect outside the database takes place once; where it may have been twice, it says so."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from chassis.clock import SteppedClock
from chassis.failures import UnavailableError
from chassis.senders import POLL_SECONDS, Claim, Sender, SenderLoop, SendResult, Settlement
from chassis.transaction import Transaction
from tests.component.chassis.delivery.harness import ACTOR, Gate, House, until
from tests.component.chassis.delivery.ledger import LETTERS, Letter, claim, settle
from tests.component.chassis.delivery.tally import FRIDAY


@dataclass
class Post:
    """A ledger, and a postman who may be slow, ill or dead."""

    house: House
    sent: list[str] = field(default_factory=list)
    fails: int = 0
    clock: SteppedClock = field(default_factory=lambda: SteppedClock(FRIDAY))
    takes: timedelta = timedelta()

    async def owe(self, *letter_ids: str) -> None:
        """Put letters into the ledger."""

        async def act(tx: Transaction) -> None:
            for letter_id in letter_ids:
                await tx.lock(LETTERS, letter_id)
                tx.save(LETTERS, Letter(letter_id))

        await self.house.do(act)

    async def send(self, letter: Letter) -> SendResult:
        """Carry a letter."""
        self.clock.step(self.takes)
        if self.fails:
            self.fails -= 1
            return SendResult(sent=False, reason="no stamp")
        self.sent.append(letter.letter_id)
        return SendResult(sent=True)

    def loop(self, house: House | None = None) -> SenderLoop[Letter]:
        """The loop of one process."""
        house = house or self.house
        sender = Sender("post", claim, self.send, settle)
        return SenderLoop(sender, house.commands, self.clock, house.metrics.senders, lambda: None, house.probes)

    async def doubled(self) -> list[str]:
        """The letters that may have been sent twice."""
        rows = await self.house.pool.fetch("SELECT letter_id FROM letter WHERE maybe_doubled ORDER BY letter_id")
        return [row["letter_id"] for row in rows]

    async def all_sent(self) -> bool:
        """Whether nothing is owed any more."""
        return not await self.house.count("SELECT count(*) FROM letter WHERE state <> 'sent'")


@pytest.fixture
async def post(house: House) -> Post:
    """An empty ledger."""
    return Post(house)


async def test_what_is_owed_is_sent_once_by_whichever_process_claims_it(post: Post) -> None:
    """Three of them look at the same ledger."""
    await post.owe(*(f"l-{number:02}" for number in range(30)))
    tasks = [asyncio.create_task(post.loop().run()) for _ in range(3)]

    await until(post.all_sent)

    for task in tasks:
        task.cancel()
    assert sorted(post.sent) == [f"l-{number:02}" for number in range(30)]
    assert await post.doubled() == []


async def test_whoever_claims_a_few_at_a_time_does_not_rest_before_all_is_sent(post: Post) -> None:
    """A day on which thousands are released owes thousands of letters; pauses in between would make them hours late."""
    letters = [f"l-{number:02}" for number in range(20)]
    await post.owe(*letters)

    async def claim_one(command: Claim, tx: Transaction) -> Sequence[Letter]:
        return await claim(replace(command, items_max=1), tx)

    task = asyncio.create_task(replace(post.loop(), sender=Sender("post", claim_one, post.send, settle)).run())

    await until(post.all_sent, seconds=len(letters) * POLL_SECONDS / 2)

    task.cancel()
    assert sorted(post.sent) == letters


async def test_a_sending_that_fails_is_tried_again(post: Post) -> None:
    """As often as the ledger says; here until it works."""
    await post.owe("l-1")
    post.fails = 3
    task = asyncio.create_task(post.loop().run())

    await until(post.all_sent)

    task.cancel()
    assert post.sent == ["l-1"]
    assert await post.house.count("SELECT attempts FROM letter") == 4


async def test_a_postman_who_raises_counts_as_one_who_failed(post: Post) -> None:
    """The loop goes on."""
    await post.owe("l-1")
    sender = post.loop()

    async def stumble(_letter: Letter) -> SendResult:
        raise ZeroDivisionError

    broken = replace(sender, sender=Sender("post", claim, stumble, settle))
    await broken._round()  # noqa: SLF001  one round of a loop that never ends
    await sender._round()  # noqa: SLF001

    assert post.sent == ["l-1"]
    assert await post.house.count("SELECT attempts FROM letter") == 2


async def test_a_letter_in_the_hands_of_a_process_that_stands_still_is_sent_again_and_says_so(post: Post) -> None:
    """Nobody touches it before its lease has run out; after that nobody knows whether it went out."""
    await post.owe("l-1", "l-2")
    gate = Gate("sender.after_send")
    standing = asyncio.create_task(post.loop(House(post.house.pool, probes=gate))._round())  # noqa: SLF001
    await gate.reached.wait()

    await post.loop()._round()  # noqa: SLF001
    assert post.sent == ["l-1"]
    post.clock.step(timedelta(minutes=2))
    await post.loop()._round()  # noqa: SLF001
    gate.opened.set()
    await standing

    assert post.sent == ["l-1", "l-1", "l-2"]
    assert await post.doubled() == ["l-1", "l-2"]


async def test_a_slow_postman_does_not_send_what_may_be_somebody_elses_by_now(post: Post) -> None:
    """He stops before the lease of the rest runs out."""
    await post.owe("l-1", "l-2", "l-3", "l-4")
    post.takes = timedelta(seconds=25)

    await post.loop()._round()  # noqa: SLF001

    assert post.sent == ["l-1", "l-2"]


async def test_a_letter_is_not_doubled_because_the_database_was_away_when_it_was_sent(post: Post) -> None:
    """What became of it is written down when the database is back."""
    await post.owe("l-1")
    failures = 2

    async def settle_at_last(command: Settlement[Letter], tx: Transaction) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise UnavailableError("away")
        await settle(command, tx)

    loop = replace(post.loop(), sender=Sender("post", claim, post.send, settle_at_last))
    await loop._round()  # noqa: SLF001

    assert post.sent == ["l-1"]
    assert await post.all_sent()
    assert await post.doubled() == []


async def test_an_orderly_stop_finishes_the_letter_in_hand(post: Post) -> None:
    """It is sent and written down, though the loop was told to end in between."""
    await post.owe("l-1", "l-2")
    gate = Gate("sender.after_send")
    task = asyncio.create_task(post.loop(House(post.house.pool, probes=gate)).run())
    await gate.reached.wait()

    task.cancel()
    await asyncio.sleep(0)
    gate.opened.set()
    await asyncio.wait({task})

    assert post.sent == ["l-1"]
    assert await post.house.count("SELECT count(*) FROM letter WHERE state = 'sent'") == 1


async def test_the_actor_of_the_ledger_is_the_sender(post: Post) -> None:
    """Its acts can be told from those of people."""
    seen: list[str] = []

    async def claim_nothing(_command: Claim, tx: Transaction) -> Sequence[Letter]:
        seen.append(f"{tx.actor.kind} {tx.actor.id}")
        return ()

    await replace(post.loop(), sender=Sender("post", claim_nothing, post.send, settle))._round()  # noqa: SLF001

    assert seen == ["timer post"]
    assert ACTOR.kind == "person"
