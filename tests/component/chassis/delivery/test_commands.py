"""What a person asks for is decided by the same rules as what an event tells, beside it and at the same time."""

import asyncio
from datetime import UTC, datetime

import pytest

from chassis.aggregates import Rows
from chassis.failures import UnavailableError
from chassis.idempotency import IdempotentRequest, KeyReused, Replayed
from chassis.rules.refusal import Irrelevant
from chassis.transaction import Transaction
from contracts.lapas import registration_id_of
from deploy.local.backing import Backing
from tests.component.chassis.delivery.harness import ACTOR, Gate, House, record_of, released, until
from tests.component.chassis.delivery.tally import TALLIES, Handlers, Misbehaviour, NameRefused


async def count(command: tuple[str, str], tx: Transaction) -> int:
    """Count a release as the event's handler does; its key is learnt."""
    release_id, name = command
    await Handlers(Misbehaviour()).count(released(release_id, name), tx)
    state = await tx.lock(TALLIES, registration_id_of(release_id))
    return state.seen if state else 0


def request(key: str = "k-1", body: bytes = b"1") -> IdempotentRequest:
    """A request that its caller may repeat."""
    return IdempotentRequest("somebody", key, body, 201, datetime(2026, 5, 29, tzinfo=UTC))


async def test_a_command_beside_a_batch_on_the_same_new_case_makes_one_case(house: House) -> None:
    """Neither finds a row to lock; whoever comes second decides again on what the first left."""
    for number in range(15):
        release_id = f"r-{number}"
        await asyncio.gather(
            house.commands.run(count, (release_id, "by hand"), actor=ACTOR),
            house.deliver(record_of(released(release_id, "by event"), number)),
            house.commands.run(count, (release_id, "by another hand"), actor=ACTOR),
        )

        assert sorted(await house.names(release_id)) == ["by another hand", "by event", "by hand"]

    assert await house.count("SELECT sum(sequence) FROM tally") == await house.count("SELECT count(*) FROM outbox")
    assert await house.count("SELECT count(*) FROM timer") == 15


async def test_a_command_that_loses_its_race_is_decided_again_on_what_the_winner_left(house: House) -> None:
    """The handler sees the other's state the second time."""
    gate = Gate("command.before_commit")
    slow = House(house.pool, probes=gate)

    winning = asyncio.create_task(slow.commands.run(count, ("r-1", "A"), actor=ACTOR))
    await gate.reached.wait()
    losing = asyncio.create_task(house.commands.run(count, ("r-1", "B"), actor=ACTOR))
    await until(house.somebody_waits)
    gate.opened.set()

    assert (await winning, await losing) == (1, 2)
    assert await house.names("r-1") == ["A", "B"]


async def test_a_command_that_loses_again_and_again_says_that_it_may_come_later(house: House) -> None:
    """It is not the caller's fault, so it is no refusal."""
    clash = Rows(
        "clash",
        "INSERT INTO tally (tally_id, seen, names, sequence, version)"
        " SELECT tally_id, 0, '{}', 0, 1 FROM json_to_recordset($1::json) AS t(tally_id uuid)",
    )

    async def always_second(_command: None, tx: Transaction) -> None:
        tx.append(clash, {"tally_id": registration_id_of("r-1")})

    await house.commands.run(count, ("r-1", "A"), actor=ACTOR)
    with pytest.raises(UnavailableError):
        await house.commands.run(always_second, None, actor=ACTOR)

    assert await house.names("r-1") == ["A"]


@pytest.mark.parametrize("name", ["REFUSED", "IRRELEVANT", "WRITTEN AND REFUSED"])
async def test_a_command_that_a_rule_ends_leaves_nothing(house: House, name: str) -> None:
    """The caller gets the rule's own words."""
    with pytest.raises((NameRefused, Irrelevant)):
        await house.commands.run(count, ("r-1", name), actor=ACTOR)

    for table in ("tally", "tally_log", "outbox", "timer"):
        assert await house.count(f"SELECT count(*) FROM {table}") == 0  # noqa: S608  a literal


async def test_a_request_that_is_repeated_is_answered_twice_and_done_once(house: House) -> None:
    """Also when both come at the same time."""

    async def ask() -> int:
        try:
            return await house.commands.run(count, ("r-1", "A"), actor=ACTOR, idempotency=request())
        except Replayed as replayed:
            return int(replayed.answer.body)

    assert list(await asyncio.gather(ask(), ask(), ask())) == [1, 1, 1]
    assert await house.names("r-1") == ["A"]


async def test_a_key_that_stands_for_another_request_is_refused(house: House) -> None:
    """Nothing of the second one is done."""
    await house.commands.run(count, ("r-1", "A"), actor=ACTOR, idempotency=request())

    with pytest.raises(KeyReused):
        await house.commands.run(count, ("r-1", "B"), actor=ACTOR, idempotency=request(body=b"2"))

    assert await house.names("r-1") == ["A"]


async def test_a_request_that_was_refused_may_succeed_when_it_is_repeated(house: House) -> None:
    """A refusal is not kept: what it was about may have changed."""
    with pytest.raises(NameRefused):
        await house.commands.run(count, ("r-1", "REFUSED"), actor=ACTOR, idempotency=request())

    assert await house.commands.run(count, ("r-1", "A"), actor=ACTOR, idempotency=request()) == 1


async def test_a_command_says_so_when_the_database_is_away_and_works_when_it_is_back(
    house: House, backing: Backing
) -> None:
    """The caller may come again; nothing hangs and nothing is half done."""
    await house.commands.run(count, ("r-1", "A"), actor=ACTOR)
    await asyncio.to_thread(backing.postgres.stop, immediate=True)
    try:
        with pytest.raises(UnavailableError):
            await house.commands.run(count, ("r-1", "B"), actor=ACTOR)
    finally:
        await asyncio.to_thread(backing.postgres.start)

    async def works() -> bool:
        try:
            await house.commands.run(count, ("r-1", "C"), actor=ACTOR)
        except UnavailableError:
            return False
        return True

    await until(works)
    assert await house.names("r-1") == ["A", "C"]
